"""Names of the engines, and which of them an Env gets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from livn import checks

if TYPE_CHECKING:
    from livn.engine.base import Engine

__all__ = ["ENGINES", "default_engine", "engine_class"]

ENGINES = ("cpu", "jax", "neuron")
"""Every name that the contract knows."""

_ABSENT = {
    "jax": "the 'jax' engine is not in this version of livn; use engine='cpu'",
    "neuron": "the 'neuron' engine is not in this version of livn; use engine='cpu'",
}


def default_engine() -> str:
    """The engine that `engine=None` means now: the environment variable `LIVN_BACKEND`, else `"cpu"`.

    Raises:
        ValueError: the variable holds no engine's name.
    """
    name = os.environ.get("LIVN_BACKEND") or "cpu"
    return checks.choice("engine in LIVN_BACKEND", name, ENGINES)


def engine_class(name: str | None) -> type[Engine]:
    """The engine of this name, imported now; None: the default.

    Raises:
        ValueError: unknown name.
        ImportError: not installed.
    """
    name = default_engine() if name is None else checks.choice("engine", name, ENGINES)
    if name in _ABSENT:
        raise ImportError(_ABSENT[name])
    from livn.engine.cpu.engine import CpuEngine

    return CpuEngine
