"""Where everything of a tile lies: `state[tile][variable][lane]`, all offsets compile-time constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livn.engine.base import COUNTS
from livn.engine.cpu.events import DEPRESSING, LEARNING, STATIC, WIDTH
from livn.models.plasticity import TAU_LEARNING

if TYPE_CHECKING:
    from livn.models.cells import CellType
    from livn.models.synapses import Receptor

RULES = tuple(TAU_LEARNING)
"""Rules in the order of their tables."""

NOISE_CONSTANTS = ("mean", "std", "decay", "spread", "reversal")


@dataclass(frozen=True)
class Layout:
    """The variables of one kind of cell in a tile, in order.

    Attributes:
        kind: the cell type.
        names: variable names; the offset of a variable is its place times the tile's width.
    """

    kind: CellType
    receptors: tuple[Receptor, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, kind: CellType, receptors: tuple[Receptor, ...]) -> Layout:
        names = [*kind.states, "spike", "axial"]
        for section in kind.sections:
            names += [f"{n}_{section}" for n in ("inject", "open")]
        for section in kind.sections:
            names += [f"{s}_{r.label}_{section}" for r in receptors for s in "AB"]
        for section in kind.sections:
            for rule in RULES:
                names += [f"{n}_{rule}_{section}" for n in ("signal", "learning", *COUNTS)]
        for side in "ei":
            names += [f"{n}_{side}" for n in ("z", "g_noise", *NOISE_CONSTANTS)]
        return cls(kind, receptors, (*names, *kind.constants))

    @property
    def size(self) -> int:
        """Numbers in a tile."""
        return len(self.names) * WIDTH

    def offset(self, name: str) -> int:
        """Offset of a variable's first lane in its tile."""
        return self.names.index(name) * WIDTH

    def channels(self) -> list[tuple[int, str, int, Receptor]]:
        """(bit, section, receptor number, receptor) of each synaptic conductance of a cell."""
        n = len(self.receptors)
        return [(i * n + j, s, j, r) for i, s in enumerate(self.kind.sections) for j, r in enumerate(self.receptors)]

    def learners(self) -> list[tuple[int, str, int, str]]:
        """(bit, section, rule number, rule) of each learning signal of a cell."""
        n = len(RULES)
        return [(i * n + j, s, j, r) for i, s in enumerate(self.kind.sections) for j, r in enumerate(RULES)]

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """For each variable, what an event into it does, and the offset of the learning integral it reads."""
        mode = np.full(len(self.names), STATIC, np.int64)
        integral = np.zeros(len(self.names), np.int64)
        for _, section, _, receptor in self.channels():
            a = self.names.index(f"A_{receptor.label}_{section}")
            if receptor.depressing:
                mode[a] = DEPRESSING
            elif receptor.rule is not None:
                mode[a] = LEARNING + RULES.index(receptor.rule)
                integral[a] = self.offset(f"learning_{receptor.rule}_{section}")
        return mode, integral
