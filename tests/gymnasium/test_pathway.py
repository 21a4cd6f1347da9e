"""`livn/PathwayLearning-v0`: its parts against known answers, its physics and its controls, its options."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import make
from livn.env.gymnasium import baselines
from livn.env.gymnasium.pathway import RULE, EvokedResponse, PairedPulses, PathwayLearning, PathwayTask
from livn.run import Run
from livn.stimulus import Stimulus

from .helpers import trajectory

PAIRED = np.array([0.6, 1.0, 0.25], np.float32)  # 80 µA, 20 µA, 5 ms
ONSETS = np.arange(20.0, 441.0, 60.0)
PULSES = PairedPulses(source=9, target=3)


class Array:
    """An env's electrodes, as far as pulses ask; a stream is its whole command."""

    class io:
        input_ids = np.array([3, 5, 9])
        num_inputs = 3

        @staticmethod
        def stream(coordinates: Any, window: Any, extent: float, dt: float) -> np.ndarray:
            return np.asarray(window(0.0, extent))

    @staticmethod
    def stimulus_coordinates() -> None:
        return None


def begins(command: np.ndarray) -> np.ndarray:
    """When the pulses of a channel begin, ms."""
    on = np.flatnonzero(command < 0.0)
    return on[np.diff(on, prepend=-10) > 1] * 0.05


@pytest.mark.parametrize(
    ("action", "source", "target", "lag"),
    [(PAIRED, 80.0, 20.0, 5.0), ([-0.5, 0.0, -1.0], 25.0, 10.0, -20.0), ([1.0, -0.9, 0.2512], 100.0, 1.0, 5.0)],
)
def test_an_action_is_two_trains_of_pulses(action: Any, source: float, target: float, lag: float) -> None:
    command: Any = PULSES(Array, 500.0, action)
    assert command.shape == (10000, 3)
    assert command.min(axis=0) == pytest.approx([-target, 0.0, -source])
    assert begins(command[:, 2]) == pytest.approx(ONSETS)
    assert begins(command[:, 0]) == pytest.approx(ONSETS + lag)


@pytest.mark.parametrize(("action", "silent"), [([-1.0, 0.3, 0.1], 2), ([0.3, -1.0, 0.1], 0)])
def test_an_amplitude_of_0_is_no_pulse(action: Any, silent: int) -> None:
    command: Any = PULSES(Array, 500.0, action)
    assert np.flatnonzero(~command.any(axis=0)).tolist() == sorted({1, silent})
    assert PULSES(Array, 500.0, [-1.0, -1.0, 0.1]) is None


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(50.0, 1000.0), st.floats(0.5, 24.0), st.floats(2.0, 100.0))
def test_any_action_is_a_balanced_stimulus(action: Any, duration: float, lag: float, interval: float) -> None:
    duration = round(duration)
    command: Any = PairedPulses(source=9, target=3, max_lag=lag, interval=interval)(Array, duration, action)
    if command is not None:
        assert len(command) == 20 * duration
        assert not command.sum(axis=0).any()
        trains = [begins(command[:, c]) for c in (0, 2) if command[:, c].any()]
        assert len({len(t) for t in trains}) == 1  # none is cut off


def test_cells_feel_the_sum_of_both_trains() -> None:
    with make("EI2", threads=1) as env:
        stimulus = PairedPulses(source=11, target=8)(env, 100.0, PAIRED)
        trains = [
            np.asarray(Stimulus.from_arg(Stimulus.biphasic_pulse(16, c, amplitude=a, pulse_times=[t]), env)).sum(axis=1)
            for c, a, t in ((11, 80.0, 20.0), (8, 20.0, 25.0))
        ]
        felt = np.asarray(stimulus).sum(axis=1)
        assert len(felt) == 2000
        assert felt[: len(trains[0])] == pytest.approx(trains[0])
        assert felt[500 : len(trains[1])] == pytest.approx(trains[1][500:])
        assert not felt[len(trains[1]) : 1600].any()  # the next begin at 80 ms


