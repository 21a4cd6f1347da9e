"""The equations against analytic answers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import kstest

from livn import Env
from livn.models import cells, channels, ions, noise, plasticity, synapses
from livn.models.rcsd import MOTONEURON, RENSHAW, ReducedCalciumSomaDendrite

U = np.uint64


def kinds():
    for phenotype in RENSHAW:
        model = ReducedCalciumSomaDendrite(renshaw_phenotype=phenotype)
        for kind in model.cell_types.values():
            yield pytest.param(kind, id=f"{kind.name}-{phenotype}")


def constants(kind, dt=0.025):
    return kind.prepare({k: np.array([v]) for k, v in kind.parameters.items()}, dt)


# Geometry, ions, rest


def test_axial_conductance_and_areas():
    soma, dend, axial = cells.motoneuron_areas(MOTONEURON)
    assert soma + dend == pytest.approx(np.pi * 120 * 7.0965752601623535)
    assert axial == pytest.approx(0.347, abs=5e-4)


def test_nernst_and_thermal_voltage():
    assert pytest.approx(26.64, abs=5e-3) == ions.THERMAL_VOLTAGE
    assert ions.nernst(145.0, 5.0) == pytest.approx(26.6406 * np.log(5 / 145), abs=1e-3)
    assert ions.nernst(10.0, 10.0) == 0.0


@pytest.mark.parametrize("kind", list(kinds()))
def test_hold_current_balances_the_soma_at_rest(kind):
    c, v = constants(kind), kind.parameters["soma.V_rest"]
    e_na, e_k = ions.nernst(15.0, 145.0), ions.nernst(145.0, 5.0)
    total = c["g_pas_soma"] * (v - c["e_pas_soma"]) + c["i_hold"]
    total = total + channels.na_current(v, channels.na_inactivation(v), e_na, c["g_na"])[0]
    total = total + channels.kdr_current(v, channels.kdr_activation(v), e_k, c["g_kdr"])[0]
    total = total + channels.kca_current(v, 1e-5, e_k, c["g_kca_soma"])[0]
    calcium = channels.can_current(v, channels.can_activation(v), channels.can_inactivation(v), 1e-5, c["g_can_soma"])
    total = total + calcium[0]
    if "g_ka" in c:
        total = (
            total + channels.ka_current(v, channels.ka_activation(v), channels.ka_inactivation(v), e_k, c["g_ka"])[0]
        )
    np.testing.assert_allclose(total, 0.0, atol=1e-15)
    np.testing.assert_allclose(c["ca_rest_soma"], calcium[0], rtol=1e-12)


def test_an_isolated_motoneuron_settles_where_it_should():
    env = Env(1, engine="cpu").init().record_voltage(dt=100.0)
    assert env.run(1000.0).voltage[0, -1] == pytest.approx(-66.5, abs=0.1)


def test_both_renshaw_phenotypes_fire_under_current():
    for phenotype in RENSHAW:
        env = Env({"INH": 1}, ReducedCalciumSomaDendrite(renshaw_phenotype=phenotype), engine="cpu").init()
        env.record_spikes()
        assert len(env.run(300.0, stimulus=(np.full((300, 1), 0.15), 1.0, None, "current")).spike_times) > 2


# Channels


def test_ghk_is_the_published_equation_and_smooth_at_zero():
    v, ca, f = np.array([-80.0, -20.0, 10.0, 40.0]), 1e-4, channels.FORCE_CAN
    z = v / f
    force, slope = channels.ghk(v, ca, f)
    np.testing.assert_allclose(force, -f * (1 - ca / 2.0 * np.exp(z)) * z / np.expm1(z), rtol=1e-12)
    numeric = (channels.ghk(v + 1e-3, ca, f)[0] - force) / 1e-3
    np.testing.assert_allclose(slope, numeric, rtol=1e-7)
    near = channels.ghk(np.linspace(-5e-3, 5e-3, 1001), ca, f)[0]
    assert np.abs(np.diff(near, 2)).max() < 1e-6


def test_ghk_reverses_where_calcium_is_at_equilibrium():
    ca = 0.01
    assert channels.ghk(channels.FORCE_CAN * np.log(2.0 / ca), ca, channels.FORCE_CAN)[0] == pytest.approx(0, abs=1e-12)


def test_relaxation_is_exact():
    x = channels.relax(0.2, 0.9, 0.3)
    assert x == pytest.approx(0.9 - 0.7 * np.exp(-0.3), rel=1e-15)


# Synapses


@pytest.mark.parametrize("taus", [(0.5, 3.0), (10.0, 35.0), (0.08, 4.8), (60.0, 200.0)])
def test_peak_of_one_event_is_one(taus):
    t = np.linspace(0, 500, 500_001)
    g = synapses.peak_factor(*taus) * (np.exp(-t / taus[1]) - np.exp(-t / taus[0]))
    assert g.max() == pytest.approx(1.0, abs=1e-5)


def test_magnesium_block_and_slope_of_nmda():
    v = np.array([-80.0, -40.0, 0.0, 30.0])
    block = 1 / (1 + np.exp(-0.062 * v) / 3.57)
    i, slope = synapses.nmda_current(v, 0.0, 2e-3, 0.0)
    np.testing.assert_allclose(i, 2e-3 * block * v, rtol=1e-12)
    numeric = (synapses.nmda_current(v + 1e-3, 0.0, 2e-3, 0.0)[0] - i) / 1e-3
    np.testing.assert_allclose(slope, numeric, rtol=1e-6)


# Learning


def integrate(rule, v, dt, duration):
    """Λ after `duration` ms under v(t), as an engine steps it."""
    p = plasticity.DEFAULTS[rule]
    gate = {"EXC": plasticity.gate_above, "INH": plasticity.gate_below}[rule]
    b, decay = np.log(p["learning_slope"]), np.exp(-dt / plasticity.TAU_LEARNING[rule])
    signal = integral = 0.0
    for k in range(round(duration / dt)):
        x = v(k * dt)
        ltp, ltd = (gate(x, p[f"theta_{s}"], p[f"{s}_sigmoid_half"], b) for s in ("ltp", "ltd"))
        driven = plasticity.drive(ltp, ltd, p["A_ltp"], p["A_ltd"], b, p["learning_tau"])
        signal, integral = plasticity.learn(signal, integral, driven, decay, dt)
    return integral


CURVES = {
    "EXC": lambda t: -50.0 + 30.0 * np.sin(t / 5.0),
    "INH": lambda t: -76.0 + 12.0 * np.sin(t / 5.0),
}


@pytest.mark.parametrize("rule", ["EXC", "INH"])
def test_learning_does_not_depend_on_the_step(rule):
    fine, coarse = (integrate(rule, CURVES[rule], dt, 200.0) for dt in (0.0125, 0.05))
    assert abs(fine) > 1e-3
    assert coarse == pytest.approx(fine, rel=0.02)


@pytest.mark.parametrize("rule", ["EXC", "INH"])
def test_learning_converges_to_the_differential_equations(rule):
    p, tau = plasticity.DEFAULTS[rule], plasticity.TAU_LEARNING[rule]
    above = rule == "EXC"

    def drive(v):
        def s(half):
            return 1 / (1 + p["learning_slope"] ** (-(v - half)))

        ltp, ltd = (
            s(p[f"{n}_sigmoid_half"]) if (v > p[f"theta_{n}"]) == above and v != p[f"theta_{n}"] else 0.0
            for n in ("ltp", "ltd")
        )
        x = (-p["A_ltd"] * ltd + 2 * p["A_ltp"] * ltp) / p["learning_tau"]
        return 2 / (1 + p["learning_slope"] ** (-x)) - 1

    def slope(t, y):
        return [0.016 * drive(CURVES[rule](t)) - y[0] / tau, y[0]]

    exact = solve_ivp(slope, (0, 200), [0, 0], max_step=0.05).y[1, -1]
    assert integrate(rule, CURVES[rule], 0.0125, 200.0) == pytest.approx(exact, rel=0.01)


def test_a_jump_of_the_weight_is_clipped():
    assert plasticity.updated(1.0, 0.5, 0.2, 0.1, 5.0) == pytest.approx(1.3)
    assert plasticity.updated(1.0, 9.0, 0.0, 0.1, 5.0) == 5.0
    assert plasticity.updated(1.0, -3.0, 0.0, 0.1, 5.0) == 0.1


# Random numbers


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_numbers(counter, key, expected):
    """Known answers of Random123 (Salmon et al. 2011)."""
    assert tuple(int(w) for w in noise.philox(*map(U, counter), *map(U, key))) == expected


def test_normals_are_normal_and_independent():
    a, b = noise.normals(*noise.words(np.arange(200_000), 3, noise.BACKGROUND, 0, 123))
    for x in (a, b):
        assert kstest(x, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.01
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.01


def test_words_are_addressed_by_step_gid_purpose_stream_and_seed():
    base = {"steps": 5, "gids": 2, "purpose": noise.BACKGROUND, "stream": 0, "seed": 1}
    changes = [{}, {"steps": 6}, {"steps": 5 + 2**32}, {"gids": 3}, {"purpose": noise.INITIAL}, {"stream": 1},
               {"seed": 2}, {"seed": 1 + 2**32}]  # fmt: skip
    drawn = {tuple(int(w) for w in noise.words(**(base | c))) for c in changes}
    assert len(drawn) == len(changes)
    many = np.array(noise.words(np.arange(10), 2, noise.BACKGROUND, 0, 1))
    assert many[:, 5].tolist() == [int(w) for w in noise.words(**base)]
