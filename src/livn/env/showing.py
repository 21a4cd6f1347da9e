"""How a culture shows itself in prompts and notebooks: at any moment, without building anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livn.html import card, cells_text
from livn.system.base import BaseSystem

if TYPE_CHECKING:
    from livn.env.culture import Culture

__all__ = ["html", "text"]

NOISY = ("g_e0", "g_i0", "std_e", "std_i")
"""Noise parameters that are 0 where there is none."""


def text(env: Culture) -> str:
    """The culture in a line."""
    if env._closed:
        return f"Env({env.system.name!r}, closed)"
    cells = ", ".join(f"{p} {n}" for p, n in _counts(env).items())
    state = "not initialised"
    if env._running is not None:
        state = f"t = {env.t:g} ms{', running' if env._busy.locked() else ''}, plasticity {_plasticity(env)}"
    recorded = [*env._recorders.signals, *(["weights"] if env._traces.recorder is not None else [])]
    recording = f", recording {', '.join(recorded)}" if recorded else ""
    engine = f"engine {env.engine!r}" + (" in single precision" if env.precision == "single" else "")
    return f"Env({env.system.name!r}: {cells}; {engine}; {state}{recording})"


def html(env: Culture) -> str:
    """The culture in a small table."""
    if env._closed:
        return card("Env", env.system.name, [("state", "closed")])
    facts = [
        ("cells", _cells(env)),
        ("synapses", _synapses(env)),
        ("engine", _engine(env)),
        ("time", _time(env)),
        ("plasticity", _plasticity(env)),
        ("noise", _noise(env)),
        ("recording", _recording(env)),
    ]
    return card("Env", env.system.name, facts)


def _counts(env: Culture) -> dict[str, int]:
    """Simulated cells by population."""
    if env._selection is not None:
        return {p: len(gids) for p, gids in env._selection.items()}
    return {p: env.system.population_count(p) for p in env.system.populations}


def _cells(env: Culture) -> str:
    if env._selection is None:
        return cells_text(_counts(env).items())
    named = f" {env.selection_name!r}" if env.selection_name else ""
    return f"{cells_text(_counts(env).items())}: a selection{named} of {env.system.num_neurons:,}"


def _synapses(env: Culture) -> str:
    network, known = env._network, None
    if network is not None and env._world.size == 1:
        known = network.n_connections
    elif env._selection is None and isinstance(env.system, BaseSystem):
        known = env.system.num_synapses
    parts = [] if known is None else [f"{known:,}"]
    if network is not None:
        parts.append("all plastic" if network.n_plastic == known != 0 else f"{network.n_plastic:,} plastic")
    return ", ".join(parts) or "known after init()"


def _engine(env: Culture) -> str:
    number = env.threads
    threads = "" if number is None else f", {number} thread{'' if number == 1 else 's'}"
    ranks = f", {env._world.size} MPI ranks" if env._world.size > 1 else ""
    return f"{env.engine}, {env.precision} precision{threads}{ranks}"


def _time(env: Culture) -> str:
    if env._running is None:
        return "not initialised: call init()"
    step = "" if env._dt is None else f", in steps of {env._dt:g} ms"
    return f"{env.t:,g} ms{step}{', running' if env._busy.locked() else ''}"


def _plasticity(env: Culture) -> str:
    learning = env._learning
    return "on" if learning is not None and learning.on else "off"


def _noise(env: Culture) -> str:
    there = _counts(env)
    noisy = [p for p, values in env._noise.items() if p in there and any(values.get(name) for name in NOISY)]
    return f"on ({', '.join(noisy)})" if noisy else "off"


def _recording(env: Culture) -> str:
    parts = [
        name if name == "spikes" else f"{name} every {signal.dt:g} ms"
        for name, signal in env._recorders.signals.items()
    ]
    settings = env._traces.settings
    if settings is not None:
        parts.append(f"weights every {settings.dt:g} ms" + (f" to {settings.to}" if settings.to else ""))
    return ", ".join(parts) or "nothing"
