"""The ways in which a stimulus acts on a cell, and their units."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from livn.checks import choice

__all__ = ["DEFAULT_MODE", "MODES", "unit_for"]

# Mode -> its units, the default first. Currents depolarise when positive; a conductance has the model's reversal
# potential.
MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"current": ("nA",), "current_density": ("mA/cm²",), "conductance": ("µS",)}
)
DEFAULT_MODE = "current"


def unit_for(input_mode: str, units: str | None) -> str:
    """The unit as `MODES` writes it: the mode's default for None; `uS`, `mA/cm2` and `mA/cm^2` are understood.

    Raises:
        ValueError: not a unit of this mode.
    """
    legal = MODES[input_mode]
    if units is None:
        return legal[0]
    for unit in legal:
        if isinstance(units, str) and _plain(unit) == _plain(units):
            return unit
    return str(choice(f"units for {input_mode}", units, legal))


def _plain(unit: str) -> str:
    return unicodedata.normalize("NFKC", unit).replace("\N{GREEK SMALL LETTER MU}", "u").replace("^", "")
