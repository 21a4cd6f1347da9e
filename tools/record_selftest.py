"""Write the reference of the self-test of `livn doctor`: `python tools/record_selftest.py`.

The NEURON engine simulates two cultures with noise and plasticity; the cpu engine must give the same spikes, on one
thread and on two, and the same weights. To be run again whenever the equations, the predefined cultures or their
default parameters change; `--check` compares only.

How much room there is until a spike falls on another step is seen from a start that is a little off: with all
potentials 0.001 mV higher, spikes are still the same.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib import metadata
from typing import Any

import livn
from livn.cli.checkup.selftest import REFERENCE, compare, load_reference, simulate

DT, SEED = 0.025, 123
DURATIONS = {"EI1": 2000.0, "EI2": 1000.0}
"""ms: enough for spikes of most cells, and for weights to change by some hundredths."""

OFFSET = 1e-3
"""mV."""


def witness(name: str, duration: float) -> dict[str, Any]:
    """What NEURON says of a culture."""
    (told,) = simulate(name, duration, DT, SEED, None, engine="neuron")
    return {"duration": duration, **{part: told[part] for part in ("gids", "steps", "weights")}}


def check(name: str, expected: dict[str, Any]) -> list[str]:
    """In what the cpu engine differs from NEURON, in words."""
    keys = [key for *key, _ in expected["weights"]]
    faults, spikes, fired = [], len(expected["steps"]), len(set(expected["gids"]))
    for threads in (1, 2):
        (got,) = simulate(name, expected["duration"], DT, SEED, keys, threads=threads)
        problem = compare(got, expected, DT)
        worst = max(abs(a[-1] - b[-1]) for a, b in zip(got["weights"], expected["weights"], strict=True))
        print(f"{name}, {threads} thread(s): {spikes} spikes of {fired} cells, weights within {worst:.0e}", flush=True)
        faults += [f"{name} on {threads} threads: {problem}"] if problem else []
    if room(name, 0.0, expected) != room(name, OFFSET, expected):
        faults.append(f"{name}: a start {OFFSET:g} mV off moves a spike: choose another seed or duration")
    return faults


def room(name: str, offset: float, expected: dict[str, Any]) -> list[tuple[int, float]]:
    """The spikes of a culture that starts from -65 mV and an offset."""
    with livn.make(name, seed=SEED) as env:
        env.record_spikes().enable_plasticity()
        env.v_init = -65.0 + offset
        run = env.run(expected["duration"], dt=DT)
    return list(zip(run.spike_ids.tolist(), run.spike_times.tolist(), strict=True))


def text_of(document: dict[str, Any]) -> str:
    """JSON, each list of plain values in a line."""
    text = json.dumps(document, indent=1)
    return (
        re.sub(r"\[[^\[\]{}]+\]", lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
        + "\n"
    )


def main() -> int:
    """Record, or check what was recorded; 1 if the engines disagree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with what was recorded, write nothing")
    options = parser.parse_args()
    cultures = {name: witness(name, duration) for name, duration in DURATIONS.items()}
    faults = [fault for name, expected in cultures.items() for fault in check(name, expected)]
    if options.check:
        known = load_reference()["cultures"]
        for name, expected in cultures.items():
            problem = compare(expected, known[name], DT)
            faults += [f"{name}: NEURON differs from what was recorded: {problem}"] if problem else []
    print("\n".join(faults) or "The engines agree.")
    if faults:
        return 1
    if not options.check:
        about = (
            "Spikes (gids, and steps of dt ms) and multipliers [gid, syn_id, mechanism, w] of cultures with noise and "
            "plasticity, simulated by NEURON; written by tools/record_selftest.py for the self-test of `livn doctor`."
        )
        versions = {"livn": livn.__version__, "neuron": metadata.version("neuron")}
        document = {"about": about, "versions": versions, "dt": DT, "seed": SEED, "cultures": cultures}
        REFERENCE.write_text(text_of(document), encoding="utf-8")
        print(f"written: {REFERENCE} ({REFERENCE.stat().st_size} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
