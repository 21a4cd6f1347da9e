import functools
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.run import Events

INF = np.inf


def rectangle() -> Events:
    return Events([4, 7, 9], [[3.0, 1.0], [INF, INF], [1.0, INF]], t0=10.0, duration=5.0, padded=True)


def test_events_are_sorted_by_time_then_id() -> None:
    events = Events([3, 2, 1], [5.0, 1.0, 1.0])
    assert events.ids.tolist() == [1, 2, 3]
    assert events.times.tolist() == [1.0, 1.0, 5.0]
    assert events.ids.dtype == np.int64
    assert events.times.dtype == np.float64


def test_events_may_be_empty() -> None:
    events = Events([], [], duration=100)
    assert len(events) == 0
    assert events.ids.dtype == np.int64
    assert events.raster(1.0, n_cells=2).shape == (2, 101)
    assert events.raster(1.0).shape == (0, 101)


def test_events_do_not_change() -> None:
    times = np.array([1.0, 2.0])
    events = Events([0, 1], times)
    times[0] = 50.0
    assert events.times[0] == 1.0
    with pytest.raises(AttributeError, match="immutable"):
        events.times = times
    with pytest.raises(AttributeError, match="immutable"):
        del events.ids
    for array in (events.ids, events.times):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_events_copy_only_what_somebody_could_change() -> None:
    times = np.array([1.0, 2.0])
    times.flags.writeable = False
    assert Events([0, 1], times).times is times
    base = np.array([1.0, 2.0, 3.0])
    view = base[:2]
    view.flags.writeable = False
    events = Events([0, 1], view)
    base[0] = 2.0
    assert events.times[0] == 1.0


def test_events_compare_and_pickle() -> None:
    events = Events([0, 1], [1.0, 2.0], 5.0, 10.0)
    copy = pickle.loads(pickle.dumps(events))
    assert copy == events
    assert not copy.times.flags.writeable
    assert events != Events([0, 1], [1.0, 2.5], 5.0, 10.0)
    assert events != "events"


def test_raster_has_both_ends() -> None:
    grid = Events([0, 2, 0], [0.0, 0.3, 0.9], duration=1.0).raster(0.1)
    assert grid.shape == (3, 11)
    assert np.argwhere(grid).tolist() == [[0, 0], [0, 9], [2, 3]]
    assert Events([0, 2], [0.0, 0.3]).raster(0.1, n_cells=5, steps=2).sum() == 1


def test_padded_events_compact_and_raster() -> None:
    events = rectangle()
    assert events.fired.tolist() == [[True, True], [False, False], [True, False]]
    assert len(events) == 3
    compact = events.compact()
    assert compact == Events([4, 9, 4], [1.0, 1.0, 3.0], 10.0, 5.0)
    assert compact.compact() is compact
    assert np.array_equal(events.raster(0.5), compact.raster(0.5))


def test_a_batch_has_no_ragged_form() -> None:
    batch = Events([4, 7], [[[1.0], [INF]], [[2.0], [0.0]]], duration=3.0, padded=True)
    with pytest.raises(ValueError, match="no ragged form"):
        batch.compact()
    grid = batch.raster(1.0, n_cells=8)
    assert grid.shape == (2, 8, 4)
    assert np.argwhere(grid).tolist() == [[0, 4, 1], [1, 4, 2], [1, 7, 0]]


def test_frame_and_repr() -> None:
    frame = Events([3, 2], [5.0, 1.0], duration=10.0).to_frame()
    assert frame.to_dict("list") == {"id": [2, 3], "time": [1.0, 5.0]}
    assert repr(Events([3], [5.0], 2.0, 10.0)) == "Events(1 events, t0=2 ms, duration=10 ms)"
    assert repr(rectangle()) == "Events(padded 3 x 2, 3 events, t0=10 ms, duration=5 ms)"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"ids": [0.5], "times": [1.0]}, TypeError, "ids must be whole numbers"),
        ({"ids": [True], "times": [1.0]}, TypeError, "ids must be whole numbers"),
        ({"ids": ["a"], "times": [1.0]}, ValueError, "ids must be an array"),
        ({"ids": [-1], "times": [1.0]}, ValueError, "must not be negative"),
        ({"ids": [[1]], "times": [1.0]}, ValueError, r"\[n\]"),
        ({"ids": [1, 2], "times": [1.0]}, ValueError, "one per id"),
        ({"ids": [1], "times": ["x"]}, ValueError, "times must be an array"),
        ({"ids": [1, 2], "times": [[1], [1, 2]]}, ValueError, "equal length"),
        ({"ids": [1], "times": [np.nan]}, ValueError, "times must lie"),
        ({"ids": [1], "times": [INF]}, ValueError, "times must lie"),
        ({"ids": [1], "times": [-0.1]}, ValueError, "times must lie"),
        ({"ids": [1], "times": [10.0], "duration": 10.0}, ValueError, r"\[0, 10\) ms"),
        ({"ids": [1], "times": [1.0], "duration": -1}, ValueError, "duration"),
        ({"ids": [1], "times": [1.0], "duration": "x"}, TypeError, "duration"),
        ({"ids": [1], "times": [1.0], "t0": INF}, ValueError, "t0"),
        ({"ids": [1], "times": [1.0], "padded": 1}, TypeError, "padded"),
        ({"ids": [1], "times": [1.0], "padded": True}, ValueError, r"\[..., 1, k\]"),
        ({"ids": [1], "times": [[np.nan]], "padded": True}, ValueError, "times must lie"),
        ({"ids": [1], "times": [[-INF]], "padded": True}, ValueError, "times must lie"),
    ],
)
def test_nonsense_events(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Events(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"dt": 0}, ValueError, "dt"),
        ({"dt": None}, TypeError, "dt"),
        ({"dt": 1.0}, ValueError, "raster needs steps"),
        ({"dt": 1.0, "steps": 5, "n_cells": 3}, ValueError, "largest id, 3, got 3"),
        ({"dt": 1.0, "steps": -1}, ValueError, "steps"),
        ({"dt": 1.0, "steps": 2.0}, TypeError, "steps"),
    ],
)
def test_nonsense_raster(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Events([3], [1.0]).raster(**arguments)


@given(
    st.lists(st.lists(st.floats(0, 99.9), max_size=4), min_size=1, max_size=5),
)
def test_padding_loses_nothing(trains: list[list[float]]) -> None:
    k = max(map(len, trains)) or 1
    padded = Events(
        np.arange(len(trains)), [t + [INF] * (k - len(t)) for t in trains], duration=100, padded=True
    ).compact()
    assert padded == Events(
        [i for i, t in enumerate(trains) for _ in t], functools.reduce(operator.iadd, trains, []), duration=100
    )
