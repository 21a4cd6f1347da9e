"""What goes in and comes out of an advance: stimuli, recordings, weight traces, spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from livn.engine.base import Input, Probe, Tracing
from livn.engine.neuron.membrane import Membranes
from livn.engine.neuron.variables import Column, Variables

__all__ = ["Drive", "Sampler", "Tracer"]

MOST_ROWS = 1024
"""Rows of a stimulus that are asked for at once."""

FLUXES = ("membrane_current", "g_")
"""Signals of the step that starts at the sample, hence read after it: NEURON computes them within the step."""


class Sampler:
    """The probes of an advance of `n_steps` steps; rows of cells that other processes hold don't count."""

    def __init__(self, h: Any, variables: Variables, probes: list[Probe], n_steps: int) -> None:
        self._probes = probes
        self._flux = [p.signal.startswith(FLUXES) for p in probes]
        self._scale = [1e-3 if p.signal == "membrane_current" else 1.0 for p in probes]  # nA to µA
        if any(p.signal == "membrane_current" for p in probes):
            h.CVode().use_fast_imem(1)
        self._columns = [
            Column(
                h,
                (
                    variables.reference(c, s, "v" if p.signal == "voltage" else p.signal)
                    for c, s in zip(p.cells.tolist(), p.sections.tolist(), strict=True)
                ),
            )
            for p in probes
        ]
        self._values = [np.empty((len(p.cells), n_steps // p.every)) for p in probes]

    def gap(self, at: int) -> int:
        """Steps from `at` to where a sample is next due."""
        gap = 1 << 62
        for probe, flux in zip(self._probes, self._flux, strict=True):
            due = at % probe.every == 0
            gap = min(gap, 1 if due and flux else probe.every - at % probe.every)
        return gap

    def sample(self, at: int, flux: bool) -> None:
        """Take the samples of step `at`: potentials and states before it, fluxes after it."""
        for k, probe in enumerate(self._probes):
            if self._flux[k] == flux and at % probe.every == 0:
                self._values[k][:, at // probe.every] = self._scale[k] * self._columns[k].read()

    def series(self, steps: int) -> list[np.ndarray]:
        """float64[rows, samples] per probe, as far as `steps` steps filled them."""
        return [v[:, : steps // p.every] for v, p in zip(self._values, self._probes, strict=True)]


class Tracer:
    """The weight traces of an advance, the samples of a call at a time."""

    def __init__(self, tracing: Tracing | None) -> None:
        self._tracing = tracing
        self._steps: list[int] = []
        self._rows: list[np.ndarray] = []

    @property
    def most_steps(self) -> int:
        """Steps of a call at most, so that the samples don't fill the memory."""
        return 1 << 62 if self._tracing is None else self._tracing.most_steps

    def gap(self, step: int) -> int:
        """Steps from `step` to where a sample is next due."""
        return 1 << 62 if self._tracing is None else self._tracing.every - step % self._tracing.every

    def take(self, step: int, weights: Callable[[], np.ndarray]) -> None:
        """Take a sample of the weights, float64[P], if one is due at the end of the step that ends at `step`."""
        if self._tracing is not None and step % self._tracing.every == 0:
            self._steps.append(step)
            self._rows.append(weights()[self._tracing.places].astype(np.float32))

    def pass_on(self, step: int) -> None:
        """Hand over the samples of the call up to `step`, and drop the others."""
        count = int(np.searchsorted(self._steps, step, "right"))
        if self._tracing is not None and count:
            self._tracing.sink(np.array(self._rows[:count]))
        self._steps, self._rows = [], []


class Drive:
    """The stimulus of an advance, put on the compartments of this process row by row."""

    def __init__(self, h: Any, membranes: Membranes, electrodes: dict[Any, Any], stimulus: Input | None) -> None:
        self._stimulus = stimulus
        self._first, self._rows = 0, np.empty((0, 0))
        self._starts = np.empty(0, np.int64)
        if stimulus is None:
            return
        made: list[Any] = []
        pairs = zip(stimulus.cells.tolist(), stimulus.sections.tolist(), strict=True)
        for place in pairs:
            if place not in membranes.segments:
                made.append(None)
                continue
            if stimulus.target == "spike":
                made.append(membranes.segments[place].livn_spike._ref_told)
                continue
            key = (*place, stimulus.target)
            if key not in electrodes:
                electrodes[key] = _electrode(h, membranes.segments[place], stimulus.target)
            made.append(electrodes[key]._ref_amp if stimulus.target == "inject" else electrodes[key]._ref_g)
        self._column = Column(h, made)

    def gap(self, at: int) -> int:
        """Steps from `at` to the next row that is another one, or is not known yet."""
        if self._stimulus is None:
            return 1 << 62
        row = at // self._stimulus.ratio - self._first
        later = self._starts[np.searchsorted(self._starts, row, "right") :]
        return int((self._first + (later[0] if len(later) else len(self._rows))) * self._stimulus.ratio - at)

    def load(self, at: int) -> None:
        """Put on the row that covers step `at`, where it is another one than before."""
        if self._stimulus is None or at % self._stimulus.ratio:
            return
        row = at // self._stimulus.ratio
        if not self._first <= row < self._first + len(self._rows):
            self._first, self._rows = row, self._stimulus.rows(row, min(MOST_ROWS, self._stimulus.most_rows))
            self._starts = np.append(0, np.flatnonzero((self._rows[1:] != self._rows[:-1]).any(axis=1)) + 1)
        if row - self._first in self._starts:
            self._column.write(self._rows[row - self._first])

    def withdraw(self) -> None:
        """Take the stimulus off the cells."""
        if self._stimulus is not None:
            self._column.write(np.zeros(len(self._stimulus.cells)))


def _electrode(h: Any, segment: Any, target: str) -> Any:
    if target == "open":
        return h.LivnOpen(segment)
    electrode = h.IClamp(segment)
    electrode.delay, electrode.dur, electrode.amp = 0.0, 1e30, 0.0
    return electrode
