"""A small culture that fires and learns, and what "nothing changed" means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np

from livn import Env, System, make
from livn.env import storage
from livn.io import MEA
from livn.plasticity import WeightTraces

T = TypeVar("T")

STRONG = {"A_ltd": 0.2}
"""Plasticity that moves weights within milliseconds."""
LIVELY = {"g_e0": 0.003, "std_e": 0.0015}
"""Background, µS, that makes every cell fire tens of times a second."""


def small_system(name: str = "small", weight: float = 1.0) -> System:
    """4 EXC (0-3) and 2 INH (4-5), everyone onto everyone, through all receptors."""
    rows = []
    for post in range(6):
        for pre in range(6):
            if pre == post:
                continue
            kinds = [("AMPA", "dend"), ("NMDA", "dend")] if pre < 4 else [("GABA_A", "soma"), ("GABA_B", "dend")]
            rows += [(pre, post, section, kind, 1.0 + 0.1 * pre, weight) for kind, section in kinds]
    names = ("pre", "post", "section", "mechanism", "delay_ms", "weight")
    edges = dict(zip(names, zip(*rows, strict=True), strict=True))
    return System.from_arrays({"EXC": 4, "INH": 2}, np.arange(18.0).reshape(6, 3) * 10, edges, name=name)


def lively(engine: str, **options: Any) -> Env:
    """The small culture under a background that makes it fire."""
    return make(small_system(), engine=engine, **options).set_noise(LIVELY)


def outcome(env: Env, act: Callable[[Env], T]) -> T:
    """What `act` returns of a culture, which is closed then: NEURON holds one at a time, so that two are compared by
    what each of them left."""
    with env:
        return act(env)


def state_of(env: Env) -> dict[str, Any]:
    """All that `save` stores: two envs with equal states go on bit for bit alike."""
    kept: dict[str, Any] = {}

    def keep(path: object, arrays: dict[str, np.ndarray], meta: dict[str, Any], kind: str) -> None:
        kept.update({f"array {name}": np.array(a) for name, a in arrays.items()}, meta=repr(meta))

    with patch.object(storage, "write_arrays", keep):
        env.save("nowhere")
    return kept


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Names of what differs between two states."""
    odd = sorted(a.keys() ^ b.keys())
    for name in a.keys() & b.keys():
        x, y = a[name], b[name]
        same = x == y if isinstance(x, str) else np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        odd += [] if same else [name if not isinstance(x, str) else f"{name}: {x} != {y}"]
    return odd


ELECTRODES = [[0, 20.0, 30.0, 40.0], [7, 150.0, 160.0, 170.0]]
"""Two electrodes among the cells of the small culture, µm."""


def busy(engine: str) -> Env:
    """A culture on electrodes with spikes in flight, learned weights and changed parameters, everything recorded."""
    env = lively(engine, seed=5, io=MEA(ELECTRODES))
    env.set_weights({"EXC_EXC": 1.5}).cells.set_params({"EXC:soma.g_pas": 1.1e-4})
    env.record_spikes().record_voltage(dt=0.1).record_membrane_current("EXC", dt=0.5).record_weights(dt=0.5)
    env.enable_plasticity(STRONG)
    env.run(30.0)
    return env


class Twins:
    """Two cultures with the same past: one is asked nonsense, the other is not, and they must stay alike."""

    def __init__(self) -> None:
        self.fresh()

    def fresh(self) -> None:
        """Start anew."""
        self.asked, self.spared = busy("cpu"), busy("cpu")

    def check(self) -> None:
        """Both have the same state, and go on alike."""
        try:
            self._check()
        except BaseException:
            self.fresh()  # so that the next test starts from equals
            raise

    def _check(self) -> None:
        assert not differences(state_of(self.asked), state_of(self.spared))
        assert self.asked.w_recs == self.spared.w_recs
        assert self.asked.run(0.5) == self.spared.run(0.5)
        assert not differences(state_of(self.asked), state_of(self.spared))


def trained(env: Env, *durations: float) -> WeightTraces:
    """The culture after some runs of strong learning."""
    env.enable_plasticity(STRONG)
    for duration in durations:
        env.run(duration)
    return env.w_recs
