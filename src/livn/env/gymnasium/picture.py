"""A picture of a culture on its electrodes and of what a task asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from livn.extras import optional
from livn.run import Run

__all__ = ["Picture"]

MOST_CELLS = 5000
"""Dots of cells drawn at most."""

COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce")


class Picture:
    """Draws the same figure again and again: on the left the array, on the right the task's curves.

    Args:
        env: the culture.
        marks: electrodes with a role, by its name.
    """

    def __init__(self, env: Any, marks: Mapping[str, int]) -> None:
        figure = optional("matplotlib.figure", "plot").Figure((7.2, 3.6), dpi=100, layout=None)
        self._canvas = optional("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg(figure)
        self._env = env
        array, self._task = (figure.add_axes(box) for box in ((0.02, 0.09, 0.45, 0.8), (0.56, 0.16, 0.42, 0.73)))
        self._draw_array(array, marks)
        self._title = array.set_title("", fontsize=8)
        self._lines: dict[str, Any] = {}

    def _draw_array(self, axes: Any, marks: Mapping[str, int]) -> None:
        env = self._env
        somata = env.recording_coordinates()
        self._gids, first = np.unique(somata[:, 0].astype(np.int64), return_index=True)
        self._gids, first = self._gids[:MOST_CELLS], first[:MOST_CELLS]
        self._cells = axes.scatter(*somata[first, 1:3].T, s=14, c=np.zeros(len(first)), cmap="viridis", vmin=0, vmax=1)
        electrodes = getattr(env.io, "electrode_coordinates", np.empty((0, 4)))
        axes.scatter(electrodes[:, 1], electrodes[:, 2], s=36, marker="s", facecolor="none", edgecolor="0.45", lw=0.8)
        for colour, (name, channel) in zip(COLOURS, marks.items(), strict=False):
            x, y = electrodes[electrodes[:, 0] == channel, 1:3].T
            axes.scatter(x, y, s=90, marker="s", facecolor="none", edgecolor=colour, lw=2.2, label=name)
        if marks:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=4, fontsize=8, frameon=False)
        axes.set_aspect("equal")
        axes.axis("off")

    def draw(self, run: Run | None, t: float, curves: Mapping[str, Sequence[float]]) -> np.ndarray:
        """uint8[height, width, 3].

        Args:
            run: the last step; None: none yet.
            t: time of the culture, ms.
            curves: by name, a value per step.
        """
        counts = np.zeros(len(self._gids))
        seconds = 1.0
        if run is not None and run.spike_ids is not None:
            found, spikes = np.unique(run.spike_ids, return_counts=True)
            inside = np.isin(found, self._gids)
            counts[np.searchsorted(self._gids, found[inside])] = spikes[inside]
            seconds = (run.duration or 1000.0) / 1000.0
        self._cells.set_array(counts)
        self._cells.set_clim(0, max(1.0, counts.max(initial=0.0)))
        mean = counts.sum() / max(1, len(counts)) / seconds
        most = int(counts.max(initial=0.0))
        self._title.set_text(f"t = {t / 1000:.1f} s   mean {mean:.1f} Hz   brightest cell: {most} spikes in the step")
        self._draw_curves(curves)
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _draw_curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        axes = self._task
        if not self._lines:
            for colour, name in zip(COLOURS, curves, strict=False):
                (self._lines[name],) = axes.plot([], [], color=colour, lw=1.4, label=name)
            axes.set_xlabel("step", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.spines[["top", "right"]].set_visible(False)
            if curves:
                axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, fontsize=8, frameon=False)
            else:
                axes.axis("off")
        for name, line in self._lines.items():
            values = np.asarray(curves[name], np.float64)
            line.set_data(np.arange(1, len(values) + 1), values)
        shown = np.concatenate([np.asarray(v, np.float64) for v in curves.values()] or [np.zeros(1)])
        length = max([10, *(len(v) for v in curves.values())])
        axes.set_xlim(0.5, length + 0.5)
        low, high = min(0.0, shown.min(initial=0.0)), max(shown.max(initial=0.0), 1e-9)
        axes.set_ylim(low - 0.03 * (high - low) if low else 0.0, high + 0.05 * (high - low))
