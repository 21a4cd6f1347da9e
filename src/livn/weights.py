"""Homeostatic scaling of synaptic weights (Turrigiano, Cell 135:422-435, 2008), on plain arrays.

A cell that is driven too much or too little rescales all its synapses by one factor, which keeps their relative
strengths, that is, what was learned.
"""

from __future__ import annotations

import bisect
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from livn import checks

__all__ = ["goals", "normalize_weights", "out_of_reach", "rescaled"]

MET = 1e-6  # how far a sum may be from its target before the target counts as out of reach
SOLVED = 1e-13  # the solver's own tolerance, relative to the target


def normalize_weights(
    weight: Any, w_min: Any, w_max: Any, group_id: Any, target: Any = None, max_iter: int = 20
) -> np.ndarray:
    """Rescale weights so that they sum to a target within each group, inside their bounds.

    Per group, `w_i ← clip(s·w_i, w_min_i, w_max_i)` with the one factor s for which the sum is the target. The sum
    never falls with s, so that this solution is unique, whatever the order in which weights meet their bounds;
    all weights that end strictly inside their bounds keep their ratios. Where no weight meets a bound,
    `s = target/Σw`. A group that fits already comes back bit for bit.

    A weight of exactly 0 stays there (or at its `w_min`): no factor revives it.

    Args:
        weight: float[n] ≥ 0, the weights, dimensionless.
        w_min: lower bounds ≥ 0, a number or float[n].
        w_max: upper bounds ≥ `w_min`, a number or float[n]; infinity is allowed.
        group_id: int[n], the group of each weight (for a culture: the postsynaptic gid). Any ids in any order;
            fastest when sorted.
        target: the wanted sum ≥ 0: a number for every group, float[groups] in ascending order of group id, or a
            mapping from each group id to its sum. None: the number of weights in the group, which makes the mean 1.
        max_iter: rounds of the quick solver, at least 0. Groups it has not solved by then (hardly ever any) are
            finished by bisection over the points at which weights meet their bounds; the result is the same.

    Returns:
        float64[n] in the order of `weight`; each sum is within 1e-6 of its target, the bounds hold exactly.

    Raises:
        ValueError: NaN, negative or misshapen input, `w_min` above `w_max`, targets that do not fit the groups.
        TypeError: group ids that are not whole numbers.

    Warns:
        RuntimeWarning: a target that no factor can reach within the bounds; that group's weights go to the nearest
            bound, but those of 0 do not grow.
    """
    w, unmet, groups = rescaled(weight, w_min, w_max, group_id, target, max_iter)
    if unmet:
        warnings.warn(out_of_reach(unmet, groups), RuntimeWarning, stacklevel=2)
    return w


def out_of_reach(unmet: int, groups: int) -> str:
    """What to warn of when `unmet` of the groups cannot have their sum."""
    return (
        f"the target sum of weights is out of reach within w_min and w_max in {unmet} of {groups} groups; "
        "their weights were set to the nearest bound, but no factor makes a weight of 0 grow"
    )


def rescaled(
    weight: Any, w_min: Any, w_max: Any, group_id: Any, target: Any = None, max_iter: int = 20
) -> tuple[np.ndarray, int, int]:
    """What `normalize_weights` returns, the number of groups whose target is out of reach, and that of all groups."""
    w = checks.array("weight", weight, shape=(None,))
    if (w < 0).any():
        raise ValueError(f"weight must be >= 0, got {w.min():g} at [{int(w.argmin())}]")
    low, high = _bound("w_min", w_min, w.size), _bound("w_max", w_max, w.size)
    if (low > high).any():
        i = int(np.argmax(low > high))
        raise ValueError(f"w_min must be <= w_max, got {low[i]:g} > {high[i]:g} at [{i}]")
    ids, order = _grouping(group_id, w.size)
    rounds = checks.integer("max_iter", max_iter, low=0)
    first = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1)) if w.size else np.zeros(0, dtype=np.intp)
    counts = np.diff(first, append=w.size)
    goal = goals(target, ids[first], counts)
    if not w.size:
        return w, 0, 0
    if order is not None:
        w, low, high = w[order], low[order], high[order]
    scaled, unmet = _rescale(w, low, high, goal, first, counts, rounds)
    if order is None:
        return scaled, unmet, counts.size
    result = np.empty_like(scaled)
    result[order] = scaled
    return result, unmet, counts.size


def _bound(name: str, value: Any, n: int) -> np.ndarray:
    """A bound as float[n], broadcast from a number without a copy."""
    bound = checks.array(name, value, finite=False)
    if bound.ndim and bound.shape != (n,):
        raise ValueError(f"{name} must be a number or have the shape [{n}], one per weight, got {list(bound.shape)}")
    top = np.inf if name == "w_max" else np.finfo(np.float64).max
    if not ((bound >= 0) & (bound <= top)).all():
        bad = bound[~((bound >= 0) & (bound <= top))].flat[0]
        raise ValueError(f"{name} must be a number >= 0, got {bad:g}")
    return np.broadcast_to(bound, (n,))


