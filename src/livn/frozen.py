"""Records that do not change once made: the base of what a run returns and of what it is given."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Frozen", "frozen", "frozen_ids"]


class Frozen:
    """Base of an immutable record: attributes are set once by `_set`, equality is by content, pickling keeps both."""

    @classmethod
    def _made(cls, **values: object) -> Self:
        """A record of all its attributes, known to be legal: they are not looked at; arrays become read-only."""
        record = cls.__new__(cls)
        record.__setstate__(values)
        return record

    def _set(self, **values: object) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return _same(self.__dict__, other.__dict__) if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by content, and the content is arrays

    def __setstate__(self, state: dict[str, object]) -> None:
        for value in state.values():  # NumPy unpickles arrays writable
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        kinds = np.asarray(a).dtype.kind + np.asarray(b).dtype.kind
        return np.array_equal(a, b, equal_nan=kinds == "ff")
    return bool(a == b)


def _changeable(a: np.ndarray) -> bool:
    """Whether anyone can still write to the memory of `a`, directly or through the array it is a view of."""
    return a.flags.writeable or (isinstance(a.base, np.ndarray) and _changeable(a.base))


def frozen(name: str, value: ArrayLike, dtype: Any = None) -> np.ndarray:
    """`value` as a read-only array of real numbers: itself where nobody can write to it, else a copy.

    Args:
        name: what the message calls it.
        value: anything NumPy makes a real array of, any shape.
        dtype: converted to this; None keeps the kind and the precision that came.

    Raises:
        ValueError: ragged, or not real numbers.
    """
    try:
        a = np.asarray(value)
    except ValueError as e:
        raise ValueError(f"{name} must be an array of numbers with rows of equal length, got {value!r:.200}") from e
    if a.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got {value!r:.200}")
    if dtype is not None and a.dtype != dtype:
        a = a.astype(dtype)
    elif _changeable(a):
        a = a.copy()
    a.flags.writeable = False
    return a


def frozen_ids(name: str, value: Any) -> np.ndarray:
    """`value` as a read-only int64 array [n] of non-negative ids.

    Raises:
        TypeError: not whole numbers.
        ValueError: not one-dimensional, or a negative id.
    """
    a = frozen(name, value)
    if a.ndim != 1:
        raise ValueError(f"{name} must be a list of ids [n], got the shape {list(a.shape)}")
    if a.size and a.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, got {value!r:.200}")
    if a.size and a.min() < 0:
        raise ValueError(f"{name} must not be negative, got {a.min()} at {a.argmin()}")
    return frozen(name, a, np.int64)
