"""Where every variable lies in NEURON, and bulk reads and writes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from livn.engine.neuron.membrane import STATES, Membranes
from livn.engine.neuron.wiring import Wiring
from livn.models.cells import CellType
from livn.network import Network

__all__ = ["Column", "Variables"]


class Column:
    """Some variables as one array; a place without a variable reads as zero and ignores what is written.

    Args:
        h: NEURON's interpreter.
        references: a reference or None per place.
    """

    def __init__(self, h: Any, references: Iterable[Any]) -> None:
        there = list(references)
        self._size = len(there)
        self._places = np.array([i for i, r in enumerate(there) if r is not None], np.int64)
        n = max(1, len(self._places))
        self._vector = h.Vector(n)
        self._values = self._vector.as_numpy()  # once: every call of it leaks a little
        self._pointers = h.PtrVector(n)
        for i, place in enumerate(self._places.tolist()):
            self._pointers.pset(i, there[place])

    def read(self) -> np.ndarray:
        """float64[n], a copy."""
        values = np.zeros(self._size)
        if len(self._places):
            self._pointers.gather(self._vector)
            values[self._places] = self._values
        return values

    def write(self, values: np.ndarray) -> None:
        """Set the variables, float64[n]."""
        if len(self._places):
            self._values[:] = values[self._places]
            self._pointers.scatter(self._vector)


class Variables:
    """The variables of the cells of this process, by livn's names."""

    def __init__(self, h: Any, network: Network, membranes: Membranes, wiring: Wiring) -> None:
        self._h, self.network, self._membranes, self._wiring = h, network, membranes, wiring
        self._columns: dict[tuple[int, str], Column] = {}
        self._labels = [r.label for r in network.model.receptors]

    def column(self, number: int, name: str) -> Column:
        """A variable of all cells of the kind `number`, in row order; those of other processes read as zero."""
        if (number, name) not in self._columns:
            cells = np.flatnonzero(self.network.kind == number).tolist()
            kind, here = self.network.kinds[number], self._membranes.background
            self._columns[number, name] = Column(
                self._h, (self._find(kind, c, name) if c in here else None for c in cells)
            )
        return self._columns[number, name]

    def _find(self, kind: CellType, cell: int, name: str) -> Any:
        """The reference of a variable of a cell by its name in a state."""
        if name in ("z_e", "z_i"):
            return getattr(self._membranes.background[cell], f"_ref_{name}")
        base, _, section = name.rpartition("_")
        if section not in kind.sections:
            base, section = name, kind.sections[0]
        return self.reference(cell, kind.sections.index(section), base)

    def reference(self, cell: int, section: int, name: str) -> Any:
        """The reference of a compartment's variable, or None where there is none: no synapse, no rule."""
        if name in STATES:
            return self._membranes.reference(cell, section, name)
        what, _, rest = name.partition("_")
        if what in ("A", "B", "g") and rest in self._labels:
            process = self._wiring.synapses.get((cell, section, self._labels.index(rest)))
            return None if process is None else getattr(process, f"_ref_{what}")
        if name in ("g_noise_e", "g_noise_i"):
            holder = self._membranes.excitation if name[-1] == "e" else self._membranes.background
            return holder[cell]._ref_g
        if name == "membrane_current":
            return self._membranes.segments[cell, section]._ref_i_membrane_
        what, _, rule = name.rpartition("_")
        process = self._wiring.rules.get((cell, section, rule))
        return None if process is None else getattr(process, f"_ref_{'integral' if what == 'learning' else what}")

    def close(self) -> None:
        """Let go of everything."""
        self._columns.clear()
