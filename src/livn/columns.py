"""The columns of a stimulus: which cell and section each belongs to, and their values as an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from livn.checks import environment
from livn.frozen import frozen, frozen_ids

__all__ = ["allow", "column_sections", "dense_array", "spread", "spread_source"]


def dense_array(array: Any) -> np.ndarray:
    """An array [T, n] as a user gave it: finite, at least 1 x 1."""
    if array is None:
        raise ValueError("a stimulus needs an array [T, n], or source, gids and extent")
    a = frozen("array", array, np.float64)
    if a.ndim != 2 or not a.size:
        hint = "; for one column use array.reshape(-1, 1)" if a.ndim == 1 and a.size else ""
        raise ValueError(f"array must have the shape [T, n] with T, n >= 1, got {list(a.shape)}{hint}")
    if not np.isfinite(a).all():
        k, column = np.argwhere(~np.isfinite(a))[0].tolist()
        raise ValueError(f"array must be finite, got {a[k, column]} in row {k}, column {column}")
    return a


def column_sections(gids: np.ndarray | None, sections: ArrayLike | None, width: int) -> np.ndarray | None:
    """The section of each column, once every (gid, section) is known to occur once."""
    if gids is None:
        if sections is not None:
            raise ValueError("sections go with gids: give both")
        return None
    if len(gids) != width or not width:
        raise ValueError(f"gids must be one per column, {width or 'at least 1'}, got {len(gids)}")
    if sections is None:
        order = np.argsort(gids, kind="stable")
        _, start, count = np.unique(gids[order], return_index=True, return_counts=True)
        labels = np.empty(width, dtype=np.int64)
        labels[order] = np.arange(width) - np.repeat(start, count)
        return frozen("sections", labels)
    labels = frozen_ids("sections", sections)
    if len(labels) != width:
        raise ValueError(f"sections must be one per column, {width}, got {len(labels)}")
    pairs, count = np.unique(np.stack([gids, labels]), axis=1, return_counts=True)
    if (count > 1).any():
        gid, section = pairs[:, count.argmax()].tolist()
        raise ValueError(f"each (gid, section) must have one column, got {count.max()} of gid {gid}, section {section}")
    return labels


def spread(rows: ArrayLike, places: np.ndarray, width: int) -> np.ndarray:
    """Rows with their columns at some places among `width`, zero elsewhere."""
    values = np.asarray(rows)
    out = np.zeros((len(values), width))
    out[:, places] = values
    return out


def spread_source(
    source: Callable[[float, float], ArrayLike], places: np.ndarray, width: int, start: float, stop: float
) -> np.ndarray:
    """`spread` of what a source makes."""
    return spread(source(start, stop), places, width)


def allow(rows: int, width: int) -> None:
    """Refuse a dense array over the cap, LIVN_MAX_STIMULUS_GB (GiB; 5 by default, 0 = no cap)."""
    cap = environment("LIVN_MAX_STIMULUS_GB", 5.0)
    size = 8 * rows * width / 2**30
    if 0 < cap < size:
        raise MemoryError(
            f"a stimulus of {rows} x {width} values takes {size:.3g} GiB, more than LIVN_MAX_STIMULUS_GB = {cap:g}; "
            "use fewer columns, longer rows or a source, or raise the cap (0 = none)"
        )
