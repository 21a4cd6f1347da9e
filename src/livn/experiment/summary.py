"""An experiment in numbers, and in a table."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from livn.experiment.record import Experiment
    from livn.plasticity import Weights

__all__ = ["report", "summary"]


def summary(experiment: Experiment) -> dict[str, Any]:
    """See `Experiment.summary`."""
    run, about = experiment.run, experiment.about
    duration = run.duration or 0.0
    seconds = float(about.get("seconds", math.nan))
    phases = [
        {
            "name": phase.name,
            "start_ms": phase.start,
            "stop_ms": phase.stop,
            "learning": phase.learning,
            "rates_hz": experiment.rates(phase),
            **({"weights": spread(experiment.weights[phase.name])} if phase.name in experiment.weights else {}),
        }
        for phase in experiment.phases
    ]
    document: dict[str, Any] = {
        "system": experiment.system.name,
        "cells": {name: len(gids) for name, gids in experiment.cells.items()},
        "plastic_synapses": 0 if experiment.before is None else len(experiment.before),
        "duration_ms": duration,
        "spikes": None if run.spikes is None else len(run.spikes),
        "rates_hz": experiment.rates(),
        "phases": phases,
    }
    if experiment.before is not None and experiment.after is not None:
        document["weights"] = {"before": spread(experiment.before), "after": spread(experiment.after)}
        document["weights_after_by_receptor"] = by_receptor(experiment, experiment.after)
        document |= {"peak_deviation": experiment.peak_deviation, "drift": experiment.drift}
    document |= {"seconds": seconds, "real_time_factor": 1000.0 * seconds / duration if duration else math.nan}
    return document | {name: about[name] for name in ("interrupted", "failed") if name in about}


def spread(weights: Weights) -> dict[str, float]:
    """Mean, standard deviation and range."""
    w = weights.array
    return {"mean": float(w.mean()), "sd": float(w.std()), "min": float(w.min()), "max": float(w.max())}


def by_receptor(experiment: Experiment, weights: Weights) -> dict[str, dict[str, float]]:
    """The spread over the synapses of each receptor."""
    from livn.plasticity import Weights

    keys = weights.synapses
    parts = {}
    for code, mechanism in enumerate(keys.mechanisms):
        own = keys.mechanism == code
        if own.any():
            label = experiment.receptors.get(mechanism, mechanism)
            parts[label] = spread(Weights(keys.take(np.flatnonzero(own)), weights.array[own]))
    return parts


def report(experiment: Experiment) -> str:
    """See `Experiment.report`."""
    from livn.text import table

    told = summary(experiment)
    cells = ", ".join(f"{n:,} {name}" for name, n in told["cells"].items())
    plastic = f", {told['plastic_synapses']:,} plastic synapses" if told["plastic_synapses"] else ""
    fired = told["spikes"]
    spikes = "spikes not recorded" if fired is None else f"{fired:,} spike" + "s" * (fired != 1)
    lines = [
        f"{told['system']}: {cells}{plastic}",
        f"{told['duration_ms'] / 1000:g} s simulated in {told['seconds']:.2g} s "
        f"(real-time factor {told['real_time_factor']:.2g}): {spikes}",
        "",
    ]
    moved = bool(told["plastic_synapses"]) and told["weights"]["before"] != told["weights"]["after"]
    learning = moved or any(phase.learning for phase in experiment.phases)
    head = ["phase", "from", "to (ms)", "learning", *(f"{name} (Hz)" for name in told["cells"])]
    if learning:
        head += ["weights, mean ± sd", "min", "max"]
    rows = []
    for phase in told["phases"]:
        row = [phase["name"], f"{phase['start_ms']:g}", f"{phase['stop_ms']:g}", "on" if phase["learning"] else "off"]
        row += [_rate(rate) for rate in phase["rates_hz"].values()]
        rows.append(row + (_spread(phase["weights"]) if learning and "weights" in phase else []))
    lines.append(table(rows, head, right=[1, 2, *range(4, len(head))]))
    if learning and "weights_after_by_receptor" in told:
        rows = [[label, *_spread(w)] for label, w in told["weights_after_by_receptor"].items()]
        lines += ["", table(rows, ["receptor", "weights at the end, mean ± sd", "min", "max"], right=[1, 2, 3])]
        lines += ["", f"peak deviation of a weight from its start: {told['peak_deviation']:.4g}"]
        if _frozen_after_learning(experiment):
            lines.append(f"drift of the weights while frozen: {told['drift']:g}")
    return "\n".join(lines)


def _frozen_after_learning(experiment: Experiment) -> bool:
    """Whether weights were to stand still after they had learned."""
    on = [phase.learning for phase in experiment.phases]
    return any(a and not b for a, b in pairwise(on))


def _rate(hz: float) -> str:
    return "-" if math.isnan(hz) else f"{hz:.2f}"


def _spread(w: dict[str, float]) -> list[str]:
    return [f"{w['mean']:.3f} ± {w['sd']:.3f}", f"{w['min']:.3f}", f"{w['max']:.3f}"]
