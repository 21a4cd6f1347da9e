import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.decoding import PopulationActiveFraction, PopulationAutocorrTau, PopulationRateMetrics
from tests.decoding.helpers import counted, culture, trains


def test_active_fraction_counts_cells_and_not_spikes():
    # EXC: 2 cells in the first bin of 50 ms, none in the second, 1 in the third, all in the fourth; INH: 1, 0, 0, 0
    run = trains({0: [0.0, 10.0, 20.0, 50.0 + 70.0, 150.0], 1: [49.9, 199.0], 2: [160.0, 170.0], 3: [1.0, 2.0]}, 200.0)
    with culture() as env:
        result = PopulationActiveFraction()(run, env)
    exc, inh = np.array([2, 0, 1, 3]) / 3, np.array([0.5, 0, 0, 0])
    assert result["mean_active_fraction"] == pytest.approx({"EXC": exc.mean(), "INH": inh.mean()})
    assert result["std_active_fraction"] == pytest.approx({"EXC": exc.std(), "INH": inh.std()})
    assert (result["bin_size"], result["n_bins"]) == (50.0, 4)


def test_a_bin_that_is_not_whole_is_left_out():
    run = trains({0: [10.0], 1: [110.0]}, 149.0)
    with culture() as env:
        result = PopulationActiveFraction(50)(run, env)
    assert result["n_bins"] == 2
    assert result["mean_active_fraction"]["EXC"] == pytest.approx(1 / 6)
    assert PopulationRateMetrics(50)(run)["mean_count"] == 0.5
    assert PopulationRateMetrics(150)(run)["n_bins"] == 0


@given(st.dictionaries(st.integers(0, 4), st.lists(st.floats(0, 299.9), max_size=6)), st.floats(1, 400))
def test_active_fractions_by_the_definition(cells, bin_size):
    run = trains(cells, 300.0)
    edges = bin_size * np.arange(1, int(300 / bin_size + 1e-9) + 1)
    fired = {
        gid: {int(np.searchsorted(edges - 1e-9 * bin_size, time, side="right")) for time in times}
        for gid, times in cells.items()
    }
    with culture() as env:
        result = PopulationActiveFraction(bin_size)(run, env)
    for population, gids in {"EXC": range(3), "INH": range(3, 5)}.items():
        shares = [sum(k in fired.get(gid, ()) for gid in gids) / len(gids) for k in range(len(edges))]
        assert result["mean_active_fraction"][population] == pytest.approx(np.mean(shares) if shares else 0)
        assert result["std_active_fraction"][population] == pytest.approx(np.std(shares) if shares else 0, abs=1e-12)


def test_metrics_of_counts():
    assert PopulationRateMetrics(10)(counted([2, 4, 4, 6], 10)) == pytest.approx(
        {
            "mean_count": 4.0,
            "std_count": np.sqrt(2),
            "coefficient_of_variation": np.sqrt(2) / 4,
            "fano_factor": 0.5,
            "bin_size": 10.0,
            "n_bins": 4,
        }
    )


def test_a_poisson_process_has_a_fano_factor_of_one():
    counts = np.random.default_rng(1).poisson(5.0, 20000)
    assert PopulationRateMetrics(10)(counted(counts, 10))["fano_factor"] == pytest.approx(1.0, abs=0.04)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_metrics_by_the_definition(counts):
    result = PopulationRateMetrics(10)(counted(counts, 10))
    assert result["mean_count"] == pytest.approx(np.mean(counts))
    assert result["std_count"] == pytest.approx(np.std(counts))
    if any(counts):
        assert result["fano_factor"] == pytest.approx(np.var(counts) / np.mean(counts))


def test_tau_by_hand():
    # less the mean of 2: -1 1 1 -1, so that r_1 = (-1 + 1 - 1)/4 < 0
    assert PopulationAutocorrTau(10)(counted([1, 3, 3, 1], 10))["pop_autocorr_tau"] == 10.0
    # -1 -1 1 1: r_1 = 1/4, r_2 < 0
    assert PopulationAutocorrTau(10)(counted([1, 1, 3, 3], 10))["pop_autocorr_tau"] == pytest.approx(15.0)
    # -1 -1 -1 1 1 1: r_1 = (1+1-1+1+1)/6, r_2 = (1-1-1+1)/6 = 0, at which the sum ends
    assert PopulationAutocorrTau(10)(counted([0, 0, 0, 2, 2, 2], 10))["pop_autocorr_tau"] == pytest.approx(20.0)


def test_max_lag_ends_the_sum_and_clips_tau():
    run = counted([0] * 50 + [4] * 50, 10)
    c = np.repeat([-2.0, 2.0], 50)
    r = np.array([c[:-k] @ c[k:] for k in range(1, 5)]) / (c @ c)
    assert PopulationAutocorrTau(10, 1000)(run)["pop_autocorr_tau"] > 200
    assert PopulationAutocorrTau(10, 10)(run)["pop_autocorr_tau"] == 10.0
    assert (10 * (1 + 2 * r)).sum() > 40
    assert PopulationAutocorrTau(10, 40)(run)["pop_autocorr_tau"] == 40.0


def test_tau_of_a_process_with_a_known_time_constant():
    # r_k = 0.8^k, so that 1 + 2 Σ r_k = (1 + 0.8)/(1 - 0.8) = 9
    rng = np.random.default_rng(3)
    rate = np.zeros(50000)
    for k in range(1, len(rate)):
        rate[k] = 0.8 * rate[k - 1] + 0.6 * rng.standard_normal()
    counts = np.maximum(np.rint(10 + 2 * rate), 0)
    assert PopulationAutocorrTau(10)(counted(counts, 10))["pop_autocorr_tau"] == pytest.approx(90, rel=0.15)


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 30))
def test_tau_lies_between_the_bin_and_the_longest_lag(counts, lags):
    tau = PopulationAutocorrTau(10, 10 * lags)(counted(counts, 10))["pop_autocorr_tau"]
    assert tau == 0 if len(set(counts)) < 2 else 10 <= tau <= 10 * lags


@pytest.mark.parametrize("make", [PopulationActiveFraction, PopulationRateMetrics, PopulationAutocorrTau])
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "wide", None])
def test_bins_must_have_a_width(make, value):
    with pytest.raises(ValueError, match="bin_size"):
        make(bin_size=value)


def test_there_must_be_a_lag():
    with pytest.raises(ValueError, match="max_lag must be at least bin_size, 10 ms, got 5"):
        PopulationAutocorrTau(max_lag=5)
    with pytest.raises(ValueError, match="max_lag"):
        PopulationAutocorrTau(max_lag=0)
