"""How the activity of populations, and of the culture as a whole, varies in time."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from pydantic import model_validator

from livn.configured import Positive
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.decoding.bins import whole_bins
from livn.decoding.units import active_per_bin, members, ratio

__all__ = ["PopulationActiveFraction", "PopulationAutocorrTau", "PopulationRateMetrics"]


class PopulationActiveFraction(SpikeDecoding):
    """Share of a population's simulated cells that fire in a bin, over the whole bins of the window. Needs the env.

    Attributes:
        bin_size: ms.

    Result:
        mean_active_fraction, std_active_fraction: dict of population to float, mean and population standard deviation
            over the bins.
        bin_size: float, ms.
        n_bins: int.
    """

    bin_size: Positive = 50.0

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        mean, std, n_bins = {}, {}, whole_bins(spikes.duration, self.bin_size)
        for population, gids in members(needed(env, self)).items():
            own = np.isin(spikes.ids, gids)
            active = active_per_bin(spikes._replace(ids=spikes.ids[own], times=spikes.times[own]), self.bin_size)
            some = n_bins and len(gids)
            mean[population] = float(active.mean() / len(gids)) if some else 0.0
            std[population] = float(active.std() / len(gids)) if some else 0.0
        return {"mean_active_fraction": mean, "std_active_fraction": std, "bin_size": self.bin_size, "n_bins": n_bins}


class PopulationRateMetrics(SpikeDecoding):
    """How the number of spikes of the whole culture varies from bin to bin, over the whole bins of the window.

    Attributes:
        bin_size: ms.

    Result:
        mean_count, std_count: float, spikes per bin, mean and population standard deviation.
        coefficient_of_variation: float, std_count / mean_count; 0 without spikes.
        fano_factor: float, std_count² / mean_count: 1 if the bins are Poisson; 0 without spikes.
        bin_size: float, ms.
        n_bins: int.
    """

    bin_size: Positive = 100.0

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        counts = spikes.counts(self.bin_size)
        mean, std = (float(counts.mean()), float(counts.std())) if len(counts) else (0.0, 0.0)
        return {
            "mean_count": mean,
            "std_count": std,
            "coefficient_of_variation": ratio(std, mean),
            "fano_factor": ratio(std**2, mean),
            "bin_size": self.bin_size,
            "n_bins": len(counts),
        }


class PopulationAutocorrTau(SpikeDecoding):
    """How long the activity of the whole culture remembers itself.

    With c the spikes per bin less their mean, r_k = Σ c_t c_(t+k) / Σ c_t² is their autocorrelation at a lag of k bins
    (the estimator of Box & Jenkins, Time Series Analysis, 1970) and

        tau = bin_size · (1 + 2 Σ r_k),

    summed over k = 1, 2, ... up to `max_lag`, ending before the first r_k <= 0.

    Attributes:
        bin_size: ms.
        max_lag: the longest lag, and the longest tau, ms; at least `bin_size`.

    Result:
        pop_autocorr_tau: float, ms, from bin_size to max_lag; 0 where it is undefined, since all bins are alike.
    """

    bin_size: Positive = 10.0
    max_lag: Positive = 5000.0

    @model_validator(mode="after")
    def _some_lag(self) -> Self:
        if self.max_lag < self.bin_size:
            raise ValueError(f"max_lag must be at least bin_size, {self.bin_size:g} ms, got {self.max_lag:g}")
        return self

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        counts = spikes.counts(self.bin_size)
        if not (counts != counts[:1]).any():
            return {"pop_autocorr_tau": 0.0}
        c = counts - counts.mean()
        total, power = 1.0, float(c @ c)
        for lag in range(1, min(whole_bins(self.max_lag, self.bin_size), len(c) - 1) + 1):
            product = float(c[:-lag] @ c[lag:])
            if product <= 1e-12 * power:  # zero but for rounding
                break
            total += 2 * product / power
        return {"pop_autocorr_tau": min(self.bin_size * total, self.max_lag)}
