"""The cells' state in memory: `state[tile][variable][lane]`, tiles of one kind of cell each."""

from __future__ import annotations

import numpy as np

from livn.engine.base import State, state_names
from livn.engine.cpu.events import WIDTH
from livn.engine.cpu.layout import RULES, Layout
from livn.network import Network

__all__ = ["Tiles"]

NEVER = -(1 << 62)
"""Step of a spike that was not."""


def _aligned(n: int, dtype: type) -> np.ndarray:
    """dtype[n] of zeros that starts on a cache line: a vector across two would be fetched twice."""
    size = np.dtype(dtype).itemsize
    raw: np.ndarray = np.zeros(n + 64 // size, dtype)
    return raw[-raw.ctypes.data % 64 // size :][:n]


class Tiles:
    """One flat array of tiles, those of the first kind first; unused lanes repeat a real cell that cannot fire.

    Attributes:
        state: float64 or, in single precision, float32; all tiles.
        kind: int64[tiles], index into the network's kinds.
        cells: int64[tiles], how many there are in a tile.
        start: int64[tiles], offset of a tile in `state`.
        place: int64[cells], tile · WIDTH + lane of each cell.
        cell_at: int64[places], the cell at a place, -1 for unused lanes.
        gid: uint64[places].
        last_spike: int64[places], step of a cell's last spike.
    """

    def __init__(self, network: Network, layouts: list[Layout]) -> None:
        self.network, self.layouts = network, layouts
        counts = [int((network.kind == i).sum()) for i in range(len(layouts))]
        self._counts = counts
        self._tiles = [-(-n // WIDTH) for n in counts]
        self.count = sum(self._tiles)
        self.kind = np.repeat(np.arange(len(layouts)), self._tiles)
        sizes = np.array([layout.size for layout in layouts])[self.kind]
        self.start = np.cumsum(sizes) - sizes
        self.cells = np.minimum(WIDTH, np.concatenate([n - WIDTH * np.arange(-(-n // WIDTH)) for n in counts]))
        self._first = np.cumsum([0, *self._tiles])[:-1]
        blocks = [n * layout.size for n, layout in zip(self._tiles, layouts, strict=True)]
        self._begin = np.cumsum([0, *blocks])[:-1].tolist()
        self.state = _aligned(int(sizes.sum()), np.float32 if layouts[0].single else np.float64)
        self.place = self._first[network.kind] * WIDTH + network.row
        self.cell_at = np.full(self.count * WIDTH, -1)
        self.cell_at[self.place] = np.arange(network.n_cells)
        self.gid = np.zeros(self.count * WIDTH, np.uint64)
        self.gid[self.place] = network.gids.astype(np.uint64)
        self.last_spike = np.full(self.count * WIDTH, NEVER, np.int64)

    def shares(self, n: int) -> np.ndarray:
        """int64[n + 1], first tile of each of n contiguous ranges of about equal work."""
        sections = np.array([len(layout.kind.sections) for layout in self.layouts])[self.kind]
        cost = np.cumsum(sections * np.ceil(self.cells / 16))
        return np.append(0, np.searchsorted(cost, cost[-1] * np.arange(1, n + 1) / n - 1e-9) + 1).clip(max=self.count)

    def _view(self, number: int, name: str) -> np.ndarray:
        """[tiles, WIDTH] view of a variable of the kind `number`."""
        layout, tiles = self.layouts[number], self._tiles[number]
        begin = self._begin[number]
        block = self.state[begin : begin + tiles * layout.size].reshape(tiles, layout.size)
        if layout.is_wide(name):
            return block[:, layout.offset(name) :][:, : 2 * WIDTH].view(np.float64)
        return block[:, layout.offset(name) :][:, :WIDTH]

    def get(self, number: int, name: str) -> np.ndarray:
        """A variable of the cells of a kind, float64[cells], a copy."""
        return self._view(number, name).reshape(-1)[: self._counts[number]].astype(float)

    def put(self, number: int, name: str, values: np.ndarray | float) -> None:
        """Set a variable of the cells of a kind; unused lanes take the last cell's value."""
        n = self._counts[number]
        if not n:
            return
        view = self._view(number, name)
        full = np.broadcast_to(np.asarray(values, float), (n,))
        view[...] = np.pad(full, (0, view.size - n), mode="edge").reshape(view.shape)

    def put_cells(self, name: str, values: np.ndarray) -> None:
        """Set a variable that every kind has from float64[cells] in the network's order."""
        for number in range(len(self.layouts)):
            self.put(number, name, values[self.network.kind == number])

    def silence_padding(self, number: int, threshold: str) -> None:
        """Put the threshold of the unused lanes out of reach."""
        view = self._view(number, threshold)
        lanes = view.reshape(-1).copy()
        lanes[self._counts[number] :] = np.inf
        view[...] = lanes.reshape(view.shape)

    def offsets(self, cells: np.ndarray, sections: np.ndarray, name: str) -> np.ndarray:
        """Offsets in its tile of `name` (with `{}` for the section) for each (cell, section)."""
        out = np.empty(len(cells), np.int64)
        for number, layout in enumerate(self.layouts):
            for s, section in enumerate(layout.kind.sections):
                mine = (self.network.kind[cells] == number) & (sections == s)
                if mine.any():
                    variable = name.format(section)
                    words = 2 if layout.is_wide(variable) else 1
                    out[mine] = layout.offset(variable) + words * (self.place[cells[mine]] % WIDTH)
        return out

    def reset(self, v_init: float | None) -> None:
        """The state at t = 0, every compartment at `v_init` or at its V_rest [mV]."""
        self.state[:] = 0.0
        self.last_spike[:] = NEVER
        for number, kind in enumerate(self.network.kinds):
            p = self.network.parameters[kind.name]
            v = {
                s: p[f"{s}.V_rest"] if v_init is None else np.full_like(p[f"{s}.V_rest"], v_init) for s in kind.sections
            }
            for name, values in kind.start(v).items():
                self.put(number, name, values)

    def read_state(self) -> State:
        """{`kind.variable`: float64[cells of the kind]} and `last_spike`: int64[cells]."""
        state: State = {
            f"{layout.kind.name}.{name}": self.get(number, name)
            for number, layout in enumerate(self.layouts)
            for name in state_names(layout.kind, layout.receptors, RULES)
        }
        state["last_spike"] = self.last_spike[self.place]
        return state

    def write_state(self, state: State) -> None:
        """Put back what `read_state` returned."""
        for number, layout in enumerate(self.layouts):
            for name in state_names(layout.kind, layout.receptors, RULES):
                self.put(number, name, state[f"{layout.kind.name}.{name}"])
        self.last_spike[self.place] = state["last_spike"]
