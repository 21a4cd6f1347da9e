"""Whether engines work: each simulates a cell, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from livn.cli.child import ChildError, ask

__all__ = ["engine", "try_engine"]

DURATION = 20.0
"""ms that the cell is simulated for."""

CURRENT = 0.5
"""nA into its soma, which make it fire."""

PATIENCE = 600.0
"""s that may pass, compilation included."""


def try_engine(name: str) -> Iterator[dict[str, Any]]:
    """Build a cell on an engine, compiling what is not compiled yet, and let it fire.

    Raises:
        ImportError: the engine is not installed; says what to install.
        RuntimeError: the cell does not fire.
    """
    import numpy as np

    from livn import Env, Stimulus

    began = time.perf_counter()
    with Env(1, engine=name).init() as env:
        built = time.perf_counter()
        env.record_spikes()
        spikes = env.run(DURATION, Stimulus.from_current(np.full((1, 1), CURRENT), dt=DURATION)).spike_times
        ran = time.perf_counter()
    if spikes is None or not len(spikes):
        raise RuntimeError(f"a cell under a current of {CURRENT:g} nA for {DURATION:g} ms did not fire")
    answer = {"build_s": built - began, "run_s": ran - built, "spikes": len(spikes)}
    yield answer | ({"vectors": vectors()} if name == "cpu" else {})


def vectors() -> dict[str, Any]:
    """Width of the registers that the cpu engine computes in: `bits`, and the instruction set's `name`."""
    import platform

    from livn.engine.cpu import lanes

    features = lanes.cpu_features()
    if lanes.AVX512:
        return {"bits": 512, "name": "AVX-512"}
    if "+avx2" in features or "+avx" in features:
        return {"bits": 256, "name": "AVX2" if "+avx2" in features else "AVX"}
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return {"bits": 128, "name": "NEON" if arm else "SSE2"}


def engine(name: str, note: Callable[[str], object] | None = None) -> dict[str, Any]:
    """`usable`, with what `try_engine` found and whether it was `compiled` now; else `problem`, and if it `crashed`."""
    notes: list[str] = []

    def heard(line: str) -> None:
        notes.append(line)
        if note is not None:
            note(line)

    try:
        (answer,) = ask("engine", heard, PATIENCE, name=name)
    except ChildError as e:
        return {"usable": False, "problem": str(e), "crashed": e.crashed}
    return {"usable": True, "compiled": bool(notes), **answer}
