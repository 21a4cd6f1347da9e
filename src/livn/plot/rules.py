"""The learning rule: what a membrane potential does to the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.experiment import Experiment
from livn.models import plasticity
from livn.plasticity import RuleParameters, merge
from livn.plot.canvas import GREY, SMALL, SPARE, axes, colours, points
from livn.plot.sources import Missing, env_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from livn.env import Env

__all__ = ["rule"]

GATES = {"EXC": plasticity.gate_above, "INH": plasticity.gate_below}
STEP = 0.02
"""Spacing of the curve, mV."""
MARK = "threshold"


def rule(
    source: Env | Experiment | RuleParameters | Mapping[str, Any] | None = None,
    ax: Axes | None = None,
    *,
    group: str | None = None,
    label: str | None = None,
) -> Axes:
    """The drive of the learning rules over the membrane potential: above 0 weights grow, below they fall.

    Dotted lines are the thresholds at which the gates of potentiation (LTP) and depression (LTD) open; on the curve a
    disc marks the midpoint of potentiation's sigmoid and a square that of depression. Called again with the same axes,
    it adds curves in other colours.

    Args:
        source: whose parameters: of an Env or an Experiment those in force; RuleParameters; a mapping as
            `env.enable_plasticity` takes it, or of rules to RuleParameters; None: the defaults of the model.
        ax: Matplotlib axes; None: those of a new figure.
        group: `"EXC"` or `"INH"`; None: what the source names, for RuleParameters the rule whose side its thresholds
            tell (`theta_ltp` above `theta_ltd`: `"EXC"`).
        label: name of the curve in the legend; None: that of the rule.

    Returns:
        The axes.

    Raises:
        ValueError: an unknown group or parameter, or an experiment without rules.
        TypeError: a source of another kind.
        RuntimeError: an Env before `init()`.
    """
    if group is not None:
        checks.choice("group", group, plasticity.DEFAULTS)
    if label is not None and not isinstance(label, str):
        raise TypeError(f"label must be a text or None, got {label!r:.200}")
    rules = _rules(source, group)
    if group is not None and group not in rules:
        raise checks.unknown("group", group, rules)
    chosen = {name: p for name, p in rules.items() if group in (None, name)}
    ax = axes(ax)
    fresh = not ax.lines
    if fresh:
        ax.axhline(0.0, color=GREY, lw=0.8, zorder=1)
    drawn = {line.get_color() for line in ax.lines}
    low, high = _range(chosen)
    for name, p in chosen.items():
        wanted = (colours([name])[name], *SPARE)
        colour = next((c for c in wanted if c not in drawn), wanted[0])
        drawn.add(colour)
        text = name if label is None else label if len(chosen) == 1 else f"{label}, {name}"
        _draw(ax, name, p, np.arange(low, high, STEP), colour, text)
    ax.set_xlabel("membrane potential (mV)")
    ax.set_ylabel("drive (growth above 0)")
    ax.relim()
    left, right = (low, high) if fresh else ax.get_xlim()
    ax.set_xlim(min(left, low), max(right, high))
    ax.legend(loc="best", framealpha=0.85, edgecolor="none", fontsize=SMALL, handlelength=1.4)
    return ax


def _draw(ax: Axes, group: str, p: RuleParameters, v: np.ndarray, colour: str, text: str) -> None:
    b, _ = plasticity.step_constants(group, p.learning_slope, 1.0)

    def drive(at: Any) -> Any:
        ltp = GATES[group](at, p.theta_ltp, p.ltp_sigmoid_half, b)
        ltd = GATES[group](at, p.theta_ltd, p.ltd_sigmoid_half, b)
        return plasticity.drive(ltp, ltd, p.A_ltp, p.A_ltd, b, p.learning_tau)

    widest = (min if group == "EXC" else max)(p.theta_ltp, p.theta_ltd)  # beyond it all gates are shut
    open_ = v[v >= widest] if group == "EXC" else v[v <= widest]
    v = np.sort(np.append(open_, widest))
    ax.plot(v, drive(v), color=colour, lw=1.8, label=text, zorder=3)
    for name, theta, half, marker in (
        ("LTP", p.theta_ltp, p.ltp_sigmoid_half, "o"),
        ("LTD", p.theta_ltd, p.ltd_sigmoid_half, "s"),
    ):
        ax.plot([half], [drive(np.array(half))], marker, color=colour, mfc="white", ms=5.5, zorder=4)
        ax.axvline(theta, color=colour, lw=1.0, ls=":", zorder=1.5)
        _mark(ax, theta, f"θ {name}", colour)


def _mark(ax: Axes, theta: float, text: str, colour: str) -> None:
    """Name a threshold above the axes, in the lowest row that is free there."""
    notes: list[Any] = [text for text in ax.texts if text.get_gid() == MARK]
    taken = [(note.xy[0], note.xyann[1]) for note in notes]
    room = 6.0 * 430.0 / max(points(ax)[0], 1.0)
    height = next(3.0 + 12.0 * r for r in range(99) if all(abs(x - theta) > room or y != 3 + 12 * r for x, y in taken))
    added = ax.annotate(
        text, (theta, 1.0), (0, height), xycoords=ax.get_xaxis_transform(), textcoords="offset points", ha="center",
        color=colour, fontsize=SMALL, annotation_clip=False,
    )  # fmt: skip
    added.set_gid(MARK)


def _range(rules: Mapping[str, RuleParameters]) -> tuple[float, float]:
    """The potentials to show, mV."""
    marks = [x for p in rules.values() for x in (p.theta_ltp, p.theta_ltd, p.ltp_sigmoid_half, p.ltd_sigmoid_half)]
    return float(np.floor(min(marks) / 5) * 5 - 15), float(np.ceil(max(marks) / 5) * 5 + 20)


def _rules(source: Any, group: str | None) -> dict[str, RuleParameters]:
    """The parameters by rule."""
    if source is None:
        return merge(None, plasticity.DEFAULTS)
    if isinstance(source, RuleParameters):
        return {group or ("EXC" if source.theta_ltp >= source.theta_ltd else "INH"): source}
    if isinstance(source, Experiment):
        if not source.rules:
            raise Missing("the experiment holds no learning rules")
        return dict(source.rules)
    env = env_in(source)
    if env is not None:
        return dict(env.plasticity_parameters)
    if not isinstance(source, Mapping):
        raise TypeError(
            "source must be an Env, an Experiment, RuleParameters, a mapping of parameters or None, "
            f"got {source!r:.200}"
        )
    plain = {name: p.to_dict() if isinstance(p, RuleParameters) else p for name, p in source.items()}
    merged = merge(plain, plasticity.DEFAULTS)
    named = [name for name in merged if name in plain]
    return {name: merged[name] for name in named or merged}
