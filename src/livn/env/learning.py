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
    Weights,
    merge,
    multipliers_from,
)
from livn.weights import goals, out_of_reach, rescaled
from livn.world import World

__all__ = ["Learning"]


class Learning:
    """Plasticity of one network on one engine; `Env` documents the calls."""

    def __init__(self, network: Network, engine: Engine, world: World) -> None:
        self.network, self.engine, self.world = network, engine, world
        self.on = False
        self.rules: dict[str, RuleParameters] = merge(None, network.model.neuron_plasticity_defaults())
        self.touched = False  # simulated or rescaled: w_init waits for a reset
        self.samples = 0  # of the summary
        self._mark()

    def _of_rules(self, name: str) -> np.ndarray:
        """A parameter of the rule of each plastic connection, float64[P]."""
        values = np.array([getattr(p, name) for p in self.rules.values()])
        return values[self.network.rules]

    def _warn(self, message: str) -> None:
        """Warn at the user's line, once however many ranks there are; where warnings are errors, raise on all."""

        def warn() -> None:
            if self.world.is_root:
                warnings.warn(message, RuntimeWarning, stacklevel=6)

        self.world.agreed(warn)

    def _mark(self) -> None:
        """Start the summary anew."""
        self.samples = 0
        self.engine.clear_tally()
        self._w0 = self.engine.multipliers()
        self._integral0 = {key: v["integral"] for key, v in self.engine.learning().items()}

    def enable(self, config: Any) -> None:
        rules = merge(config, self.network.model.neuron_plasticity_defaults())
        if not self.network.n_plastic:
            self._warn("this network has no plastic synapse: nothing can learn")
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
        world = self.world
        if not self.network.n_plastic:
            self._warn("this network has no plastic synapse: nothing to normalize")
            return
        gid = self.network.keys.gid
        if world.size > 1:  # the target is of the whole culture
            own, counts = np.unique(gid, return_counts=True)
            ids, counts = (np.concatenate(parts) for parts in zip(*world.everyone((own, counts)), strict=True))
            order = np.argsort(ids)
            target = goals(target, ids[order], counts[order])[np.isin(ids[order], own)]
        bounds = self._of_rules("w_min"), self._of_rules("w_max")
        w, *reach = rescaled(self.engine.multipliers(), *bounds, gid, target)
        unmet, groups = world.total(np.array(reach)).tolist()
        if unmet:
            self._warn(out_of_reach(unmet, groups))
        self.engine.set_multipliers(w)
        self.touched = True

    def set_multipliers(self, weights: Any) -> None:
        network, now = self.network, self.engine.multipliers()
        bounds = self._of_rules("w_min"), self._of_rules("w_max")
        w = self.world.agreed(lambda: multipliers_from(self._own(weights), network.keys, now, *bounds))
        self.engine.set_multipliers(w)
        self.touched = True

    def _own(self, weights: Any) -> Any:
        """Of a mapping for the whole culture, the part for the cells of this rank."""
        elsewhere = np.delete(self.network.gids, self.network.local)
        if not len(elsewhere) or not isinstance(weights, Mapping):
            return weights
        if isinstance(weights, Weights):
            here = ~np.isin(weights.synapses.gid, elsewhere)
            return Weights(weights.synapses.take(here), weights.array[here])
        away = set(elsewhere.tolist())
        return {k: w for k, w in weights.items() if not (isinstance(k, tuple) and k and k[0] in away)}

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
        if not self.world.any(mine.any()):
            return None
        rule, kind = list(self.rules)[r], network.kinds[number]
        key = rule, kind.name, kind.sections[s]
        cells = network.row[np.unique(post[mine])]
        sums = {k: v[cells] for k, v in learned[key].items()}
        gained = sums["integral"] - self._integral0[key][cells]
        dw = (w - self._w0)[mine]
        bound = (w <= self._of_rules("w_min")) | (w >= self._of_rules("w_max"))
        world, samples = self.world, self.samples or np.nan
        n_cells, n = world.total(np.array([len(cells), len(dw)]))
        per_cell = world.total(
            np.array([x.sum() for x in (sums["open_ltp"], sums["open_ltd"], sums["driven"], gained)])
        )
        ltp, ltd, drive, gain = (per_cell / n_cells).tolist()
        mean, at_bound = (world.total(np.array([dw.sum(), bound[mine].sum()])) / n).tolist()
        spread = float(np.sqrt(world.total(((dw - mean) ** 2).sum()) / n))
        lowest, highest = min(world.everyone(dw.min(initial=np.inf))), max(world.everyone(dw.max(initial=-np.inf)))
        return SummaryRow(
            rule=rule,
            population=kind.name,
            section=kind.sections[s],
            n_connections=int(n),
            sampled_ms=sampled_ms,
            ltp_open=ltp / samples,
            ltd_open=ltd / samples,
            mean_drive=drive / samples,
            learned=gain,
            dw_mean=mean,
            dw_sd=spread,
            dw_min=float(lowest),
            dw_max=float(highest),
            at_bound=at_bound,
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
