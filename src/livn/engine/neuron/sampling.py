"""What goes in and comes out of an advance: stimuli, recordings, weight traces, spikes."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.engine.base import Input, Probe
from livn.engine.neuron.membrane import Membranes
from livn.engine.neuron.variables import Column, Variables

__all__ = ["Drive", "Sampler", "Tracer"]

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
    """The weight traces of an advance: samples after the steps that end at multiples of `every`."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._rows: list[np.ndarray] = []

    def gap(self, step: int) -> int:
        """Steps from `step` to where a sample is next due."""
        return self._every - step % self._every if self._every else 1 << 62

    def due(self, step: int) -> bool:
        """Whether a sample is due at the end of the step that ends at `step`."""
        return self._every > 0 and step % self._every == 0

    def add(self, weights: np.ndarray) -> None:
        """Take a sample."""
        self._rows.append(weights.astype(np.float32))

    def array(self, width: int) -> np.ndarray | None:
        """float32[samples, width], or None if nothing was to be traced."""
        if not self._every:
            return None
        return np.array(self._rows, np.float32).reshape(len(self._rows), width)


class Drive:
    """The stimulus of an advance, put on the compartments of this process row by row."""

    def __init__(self, h: Any, membranes: Membranes, electrodes: dict[Any, Any], stimulus: Input | None) -> None:
        self._stimulus = stimulus
        if stimulus is None:
            return
        made: list[Any] = []
        pairs = zip(stimulus.cells.tolist(), stimulus.sections.tolist(), strict=True)
        for place in pairs:
            if place not in membranes.segments:
                made.append(None)
                continue
            key = (*place, stimulus.target)
            if key not in electrodes:
                electrodes[key] = _electrode(h, membranes.segments[place], stimulus.target)
            made.append(electrodes[key]._ref_amp if stimulus.target == "inject" else electrodes[key]._ref_g)
        self._column = Column(h, made)

    def gap(self, at: int) -> int:
        """Steps from `at` to the next row."""
        return 1 << 62 if self._stimulus is None else self._stimulus.ratio - at % self._stimulus.ratio

    def load(self, at: int) -> None:
        """Put on the row that covers step `at`."""
        if self._stimulus is not None and (at % self._stimulus.ratio == 0):
            self._column.write(self._stimulus.rows(at // self._stimulus.ratio, 1)[0])

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
