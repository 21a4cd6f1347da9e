"""`livn/PathwayLearning-v0`: teach a culture to answer at one electrode to pulses at another."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from pydantic import Field

from livn import checks
from livn.configured import Count, Positive
from livn.decoding import Decoding, Pipe
from livn.decoding.base import whole
from livn.encoding import Encoding, column_of
from livn.env.gymnasium.base import GymnasiumEnv
from livn.env.gymnasium.cultures import on_electrodes, rule_of
from livn.env.gymnasium.pulses import GRID, action_of, pulses_on
from livn.env.gymnasium.stages import GymStep, KeepRun, Step
from livn.env.gymnasium.vector import CultureVectorEnv
from livn.run import Events
from livn.stimulus import Stimulus

__all__ = ["RULE", "EvokedResponse", "PairedPulses", "PathwayLearning", "PathwayTask", "vector"]

RULE: Mapping[str, Any] = {"EXC": {"A_ltd": 0.4, "learning_tau": 1.0}}
"""The plasticity of the task. With this little depression the excitatory weights onto a cell fall while it is left to
itself, and grow while it is made to fire some 5 times a second or more; by the default rule they fall in both cases.
`learning_tau` makes learning 20 times faster than the default, so that 10 s of training are enough."""

TRAINING = 500.0
"""Length of the first part of a step, in which the culture is stimulated by the action and learns, ms."""

TRIAL, ONSET = 125.0, 65.0
"""Length of the trial of a test pulse, and when in it the pulse begins, ms."""

EVOKED, SPONTANEOUS = (4.0, 30.0), (-45.0, 0.0)
"""Where spikes are counted, ms from the onset of a test pulse: those that it evokes through synapses, and others."""

SETTLE, START_TRIALS = 500.0, 16
"""How long the culture is left alone at the start of an episode, ms, and the test pulses given then."""

MOST = 5.0
"""Largest size of a number in an observation."""


class PairedPulses(Encoding):
    """Biphasic pulses on two electrodes, those at the target with a lag to those at the source.

    Inputs: float[3] from -1 to 1: the amplitude at the source, from 0 to `max_source`; the amplitude at the target,
    from 0 to `max_target`; the lag, from -`max_lag` to `max_lag`, below 0 if the target's pulse comes first. Pulses at
    the source begin `max_lag` after the start of the run and then every `interval`, as many as fit with any lag.

    Attributes:
        source, target: ids of the electrodes.
        max_source, max_target: µA.
        max_lag, interval: ms.
    """

    source: int
    target: int
    max_source: Positive = 100.0
    max_target: Positive = 20.0
    max_lag: Positive = 20.0
    interval: Annotated[float, Field(ge=1)] = 60.0

    def __call__(self, env: Any, t_end: float, inputs: Any) -> Stimulus | None:
        """The stimulus; None if both amplitudes are 0.

        Raises:
            ValueError: inputs of another shape or out of bounds, or an electrode that the env does not have.
        """
        action = action_of(inputs, 3)
        source, target = ((action[:2] + 1.0) / 2.0 * (self.max_source, self.max_target)).tolist()
        first = np.arange(self.max_lag, t_end - self.max_lag - 0.5, self.interval)  # a pulse lasts 0.45 ms
        second = first + action[2] * self.max_lag
        trains = (self.source, source, first), (self.target, target, second)
        pulses = [pulses_on(env, *train) for train in trains if train[1]]
        if not pulses:
            return None

        def window(start: float, stop: float) -> np.ndarray:
            return np.sum([p.window(start, stop) for p in pulses], axis=0)

        stimulus: Stimulus = env.io.stream(env.stimulus_coordinates(), window, t_end, GRID)
        return stimulus

    @property
    def input_space(self) -> Any:
        """Box(-1, 1, (3,), float32)."""
        return gym.spaces.Box(-1.0, 1.0, (3,), np.float32)


class EvokedResponse(Decoding):
    """Measures by test pulses at the source, with the weights frozen, how strongly the target's cells respond.

    In trials of 125 ms a pulse comes after 65 ms. Counted are spikes 4 to 30 ms after it and in the 45 ms before it.
    The units must be cells that the source does not reach directly, so that what it evokes in them came through
    synapses; those of the target's own spontaneous rate are subtracted.

    Result: float64[4]: the response, evoked spikes per unit and pulse; the spontaneous rates of `sources`, of `units`
    and of all simulated cells, Hz per cell.

    Attributes:
        source: id of the electrode.
        units: gids of the target's cells.
        sources: gids of the source's cells.
        amplitude: of a test pulse, µA.
        trials: number of test pulses.
        rule: the plasticity that is on between measurements, as `Env.enable_plasticity` takes it; None: it is off.
    """

    source: int
    units: tuple[int, ...]
    sources: tuple[int, ...]
    amplitude: Positive = 60.0
    trials: Count = 8
    rule: Mapping[str, Any] | None = None

    def setup(self, env: Any) -> None:
        """Record spikes."""
        env.record_spikes()

    def __call__(self, signal: Any, env: Any = None) -> np.ndarray:
        """Run the culture for `trials` more trials, whatever the signal, and return the result."""
        return self.measure(env, self.trials)

    def measure(self, env: Any, trials: int, settle: float = 0.0) -> np.ndarray:
        """The result for a culture, which runs for so many trials.

        Args:
            env: the culture.
            trials: number of test pulses.
            settle: how long the culture runs undisturbed before, ms.
        """
        onsets = ONSET + TRIAL * np.arange(trials)
        self.setup(env)
        env.disable_plasticity()
        try:
            if settle:
                env.run(settle)
            run = whole(env.run(TRIAL * trials, pulses_on(env, self.source, self.amplitude, onsets)), env)
        finally:
            if self.rule is not None:
                env.enable_plasticity(self.rule)
        spikes = run.spikes or Events([], [])
        phase = spikes.times % TRIAL - ONSET
        evoked, spontaneous = (spikes.ids[(phase >= a) & (phase < b)] for a, b in (EVOKED, SPONTANEOUS))
        seconds = trials * (SPONTANEOUS[1] - SPONTANEOUS[0]) / 1000.0
        rates = [
            np.isin(spontaneous, cells).sum() / max(1, len(cells)) / seconds
            for cells in (self.sources, self.units, env.active_gids())
        ]
        response = np.isin(evoked, self.units).sum() / trials / len(self.units)
        return np.array([response - rates[1] * (EVOKED[1] - EVOKED[0]) / 1000.0, *rates])


class PathwayTask(RecordConstructorArgs, gym.Env[np.ndarray, np.ndarray]):
    """The task without a culture: its action is what `EvokedResponse` returns.

    Args:
        steps: of an episode, which is truncated then.

    Observation: float32[5], cut at ±5: the response, evoked spikes per pulse and cell; that at the start of the
        episode; and the spontaneous rates between test pulses of the source's cells, the target's and all, in units of
        10 Hz.
    Reward: by how much the response is larger than a step before: an episode's return is what the response has grown
        by, in spikes per pulse and cell of the target.
    Info: `response` and, the one at the start, `start`.
    """

    def __init__(self, steps: int = 20) -> None:
        RecordConstructorArgs.__init__(self, steps=steps)
        self.steps = checks.integer("steps", steps, low=1)
        self.action_space = gym.spaces.Box(-1000.0, 1000.0, (4,), np.float64)
        self.observation_space = gym.spaces.Box(-MOST, MOST, (5,), np.float32)
        self.responses: deque[float] = deque(maxlen=self.steps)
        self.first = np.zeros(4)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode with what was measured last: `first`."""
        super().reset(seed=seed)
        self.responses.clear()
        self._last = self._start = float(self.first[0])
        self._done = 0
        return self._observation(self.first), self._info()

    def step(self, action: np.ndarray) -> Step:
        """Judge the response by that of the step before."""
        before, self._last = self._last, float(action[0])
        self.responses.append(self._last)
        self._done += 1
        return self._observation(action), self._last - before, False, self._done >= self.steps, self._info()

    def _info(self) -> dict[str, Any]:
        return {"response": self._last, "start": self._start}

    def _observation(self, measured: np.ndarray) -> np.ndarray:
        seen = [measured[0], self._start, *(measured[1:] / 10.0)]
        return np.clip(seen, -MOST, MOST).astype(np.float32)


