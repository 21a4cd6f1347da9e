"""Nonsense at the calls that go through electrodes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from livn import Env, Stimulus, make
from livn.decoding import Decoding
from livn.io import IO
from livn.policy import BiphasicPulsePolicy, Policy, PulseSweepPolicy
from tests.env.helpers import Twins, small_system
from tests.env.nonsense import INF, NAN, OBJECT, Case, numbers, refuse, values

PULSE = BiphasicPulsePolicy(n_channels=2, channels=(1,))
SPIKES = Stimulus.from_spikes({0: [1.0]})


def touching() -> Iterator[Case]:
    shape = r"shape \[T, 2\], one column per electrode"
    yield "width", lambda e: e.cell_stimulus(np.ones((3, 3))), ValueError, shape
    yield "no rows", lambda e: e.cell_stimulus(np.ones((0, 2))), ValueError, shape
    yield "one row", lambda e: e.cell_stimulus([1.0, 2.0]), ValueError, shape
    yield "no numbers", lambda e: e.cell_stimulus("pulse"), ValueError, "channel_inputs must be an array of numbers"
    for bad in (NAN, INF):
        yield f"{bad}", lambda e, b=bad: e.cell_stimulus([[b, 0.0]]), ValueError, "channel_inputs must be finite"
    yield from numbers("dt", lambda e, v: e.cell_stimulus(np.ones((3, 2)), v), "dt must be", bad=[0.0, -1.0], none=True)
    yield "beyond 1 V", lambda e: e.run(5.0, e.cell_stimulus([[1e4, 0.0]])), ValueError, "within -1000 to 1000 mV"
    alone = Stimulus.from_extracellular(np.ones((5, 6)))
    yield "per cell", lambda e: e.run(5.0, alone), ValueError, "without a gradient moves nothing.*gid 0 has a single"
    dend = Stimulus.from_extracellular(np.ones((5, 1)), gids=[2], sections=[1])
    yield "one section", lambda e: e.run(5.0, dend), ValueError, "without a gradient moves nothing.*gid 2"
    light = Stimulus.from_irradiance(np.ones((5, 6)))
    yield "light", lambda e: e.run(5.0, light), ValueError, "opsins, and ReducedCalciumSomaDendrite"
    close = Stimulus.from_spikes({0: [1.0, 2.5]})
    yield "refractory", lambda e: e.run(5.0, close), ValueError, r"times\[0\] .* refractory period of 2 ms apart"
    stranger = Stimulus.from_spikes({77: [1.0]})
    yield "spikes of nobody", lambda e: e.run(5.0, stranger), ValueError, "gid 77, which is not simulated"
    counts = Stimulus(np.ones((5, 6)), input_mode="spikes")
    yield "counts", lambda e: e.run(5.0, counts), ValueError, r"made by Stimulus.from_spikes"


class Volts(Policy):
    """A policy in another unit."""

    @property
    def input_units(self) -> str:
        return "V"


def commanding() -> Iterator[Case]:
    late = PULSE.for_array(2, pulse_times=(0.0, 4.9))
    yield "too long", lambda e: e.run(5.0, late), ValueError, "lasts 5.35 ms, longer than the run of 5 ms"
    sweep = PulseSweepPolicy(n_channels=2)
    yield "sweep", lambda e: e.run(100.0, sweep), ValueError, "lasts 80000 ms, longer than the run of 100 ms"
    wide = BiphasicPulsePolicy(n_channels=16)
    yield (
        "another array",
        lambda e: e.run(5.0, wide),
        ValueError,
        r"commands 16 channels, and .* has 2: .*for_array\(2\)",
    )
    yield "another unit", lambda e: e.run(5.0, Volts()), ValueError, "commands V, and .* takes µA"
    strong = PULSE.for_array(2, amplitude=1e5)
    yield "too strong", lambda e: e.run(5.0, strong), ValueError, "within -1000 to 1000 mV"


def listening() -> Iterator[Case]:
    yield "unknown cell", lambda e: e.channel_recording([77], [1.0]), ValueError, "ids must be cells .* got 77"
    yield "ragged", lambda e: e.channel_recording([0, 1], [1.0]), ValueError, "array 0 must have one entry per id, 2"
    for kind, ids in {"fraction": [0.5], "text": ["a"], "square": [[1]], "object": OBJECT}.items():
        yield f"ids {kind}", lambda e, i=ids: e.channel_recording(i, [1.0]), ValueError, "ids must be"
    yield "no spikes", lambda e: e.channel_recording(None), ValueError, r"call env.record_spikes\(\) before the run"
    yield "no currents", lambda e: e.potential_recording(None), ValueError, r"call env.record_membrane_current\(\)"
    ten = np.ones((10, 3))
    yield "rows", lambda e: e.potential_recording(ten[:6]), ValueError, "the cells have 10: got 6; name the cells"
    yield "rows of ids", lambda e: e.potential_recording(ten, [0, 0]), ValueError, "the ids have 2: got 10"
    yield "ids twice", lambda e: e.potential_recording(ten[:2], [4, 4]), ValueError, "cell 4 2 times, .* are 1 rows"
    yield "no cell", lambda e: e.potential_recording(ten[:1], [99]), ValueError, "cell 99 1 times, .* are 0 rows"
    yield "flat", lambda e: e.potential_recording(np.ones(10)), ValueError, r"currents must have the shape \[n, n\]"
    yield "nan", lambda e: e.potential_recording(ten * NAN), ValueError, "currents must be finite"


class NoWindow(Decoding):
    """A decoding that can be called."""

    def __call__(self, signal: object, env: object = None) -> object:
        return signal


def asking() -> Iterator[Case]:
    strangers = {"None": None, "text": "rate", "object": OBJECT, "class": NoWindow, "bool": True, "function": print}
    yield from values("decoding", lambda e, v: e(v), strangers, TypeError, "decoding must be a Decoding or a duration")
    for bad in (0, -5, NAN, INF):
        yield f"duration {bad}", lambda e, b=bad: e(b), ValueError, "decoding must be a finite number > 0"
    yield "no window", lambda e: e(NoWindow()), ValueError, r"NoWindow needs a duration here: NoWindow\(duration=ms\)"
    yield "off the grid", lambda e: e(NoWindow(duration=0.01)), ValueError, "duration must be"
    yield "encoding", lambda e: e(5, None, "pulse"), TypeError, "encoding must be an Encoding"
    yield "option", lambda e: e(5, duraton=3), TypeError, "duraton"
    yield "stimulus", lambda e: e(5, "pulse"), ValueError, "Invalid stimulus 'pulse'"


CASES = [*touching(), *commanding(), *listening()]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_nonsense_raises_and_changes_nothing(twins: Twins, case: Case, recwarn: pytest.WarningsRecorder) -> None:
    refuse(twins, case, recwarn)


ASKED = list(asking())


@pytest.mark.parametrize("case", ASKED, ids=[case[0] for case in ASKED])
def test_nonsense_asked_of_an_env(twins: Twins, case: Case, recwarn: pytest.WarningsRecorder) -> None:
    refuse(twins, case, recwarn)


def test_without_electrodes_the_calls_say_so() -> None:
    env = make(small_system())
    assert type(env.io) is IO
    for call in (
        lambda: env.cell_stimulus([[1.0]]),
        lambda: env.channel_recording([0]),
        lambda: env.potential_recording(np.ones((10, 2))),
        env.recording_distances,
        env.channel_reach,
    ):
        with pytest.raises(NotImplementedError, match="this IO has no channels"):
            call()
    with pytest.raises(ValueError, match="a BiphasicPulsePolicy needs an env with electrodes"):
        env.run(5.0, PULSE)
    with pytest.raises(KeyError, match="unknown parameter 'input_radius'"):
        env.set_params({"io-input_radius": 3.0})


def test_a_closed_env_has_no_electrodes_to_offer() -> None:
    env = make(small_system())
    env.close()
    for call in (lambda: env(5.0), lambda: env.cell_stimulus([[1.0]]), env.recording_distances):
        with pytest.raises(RuntimeError, match="closed"):
            call()
    with pytest.raises(RuntimeError, match=r"call init\(\) first"):
        Env(small_system())(5.0)
