"""`Weights`: a snapshot of the plastic weights, and the way back into a culture."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from livn import checks
from livn.errors import UnknownName
from livn.html import card
from livn.plasticity.keys import CHUNK, Key, SynapseKeys
from livn.world import gathered

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SynapseMapping", "Weights", "multipliers_from"]

V = TypeVar("V")


class SynapseMapping(Mapping[Key, V]):
    """A mapping from (gid, syn_id, mechanism) to something per plastic synapse; the keys are arrays.

    Attributes:
        synapses: the keys, with the presynaptic cell and the section of each.
    """

    __slots__ = ("synapses",)

    def __init__(self, synapses: SynapseKeys) -> None:
        self.synapses = synapses

    def _at(self, position: int) -> V:
        """The value at a position in key order."""
        raise NotImplementedError

    def _each(self) -> Iterator[V]:
        """All values in key order; quicker than one by one."""
        raise NotImplementedError

    def __getitem__(self, key: Key) -> V:
        return self._at(self.synapses.find(key))

    def __contains__(self, key: object) -> bool:
        return self.synapses.position(key) >= 0

    def __iter__(self) -> Iterator[Key]:
        return iter(self.synapses)

    def __len__(self) -> int:
        return len(self.synapses)

    def items(self) -> ItemsView[Key, V]:
        """(key, value) pairs in key order."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """The values in key order."""
        return _Values(self)


class _Items(ItemsView[Key, V]):
    _mapping: SynapseMapping[V]

    def __iter__(self) -> Iterator[tuple[Key, V]]:
        return zip(self._mapping.synapses, self._mapping._each(), strict=True)


class _Values(ValuesView[V]):
    _mapping: SynapseMapping[V]

    def __iter__(self) -> Iterator[V]:
        return self._mapping._each()

    def __contains__(self, value: object) -> bool:
        return any(value is own or value == own for own in self)


class Weights(SynapseMapping[float]):
    """Plastic weights at one moment: (gid, syn_id, mechanism) → multiplier, ordered by gid, then syn_id.

    Reads like a dict and equals the dict with the same content, but is held as arrays: whole-network work belongs
    on `.array` and `.to_frame()`. Later runs do not alter it.

    Args:
        synapses: the keys.
        values: float[n], the dimensionless multipliers in key order; copied.

    Raises:
        ValueError: `values` does not have one finite number per key.
    """

    __slots__ = ("_array",)

    def __init__(self, synapses: SynapseKeys, values: Any) -> None:
        super().__init__(synapses)
        self._array = checks.array("values", values, shape=(len(synapses),))
        self._array.setflags(write=False)

    @property
    def array(self) -> np.ndarray:
        """float64[n], the multipliers in key order; read-only, `.copy()` it to change it."""
        return self._array

    def to_frame(self) -> pd.DataFrame:
        """A table with one row per synapse: pre, post, syn_id, mechanism, section, w."""
        import pandas as pd

        synapses = self.synapses
        columns = {
            "pre": synapses.pre.copy(),
            "post": synapses.gid.copy(),
            "syn_id": synapses.syn_id.copy(),
            "mechanism": synapses.mechanism_names(),
            "section": synapses.section_names(),
            "w": self._array.copy(),
        }
        return pd.DataFrame(columns)

    def gather(self, comm: Any = None, root: int = 0) -> Weights | None:
        """The weights of all ranks on `root`, None on the others; to be called on every rank of the culture.

        Args:
            comm: an MPI communicator; None: the one that cultures of this process are spread over, or this process
                alone if none was (`make(..., comm=...)`).
            root: the rank that gets them.
        """
        parts = gathered(self, comm, root)
        if parts is None or len(parts) == 1:
            return None if parts is None else self
        keys, order = SynapseKeys.joined([p.synapses for p in parts])
        return Weights(keys, np.concatenate([p.array for p in parts])[order])

    def _at(self, position: int) -> float:
        return float(self._array[position])

    def _each(self) -> Iterator[float]:
        for a in range(0, self._array.size, CHUNK):
            yield from self._array[a : a + CHUNK].tolist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Weights):
            return np.array_equal(self._array, other._array) and _same_keys(self.synapses, other.synapses)
        if isinstance(other, Mapping):
            return len(self) == len(other) and dict(self.items()) == dict(other.items())
        return NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return Weights, (self.synapses, self._array)

    def __repr__(self) -> str:
        w = self._array
        if not w.size:
            return "Weights(no plastic synapses)"
        return (
            f"Weights({w.size} plastic synapses: mean {w.mean():.4g}, sd {w.std():.4g}, "
            f"min {w.min():.4g}, max {w.max():.4g})"
        )

    def _repr_html_(self) -> str:
        w, synapses = self._array, self.synapses
        if not w.size:
            return card("Weights", "", [("plastic synapses", "none")])
        facts = [
            ("plastic synapses", f"{w.size:,} onto {len(np.unique(synapses.gid)):,} cells"),
            ("mean", f"{w.mean():.4g} ± {w.std():.4g}"),
            ("range", f"{w.min():.4g} to {w.max():.4g}"),
        ]
        return card("Weights", "", facts)


def _same_keys(a: SynapseKeys, b: SynapseKeys) -> bool:
    """Whether two networks have the same keys (where the synapses come from does not matter to a mapping)."""
    if a is b:
        return True
    same = np.array_equal(a.gid, b.gid) and np.array_equal(a.syn_id, b.syn_id)
    return same and np.array_equal(a.mechanism_names(), b.mechanism_names())


def multipliers_from(
    weights: Any, synapses: SynapseKeys, current: np.ndarray, w_min: np.ndarray, w_max: np.ndarray
) -> np.ndarray:
    """The multipliers of a whole network from what a user hands in; nothing that came in is altered.

    Args:
        weights: a `Weights`, a mapping with keys of this network (all or some; the others keep `current`), or
            float[n] in key order.
        synapses: the network's n plastic synapses.
        current: float64[n], the multipliers in use.
        w_min: float64[n], lower bounds.
        w_max: float64[n], upper bounds. A value that misses a bound by float32 rounding only (a sample of a recorded
            trace) is taken for the bound.

    Returns:
        float64[n], the new multipliers in key order.

    Raises:
        ValueError: an unknown key, a wrong length, something that is no number, NaN, or a value out of bounds.
    """
    where: np.ndarray | slice = slice(None)
    if isinstance(weights, Weights) and _same_keys(weights.synapses, synapses):
        values = weights.array
    elif isinstance(weights, Mapping):
        try:
            where = synapses.positions(weights.synapses if isinstance(weights, SynapseMapping) else weights)
        except UnknownName as e:
            raise ValueError(f"weights has a key that this network lacks: {e}") from None
        values = _numbers(weights.array if isinstance(weights, Weights) else list(weights.values()), where.size)
    else:
        values = _numbers(weights, len(synapses))
    low, high = w_min[where], w_max[where]
    rounded = np.clip(values, low, high)
    off = np.abs(values - rounded) > np.finfo(np.float32).eps * np.abs(rounded)
    if off.any():
        i = int(np.argmax(off))
        key = synapses.key(int(np.arange(len(synapses))[where][i]))
        raise ValueError(
            f"weights must lie within w_min and w_max, got {values[i]:g} for {key!r}, bounds {low[i]:g} to "
            f"{high[i]:g}; {np.count_nonzero(off)} of {values.size} lie outside"
        )
    result = current.astype(np.float64, copy=True)
    result[where] = rounded
    return result


def _numbers(values: Any, n: int) -> np.ndarray:
    """n multipliers as float64."""
    try:
        real = np.asarray(values).dtype.kind in "iuf" or not n
    except ValueError:  # ragged
        real = False
    if not real:
        raise ValueError(
            f"weights must be a Weights, a mapping to numbers, or an array of numbers, got {values!r:.200}"
        )
    if np.shape(values) != (n,):
        raise ValueError(f"weights must have the length {n}, one per plastic synapse, got the shape {np.shape(values)}")
    return checks.array("weights", values, shape=(n,))
