"""The background of many cells: statistics within 2 %, at every step. The cpu engine is fast enough for so many."""

import numpy as np
import pytest
from scipy.stats import norm

from livn import Env

NOISE = {"g_e0": 0.02, "std_e": 0.002, "g_i0": 0.001, "std_i": 0.002, "tau_e": 3.0, "tau_i": 5.0}


@pytest.fixture(scope="module")
def conductances():
    """{dt: (g_e, g_i) of 400 cells, float[400, T] at 1 ms}: long enough for 2 % (some 4e4 correlation times)."""
    found = {}
    for dt in (0.0125, 0.025, 0.1):
        env = Env({"INH": 400}, engine="cpu").init()
        env.set_noise(NOISE)
        env.record("g_noise_e", dt=1.0).record("g_noise_i", dt=1.0)
        run = env.run(400.0, dt=dt)
        found[dt] = run.values("g_noise_e"), run.values("g_noise_i")
    return found


@pytest.mark.parametrize("dt", [0.0125, 0.025, 0.1])
def test_mean_sd_and_autocorrelation_are_stationary(conductances, dt):
    g = conductances[dt][0]  # ten sd above zero: never clipped
    assert g.mean() == pytest.approx(0.02, rel=0.02)
    assert g.std() == pytest.approx(0.002, rel=0.02)
    for third in np.array_split(g, 3, axis=1):  # from the start on
        assert third.std() == pytest.approx(0.002, rel=0.04)
    x = g - g.mean()
    for lag in (1, 2, 3):
        rho = (x[:, lag:] * x[:, :-lag]).mean() / x.var()
        assert rho == pytest.approx(np.exp(-lag / 3.0), abs=0.02)


@pytest.mark.parametrize("dt", [0.0125, 0.025, 0.1])
def test_clipped_mean_is_the_analytic_one(conductances, dt):
    g = conductances[dt][1]
    a = 0.001 / 0.002
    expected = 0.001 * norm.cdf(a) + 0.002 * norm.pdf(a)
    assert g.min() == 0.0
    assert g.mean() == pytest.approx(expected, rel=0.02)
