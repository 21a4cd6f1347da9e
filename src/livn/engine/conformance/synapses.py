"""Checks of synapses: delays, kinetics, strength, short-term depression."""

from __future__ import annotations

import numpy as np

from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import close, lateness, require, series, spikes, steps_of
from livn.engine.conformance.cultures import DT, WEAK, Synapse, able, culture, currents, kicks, wired
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.models.synapses import decays, peak_factor, recovered, released
from livn.network import delay_steps
from livn.run import Run

RECEPTORS = ("AMPA", "NMDA", "GABA_A", "GABA_B")


def the_spike(run: Run, gid: int = 0) -> float:
    """Time of a cell's one spike, ms."""
    ids, times = spikes(run)
    mine = times[ids == gid]
    require(len(mine) == 1, f"cell {gid} under 2 nA for 1 ms: expected one spike, got {len(mine)}")
    return float(mine[0])


def conductance(receptor: str, kind: str, arrivals: np.ndarray, peaks: np.ndarray, steps: int, dt: float) -> np.ndarray:
    """float64[steps], µS: double exponentials of these peaks [µS] that begin at these steps."""
    kinetics = next(r.kinetics[kind] for r in ReducedCalciumSomaDendrite().receptors if r.label == receptor)
    rise, decay = decays(kinetics, dt)
    k = np.arange(steps)[:, None] - np.asarray(arrivals)[None]
    age = np.maximum(k, 0)
    g: np.ndarray = ((k > 0) * peaks * peak_factor(*kinetics) * (decay**age - rise**age)).sum(axis=1)
    return g


@check()
def delays_are_whole_steps(engine: str) -> None:
    """A spike opens its synapse max(1, floor(delay/dt + 0.5)) steps after its stamp, at every dt."""
    delays = np.array([0.0, 0.02, 0.025, 0.037, 0.038, 0.13, 1.0, 7.3])
    system = wired({"EXC": 1 + len(delays)}, [Synapse(0, 1 + i, "AMPA", delay_ms=d) for i, d in enumerate(delays)])
    with culture(engine, system) as env:
        env.record_spikes()
        for dt in (DT, 0.1):
            env.record("g_AMPA", dt=dt)
            run = env.clear().run(20.0, currents(20.0, *kicks(0, 1)), dt=dt)
            born = steps_of(the_spike(run), dt)
            for gid, (delay, expected) in enumerate(zip(delays, delay_steps(delays, dt), strict=True), 1):
                opened = np.flatnonzero(series(run, "g_AMPA", gid, "dend") > 0)
                require(len(opened), f"the spike never arrived over {delay:g} ms at dt = {dt:g} ms")
                steps = int(opened[0] - 1 - born)  # a conductance begins at 0 in the step that its spike arrives
                require(
                    steps == expected,
                    f"delay of {delay:g} ms at dt = {dt:g} ms: expected arrival after {expected} steps, got {steps}: "
                    f"{lateness(steps - expected)}",
                )


@check()
def conductances_are_double_exponentials(engine: str) -> None:
    """Each receptor opens with its two time constants and peaks at multiplier · weight · g_unit, where it lies."""
    synapses = [
        Synapse(0, post, label, section, 1.0 + 0.3 * post, WEAK, 0.5 + 0.25 * post)
        for post, (label, section) in enumerate([(r, s) for s in ("dend", "soma", "soma") for r in RECEPTORS], 1)
    ]
    with culture(engine, wired({"EXC": 9, "INH": 4}, synapses)) as env:
        kinds = {gid: ("EXC" if gid < 9 else "INH") for gid in range(1, 13)}
        sections = {gid: env.model.cell_type(kinds[gid]).sections for gid in kinds}
        multipliers: dict[tuple[int, int, str], float] = {}
        if able(engine, "plasticity"):
            multipliers = {key: 0.7 + 0.1 * i for i, key in enumerate(env.get_weights())}
            env.set_multipliers(multipliers)
        env.record_spikes()
        for label in RECEPTORS:
            env.record(f"g_{label}", dt=DT)
        run = env.run(60.0, currents(60.0, *kicks(0, 1)))
    born = steps_of(the_spike(run), DT)
    w = {key[0]: value for key, value in multipliers.items()}
    for s in synapses:
        arrival = born + delay_steps(np.array([s.delay_ms]), DT)
        peak = w.get(s.post, 1.0) * s.weight * s.g_unit_uS
        for label in RECEPTORS:
            for section in sections[s.post]:
                hit = label == s.mechanism and section == s.section
                expected = conductance(label, kinds[s.post], arrival, np.array([peak * hit]), 2400, DT)
                close(
                    f"g_{label} of {kinds[s.post]} cell {s.post}, {section}",
                    series(run, f"g_{label}", s.post, section), expected,
                    rtol=1e-6, atol=1e-9 * WEAK, unit="µS", where=lambda k: f"t = {k * DT:.10g} ms",
                )  # fmt: skip


