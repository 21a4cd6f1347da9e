"""Several cultures side by side, each on a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from livn import checks
from livn.cores import usable_cores
from livn.engine.registry import engine_class
from livn.env.gymnasium.base import GymnasiumEnv
from livn.env.gymnasium.spaces import of_space

__all__ = ["CultureVectorEnv"]


class CultureVectorEnv(VectorEnv[Any, Any, np.ndarray]):
    """Environments of one kind that step at the same time, each culture on a thread of its own.

    Results are those of single environments with the same seeds, bit for bit, whatever the number of workers. An
    environment whose episode has ended is reset by the next step, which ignores its action and gives the reward 0
    (`AutoresetMode.NEXT_STEP`).

    Args:
        make_one: makes an environment of `**options`, such as `RateControl`.
        num_envs: how many.
        workers: threads; None: as many as there are environments, at most one per core.
        **options: of `make_one`; `threads`, those of each culture's engine, is 1 unless given.

    Raises:
        ValueError: several cultures on the engine "neuron", which holds one per process; what `make_one` raises.

    Attributes:
        envs: the environments.
        num_envs, workers: as above.
    """

    def __init__(
        self, make_one: Callable[..., GymnasiumEnv], num_envs: int = 1, workers: int | None = None, **options: Any
    ) -> None:
        self.envs: list[GymnasiumEnv] = []  # first: older Gymnasiums close what failed to be made
        self._pool: ThreadPoolExecutor | None = None
        self.num_envs = checks.integer("num_envs", num_envs, low=1)
        most = min(self.num_envs, usable_cores())
        self.workers = most if workers is None else checks.integer("workers", workers, low=1, high=1024)
        if self.num_envs > 1 and engine_class(options.get("engine")).name == "neuron":
            raise ValueError(
                f"num_envs must be 1 on the engine 'neuron', which holds one culture per process, got {num_envs}; "
                "the engine 'cpu' takes any number"
            )
        try:
            for _ in range(self.num_envs):
                self.envs.append(make_one(**{"threads": 1, **options}))
        except BaseException:  # nobody else could close them
            self.close_extras()
            raise
        one = self.envs[0]
        self.metadata = {**one.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.render_mode = one.render_mode
        self.single_action_space, self.single_observation_space = one.action_space, one.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, bool)
        if self.num_envs > 1:
            self._pool = ThreadPoolExecutor(self.workers, "livn-culture")

    def _each(self, act: Callable[[int], Any]) -> list[Any]:
        """What `act(i)` returns for every environment, in order; all have ended when the first error is raised."""
        if self.closed:
            raise RuntimeError("this vector environment is closed; make a new one")
        if self._pool is None:
            return [act(0)]
        running = [self._pool.submit(act, i) for i in range(self.num_envs)]
        errors = [e for e in (r.exception() for r in running) if e is not None]
        if errors:
            raise errors[0]
        return [r.result() for r in running]

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every environment.

        Args:
            seed: a number s: s, s + 1, ... for the environments; a list: one for each; None: as `GymnasiumEnv.reset`.
            options: of `GymnasiumEnv.reset`, for all.

        Raises:
            ValueError: a list of another length; what `GymnasiumEnv.reset` raises.
        """
        if isinstance(seed, list | tuple | np.ndarray):
            seeds: list[int | None] = list(seed)
            if len(seeds) != self.num_envs:
                raise ValueError(f"seed must be a number or a list of {self.num_envs}, got {len(seeds)} of them")
        else:
            first = None if seed is None else checks.integer("seed", seed, low=0)
            seeds = [None if first is None else first + i for i in range(self.num_envs)]
        done = self._each(lambda i: self.envs[i].reset(seed=seeds[i], options=options))
        self._ended[:] = False
        return self._batch([observation for observation, _ in done]), self._infos([info for _, info in done])

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every environment; one whose episode had ended is reset instead.

        Args:
            actions: a member of `action_space`.

        Returns:
            Observations, rewards float64[n], terminations bool[n], truncations bool[n], infos.

        Raises:
            ValueError: actions that are not in the space; the environments are as they were.
        """
        if isinstance(actions, list | tuple | np.ndarray) and len(actions) != self.num_envs:
            raise ValueError(f"actions must be {self.num_envs}, one for each environment, got {len(actions)}")
        each = [of_space(self.single_action_space, a) for a in iterate(self.action_space, actions)]

        def act(i: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            if self._ended[i]:
                observation, info = self.envs[i].reset()
                return observation, 0.0, False, False, info
            return self.envs[i].step(each[i])

        observations, rewards, terminated, truncated, infos = zip(*self._each(act), strict=True)
        ends = np.array(terminated, bool), np.array(truncated, bool)
        self._ended = ends[0] | ends[1]
        return self._batch(observations), np.array(rewards, np.float64), *ends, self._infos(infos)

    def _batch(self, observations: Sequence[Any]) -> Any:
        space = self.single_observation_space
        empty: Any = create_empty_array(space, self.num_envs, np.zeros)
        return concatenate(space, observations, empty)

    def _infos(self, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for i, info in enumerate(infos):
            out = self._add_info(out, info, i)
        return out

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture of each; None without a render mode."""
        pictures = [env.render() for env in self.envs]
        return tuple(p for p in pictures if p is not None) or None

    def close_extras(self, **kwargs: Any) -> None:
        """Close the cultures."""
        for env in self.envs:
            env.close()
        if self._pool is not None:
            self._pool.shutdown()
