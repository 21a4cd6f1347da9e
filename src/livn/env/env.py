"""Env: a system, a model and an engine, runnable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.cells import Cell, CellRegistry
from livn.engine.registry import engine_class
from livn.env import defaults, parameters
from livn.env.inputs import engine_input
from livn.env.learning import Learning, Traces
from livn.env.recorders import Recorders, check_memory
from livn.errors import RunInterrupted, UnsupportedByEngine
from livn.network import Network, build_network
from livn.run import Run
from livn.stimulus import Stimulus
from livn.system.resolve import resolve

if TYPE_CHECKING:
    from livn.engine.base import Engine
    from livn.plasticity import PlasticitySummary, Weights, WeightTraces

__all__ = ["Env"]

DEFAULT_DT = 0.025
STREAMS = 1 << 16
AUTO_COMPARTMENTS = 256
"""Compartments per thread below which another thread would wait more than work."""


class Env:
    """A culture in a dish: build it with `livn.make`, or by hand and `init()`.

    Args:
        system: a System, the name of a predefined one, a system's directory, a number of unconnected EXC cells or a
            mapping of populations to numbers.
        model: how the cells behave; None: the system's default.
        io: electrodes; not in this version.
        seed: of the noise and of every random choice, 0 to 2^64 - 1. Streams are per cell: results don't depend on
            the number of threads.
        comm: an MPI communicator; of size 1 on engines without MPI.
        subworld_size: MPI ranks per simulation; 1 on engines without MPI.
        engine: `"cpu"`; None: the environment variable `LIVN_BACKEND`, else `"cpu"`.
        threads: None: the environment variable `LIVN_THREADS`, else as many as the culture can use.
        precision: `"double"`.

    Raises:
        ValueError, TypeError: an argument that is not legal.
        ImportError: an engine that is not installed.

    Attributes:
        system, model, io, seed, comm: as given.
        engine: name of the engine.
        capabilities: what the engine can do.
        threads: number of threads.
        selection_name: name of the stored selection in use, or None.
    """

    def __init__(
        self,
        system: Any,
        model: Any = None,
        io: None = None,
        seed: int = 123,
        comm: Any = None,
        subworld_size: int | None = None,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = "double",
    ) -> None:
        if io is not None:
            raise ValueError(f"io must be None, got {io!r:.200}: electrodes are not in this version of livn")
        checks.choice("precision", precision, ("double",))
        self.seed = checks.integer("seed", seed, low=0, high=2**64 - 1)
        if threads is not None:
            checks.integer("threads", threads, low=1, high=1024)
        self._engine_class = engine_class(engine)
        self.engine: str = self._engine_class.name
        self.capabilities = self._engine_class.capabilities
        _check_comm(comm, subworld_size, self._engine_class)
        self.comm, self.io, self.precision = comm, None, precision
        self.system = resolve(system)
        self.model = self.system.default_model() if model is None else _check_model(model)
        self._threads = threads
        self.selection_name: str | None = None
        self._selection: dict[str, np.ndarray] | None = None
        self._network: Network | None = None
        self._running: Engine | None = None
        self._learning: Learning | None = None
        self._closed = False
        self._recorders, self._traces = Recorders(), Traces()
        self._noise: parameters.Noise = {}
        self._weights: dict[str, float] = {}
        self._cells = CellRegistry(self)
        self._stream = 0
        self._v_init: float | None = None
        self._dt: float | None = None
        self._late = (np.empty(0, np.int64), np.empty(0, np.int64))  # spikes stamped with the end of the last run

    # Life

    def init(self) -> Env:
        """Build cells and synapses. Required before `run`, weights and plasticity; a second call does nothing.

        Raises:
            RuntimeError: the env is closed.
        """
        self._check_open()
        if self._running is not None:
            return self
        network = self._ensure_network()
        engine = self._engine_class(network, seed=self.seed, threads=self._pick_threads(network))
        engine.set_noise(self._noise)
        engine.reset(DEFAULT_DT, self._v_init, self._stream)
        self._running, self._learning = engine, Learning(network, engine)
        for name, cells in network.populations.items():
            gids = network.gids[cells].tolist()
            self._cells.add(name, {gid: Cell(self, name, gid) for gid in gids})
        return self

    def close(self) -> None:
        """Free the engine; a second call does nothing, any other use afterwards raises `RuntimeError`."""
        if self._running is not None:
            self._running.close()
        self._running, self._learning, self._network = None, None, None
        self._cells.clear()
        self._closed = True

    def __enter__(self) -> Env:
        self._check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._closed:
            return f"Env({self.system.name!r}, closed)"
        cells = ", ".join(f"{p} {self.system.population_count(p)}" for p in self.system.populations)
        on = "on" if self._learning is not None and self._learning.on else "off"
        state = f"t = {self.t:g} ms, plasticity {on}" if self._running is not None else "not initialised"
        recorded = [*self._recorders.signals, *(["weights"] if self._traces.recorder is not None else [])]
        recording = f", recording {', '.join(recorded)}" if recorded else ""
        return f"Env({self.system.name!r}: {cells}; engine {self.engine!r}; {state}{recording})"

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this env is closed; make a new one")

    def _engine(self) -> Engine:
        self._check_open()
        if self._running is None:
            raise RuntimeError("call init() first")
        return self._running

    def _learner(self) -> Learning:
        self._engine()
        if self._learning is None or "plasticity" not in self.capabilities:
            raise UnsupportedByEngine("plasticity", self.engine, ("cpu",))
        return self._learning

    def _ensure_network(self) -> Network:
        self._check_open()
        if self._network is None:
            network = build_network(self.system, self.model, self._selection)
            parameters.apply_weights(network, {k: v for k, v in self._weights.items() if k in network.weight_groups})
            self._network = network
        return self._network

    def _network_now(self) -> Network:
        self._engine()
        return self._ensure_network()

    def _pick_threads(self, network: Network) -> int:
        wanted: Any = self._threads
        if wanted is None and os.environ.get("LIVN_THREADS"):
            try:
                wanted = checks.integer("LIVN_THREADS", int(os.environ["LIVN_THREADS"]), low=1, high=1024)
            except ValueError:
                raise ValueError(
                    f"LIVN_THREADS must be a whole number >= 1, got {os.environ['LIVN_THREADS']!r}"
                ) from None
        if wanted is None:
            wanted = min(os.cpu_count() or 1, max(1, len(network.compartments[0]) // AUTO_COMPARTMENTS))
        self.threads = int(wanted)
        return self.threads

    # What is there

    def selection(self, select: Any, method: str = "first", bounds: Any = None) -> Env:
        """Simulate a part of the culture only; other cells and their synapses do not exist. Before `init()`.

        Args:
            select: name of a stored selection, number of cells (split by population size), fraction, or
                `{population: number | fraction | gids}`.
            method: `"first"`, `"random"` (seeded) or `"patch"` (a centred box: a fraction is one of the area, a number
                means the nearest cells).
            bounds: [[x0, y0], [x1, y1]] in µm, for `"patch"`.

        Raises:
            RuntimeError: after `init()`.
            ValueError, KeyError, TypeError: see `System.selection`.
        """
        self._check_open()
        if self._running is not None:
            raise RuntimeError("selection() must come before init()")
        self._selection = self.system.selection(select, None, self.seed, method, bounds)
        self.selection_name = select if isinstance(select, str) else None
        self._network = None
        return self

    @property
    def cells(self) -> CellRegistry:
        """The cells and their parameters.

        Raises:
            RuntimeError: before `init()`.
        """
        self._engine()
        return self._cells

    def active_populations(self) -> list[str]:
        """Names of the populations that are simulated."""
        return list(self._ensure_network().populations)

    def active_gids(self) -> np.ndarray:
        """int64[N], the gids that are simulated, ascending."""
        return self._ensure_network().gids.copy()

    def simulated_gids(self) -> np.ndarray:
        """int64[N], the gids that this process simulates, ascending."""
        return self.active_gids()

    @property
    def weight_names(self) -> list[str]:
        """The keys that `set_weights` takes for this culture, sorted."""
        return list(self._ensure_network().weight_groups)

    # Parameters

    def apply_model_defaults(self, weights: bool = True, noise: bool = True) -> Env:
        """Apply the model's static weights and noise for a system of this name, else its generic set."""
        self._check_open()
        self.model.apply_defaults(self, checks.boolean("weights", weights), checks.boolean("noise", noise))
        return self

    def apply_default_params(self, group: str | None = None, strict: bool = False) -> Env:
        """Apply the system's stored parameters for this selection and model, else the model's defaults.

        Args:
            group: which of the stored sets; None: `"default"`.
            strict: raise rather than warn about entries that this culture cannot use.

        Raises:
            KeyError: unknown group, or with `strict` an entry that cannot be used.
        """
        self._check_open()
        defaults.apply_default_params(self, group, checks.boolean("strict", strict))
        return self

    def set_weights(self, weights: Mapping[str, float]) -> Env:
        """Set static synaptic weights, dimensionless multipliers of the unit conductance.

        Args:
            weights: `{"{post}_{pre}-{section}-{mechanism}-weight": value >= 0}`, mechanism a receptor label. Trailing
                parts may be left out and then match all; `hillock` is read as `dend`.

        Raises:
            KeyError: a name that matches nothing.
            ValueError: a value that is negative or not finite.
            TypeError: learned multipliers, which go to `set_multipliers`.
        """
        network = self._ensure_network()
        resolved = parameters.resolve_weights(weights, network)
        self._weights |= resolved
        parameters.apply_weights(network, resolved)
        return self._parameters_changed()

    def set_noise(self, noise: Mapping[str, Any]) -> Env:
        """Set the background: Ornstein-Uhlenbeck conductances, off until first set; merges over earlier calls.

        Args:
            noise: `g_e0, g_i0, std_e, std_i` (µS), `tau_e, tau_i` (ms), `E_e, E_i` (mV) for all populations, or
                `{population: {...}}`. `std` is the stationary standard deviation at every step; the conductance is
                clipped at 0. EXC takes the excitatory part on its dendrite and the inhibitory on its soma, INH both
                on its soma.

        Raises:
            KeyError: unknown parameter or population.
            ValueError: a value out of bounds.
        """
        self._check_open()
        merged = parameters.merge_noise(noise, self._noise, self.active_populations())
        self._noise = merged
        if self._running is not None:
            self._running.set_noise(merged)
        return self

    def set_params(self, params: Mapping[str, Any]) -> Env:
        """Set parameters by prefixed name: `weight-` or none, `noise-`, `cells-`; all are checked before any is set.

        `"noise-g_e0"` sets a noise parameter everywhere, `"noise-EXC-g_e0"` on one population;
        `"cells-soma.g_pas"` is `cells.set_params({"soma.g_pas": ...})`.

        Raises:
            KeyError, ValueError, TypeError: as the call that the name leads to.
        """
        self._check_open()
        defaults.set_params(self, params)
        return self

    def _parameters_changed(self) -> Env:
        if self._running is not None:
            self._running.update_parameters()
        return self

    # Recording

    def recordable(self) -> list[str]:
        """Names of the signals that `record` takes, sorted."""
        return self._recorders.recordable(self._ensure_network())

    def record(self, what: str, population: Any = None, **options: Any) -> Env:
        """Record a signal from the next run on. Populations add up over calls; the latest options hold.

        Args:
            what: one of `recordable()`.
            population: name, list of names, or None: all.
            **options: `dt` [ms] for all but spikes; `gids` and `sections` for voltages and states.

        Raises:
            AttributeError: unknown signal.
            TypeError: unknown option.
            KeyError: unknown population.
            ValueError: unknown gid or section, or dt <= 0.
        """
        self._recorders.record(self._ensure_network(), what, population, options)
        return self

    def record_spikes(self, population: Any = None) -> Env:
        """Record spikes of a population, of several, or of all (None)."""
        return self.record("spikes", population)

    def record_voltage(self, population: Any = None, dt: float = 0.1, gids: Any = None, sections: Any = None) -> Env:
        """Record membrane potentials [mV] every `dt` ms: somata, or one row per (cell, section) of `sections`."""
        return self.record("voltage", population, dt=dt, gids=gids, sections=sections)

    def record_membrane_current(self, population: Any = None, dt: float = 0.1) -> Env:
        """Record transmembrane currents [µA] every `dt` ms, one row per compartment; injected current excluded."""
        return self.record("membrane_current", population, dt=dt)

    def record_weights(self, dt: float = 0.1) -> Env:
        """Sample all plastic weights at absolute multiples of `dt` [ms] from now on; read them from `w_recs`.

        Called again with the same dt it continues, with another it starts new traces.

        Raises:
            ValueError: dt <= 0.
        """
        self._check_open()
        self._traces.record(checks.number("dt", dt, above=0.0, unit="ms"))
        return self

    @property
    def w_recs(self) -> WeightTraces:
        """The weights recorded so far: a mapping with the keys of `get_weights()` to traces; a snapshot."""
        self._check_open()
        return self._traces.read(self._network)

    @property
    def voltage_recording_dt(self) -> float | None:
        """Sampling interval of the voltages, ms; None if not recorded."""
        return self._recording_dt("voltage")

    @property
    def membrane_current_recording_dt(self) -> float | None:
        """Sampling interval of the membrane currents, ms; None if not recorded."""
        return self._recording_dt("membrane_current")

    def _recording_dt(self, what: str) -> float | None:
        signal = self._recorders.signals.get(what)
        return None if signal is None else signal.dt

    def clear_recordings(self) -> Env:
        """Drop what was recorded: weight traces and spikes that would open the next run; what is enabled stays."""
        self._check_open()
        if self._traces.recorder is not None:
            self._traces.recorder.clear()
        self._late = (np.empty(0, np.int64), np.empty(0, np.int64))
        return self

    # Running

    @property
    def t(self) -> float:
        """Time since construction or `clear()`, ms."""
        return 0.0 if self._running is None else self._running.step * (self._dt or DEFAULT_DT)

    @property
    def v_init(self) -> float | None:
        """Potential of every compartment at t = 0, mV; None: each cell's V_rest. Settable before the first run."""
        return self._v_init

    @v_init.setter
    def v_init(self, value: float | None) -> None:
        self._check_open()
        if value is not None:
            value = checks.number("v_init", value, low=-200.0, high=100.0, unit="mV")
        if self._dt is not None:
            raise RuntimeError("v_init can be set before the first run or after clear() only")
        self._v_init = value

    def run(self, duration: float, stimulus: Any = None, dt: float | None = None) -> Run:
        """Advance the culture; state persists, so that run(a) and run(b) equal run(a + b).

        Args:
            duration: ms, > 0, a multiple of the step and of every recording dt.
            stimulus: anything that `Stimulus.from_arg` takes; its time starts with the run.
            dt: integration step, ms, default 0.025; fixed until `clear()`.

        Returns:
            What was recorded, times relative to the run's start.

        Raises:
            ValueError: a duration, a dt or a stimulus that is not legal.
            MemoryError: recordings beyond `LIVN_MAX_RECORDING_GB`.
            SimulationDiverged: a potential became NaN or ran away.
            RunInterrupted: Ctrl-C; the exception holds what was recorded, and the culture can go on.
        """
        engine, network, learning = self._engine(), self._ensure_network(), self._learning
        step = self._step(dt)
        steps = checks.steps("duration", duration, step)
        probes = self._recorders.probes(network, step, steps)
        start = engine.step
        recorder = self._traces.recorder
        every = checks.steps("the dt of record_weights", recorder.dt, step) if recorder is not None else 0
        samples = (start + steps) // every - start // every if every else 0
        check_memory(probes, steps, samples, len(network.plastic), 0 if recorder is None else recorder.nbytes)
        stim = Stimulus.from_arg(stimulus, self, steps * step)
        driven = None if stim is None else engine_input(self.model.prepare_stimulus(stim), network, step)
        if self._dt is None:
            engine.reset(step, self._v_init, self._stream)
        self._dt = step
        if learning is not None:
            learning.touched = True
        try:
            result = engine.advance(steps, probes, driven, every)
        finally:
            if learning is not None and learning.on:
                per = max(1, round(1.0 / step))
                learning.samples += -(-engine.step // per) - -(-start // per)
        if recorder is not None and result.traces is not None:
            recorder.add(start // every + 1, result.traces)
        spikes = self._split_spikes(result.spike_steps, result.spike_cells, engine.step)
        run = self._recorders.run(network, probes, result, spikes, step, start)
        if result.steps < steps:
            raise RunInterrupted(run)
        return run

    def _step(self, dt: float | None) -> float:
        """The integration step of a run that asks for `dt`."""
        if dt is None:
            return self._dt or DEFAULT_DT
        step = checks.number("dt", dt, above=0.0, high=1.0, unit="ms")
        if self._dt is not None and step != self._dt:
            raise ValueError(f"dt is {self._dt:g} ms until clear(), got {step:g}")
        return step

    def _split_spikes(self, steps: np.ndarray, cells: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray]:
        """The spikes of the run that ended at step `end`; those stamped exactly with its end open the next one."""
        steps, cells = np.concatenate([self._late[0], steps]), np.concatenate([self._late[1], cells])
        late = steps == end
        self._late = steps[late], cells[late]
        return steps[~late], cells[~late]

    def clear(self, reseed: bool = True, reset_weights: bool = False) -> Env:
        """Back to t = 0 and the initial state; recordings are emptied but stay enabled, parameters stay.

        Args:
            reseed: move the noise to a fresh, reproducible stream; False replays it.
            reset_weights: put plastic weights back to `w_init`; else they survive.
        """
        engine = self._engine()
        reseed, reset_weights = checks.boolean("reseed", reseed), checks.boolean("reset_weights", reset_weights)
        if reseed:
            self._stream = (self._stream + 1) % STREAMS
        engine.reset(self._dt or DEFAULT_DT, self._v_init, self._stream)
        self._dt = None
        if self._learning is not None:
            self._learning.reset(reset_weights)
        return self.clear_recordings()

    def reseed_noise(self, stream: int | None = None) -> Env:
        """Draw the noise from another stream from now on: the next one, or the one given (0 to 65535)."""
        engine = self._engine()
        if stream is None:
            stream = (self._stream + 1) % STREAMS
        self._stream = checks.integer("stream", stream, low=0, high=STREAMS - 1)
        engine.set_stream(self._stream)
        return self

    # Plasticity

    def enable_plasticity(self, config: Mapping[str, Any] | None = None) -> Env:
        """Let synapses learn. A call while on changes the parameters only.

        Args:
            config: None: the model's defaults; `{parameter: value}` for every synapse; `{"EXC": {...}, "INH": {...}}`
                for the rules named. Overrides sit on the model's defaults, not on the previous call. Weights outside
                new bounds are clipped at once; `w_init` applies at a reset, or at once while nothing has been
                simulated or rescaled.

        Raises:
            ValueError: unknown rule or parameter, a mixture of the two forms, values out of range.
            RuntimeWarning: (a warning) no synapse of this network is plastic.
        """
        self._learner().enable(config)
        return self

    def disable_plasticity(self) -> Env:
        """Freeze the weights, bit for bit, until plasticity is enabled again."""
        self._learner().disable()
        return self

    def normalize_weights(self, target: Any = None) -> Env:
        """Homeostasis: scale each cell's plastic incoming weights so that their sum is `target` (None: their number).

        Weights held at their bounds stay there and the rest is rescaled until the sum fits within 1e-6; see
        `livn.weights.normalize_weights`. Works with plasticity on or off.

        Raises:
            ValueError: a target that is negative or not finite.
            RuntimeWarning: (a warning) a target that the bounds don't allow, or a network without plastic synapses.
        """
        self._learner().normalize(target)
        return self

    def get_weights(self) -> Weights:
        """A snapshot of the multiplier of every synapse that can learn, plasticity on or off."""
        return self._learner().weights()

    def set_multipliers(self, weights: Any) -> Env:
        """Put multipliers back: what `get_weights` returned, a mapping with (some of) its keys, or an array.

        Raises:
            ValueError: outside the bounds, an unknown key, a wrong length.
        """
        self._learner().set_multipliers(weights)
        return self

    def plasticity_summary(self) -> PlasticitySummary:
        """What plasticity did since it was last switched on or the culture was cleared; prints as a table."""
        return self._learner().summary(self._dt or DEFAULT_DT)

    # Storing

    def save(self, path: str | os.PathLike[str]) -> None:
        """Store the whole state in one checksummed file; `Env.load` continues bit for bit, spikes in flight included.

        Raises:
            RuntimeError: before `init()`.
            OSError: the file cannot be written.
        """
        from livn.env import storage

        self._engine()
        storage.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], engine: str | None = None) -> Env:
        """The culture that `save` stored, ready to run.

        Raises:
            FileNotFoundError: no such file.
            DamagedFile, NewerFormat: a file that cannot be used.
        """
        from livn.env import storage

        return storage.load(cls, path, engine)


def _check_model(model: Any) -> Any:
    from livn.types import Model

    if isinstance(model, type) or not isinstance(model, Model):
        raise TypeError(f"model must be a model, such as ReducedCalciumSomaDendrite(), got {model!r:.200}")
    return model


def _check_comm(comm: Any, subworld_size: Any, engine: type[Engine]) -> None:
    size = 1 if comm is None else comm.Get_size()
    if subworld_size is not None:
        size = max(size, checks.integer("subworld_size", subworld_size, low=1))
    if size > 1 and "mpi" not in engine.capabilities:
        raise UnsupportedByEngine("mpi", engine.name, ())
