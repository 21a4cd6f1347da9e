"""The mechanisms state equations a second time: their constants and functions against those in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from livn.engine.neuron.library import load_neuron
from livn.engine.neuron.membrane import CELSIUS
from livn.models import channels as ch
from livn.models import ions, noise, plasticity, synapses
from livn.models.rcsd import ReducedCalciumSomaDendrite

DENSITIES = ("na", "kdr", "ka", "kca", "can", "cal", "na_pool", "k_pool", "ca_pool")
POTENTIALS = [*np.linspace(-120.0, 60.0, 37).tolist(), 1e-9, -1e-9]
STEP = 0.025


@pytest.fixture
def h() -> Any:
    return load_neuron()


@pytest.fixture
def segment(h: Any) -> Iterator[Any]:
    """A compartment with everything that has a density."""
    h.celsius, h.dt = CELSIUS, STEP
    section = h.Section(name="probe")
    section.L = section.diam = 20.0
    for name in DENSITIES:
        section.insert(f"livn_{name}")
    yield section(0.5)
    h.delete_section(sec=section)


def same(found: float, expected: float, name: str = "") -> None:
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-300), name


# Channels

GATES: dict[tuple[str, str], Callable[[float], float]] = {
    ("na", "activation"): ch.na_activation,
    ("na", "inactivation"): ch.na_inactivation,
    ("na", "tau"): lambda v: 1.0 / ch.na_inactivation_rate(v),
    ("kdr", "activation"): ch.kdr_activation,
    ("kdr", "tau"): lambda v: 1.0 / ch.kdr_activation_rate(v),
    ("ka", "activation"): ch.ka_activation,
    ("ka", "inactivation"): ch.ka_inactivation,
    ("can", "activation"): ch.can_activation,
    ("can", "inactivation"): ch.can_inactivation,
    ("cal", "activation"): ch.cal_activation,
}


@pytest.mark.parametrize(("channel", "name"), GATES)
def test_gates(segment, channel, name):
    function = getattr(getattr(segment, f"livn_{channel}"), name)
    for v in POTENTIALS:
        same(function(v), GATES[channel, name](v), f"{channel} {name} at {v} mV")


@pytest.mark.parametrize(("channel", "scale"), [("can", ch.FORCE_CAN), ("cal", ch.FORCE_CAL)])
def test_the_driving_force_of_calcium(segment, channel, scale):
    mechanism = getattr(segment, f"livn_{channel}")
    same(mechanism.scale(), scale)
    for v in POTENTIALS:
        for ca in (1e-5, 1e-3, 0.1):
            same(mechanism.ghk(v, ca, scale), ch.ghk(v, ca, scale)[0], f"{v} mV, {ca} mM")


def test_currents_at_rest(segment):
    e_na, e_k, g = ions.nernst(15.0, 145.0), ions.nernst(145.0, 5.0), 0.03
    for name in DENSITIES[:6]:
        getattr(segment, f"livn_{name}").gmax = g
    for v in POTENTIALS:
        for name, arguments, expected in [
            ("na", (e_na,), ch.na_current(v, ch.na_inactivation(v), e_na, g)),
            ("kdr", (e_k,), ch.kdr_current(v, ch.kdr_activation(v), e_k, g)),
            ("ka", (e_k,), ch.ka_current(v, ch.ka_activation(v), ch.ka_inactivation(v), e_k, g)),
            ("kca", (2e-4, e_k), ch.kca_current(v, 2e-4, e_k, g)),
            ("can", (2e-4,), ch.can_current(v, ch.can_activation(v), ch.can_inactivation(v), 2e-4, g)),
            ("cal", (2e-4,), ch.cal_current(v, ch.cal_activation(v), 2e-4, g)),
        ]:
            same(getattr(segment, f"livn_{name}").steady(v, *arguments), expected[0], f"{name} at {v} mV")


CONSTANTS = {
    "taua_livn_ka": ch.TAU_KA_ACTIVATION,
    "taub_livn_ka": ch.TAU_KA_INACTIVATION,
    "taum_livn_can": ch.TAU_CAN_ACTIVATION,
    "tauh_livn_can": ch.TAU_CAN_INACTIVATION,
    "taum_livn_cal": ch.TAU_CAL_ACTIVATION,
    "half_livn_kca": ch.HALF_KCA,
    "inside_livn_na_pool": ions.SODIUM_IN,
    "outside_livn_na_pool": ions.SODIUM_OUT,
    "inside_livn_k_pool": ions.POTASSIUM_IN,
    "outside_livn_k_pool": ions.POTASSIUM_OUT,
    "inside_livn_ca_pool": ions.CALCIUM_IN,
    "beta_livn_na_pool": ions.PUMP_RATE,
    "beta_livn_k_pool": ions.PUMP_RATE,
    "depth_livn_na_pool": ions.SHELL_DEPTH,
    "depth_livn_k_pool": ions.SHELL_DEPTH,
    "kappa_LivnRuleEXC": plasticity.KAPPA,
    "kappa_LivnRuleINH": plasticity.KAPPA,
    "tau_signal_LivnRuleEXC": plasticity.TAU_LEARNING["EXC"],
    "tau_signal_LivnRuleINH": plasticity.TAU_LEARNING["INH"],
    "U_DepLinExp2Syn": synapses.DEPRESSION_USE,
    "tau_rec_DepLinExp2Syn": synapses.DEPRESSION_RECOVERY,
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(h, name):
    assert getattr(h, name) == CONSTANTS[name]


def test_the_temperature_is_one(h):
    assert CELSIUS + 273.15 == ions.TEMPERATURE
    h.celsius = CELSIUS
    same(h.nernst(ions.SODIUM_IN, ions.SODIUM_OUT, 1), ions.nernst(ions.SODIUM_IN, ions.SODIUM_OUT))


# Ions


def test_concentrations_take_one_step(h, segment):
    for name in DENSITIES[:6]:
        getattr(segment, f"livn_{name}").gmax = 1e-3
    pool = segment.livn_ca_pool
    pool.f, pool.alpha, pool.k, pool.ica_rest = 0.01, 9.0, 2.0, -1e-5
    for v in (-90.0, -60.0, -20.0, 30.0):
        h.finitialize(v)
        for _ in range(3):
            before = {name: getattr(segment, name) for name in ("nai", "nao", "ki", "ko", "cai")}
            h.fadvance()  # which leaves the currents of the step's start
            for ion, rest, sign in [
                ("nai", ions.SODIUM_IN, -1.0),
                ("nao", ions.SODIUM_OUT, 1.0),
                ("ki", ions.POTASSIUM_IN, -1.0),
                ("ko", ions.POTASSIUM_OUT, 1.0),
            ]:
                flux = sign * (segment.ina if "na" in ion else segment.ik) * ions.SHELL
                expected = ions.concentration(before[ion], flux, rest, ions.PUMP_RATE * STEP, STEP)
                same(getattr(segment, ion), expected, f"{ion} at {v} mV")
            inflow = ions.calcium_inflow(segment.ica, pool.ica_rest, pool.alpha)
            same(segment.cai, ions.calcium(before["cai"], inflow, pool.f, pool.k, STEP), f"calcium at {v} mV")


# Synapses


@pytest.mark.parametrize("receptor", ReducedCalciumSomaDendrite().receptors, ids=lambda r: r.label)
def test_a_synapse_conducts_and_fades(h, segment, receptor):
    process = getattr(h, receptor.mechanism)(segment)
    process.tau_rise, process.tau_decay = receptor.kinetics["INH"]
    process.e = receptor.reversal
    if receptor.rule:
        rule = getattr(h, f"LivnRule{receptor.rule}")(segment)
        process._ref_integral = rule._ref_integral
    current = synapses.nmda_current if receptor.blocked else synapses.synaptic_current
    rise, decay = synapses.decays(receptor.kinetics["INH"], STEP)
    for v in POTENTIALS:
        h.finitialize(v)
        process.A, process.B = 2e-4, 1e-3
        h.fcurrent()
        same(process.i, current(v, 2e-4, 1e-3, receptor.reversal)[0], f"{v} mV")
        h.fadvance()
        same(process.A, 2e-4 * rise)
        same(process.B, 1e-3 * decay)


# Learning


@pytest.mark.parametrize(("rule", "gate"), [("EXC", plasticity.gate_above), ("INH", plasticity.gate_below)])
@pytest.mark.parametrize("slope", [1.2, 1.3])
def test_gates_of_learning(h, segment, rule, gate, slope):
    process = getattr(h, f"LivnRule{rule}")(segment)
    setattr(h, f"learning_slope_LivnRule{rule}", slope)
    process.prepare()
    b = np.log(slope)
    for v in POTENTIALS:
        same(process.gate(v, -60.0, -55.0), gate(v, -60.0, -55.0, b), f"{v} mV")
        same(process.opening(v / 10.0), plasticity.opening(v / 10.0, b))


# Noise


@pytest.mark.parametrize("seed", [0, 123, (1 << 64) - 1])
def test_random_numbers(h, segment, seed):
    process = h.LivnBackground(segment)
    h.seed_low_LivnBackground, h.seed_high_LivnBackground = seed & 0xFFFFFFFF, seed >> 32
    for step, gid, stream in [(0, 0, 0), (1, 7, 3), (123456, 4999, 65535), ((1 << 40) + 5, 1, 2)]:
        process.count, process.gid, h.stream_LivnBackground = step, gid, stream
        for purpose in (noise.BACKGROUND, noise.INITIAL):
            expected = noise.normals(*noise.words(np.array([step]), np.array([gid]), purpose, stream, seed))
            process.draw(purpose)
            same(process.xi_e, expected[0][0])
            same(process.xi_i, expected[1][0])
