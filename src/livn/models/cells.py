"""Two cells made of the channels: their constants, their state at the start, and one step in time.

A step is staggered and of first order: currents at v(t); one implicit step for v; gates at the new v; concentrations
with the currents at v(t). `i_<section>` is the current that synapses, noise and stimuli drive through the membrane at
v(t) [nA, outward] and `g_<section>` its derivative [µS].

Units inside the membrane equation: mV, ms, nA, µS, nF.

Sources: two-compartment motoneuron after Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import where

from livn.models import channels as ch
from livn.models import ions
from livn.models.channels import (
    TAU_CAL_ACTIVATION,
    TAU_CAN_ACTIVATION,
    TAU_CAN_INACTIVATION,
    TAU_KA_ACTIVATION,
    TAU_KA_INACTIVATION,
    approach,
    cal_activation,
    cal_current,
    can_activation,
    can_current,
    can_inactivation,
    elapsed,
    ka_activation,
    ka_current,
    ka_inactivation,
    kca_current,
    kdr_activation,
    kdr_activation_rate,
    kdr_current,
    na_current,
    na_inactivation,
    na_inactivation_rate,
    relax,
)
from livn.models.ions import (
    POTASSIUM_IN,
    POTASSIUM_OUT,
    PUMP_RATE,
    SODIUM_IN,
    SODIUM_OUT,
    calcium,
    calcium_inflow,
    concentration,
    nernst,
)


def crossed(before, after, threshold):
    """1.0 where the potential crossed the threshold upward between two steps, else 0.0."""
    return where((before <= threshold) & (after > threshold), 1.0, 0.0)


def refractory_steps(period, dt):
    """The refractory period in whole steps."""
    return int(np.floor(period / dt + 0.5))


def ready(step, last, refractory):
    """Whether a crossing at `step` counts as a spike: the last one is at least `refractory` steps ago."""
    return step - last >= refractory


# The motoneuron: soma and dendrite

MOTONEURON_STATES = (
    "v_soma",
    "v_dend",
    "na_h",
    "kdr_n",
    "can_m_soma",
    "can_h_soma",
    "ca_soma",
    "can_m_dend",
    "can_h_dend",
    "cal_m_dend",
    "ca_dend",
    "na_in",
    "na_out",
    "k_in_soma",
    "k_out_soma",
    "k_in_dend",
    "k_out_dend",
)
MOTONEURON_CONSTANTS = (
    "c_dt_soma",
    "g_pas_soma",
    "e_pas_soma",
    "g_na",
    "g_kdr",
    "g_kca_soma",
    "g_can_soma",
    "i_hold",
    "shell_soma",
    "ca_rest_soma",
    "ca_alpha_soma",
    "ca_f_soma",
    "ca_k_soma",
    "threshold",
    "c_dt_dend",
    "g_pas_dend",
    "e_pas_dend",
    "g_kca_dend",
    "g_can_dend",
    "g_cal_dend",
    "shell_dend",
    "ca_rest_dend",
    "ca_alpha_dend",
    "ca_f_dend",
    "ca_k_dend",
    "g_axial",
)


def motoneuron_step(states, inputs, constants, dt):
    """One step of the two-compartment cell: the new states, the spike flag and the axial current soma → dend [nA]."""
    (
        v_soma, v_dend, na_h, kdr_n, can_m_soma, can_h_soma, ca_soma, can_m_dend, can_h_dend, cal_m_dend, ca_dend,
        na_in, na_out, k_in_soma, k_out_soma, k_in_dend, k_out_dend,
    ) = states  # fmt: skip
    i_soma, g_soma, i_dend, g_dend = inputs
    (
        c_dt_soma, g_pas_soma, e_pas_soma, g_na, g_kdr, g_kca_soma, g_can_soma, i_hold, shell_soma, ca_rest_soma,
        ca_alpha_soma, ca_f_soma, ca_k_soma, threshold, c_dt_dend, g_pas_dend, e_pas_dend, g_kca_dend, g_can_dend,
        g_cal_dend, shell_dend, ca_rest_dend, ca_alpha_dend, ca_f_dend, ca_k_dend, g_axial,
    ) = constants  # fmt: skip
    e_na = nernst(na_in, na_out)
    e_k_soma = nernst(k_in_soma, k_out_soma)
    e_k_dend = nernst(k_in_dend, k_out_dend)
    i_na, s_na = na_current(v_soma, na_h, e_na, g_na)
    i_kdr, s_kdr = kdr_current(v_soma, kdr_n, e_k_soma, g_kdr)
    i_kca, s_kca = kca_current(v_soma, ca_soma, e_k_soma, g_kca_soma)
    i_can, s_can = can_current(v_soma, can_m_soma, can_h_soma, ca_soma, g_can_soma)
    i_kca_d, s_kca_d = kca_current(v_dend, ca_dend, e_k_dend, g_kca_dend)
    i_can_d, s_can_d = can_current(v_dend, can_m_dend, can_h_dend, ca_dend, g_can_dend)
    i_cal_d, s_cal_d = cal_current(v_dend, cal_m_dend, ca_dend, g_cal_dend)

    axial = g_axial * (v_soma - v_dend)
    r_soma = -(i_na + i_kdr + i_kca + i_can + g_pas_soma * (v_soma - e_pas_soma) + i_hold + i_soma) - axial
    r_dend = -(i_kca_d + i_can_d + i_cal_d + g_pas_dend * (v_dend - e_pas_dend) + i_dend) + axial
    a_soma = c_dt_soma + s_na + s_kdr + s_kca + s_can + g_pas_soma + g_soma + g_axial
    a_dend = c_dt_dend + s_kca_d + s_can_d + s_cal_d + g_pas_dend + g_dend + g_axial
    det = 1.0 / (a_soma * a_dend - g_axial * g_axial)
    v = v_soma + (r_soma * a_dend + g_axial * r_dend) * det
    u = v_dend + (r_dend * a_soma + g_axial * r_soma) * det

    return (
        v,
        u,
        relax(na_h, na_inactivation(v), dt * na_inactivation_rate(v)),
        relax(kdr_n, kdr_activation(v), dt * kdr_activation_rate(v)),
        approach(can_m_soma, can_activation(v), elapsed(dt, TAU_CAN_ACTIVATION)),
        approach(can_h_soma, can_inactivation(v), elapsed(dt, TAU_CAN_INACTIVATION)),
        calcium(ca_soma, calcium_inflow(i_can, ca_rest_soma, ca_alpha_soma), ca_f_soma, ca_k_soma, dt),
        approach(can_m_dend, can_activation(u), elapsed(dt, TAU_CAN_ACTIVATION)),
        approach(can_h_dend, can_inactivation(u), elapsed(dt, TAU_CAN_INACTIVATION)),
        approach(cal_m_dend, cal_activation(u), elapsed(dt, TAU_CAL_ACTIVATION)),
        calcium(ca_dend, calcium_inflow(i_can_d + i_cal_d, ca_rest_dend, ca_alpha_dend), ca_f_dend, ca_k_dend, dt),
        concentration(na_in, -i_na * shell_soma, SODIUM_IN, PUMP_RATE * dt, dt),
        concentration(na_out, i_na * shell_soma, SODIUM_OUT, PUMP_RATE * dt, dt),
        concentration(k_in_soma, -(i_kdr + i_kca) * shell_soma, POTASSIUM_IN, PUMP_RATE * dt, dt),
        concentration(k_out_soma, (i_kdr + i_kca) * shell_soma, POTASSIUM_OUT, PUMP_RATE * dt, dt),
        concentration(k_in_dend, -i_kca_d * shell_dend, POTASSIUM_IN, PUMP_RATE * dt, dt),
        concentration(k_out_dend, i_kca_d * shell_dend, POTASSIUM_OUT, PUMP_RATE * dt, dt),
        crossed(v_soma, v, threshold),
        g_axial * (v - u),
    )


# The Renshaw cell: a soma

RENSHAW_STATES = (
    "v_soma",
    "na_h",
    "kdr_n",
    "ka_a",
    "ka_b",
    "can_m_soma",
    "can_h_soma",
    "ca_soma",
    "na_in",
    "na_out",
    "k_in_soma",
    "k_out_soma",
)
RENSHAW_CONSTANTS = (
    "c_dt_soma",
    "g_pas_soma",
    "e_pas_soma",
    "g_na",
    "g_kdr",
    "g_ka",
    "g_kca_soma",
    "g_can_soma",
    "i_hold",
    "shell_soma",
    "ca_rest_soma",
    "ca_alpha_soma",
    "ca_f_soma",
    "ca_k_soma",
    "threshold",
)


def renshaw_step(states, inputs, constants, dt):
    """One step of the one-compartment cell: the new states, the spike flag and the axial current (none)."""
    (
        v_soma, na_h, kdr_n, ka_a, ka_b, can_m_soma, can_h_soma, ca_soma, na_in, na_out, k_in_soma, k_out_soma,
    ) = states  # fmt: skip
    i_soma, g_soma = inputs
    (
        c_dt_soma, g_pas_soma, e_pas_soma, g_na, g_kdr, g_ka, g_kca_soma, g_can_soma, i_hold, shell_soma, ca_rest_soma,
        ca_alpha_soma, ca_f_soma, ca_k_soma, threshold,
    ) = constants  # fmt: skip
    e_na = nernst(na_in, na_out)
    e_k = nernst(k_in_soma, k_out_soma)
    i_na, s_na = na_current(v_soma, na_h, e_na, g_na)
    i_kdr, s_kdr = kdr_current(v_soma, kdr_n, e_k, g_kdr)
    i_ka, s_ka = ka_current(v_soma, ka_a, ka_b, e_k, g_ka)
    i_kca, s_kca = kca_current(v_soma, ca_soma, e_k, g_kca_soma)
    i_can, s_can = can_current(v_soma, can_m_soma, can_h_soma, ca_soma, g_can_soma)
    i_k = i_kdr + i_ka + i_kca

    r = -(i_na + i_k + i_can + g_pas_soma * (v_soma - e_pas_soma) + i_hold + i_soma)
    v = v_soma + r / (c_dt_soma + s_na + s_kdr + s_ka + s_kca + s_can + g_pas_soma + g_soma)

    return (
        v,
        relax(na_h, na_inactivation(v), dt * na_inactivation_rate(v)),
        relax(kdr_n, kdr_activation(v), dt * kdr_activation_rate(v)),
        approach(ka_a, ka_activation(v), elapsed(dt, TAU_KA_ACTIVATION)),
        approach(ka_b, ka_inactivation(v), elapsed(dt, TAU_KA_INACTIVATION)),
        approach(can_m_soma, can_activation(v), elapsed(dt, TAU_CAN_ACTIVATION)),
        approach(can_h_soma, can_inactivation(v), elapsed(dt, TAU_CAN_INACTIVATION)),
        calcium(ca_soma, calcium_inflow(i_can, ca_rest_soma, ca_alpha_soma), ca_f_soma, ca_k_soma, dt),
        concentration(na_in, -i_na * shell_soma, SODIUM_IN, PUMP_RATE * dt, dt),
        concentration(na_out, i_na * shell_soma, SODIUM_OUT, PUMP_RATE * dt, dt),
        concentration(k_in_soma, -i_k * shell_soma, POTASSIUM_IN, PUMP_RATE * dt, dt),
        concentration(k_out_soma, i_k * shell_soma, POTASSIUM_OUT, PUMP_RATE * dt, dt),
        crossed(v_soma, v, threshold),
        0.0 * v,
    )


# What an engine computes once, with NumPy, from the parameters that users see


def motoneuron_areas(p):
    """Lateral areas of soma and dendrite, µm², and the conductance between their centres, µS."""
    soma = np.pi * p["soma.d"] * p["soma.L"] * p["soma.pp"]
    dend = np.pi * p["soma.d"] * p["soma.L"] * (1.0 - p["soma.pp"])
    density = p["soma.gc"] / p["soma.pp"] * 1e-5  # mS/cm² to µS/µm²
    return soma, dend, 1.0 / (0.5 * (1.0 / (density * soma) + 1.0 / (density * dend)))


def renshaw_areas(p):
    """Lateral area of a cylinder as long as wide, µm²."""
    return (np.pi * p["soma.d"] ** 2,)


def _common(p, section, area, dt):
    """Constants that every compartment has; 1 S/cm² × 1 µm² = 1e-2 µS, 1 µF/cm² × 1 µm² = 1e-5 nF."""
    to_us = area * 1e-2
    return {
        f"c_dt_{section}": p[f"{section}.cm"] * area * 1e-5 / dt,
        f"g_pas_{section}": p[f"{section}.g_pas"] * to_us,
        f"e_pas_{section}": p[f"{section}.e_pas"],
        f"g_kca_{section}": p[f"{section}.gmax_KCa"] * to_us,
        f"g_can_{section}": p[f"{section}.gmax_CaN"] * to_us,
        f"shell_{section}": ions.SHELL / to_us,
        f"ca_alpha_{section}": p[f"{section}.alpha_Ca"] / to_us,
        f"ca_f_{section}": p[f"{section}.f_Ca"],
        f"ca_k_{section}": p[f"{section}.k_Ca"],
    }


def _rest_currents(c, p, section, v):
    """(i_Na, i_K, i_Ca, i_pas) of a soma, or (i_K, i_Ca) of a dendrite, at v with gates at steady state, nA."""
    e_na = nernst(SODIUM_IN, SODIUM_OUT)
    e_k = nernst(POTASSIUM_IN, POTASSIUM_OUT)
    calcium_in = ions.CALCIUM_IN
    i_k = kca_current(v, calcium_in, e_k, c[f"g_kca_{section}"])[0]
    i_ca = can_current(v, can_activation(v), can_inactivation(v), calcium_in, c[f"g_can_{section}"])[0]
    if f"g_cal_{section}" in c:
        i_ca = i_ca + cal_current(v, cal_activation(v), calcium_in, c[f"g_cal_{section}"])[0]
    i_na = 0.0 * v
    if section == "soma":
        i_na = na_current(v, na_inactivation(v), e_na, c["g_na"])[0]
        i_k = i_k + kdr_current(v, kdr_activation(v), e_k, c["g_kdr"])[0]
    if "g_ka" in c:
        i_k = i_k + ka_current(v, ka_activation(v), ka_inactivation(v), e_k, c["g_ka"])[0]
    return i_na, i_k, i_ca, c[f"g_pas_{section}"] * (v - c[f"e_pas_{section}"])


def _balance(c, p, sections):
    """Add the resting calcium currents and the hold current that makes the soma's net ionic current zero at rest."""
    for section in sections:
        i_na, i_k, i_ca, i_pas = _rest_currents(c, p, section, p[f"{section}.V_rest"])
        c[f"ca_rest_{section}"] = i_ca
        if section == "soma":
            c["i_hold"] = -(i_na + i_k + i_ca + i_pas)
    return c


