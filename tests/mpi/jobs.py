"""What the ranks of a test do: `mpiexec -n 4 python -m tests.mpi.jobs NAME OUT [ARGUMENT]`; rank 0 stores what came."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from livn import Env, RunInterrupted, SimulationDiverged, Stimulus, System, UnsupportedByEngine
from livn.decoding import LFP, MeanFiringRate
from livn.io import MEA
from livn.system import make
from tests.engines.helpers import LIVELY, ring

WORLD = MPI.COMM_WORLD


def culture(system: Any = None, **options: Any) -> Env:
    """A small culture under strong noise that learns, spread over all ranks."""
    env = Env(ring() if system is None else system, engine="neuron", comm=WORLD, **options).init()
    env.set_noise(LIVELY).record_spikes()
    return env.enable_plasticity()


def outcome(env: Env, *runs: Any) -> Any:
    """What the whole culture did, on rank 0."""
    joined = runs[0]
    for run in runs[1:]:
        joined = joined.concat(run)
    return joined.gather(), env.get_weights().gather(), env.w_recs.gather(), env.plasticity_summary()


def learns(argument: str) -> Any:
    """A noisy plastic EI2 for 500 ms, with scaling, and everything recorded."""
    env = Env(make("EI2"), engine="neuron", comm=WORLD).init().apply_default_params()
    env.record_spikes().record_voltage(dt=1.0, sections=["soma", "dend"]).record_membrane_current(dt=5.0)
    env.record("g_AMPA", dt=5.0).record_weights(dt=50.0).enable_plasticity()
    first = env.run(250.0)
    env.normalize_weights()
    return outcome(env, first, env.run(250.0))


def stores(argument: str) -> Any:
    """Half of a run, storage, the other half."""
    env = culture().record_voltage(dt=0.5).record_weights(dt=5.0)
    env.run(40.0)
    env.save(argument)
    return outcome(env, env.run(40.0))


def continues(argument: str) -> Any:
    """The other half of `stores`, on as many ranks as there are."""
    with Env.load(argument, engine="neuron", comm=WORLD) as env:
        return outcome(env, env.run(40.0))


def some_weights(argument: str) -> Any:
    """Weights of some synapses, of which a rank may have none, and of a file, which is refused."""
    env = culture().record_weights(dt=1.0, population="EXC", fraction=0.4)
    env.run(20.0)
    share = env.w_recs.gather()
    env.record_weights(dt=1.0, gids=[3]).run(20.0)
    of_one, told = env.w_recs.gather(), []
    for options in ({"to": argument}, {"gids": [3], "population": "INH"}):
        try:
            env.record_weights(dt=1.0, **options)
        except ValueError as error:
            told.append(str(error))
    return share, of_one, WORLD.gather(told)


def shortest_delays(argument: str) -> Any:
    """Connections of one step: the ranks meet at every step."""
    rng = np.random.default_rng(3)
    n = 12
    pre, post = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n)))
    pre, post = pre[pre != post], post[pre != post]
    edges = {
        "pre": pre, "post": post, "section": ["dend"] * len(pre), "mechanism": ["AMPA"] * len(pre),
        "delay_ms": rng.choice([0.0, 0.025, 0.05, 1.0], len(pre)), "weight": np.full(len(pre), 2.0),
    }  # fmt: skip
    env = culture(System.from_arrays({"EXC": n}, np.zeros((n, 3)), edges))
    first = env.run(40.0)
    return outcome(env, first, env.clear(reseed=False, reset_weights=True).run(40.0))


def shares(argument: str) -> Any:
    """Who holds what."""
    env = culture().record_voltage(dt=1.0)
    run = env.run(5.0)
    network = env._ensure_network()
    mine = {
        "local": env.cells.local_gids.tolist(),
        "simulated": env.simulated_gids().tolist(),
        "active": env.active_gids().tolist(),
        "gids": env.cells.gids.tolist(),
        "weights": np.unique(env.get_weights().synapses.gid).tolist(),
        "voltage": run.voltage_ids.tolist(),
        "connections": network.n_connections,
        "names": env.weight_names,
    }
    return WORLD.gather(mine)


def touched(argument: str) -> Any:
    """Pulses, told spikes and decodings, which are the same on every rank."""
    env = culture(io=MEA([[0, 0.0, 0.0, 40.0], [5, 200.0, 100.0, 40.0]]))
    first = env.run(40.0, Stimulus.biphasic_pulse(2, [0, 1], [60.0, -40.0], pulse_times=[5.0, 20.0]))
    second = env.run(30.0, Stimulus.from_spikes({0: [0.0, 5.0], 7: [0.0, 3.0], 21: [29.975]}))
    rate = env(MeanFiringRate(duration=20.0))
    field = env(LFP(duration=20.0, downsample_hz=1000.0))["lfp"]
    told = WORLD.allgather((rate, field.tobytes()))
    return *outcome(env, first, second), rate, field, told


def settings(argument: str) -> Any:
    """Settings for the whole culture, given alike on every rank, each of which takes its part."""
    env = culture(seed=9)
    env.set_weights({"EXC_EXC": 3.0, "INH_INH": 2.0}).cells.set_params({"EXC:soma.g_pas": np.linspace(9e-5, 2e-4, 20)})
    env.run(20.0)
    whole = WORLD.bcast(env.get_weights().gather())
    env.set_multipliers(np.full(len(env.get_weights()), 2.0))
    env.set_multipliers(whole)
    first = env.get_weights().gather()
    env.set_multipliers(dict.fromkeys(list(whole)[::3], 1.5))
    stimulus = np.random.default_rng(0).normal(0.02, 0.02, (30, 25))
    run = env.run(30.0, stimulus=(stimulus, 1.0, None, "current"))
    targets = {gid: 2.0 + gid for gid in np.unique(whole.synapses.gid).tolist()}
    env.normalize_weights(targets)
    mapped = env.get_weights().gather()
    env.normalize_weights(np.array(list(targets.values())))
    refused = []
    for bad in (np.ones(7), {0: 1.0}, -1.0):
        try:
            env.normalize_weights(bad)
        except ValueError as error:
            refused.append(str(error))
    unknown = False
    try:
        env.set_multipliers({(3, 10_000, "StdpLinExp2Syn"): 1.0})
    except ValueError:
        unknown = len(refused) == 3
    if mapped is not None:
        sums = np.bincount(mapped.synapses.gid, mapped.array)
        np.testing.assert_allclose(sums[list(targets)], list(targets.values()), rtol=0, atol=1e-6)
    return first == whole, WORLD.gather(unknown), outcome(env, run)


def diverges(argument: str) -> Any:
    """A cell of one rank diverges: every rank is told, and can go on after clear()."""
    env = culture()
    stimulus = np.zeros((20, 45))
    stimulus[5:, 2 * 7 + 1] = -1e6
    try:
        env.run(20.0, stimulus=(stimulus, 1.0, None, "current"))
        told = None
    except SimulationDiverged as error:
        told = error.gid, error.section, error.time
    env.clear()
    return WORLD.gather((told, env.run(5.0).duration))


def interrupted(argument: str) -> Any:
    """One rank gets a Ctrl-C: all stop at the same step."""
    env, seen = culture().record_voltage(dt=0.5), []

    def progress(done: float) -> None:
        seen.append(done)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        env.run(100_000.0, progress=progress)
        stopped = None
    except RunInterrupted as error:
        stopped = error.run.duration
    return WORLD.gather((stopped, len(seen), env.run(1.0).t0))


def refuses(argument: str) -> Any:
    """Communicators and ranks that cannot be."""
    part = WORLD.Split(0 if WORLD.rank < 2 else 1, WORLD.rank)
    told = []
    for options in ({"comm": part}, {"comm": WORLD, "subworld_size": 2}, {"comm": WORLD, "engine": "cpu"}):
        try:
            Env(4, **({"engine": "neuron"} | options))
            told.append("")
        except (ValueError, UnsupportedByEngine) as error:
            told.append(f"{type(error).__name__}: {error}")
    alone = Env(3, engine="cpu", comm=MPI.COMM_SELF).init().run(1.0).duration  # a culture of its own on every rank
    return WORLD.gather((told, alone))


def differs(argument: str) -> Any:
    """Ranks that don't make the same calls are told so, before they wait for each other."""
    told = []
    with Env(4, engine="neuron", comm=WORLD, seed=WORLD.rank).init() as env:
        for act in (lambda: env.run(5.0), lambda: env.run(5.0 + WORLD.rank)):
            try:
                act()
            except RuntimeError as error:
                told.append(str(error))
    return WORLD.gather(told)


