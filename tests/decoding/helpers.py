"""A small culture on electrodes, and trains of spikes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from livn import Env, Run
from livn.io import MEA
from livn.system import ParallelSystem

RANGES = {"EXC": (0, 3), "INH": (3, 2)}
"""The populations of `culture()`: cells 0 to 2, and 3 to 4."""


def culture() -> Env:
    """3 EXC and 2 INH, not connected; channel 0 hears the cells 0 and 1, channel 1 2 and 3, and channel 2 4."""
    electrodes = [[0, 50, 0, 0], [1, 250, 0, 0], [2, 400, 0, 0]]
    system = ParallelSystem({"EXC": 3, "INH": 2}, coordinates=100.0)
    return Env(system, io=MEA(electrodes, output_radius=60))


def trains(spikes: Mapping[int, Iterable[float]], duration: float = 1000.0, **window: Any) -> Run:
    """A run of these spikes, {cell: times in ms}."""
    pairs = [(gid, time) for gid, times in spikes.items() for time in times]
    return Run(duration=duration, **window).add_spikes(
        np.array([gid for gid, _ in pairs], np.int64), np.array([time for _, time in pairs], float)
    )


def counted(counts: Iterable[int], bin_size: float) -> Run:
    """A run of cell 0 that has so many spikes in each bin, all in its middle."""
    counts = np.array(list(counts), np.int64)
    times = np.repeat((np.arange(len(counts)) + 0.5) * bin_size, counts)
    return trains({0: times}, len(counts) * bin_size)


class Ranks:
    """A communicator of two ranks as rank 0 sees it; the other one has `theirs` of whatever is gathered."""

    def __init__(self, *theirs: Any) -> None:
        self.theirs = list(theirs)

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return 2

    def gather(self, value: Any, root: int = 0) -> list[Any]:
        return [value, self.theirs.pop(0)]

    def allgather(self, value: Any) -> list[Any]:
        return self.gather(value)

    def bcast(self, value: Any, root: int = 0) -> Any:
        return value
