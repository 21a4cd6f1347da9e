"""The forms of an IO: JSON, copies, directories, parameters, equality, and two IOs as one."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livn.env import Env
from livn.errors import DamagedFile
from livn.io import IO, MEA, ComposedIO
from livn.policy import MonophasicPulsePolicy
from livn.stimulus import Stimulus
from livn.system import System, make
from tests.io.helpers import culture, heard, induced

STIMULATE = [[5, 100.0, 100.0, 0.0], [6, 300.0, 100.0, 0.0], [9, 100.0, 300.0, 0.0]]


class Lamp(IO):
    """An IO of somebody else's, that stimulates in its own way and in its own unit."""

    @property
    def channel_ids(self) -> np.ndarray:
        """One lamp."""
        return np.array([70])

    @property
    def input_units(self) -> str:
        """mW."""
        return "mW"

    def cell_stimulus(self, neuron_coordinates: Any, channel_inputs: Any, dt: float = 1.0) -> Stimulus:
        """The same current into every row."""
        values = np.repeat(np.asarray(channel_inputs, float), len(neuron_coordinates), axis=1)
        return Stimulus(values, dt, neuron_coordinates[:, 0].astype(int), "current", lamp="on")


def odd() -> MEA:
    """An array with nothing at its default."""
    names = ("stimulation_gain", "recording_gain", "min_distance_um", "electrode_radius_um", "culture_height_um")
    medium = dict(zip(names, (0.1 + 0.2, 2e5, 1 / 3, 12.0, 0.0), strict=True))
    return MEA(STIMULATE, input_radius=1 / 7, output_radius=99.9, volume_conductor=medium)


def composed() -> ComposedIO:
    """Three electrodes that stimulate, sixteen that record."""
    return ComposedIO(MEA(STIMULATE), MEA())


ALL = {"IO": IO, "MEA": MEA, "odd MEA": odd, "composed": composed}
each = pytest.mark.parametrize("make_io", ALL.values(), ids=ALL)


# JSON, copies, equality


@each
def test_json_and_back(make_io: Any) -> None:
    io = make_io()
    assert json.loads(io.as_json())["cls"] == type(io).__name__
    for back in (IO.from_json(io.as_json()), type(io).from_json(io.as_json()), io.clone()):
        assert type(back) is type(io)
        assert back == io
        assert back.as_json() == io.as_json()
    assert pickle.loads(pickle.dumps(io)) == io


def test_numbers_come_back_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    io = MEA(np.column_stack([np.arange(20), rng.normal(0, 1e3, (20, 3))]), *rng.uniform(1, 500, 2))
    assert IO.from_json(io.as_json()).electrode_coordinates.tobytes() == io.electrode_coordinates.tobytes()
    rows = culture(0)
    assert io.clone().reach(rows).tobytes() == io.reach(rows).tobytes()


def test_a_copy_shares_nothing() -> None:
    io = composed()
    copy = io.clone()
    copy.set_params({"inputs-input_radius": 10.0, "outputs-volume_conductor-recording_gain": 1.0})
    assert copy != io
    assert io == composed()
    assert not np.shares_memory(copy.outputs.electrode_coordinates, io.outputs.electrode_coordinates)


def test_equal_is_what_does_the_same() -> None:
    assert IO() == IO()
    assert MEA() == MEA(input_radius=250)
    assert MEA() != MEA(input_radius=251)
    assert MEA() != MEA(volume_conductor={"min_distance_um": 6})
    assert MEA() != MEA(STIMULATE)
    assert MEA() != IO()
    assert MEA() != "MEA"
    assert ComposedIO(MEA(), odd()) != ComposedIO(odd(), MEA())
    with pytest.raises(TypeError, match="unhashable"):
        hash(MEA())


def test_the_electrodes_of_a_directory(tmp_path: Path) -> None:
    system = System.from_arrays({"EXC": 2}, np.zeros((2, 3)))
    directory = system.save(tmp_path / "plain")
    assert IO.from_directory(directory) == IO()
    document = {"electrode_coordinates": STIMULATE, "output_radius": 77}
    (directory / "mea.json").write_text(json.dumps(document))
    assert IO.from_directory(str(directory)) == MEA(STIMULATE, output_radius=77)
    (directory / "mea.json").write_text(json.dumps({"electrodes": STIMULATE}))
    with pytest.raises(DamagedFile, match="electrodes"):
        IO.from_directory(directory)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        IO.from_directory(tmp_path / "nowhere")


def test_a_predefined_system_brings_its_array() -> None:
    system = make("EI2")
    assert system.default_io() == system.default_io()
    assert system.default_io() is not system.default_io()


# Parameters


def test_parameters_act_at_once() -> None:
    io, rows = MEA([[0, 0, 0, 0]]), np.array([[0, 30.0, 0, 40.0], [0, 90.0, 0, 40.0]])
    assert io.reach(rows)[0].tolist() == pytest.approx([induced(1.0, 50.0), induced(1.0, np.hypot(90, 40))])
    assert list(io.channel_recording(rows, [0])[0]) == [0]
    assert io.set_params({"input_radius": 49.9, "output_radius": 49.9}) is io
    assert not io.reach(rows).any()
    assert not len(io.channel_recording(rows, [0])[0])
    io.set_params({"input_radius": 300, "output_radius": 300})
    medium = {"stimulation_gain": 10.0, "electrode_radius_um": 30.0, "culture_height_um": 0.0}
    io.set_params({f"volume_conductor-{name}": value for name, value in medium.items()})
    assert io.reach(rows)[0, 0] == pytest.approx(10.0 / np.hypot(50.0, 30.0))
    io.set_params({"volume_conductor-min_distance_um": 15.0, "volume_conductor-recording_gain": 1300.0})
    assert io.source_gain([50.0]).tolist() == [20.0]
    assert io.set_params({}) == io


