"""Cultures for the engine tests."""

from __future__ import annotations

import numpy as np

from livn import Env, System
from tests.conftest import reference


def network_a(engine: str, **options) -> tuple[Env, np.ndarray, dict]:
    """The reference network under its currents, the stimulus for `run`, and what was recorded from NEURON."""
    data = reference("network_a")
    n, n_exc = data["n"], data["exc"]
    columns = ("pre", "post", "syn_id", "mechanism", "section", "delay_ms", "g_unit_uS")
    edges = dict(zip(columns, zip(*data["edges"], strict=True), strict=True))
    system = System.from_arrays({"EXC": n_exc, "INH": n - n_exc}, np.zeros((n, 3)), edges)
    env = Env(system, engine=engine, **options)
    env.v_init = data["v_init"]
    env.init().record_spikes()
    onset = round(data["current_onset_ms"])
    stimulus = np.zeros((round(data["T"]), n))
    stimulus[onset:] = data["amps_nA"]
    return env, stimulus, data


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


LIVELY = {"g_e0": 0.0015, "std_e": 0.001, "g_i0": 0.002, "std_i": 0.001, "tau_e": 3.0, "tau_i": 10.0}
"""Background that makes a small culture fire at some 10 Hz."""


def lively(engine: str, **options) -> Env:
    """`ring` under strong noise, learning, everything recorded."""
    env = Env(ring(), engine=engine, **options).init()
    env.set_noise(LIVELY)
    env.record_spikes().record_voltage(sections=["soma", "dend"], dt=0.5).record_weights(dt=0.5)
    return env.enable_plasticity()
