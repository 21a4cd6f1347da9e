"""System + Model → flat arrays: what an engine builds from. Knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from livn.models.synapses import peak_factor
from livn.plasticity.keys import SynapseKeys
from livn.system.synapses import RECEPTORS, SECTIONS
from livn.system.system import synapses_of
from livn.world import World

if TYPE_CHECKING:
    from livn.models.cells import CellType
    from livn.models.rcsd import ReducedCalciumSomaDendrite
    from livn.system.synapses import Synapses
    from livn.types import System

__all__ = ["Network", "build_network", "delay_steps"]


def delay_steps(delay_ms: np.ndarray, dt: float) -> np.ndarray:
    """Delays in whole steps, int64[n]: max(1, floor(delay/dt + 0.5))."""
    return np.maximum(1, np.floor(delay_ms / dt + 0.5).astype(np.int64))


@dataclass(eq=False)
class Network:
    """Cells and connections as flat arrays; cells are addressed by their index, ascending by gid.

    Where several processes share a culture, each knows all cells, and holds the connections onto its own.

    Attributes:
        model: the model that the cells follow.
        gids: int64[N], ascending.
        populations: {name: int64[n] indices of its cells}.
        kinds: the kinds of cells of the model, present or not: so one compiled kernel serves every network.
        kind: int8[N], index into `kinds`.
        row: int64[N], place of a cell among those of its kind.
        parameters: {kind: {parameter: float64[n]}} in row order.
        pre, post: int64[M], cell indices; connections are sorted by (post gid, syn_id, mechanism).
        section: int8[M], index into the sections of the postsynaptic kind.
        receptor: int8[M], index into `model.receptors`.
        delay_ms: float64[M].
        weight: float64[M], static weight, dimensionless.
        g_unit: float64[M], µS.
        plastic: int64[P], the connections that can learn, in key order.
        keys: the keys of those.
        local: int64[n], the cells of this process, ascending.
        place: index of these connections among those of the whole culture; slice(None): these are all.
        plastic_place: the same for those that can learn.
        n_plastic: number of connections in the whole culture that can learn.
    """

    model: ReducedCalciumSomaDendrite
    gids: np.ndarray
    populations: dict[str, np.ndarray]
    kinds: tuple[CellType, ...]
    kind: np.ndarray
    row: np.ndarray
    parameters: dict[str, dict[str, np.ndarray]]
    pre: np.ndarray
    post: np.ndarray
    section: np.ndarray
    receptor: np.ndarray
    delay_ms: np.ndarray
    weight: np.ndarray
    g_unit: np.ndarray
    plastic: np.ndarray
    keys: SynapseKeys
    local: np.ndarray
    place: np.ndarray | slice
    plastic_place: np.ndarray | slice
    n_plastic: int
    weight_groups: dict[str, np.ndarray] = field(default_factory=dict)
    """{weight name: int64[n] its connections}, of all projections of the culture."""

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.gids)

    @property
    def n_connections(self) -> int:
        """Number of connections, plastic or not."""
        return len(self.pre)

    def locate(self, gids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(cell index, whether it is simulated) of each gid; the index of one that is not means nothing."""
        at = np.minimum(np.searchsorted(self.gids, gids), self.n_cells - 1)
        return at, self.gids[at] == gids

    def is_local(self, cells: np.ndarray) -> np.ndarray:
        """bool[n], whether this process simulates the cells with these indices."""
        here = np.zeros(self.n_cells, bool)
        here[self.local] = True
        return here[cells]

    def section_names(self, cells: np.ndarray, sections: np.ndarray) -> np.ndarray:
        """str[n], the names of the sections with these indices in these cells."""
        most = max(len(k.sections) for k in self.kinds)
        table = np.array([[*k.sections, *[""] * (most - len(k.sections))] for k in self.kinds])
        return table[self.kind[cells], sections]

    def kind_of(self, cell: int) -> CellType:
        """The kind of the cell at an index."""
        return self.kinds[self.kind[cell]]

    @cached_property
    def compartments(self) -> tuple[np.ndarray, np.ndarray]:
        """(cell index, section index) of every compartment, cell by cell: the rows of stimuli and of currents."""
        counts = np.array([len(k.sections) for k in self.kinds])[self.kind]
        cell = np.repeat(np.arange(self.n_cells), counts)
        first = np.cumsum(counts) - counts
        return cell, np.arange(len(cell)) - first[cell]

    @cached_property
    def rules(self) -> np.ndarray:
        """int8[P], index into the model's rules (`EXC`, `INH`) of each plastic connection."""
        rules = list(self.model.neuron_plasticity_defaults())
        table = np.array([rules.index(r.rule) if r.rule else -1 for r in self.model.receptors], np.int8)
        return table[self.receptor[self.plastic]]

    def peak_conductance(self) -> np.ndarray:
        """weight · g_unit · N, float64[M], µS: what both state variables jump by at multiplier 1."""
        n = np.array([[peak_factor(*r.kinetics[k.name]) for r in self.model.receptors] for k in self.kinds])
        return self.weight * self.g_unit * n[self.kind[self.post], self.receptor]


