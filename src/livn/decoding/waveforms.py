"""The voltage around spikes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from livn.configured import Count, NotNegative, Positive
from livn.decoding.base import Decoding, Names, whole
from livn.decoding.evoked import groups
from livn.recordings import EPSILON, Series
from livn.run import VOLTAGE, Run

__all__ = ["Waveforms"]


class Waveforms(Decoding):
    """The membrane potential around the spikes of cells whose voltage is recorded.

    `setup` records spikes, and voltages with the options below, which hold from then on instead of earlier ones.
    Groups are populations; without an env there is one, `all`. A spike whose window does not lie in the run is left
    out. Of more than `max_spikes` in a group as many are taken, evenly over their order in time.

    Attributes:
        pre_ms, post_ms: ms before and after a spike.
        section: `"soma"` or `"dend"`; cells without it have no waveforms.
        populations: names; None: all.
        max_spikes: the most per group.
        voltage_gids: cells whose voltages are recorded; None: all of these populations.
        voltage_dt: ms.

    Result:
        dt: float, spacing of the samples, ms, as recorded; `voltage_dt` if they are not.
        pre_ms: float, as given.
        waveforms: dict of group to float64 [n, T], mV, in the order of spikes; T is round(pre_ms/dt) +
            round(post_ms/dt), and sample round(pre_ms/dt) the one nearest to the spike.
        shape: dict of group to float64 [T], the mean waveform, mV; NaN without any.
    """

    pre_ms: NotNegative = 4.0
    post_ms: Positive = 10.0
    section: str = "soma"
    populations: Names | None = None
    max_spikes: Count = 500
    voltage_gids: tuple[int, ...] | None = None
    voltage_dt: Positive = 0.025

    def setup(self, env: Any) -> None:
        """Record spikes and voltages."""
        env.record_spikes()
        env.record_voltage(self.populations, dt=self.voltage_dt, gids=self.voltage_gids, sections=[self.section])

    def __call__(self, signal: Run, env: Any = None) -> dict[str, Any]:
        """The waveforms in the first `duration` ms of a run.

        Raises:
            KeyError: an unknown population.
            ValueError: populations without an env.
        """
        run = whole(signal, env)
        voltage = run.channel(VOLTAGE)
        dt = voltage.dt if isinstance(voltage, Series) else self.voltage_dt
        before, after = round(self.pre_ms / dt), round(self.post_ms / dt)
        ids = np.empty(0, np.int64) if run.spike_ids is None else run.spike_ids
        waveforms, shape = {}, {}
        for name, gids in groups(self, self.populations, env, ids).items():
            cut = np.empty((0, before + after))
            if isinstance(voltage, Series) and len(ids):
                cut = self._cut(run, voltage, gids, before, after)
            waveforms[name] = cut
            shape[name] = cut.mean(axis=0) if len(cut) else np.full(before + after, np.nan)
        return {"dt": dt, "pre_ms": self.pre_ms, "waveforms": waveforms, "shape": shape}

    def _cut(self, run: Run, voltage: Series, gids: np.ndarray, before: int, after: int) -> np.ndarray:
        """float64[n, T]: around the spikes of these cells, of a run that has some."""
        named = voltage.sections is not None and voltage.sections.dtype.kind == "U"
        rows = np.flatnonzero(voltage.sections == self.section) if named else np.arange(len(voltage.ids))
        rows = rows[np.isin(voltage.ids[rows], gids)]
        row_of = dict(zip(voltage.ids[rows].tolist(), rows.tolist(), strict=True))
        cells, times = cast(np.ndarray, run.spike_ids), cast(np.ndarray, run.spike_times)
        at = np.rint((times - (voltage.t0 - run.t0)) / voltage.dt).astype(np.int64)
        samples = voltage.values.shape[1]
        end = samples if self.duration is None else min(samples, int((self.duration + EPSILON) / voltage.dt))
        use = np.flatnonzero(np.isin(cells, voltage.ids[rows]) & (at >= before) & (at + after <= end))
        if len(use) > self.max_spikes:
            use = use[np.rint(np.linspace(0, len(use) - 1, self.max_spikes)).astype(np.int64)]
        row = np.array([row_of[cell] for cell in cells[use].tolist()], np.int64)
        span = np.arange(-before, after)
        return np.asarray(voltage.values[row[:, None], at[use, None] + span], np.float64)
