"""Checks of what a run returns: shapes, grids, ids, types, progress, interrupts."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np

from livn.engine.conformance.checklist import Failed, NotApplicable, check
from livn.engine.conformance.compare import close, require, same, series, spikes, taking
from livn.engine.conformance.cultures import (
    DT,
    LIVELY,
    Synapse,
    able,
    culture,
    currents,
    kicks,
    lively,
    network_a,
    wired,
)
from livn.errors import RunInterrupted
from livn.run import Run, Series
from livn.stimulus import Stimulus

COMPARTMENTS = ([0, 0, 1, 1, 2, 2, 3, 4], ["soma", "dend"] * 3 + ["soma"] * 2)
SOME = ([1, 1, 4], ["soma", "dend", "soma"])
Rows = dict[str, tuple[dict[str, Any], tuple[list[int], list[str]]]]
ROWS: Rows = {
    "voltage": ({"sections": ["soma", "dend"]}, COMPARTMENTS),
    "membrane_current": ({}, COMPARTMENTS),
    "na_h": ({}, ([0, 1, 2, 3, 4], ["soma"] * 5)),
    "ca": ({}, COMPARTMENTS),
    "cal_m": ({}, ([0, 1, 2], ["dend"] * 3)),
    "ka_a": ({}, ([3, 4], ["soma"] * 2)),
    "g_AMPA": ({"gids": [1, 4]}, SOME),
    "learning_EXC": ({"gids": [1, 4]}, SOME),
    "k_in": ({"sections": "dend"}, ([0, 1, 2], ["dend"] * 3)),
}
"""Signal: options of `record`, and the cells and sections of the rows of 3 EXC and 2 INH cells."""


@check()
def recordings_have_their_rows(engine: str) -> None:
    """Each signal has the rows, sections, types and samples that were asked for, run after run."""
    synapses = [Synapse(0, 3, "AMPA", "soma"), Synapse(1, 2, "NMDA"), Synapse(3, 1, "GABA_A", "soma")]
    learns = able(engine, "plasticity")
    rows = {what: row for what, row in ROWS.items() if learns or not what.startswith("learning")}
    with culture(engine, wired({"EXC": 3, "INH": 2}, synapses)) as env:
        env.record_spikes()
        for number, (what, (options, _)) in enumerate(rows.items()):
            env.record(what, dt=DT * 2 ** (number % 3), **options)
        for t0, duration in ((0.0, 10.0), (10.0, 0.1), (10.1, 3.0)):
            run = env.run(duration, currents(10.0, *kicks(0, 1), *kicks(3, 2)) if t0 == 0.0 else None)
            _check_rows(run, rows, t0, duration)


def _check_rows(run: Run, rows: Rows, t0: float, duration: float) -> None:
    where = f"in the run of {duration:g} ms from {t0:g} ms on"
    close(f"t0 {where}", run.t0, t0, atol=1e-9, unit="ms")
    close(f"duration {where}", run.duration, duration, atol=1e-9, unit="ms")
    ids, times = spikes(run)
    require(ids.dtype == np.int64, f"ids of spikes {where}: expected int64, got {ids.dtype}")
    require(times.dtype == np.float64, f"times of spikes {where}: expected float64, got {times.dtype}")
    inside = (times >= 0) & (times < duration)
    require(inside.all(), f"times of spikes {where}: expected 0 to {duration:g} ms, got {times[~inside]}")
    for number, (what, (_, (cells, sections))) in enumerate(rows.items()):
        channel, dt = run.channel(what), DT * 2 ** (number % 3)
        if not isinstance(channel, Series) or channel.sections is None:
            raise Failed(f"{what} {where}: expected a series with sections, got {channel!r:.100}")
        same(f"cells of the rows of {what} {where}", channel.ids, np.array(cells, np.int64))
        require(
            channel.sections.tolist() == sections,
            f"sections of the rows of {what} {where}: expected {sections}, got {channel.sections.tolist()}",
        )
        values, shape = channel.values, (len(cells), round(duration / dt))
        require(values.dtype == np.float64, f"{what} {where}: expected float64, got {values.dtype}")
        require(values.shape == shape, f"{what} {where}: expected the shape {list(shape)}, got {list(values.shape)}")
        require(np.isfinite(values).all(), f"{what} {where}: not finite")
        close(f"dt of {what} {where}", channel.dt, dt, atol=1e-12, unit="ms")


@check()
def samples_lie_on_their_grid(engine: str) -> None:
    """The first sample is the state at the run's start; a coarse recording holds every n-th sample of a fine one."""
    signals = ["voltage", "membrane_current", "na_h", "g_GABA_A", *(["g_noise_e"] if able(engine, "noise") else [])]
    system, stimulus, data = network_a()
    found = []
    with culture(engine, system, v_init=data["v_init"]) as env:
        if able(engine, "noise"):
            env.set_noise(LIVELY)
        for every in (1, 16):
            for name in signals:
                env.record(name, dt=every * DT)
            found.append(env.clear(reseed=False).run(24.0, stimulus=(stimulus[30:54], 1.0, None, "current")))
    fine, coarse = found
    start = np.full(10, data["v_init"])
    close("potentials at t = 0", series(fine, "voltage")[:, 0], start, atol=1e-9, unit="mV", where=taking("cell"))
    for name in signals:
        what = f"{name} sampled every {16 * DT:g} ms"
        same(what, series(coarse, name), series(fine, name)[:, ::16], where=taking("row", "sample"))


