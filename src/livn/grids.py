"""Two time grids against each other: rows of one averaged over the steps of the other, without losing any."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

__all__ = ["averages", "ratio"]

BLOCK = 1 << 16  # steps or rows at a time: bounds the memory of a window and keeps its integers far from 2^63


def ratio(row_dt: float, step_dt: float) -> tuple[int, int]:
    """Two spacings [ms] as whole numbers of a common unit, so that grids are compared without rounding.

    Spacings within 1e-9 of a whole multiple count as one (0.3 and 0.1 do not divide in binary); any other ratio is the
    simplest fraction within 1e-12.
    """
    multiple = max(row_dt, step_dt) / min(row_dt, step_dt)
    n = round(multiple)
    if abs(multiple - n) <= 1e-9 * n:
        return (n, 1) if row_dt > step_dt else (1, n)
    exact, limit = Fraction(row_dt) / Fraction(step_dt), 1
    while abs((close := exact.limit_denominator(limit)) - exact) > exact / 10**12:
        limit *= 2
    return close.numerator, close.denominator


def averages(
    fetch: Callable[[int, int], np.ndarray],
    shape: tuple[int, int],
    row_dt: float,
    step_dt: float,
    start: int,
    n_steps: int,
) -> np.ndarray:
    """float64 [n_steps, n]: the mean of the rows over each step, zero past the last row.

    Row j holds over [j·row_dt, (j+1)·row_dt), step k is [k·step_dt, (k+1)·step_dt), both from a common zero. A step's
    sum runs over its rows in order whatever the window, so any partition into windows gives the same bits.

    Args:
        fetch: `fetch(first, last)` -> float64 [last - first, n], these rows.
        shape: number of rows and of columns.
        row_dt: ms.
        step_dt: ms.
        start: number of the first step.
        n_steps: how many.
    """
    row, step = ratio(row_dt, step_dt)
    out = np.zeros((n_steps, shape[1]))
    block = max(1, min(BLOCK, BLOCK * row // step))
    for i in range(0, n_steps, block):
        _average(out[i : i + block], fetch, shape[0], start + i, row, step)
    return out


def _average(
    out: np.ndarray, fetch: Callable[[int, int], np.ndarray], n_rows: int, start: int, row: int, step: int
) -> None:
    """Add the means of the steps from `start` to `out`; a row lasts `row` units of time, a step `step`."""
    origin = start * step // row  # rows and times are counted from here, so that they stay small
    begin = np.arange(len(out)) * step + (start * step - origin * row)
    first = begin // row
    count = int(((begin + step - 1) // row - first).max()) + 1  # rows that one step can touch
    last = min(n_rows - origin, int(first[-1]) + count)
    if last <= 0:
        return
    rows = fetch(origin, origin + last)
    for j in range(count):
        index = first + j
        shared = np.minimum((index + 1) * row, begin + step) - np.maximum(index * row, begin)
        weight = np.where(index < last, np.maximum(shared, 0) / step, 0.0)
        out += weight[:, None] * rows[np.minimum(index, last - 1)]
