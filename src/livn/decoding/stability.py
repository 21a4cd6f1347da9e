"""Whether a culture lives: neither silent, nor running away, nor beyond the numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from pydantic import model_validator

from livn.configured import NotNegative, Positive
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.decoding.bins import whole_bins
from livn.decoding.units import ratio
from livn.recordings import EPSILON
from livn.run import VOLTAGE, Run, Series
from livn.world import World

__all__ = ["Stability"]


class Stability(SpikeDecoding):
    """Whether the population rate, spikes per second and simulated cell, stays within bounds to the end. Needs the env.

    Rates are those of the window's whole bins, the tail the last of them.

    Attributes:
        tail_window: length of the tail, ms, at least `bin_size`; a window that is shorter is all tail.
        max_rate_hz: a higher rate in the tail is a runaway, Hz.
        min_rate_hz: a lower rate in the tail is quiescence, Hz; at most `max_rate_hz`.
        bin_size: ms.

    Result:
        is_stable: bool, none of the three that follow.
        is_runaway, is_quiescent: bool.
        has_nan: bool, whether a voltage in the window, if any was recorded, is not a finite number.
        tail_mean_hz, global_mean_hz: float, population rate in the tail and in the whole window, Hz.
    """

    tail_window: Positive = 1000.0
    max_rate_hz: NotNegative = 20.0
    min_rate_hz: NotNegative = 0.05
    bin_size: Positive = 100.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.tail_window < self.bin_size:
            raise ValueError(f"tail_window must be at least bin_size, {self.bin_size:g} ms, got {self.tail_window:g}")
        if self.min_rate_hz > self.max_rate_hz:
            raise ValueError(f"min_rate_hz must be at most max_rate_hz, {self.max_rate_hz:g}, got {self.min_rate_hz:g}")
        return self

    def __call__(self, signal: Run, env: Any = None) -> dict[str, Any]:
        """The result for the first `duration` ms of a run and the env it is from; with MPI, of all ranks."""
        result = super().__call__(signal, env)
        has_nan = World(env.comm).any(self._broken(signal))
        stable = not (has_nan or result["is_runaway"] or result["is_quiescent"])
        return {"is_stable": stable, "has_nan": has_nan, **result}

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        per_bin = len(needed(env, self).active_gids()) * self.bin_size / 1000
        counts = spikes.counts(self.bin_size)
        tail = counts[-whole_bins(self.tail_window, self.bin_size) :]
        tail_mean, global_mean = (ratio(c.sum(), len(c) * per_bin) for c in (tail, counts))
        return {
            "is_runaway": tail_mean > self.max_rate_hz,
            "is_quiescent": tail_mean < self.min_rate_hz,
            "tail_mean_hz": tail_mean,
            "global_mean_hz": global_mean,
        }

    def _broken(self, run: Run) -> bool:
        voltage = run.channel(VOLTAGE)
        if not isinstance(voltage, Series):
            return False
        inside = voltage.t < run.t0 + self._window(run) - EPSILON
        return not np.isfinite(voltage.values[:, inside]).all()
