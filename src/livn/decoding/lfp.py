"""Local field potentials at the electrodes."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, StrictBool, model_validator

from livn import checks
from livn.configured import NotNegative, Positive
from livn.decoding.base import Decoding, needed, whole
from livn.decoding.recording import first, record_current
from livn.grids import ratio
from livn.recordings import DEFAULT_DT, Series
from livn.run import CURRENT, Run

__all__ = ["BANDS", "LFP"]

BANDS = {"delta": (1.0, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}
"""Edges in Hz."""

LARGEST = 1000
"""Largest term of the fraction by which rates may differ: the filter has about twenty times as many taps."""

RESULTS = ("lfp", "sample_rate_hz", "n_channels", "n_samples", "broadband")


class LFP(Decoding):
    """Field potentials of the membrane currents, filtered and at a lower rate. Needs the env.

    `setup` records the membrane currents, every 0.1 ms unless they are recorded already; they are instantaneous
    samples, so a larger dt lets spikes fold into the result, and a warning says so.

    Attributes:
        channels: ids of the channels, in the order of the result's rows; None: all.
        downsample_hz: sample rate, Hz; never above that of the recording; None: that of the recording. Resampled by a
            polyphase FIR filter of zero phase that lets no frequency fold back (`scipy.signal.resample_poly`).
        lowpass_hz: -6 dB frequency of a Butterworth low-pass that runs forwards and backwards, so without a shift;
            None: no filter.
        lowpass_order: order of the filter in one direction.
        compute_band_power: True: the bands of `BANDS`; or {name: (low, high)} in Hz.
        nperseg: samples of a segment of Welch's method, at most those there are.
        noverlap: samples by which segments overlap; None: half.

    Result:
        lfp: float64 [C, T'], µV, one row per channel.
        sample_rate_hz: float, exactly `downsample_hz`, or that of the recording if it is not higher; 0 without one.
        n_channels, n_samples: int, C and T'.
        <band>: float64 [C], with `compute_band_power`: the power in [low, high), µV², of Welch's spectrum (IEEE Trans
            Audio Electroacoust, 1967; Hann windows, the mean of each segment removed). 0 without samples; NaN if there
            are too few to resolve the band: its frequencies are `sample_rate_hz/min(nperseg, T')` apart, and none of
            them lies in it.
        <band>_relative: float64 [C], its share of `broadband`; 0 where that is 0.
        broadband: float64 [C], the power of the whole spectrum, µV².
    """

    channels: tuple[int, ...] | None = None
    downsample_hz: Positive | None = 1000.0
    lowpass_hz: Positive | None = None
    lowpass_order: Annotated[int, Field(ge=1, le=20)] = 4
    compute_band_power: StrictBool | dict[str, tuple[NotNegative, Positive]] = False
    nperseg: Annotated[int, Field(ge=2)] = 2048
    noverlap: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.channels is not None and len(set(self.channels)) < max(len(self.channels), 1):
            raise ValueError(f"channels must name at least one channel, each once, got {list(self.channels)}")
        if self.noverlap is not None and self.noverlap >= self.nperseg:
            raise ValueError(f"noverlap must be less than nperseg = {self.nperseg}, got {self.noverlap}")
        if isinstance(self.compute_band_power, dict) and not self.compute_band_power:
            raise ValueError("compute_band_power must name at least one band, got {}; False computes none")
        for name, (low, high) in self._bands().items():
            if low >= high:
                raise ValueError(f"the band {name!r} must have low < high, got ({low:g}, {high:g}) Hz")
            if name in RESULTS or f"{name}_relative" in self._bands():
                raise ValueError(f"a band cannot be called {name!r}: the result has another entry of that name")
        if self.downsample_hz is not None:
            self._check_rate(self.downsample_hz)
        return self

    def _bands(self) -> dict[str, tuple[float, float]]:
        chosen = self.compute_band_power
        return chosen if isinstance(chosen, dict) else BANDS if chosen else {}

    def _check_rate(self, rate: float) -> None:
        """Refuse frequencies that a sample rate does not have."""
        if self.lowpass_hz is not None and self.lowpass_hz >= rate / 2:
            raise ValueError(f"lowpass_hz must be below half the sample rate, {rate / 2:g} Hz, got {self.lowpass_hz:g}")
        for name, (low, high) in self._bands().items():
            if high > rate / 2:
                raise ValueError(
                    f"the band {name!r} must end within half the sample rate, {rate / 2:g} Hz, got ({low:g}, {high:g})"
                )

    def setup(self, env: Any) -> None:
        """Record the membrane currents.

        Raises:
            ValueError: an unknown channel, or a rate that cannot be made from the recording's.
        """
        self._known(env)
        dt = env.membrane_current_recording_dt
        self._fraction(DEFAULT_DT if dt is None else dt)
        if dt is not None and dt > DEFAULT_DT:
            warnings.warn(
                f"membrane currents are recorded every {dt:g} ms, as instantaneous samples: what is faster, such as "
                f"spikes and pulses, folds into the potential; record_membrane_current(dt={DEFAULT_DT:g}) avoids that",
                RuntimeWarning,
                stacklevel=4,
            )
        record_current(env)

    def _known(self, env: Any) -> list[int]:
        """The ids of the channels that are wanted."""
        ids = np.asarray(env.io.channel_ids).tolist()
        return ids if self.channels is None else [checks.choice("channel", c, ids) for c in self.channels]

    def __call__(self, signal: Run, env: Any = None) -> dict[str, Any]:
        """The potentials in the first `duration` ms of a run.

        Raises:
            ValueError: without an env; an unknown channel; a rate that cannot be made from the recording's, or that is
                too low for the filter or the bands.
            NotImplementedError: the env's IO records nothing.
        """
        env = needed(env, self)
        run = first(whole(signal, env, only=CURRENT), self.duration)
        wanted = self._known(env)
        current = run.channel(CURRENT)
        lfp, rate = np.zeros((len(wanted), 0)), 0.0
        if isinstance(current, Series):
            rate = float(1000 / current.dt)
            if current.values.shape[1]:
                potentials = env.potential_recording(current.values, ids=current.ids, channels=wanted)
                lfp, rate = self._resampled(np.asarray(potentials, np.float64), current.dt)
        if lfp.size:
            self._check_rate(rate)
            if self.lowpass_hz is not None:
                lfp = _lowpass(lfp, self.lowpass_hz, rate, self.lowpass_order)
        result = {"lfp": lfp, "sample_rate_hz": rate, "n_channels": len(lfp), "n_samples": lfp.shape[1]}
        return result | self._powers(lfp, rate)

    def _fraction(self, dt: float) -> tuple[int, int] | None:
        """By how much the rate of samples every `dt` ms is raised and lowered; None if it stays."""
        if self.downsample_hz is None or 1000 / self.downsample_hz <= dt * (1 + 1e-9):
            return None
        up, down = ratio(dt, 1000 / self.downsample_hz)
        if max(up, down) > LARGEST:
            n = min(max(round(down / up), 1), LARGEST)
            raise ValueError(
                f"downsample_hz must be the recording's rate, {1000 / dt:g} Hz, times a fraction of whole numbers "
                f"up to {LARGEST}, got {self.downsample_hz:.10g}; for instance {1000 / dt / n:.10g}"
            )
        return up, down

    def _resampled(self, values: np.ndarray, dt: float) -> tuple[np.ndarray, float]:
        from scipy.signal import resample_poly

        fraction = self._fraction(dt)
        if fraction is None or self.downsample_hz is None:
            return values, 1000 / dt
        return resample_poly(values, *fraction, axis=1, padtype="mean"), self.downsample_hz

    def _powers(self, lfp: np.ndarray, rate: float) -> dict[str, np.ndarray]:
        from scipy.signal import welch

        bands = self._bands()
        if not bands:
            return {}
        frequencies, spectrum, resolution = np.empty(0), np.zeros((len(lfp), 0)), 0.0
        if lfp.size:
            n = min(self.nperseg, lfp.shape[1])
            overlap = None if self.noverlap is None else min(self.noverlap, n - 1)
            frequencies, spectrum = welch(lfp, rate, nperseg=n, noverlap=overlap, axis=1)
            resolution = rate / n
        broadband = spectrum.sum(axis=1) * resolution
        out: dict[str, np.ndarray] = {}
        for name, (low, high) in bands.items():
            inside = (frequencies >= low) & (frequencies < high)
            power = spectrum[:, inside].sum(axis=1) * resolution
            if lfp.size and not inside.any():
                power = np.full(len(lfp), np.nan)
            share = np.divide(power, broadband, out=np.zeros(len(lfp)), where=broadband > 0)
            out |= {name: power, f"{name}_relative": share}
        return out | {"broadband": broadband}


def _lowpass(values: np.ndarray, cutoff: float, rate: float, order: int) -> np.ndarray:
    """Forwards and backwards; the ends are padded as far as the signal reaches."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(order, cutoff, fs=rate, output="sos")
    return np.asarray(
        sosfiltfilt(sections, values, axis=1, padlen=min(3 * (2 * len(sections) + 1), values.shape[1] - 1))
    )