def motoneuron_constants(p, dt):
    """What a step needs from the parameters: {name: float64[n]} for `MOTONEURON_CONSTANTS`."""
    area_soma, area_dend, g_axial = motoneuron_areas(p)
    c = _common(p, "soma", area_soma, dt) | _common(p, "dend", area_dend, dt)
    c["g_na"] = p["soma.gmax_Na"] * area_soma * 1e-2
    c["g_kdr"] = p["soma.gmax_Kdr"] * area_soma * 1e-2
    c["g_cal_dend"] = p["dend.gmax_CaL"] * area_dend * 1e-2
    c["g_axial"] = g_axial
    c["threshold"] = p["soma.threshold"]
    return _balance(c, p, ("soma", "dend"))


def renshaw_constants(p, dt):
    """What a step needs from the parameters: {name: float64[n]} for `RENSHAW_CONSTANTS`."""
    (area,) = renshaw_areas(p)
    c = _common(p, "soma", area, dt)
    for name, gmax in (("g_na", "Na"), ("g_kdr", "Kdr"), ("g_ka", "Ka")):
        c[name] = p[f"soma.gmax_{gmax}"] * area * 1e-2
    c["threshold"] = p["soma.threshold"]
    return _balance(c, p, ("soma",))


def initial_state(states, v, own=None):
    """{state: float64[n]} at t = 0: every compartment at the potential v[section], gates at their steady state.

    Raises:
        ValueError: a state that is neither of the cells above nor in own, {state: start(v)}.
    """
    start = {
        "na_h": lambda: ch.na_inactivation(v["soma"]),
        "kdr_n": lambda: ch.kdr_activation(v["soma"]),
        "ka_a": lambda: ch.ka_activation(v["soma"]),
        "ka_b": lambda: ch.ka_inactivation(v["soma"]),
        "na_in": lambda: SODIUM_IN,
        "na_out": lambda: SODIUM_OUT,
    }
    for section in v:
        start |= {
            f"v_{section}": lambda s=section: v[s],
            f"can_m_{section}": lambda s=section: can_activation(v[s]),
            f"can_h_{section}": lambda s=section: can_inactivation(v[s]),
            f"cal_m_{section}": lambda s=section: cal_activation(v[s]),
            f"ca_{section}": lambda: ions.CALCIUM_IN,
            f"k_in_{section}": lambda: POTASSIUM_IN,
            f"k_out_{section}": lambda: POTASSIUM_OUT,
        }
    start |= {name: lambda f=f: f(v) for name, f in (own or {}).items()}
    for name in states:
        if name not in start:
            raise ValueError(f"where does the state {name!r} start? Say initial={{{name!r}: start(v)}} in its CellType")
    return {name: np.broadcast_to(np.asarray(start[name](), float), np.shape(v["soma"])).copy() for name in states}


