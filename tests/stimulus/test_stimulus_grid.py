"""A stimulus on other grids: nothing is lost, and the window asked for does not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn.grids import ratio
from livn.stimulus import Stimulus

spacings = st.one_of(
    st.floats(0.003, 4.0), st.sampled_from([0.0125, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 1 / 3, 1.0]), st.integers(1, 3)
)
seeds = st.integers(0, 2**32 - 1)


def random(seed: int, rows: int, dt: float, width: int = 2) -> Stimulus:
    return Stimulus(np.random.default_rng(seed).normal(size=(rows, width)), dt)


def n_covering(stimulus: Stimulus, dt: float) -> int:
    return int(np.ceil(stimulus.duration / dt)) + 2


@given(seeds, st.integers(1, 40), spacings, spacings)
def test_charge_is_conserved(seed: int, rows: int, row_dt: float, dt: float) -> None:
    stimulus = random(seed, rows, row_dt)
    delivered = stimulus.step_averages(dt, 0, n_covering(stimulus, dt)).sum(axis=0) * dt
    scale = np.abs(np.asarray(stimulus)).sum() * row_dt
    assert delivered == pytest.approx(np.asarray(stimulus).sum(axis=0) * row_dt, abs=1e-9 * scale)


@given(seeds, st.integers(1, 40), spacings, spacings, st.lists(st.integers(0, 200), max_size=6))
def test_any_partition_gives_the_same_bits(seed: int, rows: int, row_dt: float, dt: float, cuts: list[int]) -> None:
    stimulus = random(seed, rows, row_dt)
    n = n_covering(stimulus, dt)
    bounds = [0, *sorted(c for c in cuts if c < n), n]
    parts = [stimulus.step_averages(dt, a, b - a) for a, b in itertools.pairwise(bounds)]
    assert np.concatenate(parts).tobytes() == stimulus.step_averages(dt, 0, n).tobytes()


@settings(max_examples=30)
@given(seeds, st.integers(1, 8), st.floats(0.05, 2.0), st.floats(0.05, 2.0))
def test_averages_are_integrals_over_the_step(seed: int, rows: int, row_dt: float, dt: float) -> None:
    stimulus = random(seed, rows, row_dt, width=1)
    integral = np.concatenate([[0.0], np.cumsum(np.asarray(stimulus)[:, 0]) * row_dt])
    n = n_covering(stimulus, dt)
    edges = np.interp(np.arange(n + 1) * dt, np.arange(rows + 1) * row_dt, integral)
    assert stimulus.step_averages(dt, 0, n)[:, 0] == pytest.approx(np.diff(edges) / dt, abs=1e-8)


@given(seeds, st.sampled_from([0.3, 0.1, 1.0, 0.7]), st.integers(1, 50))
def test_a_whole_multiple_is_indexed(seed: int, row_dt: float, n: int) -> None:
    stimulus = random(seed, 5, row_dt)
    dt = row_dt / n
    assert stimulus.rows_per(dt) == n
    assert np.array_equal(stimulus.step_averages(dt, 0, 5 * n), np.repeat(np.asarray(stimulus), n, axis=0))


def test_rows_per() -> None:
    stimulus = Stimulus(np.ones((3, 1)), dt=0.3)
    assert stimulus.rows_per(0.1) == 3
    assert stimulus.rows_per(0.3) == 1
    assert stimulus.rows_per(0.3 / (3 * (1 + 1e-11))) == 3
    assert stimulus.rows_per(0.1 * (1 + 1e-7)) is None
    assert stimulus.rows_per(0.2) is None
    assert stimulus.rows_per(0.6) is None


def test_a_pulse_does_not_leak_into_its_neighbours() -> None:
    stimulus = Stimulus([[0.0], [1.0], [0.0]], dt=0.3)  # 12 · 0.025 > 0.3 in binary
    steps = stimulus.step_averages(0.025, 0, 40)[:, 0]
    assert np.flatnonzero(steps).tolist() == list(range(12, 24))
    assert set(steps[12:24]) == {1.0}


def test_a_constant_stays_exactly_constant_late_in_a_run() -> None:
    stimulus = Stimulus(np.ones((100_000, 1)), dt=100.0)  # 10^7 ms
    assert set(stimulus.step_averages(0.025, 399_000_000, 100)[:, 0]) == {1.0}


def test_windows_before_across_and_past_the_end() -> None:
    stimulus = Stimulus([[1.0], [3.0]], dt=0.1)
    assert stimulus.step_averages(0.2, 0, 2).tolist() == [[2.0], [0.0]]
    assert stimulus.step_averages(0.4, 0, 1).tolist() == [[1.0]]
    assert stimulus.step_averages(0.1, 50, 2).tolist() == [[0.0], [0.0]]
    assert stimulus.step_averages(0.1, 0, 0).shape == (0, 1)


def test_many_fine_rows_and_many_steps() -> None:
    fine = random(1, 300_000, 1e-4, width=1)
    assert fine.step_averages(30.0, 0, 1)[0, 0] == pytest.approx(np.asarray(fine).mean())
    coarse = random(1, 2, 5000.0, width=1)
    steps = coarse.step_averages(0.05, 0, 200_000)
    assert np.array_equal(steps, np.repeat(np.asarray(coarse), 100_000, axis=0))


@pytest.mark.parametrize(
    ("spacing", "whole"),
    [((0.1, 0.025), (4, 1)), ((0.025, 0.1), (1, 4)), ((0.3, 0.2), (3, 2)), ((1 / 3, 0.025), (40, 3)), ((2, 2), (1, 1))],
)
def test_ratio(spacing: tuple[float, float], whole: tuple[int, int]) -> None:
    assert ratio(*spacing) == whole


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_ratio_is_close_and_small(a: float, b: float) -> None:
    row, step = ratio(a, b)
    assert row / step == pytest.approx(a / b, rel=1.1e-9)
    assert min(row, step) < 2**41


def test_resample_keeps_the_charge_and_the_rest() -> None:
    stimulus = Stimulus.from_current([[1.0, 2.0], [3.0, 4.0]], dt=0.3, gids=[7, 7], origin="test")
    finer = stimulus.resample(0.1)
    assert finer.dt == 0.1
    assert np.asarray(finer)[:, 0].tolist() == [1.0] * 3 + [3.0] * 3
    assert (finer.gids.tolist(), finer.sections.tolist(), finer.extra["origin"]) == ([7, 7], [0, 1], "test")  # type: ignore[union-attr]
    coarse = stimulus.resample(0.4)
    assert len(np.asarray(coarse)) == 2
    assert np.asarray(coarse).sum(axis=0) * 0.4 == pytest.approx(np.array([1.2, 1.8]))
    assert len(np.asarray(stimulus.resample(0.1, 1.0))) == 10
    assert np.asarray(stimulus.resample(0.1, 0.2)).tolist() == [[1.0, 2.0]] * 2


def test_to_array_has_one_row_more() -> None:
    stimulus = Stimulus([[1.0], [2.0]], dt=0.5)
    assert stimulus.to_array().tolist() == [[1.0], [2.0], [0.0]]
    assert stimulus.to_array(1.0, 0.25).ravel().tolist() == [1.0, 1.0, 2.0, 2.0, 0.0]
    assert stimulus.to_array(0.5).ravel().tolist() == [1.0, 2.0]
    assert stimulus.to_array(0).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: s.step_averages(0, 0, 1), ValueError, "dt"),
        (lambda s: s.step_averages("x", 0, 1), TypeError, "dt"),
        (lambda s: s.step_averages(0.1, -1, 1), ValueError, "start_step"),
        (lambda s: s.step_averages(0.1, 0, 1.0), TypeError, "n_steps"),
        (lambda s: s.step_averages(0.1, 0, -1), ValueError, "n_steps"),
        (lambda s: s.rows_per(-1), ValueError, "dt"),
        (lambda s: s.resample(0.0), ValueError, "target_dt"),
        (lambda s: s.resample(None), TypeError, "target_dt"),
        (lambda s: s.resample(1.0, 0.1), ValueError, "at least one row"),
        (lambda s: s.resample(1.0, np.inf), ValueError, "duration"),
        (lambda s: s.to_array(-1), ValueError, "duration"),
        (lambda s: s.to_array(1.0, np.nan), ValueError, "dt"),
        (lambda s: s.window(0, 0.15), ValueError, "b must be a multiple"),
        (lambda s: s.window(-0.1, 0.1), ValueError, "a must be at least"),
        (lambda s: s.window(0.2, 0.1), ValueError, "b must be at least"),
    ],
)
def test_nonsense(call, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call(Stimulus([[1.0], [2.0]], dt=0.1))
