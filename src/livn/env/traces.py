"""The recording of weights: which synapses, how often, to where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livn import checks
from livn.engine.base import Tracing
from livn.env.recorders import checked_gids, checked_populations
from livn.models import noise
from livn.network import Network
from livn.plasticity import FileRecorder, Recorder, SynapseKeys, WeightRecorder, WeightTraces
from livn.plasticity.reading import exists
from livn.world import World

__all__ = ["Traces", "WeightSettings", "shares"]

CODES = 256
"""Mechanisms are told apart by a number below this."""


@dataclass(frozen=True)
class WeightSettings:
    """The arguments of `record_weights`, checked; None: no restriction, or memory.

    Attributes:
        dt: ms.
        population: names of populations of postsynaptic cells.
        gids: postsynaptic cells, ascending.
        fraction: share of the synapses.
        to: the file.
    """

    dt: float
    population: tuple[str, ...] | None = None
    gids: tuple[int, ...] | None = None
    fraction: float | None = None
    to: str | None = None

    @classmethod
    def checked(cls, network: Network, dt: Any, population: Any, gids: Any, fraction: Any, to: Any) -> WeightSettings:
        """Settings from what a user gave; `Env.record_weights` tells of the errors."""
        dt = checks.number("dt", dt, above=0.0, unit="ms")
        if population is not None:
            population = tuple(checked_populations(population, network))
        if gids is not None:
            gids = tuple(checked_gids(gids, network))
        if fraction is not None:
            fraction = checks.number("fraction", fraction, above=0.0, high=1.0)
        if to is not None:
            to = str(checks.path("to", to, "the name of a file or None").absolute())
        return cls(dt, population, gids, fraction, to)

    @property
    def limits(self) -> str:
        """What leaves synapses out, in words."""
        limits = {"population": self.population, "gids": self.gids, "fraction": self.fraction}
        return " and ".join(f"{name}={value!r:.60}" for name, value in limits.items() if value is not None)

    def chosen(self, network: Network, seed: int) -> np.ndarray:
        """int64[p], which of the plastic synapses of this process to record, ascending."""
        keys = network.keys
        keep = np.ones(len(keys), bool)
        if self.population is not None:
            members = np.zeros(network.n_cells, bool)
            for name in self.population:
                members[network.populations.get(name, [])] = True  # a selection may have left it out
            keep &= members[network.post[network.plastic]]
        if self.gids is not None:
            keep &= np.isin(keys.gid, self.gids)
        if self.fraction is not None:
            keep &= shares(keys, seed) <= self.fraction
        return np.flatnonzero(keep)


def shares(keys: SynapseKeys, seed: int) -> np.ndarray:
    """float64[n] in (0, 1], a number for each synapse: those up to f are a share f, whatever others there are."""
    address = keys.syn_id.astype(np.int64) * CODES + keys.mechanism
    return noise.uniforms(*noise.words(address, keys.gid, noise.RECORDED, 0, seed))[0]


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The plastic synapses of a network that are recorded: int64[p] places in key order, and their keys."""

    network: Network
    places: np.ndarray
    keys: SynapseKeys


class Traces:
    """The weight recorder of a culture, if it has one.

    Args:
        seed: of the shares.
        world: the ranks.
    """

    def __init__(self, seed: int, world: World) -> None:
        self._seed, self._world = seed, world
        self.settings: WeightSettings | None = None
        self.recorder: Recorder | None = None
        self._chosen: _Chosen | None = None

    def record(self, settings: WeightSettings, network: Network, settled: bool) -> None:
        """Go on with the same settings, or start anew with others.

        Args:
            settings: what to record.
            network: as far as it is known.
            settled: whether it stays as it is; else a file is made before the first run.
        """
        if settings == self.settings:
            return
        chosen = self._choose(settings, network)
        if settings.to is None:
            recorder: Recorder = WeightRecorder(settings.dt)
        else:
            recorder = self._file(settings.dt, Path(settings.to))
            if settled:
                recorder.open(chosen.keys)
        self.close()
        self.settings, self.recorder, self._chosen = settings, recorder, chosen

    def _file(self, dt: float, path: Path) -> FileRecorder:
        """A recorder to a file that can be made, as far as can be told."""
        if self._world.size > 1:
            raise ValueError(
                f"to must be None where {self._world.size} ranks share a culture, got {str(path)!r}: record in memory, "
                "and gather()"
            )
        if path.is_dir():
            raise IsADirectoryError(f"to must be the name of a file, and {path} is a directory")
        if path.exists():
            raise exists(path)
        if not path.parent.is_dir():
            raise FileNotFoundError(f"the directory {path.parent} does not exist")
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"the directory {path.parent} cannot be written to")
        return FileRecorder(dt, path)

    def _choose(self, settings: WeightSettings, network: Network) -> _Chosen:
        """What is recorded of a network."""
        places = settings.chosen(network, self._seed)
        if (settings.limits or settings.to) and not self._world.total(np.array(len(places))):
            which = f" with {settings.limits}" if settings.limits else ""
            raise ValueError(f"nothing to record: none of the {network.n_plastic} plastic synapses is one{which}")
        keys = network.keys if len(places) == len(network.keys) else network.keys.take(places)
        return _Chosen(network, places, keys)

    def _of(self, network: Network) -> _Chosen:
        """What is recorded of the network as it is now."""
        if self.settings is None:
            raise RuntimeError("nothing is recorded")
        if self._chosen is None or self._chosen.network is not network:
            self._chosen = self._choose(self.settings, network)
        return self._chosen

    def check_selection(self, gids: np.ndarray) -> None:
        """Refuse a selection that leaves out a cell whose synapses were asked for by its gid."""
        for gid in (self.settings and self.settings.gids) or ():
            if gid not in gids:
                raise ValueError(f"the selection leaves out cell {gid}, whose weights are to be recorded")

    def due(self, dt: float, start: int, steps: int) -> tuple[int, int]:
        """(steps of `dt` between samples, number of samples) in a run from step `start` on; zeros if none are taken.

        Raises:
            ValueError: the recording's dt is no multiple of the step.
        """
        if self.settings is None:
            return 0, 0
        every = checks.steps("the dt of record_weights", self.settings.dt, dt)
        return every, (start + steps) // every - start // every

    def memory(self, network: Network, count: int) -> int:
        """Bytes that recordings hold with `count` more samples."""
        return 0 if self.recorder is None else self.recorder.memory(len(self._of(network).keys), count)

    def begin(self, network: Network, every: int, start: int, count: int) -> Tracing | None:
        """What an engine must sample in a run from step `start` on, whose samples the recorder is ready for."""
        if self.recorder is None:
            return None
        chosen = self._of(network)
        self.recorder.begin(chosen.keys, start // every + 1, count)
        return Tracing(every, chosen.places, self.recorder.add)

    def end(self) -> None:
        """The run is over, however it ended."""
        if self.recorder is not None:
            self.recorder.end()

    def read(self, network: Network | None) -> WeightTraces:
        """What was recorded; None: there is no culture yet."""
        if self.recorder is None or network is None:
            return WeightTraces.empty()
        return self.recorder.traces(self._of(network).keys)

    def close(self) -> None:
        """Finish what is recorded to a file."""
        if self.recorder is not None:
            self.recorder.close()

    def clear(self) -> None:
        """Drop what is in memory; a file goes on with a new part."""
        if self.recorder is not None:
            self.recorder.clear()
