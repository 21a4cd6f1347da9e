"""What decodings ask the env about its cells, and what they share in counting units."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.decoding.base import Spikes
from livn.decoding.bins import bin_of

__all__ = ["active_per_bin", "members", "ratio"]


def members(env: Any) -> dict[str, np.ndarray]:
    """The simulated cells by population: int64 [n] gids, ascending, on every MPI rank those of all."""
    gids, ranges, active = np.asarray(env.system.gids), env.system.population_ranges, env.active_gids()
    rows = {name: slice(ranges[name][0], sum(ranges[name])) for name in env.active_populations()}
    return {name: np.intersect1d(gids[part], active) for name, part in rows.items()}


def active_per_bin(spikes: Spikes, bin_size: float) -> np.ndarray:
    """int64 [bins]: units with at least one spike in each whole bin of `bin_size` ms."""
    units, unit = np.unique(spikes.ids, return_inverse=True)
    first = np.sort(np.unique(bin_of(spikes.times, bin_size) * max(len(units), 1) + unit, return_index=True)[1])
    return spikes._replace(ids=spikes.ids[first], times=spikes.times[first]).counts(bin_size)


def ratio(a: float, b: float) -> float:
    """a / b, or 0 where b is 0: of nothing there is nothing."""
    return float(a / b) if b else 0.0
