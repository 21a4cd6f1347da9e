"""A culture as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from livn import checks
from livn.decoding import Pipe
from livn.env.env import Env
from livn.env.gymnasium.spaces import joined, of_space, symmetric
from livn.env.gymnasium.stages import Step, stages_of

if TYPE_CHECKING:
    from livn.env.gymnasium.picture import Picture

__all__ = ["GymnasiumEnv"]

OPTIONS = ("keep_weights", "without_clear")


class GymnasiumEnv(gym.Env[Any, Any]):
    """Acts on a culture through an encoding and reads it through a Pipe, in which a `GymStep` holds the task.

    One step runs the culture for `decoding.duration` ms under the stimulus that the encoding makes of the action.

    Args:
        env: the culture, as `livn.make` returns it.
        encoding: `encoding(env, t_end, action)` makes a stimulus; its `input_space` is the action space, whose Boxes
            are finite and symmetric.
        decoding: a Pipe with a duration, one `GymStep`, and nothing but `ObsAugmentation`s after it.
        render_mode: None, or `"rgb_array"`, which needs matplotlib.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: an encoding without an action space, a Pipe without a duration or a task, an unknown render mode.
        RuntimeError: a culture before `init()` or after `close()`.

    Attributes:
        env, encoding, decoding, render_mode: as given.
        action_space: `encoding.input_space`.
        observation_space: the task's, with the features of the augmentations appended. Boxes are finite: an infinite
            bound becomes the largest number of the type.
        task: the task within the `GymStep`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012  # as Gymnasium has it

    def __init__(self, env: Env, encoding: Any, decoding: Pipe, render_mode: str | None = None) -> None:
        if not isinstance(env, Env):
            raise TypeError(f"env must be a culture, as livn.make returns it, got {env!r:.200}")
        if not isinstance(decoding, Pipe):
            raise TypeError(f"decoding must be a livn.decoding.Pipe with a GymStep, got {decoding!r:.200}")
        if decoding.duration is None:
            raise ValueError("decoding needs a duration, that of a step: Pipe(stages, duration=ms)")
        space = getattr(encoding, "input_space", None)
        if not callable(encoding) or not isinstance(space, gym.Space):
            raise TypeError(
                f"encoding must be an Encoding whose input_space is a Gymnasium space, got {encoding!r:.150}"
            )
        if render_mode is not None:
            checks.choice("render_mode", render_mode, self.metadata["render_modes"])
        self._task, self._features = stages_of(decoding)
        self.action_space = symmetric(space)
        self.observation_space = joined(
            self._task.gym_env.observation_space, [(f.obs_dim, f.low, f.high) for f in self._features]
        )
        self.env, self.encoding, self.decoding, self.render_mode = env, encoding, decoding, render_mode
        self.task: gym.Env[Any, Any] = self._task.gym_env
        self.metadata = {**self.metadata, "render_fps": max(1, round(1000 / decoding.duration))}
        self._weights = env.get_weights().array if "plasticity" in env.capabilities else np.empty(0)
        self._under_way = False
        self._answers: dict[int, Step] = {}
        self._handles = 0
        self._picture: Picture | None = None

    # Episodes

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode: clear the culture, put its weights back, reset the task.

        The noise of each episode has a seed of its own, drawn from `np_random`: a `seed` given here, and the order of
        the resets after it, decide all of them, whatever was run before. Without any seed they differ from process to
        process. The task is reset with the same `seed`.

        Args:
            seed: >= 0; None: go on with the random numbers of the reset before.
            options: `{"keep_weights": True}`: what was learned stays, else the weights are those that the culture had
                when it came here. `{"without_clear": True}`: the culture goes on from where it is, under new noise if
                a seed is given.

        Returns:
            The first observation, features of the culture being zeros, and the info of the task with `noise_seed`,
            the one for `Env.reseed_noise(seed=...)`, if there is a new one.

        Raises:
            ValueError: an unknown option.
            TypeError: an option that is not True or False, a seed that is no whole number.
        """
        keep_weights, without_clear = self._options(options)
        if seed is not None:
            seed = checks.integer("seed", seed, low=0)
        self.env.active_gids()  # refuses while it runs or is closed
        super().reset(seed=seed)
        self._under_way = False  # until all is done
        news: dict[str, Any] = {}
        if seed is not None or not without_clear:
            news["noise_seed"] = int(self.np_random.integers(2**63))
            self.env.reseed_noise(seed=news["noise_seed"])
        if not without_clear:
            self.env.clear(reseed=False)
            self.decoding.clear()
        if not keep_weights and len(self._weights):
            self.env.set_multipliers(self._weights)
        self._answers.clear()
        self._prepare()
        self.decoding.reset(seed=seed)
        observation, info = self._task.start
        self.decoding.state["raw_gym_obs"] = observation
        for features in self._features:
            observation = features.at_reset(observation)
        self._under_way = True
        return observation, {**info, **news}

    def _options(self, options: Mapping[str, Any] | None) -> tuple[bool, bool]:
        given = checks.mapping("options", {} if options is None else options, "names to True or False")
        for name in given:
            checks.choice("option of reset", name, OPTIONS)
        return tuple(checks.boolean(name, given.get(name, False)) for name in OPTIONS)  # type: ignore[return-value]

    def _prepare(self) -> None:
        """What a task does with the cleared culture before its own reset, such as a measurement; nothing here."""

    def step(self, action: Any) -> Step:
        """Run the culture for `decoding.duration` ms under the stimulus of an action, and step the task.

        Args:
            action: a member of `action_space`; kept in `decoding.state["io_action"]`.

        Returns:
            Observation, reward, terminated, truncated, info.

        Raises:
            ValueError: an action that is not in the space.
            RuntimeError: before the first `reset()`, after the end of an episode, or closed.
        """
        if not self._under_way:
            self.env.active_gids()  # which says if it is closed
            raise RuntimeError("no episode is under way: call reset()")
        action = of_space(self.action_space, action)
        self.decoding.state["io_action"] = action
        observation, reward, terminated, truncated, info = self.env(self.decoding, action, self.encoding)
        self._under_way = not (terminated or truncated)
        return observation, reward, terminated, truncated, info

    # Asynchronously; in this version the answer is there at once

    def submit_step(self, action: Any) -> int:
        """Start a step; its handle is for `poll_step` or `get_step`. Raises what `step` raises."""
        answer = self.step(action)
        self._handles += 1
        self._answers[self._handles] = answer
        return self._handles

    def poll_step(self, handle: int) -> Step | None:
        """What the step returned, or None while it is pending, which it never is here. Handed over once.

        Raises:
            ValueError: a handle that is not of this episode, or whose answer was handed over.
        """
        return self.get_step(handle)

    def get_step(self, handle: int) -> Step:
        """What the step returned, after waiting for it. Handed over once.

        Raises:
            ValueError: a handle that is not of this episode, or whose answer was handed over.
        """
        if isinstance(handle, bool) or not isinstance(handle, int | np.integer) or handle not in self._answers:
            waiting = ", ".join(map(str, self._answers)) or "none"
            raise ValueError(
                f"handle must be of a step submitted since the last reset, not yet handed over, got {handle!r:.200}; "
                f"such are: {waiting}"
            )
        return self._answers.pop(int(handle))

    # Pictures

    def _curves(self) -> Mapping[str, Sequence[float]]:
        """Curves over the last steps, by name, for the picture."""
        return {}

    def _marks(self) -> Mapping[str, int]:
        """Electrodes with a role in the task, by its name, for the picture."""
        return {}

    def render(self) -> np.ndarray | None:
        """uint8[height, width, 3], a picture of electrodes, activity and task; None without a render mode.

        The activity is that of the last step, if the Pipe has a `KeepRun` stage.
        """
        if self.render_mode is None:
            return None
        self.env.active_gids()
        if self._picture is None:
            from livn.env.gymnasium.picture import Picture

            self._picture = Picture(self.env, self._marks())
        run = self.decoding.context.get("run")  # whose end is told of: at that of an episode the culture is cleared
        return self._picture.draw(run, self.env.t if run is None else run.t1, self._curves())

    def close(self) -> None:
        """Close the culture and the task; a second call does nothing."""
        self.env.close()
        self.task.close()
        self._under_way, self._picture = False, None
        self._answers.clear()
