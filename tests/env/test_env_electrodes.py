"""An env on its electrodes: coordinates filled in, and env(decoding, inputs, encoding)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livn import Env, Stimulus, System, make
from livn.decoding import LFP, ChannelRecording, Decoding, PeriStimulusHistogram
from livn.encoding import ElectrodeStimulus, Encoding
from livn.io import IO, MEA, ComposedIO, electrode_array_coordinates
from livn.run import Run
from tests.env.helpers import ELECTRODES, lively, small_system

ROWS = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5]


def on_electrodes(engine: str = "cpu") -> Env:
    return lively(engine, io=MEA(ELECTRODES)).record_spikes()


def test_the_default_electrodes_are_those_of_the_system(tmp_path: Path) -> None:
    env = make("EI2")
    assert isinstance(env.io, MEA)
    assert env.io.num_channels == 16
    assert env.io == env.system.default_io() == IO.from_directory(env.system.uri)
    assert type(Env(3).io) is IO
    own = System(small_system().save(tmp_path / "own"))
    assert type(make(own).io) is IO
    (tmp_path / "own" / "mea.json").write_text(json.dumps({"electrode_coordinates": ELECTRODES}))
    assert make(own).io == MEA(ELECTRODES)
    (tmp_path / "own" / "mea.json").write_text(json.dumps({"electrodes": 3}))
    with pytest.raises(OSError, match=r"mea\.json of 'small' does not describe electrodes"):
        make(own)


def test_coordinates_are_those_of_the_compartments(engine: str) -> None:
    with on_electrodes(engine) as env:
        xyz = env.system.neuron_coordinates
        for rows in (env.stimulus_coordinates(), env.recording_coordinates()):
            assert rows[:, 0].tolist() == ROWS
            np.testing.assert_array_equal(rows[[0, 2, 4, 6, 8, 9]], xyz)
            np.testing.assert_array_equal(rows[1:8:2, 1:] - rows[0:8:2, 1:], [[60.0, 0.0, 0.0]] * 4)
            rows[:] = 0.0  # copies
        assert env.recording_coordinates()[1, 1] == 60.0
        assert env.record_membrane_current().run(0.1).current_ids.tolist() == ROWS
    part = Env(small_system(), io=MEA(ELECTRODES), engine=engine).selection({"EXC": [2], "INH": [4]})
    assert part.stimulus_coordinates()[:, 0].tolist() == [2, 2, 4]
    assert part.channel_reach().shape == (2, 3)
    with part.init():
        assert part.run(1.0, part.cell_stimulus(np.ones((2, 2)), 0.5)).duration == 1.0


def test_what_electrodes_do_and_hear(engine: str) -> None:
    with on_electrodes(engine) as env:
        stimulus = env.cell_stimulus([[1.0, 0.0], [0.0, -2.0]], dt=0.5)
        assert (stimulus.input_mode, stimulus.units, stimulus.dt) == ("extracellular", "mV", 0.5)
        np.testing.assert_allclose(np.asarray(stimulus), [[1.0, 0.0], [0.0, -2.0]] @ env.channel_reach(), rtol=1e-12)
        assert env.recording_distances().shape == (20, 3)
        assert env.recording_distances()[10].tolist() == [7, 0, np.linalg.norm([150, 150, 150])]

        run = env.record_membrane_current(dt=0.1).run(50.0)
        ids, times = env.channel_recording(run.spike_ids, run.spike_times)
        assert list(ids) == list(times) == [0, 7]
        assert ids[0].tolist() == run.spike_ids.tolist()  # all within 250 µm
        env.io.set_params({"output_radius": 130.0})
        near = env.channel_recording(run.spike_ids)
        assert 0 < len(near[7]) < len(run.spike_ids)

        env.io.set_params({"output_radius": 500.0})
        field = env.potential_recording(run.current)
        r = env.recording_distances()[:, 2].reshape(2, 10)
        np.testing.assert_allclose(field, (265258.0 / (r + 5.0)) @ run.current, rtol=1e-9)
        some = run.select(gids=[1, 4])
        np.testing.assert_allclose(
            env.potential_recording(some.current, ids=some.current_ids),
            (265258.0 / (r[:, [2, 3, 8]] + 5.0)) @ run.current[[2, 3, 8]],
            rtol=1e-9,
        )


def test_composed_electrodes() -> None:
    io = ComposedIO(MEA(ELECTRODES[:1]), MEA(ELECTRODES))
    with lively("cpu", io=io) as env:
        assert env.io.channel_ids.tolist() == [0, 7]
        assert env.channel_reach().shape == (1, 10)
        assert env.cell_stimulus([[3.0]]).width == 10
        assert env.run(5.0, Stimulus.biphasic_pulse(1, 0)).duration == 5.0
        env.set_params({"io-inputs-input_radius": 10.0})
        assert (io.inputs.input_radius, io.outputs.input_radius) == (10.0, 250.0)


class Count(Decoding):
    """Number of spikes."""

    def setup(self, env: Any) -> None:
        env.record_spikes()

    def __call__(self, signal: Run, env: Any = None) -> tuple[int, Any]:
        return len(signal.spike_ids), env


class Times(Encoding):
    """Pulses at these times, if the run is long enough."""

    channel: int = 7

    def __call__(self, env: Any, t_end: float, inputs: Any) -> Any:
        times = [t for t in inputs if t + 1.0 < t_end]
        return ElectrodeStimulus(channel=self.channel)(env, t_end, {"pulse_times": times, "amplitude": 80.0})


def test_encode_run_decode(engine: str) -> None:
    with lively(engine, io=MEA(ELECTRODES)) as env:
        assert env.encoding is env.decoding is None
        decoding, encoding = Count(duration=20.0), Times()
        count, seen = env(decoding, [5.0, 19.5], encoding)
        assert (env.decoding, env.encoding, seen, env.t) == (decoding, encoding, env, 20.0)
        env.clear(reseed=False)
        policy = Stimulus.biphasic_pulse(2, [1], 80.0, pulse_times=[5.0])
        assert env(decoding, policy)[0] == count
        assert env.encoding is None
        env.clear(reseed=False)
        run = env(20, policy)
        assert isinstance(run, Run)
        assert len(run.spike_ids) == count > 0
        assert (env.decoding, env.t) == (20, 20.0)
        assert env(np.float64(2.5)).duration == 2.5
        assert env.clear()(Count(duration=1.0), dt=0.05)[1] is env


def test_a_stage_reaches_its_pipeline_through_the_env() -> None:
    found = []

    class Looks(Decoding):
        def __call__(self, signal: Run, env: Any = None) -> None:
            found.append(env.decoding)

    with lively("cpu") as env:
        looks = Looks(duration=1.0)
        assert env(looks) is None
        assert found == [looks]


def test_stored_parameters_may_be_of_the_electrodes(tmp_path: Path) -> None:
    path = small_system().save(tmp_path / "system")
    (path / "mea.json").write_text(json.dumps({"electrode_coordinates": ELECTRODES}))
    (path / "params").mkdir()
    params = {"noise-g_e0": 1e-3, "io-output_radius": 90.0, "io-volume_conductor-min_distance_um": 7.0}
    stored = {"ReducedCalciumSomaDendrite": {"default": {"params": params}}}
    (path / "params" / "default.json").write_text(json.dumps(stored))
    env = make(path)
    assert env.io.output_radius == 90.0
    assert env.io.volume_conductor["min_distance_um"] == 7.0


def test_a_culture_on_electrodes_loads_nothing_slow() -> None:
    code = (
        "import sys; from livn import make; make('EI1')\n"
        "print([m for m in ('pydantic', 'gymnasium', 'pandas', 'matplotlib', 'neo', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_bases_are_where_the_protocols_are() -> None:
    from livn import types

    assert types.Decoding is Decoding
    assert types.Encoding is Encoding
    with pytest.raises(AttributeError, match="Decodings"):
        types.Decodings  # noqa: B018


FAR = [[0, 20.0, 30.0, 40.0], [3, 9000.0, 0.0, 0.0]]


def test_an_electrode_that_reaches_nobody_is_announced() -> None:
    with lively("cpu", io=MEA(FAR)) as env:
        text = "no cell is within reach of channel 3, whose input does nothing"
        with pytest.warns(RuntimeWarning, match=text) as caught:
            env.run(5.0, Stimulus.biphasic_pulse(2, [0, 1]))
        assert [w.filename for w in caught] == [__file__]
        with pytest.warns(RuntimeWarning, match=text) as caught:
            env.cell_stimulus([[0.0, 5.0]])
        assert [w.filename for w in caught] == [__file__]
        env.cell_stimulus([[1.0, 5.0]])  # something comes of it
        env.cell_stimulus([[0.0, 0.0]])
    with lively("cpu", io=MEA(FAR[1:])) as env:
        with pytest.raises(ValueError, match=r"no electrode of MEA\(1 channels\) reaches a cell"):
            env.run(5.0, Stimulus.biphasic_pulse(1, 0))
        with pytest.raises(ValueError, match=r"no channel of MEA\(1 channels\) reaches a cell"):
            ElectrodeStimulus()(env, 5.0, 3.0)


class Rig(IO):
    """Channels of one's own, by a number that it does not tell."""

    def __init__(self, n: int = 3) -> None:
        self.n = n

    @property
    def channel_ids(self) -> np.ndarray:
        return np.arange(self.n)


