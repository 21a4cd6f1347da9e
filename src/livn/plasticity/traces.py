"""Recorded weights: the recorder that a running culture fills, and the traces that people read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from livn import checks
from livn.html import card
from livn.plasticity.keys import SynapseKeys
from livn.plasticity.multipliers import SynapseMapping, Weights
from livn.world import gathered

__all__ = ["Recorder", "Trace", "WeightRecorder", "WeightTraces"]

TURNED = 1 << 21
"""Values turned from sample order into trace order at a time."""


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
        index: int64[samples], the samples' times in units of `dt`, ascending; None: no samples.
        weights: float32[samples, n]; not copied.
    """

    __slots__ = ("_index", "_weights", "dt")

    def __init__(
        self, synapses: SynapseKeys, dt: float, index: np.ndarray | None = None, weights: np.ndarray | None = None
    ) -> None:
        super().__init__(synapses)
        self.dt = dt
        self._index = np.zeros(0, np.int64) if index is None else index
        self._weights = _read_only(np.zeros((0, len(synapses)), np.float32) if weights is None else weights)

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
        return self._weights

    def frames(self, start: int | None = None, stop: int | None = None, step: int | None = None) -> np.ndarray:
        """float32[m, n], samples `start` to `stop` of all traces, every `step`-th, as a slice of a list selects them.

        Raises:
            TypeError, ValueError: bounds that are no whole numbers, or a step below 1.
        """
        return self._rows(*self._bounds(start, stop, step))

    def frame(self, index: int) -> Weights:
        """All weights at one sample; -1 is the last.

        Raises:
            TypeError: no whole number.
            IndexError: there is no such sample.
        """
        n, k = len(self._index), checks.integer("index", index)
        if not -n <= k < n:
            raise IndexError(f"index must be that of one of {n} samples, got {k}")
        return Weights(self.synapses, self._rows(k % n, k % n + 1, 1)[0])

    def gather(self, comm: Any = None, root: int = 0) -> WeightTraces | None:
        """The traces of all ranks on `root`, None on the others; the arguments are those of `Weights.gather`."""
        parts = gathered(self, comm, root)
        if parts is None or len(parts) == 1:
            return None if parts is None else self
        keys, order = SynapseKeys.joined([p.synapses for p in parts])
        return WeightTraces(keys, self.dt, self._index, np.concatenate([p.array for p in parts], axis=1)[:, order])

    def _bounds(self, start: int | None, stop: int | None, step: int | None) -> tuple[int, int, int]:
        """A slice of the samples, from 0 to their number."""
        for name, value in (("start", start), ("stop", stop)):
            if value is not None:
                checks.integer(name, value)
        step = 1 if step is None else checks.integer("step", step, low=1)
        return slice(start, stop, step).indices(len(self._index))

    def _rows(self, start: int, stop: int, step: int) -> np.ndarray:
        """float32[m, n], some samples."""
        return self._weights[start:stop:step]

    def _columns(self, a: int, b: int) -> np.ndarray:
        """float32[b - a, samples], some traces, each contiguous."""
        return _read_only(np.ascontiguousarray(self._weights[:, a:b].T))

    @property
    def _width(self) -> int:
        """Traces to get at a time."""
        return max(1, TURNED // max(1, self._index.size))

    def _at(self, position: int) -> Trace:
        return Trace(self._columns(position, position + 1)[0], self._index, self.dt)

    def _each(self) -> Iterator[Trace]:
        width = self._width
        for a in range(0, len(self), width):
            for values in self._columns(a, min(a + width, len(self))):
                yield Trace(values, self._index, self.dt)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WeightTraces):
            return super().__eq__(other)
        if self.synapses != other.synapses or not np.array_equal(self._index, other._index):
            return False
        if len(self) and self.dt != other.dt:
            return False
        step = max(1, TURNED // max(1, len(self)))
        return all(
            np.array_equal(self.frames(a, a + step), other.frames(a, a + step))
            for a in range(0, len(self._index), step)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return WeightTraces, (self.synapses, self.dt, self._index, self._weights)

    def __repr__(self) -> str:
        if not len(self):
            return "WeightTraces(no plastic synapses recorded)"
        return f"WeightTraces({len(self)} plastic synapses, {self._index.size} samples, dt={self.dt:g} ms)"

    def _repr_html_(self) -> str:
        return card(type(self).__name__, "", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """What a notebook shows."""
        if not len(self):
            return [("plastic synapses", "none recorded")]
        n = self._index.size
        times = f", from {self._index[0] * self.dt:.10g} to {self._index[-1] * self.dt:.10g} ms" if n else ""
        return [("plastic synapses", f"{len(self):,}"), ("samples", f"{n:,} every {self.dt:g} ms{times}")]


class Recorder(ABC):
    """Takes samples of weights, run after run; sample k was taken at k·dt, absolute.

    Args:
        dt: sampling interval, ms, > 0.

    Raises:
        ValueError, TypeError: `dt` is not a positive number.
    """

    def __init__(self, dt: float) -> None:
        self.dt = checks.number("dt", dt, above=0.0, unit="ms")

    @abstractmethod
    def begin(self, synapses: SynapseKeys, first: int, count: int) -> None:
        """Be ready for `count` samples or fewer of these synapses: first, first + 1, ..."""

    @abstractmethod
    def add(self, weights: np.ndarray) -> None:
        """Take the next samples, float32[m, n] in key order; copied."""

    @abstractmethod
    def end(self) -> None:
        """The run is over: all that was added can be read."""

    @abstractmethod
    def clear(self) -> None:
        """Begin anew; recording goes on."""

    @abstractmethod
    def close(self) -> None:
        """No more will come."""

    @abstractmethod
    def memory(self, width: int, count: int) -> int:
        """Bytes that `count` more samples of `width` synapses will take, with those that are there."""

    @abstractmethod
    def traces(self, synapses: SynapseKeys) -> WeightTraces:
        """The samples so far; costs nothing until they are read."""


class WeightRecorder(Recorder):
    """Keeps the samples in memory, in one array that is allocated before a run and grows by halves across runs."""

    def __init__(self, dt: float) -> None:
        super().__init__(dt)
        self._n = self._next = 0
        self._index, self._weights = np.empty(0, np.int64), np.empty((0, 0), np.float32)

    def begin(self, synapses: SynapseKeys, first: int, count: int) -> None:
        n, width = self._n, len(synapses)
        if n and width != self._weights.shape[1]:
            raise ValueError(f"{self._weights.shape[1]} synapses were recorded so far, got {width}")
        if n and first <= self._index[n - 1]:
            raise ValueError(f"sample {first} does not come after sample {self._index[n - 1]}")
        self._next = first
        if n + count > len(self._index) or width != self._weights.shape[1]:
            room = max(n + count, n + n // 2)
            index, weights = np.empty(room, np.int64), np.empty((room, width), np.float32)
            if n:
                index[:n], weights[:n] = self._index[:n], self._weights[:n]
            self._index, self._weights = index, weights  # earlier snapshots keep what they show

    def add(self, weights: np.ndarray) -> None:
        n, m = self._n, len(weights)
        if np.shape(weights) != (m, self._weights.shape[1]) or n + m > len(self._index):
            room = len(self._index) - n, self._weights.shape[1]
            raise ValueError(f"weights must have the shape {room} or fewer samples, got {np.shape(weights)}")
        self._index[n : n + m] = np.arange(self._next, self._next + m)
        self._weights[n : n + m] = weights
        self._n, self._next = n + m, self._next + m

    def end(self) -> None:
        """Nothing is left to do."""

    def clear(self) -> None:
        """Drop the samples; recording goes on."""
        self._n = self._next = 0
        self._index, self._weights = np.empty(0, np.int64), np.empty((0, 0), np.float32)

    def close(self) -> None:
        """Drop the samples."""
        self.clear()

    def memory(self, width: int, count: int) -> int:
        return 4 * width * (self._n + count)

    def __len__(self) -> int:
        return self._n

    def traces(self, synapses: SynapseKeys) -> WeightTraces:
        if not self._n:
            return WeightTraces(synapses, self.dt)
        return WeightTraces(synapses, self.dt, self._index[: self._n], self._weights[: self._n])


def _read_only(a: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = a.view()
    view.setflags(write=False)
    return view
