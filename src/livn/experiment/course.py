"""An experiment under way: its stages, the runs that they take, and what came of them, also after a failure."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks, get_version
from livn.decoding.units import members
from livn.engine.interrupt import deferred_interrupt
from livn.env.recorders import check_memory
from livn.errors import RunInterrupted
from livn.experiment.record import START, Experiment, Phase
from livn.progress import Meter, meter
from livn.recordings import tidy
from livn.run import CURRENT, FIELD, Run

if TYPE_CHECKING:
    from livn.engine.base import Probe
    from livn.env import Env
    from livn.plasticity import Weights, WeightTraces

__all__ = ["Course", "ExperimentInterrupted", "Stage", "joined"]

HELD = 64e6
"""Bytes of membrane currents that are held before they become field potentials, where they are not kept."""


class ExperimentInterrupted(RunInterrupted):
    """Ctrl-C ended an experiment; the culture stands at a whole step and can go on.

    Attributes:
        experiment: what was recorded until then.
        run: its run.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment.run)
        self.experiment = experiment

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.experiment,)


@dataclass(frozen=True)
class Stage:
    """A phase to come.

    Attributes:
        name: of the phase.
        duration: ms.
        learning: whether plasticity is to be on; None: as it is.
        normalize_every: ms between calls of `normalize_weights`, or None.
    """

    name: str
    duration: float
    learning: bool | None
    normalize_every: float | None = None

    def pieces(self, step: float, most: int | None = None) -> Iterator[tuple[float, bool]]:
        """The runs that it takes with steps of `step` ms, `most` steps each: ms, and whether weights are scaled after
        it."""
        total = checks.steps(self.name, self.duration, step)
        every = total + 1 if self.normalize_every is None else checks.steps("every", self.normalize_every, step)
        done = 0
        while done < total:
            stop = min(total, done + every - done % every)
            n = min(stop - done, most or total)
            done += n
            yield float(tidy(n * step)), done % every == 0


