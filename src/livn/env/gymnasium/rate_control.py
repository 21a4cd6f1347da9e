"""`livn/RateControl-v0`: drive the firing rate at one electrode to a target that moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from pydantic import Field

from livn import checks
from livn.configured import Positive
from livn.decoding import Pipe
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.encoding import Encoding, strongest
from livn.env.gymnasium.base import GymnasiumEnv
from livn.env.gymnasium.cultures import on_electrodes, rule_of
from livn.env.gymnasium.pulses import GRID, action_of, pulses_on
from livn.env.gymnasium.stages import GymStep, KeepRun, Step
from livn.env.gymnasium.vector import CultureVectorEnv
from livn.policy import BiphasicPulsePolicy

__all__ = ["ChannelRate", "PulseTrain", "RateControl", "RateTask", "vector"]

STEP = 100.0
"""Length of a step, ms."""

TOP = 5.0
"""Largest rate in an observation, in units of the highest target."""


class PulseTrain(Encoding):
    """Biphasic pulses on one electrode; the action says how strong and how many.

    Inputs: float[2] from -1 to 1: the amplitude, from 0 to `max_amplitude`, and the rate, from 0 to `max_rate`; the
    number of pulses in a run is rounded, and they are evenly spaced from its start.

    Attributes:
        channel: id of the electrode.
        max_amplitude: µA.
        max_rate: pulses per second.
    """

    channel: int
    max_amplitude: Positive = 60.0
    max_rate: Annotated[float, Field(gt=0, le=1000)] = 100.0

    def __call__(self, env: Any, t_end: float, inputs: Any) -> BiphasicPulsePolicy | None:
        """The pulses; None if there is none.

        Raises:
            ValueError: inputs of another shape or out of bounds, or an electrode that the env does not have.
        """
        strength, often = (action_of(inputs, 2) + 1.0) / 2.0
        amplitude, n = float(strength * self.max_amplitude), round(float(often) * self.max_rate * t_end / 1000.0)
        if not n or not amplitude:
            return None
        times = np.floor(np.arange(n) * t_end / n / GRID) * GRID
        return pulses_on(env, self.channel, amplitude, times)

    @property
    def input_space(self) -> Any:
        """Box(-1, 1, (2,), float32)."""
        return gym.spaces.Box(-1.0, 1.0, (2,), np.float32)


class ChannelRate(SpikeDecoding):
    """Firing rates of the cells that an electrode hears, and of all cells.

    Attributes:
        units: gids of the cells that it hears.

    Result: float64[2], mean rate of these and of all simulated cells, Hz.
    """

    units: tuple[int, ...]

    def _decode(self, spikes: Spikes, env: Any) -> np.ndarray:
        heard, seconds = int(np.isin(spikes.ids, self.units).sum()), spikes.duration / 1000.0
        return np.array([heard / len(self.units), len(spikes.ids) / len(needed(env, self).active_gids())]) / seconds


class RateTask(RecordConstructorArgs, gym.Env[np.ndarray, np.ndarray]):
    """The task without a culture: its action is the rate at the channel and that of the culture, Hz.

    The target stays for 10 to 30 steps, then jumps to another rate, uniform between the bounds.

    Args:
        target: lowest and highest target, Hz.
        steps: of an episode, which is truncated then.

    Observation: float32[4] from 0 to 5, in units of the highest target: the rate in the step, its mean over about a
        second (exponential, 10 steps), that of the culture, and the target for the next step. Larger rates are cut.
    Reward: -|rate - target| / highest target, for the target that was shown before the step.
    Info: `rate_hz` and `target_hz`, which the reward is made of.
    """

    def __init__(self, target: tuple[float, float] = (3.0, 30.0), steps: int = 100) -> None:
        bounds = checks.array("target", target)
        if bounds.shape != (2,):
            raise ValueError(f"target must be (lowest, highest) in Hz, got {target!r:.200}")
        low, high = bounds.tolist()
        checks.number("target[1]", high, above=checks.number("target[0]", low, low=0.0, unit="Hz"), unit="Hz")
        RecordConstructorArgs.__init__(self, target=(low, high), steps=steps)
        self.low, self.high = low, high
        self.steps = checks.integer("steps", steps, low=1)
        self.action_space = gym.spaces.Box(0.0, 1000.0, (2,), np.float64)
        self.observation_space = gym.spaces.Box(0.0, TOP, (4,), np.float32)
        self.rates: deque[float] = deque(maxlen=self.steps)
        self.targets: deque[float] = deque(maxlen=self.steps)
        self._done = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a target and its duration."""
        super().reset(seed=seed)
        self.rates.clear()
        self.targets.clear()
        self._done, self._mean = 0, 0.0
        self._jump()
        return self._observation(0.0, 0.0), {}

    def _jump(self) -> None:
        self._target = float(self.np_random.uniform(self.low, self.high))
        self._left = int(self.np_random.integers(10, 31))

    def step(self, action: np.ndarray) -> Step:
        """Judge the rates of a step by the target, and move it."""
        rate, culture = float(action[0]), float(action[1])
        target = self._target
        self.rates.append(rate)
        self.targets.append(target)
        self._mean += 0.1 * (rate - self._mean)
        self._done += 1
        self._left -= 1
        if not self._left:
            self._jump()
        reward = -abs(rate - target) / self.high
        info = {"rate_hz": rate, "target_hz": target}
        return self._observation(rate, culture), reward, False, self._done >= self.steps, info

    def _observation(self, rate: float, culture: float) -> np.ndarray:
        seen = np.array([rate, self._mean, culture, self._target]) / self.high
        return np.minimum(seen, TOP).astype(np.float32)


