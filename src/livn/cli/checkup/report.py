"""All that `livn doctor` finds out, as one document, and what follows from it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

import livn
from livn.cli.checkup import engines, packages, places, selftest

__all__ = ["Finding", "advice", "examine", "finding"]

Finding = dict[str, str]

ENGINES = ("cpu", "neuron", "jax")
"""Those of livn, not taken from where they are listed: that imports NumPy, which may be what is broken."""

MOST_THREADS = 2
"""Of the self-test: results do not depend on their number."""


def examine(
    say: Callable[[str], object] = lambda text: None,
    note: Callable[[str], object] | None = None,
) -> dict[str, Any]:
    """Look at everything, which lasts some seconds, and longer where something must be compiled first.

    Args:
        say: told what is being done.
        note: told what is worth a line meanwhile, such as that a kernel is compiled.

    Returns:
        A document that JSON can hold; `problems` and `warnings` say what is wrong, `ok` that there are no problems.
    """
    say("the packages")
    optional = [module for modules in packages.EXTRAS.values() for module in modules]
    found = packages.packages([*packages.NEEDED, *optional])
    machine = places.machine()
    facts: dict[str, Any] = {
        "livn": {"version": livn.__version__, "directory": livn.__path__[0], "rival": packages.rivals()},
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "packages": {name: found[name] for name in packages.NEEDED},
        "extras": packages.extras(found),
        "machine": machine,
        "threads": places.threads(machine["usable_cores"]),
        "environment": places.environment(),
        "engines": {},
    }
    for name in ENGINES:
        say(f"the engine {name}")
        facts["engines"][name] = engines.engine(name, note)
    machine["vectors"] = facts["engines"]["cpu"].pop("vectors", None)
    facts["selftest"] = None
    if facts["engines"]["cpu"]["usable"]:
        say("the results of the cpu engine")
        facts["selftest"] = selftest.selftest(min(MOST_THREADS, machine["usable_cores"]), note)
    facts["cache"] = places.cache()
    problems, warnings = advice(facts)
    return {"ok": not problems, "problems": problems, "warnings": warnings, **facts}


def advice(facts: dict[str, Any]) -> tuple[list[Finding], list[Finding]]:
    """(problems, warnings): what does not work though it must, and what to mind; reasons are told once."""
    wrong, strange = _settings()
    problems = [finding(f"{text[0].upper()}{text[1:]}") for text in wrong]
    told = set(wrong)
    for name, package in facts["packages"].items():
        if package["state"] == "missing":
            problems.append(finding(f"The package {name}, which livn needs, is not installed", "", _install(name)))
        elif package["state"] == "broken" and package["problem"] not in told:
            what = f"The package {name}, which livn needs, cannot be imported"
            problems.append(finding(what, package["problem"], _install(name, "--force-reinstall ")))
            told.add(package["problem"])
    folder = f"{facts['cache']['directory']}/kernels"
    again = f"delete the folder {folder} and run livn doctor again; if that does not help, report what it prints"
    cpu = facts["engines"]["cpu"]
    if not cpu["usable"] and cpu["problem"] not in told:
        problems.append(finding("The cpu engine does not work", cpu["problem"], again if cpu["crashed"] else ""))
        told.add(cpu["problem"])
    chosen = facts["environment"].get("LIVN_BACKEND")
    if chosen in facts["engines"] and chosen != "cpu" and not facts["engines"][chosen]["usable"]:
        what = f"LIVN_BACKEND asks for the {chosen} engine, which does not work here"
        problems.append(finding(what, facts["engines"][chosen]["problem"], "unset LIVN_BACKEND"))
        told.add(facts["engines"][chosen]["problem"])
    for name, culture in (facts["selftest"] or {"cultures": {}})["cultures"].items():
        if culture["problem"] is not None:
            how = "fails with" if culture["seconds"] is None else "gives wrong results for"
            problems.append(finding(f"The cpu engine {how} {name}", culture["problem"], again))
    return problems, [*_warnings(facts, told), *(finding(f"Ignored: {text}") for text in strange)]


def finding(what: str, why: str = "", todo: str = "") -> Finding:
    """Something to tell: `what` is the matter, `why`, and what `todo` about it; the latter two may be empty."""
    return {"what": what, "why": why, "todo": todo}


def _install(name: str, options: str = "") -> str:
    """The command that installs a package."""
    return f"pip install {options}{name.replace('_', '-')}"


def _settings() -> tuple[list[str], list[str]]:
    """`places.wrong_settings`, or nothing where livn cannot be imported."""
    try:
        return places.wrong_settings()
    except Exception:  # a package that is broken in whatever way: the engine tells of it
        return [], []


def _warnings(facts: dict[str, Any], told: set[str]) -> list[Finding]:
    """What to mind, but for reasons that were told."""
    warnings = []
    for extra, parts in facts["extras"].items():
        for name, package in parts["packages"].items():
            if package["state"] == "broken" and package["problem"] not in told:
                what = f"The package {name} of the extra {extra} cannot be imported"
                warnings.append(finding(what, package["problem"], _install(name, "--force-reinstall ")))
    there = facts["extras"]["neuron"]["packages"]["neuron"]["state"] == "there"
    neuron = facts["engines"]["neuron"]
    if there and not neuron["usable"] and neuron["problem"] not in told:
        warnings.append(finding("NEURON is installed, but the neuron engine does not work", neuron["problem"]))
    if not facts["cache"]["writable"]:
        what = f"The cache {facts['cache']['directory']} cannot be written"
        why = "kernels are then compiled anew by every process, some 20 s each time"
        warnings.append(finding(what, why, "set LIVN_CACHE_DIR to a folder that can be written"))
    if facts["livn"]["rival"] is not None:
        what = f"Another package of the import name livn is installed beside pylivn, livn {facts['livn']['rival']}"
        todo = "pip uninstall livn, then pip install --force-reinstall --no-deps pylivn"
        warnings.append(finding(what, "their files overwrite each other", todo))
    return warnings
