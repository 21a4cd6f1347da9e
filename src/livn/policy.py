"""Policies: what a stimulator commands its channels to do over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, StrictBool, model_validator

from livn import checks
from livn.configured import Configured, Count, NotNegative, Positive
from livn.grids import BLOCK, averages
from livn.recordings import tidy

__all__ = [
    "BiphasicPulsePolicy",
    "ElectrodePolicy",
    "MonophasicPulsePolicy",
    "Policy",
    "PulseSweepPolicy",
]


def _listed(value: Any) -> Any:
    """One number as a list of one; what can be gone through only once, and a range, as a list."""
    if isinstance(value, int | float):
        return [value]
    return list(value) if isinstance(value, Iterator | range) else value


class Policy(Configured):
    """A command per channel over time. A subclass defines `num_inputs`, `extent_ms`, `_grid` and `_rows`.

    `policy()` is the whole command; `window(a, b, dt)` a part of it, on any grid.
    """

    @property
    def input_units(self) -> str | None:
        """Unit of the command, which an IO must take; None: any."""
        return None

    @property
    def num_inputs(self) -> int:
        """Number of channels C."""
        raise NotImplementedError(f"{type(self).__name__} must define num_inputs")

    @property
    def extent_ms(self) -> float:
        """How long the command lasts, ms."""
        raise NotImplementedError(f"{type(self).__name__} must define extent_ms")

    @property
    def _grid(self) -> float:
        """Spacing of the rows, ms."""
        raise NotImplementedError(f"{type(self).__name__} must define _grid")

    def _rows(self, first: int, last: int) -> np.ndarray:
        """float64[last - first, C]: these rows; zero beyond the extent."""
        raise NotImplementedError(f"{type(self).__name__} must define _rows")

    def __call__(self, observation: Any = None) -> np.ndarray:
        """The whole command, float64[T, C], rows of the policy's own spacing; `observation` is not used here."""
        return self._rows(0, self._length)

    @property
    def _length(self) -> int:
        return math.ceil(self.extent_ms / self._grid - 1e-6)

    def window(self, a: float, b: float, dt: float | None = None) -> np.ndarray:
        """The command in [a, b) ms, averaged over rows of `dt` ms; zero past the extent.

        Args:
            a, b: ms, multiples of `dt`.
            dt: ms; None: the policy's own.

        Returns:
            float64[(b - a)/dt, C].

        Raises:
            ValueError: bounds that are negative, in the wrong order or no multiples of `dt`.
        """
        dt = self._grid if dt is None else checks.number("dt", dt, above=0.0, unit="ms")
        first = checks.steps("a", a, dt, least=0)
        last = checks.steps("b", b, dt, least=first)
        if dt == self._grid:
            return self._rows(first, last)
        return averages(self._rows, (self._length, self.num_inputs), self._grid, dt, first, last - first)

    def pulses(self) -> list[tuple[float, int, float]]:
        """When the command of a channel leaves zero.

        Returns:
            (ms from the start of the run, column of the channel, value that the command takes), in the order of time.
        """
        out, before = [], np.zeros((1, self.num_inputs))
        for first in range(0, self._length, BLOCK):
            rows = np.concatenate([before, self._rows(first, min(first + BLOCK, self._length))])
            places = np.argwhere((rows[1:] != 0.0) & (rows[:-1] == 0.0))
            out += [(float(tidy((first + k) * self._grid)), c, float(rows[k + 1, c])) for k, c in places.tolist()]
            before = rows[-1:]
        return out


