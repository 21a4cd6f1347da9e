"""The figure of `train.py`: rasters, weights over time, and their distributions before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from train import Result

# Okabe & Ito's palette, told apart by colour-blind readers too
BLUE, SKY, VERMILION, GREY = "#0072B2", "#56B4E9", "#D55E00", "#6E6E6E"
POPULATION = {"EXC": BLUE, "INH": VERMILION}
RECEPTOR = {"AMPA": BLUE, "NMDA": SKY, "GABA_A": VERMILION}
SAMPLE = 12  # traces shown per receptor
RATE_SD = 20.0  # ms, of the kernel that smooths the rate
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.facecolor": "white",
}


def draw(results: list[Result], path: Path) -> None:
    """Draw the experiment, a column per culture, into a PNG."""
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(5.4 * len(results), 8.6), layout="constrained")
        grid = figure.add_gridspec(4, len(results), height_ratios=[2.4, 1.0, 2.4, 1.7])
        for column, result in enumerate(results):
            axes = [figure.add_subplot(grid[row, column]) for row in range(4)]
            for ax in axes[:3]:
                ax.sharex(axes[2])
                shade(ax, result)
            raster(axes[0], result)
            rates(axes[1], result)
            weights(axes[2], result)
            distributions(axes[3], result)
            for ax in axes[:2]:
                ax.tick_params(labelbottom=False)
        figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
        figure.savefig(path, dpi=120)
        plt.close(figure)


def shade(ax: Axes, result: Result) -> None:
    """Grey out the time in which the weights are frozen."""
    ax.axvspan(result.training_ms, result.run.t1, color="0.93", lw=0, zorder=0)


def raster(ax: Axes, result: Result) -> None:
    """A tick per spike, a line per cell."""
    ids, times = result.run.spike_ids, result.run.spike_times
    total = sum(n for _, n in result.populations.values())
    height, width = max(0.8, total / 55), 1.6 if total < 50 else 1.1  # visible, however many cells
    for name, (first, count) in result.populations.items():
        own = (ids >= first) & (ids < first + count)
        ax.vlines(times[own], ids[own] - height / 2, ids[own] + height / 2, color=POPULATION[name], lw=width)
    ax.set(ylim=(total - 0.4, -0.6), ylabel="cell (gid)", xlim=(0.0, result.run.t1))
    ax.set_title(f"{result.name}: {total} cells, {len(result.before):,} plastic connections", loc="left", pad=20)
    middle = (result.training_ms / 2, (result.training_ms + result.run.t1) / 2)
    for x, text in zip(middle, ("learning, scaled every 100 ms", "weights frozen"), strict=True):
        ax.text(x, 1.02, text, transform=ax.get_xaxis_transform(), ha="center", fontsize=8, color=GREY)


def rates(ax: Axes, result: Result) -> None:
    """Mean rate of a cell of each population, smoothed by a Gaussian that is cut and renormalised at the ends."""
    t = np.arange(0.0, result.run.t1, 2.0)
    width = np.exp(-0.5 * ((t[:, None] - t) / RATE_SD) ** 2).sum(axis=1) * 2.0  # ms
    top = 0.0
    for name, (_, count) in result.populations.items():
        spikes = result.run.select(population=name, population_ranges=result.populations).spike_times
        kernel = np.exp(-0.5 * ((t[:, None] - spikes) / RATE_SD) ** 2) / width[:, None]
        rate = 1000.0 * kernel.sum(axis=1) / count
        top = max(top, rate.max())
        ax.plot(t, rate, color=POPULATION[name], lw=1.2, label=f"{name}, {result.rate(name):.1f} Hz on average")
    ax.set(ylabel="rate (Hz)", ylim=(0.0, 1.35 * top or 1.0))
    ax.legend(loc="upper left", ncols=2, handlelength=1.2, borderaxespad=0.1)


def weights(ax: Axes, result: Result) -> None:
    """A sample of the recorded weights, and mean ± sd of all."""
    chosen = np.random.default_rng(1)
    for label, colour in RECEPTOR.items():
        own = np.flatnonzero(result.receptors == label)
        sample = chosen.choice(own, min(SAMPLE, own.size), replace=False)
        lines = ax.plot(result.t, result.weights[:, sample], color=colour, lw=0.8, alpha=0.6)
        lines[0].set_label(label)
    mean, sd = result.weights.mean(axis=1), result.weights.std(axis=1)
    ax.fill_between(result.t, mean - sd, mean + sd, color="k", alpha=0.15, lw=0, zorder=3)
    ax.plot(result.t, mean, color="k", lw=1.8, label="all, mean ± sd", zorder=4)
    low, high = ax.get_ylim()
    ax.set(xlabel="time (ms)", ylabel="weight w", ylim=(low, high + 0.12 * (high - low)))  # room for the legend
    legend = ax.legend(loc="upper left", ncols=4, handlelength=1.2, columnspacing=1.0, borderaxespad=0.1)
    for handle in legend.legend_handles:
        handle.set(linewidth=2.0, alpha=1.0)


def distributions(ax: Axes, result: Result) -> None:
    """Histograms of the weights after training; before, all were at one value."""
    edges = np.linspace(result.after.min(), result.after.max(), 41)
    parts = [result.after[result.receptors == label] for label in RECEPTOR]
    ax.hist(parts, edges, stacked=True, color=list(RECEPTOR.values()), label=list(RECEPTOR))
    ax.axvline(1.0, color="k", lw=1.2, ls="--", label="before: all at 1")
    ax.set(xlabel="weight w after training", ylabel="connections")
    ax.legend(loc="upper right")
