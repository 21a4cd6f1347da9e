"""The parameters of the learning rule, one set per group of synapses, and how a user's overrides join the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from livn import checks

__all__ = ["PARAMETERS", "RuleParameters", "merge"]


@dataclass(frozen=True)
class RuleParameters:
    """Parameters of the voltage-based rule for one group of synapses; every instance is valid.

    With v the potential of the compartment that holds the synapse, b = `learning_slope` and
    σ(x) = 1/(1 + b^(−x)): the learning signal is driven by
    u = (2·A_ltp·σ(v − ltp_sigmoid_half) − A_ltd·σ(v − ltd_sigmoid_half)) / learning_tau, where each term counts
    only while its gate is open (excitatory: v above theta; inhibitory: v below theta).

    Attributes:
        A_ltp: amplitude of potentiation, dimensionless, ≥ 0.
        A_ltd: amplitude of depression, dimensionless, ≥ 0.
        theta_ltp: gate of potentiation, mV.
        theta_ltd: gate of depression, mV.
        ltp_sigmoid_half: midpoint of potentiation, mV.
        ltd_sigmoid_half: midpoint of depression, mV.
        learning_slope: base b of the sigmoids, > 1.
        learning_tau: divides the learning signal, dimensionless, > 0.
        w_max: upper bound of a weight, dimensionless, ≥ `w_min`.
        w_min: lower bound of a weight, dimensionless, ≥ 0.
        w_init: weight at the start and after a reset, within the bounds.

    Raises:
        TypeError: a value is not a real number.
        ValueError: a value is NaN, infinite or out of range.
    """

    A_ltp: float
    A_ltd: float
    theta_ltp: float
    theta_ltd: float
    ltp_sigmoid_half: float
    ltd_sigmoid_half: float
    learning_slope: float
    learning_tau: float
    w_max: float
    w_min: float
    w_init: float

    def __post_init__(self) -> None:
        for name in PARAMETERS:
            value = checks.number(name, getattr(self, name), **_RANGES.get(name, {}))
            object.__setattr__(self, name, value)
        if self.w_min > self.w_max:
            raise ValueError(f"w_min must be <= w_max, got w_min = {self.w_min:g} and w_max = {self.w_max:g}")
        if not self.w_min <= self.w_init <= self.w_max:
            raise ValueError(
                f"w_init must lie within w_min = {self.w_min:g} and w_max = {self.w_max:g}, got {self.w_init:g}"
            )

    def to_dict(self) -> dict[str, float]:
        """The parameters by name."""
        return asdict(self)


PARAMETERS: tuple[str, ...] = tuple(f.name for f in fields(RuleParameters))

_RANGES: dict[str, dict[str, Any]] = {
    "A_ltp": {"low": 0.0},
    "A_ltd": {"low": 0.0},
    "theta_ltp": {"unit": "mV"},
    "theta_ltd": {"unit": "mV"},
    "ltp_sigmoid_half": {"unit": "mV"},
    "ltd_sigmoid_half": {"unit": "mV"},
    "learning_slope": {"above": 1.0},
    "learning_tau": {"above": 0.0},
    "w_min": {"low": 0.0},
}


def merge(config: Any, defaults: Mapping[str, Mapping[str, float]]) -> dict[str, RuleParameters]:
    """Rule parameters of each group: the defaults with a user's overrides on top.

    Args:
        config: None (the defaults), `{parameter: value}` for every group, or `{group: {parameter: value}}` for the
            groups named.
        defaults: the model's complete parameters per group, `{"EXC": {...}, "INH": {...}}`.

    Returns:
        One `RuleParameters` per group of `defaults`. New bounds that leave the default `w_init` outside move it to
        the nearest bound; a `w_init` that was given must lie within them.

    Raises:
        ValueError: an unknown group or parameter, both forms mixed, a value out of range.
        TypeError: `config` or a value in it is of the wrong kind.
    """
    overrides = _per_group(config, tuple(defaults))
    rules = {}
    for group, default in defaults.items():
        given = overrides[group]
        for name in given:
            checks.choice(f"plasticity parameter for {group}", name, PARAMETERS)
        values: dict[str, Any] = {**default, **given}
        try:
            if "w_init" not in given and ("w_min" in given or "w_max" in given):
                low, high = checks.number("w_min", values["w_min"]), checks.number("w_max", values["w_max"])
                values["w_init"] = max(low, min(high, values["w_init"]))
            rules[group] = RuleParameters(**values)
        except (TypeError, ValueError) as e:
            raise type(e)(f"plasticity of {group}: {e}") from None
    return rules


def _per_group(config: Any, groups: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    """The overrides of each group, from either form of `config`."""
    if config is None:
        config = {}
    if not isinstance(config, Mapping):
        raise TypeError(
            f"the plasticity config must be None, a dict of parameters, or a dict with one of {', '.join(groups)} per "
            f"group; got {config!r:.200}"
        )
    nested = [key for key, value in config.items() if isinstance(value, Mapping) or key in groups]
    if not nested:
        return dict.fromkeys(groups, config)
    for group in nested:
        checks.choice("plasticity group", group, groups)
        if not isinstance(config[group], Mapping):
            raise ValueError(f"plasticity of {group} must be a dict of parameters, got {config[group]!r:.200}")
    flat = [key for key in config if key not in nested]
    if flat:
        raise ValueError(
            f"the plasticity config mixes groups ({', '.join(nested)}) with parameters "
            f"({', '.join(map(str, flat))}): give parameters for every group, or a dict per group ({', '.join(groups)})"
        )
    return {group: config.get(group, {}) for group in groups}
