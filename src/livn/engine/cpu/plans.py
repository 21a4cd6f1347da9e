"""What a kernel call needs for recordings and stimuli: flat tables by tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn import checks
from livn.engine.base import Input, Probe, Tracing
from livn.engine.cpu.connections import Connections
from livn.engine.cpu.events import WIDTH
from livn.engine.cpu.tiles import Tiles

__all__ = ["ProbePlan", "StimulusPlan", "TracePlan"]


def _by_tile(tiles: Tiles, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(order of the rows by tile, first row of each tile)."""
    tile = tiles.place[cells] // WIDTH
    order = np.argsort(tile, kind="stable")
    return order, np.searchsorted(tile[order], np.arange(tiles.count + 1))


def _terms(signal: str) -> tuple[str, str, float, float, bool]:
    """A signal as scale · (a + sign · b): names of a and b, sign, scale, and whether it is of the step that follows.

    Fluxes belong to the step that starts at the sample, hence are read after it.
    """
    if signal == "voltage":
        return "v_{}", "v_{}", 0.0, 1.0, False
    if signal.startswith("g_noise"):
        return f"g_noise_{signal[-1]}", f"g_noise_{signal[-1]}", 0.0, 1.0, True
    if signal.startswith("g_"):
        return f"B_{signal[2:]}_{{}}", f"A_{signal[2:]}_{{}}", -1.0, 1.0, False
    return signal, signal, 0.0, 1.0, False


class ProbePlan:
    """The probes of one advance."""

    def __init__(self, probes: list[Probe], tiles: Tiles, n_steps: int) -> None:
        n = sum(len(p.cells) for p in probes)
        self._every = np.array([p.every for p in probes], np.int64)
        self._post = np.zeros(len(probes), np.int64)
        self._grid = int(np.gcd.reduce(self._every)) if probes else 0
        self._start = np.zeros((len(probes), tiles.count + 1), np.int64)
        self._a, self._b, self._row = np.zeros((3, n), np.int64)
        self._sign, self._scale = np.zeros((2, n))
        self._shapes = [(len(p.cells), n_steps // p.every) for p in probes]
        self._samples = np.empty(sum(rows * samples for rows, samples in self._shapes))
        first, base = 0, 0
        for i, (probe, (rows, samples)) in enumerate(zip(probes, self._shapes, strict=True)):
            order, start = _by_tile(tiles, probe.cells)
            cells, sections = probe.cells[order], probe.sections[order]
            part = slice(first, first + rows)
            if probe.signal == "membrane_current":  # injected current less what flows on along the axis
                self._a[part] = tiles.offsets(cells, sections, "inject_{}")
                self._b[part] = tiles.offsets(cells, sections, "axial")
                self._sign[part], self._scale[part], self._post[i] = np.where(sections == 0, -1.0, 1.0), 1e-3, 1
            else:
                a, b, self._sign[part], self._scale[part], self._post[i] = _terms(probe.signal)
                self._a[part], self._b[part] = (tiles.offsets(cells, sections, self._name(tiles, x)) for x in (a, b))
            self._row[part] = base + order * samples
            self._start[i] = first + start
            first, base = first + rows, base + rows * samples

    @staticmethod
    def _name(tiles: Tiles, name: str) -> str:
        """The variable's name: gates and concentrations carry their section only where every section has one."""
        whole = "{}" in name or any(name in layout.names for layout in tiles.layouts)
        return name if whole else f"{name}_{{}}"

    def arguments(self, start: int) -> tuple[Any, ...]:
        """The kernel's arguments; sampling counts from the step `start`."""
        return (
            self._every, self._post, self._grid, start, self._start, self._a, self._b, self._sign, self._scale,
            self._row, self._samples,
        )  # fmt: skip

    def series(self, steps: int) -> list[np.ndarray]:
        """float64[rows, samples] per probe, as far as `steps` steps filled them."""
        out, base = [], 0
        for (rows, samples), every in zip(self._shapes, self._every.tolist(), strict=True):
            out.append(self._samples[base : base + rows * samples].reshape(rows, samples)[:, : steps // every])
            base += rows * samples
        return out


class TracePlan:
    """The weight traces of one advance, the samples of a call at a time."""

    def __init__(self, connections: Connections, tracing: Tracing | None) -> None:
        self._tracing = tracing
        self._every = self._from = self._width = 0
        self._start = self._column = np.zeros(0, np.int64)
        self._link = np.zeros(0, np.int32)  # of the type of those of a recording: another would compile anew
        self._rows = np.zeros(0, np.float32)
        self.most_steps = 1 << 62
        if tracing is not None:
            self._every, self._width, self.most_steps = tracing.every, len(tracing.places), tracing.most_steps
            self._start, self._link, self._column = connections.trace_table(tracing.places)

    def load(self, step: int, n_steps: int) -> None:
        """Make room for the samples of the steps `step` to `step + n_steps`."""
        if self._tracing is not None:
            self._from = step // self._every + 1
            room = ((step + n_steps) // self._every + 1 - self._from) * self._width
            if self._rows.size < room:
                self._rows = np.empty(room, np.float32)

    def arguments(self) -> tuple[Any, ...]:
        """The kernel's arguments."""
        return self._every, self._from, self._width, self._start, self._link, self._column, self._rows

    def pass_on(self, step: int) -> None:
        """Hand over the samples since `load` and up to `step`."""
        if self._tracing is not None:
            count = step // self._every + 1 - self._from
            if count > 0:
                self._tracing.sink(self._rows[: count * self._width].reshape(count, self._width))


class StimulusPlan:
    """The stimulus of one advance, a window of rows at a time."""

    def __init__(self, stimulus: Input | None, tiles: Tiles) -> None:
        self._stimulus, self._tiles = stimulus, tiles
        self._first, self._ratio = 0, 1
        self._rows = np.zeros((1, 0))
        self.most_steps = 1 << 62
        if stimulus is None:
            self._start = np.zeros(tiles.count + 1, np.int64)
            self._column = self._offset = np.zeros(0, np.int64)
            return
        self._ratio = stimulus.ratio
        self._column, self._start = _by_tile(tiles, stimulus.cells)
        cells, sections = stimulus.cells[self._column], stimulus.sections[self._column]
        self._offset = tiles.offsets(cells, sections, f"{stimulus.target}_{{}}")
        window = checks.environment("LIVN_STIMULUS_CHUNK_MB", 64.0) * 1e6
        self.most_steps = max(1, int(window / (8 * max(1, len(cells))))) * self._ratio

    def load(self, step: int, n_steps: int) -> None:
        """Fetch the rows for the steps `step` to `step + n_steps`, counted from the start of the advance."""
        if self._stimulus is not None:
            self._first = step // self._ratio
            count = (step + n_steps - 1) // self._ratio - self._first + 1
            self._rows = np.ascontiguousarray(self._stimulus.rows(self._first, count))

    def arguments(self) -> tuple[Any, ...]:
        """The kernel's arguments."""
        return self._start, self._column, self._offset, self._rows, self._first, self._ratio

    def withdraw(self) -> None:
        """Take the stimulus off the cells."""
        if self._stimulus is not None:
            tile = self._tiles.place[self._stimulus.cells[self._column]] // WIDTH
            self._tiles.state[self._tiles.start[tile] + self._offset] = 0.0
