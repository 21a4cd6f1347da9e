"""How regularly units fire."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from livn.decoding.base import SpikeDecoding, Spikes

__all__ = ["ISICV"]


class ISICV(SpikeDecoding):
    """Coefficient of variation of the intervals between a unit's spikes: 0 like a clock, 1 like a Poisson process.

    Per unit the population standard deviation of its intervals over their mean (Softky & Koch, J. Neurosci. 1993),
    then the mean over the units.

    Attributes:
        min_spikes_per_unit: units with fewer are left out; at least 2.

    Result:
        isi_cv: float, 0 if no unit was used.
        n_units_used: int, units with enough spikes, not all of them at one time.
    """

    min_spikes_per_unit: Annotated[int, Field(ge=2)] = 5

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        order = np.argsort(spikes.ids, kind="stable")  # keeps the order in time
        unit, n_spikes = np.unique(spikes.ids, return_inverse=True, return_counts=True)[1:]
        unit, times = unit[order], spikes.times[order]
        within = unit[1:] == unit[:-1]
        owner, interval = unit[1:][within], np.diff(times)[within]
        n, sums = (np.bincount(owner, weights, minlength=len(n_spikes)) for weights in (None, interval))
        mean = np.divide(sums, n, out=np.zeros(len(n)), where=n > 0)
        squares = np.bincount(owner, (interval - mean[owner]) ** 2, minlength=len(n_spikes))
        used = (n_spikes >= self.min_spikes_per_unit) & (mean > 0)
        cv = np.sqrt(squares[used] / n[used]) / mean[used]
        return {"isi_cv": float(cv.mean()) if len(cv) else 0.0, "n_units_used": len(cv)}
