import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.recordings import tidy
from livn.run import Series


def test_series_keeps_what_it_is_given() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    series = Series([4, 2], values, dt=0.5, t0=10.0, sections=["soma", "dend"])
    values[0, 0] = 99.0
    assert series.values[0, 0] == 0.0
    assert series.values.dtype == np.float32
    assert series.duration == 1.5
    assert series.t.tolist() == [10.0, 10.5, 11.0]
    assert series.sections is not None
    assert series.sections.tolist() == ["soma", "dend"]
    assert repr(series) == "Series(2 x 3 @ 0.5 ms, t0=10 ms)"


def test_series_may_have_more_dimensions_and_missing_values() -> None:
    assert Series([0], np.zeros((1, 4, 2)), dt=1.0).duration == 4.0
    assert np.isnan(Series([0], [[np.nan]], dt=1.0).values).all()
    assert Series([], np.zeros((0, 4)), dt=1.0, sections=[]).sections is not None


def test_series_do_not_change() -> None:
    series = Series([4], [[1.0]], dt=0.5, sections=[0])
    for array in (series.ids, series.values, series.sections):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError, match="immutable"):
        series.dt = 1.0


def test_series_compare_and_pickle() -> None:
    series = Series([4, 4], [[1.0, np.nan], [0.0, 1.0]], dt=0.5, sections=["soma", "dend"])
    copy = pickle.loads(pickle.dumps(series))
    assert copy == series
    assert not copy.values.flags.writeable
    assert series != Series([4, 4], [[1.0, np.nan], [0.0, 1.0]], dt=0.5)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"values": [1.0, 2.0]}, ValueError, "one row per id"),
        ({"values": [[1.0]]}, ValueError, "one row per id"),
        ({"values": [[1.0], [1.0, 2.0]]}, ValueError, "equal length"),
        ({"values": [["a"], ["b"]]}, ValueError, "real numbers"),
        ({"values": [[1j], [2j]]}, ValueError, "real numbers"),
        ({"dt": 0.0}, ValueError, "dt"),
        ({"dt": np.nan}, ValueError, "dt"),
        ({"dt": "0.1"}, TypeError, "dt"),
        ({"t0": None}, TypeError, "t0"),
        ({"ids": [1.5, 2.0]}, TypeError, "ids"),
        ({"sections": ["soma"]}, ValueError, "sections must be one per id"),
        ({"sections": [0.5, 1.0]}, TypeError, "names or whole numbers"),
    ],
)
def test_nonsense_series(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Series(**{"ids": [0, 1], "values": [[1.0], [2.0]], "dt": 0.1, **arguments})


@given(st.floats(-1e16, 1e16))
def test_a_single_time_is_tidied_as_many_are(ms: float) -> None:
    assert tidy(ms) == tidy(np.array([ms]))[0]
