"""Responses to stimuli, of trains made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run
from livn.decoding import PeriStimulusHistogram, RecruitmentCurve, StimulusResponse
from livn.policy import PulseSweepPolicy
from tests.decoding.helpers import Ranks, culture, trains

# StimulusResponse: onset at 1000, bins of 10 ms


def response(
    spikes: dict[int, list[float]], duration: float = 3000, env: Any = None, **fields: Any
) -> dict[str, float]:
    options = {"onset_ms": 1000, "post_ms": 100, "tail_ms": 500} | fields
    return StimulusResponse(**options)(trains(spikes, duration), env)


BACKGROUND = [5.0 + 100 * k for k in range(10)]
"""A spike in every tenth bin before the onset: 10 per second, 0.1 ± 0.3 per bin."""


def test_a_response() -> None:
    result = response({0: [*BACKGROUND, 1021, 1023, 1035, 1047], 1: [1022, 1036, 1200]}, threshold_k=3.1)
    assert result["evoked_rate_hz"] == 60
    assert result["response_gain"] == pytest.approx(6)
    assert result["response_peak_hz"] == 300  # three in [1020, 1030)
    assert result["response_latency_ms"] == 20
    assert result["response_duration_ms"] == 20  # 3 and 2 are above 0.1 + 3.1·0.3, 1 at 1047 is not
    assert result["response_probability"] == 1.0


def test_the_threshold() -> None:
    spikes = {0: [*BACKGROUND, 1021, 1023, 1035, 1047], 1: [1022, 1036, 1200]}
    assert response(spikes, threshold_k=2.9)["response_duration_ms"] == 30  # 0.97: one spike is enough
    assert response(spikes, threshold_k=9)["response_duration_ms"] == 10  # 2.8
    none = response(spikes, threshold_k=10)
    assert math.isnan(none["response_latency_ms"])
    assert none["response_duration_ms"] == 0
    assert none["evoked_rate_hz"] == 60


def test_a_response_to_the_end_of_the_tail_and_of_the_run() -> None:
    ongoing = {0: [1005.0 + 10 * k for k in range(150)]}
    assert response(ongoing)["response_duration_ms"] == 500
    assert response(ongoing, tail_ms=4000)["response_duration_ms"] == 1500
    assert response(ongoing, duration=2500, tail_ms=4000)["response_duration_ms"] == 1500
    late = response({0: [1105.0]})
    assert math.isnan(late["response_latency_ms"])  # after post_ms


def test_windows_have_their_start_and_not_their_end() -> None:
    assert response({0: [1000.0]})["response_latency_ms"] == 0
    assert response({0: [1099.9]})["evoked_rate_hz"] == 10
    assert response({0: [1100.0]})["evoked_rate_hz"] == 0
    assert response({0: [0.0, 999.9, 1000]})["response_gain"] == 5
    assert response({0: [0.0, 999.9, 1000]}, pre_ms=999)["response_gain"] == pytest.approx(10 / (1 / 0.999))


def test_no_baseline() -> None:
    result = StimulusResponse()(trains({0: [5], 1: [8, 700]}, 1000))
    assert result["evoked_rate_hz"] == 4
    assert math.isnan(result["response_gain"])
    assert result["response_latency_ms"] == 0
    assert result["response_duration_ms"] == 10
    assert math.isnan(response({0: [1001.0]})["response_gain"])  # a silent one
    assert response({0: [1001.0]}, pre_ms=0)["response_latency_ms"] == 0


def test_what_the_run_has_not_does_not_count() -> None:
    result = response({0: [950, 1010, 1030]}, duration=1050, pre_ms=2000)
    assert result["evoked_rate_hz"] == pytest.approx(40)
    assert result["response_gain"] == pytest.approx(40)
    after = response({0: [950.0]}, duration=1000)
    assert after["evoked_rate_hz"] == after["response_peak_hz"] == after["response_gain"] == 0
    assert math.isnan(after["response_latency_ms"])


def test_the_share_of_units() -> None:
    spikes = {0: [500.0, 1005.0], 1: [700.0], 3: [1050.0, 1060.0]}
    assert response(spikes)["response_probability"] == pytest.approx(2 / 3)
    assert response(spikes, env=culture())["response_probability"] == pytest.approx(2 / 5)


def test_no_response_of_nothing() -> None:
    zero = {"evoked_rate_hz": 0, "response_peak_hz": 0, "response_duration_ms": 0, "response_probability": 0}
    for run in (Run(), Run(duration=1000), trains({}, 2000), trains({}, 1)):
        for decoding in (StimulusResponse(), StimulusResponse(onset_ms=500)):
            for env in (None, culture()):
                result = decoding(run, env)
                assert result.items() >= zero.items()
                assert math.isnan(result["response_gain"])
                assert math.isnan(result["response_latency_ms"])


@given(st.floats(0, 2500), st.floats(0.1, 50), st.lists(st.floats(0, 2999), max_size=30))
def test_a_response_is_within_its_windows(onset: float, bin_size: float, times: list[float]) -> None:
    decoding = StimulusResponse(onset_ms=onset, bin_size=bin_size, post_ms=50, tail_ms=200)
    result = decoding(trains({0: times}, 3000))
    latency, length = result["response_latency_ms"], result["response_duration_ms"]
    assert math.isnan(latency) == (length == 0)
    assert math.isnan(latency) or (0 <= latency <= 50 and 0 < latency + length <= 200 + 1e-9)
    assert result["response_probability"] == (result["evoked_rate_hz"] > 0)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"onset_ms": -1}, "greater than or equal to 0"),
        ({"post_ms": 0}, "greater than 0"),
        ({"bin_size": 0}, "greater than 0"),
        ({"tail_ms": 400}, "tail_ms must be at least post_ms = 500, got 400"),
        ({"bin_size": 501}, "bin_size must be at most post_ms = 500, got 501"),
        ({"threshold_k": -1}, "greater than or equal to 0"),
        ({"onset": 1}, "did you mean 'onset_ms'"),
    ],
)
def test_nonsense_responses(fields: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        StimulusResponse(**fields)


# RecruitmentCurve: pulses every 100 ms of 5, 10 and 20 µA, three times

SCHEDULE = [(50.0 + 100 * (3 * r + a), amplitude) for r in range(3) for a, amplitude in enumerate((5.0, 10.0, 20.0))]


def answers(amplitudes: set[float], repeats: int = 3) -> list[float]:
    """Spikes 3 ms after the first repeats of these amplitudes."""
    return [ms + 3 for ms, a in SCHEDULE[: 3 * repeats] if a in amplitudes]


def recruitment(
    spikes: dict[int, list[float]], duration: float = 1000, env: Any = None, **fields: Any
) -> dict[str, Any]:
    return RecruitmentCurve(SCHEDULE, **{"pre_ms": 40, "post_ms": 20} | fields)(trains(spikes, duration), env)


def test_thresholds_are_bracketed() -> None:
    spikes = {0: answers({5, 10, 20}), 1: answers({10, 20}), 2: answers({20}), 4: [*answers({20}, 1)]}
    result = recruitment(spikes, env=culture())
    assert result["units"].tolist() == [0, 1, 2, 3, 4]
    assert result["amplitudes"].tolist() == [5, 10, 20]
    assert result["probabilities"].tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 1 / 3]]
    assert result["curve"] == {5.0: 0.2, 10.0: 0.4, 20.0: 0.6}
    np.testing.assert_array_equal(result["above"], [5, 10, 20, np.nan, np.nan])
    np.testing.assert_array_equal(result["below"], [np.nan, 5, 10, 20, 20])
    assert result["censored"].tolist() == [3, 4]
    assert result["highest_tested"] == 20
    assert result["probability_at_highest"].tolist() == [1, 1, 1, 0, 1 / 3]


def test_how_often_is_recruited() -> None:
    spikes = {0: answers({10}, 2)}
    for level, above in ((0.5, 10.0), (0.6, 10.0), (0.67, np.nan), (2 / 3, 10.0)):
        np.testing.assert_array_equal(recruitment(spikes, recruited=level)["above"], [above])
    odd = recruitment(spikes)
    assert odd["censored"].tolist() == [0]  # not at the highest amplitude, though at a lower one
    assert odd["below"].tolist() == [5]
    assert odd["units"].tolist() == [0]


def test_chance_is_taken_off() -> None:
    spikes = [ms - 10 for ms, _ in SCHEDULE[::3]] + answers({5.0, 10.0})  # 3 spikes in nine baselines of 40 ms
    result = recruitment({0: spikes})
    chance = 1 - math.exp(-3 / (9 * 40) * 20)
    np.testing.assert_allclose(result["probabilities"], [[1 - chance, 1 - chance, 0]])
    busy = recruitment({0: np.arange(0, 1000, 2.0).tolist()})
    assert busy["probabilities"].max() < 1e-4
    assert busy["curve"] == {5.0: 0, 10.0: 0, 20.0: 0}
    assert recruitment({0: spikes}, pre_ms=0)["probabilities"].tolist() == [[1, 1, 0]]


def test_a_baseline_before_the_run_is_not_counted() -> None:
    result = RecruitmentCurve([(10.0, 1.0)], pre_ms=1000, post_ms=20)(trains({0: [5.0, 15.0]}, 100))
    np.testing.assert_allclose(result["probabilities"], [[math.exp(-2)]])  # 1 in 10 ms: 2 in 20
    first = RecruitmentCurve([(0.0, 1.0)], post_ms=20)(trains({0: [5.0]}, 100))
    assert first["probabilities"].tolist() == [[1.0]]


def test_repeats_that_leave_the_run_are_left_out() -> None:
    spikes = {0: answers({5, 10, 20}, 1)}
    assert recruitment(spikes)["probabilities"].tolist() == [[1 / 3, 1 / 3, 1 / 3]]
    one = recruitment(spikes, duration=270)
    assert one["probabilities"].tolist() == [[1, 1, 1]]
    short = recruitment({0: answers({5, 10}, 1)}, duration=269)
    assert short["amplitudes"].tolist() == [5, 10]
    assert short["highest_tested"] == 10
    assert short["censored"].tolist() == []


def test_amplitudes_of_either_sign_by_magnitude() -> None:
    result = RecruitmentCurve([(0, -20), (50, -5), (100, 5)], pre_ms=0, post_ms=20)(trains({0: [1.0, 101.0]}, 200))
    assert result["amplitudes"].tolist() == [-5, 5, -20]
    assert result["above"].tolist() == [5]
    assert result["highest_tested"] == -20


def test_the_schedule_of_a_sweep() -> None:
    sweep = PulseSweepPolicy(amplitudes=(5, 10), repeats=2, trial_ms=200, onset_ms=50)
    decoding = RecruitmentCurve(sweep.schedule(), pre_ms=50, post_ms=100)
    hits = [ms + 5 for ms, amplitude in sweep.schedule() if amplitude == 10]
    assert decoding(trains({7: hits}, sweep.duration_ms))["curve"] == {5.0: 0.0, 10.0: 1.0}


def test_no_recruitment_of_nothing() -> None:
    for run in (Run(), Run(duration=5), trains({}, 5)):
        for env, n in ((None, 0), (culture(), 5)):
            result = RecruitmentCurve(SCHEDULE)(run, env)
            assert result["curve"] == {}
            assert math.isnan(result["highest_tested"])
            assert result["amplitudes"].shape == (0,)
            assert result["probabilities"].shape == (n, 0)
            for name in ("below", "above", "probability_at_highest"):
                np.testing.assert_array_equal(result[name], np.full(n, np.nan))
            assert result["censored"].tolist() == []
    silent = recruitment({})
    assert silent["curve"] == {5.0: 0.0, 10.0: 0.0, 20.0: 0.0}
    assert silent["units"].shape == (0,)
    assert recruitment({}, env=culture())["censored"].tolist() == [0, 1, 2, 3, 4]
    one = recruitment({3: [53.0]})
    assert one["probabilities"].tolist() == [[1 / 3, 0, 0]]


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 999)), max_size=60), st.floats(0.01, 1))
def test_the_bracket_holds_the_threshold(spikes: list[tuple[int, float]], level: float) -> None:
    result = recruitment({g: [t for h, t in spikes if h == g] for g in range(3)}, recruited=level)
    for unit, p in enumerate(result["probabilities"]):
        above, below = result["above"][unit], result["below"][unit]
        assert all(q < level for a, q in zip(result["amplitudes"], p, strict=True) if not a >= above)
        tested = [a for a in result["amplitudes"] if not a >= above]
        assert below == tested[-1] if tested else math.isnan(below)
        assert math.isnan(above) or p[result["amplitudes"].tolist().index(above)] >= level - 1e-9
    assert ((result["probabilities"] >= 0) & (result["probabilities"] <= 1)).all()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "schedule"),
        ({"schedule": []}, "at least 1 item"),
        ({"schedule": [(1.0,)]}, "schedule"),
        ({"schedule": [(-1.0, 5.0)]}, "greater than or equal to 0"),
        ({"schedule": [(math.nan, 5.0)]}, "finite"),
        ({"schedule": SCHEDULE, "recruited": 0}, "greater than 0"),
        ({"schedule": SCHEDULE, "recruited": 1.1}, "less than or equal to 1"),
        ({"schedule": SCHEDULE, "post_ms": 0}, "greater than 0"),
    ],
)
def test_nonsense_recruitment(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        RecruitmentCurve(**fields)


# PeriStimulusHistogram


def test_histogram_by_population_and_trial() -> None:
    run = trains({0: [96, 100, 104.9, 105, 310], 2: [101], 3: [99.9, 112]}, 500)
    result = PeriStimulusHistogram([100, 300], pre_ms=10, post_ms=15)(run, culture())
    assert result["edges"].tolist() == [-10, -5, 0, 5, 10, 15]
    assert result["n_trials"] == 2
    assert result["n_units"] == {"EXC": 3, "INH": 2}
    assert result["counts"]["EXC"].tolist() == [[0, 1, 3, 1, 0], [0, 0, 0, 0, 1]]
    assert result["counts"]["INH"].tolist() == [[0, 1, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert [t.tolist() for t in result["spike_times"]["EXC"]] == [[-4, 0, 1, 4.9, 5], [10]]
    assert [i.tolist() for i in result["spike_ids"]["EXC"]] == [[0, 0, 2, 0, 0], [0]]
    assert [t.tolist() for t in result["spike_times"]["INH"]] == [[-0.1, 12], []]
    assert [i.dtype for i in result["spike_ids"]["INH"]] == [np.int64, np.int64]


def test_histogram_of_chosen_populations() -> None:
    run = trains({0: [100], 3: [100]}, 500)
    for chosen in ("INH", ["INH"]):
        result = PeriStimulusHistogram([100], populations=chosen)(run, culture())
        assert result["n_units"] == {"INH": 2}
        assert result["spike_ids"]["INH"][0].tolist() == [3]
    with pytest.raises(KeyError, match="unknown population 'INX'; legal: EXC, INH; did you mean 'INH'"):
        PeriStimulusHistogram([100], populations=["INX"])(run, culture())
    with pytest.raises(ValueError, match="PeriStimulusHistogram needs the env"):
        PeriStimulusHistogram([100], populations=["EXC"])(run)


def test_histogram_without_an_env() -> None:
    result = PeriStimulusHistogram([100])(trains({0: [100], 9: [101, 400]}, 500))
    assert result["edges"].tolist() == list(range(-50, 151, 5))
    assert result["n_units"] == {"all": 2}
    assert result["counts"]["all"].sum() == 2


def test_histogram_of_a_selection() -> None:
    env = culture().selection({"EXC": [1], "INH": [3]})
    result = PeriStimulusHistogram([100])(trains({1: [100], 3: [100]}, 500), env)
    assert result["n_units"] == {"EXC": 1, "INH": 1}
    assert result["counts"]["EXC"].sum() == 1


def test_trials_that_leave_the_run_are_left_out() -> None:
    run = trains({0: [10, 100, 340]}, 500)
    result = PeriStimulusHistogram([350, 50, 49.9, 351, -5, 9999])(run)
    assert result["n_trials"] == 2
    assert [t.tolist() for t in result["spike_times"]["all"]] == [[-10], [-40, 50]]  # in the order of onsets
    assert PeriStimulusHistogram([350], duration=400)(run)["n_trials"] == 0


def test_bins_are_whole_and_counted_from_the_onset() -> None:
    run = trains({0: [88, 92, 100, 121, 124]}, 500)
    result = PeriStimulusHistogram([100], pre_ms=12, post_ms=25, bin_size=10)(run)
    assert result["edges"].tolist() == [-10, 0, 10, 20]
    assert result["counts"]["all"].tolist() == [[1, 1, 0]]
    assert result["spike_times"]["all"][0].tolist() == [-12, -8, 0, 21, 24]
    only_after = PeriStimulusHistogram([100], pre_ms=0, post_ms=20, bin_size=10)(run)
    assert only_after["edges"].tolist() == [0, 10, 20]


def test_histogram_of_nothing() -> None:
    for run in (Run(), Run(duration=500), trains({}, 500), trains({}, 1)):
        for env, names in ((None, {"all"}), (culture(), {"EXC", "INH"})):
            result = PeriStimulusHistogram([100])(run, env)
            assert set(result["counts"]) == set(result["spike_times"]) == set(result["spike_ids"]) == names
            n = result["n_trials"]
            assert n == (1 if run.duration == 500 else 0)
            for name in names:
                assert result["counts"][name].tolist() == np.zeros((n, 40)).tolist()
                assert result["counts"][name].dtype == np.int64
                assert [len(t) for t in result["spike_times"][name]] == [0] * n
    none = PeriStimulusHistogram([])(trains({0: [3]}, 500))
    assert none["counts"]["all"].shape == (0, 40)
    assert PeriStimulusHistogram([100])(trains({2: [100]}, 500))["counts"]["all"].sum() == 1


@given(st.lists(st.floats(0, 999.9), max_size=40), st.lists(st.floats(0, 1000), max_size=6))
def test_every_spike_of_a_trial_is_in_a_bin(times: list[float], onsets: list[float]) -> None:
    result = PeriStimulusHistogram(onsets)(trains({0: times}, 1000))
    assert result["counts"]["all"].sum(axis=1).tolist() == [len(t) for t in result["spike_times"]["all"]]
    assert all(((t >= -50 - 1e-5) & (t < 150)).all() for t in result["spike_times"]["all"])
    assert result["n_trials"] == sum(onset + 1e-6 >= 50 and onset <= 850 + 1e-6 for onset in onsets)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "onsets"),
        ({"onsets": "now"}, "onsets"),
        ({"onsets": [math.inf]}, "finite"),
        ({"onsets": [1], "pre_ms": -1}, "greater than or equal to 0"),
        ({"onsets": [1], "bin_size": 0}, "greater than 0"),
        ({"onsets": [1], "bin_size": 151}, "bin_size must be at most post_ms = 150 or pre_ms = 50, got 151"),
        ({"onsets": [1], "populations": [3]}, "string"),
    ],
)
def test_nonsense_histograms(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PeriStimulusHistogram(**fields)


def test_ranks_are_gathered() -> None:
    run = trains({0: [1005, 1010], 3: [1020]}, 3000)
    for decoding in (
        StimulusResponse(onset_ms=1000),
        RecruitmentCurve([(1000, 5)]),
        PeriStimulusHistogram([1000]),
    ):
        env = culture()
        env.comm = Ranks(run.select(gids=[3]))
        np.testing.assert_equal(decoding(run.select(gids=[0]), env), decoding(run, culture()))


def test_evoked_on_a_culture() -> None:
    with culture().init() as env:
        result = env(PeriStimulusHistogram([20], pre_ms=10, post_ms=10, duration=40))
        assert result["n_trials"] == 1
        assert env.run(1).spike_ids is not None
