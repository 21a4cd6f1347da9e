"""Several decodings, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import PrivateAttr, field_validator

from livn.checks import unknown
from livn.decoding.base import Decoding

__all__ = ["Pipe"]


class Pipe(Decoding):
    """Stages that each get what the one before returned: `stage(data, env)`; the first gets the Run.

    During `env(...)` a stage reaches the pipe as `env.decoding`, and so its `context` and `state`. Both stay in this
    process: they are no part of equality, hash or pickling.

    Attributes:
        stages: decodings, functions of (data, env), or None, which passes data on unchanged.
        context: a dict that stages share, emptied at each call.
        state: a dict that stages share, kept until `clear()`.

    Raises:
        pydantic.ValidationError: a stage that cannot be called, or is a decoding's class and not one of its objects.
    """

    stages: tuple[Callable[..., Any] | None, ...]
    _context: dict[str, Any] = PrivateAttr(default_factory=dict)
    _state: dict[str, Any] = PrivateAttr(default_factory=dict)

    @field_validator("stages")
    @classmethod
    def _are_objects(cls, stages: tuple[Any, ...]) -> tuple[Any, ...]:
        for stage in stages:
            if isinstance(stage, type) and issubclass(stage, Decoding):
                raise ValueError(f"a stage must be an object, {stage.__name__}(...), not the class {stage.__name__}")
        return stages

    @property
    def context(self) -> dict[str, Any]:
        """What stages share within a call."""
        return self._context

    @property
    def state(self) -> dict[str, Any]:
        """What stages keep from call to call."""
        return self._state

    def clear(self) -> None:
        """Empty `state` and `context`."""
        self._context = {}  # whoever holds that of a call keeps it
        self._state.clear()

    def __call__(self, signal: Any, env: Any = None) -> Any:
        """What the last stage returns."""
        self._context = {}
        for stage in self.stages:
            if stage is not None:
                signal = stage(signal, env)
        return signal

    def setup(self, env: Any) -> None:
        """`setup(env)` of every stage that has it."""
        self._each("setup", env)

    def reset(self, **kwargs: Any) -> None:
        """`reset(**kwargs)` of every stage that has it."""
        self._each("reset", **kwargs)

    def _each(self, name: str, *values: Any, **kwargs: Any) -> None:
        for stage in self.stages:
            method = getattr(stage, name, None)  # a stage may be a mere function
            if method is not None:
                method(*values, **kwargs)

    @property
    def output_space(self) -> Any:
        """That of the last stage."""
        last = [stage for stage in self.stages if stage is not None][-1:]
        return getattr(last[0], "output_space", None) if last else None

    def get_stage(self, stage: str | type) -> Any:
        """The first stage of a class, by the class or its name; a function by its own name.

        Raises:
            KeyError: there is none.
        """
        name = stage.__name__ if isinstance(stage, type) else stage
        held = [(_name(s), s) for s in self.stages if s is not None]
        for other, found in held:
            if other == name:
                return found
        raise unknown("stage", name, dict(held), KeyError)

    def __getstate__(self) -> dict[Any, Any]:
        return super().__getstate__() | {"__pydantic_private__": {"_context": {}, "_state": {}}}


def _name(stage: Any) -> str:
    return str(getattr(stage, "__name__", type(stage).__name__))
