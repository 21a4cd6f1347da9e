"""The connections in memory: by tile, source and delay, so that delivery reads them in sequence."""

from __future__ import annotations

import numpy as np

from livn.engine.cpu.events import WIDTH
from livn.engine.cpu.layout import RULES
from livn.engine.cpu.tiles import Tiles
from livn.network import Network, delay_steps

__all__ = ["Connections"]

TraceTable = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(first row of each tile, place of each row's connection, its column), int64."""

ROOM = 32
"""Runs under way that a tile has room for at first."""


class Connections:
    """Flat arrays over connections in delivery order, and the runs under way.

    Attributes:
        delay: int32[n], steps.
        slot: int32[n], offset of the conductance's A in its tile; B is WIDTH further on.
        jump: float64[n], µS, what A and B jump by at multiplier 1.
        weight: float64[n], multiplier w (resources R where the receptor depresses).
        last_integral: float64[n], Λ at the last event (step of the last event where the receptor depresses).
        first: int64[tiles + 1], the connections of each tile.
        source: int64[places + 1], the runs of each source.
        run_tile, run_start, run_stop: the runs: one per (source, tile) that are connected.
        n_active, run_next, run_end, run_born: the runs under way, per tile.
        channels, learners: int64[tiles], bits of the conductances and learning signals that are in use.
        shortest, longest: steps; 0 without connections.
    """

    def __init__(self, network: Network, tiles: Tiles) -> None:
        self.network, self.tiles = network, tiles
        self._dt = 0.0
        n = network.n_connections
        self._order = np.arange(n)
        self.weight, self.last_integral = np.ones(n), np.zeros(n)
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
        resources = self._depressing
        self.weight[resources] = 1.0
        self.n_active = np.zeros(self.tiles.count, np.int64)
        self.needed = np.zeros(self.tiles.count, np.int64)
        self._allocate(ROOM)

    def _sort(self, dt: float) -> None:
        net = self.network
        pre, post = self.tiles.place[net.pre], self.tiles.place[net.post]
        delay, slot, tile = delay_steps(net.delay_ms, dt), self._slots(), post // WIDTH
        self._order = order = np.lexsort((slot, delay, pre, tile))
        self.delay, self.slot = delay[order].astype(np.int32), slot[order]
        pre, tile = pre[order], tile[order]
        n = len(order)
        self.shortest, self.longest = (int(delay.min()), int(delay.max())) if n else (0, 0)
        self.first = np.searchsorted(tile, np.arange(self.tiles.count + 1))
        new = np.ones(n, bool)
        new[1:] = (np.diff(pre) != 0) | (np.diff(tile) != 0)
        start = np.flatnonzero(new)
        by_source = np.lexsort((tile[start], pre[start]))
        stop = np.append(start[1:], n)
        self.run_start, self.run_stop = start[by_source], stop[by_source]
        self.run_tile = tile[self.run_start]
        self.source = np.searchsorted(pre[self.run_start], np.arange(self.tiles.count * WIDTH + 1))
        depressing = np.array([r.depressing for r in net.model.receptors])[net.receptor]
        self._depressing = depressing[order]
        self._traced: tuple[np.ndarray, TraceTable] | None = None
        self._place = np.empty(n, np.int64)
        self._place[order] = np.arange(n)
        self._dt = dt

    def _allocate(self, capacity: int) -> None:
        self.capacity = capacity
        shape = self.tiles.count, capacity
        self.run_next, self.run_end, self.run_born = (np.zeros(shape, np.int64) for _ in range(3))

    def grow(self, needed: int) -> None:
        """Room for `needed` runs under way per tile, and then some; those there stay."""
        old = self.run_next, self.run_end, self.run_born
        kept = self.capacity
        self._allocate(max(2 * kept, needed))
        for a, b in zip((self.run_next, self.run_end, self.run_born), old, strict=True):
            a[:, :kept] = b

    def make_room(self, places: np.ndarray) -> None:
        """Drop the runs under way, and make room for those of spikes at these places."""
        self.n_active[:] = 0
        runs = [self.run_tile[self.source[p] : self.source[p + 1]] for p in places]
        needed = np.bincount(np.concatenate(runs)).max(initial=0) if runs else 0
        if self.capacity < needed:
            self.grow(int(needed))

    def set_strength(self, peak: np.ndarray) -> None:
        """Take peak conductances, µS, in network order."""
        self.jump = peak[self._order]

    def memory(self) -> tuple[np.ndarray, np.ndarray]:
        """(weight, last_integral) in network order, copies."""
        weight, last = np.empty_like(self.weight), np.empty_like(self.last_integral)
        weight[self._order], last[self._order] = self.weight, self.last_integral
        return weight, last

    def set_memory(self, weight: np.ndarray, last: np.ndarray) -> None:
        """Put back what `memory` returned."""
        self.weight, self.last_integral = weight[self._order], last[self._order]

    def multipliers(self) -> np.ndarray:
        """w of the plastic connections, in key order, a copy."""
        return self.weight[self.positions()]

    def set_multipliers(self, w: np.ndarray) -> None:
        """Set w of the plastic connections, given in key order."""
        self.weight[self.positions()] = w

    def trace_table(self, places: np.ndarray) -> TraceTable:
        """Where the connections at these places, in key order, lie here, by tile; kept for the next time."""
        if self._traced is None or self._traced[0] is not places:
            at = self.positions()[places]
            column = np.argsort(at)
            self._traced = places, (np.searchsorted(at[column], self.first), at[column], column)
        return self._traced[1]

    def positions(self) -> np.ndarray:
        """int64[P]: where the plastic connections, in key order, lie here."""
        plastic = self.network.plastic
        return self._place[plastic] if self._dt else plastic
