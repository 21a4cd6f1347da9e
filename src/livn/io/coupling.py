"""How electrodes act on compartments, and compartments on electrodes: a sparse matrix, by electrode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from livn.io.arrays import apart

__all__ = ["Coupling"]


class Coupling:
    """Potentials per current between each electrode and the rows near it.

    Args:
        coordinates: float64[M, 4], rows of one cell beside each other or not; its first is its soma.
        electrodes: float64[C, 4].
        radius: how far an electrode reaches, µm.
        gain: gain(distances µm) -> potential per current.
        by_soma: all rows of the cells whose soma lies within the radius are near, else the rows that lie within.

    Attributes:
        coordinates: as given.
        gids: int64[M].
        strengths: float64[C], the sum over the rows that each electrode reaches.
        reached: int64[m], the rows that some electrode reaches, ascending.
    """

    def __init__(
        self,
        coordinates: np.ndarray,
        electrodes: np.ndarray,
        radius: float,
        gain: Callable[[np.ndarray], np.ndarray],
        by_soma: bool,
    ) -> None:
        self.coordinates = coordinates
        self.gids = coordinates[:, 0].astype(np.int64)
        places, cell = coordinates, np.arange(len(coordinates))
        if by_soma:
            _, soma, cell = np.unique(self.gids, return_index=True, return_inverse=True)
            places = coordinates[soma]
        self._rows = [np.flatnonzero((apart(places, e) <= radius)[cell]) for e in electrodes]
        self._gains = [gain(apart(coordinates[rows], e)) for rows, e in zip(self._rows, electrodes, strict=True)]
        self.strengths = np.array([gains.sum() for gains in self._gains])
        self.reached = np.unique(np.concatenate(self._rows))

    def potentials(self, currents: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """float64[T, M] mV of currents [T, C] µA, or [T, len(rows)] at some rows, ascending, with all those reached.

        A number depends on its own row of currents alone, bit for bit: a window may be cut anywhere (a product of
        matrices would round differently with its size).
        """
        width = len(self.gids) if rows is None else len(rows)
        out = np.zeros((len(currents), width))
        on = np.flatnonzero(currents.any(axis=1))  # a pulse train is silent most of the time
        if not len(on):
            return out
        active = currents[on]
        sums = np.zeros((len(on), width))
        for c in np.flatnonzero(active.any(axis=0)).tolist():
            places = self._rows[c] if rows is None else np.searchsorted(rows, self._rows[c])
            sums[:, places] += active[:, c, None] * self._gains[c]
        out[on] = sums
        return out

    def sums(self, values: np.ndarray, electrodes: Sequence[int]) -> np.ndarray:
        """float64[len(electrodes), T]: values [M, T] of the rows near some electrodes, added up by their gains."""
        out = np.empty((len(electrodes), values.shape[1]))
        for row, e in zip(out, electrodes, strict=True):
            row[:] = self._gains[e] @ values[self._rows[e]]
        return out

    def dense(self) -> np.ndarray:
        """float64[C, M]: all of it, 0 where an electrode does not reach."""
        out = np.zeros((len(self._rows), len(self.gids)))
        for row, places, gains in zip(out, self._rows, self._gains, strict=True):
            row[places] = gains
        return out
