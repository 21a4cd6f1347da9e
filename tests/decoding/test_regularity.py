import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.decoding import ISICV
from tests.decoding.helpers import trains


def test_a_clock_has_no_variation():
    assert ISICV()(trains({0: range(0, 1000, 10)}))["isi_cv"] == pytest.approx(0, abs=1e-12)


def test_cv_by_hand():
    # intervals 1, 3: mean 2, population standard deviation 1; intervals 2, 2: none
    run = trains({0: [0.0, 1.0, 4.0], 5: [3.0, 5.0, 7.0], 9: [1.0, 9.0]})
    assert ISICV(3)(run) == {"isi_cv": 0.25, "n_units_used": 2}
    assert ISICV(2)(run) == {"isi_cv": pytest.approx(0.5 / 3), "n_units_used": 3}  # one interval does not vary
    assert ISICV()(run) == {"isi_cv": 0.0, "n_units_used": 0}


def test_a_poisson_process_has_a_cv_of_one():
    times = np.cumsum(np.random.default_rng(2).exponential(20.0, 20000))
    assert ISICV()(trains({0: times}, times[-1] + 1))["isi_cv"] == pytest.approx(1.0, abs=0.03)


def test_spikes_all_at_one_time_have_no_intervals_to_compare():
    run = trains({0: [5.0] * 6, 1: [5.0, 5.0, 5.0, 5.0, 9.0]})
    assert ISICV()(run) == {"isi_cv": pytest.approx(np.sqrt(3)), "n_units_used": 1}


def test_a_unit_needs_its_spikes_within_the_window():
    assert ISICV(duration=35)(trains({0: range(0, 1000, 10)}))["n_units_used"] == 0
    assert ISICV(duration=41)(trains({0: range(0, 1000, 10)}))["n_units_used"] == 1


@given(
    st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 99), max_size=12)),
    st.integers(2, 6),
    st.sampled_from([0.25, 1.0, 8.0]),
)
def test_cv_by_the_definition_at_any_scale(cells, least, scale):
    intervals = [np.diff(sorted(times)) for times in cells.values() if len(times) >= least]
    cvs = [isi.std() / isi.mean() for isi in intervals if isi.any()]
    result = ISICV(least)(trains({gid: [scale * t for t in times] for gid, times in cells.items()}))
    assert result["n_units_used"] == len(cvs)
    assert result["isi_cv"] == pytest.approx(np.mean(cvs) if cvs else 0)


@pytest.mark.parametrize("value", [1, 0, -5, 2.5, "few", None])
def test_an_interval_needs_two_spikes(value):
    with pytest.raises(ValueError, match="min_spikes_per_unit"):
        ISICV(value)