@pytest.mark.parametrize(
    ("source", "inputs", "text"),
    [
        (4, PAIRED, "unknown channel 4; legal: 3, 5, 9"),
        (9, [0.0, 1.1, 0.0], r"inputs must be from -1 to 1, got \[0.0, 1.1, 0.0\]"),
        (9, [0.0, 0.0], r"inputs must have the shape \[3\]"),
        (9, [0.0, np.nan, 0.0], "inputs must be finite"),
        (9, None, "inputs must"),
    ],
)
def test_inputs_that_are_no_action_are_refused(source: int, inputs: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PairedPulses(source=source, target=3)(Array, 500.0, inputs)


# The measurement


class Dish(Array):
    """A culture of 10 cells that fires as told, and notes whether it learns."""

    comm = None

    def __init__(self, spikes: dict[float, list[int]] | None) -> None:
        self.spikes, self.learns, self.ran = spikes, "at first", []

    def active_gids(self) -> np.ndarray:
        return np.arange(10)

    def record_spikes(self) -> None:
        self.recorded = True

    def disable_plasticity(self) -> None:
        self.learns = "off"

    def enable_plasticity(self, rule: Any) -> None:
        self.learns = rule

    def run(self, duration: float, stimulus: Any = None) -> Run:
        if self.spikes is None:
            raise OSError("broken")
        self.ran.append((duration, stimulus, self.learns))
        ids = [gid for of in self.spikes.values() for gid in of]
        times = [t for t, of in self.spikes.items() for _ in of]
        return Run(t0=0.0, duration=duration).add_spikes(ids, times)


def test_spikes_after_and_before_test_pulses_are_counted() -> None:
    dish = Dish(
        {
            19.9: [1], 20.0: [1, 7], 64.9: [5], 65.0: [1], 68.9: [2],  # before the pulse at 65 ms: 1, 7, 5
            69.0: [1, 2, 2, 7, 0], 94.9: [1], 95.0: [1],  # after it: 1, 2, 2, 1
            194.0: [2, 8], 230.0: [1], 249.0: [9],  # the second: 2
        }
    )  # fmt: skip
    response = EvokedResponse(source=9, units=(1, 2), sources=(5,), trials=2, rule={"A_ltd": 0.3})
    result = response(None, dish)
    spontaneous = 1 / 0.09 / 2  # one spike of a unit in 2 x 45 ms, 2 units
    assert result == pytest.approx([5 / 2 / 2 - spontaneous * 0.026, 1 / 0.09, spontaneous, 3 / 0.09 / 10])
    (duration, pulses, learns) = dish.ran[0]
    assert (duration, learns, dish.learns) == (250.0, "off", {"A_ltd": 0.3})
    assert (pulses.channels, pulses.amplitude, pulses.pulse_times) == ((2,), 60.0, (65.0, 190.0))


def test_silence_is_no_response() -> None:
    dish = Dish({})
    assert EvokedResponse(source=9, units=(1,), sources=()).measure(dish, 3, settle=40.0).tolist() == [0.0] * 4
    assert [(ms, learns) for ms, _, learns in dish.ran] == [(40.0, "off"), (375.0, "off")]
    assert (dish.ran[0][1], dish.learns) == (None, "off")


def test_the_culture_learns_on_after_a_measurement_that_failed() -> None:
    dish = Dish(None)
    with pytest.raises(OSError, match="broken"):
        EvokedResponse(source=9, units=(1,), sources=(), rule=RULE)(None, dish)
    assert dish.learns == RULE


# The task


@given(st.lists(st.tuples(st.floats(-13, 13), *[st.floats(0, 1000)] * 3), min_size=2, max_size=8))
def test_the_return_is_the_growth_of_the_response(measured: list[tuple[float, ...]]) -> None:
    task = PathwayTask(steps=len(measured) - 1)
    task.first = np.array(measured[0])
    observation, info = task.reset(seed=1)
    assert info == {"response": measured[0][0], "start": measured[0][0]}
    total = 0.0
    for k, values in enumerate(measured[1:], 1):
        assert task.observation_space.contains(observation)
        observation, reward, terminated, truncated, info = task.step(np.array(values))
        total += reward
        assert info == {"response": values[0], "start": measured[0][0]}
        assert (terminated, truncated) == (False, k == len(measured) - 1)
        seen = [values[0], measured[0][0], *(x / 10 for x in values[1:])]
        assert observation == pytest.approx(np.clip(seen, -5, 5), rel=1e-6)
    assert total == pytest.approx(measured[-1][0] - measured[0][0], abs=1e-9)
    assert list(task.responses) == [values[0] for values in measured[1:]]


# The culture


def outcomes(policy: Any, seeds: Any = (0, 1), steps: int = 9, **options: Any) -> np.ndarray:
    env = gym.make("livn/PathwayLearning-v0", steps=steps, **options)
    try:
        return baselines.returns(env, policy, seeds)
    finally:
        env.close()


def test_pairing_makes_the_pathway_grow_and_random_actions_do_not() -> None:
    paired, random = outcomes(baselines.Pairing), outcomes(baselines.RandomActions)
    assert paired.min() > max(0.2, random.max() + 0.15)


def test_without_plasticity_nothing_grows() -> None:
    frozen = outcomes(baselines.Pairing, plasticity=False)
    assert np.abs(frozen).max() < 0.15
    assert frozen.min() < frozen.max()  # it was measured


def test_weights_onto_the_target_grow_and_those_of_a_culture_left_alone_fall() -> None:
    env = PathwayLearning()
    weights = {}
    for name, action in (("paired", PAIRED), ("left alone", -np.ones(3, np.float32))):
        env.reset(seed=1)
        for _ in range(4):
            env.step(action)
        frame = env.env.get_weights().to_frame()
        excitatory = frame[frame["mechanism"] != "StdpLinExp2SynInh"]
        weights[name] = excitatory.groupby(excitatory["post"].isin(env.decoding.get_stage(EvokedResponse).units))["w"]
    assert weights["paired"].mean()[True] > 1.15 > 1.0 > weights["left alone"].mean()[True] > 0.8
    assert weights["left alone"].mean()[False] < 1.0
    env.close()


def test_a_measurement_teaches_nothing_and_training_does() -> None:
    env = PathwayLearning(steps=3)
    env.reset(seed=2)
    before = env.env.get_weights()
    env.decoding.get_stage(EvokedResponse)(None, env.env)
    assert env.env.get_weights() == before
    env.step(PAIRED)
    assert env.env.get_weights() != before
    env.close()


def test_no_pulse_at_the_source_fires_a_cell_of_the_target() -> None:
    env = PathwayLearning(plasticity=False)
    response: Any = env.decoding.get_stage(EvokedResponse)
    culture = env.env
    reached = culture.stimulus_coordinates()[culture.channel_reach()[11] > 0, 0]
    assert not np.isin(response.units, reached).any()
    assert response.units == tuple(culture.channel_recording(culture.active_gids())[8].tolist())
    assert response.sources == tuple(culture.channel_recording(culture.active_gids())[11].tolist())
    culture.record_spikes()
    pulses = Stimulus.biphasic_pulse(16, 11, amplitude=100.0, pulse_times=np.arange(20.0, 1000.0, 20.0).tolist())
    run = culture.run(1000.0, pulses)
    direct = run.spike_ids[run.spike_times % 20.0 < 0.5]  # before any spike has come through a synapse
    assert len(direct) > 500
    assert np.isin(direct, response.units).sum() < 10  # its spontaneous ones
    env.close()


def test_cells_that_the_source_reaches_do_not_count() -> None:
    env = PathwayLearning(source=4, target=6)
    heard = env.env.channel_recording(env.env.active_gids())[6]
    units = env.decoding.get_stage(EvokedResponse).units
    assert 0 < len(units) < len(heard)
    assert set(units) < set(heard.tolist())
    env.close()


def test_learned_weights_can_be_kept() -> None:
    env = PathwayLearning(steps=3)
    env.reset(seed=1)
    for _ in range(3):
        env.step(PAIRED)
    learned = env.env.get_weights()
    env.reset(seed=2, options={"keep_weights": True})
    assert env.env.get_weights() == learned
    env.step(PAIRED)
    assert env.env.get_weights() != learned
    env.reset(seed=2)
    assert set(env.env.get_weights().array) == {1.0}
    env.close()


@pytest.mark.parametrize(
    ("plasticity", "rule"), [(True, RULE), (False, None), ({"A_ltp": 3.0}, {"A_ltp": 3.0}), ({}, {})]
)
def test_the_plasticity_is_the_one_asked_for(plasticity: Any, rule: Any) -> None:
    env = PathwayLearning(plasticity=plasticity, steps=1)
    assert env.decoding.get_stage(EvokedResponse).rule == rule
    env.reset(seed=1)
    env.step(PAIRED)
    assert bool(env.env.get_weights().array.std()) is (rule is not None)
    env.close()


def test_options_reach_the_task(engine: str) -> None:
    env = PathwayLearning(system="EI2", source=4, target=7, steps=1, engine=engine)
    assert env.env.engine == engine
    assert (env.encoding.source, env.encoding.target) == (4, 7)
    assert env.decoding.get_stage(EvokedResponse).source == 4
    assert trajectory(env, 1, 1)[2][2:4] == [False, True]
    env.close()


def test_its_picture_shows_both_electrodes_and_the_response() -> None:
    env = PathwayLearning(render_mode="rgb_array", steps=2)
    env.reset(seed=1)
    at_first = env.render()
    env.step(PAIRED)
    assert (env.render() != at_first).any()
    env.close()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"system": 6}, ValueError, "system must have electrodes, got 6"),
        ({"source": 16}, ValueError, "unknown source 16; legal: 0, 1"),
        ({"target": "8"}, ValueError, "unknown target '8'"),
        ({"target": 11}, ValueError, "target must hear a cell that electrode 11 does not reach, got 11"),
        ({"steps": 0}, ValueError, "steps must be a whole number >= 1"),
        ({"plasticity": 1}, TypeError, "plasticity must be True or False"),
        ({"plasticity": {"EXC": {"A_lpt": 1.0}}}, ValueError, "did you mean 'A_ltp'"),
        ({"render_mode": "human"}, ValueError, "unknown render_mode 'human'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        PathwayLearning(**options)


def test_a_refused_option_leaves_no_culture_behind() -> None:
    """NEURON, which holds one, would say so."""
    for _ in range(2):
        with pytest.raises(ValueError, match="unknown target 99"):
            PathwayLearning(target=99, engine="neuron")
    PathwayLearning(engine="neuron").close()


def test_the_pairing_is_an_action_of_its_task() -> None:
    with pytest.raises(TypeError, match="env must be a livn/PathwayLearning-v0"):
        baselines.Pairing(gym.make("CartPole-v1"))
    env = PathwayLearning()
    assert baselines.Pairing(env)(None) == pytest.approx(PAIRED)
    assert baselines.Pairing(env, source=0.0, lag=-50.0)(None) == pytest.approx([-1.0, 1.0, -1.0])
    assert env.action_space.contains(baselines.Pairing(env)(None))
    env.close()
