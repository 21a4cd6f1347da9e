"""A culture in a file: system, parameters, state and settings."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livn.engine.registry import engine_class
from livn.env.culture import threads_in_environment
from livn.env.recorders import Signal
from livn.errors import DamagedFile
from livn.models.named import model_named, name_of
from livn.system.storage import read_arrays, write_arrays
from livn.system.system import pack, unpack

if TYPE_CHECKING:
    from livn.env.env import Env

__all__ = ["load", "save"]

KIND = "env"


def save(env: Env, path: str | os.PathLike[str]) -> None:
    """See `Env.save`."""
    path = _file(path)
    if path.is_dir():
        raise IsADirectoryError(f"path must be the name of a file, and {path} is a directory")
    network, engine, learning = env._network_now(), env._engine(), env._learner()
    arrays, system = pack(env.system)
    parts = {"system": arrays, "state": engine.read_state()}
    parts["learning"], learned = learning.read()
    parts["parameters"] = {
        f"{kind}.{name}": values for kind, p in network.parameters.items() for name, values in p.items()
    }
    parts["selection"] = dict(env._selection or {})
    parts["late"] = {"steps": env._late[0], "cells": env._late[1]}
    recorder = env._traces.recorder
    meta = {
        "system": system,
        "model": {"cls": name_of(env.model), "kwargs": env.model.kwargs},
        "seed": env.seed,
        "stream": env._stream,
        "dt": env._dt,
        "v_init": env._v_init,
        "noise": env._noise,
        "weights": env._weights,
        "selected": env._selection is not None,
        "selection_name": env.selection_name,
        "learning": learned,
        "record": {name: asdict(signal) for name, signal in env._recorders.signals.items()},
        "record_weights": None if recorder is None else recorder.dt,
    }
    flat = {f"{part}:{name}": np.asarray(a) for part, named in parts.items() for name, a in named.items()}
    write_arrays(path, flat, meta, KIND)


def load(cls: type[Env], path: str | os.PathLike[str], engine: str | None) -> Env:
    """See `Env.load`."""
    path = _file(path)
    engine_class(engine)  # these are the caller's, the rest is the file's
    threads_in_environment()
    flat, meta = read_arrays(path, KIND)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, a in flat.items():
        part, _, name = key.partition(":")
        parts.setdefault(part, {})[name] = a
    try:
        return _restore(cls, parts, meta, engine)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise DamagedFile(f"{path} holds no whole culture: {e}") from e


def _file(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be the name of a file, got {path!r:.200}")
    return Path(path)


def _restore(cls: type[Env], parts: dict[str, dict[str, np.ndarray]], meta: dict[str, Any], engine: str | None) -> Env:
    model = model_named(meta["model"]["cls"], meta["model"]["kwargs"], "the stored culture")
    env = cls(unpack(parts["system"], meta["system"]), model, seed=meta["seed"], engine=engine)
    env._selection = parts.get("selection", {}) if meta["selected"] else None
    env.selection_name = meta["selection_name"]
    env._stream, env._v_init = meta["stream"], meta["v_init"]
    env._noise, env._weights = meta["noise"], meta["weights"]
    network = env._ensure_network()
    for key, values in parts["parameters"].items():
        kind, _, parameter = key.partition(".")
        network.parameters[kind][parameter][:] = values
    env.init()
    running = env._engine()
    env._dt = meta["dt"]
    if env._dt is not None:
        running.reset(env._dt, env._v_init, env._stream)
    running.write_state(parts["state"])
    env._learner().write(parts["learning"], meta["learning"])
    env._late = parts["late"]["steps"], parts["late"]["cells"]
    env._recorders.signals = {name: Signal(**signal) for name, signal in meta["record"].items()}
    if meta["record_weights"] is not None:
        env.record_weights(meta["record_weights"])
    return env
