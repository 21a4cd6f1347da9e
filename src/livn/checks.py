"""Validation at the public edge: each function returns the clean value or raises with the argument's name,
what was required and what came. Used where users enter, nowhere else."""

from __future__ import annotations

import difflib
import math
import numbers
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from livn.errors import UnknownName

__all__ = [
    "array",
    "boolean",
    "choice",
    "environment",
    "integer",
    "mapping",
    "names",
    "number",
    "path",
    "steps",
    "unknown",
]

MOST_STEPS = 1 << 53
"""Beyond it a time no longer tells one step from the next."""


def unknown(
    what: str,
    got: object,
    legal: Iterable[object],
    error: type[Exception] = ValueError,
    *,
    most: int = 30,
    also: Iterable[str] = (),
    where: str = "",
) -> Exception:
    """The exception for a name that matches nothing, with the legal names and a did-you-mean among them and `also`;
    `where` says whose names these are."""
    options = [str(o) for o in legal]
    shown = ", ".join(options[:most]) + (f", ... ({len(options)} in all)" if len(options) > most else "")
    hint = ""
    if isinstance(got, str):
        near = [*options, *also]
        close = difflib.get_close_matches(got, near, n=1, cutoff=0.6)
        if not close:  # difflib minds the case, people don't
            folded = {o.casefold(): o for o in near}
            close = [folded[m] for m in difflib.get_close_matches(got.casefold(), folded, n=1, cutoff=0.6)]
        hint = f"; did you mean {close[0]!r}?" if close else ""
    if error is KeyError:
        error = UnknownName
    place = f"{where}: " if where else ""
    return error(f"{place}unknown {what} {_shown(got)}; legal: {shown or 'none'}{hint}")


def _shown(value: Any) -> str:
    """What came, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def choice(what: str, got: Any, legal: Iterable[Any], error: type[Exception] = ValueError) -> Any:
    """`got` if it is among `legal`, else `unknown(...)`."""
    options = list(legal)
    try:
        found = got in options
    except (TypeError, ValueError):  # unhashable or array-valued comparisons
        found = False
    if not found:
        raise unknown(what, got, options, error)
    return got


def names(what: str, got: Any, legal: Iterable[str], error: type[Exception] = ValueError) -> list[str]:
    """A name or an iterable of names as a list, in the order given, each legal."""
    options = list(legal)
    if isinstance(got, str):
        got = [got]
    try:
        wanted = list(got)
    except TypeError:
        raise TypeError(f"{what} must be a name or a list of names, got {_shown(got)}") from None
    return [choice(what, name, options, error) for name in wanted]


def mapping(name: str, value: Any, of: str) -> dict[str, Any]:
    """A mapping whose keys are strings, as a new dict.

    Raises:
        TypeError: anything else; `of` tells what was wanted, for instance "names to numbers".
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must be a mapping of {of}, got {_shown(value)}")
    return dict(value)


def path(name: str, value: Any, wanted: str = "the name of a file") -> Path:
    """A path as a user gave it; `~` is the user's home.

    Raises:
        TypeError: neither a string nor a path of text.
        ValueError: empty, or with a character that no path has.
    """
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise TypeError(f"{name} must be {wanted}, got {_shown(value)}")
    if not text or "\0" in text:
        raise ValueError(f"{name} must be {wanted}, got {_shown(value)}")
    return Path(os.path.expanduser(text))  # unlike Path.expanduser leaves the ~ of nobody as it is


def _bounds(low: float | None, high: float | None, above: float | None) -> str:
    if low is not None and high is not None:
        return f"from {_plain(low)} to {_plain(high)}"
    parts = []
    if above is not None:
        parts.append(f"> {_plain(above)}")
    if low is not None:
        parts.append(f">= {_plain(low)}")
    if high is not None:
        parts.append(f"<= {_plain(high)}")
    return " and ".join(parts)


