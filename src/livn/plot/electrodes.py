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
from livn.plot.canvas import GREY, INK, SMALL, axes, beside, colours, points, shade, time_axis
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
LEAST_BAND = 3.0
"""Points that bands of channels must be high for lines between them."""
RINGS, NAMED = 16, 100
"""Electrodes up to which each has the circle of what it hears, and up to which each has its id."""


def culture(
    source: Env | Experiment | Any, ax: Axes | None = None, *, weights: Weights | None = None, most: int = 300
) -> Axes:
    """The culture from above, µm: cells by population, connections, electrodes with their ids and radii.

    A line is a connected pair of cells, in the colour of the presynaptic population; it curves to the right as seen
    from there. The stronger among those of its projection, the wider and darker: strength is the mean multiplier of its
    plastic synapses where weights are given, else the number of its synapses. Of more than `most` pairs only the
    strongest of each projection are drawn, as many as are its share, those that tie chosen at random; the legend says
    how many. Electrodes are squares. A dotted circle is how far one hears, around each of up to 16, else around the one
    in the middle; a dashed circle is how far that one acts on cells, where the map is large enough to show it.

    Args:
        source: an Env, a System or an Experiment, whose last weights are taken if none are given.
        ax: Matplotlib axes; None: those of a new figure.
        weights: what `env.get_weights()` returned.
        most: the most pairs to draw, >= 0.

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
    ax = axes(ax, (6.8, 5.0), "compressed")
    size = float(np.clip(1500.0 / max(len(known.gids), 1), 4.0, 70.0))
    hue = colours(known.populations)
    for name, gids in known.populations.items():
        rows = known.coordinates[np.isin(known.coordinates[:, 0], gids)]
        style: dict[str, Any] = {"s": size, "color": hue[name], "edgecolor": "white", "zorder": 3}
        label = f"{name}, {len(rows):,} cell" + "s" * (len(rows) > 1)
        ax.scatter(rows[:, 1], rows[:, 2], label=label, lw=0.4 if size > 10 else 0.0, **style)
    _connect(ax, known, hue, weights, most)
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
    projection = _projection(known, ends)
    order = _strongest(projection, strength, most)
    ends, strength, projection = ends[order], strength[order], projection[order]
    low, high = float(strength.min()), float(strength.max())
    level = _level(projection, strength)
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
    widths = 0.4 + 1.8 * level
    ax.add_collection(optional("matplotlib.collections", "plot").LineCollection(lines, linewidths=widths, colors=ink))
    span = " to ".join(dict.fromkeys(f"{end:.4g}" for end in (low, high)))
    each = f"weight {span}" if what == "weight" else f"{span} synapse{'s' * (span != '1')} each"
    pairs = f"{total:,} connected pair" + "s" * (total > 1)
    shown = pairs if total == len(ends) else f"strongest {len(ends):,} of\n{pairs}"
    ax.plot([], [], color=GREY, lw=1.2, label=f"{shown},\n{each}")


def _projection(known: Tissue, ends: np.ndarray) -> np.ndarray:
    """int64[n], a number for the populations that each pair joins."""
    member = np.zeros(ends.shape, np.int64)
    for code, gids in enumerate(known.populations.values()):
        member[np.isin(ends, gids)] = code
    return member[:, 0] * len(known.populations) + member[:, 1]


def _strongest(projection: np.ndarray, strength: np.ndarray, most: int) -> np.ndarray:
    """Places of the strongest pairs, weak ones first; each projection has its share, lest one of several synapses per
    pair hide the others."""
    order = np.lexsort((np.random.default_rng(1).random(len(strength)), strength))
    if len(strength) <= most:
        return order
    share = np.bincount(projection) * (most / len(strength))
    count = np.floor(share).astype(np.int64)
    count[np.argsort(count - share, kind="stable")[: most - count.sum()]] += 1
    chosen = [np.flatnonzero(projection[order] == code)[-n:] for code, n in enumerate(count.tolist()) if n]
    return order[np.sort(np.concatenate(chosen))]


def _level(projection: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """float64[n], 0 to 1: how strong a pair is among those of its projection; 0.3 where all are alike."""
    level = np.full(len(strength), 0.3)
    for code in np.unique(projection):
        own = projection == code
        low, high = strength[own].min(), strength[own].max()
        if high > low:
            level[own] = (strength[own] - low) / (high - low)
    return level


def _electrodes(ax: Axes, io: MEA) -> None:
    """Squares with ids, and circles of the radii."""
    at, ids = io.electrode_coordinates, io.channel_ids
    few, size = len(at) <= RINGS, float(np.clip(700.0 / len(at), 6.0, 42.0))
    label = f"{len(at):,} electrode" + "s" * (len(at) > 1)
    ax.scatter(at[:, 1], at[:, 2], s=size, marker="s", facecolor="none", edgecolor=INK, lw=1.1, zorder=4, label=label)
    if len(at) <= NAMED:
        for name, (x, y) in zip(ids, at[:, 1:3], strict=True):
            ax.annotate(str(name), (x, y), (4, 3), textcoords="offset points", fontsize="x-small", color=INK, zorder=5)
    ring = optional("matplotlib.patches", "plot").Circle
    style: dict[str, Any] = {"fill": False, "ec": GREY, "zorder": 1}
    middle = int(np.argmin(((at[:, 1:3] - at[:, 1:3].mean(axis=0)) ** 2).sum(axis=1)))
    for x, y in at[:, 1:3] if few else at[middle : middle + 1, 1:3]:
        ax.add_patch(ring((x, y), io.output_radius, ls=":", lw=0.9, **style))
    ax.autoscale_view()
    limits = ax.get_xlim(), ax.get_ylim()
    centre = at[middle, 1:3]
    fits = all(a <= c - io.input_radius and c + io.input_radius <= b for c, (a, b) in zip(centre, limits, strict=True))
    ax.add_patch(ring(centre, io.input_radius, ls="--", lw=0.9, **style))
    ax.set(xlim=limits[0], ylim=limits[1])
    one = f"electrode {ids[middle]}"
    hears = f"{'each' if few and len(at) > 1 else one} hears\nwithin {io.output_radius:g} µm"
    acts = f"{one} acts\nwithin {io.input_radius:g} µm" + ("" if fits else ", off the map")
    ax.plot([], [], color=GREY, lw=0.9, ls=":", label=hears)
    ax.plot([], [], color=GREY, lw=0.9, ls="--", label=acts)


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
    if points(ax)[1] > LEAST_BAND * len(heard):
        ax.hlines(np.arange(1, len(heard)) - 0.05, *source.window, color="0.85", lw=0.6, zorder=0.6)
    _label_channels(ax, heard)
    step = (ax.get_ylim()[1] - ax.get_ylim()[0]) * 12.0 / max(points(ax)[1], 1.0)
    beside(
        ax, [(len(heard) - 0.6 * step - i * step, *pair) for i, pair in enumerate(colours(known.populations).items())]
    )
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
    ax.set_ylabel("channel (electrode), a row per unit")
