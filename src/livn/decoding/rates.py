"""How often units fire, and how many do. A unit is a cell as the recording shows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.configured import Count
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.decoding.units import members, ratio

__all__ = ["ActiveFraction", "MeanFiringRate", "PerUnitFiringRate", "PopulationFiringRates"]


class MeanFiringRate(SpikeDecoding):
    """Mean firing rate of the units that fired.

    Result:
        rate_hz: float, mean over the units that fired, Hz; 0 if none did.
        total_spikes: int.
        n_units: int, units that fired.
        duration_s: float, length of the window, s.
    """

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        n_units, seconds = len(np.unique(spikes.ids)), spikes.duration / 1000
        return {
            "rate_hz": ratio(len(spikes.ids), n_units * seconds),
            "total_spikes": len(spikes.ids),
            "n_units": n_units,
            "duration_s": seconds,
        }


class ActiveFraction(SpikeDecoding):
    """Share of the simulated cells that fired. Needs the env.

    Attributes:
        min_spikes: spikes in the window that make a cell active.

    Result:
        active_fraction: float, active_units / total_units.
        active_units: int, simulated cells with at least `min_spikes` spikes.
        total_units: int, simulated cells.
        silent_units: int, those that are not active.
    """

    min_spikes: Count = 1

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        cells = needed(env, self).active_gids()
        units, counts = np.unique(spikes.ids, return_counts=True)
        active = int(np.isin(units[counts >= self.min_spikes], cells).sum())
        return {
            "active_fraction": ratio(active, len(cells)),
            "active_units": active,
            "total_units": len(cells),
            "silent_units": len(cells) - active,
        }


class PerUnitFiringRate(SpikeDecoding):
    """Firing rate of every unit that fired, and how the rates differ.

    Result:
        per_unit_rates_hz: float64 [n_units], Hz, by ascending gid: that of `np.unique(run.spike_ids)`.
        max_rate_hz, min_rate_hz, mean_rate_hz: float, over the units that fired, Hz; 0 if none did.
        rate_cv: float, coefficient of variation over these units: population standard deviation / mean.
        n_units: int, units that fired.
    """

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        counts = np.unique(spikes.ids, return_counts=True)[1]
        rates = counts * 1000 / spikes.duration if len(counts) else np.empty(0)
        mean = ratio(rates.sum(), len(rates))
        return {
            "per_unit_rates_hz": rates,
            "max_rate_hz": float(rates.max(initial=0.0)),
            "min_rate_hz": float(rates.min()) if len(rates) else 0.0,
            "mean_rate_hz": mean,
            "rate_cv": ratio(rates.std(), mean) if mean else 0.0,
            "n_units": len(rates),
        }


class PopulationFiringRates(SpikeDecoding):
    """Mean firing rate by population, over all of its simulated cells, silent ones included. Needs the env.

    Result:
        rates_hz: dict of population to float, Hz.
    """

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        seconds = spikes.duration / 1000
        cells = members(needed(env, self))
        return {"rates_hz": {p: ratio(np.isin(spikes.ids, g).sum(), len(g) * seconds) for p, g in cells.items()}}
