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


SUMS = ("learning", *COUNTS)
"""Sums over a culture's life, by rule and section, float64 in either precision: with Λ in float32, learning would be
off by half beyond |Λ| = 16."""


@dataclass(frozen=True)
class Layout:
    """The variables of one kind of cell in a tile: rows of `WIDTH` words, two for what is wider than a word.

    Attributes:
        kind: the cell type.
        rows: the first row of each variable, in order.
        height: number of rows.
        single: whether words are float32, not float64.
    """

    kind: CellType
    receptors: tuple[Receptor, ...]
    rows: dict[str, int]
    height: int
    single: bool

    @classmethod
    def of(cls, kind: CellType, receptors: tuple[Receptor, ...], single: bool = False) -> Layout:
        names = [*kind.states, "spike", "axial"]
        for section in kind.sections:
            names += [f"{n}_{section}" for n in ("inject", "open")]
        for section in kind.sections:
            names += [f"{s}_{r.label}_{section}" for r in receptors for s in "AB"]
        for section in kind.sections:
            for rule in RULES:
                names += [f"{n}_{rule}_{section}" for n in ("signal", *SUMS)]
        for side in "ei":
            names += [f"{n}_{side}" for n in ("z", "g_noise", *NOISE_CONSTANTS)]
        names += kind.constants
        ends = np.cumsum([2 if single and _is_sum(name) else 1 for name in names]).tolist()
        return cls(kind, receptors, dict(zip(names, [0, *ends], strict=False)), ends[-1], single)

    @property
    def size(self) -> int:
        """Words in a tile."""
        return self.height * WIDTH

    def offset(self, name: str) -> int:
        """Offset of a variable's first lane in its tile, words."""
        return self.rows[name] * WIDTH

    def is_wide(self, name: str) -> bool:
        """Whether a variable, or all of that name but the section, is float64 among words of float32."""
        return self.single and _is_sum(name)

    def channels(self) -> list[tuple[int, str, int, Receptor]]:
        """(bit, section, receptor number, receptor) of each synaptic conductance of a cell."""
        n = len(self.receptors)
        return [(i * n + j, s, j, r) for i, s in enumerate(self.kind.sections) for j, r in enumerate(self.receptors)]

    def learners(self) -> list[tuple[int, str, int, str]]:
        """(bit, section, rule number, rule) of each learning signal of a cell."""
        n = len(RULES)
        return [(i * n + j, s, j, r) for i, s in enumerate(self.kind.sections) for j, r in enumerate(RULES)]

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """For each row, what an event into it does, and the offset of the learning integral it reads."""
        mode = np.full(self.height, STATIC, np.int64)
        integral = np.zeros(self.height, np.int64)
        for _, section, _, receptor in self.channels():
            a = self.rows[f"A_{receptor.label}_{section}"]
            if receptor.depressing:
                mode[a] = DEPRESSING
            elif receptor.rule is not None:
                mode[a] = LEARNING + RULES.index(receptor.rule)
                integral[a] = self.offset(f"learning_{receptor.rule}_{section}")
        return mode, integral


def _is_sum(name: str) -> bool:
    return name.startswith(tuple(f"{n}_" for n in SUMS))
