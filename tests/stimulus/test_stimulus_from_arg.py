from types import SimpleNamespace

import numpy as np
import pytest

from livn.stimulus import Stimulus

A = np.ones((3, 2))


def env(mode: str | None) -> SimpleNamespace:
    return SimpleNamespace(model=SimpleNamespace(input_mode=mode))


def test_what_from_arg_takes() -> None:
    stimulus = Stimulus.from_conductance(A)
    assert Stimulus.from_arg(None) is None
    assert Stimulus.from_arg(stimulus) is stimulus
    assert Stimulus.from_arg(A) == Stimulus(A)
    assert Stimulus.from_arg(A.tolist()) == Stimulus(A)
    assert Stimulus.from_arg((A,)) == Stimulus(A)
    assert Stimulus.from_arg((A, 0.5)) == Stimulus(A, 0.5)
    assert Stimulus.from_arg((A, 0.5, [3, 4], "conductance")) == Stimulus(A, 0.5, [3, 4], "conductance")
    assert Stimulus.from_arg({"array": A, "dt": 0.5, "note": 1}) == Stimulus(A, 0.5, note=1)
    assert Stimulus.from_arg({"array": stimulus}) == stimulus
    source = {"source": lambda a, b: np.zeros((round(b - a), 1)), "gids": [0], "extent": 3.0}
    assert Stimulus.from_arg(source).deferred  # type: ignore[union-attr]


def test_the_model_gives_the_default_mode() -> None:
    for x in (A, (A, 0.5), {"array": A}):
        assert Stimulus.from_arg(x, env("conductance")).input_mode == "conductance"  # type: ignore[union-attr]
        assert Stimulus.from_arg(x, env(None)).input_mode == "extracellular"  # type: ignore[union-attr]
    current = {"array": A, "input_mode": "current"}
    assert Stimulus.from_arg(current, env("conductance")) == Stimulus(A, input_mode="current")
    assert Stimulus.from_arg({"array": Stimulus(A)}, env("conductance")) == Stimulus(A)


def test_what_outlasts_the_run_is_announced() -> None:
    Stimulus.from_arg(A, duration=3.0)
    Stimulus.from_arg(A, duration=2.5)
    Stimulus.from_arg(np.pad(A, [(0, 5), (0, 0)]), duration=3.0)
    Stimulus.from_arg((A, 0.1), duration=0.1 + 0.2)
    with pytest.warns(RuntimeWarning, match="lasts 3 ms: what lies beyond the run's 2 ms is dropped") as caught:
        Stimulus.from_arg(A, duration=2.0)
    assert caught[0].filename == __file__
    source = Stimulus(source=lambda a, b: np.zeros((0, 1)), gids=[0], extent=9.0)
    Stimulus.from_arg(source, duration=9.0)
    with pytest.warns(RuntimeWarning, match="dropped"):
        Stimulus.from_arg(source, duration=8.0)


@pytest.mark.parametrize("x", ["pulse", 3, 1.5, True, object(), {1, 2}, (), (A,) * 20, {1: A}, Stimulus])
def test_nonsense_is_no_stimulus(x: object) -> None:
    with pytest.raises(ValueError, match=r"^Invalid stimulus"):
        Stimulus.from_arg(x)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.ones(3), ValueError, r"\[T, n\]"),
        ([], ValueError, r"\[T, n\]"),
        ((A, -1.0), ValueError, "dt"),
        ((A, 0.5, [1]), ValueError, "gids"),
        ({}, ValueError, "needs an array"),
        ({"array": A, "gid": [1, 2]}, TypeError, "did you mean 'gids'"),
        (((1.0, 2.0), (3.0, 4.0)), TypeError, "dt"),
    ],
)
def test_a_bad_stimulus_is_explained(x: object, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Stimulus.from_arg(x)


def test_nonsense_duration() -> None:
    with pytest.raises(ValueError, match="duration"):
        Stimulus.from_arg(A, duration=0)


def test_told_spikes_at_the_end_of_a_run_are_not_lost() -> None:
    for time in (9.0, 9.99, 10.0):
        Stimulus.from_arg(Stimulus.from_spikes({0: [time]}), duration=10.0)
    with pytest.warns(RuntimeWarning, match="dropped"):
        Stimulus.from_arg(Stimulus.from_spikes({0: [1.0, 10.025]}), duration=10.0)


@pytest.mark.parametrize(
    ("times", "error", "text"),
    [
        ({}, ValueError, "at least one cell"),
        ([1.0], TypeError, "mapping {gid: times in ms}"),
        ({0: [1.0], "a": [2.0]}, ValueError, "gids of times must be"),
        ({-1: [1.0]}, ValueError, "must not be negative"),
        ({0: [-1.0]}, ValueError, r"times\[0\] must be a list of times from 0"),
        ({0: [[1.0]]}, ValueError, r"times\[0\] must be a list of times from 0"),
        ({0: [1e30]}, ValueError, r"times\[0\] must be a list of times from 0"),
        ({0: [np.nan]}, ValueError, r"times\[0\] must be finite"),
        ({0: "soon"}, ValueError, r"times\[0\] must be an array of numbers"),
    ],
)
def test_nonsense_spikes(times: object, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Stimulus.from_spikes(times)  # type: ignore[arg-type]
