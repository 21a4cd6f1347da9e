"""A culture in a file: system, parameters, state and settings."""

from __future__ import annotations

import os
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.engine.registry import engine_class
from livn.env.culture import threads_in_environment, world_of
from livn.env.recorders import Signal
from livn.errors import DamagedFile
from livn.io import IO
from livn.models.named import model_named, name_of
from livn.network import Network
from livn.system.storage import read_arrays, write_arrays
from livn.system.system import pack, unpack
from livn.world import World

if TYPE_CHECKING:
    from livn.env.env import Env

__all__ = ["load", "save"]

KIND = "env"


def save(env: Env, path: str | os.PathLike[str]) -> None:
    """See `Env.save`."""
    path = checks.path("path", path)
    if path.is_dir():
        raise IsADirectoryError(f"path must be the name of a file, and {path} is a directory")
    network, engine, learning = env._network_now(), env._engine(), env._learner()
    arrays, system = pack(env.system)
    parts = {"system": arrays, "state": engine.read_state()}
    parts["learning"], learned = learning.read()
    parts["late"] = {"spike_steps": env._late[0], "spike_cells": env._late[1]}
    for part in ("state", "learning", "late"):
        parts[part] = _joined(env._world, network, parts[part])
    parts["parameters"] = {
        f"{kind}.{name}": values for kind, p in network.parameters.items() for name, values in p.items()
    }
    parts["selection"] = dict(env._selection or {})
    meta = {
        "system": system,
        "model": {"cls": name_of(env.model), "kwargs": env.model.kwargs},
        "io": env.io.as_json(),
        "seed": env.seed,
        "precision": env.precision,
        "stream": env._stream,
        "noise_seed": env._noise_seed,
        "dt": env._dt,
        "v_init": env._v_init,
        "noise": env._noise,
        "weights": env._weights,
        "selected": env._selection is not None,
        "selection_name": env.selection_name,
        "learning": learned,
        "record": {name: asdict(signal) for name, signal in env._recorders.signals.items()},
        "record_weights": None if env._traces.settings is None else asdict(env._traces.settings),
    }
    flat = {f"{part}:{name}": np.asarray(a) for part, named in parts.items() for name, a in named.items()}
    env._world.by_root(lambda: write_arrays(path, flat, meta, KIND))


def _joined(world: World, network: Network, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of the whole culture from those that each rank holds for its own cells and connections."""
    if world.size == 1:
        return arrays
    places = world.everyone((network.place, network.plastic_place))
    whole = {}
    for name, own in arrays.items():
        parts = world.everyone(own)
        if name in ("step", "stream"):
            whole[name] = own
        elif name in _BY_CONNECTION:
            whole[name] = np.empty(sum(map(len, parts)), own.dtype)
            for place, part in zip(places, parts, strict=True):
                whole[name][place[_BY_CONNECTION[name]]] = part
        elif name in ("spike_steps", "spike_cells"):
            whole[name] = np.concatenate(parts)
        else:  # by cell, zero where it is another rank's
            whole[name] = np.sum(parts, axis=0)
    if "spike_steps" in whole:
        order = np.lexsort((whole["spike_cells"], whole["spike_steps"]))
        whole |= {name: whole[name][order] for name in ("spike_steps", "spike_cells")}
    return whole


_BY_CONNECTION = {"weight": 0, "last_integral": 0, "w0": 1}
"""Arrays by connection: of all (0), or of those that can learn (1)."""


def _own(network: Network, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What concerns this rank of the arrays of a whole culture; spikes and what goes by cell stay whole."""
    places = network.place, network.plastic_place
    return {n: a[places[_BY_CONNECTION[n]]] if n in _BY_CONNECTION else a for n, a in arrays.items()}


def load(cls: type[Env], path: str | os.PathLike[str], engine: str | None, comm: Any = None) -> Env:
    """See `Env.load`."""
    path = checks.path("path", path)
    world_of(comm, None, engine_class(engine))  # these are the caller's, the rest is the file's
    threads_in_environment()
    flat, meta = read_arrays(path, KIND)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, a in flat.items():
        part, _, name = key.partition(":")
        parts.setdefault(part, {})[name] = a
    try:
        return _restore(cls, parts, meta, engine, comm)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise DamagedFile(f"{path} holds no whole culture: {e}") from e


def _restore(
    cls: type[Env], parts: dict[str, dict[str, np.ndarray]], meta: dict[str, Any], engine: str | None, comm: Any
) -> Env:
    model = model_named(meta["model"]["cls"], meta["model"]["kwargs"], "the stored culture")
    precision = meta.get("precision", "double")
    if precision not in engine_class(engine).precisions:  # a state fits any engine
        precision = "double"
    system = unpack(parts["system"], meta["system"])
    io = None if meta.get("io") is None else IO.from_json(meta["io"])
    env = cls(system, model, io, seed=meta["seed"], comm=comm, engine=engine, precision=precision)
    try:
        _fill(env, parts, meta)
    except BaseException:  # nobody else could free its engine
        env.close()
        raise
    return env


def _fill(env: Env, parts: dict[str, dict[str, np.ndarray]], meta: dict[str, Any]) -> None:
    """Give a culture, not yet built, what was stored of it."""
    env._selection = parts.get("selection", {}) if meta["selected"] else None
    env.selection_name = meta["selection_name"]
    env._stream, env._v_init = meta["stream"], meta["v_init"]
    env._noise_seed = meta.get("noise_seed", env.seed)
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
    running.write_state(_own(network, parts["state"]))
    env._learner().write(_own(network, parts["learning"]), meta["learning"])
    late = parts["late"]
    here = network.is_local(late["spike_cells"])
    env._late = late["spike_steps"][here], late["spike_cells"][here]
    env._recorders.signals = {name: Signal(**signal) for name, signal in meta["record"].items()}
    if meta["record_weights"] is not None:
        recorded = meta["record_weights"]
        _record_weights(env, **(recorded if isinstance(recorded, dict) else {"dt": recorded}))


def _record_weights(env: Env, to: str | None = None, **settings: Any) -> None:
    """Go on recording to memory; a file is that of the culture that was stored."""
    if to is None:
        env.record_weights(**settings)
    elif env._world.is_root:
        warnings.warn(
            f"the stored culture recorded its weights to {to}, this one doesn't record them: call record_weights() "
            "with another file",
            RuntimeWarning,
            stacklevel=6,
        )
