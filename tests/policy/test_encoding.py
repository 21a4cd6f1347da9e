"""From inputs to a stimulus: pulses sized to the array of a culture."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from livn.encoding import ElectrodeStimulus, Encoding
from livn.env import Env
from livn.io import IO, MEA, ComposedIO
from livn.policy import BiphasicPulsePolicy, MonophasicPulsePolicy, PulseSweepPolicy
from livn.system import System

# the last electrode is under the cells, and its id is not its column
ELECTRODES = [[4, 900.0, 0.0, 0.0], [9, 300.0, 0.0, 0.0], [2, 50.0, 0.0, 0.0]]


def culture(io: Any = None, **options: Any) -> Env:
    """Three cells in a row."""
    system = System.from_arrays({"EXC": 3}, [[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    return Env(system, io=MEA(ELECTRODES) if io is None else io, threads=1, **options)


def test_the_electrode_that_couples_most_strongly() -> None:
    with culture() as env:
        assert env.channel_reach().sum(axis=1).argmax() == 2
        policy = ElectrodeStimulus()(env, 10.0, None)
        assert policy == BiphasicPulsePolicy(n_channels=3, channels=(2,))
    with culture(MEA(np.array(ELECTRODES)[::-1])) as env:
        assert ElectrodeStimulus()(env, 10.0, None).channels == (0,)


def test_a_channel_is_named_by_its_id() -> None:
    with culture() as env:
        assert ElectrodeStimulus(channel=4)(env, 10.0, None).channels == (0,)
        assert ElectrodeStimulus(channel=9)(env, 10.0, 7.0) == BiphasicPulsePolicy(
            n_channels=3, channels=(1,), amplitude=7.0
        )
    with culture(ComposedIO(MEA(ELECTRODES), MEA())) as env:  # the one that stimulates
        assert ElectrodeStimulus(channel=9)(env, 10.0, None) == BiphasicPulsePolicy(n_channels=3, channels=(1,))


def test_a_policy_is_sized_to_the_array() -> None:
    policy = MonophasicPulsePolicy(n_channels=2, channels=[1], amplitude=3.0, pulse_times=[2.0])
    with culture() as env:
        assert ElectrodeStimulus(policy)(env, 10.0, None) == policy.for_array(3)
        assert ElectrodeStimulus(policy, channel=2)(env, 10.0, None) == policy.for_array(3, [2])
        sweep = PulseSweepPolicy(trial_ms=5.0, onset_ms=1.0, repeats=1)
        assert ElectrodeStimulus(sweep)(env, 10.0, {"amplitudes": [1.0]}).amplitudes == (1.0,)


def test_inputs_are_an_amplitude_or_fields() -> None:
    encoding = ElectrodeStimulus(BiphasicPulsePolicy(amplitude=3.0))
    with culture() as env:
        assert encoding(env, 10.0, None).amplitude == 3.0
        for seven in (7, 7.0, np.float32(7.0), np.array(7.0)):
            assert encoding(env, 10.0, seven).amplitude == 7.0
        fields = {"amplitude": [1.0, 2.0], "channels": [0, 2], "pulse_times": np.arange(3.0)}
        made = encoding(env, 10.0, fields)
        assert (made.amplitude, made.channels, made.pulse_times) == ((1.0, 2.0), (0, 2), (0.0, 1.0, 2.0))
        assert ElectrodeStimulus()(env, 10.0, {"channels": [1]}).channels == (1,)
    assert encoding == ElectrodeStimulus(BiphasicPulsePolicy(amplitude=3.0))


def test_it_drives_the_culture() -> None:
    with culture(engine="cpu") as env:
        env.init().record_spikes()
        encoding = ElectrodeStimulus(channel=2)
        assert not len(env(5, 0.0, encoding).spike_ids)
        assert len(env(5, 100.0, encoding).spike_ids)
        assert env.encoding is encoding


@pytest.mark.parametrize(
    ("encoding", "inputs", "error", "text"),
    [
        (ElectrodeStimulus(channel=3), None, ValueError, "unknown channel 3; legal: 4, 9, 2"),
        (ElectrodeStimulus(BiphasicPulsePolicy(n_channels=9, channels=[8])), None, ValueError, "off the array"),
        (ElectrodeStimulus(channel=2), {"channels": [0]}, ValueError, "this encoding drives channel 2"),
        (ElectrodeStimulus(), {"amplitud": 1.0}, ValueError, "did you mean 'amplitude'"),
        (ElectrodeStimulus(), {"channels": [3]}, ValueError, "off the array"),
        (ElectrodeStimulus(PulseSweepPolicy()), 5.0, ValueError, "did you mean 'amplitudes'"),
        (ElectrodeStimulus(), float("nan"), ValueError, "inputs must be a finite number"),
        (ElectrodeStimulus(), "20", TypeError, "inputs must be a finite number"),
        (ElectrodeStimulus(), True, TypeError, "inputs must be"),
        (ElectrodeStimulus(), [1.0, 2.0], TypeError, "inputs must be"),
        (ElectrodeStimulus(), {"n_channels": 5}, ValueError, "inputs must not name n_channels"),
    ],
)
def test_nonsense_inputs(encoding: Encoding, inputs: Any, error: type[Exception], text: str) -> None:
    with culture() as env, pytest.raises(error, match=text):
        encoding(env, 10.0, inputs)


class Milliwatts(MEA):
    """An array that takes something else."""

    @property
    def input_units(self) -> str:
        """mW."""
        return "mW"


def test_without_electrodes() -> None:
    for env in (None, culture(IO()), culture(Milliwatts(ELECTRODES))):
        with pytest.raises(ValueError, match="ElectrodeStimulus needs an env with electrodes"):
            ElectrodeStimulus()(env, 10.0, None)


@pytest.mark.parametrize(
    "fields", [{"channel": "2"}, {"channel": 1.5}, {"channel": True}, {"policy": 3}, {"policy": BiphasicPulsePolicy}]
)
def test_nonsense_fields(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        ElectrodeStimulus(**fields)
    with pytest.raises(ValueError, match=r"unknown field 'chanel'.*did you mean 'channel'"):
        ElectrodeStimulus(chanel=3)


# Configuration


class Noisy(Encoding):
    """An encoding of somebody else's, of several others."""

    parts: tuple[Encoding, ...]
    gain: float = 1.0
    label: str = ""
    on: bool = True
    table: np.ndarray | None = None

    def __call__(self, env: Any, t_end: float, inputs: Any) -> Any:
        """What the parts make of it."""
        return [part(env, t_end, inputs) for part in self.parts]


