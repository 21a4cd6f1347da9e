"""Checks of stimuli and membrane currents."""

from __future__ import annotations

import numpy as np

from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import close, require, series, spikes
from livn.engine.conformance.cultures import DT, Synapse, able, culture, currents, kicks, wired
from livn.run import Run
from livn.stimulus import Stimulus


@check()
def stimuli_lose_no_charge(engine: str) -> None:
    """A stimulus on any time grid is averaged over the steps: the charge that arrives is the charge that was sent."""
    rng = np.random.default_rng(1)
    with culture(engine, 1) as env:
        env.record_membrane_current(dt=DT)
        for grid, rows in ((0.01, 300), (0.07, 40), (0.025, 120), (0.5, 6)):
            stimulus = rng.normal(0.0, 0.02, (rows, 1))
            run = env.run(4.0, stimulus=(stimulus, grid, None, "current"))
            charge = series(run, "membrane_current").sum() * DT * 1e3
            close(f"charge of {rows} rows of {grid:g} ms", charge, stimulus.sum() * grid, rtol=1e-7, unit="pC")


@check()
def stimuli_act_while_they_last(engine: str) -> None:
    """Row k of a stimulus acts from k·dt to (k + 1)·dt after the run's start, on its compartment; then nothing does."""
    with culture(engine, {"EXC": 2, "INH": 1}) as env:
        env.record_membrane_current(dt=DT)
        env.run(1.0)
        expected = np.zeros((3, 160))
        expected[1, 40:80], expected[1, 80:120], expected[2, 80:120] = 0.02, -0.01, 0.03
        array = np.array([[0.0, 0.0], [0.02, 0.0], [-0.01, 0.03]])
        run = env.run(4.0, Stimulus.from_current(array, 1.0, gids=[1, 2], sections=[1, 0]))
        after = env.run(1.0)
    ids = run.current_ids
    for gid in range(3):
        total = series(run, "membrane_current")[ids == gid].sum(axis=0)
        close(
            f"current into cell {gid}", total * 1e3, expected[gid], atol=1e-9, unit="nA",
            where=lambda k: f"t = {k * DT:.10g} ms",
        )  # fmt: skip
        left = series(after, "membrane_current")[ids == gid].sum(axis=0)
        close(f"current into cell {gid} in the run that followed", left * 1e3, np.zeros(40), atol=1e-9, unit="nA")


@check()
def membrane_currents_balance(engine: str) -> None:
    """Membrane currents sum to the injected current over a cell, and differ by what flows along its axis."""
    rng = np.random.default_rng(0)
    stimulus = rng.normal(0.0, 0.05, (100, 5))
    system = wired({"EXC": 2, "INH": 1}, [Synapse(0, 1, "AMPA", g_unit_uS=2e-3), Synapse(1, 2, "GABA_A", "soma")])
    with culture(engine, system) as env:
        if able(engine, "noise"):
            env.set_noise({"g_e0": 1e-3, "std_e": 5e-4, "g_i0": 1e-3, "std_i": 5e-4})
        env.record_membrane_current(dt=DT).record_voltage(dt=DT, sections=["soma", "dend"])
        run = env.run(10.0, stimulus=(stimulus, 0.1, None, "current"))
        kind = env.model.cell_type("EXC")
        along = float(kind.areas(kind.parameters)[2])
    injected = np.repeat(stimulus, 4, axis=0).T
    current, ids = series(run, "membrane_current"), run.current_ids
    require(np.abs(current).max() > 1e-6, "membrane currents never exceeded 1e-6 µA under random currents of 0.05 nA")
    for gid, columns in enumerate(([0, 1], [2, 3], [4])):
        close(
            f"sum of the membrane currents of cell {gid}", current[ids == gid].sum(axis=0),
            injected[columns].sum(axis=0) * 1e-3, atol=1e-12, unit="µA", where=lambda k: f"t = {k * DT:.10g} ms",
        )  # fmt: skip
    for gid in (0, 1):
        v = {s: series(run, "voltage", gid, s) for s in ("soma", "dend")}
        axial = along * (v["soma"] - v["dend"])[1:]  # of the step that begins at the sample
        close(
            f"membrane current of cell {gid}, soma", series(run, "membrane_current", gid, "soma")[:-1],
            (injected[2 * gid, :-1] - axial) * 1e-3, atol=1e-10, unit="µA", where=lambda k: f"t = {k * DT:.10g} ms",
        )  # fmt: skip


