"""Values and the Gymnasium spaces they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

__all__ = ["finite_box", "into", "joined", "of_space", "symmetric"]


def into(space: Any, value: Any) -> Any:
    """The member of a space that a number or numbers mean: clipped to a Box, rounded and clipped to a discrete one.

    Raises:
        ValueError: numbers of another shape, or NaN.
    """
    if not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return value
    try:
        given, shape = np.asarray(value, np.float64), space.shape or ()
    except (TypeError, ValueError):
        text = f"the stage before GymStep must give the task's action, in {space}, got {value!r:.200}"
        raise ValueError(text) from None
    if given.size != int(np.prod(shape)):
        raise ValueError(f"the task takes actions of shape {list(shape)}, got {list(given.shape)}")
    given = given.reshape(shape)
    if np.isnan(given).any():
        raise ValueError("the task's action must be numbers, got NaN")
    if isinstance(space, spaces.Box):
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        if np.issubdtype(space.dtype, np.integer):
            given = np.round(given)
        return np.asarray(np.clip(given, low, high)).astype(space.dtype)
    if isinstance(space, spaces.MultiBinary):
        first, last = np.zeros(space.shape), np.ones(space.shape)
    else:
        n = space.n if isinstance(space, spaces.Discrete) else space.nvec
        first = np.asarray(space.start, np.float64)
        last = first + n - 1
    whole = np.clip(np.round(given), first, last).astype(space.dtype)
    return space.dtype.type(whole) if isinstance(space, spaces.Discrete) else whole


def of_space(space: Any, value: Any) -> Any:
    """`value`, an array of a Box's type for a Box, if the space has it.

    Raises:
        ValueError: it has not.
    """
    if isinstance(space, spaces.Box):
        try:
            value = np.array(value, dtype=space.dtype)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"action must be an array of numbers, in {space}, got {value!r:.200}") from None
    if not space.contains(value):
        raise ValueError(f"action must be in {space}, got {value!r:.200}")
    return value


def symmetric(space: Any) -> Any:
    """A space of actions, if its Boxes are finite and symmetric.

    Raises:
        ValueError: one is not.
    """
    for part in _parts(space):
        if isinstance(part, spaces.Box) and not (np.isfinite(part.high).all() and (part.low == -part.high).all()):
            raise ValueError(
                f"encoding.input_space must be finite and symmetric, such as Box(-1, 1, {part.shape}), got {part}: "
                "let the encoding scale it"
            )
    return space


def _parts(space: Any) -> list[Any]:
    if isinstance(space, spaces.Tuple | spaces.Dict):
        held = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        return [p for s in held for p in _parts(s)]
    return [space]


def finite_box(space: Any) -> Any:
    """The same space, with the largest number of its type in place of an infinite bound of a Box."""
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        return space
    most = np.finfo(space.dtype).max
    return spaces.Box(np.clip(space.low, -most, most), np.clip(space.high, -most, most), dtype=space.dtype.type)


def joined(space: Any, parts: list[tuple[int, float, float]]) -> Any:
    """A vector Box, made longer by parts of (length, low, high).

    Raises:
        ValueError: there are parts, and the space is no vector of floats.
    """
    space = finite_box(space)
    if not parts:
        return space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or not np.issubdtype(space.dtype, np.floating):
        raise ValueError(
            f"an ObsAugmentation needs a task whose observation is a vector, Box(..., (n,), float), got {space}; "
            "gymnasium.wrappers.FlattenObservation makes it one"
        )
    low = np.concatenate([space.low, *(np.full(n, a) for n, a, _ in parts)])
    high = np.concatenate([space.high, *(np.full(n, b) for n, _, b in parts)])
    return finite_box(spaces.Box(low.astype(space.dtype), high.astype(space.dtype), dtype=space.dtype.type))
