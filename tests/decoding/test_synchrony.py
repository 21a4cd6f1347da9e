import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run
from livn.decoding import ChannelRecording, PairwiseChannelCorrelation, PeakSynchrony, Pipe
from tests.decoding.helpers import Ranks, culture, trains

NONE = {"mean_pairwise_correlation": 0.0, "n_pairs": 0}


def channels(counts, bin_size=20.0, units=2):
    """What a ChannelRecording gives of channels with so many spikes per bin, of so many units by turns."""
    ids, times = {}, {}
    for channel, row in enumerate(counts):
        times[channel] = np.repeat((np.arange(len(row)) + 0.5) * bin_size, row)
        ids[channel] = 10 * channel + np.arange(len(times[channel])) % units
    return ids, times


def test_the_peak_is_that_of_the_fullest_bin():
    run = trains({0: [1.0, 10.0], 1: [10.5], 2: [11.9, 12.0], 7: [500.0]})
    assert PeakSynchrony()(run) == {"max_synchronous_peak": 0.75, "max_bin_count": 3, "n_active_units": 4}
    assert PeakSynchrony(1)(run)["max_bin_count"] == 2


def test_the_peak_exceeds_one_where_units_repeat():
    assert PeakSynchrony(10)(trains({0: [1.0, 2.0, 3.0]}))["max_synchronous_peak"] == 3.0


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 99), min_size=1, max_size=9), min_size=1))
def test_the_peak_of_a_window_in_one_bin_is_all_of_it(cells):
    run = trains(cells, 100.0)
    total = sum(map(len, cells.values()))
    assert PeakSynchrony(100)(run) == {
        "max_synchronous_peak": total / len(cells),
        "max_bin_count": total,
        "n_active_units": len(cells),
    }
    assert 1 <= PeakSynchrony(1)(run)["max_bin_count"] <= total


def test_channels_that_fire_alike_and_against_each_other():
    up, down = [1, 2, 3, 4], [4, 3, 2, 1]
    pairs = PairwiseChannelCorrelation(duration=80)
    assert pairs(channels([up, up])) == {"mean_pairwise_correlation": pytest.approx(1), "n_pairs": 1}
    assert pairs(channels([up, down])) == {"mean_pairwise_correlation": pytest.approx(-1), "n_pairs": 1}
    assert pairs(channels([up, up, down])) == {"mean_pairwise_correlation": pytest.approx(-1 / 3), "n_pairs": 3}


def test_channels_with_few_units_or_without_variation_are_left_out():
    up = [1, 2, 3, 4]
    recording = channels([up, up, [3, 3, 3, 3], [0, 0, 0, 0]])
    assert PairwiseChannelCorrelation(duration=80)(recording)["n_pairs"] == 1
    assert PairwiseChannelCorrelation(duration=80, min_units=3)(recording) == NONE
    lone = channels([up, up], units=1)
    assert PairwiseChannelCorrelation(duration=80)(lone) == NONE
    assert PairwiseChannelCorrelation(duration=80, min_units=1)(lone)["n_pairs"] == 1


def test_units_must_fire_within_the_window():
    ids, times = channels([[1, 0, 0, 1], [1, 0, 0, 1]])  # the second unit of each is the one in the last bin
    assert PairwiseChannelCorrelation(duration=80)((ids, times))["n_pairs"] == 1
    assert PairwiseChannelCorrelation(duration=60)((ids, times)) == NONE


def test_without_a_duration_a_recording_ends_with_the_bin_of_its_last_spike():
    counts = [[1, 2, 0, 3], [2, 2, 1, 5], [0, 4, 4, 0]]
    free, known = PairwiseChannelCorrelation(), PairwiseChannelCorrelation(duration=80)
    assert free(channels(counts)) == known(channels(counts))
    assert free(channels([[*row, 0, 0] for row in counts])) == known(channels(counts))
    assert free(({}, {})) == free(channels([[], []])) == NONE


def test_a_run_is_heard_by_the_electrodes():
    # channel 0 hears 0 and 1, channel 1 hears 2 and 3, channel 2 hears 4 alone
    run = trains({0: [5.0, 45.0], 1: [6.0], 2: [7.0], 3: [9.0, 50.0], 4: [1.0]}, 60.0)
    with culture() as env:
        result = PairwiseChannelCorrelation()(run, env)
        every = PairwiseChannelCorrelation(min_units=1)(run, env)
        piped = Pipe([ChannelRecording(), PairwiseChannelCorrelation(duration=60)])(run, env)
    assert result == {"mean_pairwise_correlation": pytest.approx(1), "n_pairs": 1}  # both 2, 0, 1
    expected = np.corrcoef([[2, 0, 1], [2, 0, 1], [1, 0, 0]])[[0, 0, 1], [1, 2, 2]].mean()
    assert every == {"mean_pairwise_correlation": pytest.approx(expected), "n_pairs": 3}
    assert piped == result


def test_every_rank_learns_the_result_of_the_one_with_the_recording():
    recording = channels([[1, 2, 3], [3, 1, 1]])
    pairs = PairwiseChannelCorrelation(duration=60)
    with culture() as env:
        env.comm = Ranks(None)
        here = pairs(recording, env)
        env.comm = Ranks(here)
        assert pairs(None, env) == here == pairs(recording)
        env.comm = Ranks(None)
        with pytest.raises(TypeError, match="reads a Run"):
            pairs(None, env)


@given(st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), max_size=5))
def test_correlation_by_the_definition(counts):
    used = [row for row in counts if sum(row) >= 2 and len(set(row)) > 1]
    result = PairwiseChannelCorrelation(duration=100)(channels(counts))
    assert result["n_pairs"] == len(used) * (len(used) - 1) // 2
    pairs = [np.corrcoef(a, b)[0, 1] for i, a in enumerate(used) for b in used[:i]]
    assert result["mean_pairwise_correlation"] == pytest.approx(np.mean(pairs) if pairs else 0, abs=1e-9)


@pytest.mark.parametrize(
    "signal", [None, {}, (), ({},), ({1: []}, {2: []}), ([1], [2.0]), "run", 3], ids=lambda value: repr(value)
)
def test_what_is_no_recording_is_refused(signal):
    with pytest.raises(TypeError, match="reads a Run, or a tuple that begins with two dicts of the same channels"):
        PairwiseChannelCorrelation()(signal)


def test_an_empty_run_needs_the_env_as_well():
    with pytest.raises(ValueError, match="needs the env"):
        PairwiseChannelCorrelation()(Run())


@pytest.mark.parametrize("value", [0, -1, 1.5, None])
def test_nonsense(value):
    with pytest.raises(ValueError, match="min_units"):
        PairwiseChannelCorrelation(min_units=value)
    for make in (PeakSynchrony, PairwiseChannelCorrelation):
        with pytest.raises(ValueError, match="bin_size"):
            make(bin_size=0 if value == 1.5 else value)