@check()
def stimulus_modes_agree(engine: str) -> None:
    """A current density is a current per area; a conductance is one to 0 mV, like a background without spread."""
    rng = np.random.default_rng(4)
    current = rng.uniform(0.0, 0.1, (20, 3))

    def fly(stimulus: Stimulus | None, noise: bool = False) -> tuple[Run, np.ndarray]:
        with culture(engine, {"EXC": 1, "INH": 1}) as env:
            env.record_voltage(dt=0.5, sections=["soma", "dend"])
            if noise:
                env.set_noise({"g_e0": 2e-3})
            kinds = [env.model.cell_type(p) for p in ("EXC", "INH")]
            areas = [a for k in kinds for a in k.areas(k.parameters)[: len(k.sections)]]
            return env.run(20.0, stimulus), np.array(areas)

    as_current, areas = fly(Stimulus.from_current(current, 1.0))
    as_density, _ = fly(Stimulus.from_current_density(current / (areas * 1e-2), 1.0))
    where = "potential under a current density against one under the current"
    close(where, series(as_density, "voltage"), series(as_current, "voltage"), atol=1e-6, unit="mV", where=_row)
    opened, _ = fly(Stimulus.from_conductance(np.full((20, 2), 2e-3), 1.0, gids=[0, 1], sections=[1, 0]))
    still, _ = fly(None)
    moved = np.abs(series(opened, "voltage") - series(still, "voltage")).max(axis=1)
    require(moved.min() > 1.0, f"a conductance of 2e-3 µS to 0 mV moved a potential by {moved.min():.3g} mV only")
    if able(engine, "noise"):
        background, _ = fly(None, noise=True)
        where = "potential under a conductance against one under a background of the same mean"
        close(where, series(opened, "voltage"), series(background, "voltage"), atol=1e-6, unit="mV", where=_row)


def _row(row: int, sample: int) -> str:
    return f"row {row}, t = {sample * 0.5:g} ms"


@check()
def told_spikes_are_like_crossings(engine: str) -> None:
    """A told spike comes on its step, at 0 too, acts on targets as a crossing does, and minds the refractory period."""
    with culture(engine, wired({"EXC": 2}, [Synapse(0, 1, "AMPA", delay_ms=1.5)])) as env:
        env.record_spikes().record("g_AMPA", dt=DT, gids=[1], sections="dend")
        own = env.run(10.0, currents(10.0, *kicks(0, 2)))
        cells, times = spikes(own)
        require(cells.tolist() == [0], f"a kick of cell 0 made the cells {cells.tolist()} fire")
        crossing = float(times[0])
        lag = _onsets(own)[0] - round(crossing / DT)
        told = env.clear().run(30.0, Stimulus.from_spikes({0: [0.0, 10.0, 20.025]}))
        close("told spikes", spikes(told)[1], [0.0, 10.0, 20.025], unit="ms")
        expected = np.array([0, 400, 801]) + lag
        close("steps at which the target's conductance rises", _onsets(told), expected)
        kick = currents(10.0, *kicks(0, 2)).resample(DT, crossing + DT)
        for after, count in ((1.975, 0), (2.0, 1)):
            env.clear().run(crossing + DT, kick)
            late = env.run(5.0, Stimulus.from_spikes({0: [after - DT]}))
            found = int((spikes(late)[1] > 0.0).sum())
            require(found == count, f"told to spike {after:g} ms after its own spike, cell 0 fired {found} times")


def _onsets(run: Run) -> np.ndarray:
    """Samples from which on a conductance is higher than just before, the first of each rise."""
    g = series(run, "g_AMPA")[0]
    rises = np.flatnonzero((np.diff(g) > 0.0) & (np.diff(g, prepend=0.0)[:-1] <= 0.0))
    return rises + 1
