"""What livn costs on this machine, as a table: `make bench`, or `python benchmarks/bench.py --only EI2`.

Every measurement runs in a process of its own, one after the other, several times; the table shows medians and ranges.
Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livn import Env

START = "from livn import make; make('EI1').run(100)"
HEAVY = ("numba", "matplotlib", "pandas")  # what `import livn` must not load
DT = 0.025  # ms, the default step

Sample = dict[str, float]


@dataclass(frozen=True)
class Measure:
    """A line of the table: values of one quantity, and the bar it is held to (a dash where there is none).

    Attributes:
        name: what was measured.
        values: one per repetition.
        unit: of the values.
        bar: what they must stay below, or None.
    """

    name: str
    values: list[float]
    unit: str
    bar: float | None = None

    def row(self) -> list[str]:
        """Name, median, range, repetitions, bar and verdict as text."""
        middle, low, high = statistics.median(self.values), min(self.values), max(self.values)
        bar = "-" if self.bar is None else f"< {self.bar:g}"
        verdict = "" if self.bar is None else "ok" if middle < self.bar else "MISSED"
        spread = f"{low:.3g} to {high:.3g}" if len(self.values) > 1 else ""
        return [self.name, f"{middle:.3g}", self.unit, spread, str(len(self.values)), bar, verdict]


# In a process of its own: functions that measure, and return numbers


def import_cost() -> Sample:
    """Time of `import livn`, and how many heavy packages it loaded."""
    began = time.perf_counter()
    import livn  # noqa: F401

    return {"seconds": time.perf_counter() - began, "heavy": sum(name in sys.modules for name in HEAVY)}


def building(system: str) -> Sample:
    """Time and memory of `make`, and of the calls that go over all weights."""
    from livn import make

    began = time.perf_counter()
    env = make(system)
    sample = {"make": time.perf_counter() - began, "peak": peak_gib()}
    env.enable_plasticity()
    env.run(50.0)  # so that weights differ
    sample["connection"] = connection_bytes(env)
    began = time.perf_counter()
    weights = env.get_weights()
    sample["get_weights"] = time.perf_counter() - began
    began = time.perf_counter()
    env.normalize_weights()
    sample |= {"normalize_weights": time.perf_counter() - began, "plastic": len(weights), "peak_run": peak_gib()}
    return sample


def speed(system: str, duration: float, threads: int, precision: str = "double") -> Sample:
    """Real-time factor of a plastic run, and what it is made of."""
    from livn import make

    return timed(make(system, threads=threads, precision=precision).enable_plasticity(), duration)


def membranes(population: str, duration: float) -> Sample:
    """As `speed`, of unconnected cells without noise or learning, on one thread."""
    from livn import Env

    return timed(Env({population: 1024}, threads=1).init(), duration)


def pieces(system: str, duration: float, rounds: int) -> dict[str, list[float]]:
    """Time of `duration` ms in pieces, their spikes read each time, as a multiple of that of one run, turn about."""
    import numpy as np

    from livn import make

    env = make(system, threads=1).enable_plasticity().record_spikes()
    # nA, a row per ms: the same activity, but it must be carried
    silence = (np.zeros((10, env.system.num_neurons)), 1.0, None, "current")

    def timed_in(piece: float, stimulus: Any = None) -> float:
        began = time.perf_counter()
        for _ in range(round(duration / piece)):
            run = env.run(piece, stimulus)
            _ = run.spike_times, run.spike_ids
        return time.perf_counter() - began

    env.run(200.0)  # compiled and under way
    ways: dict[str, tuple[float, Any]] = {"10 ms": (10.0, None), "1 ms": (1.0, None), "stimulus": (10.0, silence)}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        whole = timed_in(duration)
        for name, way in ways.items():
            samples[name].append(timed_in(*way) / whole)
    return samples


def loop(system: str, steps: int) -> list[float]:
    """Wall time of closed-loop steps of 10 ms, ms: a pulse chosen by the last spikes, a plastic run, a decoding."""
    from livn import make
    from livn.decoding import ChannelRecording, Pipe
    from livn.encoding import ElectrodeStimulus

    env = make(system, threads=1).enable_plasticity()
    recording = ChannelRecording(voltages=False, membrane_currents=False)
    listen = Pipe([recording, lambda heard, env: len(heard[1][5])], duration=10.0)
    touch, samples, spikes = ElectrodeStimulus(channel=5), [], 0
    for _ in range(steps + 20):
        began = time.perf_counter()
        spikes = env(listen, max(0.0, 40.0 - 5.0 * spikes), touch)
        samples.append(1e3 * (time.perf_counter() - began))
    return samples[20:]  # compiled and under way


def connection_bytes(env: Env) -> float:
    """Bytes that the engine holds for a plastic connection: all that is not by cell."""
    engine = env._engine()
    arrays = [a for a in vars(engine._connections).values() if hasattr(a, "nbytes")]
    return sum(a.nbytes for a in (*arrays, *engine._queues)) / len(env.get_weights())


def timed(env: Env, duration: float) -> Sample:
    """Real-time factor (wall over model time), ns per compartment-step and mean rate, Hz, of a run of `duration` ms."""
    env.record_spikes()
    env.run(min(duration, 100.0))  # compiled and under way
    began = time.perf_counter()
    run = env.run(duration)
    seconds = time.perf_counter() - began
    compartments = sum({"EXC": 2, "INH": 1}[p] * n for p, (_, n) in env.system.population_ranges.items())
    return {
        "factor": seconds / (duration / 1000.0),
        "ns": seconds * 1e9 / (compartments * duration / DT),
        "rate": len(run.spike_times) / env.system.num_neurons / (duration / 1000.0),
    }


CHILDREN: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (import_cost, building, speed, membranes, pieces, loop)
}


def peak_gib() -> float:
    """The most memory that this process has held so far, GiB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    per_gib = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_gib


