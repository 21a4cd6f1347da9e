"""Single precision: what stays as it is, how far the rest moves, and that learning goes on for ever."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import Any

import numba as nb
import numpy as np
import pytest

from livn import Env, UnsupportedByEngine, make
from livn.engine import register, registry
from livn.engine.conformance import check_engine, check_names
from livn.engine.conformance.cultures import network_a
from livn.engine.cpu import maths
from livn.engine.cpu.binding import bind
from livn.engine.cpu.engine import CpuEngine
from livn.engine.cpu.lanes import AVX512, load, store
from livn.models import channels, plasticity, synapses
from tests.engines.helpers import lively
from tests.engines.test_engine_kernel import RANGES, equations
from tests.engines.test_engine_lanes import OLDER

COUNTS = (8, 16, 32)  # without the table of AVX-512, and with it where there is one


class SingleEngine(CpuEngine):
    """The cpu engine in single precision whatever is asked for."""

    name = "single"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"precision": "single"})


ROUNDED = {
    "cells_match_recordings",
    "cells_start_at_rest",
    "conductances_are_double_exponentials",
    "conductances_add_up",
    "depression_follows_tsodyks_and_markram",
    "membrane_currents_balance",
    "network_matches_recording",
    "learning_follows_the_rule",
    "summary_measures_what_happened",
    "weights_move_before_the_conductance_jumps",
    "normalized_weights_are_used",
    "noise_numbers_are_addressed",
    "a_state_of_cpu_is_taken_up",
}
"""Checks that allow for no more than the rounding of float64."""


@pytest.mark.parametrize("check", [name for name in check_names() if name not in ROUNDED])
def test_it_conforms_but_for_rounding(check, monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "_loaded", {})
    register("single", SingleEngine)
    (result,) = check_engine("single", check)
    assert result.passed, result.reason


# Functions and equations


def over(f, count, n_arguments=1):
    """f, compiled, over float32 arrays, `count` lanes at a time: a row per argument in, a row per result out."""
    arguments = ", ".join(f"load(a[{i}], k, {count})" for i in range(n_arguments))
    text = f"def loop(a, out):\n for k in range(0, a.shape[1], {count}):\n  y = f({arguments})\n"
    one = text + "  store(out[0], k, y)\n"
    several = text + "  store(out[0], k, y[0])\n  store(out[1], k, y[1])\n"
    namespace = {"f": f, "load": load, "store": store}

    def run(a, m=1):
        a, out = np.array(a, np.float32), np.zeros((m, a.shape[1]), np.float32)
        exec(one if m == 1 else several, namespace)
        nb.njit(**maths.OPTIONS)(namespace["loop"])(a, out)
        return out

    return run


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("name", "x", "rtol", "atol"),
    [
        ("exp", np.linspace(-87, 87, 64_000), 2e-6, 0),
        ("exp", np.linspace(-2, 2, 64_000), 2e-7, 0),
        ("log", np.exp(np.linspace(-80, 80, 64_000)), 3e-7, 1e-7),
        ("reciprocal", np.exp(np.linspace(-80, 80, 64_000)), 2e-7, 0),
        ("sqrt", np.linspace(0, 1e6, 64_000), 1e-7, 0),
        ("sin", np.linspace(-10, 10, 64_000), 0, 3e-7),
        ("cos", np.linspace(-10, 10, 64_000), 0, 3e-7),
    ],
)
def test_elementary_functions_are_accurate(name, x, rtol, atol, count):
    x = x.astype(np.float32)
    expected = getattr(np, name)(x.astype(float))
    np.testing.assert_allclose(over(maths.NAMES[name], count)(x[None])[0], expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("count", COUNTS)
def test_exp_is_one_at_zero_and_finite_far_out(count):
    x = np.resize([0.0, -0.0, -1e4, 1e4, -np.inf, np.inf, np.nan, -1e-30], (1, 32))
    got = over(maths.NAMES["exp"], count)(x)[0]
    assert got[0] == got[1] == got[7] == 1.0
    assert 0.0 <= got[2] < 1e-37
    assert 1e37 < got[3] < np.inf
    assert 0.0 <= got[4] < 1e-37
    assert 1e37 < got[5] < np.inf
    assert np.isnan(got[6])


@pytest.mark.parametrize("count", COUNTS)
def test_closed_gates_drive_nothing_to_the_bit(count):
    drive = bind(plasticity.drive, True)
    compiled = nb.njit(lambda v: drive(v * 0.0, v * 0.0, 1.0, 1.0, 0.26, 20.0))
    assert (over(compiled, count)(np.linspace(-80, 20, 320)[None]) == 0.0).all()


LEFT_OUT = {channels.linoids, plasticity.is_above, plasticity.is_below}  # for double precision only; no numbers


@pytest.mark.parametrize("function", [p for p in equations() if p.values[0] not in LEFT_OUT])
def test_equations_are_those_of_numpy_rounded(function):
    names = list(inspect.signature(function).parameters)
    rng = np.random.default_rng(0)
    columns = np.array([rng.uniform(*RANGES.get(n, (0, 1)), 4096) for n in names]).astype(np.float32).astype(float)
    expected = np.atleast_2d(np.array(function(*columns)))
    got = over(bind(function, True), 16, len(names))(columns, len(expected))
    scale = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(got / scale, expected / scale, rtol=0, atol=2e-5)


@pytest.mark.parametrize("scale", [channels.FORCE_CAN, channels.FORCE_CAL])
def test_the_analytic_slope_of_calcium_is_that_of_its_force(scale):
    v = np.sort(np.append(np.linspace(-120, 60, 4001), np.linspace(-8, 8, 4001)))  # across where the series takes over
    force, slope = channels.ghk_smooth(v, 1e-3, scale)
    coarse_force, coarse_slope = channels.ghk(v, 1e-3, scale)
    np.testing.assert_allclose(force, coarse_force, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(slope, coarse_slope, rtol=1e-4, atol=1e-5)  # `ghk` differs over 0.001 mV


def test_the_analytic_slope_of_nmda_is_that_of_its_current():
    v = np.linspace(-120, 60, 4001)
    current, slope = synapses.nmda_smooth(v, 0.1, 0.7, 0.0)
    coarse_current, coarse_slope = synapses.nmda_current(v, 0.1, 0.7, 0.0)
    np.testing.assert_allclose(current, coarse_current, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(slope, coarse_slope, rtol=1e-3, atol=1e-5)


def test_noise_is_that_of_double_precision_rounded():
    with make("EI2", precision="single") as single, make("EI2") as double:
        g, h = (env.record("g_noise_e", dt=0.025).run(50.0).values("g_noise_e") for env in (single, double))
    np.testing.assert_allclose(g, h, rtol=0, atol=1e-5 * np.abs(h).max())


# Cultures


def test_recorded_spikes_are_found_within_a_millisecond():
    """NEURON's 81 spikes of a plastic network, half a second of them."""
    system, stimulus, data = network_a()
    with Env(system, precision="single") as env:
        env.v_init = data["v_init"]
        env.init().record_spikes().enable_plasticity()
        run = env.run(data["T"], stimulus=(stimulus, 1.0, None, "current"), dt=data["dt"])
        weights = env.get_weights()
    for gid, times in enumerate(data["spikes"]):
        got = run.spike_times[run.spike_ids == gid]
        assert len(got) == len(times)
        np.testing.assert_allclose(got, times, rtol=0, atol=1.0)
    got = [weights[post, syn_id, mechanism] for _, post, syn_id, mechanism, *_ in data["edges"]]
    np.testing.assert_allclose(got, data["w_final"], rtol=0, atol=2e-3)


