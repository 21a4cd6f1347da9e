"""The ways in which a stimulus acts on a cell, and their units."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from livn.checks import choice

__all__ = ["DEFAULT_MODE", "FLUX", "MODES", "photons_per_mw", "unit_for"]

FLUX = "photon_flux"
"""Photons per second and mm²."""

# Mode -> its units, the default first. An extracellular potential acts through its gradient along a cell. Currents
# depolarise when positive; a conductance has the model's reversal potential; spikes are counts.
MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "extracellular": ("mV",),
        "current": ("nA",),
        "current_density": ("mA/cm²",),
        "conductance": ("µS",),
        "irradiance": ("mW/mm²", FLUX),
        "spikes": ("spikes",),
    }
)
DEFAULT_MODE = "extracellular"


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


def photons_per_mw(wavelength_nm: float) -> float:
    """Photons per second in 1 mW of light: each carries hc/λ (h and c exact, SI of 2019)."""
    return 1e-3 * wavelength_nm * 1e-9 / (6.62607015e-34 * 299792458.0)


def _plain(unit: str) -> str:
    return unicodedata.normalize("NFKC", unit).replace("\N{GREEK SMALL LETTER MU}", "u").replace("^", "")
