"""What `livn bench` does in a process of its own per system: simulate, look at the clock, and at the memory."""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import Env, System, make
from livn.cli.checkup.engines import vectors
from livn.env.culture import DEFAULT_DT
from livn.system import PREDEFINED, predefined

if TYPE_CHECKING:
    from livn.run import Events

__all__ = ["event_cost", "measure", "peak_memory", "prepare", "resident_memory", "spread", "thinned"]

TARGET = 0.4
"""s that a timed run should last, where the duration is not given."""

LONGEST = 20_000.0
"""ms of model time that such a run lasts at most."""

WARM_UP = 100.0
"""ms."""

DRIVEN = {"g_e0": 0.01, "std_e": 0.005, "g_i0": 0.004, "std_i": 0.002, "tau_e": 3.0, "tau_i": 10.0}
"""Noise that makes cells fire at some 100 Hz whatever they are connected to."""

KEPT = 10
"""One of so many synapses is kept in the culture that events are compared with."""

LEAST = 0.02
"""Share of the wall time that events must have for their cost to be told."""

MANY_SYNAPSES = 50_000
"""From so many on, memory per synapse says something of synapses."""

Sample = tuple[float, float, int]
"""A timed run: wall time [s], synaptic events, and a number that stands for its spikes."""


def prepare(systems: list[str], engine: str | None, precision: str) -> Iterator[dict[str, Any]]:
    """Compile and generate what is not there yet, so that nothing of it is measured; the name of the `engine` and, for
    the cpu engine, its `vectors`.

    Raises:
        ImportError, ValueError, UnsupportedByEngine: an engine that cannot be used so.
    """
    with Env(1, engine=engine, precision=precision).init() as env:
        name = env.engine
    for system in systems:
        if system in PREDEFINED:
            with contextlib.suppress(OSError):  # no cache: it is then generated in memory
                predefined(system)
    yield {"engine": name, "vectors": vectors() if name == "cpu" else None}


def measure(
    system: str,
    engine: str | None,
    precision: str,
    plasticity: bool,
    threads: int | None,
    duration: float | None,
    repeat: int,
) -> Iterator[dict[str, Any]]:
    """Measure one system: `{"doing": what, "done": share}` again and again, at last `{"result": ...}`.

    Args:
        system, engine, precision, threads: of `make`.
        plasticity: whether the culture learns.
        duration: of a timed run, ms; None: as long as lasts about `TARGET` s.
        repeat: timed runs.
    """
    options: dict[str, Any] = {"engine": engine, "precision": precision, "threads": threads}
    with make("EI1", engine=engine, precision=precision) as warm:  # what all cultures share is in memory then
        warm.enable_plasticity().run(1.0, progress=False)
        warm.get_weights()
    before = resident_memory()
    yield {"doing": f"{system}: building", "done": 0.0}
    with contextlib.ExitStack() as open_envs:
        env = open_envs.enter_context(make(system, **options))
        if plasticity:
            env.enable_plasticity()
        env.record_spikes()
        length = duration or fitting(env)
        timed(env, min(length, WARM_UP))
        compartments = len(env.recording_coordinates())
        wired: Any = env.system
        synapses = len(wired.synapses.pre)
        walls, spikes = [], 0
        for i in range(repeat):
            yield {"doing": f"{system}: run {i + 1} of {repeat}", "done": i / (3 * repeat)}
            wall, events = timed(env, length)
            walls.append(wall)
            spikes += len(events.ids)
        result = {
            "system": system,
            "cells": env.system.num_neurons,
            "compartments": compartments,
            "synapses": synapses,
            "plastic_synapses": len(env.get_weights()),
            "threads": env.threads,
            "duration_ms": length,
            "rate_hz": spikes / env.system.num_neurons / (repeat * length / 1000.0),
            "real_time_factor": spread([wall / (length / 1000.0) for wall in walls]),
            "ns_per_compartment_step": spread([wall * 1e9 / (compartments * length / DEFAULT_DT) for wall in walls]),
            "memory": memory(before, synapses),
        }
        pair: tuple[list[Sample], list[Sample]] = ([], [])
        if synapses:
            for step in _event_runs(open_envs, env, options, plasticity, duration, repeat, pair):
                yield {"doing": f"{system}: events, run {step + 1} of {2 * repeat}", "done": (1 + step / repeat) / 3}
        yield {"result": result | {"ns_per_event": event_cost(*pair)}}


def _event_runs(
    open_envs: contextlib.ExitStack,
    env: Env,
    options: dict[str, Any],
    plasticity: bool,
    duration: float | None,
    repeat: int,
    pair: tuple[list[Sample], list[Sample]],
) -> Iterator[int]:
    """Time the culture with few of its synapses and with all of them, driven so that it fires alike; yields before each
    run, and fills `pair`."""
    whole: Any = env.system
    few = thinned(whole)
    length = duration or fitting(driven(env))
    if env.engine == "neuron":  # which holds one simulation per process: one after the other
        for k in range(2):
            if k == 1:
                env.close()
                env = open_envs.enter_context(make(few, **options)).record_spikes()
            turns = _turns(env, plasticity, length)
            for i in range(repeat):
                yield k * repeat + i
                pair[1 - k].append(next(turns))
        return
    sparse = open_envs.enter_context(make(few, **options)).record_spikes()
    both = [_turns(sparse, plasticity, length), _turns(env, plasticity, length)]
    for i in range(repeat):
        for k in range(2):
            yield 2 * i + k
            pair[k].append(next(both[k]))