def _plain(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    unit: str = "",
) -> float:
    """A finite real number within bounds, as float. Booleans and strings are refused.

    Raises:
        TypeError: not a real number.
        ValueError: NaN, infinite, or out of bounds.
    """
    bounds = _bounds(low, high, above)
    wanted = "a finite number" + (f" {bounds}" if bounds else "") + (f", in {unit}" if unit else "")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be {wanted}, got {_shown(value)}")
    try:
        x = float(value)
    except OverflowError:  # an int beyond all floats
        x = math.inf
    if (
        not math.isfinite(x)
        or (low is not None and x < low)
        or (high is not None and x > high)
        or (above is not None and x <= above)
    ):
        raise ValueError(f"{name} must be {wanted}, got {_shown(value)}")
    return x


def integer(name: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """A whole number within bounds, as int (a NumPy integer is welcome, a boolean or 2.0 is not)."""
    bounds = _bounds(low, high, None)
    wanted = "a whole number" + (f" {bounds}" if bounds else "")
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be {wanted}, got {_shown(value)}")
    n = int(value)
    if (low is not None and n < low) or (high is not None and n > high):
        raise ValueError(f"{name} must be {wanted}, got {_shown(value)}")
    return n


def boolean(name: str, value: Any) -> bool:
    """True or False, nothing that merely counts as such."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {_shown(value)}")
    return bool(value)


def steps(name: str, value: Any, dt: float, *, least: int = 1) -> int:
    """The whole number of steps `dt` [ms] in `value` [ms].

    Raises:
        ValueError: `value` is no multiple of `dt` (to 1e-6 of a step), shorter than `least` steps, or beyond all use.
    """
    x = number(name, value, unit="ms")
    if x / dt > MOST_STEPS:
        raise ValueError(f"{name} must be at most {MOST_STEPS * dt:g} ms, 2^53 steps of dt = {dt:g} ms, got {x:g}")
    if x / dt < least - 1e-6:
        raise ValueError(f"{name} must be at least {least * dt:g} ms, got {x:g}")
    n = round(x / dt)
    if abs(x / dt - n) > 1e-6 * max(1.0, n * 1e-6):
        below, above = math.floor(x / dt) * dt, math.ceil(x / dt) * dt
        raise ValueError(
            f"{name} must be a multiple of the step dt = {dt:g} ms, got {x:.10g}; "
            f"nearest: {below:.10g} and {above:.10g}"
        )
    return n


def array(
    name: str, value: Any, *, shape: tuple[int | None, ...] | None = None, dtype: Any = np.float64, finite: bool = True
) -> np.ndarray:
    """`value` as a new array of `dtype` and `shape` (None: any length), finite unless told otherwise."""
    try:
        if np.asarray(value).dtype.kind in "bcSUmM":  # NumPy would convert truth values, texts and dates
            raise TypeError("not real numbers")
        a = np.array(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as e:
        raise ValueError(f"{name} must be an array of numbers, got {_shown(value)}") from e
    if shape is not None and (
        a.ndim != len(shape) or any(s is not None and s != n for s, n in zip(shape, a.shape, strict=True))
    ):
        wanted = "[" + ", ".join("n" if s is None else str(s) for s in shape) + "]"
        raise ValueError(f"{name} must have the shape {wanted}, got {list(a.shape)}")
    if finite and a.dtype.kind == "f" and not np.isfinite(a).all():
        first = np.argwhere(~np.isfinite(a))[0]
        raise ValueError(f"{name} must be finite, got {a[tuple(first)]}" + (f" at {first.tolist()}" if a.ndim else ""))
    return a


def environment(name: str, default: float) -> float:
    """The number >= 0 in an environment variable, or the default where it is not set.

    Raises:
        ValueError: something else is in it.
    """
    text = os.environ.get(name)
    if not text:
        return default
    try:
        return number(name, float(text), low=0.0)
    except ValueError:
        raise ValueError(f"the environment variable {name} must be a number >= 0, got {text!r}") from None
