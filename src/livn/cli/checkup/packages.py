"""The packages that livn needs and those that it can use: which are there, and whether they can be imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib import import_module, metadata
from typing import Any

from livn.cli.child import ChildError, ask

__all__ = ["EXTRAS", "NEEDED", "Packages", "check_packages", "extras", "packages", "rivals"]

NEEDED = (
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "h5py",
    "pandas",
    "pydantic",
    "platformdirs",
    "click",
    "tqdm",
    "tomli_w",
)
"""Modules without which livn does not work, or not all of it."""

EXTRAS = {
    "plot": ("matplotlib",),
    "neuron": ("neuron", "mpi4py.MPI"),
    "gym": ("gymnasium",),
    "interop": ("neo", "probeinterface", "xarray"),
    "arrow": ("pyarrow",),
}
"""The modules that each extra brings."""

PATIENCE = 120.0
"""s that importing them all may last; the first time on a network drive is slow."""

Packages = dict[str, dict[str, str | None]]
"""{package: {"version": str or None, "problem": str or None, "state": "there", "missing" or "broken"}}."""


def check_packages(modules: list[str]) -> Iterator[dict[str, str | None]]:
    """Import the modules one after the other; a dict with `name` and what `Packages` holds for each."""
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui -nobanner")
    for module in modules:
        name = module.partition(".")[0]
        version, problem, state = _version(name), None, "there"
        try:
            if module.startswith("mpi4py"):
                import_module("mpi4py").rc.initialize = False  # which may end the process where MPI is not set up
            import_module(module)
        except Exception as e:  # whatever it is, it is their doing
            is_missing = isinstance(e, ModuleNotFoundError) and e.name == name
            state = "missing" if is_missing else "broken"
            problem = None if is_missing else f"{type(e).__name__}: {_first_line(e)}"
        yield {"name": name, "version": version, "problem": problem, "state": state}


def packages(modules: Iterable[str]) -> Packages:
    """What `check_packages` finds, in a process that may crash: the package that ends it is broken."""
    found: Packages = {}
    left = list(modules)
    while left:
        problem = None
        try:
            for answer in ask("packages", timeout=PATIENCE, modules=left[:]):
                found[str(answer.pop("name"))] = answer
                del left[0]
        except ChildError as e:
            problem = str(e)
        if left:
            name = left.pop(0).partition(".")[0]
            problem = problem or "its process ended"
            found[name] = {"version": _version(name), "problem": f"while it was imported, {problem}", "state": "broken"}
    return found


def extras(found: Packages) -> dict[str, dict[str, Any]]:
    """Of each extra: `state` (`there`, `missing`, `incomplete` or `broken`), its packages, how to `install` it."""
    table = {}
    for extra, modules in EXTRAS.items():
        names = [module.partition(".")[0] for module in modules]
        states = {found[name]["state"] for name in names}
        state = states.pop() if len(states) == 1 else "broken" if "broken" in states else "incomplete"
        parts = {name: found[name] for name in names}
        table[extra] = {"state": state, "packages": parts, "install": f'pip install "pylivn[{extra}]"'}
    return table


def rivals() -> str | None:
    """The version of another distribution that is imported as `livn`, if one is installed beside this."""
    try:
        return metadata.version("livn")
    except metadata.PackageNotFoundError:
        return None


def _version(name: str) -> str | None:
    """The version of the distribution that has the name of its module."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _first_line(e: BaseException) -> str:
    return str(e).strip().partition("\n")[0]
