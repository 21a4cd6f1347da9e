"""What one channel of a run holds: `Events` (spikes) or `Series` (voltages, currents, weights)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from livn.checks import boolean, integer, number
from livn.frozen import Frozen, frozen, frozen_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EPSILON", "Events", "Series"]

DEFAULT_DT = 0.1
"""Spacing of samples that nobody asked for otherwise, ms."""

EPSILON = 1e-6  # ms: times closer than this are the same; far below any step, far above rounding


class Events(Frozen):
    """Events (spikes) of a window, immutable.

    Compact, the usual form, has one entry per event, ordered by (time, id). Padded is a rectangle, as engines that
    need fixed shapes make it: one row per cell, the places without an event filled with infinity.

    Attributes:
        ids: int64 [n], the cell of each event; padded: int64 [N], the cell of each row.
        times: float64 [n], ms since `t0`, in [0, duration); padded: float64 [..., N, k], inf where nothing happened.
        t0: absolute start of the window, ms.
        duration: its length, ms, or None if unknown.
        padded: whether this is the rectangle.
    """

    ids: np.ndarray
    times: np.ndarray
    t0: float
    duration: float | None
    padded: bool

    def __init__(
        self, ids: ArrayLike, times: ArrayLike, t0: float = 0.0, duration: float | None = None, padded: bool = False
    ) -> None:
        """Take the attributes above; compact events may come in any order.

        Raises:
            TypeError: ids that are not whole numbers.
            ValueError: shapes that do not match, times that are NaN or outside the window, negative ids.
        """
        t0 = number("t0", t0, unit="ms")
        duration = None if duration is None else number("duration", duration, low=0, unit="ms")
        rectangle = boolean("padded", padded)
        ids, times = frozen_ids("ids", ids), frozen("times", times, np.float64)
        if rectangle and (times.ndim < 2 or times.shape[-2] != len(ids)):
            raise ValueError(f"padded times must have the shape [..., {len(ids)}, k], got {list(times.shape)}")
        if not rectangle and times.shape != ids.shape:
            raise ValueError(f"times must be one per id, [{len(ids)}], got the shape {list(times.shape)}")
        end = np.inf if duration is None else duration
        wrong = ~((times >= 0) & (times < end)) & ~(rectangle & (times == np.inf))
        if wrong.any():
            got = times[tuple(np.argwhere(wrong)[0])]
            raise ValueError(f"times must lie in [0, {end:.10g}) ms, counted from t0 = {t0:.10g}, got {got:.10g}")
        if not rectangle and not _ordered(times, ids):
            order = np.lexsort((ids, times))
            ids, times = frozen("ids", ids[order]), frozen("times", times[order])
        self._set(ids=ids, times=times, t0=t0, duration=duration, padded=rectangle)

    @property
    def fired(self) -> np.ndarray:
        """bool, the shape of `times`: whether an event is there (everywhere, when compact)."""
        return np.isfinite(self.times)

    def __len__(self) -> int:
        """The number of events."""
        return int(self.fired.sum())

    def __repr__(self) -> str:
        form = f"padded {' x '.join(map(str, self.times.shape))}, " if self.padded else ""
        return f"Events({form}{len(self)} events, {window_text(self.t0, self.duration)})"

    def compact(self) -> Events:
        """The compact form, [n] ids and times.

        Raises:
            ValueError: a batched rectangle, times [..., N, k], has no ragged form.
        """
        if not self.padded:
            return self
        if self.times.ndim > 2:
            raise ValueError(
                f"a batch {list(self.times.shape)} has no ragged form; use the padded ids, times and fired"
            )
        fired = self.fired
        return Events(self.ids[np.nonzero(fired)[0]], self.times[fired], self.t0, self.duration)

    def raster(self, dt: float, n_cells: int | None = None, steps: int | None = None) -> np.ndarray:
        """Events on a grid: bool [..., n_cells, steps], True where cell (row = id) has one nearest to column·dt.

        Args:
            dt: spacing of the columns, ms.
            n_cells: rows; by default one more than the largest id.
            steps: columns, events beyond them being left out; by default round(duration/dt) + 1, both ends counted.

        Raises:
            ValueError: an id without a row, or neither `steps` nor a duration.
        """
        dt = number("dt", dt, above=0, unit="ms")
        largest = int(self.ids.max(initial=-1))
        n_cells = largest + 1 if n_cells is None else integer("n_cells", n_cells, low=0)
        if largest >= n_cells:
            raise ValueError(f"n_cells must be more than the largest id, {largest}, got {n_cells}")
        if steps is None:
            if self.duration is None:
                raise ValueError("raster needs steps, for these events have no duration")
            steps = round(self.duration / dt) + 1
        steps = integer("steps", steps, low=0)
        times = self.times if self.padded else self.times[:, None]
        columns = np.rint(times / dt)
        *batch, rows, place = np.nonzero(columns < steps)
        grid = np.zeros((*times.shape[:-2], n_cells, steps), dtype=bool)
        grid[(*batch, self.ids[rows], columns[(*batch, rows, place)].astype(np.int64))] = True
        return grid

    def to_frame(self) -> pd.DataFrame:
        """A pandas table with the columns `id` and `time` (ms since `t0`), one row per event."""
        import pandas as pd

        events = self.compact()
        return pd.DataFrame({"id": events.ids, "time": events.times})

    def _window(self, run_t0: float, start: float, stop: float | None) -> Events:
        """The events in [start, stop), counted from start; the events of a run begin with it, at `run_t0`."""
        length = None if stop is None else stop - start
        inside = (self.times >= start - EPSILON) & (self.times < (np.inf if stop is None else stop - EPSILON))
        times = _below(tidy(np.maximum(self.times - start, 0.0)), length)
        if self.padded:
            return Events(self.ids, np.where(inside, times, np.inf), run_t0 + start, length, padded=True)
        return Events(self.ids[inside], times[inside], run_t0 + start, length)

    def _of(self, gids: np.ndarray) -> Events:
        """The events of these cells alone."""
        mine = np.isin(self.ids, gids)
        times = self.times[..., mine, :] if self.padded else self.times[mine]
        return Events(self.ids[mine], times, self.t0, self.duration, self.padded)

    def _then(self, name: str, other: Events, move: float, duration: float | None) -> Events:
        """These events and the other's, moved by `move` ms, in the window of `duration` that results."""
        shift = other.t0 + move - self.t0
        same_cells = self.times.shape[:-1] == other.times.shape[:-1] and np.array_equal(self.ids, other.ids)
        if self.padded and other.padded and same_cells:
            times = np.concatenate([self.times, _below(tidy(other.times + shift), duration)], axis=-1)
            return Events(self.ids, times, self.t0, duration, padded=True)
        a, b = self.compact(), other.compact()
        times = np.concatenate([a.times, _below(tidy(b.times + shift), duration)])
        return Events(np.concatenate([a.ids, b.ids]), times, self.t0, duration)

    def _beside(self, name: str, other: Events) -> Events:
        """These events and, in the same window, the other's."""
        if self.padded and other.padded and self.times.shape[:-2] == other.times.shape[:-2]:
            k = max(self.times.shape[-1], other.times.shape[-1])
            times = np.concatenate([_widened(self.times, k), _widened(other.times, k)], axis=-2)
            return Events(np.concatenate([self.ids, other.ids]), times, self.t0, self.duration, padded=True)
        a, b = self.compact(), other.compact()
        return Events(np.concatenate([a.ids, b.ids]), np.concatenate([a.times, b.times]), self.t0, self.duration)

    def _size(self) -> str:
        return str(len(self))

    def _told(self) -> str:
        """What is there, in words."""
        ids = self.ids[np.nonzero(self.fired)[-2]] if self.padded else self.ids
        cells = len(np.unique(ids))
        return f"{len(self):,} events of {cells:,} cells"


