"""`livn/RateControl-v0`: its parts against known answers, its physics, its options."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import make
from livn.env.gymnasium import baselines
from livn.env.gymnasium.rate_control import ChannelRate, PulseTrain, RateControl, RateTask
from livn.run import Run

from .helpers import trajectory

OFF, FULL = np.array([-1.0, -1.0], np.float32), np.array([1.0, 1.0], np.float32)


class Array:
    """An env's electrodes, as far as a pulse train asks."""

    class io:
        input_ids = np.array([3, 5, 9])
        num_inputs = 3


@pytest.mark.parametrize(
    ("action", "amplitude", "times"),
    [
        ([1.0, 1.0], 60.0, np.arange(0.0, 100.0, 10.0)),
        ([0.0, 0.0], 30.0, [0.0, 20.0, 40.0, 60.0, 80.0]),
        ([-0.5, -0.4], 15.0, [0.0, 33.3, 66.65]),
    ],
)
def test_an_action_is_pulses(action: list[float], amplitude: float, times: Any) -> None:
    policy: Any = PulseTrain(channel=5)(Array, 100.0, np.array(action, np.float32))
    assert policy.amplitude == pytest.approx(amplitude)
    assert policy.pulse_times == pytest.approx(times)
    assert policy.channels == (1,)
    assert policy.n_channels == 3


@pytest.mark.parametrize("action", [OFF, [1.0, -1.0], [-1.0, 1.0], [1.0, -0.92]])
def test_no_pulse_is_no_stimulus(action: Any) -> None:
    assert PulseTrain(channel=5)(Array, 100.0, action) is None


@pytest.mark.parametrize(
    ("channel", "inputs", "text"),
    [
        (4, [1.0, 1.0], "unknown channel 4; legal: 3, 5, 9"),
        (5, [1.1, 0.0], r"inputs must be from -1 to 1, got \[1.1, 0.0\]"),
        (5, [0.0], r"inputs must have the shape \[2\]"),
        (5, [0.0, np.nan], "inputs must be finite"),
        (5, None, "inputs must"),
    ],
)
def test_inputs_that_are_no_action_are_refused(channel: int, inputs: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PulseTrain(channel=channel)(Array, 100.0, inputs)


@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), st.floats(1.0, 1000.0), st.sampled_from([1.0, 100.0, 250.0]))
def test_any_action_is_a_balanced_stimulus_within_the_step(action: Any, most: float, duration: float) -> None:
    policy = PulseTrain(channel=3, max_rate=most)(Array, duration, action)
    if policy is not None:
        assert policy.extent_ms <= duration
        assert policy().sum() == 0.0


def test_rates_are_means_over_cells() -> None:
    run = Run(t0=0.0, duration=50.0).add_spikes([0, 1, 1, 3, 3, 3, 4], np.arange(7.0))
    env = make(6, threads=1)
    rate = ChannelRate(units=(1, 3))
    assert rate(run, env).tolist() == pytest.approx([5 / 2 / 0.05, 7 / 6 / 0.05])
    assert rate(Run(t0=0.0, duration=50.0), env).tolist() == [0.0, 0.0]


@given(st.integers(0, 2**32), st.lists(st.floats(0.0, 400.0), min_size=40, max_size=40))
def test_the_task_judges_by_the_target_that_was_shown(seed: int, rates: list[float]) -> None:
    task = RateTask((5.0, 20.0), steps=40)
    observation, info = task.reset(seed=seed)
    assert info == {}
    assert observation[:3].tolist() == [0.0, 0.0, 0.0]
    mean, shown, held, holds = 0.0, observation[3] * 20.0, 0, []
    for k, rate in enumerate(rates):
        observation, reward, terminated, truncated, info = task.step(np.array([rate, rate / 2]))
        assert task.observation_space.contains(observation)
        assert info["target_hz"] == pytest.approx(shown, rel=1e-6)
        assert 5.0 <= info["target_hz"] <= 20.0
        assert reward == -abs(rate - info["target_hz"]) / 20.0
        mean = 0.9 * mean + 0.1 * rate
        assert observation[:3] == pytest.approx(np.minimum([rate / 20, mean / 20, rate / 40], 5.0), abs=1e-5)
        assert (terminated, truncated) == (False, k == 39)
        held += 1
        if observation[3] * 20.0 != shown:
            holds.append(held)
            shown, held = observation[3] * 20.0, 0
    assert holds
    assert all(10 <= n <= 30 for n in holds)
    assert (list(task.rates), len(task.targets)) == (rates, 40)


def test_targets_come_from_the_seed_alone() -> None:
    def targets(seed: int | None, task: RateTask) -> list[float]:
        task.reset(seed=seed)
        return [task.step(np.zeros(2))[-1]["target_hz"] for _ in range(50)]

    task = RateTask(steps=200)
    first = targets(1, task)
    after = targets(None, task)
    assert targets(2, task) != first
    assert targets(1, task) == first
    assert targets(None, RateTask()) != after
    assert len(set(first)) in range(2, 7)


def test_stimulation_drives_the_rate_and_no_stimulation_leaves_it() -> None:
    env = RateControl()
    rates = {}
    for label, action in (("off", OFF), ("weak", [-1 / 3, 0.0]), ("strong", [1 / 3, 0.0]), ("full", FULL)):
        env.reset(seed=1)
        rates[label] = np.mean([env.step(action)[-1]["rate_hz"] for _ in range(10)])
    assert 0.5 < rates["off"] < 4.0  # spontaneous
    assert rates["off"] + 3 < rates["weak"] < rates["strong"] - 10
    assert 25 < rates["strong"] < 40
    assert rates["full"] > 60
    env.close()


