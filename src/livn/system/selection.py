"""Choosing a part of a culture: by name, number, fraction or gids; first, at random, or around the middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.models.noise import SELECTION
from livn.system.culture import random_words

if TYPE_CHECKING:
    from livn.system.base import BaseSystem

__all__ = ["METHODS", "Selection", "select"]

METHODS = ("first", "random", "patch")

Selection = dict[str, np.ndarray]
"""Ascending int64 gids by population; populations without any are left out."""


def select(
    system: BaseSystem,
    spec: Any,
    populations: Iterable[str] | str | None,
    seed: int,
    method: str,
    bounds: Any,
) -> Selection | None:
    """See `System.selection`."""
    checks.choice("method", method, METHODS)
    seed = checks.integer("seed", seed, low=0, high=2**64 - 1)
    wanted = _populations(system, populations)
    if bounds is not None and method != "patch":
        raise ValueError(f"bounds apply to method='patch' only, got method={method!r}")
    if spec is None and bounds is None:
        return None if populations is None else _without_empty({p: system.population_gids(p) for p in wanted})
    if isinstance(spec, str):
        spec = system.documents.selection(spec)
        if populations is not None:
            spec = {p: gids for p, gids in spec.items() if p in wanted}
    chooser = _Chooser(system, seed, method, _box(system, bounds))
    if isinstance(spec, Mapping):
        chosen = {}
        for name in spec:
            checks.choice("population in the selection", name, wanted, KeyError)
        for name in (p for p in wanted if p in spec):
            part = spec[name]
            amount = _amount(f"selection[{name!r}]", part, system.population_count(name))
            chosen[name] = _gids(system, name, part) if amount is None else chooser.within(name, amount)
    else:
        total = sum(system.population_count(p) for p in wanted)
        amount = _amount("the selection", 1.0 if spec is None else spec, total)
        if amount is None:
            raise TypeError(
                "the selection must be a stored name, a number of cells, a fraction, "
                f"or {{population: number, fraction or gids}}, got {spec!r:.200}"
            )
        chosen = chooser.among(wanted, amount)
    chosen = _without_empty(chosen)
    if not chosen:
        raise ValueError(f"the selection {spec!r:.200} (method {method!r}) selects no cell")
    return chosen


class _Chooser:
    """Picks a number (int) or a fraction (float) of cells by one method."""

    def __init__(self, system: BaseSystem, seed: int, method: str, box: np.ndarray | None) -> None:
        self.system, self.seed, self.method, self.box = system, seed, method, box

    def within(self, population: str, amount: int | float) -> np.ndarray:
        gids = self.system.population_gids(population)
        if self.method == "patch":
            return self.patch([population], amount)[population]
        n = _count(amount, len(gids))
        if self.method == "first":
            return np.sort(gids[:n])
        words = random_words(self.seed, gids, SELECTION)
        return np.sort(gids[np.lexsort((gids, words[1], words[0]))[:n]])

    def among(self, populations: list[str], amount: int | float) -> Selection:
        if self.method == "patch":
            return self.patch(populations, amount)
        counts = np.array([self.system.population_count(p) for p in populations])
        shares = largest_remainder(_count(amount, int(counts.sum())), counts)
        return {p: self.within(p, int(n)) for p, n in zip(populations, shares, strict=True)}

    def patch(self, populations: list[str], amount: int | float) -> Selection:
        box = self.system.bounding_box[:, :2] if self.box is None else self.box
        cells = {p: self.system.coordinate_array(p)[:, :3] for p in populations}
        if isinstance(amount, float):
            margin = (1.0 - np.sqrt(amount)) * (box[1] - box[0]) / 2.0
            return {p: _inside(c, box[0] + margin, box[1] - margin) for p, c in cells.items()}
        every = np.concatenate(list(cells.values()))
        if self.box is not None:
            every = every[(every[:, 1:] >= box[0]).all(axis=1) & (every[:, 1:] <= box[1]).all(axis=1)]
        if amount > len(every):
            raise ValueError(f"the selection must have at most the {len(every)} cells within bounds, got {amount}")
        far = ((every[:, 1:] - box.mean(axis=0)) ** 2).sum(axis=1)
        nearest = every[np.lexsort((every[:, 0], far))[:amount], 0]
        return {p: np.sort(c[np.isin(c[:, 0], nearest), 0]).astype(np.int64) for p, c in cells.items()}


def largest_remainder(total: int, counts: np.ndarray) -> np.ndarray:
    """`total` split in proportion to `counts`: whole shares, the left-over to the largest remainders (ties: first).

    Exact: the quotas are compared as integers.
    """
    whole, remainder = np.divmod(total * counts, counts.sum())
    most = np.argsort(-remainder, kind="stable")[: total - whole.sum()]
    whole[most] += 1
    return whole


def _populations(system: BaseSystem, populations: Iterable[str] | str | None) -> list[str]:
    """The named populations in the order of the system."""
    if populations is None:
        return system.populations
    wanted = checks.names("populations", populations, system.populations, KeyError)
    if not wanted or len(set(wanted)) < len(wanted):
        raise ValueError(f"populations must name at least one population, each once, got {wanted}")
    return [p for p in system.populations if p in wanted]


def _box(system: BaseSystem, bounds: Any) -> np.ndarray | None:
    if bounds is None:
        return None
    box = checks.array("bounds", bounds, shape=(2, 2))
    if not (box[0] < box[1]).all():
        raise ValueError(f"bounds must be [[x0, y0], [x1, y1]] with x0 < x1 and y0 < y1, got {box.tolist()}")
    return box


def _amount(name: str, value: Any, available: int) -> int | float | None:
    """A checked number of cells (int) or fraction (float); None if `value` is no number."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a number of cells or a fraction, got {value!r}")
    if isinstance(value, float | np.floating):
        return checks.number(name, value, above=0.0, high=1.0)
    if isinstance(value, int | np.integer):
        return checks.integer(name, value, low=0, high=available)
    return None


def _count(amount: int | float, available: int) -> int:
    """A fraction as the nearest number of cells, at least one."""
    if isinstance(amount, int):
        return amount
    return min(available, max(1, int(np.floor(amount * available + 0.5))))


def _gids(system: BaseSystem, population: str, part: Any) -> np.ndarray:
    """A collection of gids, checked."""
    name = f"selection[{population!r}]"
    if isinstance(part, str | bytes | Mapping) or not isinstance(part, Iterable):
        raise TypeError(f"{name} must be a number of cells, a fraction or gids, got {part!r:.200}")
    a = np.asarray(list(part))
    if a.ndim != 1 or (a.size and a.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be gids, whole numbers in one dimension, got {part!r:.200}")
    gids = np.sort(a.astype(np.int64))
    if len(np.unique(gids)) < len(gids):
        raise ValueError(f"{name} must name each gid once, got {part!r:.200}")
    unknown = gids[~np.isin(gids, system.population_gids(population))]
    if unknown.size:
        raise ValueError(f"{name} must hold gids of that population, got {unknown[0]}")
    return gids


def _inside(cells: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Ascending gids of the rows (gid, x, y) within a box, its border included."""
    mask = (cells[:, 1:] >= low).all(axis=1) & (cells[:, 1:] <= high).all(axis=1)
    return np.sort(cells[mask, 0]).astype(np.int64)


def _without_empty(chosen: Selection) -> Selection:
    return {p: gids for p, gids in chosen.items() if len(gids)}
