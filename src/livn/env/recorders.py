"""What a culture records: settings that persist between runs, and the Run made of what an engine sampled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livn import checks
from livn.engine.base import Advance, Probe
from livn.network import Network
from livn.recordings import DEFAULT_DT, tidy
from livn.run import Events, Run, Series

__all__ = ["Recorders", "check_memory", "checked_gids", "checked_populations"]

OPTIONS: dict[str, tuple[str, ...]] = {"spikes": (), "membrane_current": ("dt",)}
STATE_OPTIONS = ("dt", "gids", "sections")
Spikes = tuple[np.ndarray, np.ndarray]
"""(steps, cell indices), int64[n] each."""


@dataclass
class Signal:
    """Settings of one recorded signal."""

    populations: list[str] = field(default_factory=list)
    dt: float = DEFAULT_DT
    gids: list[int] | None = None
    sections: list[str] | None = None


@dataclass(frozen=True, eq=False)
class _Plan:
    """What the signals come to on a network with a step `dt`: the same in every run until one of the three changes.

    Attributes:
        signals: names and settings.
        probes: what an engine must sample.
        rows: ids and names of the sections of each probe's rows, read-only.
        firing: bool[N], the cells whose spikes are recorded; None: spikes are not.
    """

    network: Network
    dt: float
    signals: list[tuple[str, Signal]]
    probes: list[Probe]
    rows: list[tuple[np.ndarray, np.ndarray]]
    firing: np.ndarray | None


class Recorders:
    """The signals of one culture that are recorded."""

    def __init__(self) -> None:
        self.signals: dict[str, Signal] = {}
        self._plan: _Plan | None = None

    @staticmethod
    def recordable(network: Network) -> list[str]:
        """Names of the signals, sorted."""
        return sorted({"membrane_current", "spikes", "voltage", *network.model.recordable_states()})

    def record(self, network: Network, what: Any, population: Any, options: dict[str, Any]) -> None:
        """Record a signal from the next run on; populations add up, the latest options hold."""
        checks.choice("signal", what, self.recordable(network), AttributeError)
        legal = OPTIONS.get(what, STATE_OPTIONS)
        for name in options:
            if name not in legal:
                raise checks.unknown("option", name, legal, TypeError, where=f"record({what!r})")
        present = list(network.populations)
        populations = present if population is None else checked_populations(population, network)
        old = self.signals.get(what)
        signal = Signal(dt=checks.number("dt", options.get("dt", DEFAULT_DT), above=0.0, unit="ms"))
        signal.populations = [p for p in present if p in populations or (old is not None and p in old.populations)]
        if options.get("gids") is not None:
            signal.gids = checked_gids(options["gids"], network)
        if options.get("sections") is not None:
            signal.sections = checks.names("section", options["sections"], ("soma", "dend"))
        if what != "spikes" and not len(self._rows(network, what, signal)[0]):
            among = [f"{k}={v}" for k, v in (("sections", signal.sections), ("gids", signal.gids)) if v is not None]
            raise ValueError(
                f"nothing to record: no compartment of {' or '.join(signal.populations)} has {what!r}"
                + (f" with {', '.join(among)}" if among else "")
            )
        self.signals[what] = signal

    def check_selection(self, gids: np.ndarray) -> None:
        """Refuse a selection that leaves out a cell whose recording was asked for by its gid."""
        for what, signal in self.signals.items():
            for gid in signal.gids or ():
                if gid not in gids:
                    raise ValueError(f"the selection leaves out cell {gid}, of which {what!r} is to be recorded")

    @staticmethod
    def _members(network: Network, signal: Signal) -> np.ndarray:
        """bool[N], the cells of the recorded populations, of which a selection may have left some out."""
        members = np.zeros(network.n_cells, bool)
        for population in signal.populations:
            members[network.populations.get(population, [])] = True
        return members

    def _rows(self, network: Network, what: str, signal: Signal) -> tuple[np.ndarray, np.ndarray]:
        """(cell index, section index) of the rows of a series, ascending."""
        cell, section = network.compartments
        wanted = self._members(network, signal)
        if signal.gids is not None:
            wanted &= np.isin(network.gids, signal.gids)
        sections = signal.sections
        if sections is None and what == "voltage":
            sections = ["soma"]
        keep = wanted[cell]
        for number, kind in enumerate(network.kinds):
            for s, name in enumerate(kind.sections):
                if (sections is not None and name not in sections) or not _has(network, number, what, name):
                    keep &= ~((network.kind[cell] == number) & (section == s))
        return cell[keep], section[keep]

    def probes(self, network: Network, dt: float, steps: int) -> list[Probe]:
        """What an engine must sample in a run of `steps` steps of `dt`.

        Raises:
            ValueError: a recording dt that is no multiple of the step, or that does not divide the run.
        """
        probes = self._planned(network, dt).probes
        for probe in probes:
            if steps % probe.every:
                raise ValueError(
                    f"duration must be a multiple of the recording dt of {probe.signal!r}, "
                    f"{self.signals[probe.signal].dt:g} ms, got {steps * dt:g} ms"
                )
        return probes

    def _planned(self, network: Network, dt: float) -> _Plan:
        """The plan of the signals as they are now, made anew only where something changed."""
        plan, signals = self._plan, list(self.signals.items())
        if plan is None or plan.network is not network or plan.dt != dt or plan.signals != signals:
            plan = self._plan = self._made(network, dt, signals)
        return plan

    def _made(self, network: Network, dt: float, signals: list[tuple[str, Signal]]) -> _Plan:
        probes, rows, firing = [], [], None
        for what, signal in signals:
            if what == "spikes":
                firing = self._members(network, signal)
                continue
            every = checks.steps(f"the recording dt of {what!r}", signal.dt, dt)
            cells, sections = self._rows(network, what, signal)
            here = network.is_local(cells)
            cells, sections = cells[here], sections[here]
            probes.append(Probe(what, cells, sections, every))
            rows.append((network.gids[cells], network.section_names(cells, sections)))
        for array in (array for row in rows for array in row):  # the runs share them
            array.flags.writeable = False
        return _Plan(network, dt, signals, probes, rows, firing)

    def run(self, network: Network, probes: list[Probe], result: Advance, spikes: Spikes, dt: float, start: int) -> Run:
        """The Run of a window that began at step `start`; `spikes` are its own."""
        t0, duration = float(tidy(start * dt)), float(tidy(result.steps * dt))
        plan = self._planned(network, dt)
        channels: dict[str, Events | Series] = {}
        if plan.firing is not None:
            steps, cells = spikes
            keep = plan.firing[cells]
            ids, times = network.gids[cells[keep]], tidy((steps[keep] - start) * dt)
            channels["spikes"] = Events._made(ids=ids, times=times, t0=t0, duration=duration, padded=False)
        for probe, (ids, sections), values in zip(probes, plan.rows, result.series, strict=True):
            spacing = self.signals[probe.signal].dt
            channels[probe.signal] = Series._made(ids=ids, values=values, dt=spacing, t0=t0, sections=sections)
        return Run._made(_channels=channels, t0=t0, duration=duration)


def _has(network: Network, number: int, what: str, section: str) -> bool:
    """Whether a compartment of a kind has a signal."""
    kind = network.kinds[number]
    if what in ("voltage", "membrane_current") or what.startswith("learning_"):
        return True
    if what.startswith("g_noise_"):
        return kind.noise["ei".index(what[-1])] == section
    if what.startswith("g_"):
        return True
    return f"{what}_{section}" in kind.states or (section == "soma" and what in kind.states)


def checked_populations(population: Any, network: Network) -> list[str]:
    """Names of populations, one at least, in the network's order."""
    present = list(network.populations)
    named = checks.names("population", population, present, KeyError)
    if not named:
        raise ValueError(f"population must name at least one of {', '.join(present)}, got {population!r}")
    return [p for p in present if p in named]


