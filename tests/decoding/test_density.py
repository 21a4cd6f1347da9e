import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.decoding import PopulationSpikeDensity, baks
from tests.decoding.helpers import culture, trains

seconds = st.floats(-1e3, 1e3)


def naive(spikes, times, alpha, beta):
    """The equations of the paper, term by term."""
    rates = []
    for t in times:
        x = [(t - s) ** 2 / 2 + 1 / beta for s in spikes]
        h = math.gamma(alpha) / math.gamma(alpha + 0.5)
        h *= sum(v**-alpha for v in x) / sum(v ** (-alpha - 0.5) for v in x)
        rates.append(sum(math.exp(-((t - s) ** 2) / (2 * h**2)) / (math.sqrt(2 * math.pi) * h) for s in spikes))
    return np.array(rates)


@given(
    st.lists(st.floats(0, 20), min_size=1, max_size=12),
    st.lists(st.floats(-5, 25), max_size=5),
    st.floats(0.5, 8),
    st.floats(0.1, 50),
)
def test_baks_is_the_paper_s(spikes, times, alpha, beta):
    np.testing.assert_allclose(baks(spikes, times, alpha, beta), naive(spikes, times, alpha, beta), rtol=1e-9)


def test_beta_is_by_default_what_the_paper_recommends():
    spikes, times = [0.1, 0.5, 0.6, 2.0], [0.0, 0.55, 1.7]
    np.testing.assert_array_equal(baks(spikes, times), baks(spikes, times, beta=4**0.8))
    np.testing.assert_allclose(baks(spikes, times), naive(spikes, times, 4.77, 4**0.8))


def test_baks_at_a_lone_spike():
    # x = 1/beta, so that h = Γ(alpha)/Γ(alpha + 1/2)/√beta
    h = math.gamma(4.0) / math.gamma(4.5) / math.sqrt(9.0)
    assert baks([1.0], [1.0], 4.0, 9.0) == pytest.approx([1 / (math.sqrt(2 * math.pi) * h)])


@given(st.lists(seconds, max_size=20), st.lists(seconds, max_size=10), st.floats(0.01, 1e3), st.floats(1e-6, 1e6))
def test_baks_is_a_rate_at_all_times(spikes, times, alpha, beta):
    rate = baks(spikes, times, alpha, beta)
    assert rate.shape == (len(times),)
    assert np.isfinite(rate).all()
    assert (rate >= 0).all()
    assert spikes or not rate.any()
    np.testing.assert_allclose(rate, baks(spikes[::-1], times, alpha, beta), rtol=1e-9, atol=1e-300)


def test_baks_far_away_and_with_many_spikes():
    far = baks([0.0, 1.0], [1e6, -1e6, 1e12, 1e200])
    assert (far > 0).all()
    assert far[:3] * [1e6, 1e6, 1e12] == pytest.approx(far[0] * 1e6, rel=1e-5)  # it falls off as 1/distance
    many = np.linspace(0, 100, 200001)
    assert baks(many, np.linspace(40, 60, 7)) == pytest.approx(2000.0, rel=0.001)
    h = math.exp(math.lgamma(1000) - math.lgamma(1000.5)) * 0.01  # all powers of x would be beyond all floats
    assert baks(np.zeros(1000), [0.0], alpha=1000.0, beta=1e4) == pytest.approx([1000 / math.sqrt(2 * math.pi) / h])


@pytest.mark.parametrize("rate", [20.0, 40.0])
def test_baks_finds_the_rate_of_a_regular_train(rate):
    spikes = np.arange(0, 60, 1 / rate)
    assert baks(spikes, np.linspace(25, 35, 1000)).mean() == pytest.approx(rate, rel=0.02)


def test_baks_works_in_pieces():
    spikes, times = np.sort(np.random.default_rng(0).uniform(0, 9, 3000)), np.linspace(0, 9, 40)
    np.testing.assert_array_equal(baks(spikes, times), np.concatenate([baks(spikes, [t]) for t in times]))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"spikes_s": [[1.0]]}, ValueError, "spikes_s must have the shape"),
        ({"spikes_s": [np.nan]}, ValueError, "spikes_s must be finite"),
        ({"time_s": 1.0}, ValueError, "time_s must have the shape"),
        ({"time_s": ["x"]}, ValueError, "time_s must be an array of numbers"),
        ({"alpha": 0}, ValueError, "alpha must be a finite number > 0"),
        ({"beta": -1}, ValueError, "beta must be a finite number > 0"),
        ({"beta": "n"}, TypeError, "beta must be a finite number > 0"),
    ],
)
def test_nonsense_for_baks(arguments, error, text):
    with pytest.raises(error, match=text):
        baks(**{"spikes_s": [1.0], "time_s": [1.0], **arguments})