class ElectrodePolicy(Policy):
    """Pulses on some electrodes, the same shape on all. A subclass defines `_pulses` and `extent_ms`.

    Attributes:
        n_channels: number of electrodes of the array.
        channels: those that are driven, columns 0 to n_channels - 1.
        dt: spacing of the rows, ms; every time is a multiple of it.
        start_ms: when the policy's own time begins, ms from the start of the run.
    """

    n_channels: Count = 1
    channels: Annotated[tuple[int, ...], BeforeValidator(_listed)] = (0,)
    dt: Positive = 0.05
    start_ms: NotNegative = 0.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        for channel in self.channels:
            if not 0 <= channel < self.n_channels:
                raise ValueError(
                    f"channels must be in 0 to {self.n_channels - 1}, got {channel}: off the array (they are columns, "
                    "places in io.input_ids; ElectrodeStimulus takes an electrode's id)"
                )
        if len(set(self.channels)) < len(self.channels):
            raise ValueError(f"channels must name each electrode once, got {list(self.channels)}")
        self._steps("start_ms", self.start_ms)
        self._check_pulses()
        return self

    def _check_pulses(self) -> None:
        """Refuse times that are off the grid, and pulses that overlap."""

    @property
    def input_units(self) -> str:
        """µA."""
        return "µA"

    @property
    def num_inputs(self) -> int:
        """Number of channels C."""
        return self.n_channels

    @property
    def _grid(self) -> float:
        return self.dt

    def for_array(self, n_channels: int, channels: Sequence[int] | None = None, **overrides: Any) -> Self:
        """The same pulses on an array of `n_channels` electrodes.

        Args:
            n_channels: how many.
            channels: those to drive; None: as here.
            **overrides: other fields.

        Raises:
            ValueError: a channel off the array.
        """
        fields = {"n_channels": n_channels, "channels": self.channels if channels is None else channels}
        return self.changed(**fields, **overrides)

    def pulses(self) -> list[tuple[float, int, float]]:
        """The pulses of each electrode.

        Returns:
            (ms from the start of the run when it begins, column of the channel, amplitude in µA as in the fields), in
            the order of time.
        """
        onsets = tidy(self._onsets * self.dt).tolist()
        amplitudes = np.broadcast_to(self._given_amplitudes, (len(onsets), len(self.channels))).tolist()
        return [
            (onset, channel, amplitude)
            for onset, row in zip(onsets, amplitudes, strict=True)
            for channel, amplitude in zip(self.channels, row, strict=True)
        ]

    # Pulses: (first row, row values over time) relative to the start of the run

    @cached_property
    def _onsets(self) -> np.ndarray:
        """int64[pulses]: the row with which each pulse begins, ascending."""
        raise NotImplementedError(f"{type(self).__name__} must define _onsets")

    @cached_property
    def _shape(self) -> np.ndarray:
        """float64[rows]: one pulse of amplitude 1."""
        raise NotImplementedError(f"{type(self).__name__} must define _shape")

    @property
    def _given_amplitudes(self) -> np.ndarray:
        """float64[pulses or 1, channels or 1]: µA, as the fields have them."""
        raise NotImplementedError(f"{type(self).__name__} must define _given_amplitudes")

    @cached_property
    def _amplitudes(self) -> np.ndarray:
        """The same as delivered: where a pulse is balanced, so that it is to the last bit."""
        given = self._given_amplitudes
        return given if self._shape.sum() else self._balanced(given)

    def _rows(self, first: int, last: int) -> np.ndarray:
        out = np.zeros((last - first, self.n_channels))
        onsets, shape = self._onsets, self._shape
        a, b = np.searchsorted(onsets, [first - len(shape) + 1, last])
        amplitudes = np.broadcast_to(self._amplitudes, (len(onsets), len(self.channels)))
        columns = list(self.channels)
        for onset, amplitude in zip(onsets[a:b].tolist(), amplitudes[a:b], strict=True):
            begin, end = max(onset, first), min(onset + len(shape), last)
            out[begin - first : end - first, columns] = shape[begin - onset : end - onset, None] * amplitude
        return out

    def _steps(self, name: str, ms: float, least: int = 0) -> int:
        return checks.steps(name, ms, self.dt, least=least)

    def _balanced(self, amplitudes: np.ndarray) -> np.ndarray:
        """Amplitudes as multiples of a common unit, 2^-36 of the power of two above the largest of them.

        Sums over a pulse are exact then, so that its phases cancel to the last bit, on one electrode or over all. Where
        a pulse has more than 2^15 values the unit is larger, lest their sum need more than the 53 digits of a double.
        """
        digits = min(36, 51 - (len(self._shape) * len(self.channels)).bit_length())
        unit = int(np.frexp(np.abs(amplitudes).max(initial=0.0))[1]) - digits
        return np.ldexp(np.round(np.ldexp(amplitudes, -unit)), unit)


class _PulseTrainPolicy(ElectrodePolicy):
    """Pulses at given times. A subclass defines `_shape` and the fields of the pulse."""

    amplitude: float | tuple[float, ...] = 20.0
    pulse_times: Annotated[tuple[NotNegative, ...], BeforeValidator(_listed)] = (0.0,)

    def _check_pulses(self) -> None:
        if isinstance(self.amplitude, tuple) and len(self.amplitude) != len(self.channels):
            raise ValueError(
                f"amplitude must be one number, or one per channel ({len(self.channels)}), got {len(self.amplitude)}"
            )
        for t in self.pulse_times:
            self._steps("pulse_times", t)
        rows = len(self._shape)
        close = np.flatnonzero(np.diff(self._onsets) < rows)
        if len(close):
            a, b = sorted(self.pulse_times)[close[0] : close[0] + 2]
            raise ValueError(f"pulse_times must be a pulse of {rows * self.dt:g} ms apart, got {a:.10g} and {b:.10g}")

    @property
    def extent_ms(self) -> float:
        """From the start of the run to the end of the last pulse, ms."""
        onsets = self._onsets
        return float(onsets[-1] + len(self._shape)) * self.dt if len(onsets) else self.start_ms

    @cached_property
    def _onsets(self) -> np.ndarray:
        times = np.sort(np.array(self.pulse_times, np.float64))
        return self._steps("start_ms", self.start_ms) + np.rint(times / self.dt).astype(np.int64)

    @property
    def _given_amplitudes(self) -> np.ndarray:
        return np.atleast_2d(np.asarray(self.amplitude, np.float64))


