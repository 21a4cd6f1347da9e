"""Spikes: rasters and rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.extras import optional
from livn.plot.canvas import INK, SMALL, axes, beside, canvas, colours, headroom, points, shade, time_axis
from livn.plot.sources import Source, opened, spikes_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from livn.experiment import Experiment
    from livn.run import Run

__all__ = ["activity", "draw_raster", "draw_rates", "raster", "rates", "ticks"]

DENSE = 20_000
"""Spikes from which on they are drawn as pixels, not as shapes, in vector files too."""
BINS = 4
"""Bins in a standard deviation of the kernel that smooths rates."""


def raster(run: Run | Experiment, ax: Axes | None = None, *, of: Any = None) -> Axes:
    """Spikes over time, a row per cell in the order of gids, by population.

    Args:
        run: a Run or an Experiment, whose phases are shaded where weights were frozen.
        ax: Matplotlib axes; None: those of a new figure.
        of: the culture of the run, an Env, a System or an Experiment; None: its populations are not told apart.

    Returns:
        The axes.

    Raises:
        ValueError: no spikes were recorded, or they are not of this culture.
        TypeError: an argument of another kind.
    """
    source = opened(run, of)
    spikes_in(source)
    return draw_raster(axes(ax), source)


def draw_raster(ax: Axes, source: Source, *, named: bool = True) -> Axes:
    """See `raster`; `named`: whether to write the names of phases."""
    spikes, cells = spikes_in(source), source.populations
    rows, order, count = spikes.ids, None, int(spikes.ids.max(initial=0)) + 1
    if cells:
        order = np.concatenate(list(cells.values()))
        sorter, count = np.argsort(order), len(order)
        rows = sorter[np.searchsorted(order, spikes.ids, sorter=sorter)]
    time_axis(ax, source.window)
    ax.set_ylim(-0.6, count - 0.4)
    first, labels = 0, []
    for name, colour in colours(cells).items():
        own = (rows >= first) & (rows < first + len(cells[name]))
        ticks(ax, source.run.t0 + spikes.times[own], rows[own], colour, count, len(spikes)).set_label(name)
        labels.append((first + (len(cells[name]) - 1) / 2, name, colour))
        first += len(cells[name])
    if not cells:
        ticks(ax, source.run.t0 + spikes.times, rows, INK, count, len(spikes))
    beside(ax, labels)
    _label_cells(ax, order)
    shade(ax, source.phases, named=named)
    return ax


def ticks(ax: Axes, times: np.ndarray, rows: np.ndarray, colour: str, count: int, total: int) -> Any:
    """A mark per spike, as high as one of `count` rows allows and still to be seen; the line that they are."""
    height = points(ax)[1] / max(count, 1)
    style: dict[str, Any] = {"marker": "|", "ms": min(max(0.8 * height, 3.0), 14.0), "mew": 1.2 if count < 40 else 1.0}
    if total > DENSE:
        width, height = points(ax)
        size = float(np.clip(0.8 * np.sqrt(width * height / total), 0.4, 1.6))  # room for each, dense as they may be
        style = {"marker": ".", "ms": size, "mew": 0.0, "alpha": 0.8, "rasterized": True}
    (line,) = ax.plot(times, rows, ls="none", color=colour, **style)
    return line


def _label_cells(ax: Axes, order: np.ndarray | None) -> None:
    """Gids at the rows; None: each is in the row of its number."""
    ax.set_ylabel("cell (gid)")
    locator = optional("matplotlib.ticker", "plot").MaxNLocator
    ax.yaxis.set_major_locator(locator(6, integer=True, steps=[1, 2, 5, 10]))
    if order is not None and not np.array_equal(order, np.arange(len(order))):
        ax.yaxis.set_major_formatter(lambda y, _: str(order[round(y)]) if y == round(y) and 0 <= y < len(order) else "")


def rates(run: Run | Experiment, ax: Axes | None = None, *, of: Any = None, sd: float | None = None) -> Axes:
    """Mean rate of a cell of each population over time, Hz.

    Spikes are smoothed by a Gaussian, which at the ends of the run is cut and renormalised.

    Args:
        run: a Run or an Experiment.
        ax: Matplotlib axes; None: those of a new figure.
        of: the culture of the run, an Env, a System or an Experiment; needed for a Run.
        sd: standard deviation of the Gaussian, ms; None: 20 ms, or a 300th of the run if that is longer.

    Returns:
        The axes.

    Raises:
        ValueError: no spikes were recorded, they are not of this culture, or sd <= 0.
        TypeError: an argument of another kind; a Run without `of`.
    """
    source = _counted(run, of)
    sd = None if sd is None else checks.number("sd", sd, above=0.0, unit="ms")
    return draw_rates(axes(ax, (6.4, 2.4)), source, sd)


def _counted(run: Any, of: Any) -> Source:
    """A run with spikes and a culture whose cells can be counted."""
    source = opened(run, of)
    spikes_in(source)
    if source.tissue is None:
        raise TypeError("of must be the culture of the run: a rate per cell needs to know how many there are, got None")
    return source


def draw_rates(ax: Axes, source: Source, sd: float | None = None, *, named: bool = True) -> Axes:
    """See `rates`; `named`: whether to write the names of phases."""
    spikes, (start, stop) = spikes_in(source), source.window
    sd = max(20.0, (stop - start) / 300.0) if sd is None else sd
    top = 0.0
    for name, colour in colours(source.populations).items():
        gids = source.populations[name]
        times = spikes.times[np.isin(spikes.ids, gids)]
        t, rate = smoothed(times, stop - start, sd)
        rate = rate / len(gids)
        mean = 1000.0 * len(times) / len(gids) / (stop - start)
        top = max(top, float(rate.max()))
        ax.plot(start + t, rate, color=colour, lw=1.3, label=f"{name}, {mean:.3g} Hz on average")
    time_axis(ax, (start, stop))
    ax.set_ylabel("rate\n(Hz per cell)")
    ax.set_ylim(0.0, 1.05 * top or 1.0)
    headroom(ax, -(-len(source.populations) // 2))
    ax.legend(loc="upper left", ncols=2, frameon=False, fontsize=SMALL, handlelength=1.2, borderaxespad=0.1)
    shade(ax, source.phases, named=named)
    return ax


def smoothed(times: np.ndarray, duration: float, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """(float64[n] ms, float64[n] Hz): the density of events in [0, duration) ms, at the middle of each of n bins."""
    from scipy.ndimage import gaussian_filter1d

    n = max(2, int(np.ceil(BINS * duration / sd)))
    width = duration / n
    counts = np.bincount(np.minimum((times / width).astype(np.int64), n - 1), minlength=n).astype(np.float64)
    reach = min(int(5.0 * sd / width + 0.5), n)  # no farther than there are bins, however wide the kernel
    kernel = {"sigma": sd / width, "mode": "constant", "radius": reach}
    rate = gaussian_filter1d(counts, **kernel) / gaussian_filter1d(np.ones(n), **kernel)
    return (np.arange(n) + 0.5) * width, 1000.0 * rate / width


def activity(
    run: Run | Experiment, figure: Figure | SubFigure | None = None, *, of: Any = None, sd: float | None = None
) -> tuple[Axes, Axes]:
    """A raster with the rates under it, on one axis of time.

    Args:
        run: a Run or an Experiment.
        figure: an empty Matplotlib figure; None: a new one.
        of: the culture of the run, an Env, a System or an Experiment; needed for a Run.
        sd: standard deviation of the Gaussian that smooths rates, ms; None: as `rates` chooses it.

    Returns:
        The axes of the raster and those of the rates.

    Raises:
        ValueError, TypeError: as `raster` and `rates` do.
    """
    source = _counted(run, of)
    sd = None if sd is None else checks.number("sd", sd, above=0.0, unit="ms")
    upper, lower = canvas(figure, (6.8, 5.0)).subplots(2, 1, sharex=True, height_ratios=[2.4, 1.0])
    draw_raster(axes(upper), source).set_xlabel("")
    draw_rates(axes(lower), source, sd, named=False)
    return upper, lower
