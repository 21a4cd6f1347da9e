"""Recorded weights: the recorder that a running culture fills, and the traces that people read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from livn import checks
from livn.plasticity.keys import SynapseKeys
from livn.plasticity.multipliers import SynapseMapping
from livn.world import gathered

__all__ = ["Trace", "WeightRecorder", "WeightTraces"]

Block = tuple[np.ndarray, np.ndarray]  # int64[m] sample indices, float32[m, n] weights

MERGED = 1 << 25  # bytes; blocks below this size are joined
TURNED = 1 << 21  # values turned from sample order into trace order at a time


class Trace:
    """The recorded weight of one synapse; `np.asarray(trace)` gives its values.

    Args:
        values: float32[samples], dimensionless multipliers.
        index: int64[samples], the samples' times in units of `dt`.
        dt: sampling interval, ms.
    """

    __slots__ = ("_index", "_values", "dt")

    def __init__(self, values: np.ndarray, index: np.ndarray, dt: float) -> None:
        self._values, self._index, self.dt = values, index, dt

    @property
    def t(self) -> np.ndarray:
        """float64[samples], absolute times, ms."""
        return self._index * self.dt

    def as_numpy(self) -> np.ndarray:
        """float32[samples], a copy of the weights."""
        return self._values.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._values, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return self._values.size

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __repr__(self) -> str:
        if not len(self):
            return f"Trace(no samples, dt={self.dt:g} ms)"
        t = self.t
        return f"Trace({len(self)} samples, {t[0]:g} to {t[-1]:g} ms, dt={self.dt:g} ms, last w={self._values[-1]:.4g})"


class WeightTraces(SynapseMapping[Trace]):
    """Recorded weights: (gid, syn_id, mechanism) → `Trace`, in key order.

    It holds the samples taken up to the moment it was obtained; later runs do not alter it.

    Args:
        synapses: the keys.
        dt: sampling interval, ms.
        blocks: (int64[m] sample indices in units of `dt`, float32[m, n] weights) in order of time.
    """

    __slots__ = ("_blocks", "_index", "dt")

    def __init__(self, synapses: SynapseKeys, dt: float, blocks: Sequence[Block] = ()) -> None:
        super().__init__(synapses)
        none = np.zeros(0, dtype=np.int64), np.zeros((0, len(synapses)), dtype=np.float32)
        self.dt = dt
        self._blocks: tuple[Block, ...] = tuple(blocks) or (none,)
        self._index = np.concatenate([index for index, _ in self._blocks])

    @classmethod
    def empty(cls) -> WeightTraces:
        """The traces of a culture that never recorded weights: no keys."""
        return cls(SynapseKeys.empty(), np.nan)

    @property
    def t(self) -> np.ndarray:
        """float64[samples], absolute times of the samples, the same for all traces, ms."""
        return self._index * self.dt

    @property
    def array(self) -> np.ndarray:
        """float32[samples, n], all traces in key order; read-only."""
        if len(self._blocks) > 1:
            self._blocks = ((self._index, _read_only(np.concatenate([w for _, w in self._blocks]))),)
        return self._blocks[0][1]

    def gather(self, comm: Any = None, root: int = 0) -> WeightTraces | None:
        """The traces of all ranks on `root`, None on the others; the arguments are those of `Weights.gather`."""
        parts = gathered(self, comm, root)
        if parts is None or len(parts) == 1:
            return None if parts is None else self
        keys, order = SynapseKeys.joined([p.synapses for p in parts])
        return WeightTraces(keys, self.dt, [(self._index, np.concatenate([p.array for p in parts], axis=1)[:, order])])

    def _columns(self, a: int, b: int) -> np.ndarray:
        """float32[b - a, samples], some traces, each contiguous."""
        return _read_only(np.ascontiguousarray(np.concatenate([w[:, a:b] for _, w in self._blocks]).T))

    def _at(self, position: int) -> Trace:
        return Trace(self._columns(position, position + 1)[0], self._index, self.dt)

    def _each(self) -> Iterator[Trace]:
        width = max(1, TURNED // max(1, self._index.size))
        for a in range(0, len(self), width):
            for values in self._columns(a, min(a + width, len(self))):
                yield Trace(values, self._index, self.dt)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WeightTraces):
            return super().__eq__(other)
        if self.synapses != other.synapses or not np.array_equal(self._index, other._index):
            return False
        return (self.dt == other.dt or not len(self)) and np.array_equal(self.array, other.array)

    def __reduce__(self) -> tuple[Any, ...]:
        return WeightTraces, (self.synapses, self.dt, self._blocks)

    def __repr__(self) -> str:
        if not len(self):
            return "WeightTraces(no plastic synapses recorded)"
        return f"WeightTraces({len(self)} plastic synapses, {self._index.size} samples, dt={self.dt:g} ms)"


class WeightRecorder:
    """Collects samples of all plastic weights, run after run; sample k was taken at k·dt, absolute.

    Args:
        dt: sampling interval, ms, > 0.

    Raises:
        ValueError, TypeError: `dt` is not a positive number.
    """

    def __init__(self, dt: float) -> None:
        self.dt = checks.number("dt", dt, above=0.0, unit="ms")
        self._blocks: list[Block] = []
        self._traces: WeightTraces | None = None

    def add(self, first: int, weights: np.ndarray) -> None:
        """Append the samples first, first + 1, ... of one run.

        Args:
            first: index of the first sample, after all that were added before.
            weights: float32[m, n] in key order; it is kept, not copied: hand it over.
        """
        block = np.asarray(weights, dtype=np.float32)
        if block.ndim != 2 or (self._blocks and block.shape[1] != self._blocks[0][1].shape[1]):
            raise ValueError(f"weights must have the shape [samples, synapses] of earlier ones, got {block.shape}")
        if self._blocks and first <= self._blocks[-1][0][-1]:
            raise ValueError(f"sample {first} does not come after sample {self._blocks[-1][0][-1]}")
        if not len(block):
            return
        self._traces = None
        self._blocks.append((np.arange(first, first + len(block)), _read_only(block)))
        # Joining like with like keeps both the number of blocks and the copying small, however short the runs.
        while len(self._blocks) > 1:
            (index_0, w_0), (index_1, w_1) = self._blocks[-2:]
            if len(w_0) > len(w_1) or w_0.nbytes + w_1.nbytes > MERGED:
                break
            self._blocks[-2:] = [(np.concatenate([index_0, index_1]), _read_only(np.concatenate([w_0, w_1])))]

    def clear(self) -> None:
        """Drop the samples; recording goes on."""
        self._blocks, self._traces = [], None

    def __len__(self) -> int:
        return sum(len(index) for index, _ in self._blocks)

    @property
    def nbytes(self) -> int:
        """Memory that the samples take, bytes."""
        return sum(w.nbytes for _, w in self._blocks)

    def traces(self, synapses: SynapseKeys) -> WeightTraces:
        """The samples so far as traces; costs nothing until they are read."""
        if self._traces is None or self._traces.synapses is not synapses:
            self._traces = WeightTraces(synapses, self.dt, self._blocks)
        return self._traces


def _read_only(a: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = a.view()
    view.setflags(write=False)
    return view
