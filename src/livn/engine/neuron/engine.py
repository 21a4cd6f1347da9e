"""The NEURON engine: the same network, built of sections, point processes and NetCons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from livn.engine.base import (
    COUNTS,
    LIMIT,
    Advance,
    Engine,
    Input,
    Probe,
    State,
    Tracing,
    paced,
    state_names,
    tally_steps,
)
from livn.engine.interrupt import deferred_interrupt
from livn.engine.neuron.library import check_installed, load_neuron
from livn.engine.neuron.membrane import KINDS, Membranes
from livn.engine.neuron.parallel import start_parallel
from livn.engine.neuron.sampling import Drive, Sampler, Tracer
from livn.engine.neuron.tenancy import claim, live, release
from livn.engine.neuron.variables import Column, Variables
from livn.engine.neuron.wiring import RECEPTORS, Wiring
from livn.errors import SimulationDiverged, UnsupportedByEngine
from livn.models.cells import CellType, ready, refractory_steps
from livn.network import Network
from livn.plasticity.rules import RuleParameters
from livn.world import World

__all__ = ["NeuronEngine"]

check_installed()

MOST_APART = 10.0
"""ms that ranks may go without meeting, however long the shortest delay."""

_NONE = (np.empty(0, np.int64), np.empty(0, np.int64))


class NeuronEngine(Engine):
    """Integrates a network with NEURON; results depend neither on the number of MPI ranks nor on how runs are cut.

    Args:
        network: of the cells of all ranks and the connections onto this rank's.
        seed: of the noise.
        threads: NEURON runs on one thread per rank.
        world: the ranks.
    """

    name = "neuron"
    capabilities = frozenset(
        {"simulation", "plasticity", "noise", "replayable_noise", "per_gid_voltage", "extracellular_stimulus", "mpi"}
    )

    def __init__(self, network: Network, *, seed: int, threads: int = 1, world: World | None = None) -> None:
        _check_model(network)
        self.network, self.threads, self.world = network, 1, world or World()
        self.step, self.dt, self.stream = 0, 0.0, 0
        h = self._h = self.world.root_first(load_neuron)  # which compiles at first use: once is enough
        claim(self, h)
        try:
            self._build(h, network, seed)
        except BaseException:  # Ctrl-C too: nobody has a handle that would close it
            release(h)
            raise

    def _build(self, h: Any, network: Network, seed: int) -> None:
        self._parallel = start_parallel(h, self.world)
        cells = self.world.share(network.n_cells)
        self._membranes = Membranes(h, network, cells, seed)
        self._wiring = Wiring(h, self._parallel, network, self._membranes)
        self._variables = Variables(h, network, self._membranes, self._wiring)
        self._electrodes: dict[Any, Any] = {}
        self._times, self._sources = h.Vector(), h.Vector()
        self._parallel.spike_record(-1, self._times, self._sources)
        self._potentials = [
            (self._variables.column(number, f"v_{section}"), number, section)
            for number, kind in enumerate(network.kinds)
            for section in kind.sections
        ]
        # Sections end in points without area, whose potentials are no physics, but count in the last digit.
        segments = self._membranes.segments
        compartments = [segments.get(p) for p in zip(*(a.tolist() for a in network.compartments), strict=True)]
        self._ends = Column(h, (s and s.sec(x)._ref_v for x in (0, 1) for s in compartments))
        self._fired = Column(h, (self._membranes.segments[c, 0].livn_spike._ref_fired for c in cells.tolist()))
        self._noise: Mapping[str, Mapping[str, float]] = {}
        self._rule_on = False
        self._rules = {rule: RuleParameters(**p) for rule, p in network.model.neuron_plasticity_defaults().items()}
        self._recent = _NONE
        self._longest = 0
        self._broken = False
        self._steps_per_call = 40
        depressing = np.array([r.depressing for r in network.model.receptors])
        self._depressing = depressing[network.receptor]

    # Setting up

    def reset(self, dt: float, v_init: float | None, stream: int) -> None:
        h = self._h
        self.step, self.stream, self._broken, self._recent = 0, stream, False, _NONE
        h.CVode().active(0)
        h.secondorder = 0
        h.dt = dt
        if dt != self.dt:
            self._wiring.set_delays(dt)
            self._longest = max(self.world.everyone(self._wiring.longest))
            self._parallel.set_maxstep(MOST_APART)
            self.dt = dt
        h.refractory_livn_spike = refractory_steps(self.network.model.refractory_period, dt)
        self.update_parameters()
        self._set_rules()
        self._membranes.set_noise(self._noise)
        self._membranes.rest(v_init)
        h.stream_LivnBackground = stream
        h.finitialize()
        weight = self._wiring.read(1)
        weight[self._depressing] = 1.0
        self._wiring.write(1, weight)
        self._wiring.write(2, np.zeros(self.network.n_connections))

    def update_parameters(self) -> None:
        self._membranes.update()
        self._set_strength()

    def _set_strength(self) -> None:
        self._wiring.set_strength({rule: p.w_max for rule, p in self._rules.items()})

    def set_noise(self, noise: Mapping[str, Mapping[str, float]]) -> None:
        self._noise = noise
        if self.dt:
            self._membranes.set_noise(noise)

    def set_stream(self, stream: int) -> None:
        self.stream = stream
        self._h.stream_LivnBackground = stream

    def set_seed(self, seed: int) -> None:
        self._membranes.set_seed(seed)

    def set_plasticity(self, on: bool, rules: Mapping[str, RuleParameters]) -> None:
        self._rule_on, self._rules = on, dict(rules)
        if self.dt:
            self._set_rules()
            self._set_strength()

    def _set_rules(self) -> None:
        self._wiring.set_rules(self._rule_on, self._rules, tally_steps(self.dt))

    # Running

    def advance(
        self,
        n_steps: int,
        probes: list[Probe],
        stimulus: Input | None = None,
        tracing: Tracing | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Advance:
        self._check_usable()
        start, end = self.step, self.step + n_steps
        sampler = Sampler(self._h, self._variables, probes, n_steps)
        tracer = Tracer(tracing)
        most = min(self.world.everyone(tracer.most_steps))
        drive = Drive(self._h, self._membranes, self._electrodes, stimulus)
        spikes: list[tuple[np.ndarray, np.ndarray]] = []
        grid = int(np.lcm.reduce([1, *(p.every for p in probes)]))
        try:
            if stimulus is not None and len(stimulus.opening):
                spikes.append(self._open(stimulus.opening))
            with deferred_interrupt() as asked:
                while self.step < end:
                    steps = min(self._steps_per_call, end - self.step, most)
                    if self.world.any(asked()):  # stop where every recording is complete
                        end = min(end, start - (start - self.step) // grid * grid)
                        steps = min(end - self.step, most)
                        if not steps:
                            break
                    began, before = time.perf_counter(), self.step
                    bad = self._integrate(self.step + steps, start, sampler, tracer, drive, spikes)
                    worst = self._worst(bad)
                    tracer.pass_on(self.step if worst is None else round(worst.time / self.dt) - 1)
                    if worst is not None:
                        self._broken = True
                        raise worst
                    mine = paced(self._steps_per_call, self.step - before, time.perf_counter() - began)
                    self._steps_per_call = self.world.root(mine)  # all ranks alike, since they meet in a call
                    if progress is not None and self.world.is_root:
                        progress(self.step - start, sum(len(s) for s, _ in spikes))
        finally:
            drive.withdraw()
            spikes.append(self._last_spikes())
            born = np.concatenate([s for s, _ in spikes])
            cells = np.concatenate([c for _, c in spikes])
            order = np.lexsort((cells, born))
            born, cells = born[order], cells[order]
            self._remember(born, cells)
        done = self.step - start
        return Advance(born, cells, sampler.series(done), done, self.world.any(asked()))

    def _integrate(
        self, stop: int, start: int, sampler: Sampler, tracer: Tracer, drive: Drive, spikes: list[Any]
    ) -> SimulationDiverged | None:
        """Advance to step `stop`, halting wherever something is due; the first divergence found on this rank."""
        bad: SimulationDiverged | None = None
        look = max(1, int(1.0 / self.dt))
        while self.step < stop:
            at = self.step - start
            sampler.sample(at, flux=False)
            drive.load(at)
            n = min(stop - self.step, sampler.gap(at), drive.gap(at), tracer.gap(self.step), look)
            self._solve(n, at == 0, spikes)
            sampler.sample(at, flux=True)
            tracer.take(self.step, self.multipliers)
            bad = bad or self._diverged()
        return bad

    def _solve(self, n: int, first: bool, spikes: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Let NEURON do n steps, and collect the spikes that it sent: those stamped with a step that it began."""
        began = self._h.t
        self._parallel.psolve(began + (n + 0.25) * self.dt)
        count = int(self._times.size())
        if count:
            times, cells = (v.to_python(np.empty(count)) for v in (self._times, self._sources))
            # counted from here: t drifts in its last digits
            born = self.step + np.floor((times - began) / self.dt + 0.5).astype(np.int64)
            cells = cells.astype(np.int64)
            new = born > self.step if first else slice(None)  # those of the last step before were told of then
            spikes.append((born[new], cells[new]))
            self._times.resize(0)
            self._sources.resize(0)
        self.step += n

    def _last_spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """The spikes of the last step, which NEURON sends at the start of the next."""
        cells = self._membranes.cells[self._fired.read() > 0.0]
        return np.full(len(cells), self.step), cells

    def _open(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let cells spike now, those that are not refractory: (steps, cells) of this process."""
        least = max(1, refractory_steps(self.network.model.refractory_period, self.dt))
        spiking = np.zeros(len(cells))
        for i, cell in enumerate(cells.tolist()):
            if (cell, 0) in self._membranes.segments:
                watch = self._membranes.segments[cell, 0].livn_spike
                if ready(self.step, watch.last, least):
                    watch.last, spiking[i] = float(self.step), 1.0
        cells = cells[self.world.total(spiking) > 0.0]
        born = np.full(len(cells), self.step)
        self._wiring.launch(born, cells, self.step, self.dt, self._h.t)
        mine = self.network.is_local(cells)
        return born[mine], cells[mine]

    def _remember(self, born: np.ndarray, cells: np.ndarray) -> None:
        """Keep the spikes that may still be on their way, on whichever rank."""
        born, cells = np.concatenate([self._recent[0], born]), np.concatenate([self._recent[1], cells])
        alive = born + self._longest >= self.step
        self._recent = born[alive], cells[alive]

    def _diverged(self) -> SimulationDiverged | None:
        """The cell with the lowest gid of those that ran away, if any did."""
        found = []
        for column, number, section in self._potentials:
            v = column.read()
            for row in np.flatnonzero(~(np.abs(v) < LIMIT))[:1].tolist():
                cell = np.flatnonzero(self.network.kind == number)[row]
                found.append((int(self.network.gids[cell]), section, float(v[row])))
        if not found:
            return None
        gid, section, value = min(found, key=lambda f: f[0])
        return SimulationDiverged(gid=gid, section=section, time=round(self.step * self.dt, 9), value=value)

    def _worst(self, bad: SimulationDiverged | None) -> SimulationDiverged | None:
        """The first divergence that was found on any rank."""
        found = [b for b in self.world.everyone(bad) if b is not None]
        return min(found, key=lambda b: (b.time, b.gid), default=None)

    def _check_usable(self) -> None:
        if self._broken:
            raise RuntimeError("this culture diverged: clear() starts again")

    # State

    def read_state(self) -> State:
        self._check_usable()
        net = self.network
        state: State = {"step": np.array(self.step), "stream": np.array(self.stream)}
        for number, kind in enumerate(net.kinds):
            for name in self._names(kind):
                state[f"{kind.name}.{name}"] = self._variables.column(number, name).read()
        state["last_spike"] = np.zeros(net.n_cells, np.int64)
        for cell in self._membranes.cells.tolist():
            state["last_spike"][cell] = int(self._membranes.segments[cell, 0].livn_spike.last)
        state["neuron.ends"] = self._ends.read()
        state["weight"], state["last_integral"] = self._wiring.read(1), self._wiring.read(2)
        state["spike_steps"], state["spike_cells"] = (a.copy() for a in self._recent)
        return state

    def _names(self, kind: CellType) -> list[str]:
        model = self.network.model
        return state_names(kind, model.receptors, model.neuron_plasticity_defaults())

    def write_state(self, state: State) -> None:
        self.step, self.stream, self._broken = int(state["step"]), int(state["stream"]), False
        h, net = self._h, self.network
        for number, kind in enumerate(net.kinds):  # potentials first: what follows from them is set by finitialize
            for name in (f"v_{section}" for section in kind.sections):
                self._variables.column(number, name).write(state[f"{kind.name}.{name}"])
        h.stream_LivnBackground = self.stream
        h.finitialize()  # NEURON's own clock starts at 0 again: what matters counts steps
        for number, kind in enumerate(net.kinds):
            for name in self._names(kind):
                self._variables.column(number, name).write(state[f"{kind.name}.{name}"])
        if "neuron.ends" in state:
            self._ends.write(state["neuron.ends"])
        for cell in self._membranes.cells.tolist():
            self._membranes.segments[cell, 0].livn_spike.last = float(state["last_spike"][cell])
        for counter in self._counters():
            counter.count = self.step
        self._wiring.write(1, state["weight"])
        self._wiring.write(2, state["last_integral"])
        born, cells = state["spike_steps"], state["spike_cells"]
        self._wiring.launch(born, cells, self.step, self.dt)
        mine = net.is_local(cells)
        self._recent = born[mine], cells[mine]

    def _counters(self) -> Iterator[Any]:
        """All that counts steps."""
        for cell in self._membranes.cells.tolist():
            yield self._membranes.segments[cell, 0].livn_spike
        for processes in (self._membranes.background, self._wiring.rules, self._wiring.synapses):
            yield from processes.values()

    def multipliers(self) -> np.ndarray:
        return self._wiring.read(1)[self.network.plastic]

    def set_multipliers(self, w: np.ndarray) -> None:
        weight = self._wiring.read(1)
        weight[self.network.plastic] = w
        self._wiring.write(1, weight)

    def learning(self) -> dict[tuple[str, str, str], dict[str, np.ndarray]]:
        return {
            (rule, kind.name, section): {
                "integral" if name == "learning" else name: self._variables.column(
                    number, f"{name}_{rule}_{section}"
                ).read()
                for name in ("learning", *COUNTS)
            }
            for number, kind in enumerate(self.network.kinds)
            for section in kind.sections
            for rule in self._rules
        }

    def clear_tally(self) -> None:
        for number, kind in enumerate(self.network.kinds):
            nothing = np.zeros(int((self.network.kind == number).sum()))
            for section in kind.sections:
                for rule in self._rules:
                    for name in COUNTS:
                        self._variables.column(number, f"{name}_{rule}_{section}").write(nothing)

    def close(self) -> None:
        if live() is not self:
            return
        self._electrodes.clear()
        self._potentials.clear()
        del self._fired, self._ends
        self._variables.close()
        self._wiring.close()
        self._membranes.close()
        release(self._h)


def _check_model(network: Network) -> None:
    """Refuse what there are no mechanisms for.

    Raises:
        UnsupportedByEngine: a kind of cell or a receptor of the user's own.
    """
    for kind in network.kinds:
        if (kind.step, kind.prepare, kind.areas) not in KINDS:
            raise UnsupportedByEngine(f"cells of the kind {kind.name!r}", "neuron", ("cpu",))
    for receptor in network.model.receptors:
        traits = receptor.rule is not None, receptor.blocked, receptor.depressing
        if RECEPTORS.get(receptor.mechanism) != traits:
            raise UnsupportedByEngine(f"the receptor {receptor.label!r}", "neuron", ("cpu",))
