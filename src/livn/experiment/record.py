"""The record of an experiment: everything that a table, a figure or a repetition needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livn.recordings import tidy

if TYPE_CHECKING:
    from livn.io import IO
    from livn.plasticity import PlasticitySummary, RuleParameters, Weights, WeightTraces
    from livn.run import Run
    from livn.types import System

__all__ = ["FIGURES", "START", "Experiment", "Phase", "load_run"]

START = "start"
"""The key of the weights that an experiment began with."""


FIGURES = (
    "activity", "voltage", "weights", "weight_distribution", "weight_change", "culture", "channels", "lfp", "rule",
    "training",
)  # fmt: skip
"""Names of the figures that `livn.plot.overview` draws of an experiment."""


@dataclass(frozen=True)
class Phase:
    """A part of an experiment.

    Attributes:
        name: `"run"`, or `"baseline"`, `"training"`, `"evaluation"`.
        start, stop: absolute times, ms.
        learning: whether plasticity was on.
    """

    name: str
    start: float
    stop: float
    learning: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Experiment:
    """What was done with a culture, and what came of it; immutable.

    Attributes:
        run: what was recorded, over all phases: spikes, potentials of some cells, field potentials (the channel
            `"field_potential"`, µV).
        system: the culture.
        cells: gids of the simulated cells by population, int64 [n] each, ascending.
        io: its electrodes.
        phases: what was done, in order.
        weights: the plastic weights at `"start"` and at the end of each phase, by its name.
        traces: sampled weights; None where none were.
        rules: parameters of the learning rules in force, by rule (`"EXC"`, `"INH"`).
        receptors: the receptor of each mechanism in keys of weights, such as `{"StdpLinExp2Syn": "AMPA"}`.
        plasticity: what the rules did; None where nothing learned.
        config: the options that it was asked for with.
        about: plain values: `seed`, `engine`, `precision`, `threads`, `model`, `versions`, `seconds` (wall time of the
            simulation), `started` (UTC, ISO 8601), and `interrupted` or `failed` where it ended early.
    """

    run: Run
    system: System
    cells: Mapping[str, np.ndarray]
    io: IO
    phases: tuple[Phase, ...]
    weights: Mapping[str, Weights] = field(default_factory=dict)
    traces: WeightTraces | None = None
    rules: Mapping[str, RuleParameters] = field(default_factory=dict)
    receptors: Mapping[str, str] = field(default_factory=dict)
    plasticity: PlasticitySummary | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        from livn.experiment.showing import text

        return text(self)

    def _repr_html_(self) -> str:
        from livn.experiment.showing import html

        return html(self)

    @property
    def before(self) -> Weights | None:
        """The plastic weights that it began with; None where nothing can learn."""
        return next(iter(self.weights.values()), None)

    @property
    def after(self) -> Weights | None:
        """The plastic weights that it ended with; None where nothing can learn."""
        return next(reversed([*self.weights.values()]), None)

    @property
    def peak_deviation(self) -> float:
        """The largest difference of a weight from its value at the start, over all samples and ends of phases; NaN
        where nothing can learn."""
        if self.before is None:
            return float("nan")
        peak = max(_furthest(w.array, self.before.array) for w in self.weights.values())
        if self.traces is not None and len(self.traces):
            start = self.before.array[self.before.synapses.positions(self.traces.synapses)]
            start = start.astype(np.float32).astype(np.float64)  # as samples are
            chunk = max(1, (1 << 22) // len(self.traces))
            parts = range(0, len(self.traces.t), chunk)
            peak = max([peak, *(_furthest(self.traces.frames(a, a + chunk), start) for a in parts)])
        return peak

    @property
    def drift(self) -> float:
        """The largest change of a weight in a phase without learning: 0; NaN where there is none."""
        ends = list(self.weights.values())
        frozen = [
            _furthest(after.array, before.array)
            for phase, before, after in zip(self.phases, ends, ends[1:], strict=False)
            if not phase.learning
        ]
        return max(frozen, default=float("nan"))

    def rates(self, phase: Phase | None = None) -> dict[str, float]:
        """Mean firing rate of a cell of each population, Hz, in a phase or in all; NaN where spikes are not known."""
        spikes = None if self.run.spikes is None else self.run.spikes.compact()
        start, stop = (phase.start, phase.stop) if phase else (self.run.t0, self.run.t0 + (self.run.duration or 0.0))
        start, stop = tidy(start - self.run.t0), tidy(stop - self.run.t0)
        if spikes is None or stop <= start:
            return dict.fromkeys(self.cells, float("nan"))
        within = (spikes.times >= start) & (spikes.times < stop)
        ids, seconds = spikes.ids[within], (stop - start) / 1000.0
        return {
            name: float(np.isin(ids, gids).sum() / len(gids) / seconds) if len(gids) else float("nan")
            for name, gids in self.cells.items()
        }

    def summary(self) -> dict[str, Any]:
        """What came of it in plain numbers: rates by phase, weights, the peak deviation and the drift, the speed."""
        from livn.experiment.summary import summary

        return summary(self)

    def report(self) -> str:
        """The summary as a table for people."""
        from livn.experiment.summary import report

        return report(self)

    def save(self, directory: str | os.PathLike[str], force: bool = False) -> Path:
        """Store it in a directory, which is there complete or not at all; `livn.load_run` reads it.

        Args:
            directory: made with what it takes above it.
            force: replace the experiment that is there.

        Returns:
            The directory.

        Raises:
            FileExistsError: the directory exists, and without `force` or with other things in it.
        NotADirectoryError, PermissionError: it cannot be made there.
            OSError: it cannot be written; what was there is still there.
        """
        from livn.experiment.storage import save

        return save(self, directory, force)


def load_run(directory: str | os.PathLike[str]) -> Experiment:
    """The experiment that `livn run --out DIR`, `livn train --out DIR` or `Experiment.save` stored.

    Raises:
        FileNotFoundError: there is no stored experiment.
        DamagedFile, NewerFormat: it cannot be read.
    """
    from livn.experiment.storage import load

    return load(directory)


def _furthest(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max(initial=0.0))