def stays_alone(argument: str) -> Any:
    """A culture of each rank's own: gather() is of that one, and waits for nobody."""
    with Env(3, engine="cpu").init().record_spikes() as env:
        run = env.run(5.0)
        own = run.gather() is run
        if WORLD.rank == 0:
            own = own and env.run(1.0).gather() is not None
    return WORLD.gather(own)


def warns(argument: str) -> Any:
    """What is the same on all ranks is told by one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env = Env(5, engine="neuron", comm=WORLD).init().enable_plasticity()
        env.normalize_weights()
        env.run(1.0, stimulus=(np.ones((5, 5)), 1.0, None, "current"))
        env.close()
        env = culture()
        env.normalize_weights(1e9)
    return WORLD.gather(sorted({str(w.message) for w in caught}))


def fails(argument: str) -> Any:
    """One rank fails in the user's own code."""
    env = culture()
    env.run(1.0)
    if WORLD.rank == WORLD.size - 1:
        raise OSError("the disk of this rank is full")
    env.run(1000.0)
    time.sleep(600.0)


def main() -> None:
    name, out, *rest = sys.argv[1:]
    job: Callable[[str], Any] = globals()[name]
    result = job(rest[0] if rest else "")
    if WORLD.rank == 0:
        Path(out).write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    main()
