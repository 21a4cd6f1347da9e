"""`CultureVectorEnv`: single environments side by side."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from livn.env.gymnasium import CultureVectorEnv, GymnasiumEnv
from livn.env.gymnasium.rate_control import RateControl, vector

from .helpers import counting

OPTIONS: dict[str, Any] = {"steps": 2, "target": (4.0, 20.0)}


def one(threads: int = 1, last: int = 2) -> GymnasiumEnv:
    return counting(last=last)


def alone(seeds: list[int], actions: np.ndarray) -> list[list[Any]]:
    """What single environments of these seeds return, each reset after its end by the step that follows."""
    out = []
    for i, seed in enumerate(seeds):
        env = RateControl(**OPTIONS)
        rows: list[Any] = [env.reset(seed=seed)]
        over = False
        for action in actions[:, i]:
            if over:
                observation, info = env.reset()
                rows.append((observation, 0.0, False, False, info))
                over = False
            else:
                rows.append(env.step(action))
                over = rows[-1][2] or rows[-1][3]
        out.append(rows)
        env.close()
    return out


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_it_equals_single_environments_bit_for_bit(workers: int) -> None:
    """Episodes of two steps and the resets between them, whatever the number of threads."""
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 3, 2)).astype(np.float32)
    expected = alone([7, 8, 9], actions)
    env = vector(3, workers, **OPTIONS)
    assert env.workers == workers
    observations, infos = env.reset(seed=7)
    for i in range(3):
        assert observations[i].tolist() == expected[i][0][0].tolist()
        assert infos["noise_seed"][i] == expected[i][0][1]["noise_seed"]
    for k, each in enumerate(actions, 1):
        observations, rewards, terminated, truncated, infos = env.step(each)
        assert observations.dtype == np.float32
        for i in range(3):
            found = observations[i].tolist(), rewards[i], terminated[i], truncated[i]
            observation, *rest, info = expected[i][k]
            assert found == (observation.tolist(), *rest)
            assert {name: infos[name][i] for name in info} == info
            assert all(infos[f"_{name}"][i] for name in info)
        assert truncated.tolist() == [k in (2, 5)] * 3
    env.close()


def test_seeds_are_one_or_a_list() -> None:
    env = CultureVectorEnv(one, 2)
    first, infos = env.reset(seed=3)
    assert env.reset(seed=[3, 4])[0].tolist() == first.tolist()
    assert env.reset(seed=[4, 3])[0].tolist() == first[::-1].tolist()
    mixed = env.reset(seed=[3, None])
    assert mixed[0][0].tolist() == first[0].tolist()
    assert mixed[1]["noise_seed"][1] not in infos["noise_seed"]
    assert len(set(CultureVectorEnv(one, 3).reset()[1]["noise_seed"])) == 3
    for wrong, text in (([1], "list of 2, got 1"), (-1, "seed must be"), ([1, -2], "seed must be"), (1.5, "seed must")):
        with pytest.raises((ValueError, TypeError), match=text):
            env.reset(seed=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'keep_weights'"):
        env.reset(options={"keep_weight": True})
    env.close()


def test_episodes_of_different_lengths_end_on_their_own() -> None:
    lengths = iter([1, 3])
    env = CultureVectorEnv(lambda threads: one(last=next(lengths)), 2)
    env.reset(seed=0)
    ends = [env.step(np.zeros((2, 1), np.float32))[2].tolist() for _ in range(6)]
    assert ends == [[True, False], [False, False], [True, True], [False, False], [True, False], [False, False]]
    env.reset()
    assert not env.step(np.zeros((2, 1), np.float32))[2][1]
    env.close()


@pytest.mark.parametrize(
    "actions", [np.zeros((3, 1)), np.zeros((2, 2)), [[0.0], [2.0]], np.full((2, 1), np.nan), None, 3]
)
def test_wrong_actions_change_nothing(actions: Any) -> None:
    env = CultureVectorEnv(one, 2)
    env.reset(seed=0)
    with pytest.raises((ValueError, TypeError)):
        env.step(actions)
    assert [e.env.t for e in env.envs] == [0.0, 0.0]
    env.step([[0.5], [0.5]])  # a list will do
    env.close()


def test_an_error_in_one_comes_out_after_all_have_ended() -> None:
    env = CultureVectorEnv(one, 2)
    env.reset(seed=0)
    env.envs[0].close()
    with pytest.raises(RuntimeError, match="this env is closed"):
        env.step(np.zeros((2, 1), np.float32))
    assert env.envs[1].env.t == 20.0
    env.close()
    env.close()


def test_cultures_run_on_threads_of_their_own() -> None:
    seen = set()

    class Seen(GymnasiumEnv):
        def _prepare(self) -> None:
            seen.add(threading.current_thread())
            gate.wait(20.0)  # which nobody passes alone

    def make_one(threads: int) -> GymnasiumEnv:
        env = one()
        return Seen(env.env, env.encoding, env.decoding)

    gate = threading.Barrier(3)
    env = CultureVectorEnv(make_one, 3, workers=3)
    env.reset(seed=0)
    assert len(seen) == 3
    assert all(t.name.startswith("livn-culture") for t in seen)
    env.close()
    assert not any(t.is_alive() for t in seen)


def test_it_is_a_vector_environment_of_gymnasium() -> None:
    env: Any = gym.make_vec("livn/RateControl-v0", num_envs=2, steps=1)
    assert env.single_observation_space == env.envs[0].observation_space
    assert env.observation_space.shape == (2, 4)
    assert env.action_space.shape == (2, 2)
    assert env.render_mode is None
    assert env.render() is None
    assert "num_envs=2" in repr(env)
    wrapped = gym.wrappers.vector.RecordEpisodeStatistics(env)
    wrapped.reset(seed=1)
    _, rewards, *_, infos = wrapped.step(env.action_space.sample())
    assert infos["episode"]["r"] == pytest.approx(rewards)
    assert infos["episode"]["l"].tolist() == [1, 1]
    wrapped.close()
    with pytest.raises(RuntimeError, match="closed"):
        env.envs[1].env.run(1.0)


def test_neuron_holds_one_culture() -> None:
    with pytest.raises(ValueError, match=r"num_envs must be 1 on the engine 'neuron'.*got 2; the engine 'cpu'"):
        vector(2, engine="neuron")
    env = vector(1, engine="neuron", steps=1)
    env.reset(seed=1)
    assert env.step(env.action_space.sample())[3].tolist() == [True]
    env.close()


def test_neuron_by_the_environment_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVN_BACKEND", "neuron")
    with pytest.raises(ValueError, match="num_envs must be 1"):
        vector(2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((0,), "num_envs must be"), ((2.0,), "num_envs must be"), ((2, 0), "workers must be"), ((2, "4"), "workers must")],
)
def test_wrong_numbers_are_refused(arguments: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        CultureVectorEnv(one, *arguments)


def test_what_was_made_is_closed_when_one_fails() -> None:
    made = []

    def make_one(threads: int) -> GymnasiumEnv:
        if made:
            raise OSError("no more room")
        made.append(one())
        return made[0]

    with pytest.raises(OSError, match="no more room"):
        CultureVectorEnv(make_one, 2)
    with pytest.raises(RuntimeError, match="closed"):
        made[0].env.run(1.0)