class Grid(MEA):
    """An MEA made of other arguments."""

    def __init__(self, pitch: float = 100.0) -> None:
        super().__init__(electrode_array_coordinates(pitch, 2, 2))


def test_an_io_of_ones_own_is_copied_and_not_lost_in_silence(tmp_path: Path) -> None:
    assert Rig(7).clone().n == 7
    assert Rig(7) != Rig(3)
    rig = Rig(7)
    assert rig == rig
    with (
        lively("cpu", io=rig) as env,
        pytest.raises(NotImplementedError, match=r"must define _document\(\).*: n would"),
    ):
        env.save(tmp_path / "culture")
    with lively("cpu", io=Grid(120.0)) as env:
        env.set_params({"io-input_radius": 100.0})
        assert env.io.input_radius == 100.0


def test_a_part_of_a_cell_has_no_potential() -> None:
    with on_electrodes() as env:
        with pytest.raises(ValueError, match="ids name cell 0 1 times, of which there are 2 rows"):
            env.potential_recording(np.zeros((1, 4)), ids=[0])
        current = np.random.default_rng(0).normal(size=(10, 4))
        whole = env.potential_recording(current)
        np.testing.assert_array_equal(env.potential_recording(current, channels=[7]), whole[1:])
        np.testing.assert_array_equal(env.io.potential_recording(env.recording_distances(), current), whole)
        with pytest.raises(ValueError, match="unknown channel 3; legal: 0, 7"):
            env.potential_recording(current, channels=[3])