def test_an_encoding_must_say_what_it_does() -> None:
    with pytest.raises(NotImplementedError, match="Encoding must define __call__"):
        Encoding()(None, 1.0, None)
    assert Encoding().input_space is None


def test_content_is_what_counts() -> None:
    policy = BiphasicPulsePolicy(amplitude=3.0)
    a, b = ElectrodeStimulus(policy, 4), ElectrodeStimulus(policy=BiphasicPulsePolicy(amplitude=3), channel=4)
    assert a == b
    assert hash(a) == hash(b)
    assert a != ElectrodeStimulus(policy)
    assert a != ElectrodeStimulus(MonophasicPulsePolicy(amplitude=3.0), 4)
    assert len({a, b, a.changed(channel=None)}) == 2
    assert pickle.loads(pickle.dumps(a)) == a


def test_arrays_count_by_their_numbers() -> None:
    a, b = (Noisy(parts=(), table=np.array([1.0, zero])) for zero in (0.0, -0.0))
    assert a == b
    assert hash(a) == hash(b)
    assert a != Noisy(parts=(), table=np.array([1.0, 2.0]))


@pytest.mark.parametrize("policy", [None, PulseSweepPolicy(), MonophasicPulsePolicy(n_channels=2, amplitude=1 / 3)])
def test_json_keeps_the_policy(policy: Any) -> None:
    encoding = ElectrodeStimulus(policy, 7)
    back = Encoding.from_json(encoding.as_json())
    assert back == encoding
    assert type(back.policy) is type(policy)


def test_json_of_parts_of_parts() -> None:
    inner = Noisy(parts=[ElectrodeStimulus(BiphasicPulsePolicy(), 3), ElectrodeStimulus()], gain=0.1, label="1")
    outer = Noisy(parts=(inner, inner), on=False)
    assert Encoding.from_json(outer.as_json()) == outer


def test_json_of_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="ndarray"):
        Noisy(parts=(), table=np.ones(2)).as_json()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"gain": True}, "gain must be a number"),
        ({"gain": "1"}, "gain must be a number"),
        ({"gain": np.True_}, "gain must be a number"),
        ({"label": 3}, "label"),
        ({"parts": [3]}, "parts"),
        ({"table": 3}, "table"),
        ({"parts": [{"cls": "ElectrodeStimuls"}]}, "did you mean 'ElectrodeStimulus'"),
    ],
)
def test_only_numbers_are_numbers(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Noisy(**{"parts": (), **fields})
    assert Noisy(parts=(), on=True, label="2", gain=3).gain == 3.0
