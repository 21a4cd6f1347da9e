"""Stages of a `Pipe`, from the culture's output to an observation."""

from __future__ import annotations

from typing import Any, Self

import gymnasium as gym
import numpy as np
from pydantic import PrivateAttr, field_validator, model_validator

from livn.checks import array
from livn.configured import Count, _plain, _same
from livn.decoding import Decoding, Pipe
from livn.env.gymnasium.spaces import into
from livn.run import Run

__all__ = ["MOST", "GymStep", "KeepRun", "ObsAugmentation", "Step", "stages_of"]

MOST = float(np.finfo(np.float32).max)
"""The largest float32: the bound of a feature that has no other."""

Step = tuple[Any, float, bool, bool, dict[str, Any]]
"""Observation, reward, terminated, truncated, info."""


class KeepRun(Decoding):
    """Puts the Run into `context["run"]`, for the stages after it and for pictures, and passes it on."""

    def setup(self, env: Any) -> None:
        """Record spikes."""
        env.record_spikes()

    def __call__(self, signal: Run, env: Any = None) -> Run:
        """The same Run."""
        _pipe(self, env).context["run"] = signal
        return signal


class GymStep(Decoding):
    """Steps a task with what the culture did: the stage's data, a number or numbers, are the task's action.

    They are clipped to a Box and rounded to a discrete space. The stage writes the action into `context["gym_action"]`
    and the task's observation into `state["raw_gym_obs"]`, and returns (observation, reward, terminated, truncated,
    info). At the end of an episode it clears the culture, whose learned weights survive.

    Two are equal, and hash alike, if their tasks are of one class and were made alike: by `gymnasium.make` with equal
    arguments, or with equal arguments recorded by `gymnasium.utils.RecordConstructorArgs`. Of a task whose arguments
    are not known only the object itself is the same. The state of an episode is no part of it.

    Attributes:
        gym_env: the task, a `gymnasium.Env`.
    """

    gym_env: Any
    _start: tuple[Any, dict[str, Any]] | None = PrivateAttr(default=None)

    @field_validator("gym_env")
    @classmethod
    def _is_task(cls, task: Any) -> Any:
        if not isinstance(task, gym.Env):
            raise ValueError(f"gym_env must be a gymnasium.Env, got {task!r:.200}")
        return task

    @property
    def start(self) -> tuple[Any, dict[str, Any]]:
        """The observation and the info of the last reset.

        Raises:
            RuntimeError: there was none.
        """
        if self._start is None:
            raise RuntimeError("the task has not been reset")
        return self._start

    def reset(self, **kwargs: Any) -> None:
        """Reset the task: `gym_env.reset(seed=..., options=...)`."""
        self._start = self.gym_env.reset(**kwargs)

    def __call__(self, signal: Any, env: Any = None) -> Step:
        """Step the task.

        Args:
            signal: its action, as numbers.
            env: the culture, in whose pipe this is a stage.

        Raises:
            ValueError: numbers of another shape than the task takes, or NaN.
            RuntimeError: not within `env(pipe, ...)`.
        """
        pipe = _pipe(self, env)
        action = into(self.gym_env.action_space, signal)
        pipe.context["gym_action"] = action
        observation, reward, terminated, truncated, info = self.gym_env.step(action)
        pipe.state["raw_gym_obs"] = observation
        if terminated or truncated:
            env.clear()
        return observation, float(reward), bool(terminated), bool(truncated), info

    @property
    def output_space(self) -> Any:
        """The task's observation space."""
        return self.gym_env.observation_space

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if self.duration != other.duration:
            return False
        return self.gym_env is other.gym_env or _made_alike(self.gym_env, other.gym_env)

    def __hash__(self) -> int:
        return super().__hash__()

    def _content(self) -> Any:
        known = _making(self.gym_env)
        task = type(self.gym_env.unwrapped).__qualname__ if known is None else _plain(known)
        return [type(self).__module__, type(self).__qualname__, self.duration, task]


