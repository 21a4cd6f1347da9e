"""Recordings themselves: a window, all ranks, what electrodes hear."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livn import Env, Run, make
from livn.decoding import ChannelRecording, GatherAndMerge, Slice
from livn.io import IO, MEA
from tests.decoding.helpers import Ranks, culture, trains
from tests.mpi.test_mpi import ENVIRONMENT, ROOT, mpiexec

GIDS = [0, 0, 1, 1, 2, 2, 3, 4]
"""The cells of the rows of membrane currents of `culture()`: EXC have two."""


def everything(duration: float = 10.0) -> Run:
    """Spikes of cells 0 and 4, voltages of 0, currents of all, every 1 ms."""
    current = np.arange(8.0)[:, None] + np.zeros(int(duration))
    run = trains({0: [1.0, 9.0], 4: [3.0]}, duration).add_voltage([0], np.ones((1, int(duration))), 1.0)
    return run.add_current(GIDS, current, 1.0)


# Slice


def test_slice_is_the_window() -> None:
    run = everything()
    assert Slice(2, 8)(run) == run.slice(2, 8)
    assert Slice(stop=8)(run) == run.slice(0, 8)
    assert Slice(0, 8)(run).spike_times.tolist() == [1.0, 3.0]


def test_slice_runs_to_its_end() -> None:
    assert Slice(2, 8).duration == 8
    assert Slice(2, 8, 20).duration == 20
    assert Slice(2, 8, duration=None) == Slice(start=2, stop=8, duration=8)
    with culture().init() as env:
        cut = env(Slice(2, 8))
        assert (cut.t0, cut.duration, env.t) == (2, 6, 8)


def test_slice_of_nothing() -> None:
    assert Slice(2, 8)(Run()) == Run(t0=2, duration=6)
    assert Slice(2, 8)(trains({}, 10)) == trains({}, 6, t0=2)
    assert Slice(0, 8)(trains({1: [3]}, 10)).spike_times.tolist() == [3]


def test_slice_of_less_than_its_window() -> None:
    with pytest.raises(ValueError, match="stop must be at most the run's duration, 10 ms, got 11"):
        Slice(0, 11)(everything())
    with pytest.raises(ValueError, match="does not align"):
        Slice(0.5, 8)(everything())
    with pytest.raises(TypeError, match="reads a Run"):
        Slice(0, 8)([1, 2])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "stop"),
        ({"stop": 0}, "greater than 0"),
        ({"start": 5, "stop": 5}, "stop must be later than start = 5 ms, got 5"),
        ({"start": -1, "stop": 5}, "greater than or equal to 0"),
        ({"stop": 5, "duration": 4}, "stop must be at most the duration, 4 ms, got 5"),
        ({"stop": "x"}, "number"),
        ({"end": 5}, "unknown field 'end'"),
    ],
)
def test_nonsense_windows(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Slice(**arguments)


# Gathering


class Asked:
    """An env that tells what it is asked to record."""

    def __init__(self, voltage_dt: float | None = None, current_dt: float | None = None) -> None:
        self.voltage_recording_dt, self.membrane_current_recording_dt = voltage_dt, current_dt
        self.told: dict[str, Any] = {}
        self.io = MEA()

    def record_spikes(self) -> None:
        self.told["spikes"] = True

    def record_voltage(self, **options: Any) -> None:
        self.told["voltage"] = options

    def record_membrane_current(self, **options: Any) -> None:
        self.told["current"] = options


@pytest.mark.parametrize(
    ("fields", "env", "told"),
    [
        ({}, Asked(), {"spikes": True, "voltage": {}, "current": {}}),
        ({}, Asked(0.5, 0.2), {"spikes": True}),
        ({"spikes": False, "voltages": False, "membrane_currents": False}, Asked(), {}),
        ({"voltage_gids": [1]}, Asked(0.5, 0.2), {"spikes": True, "voltage": {"dt": 0.5, "gids": (1,)}}),
        (
            {"voltage_dt": 1, "voltage_sections": "dend", "membrane_currents": False},
            Asked(0.5),
            {"spikes": True, "voltage": {"dt": 1.0, "sections": ("dend",)}},
        ),
    ],
)
@pytest.mark.parametrize("kind", [GatherAndMerge, ChannelRecording])
def test_setup_enables_what_is_not_recorded(kind: type, fields: dict, env: Asked, told: dict) -> None:
    env.told = {}
    kind(**fields).setup(env)
    assert env.told == told


def test_setup_on_a_culture_keeps_what_it_records() -> None:
    with culture().init() as env:
        env.record_voltage(dt=0.5, gids=[1])
        run = env(GatherAndMerge(duration=5))
        assert run.voltage_ids.tolist() == [1]
        assert (run.voltage_dt, run.current_dt) == (0.5, 0.1)
        assert run.current_ids.tolist() == GIDS
        run = env(GatherAndMerge(voltage_gids=[0, 2], voltage_sections=["soma", "dend"], duration=5))
        assert run.voltage_ids.tolist() == [0, 0, 2, 2]
        assert run.voltage_dt == 0.5
        with pytest.raises(ValueError, match="unknown gid 9"):
            env(GatherAndMerge(voltage_gids=[9], duration=5))


def test_gathering_alone() -> None:
    run = everything()
    assert GatherAndMerge()(run) == run
    assert GatherAndMerge()(run, culture()) == run
    assert GatherAndMerge(duration=5)(run) == run.slice(0, 5)
    with pytest.raises(ValueError, match="duration must be at most that of the run, 10 ms, got 50"):
        GatherAndMerge(duration=50)(run)
    only = GatherAndMerge(voltages=False, membrane_currents=False)(run.add("g_AMPA", [0], np.ones((1, 10))))
    assert set(only.channels) == {"spikes", "g_AMPA"}
    assert GatherAndMerge(spikes=False)(run).spike_ids is None
    assert GatherAndMerge()(Run()) == Run()
    with pytest.raises(TypeError, match="reads a Run"):
        GatherAndMerge()(None)


def test_gathering_ranks() -> None:
    run = everything()
    mine, theirs = run.select(gids=[0]), run.select(gids=[1, 2, 3, 4])
    env = culture()
    env.comm = Ranks(theirs)
    assert GatherAndMerge()(mine, env) == run
    with pytest.raises(ValueError, match="root must be a whole number from 0 to 1, got 2"):
        GatherAndMerge(root=2)(mine, env)


def test_other_ranks_get_none() -> None:
    env = culture()
    env.comm = Ranks()
    env.comm.gather = lambda value, root: None
    for decoding in (GatherAndMerge(root=1), ChannelRecording(root=1)):
        assert decoding(everything(), env) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"spikes": 1}, "boolean"),
        ({"root": -1}, "greater than or equal to 0"),
        ({"voltage_dt": 0}, "greater than 0"),
        ({"voltage_gids": [0.5]}, "integer"),
        ({"voltages": False, "voltage_gids": [1]}, "voltages must be True for voltage_gids to mean anything"),
        ({"duration": 0}, "greater than 0"),
        ({"voltage": True}, "did you mean 'voltages'"),
    ],
)
def test_nonsense_fields(arguments: dict[str, Any], text: str) -> None:
    for kind in (GatherAndMerge, ChannelRecording):
        with pytest.raises(ValueError, match=text):
            kind(**arguments)


# Channels


def test_channels_hear_their_units() -> None:
    env, run = culture(), everything()
    units, times, ids, voltage, channels, potentials = ChannelRecording()(run, env)
    assert {c: u.tolist() for c, u in units.items()} == {0: [0, 0], 1: [], 2: [4]}
    assert {c: t.tolist() for c, t in times.items()} == {0: [1.0, 9.0], 1: [], 2: [3.0]}
    assert ids.tolist() == [0]
    assert voltage.shape == (1, 10)
    assert channels.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(potentials, env.potential_recording(run.current))
    assert potentials.shape == (3, 10)
    assert (potentials > 0).all()


def test_channels_of_the_window() -> None:
    _, times, _, voltage, _, potentials = ChannelRecording(duration=5)(everything(), culture())
    assert times[0].tolist() == [1.0]
    assert voltage.shape == (1, 5)
    assert potentials.shape == (3, 5)


def test_channels_of_currents_of_a_part() -> None:
    env, run = culture(), everything()
    part = run.select(population="INH", population_ranges=env.system.population_ranges)
    potentials = ChannelRecording()(part, env)[5]
    np.testing.assert_allclose(potentials, env.potential_recording(run.current * (np.array(GIDS) > 2)[:, None]))
    assert potentials.any()


def test_channels_of_nothing() -> None:
    env = culture()
    for run in (Run(), Run(duration=5), trains({}, 5)):
        units, times, ids, voltage, channels, potentials = ChannelRecording()(run, env)
        assert {c: (u.tolist(), times[c].tolist()) for c, u in units.items()} == {c: ([], []) for c in range(3)}
        assert (ids, voltage, potentials) == (None, None, None)
        assert channels.tolist() == [0, 1, 2]
    empty = Run(duration=5).add_current([], np.empty((0, 5)))
    assert ChannelRecording()(empty, env)[5].tolist() == np.zeros((3, 5)).tolist()
    assert ChannelRecording()(trains({4: [2]}, 5), env)[1][2].tolist() == [2]


def test_channels_need_an_env_that_has_some() -> None:
    with pytest.raises(ValueError, match="ChannelRecording needs the env"):
        ChannelRecording()(everything())
    with pytest.raises(NotImplementedError, match="this IO has no channels"):
        ChannelRecording()(everything(), Env(5, io=IO()))


def test_channels_of_a_culture() -> None:
    with make("EI1") as env:
        units, times, ids, voltage, channels, potentials = env(ChannelRecording(voltage_dt=1, duration=200))
        assert channels.tolist() == env.io.channel_ids.tolist()
        assert units.keys() == times.keys() == set(channels.tolist())
        assert ids.tolist() == list(range(10))
        assert voltage.shape == (10, 200)
        assert potentials.shape == (1, 2000)
        assert np.abs(potentials).max() > 0.1


RANKS = """if True:
    import pickle, sys
    from mpi4py import MPI
    from livn import Env
    from livn.decoding import LFP, ArrowDataset, ChannelRecording, GatherAndMerge, Waveforms
    from livn.system import make
    env = Env(make("EI1"), engine="neuron", comm=MPI.COMM_WORLD).init().apply_default_params()
    env.set_noise({"g_e0": 0.003, "std_e": 0.0015})
    last = MPI.COMM_WORLD.size - 1
    run = env(GatherAndMerge(voltage_dt=0.5, duration=20, root=last))
    written = env(ArrowDataset(sys.argv[1] + "-arrow", duration=20, root=last))
    heard = env(ChannelRecording(duration=20, root=last))
    lfp, shapes = env(LFP(duration=20)), env(Waveforms(voltage_dt=0.1, pre_ms=1, post_ms=1, duration=20))
    assert (run is None) == (heard is None) == (written is None) == (MPI.COMM_WORLD.rank != last)
    if run is not None:
        with open(sys.argv[1], "wb") as f:
            pickle.dump((run, written, heard, lfp, shapes), f)
"""


def test_any_number_of_ranks_gives_the_same(tmp_path: Path) -> None:
    results = []
    for ranks in ("1", "3"):
        out = tmp_path / ranks
        command = [mpiexec(), "-n", ranks, sys.executable, "-W", "error", "-c", RANKS, str(out)]
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [file.name for file in Path(f"{out}-arrow").iterdir()] == ["data-00000.arrow"]
        results.append(pickle.loads(out.read_bytes()))
    one, three = results
    assert len(one[0].spike_times) > 3
    assert one[:2] == three[:2]
    for a, b in zip(one[2], three[2], strict=True):
        np.testing.assert_equal(a, b)
    np.testing.assert_equal(one[3], three[3])
    assert len(one[4]["waveforms"]["EXC"]) > 1
    np.testing.assert_equal(one[4], three[4])
