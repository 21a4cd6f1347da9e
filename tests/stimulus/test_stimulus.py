import pickle

import numpy as np
import pytest

from livn.stimulus import MODES, Stimulus

A = np.arange(6.0).reshape(3, 2)


def sine(start: float, stop: float) -> np.ndarray:
    t = np.arange(round(start / 0.5), round(stop / 0.5)) * 0.5
    return np.stack([np.sin(t), np.cos(t)], axis=1)


def deferred(**options: object) -> Stimulus:
    return Stimulus(**{"dt": 0.5, "gids": [4, 9], "source": sine, "extent": 20.0, **options})  # type: ignore[arg-type]


def test_attributes() -> None:
    stimulus = Stimulus(A, dt=0.5, gids=[3, 5], label="x")
    assert (stimulus.dt, stimulus.duration, stimulus.width, len(stimulus)) == (0.5, 1.5, 2, 2)
    assert (stimulus.input_mode, stimulus.units, stimulus.deferred) == ("extracellular", "mV", False)
    assert stimulus.gids is not None
    assert stimulus.gids.tolist() == [3, 5]
    assert stimulus.sections is not None
    assert stimulus.sections.tolist() == [0, 0]
    assert stimulus.extra == stimulus.meta_data == {"label": "x"}
    assert Stimulus(A).gids is Stimulus(A).sections is None
    assert Stimulus([[True, False]]).array.dtype == np.float64  # type: ignore[union-attr]


def test_factories() -> None:
    makers = {mode: getattr(Stimulus, f"from_{mode}") for mode in MODES if mode != "spikes"}
    made = [make(A) for make in makers.values()]
    assert [(s.input_mode, s.units, s.dt) for s in made] == [(mode, MODES[mode][0], 0.1) for mode in makers]
    assert Stimulus.from_current(A, 0.2, [1, 1], sections=[1, 0], note="n").extra == {"note": "n"}


@pytest.mark.parametrize("units", ["µS", "uS", "\N{GREEK SMALL LETTER MU}S"])
def test_units_have_one_spelling(units: str) -> None:
    assert Stimulus.from_conductance(A, units=units).units == "µS"
    assert {Stimulus.from_current_density(A, units=u).units for u in ("mA/cm²", "mA/cm2", "mA/cm^2")} == {"mA/cm²"}


def test_sections_count_the_occurrences_of_a_gid() -> None:
    stimulus = Stimulus(np.ones((1, 5)), gids=[2, 0, 2, 2, 0])
    assert stimulus.sections is not None
    assert stimulus.sections.tolist() == [0, 0, 1, 2, 1]


def test_iteration_and_array() -> None:
    columns = list(Stimulus(A, gids=[3, 3], sections=[1, 0]))
    assert [(gid, section, series.tolist()) for gid, section, series in columns] == [
        (3, 1, [0.0, 2.0, 4.0]),
        (3, 0, [1.0, 3.0, 5.0]),
    ]
    stimulus = Stimulus(A)
    assert np.asarray(stimulus) is stimulus.array
    copy = np.array(stimulus)
    copy[0, 0] = 9.0
    assert np.asarray(stimulus, dtype=np.float32).dtype == np.float32
    assert np.array_equal(stimulus, A)
    with pytest.raises(ValueError, match="without gids"):
        iter(stimulus)
    with pytest.raises(ValueError, match="must be copied"):
        stimulus.__array__(np.float32, copy=False)
    with pytest.raises(ValueError, match="rows must be made"):
        deferred().__array__(copy=False)


def test_a_stimulus_does_not_change() -> None:
    mine = A.copy()
    stimulus = Stimulus(mine, gids=[1, 2])
    mine[0, 0] = 77.0
    assert np.array_equal(stimulus, A)
    with pytest.raises(AttributeError, match="immutable"):
        stimulus.dt = -1.0
    with pytest.raises(ValueError, match="read-only"):
        stimulus.array[0, 0] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError):
        stimulus.extra["x"] = 1  # type: ignore[index]
    fixed = A.copy()
    fixed.flags.writeable = False
    assert Stimulus(fixed).array is fixed


def test_compares_pickles_and_copies() -> None:
    stimulus = Stimulus.from_conductance(A, gids=[1, 2], note=np.ones(2))
    copy = pickle.loads(pickle.dumps(stimulus))
    assert copy == stimulus == Stimulus(stimulus)
    assert not copy.array.flags.writeable
    assert Stimulus(stimulus, more=1).extra.keys() == {"note", "more"}
    assert stimulus != Stimulus.from_current(A, gids=[1, 2], note=np.ones(2))
    assert pickle.loads(pickle.dumps(deferred().expand([4, 6, 9]))).window(0, 1).shape == (2, 3)
    with pytest.raises(TypeError, match="takes all fields"):
        Stimulus(stimulus, gids=[1, 2])
    with pytest.raises(TypeError, match="takes all fields"):
        Stimulus.from_current(stimulus)  # type: ignore[arg-type]


