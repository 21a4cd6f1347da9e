"""The cultures that come with livn: recipes, generated on first use, and the cache that keeps them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from livn import checks
from livn.cachedir import cache_dir
from livn.errors import DamagedFile, NewerFormat
from livn.system.culture import all_pairs, gaussian_pairs, scatter, wire
from livn.system.system import System

__all__ = ["PREDEFINED", "RECIPE_VERSION", "Recipe", "build", "cache_directory", "make", "predefined"]

RECIPE_VERSION = 1
"""Part of the cache's path: to be raised whenever a recipe gives another result."""

SPACING = 40.0  # µm: the square of N cells has the side 40 sqrt(N), 625 cells/mm²
DEPTH = 10.0  # µm
SIGMA = 200.0  # µm
PITCH = 128.0  # µm
INPUT_RADIUS = 250.0  # µm
OUTPUT_RADIUS = 100.0  # µm

RULES = {
    ("EXC", "EXC"): ("dend", ("AMPA", "NMDA")),
    ("EXC", "INH"): ("soma", ("AMPA",)),
    ("INH", "EXC"): ("soma", ("GABA_A",)),
    ("INH", "INH"): ("soma", ("GABA_A",)),
}


@dataclass(frozen=True)
class Recipe:
    """How a predefined culture is made (api.md, section 6).

    Attributes:
        populations: number of cells by population.
        electrodes: electrodes per side of the square grid.
        seed: key of every random number.
        peak: connection probability at distance 0; `None` connects everyone to everyone.
    """

    populations: Mapping[str, int]
    electrodes: int
    seed: int
    peak: float | None = 0.5


PREDEFINED: Mapping[str, Recipe] = MappingProxyType(
    {
        "EI1": Recipe({"EXC": 8, "INH": 2}, electrodes=1, seed=1, peak=None),
        "EI2": Recipe({"EXC": 80, "INH": 20}, electrodes=4, seed=2),
        "EI3": Recipe({"EXC": 800, "INH": 200}, electrodes=8, seed=3),
        "EI4": Recipe({"EXC": 8000, "INH": 2000}, electrodes=32, seed=4),
    }
)
"""The predefined systems by name."""


def build(name: str) -> System:
    """Generate a predefined system in memory: the same arrays, bit for bit, on every machine.

    Raises:
        ValueError: an unknown name.
    """
    recipe = PREDEFINED[_known(name)]
    count = sum(recipe.populations.values())
    side = SPACING * math.sqrt(count)
    xyz = scatter(count, side, DEPTH, recipe.seed)
    pre, post = all_pairs(count) if recipe.peak is None else gaussian_pairs(xyz, recipe.peak, SIGMA, recipe.seed)
    return System.assemble(
        name,
        recipe.populations,
        np.column_stack([np.arange(count), xyz]),
        wire(recipe.populations, xyz, pre, post, RULES),
        area=np.array([[0.0, 0.0], [side, side]]),
        documents={"mea.json": _electrodes(recipe.electrodes, side)},
    )


def predefined(name: str = "EI1", directory: str | os.PathLike[str] | None = None, force: bool = False) -> Path:
    """The directory of a predefined system, generated if need be.

    Args:
        name: one of `PREDEFINED`.
        directory: where to put it, as `directory/name`; by default the cache, see `cache_directory`.
        force: generate it anew, whatever is there.

    Returns:
        The directory of the system.

    Raises:
        ValueError: an unknown name.
        FileExistsError: `directory/name` holds another system.
        DamagedFile, NewerFormat: what `directory/name` holds cannot be read; the cache is mended instead.
        OSError: the directory cannot be written (`make` does without).
    """
    target = (cache_directory() if directory is None else checks.path("directory", directory, "a path")) / _known(name)
    if not checks.boolean("force", force):
        try:
            there = System(target)
        except FileNotFoundError:
            pass
        except (DamagedFile, NewerFormat):
            if directory is not None:
                raise
        else:
            if there.name == name:
                return target
    return build(name).save(target, force=force or directory is None)


def make(name: str) -> System:
    """A predefined system, from the cache if it can be used.

    Args:
        name: one of `PREDEFINED`.

    Raises:
        ValueError: an unknown name.
    """
    target = cache_directory() / _known(name)
    try:
        return System(target)
    except OSError:  # not there yet, damaged, or not readable: all the same
        system = build(name)
    try:
        return System(system.save(target, force=True))
    except OSError:  # no cache can be written here: go without
        return system


def cache_directory() -> Path:
    """Where generated systems are kept: under `LIVN_CACHE_DIR` if that is set, else under the user's cache."""
    return cache_dir("systems", f"v{RECIPE_VERSION}")


def _known(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be the name of a predefined system, got {name!r:.200}")
    return checks.choice("predefined system", name, PREDEFINED)


def _electrodes(per_side: int, side: float) -> dict[str, Any]:
    """`mea.json`: a square grid in the plane z = 0, centred on the culture, x fastest."""
    along = (np.arange(per_side) - (per_side - 1) / 2.0) * PITCH + side / 2.0
    y, x = np.meshgrid(along, along, indexing="ij")
    grid = zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    return {
        "electrode_coordinates": [[i, x, y, 0.0] for i, (x, y) in enumerate(grid)],
        "input_radius": INPUT_RADIUS,
        "output_radius": OUTPUT_RADIUS,
    }
