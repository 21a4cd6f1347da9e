"""Cultures for the engine tests."""

from __future__ import annotations

from livn import Env
from livn.engine.conformance.cultures import LIVELY, ring


def lively(engine: str, **options) -> Env:
    """`ring` under strong noise, learning, everything recorded."""
    env = Env(ring(), engine=engine, **options).init()
    env.set_noise(LIVELY)
    env.record_spikes().record_voltage(sections=["soma", "dend"], dt=0.5).record_weights(dt=0.5)
    return env.enable_plasticity()
