"""The CPU engine: tiles of cells in one flat array, advanced by a compiled kernel on one or more threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from livn.engine.base import COUNTS, Advance, Engine, Input, Probe, State, Tracing, paced, tally_steps
from livn.engine.cpu import codegen as cg
from livn.engine.cpu.connections import BLOCKS, Connections
from livn.engine.cpu.events import AHEAD, WIDTH
from livn.engine.cpu.kernel import load_kernel
from livn.engine.cpu.layout import NOISE_CONSTANTS, RULES, Layout
from livn.engine.cpu.plans import ProbePlan, ProbeTable, StimulusPlan, StimulusTable, TracePlan
from livn.engine.cpu.sync import WORDS
from livn.engine.cpu.team import Team
from livn.engine.cpu.tiles import Tiles
from livn.engine.interrupt import deferred_interrupt
from livn.errors import SimulationDiverged
from livn.models import noise as noise_model
from livn.models.cells import ready, refractory_steps
from livn.models.plasticity import step_constants
from livn.models.synapses import decays
from livn.network import Network
from livn.plasticity.rules import RuleParameters

__all__ = ["CpuEngine"]

LONGEST_WINDOW = 400
"""Steps that threads go without meeting, however long the shortest delay."""


class CpuEngine(Engine):
    """Integrates a network with compiled code; results don't depend on the number of threads."""

    name = "cpu"
    capabilities = frozenset(
        {"simulation", "plasticity", "noise", "replayable_noise", "per_gid_voltage", "extracellular_stimulus"}
    )
    precisions = ("double", "single")

    def __init__(self, network: Network, *, seed: int, threads: int, precision: str = "double") -> None:
        self.network = network
        self.seed = seed
        self.step = 0
        self.dt = 0.0
        self.stream = 0
        self.layouts = [Layout.of(kind, network.model.receptors, precision == "single") for kind in network.kinds]
        self.tiles = Tiles(network, self.layouts)
        self.threads = max(1, min(threads, self.tiles.count))
        self._advance = self._load_kernel()
        self._team = Team(self.threads)
        self._warm = self._broken = False
        self._connections = Connections(network, self.tiles, self.threads)
        self._noisy = False
        self._rule_on = False
        self._noise: Mapping[str, Mapping[str, float]] = {}
        self._rules: dict[str, RuleParameters] = {
            rule: RuleParameters(**p) for rule, p in network.model.neuron_plasticity_defaults().items()
        }
        self._probes, self._stimulus = ProbeTable([], self.tiles), StimulusTable(None, self.tiles)
        self._steps_per_call = 40
        receptors = network.model.receptors
        modes = [layout.modes() for layout in self.layouts]
        widest = max(len(m) for m, _ in modes)
        self._modes, self._integrals = (
            np.array([np.pad(pair[i], (0, widest - len(pair[i]))) for pair in modes]) for i in (0, 1)
        )
        self._kinetics = np.zeros((len(self.layouts), len(receptors), 3))
        self._rule_table = np.zeros((len(RULES), 9))
        self._bounds = np.zeros((len(RULES), 2))

    def _load_kernel(self) -> Callable[..., None]:
        """The compiled function that advances the tiles."""
        return load_kernel(self.layouts)

    # Setting up

    def reset(self, dt: float, v_init: float | None, stream: int) -> None:
        self.dt, self.step, self.stream, self._broken = dt, 0, stream, False
        self.tiles.reset(v_init)
        self._connections.build(dt)
        self._refractory = refractory_steps(self.network.model.refractory_period, dt)
        self._set_window()
        self.update_parameters()
        self._set_rules()
        self._recent = (np.empty(0, np.int64), np.empty(0, np.int64))
        words = noise_model.words(0, self.network.gids, noise_model.INITIAL, stream, self.seed)
        for side, z in zip("ei", noise_model.normals(*words), strict=True):
            self.tiles.put_cells(f"z_{side}", z)
        for number, layout in enumerate(self.layouts):
            for j, receptor in enumerate(layout.receptors):
                self._kinetics[number, j] = (*decays(receptor.kinetics[layout.kind.name], dt), receptor.reversal)
        if not self._warm:  # compile now: Python can still be interrupted, a run waits for its call to end
            self._launch(0)
            self._warm = True

    def _set_window(self) -> None:
        self._longest = min(self._connections.shortest or LONGEST_WINDOW, LONGEST_WINDOW)
        most = self._longest // max(1, self._refractory) + 1  # spikes of one cell in a window
        cells = int(np.diff(self._connections.blocks[::BLOCKS]).max()) * WIDTH
        self._buffer_step = np.zeros((self.threads, cells * most), np.int64)
        self._buffer_cell = np.zeros_like(self._buffer_step)
        self._buffered = np.zeros(self.threads, np.int64)
        self._counts = np.zeros(self._longest + 2, np.int64)
        events = self._connections.most_events(self._longest, self._refractory)
        tiles = int(np.diff(self._connections.blocks).max())
        self._queues = (
            np.zeros((self.threads, tiles * self._longest + 2), np.int32),
            np.zeros((self.threads, events + AHEAD), np.int64),
        )
        room = 4 * self._buffer_step.size + 1024
        self._spike_step, self._spike_cell = np.zeros(room, np.int64), np.zeros(room, np.int64)

    def update_parameters(self) -> None:
        for number, kind in enumerate(self.network.kinds):
            constants = kind.prepare(self.network.parameters[kind.name], self.dt)
            for name in kind.constants:
                self.tiles.put(number, name, constants[name])
            self.tiles.silence_padding(number, "threshold")
        self._connections.set_strength(self.network.peak_conductance())
        self._set_noise()

    def set_noise(self, noise: Mapping[str, Mapping[str, float]]) -> None:
        self._noise = noise
        if self.dt:
            self._set_noise()

    def _set_noise(self) -> None:
        self._noisy = bool(self._noise)
        for side in "ei":
            columns = {name: np.zeros(self.network.n_cells) for name in NOISE_CONSTANTS}
            columns["decay"][:] = 1.0  # a cell without noise keeps its z, stationary for when it gets some
            for population, p in self._noise.items():
                cells = self.network.populations[population]
                decay, spread = noise_model.stationary(self.dt, p[f"tau_{side}"])
                for name, value in (
                    ("mean", p[f"g_{side}0"]),
                    ("std", p[f"std_{side}"]),
                    ("decay", decay),
                    ("spread", spread),
                    ("reversal", p[f"E_{side}"]),
                ):
                    columns[name][cells] = value
            for name, values in columns.items():
                self.tiles.put_cells(f"{name}_{side}", values)

    def set_stream(self, stream: int) -> None:
        self.stream = stream

    def set_seed(self, seed: int) -> None:
        self.seed = seed

    def set_plasticity(self, on: bool, rules: Mapping[str, RuleParameters]) -> None:
        self._rule_on, self._rules = on, dict(rules)
        if self.dt:
            self._set_rules()

    def _set_rules(self) -> None:
        for i, rule in enumerate(RULES):
            p = self._rules[rule]
            base, fade = step_constants(rule, p.learning_slope, self.dt)
            self._rule_table[i] = (
                p.A_ltp,
                p.A_ltd,
                p.theta_ltp,
                p.theta_ltd,
                p.ltp_sigmoid_half,
                p.ltd_sigmoid_half,
                base,
                p.learning_tau,
                fade,
            )
            self._bounds[i] = p.w_min, p.w_max

    # Running

    def advance(
        self,
        n_steps: int,
        probes: list[Probe],
        stimulus: Input | None = None,
        tracing: Tracing | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Advance:
        self._check_whole()
        start, end = self.step, self.step + n_steps
        if not self._probes.serves(probes):
            self._probes = ProbeTable(probes, self.tiles)
        if not self._stimulus.serves(stimulus):
            self._stimulus = StimulusTable(stimulus, self.tiles)
        probe = ProbePlan(self._probes, n_steps)
        trace = TracePlan(self._connections, tracing)
        stim = StimulusPlan(stimulus, self._stimulus, self.tiles)
        most = min(stim.most_steps, trace.most_steps)
        spikes: list[tuple[np.ndarray, np.ndarray]] = []
        if stimulus is not None and len(stimulus.opening):
            spikes.append(self._open(stimulus.opening))
        self._control = self._fresh_control()
        grid = self._probes.together
        try:
            with deferred_interrupt() as asked:
                while self.step < end:
                    steps = min(self._steps_per_call, end - self.step, most)
                    if asked():  # stop where every recording is complete
                        end = min(end, start - (start - self.step) // grid * grid)
                        steps = min(end - self.step, most)
                        if not steps:
                            break
                    stim.load(self.step - start, steps)
                    trace.load(self.step, steps)
                    began, before = time.perf_counter(), self.step
                    try:
                        self._call(self.step + steps, start, probe, trace, stim, spikes)
                    finally:  # of a window in which a tile diverged, others may lack a part
                        trace.pass_on(self.step - self._longest if self._broken else self.step)
                    self._steps_per_call = paced(self._steps_per_call, self.step - before, time.perf_counter() - began)
                    if progress is not None:
                        progress(self.step - start, sum(len(s) for s, _ in spikes))
        finally:
            stim.withdraw()
            born = np.concatenate([np.empty(0, np.int64), *(s for s, _ in spikes)])
            places = np.concatenate([np.empty(0, np.int64), *(p for _, p in spikes)])
            self._remember(born, places)
        cells = self.tiles.cell_at[places]
        order = np.lexsort((cells, born))
        done = self.step - start
        return Advance(born[order], cells[order], probe.series(done), done, asked())

    def _check_whole(self) -> None:
        """A diverged tile stops within a window: what it holds then belongs to no one moment."""
        if self._broken:
            raise RuntimeError("this culture diverged: clear() starts again")

    def _fresh_control(self) -> np.ndarray:
        control = np.zeros((self.threads, cg.CONTROL_WORDS), np.int64)
        control[:, cg.BAD_TILE] = -1
        return control

    def _remember(self, born: np.ndarray, places: np.ndarray) -> None:
        """Keep the spikes that are still on their way."""
        born, places = np.concatenate([self._recent[0], born]), np.concatenate([self._recent[1], places])
        alive = born + self._connections.longest >= self.step
        self._recent = born[alive], places[alive]

    def _call(
        self,
        end: int,
        start: int,
        probe: ProbePlan,
        trace: TracePlan,
        stim: StimulusPlan,
        spikes: list[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        """Advance to step `end`, coming back to Python only for more room."""
        main = self._control[0]
        main[cg.STEP], main[cg.END] = self.step, end
        links = self._connections
        while True:
            main[cg.WINDOW] = min(self._longest, end - self.step)
            self._run_threads(start, probe, trace, stim)
            self.step = int(main[cg.STEP])
            status = int(main[cg.STATUS])
            if status == cg.RUNS_FULL:  # the spikes from PENDING on wait for room; they may fill their own as well
                links.grow(int(main[cg.ROOM]))
                main[cg.LAUNCH], main[cg.WINDOW] = 1, 0
                self._run_threads(start, probe, trace, stim)
            count = int(main[cg.COUNT])
            spikes.append((self._spike_step[:count].copy(), self._spike_cell[:count].copy()))
            main[cg.COUNT] = main[cg.PENDING] = main[cg.LAUNCH] = 0
            if status == cg.DIVERGED:
                self._broken = True
                raise self._diverged()
            if self.step >= end:
                return

    def _run_threads(self, start: int, probe: ProbePlan, trace: TracePlan, stim: StimulusPlan) -> None:
        sync = np.zeros(WORDS, np.int64)
        tiles, links = self.tiles, self._connections
        seed = np.uint64(self.seed & 0xFFFFFFFF), np.uint64(self.seed >> 32)
        stream = np.uint64((noise_model.BACKGROUND << 16) | self.stream)
        arguments = (
            self._control, sync, tiles.kind, tiles.cells, tiles.start, tiles.state, tiles.gid, tiles.last_spike,
            self._longest,
            links.blocks, links.source, links.runs, links.n_active, links.n_over, links.due, links.under_way,
            links.ready, links.begin, *self._queues,
            self._spike_step, self._spike_cell, self._buffer_step, self._buffer_cell, self._buffered, self._counts,
            self._modes, self._integrals, links.channels, links.learners, self._kinetics,
            self.dt, self._rule_table, self._rule_on, tally_steps(self.dt), self._refractory,
            self._noisy, *seed, stream,
            links.arrivals, links.records, self._bounds,
            *probe.arguments(start), *stim.arguments(), *trace.arguments(), max(1, int(1.0 / self.dt)),
        )  # fmt: skip
        self._team.run(lambda i: self._advance(i, self.threads, BLOCKS * i, BLOCKS * (i + 1), *arguments))

    def _diverged(self) -> SimulationDiverged:
        rows = self._control[self._control[:, cg.BAD_TILE] >= 0]
        row = rows[np.argmin(rows[:, cg.BAD_STEP])]
        tile, lane, at = (int(row[i]) for i in (cg.BAD_TILE, cg.BAD_LANE, cg.BAD_ROW))
        rows = self.layouts[self.tiles.kind[tile]].rows
        name = next(name for name in rows if rows[name] == at)
        place = tile * WIDTH + lane
        return SimulationDiverged(
            gid=int(self.tiles.gid[place]),
            section=name.removeprefix("v_"),
            time=round(int(row[cg.BAD_STEP]) * self.dt, 9),
            value=float(self.tiles.state[self.tiles.start[tile] + at * WIDTH + lane]),
        )

    # State

    def read_state(self) -> State:
        self._check_whole()
        state: State = {"step": np.array(self.step), "stream": np.array(self.stream)}
        state |= self.tiles.read_state()
        state["weight"], state["last_integral"] = self._connections.memory()
        born, places = self._recent
        cells = self.tiles.cell_at[places]
        order = np.lexsort((cells, born))
        state["spike_steps"], state["spike_cells"] = born[order], cells[order]
        return state

    def write_state(self, state: State) -> None:
        self.step, self.stream, self._broken = int(state["step"]), int(state["stream"]), False
        self.tiles.write_state(state)
        links = self._connections
        links.set_memory(state["weight"], state["last_integral"])
        places = self.tiles.place[state["spike_cells"]]
        order = np.lexsort((places, state["spike_steps"]))
        born, places = state["spike_steps"][order], places[order]
        self._recent = born, places
        links.make_room(len(places))
        if len(born) > self._spike_step.size:
            self._spike_step, self._spike_cell = np.zeros(2 * len(born), np.int64), np.zeros(2 * len(born), np.int64)
        self._spike_step[: len(born)], self._spike_cell[: len(born)] = born, places
        self._launch(len(born))

    def _launch(self, count: int) -> None:
        """Send the first `count` of the spikes on their way, and do nothing else."""
        self._control = self._fresh_control()
        main = self._control[0]
        main[cg.STEP] = main[cg.END] = self.step
        main[cg.COUNT], main[cg.LAUNCH] = count, 1
        probe = ProbePlan(ProbeTable([], self.tiles), 0)
        stim = StimulusPlan(None, StimulusTable(None, self.tiles), self.tiles)
        self._run_threads(self.step, probe, TracePlan(self._connections, None), stim)

    def _open(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let cells spike now, those that are not refractory: (steps, places)."""
        places = self.tiles.place[cells]
        last = self.tiles.last_spike
        places = places[ready(self.step, last[places], max(1, self._refractory))]
        last[places] = self.step
        born = np.full(len(places), self.step)
        links = self._connections
        room = int(links.n_active.max()) + len(places)
        if room > links.under_way.shape[1]:
            links.grow(room)
        self._spike_step[: len(places)], self._spike_cell[: len(places)] = born, places
        self._launch(len(places))
        return born, places

    def multipliers(self) -> np.ndarray:
        return self._connections.multipliers()

    def set_multipliers(self, w: np.ndarray) -> None:
        self._connections.set_multipliers(w)

    def learning(self) -> dict[tuple[str, str, str], dict[str, np.ndarray]]:
        out = {}
        for number, layout in enumerate(self.layouts):
            for _, section, _, rule in layout.learners():
                out[rule, layout.kind.name, section] = {
                    label: self.tiles.get(number, f"{name}_{rule}_{section}")
                    for label, name in (("integral", "learning"), *((c, c) for c in COUNTS))
                }
        return out

    def clear_tally(self) -> None:
        for number, layout in enumerate(self.layouts):
            for _, section, _, rule in layout.learners():
                for count in COUNTS:
                    self.tiles.put(number, f"{count}_{rule}_{section}", 0.0)

    def close(self) -> None:
        self._team.close()
