import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.decoding import BurstRate
from tests.decoding.helpers import counted, trains


def test_bursts_by_hand():
    # median 1, off which the bins are 1 0 1 0 29 39 0 0 1 1 24 0, by a median of 1
    result = BurstRate(50)(counted([0, 1, 2, 1, 30, 40, 1, 1, 0, 2, 25, 1], 50))
    assert result["threshold"] == pytest.approx(1 + 5 * 1.4826 * 1)
    assert result["onsets"].tolist() == [200.0, 500.0]
    assert result["n_bursts"] == 2
    assert result["burst_rate_hz"] == pytest.approx(2 / 0.6)


def test_the_floors():
    silent = [0] * 9
    assert BurstRate(10)(counted([*silent, 4], 10))["n_bursts"] == 1
    assert BurstRate(10)(counted([*silent, 3], 10))["n_bursts"] == 0  # more than the threshold
    assert BurstRate(10, min_floor=2.5)(counted([*silent, 3], 10))["n_bursts"] == 1
    everyone = trains({gid: [500.0] for gid in range(40)})
    result = BurstRate()(everyone)
    assert (result["threshold"], result["onsets"].tolist()) == (6.0, [500.0])  # 0.15 of 40 units
    assert BurstRate(min_floor_fraction=1)(everyone)["n_bursts"] == 0


def test_firing_all_the_time_is_no_burst():
    assert BurstRate(10)(counted([50] * 20, 10)) | {"onsets": None} == {
        "burst_rate_hz": 0.0,
        "n_bursts": 0,
        "threshold": 50.0,
        "onsets": None,
    }


def test_a_burst_may_touch_either_end():
    assert BurstRate(10)(counted([9, 0, 0, 0, 9], 10))["onsets"].tolist() == [0.0, 40.0]


def test_whole_bins_only():
    run = trains({0: np.linspace(210, 240, 10)}, 249.0)
    assert BurstRate()(run)["n_bursts"] == 0
    assert BurstRate()(trains({0: np.linspace(210, 240, 10)}, 250.0))["burst_rate_hz"] == pytest.approx(4.0)


@given(st.lists(st.integers(0, 12), max_size=40), st.floats(0, 6))
def test_bursts_are_stretches_above_the_threshold(counts, k):
    result = BurstRate(10, mad_k=k)(counted(counts, 10))
    assert result["n_bursts"] == len(result["onsets"])
    above = [n > result["threshold"] for n in counts]
    begins = [i for i, high in enumerate(above) if high and not (i and above[i - 1])]
    assert result["onsets"].tolist() == [10.0 * i for i in begins]
    assert result["burst_rate_hz"] == pytest.approx(100 * len(begins) / max(len(counts), 1))
    assert result["threshold"] >= 3


@pytest.mark.parametrize("name", ["mad_k", "min_floor_fraction", "min_floor"])
def test_nonsense(name):
    for value in (-0.1, np.nan, "high", None):
        with pytest.raises(ValueError, match=name):
            BurstRate(**{name: value})
    with pytest.raises(ValueError, match="bin_size"):
        BurstRate(0)