@check()
def conductances_add_up(engine: str) -> None:
    """Spikes of several cells through several synapses of one receptor on one compartment add their conductances."""
    synapses = [Synapse(pre, 3, "AMPA", delay_ms=0.5 + pre, weight=1.0 + pre) for pre in (0, 1, 2)]
    synapses += [Synapse(0, 3, "AMPA", delay_ms=2.5, weight=0.5), Synapse(1, 3, "AMPA", delay_ms=1.5, weight=4.0)]
    with culture(engine, wired({"EXC": 4}, synapses)) as env:
        env.record_spikes().record("g_AMPA", dt=DT, gids=[3], sections="dend")
        run = env.run(40.0, currents(40.0, *kicks(0, 1, 20), *kicks(1, 2, 19), *kicks(2, 3)))
    ids, times = spikes(run)
    require(len(ids) == 5, f"five kicks of 2 nA for 1 ms: expected five spikes, got {len(ids)}")
    arrivals, peaks = [], []
    for gid, born in zip(ids.tolist(), steps_of(times, DT).tolist(), strict=True):
        for s in synapses:
            if s.pre == gid:
                arrivals.append(born + int(delay_steps(np.array([s.delay_ms]), DT)[0]))
                peaks.append(s.weight * s.g_unit_uS)
    expected = conductance("AMPA", "EXC", np.array(arrivals), np.array(peaks), 1600, DT)
    close(
        "g_AMPA of cell 3, dend, after five spikes through five synapses", series(run, "g_AMPA", 3, "dend"), expected,
        rtol=1e-6, atol=1e-9 * WEAK, unit="µS", where=lambda k: f"t = {k * DT:.10g} ms",
    )  # fmt: skip


@check()
def depression_follows_tsodyks_and_markram(engine: str) -> None:
    """With short-term depression each spike opens the share U of what has recovered since the last one."""
    model = ReducedCalciumSomaDendrite(short_term_depression=True)
    system = wired({"EXC": 2}, [Synapse(0, 1, "AMPA", delay_ms=1.0)])
    with culture(engine, system, model) as env:
        if able(engine, "plasticity"):
            require(len(env.get_weights()) == 0, "a depressing synapse cannot learn, and get_weights() holds some")
        env.record_spikes().record("g_AMPA", dt=DT, gids=[1], sections="dend")
        run = env.run(150.0, currents(150.0, (0, 0, 5, 140, 0.25)))
    _, times = spikes(run)
    require(len(times) > 4, f"a cell under 0.25 nA for 135 ms fired {len(times)} times")
    arrivals = steps_of(times, DT) + delay_steps(np.array([1.0]), DT)
    resources, before, shares = 1.0, None, []
    for arrival in arrivals.tolist():
        if before is not None:
            resources = recovered(resources, (arrival - before) * DT)
        share, resources = released(resources)
        shares.append(share)
        before = arrival
    expected = conductance("AMPA", "EXC", arrivals, WEAK * np.array(shares), 6000, DT)
    close(
        "g_AMPA behind a depressing synapse", series(run, "g_AMPA", 1, "dend"), expected,
        rtol=1e-6, atol=1e-9 * WEAK, unit="µS", where=lambda k: f"t = {k * DT:.10g} ms",
    )  # fmt: skip
