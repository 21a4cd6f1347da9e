"""Sets of parameters: what a system stores for its cultures, and the names that lead to weights, noise and cells."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livn import checks
from livn.env import parameters
from livn.errors import DamagedFile

if TYPE_CHECKING:
    from livn.env.culture import Culture

__all__ = ["apply_default_params", "set_params"]


def apply_default_params(env: Culture, group: str | None, strict: bool) -> None:
    """See `Env.apply_default_params`."""
    document = env.system.params_document(env.selection_name)
    key = env.model.params_key()
    stored = (document or {}).get(key)
    if stored is None:
        if group is not None:
            where = f"{env.system.name!r} has no stored parameters for {key}"
            raise checks.unknown("group", group, (), KeyError, where=where)
        env.apply_model_defaults()
        return
    try:
        groups = {name: dict(entry["params"]) for name, entry in stored.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DamagedFile(
            f"params/{env.selection_name or 'default'}.json of {env.system.name!r} must be "
            '{model: {group: {"params": {name: value}}}}'
        ) from None
    params = groups[checks.choice("group", "default" if group is None else group, groups, KeyError)]
    usable, unusable = {}, []
    for key, value in params.items():
        try:
            _plan(env, {key: value})
            usable[key] = value
        except KeyError as error:
            if strict:
                raise
            unusable.append(f"{key} ({error})")
    if unusable:
        warnings.warn(f"stored parameters that this culture cannot use: {'; '.join(unusable)}", stacklevel=3)
    set_params(env, usable)


def set_params(env: Culture, params: Any) -> None:
    """See `Env.set_params`."""
    for change in _plan(env, params):
        change()


def _plan(env: Culture, params: Any) -> list[Callable[[], object]]:
    """The changes that parameters ask for, checked, not made yet."""
    parts = parameters.split_params(params)
    plan: list[Callable[[], object]] = []
    network = env._ensure_network()
    if "weight" in parts:
        weights = parts["weight"]
        parameters.resolve_weights(weights, network)
        plan.append(lambda: env.set_weights(weights))
    if "noise" in parts:
        merged = env._noise
        for noise in parameters.noise_from_params(parts["noise"]):
            merged = parameters.merge_noise(noise, merged, env.active_populations())
            plan.append(lambda noise=noise: env.set_noise(noise))  # type: ignore[misc]
    if "cells" in parts:
        cells = parts["cells"]
        env.cells.check_params(cells)
        plan.append(lambda: env.cells.set_params(cells))
    if "io" in parts:
        electrodes = parts["io"]
        env.io.clone().set_params(electrodes)
        plan.append(lambda: env.io.set_params(electrodes))
    return plan
