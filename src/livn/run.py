"""The record of one window of simulated time, as `env.run` returns it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from livn.checks import choice, names, number, unknown
from livn.exchange import Exchange
from livn.frozen import frozen, frozen_ids
from livn.recordings import EPSILON, Events, Series, tidy, window_text
from livn.world import gathered

__all__ = ["Events", "Run", "Series"]

SPIKES, VOLTAGE, CURRENT = "spikes", "voltage", "membrane_current"
FIELD = "field_potential"
"""The channel of potentials at electrodes, µV, as experiments record them; its ids are those of the electrodes."""
KINDS: dict[str, tuple[type, ...]] = {SPIKES: (Events,), VOLTAGE: (Series,), CURRENT: (Series,)}


class Run(Exchange):
    """Recordings of one window, immutable: every operation returns a new Run.

    `it, t, iv, v, im, mp = run` unpacks the three usual channels as ids and values (`None` where not recorded);
    `run[0]` to `run[5]` index the same six, `run["name"]` gives a channel by its name.

    Attributes:
        t0: absolute start, ms.
        duration: length, ms, or None if unknown.
        channels: read-only mapping of name to `Events` or `Series`; of the names, `spikes`, `voltage` (mV) and
            `membrane_current` (µA) have shorthands.
    """

    t0: float
    duration: float | None
    _channels: dict[str, Events | Series]

    def __init__(
        self,
        channels: Mapping[str, Events | Series] = MappingProxyType({}),
        t0: float = 0.0,
        duration: float | None = None,
    ) -> None:
        """Take the attributes above.

        Raises:
            TypeError: channels that are no mapping of names to Events or Series.
            ValueError: a channel that does not lie in the window.
        """
        if not isinstance(channels, Mapping):
            raise TypeError(f"channels must be a mapping of names to Events or Series, got {channels!r:.200}")
        t0 = number("t0", t0, unit="ms")
        duration = None if duration is None else number("duration", duration, low=0, unit="ms")
        held = {name: _placed(name, channel, t0, duration) for name, channel in channels.items()}
        self._set(_channels=held, t0=t0, duration=duration)

    # What it holds

    @property
    def channels(self) -> Mapping[str, Events | Series]:
        """Read-only mapping of channel names to channels, in the order they were added."""
        return MappingProxyType(self._channels)

    @property
    def t1(self) -> float | None:
        """Absolute end, `t0 + duration`, ms; None if the duration is unknown."""
        return None if self.duration is None else self.t0 + self.duration

    def channel(self, name: str) -> Events | Series | None:
        """The channel of that name, or None."""
        return self._channels.get(name)

    def ids(self, name: str) -> np.ndarray | None:
        """int64 [n]: the ids of a channel, or None if absent; of padded events, of their compact form."""
        channel = self.channel(name)
        return channel.compact().ids if isinstance(channel, Events) else None if channel is None else channel.ids

    def values(self, name: str) -> np.ndarray | None:
        """A series' values [n, T, ...] or events' times [n] (ms since `t0`), or None if absent."""
        channel = self.channel(name)
        return channel.compact().times if isinstance(channel, Events) else None if channel is None else channel.values

    def sections(self, name: str) -> np.ndarray | None:
        """[n]: the section of each row of a series, or None if absent or not told apart."""
        channel = self.channel(name)
        return channel.sections if isinstance(channel, Series) else None

    def _dt(self, name: str) -> float | None:
        channel = self.channel(name)
        return channel.dt if isinstance(channel, Series) else None

    @property
    def spikes(self) -> Events | None:
        """The channel `spikes`."""
        return cast("Events | None", self.channel(SPIKES))

    @property
    def spike_ids(self) -> np.ndarray | None:
        """int64 [n]: the cell of each spike, ordered by (time, gid)."""
        return self.ids(SPIKES)

    @property
    def spike_times(self) -> np.ndarray | None:
        """float64 [n]: ms since `t0`, ascending, in [0, duration)."""
        return self.values(SPIKES)

    @property
    def voltage_ids(self) -> np.ndarray | None:
        """int64 [n]: the cell of each row of `voltage`."""
        return self.ids(VOLTAGE)

    @property
    def voltage(self) -> np.ndarray | None:
        """float [n, T]: membrane potential, mV."""
        return self.values(VOLTAGE)

    @property
    def voltage_dt(self) -> float | None:
        """Spacing of the voltage samples, ms."""
        return self._dt(VOLTAGE)

    @property
    def voltage_sections(self) -> np.ndarray | None:
        """[n]: the section of each row of `voltage`."""
        return self.sections(VOLTAGE)

    @property
    def current_ids(self) -> np.ndarray | None:
        """int64 [n]: the cell of each row of `current`."""
        return self.ids(CURRENT)

    @property
    def current(self) -> np.ndarray | None:
        """float [n, T]: membrane current, µA."""
        return self.values(CURRENT)

    @property
    def current_dt(self) -> float | None:
        """Spacing of the membrane current samples, ms."""
        return self._dt(CURRENT)

    def _six(self) -> tuple[np.ndarray | None, ...]:
        return (self.spike_ids, self.spike_times, self.voltage_ids, self.voltage, self.current_ids, self.current)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._six())

    def __len__(self) -> int:
        """6, whatever was recorded: the length as a tuple."""
        return 6

    def __getitem__(self, key: Any) -> Any:
        """A channel by name (KeyError if absent), or one of the six by position."""
        if not isinstance(key, str):
            return self._six()[key]
        if key not in self._channels:
            raise unknown("channel", key, self._channels, KeyError)
        return self._channels[key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._channels

    def __repr__(self) -> str:
        held = ", ".join(f"{name} {channel._size()}" for name, channel in self._channels.items())
        return f"Run({window_text(self.t0, self.duration)}: {held or 'no channels'})"

    def _repr_html_(self) -> str:
        from livn.html import card

        end = "unknown" if self.duration is None else f"{self.duration:.10g} ms"
        window = [("start", f"{self.t0:.10g} ms"), ("duration", end)]
        held = [(name, channel._told()) for name, channel in self._channels.items()]
        return card("Run", "", [*window, *(held or [("channels", "none")])])

    # Adding and dropping

    def add(
        self,
        name: str,
        ids: ArrayLike,
        values: ArrayLike,
        *,
        dt: float | None = None,
        kind: str | None = None,
        t0: float | None = None,
        duration: float | None = None,
        padded: bool = False,
        sections: ArrayLike | None = None,
    ) -> Run:
        """A Run with one more channel; one of that name is replaced.

        Args:
            name: of the channel.
            ids: int [n].
            values: a series' values [n, T, ...], or events' times [n], ms since `t0`.
            dt: spacing of a series, ms; by default the run's duration / T.
            kind: "events" or "series"; by default a series if `dt` is given or the values have two dimensions.
            t0: absolute start of the channel, ms; by default the run's. Gives an empty `Run()` its own.
            duration: of the channel, ms; by default the run's. Gives a run without one its own.
            padded: the events are a rectangle [..., N, k].
            sections: [n], the section of each row of a series.

        Raises:
            TypeError, ValueError: as `Events` and `Series` do, or arguments that do not belong to the kind.
        """
        if kind is not None:
            choice("kind", kind, ("events", "series"))
        values = frozen("values", values)
        start = self.t0 if t0 is None else number("t0", t0, unit="ms")
        length = self.duration if duration is None else number("duration", duration, low=0, unit="ms")
        series = kind == "series" or (kind is None and (dt is not None or (values.ndim > 1 and not padded)))
        channel: Events | Series
        if series:
            if padded:
                raise ValueError("padded must be False for a series; it is a form of events")
            channel = Series(ids, values, _spacing(values, dt, length), start, sections)
            if duration is not None and abs(channel.duration - duration) > EPSILON + 1e-6 * channel.dt:
                raise ValueError(f"duration must be that of the samples, {channel.duration:.10g} ms, got {duration!r}")
        elif dt is not None or sections is not None:
            raise ValueError(f"events have no {'sections' if dt is None else 'dt'}; for samples use kind='series'")
        else:
            channel = Events(ids, values, start, length, padded)
        run_t0 = self.t0 if self._channels or self.duration is not None else start
        return Run({**self._channels, name: channel}, run_t0, length if self.duration is None else self.duration)

    def add_spikes(self, ids: ArrayLike | None, times: ArrayLike | None, **options: Any) -> Run:
        """`add("spikes", ids, times, ...)`; unchanged when both are None."""
        return self._add_pair(SPIKES, "events", ids, times, options)

    def add_voltage(
        self, ids: ArrayLike | None, values: ArrayLike | None, dt: float | None = None, **options: Any
    ) -> Run:
        """`add("voltage", ids, values, dt=dt, ...)`, mV; unchanged when both are None."""
        return self._add_pair(VOLTAGE, "series", ids, values, {"dt": dt, **options})

    def add_current(
        self, ids: ArrayLike | None, values: ArrayLike | None, dt: float | None = None, **options: Any
    ) -> Run:
        """`add("membrane_current", ids, values, dt=dt, ...)`, µA; unchanged when both are None."""
        return self._add_pair(CURRENT, "series", ids, values, {"dt": dt, **options})

    def _add_pair(self, name: str, kind: str, ids: Any, values: Any, options: dict[str, Any]) -> Run:
        if ids is None and values is None:
            return self
        if ids is None or values is None:
            raise ValueError(f"{name} must have both ids and values, got {'ids' if values is None else 'values'} alone")
        return self.add(name, ids, values, kind=kind, **options)

    def drop(self, name: str) -> Run:
        """A Run without that channel, whether or not it was there."""
        return Run({n: c for n, c in self._channels.items() if n != name}, self.t0, self.duration)

    def drop_spikes(self) -> Run:
        """`drop("spikes")`."""
        return self.drop(SPIKES)

    def drop_voltage(self) -> Run:
        """`drop("voltage")`."""
        return self.drop(VOLTAGE)

    def drop_current(self) -> Run:
        """`drop("membrane_current")`."""
        return self.drop(CURRENT)

    # Windows and cells

    def slice(self, start: float = 0, stop: float | None = None) -> Run:
        """The window [start, stop), ms counted from `t0`; its times are counted from its own start.

        A series whose first sample lies one dt after `t0` counts as sampled at the ends of its steps: (start, stop].

        Raises:
            ValueError: a window that is empty or reaches outside the run, or a bound off the grid of a series.
        """
        length = self._length()
        start = number("start", start, low=0, unit="ms")
        stop = length if stop is None else number("stop", stop, unit="ms")
        if stop is not None and stop <= start:
            raise ValueError(f"stop must be later than start = {start:.10g} ms, got {stop:.10g}")
        if stop is not None and length is not None and stop > length + EPSILON:
            raise ValueError(f"stop must be at most the run's duration, {length:.10g} ms, got {stop:.10g}")
        stop = stop if stop is None or length is None else min(stop, length)
        cut = {name: channel._window(self.t0, start, stop) for name, channel in self._channels.items()}
        return Run(cut, float(tidy(self.t0 + start)), None if stop is None else float(tidy(stop - start)))

    def select(
        self,
        gids: int | Iterable[int] | None = None,
        population: str | Iterable[str] | None = None,
        population_ranges: Mapping[str, tuple[int, int]] | None = None,
    ) -> Run:
        """The recordings of some cells, in the order they have here; None means all.

        Args:
            gids: one or several; those without a recording are allowed (a silent cell has none).
            population: one or several names; with `gids`, cells must be in both.
            population_ranges: the system's, name to (first gid, count).

        Raises:
            ValueError: a population without ranges, or an unknown one.
        """
        run = self
        if gids is not None:
            wanted = gids if isinstance(gids, np.ndarray) else list(gids) if isinstance(gids, Iterable) else [gids]
            run = run._of(frozen_ids("gids", wanted))
        if population is not None:
            if population_ranges is None:
                raise ValueError("population needs population_ranges, the system's {name: (first gid, count)}")
            ranges = [population_ranges[name] for name in names("population", population, population_ranges)]
            run = run._of(np.concatenate([np.arange(a, a + n) for a, n in ranges]) if ranges else np.arange(0))
        return run

    def _of(self, gids: np.ndarray) -> Run:
        return Run({name: channel._of(gids) for name, channel in self._channels.items()}, self.t0, self.duration)

    # Joining

    def _length(self) -> float | None:
        """The duration, or what the channels tell of it."""
        known = [c.duration for c in self._channels.values() if c.duration is not None]
        return max(known, default=None) if self.duration is None else self.duration

    def concat(self, other: Run) -> Run:
        """This run and then `other`: the same channels, along time.

        A later `other` keeps its absolute times; one that would overlap is taken to follow at once. An empty `Run()`
        is neutral on the left, to start a loop with.

        Raises:
            TypeError: `other` is not a Run.
            ValueError: not the same channels, series of differing dt or cells or with a gap, or no known end here.
        """
        if not isinstance(other, Run):
            raise TypeError(f"concat needs a Run, got {other!r:.200}")
        if not self._channels and self.duration is None:
            return other
        length, rest = self._length(), other._length()
        if length is None:
            raise ValueError("concat needs to know where the first run ends: it has no duration")
        if self._channels.keys() != other._channels.keys():
            odd = sorted(self._channels.keys() ^ other._channels.keys())
            raise ValueError(f"only one of the runs has the channels {', '.join(odd)}; drop them first")
        shift = tidy(other.t0 - self.t0)
        move = 0.0
        if shift < length - EPSILON:
            shift, move = length, self.t0 + length - other.t0
        duration = None if rest is None else float(tidy((length if shift <= length + EPSILON else shift) + rest))
        joined = {n: _alike(n, c, other[n])._then(n, other[n], move, duration) for n, c in self._channels.items()}
        return Run(joined, self.t0, duration)

    def merge(self, other: Run) -> Run:
        """This run and `other`, of the same window, along cells: events in order of (time, id), rows in order of id.

        A channel that only one of them has is kept.

        Raises:
            TypeError: `other` is not a Run.
            ValueError: windows or grids differ, or both hold the same row of a series.
        """
        if not isinstance(other, Run):
            raise TypeError(f"merge needs a Run, got {other!r:.200}")
        ends = (self.duration, other.duration)
        differ = None not in ends and abs(ends[0] - ends[1]) > EPSILON  # type: ignore[operator]
        if differ or abs(self.t0 - other.t0) > EPSILON:
            here, there = window_text(self.t0, self.duration), window_text(other.t0, other.duration)
            raise ValueError(f"merge needs runs of the same window, got {here} and {there}")
        joined = {**self._channels, **other._channels}
        for name in self._channels.keys() & other._channels.keys():
            joined[name] = _alike(name, self[name], other[name])._beside(name, other[name])
        return Run(joined, self.t0, self.duration if self.duration is not None else other.duration)

    def gather(self, comm: Any = None, root: int = 0) -> Run | None:
        """The merged runs of all ranks on `root`, None on the others; to be called on every rank of the culture.

        Args:
            comm: an MPI communicator; None: the one that cultures of this process are spread over, or this process
                alone if none was (`make(..., comm=...)`).
            root: the rank that gets them.
        """
        parts = gathered(self, comm, root)
        if parts is None:
            return None
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.merge(part)
        return whole


def _spacing(values: np.ndarray, dt: float | None, duration: float | None) -> float:
    if dt is not None:
        return dt
    if not duration or values.ndim < 2 or not values.shape[1]:
        raise ValueError("dt must be given for a series, in ms: the run's duration does not tell it")
    return duration / values.shape[1]


def _alike(name: str, a: Events | Series, b: Events | Series) -> Any:
    if type(a) is not type(b):
        raise ValueError(f"the channel {name!r} is {type(a).__name__} in one run and {type(b).__name__} in the other")
    return a


def _placed(name: str, channel: Events | Series, t0: float, duration: float | None) -> Events | Series:
    """A channel that fits the run's window; events learn its duration."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a channel must be a non-empty string, got {name!r}")
    wanted = KINDS.get(name, (Events, Series))
    if not isinstance(channel, wanted):
        legal = " or ".join(kind.__name__ for kind in wanted)
        raise TypeError(f"the channel {name!r} must be {legal}, got {channel!r:.200}")
    if isinstance(channel, Series):
        late = 0.0 if duration is None else channel.t0 + channel.duration - channel.dt - (t0 + duration)
        if channel.t0 < t0 - EPSILON or late > EPSILON:
            raise ValueError(f"the channel {name!r}, {channel!r}, does not lie in the run, {window_text(t0, duration)}")
        return channel
    differ = None not in (duration, channel.duration) and abs(channel.duration - duration) > EPSILON  # type: ignore[operator]
    if differ or abs(channel.t0 - t0) > EPSILON:
        raise ValueError(f"the channel {name!r}, {channel!r}, is not of the run's window, {window_text(t0, duration)}")
    if channel.duration is None and duration is not None:
        return Events(channel.ids, channel.times, channel.t0, duration, channel.padded)
    return channel