# In the parent


def child(
    function: str, cache: str | None = None, extra: Mapping[str, str] = MappingProxyType({}), **arguments: Any
) -> Any:
    """Run one of `CHILDREN` in a new process, with `extra` in its environment."""
    command = [sys.executable, __file__, "--child", function, json.dumps(arguments)]
    done = subprocess.run(command, env=environment(cache) | extra, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function}({arguments}) failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def wall(code: str, cache: str | None = None) -> float:
    """Seconds that `python -c code` takes, start of the interpreter included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment(cache), capture_output=True, check=True)
    return time.perf_counter() - began


def environment(cache: str | None) -> dict[str, str]:
    """This one, without what would change livn's behaviour, and with another cache if asked for."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("LIVN_") or k == "LIVN_CACHE_DIR"}
    return keep if cache is None else keep | {"LIVN_CACHE_DIR": cache}


def start_up(runs: int) -> Iterator[Measure]:
    """Imports and first results, with a cache and without."""
    imports = [child("import_cost") for _ in range(runs)]
    yield Measure("import livn", [s["seconds"] for s in imports], "s", 0.4)
    yield Measure(f"  of {', '.join(HEAVY)} loaded", [s["heavy"] for s in imports], "", 1)
    wall(START)
    yield Measure("start to first 100 ms of EI1", [wall(START) for _ in range(runs)], "s", 2.5)
    cold = []
    for _ in range(min(runs, 3)):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(wall(START, cache))
    yield Measure("  the same, nothing compiled yet", cold, "s", 25)


def large(runs: int) -> Iterator[Measure]:
    """Building the largest culture, and the calls that go over all its weights."""
    with tempfile.TemporaryDirectory() as cache:
        wall(START, cache)  # compile
        cold = [child("building", cache, system="EI4")]
    warm = [child("building", system="EI4") for _ in range(runs)]
    yield Measure("EI4: make, to be generated", [s["make"] for s in cold], "s", 30)
    yield Measure("EI4: make, from the cache", [s["make"] for s in warm], "s", 30)
    yield Measure("  peak memory of make, generating", [s["peak"] for s in cold], "GiB", 2)
    yield Measure("  peak memory of make, from the cache", [s["peak"] for s in warm], "GiB", 2)
    yield Measure("  peak memory with a plastic run", [s["peak_run"] for s in warm], "GiB")
    yield Measure("  in the engine, per plastic connection", [s["connection"] for s in warm[:1]], "B", 40)
    yield Measure("EI4: get_weights()", [s["get_weights"] for s in warm], "s", 0.3)
    yield Measure("EI4: normalize_weights()", [s["normalize_weights"] for s in warm], "s", 0.5)
    yield Measure("EI4: plastic connections", [s["plastic"] for s in warm[:1]], "")


def speeds(system: str, duration: float, *bars: float | None) -> Callable[[int], Iterator[Measure]]:
    """Plastic runs of a culture with as many threads, one by one, as bars of the real-time factor are given."""

    def measure(runs: int) -> Iterator[Measure]:
        alone: list[float] = []
        for threads, bar in enumerate(bars, 1):
            samples = [child("speed", system=system, duration=duration, threads=threads) for _ in range(runs)]
            title = f"{system}, plastic, {threads} thread{'s' * (threads > 1)}"
            factors = [s["factor"] for s in samples]
            yield Measure(f"{title}: real-time factor", factors, "", bar)
            if threads == 1:
                alone = factors
                large = system in ("EI3", "EI4")
                yield Measure("  time per compartment-step", [s["ns"] for s in samples], "ns", 12 if large else None)
                yield Measure("  mean rate", [s["rate"] for s in samples], "Hz")
            else:
                shares = [two / one for one, two in zip(alone, factors, strict=True)]
                yield Measure("  of the time of one thread", shares, "", 1 / 1.7)

    return measure


