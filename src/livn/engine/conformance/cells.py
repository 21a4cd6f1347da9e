"""Checks of single cells: equations, initial state, spikes."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import close, require, same_spikes, series, spikes, steps_of
from livn.engine.conformance.cultures import DT, Synapse, able, culture, currents, kicks, wired
from livn.engine.conformance.recordings import recording
from livn.env import Env
from livn.models.cells import CellType, ready, refractory_steps
from livn.models.channels import ohmic
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.models.synapses import nmda_current, synaptic_current

NOISE = {"g_e0": 1e-3, "std_e": 5e-4, "g_i0": 2e-3, "std_i": 1e-3}


@check()
def cells_match_recordings(engine: str) -> None:
    """Isolated cells under currents fire as NEURON recorded, to the step; potentials within 1e-2 mV between spikes."""
    cases = recording("cells")
    for (kind, v_init, dt), group in groupby(cases, lambda c: (c["kind"], c["v_init"], c["dt"])):
        same_start = list(group)
        _match_cells(engine, kind, v_init, dt, same_start)


def _match_cells(engine: str, kind: str, v_init: float, dt: float, cases: list[dict[str, Any]]) -> None:
    """One culture of unconnected cells, one per case."""
    last = len(cases[0]["v_every_1ms"]) - 1
    sections = ReducedCalciumSomaDendrite().cell_type(kind).sections
    pulses = [
        (gid, sections.index(c["section"]), c["delay_ms"], c["delay_ms"] + c["dur_ms"], c["amp_nA"])
        for gid, c in enumerate(cases)
    ]
    with culture(engine, {kind: len(cases)}, ReducedCalciumSomaDendrite(refractory_period=0.0), v_init=v_init) as env:
        env.record_spikes().record_voltage(dt=1.0)
        run = env.run(last + 1, currents(last + 1, *pulses), dt=dt)
    ids, times = spikes(run)
    early = times <= last + dt / 2
    for gid, c in enumerate(cases):
        label = f"{kind} cell under {c['amp_nA']} nA into its {c['section']}"
        mine = early & (ids == gid)
        recorded = np.array(c["spikes"])
        same_spikes(label, (ids[mine], times[mine]), (np.full(len(recorded), gid), recorded), dt)
        close(
            f"somatic potential of the {label}", series(run, "voltage", gid, "soma"), c["v_every_1ms"],
            atol=1e-2 + _shifted(np.array(c["v_every_1ms"]), dt), unit="mV", where=lambda k: f"t = {k} ms",
        )  # fmt: skip


def _shifted(v: np.ndarray, shift: float) -> np.ndarray:
    """float64[T], mV: what a shift in time [ms] makes of samples every 1 ms on the flank of a spike, elsewhere 0.

    A cell that fires amplifies rounding errors by 1e9 in half a second: its spikes move, by far less than a step.
    """
    change = np.abs(np.diff(v))
    steepest = np.maximum(np.append(change, 0.0), np.append(0.0, change))
    return np.where(steepest > 10.0, shift * steepest, 0.0)


@check()
def cells_start_at_rest(engine: str) -> None:
    """At t = 0 potentials are v_init or V_rest, gates at their steady state there, all else at zero."""
    for v_init in (None, -52.5):
        with culture(engine, wired({"EXC": 3, "INH": 2}, [Synapse(0, 1, "AMPA")]), v_init=v_init) as env:
            _check_start(env, v_init)
            if able(engine, "plasticity"):
                env.enable_plasticity()
            env.run(30.0, currents(30.0, *kicks(0, 2), (2, 0, 5, 25, 0.2)))
            env.clear()
            _check_start(env, v_init)


def _check_start(env: Env, v_init: float | None) -> None:
    state = env._engine().read_state()
    network = env._network_now()
    for number, kind in enumerate(network.kinds):
        n = int((network.kind == number).sum())
        parameters = kind.parameters
        v = {s: np.full(n, parameters[f"{s}.V_rest"] if v_init is None else v_init) for s in kind.sections}
        for name, expected in kind.start(v).items():
            what = f"{kind.name}.{name} at t = 0 with v_init = {v_init}"
            close(what, state[f"{kind.name}.{name}"], expected, rtol=1e-9, atol=1e-12)
    for name, values in state.items():
        zero = name.split(".")[-1].split("_")[0] in ("A", "B", "signal", "learning", "open", "driven")
        if zero or name in ("step", "last_integral", "spike_steps"):
            require(not np.any(values), f"{name} at t = 0: expected zero or nothing, got {values!r:.100}")


SOURCES = {"GABA_B": 8e-3, "NMDA": 3e-3, "AMPA": 4e-3, "GABA_A": 4e-3}
"""Receptor: unit conductance, µS, of the synapses of the cells 0 to 3 onto the cells 4 (EXC) and 5 (INH)."""

EXPOSED = 30.0
"""ms that these two are followed."""


@check()
def cells_follow_their_equations(engine: str) -> None:
    """Under synapses of all receptors, noise and currents, potentials are what NumPy makes of the equations."""
    synapses = [
        Synapse(pre, post, label, "dend", 0.5 + pre, g)
        for post in (4, 5)
        for pre, (label, g) in enumerate(SOURCES.items())
    ]
    sides = "ei" if able(engine, "noise") else ""
    with culture(engine, wired({"EXC": 5, "INH": 1}, synapses), v_init=-60.0) as env:
        env.record_voltage(dt=DT, gids=[4, 5], sections=["soma", "dend"])
        for name in [*SOURCES, *(f"noise_{side}" for side in sides)]:
            env.record(f"g_{name}", dt=DT, gids=[4, 5])
        if sides:
            env.set_noise(NOISE)
        pulses = [p for gid in range(4) for p in kicks(gid, 2 + 5 * gid, 25 - 4 * gid)]
        run = env.run(EXPOSED, currents(EXPOSED, *pulses, (4, 1, 10, 20, 0.1), (5, 0, 10, 20, 0.1)))
        kinds = {4: env.model.cell_type("EXC"), 5: env.model.cell_type("INH")}
    injected = np.zeros(round(EXPOSED / DT))
    injected[400:800] = 0.1
    for gid, kind in kinds.items():
        place = "dend" if "dend" in kind.sections else "soma"
        conductances = {(label, place): series(run, f"g_{label}", gid, place) for label in SOURCES}
        for (label, _), g in conductances.items():
            require(g.max() > 1e-3, f"g_{label} of cell {gid}, {place}: expected over 1e-3 µS, got {g.max():.3g}")
        for side, s in zip("ei", kind.noise, strict=True):
            if sides:
                conductances[f"noise_{side}", s] = series(run, f"g_noise_{side}", gid, s)
        expected = _integrate(kind, conductances, {place: injected})
        for s in kind.sections:
            close(
                f"potential of the {kind.name} cell, {s}", series(run, "voltage", gid, s), expected[s],
                atol=1e-2, unit="mV", where=lambda k: f"t = {k * DT:.10g} ms",
            )  # fmt: skip


def _integrate(
    kind: CellType, conductances: dict[tuple[str, str], np.ndarray], injected: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """{section: float64[T]}, the potentials of a cell from -60 mV under these conductances [µS] and currents [nA]."""
    reversal = {r.label: r.reversal for r in ReducedCalciumSomaDendrite().receptors} | {
        "noise_e": 0.0,
        "noise_i": -75.0,
    }
    parameters = {name: np.array([value]) for name, value in kind.parameters.items()}
    prepared = kind.prepare(parameters, DT)
    constants = tuple(prepared[c] for c in kind.constants)
    start = kind.start({s: np.array([-60.0]) for s in kind.sections})
    state = tuple(start[name] for name in kind.states)
    steps = len(next(iter(conductances.values())))
    out: dict[str, list[float]] = {s: [] for s in kind.sections}
    for k in range(steps):
        inputs: list[Any] = []
        for s in kind.sections:
            v = state[kind.states.index(f"v_{s}")]
            out[s].append(float(v[0]))
            current, slope = np.zeros(1), np.zeros(1)
            if s in injected:
                current = current - injected[s][k]
            for (label, section), g in conductances.items():
                if section == s:
                    i, di = _current(label, v, g[k], reversal[label])
                    current, slope = current + i, slope + di
            inputs += [current, slope]
        state = kind.step(state, tuple(inputs), constants, DT)[:-2]
    return {s: np.array(v) for s, v in out.items()}


def _current(label: str, v: np.ndarray, g: float, reversal: float) -> tuple[Any, Any]:
    if label.startswith("noise"):
        return ohmic(v, g, reversal)
    return nmda_current(v, 0.0, g, reversal) if label == "NMDA" else synaptic_current(v, 0.0, g, reversal)


@check()
def spikes_are_stamped_at_the_crossing(engine: str) -> None:
    """A spike is stamped with the step in which the soma's potential comes to lie above the threshold."""
    with culture(engine, {"EXC": 2, "INH": 2}) as env:
        env.record_spikes().record_voltage(dt=DT)
        run = env.run(60.0, currents(60.0, *((gid, 0, 3, 60, 0.1 + 0.05 * gid) for gid in range(4))))
        thresholds = [env.model.cell_type(p).parameters["soma.threshold"] for p in ("EXC", "EXC", "INH", "INH")]
        refractory = refractory_steps(env.model.refractory_period, DT)
    v = series(run, "voltage")
    steps = [_crossings(row, threshold, refractory) for row, threshold in zip(v, thresholds, strict=True)]
    expected = np.repeat(np.arange(4), [len(k) for k in steps]), np.concatenate(steps) * DT
    require(len(expected[0]) > 4, f"four cells under 0.1 to 0.25 nA crossed threshold {len(expected[0])} times")
    same_spikes("spikes against the recorded potentials", spikes(run), expected, DT)


