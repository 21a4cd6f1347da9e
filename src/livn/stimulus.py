"""Input to cells over time: what each receives, on which section, in which unit and on which time grid."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from livn.checks import array as checked_array
from livn.checks import choice, integer, number, steps
from livn.columns import allow, column_sections, dense_array, spread, spread_source
from livn.frozen import Frozen, frozen_ids
from livn.grids import averages, ratio
from livn.modes import DEFAULT_MODE, FLUX, MODES, photons_per_mw, unit_for
from livn.trains import SpikeTrains

if TYPE_CHECKING:
    from livn.policy import BiphasicPulsePolicy

__all__ = ["MODES", "Stimulus"]


class Stimulus(Frozen):
    """Input per column and row: row k holds over [k·dt, (k+1)·dt), ms from the start of the run; zero afterwards.

    Dense, it holds its array; deferred, it asks `source(start_ms, stop_ms)` for the rows it needs, so that a long
    stimulus never has to fit in memory. Immutable. `len(stimulus)` is the number of columns; iteration yields
    `(gid, section, series [T])` per column; `np.asarray(stimulus)` is the dense array.

    Attributes:
        array: float64 [T, n], read-only, in `units`; None if deferred.
        dt: how long a row holds, ms.
        gids: int64 [n], the cell of each column; None: one column per simulated cell, or per compartment of all.
        sections: int64 [n], the section of each column within its cell; None without gids.
        input_mode: how it acts, a key of `MODES`.
        units: of its values.
        source: the function that makes rows, or None.
        extent: how long the source lasts, ms, or None.
    """

    array: np.ndarray | None
    dt: float
    gids: np.ndarray | None
    sections: np.ndarray | None
    input_mode: str
    units: str
    source: Callable[[float, float], ArrayLike] | None
    extent: float | None
    _extra: dict[str, Any]
    _rows: int

    def __init__(
        self,
        array: ArrayLike | Stimulus | None = None,
        dt: float = 1.0,
        gids: ArrayLike | None = None,
        input_mode: str = DEFAULT_MODE,
        units: str | None = None,
        sections: ArrayLike | None = None,
        source: Callable[[float, float], ArrayLike] | None = None,
        extent: float | None = None,
        **extra: Any,
    ) -> None:
        """Take the attributes above.

        Args:
            array: [T, n], at least 1 x 1, finite; or another Stimulus, whose fields are all taken over.
            dt: ms.
            gids: [n] cells.
            input_mode: a key of `MODES`.
            units: None = those of the mode.
            sections: [n]; by default the occurrence within each gid, so 0, 1 where a gid has two columns.
            source: `source(start_ms, stop_ms)` -> [round((stop_ms - start_ms)/dt), n]; wants gids and extent.
            extent: of the source, ms, a multiple of dt.
            **extra: metadata that travels with the stimulus.

        Raises:
            TypeError: arguments of the wrong kind, or metadata whose name is a misspelt argument.
            ValueError: wrong shape, NaN, dt <= 0, unknown mode or units, negative or repeated columns, missing pieces.
        """
        for name in extra:
            close = difflib.get_close_matches(name, ARGUMENTS, n=1, cutoff=0.8)
            if close:
                raise TypeError(f"unknown argument {name!r}; did you mean {close[0]!r}? (metadata wants another name)")
        if isinstance(array, Stimulus):
            others = (gids, units, sections, source, extent)
            if dt != 1.0 or input_mode != DEFAULT_MODE or any(o is not None for o in others):
                raise TypeError("Stimulus(stimulus) takes all fields from it; only metadata can be added")
            self._set(**{**array.__dict__, "_extra": {**array._extra, **extra}})
            return
        dt = number("dt", dt, above=0, unit="ms")
        input_mode = choice("input_mode", input_mode, MODES)
        ids = None if gids is None else frozen_ids("gids", gids)
        if source is None:
            if extent is not None:
                raise ValueError("extent goes with source; an array has its own length")
            dense = dense_array(array)
            rows, width = dense.shape
        else:
            if array is not None or ids is None or extent is None:
                raise ValueError("a deferred stimulus needs source, gids and extent, and no array")
            if not callable(source):
                raise TypeError(f"source must be a function of (start_ms, stop_ms), got {source!r:.200}")
            rows, width = steps("extent", extent, dt), len(ids)
        self._set(
            array=None if source is not None else dense,
            dt=dt,
            gids=ids,
            sections=column_sections(ids, sections, width),
            input_mode=input_mode,
            units=unit_for(input_mode, units),
            source=source,
            extent=None if extent is None else float(extent),
            _extra=dict(extra),
            _rows=rows,
        )

    @classmethod
    def from_extracellular(
        cls, array: ArrayLike, dt: float = 0.1, gids: ArrayLike | None = None, **options: Any
    ) -> Stimulus:
        """Potential outside of each compartment [T, n], mV; its differences alone act. Options as the constructor's."""
        return cls(array, dt, gids, "extracellular", **options)

    @classmethod
    def from_current(cls, array: ArrayLike, dt: float = 0.1, gids: ArrayLike | None = None, **options: Any) -> Stimulus:
        """Injected current [T, n], nA, positive depolarising. Options as the constructor's."""
        return cls(array, dt, gids, "current", **options)

    @classmethod
    def from_current_density(
        cls, array: ArrayLike, dt: float = 0.1, gids: ArrayLike | None = None, **options: Any
    ) -> Stimulus:
        """Injected current per membrane area [T, n], mA/cm², positive depolarising. Options as the constructor's."""
        return cls(array, dt, gids, "current_density", **options)

    @classmethod
    def from_conductance(
        cls, array: ArrayLike, dt: float = 0.1, gids: ArrayLike | None = None, **options: Any
    ) -> Stimulus:
        """Conductance [T, n], µS, to the model's reversal potential. Options as the constructor's."""
        return cls(array, dt, gids, "conductance", **options)

    @classmethod
    def from_irradiance(
        cls, array: ArrayLike, dt: float = 0.1, gids: ArrayLike | None = None, **options: Any
    ) -> Stimulus:
        """Light [T, n], mW/mm² or, with `units="photon_flux"`, photons/s/mm²; wants a model with opsins.

        Options as the constructor's; `wavelength_nm` (473) is the metadata that `convert_to` reads.
        """
        return cls(array, dt, gids, "irradiance", **options)

    @classmethod
    def from_spikes(cls, times: Mapping[int, ArrayLike], dt: float = 0.025) -> Stimulus:
        """Spikes that cells emit as if they had crossed their threshold.

        A run takes each to its nearest step. One that falls into the refractory period of a spike of the cell's own is
        ignored, as a crossing would be.

        Args:
            times: {gid: times [n], ms from the start of the run, >= 0}, in any order.
            dt: spacing of the rows of this stimulus as an array of counts, ms; the run uses the times themselves.

        Raises:
            ValueError: no cell, a negative gid, a time that is negative or not finite.
            TypeError: no mapping of gids.
        """
        trains = SpikeTrains.checked(times, number("dt", dt, above=0, unit="ms"))
        return cls(dt=dt, gids=trains.gids, input_mode="spikes", source=trains, extent=trains.extent)

    @staticmethod
    def biphasic_pulse(
        n_channels: int,
        channels: int | Iterable[int],
        amplitude: float | Iterable[float] = 20.0,
        phase_duration: float = 0.2,
        interphase_gap: float = 0.05,
        pulse_times: Iterable[float] = (0.0,),
        dt: float = 0.05,
        cathodic_first: bool = True,
    ) -> BiphasicPulsePolicy:
        """Charge-balanced pulses on electrodes: the `livn.policy.BiphasicPulsePolicy` of these fields [µA, ms].

        Raises:
            ValueError: a channel off the array, a time off the grid, pulses that overlap.
        """
        from livn.policy import BiphasicPulsePolicy

        return BiphasicPulsePolicy(
            n_channels=n_channels,
            channels=channels,  # type: ignore[arg-type]  # the policy takes what is here
            amplitude=amplitude,  # type: ignore[arg-type]
            phase_duration=phase_duration,
            interphase_gap=interphase_gap,
            pulse_times=pulse_times,  # type: ignore[arg-type]
            dt=dt,
            cathodic_first=cathodic_first,
        )

    @classmethod
    def from_arg(cls, x: Any, env: Any = None, duration: float | None = None) -> Stimulus | None:
        """What `run(stimulus=x)` means.

        Args:
            x: None, a Stimulus, an array [T, n] (dt 1 ms), a tuple `(array, dt, ...)` in the constructor's order, a
                dict of the constructor's arguments, or a Policy, which becomes what its channels do to the env's cells.
            env: its model's `input_mode` is that of an `x` that names none; otherwise extracellular. Its electrodes
                carry out a policy.
            duration: of the run, ms; what lies beyond it is not delivered, and a warning says so.

        Returns:
            The Stimulus, or None for None.

        Raises:
            ValueError, TypeError: "Invalid stimulus" for anything else; the constructor's for a bad one; a policy
                without electrodes, of another number of channels or unit, or longer than the run.
        """
        from livn.argument import stimulus_of

        return stimulus_of(x, env, duration)

    # What it is

    @property
    def deferred(self) -> bool:
        """Whether rows are made on demand by `source`."""
        return self.source is not None

    @property
    def duration(self) -> float:
        """T·dt, ms."""
        return self._rows * self.dt

    @property
    def width(self) -> int:
        """Number of columns n."""
        return len(self.gids) if self.array is None else self.array.shape[1]  # type: ignore[arg-type]

    @property
    def extra(self) -> Mapping[str, Any]:
        """Metadata, read-only."""
        return MappingProxyType(self._extra)

    meta_data = extra

    def __len__(self) -> int:
        """Number of columns n."""
        return self.width

    def __iter__(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield `(gid, section, float64 [T])` per column; ValueError without gids."""
        gids, sections = self._addressed("iterate over")
        values = np.asarray(self)
        return zip(gids.tolist(), sections.tolist(), values.T, strict=True)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self.array is None:
            if copy is False:
                raise ValueError("a deferred stimulus has no array to share; its rows must be made")
            allow(self._rows, self.width)
            return self._fetch(0, self._rows).astype(dtype or np.float64, copy=False)
        if copy is False and dtype is not None and np.dtype(dtype) != self.array.dtype:
            raise ValueError(f"the array is float64; as {np.dtype(dtype)} it must be copied")
        return self.array.astype(dtype or np.float64, copy=bool(copy))

    def __repr__(self) -> str:
        form = "deferred " if self.deferred else ""
        cells = "" if self.gids is None else f", {len(np.unique(self.gids))} cells"
        return (
            f"Stimulus({self.input_mode}, {form}{self._rows} x {self.width} @ {self.dt:.10g} ms, {self.units}{cells})"
        )

    def _addressed(self, verb: str) -> tuple[np.ndarray, np.ndarray]:
        if self.gids is None or self.sections is None:
            raise ValueError(f"cannot {verb} a stimulus without gids; align_gids(all_gids) gives it some")
        return self.gids, self.sections

    # Its values

    def _fetch(self, first: int, last: int) -> np.ndarray:
        """float64 [last - first, n]: these rows, which must exist."""
        if self.array is not None:
            return self.array[first:last]
        rows = self.source(first * self.dt, last * self.dt)  # type: ignore[misc]
        return checked_array(
            f"source({first * self.dt:.10g}, {last * self.dt:.10g})", rows, shape=(last - first, self.width)
        )

    def window(self, a: float, b: float) -> np.ndarray:
        """float64 [(b - a)/dt, n]: the rows that begin in [a, b), ms; zero past the end.

        Raises:
            ValueError: bounds that are negative, in the wrong order or no multiples of dt.
        """
        first = steps("a", a, self.dt, least=0)
        last = steps("b", b, self.dt, least=first)
        return self.rows(first, last)

    def rows(self, first: int, last: int) -> np.ndarray:
        """float64 [last - first, n]: the rows with these numbers, zero past the end."""
        out = np.zeros((last - first, self.width))
        end = min(last, self._rows)
        if first < end:
            out[: end - first] = self._fetch(first, end)
        return out

    def rows_per(self, dt: float) -> int | None:
        """How many steps of `dt` ms one row holds, if that is whole to 1e-9, else None.

        Where it is n, the average over step k is row `k // n`.
        """
        row, step = ratio(self.dt, number("dt", dt, above=0, unit="ms"))
        return row if step == 1 else None

    def step_averages(self, dt: float, start_step: int, n_steps: int) -> np.ndarray:
        """float64 [n_steps, n]: the mean over each step [k·dt, (k+1)·dt), from k = `start_step`; zero past the end.

        The integral of the stimulus is kept on every grid. A step's numbers do not depend on the window it is asked
        for in.

        Args:
            dt: length of a step, ms.
            start_step: number of the first step, counted from the start of the run.
            n_steps: how many.
        """
        dt = number("dt", dt, above=0, unit="ms")
        start_step, n_steps = integer("start_step", start_step, low=0), integer("n_steps", n_steps, low=0)
        return averages(self._fetch, (self._rows, self.width), self.dt, dt, start_step, n_steps)

    # Other forms

    def _with(self, array: np.ndarray | None, **changes: Any) -> Stimulus:
        fields = {name: getattr(self, name) for name in ARGUMENTS if name != "array"}
        return Stimulus(array, **{**self._extra, **fields, **changes})

    def expand(self, gids: ArrayLike, sections: ArrayLike | None = None) -> Stimulus:
        """The same stimulus with one column for each of `gids` (and `sections`), zero where it has none.

        Args:
            gids: [m] the full ordering.
            sections: [m]; by default the occurrence within each gid.

        Raises:
            ValueError: without gids, or with a column that the ordering lacks.
            MemoryError: the array would pass LIVN_MAX_STIMULUS_GB. A deferred stimulus stays deferred.
        """
        mine = self._addressed("expand")
        full = frozen_ids("gids", gids)
        labels = column_sections(full, sections, len(full))
        place = {key: i for i, key in enumerate(zip(full.tolist(), labels.tolist(), strict=True))}  # type: ignore[union-attr]
        wanted = list(zip(mine[0].tolist(), mine[1].tolist(), strict=True))
        missing = [key for key in wanted if key not in place]
        if missing:
            raise ValueError(f"the ordering lacks columns of the stimulus, (gid, section): {missing[:5]}")
        if isinstance(self.source, SpikeTrains):
            return self._with(None, source=self.source.expand(full), gids=full, sections=labels)
        places = np.array([place[key] for key in wanted])
        if self.source is not None:
            source = partial(spread_source, self.source, places, len(full))
            return self._with(None, source=source, gids=full, sections=labels)
        allow(self._rows, len(full))
        return self._with(spread(np.asarray(self), places, len(full)), gids=full, sections=labels)

    def align_gids(self, all_gids: ArrayLike) -> Stimulus:
        """`expand(all_gids)`; a stimulus without gids takes these for its columns, which must be as many."""
        if self.gids is not None:
            return self.expand(all_gids)
        return self._with(self.array, gids=all_gids)

    def resample(self, target_dt: float, duration: float | None = None) -> Stimulus:
        """The same stimulus with rows of `target_dt` ms, each the mean over its time: no charge is lost.

        Args:
            target_dt: ms.
            duration: ms, rounded to whole rows; cuts, or fills with zeros. None = all of it.

        Raises:
            MemoryError: the array would pass LIVN_MAX_STIMULUS_GB.
        """
        target_dt = number("target_dt", target_dt, above=0, unit="ms")
        if duration is None:
            row, step = ratio(self.dt, target_dt)
            n = -(-self._rows * row // step)
        else:
            n = round(number("duration", duration, above=0, unit="ms") / target_dt)
            if n < 1:
                raise ValueError(f"duration must be at least one row of {target_dt:.10g} ms, got {duration!r}")
        allow(n, self.width)
        return self._with(self.step_averages(target_dt, 0, n), dt=target_dt, source=None, extent=None)

    def convert_to(self, units: str) -> Stimulus:
        """Light in other units: mW/mm² or `"photon_flux"`, photons/s/mm², at `extra["wavelength_nm"]` (473).

        Raises:
            ValueError: not light, or no unit of it.
            MemoryError: the array of a deferred stimulus would pass LIVN_MAX_STIMULUS_GB.
        """
        units = unit_for(self.input_mode, units)
        if self.input_mode != "irradiance":
            raise ValueError(f"convert_to is for light, mode irradiance; this stimulus is of mode {self.input_mode}")
        if units == self.units:
            return self
        wavelength = number("wavelength_nm", self._extra.get("wavelength_nm", 473.0), above=0.0, unit="nm")
        factor = photons_per_mw(wavelength) if units == FLUX else 1.0 / photons_per_mw(wavelength)
        return self._with(np.asarray(self) * factor, units=units, source=None, extent=None)

    def to_array(self, duration: float | None = None, dt: float | None = None) -> np.ndarray:
        """float64 [round(duration/dt) + 1, n]: the mean over each step of `dt` ms, the one from `duration` included.

        Args:
            duration: ms; None = the stimulus's own.
            dt: ms; None = the stimulus's own.

        Raises:
            MemoryError: the array would pass LIVN_MAX_STIMULUS_GB.
        """
        dt = self.dt if dt is None else number("dt", dt, above=0, unit="ms")
        duration = self.duration if duration is None else number("duration", duration, low=0, unit="ms")
        n = round(duration / dt) + 1
        allow(n, self.width)
        return self.step_averages(dt, 0, n)


ARGUMENTS = tuple(inspect.signature(Stimulus).parameters)[:-1]