def test_the_scripted_baseline_beats_the_random_one() -> None:
    env = gym.make("livn/RateControl-v0", steps=25)
    random, scripted = (
        baselines.score(baselines.returns(env, policy, range(4)))
        for policy in (baselines.RandomActions, baselines.RateController)
    )
    assert scripted.low > random.high + 5
    env.close()


@pytest.mark.parametrize(("plasticity", "learns"), [(False, False), (True, True), ({"A_ltd": 0.0}, True)])
def test_the_culture_learns_under_the_agent_if_it_may(plasticity: Any, learns: bool) -> None:
    env = RateControl(plasticity=plasticity)
    env.reset(seed=1)
    for _ in range(3):
        env.step(FULL)
    assert bool(env.env.get_weights().array.std()) is learns
    env.reset(options={"keep_weights": True})
    assert bool(env.env.get_weights().array.std()) is learns
    env.reset()
    assert set(env.env.get_weights().array) == {1.0}
    env.close()


def test_options_reach_the_task(engine: str) -> None:
    env = RateControl(system="EI2", channel=6, target=(4.0, 8.0), steps=2, engine=engine)
    assert env.env.engine == engine
    assert env.encoding.channel == 6
    heard = env.env.channel_recording(env.env.active_gids())[6]
    assert env.decoding.get_stage(ChannelRate).units == tuple(heard.tolist())
    first = trajectory(env, 1, 2)
    assert [step[2:4] for step in first[2:-1]] == [[False, False], [False, True]]
    assert 4.0 <= first[2][-1]["target_hz"] <= 8.0
    assert trajectory(env, 1, 2) == first
    env.close()


def test_engines_agree_on_the_first_steps() -> None:
    rates = []
    for engine in ("cpu", "neuron"):
        env = RateControl(engine=engine)
        env.reset(seed=2)
        rates.append([env.step([0.0, 0.2])[-1]["rate_hz"] for _ in range(3)])
        env.close()
    assert rates[0] == pytest.approx(rates[1], rel=0.1)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"system": 6}, ValueError, "system must have electrodes, got 6"),
        ({"system": "EI22"}, ValueError, "did you mean 'EI2'"),
        ({"channel": 16}, ValueError, "unknown channel 16; legal: 0, 1"),
        ({"channel": "5"}, ValueError, "unknown channel '5'"),
        ({"target": (5.0, 5.0)}, ValueError, r"target\[1\] must be a finite number > 5"),
        ({"target": (-1.0, 5.0)}, ValueError, r"target\[0\] must be a finite number >= 0"),
        ({"target": 5.0}, ValueError, "target must be .lowest, highest. in Hz"),
        ({"steps": 0}, ValueError, "steps must be a whole number >= 1"),
        ({"steps": 2.5}, TypeError, "steps must be a whole number"),
        ({"plasticity": 1}, TypeError, "plasticity must be True or False"),
        ({"plasticity": {"A_lpt": 1.0}}, ValueError, "did you mean 'A_ltp'"),
        ({"render_mode": "human"}, ValueError, "unknown render_mode 'human'"),
        ({"engine": "gpu"}, ValueError, "engine"),
        ({"threads": 0}, ValueError, "threads must be"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        RateControl(**options)


def test_a_refused_option_leaves_no_culture_behind() -> None:
    """NEURON, which holds one, would say so."""
    for _ in range(2):
        with pytest.raises(ValueError, match="unknown channel 99"):
            RateControl(channel=99, engine="neuron")
    RateControl(engine="neuron").close()


# Baselines


def test_random_actions_come_from_their_seed() -> None:
    env = RateControl()
    draws = [baselines.RandomActions(env, seed)(None).tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    policy = baselines.RandomActions(env, 3)
    many = np.array([policy(None) for _ in range(300)])
    assert abs(many.mean()) < 0.1
    assert (np.abs(many).max(axis=0) > 0.95).all()
    for wrong in (-1, 1.5):
        with pytest.raises((ValueError, TypeError), match="seed must be"):
            baselines.RandomActions(env, wrong)  # type: ignore[arg-type]
    env.close()


def test_the_controller_is_for_its_task() -> None:
    with pytest.raises(TypeError, match="env must be a livn/RateControl-v0"):
        baselines.RateController(gym.make("CartPole-v1"))


def test_the_controller_asks_for_more_where_more_is_wanted() -> None:
    env = RateControl()
    controller = baselines.RateController(env)
    little, much = (controller(np.array([0.07, 0.07, 0.07, target])) for target in (0.1, 1.0))
    assert little[1] < much[1]
    assert controller(np.array([0.0, 0.0, 0.0, 0.02]))[1] == -1.0  # below the spontaneous rate: nothing
    assert all(env.action_space.contains(a) for a in (little, much))
    env.close()


def test_a_score_is_students_interval() -> None:
    found = baselines.score([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found == pytest.approx((3.0, 3 - 1.963243, 3 + 1.963243, 5), abs=1e-6)  # 2.776445 · sqrt(2.5/5)
    assert str(found) == "3.00 [1.04, 4.96] (n = 5)"
    for wrong in ([1.0], [], [1.0, np.nan], 3.0):
        with pytest.raises(ValueError, match="values must"):
            baselines.score(wrong)
