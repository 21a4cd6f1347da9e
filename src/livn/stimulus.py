"""Input to cells over time: what each receives, on which section, in which unit and on which time grid."""

from __future__ import annotations

import difflib
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from livn.checks import array as checked_array
from livn.checks import choice, environment, integer, number, steps
from livn.frozen import Frozen, frozen, frozen_ids
from livn.grids import averages, ratio
from livn.modes import DEFAULT_MODE, MODES, unit_for

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
            dense = _dense(array)
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
            sections=_columns(ids, sections, width),
            input_mode=input_mode,
            units=unit_for(input_mode, units),
            source=source,
            extent=None if extent is None else float(extent),
            _extra=dict(extra),
            _rows=rows,
        )

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
    def from_arg(cls, x: Any, env: Any = None, duration: float | None = None) -> Stimulus | None:
        """What `run(stimulus=x)` means.

        Args:
            x: None, a Stimulus, an array [T, n] (dt 1 ms), a tuple `(array, dt, ...)` in the constructor's order, or a
                dict of the constructor's arguments.
            env: its model's `input_mode` is that of an `x` that names none; otherwise current.
            duration: of the run, ms; what lies beyond it is not delivered, and a warning says so.

        Returns:
            The Stimulus, or None for None.

        Raises:
            ValueError, TypeError: "Invalid stimulus" for anything else; the constructor's for a bad one.
        """
        if x is None:
            return None
        mode = DEFAULT_MODE if env is None or env.model.input_mode is None else env.model.input_mode
        if isinstance(x, Stimulus):
            stimulus = x
        elif isinstance(x, dict) and all(isinstance(key, str) for key in x):
            default: dict[str, Any] = {} if isinstance(x.get("array"), Stimulus) else {"input_mode": mode}
            stimulus = cls(**default | x)
        elif isinstance(x, tuple) and 1 <= len(x) <= len(ARGUMENTS):
            arguments = dict(zip(ARGUMENTS, x, strict=False))
            stimulus = cls.from_arg(arguments, env)  # type: ignore[assignment]
        elif isinstance(x, list | np.ndarray):
            stimulus = cls(x, input_mode=mode)
        else:
            raise ValueError(
                f"Invalid stimulus {x!r:.200}: must be None, a Stimulus, an array [T, n], a tuple (array, dt, ...) "
                "or a dict of Stimulus arguments"
            )
        if duration is not None:
            # at the caller's line: of this method, or of the run that took the stimulus
            stimulus._warn_if_cut(number("duration", duration, above=0, unit="ms"), 3 if env is None else 5)
        return stimulus

    def _warn_if_cut(self, duration: float, stacklevel: int) -> None:
        first = math.ceil(duration / self.dt - 1e-6)
        beyond = self._rows > first if self.array is None else bool(self.array[first:].any())
        if beyond:
            text = (
                f"the stimulus lasts {self.duration:.10g} ms: what lies beyond the run's {duration:.10g} ms is dropped"
            )
            warnings.warn(text, RuntimeWarning, stacklevel=stacklevel)

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
            _allow(self._rows, self.width)
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
        held = self._fetch(min(first, self._rows), min(last, self._rows)) if first < min(last, self._rows) else None
        out = np.zeros((last - first, self.width))
        if held is not None:
            out[: len(held)] = held
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
        labels = _columns(full, sections, len(full))
        place = {key: i for i, key in enumerate(zip(full.tolist(), labels.tolist(), strict=True))}  # type: ignore[union-attr]
        wanted = list(zip(mine[0].tolist(), mine[1].tolist(), strict=True))
        missing = [key for key in wanted if key not in place]
        if missing:
            raise ValueError(f"the ordering lacks columns of the stimulus, (gid, section): {missing[:5]}")
        columns = np.array([place[key] for key in wanted])
        if self.source is not None:
            source = partial(_spread_source, self.source, columns, len(full))
            return self._with(None, source=source, gids=full, sections=labels)
        _allow(self._rows, len(full))
        return self._with(_spread(np.asarray(self), columns, len(full)), gids=full, sections=labels)

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
        _allow(n, self.width)
        return self._with(self.step_averages(target_dt, 0, n), dt=target_dt, source=None, extent=None)

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
        _allow(n, self.width)
        return self.step_averages(dt, 0, n)


ARGUMENTS = tuple(inspect.signature(Stimulus).parameters)[:-1]


def _dense(array: Any) -> np.ndarray:
    if array is None:
        raise ValueError("a stimulus needs an array [T, n], or source, gids and extent")
    a = frozen("array", array, np.float64)
    if a.ndim != 2 or not a.size:
        hint = "; for one column use array.reshape(-1, 1)" if a.ndim == 1 and a.size else ""
        raise ValueError(f"array must have the shape [T, n] with T, n >= 1, got {list(a.shape)}{hint}")
    if not np.isfinite(a).all():
        k, column = np.argwhere(~np.isfinite(a))[0].tolist()
        raise ValueError(f"array must be finite, got {a[k, column]} in row {k}, column {column}")
    return a


def _columns(gids: np.ndarray | None, sections: ArrayLike | None, width: int) -> np.ndarray | None:
    """The section of each column, once every (gid, section) is known to occur once."""
    if gids is None:
        if sections is not None:
            raise ValueError("sections go with gids: give both")
        return None
    if len(gids) != width or not width:
        raise ValueError(f"gids must be one per column, {width or 'at least 1'}, got {len(gids)}")
    if sections is None:
        order = np.argsort(gids, kind="stable")
        _, start, count = np.unique(gids[order], return_index=True, return_counts=True)
        labels = np.empty(width, dtype=np.int64)
        labels[order] = np.arange(width) - np.repeat(start, count)
        return frozen("sections", labels)
    labels = frozen_ids("sections", sections)
    if len(labels) != width:
        raise ValueError(f"sections must be one per column, {width}, got {len(labels)}")
    pairs, count = np.unique(np.stack([gids, labels]), axis=1, return_counts=True)
    if (count > 1).any():
        gid, section = pairs[:, count.argmax()].tolist()
        raise ValueError(f"each (gid, section) must have one column, got {count.max()} of gid {gid}, section {section}")
    return labels


def _spread(rows: ArrayLike, columns: np.ndarray, width: int) -> np.ndarray:
    values = np.asarray(rows)
    out = np.zeros((len(values), width))
    out[:, columns] = values
    return out


def _spread_source(
    source: Callable[[float, float], ArrayLike], columns: np.ndarray, width: int, start: float, stop: float
) -> np.ndarray:
    return _spread(source(start, stop), columns, width)


def _allow(rows: int, width: int) -> None:
    """Refuse a dense array over the cap, LIVN_MAX_STIMULUS_GB (GiB; 5 by default, 0 = no cap)."""
    cap = environment("LIVN_MAX_STIMULUS_GB", 5.0)
    size = 8 * rows * width / 2**30
    if 0 < cap < size:
        raise MemoryError(
            f"a stimulus of {rows} x {width} values takes {size:.3g} GiB, more than LIVN_MAX_STIMULUS_GB = {cap:g}; "
            "use fewer columns, longer rows or a source, or raise the cap (0 = none)"
        )