def test_density_of_regular_populations():
    run = trains({0: np.arange(0, 20000, 100.0), 1: np.arange(0, 20000, 50.0), 3: np.arange(0, 20000, 200.0)}, 20000.0)
    with culture() as env:
        result = PopulationSpikeDensity(20, 20)(run, env)
    exc, inh = result["EXC"], result["INH"]
    assert (exc["n_total"], exc["n_active"], exc["fraction_active"]) == (3, 2, pytest.approx(2 / 3))
    assert exc["mean_rate"] == pytest.approx(15.0, rel=0.02)  # of the two that fire, at 10 and 20 Hz
    assert exc["rate_cv"] == pytest.approx(5 / 15, rel=0.02)
    assert exc["mean_fraction_active_per_bin"] == pytest.approx(2 / 3)
    assert exc["std_fraction_active_per_bin"] == pytest.approx(0, abs=1e-12)
    assert (inh["n_total"], inh["n_active"]) == (2, 1)
    assert inh["mean_rate"] == pytest.approx(5.0, rel=0.02)
    assert inh["rate_cv"] == 0


def test_density_by_the_definition():
    cells = {0: [100.0, 130.0, 900.0], 1: [400.0], 2: [2000.0, 2001.0], 4: [50.0]}
    decoding = PopulationSpikeDensity(4, 30, 0.3, baks_alpha=4, baks_beta=20)
    with culture() as env:
        result = decoding(trains(cells, 2050.0), env)["EXC"]
    fine, coarse = (np.arange(512) + 0.5) * 0.004, (np.arange(68) + 0.5) * 0.03
    means = np.array([baks(np.array(cells[gid]) / 1000, fine, 4, 20).mean() for gid in range(3)])
    active = np.mean([baks(np.array(cells[gid]) / 1000, coarse, 4, 20) > 0.3 for gid in range(3)], axis=0)
    assert (means > 0.3).all()
    assert 0 < active.mean() < 1
    expected = {
        "mean_rate": means.mean(),
        "fraction_active": 1.0,
        "mean_fraction_active_per_bin": active.mean(),
        "std_fraction_active_per_bin": active.std(),
        "rate_cv": means.std() / means.mean(),
        "n_total": 3,
        "n_active": 3,
    }
    assert result == pytest.approx(expected)


def test_density_counts_whom_the_threshold_lets():
    run = trains({0: np.arange(0, 5000, 100.0), 1: np.arange(0, 5000, 500.0)}, 5000.0)
    with culture() as env:
        for threshold, n in {0: 2, 1: 2, 5: 1, 50: 0}.items():
            result = PopulationSpikeDensity(20, 20, threshold)(run, env)["EXC"]
            assert result["n_active"] == n
            assert bool(result["mean_rate"]) == bool(n)


@given(st.dictionaries(st.integers(0, 4), st.lists(st.floats(0, 499), max_size=5)))
def test_fractions_are_fractions(cells):
    with culture() as env:
        result = PopulationSpikeDensity(50, 25)(trains(cells, 500.0), env)
    for part in result.values():
        assert 0 <= part["n_active"] <= part["n_total"]
        assert 0 <= part["mean_fraction_active_per_bin"] <= 1
        assert 0 <= part["std_fraction_active_per_bin"] <= 0.5
        assert part["fraction_active"] == part["n_active"] / part["n_total"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temporal_resolution", 0),
        ("stability_resolution", -2),
        ("active_threshold", -0.1),
        ("baks_alpha", 0),
        ("baks_beta", 0),
        ("baks_beta", np.inf),
    ],
)
def test_nonsense_for_density(name, value):
    with pytest.raises(ValueError, match=name):
        PopulationSpikeDensity(**{name: value})