def checked_gids(gids: Any, network: Network) -> list[int]:
    """Known gids, ascending."""
    try:
        wanted = np.atleast_1d(np.asarray(gids))
    except ValueError as e:
        raise ValueError(f"gids must be whole numbers, got {gids!r:.200}") from e
    if wanted.dtype.kind not in "iu" or wanted.ndim != 1 or not wanted.size:
        raise ValueError(f"gids must be one or more whole numbers, got {gids!r:.200}")
    missing = wanted[~network.locate(wanted)[1]]
    if missing.size:
        raise ValueError(
            f"unknown gid {missing[0]} in gids; legal: {network.n_cells} gids from {network.gids[0]} to "
            f"{network.gids[-1]}"
        )
    return np.unique(wanted).tolist()


def check_memory(probes: list[Probe], steps: int, traces: int) -> None:
    """Refuse recordings beyond `LIVN_MAX_RECORDING_GB` (4) before they start; `traces` bytes are for weights.

    Raises:
        MemoryError: with the size and what to narrow.
    """
    need = {p.signal: 8 * len(p.cells) * (steps // p.every) for p in probes}
    if traces:
        need["weights"] = traces
    limit = checks.environment("LIVN_MAX_RECORDING_GB", 4.0)
    if need and sum(need.values()) > limit * 1e9:
        most = max(need, key=lambda k: need[k])
        how = {
            "weights": "a larger dt, fewer synapses (population=, gids=, fraction=), a file (to=), or shorter runs "
            "with clear_recordings() between them",
            "membrane_current": "a larger dt or shorter runs",
        }.get(most, "a larger dt, shorter runs or fewer cells (gids=)")
        sizes = ", ".join(f"{k} {v / 1e9:.3g} GB" for k, v in need.items())
        raise MemoryError(
            f"the recordings of this run would hold {sum(need.values()) / 1e9:.3g} GB ({sizes}), more than "
            f"LIVN_MAX_RECORDING_GB = {limit:g}; narrow {most!r}: {how}"
        )
