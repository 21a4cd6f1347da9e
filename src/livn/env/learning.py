"""A culture's plasticity: whether it is on, its rules, its weights, and what it has done."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from livn.engine.base import Engine, tally_steps
from livn.network import Network
from livn.plasticity import (
    PlasticitySummary,
    RuleParameters,
    SummaryRow,
    WeightRecorder,
    Weights,
    WeightTraces,
    merge,
    multipliers_from,
)
from livn.weights import normalize_weights

__all__ = ["Learning"]


class Learning:
    """Plasticity of one network on one engine; `Env` documents the calls."""

    def __init__(self, network: Network, engine: Engine) -> None:
        self.network, self.engine = network, engine
        self.on = False
        self.rules: dict[str, RuleParameters] = merge(None, network.model.neuron_plasticity_defaults())
        self.touched = False  # simulated or rescaled: w_init waits for a reset
        self.samples = 0  # of the summary
        self._mark()

    def _of_rules(self, name: str) -> np.ndarray:
        """A parameter of the rule of each plastic connection, float64[P]."""
        values = np.array([getattr(p, name) for p in self.rules.values()])
        return values[self.network.rules]

    def _mark(self) -> None:
        """Start the summary anew."""
        self.samples = 0
        self.engine.clear_tally()
        self._w0 = self.engine.multipliers()
        self._integral0 = {key: v["integral"] for key, v in self.engine.learning().items()}

    def enable(self, config: Any) -> None:
        rules = merge(config, self.network.model.neuron_plasticity_defaults())
        if not len(self.network.plastic):
            warnings.warn("this network has no plastic synapse: nothing can learn", RuntimeWarning, stacklevel=3)
        self.rules = rules
        if not self.touched:
            self.engine.set_multipliers(self._of_rules("w_init"))
        w = self.engine.multipliers()
        self.engine.set_multipliers(np.clip(w, self._of_rules("w_min"), self._of_rules("w_max")))
        if not self.on:
            self._mark()
        self.on = True
        self.engine.set_plasticity(True, self.rules)

    def disable(self) -> None:
        self.on = False
        self.engine.set_plasticity(False, self.rules)

    def normalize(self, target: Any) -> None:
        keys = self.network.keys
        if not len(keys):
            warnings.warn("this network has no plastic synapse: nothing to normalize", RuntimeWarning, stacklevel=3)
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            w = normalize_weights(
                self.engine.multipliers(), self._of_rules("w_min"), self._of_rules("w_max"), keys.gid, target
            )
        for warning in caught:  # so that they point at the user's line
            warnings.warn(str(warning.message), warning.category, stacklevel=3)
        self.engine.set_multipliers(w)
        self.touched = True

    def set_multipliers(self, weights: Any) -> None:
        w = multipliers_from(
            weights, self.network.keys, self.engine.multipliers(), self._of_rules("w_min"), self._of_rules("w_max")
        )
        self.engine.set_multipliers(w)
        self.touched = True

    def weights(self) -> Weights:
        return Weights(self.network.keys, self.engine.multipliers())

    def reset(self, reset_weights: bool) -> None:
        """After the engine went to t = 0."""
        if reset_weights:
            self.engine.set_multipliers(self._of_rules("w_init"))
            self.touched = False
        self._mark()

    def summary(self, dt: float) -> PlasticitySummary:
        sampled_ms = self.samples * tally_steps(dt) * dt
        w, learned = self.engine.multipliers(), self.engine.learning()
        places = [(r, n, s) for r in range(len(self.rules)) for n, k in enumerate(self.network.kinds)
                  for s in range(len(k.sections))]  # fmt: skip
        rows = (self._summary_row(*place, sampled_ms, w, learned) for place in places)
        return PlasticitySummary(tuple(row for row in rows if row is not None))

    def _summary_row(
        self, r: int, number: int, s: int, sampled_ms: float, w: np.ndarray, learned: Mapping[Any, Any]
    ) -> SummaryRow | None:
        """The row of a rule, a kind of cell and a section, by index; None where nothing there learns by it."""
        network = self.network
        post = network.post[network.plastic]
        mine = (network.rules == r) & (network.kind[post] == number) & (network.keys.section == s)
        if not mine.any():
            return None
        rule, kind = list(self.rules)[r], network.kinds[number]
        key = rule, kind.name, kind.sections[s]
        cells = network.row[np.unique(post[mine])]
        sums = {k: v[cells] for k, v in learned[key].items()}
        dw = (w - self._w0)[mine]
        bound = (w <= self._of_rules("w_min")) | (w >= self._of_rules("w_max"))
        samples = self.samples or np.nan
        return SummaryRow(
            rule=rule,
            population=kind.name,
            section=kind.sections[s],
            n_connections=int(mine.sum()),
            sampled_ms=sampled_ms,
            ltp_open=float(sums["open_ltp"].mean() / samples),
            ltd_open=float(sums["open_ltd"].mean() / samples),
            mean_drive=float(sums["driven"].mean() / samples),
            learned=float((sums["integral"] - self._integral0[key][cells]).mean()),
            dw_mean=float(dw.mean()),
            dw_sd=float(dw.std()),
            dw_min=float(dw.min()),
            dw_max=float(dw.max()),
            at_bound=float(bound[mine].mean()),
            theta_ltp=self.rules[rule].theta_ltp,
            theta_ltd=self.rules[rule].theta_ltd,
        )

    # Storing

    def read(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and metadata of the whole."""
        arrays = {"w0": self._w0} | {f"integral0.{'.'.join(k)}": v for k, v in self._integral0.items()}
        rules = {name: p.to_dict() for name, p in self.rules.items()}
        return arrays, {"on": self.on, "rules": rules, "touched": self.touched, "samples": self.samples}

    def write(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Put back what `read` returned."""
        self._w0 = arrays["w0"]
        self._integral0 = {key: arrays[f"integral0.{'.'.join(key)}"] for key in self._integral0}
        self.rules = {name: RuleParameters(**p) for name, p in meta["rules"].items()}
        self.on, self.touched, self.samples = meta["on"], meta["touched"], meta["samples"]
        self.engine.set_plasticity(self.on, self.rules)


class Traces:
    """The weight recorder of a culture, if it has one."""

    def __init__(self) -> None:
        self.recorder: WeightRecorder | None = None

    def record(self, dt: float) -> None:
        """Go on with the same dt, or start anew with another."""
        if self.recorder is None or self.recorder.dt != dt:
            self.recorder = WeightRecorder(dt)

    def read(self, network: Network | None) -> WeightTraces:
        if self.recorder is None or network is None:
            return WeightTraces.empty()
        return self.recorder.traces(network.keys)
