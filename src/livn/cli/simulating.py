"""What `livn run` and `livn train` share: from options to a stored experiment, also when it is cut short."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livn.cli.config import SharedConfig, configured, dumped, options_of
from livn.cli.options import SYSTEM, Place
from livn.cli.output import echo_json

if TYPE_CHECKING:
    from livn.env import Env
    from livn.experiment import Experiment
    from livn.experiment.course import Course

__all__ = ["INTERRUPTED", "finished", "repeatable", "simulated", "simulation"]

INTERRUPTED = 130
SPOKEN_OF = {
    "dt of 'voltage'": "--voltage-every",
    "dt of 'membrane_current'": "--lfp-every",
    "dt of record_weights": "--weights-every",
    "normalize_every": "--normalize-every",
    **{name: f"--{name}" for name in ("duration", "baseline", "training", "evaluation")},
}
"""The option that is meant by words of an error."""
COMMON = [
    click.option("--out", type=Place(), metavar="DIR", help="Store recordings, options, summary."),
    click.option("--force", is_flag=True, help="Replace the experiment that DIR holds."),
    click.option("--config", "file", type=Place(exists=True, dir_okay=False), metavar="FILE",
                 help="TOML file of options; those of the command line come first."),
    click.option("--dump-config", is_flag=True, help="Print the options in force as TOML, and do nothing else."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    click.option("--quiet", "-q", is_flag=True, help="Show no progress."),
]  # fmt: skip


def simulation(config: type[SharedConfig]) -> Callable[[Any], Any]:
    """A decorator that gives a command its argument and its options."""

    def decorate(function: Any) -> Any:
        for option in reversed(COMMON):
            function = option(function)
        system = click.argument("system", required=False, shell_complete=SYSTEM.shell_complete)
        return system(options_of(config)(function))

    return decorate


def simulated(
    config: type[SharedConfig],
    course: Callable[[Env, Any], Course],
    figure: Callable[[Experiment, Path], None] | None = None,
    *,
    out: Path | None,
    force: bool,
    file: Path | None,
    dump_config: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Do what a command line asks for.

    Args:
        config: the options that there are.
        course: makes the experiment of an env and the options in force.
        figure: draws into the directory of the stored experiment.

    Returns:
        The exit code.
    """
    from livn.engine.interrupt import deferred_interrupt
    from livn.experiment.storage import check_free

    options = configured(config, given, file, needs_system=not dump_config)
    if dump_config:
        click.echo(dumped(options), nl=False)
        return 0
    if force and out is None:
        raise click.UsageError("--force needs --out DIR")
    if out is not None:
        with wrong("--out", FileExistsError):
            check_free(out, force)
    with built(options, quiet) as env:
        with wrong("", ValueError, TypeError, KeyError), roomy():
            under_way = course(env, options)
        experiment, failure = _gone(under_way, quiet)
    with deferred_interrupt() as asked:  # Ctrl-C twice in a row is to stop the culture, not to lose what it did
        stored, unstored = _stored(experiment, out, force)
        finished(experiment, stored, as_json)
    if asked() and not experiment.about.get("interrupted"):
        raise KeyboardInterrupt
    if stored is not None and figure is not None:
        figure(experiment, stored)
    if failure or unstored:
        raise failure or unstored  # type: ignore[misc]
    return INTERRUPTED if experiment.about.get("interrupted") else 0


def repeatable(env: Env, options: SharedConfig) -> dict[str, Any]:
    """The options in force, such that they mean the same elsewhere."""
    from livn.system import PREDEFINED

    system = options.system if options.system in PREDEFINED else os.path.abspath(options.system)
    return options.model_dump() | {"system": system, "engine": env.engine}


def built(options: SharedConfig, quiet: bool = True) -> Env:
    """The culture, with what is to be recorded; a terminal is told meanwhile, unless it is to be quiet."""
    from livn import make
    from livn.errors import UnsupportedByEngine

    system: Any = options.system
    chosen: dict[str, Any] = {name: getattr(options, name) for name in ("engine", "seed", "threads", "precision")}
    with wrong("--precision", UnsupportedByEngine), announced("" if quiet else f"Building {system} ..."):
        env = make(system, **chosen)
    try:
        with wrong("--set", ValueError, TypeError, KeyError):
            env.set_params(options.set)
        with wrong("what is to be recorded", ValueError):
            _record(env, options)
    except BaseException:
        env.close()
        raise
    return env


