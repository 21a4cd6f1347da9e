"""What people set on a culture: static weights, background noise, and the routes that parameter names take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from livn import checks
from livn.network import Network
from livn.plasticity import Weights
from livn.system.synapses import MOST

if TYPE_CHECKING:
    import numpy as np

__all__ = ["merge_noise", "resolve_weights", "split_params"]

NOISE_DEFAULTS = {
    "g_e0": 0.0, "g_i0": 0.0, "std_e": 0.0, "std_i": 0.0, "tau_e": 3.0, "tau_i": 10.0, "E_e": 0.0, "E_i": -75.0,
}  # fmt: skip
"""µS, ms and mV; time constants for orientation after Destexhe et al. 2001."""

_NOISE_BOUNDS: dict[str, dict[str, Any]] = {
    **{name: {"low": 0.0, "high": 1e6, "unit": "µS"} for name in ("g_e0", "g_i0", "std_e", "std_i")},
    **{name: {"above": 0.0, "high": 1e9, "unit": "ms"} for name in ("tau_e", "tau_i")},
    **{name: {"low": -200.0, "high": 200.0, "unit": "mV"} for name in ("E_e", "E_i")},
}

Noise = dict[str, dict[str, float]]


def resolve_weights(weights: Any, network: Network) -> dict[str, float]:
    """{full weight name: value} for what `Env.set_weights` takes, a name never twice: the later key wins.

    Raises:
        TypeError: not a mapping of names, or multipliers, which `set_multipliers` takes.
        KeyError: a key that matches no connection.
        ValueError: a weight that is negative or not finite.
    """
    if isinstance(weights, Weights) or (isinstance(weights, Mapping) and any(isinstance(k, tuple) for k in weights)):
        raise TypeError(
            "set_weights takes static weights by projection, such as {'EXC_EXC-dend-AMPA-weight': 1.2}; "
            "learned multipliers, as get_weights returns them, go to set_multipliers"
        )
    if not isinstance(weights, Mapping):
        raise TypeError(f"set_weights takes a mapping of weight names to numbers, got {weights!r:.200}")
    resolved: dict[str, float] = {}
    for key, value in weights.items():
        number = checks.number(f"weight {key!r}", value, low=0.0, high=MOST["weight"])
        resolved |= dict.fromkeys(_matches(key, network), number)
    return resolved


def _matches(key: Any, network: Network) -> list[str]:
    """The full weight names that a key, with trailing parts left out, stands for."""
    names = list(network.weight_groups)
    if not isinstance(key, str):
        raise checks.unknown("weight", key, names, KeyError)
    pair, *rest = key.removesuffix("-weight").split("-")
    found = []
    for post in network.populations:
        if not pair.startswith(f"{post}_"):
            continue
        wanted = [pair, *rest]
        if rest and rest[0] in ("soma", "dend", "hillock"):
            wanted[1] = network.model.section_name(post, rest[0])
        found += [n for n in names if n.removesuffix("-weight").split("-")[: len(wanted)] == wanted]
    if not found:
        shorter = {n.rsplit("-", cut)[0] for n in names for cut in (1, 2, 3) if n.count("-") >= cut}
        raise checks.unknown("weight", key, names, KeyError, also=sorted(shorter))
    return found


def merge_noise(noise: Any, before: Mapping[str, Mapping[str, float]], populations: list[str]) -> Noise:
    """Noise parameters by population: what `Env.set_noise` takes, over what was set before, over the defaults.

    Raises:
        TypeError: not a mapping, or a value that is no number.
        KeyError: unknown population or parameter.
        ValueError: out of bounds, or parameters mixed with populations.
    """
    if not isinstance(noise, Mapping):
        raise TypeError(f"set_noise takes a mapping of parameters or of populations, got {noise!r:.200}")
    nested = [k for k, v in noise.items() if isinstance(v, Mapping) or k in populations]
    if nested and len(nested) < len(noise):
        raise ValueError(
            f"set_noise takes parameters, or parameters by population, not both; got the keys {list(noise)}"
        )
    if nested:
        by_population = {checks.choice("population", p, populations, KeyError): v for p, v in noise.items()}
    else:
        by_population = dict.fromkeys(populations, noise) if noise else {}
    merged = {p: dict(v) for p, v in before.items()}
    for population, values in by_population.items():
        if not isinstance(values, Mapping):
            raise TypeError(f"noise of {population} must be a mapping of parameters to numbers, got {values!r:.200}")
        clean = {}
        for name, value in values.items():
            checks.choice("noise parameter", name, NOISE_DEFAULTS, KeyError)
            where = f"{name} of {population}" if nested else name
            clean[name] = checks.number(where, value, **_NOISE_BOUNDS[name])
        merged[population] = {**NOISE_DEFAULTS, **merged.get(population, {}), **clean}
    return merged


def split_params(params: Any) -> dict[str, dict[str, Any]]:
    """Parameters by route: the prefix `weight-`, `noise-`, `cells-` or `io-` is taken off; none means weights.

    Raises:
        TypeError: not a mapping of names.
    """
    if not isinstance(params, Mapping) or not all(isinstance(k, str) for k in params):
        raise TypeError(f"set_params takes a mapping of names to values, got {params!r:.200}")
    parts: dict[str, dict[str, Any]] = {}
    for key, value in params.items():
        prefix, dash, rest = key.partition("-")
        if not dash or prefix not in ("weight", "noise", "cells", "io"):
            prefix, rest = "weight", key
        parts.setdefault(prefix, {})[rest] = value
    return parts


def noise_from_params(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{"g_e0": x}` and `{"EXC-g_e0": y}` as `merge_noise` takes them: a mapping of each form that is there."""
    flat: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    for key, value in params.items():
        population, dash, name = key.partition("-")
        if dash:
            nested.setdefault(population, {})[name] = value
        else:
            flat[key] = value
    return [form for form in (flat, nested) if form]


def apply_weights(network: Network, resolved: Mapping[str, float]) -> None:
    """Set static weights of a network by full name."""
    groups: dict[str, np.ndarray] = network.weight_groups
    for name, value in resolved.items():
        network.weight[groups[name]] = value