@dataclass(frozen=True)
class CellType:
    """A kind of cell as engines see it.

    Attributes:
        name: kind, `"EXC"`.
        sections: compartments in the order of stimulus and recording rows.
        parameters: {`"<section>.<parameter>"`: default}.
        states: names of the state variables; `v_<section>` are the potentials.
        constants: names of what `prepare` computes.
        step: step(states, inputs, constants, dt) → (*states, spike, axial current), each a tuple in the order of the
            names, `inputs` (i, g) per section. At most 30 names a tuple: Numba inlines no longer ones.
        prepare: prepare(parameters, dt) → {constant: float64[n]}.
        areas: areas(parameters) → µm² per section first.
        noise: sections that carry the excitatory and the inhibitory background conductance.
        offsets: {section: x offset of its sampling point from the soma's, µm}.
        initial: {state: start(v)} of states that the cells of this module don't have: v is {section: float64[n], mV}.
    """

    name: str
    sections: tuple[str, ...]
    parameters: dict[str, float]
    states: tuple[str, ...]
    constants: tuple[str, ...]
    step: Any
    prepare: Any
    areas: Any
    noise: tuple[str, str]
    offsets: dict[str, float] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)

    def start(self, v):
        """{state: float64[n]} at t = 0 with every compartment at the potential v[section], mV."""
        return initial_state(self.states, v, self.initial)
