"""Responses to stimuli: of the culture, of each unit against the amplitude, and over time."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from livn import checks
from livn.configured import NotNegative, Positive
from livn.decoding.base import Decoding, Names, SpikeDecoding, Spikes, needed
from livn.decoding.bins import binned, whole_bins
from livn.decoding.units import members
from livn.recordings import EPSILON, tidy

__all__ = ["PeriStimulusHistogram", "RecruitmentCurve", "StimulusResponse", "groups", "units_of"]


def units_of(env: Any, ids: np.ndarray) -> np.ndarray:
    """int64[N], ascending: all simulated cells; without an env those that have a spike."""
    return np.unique(ids) if env is None else np.asarray(env.active_gids())


def groups(decoding: Decoding, populations: Any, env: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The simulated cells of populations (None: all), ascending; without an env {"all": those that have a spike}.

    Raises:
        KeyError: an unknown population.
        ValueError: populations without an env.
    """
    if env is None and populations is None:
        return {"all": np.unique(ids)}
    cells = members(needed(env, decoding))
    chosen = cells if populations is None else checks.names("population", populations, cells, KeyError)
    return {name: cells[name] for name in chosen}


def _between(spikes: Spikes, start: float, stop: float) -> slice:
    """The spikes in [start, stop) ms."""
    a, b = np.searchsorted(spikes.times, [start - EPSILON, stop - EPSILON])
    return slice(int(a), int(b))


class StimulusResponse(SpikeDecoding):
    """The response of the whole culture to one stimulus, in all its spikes together.

    Of windows what lies in the run counts; rates are per second of that. Bins are whole ones, counted from the onset
    both ways. Where there is no baseline, as for an onset at 0, it counts as silent.

    Attributes:
        onset_ms: ms from the start of the run.
        pre_ms, post_ms, tail_ms: ms; the tail is at least as long as `post_ms`.
        bin_size: ms, at most `post_ms`.
        threshold_k: standard deviations.

    Result:
        evoked_rate_hz: float, spikes/s of the culture in [onset, onset + post_ms).
        response_gain: float, that over the rate in the baseline, [onset - pre_ms, onset); NaN where that is 0.
        response_peak_hz: float, spikes/s, the highest rate of a bin in [onset, onset + post_ms).
        response_latency_ms: float, from the onset to the start of the first bin there with more spikes than the
            baseline's bins have on average plus `threshold_k` times their standard deviation; NaN if there is none.
        response_duration_ms: float, from there to the start of the first bin that has not, or to onset + tail_ms if
            all have; 0 without a response.
        response_probability: float, share of units with a spike in [onset, onset + post_ms). The units are the
            simulated cells; without an env those that fired in the window.
    """

    onset_ms: NotNegative = 0.0
    pre_ms: NotNegative = 1000.0
    post_ms: Positive = 500.0
    bin_size: Positive = 10.0
    tail_ms: Positive = 4000.0
    threshold_k: NotNegative = 3.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tail_ms < self.post_ms:
            raise ValueError(f"tail_ms must be at least post_ms = {self.post_ms:g}, got {self.tail_ms:g}")
        if self.bin_size > self.post_ms:
            raise ValueError(f"bin_size must be at most post_ms = {self.post_ms:g}, got {self.bin_size:g}")
        return self

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, float]:
        onset, size, end = self.onset_ms, self.bin_size, spikes.duration
        units = units_of(env, spikes.ids)
        evoked = _between(spikes, onset, onset + self.post_ms)
        rate = _rate(spikes, onset, onset + self.post_ms)
        baseline = _rate(spikes, onset - self.pre_ms, onset)
        before = whole_bins(min(self.pre_ms, onset), size)
        after = whole_bins(min(self.tail_ms, end - onset), size)
        counts = binned(tidy(spikes.times - onset), size, before, after)
        past, response = counts[:before], counts[before:]
        threshold = past.mean() + self.threshold_k * past.std() if before else 0.0
        early = response[: whole_bins(self.post_ms, size)]
        high = np.flatnonzero(early > threshold)
        latency, length = np.nan, 0.0
        if len(high):
            back = np.flatnonzero(response[high[0] :] <= threshold)
            latency = float(high[0] * size)
            length = float((back[0] if len(back) else after - high[0]) * size)
        return {
            "evoked_rate_hz": rate,
            "response_gain": rate / baseline if baseline else np.nan,
            "response_peak_hz": float(early.max(initial=0) / size * 1000),
            "response_latency_ms": latency,
            "response_duration_ms": length,
            "response_probability": float(np.isin(units, spikes.ids[evoked]).mean()) if len(units) else 0.0,
        }


