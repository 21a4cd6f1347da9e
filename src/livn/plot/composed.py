"""Figures of several panels, and all figures of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from livn import checks
from livn.experiment import Experiment
from livn.experiment.record import FIGURES
from livn.extras import optional
from livn.plot.canvas import GREY, axes, canvas
from livn.plot.electrodes import channels, culture
from livn.plot.learning import draw_weights, sampled, weight_change, weight_distribution, weights
from livn.plot.rules import rule
from livn.plot.signals import lfp, voltage
from livn.plot.sources import Missing, opened
from livn.plot.spikes import activity, draw_raster, draw_rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["overview", "training"]


def training(*experiments: Experiment, figure: Figure | SubFigure | None = None) -> Any:
    """What training did, a column per experiment: spikes, rates and weights over time, weights before and after, and
    the change of each.

    Phases are named above the spikes and shaded where weights were frozen. A panel whose data the record lacks says so.

    Args:
        experiments: one or several.
        figure: an empty Matplotlib figure; None: a new one of pyplot.

    Returns:
        The figure.

    Raises:
        TypeError: none, or something else than experiments.
    """
    if not experiments:
        raise TypeError("training needs an Experiment, got none")
    for experiment in experiments:
        _check(experiment)
    whole = canvas(figure, (1.2 + 5.6 * len(experiments), 10.0))
    for column, experiment in zip(whole.subfigures(1, len(experiments), squeeze=False)[0], experiments, strict=True):
        _column(column, experiment)
    return whole


def _check(experiment: object) -> None:
    if not isinstance(experiment, Experiment):
        raise TypeError(f"experiment must be a livn.experiment.Experiment, got {experiment!r:.200}")


def _column(figure: Any, experiment: Experiment) -> None:
    """The panels of one experiment."""
    upper, lower = figure.subfigures(2, 1, height_ratios=[2.9, 1.0])
    spikes, rate, weight = upper.subplots(3, 1, sharex=True, height_ratios=[2.2, 1.0, 1.9])
    spread, change = lower.subplots(1, 2)
    source = opened(experiment, None)
    _panel(spikes, lambda ax: draw_raster(ax, source).set_xlabel(""))
    _panel(rate, lambda ax: draw_rates(ax, source, named=False).set_xlabel(""))
    _panel(weight, lambda ax: draw_weights(ax, *sampled(experiment), named=False))
    _panel(spread, lambda ax: weight_distribution(experiment, ax=ax))
    _panel(change, lambda ax: weight_change(experiment, ax=ax))
    count = sum(map(len, experiment.cells.values()))
    plastic = len(next(iter(experiment.weights.values()))) if experiment.weights else 0
    figure.suptitle(f"{experiment.system.name}: {count:,} cells, {plastic:,} plastic synapses", fontsize="large")


def _panel(ax: Axes, draw: Callable[[Axes], object]) -> None:
    """Draw, or say what is missing."""
    try:
        draw(axes(ax))
    except Missing as e:
        ax.text(0.5, 0.5, str(e).partition(":")[0], transform=ax.transAxes, ha="center", va="center", color=GREY)
        ax.set_yticks([])


def overview(experiment: Experiment, only: Collection[str] | None = None) -> dict[str, Figure]:
    """Every figure that the record of an experiment has data for.

    Args:
        experiment: what was done, and what came of it.
        only: names of figures to draw; None: all.

    Returns:
        Figures by the names of the functions that draw them, in the order in which one looks at them. They are none of
        pyplot's: `figure.savefig(...)` writes them, and nothing need be closed.

    Raises:
        TypeError: no Experiment.
        ValueError: a name that there is not.
    """
    _check(experiment)
    wanted = checks.names("figure", FIGURES if only is None else only, FIGURES)
    sizes: dict[str, tuple[Callable[..., object], tuple[float, float]]] = {
        "activity": (_activity, (7.2, 5.2)),
        "voltage": (voltage, (7.2, 4.4)),
        "weights": (weights, (7.2, 3.8)),
        "weight_distribution": (weight_distribution, (6.4, 3.8)),
        "weight_change": (_change, (6.4, 3.8)),
        "culture": (culture, (7.2, 5.6)),
        "channels": (channels, (7.2, 5.2)),
        "lfp": (lfp, (7.2, 5.2)),
        "rule": (rule, (6.8, 3.8)),
    }
    figures = {}
    for name, (draw, size) in sizes.items():
        if name not in wanted:
            continue
        figure = _figure(size, "compressed" if draw is culture else "constrained")
        try:
            draw(experiment, figure) if draw is _activity else draw(experiment, ax=figure.subplots())
        except (Missing, NotImplementedError):
            continue
        figures[name] = figure
    if experiment.weights and "training" in wanted:
        figures["training"] = training(experiment, figure=_figure((6.8, 10.0)))
    return figures


def _figure(size: tuple[float, float], layout: str = "constrained") -> Figure:
    figure: Figure = optional("matplotlib.figure", "plot").Figure(size, layout=layout)
    return figure


def _activity(experiment: Experiment, figure: Figure) -> None:
    activity(experiment, figure)


def _change(experiment: Experiment, ax: Axes) -> None:
    weight_change(experiment, ax=ax)
