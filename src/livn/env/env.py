"""Env: a system, a model and an engine, runnable."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from livn import checks
from livn.engine.base import tally_steps
from livn.engine.registry import engines_with
from livn.env.calling import call
from livn.env.culture import DEFAULT_DT, NO_SPIKES, STREAMS
from livn.env.inputs import engine_input, polarises
from livn.env.plastic import Plastic
from livn.env.recorders import Spikes, check_memory
from livn.env.traces import WeightSettings
from livn.errors import RunInterrupted, UnsupportedByEngine
from livn.progress import Meter, meter
from livn.recordings import tidy
from livn.run import Run
from livn.stimulus import Stimulus

if TYPE_CHECKING:
    from livn.engine.base import Advance, Engine, Input, Probe
    from livn.network import Network
    from livn.plasticity import WeightTraces

__all__ = ["Env"]


class Env(Plastic):
    """A culture in a dish: build it with `livn.make`, or by hand and `init()`.

    Args:
        system: a System, the name of a predefined one, a system's directory, a number of unconnected EXC cells or a
            mapping of populations to numbers.
        model: how the cells behave; None: the system's default.
        io: electrodes, such as `livn.io.MEA`; None: the system's default.
        seed: of the noise and of every random choice, 0 to 2^64 - 1. Streams are per cell: results don't depend on
            the number of threads.
        comm: the MPI communicator whose ranks simulate this culture together, `MPI.COMM_WORLD` or one of size 1; on
            engines without MPI of size 1. Every rank makes the same calls; recordings and weights are those of its
            own cells, and `gather()` of a Run or of Weights brings them together.
        subworld_size: MPI ranks per simulation: those of `comm`.
        engine: `"cpu"` or `"neuron"`; None: the environment variable `LIVN_BACKEND`, else `"cpu"`.
        threads: the most to use; None: the environment variable `LIVN_THREADS`, else as many as the culture can use.
            NEURON uses one per process.
        precision: `"double"`, or `"single"`: 1.8 times as fast, with the same statistics but not the same spikes. Sums
            and weights stay double, so learning does not fade. The `cpu` engine only.

    Raises:
        ValueError, TypeError: an argument that is not legal.
        ImportError: an engine that is not installed.

    Attributes:
        system, model, io, seed, comm: as given.
        engine: name of the engine.
        capabilities: what the engine can do.
        precision: as given.
        threads: number of threads.
        selection_name: name of the stored selection in use, or None.
    """

    # Recording

    def recordable(self) -> list[str]:
        """Names of the signals that `record` takes, sorted."""
        return self._recorders.recordable(self._ensure_network())

    def record(self, what: str, population: Any = None, **options: Any) -> Self:
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

    def record_spikes(self, population: Any = None) -> Self:
        """Record spikes of a population, of several, or of all (None)."""
        return self.record("spikes", population)

    def record_voltage(self, population: Any = None, dt: float = 0.1, gids: Any = None, sections: Any = None) -> Self:
        """Record membrane potentials [mV] every `dt` ms: somata, or one row per (cell, section) of `sections`."""
        return self.record("voltage", population, dt=dt, gids=gids, sections=sections)

    def record_membrane_current(self, population: Any = None, dt: float = 0.1) -> Self:
        """Record transmembrane currents [µA] every `dt` ms, one row per compartment; injected current excluded."""
        return self.record("membrane_current", population, dt=dt)

    def record_weights(
        self,
        dt: float = 0.1,
        *,
        population: Any = None,
        gids: Any = None,
        fraction: float | None = None,
        to: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Sample plastic weights at absolute multiples of `dt` from now on; read them from `w_recs`.

        Called again with the same arguments it continues, with others it starts new traces. A synapse is recorded if
        all of `population`, `gids` and `fraction` allow it.

        Args:
            dt: ms.
            population: name or list of names, of the postsynaptic cells; None: all.
            gids: the postsynaptic cells; None: all.
            fraction: each synapse is recorded with this probability, above 0 and at most 1, drawn from the seed: the
                same ones on every engine, and those of a smaller fraction are among those of a larger one.
            to: a file to be made, which `livn.open_weights` reads during the runs, after them and after a kill; None:
                memory. `clear()` and `clear_recordings()` leave what is in it and begin a new part of it. It is
                finished by `close()`, by other arguments, and when the program ends. Not on several MPI ranks.

        Raises:
            ValueError: a number out of bounds, an unknown gid, or no synapse left.
            KeyError: unknown population.
            TypeError: an argument of the wrong kind.
            FileExistsError: the file exists.
            OSError: it cannot be made.
        """
        settings = WeightSettings.checked(self._ensure_network(), dt, population, gids, fraction, to)
        self._traces.record(settings, self._ensure_network(), settled=self._running is not None)
        return self

    @property
    def w_recs(self) -> WeightTraces:
        """The weights recorded so far: a mapping with keys of `get_weights()` to traces; a snapshot."""
        self._check_open()
        return self._traces.read(None if self._running is None else self._network)

    @property
    def voltage_recording_dt(self) -> float | None:
        """Sampling interval of the voltages, ms; None if not recorded."""
        return self._recording_dt("voltage")

    @property
    def membrane_current_recording_dt(self) -> float | None:
        """Sampling interval of the membrane currents, ms; None if not recorded."""
        return self._recording_dt("membrane_current")

    def _recording_dt(self, what: str) -> float | None:
        self._check_open()
        signal = self._recorders.signals.get(what)
        return None if signal is None else signal.dt

    def clear_recordings(self) -> Self:
        """Drop what was recorded: weight traces and spikes that would open the next run; what is enabled stays."""
        self._check_open()
        self._traces.clear()
        self._late = NO_SPIKES
        return self

    # Running

    _told = False  # of cells that no potential polarises

    def __call__(self, decoding: Any, inputs: Any = None, encoding: Any = None, **run_options: Any) -> Any:
        """Encode, run, decode.

        Args:
            decoding: a Decoding, whose `duration` is that of the run; or a duration in ms.
            inputs: given to the encoding; without one, the stimulus.
            encoding: `encoding(env, t_end, inputs)` makes the stimulus.
            **run_options: of `run`.

        Returns:
            `decoding(run, env)`, or the Run for a duration.

        Raises:
            TypeError: a decoding or an encoding that is none.
            ValueError: a decoding without a duration; and what `run` raises.
            RuntimeError: before `init()`.
        """
        return call(self, decoding, inputs, encoding, run_options)

    @property
    def v_init(self) -> float | None:
        """Potential of every compartment at t = 0, mV; None: each cell's V_rest. Settable before the first run."""
        self._check_open()
        return self._v_init

    @v_init.setter
    def v_init(self, value: float | None) -> None:
        self._check_open()
        if value is not None:
            value = checks.number("v_init", value, low=-200.0, high=100.0, unit="mV")
        if self._dt is not None:
            raise RuntimeError("v_init can be set before the first run or after clear() only")
        self._v_init = value

    def run(
        self,
        duration: float,
        stimulus: Any = None,
        dt: float | None = None,
        progress: bool | str | Callable[[float], object] | None = "auto",
    ) -> Run:
        """Advance the culture; state persists, so that run(a) and run(b) equal run(a + b).

        Args:
            duration: ms, > 0, a multiple of the step and of every recording dt.
            stimulus: anything that `Stimulus.from_arg` takes; its time starts with the run.
            dt: integration step, 0.0001 to 1 ms, default 0.025; fixed until `clear()`.
            progress: whether to show a bar: True, False, or `"auto"`: on a terminal or in a notebook, from a second on.
                Or a function, called about every 0.1 s with the ms done so far.

        Returns:
            What was recorded, times relative to the run's start.

        Raises:
            ValueError: a duration, a dt or a stimulus that is not legal.
            TypeError: an argument of the wrong kind.
            MemoryError: recordings beyond `LIVN_MAX_RECORDING_GB`.
            OSError: the file of `record_weights` cannot be written; the culture stands at a whole step.
            RuntimeError: before `init()`, after a divergence, or while it runs in another thread.
            SimulationDiverged: a potential became NaN or ran away.
            RunInterrupted: Ctrl-C; the exception holds what was recorded, and the culture can go on.
        """
        engine, network = self._engine(), self._ensure_network()
        step = self._step(dt)
        steps = checks.steps("duration", duration, step)
        told: Any = progress
        bar = None
        if told is not None and not isinstance(told, Meter) and not callable(told):
            told = bar = meter(told, steps * step, self.system.name)
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("this env is running in another thread")
        try:
            return self._advance(engine, network, steps, step, stimulus, told)
        finally:
            self._busy.release()
            if bar is not None:
                bar.close()

    def _advance(
        self,
        engine: Engine,
        network: Network,
        steps: int,
        step: float,
        stimulus: Any,
        progress: Meter | Callable[[float], object] | None,
    ) -> Run:
        learning, traces = self._learning, self._traces
        start = engine.step
        self._world.check_same(
            seed=self.seed,
            duration=steps * step,
            dt=step,
            time=start,
            noise=self._noise,
            weights=self._weights,
            plasticity=None if learning is None else (learning.on, learning.rules),
            recordings=(self._recorders.signals, traces.settings),
            stream=(self._noise_seed if self._noise_seed != self.seed else "that of the culture", self._stream),
        )
        probes, weights = self._due(network, step, start, steps)
        check_memory(probes, steps, weights)
        every, samples = traces.due(step, start, steps)
        driven = None
        if stimulus is not None or self._world.size > 1:  # ranks must agree on one
            with self._world.once():
                stim = Stimulus.from_arg(stimulus, self, steps * step)
                driven = None if stim is None else self._driven(self.model.prepare_stimulus(stim), network, step)
        report = None if progress is None else _reporter(progress, step)
        tracing = traces.begin(network, every, start, samples)
        before = self._dt
        if before is None:
            engine.reset(step, self._v_init, self._stream)
        self._dt = step
        late, self._late = self._late, NO_SPIKES  # those of a run that fails are lost
        try:
            result = engine.advance(steps, probes, driven, tracing, report)
        finally:
            if engine.step == start:  # a stimulus failed at once: as if nothing had been asked
                self._dt, self._late = before, late
            elif learning is not None:
                learning.touched = True
            if learning is not None and learning.on:
                per = tally_steps(step)
                learning.samples += -(-engine.step // per) - -(-start // per)
            traces.end()
        spikes = self._split_spikes(late, result, engine.step)
        run = self._recorders.run(network, probes, result, spikes, step, start)
        if result.interrupted or result.steps < steps:
            raise RunInterrupted(run)
        return run

    def _driven(self, stimulus: Stimulus, network: Network, step: float) -> Input:
        """What the engine is to do for a stimulus."""
        if stimulus.input_mode == "extracellular":
            if "extracellular_stimulus" not in self.capabilities:
                raise UnsupportedByEngine("extracellular_stimulus", self.engine, engines_with("extracellular_stimulus"))
            if not self._told and not polarises(stimulus, network):
                self._told = True
                warnings.warn(
                    "the extracellular stimulus reaches cells of one compartment only, which it does not polarise: "
                    "they do not feel it",
                    RuntimeWarning,
                    stacklevel=4,
                )
        return engine_input(stimulus, network, step)

    def _due(self, network: Network, step: float, start: int, steps: int) -> tuple[list[Probe], int]:
        """What an engine must sample in so many steps from step `start` on, and the bytes that weights take with them.

        Raises:
            ValueError: a recording dt that does not fit.
        """
        probes = self._recorders.probes(network, step, steps)
        samples = self._traces.due(step, start, steps)[1]
        return probes, self._traces.memory(network, samples) if samples else 0

    def _check_duration(self, name: str, ms: float) -> int:
        """The number of steps in a duration, named so; refuses one that `run` would refuse."""
        self._engine()
        step = self._step(None)
        steps = checks.steps(name, ms, step)
        try:
            self._recorders.probes(self._ensure_network(), step, steps)
        except ValueError as e:
            raise ValueError(f"{name}: {e}") from None
        return steps

    def _step(self, dt: float | None) -> float:
        """The integration step of a run that asks for `dt`."""
        if dt is None:
            return self._dt or DEFAULT_DT
        step = checks.number("dt", dt, low=1e-4, high=1.0, unit="ms")
        if self._dt is not None and step != self._dt:
            raise ValueError(f"dt is {self._dt:g} ms until clear(), got {step:g}")
        return step

    def _split_spikes(self, late: Spikes, result: Advance, end: int) -> Spikes:
        """The spikes of the run that ended at step `end`; those stamped exactly with its end open the next one."""
        steps, cells = result.spike_steps, result.spike_cells
        if len(late[0]):
            opening = int(steps.searchsorted(late[0][-1], "right"))  # told to spike at the very start, beside the late
            steps, cells = np.concatenate([late[0], steps]), np.concatenate([late[1], cells])
            cells[: len(late[0]) + opening].sort()
        n = int(steps.searchsorted(end))
        self._late = (steps[n:].copy(), cells[n:].copy()) if n < len(steps) else NO_SPIKES
        return steps[:n], cells[:n]

    def clear(self, reseed: bool = True, reset_weights: bool = False) -> Self:
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

    def reseed_noise(self, stream: int | None = None, seed: int | None = None) -> Self:
        """Draw other noise from now on; followed by `clear(reseed=False)`, from t = 0.

        Args:
            stream: 0 to 65535; None: the next one, or with a `seed` the first, 0.
            seed: of the noise alone, 0 to 2^64 - 1; None: as before, which is `env.seed` at first.
        """
        engine = self._engine()
        if stream is None:
            stream = (self._stream + 1) % STREAMS if seed is None else 0
        stream = checks.integer("stream", stream, low=0, high=STREAMS - 1)
        if seed is not None:
            self._noise_seed = checks.integer("seed", seed, low=0, high=2**64 - 1)
            engine.set_seed(self._noise_seed)
        self._stream = stream
        engine.set_stream(stream)
        return self

    # Storing

    def save(self, path: str | os.PathLike[str]) -> None:
        """Store the whole state in one checksummed file; `Env.load` continues bit for bit, spikes in flight included.

        Under MPI to be called on every rank; rank 0 writes.

        Raises:
            RuntimeError: before `init()`.
            OSError: the file cannot be written.
        """
        from livn.env import storage

        self._engine()
        storage.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], engine: str | None = None, comm: Any = None) -> Env:
        """The culture that `save` stored, ready to run; on any engine, and on any number of MPI ranks (`comm`).

        Its precision is that of the stored culture, or double where the engine has no other.

        Raises:
            FileNotFoundError: no such file.
            DamagedFile, NewerFormat: a file that cannot be used.
        """
        from livn.env import storage

        return storage.load(cls, path, engine, comm)


def _reporter(progress: Meter | Callable[[float], object], step: float) -> Callable[[int, int], object]:
    """What an engine is to tell of its steps and spikes."""
    if isinstance(progress, Meter):
        return lambda steps, spikes: progress.tell(float(tidy(steps * step)), spikes)
    return lambda steps, spikes: progress(float(tidy(steps * step)))
