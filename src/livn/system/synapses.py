"""The synapses of a system: flat sorted arrays, and the edge table that people hand in and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INHIBITORY", "MECHANISMS", "RECEPTORS", "SECTIONS", "Synapses", "synapses_from_table", "unit_conductance"]

SECTIONS = ("soma", "dend")
"""Sections by code."""

MECHANISMS = {
    "GABA_B": "LinExp2Syn",
    "AMPA": "StdpLinExp2Syn",
    "GABA_A": "StdpLinExp2SynInh",
    "NMDA": "StdpLinExp2SynNMDA",
}
"""Receptor label to mechanism name, ascending by the latter: that is the order of synapses and of weight keys."""

RECEPTORS = tuple(MECHANISMS)
"""Receptor labels by code; the order of codes is the order of mechanism names."""

INHIBITORY = frozenset({"GABA_A", "GABA_B"})
"""The receptors whose projections count as inhibitory."""

COLUMNS = ("pre", "post", "section", "mechanism", "delay_ms", "weight", "g_unit_uS", "syn_id")
REQUIRED = ("pre", "post", "section", "mechanism")

MOST = {"delay_ms": 1e4, "weight": 1e9, "g_unit_uS": 1e6}
"""Bounds of columns, far beyond any use, within which neither steps nor conductances overflow."""

LATENCY = 0.5
"""Synaptic latency, ms (physics.md, section 3)."""
VELOCITY = 250.0
"""Axonal conduction velocity, µm/ms (physics.md, section 3)."""

# Unit conductances in µS (physics.md, section 3); NMDA onto INH, not listed there, as AMPA.
UNIT_CONDUCTANCE = {"AMPA": 2e-4, "NMDA": 2e-4, "GABA_A": 5e-3, "GABA_B": 1e-4}
UNIT_CONDUCTANCE_ONTO_INH = {"AMPA": 1e-3, "NMDA": 1e-3, "GABA_A": 1e-3, "GABA_B": 1e-4}


@dataclass(frozen=True, eq=False)
class Synapses:
    """Every synapse of a system, one element per synapse in each array, sorted by (post, syn_id, mechanism name).

    Attributes:
        pre: int32 [n], gid of the presynaptic cell.
        post: int32 [n], gid of the postsynaptic cell, ascending.
        section: int8 [n], code into `SECTIONS`, as the table stated it.
        mechanism: int8 [n], code into `RECEPTORS`.
        delay_ms: float64 [n], ms, >= 0.
        weight: float64 [n], static dimensionless multiplier of the unit conductance, >= 0.
        g_unit_uS: float64 [n], peak conductance of one event at weight 1, µS, >= 0.
        syn_id: int32 [n], number of the synapse on its postsynaptic cell; ascending within a cell.
    """

    pre: np.ndarray
    post: np.ndarray
    section: np.ndarray
    mechanism: np.ndarray
    delay_ms: np.ndarray
    weight: np.ndarray
    g_unit_uS: np.ndarray
    syn_id: np.ndarray

    def __post_init__(self) -> None:
        for a in self.arrays().values():
            a.setflags(write=False)

    def __len__(self) -> int:
        return len(self.pre)

    def __repr__(self) -> str:
        return f"Synapses({len(self)})"

    @classmethod
    def from_columns(
        cls,
        pre: np.ndarray,
        post: np.ndarray,
        section: np.ndarray,
        mechanism: np.ndarray,
        delay_ms: np.ndarray,
        weight: np.ndarray,
        g_unit_uS: np.ndarray,
        syn_id: np.ndarray,
    ) -> Synapses:
        """Synapses from columns in any order, of valid content."""
        order = np.lexsort((mechanism, syn_id, post))
        return cls(
            pre=pre[order].astype(np.int32),
            post=post[order].astype(np.int32),
            section=section[order].astype(np.int8),
            mechanism=mechanism[order].astype(np.int8),
            delay_ms=delay_ms[order].astype(np.float64),
            weight=weight[order].astype(np.float64),
            g_unit_uS=g_unit_uS[order].astype(np.float64),
            syn_id=syn_id[order].astype(np.int32),
        )

    @classmethod
    def none(cls) -> Synapses:
        """No synapse at all."""
        empty = np.empty(0)
        return cls.from_columns(empty, empty, empty, empty, empty, empty, empty, empty)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by the names of the attributes."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def take(self, index: np.ndarray) -> Synapses:
        """The synapses that a boolean mask or an ascending index selects, in the same order."""
        return Synapses(**{name: a[index] for name, a in self.arrays().items()})

    def among(self, gids: np.ndarray) -> Synapses:
        """The synapses whose pre- and postsynaptic cells are both among `gids`."""
        return self.take(np.isin(self.pre, gids) & np.isin(self.post, gids))

    def to_frame(self) -> pd.DataFrame:
        """A new DataFrame with the columns of an edge table, sections and receptors spelled out."""
        import pandas as pd

        return pd.DataFrame(
            {
                "pre": self.pre,
                "post": self.post,
                "section": np.array(SECTIONS, dtype=object)[self.section],
                "mechanism": np.array(RECEPTORS, dtype=object)[self.mechanism],
                "delay_ms": self.delay_ms,
                "weight": self.weight,
                "g_unit_uS": self.g_unit_uS,
                "syn_id": self.syn_id,
            }
        )


def unit_conductance(mechanism: np.ndarray, onto_inh: np.ndarray) -> np.ndarray:
    """Default unit conductances.

    Args:
        mechanism: int [n], codes into `RECEPTORS`.
        onto_inh: bool [n], whether the postsynaptic cell belongs to the population `INH`.

    Returns:
        float64 [n], µS.
    """
    table = np.array([[t[r] for r in RECEPTORS] for t in (UNIT_CONDUCTANCE, UNIT_CONDUCTANCE_ONTO_INH)])
    return table[onto_inh.astype(np.int8), mechanism]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances [n] between positions [n,3], by operations that round the same everywhere."""
    d = a - b
    return np.sqrt(d[:, 0] * d[:, 0] + d[:, 1] * d[:, 1] + d[:, 2] * d[:, 2])


