"""What figures are made from: a run and what is known of its culture, from a live culture or from a record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livn.experiment import Experiment, Phase
from livn.experiment.record import START
from livn.plasticity import SynapseKeys, Weights
from livn.recordings import Events
from livn.run import Run
from livn.system.base import BaseSystem
from livn.system.predefined import PREDEFINED
from livn.system.synapses import MECHANISMS

if TYPE_CHECKING:
    from livn.env import Env
    from livn.io import IO

__all__ = ["Missing", "Source", "Tissue", "by_receptor", "env_in", "opened", "pair", "spikes_in", "tissue"]

RECEPTORS = {mechanism: receptor for receptor, mechanism in MECHANISMS.items()}
ORDER = ("AMPA", "NMDA", "GABA_A", "GABA_B")


class Missing(ValueError):
    """What a figure shows was not recorded, or is not there."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """What is known of a culture.

    Attributes:
        system: where its cells are and what connects them.
        io: its electrodes.
        populations: the simulated cells, int64[n] gids, ascending.
        env: the live culture, if it is one.
    """

    system: Any
    io: IO
    populations: dict[str, np.ndarray]
    env: Env | None = None

    @property
    def gids(self) -> np.ndarray:
        """int64[N], by population."""
        return np.concatenate([*self.populations.values(), np.empty(0, np.int64)])

    @property
    def coordinates(self) -> np.ndarray:
        """float64[N, 4]: gid, x, y, z in µm, in the order of `gids`."""
        rows = np.asarray(self.system.neuron_coordinates, np.float64)
        order = np.argsort(rows[:, 0], kind="stable")
        return rows[order[np.searchsorted(rows[order, 0], self.gids)]]


@dataclass(frozen=True, eq=False)
class Source:
    """A run with what is known of it.

    Attributes:
        run: what was recorded.
        tissue: its culture, None where nobody told.
        phases: of the experiment.
    """

    run: Run
    tissue: Tissue | None
    phases: tuple[Phase, ...] = ()

    @property
    def populations(self) -> dict[str, np.ndarray]:
        """The cells by population, nothing where the culture is unknown."""
        return {} if self.tissue is None else self.tissue.populations

    @property
    def window(self) -> tuple[float, float]:
        """Where the run lies on the culture's clock, ms; one of unknown length ends with its last spike."""
        start, length = self.run.t0, self.run._length()
        if length is None:
            times = self.run.spike_times
            length = float(times.max(initial=0.0)) if times is not None else 0.0
        return start, start + (length or 1.0)


def env_in(value: object) -> Any:
    """The value as an Env, or None."""
    from livn.env import Env

    return value if isinstance(value, Env) else None


def tissue(of: object, name: str = "of") -> Tissue:
    """The culture that an Env, a System or an Experiment tells of.

    Raises:
        TypeError: none of these.
    """
    from livn.types import System

    env = env_in(of)
    if env is not None:
        active = env.active_gids()
        cells = {p: np.intersect1d(gids, active) for p, gids in _cells(env.system).items()}
        return Tissue(env.system, env.io, {p: gids for p, gids in cells.items() if gids.size}, env)
    if isinstance(of, Experiment):
        cells = {p: np.asarray(gids, np.int64) for p, gids in of.cells.items() if len(gids)}
        return Tissue(of.system, of.io, cells)
    if isinstance(of, BaseSystem) or (not isinstance(of, type) and isinstance(of, System)):
        return Tissue(of, of.default_io(), _cells(of))
    hint = f"; livn.make({of!r}) makes one" if isinstance(of, str) and of in PREDEFINED else ""
    raise TypeError(f"{name} must be the culture: an Env, a System or an Experiment, got {of!r:.200}{hint}")


def _cells(system: Any) -> dict[str, np.ndarray]:
    gids = np.asarray(system.gids, np.int64)
    return {p: np.sort(gids[a : a + n]) for p, (a, n) in system.population_ranges.items() if n}


def opened(source: object, of: object, name: str = "run") -> Source:
    """The run of an Experiment, or a Run with the culture that `of` tells of.

    Raises:
        TypeError: a source or an `of` of another kind.
    """
    record = source if isinstance(source, Experiment) else of if isinstance(of, Experiment) else None
    phases = () if record is None else tuple(record.phases)
    if isinstance(source, Experiment):
        return Source(source.run, tissue(source if of is None else of), phases)
    if isinstance(source, Run):
        return Source(source, None if of is None else tissue(of), phases)
    hint = "; of a culture env, give what env.run(...) returned, and of=env" if env_in(source) is not None else ""
    if isinstance(source, str | os.PathLike):
        hint = "; livn.load_run reads a stored experiment"
    raise TypeError(f"{name} must be a Run or an Experiment, got {source!r:.200}{hint}")


def spikes_in(source: Source) -> Events:
    """The spikes of a run, in compact form.

    Raises:
        Missing: none were recorded.
        ValueError: spikes of a cell that the culture does not have.
    """
    if source.run.spikes is None:
        raise Missing("no spikes were recorded: call env.record_spikes() before the run")
    spikes = source.run.spikes.compact()
    if source.tissue is not None:
        strangers = np.setdiff1d(spikes.ids, source.tissue.gids)
        if strangers.size:
            raise ValueError(f"of must be the culture of this run: it has no cell {strangers[0]}, which spiked")
    return spikes


def pair(before: Any, after: Any) -> tuple[Weights, Weights | None, Mapping[str, str]]:
    """Weights before and after, and the receptors of their mechanisms; of an Experiment those at its start and end.

    Raises:
        TypeError: neither weights nor an Experiment.
        Missing: no weights in the experiment, or nothing that could learn.
        ValueError: weights of different synapses.
    """
    receptors: Mapping[str, str] = RECEPTORS
    if isinstance(before, Experiment):
        if after is not None:
            raise TypeError("an Experiment holds the weights before and after: give nothing else")
        receptors = RECEPTORS | dict(before.receptors)
        if START not in before.weights:
            raise Missing("the experiment holds no weights")
        before, after = before.weights[START], list(before.weights.values())[-1]
    for name, value in (("before", before), ("after", after)):
        if not isinstance(value, Weights) and not (name == "after" and value is None):
            raise TypeError(f"{name} must be what env.get_weights() returns, or an Experiment, got {value!r:.200}")
    assert isinstance(before, Weights)
    assert after is None or isinstance(after, Weights)
    if not len(before):
        raise Missing("the culture has no plastic synapses")
    if after is not None and after.synapses != before.synapses:
        raise ValueError(f"before and after must be of the same synapses, got {len(before)} and {len(after)} others")
    return before, after, receptors


def by_receptor(synapses: SynapseKeys, receptors: Mapping[str, str]) -> dict[str, np.ndarray]:
    """int64[n], the places of the synapses of each receptor; one whose receptor is unknown counts by its mechanism."""
    names = [receptors.get(m, m) for m in synapses.mechanisms]
    legal = sorted(set(names), key=lambda r: (ORDER.index(r) if r in ORDER else len(ORDER), r))
    code = np.array([legal.index(name) for name in names], np.int8)[synapses.mechanism]
    places = {name: np.flatnonzero(code == i) for i, name in enumerate(legal)}
    return {name: at for name, at in places.items() if at.size}
