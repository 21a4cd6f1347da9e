"""The connections in memory: by block of tiles, source and delay, so that delivery reads them in sequence."""

from __future__ import annotations

import numpy as np

from livn.engine.cpu.events import ARRIVAL, CONNECTION, OFFSET_BITS, RUN, UNDER_WAY, WIDTH
from livn.engine.cpu.layout import RULES
from livn.engine.cpu.tiles import Tiles
from livn.network import Network, delay_steps

__all__ = ["Connections"]

TraceTable = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(first row of each tile, place of each row's connection, its column): int64, int32, int64."""

ROOM = 64
"""Runs under way that a block has room for at first."""

BLOCKS = 3
"""Blocks of tiles per thread: fewer make longer runs, but the queue has room for every event of one."""


class Connections:
    """Flat arrays over connections in delivery order, and the runs under way.

    Attributes:
        records, arrivals: CONNECTION and ARRIVAL[n].
        blocks: int64[b + 1], first tile of each block: what one spike brings into a block is one run.
        source: int64[places + 1], the runs of each source.
        runs: RUN[m], one per (source, block) that are connected.
        n_active, n_over: int64[blocks], runs under way, and those among them that are over.
        due, under_way: int64 and UNDER_WAY[blocks, capacity], step of the next event and the rest of a run under way.
        ready, begin: int32[threads, capacity], room for lists of them.
        channels, learners: int64[tiles], bits of the conductances and learning signals that are in use.
        shortest, longest: steps; 0 without connections.
    """

    def __init__(self, network: Network, tiles: Tiles, threads: int) -> None:
        self.network, self.tiles = network, tiles
        self.blocks = tiles.shares(BLOCKS * threads)
        self._threads = threads
        if np.diff(self.blocks).max(initial=0) >= 1 << (31 - OFFSET_BITS):
            raise ValueError(f"{network.n_cells} cells are too many for {threads} threads: their slots don't fit")
        self._blocks = len(self.blocks) - 1
        self._dt = 0.0
        n = network.n_connections
        self._place = np.arange(n, dtype=np.int32)
        self.records = np.empty(n, CONNECTION)  # not zeros: of NumPy's memory only this is asked for in large pages
        self.records[:] = np.array((0.0, 1.0, 0.0), CONNECTION)
        self.arrivals = np.empty(n, ARRIVAL)
        self._set_bits()

    def _slots(self) -> np.ndarray:
        """int32[n] in network order: where the A of each connection lies in its tile."""
        net = self.network
        slot = np.empty(net.n_connections, np.int32)
        lane = self.tiles.place[net.post] % WIDTH
        for number, layout in enumerate(self.tiles.layouts):
            mine = net.kind[net.post] == number
            table = np.zeros((len(layout.kind.sections), len(layout.receptors)), np.int32)
            for _, section, j, receptor in layout.channels():
                table[layout.kind.sections.index(section), j] = layout.offset(f"A_{receptor.label}_{section}")
            slot[mine] = table[net.section[mine], net.receptor[mine]] + lane[mine]
        return slot

    def _set_bits(self) -> None:
        net, receptors = self.network, self.network.model.receptors
        tile = self.tiles.place[net.post] // WIDTH
        rule = np.array([RULES.index(r.rule) if r.rule else -1 for r in receptors])[net.receptor]
        self.channels, self.learners = np.zeros((2, self.tiles.count), np.int64)
        section = net.section.astype(np.int64)
        np.bitwise_or.at(self.channels, tile, 1 << (section * len(receptors) + net.receptor))
        learns = rule >= 0
        np.bitwise_or.at(self.learners, tile[learns], 1 << (section * len(RULES) + rule)[learns])

    def build(self, dt: float) -> None:
        """Forget the spikes under way; sort anew if the step, and with it the delays, changed."""
        weight, _ = self.memory()
        if dt != self._dt:
            self._sort(dt)
        self.set_memory(weight, np.zeros_like(weight))
        depressing = np.array([r.depressing for r in self.network.model.receptors])
        self.records["weight"][self._place[depressing[self.network.receptor]]] = 1.0
        self.n_active, self.n_over = np.zeros((2, self._blocks), np.int64)
        self._allocate(ROOM)

    def _sort(self, dt: float) -> None:
        net = self.network
        pre, post = self.tiles.place[net.pre], self.tiles.place[net.post]
        tile, delay = post // WIDTH, delay_steps(net.delay_ms, dt)
        block = np.searchsorted(self.blocks, tile, side="right") - 1
        slot = self._slots() + (tile - self.blocks[block] << OFFSET_BITS)
        order = np.lexsort((slot, delay, pre, block))
        n = len(order)
        self._place[order] = np.arange(n, dtype=np.int32)
        self.arrivals["delay"], self.arrivals["slot"] = delay[order], slot[order]
        self.shortest, self.longest = (int(delay.min()), int(delay.max())) if n else (0, 0)
        pre, block = pre[order], block[order]
        new = np.ones(n, bool)
        new[1:] = (np.diff(pre) != 0) | (np.diff(block) != 0)
        start = np.flatnonzero(new)
        by_source = np.lexsort((block[start], pre[start]))
        self.runs = np.zeros(len(start), RUN)
        self.runs["start"], self.runs["stop"] = start[by_source], np.append(start[1:], n)[by_source]
        self.runs["block"] = block[self.runs["start"]]
        self.runs["delay"] = self.arrivals["delay"][self.runs["start"]]
        self.source = np.searchsorted(pre[self.runs["start"]], np.arange(self.tiles.count * WIDTH + 1))
        self._fullest = int(np.bincount(block).max(initial=0))
        self._traced: tuple[np.ndarray, TraceTable] | None = None
        self._dt = dt

    def _allocate(self, room: int) -> None:
        self.due, self.under_way = np.zeros((self._blocks, room), np.int64), np.zeros((self._blocks, room), UNDER_WAY)
        self.ready, self.begin = np.zeros((2, self._threads, room), np.int32)

    def grow(self, needed: int) -> None:
        """Room for `needed` runs under way per block, and then some; those there stay."""
        due, under_way = self.due, self.under_way
        self._allocate(max(2 * due.shape[1], needed))
        self.due[:, : due.shape[1]], self.under_way[:, : due.shape[1]] = due, under_way

    def make_room(self, spikes: int) -> None:
        """Drop the runs under way, and make room for those of so many spikes."""
        self.n_active[:] = self.n_over[:] = 0
        if self.under_way.shape[1] < spikes:
            self.grow(spikes)

    def set_strength(self, peak: np.ndarray) -> None:
        """Take peak conductances, µS, in network order."""
        self.records["jump"][self._place] = peak

    def memory(self) -> tuple[np.ndarray, np.ndarray]:
        """(weight, last) in network order, copies."""
        return self.records["weight"][self._place], self.records["last"][self._place]

    def set_memory(self, weight: np.ndarray, last: np.ndarray) -> None:
        """Put back what `memory` returned."""
        self.records["weight"][self._place], self.records["last"][self._place] = weight, last

    def multipliers(self) -> np.ndarray:
        """w of the plastic connections, in key order, a copy."""
        return self.records["weight"][self.positions()]

    def set_multipliers(self, w: np.ndarray) -> None:
        """Set w of the plastic connections, given in key order."""
        self.records["weight"][self.positions()] = w

    def most_events(self, window: int, refractory: int) -> int:
        """At most so many events are due in one block in `window` steps."""
        return self._fullest * (window // max(1, refractory) + 1)

    def trace_table(self, places: np.ndarray) -> TraceTable:
        """Where the connections at these places, in key order, lie here, by tile; kept for the next time."""
        if self._traced is None or self._traced[0] is not places:
            plastic = self.network.plastic[places]
            at, tile = self._place[plastic], self.tiles.place[self.network.post[plastic]] // WIDTH
            column = np.lexsort((at, tile))
            self._traced = places, (np.searchsorted(tile[column], np.arange(self.tiles.count + 1)), at[column], column)
        return self._traced[1]

    def positions(self) -> np.ndarray:
        """int64[P]: where the plastic connections, in key order, lie here."""
        return self._place[self.network.plastic]