START = """
import json, sys
from livn import make
env = make("EI2", threads=1, precision=sys.argv[1]).enable_plasticity()
env.run(20)
state = env._running.read_state()
print(json.dumps({name: state[name].tolist() for name in state if "v_" in name or "learning_" in name}))
"""


@pytest.mark.parametrize("settings", [{}, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": OLDER}])
def test_cultures_start_alike_in_both_precisions_and_without_avx512(settings):
    if settings and not AVX512:
        pytest.skip("this CPU has no AVX-512 to do without")
    double, single = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", START, precision], env=os.environ | extra, capture_output=True, check=True
            ).stdout
        )
        for precision, extra in (("double", {}), ("single", settings))
    )
    assert any(np.ptp(double[name]) for name in double if "learning_" in name)
    for name, values in double.items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(single[name], values, rtol=0, atol=1e-3 * scale, err_msg=name)


def test_statistics_are_those_of_double_precision():
    """Rates and weights of 20 s of EI2, against those of double precision and of double precision under other noise."""

    def figures(**options):
        with make("EI2", **options) as env:
            run = env.record_spikes().enable_plasticity().run(20_000.0)
            rows = {(r.rule, r.population, r.section): r for r in env.plasticity_summary()}
            rates = [np.isin(run.spike_ids, list(env.cells[p])).sum() / 20.0 for p in ("EXC", "INH")]
            gates = [getattr(r, n) for r in rows.values() for n in ("mean_drive", "learned")]
            w = env.get_weights().array
            return np.array([*rates, w.mean(), w.std(), *gates])

    double, other, single = figures(), figures(seed=7), figures(precision="single")
    spread = np.maximum(np.abs(other - double), 0.02 * np.abs(double))
    assert (np.abs(single - double) <= 2.0 * spread).all(), (single, double, other)
    assert (single != double).any()


