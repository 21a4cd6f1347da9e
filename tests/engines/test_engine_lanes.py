"""Lanes: vectors as a type of compiled code, and the elementary functions on them."""

import operator
import os
import platform
import subprocess
import sys

import numba as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.engine.cpu import maths
from livn.engine.cpu.binding import bind
from livn.engine.cpu.lanes import AVX512, all_lanes, any_lane, load, store, where
from livn.models import channels, ions, noise, plasticity

COUNTS = (8, 16, 32)


def over(f, count, dtype=float):
    """A compiled f over arrays of one or two arguments, `count` lanes at a time."""

    @nb.njit(**maths.OPTIONS)
    def one(a, b, out):
        for i in range(a.size // count):
            store(out, count * i, f(load(a, count * i, count)))

    @nb.njit(**maths.OPTIONS)
    def two(a, b, out):
        for i in range(a.size // count):
            store(out, count * i, f(load(a, count * i, count), load(b, count * i, count)))

    def run(a, b=None):
        out = np.empty(len(a), dtype)
        (one if b is None else two)(a, a if b is None else b, out)
        return out

    return run


def padded(x):
    return np.resize(x, -(-len(x) // 32) * 32)


A, B = np.random.default_rng(1).normal(0.0, 10.0, (2, 320))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_arithmetic_is_that_of_numpy_to_the_bit(op, count):
    compiled = nb.njit(lambda a, b: op(a, b))
    assert np.array_equal(over(compiled, count)(A, B), op(A, B))


@pytest.mark.parametrize("op", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_comparisons_know_nan(op):
    compiled = nb.njit(lambda a, b: where(op(a, b), 1.0, 0.0))
    values = np.array([-1.0, -0.0, 0.0, 1.0, np.inf, -np.inf, np.nan, 2.0])
    a, b = (x.ravel().copy() for x in np.meshgrid(values, values))
    assert np.array_equal(over(compiled, 8)(a, b), op(a, b).astype(float))


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor, operator.add, operator.mul, operator.sub])
def test_words_are_those_of_numpy(op):
    a, b = np.random.default_rng(2).integers(0, 2**63, (2, 64), dtype=np.uint64)
    compiled = nb.njit(lambda a, b: op(a, b))
    assert np.array_equal(over(compiled, 16, np.uint64)(a, b), op(a, b))


def test_shifts_fill_with_zeros():
    a = np.random.default_rng(3).integers(0, 2**64, 64, dtype=np.uint64, endpoint=False)
    seven = np.uint64(7)
    assert np.array_equal(over(nb.njit(lambda a: a >> seven), 16, np.uint64)(a), a >> seven)
    assert np.array_equal(over(nb.njit(lambda a: a << seven), 16, np.uint64)(a), a << seven)


def test_scalars_meet_lanes_on_either_side():
    assert np.array_equal(over(nb.njit(lambda a: 3.0 - a * 2), 8)(A), 3.0 - A * 2)
    assert np.array_equal(over(nb.njit(lambda a: abs(-a)), 8)(A), np.abs(A))


def test_reductions():
    @nb.njit
    def found(x, count):
        mask = load(x, 0, 8) > 0.0
        return any_lane(mask), all_lanes(mask)

    for positive in (0, 1, 7, 8):
        x = np.where(np.arange(8) < positive, 1.0, -1.0)
        assert found(x, 8) == (positive > 0, positive == 8)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("name", "x", "rtol", "atol"),
    [
        ("exp", np.linspace(-300, 300, 100_000), 2e-14, 0),
        ("exp", np.linspace(-1, 1, 100_000), 6e-15, 0),
        ("log", np.exp(np.linspace(-200, 200, 100_000)), 1e-15, 5e-16),
        ("reciprocal", np.exp(np.linspace(-600, 600, 100_000)), 5e-16, 0),
        ("sqrt", np.linspace(0, 1e6, 10_000), 0, 0),
        ("sin", np.linspace(-20, 20, 100_000), 0, 1e-15),
        ("cos", np.linspace(-20, 20, 100_000), 0, 1e-15),
    ],
)
def test_elementary_functions_are_accurate(name, x, rtol, atol, count):
    x = padded(x)
    np.testing.assert_allclose(over(maths.NAMES[name], count)(x), getattr(np, name)(x), rtol=rtol, atol=atol)


@pytest.mark.parametrize("count", [4, 8])  # without the table of AVX-512, and with it where there is one
def test_exp_at_its_ends(count):
    exp = over(maths.NAMES["exp"], count)
    x = padded(np.array([0.0, -0.0, -1e4, -1e300, 1e4, 800.0, np.nan, 1e-300]))
    got = exp(x)[:8]
    assert got[0] == got[1] == 1.0  # a closed gate must drive nothing
    assert 0.0 <= got[2] < 1e-300
    assert got[4] > 1e300
    assert got[5] > 1e300
    assert np.isnan(got[6])
    assert got[7] == 1.0


def test_a_reciprocal_keeps_nan():
    assert np.isnan(over(maths.NAMES["reciprocal"], 8)(np.full(8, np.nan))).all()


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 2**16 - 1))
def test_noise_on_lanes_is_the_noise_of_numpy(seed, step, stream):
    gids = np.arange(32, dtype=np.uint64)
    word = np.uint64((noise.BACKGROUND << 16) | stream)
    got = np.empty((2, 32))
    _draw(gids, np.uint64(step), word, np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), got[0], got[1])
    expected = noise.normals(*noise.words(step, gids, noise.BACKGROUND, stream, seed))
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-14)