def test_what_is_wrong_is_found_before_the_run() -> None:
    histogram = PeriStimulusHistogram([10.0], populations="EXX", pre_ms=5, post_ms=5, duration=20)
    with on_electrodes() as env:
        env(1.0)
        for decoding in (histogram, LFP(channels=[77], duration=20), LFP(downsample_hz=333, duration=20)):
            with pytest.raises((KeyError, ValueError), match=r"EXX|77|333"):
                env(decoding)
            assert (env.t, env.decoding) == (1.0, 1.0)
        with pytest.raises(ValueError, match="Invalid stimulus"):
            env(Count(duration=5.0), "pulse")
        assert (env.t, env.decoding, env.encoding) == (1.0, 1.0, None)
        assert env.membrane_current_recording_dt is None
    with lively("cpu") as env, pytest.raises(NotImplementedError, match="no channels"):
        env(ChannelRecording(duration=20))
    assert env.decoding is None


def test_an_action_is_an_amplitude() -> None:
    with on_electrodes() as env:
        encoding = ElectrodeStimulus(channel=7)
        assert encoding(env, 5.0, np.array([20.0])) == encoding(env, 5.0, 20.0)
        assert encoding.input_space.shape == (1,)
        with pytest.raises(TypeError, match="inputs must be a finite number"):
            encoding(env, 5.0, np.array([20.0, 3.0]))


def test_a_run_is_not_taken_for_its_ids():
    with make("EI1") as env, pytest.raises(TypeError, match=r"got a Run: give run\.spike_ids, run\.spike_times"):
        env.channel_recording(env.record_spikes().run(1.0))
