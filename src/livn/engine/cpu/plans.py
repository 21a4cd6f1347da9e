"""What a kernel call needs for recordings and stimuli: flat tables by tile.

Tables tell where signals and stimuli lie, and serve every run with the same ones; plans belong to one run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from livn.engine.base import Input, Probe, Tracing
from livn.engine.cpu.connections import Connections
from livn.engine.cpu.events import WIDTH
from livn.engine.cpu.tiles import Tiles

__all__ = ["ProbePlan", "ProbeTable", "StimulusPlan", "StimulusTable", "TracePlan"]


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


class ProbeTable:
    """Where the signals of probes lie.

    Attributes:
        probes: of which this is the table.
        together: steps after which every probe has sampled a whole number of times.
        every, post, wide: int64[probes], steps between samples, whether they are of the step that follows, and whether
            they are float64 where words are float32.
        grid: steps between samples of any probe.
        start: int64[probes, tiles + 1], first row of each tile.
        orders: per probe the order of its rows here.
        a, b, sign, scale: [rows], a sample is scale · (a + sign · b); offsets in the tile, and factors.
    """

    def __init__(self, probes: list[Probe], tiles: Tiles) -> None:
        n = sum(len(p.cells) for p in probes)
        self.probes = tuple(probes)
        self.together = math.lcm(*(p.every for p in probes))
        self.every = np.array([p.every for p in probes], np.int64)
        self.post, self.wide = np.zeros((2, len(probes)), np.int64)
        self.grid = math.gcd(*(p.every for p in probes))
        self.start = np.zeros((len(probes), tiles.count + 1), np.int64)
        self.orders: list[np.ndarray] = []
        self.a, self.b = np.zeros((2, n), np.int64)
        self.sign, self.scale = np.zeros((2, n))
        first = 0
        for i, probe in enumerate(probes):
            order, start = _by_tile(tiles, probe.cells)
            cells, sections = probe.cells[order], probe.sections[order]
            part = slice(first, first + len(order))
            if probe.signal == "membrane_current":  # injected current less what flows on along the axis
                self.a[part] = tiles.offsets(cells, sections, "inject_{}")
                self.b[part] = tiles.offsets(cells, sections, "axial")
                self.sign[part], self.scale[part], self.post[i] = np.where(sections == 0, -1.0, 1.0), 1e-3, 1
            else:
                a, b, self.sign[part], self.scale[part], self.post[i] = _terms(probe.signal)
                self.a[part], self.b[part] = (tiles.offsets(cells, sections, self._name(tiles, x)) for x in (a, b))
                self.wide[i] = tiles.layouts[0].is_wide(a)
            self.orders.append(order)
            self.start[i] = first + start
            first += len(order)

    def serves(self, probes: list[Probe]) -> bool:
        """Whether these are the probes of this table."""
        return self.probes == tuple(probes)

    @staticmethod
    def _name(tiles: Tiles, name: str) -> str:
        """The variable's name: gates and concentrations carry their section only where every section has one."""
        whole = "{}" in name or any(name in layout.rows for layout in tiles.layouts)
        return name if whole else f"{name}_{{}}"


class ProbePlan:
    """The samples of one advance."""

    def __init__(self, table: ProbeTable, n_steps: int) -> None:
        self._table = table
        self._shapes = [(len(p.cells), n_steps // p.every) for p in table.probes]
        self._samples = np.empty(sum(rows * samples for rows, samples in self._shapes))
        self._row = np.empty(len(table.a), np.int64)
        first, base = 0, 0
        for order, (rows, samples) in zip(table.orders, self._shapes, strict=True):
            self._row[first : first + rows] = base + order * samples
            first, base = first + rows, base + rows * samples

    def arguments(self, start: int) -> tuple[Any, ...]:
        """The kernel's arguments; sampling counts from the step `start`."""
        t = self._table
        return t.every, t.post, t.wide, t.grid, start, t.start, t.a, t.b, t.sign, t.scale, self._row, self._samples

    def series(self, steps: int) -> list[np.ndarray]:
        """float64[rows, samples] per probe, as far as `steps` steps filled them."""
        out, base = [], 0
        for (rows, samples), probe in zip(self._shapes, self._table.probes, strict=True):
            out.append(self._samples[base : base + rows * samples].reshape(rows, samples)[:, : steps // probe.every])
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


class StimulusTable:
    """Where the columns of a stimulus act.

    Attributes:
        start: int64[tiles + 1], first of the columns of each tile, sorted by tile.
        column, offset: int64[n], the columns in that order, and the offset in its tile of what each acts on.
        place: int64[n], the same from the start of all tiles.
    """

    def __init__(self, stimulus: Input | None, tiles: Tiles) -> None:
        self._of = stimulus
        if stimulus is None:
            self.start = np.zeros(tiles.count + 1, np.int64)
            self.column = self.offset = self.place = np.zeros(0, np.int64)
            return
        self.column, self.start = _by_tile(tiles, stimulus.cells)
        cells, sections = stimulus.cells[self.column], stimulus.sections[self.column]
        name = "spike" if stimulus.target == "spike" else f"{stimulus.target}_{{}}"
        self.offset = tiles.offsets(cells, sections, name)
        self.place = tiles.start[tiles.place[cells] // WIDTH] + self.offset

    def serves(self, stimulus: Input | None) -> bool:
        """Whether the columns of a stimulus act where those of this table do."""
        if self._of is None or stimulus is None:
            return self._of is stimulus
        return (
            self._of.target == stimulus.target
            and np.array_equal(self._of.cells, stimulus.cells)
            and np.array_equal(self._of.sections, stimulus.sections)
        )


class StimulusPlan:
    """The stimulus of one advance, a window of rows at a time."""

    def __init__(self, stimulus: Input | None, table: StimulusTable, tiles: Tiles) -> None:
        self._stimulus, self._table, self._tiles = stimulus, table, tiles
        self._first, self._ratio = 0, 1
        self._spikes = stimulus is not None and stimulus.target == "spike"
        self._rows = np.zeros((1, 0))
        self.most_steps = 1 << 62
        if stimulus is not None:
            self._ratio = stimulus.ratio
            self.most_steps = stimulus.most_rows * self._ratio

    def load(self, step: int, n_steps: int) -> None:
        """Fetch the rows for the steps `step` to `step + n_steps`, counted from the start of the advance."""
        if self._stimulus is not None:
            self._first = step // self._ratio
            count = (step + n_steps - 1) // self._ratio - self._first + 1
            self._rows = np.ascontiguousarray(self._stimulus.rows(self._first, count))

    def arguments(self) -> tuple[Any, ...]:
        """The kernel's arguments."""
        t = self._table
        return t.start, t.column, t.offset, self._rows, self._first, self._ratio, self._spikes

    def withdraw(self) -> None:
        """Take the stimulus off the cells."""
        if self._stimulus is not None:
            self._tiles.state[self._table.place] = 0.0
