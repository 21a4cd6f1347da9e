"""Neuronal avalanches."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.configured import Positive
from livn.decoding.base import SpikeDecoding, Spikes

__all__ = ["AvalancheAnalysis"]

POINTS = 3
"""Fewest bins of the size distribution that a line is put through."""


class AvalancheAnalysis(SpikeDecoding):
    """Avalanches (Beggs & Plenz, J Neurosci, 2003): runs of bins with spikes, an empty bin before and after.

    Those that touch the start or the end of the window are left out, for nobody knows how long they are, and so is what
    is left of the window after the last whole bin.

    Attributes:
        bin_width: ms; Beggs & Plenz take about the mean interval between the spikes of the whole culture. In wider bins
            avalanches run into each other, until all is one.

    Result:
        n_avalanches: int.
        mean_size: float, spikes per avalanche; 0 without any.
        mean_duration: float, ms, bins times `bin_width`; 0 without any.
        branching_ratio: float, descendants per ancestor: the spikes in an avalanche's second bin over those in its
            first (0 for one of a single bin), averaged over avalanches; near 1 where activity neither dies out nor
            grows; 0 without avalanches.
        size_power_law_exponent: float, the slope a of P(size) ~ size^a, about -3/2 in cortical cultures: least squares
            of the logarithms over the classes [1], [2, 3], [4, 7], ..., each twice as wide as the one before. P is the
            share of avalanches per whole size in the class, whose place is the geometric mean of its ends; empty ones
            don't count. NaN with fewer than three that do.
        size_power_law_r2: float, the squared correlation of that fit; NaN where there is none, or all P are equal.
    """

    bin_width: Positive = 4.0

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        counts = spikes.counts(self.bin_width)
        active = counts > 0
        begins = np.flatnonzero(~active[:-1] & active[1:]) + 1
        ends = np.flatnonzero(active[:-1] & ~active[1:]) + 1
        ends = ends[ends > begins[0]] if len(begins) else ends[:0]  # an end without a beginning
        begins = begins[: len(ends)]
        n = len(ends)
        total = np.append(0, np.cumsum(counts))
        sizes = total[ends] - total[begins]
        exponent, r2 = _power_law(sizes)
        return {
            "n_avalanches": n,
            "mean_size": float(sizes.mean()) if n else 0.0,
            "mean_duration": float((ends - begins).mean() * self.bin_width) if n else 0.0,
            "branching_ratio": float((counts[begins + 1] / counts[begins]).mean()) if n else 0.0,
            "size_power_law_exponent": exponent,
            "size_power_law_r2": r2,
        }


def _power_law(sizes: np.ndarray) -> tuple[float, float]:
    """Exponent and r² of a distribution of whole numbers >= 1."""
    from scipy.stats import linregress

    octave = np.frexp(sizes)[1] - 1  # of 1; of 2 and 3; of 4 to 7
    counts = np.bincount(octave)
    filled = np.flatnonzero(counts)
    if len(filled) < POINTS:
        return np.nan, np.nan
    width = 2.0**filled
    fit = linregress(np.log(np.sqrt(width * (2 * width - 1))), np.log(counts[filled] / width))
    return float(fit.slope), float(fit.rvalue**2)
