"""Cells as NEURON's sections: geometry, channels, ions, noise, spike detection."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn.models.cells import (
    motoneuron_areas,
    motoneuron_constants,
    motoneuron_step,
    renshaw_areas,
    renshaw_constants,
    renshaw_step,
)
from livn.models.ions import CALCIUM_IN, POTASSIUM_IN, POTASSIUM_OUT, SODIUM_IN, SODIUM_OUT
from livn.network import Network

__all__ = ["KINDS", "Membranes"]

KINDS = (
    (motoneuron_step, motoneuron_constants, motoneuron_areas),
    (renshaw_step, renshaw_constants, renshaw_areas),
)
"""Kinds of cells that the mechanisms describe, by the equations that the other engines use for them."""

CHANNELS = {
    "gmax_Na": "livn_na",
    "gmax_Kdr": "livn_kdr",
    "gmax_Ka": "livn_ka",
    "gmax_KCa": "livn_kca",
    "gmax_CaN": "livn_can",
    "gmax_CaL": "livn_cal",
}
RANGES = {
    "cm": ("", "cm"),
    "g_pas": ("pas", "g"),
    "e_pas": ("pas", "e"),
    "f_Ca": ("livn_ca_pool", "f"),
    "alpha_Ca": ("livn_ca_pool", "alpha"),
    "k_Ca": ("livn_ca_pool", "k"),
    "threshold": ("livn_spike", "theta"),
    **{parameter: (mechanism, "gmax") for parameter, mechanism in CHANNELS.items()},
}
"""Parameters of a section that NEURON holds under another name: (mechanism, variable)."""

STATES = {
    "v": ("", "v"),
    "na_h": ("livn_na", "h"),
    "kdr_n": ("livn_kdr", "n"),
    "ka_a": ("livn_ka", "a"),
    "ka_b": ("livn_ka", "b"),
    "can_m": ("livn_can", "m"),
    "can_h": ("livn_can", "h"),
    "cal_m": ("livn_cal", "m"),
    "ca": ("", "cai"),
    "na_in": ("", "nai"),
    "na_out": ("", "nao"),
    "k_in": ("", "ki"),
    "k_out": ("", "ko"),
}
"""State variables by livn's names: (mechanism, variable)."""

CELSIUS = 36.0


