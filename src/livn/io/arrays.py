"""Electrodes and cells as plain arrays: grids, distances, which cell is heard where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from livn import checks

__all__ = [
    "calculate_cell_stimulus",
    "calculate_distances",
    "channel_recording",
    "electrode_array_coordinates",
    "electrode_array_coordinates_for_area",
    "relative_distance",
]

MOST = 2**31
"""Ids are below it."""


def electrode_array_coordinates(
    pitch: float = 1000.0,
    xs: int = 4,
    ys: int = 4,
    xoffset: float = 500.0,
    yoffset: float = 500.0,
    z: float = 175.0,
) -> np.ndarray:
    """A rectangular grid of electrodes.

    Args:
        pitch: distance between neighbours, µm.
        xs, ys: number of columns and of rows.
        xoffset, yoffset: position of the first electrode, µm.
        z: height of all, µm.

    Returns:
        float64[xs·ys, 4], id, x, y, z, x fastest.

    Raises:
        ValueError, TypeError: a pitch <= 0, numbers below 1, positions that are not finite.
    """
    pitch = checks.number("pitch", pitch, above=0.0, unit="µm")
    xs, ys = checks.integer("xs", xs, low=1), checks.integer("ys", ys, low=1)
    x = checks.number("xoffset", xoffset, unit="µm") + pitch * np.arange(xs)
    y = checks.number("yoffset", yoffset, unit="µm") + pitch * np.arange(ys)
    z = checks.number("z", z, unit="µm")
    n = xs * ys
    return np.column_stack([np.arange(n), np.tile(x, ys), np.repeat(y, xs), np.full(n, z)])


def electrode_array_coordinates_for_area(
    pitch: float, area: Sequence[Sequence[float]] | ArrayLike, z: float = 0.0
) -> np.ndarray:
    """A grid centred on an area, per axis with the largest power of two of electrodes that fits.

    Args:
        pitch: distance between neighbours, µm.
        area: ((x0, y0), (x1, y1)), µm.
        z: height of all, µm.

    Returns:
        float64[C, 4], id, x, y, z, x fastest.

    Raises:
        ValueError: a pitch <= 0, or so small that the grid has 2^31 electrodes; an area whose second corner lies before
            its first.
    """
    pitch = checks.number("pitch", pitch, above=0.0, unit="µm")
    low, high = checks.array("area", area, shape=(2, 2))
    if (high < low).any():
        raise ValueError(f"area must be ((x0, y0), (x1, y1)) with x0 <= x1 and y0 <= y1, got {area!r:.200}")
    with np.errstate(over="ignore"):
        fits = np.floor((high - low) / pitch + 1e-9) + 1.0
    if fits.max() >= MOST or fits.prod() >= MOST:
        raise ValueError(f"pitch must leave fewer than 2^31 electrodes on the area, got {pitch:g} µm")
    xs, ys = (1 << (int(n).bit_length() - 1) for n in fits)
    first = (low + high - pitch * (np.array([xs, ys]) - 1)) / 2.0
    return electrode_array_coordinates(pitch, xs, ys, float(first[0]), float(first[1]), z)


def calculate_distances(cell_coordinates: ArrayLike, electrode_coordinates: ArrayLike) -> np.ndarray:
    """The distance of every electrode from every row of cells.

    Args:
        cell_coordinates: [M, 4], gid, x, y, z, µm.
        electrode_coordinates: [C, 4], id, x, y, z, µm.

    Returns:
        float64[C·M, 3], channel id, gid, µm; all rows of the first electrode, then of the next.

    Raises:
        ValueError: another shape, NaN, or ids that are no whole numbers >= 0.
    """
    cells = checked_rows("cell_coordinates", cell_coordinates)
    electrodes = checked_rows("electrode_coordinates", electrode_coordinates)
    out = np.empty((len(electrodes), len(cells), 3))
    out[..., 0], out[..., 1] = electrodes[:, :1], cells[:, 0]
    for row, electrode in zip(out, electrodes, strict=True):  # one at a time: the differences need no memory
        row[:, 2] = apart(cells, electrode)
    return out.reshape(-1, 3)


def checked_rows(name: str, value: ArrayLike) -> np.ndarray:
    """float64[n, 4], a new array: id, x, y, z, the ids whole numbers from 0 to 2^31 - 1; ValueError otherwise."""
    rows = checks.array(name, value, shape=(None, 4))
    ids = rows[:, 0]
    wrong = (ids != np.floor(ids)) | (ids < 0) | (ids >= MOST)
    if wrong.any():
        raise ValueError(f"{name}[:, 0] must be ids, whole numbers >= 0, got {ids[wrong][0]:.10g}")
    return rows


def apart(cells: np.ndarray, electrode: np.ndarray) -> np.ndarray:
    """float64[M]: distances of the rows [M, 4] from an electrode [4], µm."""
    d = cells[:, 1:] - electrode[1:]
    return np.sqrt(d[:, 0] ** 2 + d[:, 1] ** 2 + d[:, 2] ** 2)


def relative_distance(d: ArrayLike, boundary: float, filter_out_of_bounds: bool = False) -> np.ndarray:
    """Distances in units of a boundary: 0 at the electrode, 1 at the boundary.

    Args:
        d: [n, 3] as `calculate_distances` returns it, or distances [n], µm.
        boundary: µm.
        filter_out_of_bounds: drop what lies beyond the boundary.

    Returns:
        float64, the shape of `d` less the rows dropped.
    """
    boundary = checks.number("boundary", boundary, above=0.0, unit="µm")
    out = checks.array("d", d)
    if out.ndim != 1 and (out.ndim != 2 or out.shape[1] != 3):
        raise ValueError(f"d must have the shape [n, 3] (channel, gid, µm) or [n], got {list(out.shape)}")
    far = out if out.ndim == 1 else out[:, 2]
    far /= boundary
    return out[far <= 1.0] if checks.boolean("filter_out_of_bounds", filter_out_of_bounds) else out


def calculate_cell_stimulus(inputs: ArrayLike, induction: ArrayLike, n_gids: int | None = None) -> np.ndarray:
    """What cells receive of the inputs of channels: the sum of input x induction.

    Args:
        inputs: [B, T, C].
        induction: [n, 3], column of the input, column of the output, factor.
        n_gids: number of columns of the output; None: as many as the induction names.

    Returns:
        [B, T, n_gids], in the dtype of floating inputs.

    Raises:
        ValueError: a shape, or a column that is not there.
    """
    given = np.asarray(inputs)
    dtype = given.dtype if given.dtype.kind == "f" else np.float64
    given = checks.array("inputs", given, shape=(None, None, None), dtype=dtype)
    rows = checks.array("induction", induction, shape=(None, 3))
    columns = rows[:, :2]
    if (columns != np.floor(columns)).any() or (columns < 0).any() or (columns >= MOST).any():
        raise ValueError("induction must begin with whole numbers >= 0, the columns of input and output")
    source, target = columns.T.astype(np.int64)
    width = int(target.max(initial=-1)) + 1 if n_gids is None else checks.integer("n_gids", n_gids, low=0)
    for what, columns, n in (("inputs", source, given.shape[2]), ("n_gids", target, width)):
        if (columns >= n).any():
            raise ValueError(f"induction names column {columns.max()}, and {what} has {n}")
    out = np.zeros((*given.shape[:2], width), dtype)
    for c, g, factor in zip(source.tolist(), target.tolist(), rows[:, 2].astype(dtype), strict=True):
        out[..., g] += given[..., c] * factor
    return out


def channel_recording(mapping: Mapping[int, ArrayLike], ids: ArrayLike, *arrays: ArrayLike) -> Any:
    """Sort what was recorded of cells by the channels that hear them.

    Args:
        mapping: {channel: gids}; a cell may be heard by several channels, or by none.
        ids: [n], the cell of each entry.
        *arrays: [n, ...], entries, such as spike times or voltage traces.

    Returns:
        {channel: ids}, and for each array {channel: its entries}; the one dict alone if there are no arrays. Every
        channel is a key.

    Raises:
        ValueError: ids that are no whole numbers, arrays that do not go with the ids.
        TypeError: a mapping that is none.
    """
    return Heard(mapping).sort(ids, *arrays)


class Heard:
    """Which cells each channel hears, ordered by cell, so that many recordings can be sorted by it.

    Args:
        mapping: {channel: gids}.
    """

    def __init__(self, mapping: Mapping[int, ArrayLike]) -> None:
        if not isinstance(mapping, Mapping):
            raise TypeError(f"mapping must be {{channel: gids}}, got {mapping!r:.200}")
        cells = [np.unique(_checked_ids(f"mapping[{c!r}]", gids)) for c, gids in mapping.items()]
        gids = np.concatenate([np.empty(0, np.int64), *cells])
        channel = np.repeat(np.arange(len(cells)), [len(c) for c in cells])
        order = np.argsort(gids, kind="stable")
        self._channels, self._gids, self._channel = list(mapping), gids[order], channel[order]

    def sort(self, ids: ArrayLike, *arrays: ArrayLike) -> Any:
        """See `channel_recording`."""
        cells = _checked_ids("ids", ids)
        values = [np.asarray(a) for a in arrays]
        for i, a in enumerate(values):
            if not a.ndim or len(a) != len(cells):
                raise ValueError(f"array {i} must have one entry per id, {len(cells)}, got the shape {list(a.shape)}")
        first, last = (np.searchsorted(self._gids, cells, side) for side in ("left", "right"))
        count = last - first  # channels that hear the cell of an entry
        entry = np.repeat(np.arange(len(cells)), count)
        channel = self._channel[np.arange(len(entry)) + np.repeat(first - (np.cumsum(count) - count), count)]
        order = np.argsort(channel, kind="stable")
        parts = np.split(entry[order], np.searchsorted(channel[order], np.arange(1, len(self._channels))))
        mine = dict(zip(self._channels, parts, strict=False))  # without channels there is still one part
        sorted_ids = {channel: cells[part] for channel, part in mine.items()}
        if not values:
            return sorted_ids
        return (sorted_ids, *({channel: a[part] for channel, part in mine.items()} for a in values))


def _checked_ids(name: str, value: ArrayLike) -> np.ndarray:
    ids = np.asarray(value)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be whole numbers [n], got {value!r:.200}")
    return ids if ids.size else ids.astype(np.int64)