def test_repr() -> None:
    assert repr(Stimulus(A, gids=[1, 1])) == "Stimulus(extracellular, 3 x 2 @ 1 ms, mV, 1 cells)"
    assert repr(deferred()) == "Stimulus(extracellular, deferred 40 x 2 @ 0.5 ms, mV, 2 cells)"


def test_deferred_rows_are_made_on_demand() -> None:
    asked = []

    def source(start: float, stop: float) -> np.ndarray:
        asked.append((start, stop))
        return sine(start, stop)

    stimulus = deferred(source=source)
    assert stimulus.array is None
    assert stimulus.deferred
    assert (stimulus.width, stimulus.duration, stimulus.extent) == (2, 20.0, 20.0)
    assert np.array_equal(stimulus.window(1.0, 2.0), sine(1.0, 2.0))
    assert stimulus.step_averages(0.25, 8, 4).shape == (4, 2)
    assert asked == [(1.0, 2.0), (2.0, 3.0)]
    assert np.array_equal(stimulus, sine(0.0, 20.0))
    dense = Stimulus(sine(0.0, 20.0), 0.5, [4, 9])
    assert np.array_equal(stimulus.step_averages(0.3, 0, 80), dense.step_averages(0.3, 0, 80))
    assert [gid for gid, _, _ in stimulus] == [4, 9]
    assert stimulus.resample(1.0) == dense.resample(1.0)


def test_window_is_zero_past_the_end() -> None:
    stimulus = Stimulus([[1.0], [2.0]], dt=0.1)
    assert stimulus.window(0.1, 0.4).tolist() == [[2.0], [0.0], [0.0]]
    assert stimulus.window(0.5, 0.7).tolist() == [[0.0], [0.0]]
    assert stimulus.window(0.1, 0.1).shape == (0, 1)
    assert deferred().window(19.5, 20.5).shape == (2, 2)


def test_expand_fills_with_zeros() -> None:
    stimulus = Stimulus(A, gids=[5, 2], note="n")
    full = stimulus.expand([1, 2, 3, 5])
    assert np.asarray(full).tolist() == [[0.0, 1.0, 0.0, 0.0], [0.0, 3.0, 0.0, 2.0], [0.0, 5.0, 0.0, 4.0]]
    assert (full.dt, full.extra["note"]) == (stimulus.dt, "n")
    sectioned = Stimulus(A, gids=[2, 2]).expand([1, 1, 2, 2], sections=[0, 1, 1, 0])
    assert np.asarray(sectioned)[1].tolist() == [0.0, 0.0, 3.0, 2.0]
    lazy = deferred().expand([9, 4, 1])
    assert lazy.deferred
    assert np.array_equal(lazy.window(0, 20), np.pad(sine(0, 20)[:, ::-1], [(0, 0), (0, 1)]))


def test_align_gids() -> None:
    assert Stimulus(A).align_gids([7, 8]) == Stimulus(A, gids=[7, 8])
    assert Stimulus.align_gids(Stimulus(A, gids=[7, 8]), [6, 7, 8]).width == 3
    with pytest.raises(ValueError, match="one per column, 2, got 3"):
        Stimulus(A).align_gids([1, 2, 3])


