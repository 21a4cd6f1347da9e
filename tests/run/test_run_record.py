"""A run: what it holds, its windows and parts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from livn import run as module
from livn.run import Events, Run, Series
from tests.run.helpers import example


def test_module_exports() -> None:
    assert module.__all__ == ["Events", "Run", "Series"]


def test_run_is_also_a_tuple_of_six() -> None:
    run = example()
    it, t, iv, v, im, mp = run
    assert it is run.spike_ids
    assert t is run.spike_times
    assert iv is run.voltage_ids
    assert v is run.voltage
    assert im is run.current_ids
    assert mp is run.current
    assert len(run) == 6
    assert run[0] is it
    assert run[-1] is mp
    assert len(run[1:3]) == 2
    with pytest.raises(IndexError):
        run[6]
    with pytest.raises(TypeError):
        run[None]


def test_run_by_attribute_and_by_name() -> None:
    run = example(t0=500.0)
    assert run.t1 == 600.0
    assert run.spike_ids is not None
    assert run.spike_ids.tolist() == [2, 1, 3]
    assert run.voltage_dt == 0.1
    assert run.current_dt == 1.0
    assert run.voltage_sections is not None
    assert run.sections("membrane_current") is None
    assert run["spikes"] is run.spikes is run.channel("spikes")
    assert "voltage" in run
    assert "speed" not in run
    assert 3 not in run
    assert run.values("spikes") is run.spike_times
    assert run.ids("voltage") is run.voltage_ids
    assert list(run.channels) == ["spikes", "voltage", "membrane_current"]
    with pytest.raises(KeyError, match="did you mean 'voltage'"):
        run["voltages"]


def test_what_was_not_recorded_is_none() -> None:
    run = Run()
    assert tuple(run) == (None,) * 6
    assert run.t1 is run.voltage_dt is run.current_dt is run.voltage_sections is run.spikes is None
    assert run.channel("x") is run.ids("x") is run.values("x") is run.sections("x") is None
    silent = run.add_spikes([], [])
    assert silent.spike_ids is not None
    assert silent.spike_ids.size == 0


def test_run_does_not_change() -> None:
    channels = {"spikes": Events([1], [2.0])}
    run = Run(channels)
    channels["other"] = Events([], [])
    assert "other" not in run
    for name in ("t0", "spikes", "anything"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(run, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        del run.t0
    with pytest.raises(TypeError):
        run.channels["x"] = channels["spikes"]  # type: ignore[index]
    with pytest.raises(TypeError, match="unhashable"):
        hash(run)


def test_run_compares_and_pickles() -> None:
    run = example()
    copy = pickle.loads(pickle.dumps(run))
    assert copy == run
    assert not copy.voltage.flags.writeable
    with pytest.raises(AttributeError):
        copy.t0 = 1.0
    assert run != run.drop_spikes()
    assert run != example(t0=1.0)


def test_repr() -> None:
    text = "Run(t0=0 ms, duration=100 ms: spikes 3, voltage 2 x 1000 @ 0.1 ms, membrane_current 2 x 100 @ 1 ms)"
    assert repr(example()) == text
    assert repr(Run()) == "Run(t0=0 ms, duration=unknown: no channels)"


def test_add_decides_between_events_and_series() -> None:
    run = Run(t0=5.0, duration=10.0)
    assert isinstance(run.add("a", [0], [1.0])["a"], Events)
    assert isinstance(run.add("a", [0, 1], np.zeros((2, 5)))["a"], Series)
    assert run.add("a", [0, 1], np.zeros((2, 5)))["a"].dt == 2.0
    assert run.add("a", [0, 1], np.zeros((2, 5)), dt=0.5, t0=7.0)["a"].t0 == 7.0
    assert run.add("a", [0, 1], [[1.0], [np.inf]], padded=True)["a"].padded
    assert run.add("a", [0], [1.0])["a"].duration == 10.0
    assert run.add("a", [0], [1.0]).add("a", [5, 5], [1.0, 2.0]).ids("a").tolist() == [5, 5]  # type: ignore[union-attr]


def test_add_gives_an_empty_run_its_window() -> None:
    run = Run().add("spikes", [0], [1.0], t0=50.0, duration=10.0)
    assert (run.t0, run.duration) == (50.0, 10.0)


def test_nothing_is_added_for_none() -> None:
    run = Run()
    assert run.add_spikes(None, None) is run
    assert run.add_voltage(None, None) is run
    assert run.add_current(None, None, dt=0.1) is run
    with pytest.raises(ValueError, match="got ids alone"):
        run.add_spikes([1], None)


def test_drop() -> None:
    run = example()
    assert list(run.drop_spikes().drop_voltage().drop_current().channels) == []
    assert run.drop("nothing") == run
    assert "voltage" in run


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"channels": []}, TypeError, "channels must be a mapping"),
        ({"channels": {"x": [1]}}, TypeError, "must be Events or Series"),
        ({"channels": {"spikes": Series([0], [[1.0]], 1.0)}}, TypeError, "must be Events"),
        ({"channels": {"voltage": Events([], [])}}, TypeError, "must be Series"),
        ({"channels": {3: Events([], [])}}, TypeError, "non-empty string"),
        ({"channels": {"x": Events([], [], t0=1.0)}}, ValueError, "not of the run's window"),
        ({"channels": {"x": Events([], [], duration=9.0)}, "duration": 10.0}, ValueError, "not of the run's window"),
        ({"channels": {"x": Events([1], [10.0])}, "duration": 10.0}, ValueError, "times must lie"),
        ({"channels": {"x": Series([0], [[1.0]], 1.0)}, "t0": 5.0}, ValueError, "does not lie in the run"),
        ({"channels": {"x": Series([0], [[1.0] * 9], 1.0)}, "duration": 5.0}, ValueError, "does not lie in the run"),
        ({"t0": "x"}, TypeError, "t0"),
        ({"duration": -1.0}, ValueError, "duration"),
        ({"duration": np.nan}, ValueError, "duration"),
    ],
)
def test_nonsense_run(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Run(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"kind": "spike"}, ValueError, "unknown kind 'spike'"),
        ({"name": 3}, TypeError, "name of a channel"),
        ({"values": [[1.0]]}, ValueError, "dt must be given"),
        ({"values": [[1.0]], "dt": 0.1, "padded": True}, ValueError, "padded must be False"),
        ({"values": [[1.0]], "dt": 0.1, "duration": 5.0}, ValueError, "duration must be that of the samples"),
        ({"dt": 0.1, "kind": "events"}, ValueError, "events have no dt"),
        ({"sections": [0]}, ValueError, "events have no sections"),
        ({"t0": "x"}, TypeError, "t0"),
        ({"duration": "x"}, TypeError, "duration"),
        ({"values": [[1], [1, 2]]}, ValueError, "values must be"),
    ],
)
def test_nonsense_add(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        Run().add(**{"name": "x", "ids": [0], "values": [1.0], **arguments})


def test_slice_rebases_times() -> None:
    part = example(t0=1000.0).slice(10, 50)
    assert (part.t0, part.duration) == (1010.0, 40.0)
    assert part.spike_ids is not None
    assert part.spike_times is not None
    assert part.spike_ids.tolist() == [1]  # the one at 50 opens the next window
    assert part.spike_times.tolist() == [0.0]
    assert part.voltage is not None
    assert part.voltage[0, [0, -1]].tolist() == [100.0, 499.0]
    assert part["voltage"].t0 == 1010.0
    assert part.current is not None
    assert part.current.shape == (2, 40)
    assert example().slice() == example()


def test_slice_cuts_end_sampled_series_into_half_open_windows() -> None:
    weights = np.arange(1.0, 6.0)[None]
    run = Run(t0=10.0, duration=5.0).add("weights", [0], weights, dt=1.0, t0=11.0)
    parts = [run.slice(a, b)["weights"] for a, b in [(0, 2), (2, 5)]]
    assert [p.values[0].tolist() for p in parts] == [[1.0, 2.0], [3.0, 4.0, 5.0]]
    assert parts[1].t.tolist() == [13.0, 14.0, 15.0]
    assert run.slice(0, 2).concat(run.slice(2)) == run


def test_slice_of_a_late_series() -> None:
    run = Run(duration=10.0).add("x", [0], np.arange(5.0)[None], dt=1.0, t0=5.0)
    assert run.slice(0, 7)["x"].t.tolist() == [5.0, 6.0]
    assert run.slice(7)["x"].values.tolist() == [[2.0, 3.0, 4.0]]


def test_slice_of_padded_events() -> None:
    run = Run(duration=10.0).add_spikes([1, 2], [[1.0, 6.0], [5.0, np.inf]], padded=True)
    part = run.slice(5)
    assert part.spikes is not None
    assert part.spikes.times.tolist() == [[np.inf, 1.0], [0.0, np.inf]]
    assert part.spike_ids is not None
    assert part.spike_ids.tolist() == [2, 1]


def test_slice_without_a_known_end() -> None:
    run = Run().add_spikes([1, 2], [1.0, 30.0])
    assert run.slice(10).spike_ids.tolist() == [2]  # type: ignore[union-attr]
    assert run.slice(10).duration is None


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((0.05, 50), ValueError, "does not align"),
        ((0, 50.5), ValueError, "does not align"),
        ((-1, 50), ValueError, "start"),
        ((0, 101), ValueError, "at most the run's duration"),
        ((50, 50), ValueError, "later than start"),
        ((60, 50), ValueError, "later than start"),
        (("a", 50), TypeError, "start"),
        ((0, np.nan), ValueError, "stop"),
    ],
)
def test_nonsense_slice(arguments: tuple, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        example().slice(*arguments)


def test_select_by_gid_and_population() -> None:
    run, ranges = example(), {"EXC": (0, 3), "INH": (3, 1)}
    for picked in (
        run.select(3),
        run.select([3]),
        run.select({3, 77}),
        run.select(population="INH", population_ranges=ranges),
    ):
        assert picked.spike_ids is not None
        assert picked.spike_ids.tolist() == [3]
        assert picked.voltage is not None
        assert picked.voltage.tolist() == [run[3][1].tolist()]
        assert picked.voltage_sections is not None
        assert len(picked.voltage_sections) == 1
    both = run.select([1, 3], population=["EXC"], population_ranges=ranges)
    assert both.voltage_ids is not None
    assert both.voltage_ids.tolist() == [1]
    assert run.select() == run
    assert run.select([]).spike_ids.tolist() == []  # type: ignore[union-attr]
    padded = Run(duration=9.0).add_spikes([1, 2], [[1.0], [2.0]], padded=True).select(2).spikes
    assert padded is not None
    assert padded.times.tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"population": "EXC"}, ValueError, "population needs population_ranges"),
        ({"population": "EXCI", "population_ranges": {"EXC": (0, 3)}}, ValueError, "did you mean 'EXC'"),
        ({"population": 3, "population_ranges": {"EXC": (0, 3)}}, TypeError, "population"),
        ({"gids": 1.5}, TypeError, "gids must be whole numbers"),
        ({"gids": "all"}, ValueError, "gids"),
        ({"gids": [-1]}, ValueError, "negative"),
    ],
)
def test_nonsense_select(arguments: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        example().select(**arguments)