class Series(Frozen):
    """Samples on a regular grid, immutable. Sample k lies at `t0 + k·dt`.

    Attributes:
        ids: int64 [n], the cell (or other thing) of each row.
        values: [n, T, ...], in the unit of the channel, dtype as it came.
        dt: spacing of the samples, ms.
        t0: absolute time of the first sample, ms.
        sections: [n] names or whole numbers, the section of each row, or None.
    """

    ids: np.ndarray
    values: np.ndarray
    dt: float
    t0: float
    sections: np.ndarray | None

    def __init__(
        self, ids: ArrayLike, values: ArrayLike, dt: float, t0: float = 0.0, sections: ArrayLike | None = None
    ) -> None:
        """Take the attributes above.

        Raises:
            TypeError: ids that are not whole numbers, sections that are neither names nor whole numbers.
            ValueError: shapes that do not match, dt <= 0, negative ids.
        """
        ids, values = frozen_ids("ids", ids), frozen("values", values)
        if values.ndim < 2 or len(values) != len(ids):
            raise ValueError(
                f"values must have the shape [{len(ids)}, T, ...], one row per id, got {list(values.shape)}"
            )
        dt, t0 = number("dt", dt, above=0, unit="ms"), number("t0", t0, unit="ms")
        self._set(ids=ids, values=values, dt=dt, t0=t0, sections=_sections(sections, len(ids)))

    @property
    def duration(self) -> float:
        """T·dt, ms."""
        return self.values.shape[1] * self.dt

    @property
    def t(self) -> np.ndarray:
        """float64 [T]: when each sample was taken, absolute ms."""
        return self.t0 + np.arange(self.values.shape[1]) * self.dt

    def __repr__(self) -> str:
        return f"Series({self._size()}, t0={self.t0:.10g} ms)"

    def _window(self, run_t0: float, start: float, stop: float | None) -> Series:
        """The samples in [start, stop) of a run that began at `run_t0`."""
        offset = self.t0 - run_t0
        if abs(offset - self.dt) < EPSILON:  # sampled at the end of each step (weights): those in (start, stop]
            offset = 0.0
        bounds = [0, self.values.shape[1]]
        for i, bound in enumerate((start, stop)):
            if bound is not None:
                k = (bound - offset) / self.dt
                if abs(k - round(k)) > 1e-6 + EPSILON / self.dt:
                    raise ValueError(f"{bound:.10g} ms does not align with the series, sampled every {self.dt:.10g} ms")
                bounds[i] = min(max(round(k), 0), self.values.shape[1])
        first, last = bounds
        return Series(self.ids, self.values[:, first:last], self.dt, self.t0 + first * self.dt, self.sections)

    def _of(self, gids: np.ndarray) -> Series:
        """The rows of these cells, in the order they have here."""
        mine = np.isin(self.ids, gids)
        sections = None if self.sections is None else self.sections[mine]
        return Series(self.ids[mine], self.values[mine], self.dt, self.t0, sections)

    def _same_grid(self, name: str, other: Series) -> None:
        if abs(self.dt - other.dt) > 1e-9 * self.dt:
            raise ValueError(f"the {name!r} series differ in dt: {self.dt:.10g} and {other.dt:.10g} ms")
        if self.values.shape[2:] != other.values.shape[2:]:
            raise ValueError(f"the {name!r} series differ in shape: {self.values.shape} and {other.values.shape}")

    def _then(self, name: str, other: Series, move: float, duration: float | None) -> Series:
        """These samples and then the other's, moved by `move` ms."""
        self._same_grid(name, other)
        if len(self.ids) != len(other.ids) or not np.array_equal(self.ids, other.ids):
            raise ValueError(f"the {name!r} series are of different cells: {len(self.ids)} rows and {len(other.ids)}")
        if not _same_sections(self.sections, other.sections):
            raise ValueError(f"the {name!r} series are of different sections")
        gap = other.t0 + move - (self.t0 + self.duration)
        if abs(gap) > 1e-6 * self.dt + EPSILON:
            raise ValueError(f"the {name!r} series do not join: there is a gap of {gap:.10g} ms between them")
        values = np.concatenate([self.values, other.values], axis=1)
        return Series(self.ids, values, self.dt, self.t0, self.sections)

    def _beside(self, name: str, other: Series) -> Series:
        """These rows and the other's, in ascending order of id."""
        self._same_grid(name, other)
        if abs(self.t0 - other.t0) > EPSILON or self.values.shape[1] != other.values.shape[1]:
            raise ValueError(f"the {name!r} series cover different times")
        labels = [s.sections for s in (self, other) if len(s.ids)]
        known = [label for label in labels if label is not None]
        if len(known) not in (0, len(labels)):
            raise ValueError(f"only one of the {name!r} series has sections")
        common = self._rows() & other._rows()
        if common:
            raise ValueError(f"both {name!r} series hold the row of {min(common)[0]}")
        ids = np.concatenate([self.ids, other.ids])
        order = np.argsort(ids, kind="stable")
        sections = np.concatenate(known)[order] if known else None
        return Series(ids[order], np.concatenate([self.values, other.values])[order], self.dt, self.t0, sections)

    def _rows(self) -> set[tuple[int, Any]]:
        sections = [None] * len(self.ids) if self.sections is None else self.sections.tolist()
        return set(zip(self.ids.tolist(), sections, strict=True))

    def _size(self) -> str:
        return " x ".join(map(str, self.values.shape)) + f" @ {self.dt:.10g} ms"

    def _told(self) -> str:
        """What is there, in words."""
        return f"{' × '.join(map(str, self.values.shape))} samples every {self.dt:.10g} ms"


