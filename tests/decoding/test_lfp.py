"""Field potentials: rates, filters, band power."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn import Env, Run, make
from livn.decoding import LFP
from livn.decoding.lfp import BANDS
from livn.io import IO
from tests.decoding.helpers import Ranks, culture

GIDS = [0, 0, 1, 1, 2, 2, 3, 4]
ENV = culture()


def waves(dt: float = 0.1, duration: float = 4000.0, **amplitudes: float) -> Run:
    """Currents of cell 4 that make sines `f<Hz>=µV` at channel 2, silence at the others."""
    t = np.arange(round(duration / dt)) * dt / 1000
    potential = sum((a * np.sin(2 * np.pi * float(f[1:]) * t) for f, a in amplitudes.items()), np.zeros(len(t)))
    current = np.zeros((8, len(t)))
    current[7] = potential / ENV.potential_recording(np.eye(8))[2, 7]
    return Run(duration=duration).add_current(GIDS, current, dt)


def sine(frequency: float, rate: float, n: int) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(n) / rate)


def inner(values: np.ndarray) -> np.ndarray:
    """Without a tenth at each end, where a filter knows half of what it needs."""
    return values[..., values.shape[-1] // 10 : -values.shape[-1] // 10]


def test_as_recorded() -> None:
    run = waves(duration=100, f20=3)
    result = LFP(downsample_hz=None)(run, ENV)
    assert (result["sample_rate_hz"], result["n_channels"], result["n_samples"]) == (10_000, 3, 1000)
    np.testing.assert_array_equal(result["lfp"], ENV.potential_recording(run.current))
    np.testing.assert_allclose(result["lfp"][2], 3 * sine(20, 10_000, 1000), atol=1e-9)
    assert result.keys() == {"lfp", "sample_rate_hz", "n_channels", "n_samples"}


def test_downsampling_keeps_what_is_slow_and_loses_what_would_fold() -> None:
    result = LFP()(waves(f20=3), ENV)
    assert (result["sample_rate_hz"], result["n_samples"]) == (1000, 4000)
    np.testing.assert_allclose(inner(result["lfp"][2]), inner(3 * sine(20, 1000, 4000)), atol=0.01)
    fast = LFP()(waves(f1980=3, f3020=3), ENV)["lfp"]  # every tenth sample of these is a sine of 20 Hz
    assert np.abs(inner(fast)).max() < 0.02


@pytest.mark.parametrize(("wanted", "n"), [(4000, 400), (2500, 250), (3000, 300), (10_000, 1000), (9000, 900)])
def test_rates_that_are_no_whole_fraction(wanted: float, n: int) -> None:
    result = LFP(downsample_hz=wanted)(waves(duration=100, f50=3), ENV)
    assert (result["sample_rate_hz"], result["n_samples"]) == (wanted, n)
    np.testing.assert_allclose(inner(result["lfp"][2]), inner(3 * sine(50, wanted, n)), atol=0.02)


@pytest.mark.parametrize(("dt", "rate"), [(2.0, 500), (1.0, 1000), (0.3, 1000 / 0.3)])
def test_never_upsampled(dt: float, rate: float) -> None:
    wanted = 1000.0 if dt > 0.5 else 5000.0
    result = LFP(downsample_hz=wanted)(waves(dt, 60, f10=1), ENV)
    assert result["sample_rate_hz"] == rate
    assert result["n_samples"] == 60 / dt


def test_a_rate_that_cannot_be_made() -> None:
    for wanted, legal in ((1234.567, 1250.0), (9.99, 10.0), (7001.0001, 10_000.0), (1428.6, 10_000 / 7)):
        suggested = f"{legal:.10g}"
        text = rf"downsample_hz must be .* 10000 Hz, times .* up to 1000, got {wanted}; for instance {suggested}$"
        with pytest.raises(ValueError, match=text):
            LFP(downsample_hz=wanted)(waves(duration=10), ENV)
        rate = LFP(downsample_hz=float(suggested))(waves(duration=10), ENV)["sample_rate_hz"]
        assert rate == float(suggested)


@given(st.integers(1, 60), st.integers(1, 200))
@settings(max_examples=40)
def test_a_constant_stays_and_the_rate_is_exact(down: int, n: int) -> None:
    current = np.zeros((8, n))
    current[7] = 0.001
    wanted = 10_000 / down
    result = LFP(downsample_hz=wanted)(Run(duration=n / 10).add_current(GIDS, current, 0.1), ENV)
    assert result["sample_rate_hz"] == wanted
    assert result["lfp"].shape == (3, -(-n // down))
    np.testing.assert_allclose(result["lfp"][2], ENV.potential_recording(current)[2, 0], rtol=1e-12)


def test_low_pass_has_no_shift_and_halves_at_its_frequency() -> None:
    slow = LFP(lowpass_hz=50)(waves(f5=1, f300=1), ENV)["lfp"][2]
    np.testing.assert_allclose(inner(slow), inner(sine(5, 1000, 4000)), atol=2e-3)
    half = LFP(lowpass_hz=50)(waves(f50=1), ENV)["lfp"][2]
    np.testing.assert_allclose(inner(half), inner(0.5 * sine(50, 1000, 4000)), atol=2e-3)  # -3 dB, twice
    steeper = [LFP(lowpass_hz=50, lowpass_order=n)(waves(f70=1), ENV)["lfp"][2].std() for n in (1, 2, 4, 8)]
    assert all(a > 1.5 * b for a, b in itertools.pairwise(steeper))


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_low_pass_of_a_few_samples(n: int) -> None:
    current = np.full((8, n), 0.001)
    result = LFP(lowpass_hz=5, downsample_hz=None)(Run(duration=n).add_current(GIDS, current, 1.0), ENV)
    np.testing.assert_allclose(result["lfp"], ENV.potential_recording(current), rtol=1e-6)


def test_band_power_of_sines() -> None:
    result = LFP(compute_band_power=True)(waves(duration=20_000, f6=4, f20=2), ENV)
    assert result.keys() == {
        "lfp", "sample_rate_hz", "n_channels", "n_samples", "broadband", *BANDS, *(f"{b}_relative" for b in BANDS)
    }  # fmt: skip
    power = {name: result[name][2] for name in (*BANDS, "broadband")}
    assert power["theta"] == pytest.approx(4**2 / 2, rel=0.01)
    assert power["beta"] == pytest.approx(2**2 / 2, rel=0.01)
    assert power["broadband"] == pytest.approx(result["lfp"][2].var(), rel=0.01)
    assert power["gamma"] < 1e-3
    assert result["theta_relative"][2] == pytest.approx(0.8, rel=0.01)
    for name in BANDS:
        assert result[name].shape == result[f"{name}_relative"].shape == (3,)
        assert result[f"{name}_relative"][2] == power[name] / power["broadband"]
        assert result[name][:2].tolist() == result[f"{name}_relative"][:2].tolist() == [0, 0]


def test_bands_of_ones_own_do_not_share_a_frequency() -> None:
    run = waves(duration=10_000, f10=1, f40=0.5)
    bands = {"low": (0, 10), "middle": (10, 40), "high": (40, 500)}
    result = LFP(compute_band_power=bands, nperseg=1000)(run, ENV)
    assert sum(result[name][2] for name in bands) == pytest.approx(result["broadband"][2], rel=1e-3)
    assert result["middle"][2] == pytest.approx(0.5 * (2 / 3 + 1 / 6) + 0.125 / 6, rel=0.01)  # a Hann line is 3 wide


def test_segments() -> None:
    rng = np.random.default_rng(1)
    run = Run(duration=5000).add_current(GIDS, rng.normal(size=(8, 5000)), 1.0)
    powers = [
        LFP(compute_band_power={"wide": (100, 400)}, nperseg=n, noverlap=o)(run, ENV)["wide"][2]
        for n, o in ((256, None), (256, 128), (256, 0), (9999, 9000))
    ]
    assert powers[0] == powers[1]
    assert len(set(powers)) == 3
    np.testing.assert_allclose(powers, powers[0], rtol=0.1)


def test_power_that_a_short_recording_cannot_resolve() -> None:
    result = LFP(compute_band_power=True)(waves(duration=100, f20=1), ENV)  # frequencies 0, 10, 20, ...
    assert np.isnan(result["delta"]).all()
    assert np.isnan(result["theta_relative"][2])
    assert result["beta"][2] > 0.1
    assert np.isfinite(result["alpha"]).all()


def test_channels_in_the_order_asked_for() -> None:
    run = waves(duration=100, f20=3)
    whole = LFP()(run, ENV)["lfp"]
    chosen = LFP(channels=[2, 0], compute_band_power=True)(run, ENV)
    np.testing.assert_array_equal(chosen["lfp"], whole[[2, 0]])
    assert chosen["n_channels"] == 2
    assert chosen["alpha"].shape == (2,)
    with pytest.raises(ValueError, match="unknown channel 7; legal: 0, 1, 2"):
        LFP(channels=[7])(run, ENV)


def test_window_and_part_of_the_cells() -> None:
    run = waves(duration=100, f20=3)
    assert LFP(duration=50)(run, ENV)["n_samples"] == 50
    np.testing.assert_array_equal(LFP()(run.select(gids=[4]), ENV)["lfp"], LFP()(run, ENV)["lfp"])


@pytest.mark.parametrize("bands", [False, True])
def test_nothing_recorded(bands: bool) -> None:
    for run in (Run(), Run(duration=50), Run(duration=5).add_spikes([1], [2.0])):
        result = LFP(compute_band_power=bands, lowpass_hz=50)(run, ENV)
        assert result["lfp"].shape == (3, 0)
        assert (result["sample_rate_hz"], result["n_channels"], result["n_samples"]) == (0, 3, 0)
        assert all(result[name].tolist() == [0, 0, 0] for name in result if name in BANDS or "_relative" in name)
    none = Run().add_current(GIDS, np.empty((8, 0)), 0.1)
    assert LFP(compute_band_power=bands)(none, ENV)["lfp"].shape == (3, 0)
    silent = LFP(compute_band_power=bands, lowpass_hz=50)(
        Run(duration=50).add_current([], np.empty((0, 500)), 0.1), ENV
    )
    assert silent["lfp"].tolist() == np.zeros((3, 50)).tolist()
    one = LFP(compute_band_power=bands)(Run(duration=1).add_current(GIDS, np.ones((8, 1)), 1.0), ENV)
    assert one["n_samples"] == 1


def test_an_env_with_channels_is_needed() -> None:
    with pytest.raises(ValueError, match="LFP needs the env"):
        LFP()(Run())
    with pytest.raises(NotImplementedError, match="this IO has no channels"):
        LFP()(Run().add_current([0, 0], np.zeros((2, 10)), 1.0), Env(5, io=IO()))
    with pytest.raises(TypeError, match="reads a Run"):
        LFP()([1], ENV)


def test_ranks_are_gathered() -> None:
    run, env = waves(duration=100, f20=3), culture()
    env.comm = Ranks(run.select(gids=[3, 4]))
    np.testing.assert_array_equal(LFP()(run.select(gids=[0, 1, 2]), env)["lfp"], LFP()(run, ENV)["lfp"])


def test_on_a_culture() -> None:
    with make("EI1") as env:
        result = env(LFP(lowpass_hz=300, compute_band_power={"all": (5, 500)}, duration=200))
        assert env.membrane_current_recording_dt == 0.1
        assert result["lfp"].shape == (1, 200)
        assert result["lfp"].std() > 0.01
        assert 0.5 < result["all_relative"][0] <= 1.0
        env.record_membrane_current(dt=0.5)
        with pytest.warns(RuntimeWarning, match=r"recorded every 0\.5 ms, as instantaneous samples"):
            assert env(LFP(downsample_hz=2000, duration=100))["n_samples"] == 200
        assert env.membrane_current_recording_dt == 0.5


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"channels": []}, "channels must name at least one channel, each once, got"),
        ({"channels": [1, 1]}, "each once"),
        ({"downsample_hz": 0}, "greater than 0"),
        ({"lowpass_hz": -1}, "greater than 0"),
        ({"lowpass_hz": 500}, "lowpass_hz must be below half the sample rate, 500 Hz, got 500"),
        ({"lowpass_order": 0}, "greater than or equal to 1"),
        ({"nperseg": 1}, "greater than or equal to 2"),
        ({"nperseg": 100, "noverlap": 100}, "noverlap must be less than nperseg = 100, got 100"),
        ({"compute_band_power": {}}, "at least one band"),
        ({"compute_band_power": 1}, "boolean"),
        ({"compute_band_power": {"a": (5, 5)}}, r"the band 'a' must have low < high, got \(5, 5\) Hz"),
        ({"compute_band_power": {"a": (5, 501)}}, "the band 'a' must end within half the sample rate, 500 Hz"),
        ({"compute_band_power": {"lfp": (5, 6)}}, "a band cannot be called 'lfp'"),
        ({"compute_band_power": {"a": (5, 6), "a_relative": (7, 8)}}, "a band cannot be called 'a'"),
        ({"compute_band_power": {"a": (5,)}}, "compute_band_power"),
        ({"downsample_hz": 100, "compute_band_power": True}, "the band 'gamma' must end within .* 50 Hz"),
        ({"downsample": 100}, "did you mean 'downsample_hz'"),
    ],
)
def test_nonsense_fields(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        LFP(**fields)


def test_a_recording_too_slow_for_the_filter() -> None:
    with pytest.raises(ValueError, match="lowpass_hz must be below half the sample rate, 250 Hz, got 400"):
        LFP(lowpass_hz=400)(waves(2.0, 100), ENV)
