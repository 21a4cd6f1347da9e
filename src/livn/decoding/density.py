"""Firing rates as continuous functions of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from livn.checks import array, number
from livn.configured import NotNegative, Positive
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.decoding.bins import whole_bins
from livn.decoding.units import members, ratio

__all__ = ["PopulationSpikeDensity", "baks"]

PAIRS = 1 << 15
"""Pairs of a time and a spike at once: what fits the cache."""


def baks(spikes_s: ArrayLike, time_s: ArrayLike, alpha: float = 4.77, beta: float | None = None) -> np.ndarray:
    """Firing rate of one spike train by Bayesian adaptive kernel smoothing (BAKS).

    Ahmadi, Constandinou & Bouganis, PLoS ONE 2018: the rate is a sum of Gaussian kernels, one per spike, whose
    bandwidth is estimated at every time from the n spikes, under a gamma prior of the precision. With
    x_i = (t - s_i)²/2 + 1/beta,

        h(t) = Γ(alpha) / Γ(alpha + 1/2) · Σ x_i^(-alpha) / Σ x_i^(-alpha - 1/2),
        rate(t) = Σ exp(-(t - s_i)² / 2h²) / (√(2π) h).

    As h grows with the distance from the spikes, the rate falls off as 1/distance only.

    Args:
        spikes_s: float [n], spike times, s, in any order.
        time_s: float [T], where the rate is wanted, s.
        alpha: shape of the prior, > 0.
        beta: scale of the prior, > 0, 1/s²; None: n^(4/5), as in the paper.

    Returns:
        float64 [T], Hz; 0 everywhere without spikes.

    Raises:
        ValueError: not one dimension, not finite, or a parameter that is not positive.
        TypeError: a parameter that is not a number.
    """
    from scipy.special import poch, softmax

    spikes, time = array("spikes_s", spikes_s, shape=(None,)), array("time_s", time_s, shape=(None,))
    alpha = number("alpha", alpha, above=0)
    beta = len(spikes) ** 0.8 if beta is None else number("beta", beta, above=0, unit="1/s²")
    rate = np.zeros(len(time))
    rows = max(1, PAIRS // max(len(spikes), 1))
    for first in range(0, len(time) if len(spikes) else 0, rows):
        part = slice(first, first + rows)
        apart = time[part, None] - spikes
        # 1/h is a mean of x^(-1/2), weighted by x^(-alpha): by way of logarithms no power under- or overflows
        root = np.hypot(apart / np.sqrt(2), 1 / np.sqrt(beta))
        weights = softmax(-2 * alpha * np.log(root), axis=1)
        h = 1 / (poch(alpha, 0.5) * (weights / root).sum(axis=1))
        rate[part] = np.exp(-0.5 * (apart / h[:, None]) ** 2).sum(axis=1) / (np.sqrt(2 * np.pi) * h)
    return rate


class PopulationSpikeDensity(SpikeDecoding):
    """Firing rates by population from the smoothed rate of every cell, `baks`. Needs the env.

    A cell is active if its rate, averaged over the window, exceeds the threshold, and active in a bin if its rate in
    the middle of the bin does. Work grows with the spikes of each cell times the bins. The result is a dict of
    population to a dict.

    Attributes:
        temporal_resolution: spacing of the times that rates are averaged over, ms.
        stability_resolution: width of the bins of `*_fraction_active_per_bin`, ms.
        active_threshold: Hz.
        baks_alpha, baks_beta: of `baks`.

    Result:
        mean_rate: float, mean over the active cells, Hz; 0 if none is active.
        fraction_active: float, n_active / n_total.
        mean_fraction_active_per_bin, std_fraction_active_per_bin: float, mean and population standard deviation, over
            the bins, of the share of the cells that are active in a bin.
        rate_cv: float, coefficient of variation over the active cells: population standard deviation / mean.
        n_total: int, simulated cells.
        n_active: int, active cells.
    """

    temporal_resolution: Positive = 2.0
    stability_resolution: Positive = 2.0
    active_threshold: NotNegative = 0.01
    baks_alpha: Positive = 4.77
    baks_beta: Positive | None = None

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        times, middles = (_middles(spikes, dt) for dt in (self.temporal_resolution, self.stability_resolution))
        order = np.argsort(spikes.ids, kind="stable")
        units, starts = np.unique(spikes.ids[order], return_index=True)
        pieces = np.split(spikes.times[order] / 1000, starts[1:])
        trains = dict(zip(units.tolist(), pieces, strict=False))  # of no spikes there is one empty piece
        result = {}
        for population, gids in members(needed(env, self)).items():
            means, active = [], np.zeros(len(middles), np.int64)
            for train in (trains[gid] for gid in gids.tolist() if gid in trains):
                rate = baks(train, times, self.baks_alpha, self.baks_beta)
                same = self.temporal_resolution == self.stability_resolution
                coarse = rate if same else baks(train, middles, self.baks_alpha, self.baks_beta)
                means.append(ratio(rate.sum(), len(rate)))
                active += coarse > self.active_threshold
            result[population] = self._summary(np.array(means), active, len(gids))
        return result

    def _summary(self, means: np.ndarray, active: np.ndarray, n_total: int) -> dict[str, Any]:
        rates = means[means > self.active_threshold]
        mean_rate = ratio(rates.sum(), len(rates))
        shares = active / max(n_total, 1)
        return {
            "mean_rate": mean_rate,
            "fraction_active": ratio(len(rates), n_total),
            "mean_fraction_active_per_bin": float(shares.mean()) if len(shares) else 0.0,
            "std_fraction_active_per_bin": float(shares.std()) if len(shares) else 0.0,
            "rate_cv": ratio(rates.std(), mean_rate) if len(rates) else 0.0,
            "n_total": n_total,
            "n_active": len(rates),
        }


def _middles(spikes: Spikes, bin_size: float) -> np.ndarray:
    """The middles of the whole bins of a window, s."""
    return (np.arange(whole_bins(spikes.duration, bin_size)) + 0.5) * bin_size / 1000
