"""What to compare an agent with: policies that act at random or by a simple rule, and their scores.

A policy is made for an environment and a seed, and acts on observations: `policy(observation)` is an action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from livn import checks
from livn.env.gymnasium.pathway import PathwayLearning
from livn.env.gymnasium.rate_control import RateControl

__all__ = ["Pairing", "Policy", "RandomActions", "RateController", "Score", "returns", "score"]

Policy = Callable[[Any], Any]


class RandomActions:
    """Actions drawn uniformly from the action space.

    Args:
        env: whose actions.
        seed: of the draws.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0) -> None:
        self._generator = np.random.default_rng([checks.integer("seed", seed, low=0), 1])
        self._space = env.action_space
        self._space.seed(int(self._generator.integers(2**31)))

    def __call__(self, observation: Any) -> Any:
        """A random action, whatever was observed."""
        return self._space.sample()


class RateController:
    """For `livn/RateControl-v0`: as many pulses as it takes, by an estimate of what a pulse does that follows the
    rates observed.

    Of the rate wanted above the spontaneous one, each of n pulses has to make a share. A pulse of `STRONG` µA makes
    `gain` spikes per cell; fewer are made by a weaker one, about in proportion down to the threshold.

    Args:
        env: a `RateControl`, wrapped or not.
        seed: not used: the rule has no chance in it.
    """

    SPONTANEOUS, THRESHOLD, STRONG = 2.0, 13.0, 40.0
    """Hz; µA; µA."""

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0) -> None:
        task: Any = env.unwrapped
        if not isinstance(task, RateControl):
            raise TypeError(f"env must be a livn/RateControl-v0, got {env!r:.200}")
        pulses: Any = task.encoding
        self._unit = task.task.high  # type: ignore[attr-defined]
        self._seconds = task.decoding.duration / 1000.0  # type: ignore[operator]
        self._limits = pulses.max_amplitude, pulses.max_rate
        self._gain, self._wanted = 0.5, 0.0

    def __call__(self, observation: Any) -> np.ndarray:
        """The action for the target that is observed."""
        rate, _, _, target = (float(x) * self._unit for x in observation)
        if self._wanted > 1.0:  # what the last pulses made tells what a pulse makes
            made = np.clip((rate - self.SPONTANEOUS) / self._wanted, 0.5, 2.0)
            self._gain = float(np.clip(self._gain * (1.0 + 0.2 * (made - 1.0)), 0.05, 2.0))
        most, often = self._limits
        self._wanted = max(0.0, target - self.SPONTANEOUS)
        pulses = min(self._wanted * self._seconds / self._gain, often * self._seconds)
        n = int(np.ceil(pulses))
        amplitude = self.THRESHOLD + (self.STRONG - self.THRESHOLD) * (pulses / n if n else 0.0)
        action = [2.0 * amplitude / most - 1.0, 2.0 * n / (often * self._seconds) - 1.0]
        return np.clip(action, -1.0, 1.0).astype(np.float32)


class Pairing:
    """For `livn/PathwayLearning-v0`: the same pulses in every step, by default such that a pulse at the target meets
    what the one at the source evokes there.

    Args:
        env: a `PathwayLearning`, wrapped or not.
        seed: not used: the rule has no chance in it.
        source, target: amplitudes, µA.
        lag: of the target's pulses, ms.
    """

    def __init__(
        self, env: gym.Env[Any, Any], seed: int = 0, source: float = 80.0, target: float = 20.0, lag: float = 5.0
    ) -> None:
        task: Any = env.unwrapped
        if not isinstance(task, PathwayLearning):
            raise TypeError(f"env must be a livn/PathwayLearning-v0, got {env!r:.200}")
        pulses: Any = task.encoding
        action = [2.0 * source / pulses.max_source - 1.0, 2.0 * target / pulses.max_target - 1.0, lag / pulses.max_lag]
        self._action = np.clip(action, -1.0, 1.0).astype(np.float32)

    def __call__(self, observation: Any) -> np.ndarray:
        """The action, whatever was observed."""
        return self._action


def returns(
    env: gym.Env[Any, Any],
    policy: Callable[[gym.Env[Any, Any], int], Policy],
    seeds: Iterable[int],
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """The sum of the rewards of one episode per seed.

    Args:
        env: the environment.
        policy: `policy(env, seed)` makes what acts in an episode.
        seeds: of the episodes, culture and task; those of the policies are the same.
        options: of `reset`.

    Returns:
        float64[episodes].
    """
    out = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed, options=None if options is None else dict(options))
        act, total, over = policy(env, seed), 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            total += float(reward)
            over = terminated or truncated
        out.append(total)
    return np.array(out)


class Score(NamedTuple):
    """Mean return with its 95 % confidence interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}] (n = {self.n})"


def score(values: Any) -> Score:
    """Mean of returns and its 95 % confidence interval by Student's t distribution (Student, Biometrika 6:1, 1908).

    Args:
        values: [n], at least 2.
    """
    from scipy.stats import t

    x = checks.array("values", values, shape=(None,))
    if len(x) < 2:
        raise ValueError(f"values must be at least two returns, got {len(x)}")
    half = float(t.ppf(0.975, len(x) - 1)) * float(x.std(ddof=1)) / len(x) ** 0.5
    return Score(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, len(x))
