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

if TYPE_CHECKING:
    from livn.models.cells import CellType
    from livn.models.rcsd import ReducedCalciumSomaDendrite
    from livn.types import System

__all__ = ["Network", "build_network", "delay_steps"]


def delay_steps(delay_ms: np.ndarray, dt: float) -> np.ndarray:
    """Delays in whole steps, int64[n]: max(1, floor(delay/dt + 0.5))."""
    return np.maximum(1, np.floor(delay_ms / dt + 0.5).astype(np.int64))


@dataclass(eq=False)
class Network:
    """Cells and connections as flat arrays; cells are addressed by their index, ascending by gid.

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
    weight_groups: dict[str, np.ndarray] = field(default_factory=dict)
    """{weight name: int64[n] its connections}."""

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


def build_network(system: System, model: ReducedCalciumSomaDendrite, selection: Mapping[str, Any] | None) -> Network:
    """The network of a system's selected cells (None: all) under a model.

    Raises:
        ValueError: a population that the model does not know.
    """
    ranges = system.population_ranges
    all_gids = np.asarray(system.gids, np.int64)
    ignored = model.ignored_populations()
    members = {}
    for name, (start, count) in ranges.items():
        if name in ignored:
            continue
        model.cell_type(name)
        gids = all_gids[start : start + count]
        members[name] = np.sort(gids if selection is None else np.asarray(selection.get(name, ()), np.int64))
    gids = np.sort(np.concatenate([*members.values(), np.empty(0, np.int64)]))
    populations = {name: np.searchsorted(gids, g) for name, g in members.items() if len(g)}
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
    if selection is not None or ignored:
        synapses = synapses.among(gids)
    pre, post = np.searchsorted(gids, synapses.pre), np.searchsorted(gids, synapses.post)
    labels = [r.label for r in model.receptors]
    receptor = np.array([labels.index(r) for r in RECEPTORS], np.int8)[synapses.mechanism]
    single = np.array([len(k.sections) == 1 for k in kinds])
    section = np.where(single[kind[post]], 0, synapses.section).astype(np.int8) if len(post) else np.empty(0, np.int8)
    network = Network(
        model, gids, populations, kinds, kind, row, parameters, pre, post, section, receptor,
        synapses.delay_ms, synapses.weight.copy(), synapses.g_unit_uS, *_plastic(model, synapses, receptor, section),
    )  # fmt: skip
    network.weight_groups = _weight_groups(network)
    return network


def _plastic(model: ReducedCalciumSomaDendrite, synapses: Any, receptor: np.ndarray, section: np.ndarray) -> Any:
    """(connections that can learn, their keys)."""
    learns = np.array([r.rule is not None for r in model.receptors])
    plastic = np.flatnonzero(learns[receptor])
    mechanisms = tuple(sorted(r.mechanism for r in model.receptors if r.rule is not None))
    code = np.array([mechanisms.index(r.mechanism) if r.rule else -1 for r in model.receptors], np.int8)
    keys = SynapseKeys(
        synapses.post[plastic],
        synapses.syn_id[plastic],
        code[receptor[plastic]],
        mechanisms,
        synapses.pre[plastic],
        section[plastic],
        SECTIONS,
    )
    return plastic, keys


def _weight_groups(network: Network) -> dict[str, np.ndarray]:
    """{`{post}_{pre}-{section}-{mechanism}-weight`: its connections}, sorted by name."""
    if not network.n_connections:
        return {}
    names = list(network.populations)
    population = np.zeros(network.n_cells, np.int64)
    for i, cells in enumerate(network.populations.values()):
        population[cells] = i
    labels = [r.label for r in network.model.receptors]
    code = population[network.post] * len(names) + population[network.pre]
    code = (code * 2 + network.section) * len(labels) + network.receptor
    groups = {}
    for c in np.flatnonzero(np.bincount(code)):
        rest, receptor = divmod(int(c), len(labels))
        rest, section = divmod(rest, 2)
        post, pre = divmod(rest, len(names))
        kind = network.model.cell_type(names[post])
        groups[f"{names[post]}_{names[pre]}-{kind.sections[section]}-{labels[receptor]}-weight"] = np.flatnonzero(
            code == c
        )
    return dict(sorted(groups.items()))
