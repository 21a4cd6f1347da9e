"""Names of the engines, which of them an Env gets, and how to add one."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from livn import checks
from livn.engine.base import CAPABILITIES, Engine

__all__ = ["ENGINES", "default_engine", "engine_class", "engine_names", "engines_with", "register"]

ENGINES = ("cpu", "jax", "neuron")
"""Every name that the contract knows; `register` adds to them."""

_BUILT_IN = {
    "cpu": ("livn.engine.cpu.engine", "CpuEngine"),
    "neuron": ("livn.engine.neuron.engine", "NeuronEngine"),
}
_ABSENT = {"jax": "the 'jax' engine is not in this version of livn; use engine='cpu'"}

_SIMULATES = frozenset(
    {"simulation", "plasticity", "noise", "replayable_noise", "per_gid_voltage", "extracellular_stimulus"}
)
_CAPABILITIES = {"cpu": _SIMULATES, "neuron": _SIMULATES | {"mpi"}}
"""What the built-in engines can do, so that a message can name them without importing any."""

_registered: dict[str, Any] = {}
"""What `register` was given, by name."""

_loaded: dict[str, type[Engine]] = {}
"""The classes of these engines, once they are known."""


def engine_names() -> tuple[str, ...]:
    """The names that `engine=` takes now: the contract's and those that were registered."""
    return (*ENGINES, *_registered)


def register(name: str, load: type[Engine] | Callable[[], type[Engine]]) -> None:
    """Add an engine: from now on `make(engine=name)`, `Env(engine=name)` and `LIVN_BACKEND` know it.

    Registering the same again does nothing; a class that was defined anew, as in a notebook, replaces the old one.

    Args:
        name: the engine's name, the same as the class's attribute `name`.
        load: a subclass of `livn.engine.base.Engine`, or a function without arguments that imports and returns one;
            it is called when the engine is first asked for.

    Raises:
        TypeError: a name that is no string, or neither an Engine nor a function.
        ValueError: a name that is empty, taken by another engine, or not the class's own.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r:.200}")
    if not name.isidentifier():
        raise ValueError(f"name must be an identifier, got {name!r:.200}")
    if isinstance(load, type):
        _check_class(name, load)
    elif not callable(load):
        raise TypeError(f"load must be an Engine class, or a function that returns one, got {load!r:.200}")
    if name in ENGINES:
        raise ValueError(f"the engine name {name!r} is livn's own; register under another name")
    if name in _registered and load is not _registered[name] and not _is_same(load, _loaded.get(name)):
        taken = _loaded.get(name, _registered[name])
        raise ValueError(f"the engine name {name!r} is taken by {taken!r:.200}; register under another name")
    _registered[name] = load
    if isinstance(load, type):
        _loaded[name] = load


def _is_same(a: Any, b: Any) -> bool:
    """Whether these are one class, or one that was defined anew."""
    classes = isinstance(a, type) and isinstance(b, type)
    return classes and (a.__module__, a.__qualname__) == (b.__module__, b.__qualname__)


def _check_class(name: str, engine: Any) -> type[Engine]:
    """The class, if it is an Engine of this name."""
    if not (isinstance(engine, type) and issubclass(engine, Engine)):
        raise TypeError(f"the engine {name!r} must be a subclass of livn.engine.base.Engine, got {engine!r:.200}")
    own = getattr(engine, "name", None)
    if own != name:
        raise ValueError(f"the engine {name!r} must have a class attribute name = {name!r}, got {own!r:.200}")
    return engine


def default_engine() -> str:
    """The engine that `engine=None` means now: the environment variable `LIVN_BACKEND`, else `"cpu"`.

    Raises:
        ValueError: the variable holds no engine's name.
    """
    name = os.environ.get("LIVN_BACKEND") or "cpu"
    return checks.choice("engine in LIVN_BACKEND", name, engine_names())


def engine_class(name: str | None) -> type[Engine]:
    """The engine of this name, imported now; None: the default.

    Raises:
        ValueError: unknown name.
        ImportError: not installed; says what to install.
        TypeError: what was registered returns no Engine.
    """
    name = default_engine() if name is None else checks.choice("engine", name, engine_names())
    if name in _ABSENT:
        raise ImportError(_ABSENT[name])
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        built_in: type[Engine] = getattr(import_module(module), attribute)
        return built_in
    if name not in _loaded:
        _loaded[name] = _check_class(name, _registered[name]())
    return _loaded[name]


def engines_with(feature: str) -> tuple[str, ...]:
    """Names of the engines that have a feature; imports none of them, so it knows a registered one once it is loaded.

    Args:
        feature: one of `livn.engine.base.CAPABILITIES`.

    Raises:
        ValueError: unknown feature.
    """
    checks.choice("feature", feature, sorted(CAPABILITIES))
    known = _CAPABILITIES | {name: engine.capabilities for name, engine in _loaded.items()}
    return tuple(name for name in engine_names() if feature in known.get(name, ()))