class Membranes:
    """The cells that this process simulates.

    Attributes:
        cells: int64[n], their indices in the network.
        segments: {(cell, section index): segment}.
        background: {cell: point process of its noise and of the inhibitory conductance}.
        excitation: {cell: point process of the excitatory conductance}.
    """

    def __init__(self, h: Any, network: Network, cells: np.ndarray, seed: int) -> None:
        self.h, self.network, self.cells = h, network, cells
        self.segments: dict[tuple[int, int], Any] = {}
        self.background: dict[int, Any] = {}
        self.excitation: dict[int, Any] = {}
        self._sections: list[Any] = []  # what keeps them alive
        self._known: dict[str, dict[str, np.ndarray]] = {}
        h.celsius = CELSIUS
        self.set_seed(seed)
        for cell in cells.tolist():
            self._build(cell)

    def set_seed(self, seed: int) -> None:
        """Of the noise, from now on."""
        self.h.seed_low_LivnBackground, self.h.seed_high_LivnBackground = seed & 0xFFFFFFFF, seed >> 32

    def _build(self, cell: int) -> None:
        kind, gid = self.network.kind_of(cell), int(self.network.gids[cell])
        for s, name in enumerate(kind.sections):
            section = self.h.Section(name=f"{kind.name}{gid}_{name}")
            self._sections.append(section)
            if s:
                section.connect(self.segments[cell, 0].sec(1), 0)
            own = {p.partition(".")[2] for p in kind.parameters if p.startswith(f"{name}.")}
            section.insert("pas")
            for parameter, mechanism in CHANNELS.items():
                if parameter in own:
                    section.insert(mechanism)
            for mechanism in ("livn_k_pool", "livn_ca_pool"):
                section.insert(mechanism)
            if s == 0:
                for mechanism in ("livn_na_pool", "livn_hold", "livn_spike"):
                    section.insert(mechanism)
            for ion, follows in (("na", 1), ("k", 1), ("ca", 0)):  # eca is not used
                if section.has_membrane(f"{ion}_ion"):  # e from the concentrations once a step, at its start
                    self.h.ion_style(f"{ion}_ion", 3, 2, 0, follows, 0, sec=section)
            self.segments[cell, s] = section(0.5)
        excited, inhibited = (self.segments[cell, kind.sections.index(name)] for name in kind.noise)
        self.background[cell] = background = self.h.LivnBackground(inhibited)
        background.gid = gid
        self.excitation[cell] = excitation = self.h.LivnExcitation(excited)
        excitation._ref_z = background._ref_z_e

    def reference(self, cell: int, section: int, state: str) -> Any:
        """The reference of a state variable."""
        mechanism, variable = STATES[state]
        holder = self.segments[cell, section]
        return getattr(getattr(holder, mechanism) if mechanism else holder, f"_ref_{variable}")

    # Parameters

    def update(self) -> None:
        """Take up changed parameters of the network."""
        for number, kind in enumerate(self.network.kinds):
            parameters = self.network.parameters[kind.name]
            known = self._known.get(kind.name)
            mine = self.cells[self.network.kind[self.cells] == number]
            rows = self.network.row[mine]
            changed = np.ones(len(mine), bool)
            if known is not None:
                changed = np.any([parameters[p][rows] != known[p][rows] for p in parameters], axis=0)
            self._known[kind.name] = {p: values.copy() for p, values in parameters.items()}
            for cell, row in zip(mine[changed].tolist(), rows[changed].tolist(), strict=True):
                self._set(cell, kind.sections, {p: float(values[row]) for p, values in parameters.items()})

    def _set(self, cell: int, sections: tuple[str, ...], p: dict[str, float]) -> None:
        self._shape(cell, sections, p)
        for s, name in enumerate(sections):
            segment = self.segments[cell, s]
            for parameter, (mechanism, variable) in RANGES.items():
                value = p.get(f"{name}.{parameter}")
                if value is not None:
                    setattr(getattr(segment, mechanism) if mechanism else segment, variable, value)
            self._balance(segment, p[f"{name}.V_rest"], s == 0)

    def _shape(self, cell: int, sections: tuple[str, ...], p: dict[str, float]) -> None:
        """Lateral areas, and axial resistances by which the centres are coupled by 1/(½ (1/G_soma + 1/G_dend))."""
        first = self.segments[cell, 0].sec
        if len(sections) == 1:
            first.L = first.diam = p["soma.d"]
            return
        share = {"soma": p["soma.pp"], "dend": 1.0 - p["soma.pp"]}
        density = p["soma.gc"] / p["soma.pp"] * 1e-5  # mS/cm² to µS/µm²
        for s, name in enumerate(sections):
            section = self.segments[cell, s].sec
            section.L, section.diam = p["soma.L"] * share[name], p["soma.d"]
            # half of the section's resistance, Ra L/(2 π d²/4), is to be half of 1/(density π d L)
            section.Ra = 100.0 * section.diam / (4.0 * density * section.L**2)

    def _balance(self, segment: Any, v: float, hold: bool) -> None:
        """The resting calcium current, and the hold current that makes a soma's net ionic current zero at rest."""
        e_na = self.h.nernst(SODIUM_IN, SODIUM_OUT, 1)
        e_k = self.h.nernst(POTASSIUM_IN, POTASSIUM_OUT, 1)
        arguments: dict[str, tuple[float, ...]] = {
            "livn_na": (v, e_na),
            "livn_kdr": (v, e_k),
            "livn_ka": (v, e_k),
            "livn_kca": (v, CALCIUM_IN, e_k),
            "livn_can": (v, CALCIUM_IN),
            "livn_cal": (v, CALCIUM_IN),
        }
        there = {m: getattr(segment, m).steady(*a) for m, a in arguments.items() if segment.sec.has_membrane(m)}
        segment.livn_ca_pool.ica_rest = sum(i for m, i in there.items() if m in ("livn_can", "livn_cal"))
        if hold:
            segment.livn_hold.ic = -(sum(there.values()) + segment.pas.g * (v - segment.pas.e))

    def rest(self, v_init: float | None) -> None:
        """Put every compartment at `v_init`, or at its V_rest [mV]."""
        for (cell, s), segment in self.segments.items():
            kind = self.network.kind_of(cell)
            name = f"{kind.sections[s]}.V_rest"
            row = self.network.row[cell]
            v = self.network.parameters[kind.name][name][row] if v_init is None else v_init
            for x in (0, 0.5, 1):
                segment.sec(x).v = v

    def set_noise(self, noise: Any) -> None:
        """Background conductances by population; the others are off."""
        population = np.full(self.network.n_cells, "", object)
        for name, cells in self.network.populations.items():
            population[cells] = name
        for cell, background in self.background.items():
            p, excitation = noise.get(population[cell]), self.excitation[cell]
            background.on = excitation.on = p is not None
            if p is not None:
                background.tau_e, background.tau_i = p["tau_e"], p["tau_i"]
                background.mean, background.sd, background.e = p["g_i0"], p["std_i"], p["E_i"]
                excitation.mean, excitation.sd, excitation.e = p["g_e0"], p["std_e"], p["E_e"]

    def close(self) -> None:
        """Let go of everything."""
        self.excitation.clear()
        self.background.clear()
        self.segments.clear()
        self._sections.clear()
