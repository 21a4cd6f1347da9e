"""`GymnasiumEnv`: what a reset restores, what a step does, what is refused."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from livn import Env
from livn.decoding import Pipe
from livn.encoding import Encoding
from livn.env.gymnasium import GymnasiumEnv, GymStep, KeepRun

from ..env.helpers import differences, outcome, state_of
from .helpers import Count, Counts, Current, SpikeCount, counting, culture, trajectory

UP = np.ones(1, np.float32)


def test_a_step_encodes_runs_decodes_and_steps_the_task() -> None:
    env = counting()
    observation, info = env.reset(seed=1)
    assert observation.dtype == np.float32
    assert observation[[0, 2, 3, 4]].tolist() == [0, 0, 0, 0]
    assert info["episode"] == "new"
    assert env.decoding.state["raw_gym_obs"].tolist() == observation[:3].tolist()
    twin = culture().reseed_noise(seed=info["noise_seed"]).clear(reseed=False).record_spikes()
    seen = []
    for value in (0.5, -1.0):
        action = np.array([value], np.float32)
        observation, reward, terminated, truncated, info = env.step(action)
        run = twin.run(20.0, Current()(twin, 20.0, action))
        exc = int((run.spike_ids < 4).sum())
        seen.append(len(run.spike_ids))
        assert reward == len(run.spike_ids)
        assert observation[2:].tolist() == [reward, exc, reward - exc]
        assert (terminated, truncated, info) == (False, False, {"n": len(seen)})
        assert env.decoding.state["io_action"].tolist() == [value]
        assert env.decoding.context["gym_action"].tolist() == [reward]
        assert env.decoding.state["raw_gym_obs"].tolist() == observation[:3].tolist()
        assert env.decoding.context["run"] == run
        assert env.env.t == twin.t == 20.0 * len(seen)
    assert seen[0] > 0
    assert env.env.get_weights() == twin.get_weights()
    assert env.env.encoding is env.encoding
    assert env.env.decoding is env.decoding


def test_spaces_are_those_of_encoding_task_and_features() -> None:
    env = counting()
    assert env.action_space == gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    most = np.finfo(np.float32).max
    assert env.observation_space == gym.spaces.Box(-most, most, (5,), np.float32)
    bounded = Pipe(stages=(GymStep(gym_env=Count()), Counts(low=-1.0, high=40.0), Counts(low=0.0)), duration=5)
    space = GymnasiumEnv(culture(), Current(), bounded).observation_space
    assert space.low.tolist() == [-most] * 3 + [-1, -1, 0, 0]
    assert space.high.tolist() == [most] * 3 + [40, 40, most, most]
    assert counting(features=False).observation_space == gym.spaces.Box(-most, most, (3,), np.float32)
    assert env.metadata == {"render_modes": ["rgb_array"], "render_fps": 50}


def test_the_same_seed_gives_the_same_trajectory(engine: str) -> None:
    env = counting(engine, last=4)
    first = trajectory(env, 11)
    assert first[-1] != [1.0] * len(first[-1])  # it learned
    assert trajectory(env, 11) == first  # after an episode cut short
    trajectory(env, 12, 4)
    trajectory(env, None, 2, options={"keep_weights": True})
    env.env.reseed_noise(9)
    assert trajectory(env, 11) == first  # after others
    env.close()
    again = counting(engine, last=4)
    assert trajectory(again, 11) == first  # and on another culture
    again.close()


def test_seeds_and_the_resets_after_them_differ_and_replay() -> None:
    env = counting()
    one, two, *after_two = [trajectory(env, seed) for seed in (1, 2, None, None)]
    again, *after_one = [trajectory(env, seed) for seed in (1, None, None)]
    assert again == one
    others = [one, two, *after_two, *after_one]
    spikes = {str([step[1] for step in run[2:-1]]) for run in others}
    assert len(spikes) == len({run[0][1] for run in others}) == 6  # of the culture, and the task's own chance
    fresh = counting()
    assert [trajectory(fresh, seed) for seed in (1, None, None)] == [one, *after_one]


def test_without_a_seed_cultures_differ() -> None:
    """As Gymnasium's environments do, for which many unseeded copies are no copies of one."""
    infos = [counting().reset()[1]["noise_seed"] for _ in range(3)]
    assert len(set(infos)) == 3


def test_a_reset_restores_the_weights_unless_told_to_keep_them(engine: str) -> None:
    def weights(env: Env) -> list[Any]:
        env.run(30.0)
        task = GymnasiumEnv(env, Current(), counting_pipe())
        initial, out = env.get_weights(), []
        task.reset(seed=1)
        task.step(UP)
        learned = env.get_weights()
        task.reset(options={"keep_weights": True})
        out.append(env.get_weights() == learned)
        task.reset(options={"keep_weights": False})
        out.append(env.get_weights() == initial)
        task.step(UP)
        task.step(UP)
        out += [env.t == 0.0, env.get_weights() == initial]  # cleared by the end of the episode, not forgotten
        task.reset()
        return [*out, env.get_weights() == initial, initial.array.std() > 0]

    assert outcome(culture(engine), weights) == [True, True, True, False, True, True]