class ObsAugmentation(Decoding):
    """Appends features of the culture to the observation; comes after a `GymStep`. Override `_features`.

    Attributes:
        obs_dim: number of features.
        low, high: bounds of each, with 0 among them; by default as far as float32 goes.
    """

    obs_dim: Count
    low: float = -MOST
    high: float = MOST

    @model_validator(mode="after")
    def _has_zero(self) -> Self:
        if self.obs_dim < 1:  # a subclass may have set it anew
            raise ValueError(f"obs_dim must be at least 1, got {self.obs_dim}")
        if not self.low <= 0.0 <= self.high or self.low == self.high:
            raise ValueError(f"low and high must have 0 between them, got {self.low:g} and {self.high:g}")
        return self

    def _features(self, env: Any, context: dict[str, Any], state: dict[str, Any]) -> Any:
        """[obs_dim], the features after a step.

        Args:
            env: the culture.
            context: the pipe's, of this step: with a `KeepRun` stage `context["run"]`, and `context["gym_action"]`.
            state: the pipe's, of the episode: `state["io_action"]`, `state["raw_gym_obs"]` and what stages keep there.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _features(env, context, state)")

    def zero_features(self) -> np.ndarray:
        """float32[obs_dim], the features at a reset: zeros."""
        return np.zeros(self.obs_dim, np.float32)

    def __call__(self, signal: Step, env: Any = None) -> Step:
        """The step with the features appended to its observation, in its type.

        Raises:
            ValueError: features of another number, not finite or out of their bounds.
            TypeError: no step of a task came.
        """
        if not isinstance(signal, tuple) or len(signal) != 5:
            raise TypeError(f"{type(self).__name__} must come after a GymStep, got {signal!r:.200}")
        pipe = _pipe(self, env)
        what = f"the features of {type(self).__name__}"
        features = array(what, self._features(env, pipe.context, pipe.state), shape=(self.obs_dim,))
        if (features < self.low).any() or (features > self.high).any():
            raise ValueError(f"{what} must be from {self.low:g} to {self.high:g}, got {features}")
        return (self._appended(signal[0], features), *signal[1:])

    def at_reset(self, observation: Any) -> Any:
        """The first observation of an episode with `zero_features()` appended."""
        return self._appended(observation, self.zero_features())

    @staticmethod
    def _appended(observation: Any, features: np.ndarray) -> np.ndarray:
        return np.concatenate([observation, features.astype(np.asarray(observation).dtype)])


def stages_of(pipe: Pipe) -> tuple[GymStep, list[ObsAugmentation]]:
    """The task of a pipe and what is appended to its observations.

    Raises:
        ValueError: not one `GymStep`, or something other than `ObsAugmentation`s after it.
    """
    stages = [s for s in pipe.stages if s is not None]
    tasks = [i for i, s in enumerate(stages) if isinstance(s, GymStep)]
    if len(tasks) != 1:
        raise ValueError(f"the stages of decoding must have one GymStep among them, got {len(tasks)}")
    after = stages[tasks[0] + 1 :]
    odd = [s for s in after if not isinstance(s, ObsAugmentation)]
    if odd:
        raise ValueError(f"after a GymStep come ObsAugmentation stages, got {odd[0]!r:.200}")
    return stages[tasks[0]], after  # type: ignore[return-value]


def _pipe(stage: Decoding, env: Any) -> Pipe:
    pipe = None if env is None else env.decoding
    if not isinstance(pipe, Pipe):
        raise RuntimeError(f"{type(stage).__name__} must be a stage of the Pipe of env(pipe, ...)")
    return pipe


def _making(task: Any) -> list[Any] | None:
    """How a task and the wrappers around it were made; None if that is not known."""
    layers = []
    while isinstance(task, gym.Wrapper):
        layers.append([type(task), getattr(task, "_saved_kwargs", None)])
        task = task.env
    arguments = getattr(task, "_saved_kwargs", None)  # of gymnasium.utils.RecordConstructorArgs
    if arguments is None and task.spec is not None:
        arguments = {"id": task.spec.id, **task.spec.kwargs}
    if arguments is None or any(made is None for _, made in layers):
        return None
    return [*layers, [type(task), arguments]]


def _made_alike(a: Any, b: Any) -> bool:
    one, other = _making(a), _making(b)
    return one is not None and other is not None and _same(one, other)
