"""The record of an experiment: everything that a table, a figure or a repetition needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livn.io import IO
    from livn.plasticity import PlasticitySummary, RuleParameters, Weights, WeightTraces
    from livn.run import Run
    from livn.system.base import BaseSystem

__all__ = ["FIELD", "START", "Experiment", "Phase"]

START = "start"
"""The key of the weights that an experiment began with."""

FIELD = "field_potential"
"""The channel of a run that holds potentials at the electrodes, µV; its ids are those of the channels."""


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
        io: its electrodes.
        phases: what was done, in order.
        weights: the plastic weights at `"start"` and at the end of each phase, by its name.
        traces: sampled weights; None where none were.
        rules: parameters of the learning rules in force, by rule (`"EXC"`, `"INH"`).
        receptors: the receptor of each mechanism in keys of weights, such as `{"StdpLinExp2Syn": "AMPA"}`.
        plasticity: what the rules did; None where nothing could learn.
        config: the options that it was asked for with.
        about: plain values: `seed`, `engine`, `precision`, `threads`, `versions`, `seconds` (wall time of the
            simulation), `interrupted`, `started` (UTC, ISO 8601).
    """

    run: Run
    system: BaseSystem
    io: IO
    phases: tuple[Phase, ...]
    weights: Mapping[str, Weights] = field(default_factory=dict)
    traces: WeightTraces | None = None
    rules: Mapping[str, RuleParameters] = field(default_factory=dict)
    receptors: Mapping[str, str] = field(default_factory=dict)
    plasticity: PlasticitySummary | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
