"""What is done with a culture: run it with homeostasis, or train it in three phases."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from livn import checks, get_version
from livn.decoding.units import members
from livn.errors import RunInterrupted
from livn.experiment.record import START, Experiment, Phase
from livn.plasticity import merge
from livn.progress import Meter, meter
from livn.run import CURRENT, FIELD, Run
from livn.system.predefined import PREDEFINED

if TYPE_CHECKING:
    from livn.env import Env
    from livn.plasticity import Weights, WeightTraces

__all__ = ["Course", "ExperimentInterrupted", "Stage", "run", "train", "training_course"]


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


def run(
    env: Env,
    duration: float,
    *,
    normalize_every: float | None = None,
    progress: Any = "auto",
    keep_currents: bool = True,
) -> Experiment:
    """Run a culture as it is, and keep the record: what `livn run` does.

    What is to be recorded, and whether it learns, is set on the env before.

    Args:
        env: the culture, on one process.
        duration: ms.
        normalize_every: ms between calls of `normalize_weights`; None: no homeostasis.
        progress: True, False or `"auto"`, as in `env.run`.
        keep_currents: whether recorded membrane currents stay beside the field potentials made of them.

    Raises:
        ValueError, TypeError: durations that are not legal, or do not fit what is recorded.
        ExperimentInterrupted: Ctrl-C; it holds the record so far.
    """
    stages = [Stage("run", duration, None, normalize_every)]
    config = _config(env, duration=duration, plasticity=env.plasticity_on, normalize_every=normalize_every)
    return Course(env, stages, config=config, keep_currents=keep_currents).go(progress)


def train(
    env: Env,
    baseline: float = 200.0,
    training: float = 1000.0,
    evaluation: float = 200.0,
    *,
    normalize_every: float | None = 100.0,
    rules: Mapping[str, Any] | None = None,
    progress: Any = "auto",
    keep_currents: bool = True,
) -> Experiment:
    """Train a culture: a baseline, training with homeostasis, evaluation with frozen weights: what `livn train` does.

    Plasticity is off afterwards. What is to be recorded is set on the env before.

    Args:
        env: the culture, on one process.
        baseline, training, evaluation: ms of each phase; baseline and evaluation may be 0 and are then left out.
        normalize_every: ms of training between calls of `normalize_weights`; None: no homeostasis.
        rules: parameters of the learning rules, as `enable_plasticity` takes them.
        progress: True, False or `"auto"`, as in `env.run`.
        keep_currents: whether recorded membrane currents stay beside the field potentials made of them.

    Raises:
        ValueError, TypeError: durations or rules that are not legal, or a culture in which nothing can learn.
        ExperimentInterrupted: Ctrl-C; it holds the record so far.
    """
    durations = {"baseline": baseline, "training": training, "evaluation": evaluation}
    config = _config(env, **durations, normalize_every=normalize_every, rules=rules)
    course = training_course(
        env,
        *durations.values(),
        normalize_every=normalize_every,
        rules=rules,
        config=config,
        keep_currents=keep_currents,
    )
    return course.go(progress)


def training_course(
    env: Env,
    baseline: float,
    training: float,
    evaluation: float,
    *,
    normalize_every: float | None,
    rules: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    keep_currents: bool,
) -> Course:
    """What `train` goes through; `config` is kept in the record."""
    stages = [
        Stage("baseline", baseline, False),
        Stage("training", training, True, normalize_every),
        Stage("evaluation", evaluation, False),
    ]
    stages = [s for s in stages if s.learning or checks.number(s.name, s.duration, low=0.0, unit="ms") > 0.0]
    merge(rules, env.model.neuron_plasticity_defaults())  # which refuses what is not legal
    if not len(env.get_weights()):
        raise ValueError(f"nothing in {env.system.name!r} can learn: it has no plastic synapse")
    return Course(env, stages, rules, config=config, keep_currents=keep_currents)


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

    def pieces(self) -> list[float]:
        """The runs that it takes, ms each."""
        if self.normalize_every is None:
            return [self.duration]
        whole = int(self.duration / self.normalize_every * (1.0 + 1e-12))
        rest = self.duration - whole * self.normalize_every
        return [self.normalize_every] * whole + ([rest] if rest > 1e-6 else [])


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
        for stage in stages:
            env._check_duration(stage.name if len(stages) > 1 else "duration", stage.duration)
            if stage.normalize_every is not None:
                env._check_duration("normalize_every", stage.normalize_every)
        self.env, self.stages, self.rules = env, stages, rules
        self.config, self.keep_currents = dict(config or {}), checks.boolean("keep_currents", keep_currents)
        self._runs: list[Run] = []
        self._phases: list[Phase] = []
        self._learned = False
        self._able = "plasticity" in env.capabilities
        self._weights = self._ends(START)
        self._seconds, self._t0 = 0.0, env.t
        self._about = about(env)

    def go(self, progress: Any = "auto") -> Experiment:
        """Do it all.

        Raises:
            ExperimentInterrupted: Ctrl-C.
        """
        bar = meter(progress, sum(s.duration for s in self.stages), self.env.system.name)
        try:
            for stage in self.stages:
                self._pass(stage, bar)
        except KeyboardInterrupt as e:
            if isinstance(e, RunInterrupted) and e.run.duration:
                self._take(e.run)
            raise ExperimentInterrupted(self.record(interrupted=True)) from None
        finally:
            if bar is not None:
                bar.close()
        return self.record()

    def record(self, **remarks: Any) -> Experiment:
        """What came of it so far; remarks join `about`."""
        env = self.env
        return Experiment(
            run=joined(self._runs) if self._runs else Run({}, self._t0, 0.0),
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

    def _pass(self, stage: Stage, bar: Meter | None) -> None:
        env = self.env
        if stage.learning:
            env.enable_plasticity(self.rules)
        elif stage.learning is not None:
            env.disable_plasticity()
        learning = env.plasticity_on
        self._learned |= learning
        start = env.t
        try:
            for piece in stage.pieces():
                began = time.perf_counter()
                try:
                    done = env.run(piece, progress=bar)  # type: ignore[arg-type]
                finally:
                    self._seconds += time.perf_counter() - began
                self._take(done)
                if bar is not None:
                    bar.passed(piece, 0 if done.spikes is None else len(done.spikes))
                if stage.normalize_every is not None and piece == stage.normalize_every:
                    env.normalize_weights()
        finally:
            self._phases.append(Phase(stage.name, start, env.t, learning))
            self._weights |= self._ends(stage.name)

    def _take(self, run: Run) -> None:
        """Keep a piece; of membrane currents that electrodes hear, the field potentials."""
        ids, currents, dt = run.current_ids, run.current, run.current_dt
        if currents is not None and self.env.io.num_channels:
            heard = self.env.potential_recording(currents, ids=ids)
            run = run.add(FIELD, self.env.io.channel_ids, heard, dt=dt)
            run = run if self.keep_currents else run.drop(CURRENT)
        self._runs.append(run)

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


def _config(env: Env, **options: Any) -> dict[str, Any]:
    """The options as the commands name them, for a repetition."""
    system = getattr(env.system, "uri", None) if env.system.name not in PREDEFINED else None
    about = {"system": system or env.system.name, "seed": env.seed, "engine": env.engine, "precision": env.precision}
    return about | {name: value for name, value in options.items() if value is not None}


def joined(runs: list[Run]) -> Run:
    """Runs that follow each other as one."""
    while len(runs) > 1:  # in pairs, lest long recordings be copied again for every piece
        pairs = [a.concat(b) for a, b in zip(runs[::2], runs[1::2], strict=False)]
        runs = pairs + ([runs[-1]] if len(runs) % 2 else [])
    return runs[0]


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
