"""The self-test: cultures that NEURON simulated once, simulated again here.

The reference is written by `python tools/record_selftest.py`, with the NEURON engine, which states the dynamics a
second time and is hence an independent witness.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livn.cli.child import ChildError, ask

if TYPE_CHECKING:
    from livn.plasticity import Weights

__all__ = ["REFERENCE", "compare", "load_reference", "selftest", "simulate"]

REFERENCE = Path(__file__).with_name("reference.json")

TOLERANCE = 1e-9
"""Of multipliers, whose changes are some 0.01."""

PATIENCE = 300.0
"""s that may pass; usually it is a few."""


def load_reference(path: Path | None = None) -> dict[str, Any]:
    """What was recorded: `dt` [ms], `seed`, and of each of the `cultures` the `duration` [ms], `gids` and `steps` of
    its spikes, and `weights`, a list of [gid, syn_id, mechanism, multiplier]."""
    document: dict[str, Any] = json.loads((path or REFERENCE).read_text(encoding="utf-8"))
    return document


def simulate(
    name: str,
    duration: float,
    dt: float,
    seed: int,
    keys: list[list[Any]] | None,
    threads: int = 1,
    engine: str = "cpu",
) -> Iterator[dict[str, Any]]:
    """Spikes and multipliers of a culture with noise and plasticity after `duration` ms, from t = 0.

    Args:
        keys: [gid, syn_id, mechanism] of the connections to tell of; None: see `changed_most`.
    """
    from livn import make
    from livn.engine.conformance.compare import spikes, steps_of

    began = time.perf_counter()
    with make(name, engine=engine, seed=seed, threads=threads) as env:
        env.record_spikes().enable_plasticity()
        gids, times = spikes(env.run(duration, dt=dt, progress=False))
        weights = env.get_weights()
    chosen = changed_most(weights) if keys is None else [tuple(key) for key in keys]
    yield {
        "gids": gids.tolist(),
        "steps": steps_of(times, dt).tolist(),
        "weights": [[*key, weights[key]] for key in chosen],
        "seconds": time.perf_counter() - began,
    }


def changed_most(weights: Weights, each: int = 4) -> list[tuple[int, int, str]]:
    """Of each mechanism the keys of the multipliers that are farthest from 1, of different cells, in order."""
    by_change = sorted(weights, key=lambda key: -abs(weights[key] - 1.0))
    chosen: dict[str, dict[int, tuple[int, int, str]]] = {}
    for key in by_change:
        gid, _, mechanism = key
        cells = chosen.setdefault(mechanism, {})
        if len(cells) < each:
            cells.setdefault(gid, key)
    return sorted(key for cells in chosen.values() for key in cells.values())


def compare(got: dict[str, Any], expected: dict[str, Any], dt: float) -> str | None:
    """What differs between what `simulate` gave and the reference: spikes to the step, multipliers beyond 1e-9."""
    import numpy as np

    from livn.engine.conformance.checklist import Failed
    from livn.engine.conformance.compare import close, same_spikes

    def spikes(of: dict[str, Any]) -> tuple[Any, Any]:
        return np.array(of["gids"], np.int64), np.array(of["steps"], np.int64) * dt

    try:
        same_spikes("spikes", spikes(got), spikes(expected), dt)
        ours, theirs = ([w for *_, w in of["weights"]] for of in (got, expected))
        close("weights", ours, theirs, atol=TOLERANCE, where=lambda i: "({}, {}, {!r})".format(*got["weights"][i][:3]))
    except Failed as e:
        return str(e)
    return None


def selftest(threads: int = 1, note: Callable[[str], object] | None = None) -> dict[str, Any]:
    """Simulate the cultures of the reference here: `ok`, `seconds`, and of each of the `cultures` its `duration` [ms],
    `threads`, number of `spikes` and `weights` compared, `seconds`, and `problem`, None if it agrees.

    Args:
        threads: for the largest of the cultures; the others run on one.
        note: see `livn.cli.child.ask`.
    """
    reference = load_reference()
    cultures, began = {}, time.perf_counter()
    for i, (name, expected) in enumerate(reference["cultures"].items(), 1):
        used = threads if i == len(reference["cultures"]) else 1
        culture: dict[str, Any] = {
            "duration": expected["duration"],
            "threads": used,
            "spikes": len(expected["steps"]),
            "weights": len(expected["weights"]),
        }
        task = {"name": name, "duration": expected["duration"], "dt": reference["dt"], "seed": reference["seed"]}
        task |= {"keys": [key for *key, _ in expected["weights"]], "threads": used}
        try:
            (got,) = ask("selftest", note, PATIENCE, **task)
            culture |= {"seconds": got["seconds"], "problem": compare(got, expected, reference["dt"])}
        except ChildError as e:
            culture |= {"seconds": None, "problem": str(e)}
        cultures[name] = culture
    ok = all(culture["problem"] is None for culture in cultures.values())
    return {"ok": ok, "seconds": time.perf_counter() - began, "cultures": cultures}
