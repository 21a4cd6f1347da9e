"""Weights: how they evolve, how they are distributed, what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.experiment import Experiment
from livn.plasticity import Weights, WeightTraces
from livn.plot.canvas import GREY, SMALL, axes, colours, headroom, shade, time_axis
from livn.plot.sources import RECEPTORS, Missing, by_receptor, env_in, pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from livn.env import Env
    from livn.experiment import Phase

__all__ = ["draw_weights", "sampled", "weight_change", "weight_distribution", "weights"]

FRAMES = 400
"""Samples drawn at most."""
READ = 1 << 23
"""Values read at a time."""
CURVE = 1000
"""Points of a curve at most; fewer than `DOTS` synapses are drawn one by one."""
DOTS = 300
AXIS = "weight (multiplier)"


def weights(source: Experiment | WeightTraces | Env, ax: Axes | None = None, *, most: int = 8) -> Axes:
    """Weights over time: of each receptor some traces, and the mean of all its synapses ± their standard deviation.

    Args:
        source: what `env.w_recs` or `livn.open_weights` returned, an Env that recorded weights, or an Experiment, whose
            phases are shaded where weights were frozen.
        ax: Matplotlib axes; None: those of a new figure.
        most: the most traces to draw per receptor, >= 0; the same ones for the same culture.

    Returns:
        The axes.

    Raises:
        ValueError: no weights were sampled, no synapse is plastic, or most < 0.
        TypeError: an argument of another kind.
    """
    most = checks.integer("most", most, low=0)
    traces, receptors, phases, window = sampled(source)
    return draw_weights(axes(ax), traces, receptors, phases, window, most)


def sampled(
    source: object,
) -> tuple[WeightTraces, Mapping[str, str], tuple[Phase, ...], tuple[float, float] | None]:
    """Traces, the receptors of mechanisms, and of an experiment the phases and the window.

    Raises:
        Missing: no samples.
        TypeError: a source of another kind.
    """
    receptors: Mapping[str, str] = RECEPTORS
    phases: tuple[Phase, ...] = ()
    window = None
    traces: Any = source
    if isinstance(source, Experiment):
        traces, phases = source.traces, source.phases
        receptors = RECEPTORS | dict(source.receptors)
        if source.run.t1 is not None:
            window = source.run.t0, source.run.t1
    elif (env := env_in(source)) is not None:
        traces = env.w_recs
        receptors = RECEPTORS | {m: r for r, m in env.model.neuron_synapse_mechanisms().items()}
    if traces is not None and not isinstance(traces, WeightTraces):
        raise TypeError(f"source must be weight traces (env.w_recs), an Env or an Experiment, got {source!r:.200}")
    if traces is None or not len(traces.t):
        raise Missing("no weights were sampled: call env.record_weights() before the run")
    if not len(traces):
        raise Missing("no weights were sampled: the culture has no plastic synapses")
    return traces, receptors, tuple(phases), window


def draw_weights(
    ax: Axes,
    traces: WeightTraces,
    receptors: Mapping[str, str],
    phases: tuple[Phase, ...] = (),
    window: tuple[float, float] | None = None,
    most: int = 8,
    *,
    named: bool = True,
) -> Axes:
    """See `weights`; `named`: whether to write the names of phases."""
    places = by_receptor(traces.synapses, receptors)
    step = -(-len(traces.t) // FRAMES)
    t = np.concatenate([traces.t[:1] - traces.dt, traces.t[::step]])  # a sample stands for the time since the last one
    draw = np.random.default_rng(1)
    some = {name: np.sort(draw.choice(at, min(most, at.size), replace=False)) for name, at in places.items()}
    kept: dict[str, list[np.ndarray]] = {name: [] for name in places}
    moments: dict[str, list[np.ndarray]] = {name: [] for name in places}
    rows = max(1, READ // len(traces))
    for a in range(0, len(t) - 1, rows):
        values = traces.frames(a * step, (a + rows) * step, step)
        for name, at in places.items():
            own = values[:, at].astype(np.float64)
            kept[name].append(values[:, some[name]])
            moments[name].append(np.stack([own.mean(axis=1), own.std(axis=1)]))
    for name, colour in colours(places).items():
        if some[name].size:
            values = np.concatenate([kept[name][0][:1], *kept[name]])
            ax.plot(t, values, color=colour, lw=0.7, alpha=0.45, drawstyle="steps-pre")
        mean, sd = np.concatenate([moments[name][0][:, :1], *moments[name]], axis=1)
        ax.fill_between(t, mean - sd, mean + sd, color=colour, alpha=0.18, lw=0, step="pre")
        ax.plot(t, mean, color=colour, lw=2.0, label=name, zorder=3, drawstyle="steps-pre")
    time_axis(ax, window or (float(t[0]), float(t[-1])))
    ax.set_ylabel(AXIS)
    headroom(ax, 2)
    title = f"mean ± sd, and up to {most} traces of each" if most else "mean ± sd"
    _legend(ax, title=title, alignment="left", ncols=len(places))
    shade(ax, phases, named=named)
    return ax


def _legend(ax: Axes, **options: Any) -> None:
    style = {"frameon": False, "fontsize": SMALL, "title_fontsize": SMALL, "handlelength": 1.4, "borderaxespad": 0.1}
    ax.legend(**{"loc": "upper left", "columnspacing": 1.2, **style, **options})


def _above(ax: Axes) -> None:
    """A legend above the axes, clear of the data."""
    _legend(ax, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)


def _current(value: Any) -> Any:
    """The weights of a live culture, or the value itself."""
    env = env_in(value)
    return value if env is None else env.get_weights()


def weight_distribution(
    before: Weights | Experiment | Env, after: Weights | Env | None = None, ax: Axes | None = None
) -> Axes:
    """Histograms of weights by receptor, in percent of its synapses.

    Args:
        before: what `env.get_weights()` returned; an Env, as it is now; or an Experiment, for its start and its end.
        after: the same later: then filled histograms are those after, and dashed lines those before.
        ax: Matplotlib axes; None: those of a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: no synapse is plastic, or these are weights of different synapses.
        TypeError: an argument of another kind.
    """
    first, last, receptors = pair(_current(before), _current(after))
    shown = first if last is None else last
    ax = axes(ax)
    values = np.concatenate([first.array, shown.array])
    low, high = float(values.min()), float(values.max())
    alike = high - low <= 1e-9 * max(abs(high), 1.0)
    pad = 0.05 * max(abs(high), 1.0) if alike else 0.02 * (high - low)
    edges = np.linspace(low - pad, high + pad, 42).tolist()
    places = by_receptor(first.synapses, receptors)
    for name, colour in colours(places).items():
        at = places[name]
        share = np.full(at.size, 100.0 / at.size)
        style: dict[str, Any] = {"color": colour, "alpha": 0.4, "label": f"{name} ({at.size:,})"}
        ax.hist(shown.array[at], edges, weights=share, histtype="stepfilled", **style)
        ax.hist(shown.array[at], edges, weights=share, histtype="step", color=colour, lw=1.2)
    if last is not None:
        _before(ax, first, places, edges)
    ax.set_xlabel(AXIS)
    ax.set_ylabel("share of synapses (%)")
    ax.set_xlim(edges[0], edges[-1])
    _above(ax)
    return ax


def _before(ax: Axes, first: Weights, places: Mapping[str, np.ndarray], edges: list[float]) -> None:
    """The weights before, dashed: a line where all were the same, else histograms."""
    if np.ptp(first.array) < 1e-9:
        ax.axvline(first.array[0], color=GREY, lw=1.4, ls="--", label=f"before: all at {first.array[0]:g}")
        return
    for name, colour in colours(places).items():
        own = first.array[places[name]]
        share = np.full(own.size, 100.0 / own.size)
        ax.hist(own, edges, weights=share, histtype="step", color=colour, lw=1.4, ls="--")
    ax.plot([], [], color=GREY, lw=1.4, ls="--", label="before")


def weight_change(before: Weights | Experiment, after: Weights | Env | None = None, ax: Axes | None = None) -> Axes:
    """How much every weight changed, sorted, a curve per receptor along the share of its synapses.

    Args:
        before: what `env.get_weights()` returned, or an Experiment, for its start and its end.
        after: the same later, or an Env, as it is now; needed where `before` are weights.
        ax: Matplotlib axes; None: those of a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: no synapse is plastic, or these are weights of different synapses.
        TypeError: an argument of another kind.
    """
    first, last, receptors = pair(before, _current(after))
    if last is None:
        raise TypeError("after must be what env.get_weights() returned later, got None")
    ax = axes(ax)
    places = by_receptor(first.synapses, receptors)
    change = last.array - first.array
    ax.axhline(0.0, color=GREY, lw=0.8, ls="--", zorder=1)
    for name, colour in colours(places).items():
        own = np.sort(change[places[name]])
        rank = np.arange(own.size)
        if own.size > CURVE:
            rank = np.unique(np.linspace(0, own.size - 1, CURVE).round().astype(np.int64))
        label = f"{name}: {100 * np.mean(own > 0):.0f} % grew"
        style: dict[str, Any] = {"marker": "o", "ms": 2.5} if own.size < DOTS else {"lw": 1.8}
        ax.plot(100 * (rank + 0.5) / own.size, own[rank], color=colour, label=label, **{"lw": 0.8, **style})
    ax.set_xlabel("synapses, by change (%)")
    ax.set_ylabel("change of weight")
    ax.set_xlim(0.0, 100.0)
    headroom(ax, len(places))
    _legend(ax)
    return ax