@check("plasticity")
def weight_traces_lie_on_absolute_multiples(engine: str) -> None:
    """Weights are sampled, as float32, after the steps that end at multiples of their dt since t = 0, across runs."""
    system, stimulus, data = network_a()
    with culture(engine, system, v_init=data["v_init"]) as env:

        def live(start: float, stop: float) -> None:
            rows = np.repeat(stimulus, 2, axis=0)[40:]  # of 0.5 ms, from the onset of the currents on
            env.run(stop - start, stimulus=(rows[round(2 * start) : round(2 * stop)], 0.5, None, "current"))

        env.enable_plasticity()
        expected = []
        for k in range(20):
            live(2.0 * k, 2.0 * (k + 1))
            expected.append(env.get_weights().array.astype(np.float32))
        env.clear(reset_weights=True)
        live(0.0, 3.0)
        env.record_weights(dt=2.0)
        live(3.0, 39.5)
        live(39.5, 40.0)
        traces = env.w_recs
    same("times of the samples every 2 ms from 3 to 40 ms", traces.t, np.arange(4.0, 41.0, 2.0))
    require(np.ptp(expected[-1]) > 1e-4, "the weights hardly moved in 40 ms")
    same("recorded weights", traces.array, np.array(expected)[1:], where=taking("sample", "synapse"))


@check("plasticity")
def weights_of_some_synapses_are_those_of_all(engine: str) -> None:
    """Recorded weights of some synapses, in several runs, are the same bits as when all are recorded."""
    found = []
    for options in ({}, {"fraction": 0.4}, {"population": "INH"}):
        with lively(engine) as env:
            env.record_weights(dt=0.5, **options)
            for duration in (10.0, 0.5, 9.5):
                env.run(duration)
            found.append(env.w_recs)
    whole, *parts = found
    for part in parts:
        require(0 < len(part) < len(whole), f"a part of {len(whole)} synapses: got {len(part)}")
        columns = whole.array[:, whole.synapses.positions(part.synapses)]
        same("weights of some of the synapses", part.array, columns, where=taking("sample", "synapse"))


@check()
def a_spike_at_the_end_opens_the_next_run(engine: str) -> None:
    """A spike stamped exactly with the end of a run is the first of the next, at 0 ms."""
    with culture(engine, {"INH": 1}) as env:
        env.record_spikes()
        drive = currents(60.0, (0, 0, 0, 60, 0.1))
        _, times = spikes(env.run(60.0, drive))
        require(len(times) > 2, f"an INH cell under 0.1 nA for 60 ms fired {len(times)} times")
        end = float(times[1])
        env.clear()
        first = env.run(end, Stimulus.from_current(np.full((round(end / DT), 1), 0.1), DT))
        second = env.run(1.0)
    _, early = spikes(first)
    require(early.tolist() == [times[0]], f"spikes before {end:g} ms: expected {times[:1]}, got {early}")
    _, late = spikes(second)
    require(len(late) > 0 and late[0] == 0.0, f"spike stamped at the end: expected at 0 ms of the next run, got {late}")


@check()
def progress_is_reported(engine: str) -> None:
    """`progress` is called with the ms done so far, ascending, the last time with the whole duration."""
    seen: list[float] = []
    with culture(engine, 2) as env:
        env.run(50.0)
        env.run(200.0, progress=seen.append)
    require(len(seen) > 0, "progress was never called in a run of 200 ms")
    require(seen == sorted(set(seen)) and seen[0] > 0, f"progress: expected ascending ms, got {seen[:10]}")
    close("the last call of progress", seen[-1], 200.0, atol=1e-9, unit="ms")


@check()
def interrupts_end_at_a_whole_sample(engine: str) -> None:
    """Ctrl-C ends a run where every recording is complete; what was recorded is kept, and the culture goes on."""
    if threading.current_thread() is not threading.main_thread():
        raise NotApplicable("interrupts reach the main thread only, and this is another")
    calls = 0

    def interrupt(done: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            signal.raise_signal(signal.SIGINT)

    with culture(engine, wired({"EXC": 2}, [Synapse(0, 1, "AMPA")])) as env:
        env.record_spikes().record_voltage(dt=0.2).record_membrane_current(dt=0.5)
        if able(engine, "plasticity"):
            env.record_weights(dt=1.0)
        try:
            env.run(20_000.0, progress=interrupt)
        except KeyboardInterrupt as e:
            if calls < 2:  # not ours
                raise
            if not isinstance(e, RunInterrupted):
                raise Failed("an interrupt in a run: expected RunInterrupted, got KeyboardInterrupt") from None
            run = e.run
        else:
            raise Failed(f"an interrupt, sent when progress was called {calls} times: the run went on to its end")
        traced = len(env.w_recs.t) if able(engine, "plasticity") else None
        after = env.run(1.0)
    duration = run.duration or 0.0
    require(0.0 < duration < 20_000.0, f"a run that was interrupted: expected less than 20000 ms, got {duration:g}")
    close("end of the run, in whole samples of 1 ms", duration, round(duration), atol=1e-9, unit="ms")
    require(
        series(run, "voltage").shape == (2, round(duration / 0.2)),
        f"voltage of {duration:g} ms every 0.2 ms: got the shape {list(series(run, 'voltage').shape)}",
    )
    require(traced in (None, round(duration)), f"weights of {duration:g} ms every 1 ms: got {traced} samples")
    require(np.isfinite(series(run, "membrane_current")).all(), "membrane currents of an interrupted run: not finite")
    close("start of the run after it", after.t0, duration, atol=1e-9, unit="ms")
