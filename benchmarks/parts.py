"""The measurements of the performance page: each returns plain data, which report.py makes tables of."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networks
from contestants import CONTESTANTS, Sample, Worker, rounds
from networks import DT, Culture

__all__ = ["HEADLINE", "PARTS", "event_cost", "summary", "times"]

HEADLINE = 100
"""Cells of the network that the bars are for."""

SIZES = {10: (1000.0, 3), 32: (500.0, 3), HEADLINE: (500.0, 5), 316: (100.0, 3), 1000: (100.0, 3)}
"""Cells, all to all: (ms of a sample, samples)."""

LONGEST = 30.0
"""Contestants that would need more seconds for a sample sit out."""

CURRENTS = {"0.05": 0.05, "0.15": 0.15}
"""nA into the somata of unconnected cells."""

INPUTS = 99
CELLS = {100: 1000.0, 316: 500.0, 1000: 200.0, 3162: 100.0, 10000: 50.0}
"""Cells that each have `INPUTS` presynaptic cells: ms of a sample."""

IN_DEGREES = (10, 32, 100, 316, 999)
"""Presynaptic cells of each of 1000 cells."""

Data = dict[str, Any]


@contextlib.contextmanager
def contest() -> Iterator[dict[Any, Worker]]:
    """An empty set of workers, closed in the end whatever happens."""
    workers: dict[Any, Worker] = {}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def summary(samples: list[Sample]) -> Data:
    """Median and range of the real-time factor, and medians of what was simulated."""
    factors = [s["seconds"] / s["duration"] * 1000.0 for s in samples]
    return {
        "factors": factors,
        "factor": statistics.median(factors),
        "seconds": statistics.median(s["seconds"] for s in samples),
        "events": statistics.median(s["events"] for s in samples),
        "rate": {p: statistics.fmean(s["rate"][p] for s in samples) for p in samples[0]["rate"]},
    }


def times(peer: list[float], own: list[float]) -> float:
    """How many times faster than a peer: the median over the turns of peer's time / own."""
    return statistics.median(a / b for a, b in zip(peer, own, strict=True))


def speed(quick: bool, only: list[str]) -> Data:
    """All contestants on the all-to-all network, by its size."""
    sizes = {10: (20.0, 2), HEADLINE: (20.0, 2)} if quick else SIZES
    data: Data = {"sizes": {}, "versions": {}}
    last: dict[str, tuple[int, float]] = {}
    for n, (duration, turns) in sizes.items():
        with tempfile.TemporaryDirectory() as folder, contest() as workers:
            file = networks.all_to_all(n).save(Path(folder) / "network.npz")
            for key in only:
                if key in last and expected(*last[key], n) * duration / 1000.0 > LONGEST:
                    say(f"{n} cells: {CONTESTANTS[key].title} sits out")
                    continue
                say(f"{n} cells: {CONTESTANTS[key].title} sets up")
                workers[key] = Worker(key, file, duration, 20.0 if n > HEADLINE else 100.0)
                data["versions"][key] = workers[key].about["versions"]
            say(f"{n} cells: {turns} turns of {duration:g} ms")
            found = {key: summary(samples) for key, samples in rounds(workers, turns).items()}
            for key, values in found.items():
                values["plastic"] = workers[key].about["plastic"]
                last[key] = n, values["factor"]
        data["sizes"][str(n)] = found | {}
    return data


def expected(n: int, factor: float, larger: int) -> float:
    """The real-time factor of a larger network if the cost grows with the number of synapses: an upper bound."""
    return factor * (larger / n) ** 2


def alike(quick: bool, only: list[str]) -> Data:
    """Spikes of unconnected cells under a current: this package and Brian2."""
    data: Data = {}
    with tempfile.TemporaryDirectory() as folder:
        file = networks.apart().save(Path(folder) / "network.npz")
        for name, current in CURRENTS.items():
            trains = {}
            for key in ("pylivn", "brian-cython"):
                say(f"{current} nA into unconnected cells: {CONTESTANTS[key].title}")
                with Worker(key, file, 500.0, 1.0, current=current) as worker:
                    trains[key] = worker.sample()["trains"]
            data[name] = trains
    return data


def sizes(quick: bool, only: list[str]) -> Data:
    """This package alone: networks of one in-degree."""
    cells = {100: 50.0, 316: 20.0} if quick else CELLS
    cultures = {n: networks.random_inputs(n, INPUTS) for n in cells}
    return alone(cultures, cells, 2 if quick else 5)


def inputs(quick: bool, only: list[str]) -> Data:
    """This package alone: one firing of 1000 cells, more and more events."""
    n, degrees = (100, (10, 99)) if quick else (1000, IN_DEGREES)
    cultures = {k: networks.random_inputs(n, k).without_effect() for k in degrees}
    return alone(cultures, dict.fromkeys(degrees, 20.0 if quick else 200.0), 2 if quick else 5)


def ei4(quick: bool, only: list[str]) -> Data:
    """This package alone: the largest predefined culture, whole and with a tenth of its synapses."""
    whole = networks.predefined("EI2" if quick else "EI4").without_effect()
    cultures = {"a tenth of its synapses": whole.thinned(0.1), "all of its synapses": whole}
    return alone(cultures, dict.fromkeys(cultures, 20.0 if quick else 100.0), 2 if quick else 5)


def alone(cultures: dict[Any, Culture], durations: dict[Any, float], turns: int) -> Data:
    """This package on several cultures, turn and turn about."""
    data: Data = {}
    with tempfile.TemporaryDirectory() as folder, contest() as workers:
        for key, culture in cultures.items():
            say(f"setting up {key}")
            file = culture.save(Path(folder) / "network.npz")
            workers[key] = Worker("pylivn", file, durations[key], 100.0)
        say(f"{turns} turns")
        for key, samples in rounds(workers, turns).items():
            cells = sum(cultures[key].cells.values())
            steps = cells * durations[key] / DT
            data[str(key)] = summary(samples) | {
                "cells": cells,
                "plastic": workers[key].about["plastic"],
                "ns": [s["seconds"] / steps * 1e9 for s in samples],
                "walls": [s["seconds"] for s in samples],
                "delivered": [s["events"] for s in samples],
                "digests": [s["digest"] for s in samples],
            }
    return data


def event_cost(few: Data, many: Data) -> float:
    """ns per event: what more events cost at the same firing; median over the turns.

    Raises:
        ValueError: the two did not fire alike.
    """
    if few["digests"] != many["digests"]:
        raise ValueError("the cost of events needs runs with the same spikes")
    columns = (few["walls"], many["walls"], few["delivered"], many["delivered"])
    return statistics.median((w - v) / (e - d) * 1e9 for v, w, d, e in zip(*columns, strict=True))


def say(what: str) -> None:
    """Progress."""
    print(f"  {what}", flush=True)


PARTS: dict[str, Callable[[bool, list[str]], Data]] = {
    "speed": speed,
    "alike": alike,
    "sizes": sizes,
    "inputs": inputs,
    "ei4": ei4,
}
