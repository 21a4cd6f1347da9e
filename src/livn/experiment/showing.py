"""How the record of an experiment shows itself in prompts and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livn.html import card, cells_text

if TYPE_CHECKING:
    from livn.experiment.record import Experiment

__all__ = ["html", "text"]


def text(experiment: Experiment) -> str:
    """The record in a line."""
    cells = ", ".join(f"{name} {len(gids)}" for name, gids in experiment.cells.items())
    phases = ", ".join(f"{p.name} {p.stop - p.start:g} ms" for p in experiment.phases) or "no phases"
    ended = "".join(f", {word}" for word in _ends(experiment))
    return f"Experiment({experiment.system.name!r}: {cells}; {phases}; {_spikes(experiment)}{ended})"


def html(experiment: Experiment) -> str:
    """The record in a small table."""
    facts = [("cells", cells_text((name, len(gids)) for name, gids in experiment.cells.items()))]
    for phase in experiment.phases:
        learning = ", learning" if phase.learning else ""
        facts.append((phase.name, f"{phase.start:,g} to {phase.stop:,g} ms{learning}"))
    facts += [("recorded", _recorded(experiment)), ("weights", _weights(experiment)), ("simulated", _about(experiment))]
    ends = _ends(experiment)
    return card("Experiment", experiment.system.name, [*facts, *([("ended", ", ".join(ends))] if ends else [])])


def _spikes(experiment: Experiment) -> str:
    spikes = experiment.run.spikes
    return "spikes not recorded" if spikes is None else f"{len(spikes):,} spikes"


def _recorded(experiment: Experiment) -> str:
    others = [name.replace("_", " ") for name in experiment.run.channels if name != "spikes"]
    traces = experiment.traces
    sampled = [] if traces is None else [f"weights every {traces.dt:g} ms"]
    return ", ".join([_spikes(experiment), *others, *sampled])


def _weights(experiment: Experiment) -> str:
    before, after = experiment.before, experiment.after
    if before is None or after is None or not len(before) or not len(after):
        return "no plastic synapses"
    return f"{len(after):,} plastic, mean {before.array.mean():.4g} → {after.array.mean():.4g}"


def _about(experiment: Experiment) -> str:
    about = experiment.about
    names = {"engine": "{}", "precision": "{} precision", "seed": "seed {}", "started": "started {}"}
    parts = [form.format(about[name]) for name, form in names.items() if about.get(name) is not None]
    if isinstance(about.get("seconds"), int | float):
        parts.append(f"in {about['seconds']:.3g} s")
    return ", ".join(parts) or "unknown"


def _ends(experiment: Experiment) -> list[str]:
    """What ended it early."""
    return [word for word in ("interrupted", "failed") if experiment.about.get(word)]