class PathwayLearning(GymnasiumEnv):
    """Stimulate so that the response of one electrode's cells to pulses at another grows by the culture's plasticity.

    A step is 500 ms of stimulation by the action, in which the culture learns, and 1 s of test pulses with frozen
    weights, whose result is the observation and the reward. An episode begins with 500 ms of rest and 2 s of test
    pulses. Action: float32[3] from -1 to 1: the amplitudes at source and target and the lag between them
    (`PairedPulses`). Observation, reward and info: see `PathwayTask`; the measurement: `EvokedResponse`.

    The strongest pulse at the target, 20 µA, fires about a third of its cells. It fires more of them where it meets
    what a pulse at the source evokes, some 5 ms after that, and this teaches the culture most. Other lags teach it
    less, and pulses at one electrode alone little or nothing. What grows are all the excitatory weights onto the
    target's cells, whatever their origin: the rule depends on the potential of the receiving cell. So
    `normalize_weights`, which scales all of a cell's weights together, would undo it.

    Args:
        system: what `livn.make` takes, with electrodes.
        source: id of the electrode whose pulses are to be passed on.
        target: id of the electrode whose cells are to respond; those that the source reaches directly don't count.
        steps: of an episode.
        plasticity: True: by the rule of the task, `RULE`; or the parameters of the rules, as `Env.enable_plasticity`
            takes them; False: the weights are frozen, as a control.
        engine: as in `livn.make`.
        threads: of the engine.
        render_mode: None or `"rgb_array"`.

    Raises:
        ValueError: a system without electrodes, an unknown electrode, a target that hears no cell beyond the reach of
            the source, wrong parameters.
    """

    def __init__(
        self,
        system: Any = "EI2",
        source: int = 11,
        target: int = 8,
        steps: int = 20,
        plasticity: bool | Mapping[str, Any] = True,
        engine: str | None = None,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        task = PathwayTask(steps)
        with on_electrodes(system, engine, threads) as env:
            source, target = (
                int(checks.choice(name, channel, env.io.input_ids.tolist()))
                for name, channel in (("source", source), ("target", target))
            )
            rule = rule_of(plasticity, RULE)
            if rule is not None:
                env.enable_plasticity(rule)
            sources, units = _cells(env, source, target)
            self._response = EvokedResponse(source=source, units=units, sources=sources, rule=rule)
            pipe = Pipe(stages=(KeepRun(), self._response, GymStep(gym_env=task)), duration=TRAINING)
            super().__init__(env, PairedPulses(source=source, target=target), pipe, render_mode)
        self.source, self.target, self._pathway = source, target, task

    def _prepare(self) -> None:
        self._pathway.first = self._response.measure(self.env, START_TRIALS, SETTLE)

    def _curves(self) -> dict[str, list[float]]:
        return {"response (spikes per pulse and cell)": list(self._pathway.responses)}

    def _marks(self) -> dict[str, int]:
        return {"source": self.source, "target": self.target}


def _cells(env: Any, source: int, target: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """gids of the cells that the source hears, and of those that the target hears and the source does not reach.

    Raises:
        ValueError: there are none of the latter.
    """
    heard = env.channel_recording(env.active_gids())
    reached = env.stimulus_coordinates()[env.channel_reach()[column_of(env, source)] != 0.0, 0]
    units = np.setdiff1d(heard.get(target, ()), reached).astype(int)
    if not len(units):
        raise ValueError(f"target must hear a cell that electrode {source} does not reach, got {target}")
    return tuple(np.asarray(heard.get(source, ()), int).tolist()), tuple(units.tolist())


def vector(num_envs: int = 1, workers: int | None = None, **options: Any) -> CultureVectorEnv:
    """The vector environment of `gymnasium.make_vec`: `num_envs` cultures, options as of `PathwayLearning`."""
    return CultureVectorEnv(PathwayLearning, num_envs, workers, **options)