class RateControl(GymnasiumEnv):
    """Drive the mean firing rate of the cells that one electrode hears to a target that moves.

    One step is 100 ms of the culture. Action: float32[2] from -1 to 1, amplitude and rate of pulses (`PulseTrain`).
    Observation, reward and info: see `RateTask`.

    Args:
        system: what `livn.make` takes, with electrodes.
        channel: id of the electrode that stimulates and hears; None: the one that couples most strongly to the cells.
        target: lowest and highest target, Hz per cell.
        steps: of an episode.
        plasticity: whether the culture learns, or the parameters of its rules, as `Env.enable_plasticity` takes them.
        engine: as in `livn.make`.
        threads: of the engine.
        render_mode: None or `"rgb_array"`.

    Raises:
        ValueError: a system without electrodes, an unknown channel, one that hears no cell, wrong bounds.
    """

    def __init__(
        self,
        system: Any = "EI2",
        channel: int | None = None,
        target: tuple[float, float] = (3.0, 30.0),
        steps: int = 100,
        plasticity: bool | Mapping[str, Any] = True,
        engine: str | None = None,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        task = RateTask(target, steps)
        with on_electrodes(system, engine, threads) as env:
            ids = env.io.input_ids.tolist()
            channel = ids[strongest(env)] if channel is None else int(checks.choice("channel", channel, ids))
            units = env.channel_recording(env.active_gids()).get(channel, ())
            if not len(units):
                raise ValueError(f"channel must hear a cell, got {channel}, which hears none")
            rule = rule_of(plasticity, {})
            if rule is not None:
                env.enable_plasticity(rule)
            rate = ChannelRate(units=tuple(units.tolist()))
            pipe = Pipe(stages=(KeepRun(), rate, GymStep(gym_env=task)), duration=STEP)
            super().__init__(env, PulseTrain(channel=channel), pipe, render_mode)
        self.channel, self._rate_task = channel, task

    def _curves(self) -> dict[str, list[float]]:
        return {"rate (Hz)": list(self._rate_task.rates), "target (Hz)": list(self._rate_task.targets)}

    def _marks(self) -> dict[str, int]:
        return {"controlled": self.channel}


def vector(num_envs: int = 1, workers: int | None = None, **options: Any) -> CultureVectorEnv:
    """The vector environment of `gymnasium.make_vec`: `num_envs` cultures, options as of `RateControl`."""
    return CultureVectorEnv(RateControl, num_envs, workers, **options)
