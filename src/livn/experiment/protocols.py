"""What is done with a culture: run it with homeostasis, or train it in three phases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livn import checks
from livn.experiment.course import Course, ExperimentInterrupted, Stage
from livn.experiment.storage import plain
from livn.plasticity import merge
from livn.system.predefined import PREDEFINED, cache_directory

if TYPE_CHECKING:
    from livn.env import Env
    from livn.experiment.record import Experiment
    from livn.types import System

__all__ = ["ExperimentInterrupted", "run", "train", "training_course"]


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
    _check_env(env)
    stages = [Stage("run", duration, None, normalize_every)]
    config = _config(env, duration=duration, plasticity=env.plasticity_on, normalize_every=normalize_every)
    if env.plasticity_on:
        config["rules"] = _changed(env)
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
    _check_env(env)
    durations = {"baseline": baseline, "training": training, "evaluation": evaluation}
    config = _config(env, **durations, normalize_every=normalize_every or 0.0, rules=rules)
    course = training_course(
        env,
        *durations.values(),
        normalize_every=normalize_every,
        rules=rules,
        config=config,
        keep_currents=keep_currents,
    )
    record = course.go(progress)
    env.disable_plasticity()  # there may have been no evaluation
    return record


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


def _check_env(env: object) -> None:
    from livn.env import Env

    if not isinstance(env, Env):
        raise TypeError(f"env must be a culture, as livn.make(...) returns it, got {env!r:.200}")


def _config(env: Env, **options: Any) -> dict[str, Any]:
    """The options as the commands name them, for a repetition."""
    about = {"system": _named(env.system), "seed": env.seed, "engine": env.engine, "precision": env.precision}
    return about | {name: plain(value) for name, value in options.items() if value is not None}


def _named(system: System) -> str:
    """What `livn.make` takes for a system: its directory, the name where it is a predefined one, or lives in memory."""
    uri = getattr(system, "uri", None)
    if uri is None or (system.name in PREDEFINED and Path(uri) == cache_directory() / system.name):
        return system.name
    return os.path.abspath(uri)


def _changed(env: Env) -> dict[str, dict[str, float]]:
    """Parameters of rules that are not the defaults."""
    usual = merge(None, env.model.neuron_plasticity_defaults())
    rules = {name: p.to_dict() for name, p in env.plasticity_parameters.items()}
    changed = {n: {k: v for k, v in p.items() if v != getattr(usual[n], k)} for n, p in rules.items()}
    return {name: p for name, p in changed.items() if p}