def counting_pipe(last: int = 2) -> Pipe:
    return Pipe(stages=(KeepRun(), SpikeCount(), GymStep(gym_env=Count(last))), duration=20.0)


def test_a_reset_without_clear_goes_on() -> None:
    env = counting(features=False, last=9)
    env.reset(seed=4)
    env.step(UP)
    env.decoding.state["mine"] = 1
    before, learned = state_of(env.env), env.env.get_weights()
    _, info = env.reset(options={"without_clear": True, "keep_weights": True})
    assert not differences(before, state_of(env.env))
    assert "noise_seed" not in info
    assert env.decoding.state["mine"] == 1
    assert env.task.actions == []
    env.step(UP)
    env.reset(options={"without_clear": True})
    assert env.env.t == 40.0
    assert env.env.get_weights() != learned
    assert set(env.env.get_weights().array) == {1.0}
    env.reset()
    assert env.env.t == 0.0
    assert "mine" not in env.decoding.state


def test_a_reset_without_clear_takes_a_seed() -> None:
    env, twin = counting(features=False, last=9), counting(features=False, last=9)
    later = []
    for one, seed in ((env, None), (twin, 8)):
        one.reset(seed=4)
        before = one.step(UP)[1]
        one.reset(seed=seed, options={"without_clear": True, "keep_weights": True})
        later.append((before, [one.step(UP)[1] for _ in range(4)]))
    assert later[0][0] == later[1][0]
    assert later[0][1] != later[1][1]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"keep_weight": True}, ValueError, "unknown option of reset 'keep_weight'; .*did you mean 'keep_weights'"),
        ({"keep_weights": 1}, TypeError, "keep_weights must be True or False, got 1"),
        ({"without_clear": None}, TypeError, "without_clear must be True or False"),
        (["keep_weights"], TypeError, "options must be a mapping"),
        ({1: True}, TypeError, "options must be a mapping"),
    ],
)
def test_wrong_options_change_nothing(options: Any, error: type[Exception], text: str) -> None:
    env = counting()
    env.reset(seed=1)
    env.step(UP)
    before = env.env.t, env.env.get_weights(), env.np_random.bit_generator.state
    with pytest.raises(error, match=text):
        env.reset(seed=3, options=options)
    for seed in (-1, 1.5, "1", True):
        with pytest.raises((TypeError, ValueError), match="seed must be a whole number"):
            env.reset(seed=seed)  # type: ignore[arg-type]
    assert (env.env.t, env.env.get_weights(), env.np_random.bit_generator.state) == before
    env.step(UP)  # the episode goes on


@pytest.mark.parametrize("action", [1.5, [1.5], [0.1, 0.2], [np.nan], None, "up", [[0.5]], [np.inf]])
def test_an_action_that_is_none_changes_nothing(action: Any) -> None:
    env = counting()
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"action must be .*Box\(-1.0, 1.0, \(1,\), float32\)"):
        env.step(action)
    assert env.env.t == 0.0
    assert env.task.actions == []
    assert "io_action" not in env.decoding.state
    assert env.step([0.5])[-1] == {"n": 1}  # a list will do


@pytest.mark.parametrize("truncates", [False, True])
def test_an_episode_ends_once(truncates: bool) -> None:
    env = counting(last=2, truncates=truncates)
    with pytest.raises(RuntimeError, match=r"call reset\(\)"):
        env.step(UP)
    env.reset()
    assert env.step(UP)[2:4] == (False, False)
    assert env.env.t == 20.0
    assert env.step(UP)[2:4] == (not truncates, truncates)
    assert env.env.t == 0.0
    with pytest.raises(RuntimeError, match="no episode is under way"):
        env.step(UP)
    env.reset()
    env.step(UP)
    env.close()
    env.close()
    assert env.task.closed == 2
    for act in (lambda: env.step(UP), env.reset, lambda: env.env.run(1.0)):
        with pytest.raises(RuntimeError, match="closed"):
            act()


def test_asynchronous_steps_answer_at_once_and_once() -> None:
    env, twin = counting(), counting()
    env.reset(seed=2)
    twin.reset(seed=2)
    handles = [env.submit_step(UP), env.submit_step(-UP)]
    assert len(set(handles)) == 2
    for ask, handle, action in ((env.get_step, handles[1], -UP), (env.poll_step, handles[0], UP)):
        answer = ask(handle)
        assert len(answer) == 5
        assert answer[-1]["n"] == (1 if action is UP else 2)
        for again in (env.get_step, env.poll_step):
            with pytest.raises(ValueError, match=f"not yet handed over, got {handle}; "):
                again(handle)
    left = env.submit_step(UP)
    expected = [twin.step(a)[1] for a in (UP, -UP, UP)]
    assert env.get_step(left)[1] == expected[2]
    env.reset()
    left = env.submit_step(UP)
    for wrong in (0, left + 1, "1", None, 1.0, True, [left]):
        with pytest.raises(ValueError, match=f"handle must be .*such are: {left}"):
            env.poll_step(wrong)  # type: ignore[arg-type]
    env.reset()
    with pytest.raises(ValueError, match="such are: none"):
        env.get_step(left)
    with pytest.raises(ValueError, match="action must be"):
        env.submit_step([7.0])