def default_delay(distance_um: np.ndarray) -> np.ndarray:
    """Latency plus conduction time, ms, over distances in µm."""
    return LATENCY + distance_um / VELOCITY


def synapses_from_table(edges: Any, coordinates: np.ndarray, populations: Mapping[str, int]) -> Synapses:
    """Check an edge table and turn it into arrays.

    Args:
        edges: DataFrame or mapping of equal-length columns, see `System.from_arrays`.
        coordinates: float [N,4], gid, x, y, z [µm], in population order.
        populations: number of cells by population.

    Raises:
        TypeError: not a table.
        ValueError: any column that is missing, unknown, ragged, or holds an illegal value.
    """
    columns = _columns(edges)
    gids = coordinates[:, 0].astype(np.int64)
    order = np.argsort(gids, kind="stable")
    pre, pre_row = _cells("pre", columns["pre"], gids, order)
    post, post_row = _cells("post", columns["post"], gids, order)
    section = _codes("section", columns["section"], {s: i for i, s in enumerate(SECTIONS)})
    mechanism = _codes("mechanism", columns["mechanism"], _mechanism_codes())

    if "delay_ms" in columns:
        delay = _within("delay_ms", columns["delay_ms"])
    else:
        delay = _within("delay_ms", default_delay(distance(coordinates[pre_row, 1:], coordinates[post_row, 1:])))
    weight = _within("weight", columns["weight"]) if "weight" in columns else np.ones(len(pre))
    if "g_unit_uS" in columns:
        g_unit = _within("g_unit_uS", columns["g_unit_uS"])
    else:
        in_inh = np.repeat([p == "INH" for p in populations], list(populations.values()))
        g_unit = unit_conductance(mechanism, in_inh[post_row])
    syn_id = _syn_ids(columns["syn_id"]) if "syn_id" in columns else rank_within(post)

    synapses = Synapses.from_columns(pre, post, section, mechanism, delay, weight, g_unit, syn_id)
    _refuse_repeats(synapses)
    return synapses