_philox, _normals = bind(noise.philox), bind(noise.normals)


@nb.njit(**maths.OPTIONS)
def _draw(gids, step, stream, low, high, first, second):
    cell = load(gids, 0, 32) & noise.WORD
    none = cell & np.uint64(0)
    words = _philox(none | (step & noise.WORD), none | (step >> noise.HALF), cell, none | stream, low, high)
    a, b = _normals(*words)
    store(first, 0, a)
    store(second, 0, b)


@pytest.mark.parametrize("count", [4, 32])
@pytest.mark.parametrize("slope", [1.0001, 1.3, 1e3, 1e4, 1e8, 1e300])
def test_gates_of_every_slope(slope, count):
    v, b = np.linspace(-120.0, 60.0, 320), np.log(slope)
    for name, theta, half in (("gate_above", -60.0, -55.0), ("gate_below", -70.0, -80.0)):
        gate = bind(getattr(plasticity, name))
        with np.errstate(under="ignore", over="ignore"):  # NumPy's exp is infinite there, and the gate 0
            expected = getattr(plasticity, name)(v, theta, half, b)
        got = over(nb.njit(lambda v, gate=gate, theta=theta, half=half: gate(v, theta, half, b)), count)(v)
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-290)


def test_closed_gates_drive_nothing_to_the_bit():
    drive = bind(plasticity.drive)
    compiled = nb.njit(lambda v: drive(v * 0.0, v * 0.0, 1.0, 1.0, 0.26, 20.0))
    assert (over(compiled, 32)(A) == 0.0).all()


def test_the_driving_force_of_calcium_passes_through_zero():
    ghk, f, ca = bind(channels.ghk), channels.FORCE_CAN, 1e-4
    v = np.append(np.linspace(-0.02, 0.02, 3199), 0.0)
    force = over(nb.njit(lambda v: ghk(v, ca, f)[0]), 32)(v)
    z = np.where(v == 0.0, 1e-12, v / f)
    np.testing.assert_allclose(force, -f * (1.0 - ca / ions.CALCIUM_OUT * np.exp(z)) * z / np.expm1(z), rtol=5e-9)


OLDER = "+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+movbe,+f16c"


@pytest.mark.skipif(not AVX512 or platform.machine() != "x86_64", reason="this CPU has no AVX-512 to do without")
def test_a_cpu_without_avx512_gets_the_same_spikes():
    text = (
        "from livn import make; env = make('EI1', threads=1).record_spikes().enable_plasticity(); run = env.run(300);"
        "print(run.spike_ids.tolist(), run.spike_times.tolist(), env.get_weights().array.sum().round(6))"
    )
    older = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": OLDER}
    out = [
        subprocess.run([sys.executable, "-c", text], env=os.environ | extra, capture_output=True, text=True, check=True)
        for extra in ({}, older)
    ]
    assert out[0].stdout == out[1].stdout != ""
    assert "[]" not in out[0].stdout