def test_parameters_are_set_all_or_none() -> None:
    for io in (MEA(), composed()):
        part = "" if isinstance(io, MEA) else "outputs-"
        before = io.clone()
        for bad in ({"input_radius": 1, "output_radius": -1}, {"input_radius": 1, "volume_conductor-tau": 1}):
            with pytest.raises((ValueError, KeyError)):
                io.set_params({f"{part}{name}": value for name, value in bad.items()})
            assert io == before
    both = composed()
    with pytest.raises(ValueError):  # the first part is right, the second wrong
        both.set_params({"inputs-input_radius": 1.0, "outputs-input_radius": -1.0})
    assert both == composed()


def test_an_env_passes_parameters_on() -> None:
    with Env({"EXC": 2}, io=MEA()) as env:
        env.set_params({"io-volume_conductor-culture_height_um": 10.0, "io-input_radius": 77.0})
        assert env.io.volume_conductor["culture_height_um"] == 10.0
        assert env.io.input_radius == 77.0
        with pytest.raises(KeyError, match="did you mean 'input_radius'"):
            env.set_params({"io-input_radios": 1.0})


# Two as one


def test_stimulate_here_and_record_there() -> None:
    io, rows = composed(), culture(2)
    assert io.input_ids.tolist() == [5, 6, 9]
    assert io.channel_ids.tolist() == list(range(16))
    assert (io.num_inputs, io.num_channels, io.input_units, io.input_space.shape) == (3, 16, "µA", (3,))
    currents = np.array([[1.0, -2.0, 3.0]])
    assert io.cell_stimulus(rows, currents).array.tobytes() == io.inputs.cell_stimulus(rows, currents).array.tobytes()
    assert io.reach(rows).shape == (3, len(rows))
    assert np.array_equal(io.distances(rows), MEA().distances(rows))
    assert list(io.channel_recording(rows, [0])) == list(range(16))
    assert io.potential_recording(io.distances(rows), np.ones((len(rows), 2))).shape == (16, 2)
    assert io.source_gain([50.0]).tolist() == pytest.approx([heard(1.0, 50.0)])
    assert len(io.channel_contribution(rows, 0)) == len(MEA().channel_contribution(rows, 0))


def test_a_policy_reaches_the_stimulating_part() -> None:
    system = System.from_arrays({"EXC": 2}, [[100.0, 100.0, 0.0], [300.0, 100.0, 0.0]])
    policy = MonophasicPulsePolicy(n_channels=3, channels=[1], amplitude=2.0)
    with Env(system, io=composed()) as env:
        stimulus = Stimulus.from_arg(policy, env, 10.0)
        assert stimulus.window(0.0, 1.0)[0, 2] == pytest.approx(induced(2.0, 0.0))  # the soma at electrode 6
        with pytest.raises(ValueError, match=r"16 channels.*has 3: policy\.for_array\(3\)"):
            Stimulus.from_arg(policy.for_array(16), env, 10.0)


def test_a_composition_of_compositions() -> None:
    io = ComposedIO(composed(), ComposedIO(odd(), Lamp()))
    assert io.input_ids.tolist() == [5, 6, 9]
    assert io.channel_ids.tolist() == [70]
    assert IO.from_json(io.as_json()) == io
    io.set_params({"inputs-inputs-input_radius": 42.0})
    assert io.inputs.inputs.input_radius == 42.0


# An IO of somebody else's


def test_an_io_without_channels() -> None:
    io = IO()
    assert (io.num_channels, io.num_inputs, io.input_units) == (0, 0, None)
    assert io.channel_ids.dtype == np.int64
    assert io.set_params({}) is io
    for call in (
        lambda: io.input_space,
        lambda: io.cell_stimulus(culture(0), [[1.0]]),
        lambda: io.stream(culture(0), lambda a, b: np.zeros((1, 0)), 1.0, 1.0),
        lambda: io.channel_recording(culture(0), []),
        lambda: io.distances(culture(0)),
        lambda: io.source_gain([1.0]),
        lambda: io.potential_recording(np.empty((0, 3)), np.empty((0, 1))),
        lambda: io.reach(culture(0)),
        lambda: io.channel_contribution(culture(0), 0),
    ):
        with pytest.raises(NotImplementedError, match=r"IO\.\w+: this IO has no channels.*livn\.io\.MEA"):
            call()


def test_what_a_subclass_leaves_out_it_does_not_support() -> None:
    with pytest.raises(NotImplementedError, match=r"Lamp\.distances: this IO does not support it"):
        Lamp().distances(culture(0))


def test_the_stream_of_any_io_is_its_stimulus() -> None:
    rows, inputs = culture(0, 3), np.arange(1.0, 9.0)[:, None]
    stream = Lamp().stream(rows, lambda a, b: inputs[round(a / 0.5) : round(b / 0.5)], 4.0, 0.5)
    dense = Lamp().cell_stimulus(rows, inputs, 0.5)
    assert stream.deferred
    assert (stream.input_mode, stream.units, stream.extra["lamp"]) == ("current", "nA", "on")
    assert np.array_equal(stream.gids, dense.gids)
    assert np.array_equal(stream.sections, dense.sections)
    assert stream.window(0.0, 4.0).tobytes() == dense.array.tobytes()
    assert stream.window(1.0, 2.5).tobytes() == dense.array[2:5].tobytes()
