"""Engines that are wrong in one way each: the conformance checks must tell.

Four faults live in one compiled kernel, told apart by a number behind the table of modes, so that it compiles once; its
text holds all that differs from the right one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from livn.engine.base import Advance
from livn.engine.cpu import events
from livn.engine.cpu.codegen import kernel_source
from livn.engine.cpu.engine import CpuEngine
from livn.engine.cpu.kernel import load_kernel

KAPPA, INCREMENT, LATE, UNPAID = 1, 2, 3, 4


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the kernel no longer holds {old!r}"
    return text.replace(old, new)


def late_deliver() -> str:
    """The engine's own `deliver`, but that the fault LATE opens the conductance with the weight before its update."""
    text = _replaced(inspect.getsource(events.deliver.py_func), " w = links[c]", " before = w = links[c]")
    text = _replaced(text, "g *= w", f"g *= before if mode[mode.size - 1] == {LATE} else w")
    names = ", ".join(n for n in events.deliver.py_func.__code__.co_names if n in vars(events))
    return f"from livn.engine.cpu.events import {names}\n\n\n{text}"


def faulty_source(source: str) -> str:
    """The text of the kernel with all faults in it, none of them on."""
    text = _replaced(source, "import deliver, gather,", "import gather,")
    text = _replaced(
        text, "\n\n\n@nb.njit(**KERNEL)\ndef sample(", f"\n{late_deliver()}\n\n@nb.njit(**KERNEL)\ndef sample("
    )
    text = _replaced(text, "if rule_on:", f"fault = mode[mode.size - 1]\n            if rule_on or fault == {UNPAID}:")
    factor = f"(1.1 if fault == {KAPPA} else 0.025 / dt if fault == {INCREMENT} else 1.0)"
    return _replaced(text, ", driven, fade_", f", driven * {factor}, fade_")


class Faulty(CpuEngine):
    """The cpu engine on the faulty kernel."""

    name = "faulty"
    fault = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._modes = np.pad(self._modes, ((0, 0), (0, 1)), constant_values=self.fault)

    def _load_kernel(self) -> Callable[..., None]:
        return load_kernel(self.layouts, faulty_source(kernel_source(self.layouts)))


class WrongKappa(Faulty):
    """Learns at 1.1 times the rate κ."""

    name, fault = "wrong_kappa", KAPPA


class IncrementPerStep(Faulty):
    """Adds a fixed increment per step to the learning signal, right at 0.025 ms only."""

    name, fault = "increment_per_step", INCREMENT


class LateWeights(Faulty):
    """Opens the conductance, and then updates the weight."""

    name, fault = "late_weights", LATE


class LearnsWhileOff(Faulty):
    """The learning integral goes on while plasticity is off, and is paid out later."""

    name, fault = "learns_while_off", UNPAID


class DeliversLate(CpuEngine):
    """Spikes arrive one step late."""

    name = "delivers_late"
    _sorted_for: float | None = None

    def reset(self, dt: float, *args: Any) -> None:
        super().reset(dt, *args)
        links = self._connections
        if dt != self._sorted_for:  # the delays are its own again
            links.arrivals["delay"] += 1
            links.longest += 1
            self._sorted_for = dt


class StampsLate(CpuEngine):
    """Spikes are reported one step late."""

    name = "stamps_late"

    def reset(self, *args: Any) -> None:
        super().reset(*args)
        self._held = np.empty((2, 0), np.int64)

    def advance(self, *args: Any, **options: Any) -> Advance:
        result = super().advance(*args, **options)
        steps = np.concatenate([self._held[0], result.spike_steps]) + 1
        cells = np.concatenate([self._held[1], result.spike_cells])
        now = steps <= self.step
        self._held = np.array([steps[~now] - 1, cells[~now]])
        result.spike_steps, result.spike_cells = steps[now], cells[now]
        return result


class WrongNoise(CpuEngine):
    """The noise is a quarter stronger than asked for."""

    name = "wrong_noise"

    def set_noise(self, noise: Any) -> None:
        super().set_noise({p: v | {"std_e": 1.25 * v["std_e"]} for p, v in noise.items()})


class NoiseByRun(CpuEngine):
    """Every run draws from a stream of its own."""

    name = "noise_by_run"

    def advance(self, *args: Any, **options: Any) -> Advance:
        self.set_stream(self.stream + 1)
        return super().advance(*args, **options)


class Drifts(CpuEngine):
    """Weights lose their last bits in every run, even while plasticity is off."""

    name = "drifts"

    def advance(self, *args: Any, **options: Any) -> Advance:
        result = super().advance(*args, **options)
        self.set_multipliers(self.multipliers() * (1.0 + 1e-14))
        return result


class OtherRounding(CpuEngine):
    """Right, but for rounding: conductances and capacitances differ by 1e-9."""

    name = "other_rounding"

    def update_parameters(self) -> None:
        super().update_parameters()
        for number, kind in enumerate(self.network.kinds):
            for name in kind.constants:
                if name.startswith(("g_", "c_dt")):
                    self.tiles.put(number, name, self.tiles.get(number, name) * (1.0 + 1e-9))


class Modest(CpuEngine):
    """Says that it has neither noise nor plasticity, and takes noise without a word."""

    name = "modest"
    capabilities = frozenset({"simulation"})


class Boastful(CpuEngine):
    """Declares what nobody knows."""

    name = "boastful"
    capabilities = frozenset({"simulation", "telepathy"})


class Breaks(CpuEngine):
    """Raises something of its own."""

    name = "breaks"

    def advance(self, *args: Any, **options: Any) -> Advance:
        raise ZeroDivisionError("the tape is torn")


class Interrupted(CpuEngine):
    """As if Ctrl-C were pressed."""

    name = "interrupted"

    def advance(self, *args: Any, **options: Any) -> Advance:
        raise KeyboardInterrupt
