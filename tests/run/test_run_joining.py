"""Runs put together: one after the other, and of several MPI ranks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.run import Events, Run
from tests.run.helpers import example


@given(st.lists(st.integers(1, 999), max_size=5), st.lists(st.integers(0, 3999), max_size=30), st.floats(0, 1e6))
def test_parts_make_the_whole(cuts: list[int], stamps: list[int], t0: float) -> None:
    values = np.random.default_rng(len(cuts)).normal(size=(3, 1000))
    run = Run(t0=t0, duration=100.0).add_spikes(np.arange(len(stamps)), np.array(stamps) * 0.025)
    run = run.add_voltage([0, 1, 2], values, dt=0.1)
    bounds = [0, *sorted(set(cuts)), 1000]
    whole = Run()
    for a, b in itertools.pairwise(bounds):
        whole = whole.concat(run.slice(a * 0.1, b * 0.1))
    assert whole.duration == pytest.approx(100.0)
    assert np.array_equal(whole.voltage, values)
    assert np.array_equal(whole.spike_ids, run.spike_ids)
    assert whole.spike_times == pytest.approx(run.spike_times, abs=1e-6)


def test_concat_keeps_absolute_times() -> None:
    whole = example(0.0).concat(example(100.0))
    assert whole.duration == 200.0
    assert whole.spike_times is not None
    assert whole.spike_times.tolist() == [0.0, 10.0, 50.0, 100.0, 110.0, 150.0]
    assert whole.voltage is not None
    assert whole.voltage.shape == (2, 2000)


def test_concat_of_overlapping_runs_follows_on() -> None:
    whole = example(50.0).concat(example(0.0))
    assert (whole.t0, whole.duration) == (50.0, 200.0)
    assert whole.spike_times is not None
    assert whole.spike_times.tolist() == [0.0, 10.0, 50.0, 100.0, 110.0, 150.0]
    assert whole.voltage is not None
    assert whole.voltage.shape == (2, 2000)


def test_concat_over_a_gap_works_for_events_alone() -> None:
    first, second = example().drop_voltage().drop_current(), example(150.0).drop_voltage().drop_current()
    whole = first.concat(second)
    assert whole.duration == 250.0
    assert whole.spike_times is not None
    assert whole.spike_times.tolist() == [0.0, 10.0, 50.0, 150.0, 160.0, 200.0]


def test_concat_of_padded_events() -> None:
    first = Run(duration=10.0).add_spikes([1, 2], [[1.0], [np.inf]], padded=True)
    second = Run(t0=10.0, duration=10.0).add_spikes([1, 2], [[np.inf, np.inf], [3.0, 4.0]], padded=True)
    whole = first.concat(second).spikes
    assert whole is not None
    assert whole.times.tolist() == [[1.0, np.inf, np.inf], [np.inf, 13.0, 14.0]]
    loose = Run(t0=10.0, duration=10.0).add_spikes([5], [2.0])
    assert first.concat(loose).spikes == Events([1, 5], [1.0, 12.0], 0.0, 20.0)


def test_rounding_never_pushes_a_spike_out_of_the_window() -> None:
    first = Run(duration=0.7).add_spikes([], [])
    second = Run(t0=0.7, duration=0.1).add_spikes([0], [np.nextafter(0.1, 0)])
    whole = first.concat(second)
    assert whole.spike_times is not None
    assert whole.spike_times[0] < whole.duration  # type: ignore[operator]


@pytest.mark.parametrize(
    ("other", "error", "text"),
    [
        (3, TypeError, "needs a Run"),
        (None, TypeError, "needs a Run"),
        (example(150.0), ValueError, "gap of 50 ms"),
        (example(100.0).drop_spikes(), ValueError, "channels spikes"),
        (
            example(100.0).drop_voltage().add_voltage([1, 3], np.zeros((2, 100)), sections=["soma"] * 2),
            ValueError,
            "dt",
        ),
        (example(100.0).select([1]), ValueError, "2 rows and 1"),
        (example(100.0).add_voltage([1, 3], np.zeros((2, 1000))), ValueError, "different sections"),
        (example(100.0).add_voltage([1, 3], np.zeros((2, 1000, 2))), ValueError, "differ in shape"),
    ],
)
def test_nonsense_concat(other: Run, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        example().concat(other)


def test_concat_needs_an_end_and_one_kind() -> None:
    with pytest.raises(ValueError, match="where the first run ends"):
        Run().add_spikes([1], [1.0]).concat(Run(t0=5.0).add_spikes([], []))
    with pytest.raises(ValueError, match="is Events in one run and Series"):
        Run(duration=1.0).add("x", [], []).concat(Run(t0=1.0, duration=1.0).add("x", [], np.zeros((0, 2))))


def part_of(gids: list[int]) -> Run:
    rows = np.array(gids, dtype=float)[:, None] * np.ones((1, 10))
    return Run(t0=5.0, duration=10.0).add_spikes(gids, [1.0] * len(gids)).add_voltage(gids, rows, dt=1.0)


def test_merge_does_not_depend_on_the_order() -> None:
    a, b = part_of([0, 2, 4]), part_of([1, 3])
    assert a.merge(b) == b.merge(a) == part_of([0, 1, 2, 3, 4])
    assert a.merge(part_of([])) == a
    assert a.drop_spikes().merge(b).spike_ids.tolist() == [1, 3]  # type: ignore[union-attr]


def test_merge_keeps_sections_apart() -> None:
    def rows(gid: int, *names: str) -> Run:
        return Run(duration=2.0).add_voltage([gid] * len(names), np.zeros((len(names), 2)), sections=list(names))

    whole = rows(3, "soma", "dend").merge(rows(1, "soma"))
    assert whole.voltage_ids is not None
    assert whole.voltage_ids.tolist() == [1, 3, 3]
    assert whole.voltage_sections is not None
    assert whole.voltage_sections.tolist() == ["soma", "soma", "dend"]
    assert len(rows(3, "soma").merge(rows(3, "dend"))["voltage"].ids) == 2
    empty = Run(duration=2.0).add_voltage([], np.zeros((0, 2)))
    assert empty.merge(rows(3, "soma")) == rows(3, "soma") == rows(3, "soma").merge(empty)
    with pytest.raises(ValueError, match="only one of the 'voltage' series has sections"):
        rows(3, "soma").merge(Run(duration=2.0).add_voltage([1], np.zeros((1, 2))))


def test_merge_of_padded_events() -> None:
    a = Run(duration=9.0).add_spikes([1], [[1.0]], padded=True)
    b = Run(duration=9.0).add_spikes([2], [[2.0, 3.0]], padded=True)
    whole = a.merge(b).spikes
    assert whole is not None
    assert whole.padded
    assert whole.times.tolist() == [[1.0, np.inf], [2.0, 3.0]]
    assert a.merge(Run(duration=9.0).add_spikes([0], [1.0])).spikes == Events([0, 1], [1.0, 1.0], duration=9.0)


@pytest.mark.parametrize(
    ("other", "error", "text"),
    [
        ({}, TypeError, "needs a Run"),
        (Run(t0=6.0, duration=10.0), ValueError, "same window"),
        (Run(t0=5.0, duration=11.0), ValueError, "same window"),
        (part_of([2]), ValueError, "the row of 2"),
        (Run(t0=5.0, duration=10.0).add_voltage([1], np.zeros((1, 5))), ValueError, "differ in dt"),
        (Run(t0=5.0, duration=10.0).add_voltage([1], np.zeros((1, 5)), dt=1.0), ValueError, "cover different times"),
    ],
)
def test_nonsense_merge(other: Run, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        part_of([0, 2]).merge(other)


class Comm:
    """What gather uses of an MPI communicator."""

    def __init__(self, parts: list[Run] | None) -> None:
        self.parts = parts

    def Get_size(self) -> int:
        return 3

    def gather(self, run: Run, root: int) -> list[Run] | None:
        return self.parts


def test_gather_merges_on_root() -> None:
    run = part_of([0])
    assert run.gather() is run
    assert run.gather(Comm([run])) == run
    assert run.gather(Comm([run, part_of([2]), part_of([1])])) == part_of([0, 1, 2])
    assert run.gather(Comm(None)) is None
    with pytest.raises(TypeError, match="root"):
        run.gather(root="0")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 to 2, got 3"):
        run.gather(Comm(None), root=3)
    for bad in ("world", 4, object):
        with pytest.raises(TypeError, match="comm must be an MPI communicator or None"):
            run.gather(bad)