@contextmanager
def wrong(where: str, *errors: type[Exception]) -> Iterator[None]:
    """Tell of such an error as one of the command line; without a place, of the option that the message speaks of."""
    try:
        yield
    except errors as e:
        text = str(e).replace("pass force=True", "add --force")
        hint = where or next((flag for words, flag in SPOKEN_OF.items() if words in text), "the options")
        raise click.BadParameter(text, param_hint=hint) from None


@contextmanager
def announced(text: str) -> Iterator[None]:
    """Tell a terminal what is done if it takes more than a second."""
    timer = threading.Timer(1.0, click.echo, (text,), {"err": True})
    if text and sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def roomy() -> Iterator[None]:
    """Tell of recordings that take too much memory as of an error of the command line."""
    try:
        yield
    except MemoryError as e:
        flags = "--voltage-every, --voltage-cells, --weights-every, --weight-synapses, --lfp-every"
        raise click.UsageError(f"{e}. What is recorded: {flags}") from None


def _record(env: Env, options: SharedConfig) -> None:
    from livn.decoding.units import members

    env.record_spikes()
    some = [gid for gids in members(env).values() for gid in gids[: options.voltage_cells].tolist()]
    if some:
        env.record_voltage(dt=options.voltage_every, gids=some)
    plastic = len(env.get_weights()) if "plasticity" in env.capabilities else 0
    if plastic and options.weight_synapses:
        _sample_weights(env, options, min(options.weight_synapses, plastic) / plastic)
    if options.lfp:
        if not env.io.num_channels:
            raise ValueError(f"{env.system.name!r} has no electrodes: there is no field potential to record")
        env.record_membrane_current(dt=options.lfp_every)


def _sample_weights(env: Env, options: SharedConfig, fraction: float) -> None:
    """Sample those of some synapses, of one at least: few may draw none."""
    try:
        env.record_weights(options.weights_every, fraction=fraction)
    except ValueError:
        if fraction >= 1.0:
            raise
        _sample_weights(env, options, min(1.0, 2.0 * fraction))


def _gone(course: Course, quiet: bool) -> tuple[Experiment, Exception | None]:
    """The experiment, and what ended it early if that was no Ctrl-C."""
    from livn.experiment import ExperimentInterrupted

    try:
        return course.go(False if quiet else "auto"), None
    except ExperimentInterrupted as e:
        return e.experiment, None
    except Exception as e:
        experiment = course.record(failed=str(e) or type(e).__name__)
        if not experiment.run.duration:
            raise
        return experiment, e


def _stored(experiment: Experiment, out: Path | None, force: bool) -> tuple[Path | None, OSError | None]:
    """Where an experiment is now, and what kept it from being stored."""
    if out is None or not experiment.run.duration:
        return None, None
    try:
        try:
            where = experiment.save(out, force)
            return where if where.exists() else where.resolve(), None  # as in new/../out, without a new
        except FileExistsError:  # it was free when the experiment began
            beside = out.absolute().with_name(f"{out.absolute().name}-{secrets.token_hex(4)}")
            where = experiment.save(beside)
            click.echo(f"{out} was made by someone else meanwhile.", err=True)
            return where, None
    except OSError as e:
        return None, e


def finished(experiment: Experiment, stored: Path | None, as_json: bool) -> None:
    """Print what came of an experiment, and where it is."""
    cut = experiment.about.get("interrupted") or "failed" in experiment.about
    if as_json:
        echo_json(experiment.summary() | {"out": None if stored is None else str(stored)})
    elif experiment.run.duration:
        click.echo(experiment.report())
    if cut:
        length = experiment.run.duration or 0.0
        where = f"what was recorded is in {stored}" if stored else "nothing was stored"
        click.echo(f"Ended after {length:g} ms of the culture's time; {where}.", err=True)
    elif stored and not as_json:
        click.echo(f"\nStored in {stored}; livn plot {stored} draws it.")
