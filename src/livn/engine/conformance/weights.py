"""Checks of the weights: when they move, when they stand still, what scales them."""

from __future__ import annotations

import numpy as np

from livn.engine.conformance.checklist import Failed, check
from livn.engine.conformance.compare import close, require, same, series, spikes, steps_of, taking
from livn.engine.conformance.cultures import DT, WEAK, Synapse, culture, currents, kicks, network_a, wired
from livn.engine.conformance.synapses import conductance
from livn.env import Env
from livn.models.plasticity import updated
from livn.run import Run
from livn.system import System

DELAY = 40
"""Steps that a spike of cell 0 takes to cell 1."""

POTENTIATING = {"A_ltp": 5.0, "A_ltd": 0.2, "learning_tau": 1.0}
"""Parameters under which a depolarised cell learns fast."""


def _pair() -> System:
    """Cell 0 onto the dendrite of cell 1, through one plastic synapse too weak to matter."""
    return wired({"EXC": 2}, [Synapse(0, 1, "AMPA", delay_ms=DELAY * DT)])


def _watch(env: Env) -> Env:
    env.record_spikes("EXC").record("learning_EXC", dt=DT, gids=[1], sections="dend")
    return env.record("g_AMPA", dt=DT, gids=[1], sections="dend")


def _switch(env: Env, on: bool, parameters: dict[str, float] | None = None) -> None:
    """Plasticity on, with these parameters, or off."""
    if on:
        env.enable_plasticity(parameters)
    else:
        env.disable_plasticity()


def _arrivals(run: Run, n: int) -> np.ndarray:
    """int64[n], the steps of the run in which spikes of cell 0 arrive."""
    ids, times = spikes(run)
    born = steps_of(times[ids == 0], DT)
    require(len(born) == n, f"{n} kicks of 2 nA for 1 ms into cell 0: expected {n} spikes, got {len(born)}")
    return born + DELAY


def _followed(arrivals: np.ndarray, integral: np.ndarray, w_min: float, w_max: float) -> np.ndarray:
    """float64[n], the multiplier after each arrival, from 1, given Λ [T] at each step."""
    w, last, out = 1.0, 0.0, []
    for now in integral[arrivals]:
        w, last = float(updated(w, now, last, w_min, w_max)), now
        out.append(w)
    return np.array(out)


@check("plasticity")
def weights_move_before_the_conductance_jumps(engine: str) -> None:
    """At a spike's arrival the weight is updated first, and then the conductance jumps with the new weight."""
    with culture(engine, _pair()) as env:
        _watch(env).enable_plasticity(POTENTIATING)
        run = env.run(60.0, currents(60.0, *kicks(0, 5, 40), (1, 0, 10, 39, 0.15)))
        final = env.get_weights().array
    arrivals, integral = _arrivals(run, 2), series(run, "learning_EXC", 1, "dend")
    before, after = _followed(arrivals, integral, 1e-4, 5.0)
    require(abs(after / before - 1.0) > 0.05, f"the weight moved from {before:.6g} to {after:.6g} only: nothing to see")
    k = int(arrivals[1])
    got = series(run, "g_AMPA", 1, "dend")
    new, old = (
        conductance("AMPA", "EXC", arrivals, WEAK * np.array(w), 2400, DT) for w in ((before, after), (1.0, before))
    )
    where = f"the 2nd spike, which arrives at {k * DT:g} ms and takes the weight from {before:.6g} to {after:.6g}"
    if np.allclose(got, old, rtol=1e-6, atol=1e-9 * WEAK):
        raise Failed(
            f"conductance after {where}: expected a jump with the new weight, to {new[k:].max():.6g} µS, got one with "
            f"the weight before its update, to {got[k:].max():.6g} µS"
        )
    close(
        f"conductance around {where}", got, new, rtol=1e-6, atol=1e-9 * WEAK, unit="µS",
        where=lambda i: f"t = {i * DT:.10g} ms",
    )  # fmt: skip
    close("the weight after two spikes", final, [after], rtol=1e-9)


@check("plasticity")
def weights_follow_the_learning_integral(engine: str) -> None:
    """Each arrival makes w clip(w · (1 + Λ - Λ of the last arrival), w_min, w_max)."""
    pulses = [*kicks(0, 3, 15, 27, 39, 51, 63), (1, 0, 5, 20, 0.2), (1, 0, 30, 32, 1.0), (1, 0, 45, 80, 0.1)]
    with culture(engine, _pair()) as env:
        for bounds in ({}, {"w_max": 1.1, "w_min": 0.9}):
            env.clear(reset_weights=True).enable_plasticity(POTENTIATING | bounds)
            run = _watch(env).run(80.0, currents(80.0, *pulses))
            integral = series(run, "learning_EXC", 1, "dend")
            low, high = bounds.get("w_min", 1e-4), bounds.get("w_max", 5.0)
            expected = _followed(_arrivals(run, 6), integral, low, high)
            what = f"weight after six spikes, within {low:g} to {high:g}"
            require(np.ptp(expected) > 0.05, f"{what}: Λ moved by {np.ptp(integral):.3g} only")
            close(what, env.get_weights().array, expected[-1:], rtol=1e-9)


