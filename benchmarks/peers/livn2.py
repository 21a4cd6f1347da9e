"""livn 2.0.0, another package of the same import name: its native back end (C), built from a network in memory."""

# ruff: noqa: I001 - the livn imported here is not this project's
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

os.environ["LIVN_BACKEND"] = "native"

import numpy as np
from common import Network, Task, serve
from livn.env import Env
from livn.io import IO
from livn.models.rcsd import ReducedCalciumSomaDendrite

SOMA, DENDRITE = 1, 4
"""SWC types of the places that synapses lie at."""

VELOCITY = 250.0
"""µm/ms: this package takes distances, and divides by this."""


class Memory:
    """A network in memory with what that package asks of a system."""

    name = uri = "memory"

    def __init__(self, network: Network) -> None:
        self.network = network
        self.populations = list(network.cells)
        first = np.cumsum([0, *network.cells.values()]).tolist()
        self.population_ranges = {p: (a, n) for (p, n), a in zip(network.cells.items(), first, strict=False)}
        self.num_neurons = network.n
        self.gids = np.arange(network.n)
        self.neuron_coordinates = np.column_stack([self.gids, network.places])
        self.cells_meta_data = SimpleNamespace(
            population_names=self.populations, population_ranges=self.population_ranges
        )
        # A site per pair of cells; receptors of one pair share it, and have a point process each.
        self.site = np.unique(network.pre.astype(np.int64) * network.n + network.post, return_inverse=True)[1]
        self.connections_config = {"synapses": self._projections()}

    def _projections(self) -> dict[str, dict[str, Any]]:
        """How the synapses between two populations work, by target and source."""
        found: dict[str, dict[str, Any]] = {}
        for post in self.populations:
            for pre in self.populations:
                mechanisms, section = {}, "soma"
                for receptor, values in self.network.receptors.items():
                    rows = self.network.between(pre, post, receptor)
                    if len(rows):
                        rise, decay = values["kinetics"][post]
                        section = str(self.network.columns["section"][rows[0]])
                        mechanisms[receptor] = {
                            "tau_rise": rise,
                            "tau_decay": decay,
                            "e": values["e"],
                            "weight": float(self.network.columns["weight"][rows[0]]),
                            "g_unit": float(self.network.columns["g_unit_uS"][rows[0]]),
                        } | ({"mg": 1.0, "Kd": 3.57, "gamma": 0.062, "vshift": 0.0} if receptor == "NMDA" else {})
                if mechanisms:
                    kind = "inhibitory" if pre == "INH" else "excitatory"
                    entry = {"type": kind, "sections": [section], "mechanisms": {"default": mechanisms}}
                    found.setdefault(post, {})[pre] = entry
        return found

    def selection(self, *_: Any, **__: Any) -> None:
        """All cells."""

    def default_io(self, comm: Any = None) -> IO:
        return IO()

    def coordinate_array(self, population: str) -> np.ndarray:
        first, count = self.population_ranges[population]
        return self.neuron_coordinates[first : first + count]

    def synapses(self, population: str, node_allocation: set[int]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Sites by cell: number, SWC type, place."""
        swc = np.where(self.network.columns["section"] == "dend", DENDRITE, SOMA)
        for gid in sorted(node_allocation):
            rows = np.flatnonzero(self.network.post == gid)
            yield gid, {"syn_ids": self.site[rows], "swc_types": swc[rows], "syn_locs": np.full(len(rows), 0.5)}

    def projection_array(self, pre: str, post: str) -> Iterator[tuple[int, tuple[np.ndarray, dict[str, Any]]]]:
        """Sources by cell, each pair once, with its site and its distance."""
        first, count = self.population_ranges[pre]
        start, size = self.population_ranges[post]
        sources = self.network.pre
        for gid in range(start, start + size):
            rows = np.flatnonzero((self.network.post == gid) & (sources >= first) & (sources < first + count))
            rows = rows[np.unique(self.site[rows], return_index=True)[1]]
            distance = self.network.columns["delay_ms"][rows] * VELOCITY
            about = {"Synapses": {"syn_id": self.site[rows]}, "Connections": {"distance": distance}}
            yield gid, (sources[rows], about)


def contestant(task: Task, network: Network) -> tuple[Callable[[], dict[str, Any]], dict[str, Any]]:
    """The network with learning and noise on; AMPA learns instead of depressing, as in livn."""
    model = ReducedCalciumSomaDendrite(short_term_depression=False)
    env = Env(Memory(network), model=model, io=IO()).init()
    env.set_noise({f"{p}-{name}": value for p, values in network.noise.items() for name, value in values.items()})
    env.record_spikes()
    env.enable_plasticity()
    env.run(task.warm_up, dt=network.dt)

    def stretch() -> dict[str, Any]:
        began = time.perf_counter()
        run = env.run(task.duration, dt=network.dt)
        return network.sample(time.perf_counter() - began, task.duration, run.spike_ids)

    return stretch, {"plastic": len(env.get_weights())}


if __name__ == "__main__":
    serve(contestant, "livn", "numpy")
