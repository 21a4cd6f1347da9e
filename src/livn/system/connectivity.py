"""What the synapses amount to between populations: projections, pathways, matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.system.synapses import INHIBITORY, RECEPTORS, SECTIONS, Synapses, distance

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Projection", "connectivity_matrix", "count_projections", "pathways", "projections"]

Projection = tuple[int, tuple[np.ndarray, dict[str, np.ndarray]]]
"""`(post_gid, (pre_gids, {"distance": µm, "delay_ms": ms}))`, the arrays parallel."""

Pathway = tuple[str, str, str, str, str]
"""`(post, pre, section, mechanism, type)`."""


def pathways(synapses: Synapses, pre_code: np.ndarray, post_code: np.ndarray, names: list[str]) -> list[Pathway]:
    """The distinct `(post population, pre population, section, receptor, type)`, sorted.

    Args:
        synapses: the synapses.
        pre_code, post_code: int [n], population of either cell as an index into `names`.
        names: populations.
    """
    shape = (len(names), len(names), len(SECTIONS), len(RECEPTORS))
    flat = np.ravel_multi_index((post_code, pre_code, synapses.section, synapses.mechanism), shape)
    found = np.unravel_index(np.flatnonzero(np.bincount(flat, minlength=int(np.prod(shape)))), shape)
    return sorted(
        (names[post], names[pre], SECTIONS[section], RECEPTORS[mechanism], kind(RECEPTORS[mechanism]))
        for post, pre, section, mechanism in zip(*found, strict=True)
    )


def kind(receptor: str) -> str:
    """`"inhibitory"` or `"excitatory"`."""
    return "inhibitory" if receptor in INHIBITORY else "excitatory"


def configuration(found: list[Pathway]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """`{"synapses": {post: {pre: {"type", "sections", "mechanisms"}}}}` of sorted pathways."""
    synapses: dict[str, dict[str, dict[str, Any]]] = {}
    for post, pre, section, mechanism, effect in found:
        entry = synapses.setdefault(post, {}).setdefault(pre, {"type": effect, "sections": [], "mechanisms": []})
        if entry["type"] != effect:
            entry["type"] = "mixed"
        for key, value in (("sections", section), ("mechanisms", mechanism)):
            if value not in entry[key]:
                entry[key].append(value)
    return {"synapses": synapses}


def projections(s: Synapses, coordinates: np.ndarray, rows: tuple[np.ndarray, np.ndarray]) -> Iterator[Projection]:
    """Partners by postsynaptic cell, ascending, each partner once (several synapses: the shortest delay).

    Args:
        s: the synapses to group.
        coordinates: float [N,4], gid, x, y, z in µm.
        rows: rows of `coordinates` of the presynaptic and the postsynaptic cells.
    """
    if not len(s):
        return
    order = np.lexsort((s.delay_ms, s.pre, s.post))
    pre, post = s.pre[order], s.post[order]
    first = np.ones(len(order), bool)
    first[1:] = (pre[1:] != pre[:-1]) | (post[1:] != post[:-1])
    order = order[first]
    pre, post, delay = s.pre[order].astype(np.int64), s.post[order], s.delay_ms[order]
    far = distance(coordinates[rows[0][order], 1:], coordinates[rows[1][order], 1:])
    starts = np.flatnonzero(np.r_[True, post[1:] != post[:-1]])
    for a, b in zip(starts, np.r_[starts[1:], len(post)], strict=True):
        yield int(post[a]), (pre[a:b], {"distance": far[a:b], "delay_ms": delay[a:b]})


def count_projections(s: Synapses) -> int:
    """Number of connected pairs (pre, post)."""
    return len(np.unique(s.post.astype(np.int64) << 32 | s.pre))


def connectivity_matrix(
    s: Synapses,
    rows: tuple[np.ndarray, np.ndarray],
    codes: tuple[np.ndarray, np.ndarray],
    names: list[str],
    gids: np.ndarray,
    kept: np.ndarray,
    weights: Mapping[str, float] | None,
    sparse: bool,
) -> np.ndarray | csr_array:
    """`W[pre, post]`, see `System.connectivity_matrix`.

    Args:
        s: the synapses.
        rows: row of the presynaptic and of the postsynaptic cell of each.
        codes: population of either, as an index into `names`.
        names: populations.
        gids: all gids in row order.
        kept: the rows that the matrix shows, in its order.
        weights: factor by `"post_pre"`.
        sparse: whether to return a sparse array.
    """
    factor = np.ones((len(names), len(names)))
    pairs = {f"{post}_{pre}": (j, i) for j, post in enumerate(names) for i, pre in enumerate(names)}
    for key, value in (weights or {}).items():
        factor[pairs[checks.choice("key of weights", key, pairs)]] = checks.number(f"weights[{key!r}]", value)
    sign = np.array([-1.0 if r in INHIBITORY else 1.0 for r in RECEPTORS])
    value = s.weight * factor[codes[1], codes[0]] * sign[s.mechanism]
    place = np.full(len(gids), -1)
    place[kept] = np.arange(len(kept))
    i, j = place[rows[0]], place[rows[1]]
    inside = (i >= 0) & (j >= 0)
    from scipy.sparse import coo_array

    shape = (len(kept), len(kept))
    # Summed in double precision, rounded once.
    matrix = coo_array((value[inside], (i[inside], j[inside])), shape=shape).tocsr().astype(np.float32)
    return matrix if sparse else matrix.toarray()