def test_learning_does_not_fade_in_thirty_minutes():
    """From equal weights a minute at the end changes them as one at the start did."""
    with make("EI1", threads=1, precision="single").enable_plasticity() as env:
        changes = []
        for minutes in (1, 28, 1):
            env.set_multipliers(np.ones(len(env.get_weights())))
            env.run(60_000.0 * minutes)
            changes.append(env.get_weights().array - 1.0)
    first, _, last = changes
    assert abs(first.mean()) > 0.1
    np.testing.assert_allclose([last.mean(), last.std()], [first.mean(), first.std()], rtol=0.1)


@pytest.mark.parametrize("reached", [0.0, 1e3, 1e6])
def test_learning_is_the_same_however_large_its_integral(reached):
    """In float32 a step at Λ = 1000 would be lost."""

    def weights(offset):
        with lively("cpu", precision="single") as env:
            state = env._running.read_state()
            for name in state:
                if ".learning_" in name:
                    state[name] += offset
            state["last_integral"] += offset
            env._running.write_state(state)
            env.run(60.0)
            return env.get_weights().array

    expected = weights(0.0)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(weights(reached), expected, rtol=0, atol=1e-8)


# Around it


def test_a_stored_culture_keeps_its_precision(tmp_path):
    with make("EI1", precision="single") as env:
        assert "single precision" in repr(env)
        env.run(20.0)
        env.save(tmp_path / "culture.livn")
    with Env.load(tmp_path / "culture.livn") as again:
        assert again.precision == "single"
        assert again._running.tiles.state.dtype == np.float32
        again.run(1.0)
    with Env.load(tmp_path / "culture.livn", engine="neuron") as other:
        assert other.precision == "double"
        other.run(1.0)


def test_other_engines_refuse_it():
    with pytest.raises(UnsupportedByEngine, match=r"'neuron' engine does not support 'single precision'.*: cpu"):
        make("EI1", engine="neuron", precision="single")


def test_what_fades_becomes_zero_and_other_small_numbers_are_left_alone():
    """Denormal numbers would slow a silent culture down; they count as 0 during a run, and only then."""
    for precision in ("double", "single"):
        with lively("cpu", precision=precision) as env:
            env.run(20.0)
            env.set_noise({"g_e0": 0.0, "std_e": 0.0, "g_i0": 0.0, "std_i": 0.0})
            env.run(5000.0)
            state = env._running.tiles.state
            assert (state == 0.0).any()
            smallest = np.finfo(state.dtype).tiny
            assert not ((state != 0.0) & (np.abs(state) < smallest)).any()
        assert np.float64(1e-310) * 0.5 == 5e-311
