"""When the whole culture fires together."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.configured import NotNegative, Positive
from livn.decoding.base import SpikeDecoding, Spikes
from livn.decoding.units import ratio

__all__ = ["BurstRate"]

NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


class BurstRate(SpikeDecoding):
    """Network bursts: stretches of whole bins with more spikes, over all units, than a threshold.

        threshold = max(median + mad_k · 1.4826 · MAD, min_floor_fraction · units that fired, min_floor),

    median and MAD (median absolute deviation) of the spikes per bin: a robust form of mean and standard deviation
    (Leys et al., J. Exp. Soc. Psychol. 2013), which the bursts themselves hardly move.

    Attributes:
        bin_size: ms.
        mad_k: robust standard deviations above the median.
        min_floor_fraction: the threshold's least value as a share of the units that fired.
        min_floor: its least value, spikes per bin.

    Result:
        burst_rate_hz: float, bursts per second of the window's whole bins.
        n_bursts: int.
        threshold: float, spikes per bin; of nothing min_floor.
        onsets: float64 [n_bursts], start of the first bin of each burst, ms from the start of the run.
    """

    bin_size: Positive = 50.0
    mad_k: NotNegative = 5.0
    min_floor_fraction: NotNegative = 0.15
    min_floor: NotNegative = 3.0

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        counts = spikes.counts(self.bin_size)
        high = 0.0
        if len(counts):
            median = np.median(counts)
            high = float(median + self.mad_k * NORMAL * np.median(np.abs(counts - median)))
        threshold = max(high, self.min_floor_fraction * len(np.unique(spikes.ids)), self.min_floor)
        begins = np.flatnonzero(np.diff((counts > threshold).astype(np.int8), prepend=0) == 1)
        return {
            "burst_rate_hz": ratio(len(begins) * 1000, len(counts) * self.bin_size),
            "n_bursts": len(begins),
            "threshold": threshold,
            "onsets": begins * self.bin_size,
        }
