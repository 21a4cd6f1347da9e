"""Nonsense given to policies: a ValueError that names the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from livn.env import Env
from livn.io import IO, MEA
from livn.policy import BiphasicPulsePolicy, ElectrodePolicy, MonophasicPulsePolicy, Policy, PulseSweepPolicy
from livn.stimulus import Stimulus

NAN, INF = float("nan"), float("inf")
BI, MONO, SWEEP = BiphasicPulsePolicy, MonophasicPulsePolicy, PulseSweepPolicy
NO_NUMBER: list[Any] = [True, np.True_, "20", b"20", 1j, {}, object(), NAN, INF, -INF]

FIELDS: list[tuple[type[ElectrodePolicy], str, list[Any]]] = [
    (BI, "n_channels", [0, -1, 1.5, None, [1]]),
    (BI, "dt", [0, -0.05, None, [0.05]]),
    (BI, "start_ms", [-0.05, 0.01, None]),
    (BI, "amplitude", [None, [1.0, 2.0], [[1.0]], [NAN], [None], ["1"], [True]]),
    (BI, "phase_duration", [0.0, -0.2, 0.01, 0.12, None]),
    (BI, "interphase_gap", [-0.05, 0.01, None]),
    (MONO, "pulse_width", [0.0, -1.0, 0.5, None]),
    (SWEEP, "repeats", [0, -1, 1.5, None]),
    (SWEEP, "trial_ms", [0.0, -1.0, 2000.05, None]),
    (SWEEP, "onset_ms", [-1.0, 0.05, None]),
    (SWEEP, "pulse_ms", [0.0, -0.2, 0.1, 0.3, None]),
    (SWEEP, "total_ms", [0.0, -1.0, 1999.0]),
]
ONE_OF_MANY: list[tuple[type[ElectrodePolicy], str, list[Any]]] = [
    (BI, "channels", [1, -1, 0.5, NAN, "0", True, None]),
    (BI, "pulse_times", [-1.0, 0.01, NAN, INF, "1", True, None, 1e300]),
    (MONO, "pulse_times", [0.5]),
    (SWEEP, "amplitudes", [NAN, INF, "1", True, None]),
    (SWEEP, "order", [5, -1, 0.5, True, None]),
]


@pytest.mark.parametrize(
    ("cls", "name", "value"), [(c, n, v) for c, n, values in FIELDS for v in (*values, *NO_NUMBER)], ids=repr
)
def test_a_field_that_is_not_legal(cls: type[ElectrodePolicy], name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}|multiple of the step|{cls.__name__}"):
        cls(**{name: value})


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [(c, n, v) for c, n, values in ONE_OF_MANY for one in values for v in ([one], (one,))],
    ids=repr,
)
def test_one_of_many_that_is_not_legal(cls: type[ElectrodePolicy], name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        cls(**{name: value})


@pytest.mark.parametrize("name", ["channels", "pulse_times"])
@pytest.mark.parametrize("value", ["01", None, {0: 1}, np.ones((2, 2))], ids=repr)
def test_a_list_that_is_none(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        BI(n_channels=4, **{name: value})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: BI(n_channels=4, channels=[4]), r"channels must be in 0 to 3, got 4: off the array"),
        (lambda: BI(n_channels=4, channels=[2, 2]), r"channels must name each electrode once, got \[2, 2\]"),
        (lambda: BI(n_channels=4, channels=[1, 2], amplitude=[1.0]), r"one per channel \(2\), got 1"),
        (lambda: BI(pulse_times=[0.0, 0.4]), "a pulse of 0.45 ms apart, got 0 and 0.4"),
        (lambda: BI(pulse_times=[5.0, 1.0, 5.0]), "apart, got 5 and 5"),
        (lambda: MONO(pulse_width=3.0, pulse_times=[9.0, 7.0]), "a pulse of 3 ms apart, got 7 and 9"),
        (lambda: BI(pulse_times=[0.02]), r"pulse_times must be a multiple of the step dt = 0\.05 ms.*: 0 and 0\.05"),
        (lambda: BI(dt=0.1), "interphase_gap must be a multiple of the step dt = 0.1 ms"),
        (lambda: SWEEP(amplitudes=()), "amplitudes"),
        (lambda: SWEEP(trial_ms=10.0, onset_ms=9.9), "a pulse of 0.2 ms at onset_ms = 9.9 must end within its trial"),
        (lambda: SWEEP(total_ms=1999.0), "at least one trial of 2000 ms, got 1999"),
        (lambda: SWEEP(order=[5]), "order must be places in amplitudes, 0 to 4, got 5"),
        (lambda: BI(amplitud=3.0), "BiphasicPulsePolicy: unknown field 'amplitud'; legal: .*did you mean 'amplitude'"),
        (lambda: MONO(phase_duration=1.0), "MonophasicPulsePolicy: unknown field 'phase_duration'"),
        (lambda: SWEEP(amplitude=3.0), "did you mean 'amplitudes'"),
        (lambda: BI().for_array(0), "n_channels"),
        (lambda: BI().for_array(4, [4]), "off the array"),
        (lambda: BI().for_array(4, amplitud=1.0), "did you mean 'amplitude'"),
        (lambda: BI(n_channels=2, channels=[0, 1], amplitude=[1.0, 2.0]).for_array(4, [3]), "one per channel"),
        (lambda: Policy.from_json("{}"), "as_json wrote"),
        (lambda: Policy.from_json(None), "as_json wrote"),
        (lambda: Policy.from_json('{"cls": "BiphasicPulse"}'), "unknown Policy class.*did you mean 'Biphas"),
        (lambda: MONO.from_json(BI().as_json()), "unknown MonophasicPulsePolicy class 'BiphasicPulsePolicy'"),
        (lambda: Policy.from_json('{"cls": "MonophasicPulsePolicy", "pulse_width": -1}'), "pulse_width"),
    ],
)  # fmt: skip
def test_what_the_error_says(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((-1.0, 1.0), ValueError, "a must be at least 0 ms"),
        ((1.0, 0.0), ValueError, "b must be at least 1 ms"),
        ((0.01, 1.0), ValueError, "a must be a multiple"),
        ((0.0, 0.99), ValueError, "b must be a multiple"),
        ((0.0, 1.0, 0.3), ValueError, "b must be a multiple of the step dt = 0.3"),
        ((NAN, 1.0), ValueError, "a must be a finite number"),
        ((0.0, INF), ValueError, "b must be a finite number"),
        ((0.0, 1.0, 0.0), ValueError, "dt must be a finite number > 0"),
        ((0.0, 1.0, -0.1), ValueError, "dt must be"),
        ((0.0, 1.0, "0.1"), TypeError, "dt must be"),
        (("0", 1.0), TypeError, "a must be"),
        ((None, 1.0), TypeError, "a must be"),
        ((0.0, True), TypeError, "b must be"),
    ],
)
def test_nonsense_windows(arguments: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        BI().window(*arguments)


def test_nonsense_schedules() -> None:
    with pytest.raises(ValueError, match="start_ms"):
        SWEEP().schedule(NAN)
    with pytest.raises(TypeError, match="start_ms"):
        SWEEP().schedule("0")


class Watts(BiphasicPulsePolicy):
    """Commands that no electrode takes."""

    @property
    def input_units(self) -> str:
        """mW."""
        return "mW"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (BI(n_channels=4), r"commands 4 channels, and MEA\(16 channels\) has 16: policy\.for_array\(16\)"),
        (BI(n_channels=17, channels=[16]), "commands 17 channels"),
        (Watts(n_channels=16), r"commands mW, and MEA\(16 channels\) takes µA"),
        (BI(n_channels=16, pulse_times=[10.0]), "lasts 10.45 ms, longer than the run of 10 ms"),
    ],
)
def test_a_policy_that_does_not_fit_the_array(policy: Policy, text: str) -> None:
    with Env({"EXC": 2}, io=MEA()) as env, pytest.raises(ValueError, match=text):
        Stimulus.from_arg(policy, env, 10.0)


def test_a_policy_without_electrodes() -> None:
    with pytest.raises(ValueError, match="BiphasicPulsePolicy needs an env with electrodes"):
        Stimulus.from_arg(BI(), None, 10.0)
    with Env({"EXC": 2}, io=IO()) as env, pytest.raises(ValueError, match="needs an env with electrodes"):
        Stimulus.from_arg(BI(), env, 10.0)


def test_values_by_position() -> None:
    with pytest.raises(TypeError, match="at most 9 values, got 10"):
        BI(*range(10))
    with pytest.raises(TypeError, match="got two values for phase_duration"):
        BI(0.2, phase_duration=0.2)
