"""Signals over time: membrane potentials of cells, field potentials at electrodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.frozen import frozen_ids
from livn.plot.canvas import INK, axes, colours, points, scale_bar, shade, time_axis
from livn.plot.sources import Missing, Source, opened
from livn.recordings import Series
from livn.run import FIELD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from livn.experiment import Experiment
    from livn.run import Run

__all__ = ["lfp", "voltage"]


def voltage(
    run: Run | Experiment,
    ax: Axes | None = None,
    *,
    of: Any = None,
    gids: int | Iterable[int] | None = None,
    most: int = 6,
) -> Axes:
    """Recorded membrane potentials, a row per cell and section, with a scale in mV; of one row alone an axis in mV.

    Args:
        run: a Run or an Experiment, whose phases are shaded where weights were frozen.
        ax: Matplotlib axes; None: those of a new figure.
        of: the culture, an Env, a System or an Experiment, which gives populations their colours; None: unknown.
        gids: the cells to draw; None: some that are spread evenly over those recorded.
        most: the most rows to draw, >= 1.

    Returns:
        The axes.

    Raises:
        ValueError: no potentials were recorded, or none of these cells; most < 1.
        TypeError: an argument of another kind.
    """
    most = checks.integer("most", most, low=1)
    source = opened(run, of)
    recorded = source.run.channel("voltage")
    if not isinstance(recorded, Series) or not recorded.values.size:
        raise Missing("no membrane potentials were recorded: call env.record_voltage() before the run")
    rows = np.arange(len(recorded.ids))
    if gids is not None:
        wanted = frozen_ids("gids", list(gids) if isinstance(gids, Iterable) else [gids])
        strangers = np.setdiff1d(wanted, recorded.ids)
        if strangers.size:
            some = ", ".join(map(str, np.unique(recorded.ids)[:20]))
            raise ValueError(f"gids must be cells whose potential was recorded ({some}), got {strangers[0]}")
        rows = np.flatnonzero(np.isin(recorded.ids, wanted))
    rows = _spread(rows, most)
    names = [f"{recorded.ids[row]}" if recorded.sections is None else _named(recorded, row) for row in rows.tolist()]
    member = {int(g): name for name, own in source.populations.items() for g in own}
    hue = colours(source.populations)
    inks = [hue.get(member.get(int(recorded.ids[row]), ""), INK) for row in rows]
    ax = axes(ax, (6.4, 1.2 + 0.55 * max(len(rows), 3)))
    _stack(ax, recorded.t, recorded.values[rows], names, inks, "mV")
    ax.set_ylabel("cell (gid), section" if len(rows) > 1 else f"potential of cell {names[0]} (mV)")
    time_axis(ax, source.window)
    shade(ax, source.phases)
    return ax


def _named(recorded: Series, row: int) -> str:
    assert recorded.sections is not None
    return f"{recorded.ids[row]} {recorded.sections[row]}"


def lfp(run: Run | Experiment, ax: Axes | None = None, *, of: Any = None, most: int = 16) -> Axes:
    """Field potentials at the electrodes, a row per channel, with a scale in µV; of one alone an axis in µV.

    Args:
        run: an Experiment or a Run with the channel `"field_potential"` [µV]; or a Run with membrane currents.
        ax: Matplotlib axes; None: those of a new figure.
        of: the Env of a run with membrane currents.
        most: the most channels to draw, >= 1, spread evenly over those there are.

    Returns:
        The axes.

    Raises:
        ValueError: nothing was recorded that field potentials are made from; most < 1.
        TypeError: an argument of another kind; membrane currents without their Env.
        NotImplementedError: the culture's IO records no potentials.
    """
    most = checks.integer("most", most, low=1)
    source = opened(run, of)
    field = potentials(source)
    rows = _spread(np.arange(len(field.ids)), most)
    names = [str(field.ids[row]) for row in rows]
    ax = axes(ax, (6.4, 1.2 + 0.3 * max(len(rows), 5)))
    _stack(ax, field.t, field.values[rows], names, [INK] * len(rows), "µV", touching=True)
    ax.set_ylabel("electrode (channel)" if len(rows) > 1 else f"field potential, channel {names[0]} (µV)")
    time_axis(ax, source.window)
    shade(ax, source.phases)
    return ax


def potentials(source: Source) -> Series:
    """The field potentials of a run, or those that its membrane currents make.

    Raises:
        Missing: neither was recorded, or the culture has no electrodes.
        TypeError: currents without their Env.
    """
    field, current = source.run.channel(FIELD), source.run.channel("membrane_current")
    if isinstance(field, Series) and field.values.size:
        return field
    if not isinstance(current, Series) or not current.values.size:
        raise Missing("no field potentials were recorded: call env.record_membrane_current() before the run")
    if source.tissue is not None and not source.tissue.io.num_channels:
        raise Missing("the culture has no electrodes: its io has no channels")
    if source.tissue is None or source.tissue.env is None:
        raise TypeError("of must be the Env of the run: field potentials are made from its membrane currents")
    values = source.tissue.env.potential_recording(current.values, ids=current.ids)
    return Series(source.tissue.io.channel_ids, values, current.dt, current.t0)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def _stack(
    ax: Axes,
    t: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    inks: Sequence[str],
    unit: str,
    touching: bool = False,
) -> None:
    """Traces above each other on one scale, the first on top; one alone keeps its own."""
    if len(values) == 1:
        ax.plot(t, values[0], color=inks[0], lw=0.9)
        ax.margins(y=0.08)
        return
    middle = np.median(values, axis=1)
    swing = float(np.ptp(values - middle[:, None])) or 1.0
    if touching:  # what is rare may reach into the rows of others
        usual = np.quantile(values, [0.002, 0.998], axis=1)
        swing = max(float((usual[1] - usual[0]).max()), swing / 4)
    base = -np.arange(len(values)) * 1.05 * swing
    for row, level, ink, name in zip(values, base - middle, inks, names, strict=True):
        ax.plot(t, row + level, color=ink, lw=0.8, label=name)
    ax.set_yticks(base, names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.margins(y=0.02)
    ax.set_ylim(ax.get_ylim())
    length = _round(min(swing, 30.0 / max(points(ax)[1], 1.0) * float(np.ptp(ax.get_ylim()))))
    scale_bar(ax, length, f"{length:g} {unit}")


def _round(x: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above x."""
    power = 10.0 ** np.floor(np.log10(x))
    return float(max(m for m in (1.0, 2.0, 5.0) if m * power <= x * (1 + 1e-9)) * power)
