"""What a rule did: how often its gates were open, how much was learned, and what became of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from livn.html import card, grid

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PlasticitySummary", "SummaryRow"]


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One learning rule in one kind of compartment. NaN stands for what could not be measured.

    Attributes:
        rule: `"EXC"` (gates open above their thresholds) or `"INH"` (below).
        population: population of the postsynaptic cells.
        section: section that holds the synapses.
        n_connections: plastic synapses of this rule there.
        sampled_ms: model time over which the potentials were sampled, ms.
        ltp_open: share of samples, 0 to 1, in which the gate of potentiation was open; mean over compartments.
        ltd_open: the same for depression.
        mean_drive: mean of drive(v) = 2σ(u) − 1, −1 to 1; below 0 the weights fall.
        learned: gain of the learning integral Λ, dimensionless, mean over compartments.
        dw_mean: mean change of the weights, dimensionless.
        dw_sd: its standard deviation over synapses.
        dw_min: the smallest change.
        dw_max: the largest change.
        at_bound: share of weights, 0 to 1, that are at `w_min` or `w_max`.
        theta_ltp: gate of potentiation, mV.
        theta_ltd: gate of depression, mV.
    """

    rule: str
    population: str
    section: str
    n_connections: int
    sampled_ms: float
    ltp_open: float
    ltd_open: float
    mean_drive: float
    learned: float
    dw_mean: float
    dw_sd: float
    dw_min: float
    dw_max: float
    at_bound: float
    theta_ltp: float
    theta_ltd: float

    @property
    def note(self) -> str:
        """What keeps the rule from working in full, or an empty string."""
        where = f"{self.rule} on {self.population} {self.section}"
        below = self.rule == "INH"
        side = "below" if below else "above"
        if not self.n_connections:
            return ""
        if not self.sampled_ms > 0:
            return f"{where}: nothing sampled yet; run the culture with plasticity on."
        if self.ltp_open == 0 and self.ltd_open == 0:
            widest = max(self.theta_ltp, self.theta_ltd) if below else min(self.theta_ltp, self.theta_ltd)
            return f"{where}: can never activate: no sampled potential was {side} {widest:g} mV."
        if self.ltp_open == 0:
            grew = " What grew all the same was scaled or set." if self.dw_max > 0 else ""
            note = f"{where}: can only depress: no sampled potential was {side} theta_ltp = {self.theta_ltp:g} mV."
            return note + grew
        if self.ltd_open == 0:
            return f"{where}: can only potentiate: no sampled potential was {side} theta_ltd = {self.theta_ltd:g} mV."
        return ""


# title, unit, format of a value; in the order of the row's fields
_LAYOUT: dict[str, tuple[str, str, str]] = {
    "rule": ("rule", "", "s"),
    "population": ("onto", "", "s"),
    "section": ("section", "", "s"),
    "n_connections": ("synapses", "", "d"),
    "sampled_ms": ("sampled", "ms", "g"),
    "ltp_open": ("LTP open", "%", ".2%"),
    "ltd_open": ("LTD open", "%", ".2%"),
    "mean_drive": ("drive", "-1..1", "+.3g"),
    "learned": ("learned", "Λ", "+.3g"),
    "dw_mean": ("Δw mean", "", "+.3g"),
    "dw_sd": ("Δw sd", "", ".3g"),
    "dw_min": ("Δw min", "", "+.3g"),
    "dw_max": ("Δw max", "", "+.3g"),
    "at_bound": ("at bound", "%", ".2%"),
}


@dataclass(frozen=True)
class PlasticitySummary:
    """What plasticity did since it was last enabled or the culture was cleared; prints as a table.

    Indexing, iteration and `len` go over the rows.

    Attributes:
        rows: one `SummaryRow` per rule, population and section.
    """

    rows: tuple[SummaryRow, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SummaryRow]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> SummaryRow:
        return self.rows[index]

    def to_frame(self) -> pd.DataFrame:
        """A table with one row per summary row and its attributes as columns."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows], columns=[f.name for f in fields(SummaryRow)])

    def __str__(self) -> str:
        if not self.rows:
            return "no plastic synapses"
        table = [[title for title, _, _ in _LAYOUT.values()], [unit for _, unit, _ in _LAYOUT.values()]]
        table += [[_cell(getattr(row, name), form) for name, (_, _, form) in _LAYOUT.items()] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        left = [form == "s" for _, _, form in _LAYOUT.values()]
        lines = [
            "  ".join(
                text.ljust(width) if flush else text.rjust(width)
                for text, width, flush in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in table
        ]
        lines.insert(2, "  ".join("-" * width for width in widths))
        return "\n".join(lines + [row.note for row in self.rows if row.note])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.rows:
            return card("PlasticitySummary", "", [("plastic synapses", "none")])
        heads = [f"{title} [{unit}]" if unit else title for title, unit, _ in _LAYOUT.values()]
        rows = [[_cell(getattr(row, name), form) for name, (_, _, form) in _LAYOUT.items()] for row in self.rows]
        right = [form != "s" for _, _, form in _LAYOUT.values()]
        return grid("PlasticitySummary", "", heads, rows, right, [row.note for row in self.rows if row.note])


def _cell(value: str | float, form: str) -> str:
    """A value as the table shows it; the unit of a share stands in the head of the table."""
    if isinstance(value, float) and math.isnan(value):
        return "-"
    return format(value, form).removesuffix("%")
