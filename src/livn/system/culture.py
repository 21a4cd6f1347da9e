"""Geometry and connectivity of a culture, drawn so that every machine draws the same.

Every random number is a Philox word at a fixed address, and what is compared with it comes from operations that
IEEE 754 rounds identically everywhere (+, -, *, /, sqrt, scaling by powers of two); the C library's exp is not one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from livn.models.noise import CONNECTIONS, POSITIONS, philox
from livn.system.synapses import RECEPTORS, SECTIONS, Synapses, default_delay, distance, rank_within, unit_conductance

__all__ = ["all_pairs", "exp_exact", "gaussian_pairs", "random_words", "scatter", "wire"]

Rules = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
"""`{(pre population, post population): (section, receptors)}`."""

WORD_SCALE = 2.0**32
CHUNK = 8  # postsynaptic cells at once: the words of 8 x 10000 pairs stay in the cache

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693145751953125  # 15 bits, so that k * LN2_HIGH is exact
LN2_LOW = 1.4286068203094172e-06
EXP_TERMS = 14  # r^14/14! < 1e-17 at |r| = ln(2)/2


def random_words(seed: int, gids: np.ndarray, purpose: int, index: np.ndarray | int = 0) -> tuple[np.ndarray, ...]:
    """Four random words per gid and index, at the counter (index, 0, gid, purpose << 16).

    Args:
        seed: key, below 2^64.
        gids: cells; broadcasts with `index`.
        purpose: one of the purposes of `livn.models.noise`.
        index: number of the draw.

    Returns:
        Four uint64 arrays of values below 2^32.
    """
    low, high = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
    counter = np.asarray(index, np.uint64), np.uint64(0), np.asarray(gids, np.uint64), np.uint64(purpose << 16)
    return philox(*counter, low, high)


def exp_exact(x: np.ndarray) -> np.ndarray:
    """exp(x) for x in [-700, 700], the same bits on every machine, to 2e-16 of relative error.

    Range reduction x = k ln 2 + r with |r| <= ln(2)/2, then the Taylor polynomial of exp(r).
    """
    k = np.floor(x * LOG2_E + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = np.ones_like(r)
    for n in range(EXP_TERMS, 0, -1):
        y = 1.0 + y * r / n
    return np.ldexp(y, k.astype(np.int32))


def scatter(count: int, side: float, depth: float, seed: int) -> np.ndarray:
    """Positions of the cells 0 .. count-1, uniform in the box [0, side] x [0, side] x [0, depth].

    Returns:
        float64 [count,3], µm.
    """
    words = random_words(seed, np.arange(count), POSITIONS)
    uniform = [(w.astype(np.float64) + 0.5) / WORD_SCALE for w in words[:3]]
    return np.stack([uniform[0] * side, uniform[1] * side, uniform[2] * depth], axis=1)


def all_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Everyone to everyone but themselves: `(pre, post)`, int64, sorted by (post, pre)."""
    post, pre = np.divmod(np.arange(count * count), count)
    return pre[pre != post], post[pre != post]


def gaussian_pairs(coordinates: np.ndarray, peak: float, sigma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs connected with probability peak * exp(-d^2 / (2 sigma^2)), d the 3-D distance; no cell to itself.

    A pair connects when its word is below floor(probability * 2^32). The word of (pre, post) is number pre % 4 of the
    draw pre // 4 at gid post.

    Args:
        coordinates: float [N,3], µm.
        peak: probability at distance 0, in [0, 1].
        sigma: width, µm.
        seed: key.

    Returns:
        `(pre, post)`, int64 [n] each, sorted by (post, pre).
    """
    count = len(coordinates)
    x, y, z = (np.ascontiguousarray(c) for c in coordinates.T)
    draws = np.arange(-(-count // 4))
    ceiling = np.uint64(np.floor(peak * WORD_SCALE))  # no threshold is higher
    # Beyond this exponent every threshold is 0: the margin of 1 is far more than the rounding of either side.
    farthest = np.log(max(peak * WORD_SCALE, 1.0)) + 1.0
    pre_parts, post_parts = [], []
    for start in range(0, count, CHUNK):
        post = np.arange(start, min(start + CHUNK, count))[:, None]
        words = np.stack(random_words(seed, post, CONNECTIONS, draws), axis=-1).reshape(len(post), -1)[:, :count]
        dx, dy, dz = x - x[post], y - y[post], z - z[post]
        exponent = (dx * dx + dy * dy + dz * dz) / (2.0 * sigma * sigma)
        possible = np.flatnonzero((exponent < farthest) & (words < ceiling))
        threshold = np.floor(peak * exp_exact(-exponent.ravel()[possible]) * WORD_SCALE)
        row, pre = np.divmod(possible[words.ravel()[possible] < threshold.astype(np.uint64)], count)
        other = pre != row + start
        pre_parts.append(pre[other])
        post_parts.append(row[other] + start)
    return np.concatenate(pre_parts), np.concatenate(post_parts)


def wire(
    populations: Mapping[str, int], coordinates: np.ndarray, pre: np.ndarray, post: np.ndarray, rules: Rules
) -> Synapses:
    """Synapses of weight 1 on connected pairs, with the default delays and unit conductances.

    The synapses of one pair share their `syn_id`: the rank of the presynaptic cell among the partners of its target.

    Args:
        populations: number of cells by population, gids in this order.
        coordinates: float [N,3], µm.
        pre, post: int [n], the pairs, sorted by (post, pre).
        rules: what a pair of populations gets; a pair without a rule gets nothing and takes no `syn_id`.
    """
    names = list(populations)
    member = np.repeat(np.arange(len(names)), list(populations.values()))
    rule_of = np.full((len(names), len(names)), -1)
    for n, (before, after) in enumerate(rules):
        rule_of[names.index(before), names.index(after)] = n
    rule = rule_of[member[pre], member[post]]
    pre, post, rule = pre[rule >= 0], post[rule >= 0], rule[rule >= 0]

    receptors = [[RECEPTORS.index(r) for r in receptors] for _, receptors in rules.values()]
    sections = np.array([SECTIONS.index(section) for section, _ in rules.values()], np.int8)
    index = [np.flatnonzero(rule == n) for n, codes in enumerate(receptors) for _ in codes]
    mechanism = np.concatenate(
        [np.full((rule == n).sum(), c, np.int8) for n, codes in enumerate(receptors) for c in codes]
    )
    pair = np.concatenate(index)

    onto_inh = np.array([name == "INH" for name in names])[member[post]]
    delay = default_delay(distance(coordinates[pre], coordinates[post]))
    return Synapses.from_columns(
        pre=pre[pair],
        post=post[pair],
        section=sections[rule[pair]],
        mechanism=mechanism,
        delay_ms=delay[pair],
        weight=np.ones(len(pair)),
        g_unit_uS=unit_conductance(mechanism, onto_inh[pair]),
        syn_id=rank_within(post)[pair],
    )
