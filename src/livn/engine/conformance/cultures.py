"""Small cultures that the checks run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from livn.engine.conformance.recordings import recording
from livn.engine.registry import engine_class
from livn.env import Env
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.stimulus import Stimulus
from livn.system import System

__all__ = [
    "DT",
    "LIVELY",
    "WEAK",
    "Pulse",
    "Synapse",
    "able",
    "culture",
    "currents",
    "kicks",
    "lively",
    "network_a",
    "ring",
    "wired",
]

DT = 0.025
"""The default step, ms."""

WEAK = 1e-6
"""A unit conductance too weak to matter to a cell, µS."""

LIVELY = {"g_e0": 0.0015, "std_e": 0.001, "g_i0": 0.002, "std_i": 0.001, "tau_e": 3.0, "tau_i": 10.0}
"""Background that makes a small culture fire at some 10 Hz."""


def able(engine: str, capability: str) -> bool:
    """Whether an engine declares a capability."""
    return capability in engine_class(engine).capabilities


@contextmanager
def culture(
    engine: str,
    system: Any,
    model: ReducedCalciumSomaDendrite | None = None,
    *,
    v_init: float | None = None,
    select: dict[str, list[int]] | None = None,
    threads: int = 1,
    seed: int = 123,
) -> Iterator[Env]:
    """An Env of these cells, or a selection of them, initialised; closed whatever happens, as engines may bear one."""
    with Env(system, model, engine=engine, threads=threads, seed=seed) as env:
        env.v_init = v_init
        if select is not None:
            env.selection(select)
        yield env.init()


@dataclass(frozen=True)
class Synapse:
    """One connection; units ms and µS."""

    pre: int
    post: int
    mechanism: str
    section: str = "dend"
    delay_ms: float = 1.0
    g_unit_uS: float = WEAK
    weight: float = 1.0


def wired(populations: Mapping[str, int], synapses: Sequence[Synapse]) -> System:
    """A system of these cells and connections."""
    n = sum(populations.values())
    columns = {name: [getattr(s, name) for s in synapses] for name in Synapse.__dataclass_fields__}
    return System.from_arrays(dict(populations), np.zeros((n, 3)), columns)


Pulse = tuple[int, int, float, float, float]
"""(gid, index of the section, from, to [whole ms], nA)."""


def kicks(gid: int, *times: float) -> list[Pulse]:
    """1 ms of 2 nA into a soma at each of these times [whole ms]: a spike each."""
    return [(gid, 0, t, t + 1, 2.0) for t in times]


def currents(duration: float, *pulses: Pulse) -> Stimulus:
    """Pulses of current over `duration` whole ms; those into one compartment add up."""
    places = sorted({(gid, section) for gid, section, *_ in pulses})
    rows = np.zeros((round(duration), len(places)))
    for gid, section, start, stop, amplitude in pulses:
        rows[round(start) : round(stop), places.index((gid, section))] += amplitude
    gids, sections = zip(*places, strict=True)
    return Stimulus.from_current(rows, 1.0, gids=gids, sections=sections)


def network_a() -> tuple[System, np.ndarray, dict[str, Any]]:
    """The recorded network, its currents (float64[T, n], nA, a row per ms), and what NEURON recorded."""
    data = recording("network_a")
    n, n_exc = data["n"], data["exc"]
    columns = ("pre", "post", "syn_id", "mechanism", "section", "delay_ms", "g_unit_uS")
    edges = dict(zip(columns, zip(*data["edges"], strict=True), strict=True))
    system = System.from_arrays({"EXC": n_exc, "INH": n - n_exc}, np.zeros((n, 3)), edges)
    stimulus = np.zeros((round(data["T"]), n))
    stimulus[round(data["current_onset_ms"]) :] = data["amps_nA"]
    return system, stimulus, data


def ring(seed: int = 7, weight: float = 6.0) -> System:
    """A small culture with every receptor, delays from one step to 3 ms, and cells of both kinds."""
    rng = np.random.default_rng(seed)
    n_exc, n_inh = 20, 5
    n = n_exc + n_inh
    rows = []
    for post in range(n):
        for pre in rng.choice(n, 8, replace=False):
            if pre == post:
                continue
            delay = float(rng.uniform(0.0, 3.0))
            if pre >= n_exc:
                kinds = [("GABA_A", "soma"), ("GABA_B", "dend")]
            else:
                kinds = [("AMPA", "dend"), ("NMDA", "dend")]
            rows += [(pre, post, section, mechanism, delay, weight) for mechanism, section in kinds]
    names = ("pre", "post", "section", "mechanism", "delay_ms", "weight")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return System.from_arrays({"EXC": n_exc, "INH": n_inh}, rng.uniform(0, 200, (n, 3)), columns)


@contextmanager
def lively(engine: str, **options: Any) -> Iterator[Env]:
    """`ring` under strong noise, learning, everything recorded every 0.5 ms."""
    with culture(engine, ring(), **options) as env:
        env.set_noise(LIVELY).enable_plasticity()
        env.record_spikes().record_voltage(sections=["soma", "dend"], dt=0.5).record_weights(dt=0.5)
        yield env
