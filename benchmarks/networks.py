"""The networks that are measured, as files that every contestant builds from: the same cells, connections and noise.

A file holds arrays of connections and a JSON text of everything else, so that a peer needs NumPy and nothing of livn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from livn import System
from livn.models.cells import initial_state
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.models.synapses import peak_factor
from livn.system import make
from livn.system.synapses import RECEPTORS

__all__ = ["DT", "Culture", "all_to_all", "apart", "predefined", "random_inputs"]

DT = 0.025
"""Integration step, ms."""

SHARE_EXC = 0.8
SIDE = 400.0
"""Cells lie in a cube of this side, µm: delays of 0.5 to 3 ms."""

BALANCE, MOST = 49.5, 10.0 / 3.0
"""Weights of EI2, whose cells have some 30 inputs each, are scaled by the first over the number of inputs, at most by
the second (which makes them EI1's: 10 cells, all to all)."""

DRIVEN = {"g_e0": 0.01, "std_e": 0.005, "g_i0": 0.004, "std_i": 0.002, "tau_e": 3.0, "tau_i": 10.0}
"""Noise that makes cells fire fast whatever they are connected to."""

SECTIONS = np.array(["soma", "dend"])
MODEL = ReducedCalciumSomaDendrite()


@dataclass(frozen=True)
class Culture:
    """A network and its drive.

    Attributes:
        cells: {population: number of cells}.
        places: float64 [N,3], µm.
        pre, post: int64 [n], gids.
        section: str [n].
        mechanism: str [n], receptor.
        weight: float64 [n], static.
        noise: {population: parameters of its background}.
    """

    cells: dict[str, int]
    places: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    section: np.ndarray
    mechanism: np.ndarray
    weight: np.ndarray
    noise: dict[str, dict[str, float]]

    def without_effect(self) -> Culture:
        """The same with static weights of 0 and driven by noise: it fires alike, whatever its connections."""
        return replace(self, weight=np.zeros_like(self.weight), noise={p: dict(DRIVEN) for p in self.cells})

    def thinned(self, share: float) -> Culture:
        """The same with a random share of its connections."""
        kept = np.flatnonzero(np.random.default_rng(3).random(len(self.pre)) < share)
        columns = {name: getattr(self, name)[kept] for name in ("pre", "post", "section", "mechanism", "weight")}
        return replace(self, **columns)

    def system(self, connected: bool = True) -> System:
        """The same as a system, with its connections or without."""
        names = ("pre", "post", "section", "mechanism", "weight")
        edges = {name: getattr(self, name) for name in names} if connected else None
        return System.from_arrays(self.cells, self.places, edges)

    def save(self, path: Path) -> Path:
        """Write the file that peers read (peers/common.py)."""
        synapses = self.system().synapses
        np.savez(
            path,
            places=self.places,
            pre=synapses.pre,
            post=synapses.post,
            section=SECTIONS[synapses.section],
            mechanism=np.array(RECEPTORS)[synapses.mechanism],
            delay_ms=synapses.delay_ms,
            weight=synapses.weight,
            g_unit_uS=synapses.g_unit_uS,
            about=json.dumps({"cells": self.cells, "noise": self.noise, "dt": DT, **equations()}),
        )
        return path


def equations() -> dict[str, Any]:
    """Constants, start and receptors of the cells, for those who state the equations once more."""
    kinds = MODEL.cell_types.values()
    start = {
        k.name: initial_state(k.states, {s: np.array(k.parameters[f"{s}.V_rest"]) for s in k.sections}) for k in kinds
    }
    return {
        "constants": {k.name: plain(k.prepare({p: np.array(v) for p, v in k.parameters.items()}, DT)) for k in kinds},
        "start": {name: plain(values) for name, values in start.items()},
        "rules": MODEL.neuron_plasticity_defaults(),
        "receptors": {
            r.label: {
                "e": r.reversal,
                "kinetics": r.kinetics,
                "peak_factor": {k: float(peak_factor(*taus)) for k, taus in r.kinetics.items()},
            }
            for r in MODEL.receptors
        },
    }


def plain(values: dict[str, Any]) -> dict[str, float]:
    """The values as Python's floats."""
    return {name: float(value) for name, value in values.items()}


def all_to_all(n: int) -> Culture:
    """Everyone onto everyone, with the receptors, sections and noise of the predefined cultures."""
    post, pre = np.divmod(np.arange(n * n), n)
    return wired(n, pre[pre != post], post[pre != post])


def random_inputs(n: int, inputs: int) -> Culture:
    """`inputs` presynaptic cells per cell, drawn at random."""
    rng = np.random.default_rng(2)
    drawn = np.concatenate([rng.choice(n - 1, inputs, replace=False) for _ in range(n)])
    post = np.repeat(np.arange(n), inputs)
    return wired(n, drawn + (drawn >= post), post)


def wired(n: int, pre: np.ndarray, post: np.ndarray) -> Culture:
    """The culture of n cells, 4 of 5 EXC, with these pairs; EXC onto EXC by two receptors."""
    exc = round(SHARE_EXC * n)
    from_exc, onto_exc = pre < exc, post < exc
    weights = MODEL.default_weights("EI2")
    scale = min(MOST, BALANCE * n / max(1, len(pre)))
    parts = []
    for which, section, mechanism in (
        (from_exc & onto_exc, "dend", "AMPA"),
        (from_exc & onto_exc, "dend", "NMDA"),
        (from_exc & ~onto_exc, "soma", "AMPA"),
        (~from_exc & onto_exc, "soma", "GABA_A"),
        (~from_exc & ~onto_exc, "soma", "GABA_A"),
    ):
        there = np.flatnonzero(which)
        if len(there):
            names = ("EXC" if k < exc else "INH" for k in (post[there[0]], pre[there[0]]))
            weight = scale * weights[f"{'_'.join(names)}-{section}-{mechanism}-weight"]
            parts.append((pre[there], post[there], *(np.full(len(there), x) for x in (section, mechanism, weight))))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    places = np.random.default_rng(1).uniform(0.0, SIDE, (n, 3))
    return Culture({"EXC": exc, "INH": n - exc}, places, *columns, noise=MODEL.default_noise("EI2"))


def predefined(name: str) -> Culture:
    """A predefined culture with the static weights of its edge table and its own noise."""
    system = make(name)
    edges = system.edges
    columns = (edges[c].to_numpy(str) for c in ("section", "mechanism"))
    pairs = (edges[c].to_numpy(np.int64) for c in ("pre", "post"))
    weight = edges["weight"].to_numpy(float)
    cells = system.population_counts
    return Culture(cells, system.neuron_coordinates[:, 1:], *pairs, *columns, weight, MODEL.default_noise(name))


def apart() -> Culture:
    """One cell of each kind, without connections or noise."""
    none, names = np.empty(0, np.int64), np.empty(0, str)
    cells = {"EXC": 1, "INH": 1}
    quiet = dict.fromkeys(DRIVEN, 0.0) | {name: DRIVEN[name] for name in ("tau_e", "tau_i")}
    return Culture(cells, np.zeros((2, 3)), none, none, names, names, np.empty(0), dict.fromkeys(cells, quiet))
