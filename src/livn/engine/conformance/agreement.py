"""Checks of an engine against the cpu engine."""

from __future__ import annotations

import numpy as np

from livn.engine.base import Probe
from livn.engine.conformance.checklist import NotApplicable, check
from livn.engine.conformance.compare import close, require, same, same_spikes, series, spikes, taking
from livn.engine.conformance.cultures import DT, lively
from livn.run import Run

LENGTH = 100.0
"""ms that spikes are compared; potentials are for the first half, before rounding errors have grown."""


def _other_than_cpu(engine: str) -> None:
    if engine == "cpu":
        raise NotApplicable("this is the cpu engine, which the others are held to")


@check("plasticity", "replayable_noise")
def a_noisy_culture_agrees_with_cpu(engine: str) -> None:
    """A noisy plastic culture does as on the cpu engine: spikes to the step for 100 ms, weights within 1e-3."""
    _other_than_cpu(engine)

    def live(name: str) -> tuple[Run, np.ndarray]:
        with lively(name) as env:
            return env.run(LENGTH), env.get_weights().array

    expected, weights = live("cpu")
    got, learned = live(engine)
    half = round(LENGTH / 2 / 0.5)
    close(
        "potentials against the cpu engine's", series(got, "voltage")[:, :half], series(expected, "voltage")[:, :half],
        atol=0.1, unit="mV", where=lambda row, k: f"row {row}, t = {k * 0.5:g} ms",
    )  # fmt: skip
    same_spikes("spikes against the cpu engine's", spikes(got), spikes(expected), DT)
    close("weights against the cpu engine's", learned, weights, atol=1e-3, where=taking("synapse"))


@check("plasticity", "replayable_noise")
def a_state_of_cpu_is_taken_up(engine: str) -> None:
    """A state that the cpu engine's `read_state` returned is taken up whole, and goes on as it does there."""
    _other_than_cpu(engine)
    with lively("cpu") as env:
        env.run(30.0)
        cells = env._network_now().n_cells
        probe = Probe("voltage", np.arange(cells), np.zeros(cells, np.int64), 20)
        state = env._engine().read_state()
        expected = env._engine().advance(800, [probe])
        weights = env._engine().multipliers()
    require(len(state["spike_steps"]) > 0, "no spike was on its way at 30 ms")
    with lively(engine) as env:
        env.run(0.5)
        running = env._engine()
        running.write_state(state)
        taken = running.read_state()
        for name, values in state.items():
            close(f"{name} of the cpu engine's state, read back", taken[name], values, rtol=1e-12)
        got = running.advance(800, [probe])
        learned = running.multipliers()
    same("cells of spikes after a state of the cpu engine", got.spike_cells, expected.spike_cells)
    same("steps of spikes after a state of the cpu engine", got.spike_steps, expected.spike_steps)
    close(
        "potentials after a state of the cpu engine", got.series[0], expected.series[0], atol=0.1, unit="mV",
        where=taking("cell", "sample"),
    )  # fmt: skip
    close("weights after a state of the cpu engine", learned, weights, atol=1e-3, where=taking("synapse"))
