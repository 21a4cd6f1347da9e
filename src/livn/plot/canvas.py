"""What all figures share: axes and figures, colours, phases of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from livn.extras import optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from livn.experiment import Phase

__all__ = [
    "GREY",
    "INK",
    "axes",
    "beside",
    "canvas",
    "colours",
    "headroom",
    "points",
    "scale_bar",
    "shade",
    "time_axis",
]

# Okabe & Ito, Color Universal Design, 2008: told apart by colour-blind readers too
BLUE, SKY, VERMILION, PURPLE = "#0072B2", "#56B4E9", "#D55E00", "#CC79A7"
GREEN, ORANGE = "#009E73", "#E69F00"
INK, GREY = "#222222", "#6E6E6E"
FROZEN, EDGE = "0.94", "0.75"

KNOWN = {"EXC": BLUE, "INH": VERMILION, "AMPA": BLUE, "NMDA": SKY, "GABA_A": VERMILION, "GABA_B": PURPLE}
SPARE = (GREEN, SKY, INK, PURPLE, ORANGE, BLUE, VERMILION)

SMALL = "small"
"""Font size of notes, relative to that in force."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each population or receptor: known names have their own, others take the rest in turn."""
    names = list(names)
    spare = [c for c in SPARE if c not in {KNOWN.get(name) for name in names}] or list(SPARE)
    others = [name for name in names if name not in KNOWN]
    return {name: KNOWN.get(name) or spare[others.index(name) % len(spare)] for name in names}


def axes(ax: Axes | None, size: tuple[float, float] = (6.4, 3.6), layout: str = "constrained") -> Axes:
    """The axes to draw on: those given, or those of a new figure of pyplot.

    Raises:
        TypeError: something that is no Matplotlib axes.
    """
    kind = optional("matplotlib.axes", "plot").Axes
    if ax is None:
        _, ax = optional("matplotlib.pyplot", "plot").subplots(figsize=size, layout=layout)
    elif not isinstance(ax, kind):
        raise TypeError(f"ax must be Matplotlib axes or None, got {ax!r:.200}; the culture goes to of=")
    for side in ("top", "right"):
        if side in ax.spines:
            ax.spines[side].set_visible(False)
    return ax


def canvas(figure: Figure | SubFigure | None, size: tuple[float, float]) -> Any:
    """The figure to draw on: the one given, or a new one of pyplot.

    Raises:
        TypeError: something that is no Matplotlib figure.
    """
    kind = optional("matplotlib.figure", "plot").FigureBase
    if figure is None:
        return optional("matplotlib.pyplot", "plot").figure(figsize=size, layout="constrained")
    if not isinstance(figure, kind):
        raise TypeError(f"figure must be a Matplotlib figure or None, got {figure!r:.200}")
    return figure


def points(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, about, in points: their place before a layout engine moves it."""
    box = ax.get_window_extent()
    scale = 72.0 / ax.figure.dpi
    return float(box.width * scale), float(box.height * scale)


LONG = 5000.0
"""From how many ms on an axis of time is in seconds."""


def time_axis(ax: Axes, window: tuple[float, float]) -> None:
    """Label the time and show the whole window, ms; a long one in seconds."""
    ax.set_xlim(*window)
    if window[1] - window[0] > LONG:
        ax.xaxis.set_major_formatter(lambda ms, place: f"{ms / 1000.0:g}")
    ax.set_xlabel("time (s)" if window[1] - window[0] > LONG else "time (ms)")


def headroom(ax: Axes, lines: int) -> None:
    """Raise the upper limit, for so many lines of text above the data."""
    (bottom, top), height = ax.get_ylim(), points(ax)[1]
    share = min(13.0 * lines + 3.0, 0.5 * height) / height
    ax.set_ylim(bottom, top + share / (1.0 - share) * (top - bottom))


def beside(ax: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write (height in data, text, colour) right of the axes, kept apart where they would touch."""
    low, high = ax.get_ylim()
    least = 11.0 / max(points(ax)[1], 1.0)
    at = -np.inf
    for y, text, colour in sorted(labels):
        at = max((y - low) / (high - low), at + least)
        ax.text(1.01, at, text, transform=ax.transAxes, color=colour, fontsize=SMALL, va="center", clip_on=False)


def scale_bar(ax: Axes, length: float, text: str) -> None:
    """A vertical bar of this length in data, right of the axes."""
    low, high = ax.get_ylim()
    height = length / (high - low)
    ax.plot([1.02, 1.02], [0.0, height], transform=ax.transAxes, color=INK, lw=2.0, clip_on=False)
    ax.text(1.035, height / 2, text, transform=ax.transAxes, rotation=90, va="center", fontsize=SMALL)


def shade(ax: Axes, phases: Sequence[Phase], *, named: bool = True) -> None:
    """Grey where the weights are frozen, a line between phases, and above the axes what the phases are.

    Args:
        ax: axes of time, their limits set.
        phases: one alone is not told.
        named: whether to write the names.
    """
    if len(phases) < 2:
        return
    mixed = len({phase.learning for phase in phases}) > 1
    for phase in phases:
        if mixed and not phase.learning:
            ax.axvspan(phase.start, phase.stop, color=FROZEN, lw=0, zorder=0)
    for phase in phases[1:]:
        ax.axvline(phase.start, color=EDGE, lw=0.8, zorder=0.5)
    if named:
        _name(ax, phases)


def _name(ax: Axes, phases: Sequence[Phase]) -> None:
    """The names of phases above the axes, in full where there is room; neighbours that would touch take two rows."""
    first, last = ax.get_xlim()
    per_point = (last - first) / max(points(ax)[0], 1.0)
    merged: list[list[Any]] = []
    for phase in phases:
        if merged and merged[-1][0] == (phase.name, phase.learning):
            merged[-1][2] = phase.stop
        else:
            merged.append([(phase.name, phase.learning), phase.start, phase.stop])
    full = [f"{name} ({'learning' if learns else 'frozen'})" for (name, learns), _, _ in merged]
    fits = all(5.2 * len(t) * per_point <= b - a for t, (_, a, b) in zip(full, merged, strict=True))
    ends = [-np.inf, -np.inf]
    for text, (key, a, b) in zip(full, merged, strict=True):
        label = text if fits else key[0]
        half = 2.6 * len(label) * per_point
        centre = min(max((a + b) / 2, first + half), last - half)
        row = 0 if centre - half >= ends[0] else 1
        ends[row] = centre + half
        ax.annotate(
            label,
            (centre, 1.0),
            (0, 3 + 11 * row),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL,
            color=GREY,
            annotation_clip=False,
        )
