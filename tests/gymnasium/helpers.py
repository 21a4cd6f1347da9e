"""A task that counts, and a small culture for it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from livn import Env, make
from livn.decoding import Decoding, Pipe
from livn.encoding import Encoding
from livn.env.gymnasium import GymnasiumEnv, GymStep, KeepRun, ObsAugmentation
from livn.stimulus import Stimulus

from ..env.helpers import LIVELY, small_system


class Count(RecordConstructorArgs, gym.Env):
    """Observes how many steps there were, a random number of the episode, and the action; ends after `last`."""

    def __init__(self, last: int = 3, space: gym.Space | None = None, truncates: bool = False) -> None:
        RecordConstructorArgs.__init__(self, last=last, space=space, truncates=truncates)
        self.last, self.truncates = last, truncates
        self.action_space = gym.spaces.Box(-500.0, 500.0, (1,), np.float64) if space is None else space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.actions: list[Any] = []
        self.closed = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.actions = []
        self.chance = float(self.np_random.random())
        return self.seen(0.0), {"episode": "new"}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        end = len(self.actions) >= self.last
        value = float(np.asarray(action).sum())
        return self.seen(value), value, end and not self.truncates, end and self.truncates, {"n": len(self.actions)}

    def seen(self, value: float) -> np.ndarray:
        return np.array([len(self.actions), self.chance, value], np.float32)

    def close(self) -> None:
        self.closed += 1


class Current(Encoding):
    """The action, one number, times 0.3 nA into every soma during the step; it depolarises."""

    def __call__(self, env: Env, t_end: float, inputs: Any) -> Stimulus | None:
        value = float(np.asarray(inputs)[0])
        return Stimulus.from_current(np.full((1, 6), 0.3 * value), dt=t_end) if value else None

    @property
    def input_space(self) -> gym.Space:
        return gym.spaces.Box(-1.0, 1.0, (1,), np.float32)


class SpikeCount(Decoding):
    """How many spikes."""

    def setup(self, env: Env) -> None:
        env.record_spikes()

    def __call__(self, signal: Any, env: Any = None) -> int:
        return len(signal.spike_times)


class Counts(ObsAugmentation):
    """Spikes of the EXC and of the INH cells in the step."""

    obs_dim: int = 2

    def _features(self, env: Env, context: dict[str, Any], state: dict[str, Any]) -> list[int]:
        exc = int((context["run"].spike_ids < 4).sum())
        return [exc, len(context["run"].spike_ids) - exc]


def culture(engine: str = "cpu", **options: Any) -> Env:
    """6 cells that fire and learn."""
    env = make(small_system(), engine=engine, threads=1, **options).set_noise(LIVELY)
    return env.enable_plasticity({"A_ltd": 0.2})


def counting(engine: str = "cpu", features: bool = True, duration: float = 20.0, **options: Any) -> GymnasiumEnv:
    """The counting task on the small culture; its action is the number of spikes."""
    extra = (Counts(),) if features else ()
    pipe = Pipe(stages=(KeepRun(), None, SpikeCount(), GymStep(gym_env=Count(**options)), *extra), duration=duration)
    return GymnasiumEnv(culture(engine), Current(), pipe)


def trajectory(env: gym.Env, seed: int | None, steps: int = 3, **options: Any) -> list[Any]:
    """All that a few steps return, and the weights after them; the actions are the same for the same `steps`."""
    observation, info = env.reset(seed=seed, **options)
    actions = np.random.default_rng(5).uniform(-1.0, 1.0, (steps, *env.action_space.shape)).astype(np.float32)
    out = [observation.tolist(), info]
    for action in actions:
        observation, *rest = env.step(action)
        out.append([observation.tolist(), *rest])
    return [*out, env.unwrapped.env.get_weights().array.tolist()]