def build_network(
    system: System, model: ReducedCalciumSomaDendrite, selection: Mapping[str, Any] | None, world: World | None = None
) -> Network:
    """The network of a system's selected cells (None: all) under a model, this rank's part of it.

    Raises:
        ValueError: a population that the model does not know.
    """
    gids, populations = _members(system, model, selection)
    kinds = tuple(model.cell_types.values())
    kind = np.zeros(len(gids), np.int8)
    for name, cells in populations.items():
        kind[cells] = kinds.index(model.cell_type(name))
    row = np.zeros(len(gids), np.int64)
    parameters = {}
    for i, cell_type in enumerate(kinds):
        n = int((kind == i).sum())
        row[kind == i] = np.arange(n)
        parameters[cell_type.name] = {p: np.full(n, v) for p, v in cell_type.parameters.items()}

    synapses = synapses_of(system)
    if selection is not None or model.ignored_populations():
        synapses = synapses.among(gids)
    wires = _Wires.of(synapses, gids, kinds, kind, model)
    groups = _Groups(populations, model, len(gids), wires)
    learns = np.array([r.rule is not None for r in model.receptors])[wires.receptor]
    world = world or World()
    local = world.share(len(gids))
    place: np.ndarray | slice = slice(None)
    plastic_place: np.ndarray | slice = slice(None)
    if world.size > 1:
        mine = np.isin(wires.post, local)
        place, plastic_place = np.flatnonzero(mine), np.flatnonzero(mine[learns])
        synapses, wires = synapses.take(place), wires.take(place)
    plastic, keys = _plastic(model, synapses, wires)
    return Network(
        model=model,
        gids=gids,
        populations=populations,
        kinds=kinds,
        kind=kind,
        row=row,
        parameters=parameters,
        pre=wires.pre,
        post=wires.post,
        section=wires.section,
        receptor=wires.receptor,
        delay_ms=synapses.delay_ms,
        weight=synapses.weight.copy(),
        g_unit=synapses.g_unit_uS,
        plastic=plastic,
        keys=keys,
        local=local,
        place=place,
        plastic_place=plastic_place,
        n_plastic=int(learns.sum()),
        weight_groups=groups.of(wires),
    )


def _members(
    system: System, model: ReducedCalciumSomaDendrite, selection: Mapping[str, Any] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(gids, {population: indices of its cells}) of what is simulated."""
    all_gids = np.asarray(system.gids, np.int64)
    members = {}
    for name, (start, count) in system.population_ranges.items():
        if name in model.ignored_populations():
            continue
        model.cell_type(name)
        gids = all_gids[start : start + count]
        members[name] = np.sort(gids if selection is None else np.asarray(selection.get(name, ()), np.int64))
    gids = np.sort(np.concatenate([*members.values(), np.empty(0, np.int64)]))
    return gids, {name: np.searchsorted(gids, g) for name, g in members.items() if len(g)}


@dataclass(frozen=True, eq=False)
class _Wires:
    """Where connections lead, by index: pre, post int64[M]; section, receptor int8[M]."""

    pre: np.ndarray
    post: np.ndarray
    section: np.ndarray
    receptor: np.ndarray

    @classmethod
    def of(
        cls, synapses: Synapses, gids: np.ndarray, kinds: tuple[CellType, ...], kind: np.ndarray,
        model: ReducedCalciumSomaDendrite,
    ) -> _Wires:  # fmt: skip
        pre, post = np.searchsorted(gids, synapses.pre), np.searchsorted(gids, synapses.post)
        labels = [r.label for r in model.receptors]
        receptor = np.array([labels.index(r) for r in RECEPTORS], np.int8)[synapses.mechanism]
        section = synapses.section.astype(np.int8)
        single = np.array([len(k.sections) == 1 for k in kinds])
        section[single[kind[post]]] = 0
        return cls(pre, post, section, receptor)

    def take(self, index: np.ndarray) -> _Wires:
        return _Wires(self.pre[index], self.post[index], self.section[index], self.receptor[index])


def _plastic(model: ReducedCalciumSomaDendrite, synapses: Synapses, wires: _Wires) -> tuple[np.ndarray, SynapseKeys]:
    """(connections that can learn, their keys)."""
    learns = np.array([r.rule is not None for r in model.receptors])
    plastic = np.flatnonzero(learns[wires.receptor])
    mechanisms = tuple(sorted(r.mechanism for r in model.receptors if r.rule is not None))
    code = np.array([mechanisms.index(r.mechanism) if r.rule else -1 for r in model.receptors], np.int8)
    keys = SynapseKeys(
        synapses.post[plastic],
        synapses.syn_id[plastic],
        code[wires.receptor[plastic]],
        mechanisms,
        synapses.pre[plastic],
        wires.section[plastic],
        SECTIONS,
    )
    return plastic, keys


class _Groups:
    """The projections of a culture by their weight names, `{post}_{pre}-{section}-{mechanism}-weight`.

    Args:
        populations: {name: int64[n] indices of its cells}.
        n_cells: number of cells.
        wires: the connections of the whole culture.
    """

    def __init__(
        self, populations: dict[str, np.ndarray], model: ReducedCalciumSomaDendrite, n_cells: int, wires: _Wires
    ) -> None:
        self._names, self._model = list(populations), model
        self._population = np.zeros(n_cells, np.int64)
        for i, cells in enumerate(populations.values()):
            self._population[cells] = i
        self._labels = [r.label for r in model.receptors]
        self._there = np.flatnonzero(np.bincount(self._code(wires)))

    def _code(self, wires: _Wires) -> np.ndarray:
        code = self._population[wires.post] * len(self._names) + self._population[wires.pre]
        return (code * 2 + wires.section) * len(self._labels) + wires.receptor

    def _name(self, code: int) -> str:
        rest, receptor = divmod(code, len(self._labels))
        rest, section = divmod(rest, 2)
        post, pre = (self._names[i] for i in divmod(rest, len(self._names)))
        kind = self._model.cell_type(post)
        return f"{post}_{pre}-{kind.sections[section]}-{self._labels[receptor]}-weight"

    def of(self, wires: _Wires) -> dict[str, np.ndarray]:
        """{weight name: int64[n] those of these connections}, sorted; every projection of the culture is there."""
        code = self._code(wires)
        return dict(sorted((self._name(c), np.flatnonzero(code == c)) for c in self._there.tolist()))
