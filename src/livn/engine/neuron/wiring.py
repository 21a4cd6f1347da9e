"""Synapses in NEURON: one point process per (compartment, receptor), one NetCon per connection, one learning signal
per (compartment, rule)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from livn.engine.neuron.membrane import Membranes
from livn.network import Network, delay_steps
from livn.plasticity.rules import RuleParameters

__all__ = ["RECEPTORS", "Wiring"]

RECEPTORS = {
    "StdpLinExp2Syn": (True, False, False),
    "StdpLinExp2SynNMDA": (True, True, False),
    "StdpLinExp2SynInh": (True, False, False),
    "LinExp2Syn": (False, False, False),
    "DepLinExp2Syn": (False, False, True),
}
"""The receptors that there are mechanisms for: {mechanism: (learns, is blocked by magnesium, depresses)}."""

LATE = 0.25
"""Share of a step by which delays are longer. NEURON delivers what is due within half a step of a step's start: so an
event stays a quarter of a step off both edges of the step that it belongs to, however far t has drifted."""

EXACT = 1024.0
"""Multiplier up to which sums of events are exact; a larger one would take digits from ordinary weights."""

RULE_PARAMETERS = (
    "A_ltp", "A_ltd", "theta_ltp", "theta_ltd", "ltp_sigmoid_half", "ltd_sigmoid_half", "learning_slope",
    "learning_tau",
)  # fmt: skip


class Wiring:
    """The connections onto the cells of this process; spikes travel by the index of the cell that fired.

    Attributes:
        synapses: {(cell, section index, receptor index): point process}.
        rules: {(cell, section index, rule): point process of the learning signal}.
    """

    def __init__(self, h: Any, parallel: Any, network: Network, membranes: Membranes) -> None:
        self.h, self._parallel, self.network = h, parallel, network
        self.synapses: dict[tuple[int, int, int], Any] = {}
        self.rules: dict[tuple[int, int, str], Any] = {}
        self._delay = np.empty(0, np.int64)
        for cell in membranes.cells.tolist():
            soma = membranes.segments[cell, 0]
            parallel.set_gid2node(cell, parallel.id())
            source = h.NetCon(soma.livn_spike._ref_fired, None, sec=soma.sec)
            source.threshold = 0.5
            parallel.cell(cell, source)
        target = self._point_processes(membranes)
        self._connect(target)

    def _point_processes(self, membranes: Membranes) -> list[Any]:
        """The point processes in use, and the one that each connection ends on."""
        net = self.network
        shape = net.n_cells, max(len(k.sections) for k in net.kinds), len(net.model.receptors)
        places, which = np.unique(
            np.ravel_multi_index((net.post, net.section, net.receptor), shape), return_inverse=True
        )
        made = []
        for place in places.tolist():
            cell, section, number = (int(x) for x in np.unravel_index(place, shape))
            receptor, segment = net.model.receptors[number], membranes.segments[cell, section]
            process = getattr(self.h, receptor.mechanism)(segment)
            process.tau_rise, process.tau_decay = receptor.kinetics[net.kind_of(cell).name]
            process.e = receptor.reversal
            if receptor.rule is not None:
                key = cell, section, receptor.rule
                if key not in self.rules:
                    self.rules[key] = getattr(self.h, f"LivnRule{receptor.rule}")(segment)
                process._ref_integral = self.rules[key]._ref_integral
            self.synapses[cell, section, number] = process
            made.append(process)
        self._target, self._processes = which, made
        return [made[k] for k in which.tolist()]

    def _make_room(self) -> None:
        """Places for the connections, and for bulk access to what they carry: jump, multiplier, last integral."""
        n = self.network.n_connections
        self._connections = self.h.List()
        self._memory = [self.h.PtrVector(max(1, n)) for _ in range(3)]
        self._scratch = self.h.Vector(max(1, n))
        self._values = self._scratch.as_numpy()[:n]  # once: every call of as_numpy() leaks a little

    def _connect(self, target: list[Any]) -> None:
        """A NetCon per connection."""
        n = self.network.n_connections
        self._make_room()
        connect, keep = self._parallel.gid_connect, self._connections.append
        jump, multiplier, last = (vector.pset for vector in self._memory)
        for k, (pre, process) in enumerate(zip(self.network.pre.tolist(), target, strict=True)):
            connection = connect(pre, process)
            weight = connection._ref_weight
            jump(k, weight[0])
            multiplier(k, weight[1])
            last(k, weight[2])
            keep(connection)
        self.write(1, np.ones(n))
        self.write(2, np.zeros(n))

    # What connections carry

    def read(self, which: int) -> np.ndarray:
        """float64[M] in network order: 0 jumps, 1 multipliers (or resources), 2 last integrals (or steps)."""
        if self.network.n_connections:
            self._memory[which].gather(self._scratch)
        return self._values.copy()

    def write(self, which: int, values: np.ndarray) -> None:
        """Put back what `read` returned."""
        if self.network.n_connections:
            self._values[:] = values
            self._memory[which].scatter(self._scratch)

    def set_delays(self, dt: float) -> None:
        """Delays in whole steps of `dt`; MPI ranks and NEURON itself then know how far they may go alone."""
        steps = delay_steps(self.network.delay_ms, dt)
        self._delay = steps
        for connection, delay in zip(self._connections, ((steps + LATE) * dt).tolist(), strict=True):
            connection.delay = delay

    def set_strength(self, most: Mapping[str, float]) -> None:
        """Take the network's weights; `most` is the largest multiplier by rule.

        The quantum of a conductance is such that all of its connections at once stay exact in double precision, as long
        as their multipliers are at most `EXACT`: beyond that the last digits may depend on the order of events.
        """
        net = self.network
        peak = net.peak_conductance()
        self.write(0, peak)
        largest = np.array([most[r.rule] if r.rule else 1.0 for r in net.model.receptors])[net.receptor]
        total = np.bincount(self._target, peak * np.clip(largest, 1.0, EXACT), len(self._processes))
        quanta = np.exp2(np.ceil(np.log2(np.where(total > 0.0, total, 1.0))) - 52.0)
        for process, quantum in zip(self._processes, quanta.tolist(), strict=True):
            process.quantum = quantum

    # Learning

    def set_rules(self, on: bool, rules: Mapping[str, RuleParameters], every: int) -> None:
        """Switch learning, with these parameters and `every` steps between samples of the tally."""
        for rule, p in rules.items():
            name = f"LivnRule{rule}"
            for parameter in RULE_PARAMETERS:
                setattr(self.h, f"{parameter}_{name}", getattr(p, parameter))
            setattr(self.h, f"learning_{name}", float(on))
            setattr(self.h, f"every_{name}", float(every))
        for receptor in self.network.model.receptors:
            if receptor.rule is not None:
                p = rules[receptor.rule]
                for variable, value in (("learning", float(on)), ("w_min", p.w_min), ("w_max", p.w_max)):
                    setattr(self.h, f"{variable}_{receptor.mechanism}", value)

    # Spikes in flight

    @property
    def longest(self) -> int:
        """The longest delay in steps; 0 without connections."""
        return int(self._delay.max(initial=0))

    def launch(self, steps: np.ndarray, cells: np.ndarray, now: int, dt: float, clock: float = 0.0) -> None:
        """Queue what spikes of these steps have not delivered before step `now`, when NEURON's clock shows `clock`."""
        order = np.argsort(self.network.pre, kind="stable")
        pre = self.network.pre[order]
        first, last = np.searchsorted(pre, cells), np.searchsorted(pre, cells, "right")
        for born, a, b in zip(steps.tolist(), first.tolist(), last.tolist(), strict=True):
            for k in order[a:b].tolist():
                due = born + int(self._delay[k])
                if due >= now:
                    self._connections[k].event(clock + (due - now + LATE) * dt)

    def close(self) -> None:
        """Let go of everything."""
        self._connections.remove_all()
        self._memory.clear()
        self.synapses.clear()
        self.rules.clear()
        self._processes.clear()