def single_precision(runs: int) -> Iterator[Measure]:
    """What it gains, turn and turn about with double precision."""
    for system, duration in (("EI2", 2000.0), ("EI3", 500.0), ("EI4", 200.0)):
        factors, shares = [], []
        for _ in range(runs):
            double, single = (
                child("speed", system=system, duration=duration, threads=1, precision=precision)["factor"]
                for precision in ("double", "single")
            )
            factors.append(single)
            shares.append(single / double)
        yield Measure(f"{system}, plastic, 1 thread, single precision: factor", factors, "")
        yield Measure("  of the time of double precision", shares, "", 1 / 1.6 if system == "EI3" else None)


OLDER = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+movbe,+f16c",
}
"""What makes Numba compile for a CPU without AVX-512."""


def avx2(runs: int) -> Iterator[Measure]:
    """EI3 as on a CPU that has AVX2 only."""
    if platform.machine() in ("x86_64", "AMD64"):
        samples = [child("speed", extra=OLDER, system="EI3", duration=500.0, threads=1) for _ in range(runs)]
        yield Measure("EI3, plastic, 1 thread, AVX2 only: factor", [s["factor"] for s in samples], "")
        yield Measure("  time per compartment-step", [s["ns"] for s in samples], "ns", 22)


def cells_alone(runs: int) -> Iterator[Measure]:
    """Unconnected cells without noise: the membrane alone."""
    for population in ("EXC", "INH"):
        samples = [child("membranes", population=population, duration=200.0) for _ in range(runs)]
        yield Measure(f"{population} alone, time per compartment-step", [s["ns"] for s in samples], "ns")


def closed_loops(runs: int) -> Iterator[Measure]:
    """What it costs to look at the spikes, and to stimulate, all the time."""
    samples = child("pieces", system="EI2", duration=500.0, rounds=runs)
    yield Measure("EI2, plastic, in 10 ms pieces / one run", samples["10 ms"], "", 1.25)
    yield Measure("  in 1 ms pieces", samples["1 ms"], "")
    yield Measure("  in 10 ms pieces with a stimulus array each", samples["stimulus"], "")
    steps = [sorted(child("loop", system="EI2", steps=1000)) for _ in range(runs)]
    yield Measure("EI2, plastic, closed-loop step of 10 ms: median", [s[500] for s in steps], "ms", 2)
    yield Measure("  99th percentile of 1000", [s[990] for s in steps], "ms", 5)


GROUPS: dict[str, Callable[[int], Iterator[Measure]]] = {
    "start": start_up,
    "large": large,
    "EI1": speeds("EI1", 5000.0, None),
    "EI2": speeds("EI2", 2000.0, 1.0),
    "EI3": speeds("EI3", 500.0, None, 0.6),
    "EI4": speeds("EI4", 200.0, None, 6.0),
    "single": single_precision,
    "avx2": avx2,
    "cells": cells_alone,
    "loops": closed_loops,
}


def machine() -> str:
    """What the numbers belong to."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    versions = "import livn, numba, numpy; print(livn.__version__, numba.__version__, numpy.__version__)"
    out = subprocess.run([sys.executable, "-c", versions], capture_output=True, text=True, check=True).stdout.split()
    parts = zip(("livn", "Numba", "NumPy"), out, strict=True)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, " + ", ".join(
        f"{package} {version}" for package, version in parts
    )


def warn_if_busy() -> None:
    """Say so if something else is running."""
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print(f"The machine is busy (load {os.getloadavg()[0]:.1f}): expect worse numbers than it can reach.")


def main(description: str, groups: dict[str, Callable[[int], Iterator[Measure]]], children: dict[str, Any]) -> None:
    """The command line of a benchmark: the table of its groups, or, in a process of its own, one of its children."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="repetitions of a measurement (default 5)")
    parser.add_argument("--only", nargs="+", choices=list(groups), default=list(groups), help="parts of the table")
    parser.add_argument("--child", nargs=2, metavar=("FUNCTION", "ARGUMENTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        function, arguments = options.child
        result = children[function](**json.loads(arguments))
        if result is not None:  # of MPI ranks, one has it
            print(json.dumps(result), flush=True)
        return
    print(machine())
    warn_if_busy()
    layout = "{:<46}{:>9} {:<4} {:>20} {:>4}  {:>7}  {}"
    print(layout.format("", "median", "", "range", "runs", "bar", "").rstrip())
    for name in options.only:
        for measure in groups[name](options.runs):
            print(layout.format(*measure.row()).rstrip(), flush=True)


if __name__ == "__main__":
    main(__doc__, GROUPS, CHILDREN)