def window_text(t0: float, duration: float | None) -> str:
    """A window as representations show it."""
    return f"t0={t0:.10g} ms, duration=" + ("unknown" if duration is None else f"{duration:.10g} ms")


def tidy(ms: Any) -> Any:
    """Times to 1e-9 ms: t0 + (k - k0)·dt and k·dt differ in the last bit, and one moment must have one value."""
    if type(ms) is float and abs(ms) < 1e15:  # as NumPy does it, at a tenth of the time
        return round(ms * 1e9) / 1e9
    return np.round(ms, 9)


def _ordered(times: np.ndarray, ids: np.ndarray) -> bool:
    later = np.diff(times)
    return bool(((later > 0) | ((later == 0) & (np.diff(ids) >= 0))).all())


def _below(times: np.ndarray, duration: float | None) -> np.ndarray:
    """Times that rounding has pushed to the end of the window, brought back below it; inf stays."""
    if duration is None:
        return times
    return np.where(np.isfinite(times), np.minimum(times, np.nextafter(duration, -np.inf)), times)


def _widened(times: np.ndarray, k: int) -> np.ndarray:
    return np.pad(times, [(0, 0)] * (times.ndim - 1) + [(0, k - times.shape[-1])], constant_values=np.inf)


def _sections(value: ArrayLike | None, n: int) -> np.ndarray | None:
    if value is None:
        return None
    a = np.array(value)
    if a.size == 0:
        a = a.astype(np.int64)
    if a.dtype.kind not in "iuU":
        raise TypeError(f"sections must be names or whole numbers, got {value!r:.200}")
    if a.shape != (n,):
        raise ValueError(f"sections must be one per id, [{n}], got the shape {list(a.shape)}")
    a.flags.writeable = False
    return a


def _same_sections(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)
