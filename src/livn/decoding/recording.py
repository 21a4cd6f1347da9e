"""What was recorded itself: a window of it, that of all MPI ranks, or what the electrodes hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, StrictBool, model_validator

from livn.configured import NotNegative, Positive
from livn.decoding.base import Decoding, Names, check_within, needed, whole
from livn.recordings import EPSILON
from livn.run import CURRENT, SPIKES, VOLTAGE, Run

__all__ = ["ChannelRecording", "GatherAndMerge", "Slice", "first", "record_current"]


def first(run: Run, duration: float | None) -> Run:
    """The first `duration` ms of a run; the run itself where that is all of it.

    Raises:
        ValueError: an end that lies off the grid of a series, or beyond that of the run.
    """
    check_within(duration, run)
    length = run._length()
    within = duration is None or (length is not None and length <= duration + EPSILON)
    return run if within else run.slice(0, duration)


def record_current(env: Any) -> None:
    """Record the membrane current of all cells, unless some is recorded already."""
    if env.membrane_current_recording_dt is None:
        env.record_membrane_current()


class Slice(Decoding):
    """The window [start, stop) of a Run, as `Run.slice` cuts it; of this rank's recordings, so that stages can follow.

    Attributes:
        start, stop: ms from the start of the run.
        duration: how long `env(decoding)` runs, ms; by default `stop`.
    """

    start: NotNegative = 0.0
    stop: Positive

    @model_validator(mode="before")
    @classmethod
    def _runs_to_its_end(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("duration") is None and "stop" in values:
            return {**values, "duration": values["stop"]}
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop <= self.start:
            raise ValueError(f"stop must be later than start = {self.start:g} ms, got {self.stop:g}")
        if self.duration is not None and self.stop > self.duration + EPSILON:
            raise ValueError(f"stop must be at most the duration, {self.duration:g} ms, got {self.stop:g}")
        return self

    def __call__(self, signal: Run, env: Any = None) -> Run:
        """The window.

        Raises:
            ValueError: a run that ends before `stop`, or a bound off the grid of a series.
        """
        return whole(signal).slice(self.start, self.stop)


class GatherAndMerge(Decoding):
    """The recordings of all MPI ranks in one Run, on the rank `root`; None on the others.

    `setup` enables the signals asked for. What is recorded already stays as it is, with its dt, unless one of the
    options for voltages is given: voltages are then recorded with these options and the dt that they have.

    Attributes:
        spikes, voltages, membrane_currents: whether to record and to gather them; False leaves them out of the result
            even where they are recorded. Other signals are gathered as they are.
        voltage_gids: cells whose voltages are recorded; None: all.
        voltage_dt: ms; None: as it is, else 0.1.
        voltage_sections: `"soma"`, `"dend"` or both; None: the soma.
        root: the rank that gets the result.
    """

    spikes: StrictBool = True
    voltages: StrictBool = True
    membrane_currents: StrictBool = True
    voltage_gids: tuple[int, ...] | None = None
    voltage_dt: Positive | None = None
    voltage_sections: Names | None = None
    root: Annotated[int, Field(ge=0)] = 0

    @property
    def _voltage_options(self) -> dict[str, Any]:
        options = {"gids": self.voltage_gids, "dt": self.voltage_dt, "sections": self.voltage_sections}
        return {name: value for name, value in options.items() if value is not None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self._voltage_options and not self.voltages:
            given = ", ".join(f"voltage_{name}" for name in self._voltage_options)
            raise ValueError(f"voltages must be True for {given} to mean anything")
        return self

    def setup(self, env: Any) -> None:
        """Record what is asked for."""
        if self.spikes:
            env.record_spikes()
        options, dt = self._voltage_options, env.voltage_recording_dt
        if self.voltages and (options or dt is None):
            env.record_voltage(**({} if dt is None else {"dt": dt}) | options)
        if self.membrane_currents:
            record_current(env)

    def __call__(self, signal: Run, env: Any = None) -> Any:
        """The first `duration` ms of the Run of all ranks on `root`, None elsewhere."""
        return self._gathered(signal, env)

    def _gathered(self, signal: Run, env: Any) -> Run | None:
        run = whole(signal)
        wanted = {SPIKES: self.spikes, VOLTAGE: self.voltages, CURRENT: self.membrane_currents}
        for name in (name for name, keep in wanted.items() if not keep):
            run = run.drop(name)
        run = first(run, self.duration)
        alone = env is not None and env.comm is None  # whatever else this process shares
        return run if alone else run.gather(None if env is None else env.comm, self.root)


class ChannelRecording(GatherAndMerge):
    """What the electrodes hear; the attributes are those of `GatherAndMerge`. Needs the env.

    Result (a tuple on the rank `root`, None elsewhere):
        dict of channel to int64 [n]: the cells of the spikes that it hears; every channel is a key.
        dict of channel to float64 [n]: their times, ms from the start of the run.
        int64 [n]: the cells of the rows of voltages; None if not recorded.
        float [n, T]: voltages, mV; None if not recorded.
        int64 [C]: the ids of the channels.
        float64 [C, T]: their field potentials, µV, in this order; None if membrane currents are not recorded.
    """

    def setup(self, env: Any) -> None:
        """Record what is asked for.

        Raises:
            NotImplementedError: the env's IO records nothing.
        """
        if not len(env.io.channel_ids):
            env.channel_recording(np.empty(0, np.int64))  # which says so, before a run is lost
        super().setup(env)

    def __call__(self, signal: Run, env: Any = None) -> Any:
        """The tuple above.

        Raises:
            ValueError: without an env.
            NotImplementedError: the env's IO records nothing.
        """
        env = needed(env, self)
        run = self._gathered(signal, env)
        if run is None:
            return None
        ids = np.empty(0, np.int64) if run.spike_ids is None else run.spike_ids
        times = np.empty(0) if run.spike_times is None else run.spike_times
        units, heard = env.channel_recording(ids, times)
        current = run.current
        potentials = None if current is None else env.potential_recording(current, ids=run.current_ids)
        return units, heard, run.voltage_ids, run.voltage, env.io.channel_ids, potentials
