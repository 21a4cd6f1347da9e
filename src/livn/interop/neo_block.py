"""A run as a Neo block, the form in which electrophysiology's tools exchange recordings (Elephant, SpikeInterface).

Garcia S, Guarino D, Jaillet F, et al. Neo: an object model for handling electrophysiology data in multiple formats.
Front Neuroinform 8:10, 2014 (https://neo.readthedocs.io).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks, get_version
from livn.decoding.units import members
from livn.experiment.record import Experiment
from livn.extras import optional
from livn.io.base import IO
from livn.io.composed import ComposedIO
from livn.io.mea import MEA
from livn.policy import Policy
from livn.recordings import tidy
from livn.run import CURRENT, FIELD, VOLTAGE, Run, Series

if TYPE_CHECKING:
    from livn.env import Env

__all__ = ["to_neo"]


def to_neo(run: Run, env: Env | Experiment, stimulus: Any = None, units: Iterable[int] | None = None) -> Any:
    """What a run recorded as a `neo.Block` of one segment; times are absolute, from `run.t0` on, in ms.

    The segment has, as far as they were recorded, a SpikeTrain per cell, silent ones included; the AnalogSignal
    `"field potential"`, µV, one column per channel (those of the run, else what an Env makes of its membrane currents);
    the AnalogSignal `"membrane potential"`, mV, one column per cell and section; and the Event `"stimulus"`. A train is
    annotated with `gid`, `population`, `position` (of the soma, µm) and `channel_ids`, the channels that hear the cell.

    A Group `"unit <gid>"` holds the train of a cell and a ChannelView of its voltages. A Group `"channel <id>"`,
    annotated with `channel_id` and `position`, holds a ChannelView of its potential and the trains that it hears. Other
    series of the run are left out.

    Args:
        run: of the whole culture: under MPI what `run.gather()` returned.
        env: where it comes from: the Env, or the record of an experiment.
        stimulus: what was commanded: a Policy, or pairs (ms from the start of the run, Policy), such as the steps of a
            closed loop. Each pulse of an electrode is an event, labelled by electrode and amplitude, which its array
            annotations `channel_id` and `amplitude` hold as numbers. Pulses past the end of the run are left out.
        units: the cells that get a train; None: all that are simulated. Name them if not all were recorded, lest the
            others pass for silent.

    Raises:
        ImportError: Neo is not installed.
        TypeError: no Run, neither an Env nor an Experiment, or a stimulus that is none of these.
        ValueError: units that are not simulated, spikes of others, or a policy of another number of channels than the
            env's IO takes.
    """
    neo = optional("neo", "interop")
    if not isinstance(run, Run):
        raise TypeError(f"run must be a Run, as env.run returns it, got {run!r:.200}")
    source = _source(env)
    population = {gid: name for name, gids in source.populations.items() for gid in gids.tolist()}
    gids = sorted(population) if units is None else _checked_units(units, population)
    block = neo.Block(name=source.system.name, livn_version=get_version(), **source.notes)
    segment = neo.Segment(name=f"run from {run.t0:.10g} ms")
    block.segments.append(segment)
    trains = dict(_trains(neo, run, source, population, gids))
    segment.spiketrains.extend([*trains.values()])
    views = dict(_voltages(neo, run, segment))
    block.groups.extend([*_channels(neo, run, source, segment, trains)])
    for gid in sorted(trains.keys() | views.keys()):
        parts = [held[gid] for held in (trains, views) if gid in held]
        block.groups.append(neo.Group(parts, name=f"unit {gid}", gid=gid, population=population[gid]))
    if stimulus is not None:
        segment.events.append(_events(neo, run, source.io, stimulus))
    return block


@dataclass(frozen=True)
class _Source:
    """Where a run comes from.

    Attributes:
        system, io: the culture and its electrodes.
        notes: what the block says of it.
        populations: the simulated gids by population, ascending.
        hearing: the simulated cells that each channel hears; nothing if the IO does not record.
        potentials: field potentials [C, T] at these channels, µV, of membrane currents; None: nothing tells where the
            currents flow.
    """

    system: Any
    io: IO
    notes: dict[str, str]
    populations: dict[str, np.ndarray]
    hearing: dict[int, np.ndarray]
    potentials: Callable[[Series], np.ndarray] | None = None


def _source(env: Any) -> _Source:
    if isinstance(env, Experiment):
        io, cells = env.io, {name: np.asarray(gids) for name, gids in env.cells.items()}
        rows = np.asarray(env.system.neuron_coordinates, np.float64)
        rows = rows[np.isin(rows[:, 0], np.concatenate([[], *cells.values()]))]
        rows = rows[np.argsort(rows[:, 0])]
        hearing = _heard(io, lambda: io.channel_recording(rows, rows[:, 0].astype(np.int64)))
        notes = {name: str(env.about[name]) for name in ("engine", "seed") if name in env.about}
        return _Source(env.system, io, notes, cells, hearing)
    from livn.env import Env

    if not isinstance(env, Env):
        raise TypeError(f"env must be the Env that ran, or an Experiment, got {env!r:.200}")
    hearing = _heard(env.io, lambda: env.channel_recording(env.active_gids()))
    notes = {"engine": env.engine, "seed": str(env.seed)}
    return _Source(env.system, env.io, notes, members(env), hearing, lambda s: env.potential_recording(s.values, s.ids))


def _heard(io: IO, recording: Callable[[], dict[int, np.ndarray]]) -> dict[int, np.ndarray]:
    if not io.num_channels:
        return {}
    try:
        return recording()
    except NotImplementedError:  # lights and the like only stimulate
        return {}


def _checked_units(units: Iterable[int], population: dict[int, str]) -> list[int]:
    gids = np.atleast_1d(np.asarray(units if isinstance(units, np.ndarray) else list(units)))
    if gids.ndim != 1 or (gids.size and gids.dtype.kind not in "iu"):
        raise TypeError(f"units must be gids, whole numbers, got {units!r:.200}")
    for gid in gids.tolist():
        if gid not in population:
            raise checks.unknown("unit", gid, sorted(population), where="to_neo")
    return np.unique(gids).tolist()


def _trains(
    neo: Any, run: Run, source: _Source, population: dict[int, str], gids: list[int]
) -> Iterator[tuple[int, Any]]:
    ids, times = run.spike_ids, run.spike_times
    if ids is None or times is None:
        return
    strangers = np.setdiff1d(ids, gids)
    if strangers.size:
        raise ValueError(f"units must hold every cell that fired in the run; cell {strangers[0]} is missing")
    um = optional("quantities", "interop").um
    rows = np.asarray(source.system.neuron_coordinates, np.float64)
    places = dict(zip(rows[:, 0].astype(np.int64).tolist(), rows[:, 1:], strict=True))
    channels: dict[int, list[int]] = {}
    for channel, cells in source.hearing.items():
        for gid in cells.tolist():
            channels.setdefault(gid, []).append(channel)
    order = np.argsort(ids, kind="stable")
    bounds = np.searchsorted(ids[order], [*gids, np.inf])
    stop = tidy(run.t0 + float(run._length() or times.max(initial=0.0)))
    for gid, a, b in zip(gids, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield (
            gid,
            neo.SpikeTrain(
                tidy(run.t0 + times[order[a:b]]),
                units="ms",
                t_start=run.t0,
                t_stop=stop,
                name=f"unit {gid}",
                gid=gid,
                population=population[gid],
                position=places[gid] * um,
                channel_ids=channels.get(gid, []),
            ),
        )


def _voltages(neo: Any, run: Run, segment: Any) -> Iterator[tuple[int, Any]]:
    """A view for each cell of the signal of voltages, which the segment gets."""
    series = run.channel(VOLTAGE)
    if not isinstance(series, Series):
        return
    notes = {"gid": series.ids} | ({} if series.sections is None else {"section": series.sections.astype(str)})
    signal = _signal(neo, series, series.values, "membrane potential", "mV", notes)
    segment.analogsignals.append(signal)
    for gid in np.unique(series.ids).tolist():
        columns = np.flatnonzero(series.ids == gid)
        yield gid, neo.ChannelView(signal, columns, name=f"membrane potential of unit {gid}")


def _channels(neo: Any, run: Run, source: _Source, segment: Any, trains: dict[int, Any]) -> Iterator[Any]:
    """A group for each channel; the segment gets the field potentials."""
    um = optional("quantities", "interop").um
    places, columns, signal = _places(source.io), {}, None
    series = _potentials(run, source)
    if series is not None:
        signal = _signal(neo, series, series.values, "field potential", "uV", {"channel_id": series.ids})
        segment.analogsignals.append(signal)
        columns = {channel: column for column, channel in enumerate(series.ids.tolist())}
    for channel, cells in source.hearing.items():
        place = {"position": places[channel] * um} if channel in places else {}
        group = neo.Group(name=f"channel {channel}", channel_id=channel, **place)
        if channel in columns:
            group.add(neo.ChannelView(signal, [columns[channel]], name=f"field potential at channel {channel}"))
        group.add(*(trains[gid] for gid in cells.tolist() if gid in trains))
        yield group


def _potentials(run: Run, source: _Source) -> Series | None:
    """The field potentials, one row per channel; None if nothing of them was recorded."""
    recorded, currents = run.channel(FIELD), run.channel(CURRENT)
    if isinstance(recorded, Series):
        return recorded
    if not source.hearing or source.potentials is None or not isinstance(currents, Series):
        return None
    return Series([*source.hearing], source.potentials(currents), currents.dt, currents.t0)


def _places(io: IO) -> dict[int, np.ndarray]:
    """x, y, z of the recording electrodes, µm; nothing of channels that are no electrodes."""
    while isinstance(io, ComposedIO):
        io = io.outputs
    if not isinstance(io, MEA):
        return {}
    return dict(zip(io.channel_ids.tolist(), io.electrode_coordinates[:, 1:], strict=True))


def _signal(neo: Any, series: Series, rows: np.ndarray, name: str, units: str, notes: dict[str, np.ndarray]) -> Any:
    ms = optional("quantities", "interop").ms
    return neo.AnalogSignal(
        np.ascontiguousarray(rows.T),  # a copy: those of a run are read-only
        units=units,
        t_start=series.t0 * ms,
        sampling_period=series.dt * ms,
        name=name,
        array_annotations=notes,
    )


def _events(neo: Any, run: Run, io: IO, stimulus: Any) -> Any:
    quantities, length = optional("quantities", "interop"), run._length()
    ids, units = io.input_ids.tolist(), io.input_units or "dimensionless"
    pulses: list[tuple[float, int, float]] = []
    for start, policy in _commands(stimulus):
        if policy.num_inputs != len(ids):
            raise ValueError(f"the policy commands {policy.num_inputs} channels, and {io!r} has {len(ids)}")
        pulses += [(start + ms, ids[column], amplitude) for ms, column, amplitude in policy.pulses()]
    pulses = sorted((p for p in pulses if length is None or p[0] < length), key=lambda p: p[0])
    channels, amplitudes = np.array([p[1] for p in pulses], np.int64), np.array([p[2] for p in pulses], np.float64)
    return neo.Event(
        tidy(run.t0 + np.array([p[0] for p in pulses], np.float64)) * quantities.ms,
        labels=np.array([f"electrode {channel}: {value:g} {units}" for _, channel, value in pulses], dtype="U"),
        name="stimulus",
        array_annotations={
            "channel_id": channels,
            "amplitude": quantities.Quantity(amplitudes, units.replace("µ", "u")),
        },
    )


def _commands(stimulus: Any) -> list[tuple[float, Policy]]:
    if isinstance(stimulus, Policy):
        return [(0.0, stimulus)]
    try:
        pairs = [(start, policy) for start, policy in stimulus]
    except (TypeError, ValueError):
        pairs = [(0.0, stimulus)]
    for _, policy in pairs:
        if not isinstance(policy, Policy):
            raise TypeError(f"stimulus must be a Policy, or pairs (ms, Policy), got {policy!r:.200}")
    return [(checks.number("start of a policy", start, low=0.0, unit="ms"), policy) for start, policy in pairs]
