"""Comparisons that fail with a reason: what was compared, what was expected, what came, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from livn.engine.conformance.checklist import Failed
from livn.run import Run

__all__ = ["close", "lateness", "require", "same", "same_spikes", "series", "spikes", "steps_of", "taking", "throws"]

Where = Callable[..., str]
"""From an index, one argument per axis, to words."""


def require(condition: Any, reason: str) -> None:
    """Fail with the reason unless the condition holds."""
    if not condition:
        raise Failed(reason)


def close(
    what: str,
    got: Any,
    expected: Any,
    *,
    rtol: float = 0.0,
    atol: float | np.ndarray = 0.0,
    unit: str = "",
    where: Where | None = None,
) -> None:
    """Two arrays of one shape must agree within atol + rtol·|expected|; the reason tells of the worst place.

    `atol` is a number or an array of that shape.
    """
    a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    require(a.shape == b.shape, f"{what}: expected the shape {list(b.shape)}, got {list(a.shape)}")
    with np.errstate(invalid="ignore"):
        excess = np.abs(a - b) - (atol + rtol * np.abs(b))
    excess = np.where(np.isnan(excess), np.inf, excess)
    wrong = (excess > 0) & (a != b) & ~(np.isnan(a) & np.isnan(b))
    if wrong.any():
        at = np.unravel_index(int(np.argmax(np.where(wrong, excess, -np.inf))), a.shape)
        here = float(np.broadcast_to(atol, a.shape)[at])
        allowed = [f"{here:g} {unit}".strip()] * (here > 0) + [f"{rtol:g} relative"] * (rtol > 0)
        raise Failed(
            f"{what}{_place(at, where)}: expected {_number(b[at], unit)}, got {_number(a[at], unit)}, "
            f"{_number(a[at] - b[at], unit)} apart where {' and '.join(allowed) or 'nothing'} is allowed{_count(wrong)}"
        )


def same(what: str, got: Any, expected: Any, *, unit: str = "", where: Where | None = None) -> None:
    """Two arrays must be the same bit for bit, in shape and type too."""
    a, b = np.asarray(got), np.asarray(expected)
    require(a.shape == b.shape, f"{what}: expected the shape {list(b.shape)}, got {list(a.shape)}")
    require(a.dtype == b.dtype, f"{what}: expected the type {b.dtype}, got {a.dtype}")
    wrong = np.asarray(a != b)
    if a.dtype.kind == "f":
        wrong &= ~(np.isnan(a) & np.isnan(b))
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        real = a.dtype.kind == "f"
        expected_there = f"{_exact(b[at])} {unit}".strip() + " to the last bit" * real
        apart = f", {_number(float(a[at]) - float(b[at]), unit)} apart" * real
        raise Failed(f"{what}{_place(at, where)}: expected {expected_there}, got {_exact(a[at])}{apart}{_count(wrong)}")


def same_spikes(what: str, got: tuple[Any, Any], expected: tuple[Any, Any], dt: float) -> None:
    """Two sets of spikes, each (ids, times [ms]), must be equal to the step; the reason tells of the earliest."""
    odd = []
    ids = np.union1d(got[0], expected[0]).astype(np.int64)
    for gid in ids.tolist():
        a, b = (np.sort(steps_of(np.asarray(s[1])[np.asarray(s[0]) == gid], dt)) for s in (got, expected))
        n = min(len(a), len(b))
        differ = np.flatnonzero(a[:n] != b[:n])
        if len(differ):
            k = int(differ[0])
            text = f"expected at {b[k] * dt:.10g} ms, got {a[k] * dt:.10g} ms, {lateness(a[k] - b[k])}"
            odd.append((min(a[k], b[k]), gid, k, text))
        elif len(a) != len(b):
            more, word = (a, "expected none, got one") if len(a) > n else (b, "expected one, got none")
            odd.append((more[n], gid, n, f"{word} at {more[n] * dt:.10g} ms"))
    if odd:
        _, gid, k, text = min(odd)
        raise Failed(
            f"{what}: spike {k + 1} of cell {gid}: {text}; {len(odd)} of {len(ids)} cells differ "
            f"({len(got[0])} spikes, expected {len(expected[0])})"
        )


def lateness(steps: Any) -> str:
    """A difference in steps in words: "1 step late"."""
    plural = "" if abs(steps) == 1 else "s"
    return f"{abs(steps)} step{plural} {'late' if steps > 0 else 'early'}"


def steps_of(times: Any, dt: float) -> np.ndarray:
    """int64[n], times [ms] in whole steps."""
    return np.rint(np.asarray(times) / dt).astype(np.int64)


def spikes(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(ids, times [ms]) of a run's spikes."""
    ids, times = run.spike_ids, run.spike_times
    if ids is None or times is None:
        raise Failed("record_spikes() was called, but the run holds no spikes")
    return ids, times


def series(run: Run, name: str, gid: int | None = None, section: str | None = None) -> np.ndarray:
    """float64[n, T], the rows of a series; of one cell and section: [T]."""
    ids, values, sections = run.ids(name), run.values(name), run.sections(name)
    if ids is None or values is None or sections is None:
        raise Failed(f"record({name!r}) was called, but the run holds no such series with sections")
    if gid is None:
        return values
    rows = np.flatnonzero((ids == gid) & (sections == section))
    require(len(rows) == 1, f"{name!r} of cell {gid}, {section}: expected one row, got {len(rows)}")
    row: np.ndarray = values[rows[0]]
    return row


def throws(what: str, error: type[BaseException], call: Callable[[], object], *words: str) -> Any:
    """The call must raise this error with these words in its message; returns the exception."""
    try:
        call()
    except error as e:
        missing = [word for word in words if word not in str(e)]
        require(not missing, f"{what}: the message of the {error.__name__} lacks {', '.join(missing)}: {e}")
        return e
    except Exception as e:
        raise Failed(f"{what}: expected {error.__name__}, got {type(e).__name__}: {e}") from None
    raise Failed(f"{what}: expected {error.__name__}, and nothing was raised")


def taking(label: str, *names: str) -> Where:
    """Words for an index: `taking("cell", "sample")` says "cell 3, sample 17"."""
    return lambda *at: ", ".join(f"{name} {i}" for name, i in zip((label, *names), at, strict=True))


def _place(at: tuple[Any, ...], where: Where | None) -> str:
    if not at:
        return ""
    plain = tuple(int(i) for i in at)
    return f" at {where(*plain) if where is not None else list(plain)}"


def _count(wrong: np.ndarray) -> str:
    return f"; {int(wrong.sum())} of {wrong.size} differ" if wrong.size > 1 else ""


def _number(x: float, unit: str) -> str:
    return f"{x:.9g} {unit}".strip()


def _exact(x: Any) -> str:
    return repr(x.item()) if isinstance(x, np.generic) else repr(x)