@check("plasticity")
def weights_stand_still_while_plasticity_is_off(engine: str) -> None:
    """Off, weights and Λ keep every bit while cells fire; on, they move; off again, they keep what was learned."""
    system, stimulus, data = network_a()
    with culture(engine, system, v_init=data["v_init"]) as env:
        env.record_spikes().record_weights(dt=5.0)
        env.record("learning_EXC", dt=1.0).record("learning_INH", dt=1.0)
        fired = 0
        for number, (on, stretch) in enumerate([(False, 100), (True, 80), (False, 80), (True, 60), (False, 60)]):
            _switch(env, on)
            before = env.get_weights().array
            env.clear_recordings()
            start = round(env.t)
            run = env.run(float(stretch), stimulus=(stimulus[start : start + stretch], 1.0, None, "current"))
            fired += len(spikes(run)[0])
            after, traces = env.get_weights().array, env.w_recs.array
            where = f"stretch {number + 1}, plasticity {'on' if on else 'off'}, {start:g} to {env.t:g} ms"
            if on:
                require((before != after).any(), f"weights in {where}: expected a change, and not one bit moved")
                continue
            same(f"weights in {where}", after, before, where=taking("synapse"))
            expected = np.broadcast_to(before.astype(np.float32), traces.shape)
            same(f"recorded weights in {where}", traces, expected, where=taking("sample", "synapse"))
            for name in ("learning_EXC", "learning_INH"):
                values = series(run, name)
                same(f"{name} in {where}", values, np.repeat(values[:, :1], values.shape[1], axis=1))
    require(fired > 20, f"the network fired {fired} spikes only: too few to tell")


@check("plasticity")
def learning_while_off_is_not_paid_out(engine: str) -> None:
    """What a cell would have learned while plasticity was off is not paid out when it is switched on again."""
    drive = [(1, 0, 2, 38, 0.2)]
    with culture(engine, _pair()) as env:
        _watch(env)
        runs = []
        for on in (True, False, True):
            _switch(env, on, POTENTIATING)
            runs.append(env.run(40.0, currents(40.0, *kicks(0, 5, 30), *(drive if not on else []))))
        final = float(env.get_weights().array[0])
    integrals = [series(run, "learning_EXC", 1, "dend") for run in runs]
    on_again = integrals[2] - integrals[2][0] + integrals[1][0]  # as if Λ had stood still meanwhile
    arrivals = np.append(_arrivals(runs[0], 2), 1600 + _arrivals(runs[2], 2))
    w = _followed(arrivals, np.append(integrals[0], on_again), 1e-4, 5.0)[-1]
    close("weight after plasticity was on, off under strong depolarisation, and on again", final, w, rtol=1e-9)


@check("plasticity")
def normalized_weights_are_used(engine: str) -> None:
    """`normalize_weights` meets each cell's sum, keeps ratios, on or off, and synapses act with the new weights."""
    synapses = [Synapse(pre, 3, "AMPA", delay_ms=1.0 + 5 * pre) for pre in range(3)]
    with culture(engine, wired({"EXC": 4}, synapses)) as env:
        env.record_spikes().record("g_AMPA", dt=DT, gids=[3], sections="dend")
        env.set_multipliers([0.5, 1.0, 2.0])
        for on, target in ((False, None), (True, 6.0), (False, 1.5)):
            _switch(env, on)
            before = env.get_weights().array
            after = env.normalize_weights(target).get_weights().array
            total = 3.0 if target is None else target
            close(f"sum of the weights normalised to {total:g}", after.sum(), total, atol=1e-6)
            scaled = before * total / before.sum()
            close("weights after normalisation", after, scaled, rtol=1e-9, where=taking("synapse"))
        env.disable_plasticity()
        run = env.run(40.0, currents(40.0, *kicks(0, 1), *kicks(1, 1), *kicks(2, 1)))
        same("weights after a run with plasticity off", env.get_weights().array, after, where=taking("synapse"))
    ids, times = spikes(run)
    require(sorted(ids.tolist()) == [0, 1, 2], f"one kick into each of the cells 0, 1, 2: spikes of {ids.tolist()}")
    arrivals = steps_of(times, DT) + np.array([40 + 200 * gid for gid in ids.tolist()])
    expected = conductance("AMPA", "EXC", arrivals, WEAK * after[ids], 1600, DT)
    close(
        "conductance through normalised synapses", series(run, "g_AMPA", 3, "dend"), expected,
        rtol=1e-6, atol=1e-9 * WEAK, unit="µS", where=lambda k: f"t = {k * DT:.10g} ms",
    )  # fmt: skip


@check("plasticity")
def multipliers_come_back_as_set(engine: str) -> None:
    """Multipliers come back bit for bit, in key order, survive `clear`, and go to w_init with `reset_weights`."""
    system, stimulus, data = network_a()
    with culture(engine, system, v_init=data["v_init"]) as env:
        n = len(env.get_weights())
        given = np.random.default_rng(3).uniform(0.1, 3.0, n)
        for dt in (DT, 0.05):  # another step sorts connections by other delays
            env.set_multipliers(given)
            same("weights as set", env.get_weights().array, given, where=taking("synapse"))
            env.run(5.0, stimulus=(stimulus[20:25], 1.0, None, "current"), dt=dt)
            same(f"weights after a run at dt = {dt:g} ms, plasticity off", env.get_weights().array, given)
            env.clear()
            same("weights after clear()", env.get_weights().array, given, where=taking("synapse"))
        env.clear(reset_weights=True)
        same("weights after clear(reset_weights=True)", env.get_weights().array, np.ones(n), where=taking("synapse"))