class NoSpace(Encoding):
    def __call__(self, env: Any, t_end: float, inputs: Any) -> None:
        return None


class Odd(NoSpace):
    low: float = 0.0
    high: float = 1.0

    @property
    def input_space(self) -> gym.Space:
        return gym.spaces.Dict({"a": gym.spaces.Discrete(2), "b": gym.spaces.Box(self.low, self.high, (2,))})


class Endless(NoSpace):
    @property
    def input_space(self) -> gym.Space:
        return gym.spaces.Box(-np.inf, np.inf, (2,))


class Image(Count):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gym.spaces.Box(0, 255, (8, 8), np.uint8)


def pipe(*stages: Any, duration: float | None = 20.0) -> Pipe:
    return Pipe(stages=stages, duration=duration)


STEP = GymStep(gym_env=Count())


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"env": 3}, TypeError, "env must be a culture"),
        ({"env": Env(4)}, RuntimeError, r"call init\(\) first"),
        ({"decoding": STEP}, TypeError, "decoding must be a livn.decoding.Pipe"),
        ({"decoding": pipe(STEP, duration=None)}, ValueError, "decoding needs a duration"),
        ({"decoding": pipe(SpikeCount())}, ValueError, "one GymStep among them, got 0"),
        ({"decoding": pipe(STEP, GymStep(gym_env=Count()))}, ValueError, "one GymStep among them, got 2"),
        ({"decoding": pipe(STEP, SpikeCount())}, ValueError, "after a GymStep come ObsAugmentation stages, got Spike"),
        ({"decoding": pipe(GymStep(gym_env=Image()), Counts())}, ValueError, "observation is a vector"),
        ({"encoding": None}, TypeError, "encoding must be an Encoding"),
        ({"encoding": NoSpace()}, TypeError, "encoding must be an Encoding whose input_space is a Gymnasium space"),
        ({"encoding": Odd()}, ValueError, "input_space must be finite and symmetric"),
        ({"encoding": Endless()}, ValueError, "input_space must be finite and symmetric"),
        ({"render_mode": "human"}, ValueError, "unknown render_mode 'human'; legal: rgb_array"),
        ({"render_mode": "rgb_aray"}, ValueError, "did you mean 'rgb_array'"),
    ],
)
def test_what_is_no_task_is_refused(change: dict[str, Any], error: type[Exception], text: str) -> None:
    parts: dict[str, Any] = {"env": culture(), "encoding": Current(), "decoding": pipe(STEP)} | change
    with pytest.raises(error, match=text):
        GymnasiumEnv(**parts)


def test_other_spaces_are_taken() -> None:
    env = GymnasiumEnv(culture(), Odd(low=-2.0, high=2.0), pipe(SpikeCount(), GymStep(gym_env=Count())))
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[-1] == {"n": 1}
    with pytest.raises(ValueError, match="action must be in Dict"):
        env.step({"a": 3, "b": np.zeros(2, np.float32)})
    image = GymnasiumEnv(culture(), Current(), pipe(SpikeCount(), GymStep(gym_env=Image())))
    assert image.observation_space == Image().observation_space


def test_a_culture_that_cannot_learn_can_be_a_task() -> None:
    env = GymnasiumEnv(Env({"EXC": 6}, threads=1).init(), Current(), counting_pipe())
    env.reset(seed=0)
    assert env.step(UP)[-1] == {"n": 1}
    env.reset()


def test_the_hook_of_a_task_comes_between_clear_and_reset() -> None:
    class Prepared(GymnasiumEnv):
        def _prepare(self) -> None:
            assert self.env.t == 0.0
            self.env.run(5.0)

    env = Prepared(culture(), Current(), counting_pipe())
    env.reset(seed=1)
    assert env.env.t == 5.0


def resident() -> int:
    """Bytes of memory that this process has now; 0 where the system does not tell so."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * 4096 if pages.exists() else 0


def test_a_thousand_resets_leak_nothing() -> None:
    env = counting(duration=0.5)

    def episodes(n: int) -> None:
        for k in range(n):
            env.reset(seed=k if k % 2 else None, options={"keep_weights": k % 3 == 0})
            env.submit_step(UP)

    def left() -> tuple[int, int]:
        gc.collect()
        return len(gc.get_objects()), resident()

    episodes(100)
    objects, memory = left()
    episodes(1000)
    objects_now, memory_now = left()
    assert objects_now - objects < 500  # an answer, a Run or a function kept of each would make a thousand
    assert memory_now - memory < 2e6  # nor arrays of 2 kB, nor memory outside of Python
