import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Env, Run
from livn.decoding import ActiveFraction, MeanFiringRate, PerUnitFiringRate, PopulationFiringRates
from livn.io import MEA
from livn.system import ParallelSystem
from tests.decoding.helpers import Ranks, culture, trains

spikes = st.dictionaries(st.integers(0, 4), st.lists(st.floats(0, 1999), min_size=1, max_size=8))


def test_mean_rate_is_over_the_units_that_fired():
    run = trains({0: [1.0, 2.0, 3.0], 4: [1500.0]}, 2000.0)
    assert MeanFiringRate()(run) == {"rate_hz": 1.0, "total_spikes": 4, "n_units": 2, "duration_s": 2.0}
    assert MeanFiringRate(duration=500)(run) == {"rate_hz": 6.0, "total_spikes": 3, "n_units": 1, "duration_s": 0.5}


def test_active_fraction_is_of_all_simulated_cells():
    run = trains({0: [1.0, 2.0], 3: [5.0]})
    with culture() as env:
        assert ActiveFraction()(run, env) == {
            "active_fraction": 0.4,
            "active_units": 2,
            "total_units": 5,
            "silent_units": 3,
        }
        assert ActiveFraction(2)(run, env)["active_units"] == 1
        assert ActiveFraction(3)(run, env)["silent_units"] == 5
        env.selection({"EXC": [0, 2]})
        assert ActiveFraction()(run, env)["active_fraction"] == 0.5  # cell 3 is none of its cells


def test_rates_of_units_come_by_gid():
    run = trains({7: [1.0], 2: [0.0, 1.0, 2.0], 5: [0.0, 500.0]}, 500.5)
    rates = np.array([3, 2, 1]) / 0.5005
    result = PerUnitFiringRate()(run)
    assert np.unique(run.spike_ids).tolist() == [2, 5, 7]
    np.testing.assert_allclose(result.pop("per_unit_rates_hz"), rates)
    expected = {
        "max_rate_hz": 3 / 0.5005,
        "min_rate_hz": 1 / 0.5005,
        "mean_rate_hz": 2 / 0.5005,
        "rate_cv": np.sqrt(2 / 3) / 2,  # population standard deviation
        "n_units": 3,
    }
    assert result == pytest.approx(expected)


def test_rates_of_populations_are_over_all_their_cells():
    run = trains({0: [1.0, 2.0, 3.0], 1: [4.0, 5.0, 6.0], 4: [100.0]}, 500.0)
    with culture() as env:
        assert PopulationFiringRates()(run, env) == {"rates_hz": {"EXC": 4.0, "INH": 1.0}}


def test_populations_may_have_gids_of_their_own():
    places = np.array([[11, 0, 0, 0], [3, 1, 0, 0], [7, 2, 0, 0]], float)
    run = trains({11: [1.0, 2.0], 7: [3.0]})
    with Env(ParallelSystem({"EXC": 1, "INH": 2}, places), io=MEA()) as env:
        assert PopulationFiringRates()(run, env)["rates_hz"] == {"EXC": 2.0, "INH": 0.5}


def test_populations_are_those_that_are_simulated():
    run = trains({0: [1.0, 2.0], 4: [5.0]})
    with culture() as env:
        env.selection({"EXC": [0, 2]})
        assert PopulationFiringRates()(run, env)["rates_hz"] == {"EXC": 1.0}


def test_the_spikes_of_all_ranks_count():
    here, there = trains({0: [1.0, 2.0]}), trains({4: [3.0]})
    with culture() as env:
        env.comm = Ranks(there)
        assert MeanFiringRate()(here, env) == MeanFiringRate()(here.merge(there))


def test_env_runs_it():
    with culture() as env:
        env.init()
        env.set_noise({"g_e0": 0.01, "std_e": 0.003})
        result = env(PopulationFiringRates(duration=50.0))
        assert env.t == 50.0
        env.clear(reseed=False)
        run = env.run(50.0)
    for population, part in {"EXC": run.spike_ids < 3, "INH": run.spike_ids >= 3}.items():
        assert part.any()
        n = {"EXC": 3, "INH": 2}[population]
        assert result["rates_hz"][population] == pytest.approx(part.sum() / n / 0.05)


@given(spikes, st.integers(1, 4))
def test_rates_agree_with_each_other(cells, min_spikes):
    run = trains(cells, 2000.0)
    mean, units = MeanFiringRate()(run), PerUnitFiringRate()(run)
    assert mean["n_units"] == units["n_units"] == len(cells)
    assert mean["rate_hz"] == pytest.approx(units["mean_rate_hz"])
    assert units["min_rate_hz"] <= units["mean_rate_hz"] * (1 + 1e-12)
    assert units["mean_rate_hz"] <= units["max_rate_hz"] * (1 + 1e-12)
    assert units["per_unit_rates_hz"] * 2 == pytest.approx([len(cells[gid]) for gid in sorted(cells)])
    with culture() as env:
        rates = PopulationFiringRates()(run, env)["rates_hz"]
        active = ActiveFraction(min_spikes)(run, env)
    assert 2 * (3 * rates["EXC"] + 2 * rates["INH"]) == pytest.approx(mean["total_spikes"])
    assert active["active_units"] == sum(len(times) >= min_spikes for times in cells.values())
    assert active["active_units"] + active["silent_units"] == active["total_units"] == 5


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", None])
def test_min_spikes_must_be_a_positive_whole_number(value):
    with pytest.raises(ValueError, match="min_spikes"):
        ActiveFraction(min_spikes=value)


def test_a_window_beyond_the_run_is_refused():
    with pytest.raises(ValueError, match="duration must be at most that of the run, 1000 ms, got 2000"):
        MeanFiringRate(duration=2000)(trains({0: [1.0]}))
    assert MeanFiringRate(duration=2000)(Run())["duration_s"] == 2.0
