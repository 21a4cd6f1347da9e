"""Runs the checks on an engine."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from livn import checks as arguments
from livn.engine.conformance import (
    agreement,
    cells,
    continuity,
    contract,
    learning,
    noise,
    sampling,
    stimuli,
    synapses,
    weights,
)
from livn.engine.conformance.checklist import Check, Failed, NotApplicable
from livn.engine.conformance.report import CheckResult, ConformanceReport
from livn.engine.registry import engine_class, engine_names

__all__ = ["check_engine", "check_names"]


_MODULES = (contract, cells, synapses, stimuli, sampling, learning, weights, noise, continuity, agreement)
CHECKS = {item.name: item for module in _MODULES for item in vars(module).values() if isinstance(item, Check)}
"""All checks by name, in the order in which they are run."""


def check_names() -> tuple[str, ...]:
    """The names of all checks, in the order in which `check_engine` runs them."""
    return tuple(CHECKS)


def check_engine(
    engine: str, checks: str | Iterable[str] | None = None, progress: Callable[[str], object] | None = None
) -> ConformanceReport:
    """Hold an engine to the contract of `livn.engine.base.Engine` and to the model's physics.

    Every check builds small cultures of its own with `engine=engine`, one at a time, and closes them; of an engine that
    bears one culture per process, close your own before. Whatever an engine raises makes the check fail, with the
    exception as its reason; only an interrupt passes through.

    Args:
        engine: name of the engine; `livn.engine.register` adds one.
        checks: names of the checks to run, in the order of the list whatever the order given; None: all.
        progress: called with the name of each check before it is run.

    Returns:
        What was found: prints as a table; `.passed`, `.failures`, `.raise_if_failed()`.

    Raises:
        ValueError: an unknown engine or check, or no check at all.
        ImportError: the engine is not installed; says what to install.
        TypeError: an argument of the wrong kind.
    """
    if isinstance(engine, type):
        raise TypeError(f"engine must be a name, got {engine!r:.200}: livn.engine.register(name, cls) gives it one")
    name: str = arguments.choice("engine", engine, engine_names())
    capabilities = engine_class(name).capabilities
    wanted = list(CHECKS) if checks is None else arguments.names("check", checks, CHECKS)
    if not wanted:
        raise ValueError("checks must name at least one check, or be None for all")
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be a function of a check's name, got {progress!r:.200}")
    results = []
    for item in CHECKS.values():
        if item.name in wanted:
            if progress is not None:
                progress(item.name)
            results.append(_run(item, name, capabilities))
    return ConformanceReport(name, tuple(results))


def _run(item: Check, engine: str, capabilities: Iterable[str]) -> CheckResult:
    """The outcome of one check."""
    missing = [c for c in item.needs if c not in capabilities]
    if missing:
        reason = f"the engine does not declare {missing[0]!r}"
        return CheckResult(item.name, item.holds, True, reason, 0.0, applicable=False)
    began = time.perf_counter()
    passed, reason, applicable = True, "", True
    try:
        item.run(engine)
    except NotApplicable as e:
        reason, applicable = str(e), False
    except Failed as e:
        passed, reason = False, str(e)
    except Exception as e:  # an engine may raise anything, and the other checks still have something to say
        passed, reason = False, f"unexpected {type(e).__name__}: {e} ({_origin(e)})"
    reason = " ".join(reason.split())  # one line
    return CheckResult(item.name, item.holds, passed, reason, time.perf_counter() - began, applicable)


def _origin(error: BaseException) -> str:
    """Where an exception was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}, in {frame.name}"