def rank_within(group: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... within each value of `group`, in row order."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.searchsorted(ordered, ordered, side="left")
    return rank


def _columns(edges: Any) -> dict[str, np.ndarray]:
    """The columns of a table, known, complete and of equal length."""
    try:
        given = {str(name): edges[name] for name in edges.keys()}  # noqa: SIM118 - a DataFrame iterates otherwise
    except (AttributeError, TypeError, KeyError):
        raise TypeError(f"edges must be a DataFrame or a mapping of columns, got {edges!r:.200}") from None
    for name in given:
        checks.choice("column of edges", name, COLUMNS)
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        raise ValueError(f"edges must have the columns {', '.join(REQUIRED)}; missing: {', '.join(missing)}")
    columns: dict[str, np.ndarray] = {}
    for name, column in given.items():
        try:
            columns[name] = np.asarray(column)
        except ValueError:  # rows of unequal length
            columns[name] = np.empty((0, 0))
        if columns[name].ndim != 1:
            raise ValueError(f"column {name} of edges must have one entry per synapse, got {column!r:.200}")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of edges must have equal lengths, got {lengths}")
    return columns


def _whole(name: str, column: np.ndarray) -> np.ndarray:
    if column.size and column.dtype.kind not in "iu":
        raise ValueError(f"column {name} of edges must hold whole numbers, got {column!r:.200}")
    return column.astype(np.int64)


def _cells(name: str, column: np.ndarray, gids: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gids of a column, known, and their rows; `order` sorts `gids`."""
    wanted = _whole(name, column)
    at = np.searchsorted(gids, wanted, sorter=order).clip(max=len(gids) - 1)
    rows = order[at]
    wrong = np.flatnonzero(gids[rows] != wanted)
    if wrong.size:
        raise ValueError(
            f"column {name} of edges must hold gids of the system ({gids.min()} to {gids.max()}), "
            f"got {wanted[wrong[0]]} in row {wrong[0]}"
        )
    return wanted, rows


def _mechanism_codes() -> dict[str, int]:
    labels = {label: code for code, label in enumerate(RECEPTORS)}
    return labels | {name: labels[label] for label, name in MECHANISMS.items()}


def _codes(name: str, column: np.ndarray, codes: dict[str, int]) -> np.ndarray:
    entries = column.tolist()
    try:
        return np.array([codes[entry] for entry in entries], dtype=np.int8)
    except (KeyError, TypeError):
        wrong = next(entry for entry in entries if not isinstance(entry, str) or entry not in codes)
        raise checks.unknown(f"{name} in edges", wrong, codes) from None


def _within(name: str, column: np.ndarray) -> np.ndarray:
    a = checks.array(f"column {name} of edges", column, shape=(None,))
    wrong = np.flatnonzero((a < 0) | (a > MOST[name]))
    if wrong.size:
        raise ValueError(
            f"column {name} of edges must be from 0 to {MOST[name]:g}, got {a[wrong[0]]:g} in row {wrong[0]}"
        )
    return a


def _syn_ids(column: np.ndarray) -> np.ndarray:
    a = _whole("syn_id", column)
    wrong = np.flatnonzero((a < 0) | (a > np.iinfo(np.int32).max))
    if wrong.size:
        raise ValueError(f"column syn_id of edges must be >= 0 and below 2^31, got {a[wrong[0]]} in row {wrong[0]}")
    return a


def _refuse_repeats(s: Synapses) -> None:
    """Refuse two sorted neighbours with the same key."""
    same = (s.post[1:] == s.post[:-1]) & (s.syn_id[1:] == s.syn_id[:-1]) & (s.mechanism[1:] == s.mechanism[:-1])
    if same.any():
        i = int(np.argmax(same))
        key = (int(s.post[i]), int(s.syn_id[i]), RECEPTORS[s.mechanism[i]])
        raise ValueError(f"edges must not repeat a (post, syn_id, mechanism), got {key} more than once")