class BiphasicPulsePolicy(_PulseTrainPolicy):
    """Charge-balanced rectangular pulses: a phase, a gap, and the opposite phase of the same length.

    Attributes:
        amplitude: of a phase, µA: one number, or one per driven channel. Negative swaps the phases.
        pulse_times: when pulses begin, ms from `start_ms`.
        phase_duration: of each of the two phases, ms.
        interphase_gap: ms.
        cathodic_first: the negative phase comes first.
    """

    phase_duration: Positive = 0.2
    interphase_gap: NotNegative = 0.05
    cathodic_first: StrictBool = True

    @cached_property
    def _shape(self) -> np.ndarray:
        phase = np.ones(self._steps("phase_duration", self.phase_duration, 1))
        gap = np.zeros(self._steps("interphase_gap", self.interphase_gap))
        first = -1.0 if self.cathodic_first else 1.0
        return np.concatenate([first * phase, gap, -first * phase])


class MonophasicPulsePolicy(_PulseTrainPolicy):
    """Rectangular pulses of one sign. They are not charge-balanced: an electrode in the laboratory would corrode.

    Attributes:
        amplitude: µA, either sign: one number, or one per driven channel.
        pulse_times: when pulses begin, ms from `start_ms`.
        pulse_width: ms.
    """

    dt: Positive = 1.0
    pulse_width: Positive = 1.0

    @cached_property
    def _shape(self) -> np.ndarray:
        return np.ones(self._steps("pulse_width", self.pulse_width, 1))


class PulseSweepPolicy(ElectrodePolicy):
    """Single biphasic pulses of several amplitudes, one per trial: the protocol of a recruitment curve.

    Attributes:
        amplitudes: µA.
        repeats: trials per amplitude.
        trial_ms: length of a trial, ms.
        onset_ms: when in its trial a pulse begins, ms.
        pulse_ms: of both phases together, the negative one first.
        order: the amplitude of each trial by its place in `amplitudes`; empty: one after the other, `repeats` times.
        total_ms: length of the whole, ms, of which as many trials as fit are given, `order` being repeated; None:
            every trial of `order` once.
    """

    dt: Positive = 0.1
    amplitudes: Annotated[tuple[float, ...], Field(min_length=1)] = (5.0, 10.0, 20.0, 40.0, 80.0)
    repeats: Count = 8
    trial_ms: Positive = 2000.0
    onset_ms: NotNegative = 1000.0
    pulse_ms: Positive = 0.2
    order: tuple[int, ...] = ()
    total_ms: Positive | None = None

    def _check_pulses(self) -> None:
        for place in self.order:
            if not 0 <= place < len(self.amplitudes):
                raise ValueError(f"order must be places in amplitudes, 0 to {len(self.amplitudes) - 1}, got {place}")
        half = self._steps("half of pulse_ms", self.pulse_ms / 2.0, 1)
        room = self._steps("trial_ms", self.trial_ms, 1) - self._steps("onset_ms", self.onset_ms)
        if room < 2 * half:
            raise ValueError(
                f"a pulse of {self.pulse_ms:g} ms at onset_ms = {self.onset_ms:g} must end within its trial of "
                f"{self.trial_ms:g} ms"
            )
        if not self.n_trials:
            raise ValueError(f"total_ms must be at least one trial of {self.trial_ms:g} ms, got {self.total_ms:g}")

    @property
    def n_trials(self) -> int:
        """How many trials are given."""
        if self.total_ms is None:
            return len(self._sequence)
        return math.floor(self.total_ms / self.trial_ms + 1e-9)

    @property
    def _sequence(self) -> tuple[int, ...]:
        return self.order or tuple(range(len(self.amplitudes))) * self.repeats

    @property
    def duration_ms(self) -> float:
        """Length of all trials, ms."""
        return self.n_trials * self.trial_ms

    @property
    def extent_ms(self) -> float:
        """From the start of the run to the end of the last trial, ms."""
        return self.start_ms + self.duration_ms

    def schedule(self, start_ms: float | None = None) -> list[tuple[float, float]]:
        """When the pulses begin, ms, and their amplitudes, µA, in the order of the trials.

        Args:
            start_ms: when the first trial begins, ms; None: the policy's own.
        """
        start = self.start_ms if start_ms is None else checks.number("start_ms", start_ms, unit="ms")
        order = self._sequence
        return [
            (start + k * self.trial_ms + self.onset_ms, self.amplitudes[order[k % len(order)]])
            for k in range(self.n_trials)
        ]

    @cached_property
    def _onsets(self) -> np.ndarray:
        first = self._steps("start_ms", self.start_ms) + self._steps("onset_ms", self.onset_ms)
        return first + np.arange(self.n_trials) * self._steps("trial_ms", self.trial_ms, 1)

    @cached_property
    def _shape(self) -> np.ndarray:
        half = np.ones(self._steps("half of pulse_ms", self.pulse_ms / 2.0, 1))
        return np.concatenate([-half, half])

    @property
    def _given_amplitudes(self) -> np.ndarray:
        order = np.resize(np.array(self._sequence), self.n_trials)
        return np.array(self.amplitudes)[order][:, None]
