"""ReducedCalciumSomaDendrite (RCSD): the default model, as data.

EXC is a two-compartment motoneuron after Booth, Rinzel & Kiehn (J Neurophysiol 78:3371-3385, 1997), INH a
one-compartment V1 Renshaw cell in two phenotypes. The values are fits; physics reference: docs/physics.md.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.models import cells
from livn.models.cells import CellType
from livn.models.plasticity import DEFAULTS as PLASTICITY_DEFAULTS
from livn.models.synapses import Receptor

if TYPE_CHECKING:
    from livn.stimulus import Stimulus
    from livn.types import Env

__all__ = ["MOTONEURON", "RENSHAW", "ReducedCalciumSomaDendrite"]

MOTONEURON: dict[str, float] = {
    "soma.L": 120.0,  # of the whole cell, µm
    "soma.d": 7.0965752601623535,
    "soma.pp": 0.1,
    "soma.gc": 7.206964498910834,
    "soma.cm": 1.0312566757202148 * 1.777068615934255,
    "soma.g_pas": 9.302226751616419e-05,
    "soma.e_pas": -62.0,
    "soma.gmax_Na": 0.16667339205741882,
    "soma.gmax_Kdr": 0.06444230715646704,
    "soma.gmax_KCa": 0.001865702157561832,
    "soma.gmax_CaN": 0.0003060516904561799,
    "soma.f_Ca": 0.013447929809072348,
    "soma.alpha_Ca": 3.2002168327027687,
    "soma.k_Ca": 1.0,
    "soma.V_rest": -57.4,
    "soma.threshold": -37.0,
    "dend.cm": 1.0312566757202148,
    "dend.g_pas": 4.429519140261562e-05,
    "dend.e_pas": -62.0,
    "dend.gmax_KCa": 0.0004750438852334796,
    "dend.gmax_CaN": 0.001,
    "dend.gmax_CaL": 1.3888775426905302e-05,
    "dend.f_Ca": 0.001348028244331323,
    "dend.alpha_Ca": 4.127872667411456,
    "dend.k_Ca": 15.900063160386765,
    "dend.V_rest": -57.4,
}
"""Parameters of EXC: lengths µm, gc mS/cm², cm µF/cm², g and gmax S/cm², potentials mV, k 1/ms."""

RENSHAW: dict[str, dict[str, float]] = {
    "invitro": {
        "soma.d": 19.411474227905273,
        "soma.cm": 0.9462705254554749,
        "soma.g_pas": 4.035637903143652e-05,
        "soma.e_pas": -67.66380310058594,
        "soma.gmax_Na": 0.08557455986738205,
        "soma.gmax_Kdr": 0.09600003063678741,
        "soma.gmax_Ka": 0.0059051355347037315,
        "soma.gmax_KCa": 0.002114551141858101,
        "soma.gmax_CaN": 0.0016945463139563799,
        "soma.f_Ca": 0.01990448124706745,
        "soma.alpha_Ca": 4.453778266906738,
        "soma.k_Ca": 8.111538887023926,
        "soma.V_rest": -60.0,
        "soma.threshold": -50.0,
    },
    "perry": {
        "soma.d": 16.41730499267578,
        "soma.cm": 1.0470783710479736,
        "soma.g_pas": 3.894238398061134e-05,
        "soma.e_pas": -71.58283233642578,
        "soma.gmax_Na": 0.05239470303058624,
        "soma.gmax_Kdr": 0.14435352385044098,
        "soma.gmax_Ka": 0.015866799280047417,
        "soma.gmax_KCa": 0.0021941864397376776,
        "soma.gmax_CaN": 0.01926092617213726,
        "soma.f_Ca": 0.002321670763194561,
        "soma.alpha_Ca": 4.400171279907227,
        "soma.k_Ca": 24.27430534362793,
        "soma.V_rest": -50.5,
        "soma.threshold": -30.8,
    },
}
"""Parameters of INH by phenotype, units as in `MOTONEURON`."""

RECEPTORS: tuple[Receptor, ...] = (
    Receptor("AMPA", "StdpLinExp2Syn", "EXC", 0.0, {"EXC": (0.5, 3.0), "INH": (0.5, 3.0)}),
    Receptor("NMDA", "StdpLinExp2SynNMDA", "EXC", 0.0, {"EXC": (10.0, 35.0), "INH": (10.0, 35.0)}, blocked=True),
    Receptor("GABA_A", "StdpLinExp2SynInh", "INH", -60.0, {"EXC": (0.3, 6.2), "INH": (0.08, 4.8)}),
    Receptor("GABA_B", "LinExp2Syn", None, -95.0, {"EXC": (60.0, 200.0), "INH": (60.0, 200.0)}),
)
DEPRESSING_AMPA = Receptor("AMPA", "DepLinExp2Syn", None, 0.0, {"EXC": (0.5, 3.0), "INH": (0.5, 3.0)}, depressing=True)

DEND_OFFSET = 60.0
"""Distance between the centres of soma and dend, µm along +x."""

INPUT_MODES = ("extracellular", "current", "current_density", "conductance")
STIMULUS_MODES = (*INPUT_MODES, "irradiance", "spikes")


@cache
def _defaults() -> dict[str, Any]:
    """Tuned weights and noise by system name, written by `tools/tune_defaults.py`."""
    tuned = json.loads(files("livn.models").joinpath("rcsd_defaults.json").read_text(encoding="utf-8"))
    return {name: values for name, values in tuned.items() if name != "about"}


class ReducedCalciumSomaDendrite:
    """Motoneurons with calcium dynamics (EXC) and Renshaw cells (INH).

    Args:
        input_mode: how a bare array given to `run` acts: `"extracellular"` [mV] (the default), `"current"` [nA],
            `"current_density"` [mA/cm²] or `"conductance"` [µS].
        refractory_period: a spike within this time of the cell's last one is ignored, ms.
        renshaw_phenotype: `"invitro"` or `"perry"`.
        short_term_depression: AMPA synapses depress (Tsodyks & Markram 1997) instead of learning.

    Raises:
        ValueError: an unknown mode or phenotype, or a negative period.
    """

    def __init__(
        self,
        input_mode: str | None = None,
        refractory_period: float = 2.0,
        renshaw_phenotype: str = "invitro",
        short_term_depression: bool = False,
    ) -> None:
        if input_mode is not None:
            checks.choice("input_mode", input_mode, INPUT_MODES)
        self.input_mode = input_mode
        self.refractory_period = checks.number("refractory_period", refractory_period, low=0.0, high=1e6, unit="ms")
        self.renshaw_phenotype = checks.choice("renshaw_phenotype", renshaw_phenotype, RENSHAW)
        self.short_term_depression = checks.boolean("short_term_depression", short_term_depression)
        ampa = DEPRESSING_AMPA if short_term_depression else RECEPTORS[0]
        self.receptors: tuple[Receptor, ...] = (ampa, *RECEPTORS[1:])
        self.cell_types: dict[str, CellType] = {
            "EXC": CellType(
                "EXC",
                ("soma", "dend"),
                MOTONEURON,
                cells.MOTONEURON_STATES,
                cells.MOTONEURON_CONSTANTS,
                cells.motoneuron_step,
                cells.motoneuron_constants,
                cells.motoneuron_areas,
                noise=("dend", "soma"),
                offsets={"soma": 0.0, "dend": DEND_OFFSET},
            ),
            "INH": CellType(
                "INH",
                ("soma",),
                RENSHAW[renshaw_phenotype],
                cells.RENSHAW_STATES,
                cells.RENSHAW_CONSTANTS,
                cells.renshaw_step,
                cells.renshaw_constants,
                cells.renshaw_areas,
                noise=("soma", "soma"),
                offsets={"soma": 0.0},
            ),
        }

    @property
    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments: `type(model)(**model.kwargs)` is an equal model."""
        return {
            "input_mode": self.input_mode,
            "refractory_period": self.refractory_period,
            "renshaw_phenotype": self.renshaw_phenotype,
            "short_term_depression": self.short_term_depression,
        }

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.kwargs == self.kwargs

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.kwargs.items())))

    def __repr__(self) -> str:
        changed = {k: v for k, v in self.kwargs.items() if k not in _DEFAULT_KWARGS or v != _DEFAULT_KWARGS[k]}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    # Cells and their sections

    def cell_type(self, population: str) -> CellType:
        """The kind of cell that a population is made of.

        Raises:
            ValueError: no population of this name in the model.
        """
        return self.cell_types[checks.choice("population", population, self.cell_types)]

    def section_name(self, population: str, section: str) -> str:
        """The section of `population` that an address names: `hillock` is `dend`; every section of INH is `soma`.

        Raises:
            ValueError: unknown population or section.
        """
        kind = self.cell_type(population)
        checks.choice("section", section, ("soma", "dend", "hillock"))
        return kind.sections[0] if len(kind.sections) == 1 else {"hillock": "dend"}.get(section, section)

    def ignored_populations(self) -> frozenset[str]:
        """Populations of a system that this model does not simulate: none."""
        return frozenset()

    def params_key(self) -> str:
        """Key of this model in a system's parameter files."""
        return type(self).__name__

    def recordable_states(self) -> tuple[str, ...]:
        """State variables that `Env.record` takes beside voltage, spikes and membrane current.

        Gates and concentrations [mM] by their names; `g_<receptor>`, `g_noise_e` and `g_noise_i`, conductances [µS];
        `learning_EXC` and `learning_INH`, the learning integral Λ.
        """
        names = {
            state.removesuffix(f"_{section}")
            for kind in self.cell_types.values()
            for section in kind.sections
            for state in kind.states
            if not state.startswith("v_")
        }
        names = {n for n in names if not n.endswith(("_soma", "_dend"))}
        names |= {f"g_{r.label}" for r in self.receptors} | {"g_noise_e", "g_noise_i"}
        return tuple(sorted(names | {f"learning_{rule}" for rule in PLASTICITY_DEFAULTS}))

    def recording_coordinates(self, coordinates: Any, population: str | None = None) -> np.ndarray:
        """One row per compartment: soma and dend of each cell in turn, dend 60 µm along +x.

        Args:
            coordinates: float[N, 4], gid, x, y, z [µm].
            population: the population of all rows; None takes them for EXC.

        Returns:
            float64[M, 4].
        """
        rows = checks.array("coordinates", coordinates, shape=(None, 4))
        kind = self.cell_type("EXC" if population is None else population)
        out = np.repeat(rows, len(kind.sections), axis=0)
        for i, section in enumerate(kind.sections):
            out[i :: len(kind.sections), 1] += kind.offsets[section]
        return out

    def stimulus_coordinates(self, coordinates: Any, population: str | None = None) -> np.ndarray:
        """Where stimuli act, float64[M, 4]: the rows of `recording_coordinates`."""
        return self.recording_coordinates(coordinates, population)

    # Stimuli

    def prepare_stimulus(self, stim: Stimulus) -> Stimulus:
        """The stimulus as this model takes it: unchanged."""
        return stim

    def stimulus_bounds(self, mode: str) -> tuple[float, float] | None:
        """Legal range of a stimulus' values: ±1000 mV for extracellular potentials, else None."""
        checks.choice("mode", mode, STIMULUS_MODES)
        return (-1000.0, 1000.0) if mode == "extracellular" else None

    def opsin_config(self) -> dict[str, Any] | None:
        """Opsin of the cells: none in this model."""
        return None

    # Synapses and learning

    def neuron_synapse_mechanisms(self) -> dict[str, str]:
        """Receptor label → name of the synaptic mechanism."""
        return {r.label: r.mechanism for r in self.receptors}

    def neuron_plasticity_mechanism_groups(self) -> dict[str, set[str]]:
        """Rule → mechanisms that learn by it."""
        groups: dict[str, set[str]] = {rule: set() for rule in PLASTICITY_DEFAULTS}
        for r in self.receptors:
            if r.rule is not None:
                groups[r.rule].add(r.mechanism)
        return groups

    def neuron_plasticity_defaults(self) -> dict[str, dict[str, float]]:
        """Rule → its default parameters, new dictionaries."""
        return {rule: dict(p) for rule, p in PLASTICITY_DEFAULTS.items()}

    # Values that live

    def default_weights(self, system_name: str, engine: str | None = None) -> dict[str, float]:
        """Static weights for a system of this name, else the generic set, in the form `Env.set_weights` takes."""
        return dict(self._tuned(system_name)["weights"])

    def default_noise(self, system_name: str, engine: str | None = None) -> dict[str, dict[str, float]]:
        """Background noise for a system of this name, else the generic set, in the form `Env.set_noise` takes."""
        return {p: dict(v) for p, v in self._tuned(system_name)["noise"].items()}

    def _tuned(self, system_name: str) -> dict[str, Any]:
        if not isinstance(system_name, str):
            raise TypeError(f"system_name must be a string, got {system_name!r:.200}")
        tuned = _defaults()
        return tuned.get(system_name, tuned["generic"])

    def apply_defaults(self, env: Env, weights: bool = True, noise: bool = True) -> None:
        """Set an env's static weights and background noise to this model's values, as far as it has use for them."""
        name = env.system.name
        if weights:
            usable = {k: v for k, v in self.default_weights(name, env.engine).items() if k in env.weight_names}
            if usable:
                env.set_weights(usable)
        if noise:
            present = set(env.active_populations())
            env.set_noise({p: v for p, v in self.default_noise(name, env.engine).items() if p in present})


_DEFAULT_KWARGS: dict[str, Any] = ReducedCalciumSomaDendrite().kwargs
