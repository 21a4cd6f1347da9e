"""The culture on its electrodes: a map, and what each channel hears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.experiment import Experiment
from livn.extras import optional
from livn.io import MEA
from livn.plasticity import Weights
from livn.plot.canvas import GREY, INK, SMALL, axes, colours, points, shade, time_axis
from livn.plot.sources import Missing, Tissue, opened, spikes_in, tissue
from livn.plot.spikes import ticks
from livn.system.system import synapses_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from livn.env import Env
    from livn.run import Run

__all__ = ["channels", "culture"]

BEND = 0.12
"""How far a connection curves to the right of its way, so that there and back are two lines; share of its length."""
IDS = 64
"""Electrodes up to which their ids and radii are shown."""


def culture(
    source: Env | Experiment | Any, ax: Axes | None = None, *, weights: Weights | None = None, most: int = 300
) -> Axes:
    """The culture from above, µm: cells by population, connections, electrodes with their ids and radii.

    A line is a connected pair of cells, in the colour of the presynaptic population; it curves to the right as seen
    from there. The stronger, the wider and darker: strength is the mean multiplier of its plastic synapses where
    weights are given, else the number of its synapses. Of more than `most` pairs only the strongest are drawn, those
    that tie chosen at random; the legend says how many. Electrodes are squares; a dashed circle is how far they act on
    cells, a dotted one how far they hear.

    Args:
        source: an Env, a System or an Experiment, whose last weights are taken if none are given.
        ax: Matplotlib axes; None: those of a new figure.
        weights: what `env.get_weights()` returned.
        most: the most connections to draw, >= 0.

    Returns:
        The axes.

    Raises:
        ValueError: weights of cells that the culture does not have, or most < 0.
        TypeError: an argument of another kind.
    """
    most = checks.integer("most", most, low=0)
    known = tissue(source, "source")
    if weights is None and isinstance(source, Experiment) and source.weights:
        weights = list(source.weights.values())[-1]
    if weights is not None and not isinstance(weights, Weights):
        raise TypeError(f"weights must be what env.get_weights() returns, or None, got {weights!r:.200}")
    ax = axes(ax, (6.8, 5.4))
    places = {name: _rows(known, gids) for name, gids in known.populations.items()}
    size = float(np.clip(1500.0 / max(len(known.gids), 1), 4.0, 70.0))
    hue = colours(places)
    _connect(ax, known, hue, weights, most)
    for name, rows in places.items():
        style: dict[str, Any] = {"s": size, "color": hue[name], "edgecolor": "white", "zorder": 3}
        label = f"{name}, {len(rows):,} cell" + "s" * (len(rows) > 1)
        ax.scatter(rows[:, 1], rows[:, 2], label=label, lw=0.4 if size > 10 else 0.0, **style)
    if isinstance(known.io, MEA):
        _electrodes(ax, known.io)
    ax.set_aspect("equal")
    ax.set_xlabel("x (µm)")
    ax.set_ylabel("y (µm)")
    ax.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=SMALL, handlelength=1.4,
        borderaxespad=0.3,
    )  # fmt: skip
    return ax


def _rows(known: Tissue, gids: np.ndarray) -> np.ndarray:
    rows = known.coordinates
    return rows[np.isin(rows[:, 0], gids)]


def _pairs(known: Tissue, weights: Weights | None) -> tuple[np.ndarray, np.ndarray, str]:
    """(int64[n, 2] pre and post, float64[n] strength, what that is) of every connected pair."""
    if weights is not None and len(weights):
        pre, post = weights.synapses.pre, weights.synapses.gid
        strangers = np.setdiff1d(np.concatenate([pre, post]), known.gids)
        if strangers.size:
            raise ValueError(f"weights must be of this culture, which has no cell {strangers[0]}")
        ends, at = np.unique(np.column_stack([pre, post]), axis=0, return_inverse=True)
        total = np.bincount(at.ravel(), weights.array, len(ends))
        return ends, total / np.bincount(at.ravel(), minlength=len(ends)), "weight"
    synapses = synapses_of(known.system).among(known.gids)
    ends, counts = np.unique(np.column_stack([synapses.pre, synapses.post]), axis=0, return_counts=True)
    return ends.astype(np.int64), counts.astype(np.float64), "synapses"


def _connect(ax: Axes, known: Tissue, hue: Mapping[str, str], weights: Weights | None, most: int) -> None:
    """Lines between connected cells."""
    ends, strength, what = _pairs(known, weights)
    total = len(ends)
    if not total or not most:
        return
    order = np.lexsort((np.random.default_rng(1).random(total), strength))[-most:]
    ends, strength = ends[order], strength[order]
    low, high = float(strength.min()), float(strength.max())
    level = (strength - low) / (high - low) if high > low else np.full(len(strength), 0.5)
    rows = known.coordinates
    sorter = np.argsort(rows[:, 0])
    a, b = (rows[sorter[np.searchsorted(rows[sorter, 0], side)], 1:3] for side in ends.T)
    s = np.linspace(0.0, 1.0, 12)[None, :, None]
    right = np.column_stack([b[:, 1] - a[:, 1], a[:, 0] - b[:, 0]])
    lines = a[:, None] * (1 - s) + b[:, None] * s + 4 * BEND * s * (1 - s) * right[:, None]
    to_rgba = optional("matplotlib.colors", "plot").to_rgba
    ink = np.zeros((len(ends), 4))
    for name, gids in known.populations.items():
        ink[np.isin(ends[:, 0], gids)] = to_rgba(hue[name])
    ink[:, 3] = 0.15 + 0.6 * level
    span = f"{low:.3g}" if high == low else f"{low:.3g} to {high:.3g}"
    shown = f"{total:,}" if total == len(ends) else f"strongest {len(ends):,} of {total:,}"
    drawn = optional("matplotlib.collections", "plot").LineCollection(
        lines, linewidths=0.4 + 1.8 * level, colors=ink, zorder=2, label=f"{shown} connections,\n{what} {span}"
    )
    ax.add_collection(drawn)


def _electrodes(ax: Axes, io: MEA) -> None:
    """Squares with ids, and circles of the radii."""
    at = io.electrode_coordinates
    few = len(at) <= IDS
    ax.scatter(
        at[:, 1], at[:, 2], s=42 if few else 10, marker="s", facecolor="white" if few else "none", edgecolor=INK,
        lw=1.1, zorder=4, label=f"{len(at):,} electrode" + "s" * (len(at) > 1),
    )  # fmt: skip
    if not few:
        return
    circle = optional("matplotlib.patches", "plot").Circle
    radii = [("acts", io.input_radius, "--"), ("hears", io.output_radius, ":")]
    for what, radius, style in radii:
        for i, (_, x, y, _) in enumerate(at):
            label = f"it {what} within {radius:g} µm" if not i else None
            ax.add_patch(circle((x, y), radius, fill=False, ec=GREY, lw=0.8, ls=style, zorder=1, label=label))
    for name, x, y, _ in at:
        ax.annotate(f"{name:.0f}", (x, y), (5, 4), textcoords="offset points", fontsize="x-small", color=INK, zorder=5)


def channels(run: Run | Experiment, ax: Axes | None = None, *, of: Any = None) -> Axes:
    """Spikes as the electrodes hear them: a band per channel, in it a row per unit within its reach, by gid.

    A cell that several electrodes hear appears in each of their bands.

    Args:
        run: a Run or an Experiment, whose phases are shaded where weights were frozen.
        ax: Matplotlib axes; None: those of a new figure.
        of: the culture of the run, an Env, a System or an Experiment; needed for a Run.

    Returns:
        The axes.

    Raises:
        ValueError: no spikes were recorded, they are not of this culture, or it has no electrodes.
        TypeError: an argument of another kind; a Run without `of`.
        NotImplementedError: the culture's IO does not record.
    """
    source = opened(run, of)
    spikes = spikes_in(source)
    if source.tissue is None:
        raise TypeError("of must be the culture of the run: channels need to know where its cells are, got None")
    known = source.tissue
    heard = _heard(known)
    band = {channel: i for i, channel in enumerate(heard)}
    ax = axes(ax, (6.4, 4.4))
    time_axis(ax, source.window)
    ax.set_ylim(-0.05, len(heard) - 0.05)
    lines = max(1, max(map(len, heard.values()))) * len(heard)
    times, rows, ids = [], [], []
    for channel, units in heard.items():
        own = np.isin(spikes.ids, units)
        at = np.searchsorted(units, spikes.ids[own])
        times.append(spikes.times[own])
        ids.append(spikes.ids[own])
        rows.append(band[channel] + 0.9 * (at + 0.5) / max(len(units), 1))
    t, y, cell = (np.concatenate(parts) for parts in (times, rows, ids))
    for name, colour in colours(known.populations).items():
        own = np.isin(cell, known.populations[name])
        ticks(ax, source.run.t0 + t[own], y[own], colour, lines, len(t)).set_label(name)
    for edge in range(1, len(heard)):
        ax.axhline(edge - 0.05, color="0.85", lw=0.6, zorder=0.6)
    _label_channels(ax, heard)
    shade(ax, source.phases)
    return ax


def _heard(known: Tissue) -> dict[int, np.ndarray]:
    """The units that each channel hears, ascending."""
    if not known.io.num_channels:
        raise Missing("the culture has no electrodes: its io has no channels")
    gids = np.sort(known.gids)
    if known.env is not None:
        heard = known.env.channel_recording(gids)
    else:
        heard = known.io.channel_recording(known.coordinates, gids)
    return {int(channel): np.sort(units) for channel, units in heard.items()}


def _label_channels(ax: Axes, heard: Mapping[int, np.ndarray]) -> None:
    """Ids of channels, as many as there is room for."""
    every = max(1, int(np.ceil(len(heard) * 10.0 / max(points(ax)[1], 1.0))))
    shown = list(enumerate(heard))[::every]
    ax.set_yticks([i + 0.45 for i, _ in shown], [str(channel) for _, channel in shown])
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("electrode (channel)")