def _grouping(group_id: Any, n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Group ids in ascending order, and the order that sorts them (None: they were sorted)."""
    ids = np.asarray(group_id)
    if ids.shape != (n,):
        raise ValueError(f"group_id must have the shape [{n}], one per weight, got {list(ids.shape)}")
    if not n:
        return np.zeros(0, dtype=np.int64), None
    if ids.dtype.kind not in "iu":
        raise TypeError(f"group_id must be whole numbers, got an array of {ids.dtype}")
    ids = ids.astype(np.int64, copy=False)
    if (ids[1:] >= ids[:-1]).all():
        return ids, None
    order = np.argsort(ids, kind="stable")
    return ids[order], order


def goals(target: Any, ids: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The wanted sum of each group, float64[groups]."""
    if target is None:
        return counts.astype(np.float64)
    if isinstance(target, Mapping):
        if set(target) != set(ids.tolist()):
            odd = sorted(set(target) ^ set(ids.tolist()), key=str)[0]
            fault = "is no group" if odd in target else "is missing"
            raise ValueError(f"target must map each of the {ids.size} group ids to a sum; {odd!r} {fault}")
        target = [target[i] for i in ids.tolist()]
    goal = checks.array("target", target)
    if goal.ndim and goal.shape != ids.shape:
        raise ValueError(
            f"target must be None, a number, a mapping, or have the shape [{ids.size}], one per group in ascending "
            f"order of group id; got {list(goal.shape)}"
        )
    if (goal < 0).any():
        raise ValueError(f"target must be >= 0, got {goal.min():g}")
    return np.broadcast_to(goal, ids.shape)


def _rescale(
    w: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    goal: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, int]:
    """The rescaled weights of sorted groups, and the number of groups whose goal is out of reach."""
    exponent = math.frexp(float(w.max()))[1] - 1
    w = np.ldexp(w, -exponent)  # exact; no sum of weights can overflow
    bottom = np.add.reduceat(low, first)
    top = np.add.reduceat(np.where(w > 0, high, low), first)
    one = math.ldexp(1.0, exponent)
    fits = np.abs(np.add.reduceat(np.clip(w * one, low, high), first) - goal) <= SOLVED * goal
    full = ~fits & (goal >= top)
    scale = np.where(fits, one, 0.0)
    inside = ~fits & (goal > bottom) & (goal < top)
    if inside.all():
        scale = _solve(w, low, high, goal, counts, rounds)
    elif inside.any():
        chosen = np.repeat(inside, counts)
        scale[inside] = _solve(w[chosen], low[chosen], high[chosen], goal[inside], counts[inside], rounds)
    result = np.clip(w * np.repeat(scale, counts), low, high)
    if full.any():
        result = np.where(np.repeat(full, counts) & (w > 0), high, result)
    return result, int(np.count_nonzero((goal < bottom - MET) | (goal > top + MET)))


def _solve(
    w: np.ndarray, low: np.ndarray, high: np.ndarray, goal: np.ndarray, counts: np.ndarray, rounds: int
) -> np.ndarray:
    """The factor s of each group for which Σ clip(s·w, low, high) = goal; a solution must exist.

    The sum is piecewise linear in s: Newton's step from s is exact once s has the right weights at their bounds.
    A bracket guards the step, because the sum is neither convex nor concave; solved groups drop out.
    """
    scale = np.empty(goal.size)
    groups = np.arange(goal.size)
    below, above = np.zeros(goal.size), np.full(goal.size, np.inf)
    first = np.cumsum(counts) - counts
    s = goal / np.add.reduceat(w, first)
    for _ in range(rounds):
        x = w * np.repeat(s, counts)
        slope = np.add.reduceat(w * ((x > low) & (x < high)), first)
        excess = np.add.reduceat(np.clip(x, low, high, out=x), first) - goal
        scale[groups] = s
        below, above = np.where(excess < 0, s, below), np.where(excess > 0, s, above)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = s - excess / slope
            middle = np.sqrt(np.where(below > 0, below, above / 256)) * np.sqrt(
                np.where(np.isfinite(above), above, below * 256)
            )
        s = np.where((step > below) & (step < above), step, middle)
        still = np.abs(excess) > SOLVED * goal
        if not still.any():
            return scale
        if not still.all():
            chosen = np.repeat(still, counts)
            w, low, high = w[chosen], low[chosen], high[chosen]
            groups, goal, counts, s = groups[still], goal[still], counts[still], s[still]
            below, above = below[still], above[still]
            first = np.cumsum(counts) - counts
    for group, wanted, begin, n in zip(groups, goal, first, counts, strict=True):
        part = slice(begin, begin + n)
        scale[group] = _solve_by_bisection(w[part], low[part], high[part], float(wanted))
    return scale


def _solve_by_bisection(w: np.ndarray, low: np.ndarray, high: np.ndarray, goal: float) -> float:
    """The factor of one group, by bisection over the factors at which a weight meets a bound."""
    live = w > 0
    with np.errstate(over="ignore"):
        meets = np.concatenate([low[live] / w[live], high[live] / w[live]])
    meets = np.unique(meets[np.isfinite(meets)])
    i = bisect.bisect_right(meets.tolist(), goal, key=lambda s: float(np.clip(s * w, low, high).sum()))
    left = float(meets[i - 1]) if i else 0.0
    right = float(meets[i]) if i < meets.size else math.inf
    between = (left + right) / 2 if right < math.inf else 2 * left + 1
    x = between * w
    free = (x > low) & (x < high)
    if not free.any():
        return left
    held = float(np.clip(x, low, high)[~free].sum())
    return min(max((goal - held) / float(w[free].sum()), left), right)