def _crossings(v: np.ndarray, threshold: float, refractory: int) -> np.ndarray:
    """int64[n], the steps in which a potential came to lie above its threshold, less those in the refractory period."""
    return _thinned(np.flatnonzero((v[:-1] <= threshold) & (v[1:] > threshold)) + 1, refractory)


def _thinned(steps: np.ndarray, refractory: int) -> np.ndarray:
    """int64[n], those of a cell's spikes, in steps, that are not within the refractory period of the one before."""
    kept: list[int] = []
    for k in steps.tolist():
        if not kept or ready(k, kept[-1], refractory):
            kept.append(k)
    return np.array(kept, np.int64)


@check()
def refractory_period_drops_spikes(engine: str) -> None:
    """A spike within `refractory_period` of the cell's last one is ignored, and the cell goes on undisturbed."""

    def fire(period: float) -> tuple[np.ndarray, np.ndarray]:
        with culture(engine, {"EXC": 1, "INH": 1}, ReducedCalciumSomaDendrite(refractory_period=period)) as env:
            env.record_spikes()
            return spikes(env.run(150.0, currents(150.0, (0, 0, 0, 150, 0.2), (1, 0, 0, 150, 0.1))))

    period = 30.0
    ids, times = fire(0.0)
    free = [steps_of(times[ids == gid], DT) for gid in (0, 1)]
    kept = [_thinned(steps, refractory_steps(period, DT)) for steps in free]
    for gid in (0, 1):
        require(
            len(free[gid]) > len(kept[gid]) > 1,
            f"cell {gid} fired {len(free[gid])} times in 150 ms: too rarely for a period of {period:g} ms",
        )
    expected = np.repeat([0, 1], [len(k) for k in kept]), np.concatenate(kept) * DT
    same_spikes(f"spikes under a refractory period of {period:g} ms", fire(period), expected, DT)