class Course:
    """An experiment under way: `go` through its stages; `record` tells what came of them, also after a failure.

    Args:
        env: the culture.
        stages: what to do, in order.
        rules: parameters for stages that learn; None: the defaults.
        config: the options to keep in the record.
        keep_currents: see `train`.

    Raises:
        ValueError, TypeError: stages that do not fit the culture.
    """

    def __init__(
        self,
        env: Env,
        stages: list[Stage],
        rules: Mapping[str, Any] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        keep_currents: bool = True,
    ) -> None:
        if env._world.size > 1:
            raise ValueError("an experiment takes one process: on several MPI ranks run the env, and gather() its runs")
        steps = 0
        for stage in stages:
            steps += env._check_duration(stage.name if len(stages) > 1 else "duration", stage.duration)
            if stage.normalize_every is not None:
                env._check_duration("normalize_every", stage.normalize_every)
        self.env, self.stages, self.rules = env, stages, rules
        self.config, self.keep_currents = dict(config or {}), checks.boolean("keep_currents", keep_currents)
        self._most = self._check_recordings(steps)
        self._runs: list[tuple[int, Run]] = []  # each of so many pieces joined
        self._phases: list[Phase] = []
        self._learned = False
        self._able = "plasticity" in env.capabilities
        self._weights = self._ends(START)
        self._seconds, self._t0 = 0.0, env.t
        self._until = self._t0
        self._about = about(env)

    def go(self, progress: Any = "auto") -> Experiment:
        """Do it all.

        Raises:
            ExperimentInterrupted: Ctrl-C.
        """
        bar = meter(progress, sum(s.duration for s in self.stages), self.env.system.name)
        try:
            with deferred_interrupt() as asked:
                for stage in self.stages:
                    self._pass(stage, bar, asked)
        except KeyboardInterrupt:
            with deferred_interrupt():
                record = self.record(interrupted=True)
            raise ExperimentInterrupted(record) from None
        finally:
            if bar is not None:
                bar.close()
        with deferred_interrupt() as asked:
            record = self.record()
        if asked():
            raise ExperimentInterrupted(replace(record, about={**record.about, "interrupted": True}))
        return record

    def record(self, **remarks: Any) -> Experiment:
        """What came of it so far; remarks join `about`."""
        env = self.env
        return Experiment(
            run=joined([run for _, run in self._runs]) if self._runs else Run({}, self._t0, 0.0),
            system=env.system,
            cells=members(env),
            io=env.io,
            phases=tuple(self._phases),
            weights=dict(self._weights),
            traces=self._traces(),
            rules=dict(env.plasticity_parameters) if self._weights else {},
            receptors={mechanism: label for label, mechanism in env.model.neuron_synapse_mechanisms().items()},
            plasticity=env.plasticity_summary() if self._weights and self._learned else None,
            config=self.config,
            about=self._about | {"seconds": self._seconds} | remarks,
        )

    def _check_recordings(self, steps: int) -> int | None:
        """Refuse what would not fit into memory in so many steps.

        Returns:
            The most steps of a run, so that few membrane currents are held; None: any.

        Raises:
            MemoryError: recordings beyond `LIVN_MAX_RECORDING_GB`.
        """
        env = self.env
        probes, weights = env._due(env._ensure_network(), env._step(None), env._engine().step, steps)
        currents = next((p for p in probes if p.signal == CURRENT), None)
        self._hears = currents is not None and self._can_hear(currents)
        if currents is None or not self._hears:
            check_memory(probes, steps, weights)
            return None
        field = replace(currents, signal=FIELD, cells=np.zeros(env.io.num_channels, np.int64))
        kept = [p for p in probes if self.keep_currents or p is not currents]
        check_memory([*kept, field], steps, weights)
        if self.keep_currents:
            return None
        grid = math.lcm(*(p.every for p in probes))
        held = min(HELD, 1e8 * checks.environment("LIVN_MAX_RECORDING_GB", 4.0))
        return max(1, int(held // (8 * max(1, len(currents.cells)) * (grid // currents.every)))) * grid

    def _can_hear(self, currents: Probe) -> bool:
        """Whether these electrodes make field potentials of membrane currents."""
        env = self.env
        if not env.io.num_channels:
            return False
        try:
            env.potential_recording(np.zeros((len(currents.cells), 1)), env._ensure_network().gids[currents.cells])
        except NotImplementedError:
            return False
        return True

    def _pass(self, stage: Stage, bar: Meter | None, asked: Callable[[], bool]) -> None:
        env = self.env
        if stage.learning:
            env.enable_plasticity(self.rules)
        elif stage.learning is not None:
            env.disable_plasticity()
        learning = env.plasticity_on
        self._learned |= learning
        start = self._until
        try:
            for piece, scaled in stage.pieces(env._step(None), self._most):
                self._advance(piece, bar)
                if scaled:
                    env.normalize_weights()
                if asked():
                    raise KeyboardInterrupt
        finally:
            self._phases.append(Phase(stage.name, start, self._until, learning))
            self._weights |= self._ends(stage.name)

    def _advance(self, ms: float, bar: Meter | None) -> None:
        """Run the culture, and keep what it recorded."""
        began = time.perf_counter()
        try:
            done = self.env.run(ms, progress=bar)  # type: ignore[arg-type]
        except RunInterrupted as e:
            if e.run.duration:
                self._take(e.run)
            raise
        finally:
            self._seconds += time.perf_counter() - began
        self._take(done)
        if bar is not None:
            bar.passed(ms, 0 if done.spikes is None else len(done.spikes))

    def _take(self, run: Run) -> None:
        """Keep a piece; of membrane currents that electrodes hear, the field potentials."""
        ids, currents, dt = run.current_ids, run.current, run.current_dt
        if currents is not None and self._hears:
            heard = self.env.potential_recording(currents, ids=ids)
            run = run.add(FIELD, self.env.io.channel_ids, heard, dt=dt)
            run = run if self.keep_currents else run.drop(CURRENT)
        self._until = float(tidy(run.t0 + (run.duration or 0.0)))
        pieces = 1
        while self._runs and self._runs[-1][0] <= pieces:  # few long ones rather than many short ones
            n, before = self._runs.pop()
            pieces, run = n + pieces, before.concat(run)
        self._runs.append((pieces, run))

    def _ends(self, name: str) -> dict[str, Weights]:
        weights = self.env.get_weights() if self._able else {}
        return {name: weights} if len(weights) else {}  # type: ignore[dict-item]

    def _traces(self) -> WeightTraces | None:
        """Weights sampled in the course of it."""
        from livn.plasticity import WeightTraces

        traces = self.env.w_recs if self._able else {}
        if not len(traces):
            return None
        assert isinstance(traces, WeightTraces)
        first = int((traces.t <= self._t0 + 1e-9).sum())
        return (
            traces
            if not first
            else WeightTraces(traces.synapses, traces.dt, traces._index[first:], traces.frames(first))
        )


def joined(runs: list[Run]) -> Run:
    """Runs that follow each other as one."""
    whole = runs[-1]
    for run in reversed(runs[:-1]):  # the last are the shortest
        whole = run.concat(whole)
    return whole


def about(env: Env) -> dict[str, Any]:
    """Where results come from."""
    packages = ("numpy", "numba", "h5py", *(("neuron",) if env.engine == "neuron" else ()))
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": env.engine,
        "precision": env.precision,
        "threads": env.threads,
        "seed": env.seed,
        "model": env.model.params_key(),
        "versions": {"livn": get_version(), "python": platform.python_version()}
        | {name: found for name in packages if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
