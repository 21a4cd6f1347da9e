"""Which plastic synapses there are: their keys, held as arrays and shared by everything that is indexed by them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from livn import checks
from livn.errors import UnknownName

__all__ = ["Key", "SynapseKeys"]

Key = tuple[int, int, str]
"""(gid of the postsynaptic cell, synapse id on it, mechanism)"""

CHUNK = 1 << 16  # keys turned into Python objects at a time


@dataclass(frozen=True, eq=False, repr=False)
class SynapseKeys:
    """The plastic synapses of a network in key order: by gid, then syn_id, then mechanism name.

    Iterating yields the keys as Python tuples.

    Attributes:
        gid: int64[n], postsynaptic cell.
        syn_id: int32[n] ≥ 0, synapse on that cell.
        mechanism: int8[n], index into `mechanisms`.
        mechanisms: names of the mechanisms, in alphabetical order.
        pre: int64[n], gid of the presynaptic cell.
        section: int8[n], index into `sections`.
        sections: names of the sections.

    Raises:
        ValueError: arrays of different lengths, codes without a name, keys out of order or repeated.
    """

    gid: np.ndarray
    syn_id: np.ndarray
    mechanism: np.ndarray
    mechanisms: tuple[str, ...]
    pre: np.ndarray
    section: np.ndarray
    sections: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(np.asarray(self.gid))
        for name, dtype in _COLUMNS.items():
            object.__setattr__(self, name, _column(name, getattr(self, name), dtype, n))
        for name in ("mechanism", "section"):
            legal, code = tuple(getattr(self, name + "s")), getattr(self, name)
            object.__setattr__(self, name + "s", legal)
            if n and not 0 <= code.min() <= code.max() < len(legal):
                raise ValueError(f"{name} must index the {len(legal)} names, got {code.min()} to {code.max()}")
        if list(self.mechanisms) != sorted(set(self.mechanisms)):
            raise ValueError(f"mechanisms must be distinct and in alphabetical order, got {self.mechanisms}")
        if n and self.syn_id.min() < 0:
            raise ValueError(f"syn_id must be >= 0, got {self.syn_id.min()}")
        g, s, m = (np.diff(c) for c in (self.gid, self.syn_id, self.mechanism))
        if not ((g > 0) | ((g == 0) & ((s > 0) | ((s == 0) & (m > 0))))).all():
            raise ValueError("keys must ascend by gid, syn_id and mechanism, each once; SynapseKeys.ordered sorts them")

    @classmethod
    def ordered(
        cls,
        gid: Any,
        syn_id: Any,
        mechanism: Any,
        mechanisms: Iterable[str],
        pre: Any,
        section: Any,
        sections: Iterable[str],
    ) -> tuple[SynapseKeys, np.ndarray]:
        """Keys from columns in any order, with mechanism names in any order.

        Returns:
            The keys, and int64[n] `order` such that `values[order]` brings values that were aligned with the given
            columns into key order.
        """
        names = tuple(mechanisms)
        legal = tuple(sorted(set(names)))
        rank = np.array([legal.index(name) for name in names], dtype=np.int8)
        gid, syn_id, pre, section = map(np.asarray, (gid, syn_id, pre, section))
        code = rank[np.asarray(mechanism, dtype=np.intp)]
        order = np.lexsort((code, syn_id, gid))
        keys = cls(gid[order], syn_id[order], code[order], legal, pre[order], section[order], tuple(sections))
        return keys, order

    @classmethod
    def joined(cls, parts: Sequence[SynapseKeys]) -> tuple[SynapseKeys, np.ndarray]:
        """The keys of several parts of a network, and the order that brings their values, one part after the other,
        into key order."""
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS}
        return cls.ordered(**columns, mechanisms=parts[0].mechanisms, sections=parts[0].sections)

    def take(self, index: np.ndarray) -> SynapseKeys:
        """The synapses that a boolean mask or an ascending index selects."""
        columns = {name: getattr(self, name)[index] for name in _COLUMNS}
        return SynapseKeys(**columns, mechanisms=self.mechanisms, sections=self.sections)

    @classmethod
    def empty(cls) -> SynapseKeys:
        """The keys of a network without plastic synapses."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none, (), none, none, ())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, f.name) for f in fields(self))

    def __len__(self) -> int:
        return self.gid.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SynapseKeys):
            return NotImplemented
        return self is other or all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self.__reduce__()[1], other.__reduce__()[1], strict=True)
        )

    def __repr__(self) -> str:
        return f"SynapseKeys({len(self)} plastic synapses on {self._cells[0].size} cells: {', '.join(self.mechanisms)})"

    def __iter__(self) -> Iterator[Key]:
        for a in range(0, len(self), CHUNK):
            part = slice(a, a + CHUNK)
            mechanism = map(self.mechanisms.__getitem__, self.mechanism[part].tolist())
            yield from zip(self.gid[part].tolist(), self.syn_id[part].tolist(), mechanism, strict=True)

    def key(self, position: int) -> Key:
        """The key at a position."""
        return int(self.gid[position]), int(self.syn_id[position]), self.mechanisms[self.mechanism[position]]

    def mechanism_names(self) -> np.ndarray:
        """object[n] of str, the mechanism of each synapse."""
        return np.array(self.mechanisms, dtype=object)[self.mechanism]

    def section_names(self) -> np.ndarray:
        """object[n] of str, the section that holds each synapse."""
        return np.array(self.sections, dtype=object)[self.section]

    # -- looking up --

    def position(self, key: Any) -> int:
        """Where a key is, or -1."""
        try:
            gid, syn_id, mechanism = key
            gid, syn_id, code = operator.index(gid), operator.index(syn_id), self.mechanisms.index(mechanism)
        except (TypeError, ValueError):  # no triple, no whole numbers, no such mechanism
            return -1
        if not len(self):
            return -1
        (gids, _), (span, ranks) = self._cells, self._ranks
        cell = int(gids.searchsorted(gid))
        if cell == gids.size or gids[cell] != gid or not 0 <= syn_id < span:
            return -1
        rank = (cell * span + syn_id) * len(self.mechanisms) + code
        found = int(ranks.searchsorted(rank))
        return found if found < ranks.size and ranks[found] == rank else -1

    def find(self, key: Any) -> int:
        """Where a key is.

        Raises:
            UnknownName: it is not there (a `KeyError`); the message says what is.
        """
        found = self.position(key)
        if found < 0:
            raise self._unknown(key)
        return found

    def positions(self, keys: SynapseKeys | Iterable[Key]) -> np.ndarray:
        """int64[m], where each of many keys is.

        Raises:
            UnknownName: one of them is not there; the message says what is.
        """
        if isinstance(keys, SynapseKeys):
            code = [self.mechanisms.index(m) if m in self.mechanisms else -1 for m in keys.mechanisms]
            mechanism = np.array(code, dtype=np.int64)[keys.mechanism]
            found = self._lookup(keys.gid, keys.syn_id, mechanism)
            if (found < 0).any():
                raise self._unknown(keys.key(int(np.argmax(found < 0))))
            return found
        wanted = list(keys)
        if not wanted:
            return np.zeros(0, dtype=np.int64)
        codes = {name: code for code, name in enumerate(self.mechanisms)}
        try:
            gid, syn_id, names = zip(*wanted, strict=True)
            columns = np.array(gid), np.array(syn_id), np.array([codes.get(name, -1) for name in names])
        except (TypeError, ValueError):  # not all of them are triples
            columns = (np.zeros(0),) * 3
        if all(c.dtype.kind in "iu" for c in columns):
            found = self._lookup(*(c.astype(np.int64) for c in columns))
            if (found >= 0).all():
                return found
        return np.array([self.find(key) for key in wanted], dtype=np.int64)  # raises at the first that is not there

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """The gids that have plastic synapses, ascending, and where the synapses of each start."""
        first = np.flatnonzero(np.diff(self.gid, prepend=self.gid[:1] - 1))
        return self.gid[first], first

    @cached_property
    def _ranks(self) -> tuple[int, np.ndarray]:
        """One ascending number per key, and the span of syn_id that it is made with."""
        gids, first = self._cells
        cell = np.repeat(np.arange(gids.size, dtype=np.int64), np.diff(first, append=len(self)))
        span = int(self.syn_id.max()) + 1
        return span, (cell * span + self.syn_id) * len(self.mechanisms) + self.mechanism

    def _lookup(self, gid: np.ndarray, syn_id: np.ndarray, mechanism: np.ndarray) -> np.ndarray:
        """int64[m], where each key is, -1 where there is none."""
        if not len(self):
            return np.full(gid.shape, -1, dtype=np.int64)
        gids, _ = self._cells
        span, ranks = self._ranks
        cell = np.minimum(np.searchsorted(gids, gid), gids.size - 1)
        known = (gids[cell] == gid) & (syn_id >= 0) & (syn_id < span) & (mechanism >= 0)
        rank = np.where(known, (cell * span + syn_id) * len(self.mechanisms) + mechanism, -1)
        found = np.minimum(np.searchsorted(ranks, rank), len(self) - 1)
        return np.where(ranks[found] == rank, found, -1)

    def _unknown(self, key: Any) -> Exception:
        """The exception for a key that is not there."""
        try:
            gid, syn_id, mechanism = key
            gid, syn_id = operator.index(gid), operator.index(syn_id)
        except (TypeError, ValueError):
            return UnknownName(f"a key is (gid, syn_id, mechanism): two whole numbers and a name; got {key!r}")
        gids, _ = self._cells
        if gid not in gids:
            some = ", ".join(map(str, gids[:8].tolist())) + (", ..." if gids.size > 8 else "")
            return UnknownName(
                f"cell {gid} has no plastic synapses; cells that have: {some or 'none'} ({gids.size} in all)"
            )
        if mechanism not in self.mechanisms:
            return checks.unknown("mechanism", mechanism, self.mechanisms, KeyError)
        own = np.flatnonzero(self.gid == gid)
        ids = self.syn_id[own]
        others = own[ids == syn_id].tolist()
        hint = (
            f"did you mean {self.key(others[0])!r}?"
            if others
            else f"it has {ids.size}, with syn_ids from {ids.min()} to {ids.max()}"
        )
        return UnknownName(f"cell {gid} has no plastic synapse {syn_id} with {mechanism}; {hint}")


_COLUMNS = {"gid": np.int64, "syn_id": np.int32, "mechanism": np.int8, "pre": np.int64, "section": np.int8}


def _column(name: str, values: Any, dtype: Any, n: int) -> np.ndarray:
    """A read-only copy of whole numbers, none of them changed by the narrower type."""
    given = np.asarray(values)
    if given.shape != (n,):
        raise ValueError(f"{name} must have the shape [{n}], got {list(given.shape)}")
    column = given.astype(dtype)
    if not np.array_equal(column, given):
        raise ValueError(f"{name} must be whole numbers that fit {np.dtype(dtype)}")
    column.setflags(write=False)
    return column