def _turns(env: Env, plasticity: bool, length: float) -> Iterator[Sample]:
    """Timed runs of a driven culture from t = 0 on, one at a time."""
    env.clear(reseed=False, reset_weights=True)
    if plasticity:
        env.enable_plasticity()
    driven(env)
    system: Any = env.system
    degree = np.bincount(system.synapses.pre, minlength=system.num_neurons)
    timed(env, min(length, WARM_UP))
    while True:
        wall, spikes = timed(env, length)
        order = hash((spikes.ids.tobytes(), spikes.times.tobytes()))
        yield wall, float(degree[spikes.ids].sum()), order


def driven(env: Env) -> Env:
    """The culture without the effect of its synapses, under strong noise: it fires alike, whatever its synapses."""
    if env.weight_names:
        env.set_weights(dict.fromkeys(env.weight_names, 0.0))
    return env.set_noise(DRIVEN)


def thinned(system: System, kept: int = KEPT) -> System:
    """The same cells with one of `kept` synapses, at least one of each receptor that a compartment had: so that a step
    costs the same, and only events are fewer."""
    edges = system.edges
    rank = edges.groupby(["post", "section", "mechanism"], observed=True).cumcount()
    columns = ["pre", "post", "section", "mechanism", "delay_ms", "weight", "g_unit_uS", "syn_id"]
    fewer = edges.loc[rank % kept == 0, columns].reset_index(drop=True)
    return System.from_arrays(system.population_counts, system.neuron_coordinates[:, 1:], fewer, name=system.name)


def timed(env: Env, length: float) -> tuple[float, Events]:
    """(wall time [s], spikes) of a run of `length` ms."""
    began = time.perf_counter()
    run = env.run(length, progress=False)
    wall = time.perf_counter() - began
    spikes: Any = run["spikes"]
    return wall, spikes


def fitting(env: Env) -> float:
    """How many ms to simulate for about `TARGET` s: 1, 2 or 5 times a power of ten."""
    length = 20.0
    while True:
        wall, _ = timed(env, length)
        if wall > TARGET / 8 or length >= LONGEST / 4:
            break
        length *= 4.0
    wanted = min(max(length * TARGET / wall, 10.0), LONGEST)
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(f * power for f in (1, 2, 5, 10) if f * power <= 1.5 * wanted))


def event_cost(few: list[Sample], many: list[Sample]) -> dict[str, Any] | None:
    """ns per synaptic event: what more events cost at the same firing, turn by turn; None without synapses.

    `share` is the part of the wall time that more events take, and `told` says whether it is enough, and alike enough
    in all turns, to be told from chance: hardly a turn may say that events cost nothing.

    Raises:
        RuntimeError: the two did not fire alike.
    """
    if not many or sum(events for _, events, _ in many) <= sum(events for _, events, _ in few):
        return None
    if [spikes for *_, spikes in few] != [spikes for *_, spikes in many]:
        raise RuntimeError("the runs that events are measured by did not fire alike")
    more = [(w - v, e - d) for (v, d, _), (w, e, _) in zip(few, many, strict=True)]
    share = statistics.median(wall / w for (wall, _), (w, _, _) in zip(more, many, strict=True))
    costs = [wall / events * 1e9 for wall, events in more if events]
    middle = statistics.median(costs)
    scatter = statistics.median(abs(cost - middle) for cost in costs)
    free = sum(cost <= 0.0 for cost in costs)
    told = share >= LEAST and scatter <= middle / 2 and free <= len(costs) // 10
    return spread(costs) | {"share": share, "told": bool(told)}


def spread(values: list[float]) -> dict[str, Any]:
    """Median, extremes and all of some values."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "values": values}


def memory(before: int | None, synapses: int) -> dict[str, Any]:
    """What this process holds, bytes: `peak` so far, `culture`, more than `before` there was one, and that
    `per_synapse`, where these are what fills it; None where the system does not tell."""
    now = resident_memory()
    culture = None if now is None or before is None else max(0, now - before)
    per_synapse = None if culture is None or synapses < MANY_SYNAPSES else culture / synapses
    return {"peak": peak_memory(), "culture": culture, "per_synapse": per_synapse}


def resident_memory() -> int | None:
    """Bytes of memory that this process holds now (on macOS: has held at most), None where the system does not tell."""
    if sys.platform == "linux":
        return _status("VmRSS")
    return peak_memory()


def peak_memory() -> int | None:
    """Bytes of memory that this process has held at most, None where the system does not tell."""
    if sys.platform == "linux":  # getrusage would tell of the parent's, if that is larger
        return _status("VmHWM")
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def _status(name: str) -> int | None:
    """A figure of the kernel's about this process, bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    return None
