import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run
from livn.decoding import Stability
from tests.decoding.helpers import Ranks, culture, trains


@pytest.fixture(scope="module")
def env():
    with culture() as env:
        yield env


def at(rate_hz, start, stop):
    """Cell 0 firing for the five cells of the culture, so that this is the population rate from start to stop ms."""
    return np.linspace(start, stop, round(rate_hz * 5 * (stop - start) / 1000), endpoint=False)


def test_rates_are_per_simulated_cell_and_the_tail_is_the_end(env):
    run = trains({0: [*at(2, 0, 3000), *at(8, 3000, 4000)]}, 4000.0)
    assert Stability()(run, env) == {
        "is_stable": True,
        "is_runaway": False,
        "is_quiescent": False,
        "has_nan": False,
        "tail_mean_hz": pytest.approx(8.0),
        "global_mean_hz": pytest.approx(3.5),
    }
    assert Stability(2000)(run, env)["tail_mean_hz"] == pytest.approx(5.0)
    assert Stability(9000)(run, env)["tail_mean_hz"] == pytest.approx(3.5)  # no more than there is
    assert Stability(duration=3000)(run, env)["tail_mean_hz"] == pytest.approx(2.0)


def test_runaway_and_quiescence_are_of_the_tail(env):
    ends_wild = trains({0: [*at(1, 0, 2000), *at(30, 2000, 3000)]}, 3000.0)
    began_wild = trains({0: [*at(60, 0, 2000), *at(1, 2000, 3000)]}, 3000.0)
    dies = trains({0: at(5, 0, 2000)}, 3000.0)
    flags = ("is_stable", "is_runaway", "is_quiescent")
    for run, expected in ((ends_wild, [0, 1, 0]), (began_wild, [1, 0, 0]), (dies, [0, 0, 1])):
        result = Stability()(run, env)
        assert [result[flag] for flag in flags] == expected
        assert not result["has_nan"]
    assert Stability(max_rate_hz=31)(ends_wild, env)["is_stable"]
    assert Stability(min_rate_hz=0)(dies, env)["is_stable"]


def test_whole_bins_only(env):
    run = trains({0: [*at(4, 0, 1000), *[1050.0] * 100]}, 1099.0)
    assert Stability()(run, env)["global_mean_hz"] == pytest.approx(4.0)


def test_voltages_that_are_no_numbers(env):
    steady = trains({0: at(2, 0, 1000)})
    good = np.full((2, 10), -60.0)
    for wrong in (np.nan, np.inf):
        bad = good.copy()
        bad[1, 7] = wrong
        sick = steady.add_voltage([0, 1], bad, dt=100.0)
        result = Stability()(sick, env)
        assert (result["has_nan"], result["is_stable"]) == (True, False)
        assert not Stability(duration=700.0)(sick, env)["has_nan"]  # the samples at 0, 100, ..., 600 ms
        assert Stability(duration=800.0)(sick, env)["has_nan"]
    assert Stability()(steady.add_voltage([0, 1], good, dt=100.0), env)["is_stable"]


def test_voltages_of_a_later_run(env):
    bad = np.full((1, 10), -60.0)
    bad[0, 7] = np.nan
    late = Run(t0=5000.0, duration=1000.0).add_voltage([0], bad, dt=100.0)
    assert Stability()(late, env)["has_nan"]
    assert not Stability(duration=700.0)(late, env)["has_nan"]


def test_voltages_of_another_rank():
    here = trains({0: at(2, 0, 1000)}).add_voltage([0], [[-60.0]], dt=1000.0)
    there = trains({}).add_voltage([1], [[np.nan]], dt=1000.0)
    with culture() as env:
        env.comm = Ranks(there, True)
        result = Stability()(here, env)
        assert (result["has_nan"], result["is_stable"]) == (True, False)
        env.comm = Ranks(trains({}), False)
        assert not Stability()(here, env)["has_nan"]


@given(st.dictionaries(st.integers(0, 4), st.lists(st.integers(0, 1999), max_size=20)), st.integers(1, 25))
def test_flags_follow_the_rates(cells, bins):
    with culture() as env:
        result = Stability(100 * bins, 4, 0.5)(trains(cells, 2000.0), env)
    total = sum(map(len, cells.values()))
    tail = sum(t >= 2000 - 100 * bins for times in cells.values() for t in times)
    assert result["global_mean_hz"] == pytest.approx(total / 10)
    assert result["tail_mean_hz"] == pytest.approx(tail / (0.5 * min(bins, 20)))
    assert result["is_runaway"] == (result["tail_mean_hz"] > 4)
    assert result["is_quiescent"] == (result["tail_mean_hz"] < 0.5)
    assert result["is_stable"] == (not result["is_runaway"] and not result["is_quiescent"])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tail_window": 50}, "tail_window must be at least bin_size, 100 ms, got 50"),
        ({"max_rate_hz": 0.01}, "min_rate_hz must be at most max_rate_hz, 0.01, got 0.05"),
        ({"min_rate_hz": -1}, "min_rate_hz"),
        ({"max_rate_hz": np.inf}, "max_rate_hz"),
        ({"bin_size": 0}, "bin_size"),
        ({"tail_window": "long"}, "tail_window"),
    ],
)
def test_nonsense(arguments, text):
    with pytest.raises(ValueError, match=text):
        Stability(**arguments)