def _rate(spikes: Spikes, start: float, stop: float) -> float:
    """Spikes per second of what the run has of [start, stop) ms; 0 if that is nothing."""
    length = min(stop, spikes.duration) - max(start, 0.0)
    inside = _between(spikes, start, stop)
    return (inside.stop - inside.start) / length * 1000 if length > EPSILON else 0.0


class RecruitmentCurve(SpikeDecoding):
    """Which units respond to which amplitude, of pulses given repeatedly at several.

    The response probability of a unit at an amplitude is the share of repeats with at least one spike in
    [onset, onset + post_ms), less what chance gives: 1 - exp(-r·post_ms), with r the unit's rate in all the baselines
    [onset - pre_ms, onset), taken as Poisson; at least 0. So 1 - chance is the most that a unit can reach, and one that
    is active by itself can hardly be recruited unless `post_ms` is short. A unit is recruited at an amplitude where its
    probability is at least `recruited`.

    Repeats whose [onset, onset + post_ms) does not lie in the run are left out, and so are amplitudes without any.

    Attributes:
        schedule: (onset in ms from the start of the run, amplitude) of every pulse, as
            `PulseSweepPolicy.schedule` returns it.
        pre_ms, post_ms: ms.
        recruited: probability from which a unit counts as recruited.

    Result:
        curve: dict of amplitude to float, fraction of units recruited.
        censored: int64 [n], the units not recruited at the highest amplitude.
        below, above: float64 [units], the bracket of each unit's threshold: the lowest amplitude that recruits it
            (`above`, NaN if none does) and the one before it (`below`, NaN if there is none; the highest amplitude if
            none recruits the unit).
        highest_tested: float, the highest amplitude; NaN without any.
        probability_at_highest: float64 [units]; NaN without any amplitude.
        amplitudes: float64 [A], in ascending order of magnitude.
        probabilities: float64 [units, A].
        units: int64 [units], the simulated cells, ascending; without an env those that fired.
    """

    schedule: Annotated[tuple[tuple[NotNegative, float], ...], Field(min_length=1)]
    pre_ms: NotNegative = 1000.0
    post_ms: Positive = 500.0
    recruited: Annotated[float, Field(gt=0, le=1)] = 0.5

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        units = units_of(env, spikes.ids)
        trials = [trial for trial in self.schedule if trial[0] + self.post_ms <= spikes.duration + EPSILON]
        amplitudes = sorted({amplitude for _, amplitude in trials}, key=lambda a: (abs(a), a))
        place = {amplitude: i for i, amplitude in enumerate(amplitudes)}
        hits, repeats = np.zeros((len(amplitudes), len(units))), np.zeros(len(amplitudes))
        baseline, seconds = np.zeros(len(units)), 0.0
        for onset, amplitude in trials:
            fired = np.isin(units, spikes.ids[_between(spikes, onset, onset + self.post_ms)])
            hits[place[amplitude]] += fired
            repeats[place[amplitude]] += 1
            pre = _between(spikes, onset - self.pre_ms, onset)
            baseline += _count(spikes.ids[pre], units)
            seconds += min(self.pre_ms, onset)
        rate = baseline / seconds if seconds > EPSILON else np.zeros(len(units))
        chance = -np.expm1(-rate * self.post_ms)
        probabilities = np.maximum(hits / repeats[:, None] - chance, 0.0).T
        return self._result(units, np.array(amplitudes, np.float64), probabilities)

    def _result(self, units: np.ndarray, amplitudes: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
        recruited = probabilities >= self.recruited - 1e-12
        fractions = recruited.mean(axis=0) if len(units) else np.zeros(len(amplitudes))
        unknown = np.full(len(units), np.nan)
        highest, last, above, below, censored = np.nan, unknown, unknown, unknown, units[:0]
        if len(amplitudes):
            highest, last = float(amplitudes[-1]), probabilities[:, -1].copy()
            censored = units[~recruited[:, -1]]
            ever, lowest = recruited.any(axis=1), recruited.argmax(axis=1)
            above = np.where(ever, amplitudes[lowest], np.nan)
            below = np.where(ever & (lowest == 0), np.nan, np.where(ever, amplitudes[lowest - 1], highest))
        return {
            "curve": dict(zip(amplitudes.tolist(), fractions.tolist(), strict=True)),
            "censored": censored,
            "below": below,
            "above": above,
            "highest_tested": highest,
            "probability_at_highest": last,
            "amplitudes": amplitudes,
            "probabilities": probabilities,
            "units": units,
        }


def _count(ids: np.ndarray, units: np.ndarray) -> np.ndarray:
    """int64[units], how often each unit is among the ids."""
    known = ids[np.isin(ids, units)]
    return np.bincount(np.searchsorted(units, known), minlength=len(units))


class PeriStimulusHistogram(SpikeDecoding):
    """Spikes around the onsets of stimuli, by trial and population.

    A trial is an onset whose whole [onset - pre_ms, onset + post_ms) lies in the run; other onsets are left out. Groups
    are populations; without an env there is one, `all`, and its units are those that fired in the run.

    Attributes:
        onsets: ms from the start of the run; trials are in their order.
        pre_ms, post_ms, bin_size: ms.
        populations: names; None: all.

    Result:
        edges: float64 [B + 1], ms from the onset, of whole bins, counted from the onset both ways; what is left of
            `pre_ms` and `post_ms` at the ends is in no bin.
        counts: dict of group to int64 [n_trials, B], spikes per bin.
        n_trials: int.
        n_units: dict of group to int, its simulated cells.
        spike_times: dict of group to a list of float64 [n] per trial, ms from the onset, in [-pre_ms, post_ms).
        spike_ids: dict of group to a list of int64 [n] per trial, the cells.
    """

    onsets: tuple[float, ...]
    pre_ms: NotNegative = 50.0
    post_ms: Positive = 150.0
    bin_size: Positive = 5.0
    populations: Names | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.bin_size > max(self.pre_ms, self.post_ms):
            raise ValueError(
                f"bin_size must be at most post_ms = {self.post_ms:g} or pre_ms = {self.pre_ms:g}, "
                f"got {self.bin_size:g}"
            )
        return self

    def setup(self, env: Any) -> None:
        """Record the spikes of all cells.

        Raises:
            KeyError: an unknown population.
        """
        groups(self, self.populations, env, np.empty(0, np.int64))
        super().setup(env)

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        before, after = whole_bins(self.pre_ms, self.bin_size), whole_bins(self.post_ms, self.bin_size)
        members = groups(self, self.populations, env, spikes.ids)
        times: dict[str, list[np.ndarray]] = {name: [] for name in members}
        ids: dict[str, list[np.ndarray]] = {name: [] for name in members}
        for onset in self.onsets:
            if onset - self.pre_ms < -EPSILON or onset + self.post_ms > spikes.duration + EPSILON:
                continue
            trial = _between(spikes, onset - self.pre_ms, onset + self.post_ms)
            when, who = tidy(spikes.times[trial] - onset), spikes.ids[trial]
            for name, gids in members.items():
                mine = np.isin(who, gids)
                times[name].append(when[mine])
                ids[name].append(who[mine])
        n = len(next(iter(times.values()))) if times else 0
        counts = {name: [binned(t, self.bin_size, before, after) for t in of] for name, of in times.items()}
        return {
            "edges": np.arange(-before, after + 1) * self.bin_size,
            "counts": {name: np.array(of, np.int64).reshape(n, before + after) for name, of in counts.items()},
            "n_trials": n,
            "n_units": {name: len(gids) for name, gids in members.items()},
            "spike_times": times,
            "spike_ids": ids,
        }