def test_dense_arrays_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    long, wide = deferred(extent=1e9), Stimulus(A, gids=[1, 2])
    monkeypatch.setenv("LIVN_MAX_STIMULUS_GB", "1e-6")
    for dense in (
        lambda: np.asarray(long),
        lambda: long.resample(1.0),
        lambda: long.to_array(),
        lambda: wide.expand(np.arange(1000)),
    ):
        with pytest.raises(MemoryError, match="LIVN_MAX_STIMULUS_GB = 1e-06"):
            dense()
    assert long.expand([4, 9, 10]).deferred
    monkeypatch.setenv("LIVN_MAX_STIMULUS_GB", "0")
    assert wide.expand(np.arange(1000)).width == 1000
    for bad in ("much", "-1", "nan"):
        monkeypatch.setenv("LIVN_MAX_STIMULUS_GB", bad)
        with pytest.raises(ValueError, match="LIVN_MAX_STIMULUS_GB must be a number"):
            wide.expand([1, 2])
    monkeypatch.delenv("LIVN_MAX_STIMULUS_GB")
    with pytest.raises(MemoryError):
        np.asarray(long)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"array": None}, ValueError, "needs an array"),
        ({"array": [1.0, 2.0]}, ValueError, r"reshape\(-1, 1\)"),
        ({"array": np.zeros((2, 2, 2))}, ValueError, r"\[T, n\]"),
        ({"array": []}, ValueError, r"\[T, n\]"),
        ({"array": np.zeros((0, 2))}, ValueError, r"\[T, n\]"),
        ({"array": np.zeros((2, 0))}, ValueError, r"\[T, n\]"),
        ({"array": [[1.0], [1.0, 2.0]]}, ValueError, "equal length"),
        ({"array": [["a"]]}, ValueError, "real numbers"),
        ({"array": [[1j]]}, ValueError, "real numbers"),
        ({"array": [[0.0, 0.0], [0.0, np.nan]]}, ValueError, "nan in row 1, column 1"),
        ({"array": [[np.inf]]}, ValueError, "finite"),
        ({"dt": 0}, ValueError, "dt"),
        ({"dt": -0.1}, ValueError, "dt"),
        ({"dt": np.nan}, ValueError, "dt"),
        ({"dt": "0.1"}, TypeError, "dt"),
        ({"gids": [1]}, ValueError, "one per column, 2, got 1"),
        ({"gids": [1, -2]}, ValueError, "negative"),
        ({"gids": [1.0, 2.0]}, TypeError, "whole numbers"),
        ({"gids": [[1, 2]]}, ValueError, r"\[n\]"),
        ({"sections": [0, 1]}, ValueError, "sections go with gids"),
        ({"gids": [1, 1], "sections": [0]}, ValueError, "sections must be one per column"),
        ({"gids": [1, 1], "sections": [0, 0]}, ValueError, "2 of gid 1, section 0"),
        ({"gids": [1, 1], "sections": [0, -1]}, ValueError, "negative"),
        ({"gids": [1, 1], "sections": ["soma", "dend"]}, ValueError, "sections"),
        (
            {"input_mode": "light"},
            ValueError,
            "legal: extracellular, current, current_density, conductance, irradiance",
        ),
        ({"input_mode": "curent"}, ValueError, "did you mean 'current'"),
        ({"input_mode": None}, ValueError, "input_mode"),
        ({"units": "nA"}, ValueError, "units for extracellular 'nA'; legal: mV"),
        ({"units": 3}, ValueError, "units for extracellular"),
        ({"gid": [1, 2]}, TypeError, "did you mean 'gids'"),
        ({"extent": 3.0}, ValueError, "extent goes with source"),
        ({"source": sine}, ValueError, "needs source, gids and extent"),
        ({"array": None, "source": sine, "extent": 3.0}, ValueError, "needs source, gids and extent"),
        ({"array": None, "source": sine, "gids": [1, 2]}, ValueError, "needs source, gids and extent"),
        ({"array": None, "source": 3, "gids": [1, 2], "extent": 3.0}, TypeError, "source must be a function"),
        ({"array": None, "source": sine, "gids": [1, 2], "extent": 3.5}, ValueError, "extent must be a multiple"),
        ({"array": None, "source": sine, "gids": [1, 2], "extent": 0}, ValueError, "extent"),
        ({"array": None, "source": sine, "gids": [], "extent": 3.0}, ValueError, "at least 1"),
    ],
)
def test_nonsense(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Stimulus(**{"array": A, **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([1, 2],), ValueError, r"lacks columns of the stimulus, \(gid, section\): \[\(5, 0\)\]"),
        (([5, 5, 2], [0, 0, 0]), ValueError, "one column, got 2"),
        (([],), ValueError, "gids"),
        ((None,), ValueError, "gids"),
        (([5, 2], [0]), ValueError, "sections"),
    ],
)
def test_nonsense_expand(arguments: tuple, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Stimulus(A, gids=[5, 2]).expand(*arguments)


def test_expand_needs_gids() -> None:
    with pytest.raises(ValueError, match="align_gids"):
        Stimulus(A).expand([1, 2])


@pytest.mark.parametrize("rows", [np.zeros((2, 2)), np.zeros(2), None, np.full((4, 2), np.nan)])
def test_a_source_that_gives_nonsense(rows: object) -> None:
    with pytest.raises(ValueError, match=r"source\(0, 2\)"):
        deferred(source=lambda a, b: rows).window(0, 2)
