"""Spike trains that cells are told to emit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from livn.checks import MOST_STEPS, array
from livn.frozen import frozen_ids

__all__ = ["SpikeTrains"]


class SpikeTrains:
    """Times by cell; as the source of a deferred Stimulus it makes rows of counts, a spike in the row nearest to it.

    Attributes:
        gids: int64 [n].
        times: per gid float64 [k], ms, ascending.
        dt: spacing of the rows, ms.
    """

    def __init__(self, gids: np.ndarray, times: list[np.ndarray], dt: float) -> None:
        self.gids, self.times, self.dt = gids, times, dt

    @classmethod
    def checked(cls, times: Any, dt: float) -> SpikeTrains:
        """From what a user gave, ascending by gid."""
        if not isinstance(times, Mapping):
            raise TypeError(f"times must be a mapping {{gid: times in ms}}, got {times!r:.200}")
        if not times:
            raise ValueError("times must name at least one cell, {gid: times in ms}")
        gids = frozen_ids("the gids of times", list(times))
        gids = gids[np.argsort(gids)]
        trains = []
        for gid in gids.tolist():
            train = np.sort(np.atleast_1d(array(f"times[{gid}]", times[gid])))
            if train.ndim != 1 or (train < 0.0).any() or (train > MOST_STEPS * dt).any():
                raise ValueError(
                    f"times[{gid}] must be a list of times from 0 to {MOST_STEPS * dt:g} ms, got {times[gid]!r:.200}"
                )
            trains.append(train)
        return cls(gids, trains, dt)

    @property
    def last(self) -> float:
        """The time of the last spike, ms; 0 without any."""
        return float(max((times[-1] for times in self.times if len(times)), default=0.0))

    @property
    def extent(self) -> float:
        """To the end of the row of the last spike, ms."""
        return (int(self._rows(np.array(self.last))) + 1) * self.dt

    def _rows(self, times: np.ndarray) -> np.ndarray:
        return np.floor(times / self.dt + 0.5).astype(np.int64)

    def __call__(self, start: float, stop: float) -> np.ndarray:
        """float64 [rows, n]: counts of the spikes in the rows of [start, stop) ms."""
        first, last = round(start / self.dt), round(stop / self.dt)
        out = np.zeros((last - first, len(self.gids)))
        for column, times in enumerate(self.times):
            rows = self._rows(times) - first
            np.add.at(out[:, column], rows[(rows >= 0) & (rows < last - first)], 1.0)
        return out

    def expand(self, gids: np.ndarray) -> SpikeTrains:
        """The same with a train for each of `gids`, empty where there is none."""
        held = dict(zip(self.gids.tolist(), self.times, strict=True))
        return SpikeTrains(gids, [held.get(gid, np.empty(0)) for gid in gids.tolist()], self.dt)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpikeTrains):
            return NotImplemented
        same = self.dt == other.dt and np.array_equal(self.gids, other.gids)
        return same and all(map(np.array_equal, self.times, other.times))

    __hash__ = None  # type: ignore[assignment]  # equal by content, and the content is arrays
