"""Runs as Neo blocks: times, units, counts, who belongs to what, and through a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import neo
import numpy as np
import pytest
import quantities as pq

from livn import make
from livn.env import Env
from livn.interop import to_neo
from livn.io import IO, MEA, ComposedIO
from livn.policy import BiphasicPulsePolicy, MonophasicPulsePolicy, Policy, PulseSweepPolicy
from livn.run import Run
from livn.system import System

# channel 9 hears the cells 0 and 1, channel 4 the cells 1 and 2, channel 6 none
ELECTRODES = [[9, 0.0, 0.0, 5.0], [4, 100.0, 0.0, 5.0], [6, 5000.0, 0.0, 5.0]]


def culture(io: IO | None = None) -> Env:
    """Three excitatory cells and an inhibitory one in a row, 50 µm apart but for the last."""
    places = [[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [100.0, 0.0, 0.0], [900.0, 0.0, 0.0]]
    system = System.from_arrays({"EXC": 3, "INH": 1}, places, name="row")
    return Env(system, io=MEA(ELECTRODES, 250.0, 70.0) if io is None else io, threads=1)


def recorded() -> Run:
    """Five spikes of three cells, all voltages of two cells, the currents of two; from 1000 ms on."""
    rng = np.random.default_rng(0)
    run = Run(t0=1000.0, duration=20.0).add_spikes([2, 0, 1, 0, 3], [0.0, 1.5, 2.5, 7.025, 19.975])
    run = run.add_voltage([1, 1, 3], rng.normal(-60.0, 5.0, (3, 40)), 0.5, sections=["soma", "dend", "soma"])
    return run.add_current([0, 0, 2, 2], rng.normal(0.0, 1e-3, (4, 200)), 0.1)


def segment_of(block: Any) -> Any:
    """The one segment."""
    assert isinstance(block, neo.Block)
    assert len(block.segments) == 1
    return block.segments[0]


def named(objects: Any, name: str) -> Any:
    """The one object of a name."""
    (found,) = (o for o in objects if o.name == name)
    return found


# Trains


def test_a_train_for_every_cell() -> None:
    with culture() as env:
        segment = segment_of(to_neo(recorded(), env))
    trains = segment.spiketrains
    assert [t.annotations["gid"] for t in trains] == [0, 1, 2, 3]
    assert [t.rescale("ms").magnitude.tolist() for t in trains] == [[1001.5, 1007.025], [1002.5], [1000.0], [1019.975]]
    for train in trains:
        assert (train.units, train.t_start, train.t_stop) == (pq.ms, 1000.0 * pq.ms, 1020.0 * pq.ms)
    assert [t.annotations["population"] for t in trains] == ["EXC", "EXC", "EXC", "INH"]
    assert [t.annotations["channel_ids"] for t in trains] == [[9], [9, 4], [4], []]
    assert trains[1].annotations["position"].units == pq.um
    assert trains[1].annotations["position"].magnitude.tolist() == [50.0, 0.0, 0.0]
    assert trains[1].name == "unit 1"
    assert float(segment.t_start.rescale("s")) == 1.0


def test_silent_cells_have_empty_trains() -> None:
    with culture() as env:
        block = to_neo(Run(t0=3.0, duration=5.0).add_spikes([], []), env)
    assert [(len(t), float(t.t_start), float(t.t_stop)) for t in segment_of(block).spiketrains] == [(0, 3.0, 8.0)] * 4
    assert not segment_of(block).analogsignals


def test_only_some_units() -> None:
    run = recorded().select(gids=[0, 2])
    with culture() as env:
        assert [t.annotations["gid"] for t in segment_of(to_neo(run, env, units=np.array([2, 0]))).spiketrains] == [
            0,
            2,
        ]
        assert len(segment_of(to_neo(run, env, units=[0, 1, 2])).spiketrains) == 3
        with pytest.raises(ValueError, match="every cell that fired in the run; cell 2 is missing"):
            to_neo(run, env, units=[0, 1])


# Signals


def test_field_potentials() -> None:
    run = recorded()
    with culture() as env:
        block = to_neo(run, env)
        expected = env.potential_recording(run.current, ids=run.current_ids)
    signal = named(segment_of(block).analogsignals, "field potential")
    assert (signal.shape, signal.units) == ((200, 3), pq.uV)
    assert np.array_equal(signal.magnitude, expected.T)
    assert (signal.t_start, signal.sampling_period) == (1000.0 * pq.ms, 0.1 * pq.ms)
    assert float(signal.t_stop.rescale("ms")) == pytest.approx(1020.0)
    assert signal.array_annotations["channel_id"].tolist() == [9, 4, 6]
    for column, channel in enumerate((9, 4, 6)):
        (view,) = named(block.groups, f"channel {channel}").channelviews
        assert np.array_equal(view.resolve().magnitude[:, 0], expected[column])


def test_voltages() -> None:
    run = recorded()
    with culture() as env:
        block = to_neo(run, env)
    signal = named(segment_of(block).analogsignals, "membrane potential")
    assert (signal.shape, signal.units) == ((40, 3), pq.mV)
    assert np.array_equal(signal.magnitude, run.voltage.T)
    assert (signal.t_start, signal.sampling_rate.rescale("Hz")) == (1000.0 * pq.ms, 2000.0 * pq.Hz)
    assert signal.array_annotations["gid"].tolist() == [1, 1, 3]
    assert signal.array_annotations["section"].tolist() == ["soma", "dend", "soma"]
    (view,) = named(block.groups, "unit 1").channelviews
    assert np.array_equal(view.resolve().magnitude, run.voltage[:2].T)
    assert not named(block.groups, "unit 0").channelviews


# Who belongs to what


def test_groups() -> None:
    with culture() as env:
        block = to_neo(recorded(), env)
    names = [group.name for group in block.groups]
    assert names == ["channel 9", "channel 4", "channel 6", "unit 0", "unit 1", "unit 2", "unit 3"]
    heard = {g.annotations["channel_id"]: [t.annotations["gid"] for t in g.spiketrains] for g in block.groups[:3]}
    assert heard == {9: [0, 1], 4: [1, 2], 6: []}
    trains = segment_of(block).spiketrains
    for gid, group in enumerate(block.groups[3:]):
        assert (group.annotations["gid"], group.annotations["population"]) == (gid, "INH" if gid == 3 else "EXC")
        assert [t is trains[gid] for t in group.spiketrains] == [True]
    place = block.groups[1].annotations["position"]
    assert (place.units, place.magnitude.tolist()) == (pq.um, [100.0, 0.0, 5.0])


def test_where_the_block_comes_from() -> None:
    with culture() as env:
        block = to_neo(recorded(), env)
    assert block.name == "row"
    assert {k: block.annotations[k] for k in ("engine", "seed")} == {"engine": "cpu", "seed": "123"}
    assert segment_of(block).name == "run from 1000 ms"


# Stimuli


def test_pulses_are_events() -> None:
    policy = BiphasicPulsePolicy(n_channels=3, channels=[2, 0], amplitude=[20.0, -7.1], pulse_times=[5.0, 1.0])
    with culture() as env:
        (event,) = segment_of(to_neo(recorded(), env, policy)).events
    assert event.name == "stimulus"
    assert event.units == pq.ms
    assert event.magnitude.tolist() == [1001.0, 1001.0, 1005.0, 1005.0]
    assert event.array_annotations["channel_id"].tolist() == [6, 9, 6, 9]
    assert event.array_annotations["amplitude"].units == pq.uA
    assert event.array_annotations["amplitude"].magnitude.tolist() == [20.0, -7.1, 20.0, -7.1]
    assert event.labels.tolist() == ["electrode 6: 20 µA", "electrode 9: -7.1 µA"] * 2


def test_a_sweep_is_its_schedule() -> None:
    policy = PulseSweepPolicy(n_channels=3, channels=[1], trial_ms=4.0, onset_ms=2.0, amplitudes=[5.0, 10.0], repeats=2)
    with culture() as env:
        (event,) = segment_of(to_neo(recorded(), env, policy)).events
    assert list(zip(event.magnitude - 1000.0, event.array_annotations["amplitude"].magnitude, strict=True)) == [
        (pytest.approx(ms), amplitude) for ms, amplitude in policy.schedule()
    ]


def test_the_steps_of_a_closed_loop() -> None:
    a = BiphasicPulsePolicy(n_channels=3, amplitude=1.0)
    b = MonophasicPulsePolicy(n_channels=3, channels=[1], amplitude=2.0, pulse_times=[1.0, 30.0])
    silent = BiphasicPulsePolicy(n_channels=3, pulse_times=())
    with culture() as env:
        (event,) = segment_of(to_neo(recorded(), env, [(10, b), (0.0, a), (5.0, silent)])).events
        (nothing,) = segment_of(to_neo(recorded(), env, silent)).events
        (none,) = segment_of(to_neo(recorded(), env, [])).events
        assert not segment_of(to_neo(recorded(), env)).events
    assert event.magnitude.tolist() == [1000.0, 1011.0]  # the last pulse comes after the end of the run
    assert event.array_annotations["channel_id"].tolist() == [9, 4]
    for empty in (nothing, none):
        assert len(empty) == len(empty.labels) == 0
        assert empty.array_annotations["amplitude"].units == pq.uA


class Slope(Policy):
    """A policy that is no pulses."""

    @property
    def num_inputs(self) -> int:
        """Three."""
        return 3

    @property
    def extent_ms(self) -> float:
        """4 ms."""
        return 4.0

    @property
    def _grid(self) -> float:
        return 1.0

    def _rows(self, first: int, last: int) -> np.ndarray:
        whole = np.zeros((100, 3))
        whole[:4] = [[0, 0, 0], [0, 3, 0], [0, 4, 5], [2, 0, 5]]
        return whole[first:last]


def test_any_policy_has_its_onsets() -> None:
    with culture() as env:
        (event,) = segment_of(to_neo(recorded(), env, Slope())).events
    assert event.magnitude.tolist() == [1001.0, 1002.0, 1003.0]
    assert event.array_annotations["channel_id"].tolist() == [4, 6, 9]
    assert event.array_annotations["amplitude"].magnitude.tolist() == [3.0, 5.0, 2.0]


# Other arrays


class Lamp(MEA):
    """Channels that stimulate, in another unit, and record nothing."""

    @property
    def input_units(self) -> str:
        """mW."""
        return "mW"

    def channel_recording(self, *args: Any) -> Any:
        """No."""
        raise NotImplementedError


def test_an_array_that_does_not_record() -> None:
    for io in (IO(), Lamp(ELECTRODES)):
        with culture(io) as env:
            block = to_neo(recorded(), env)
        assert [group.name for group in block.groups] == ["unit 0", "unit 1", "unit 2", "unit 3"]
        assert [s.name for s in segment_of(block).analogsignals] == ["membrane potential"]
    with culture(Lamp(ELECTRODES)) as env:
        (event,) = segment_of(to_neo(recorded(), env, Slope())).events
    assert event.array_annotations["amplitude"].units == pq.mW
    assert event.labels[0] == "electrode 4: 3 mW"


def test_stimulate_here_and_record_there() -> None:
    io = ComposedIO(MEA([[70, 0.0, 0.0, 0.0]]), MEA(ELECTRODES, output_radius=70.0))
    with culture(io) as env:
        block = to_neo(recorded(), env, BiphasicPulsePolicy())
    assert segment_of(block).events[0].array_annotations["channel_id"].tolist() == [70]
    assert [group.name for group in block.groups[:3]] == ["channel 9", "channel 4", "channel 6"]
    assert block.groups[0].annotations["position"].magnitude.tolist() == [0.0, 0.0, 5.0]


# Empty runs, files


@pytest.mark.parametrize("run", [Run(), Run(duration=10.0), Run(t0=5.0).add_spikes([], [])], ids=repr)
def test_empty_runs(run: Run, tmp_path: Path) -> None:
    with culture() as env:
        block = to_neo(run, env, BiphasicPulsePolicy(n_channels=3))
    segment = segment_of(block)
    assert sum(map(len, segment.spiketrains)) == 0
    assert not segment.analogsignals
    assert len(segment.events[0]) == 1
    neo.io.PickleIO(str(tmp_path / "empty.pkl")).write_block(block)


def test_a_run_of_unknown_length_ends_with_its_last_spike() -> None:
    with culture() as env:
        trains = segment_of(to_neo(Run(t0=5.0).add_spikes([0, 1], [1.0, 4.0]), env)).spiketrains
    assert {float(t.t_stop) for t in trains} == {9.0}


def same(a: Any, b: Any) -> bool:
    """Whether two objects of Neo hold the same data in the same units, with the same notes."""
    notes = a.annotations.keys() == b.annotations.keys() and all(
        np.array_equal(a.annotations[k], b.annotations[k]) for k in a.annotations
    )
    arrays = all(np.array_equal(a.array_annotations[k], b.array_annotations[k]) for k in a.array_annotations)
    return notes and arrays and a.name == b.name and a.units == b.units and np.array_equal(a.magnitude, b.magnitude)


def test_a_recorded_culture_through_a_file(tmp_path: Path) -> None:
    policy = BiphasicPulsePolicy(n_channels=1, pulse_times=[2.0, 30.0], amplitude=60.0)
    with make("EI1", threads=1) as env:
        env.record_spikes().record_voltage(dt=0.5).record_membrane_current(dt=0.5).run(10.0)
        run = env.run(60.0, policy)
        block = to_neo(run, env, policy)
    neo.io.PickleIO(str(tmp_path / "run.pkl")).write_block(block)
    back = neo.io.PickleIO(str(tmp_path / "run.pkl")).read_block()
    segment, again = segment_of(block), segment_of(back)
    assert len(run.spike_ids) == sum(map(len, again.spiketrains)) > 0
    assert len(again.spiketrains) == 10
    for gid, train in enumerate(again.spiketrains):
        assert train.magnitude == pytest.approx(10.0 + run.spike_times[run.spike_ids == gid])
    for kind in ("spiketrains", "analogsignals", "events"):
        ours, theirs = getattr(segment, kind), getattr(again, kind)
        assert len(ours) == len(theirs)
        assert all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    assert [g.name for g in back.groups] == [g.name for g in block.groups]
    assert again.events[0].magnitude.tolist() == [12.0, 40.0]
    first = back.groups[0]
    assert first.name == "channel 0"
    assert len(first.spiketrains) == len(block.groups[0].spiketrains) > 0
    assert first.channelviews[0].resolve().units == pq.uV


# Nonsense


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"run": None}, TypeError, "run must be a Run"),
        ({"run": ([], [])}, TypeError, "run must be a Run"),
        ({"stimulus": 3}, TypeError, "stimulus must be a Policy, or pairs"),
        ({"stimulus": "pulse"}, TypeError, "stimulus must be a Policy, or pairs"),
        ({"stimulus": BiphasicPulsePolicy}, TypeError, "stimulus must be a Policy"),
        ({"stimulus": [BiphasicPulsePolicy(n_channels=3)]}, TypeError, "stimulus must be a Policy"),
        ({"stimulus": [(0.0, "pulse")]}, TypeError, "pairs \\(ms, Policy\\), got 'pulse'"),
        ({"stimulus": [(-1.0, BiphasicPulsePolicy(n_channels=3))]}, ValueError, "start of a policy must be"),
        ({"stimulus": [("0", BiphasicPulsePolicy(n_channels=3))]}, TypeError, "start of a policy must be"),
        (
            {"stimulus": BiphasicPulsePolicy(n_channels=4)},
            ValueError,
            r"commands 4 channels, and MEA\(3 channels\) has 3",
        ),
        ({"units": [7]}, ValueError, "to_neo: unknown unit 7; legal: 0, 1, 2, 3"),
        ({"units": [0.5]}, TypeError, "units must be gids"),
        ({"units": "EXC"}, TypeError, "units must be gids"),
        ({"units": [True, False]}, TypeError, "units must be gids"),
    ],
)
def test_nonsense(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with culture() as env, pytest.raises(error, match=text):
        to_neo(**{"run": recorded(), "env": env, **arguments})


def test_without_neo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neo", None)
    with culture() as env, pytest.raises(ImportError, match=r'neo is not installed: pip install "pylivn\[interop\]"'):
        to_neo(recorded(), env)


def test_importing_interop_imports_none_of_them() -> None:
    code = "import sys, livn.interop; print([m for m in ('neo', 'quantities', 'probeinterface') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
