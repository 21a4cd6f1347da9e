"""From what people write for a system to a system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from livn import checks, types
from livn.system.base import BaseSystem
from livn.system.predefined import PREDEFINED, make
from livn.system.system import ParallelSystem, System

__all__ = ["resolve"]


def resolve(spec: Any) -> types.System:
    """The system that `spec` describes.

    Args:
        spec: a system (anything that satisfies `livn.types.System` is returned as it is), the name of a predefined one,
            a system's directory, a number of unconnected cells, or such numbers by population.

    Raises:
        TypeError: none of these; booleans and floats in particular.
        ValueError: a name that is no predefined system and no directory, or a number below 1.
        FileNotFoundError: a path where there is no system.
        DamagedFile, NewerFormat: a system that cannot be read.
    """
    if isinstance(spec, BaseSystem):
        return spec
    if isinstance(spec, str):
        return _named(spec)
    if isinstance(spec, os.PathLike):
        return System(spec)
    if isinstance(spec, Mapping):
        return ParallelSystem(spec)
    if isinstance(spec, int | np.integer) and not isinstance(spec, bool):
        return ParallelSystem(int(spec))
    if not isinstance(spec, type) and isinstance(spec, types.System):
        return spec
    raise TypeError(
        "system must be a predefined name, a system's directory, a System, a number of cells or a mapping of "
        f"population names to numbers, got {spec!r:.200}"
    )


def _named(spec: str) -> System:
    if spec in PREDEFINED:
        return make(spec)
    if spec and Path(os.path.expanduser(spec)).is_dir():
        return System(spec)
    if (os.sep in spec or "/" in spec) and "://" not in spec:
        raise FileNotFoundError(f"{spec!r} is neither a predefined system ({', '.join(PREDEFINED)}) nor a directory")
    raise checks.unknown("system", spec, [*PREDEFINED, "or a system's directory"])
