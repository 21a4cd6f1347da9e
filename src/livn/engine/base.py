"""The engine contract: build from a Network, advance by N steps, read and write state, say what it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livn.checks import environment

if TYPE_CHECKING:
    from livn.models.cells import CellType
    from livn.models.synapses import Receptor
    from livn.network import Network
    from livn.plasticity.rules import RuleParameters

__all__ = [
    "CALL_SECONDS",
    "CAPABILITIES",
    "COUNTS",
    "LIMIT",
    "Advance",
    "Engine",
    "Input",
    "Probe",
    "State",
    "Tracing",
    "paced",
    "state_names",
    "tally_steps",
]

CAPABILITIES = frozenset(
    {
        "simulation",
        "plasticity",
        "noise",
        "replayable_noise",
        "per_gid_voltage",
        "extracellular_stimulus",
        "differentiable",
        "mpi",
    }
)
"""What an engine may declare."""

CALL_SECONDS = 0.1
"""Wall time between looks at interrupts, and between reports of progress."""

HELD = 64e6
"""Bytes of sampled weights that an engine holds before it hands them over."""

LIMIT = 1000.0
"""A potential beyond this, mV, is no longer physiology."""

State = dict[str, np.ndarray]
"""The whole dynamic state by name, in the order of the network's cells and connections, the same for every engine.

An engine may add what only it needs, under names that start with its own and a dot; others ignore that."""


COUNTS = ("open_ltp", "open_ltd", "driven")
"""The sums of `Engine.learning`, by the names that they have in a state."""


def state_names(kind: CellType, receptors: Sequence[Receptor], rules: Collection[str]) -> list[str]:
    """The variables of a kind of cell in a `State`, as opposed to what is computed anew from parameters."""
    names = [*kind.states, "z_e", "z_i"]
    names += [f"{s}_{r.label}_{section}" for section in kind.sections for r in receptors for s in "AB"]
    for section in kind.sections:
        for rule in rules:
            names += [f"{n}_{rule}_{section}" for n in ("signal", "learning", *COUNTS)]
    return names


def paced(previous: int, steps: int, seconds: float) -> int:
    """Steps for the next call, to last `CALL_SECONDS`, after `steps` took `seconds`; at most 4 times more or fewer."""
    wanted = steps * CALL_SECONDS / max(seconds, 1e-6)
    return int(min(max(wanted, previous / 4, 1), previous * 4, 1e6))


def tally_steps(dt: float) -> int:
    """Steps between the samples of `Engine.learning`: 1 ms, at least one step."""
    return max(1, round(1.0 / dt))


@dataclass(frozen=True, eq=False)
class Probe:
    """A signal to sample during an advance.

    Attributes:
        signal: `"voltage"`, `"membrane_current"` or one of the model's recordable states.
        cells: int64[n], cell indices.
        sections: int64[n], section index of each row.
        every: steps between samples, the first at the start of the advance.
    """

    signal: str
    cells: np.ndarray
    sections: np.ndarray
    every: int


@dataclass(frozen=True, eq=False)
class Tracing:
    """Weights to sample during an advance, after the steps whose end is a multiple of `every`, counted from step 0.

    Attributes:
        every: steps between samples.
        places: int64[p], ascending positions, in key order, of the connections whose multipliers are sampled.
        sink: called with float32[samples, p] whenever some were taken, in order; to be copied, since the engine uses
            the memory again. What it raises ends the advance, at a whole step.
    """

    every: int
    places: np.ndarray
    sink: Callable[[np.ndarray], object]

    @property
    def most_steps(self) -> int:
        """Steps between calls of the sink at most, so that what is held stays within `HELD`."""
        return max(1, int(HELD / (4 * max(1, len(self.places))))) * self.every


@dataclass(frozen=True, eq=False)
class Input:
    """A stimulus on the step grid.

    Attributes:
        target: `"inject"` (nA), `"open"` (µS, reversal potential 0 mV) or `"spike"`: a cell whose value is not zero
            crosses its threshold in that step, whatever its potential.
        cells, sections: int64[n], where each column acts.
        ratio: steps per row.
        rows: rows(first, count) → float64[count, n]; row k covers the steps k·ratio to (k+1)·ratio of the advance.
        opening: int64[k], ascending, for `"spike"` the cells that cross it at the very start of the advance.
    """

    target: str
    cells: np.ndarray
    sections: np.ndarray
    ratio: int
    rows: Callable[[int, int], np.ndarray]
    opening: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def most_rows(self) -> int:
        """Rows to ask for at once, by LIVN_STIMULUS_CHUNK_MB: in the making some four arrays are alive."""
        room = environment("LIVN_STIMULUS_CHUNK_MB", 64.0) * 1e6
        return max(1, int(room / (4 * 8 * max(1, len(self.cells)))))


@dataclass(eq=False)
class Advance:
    """What came of an advance.

    Attributes:
        spike_steps: int64[n], the step each spike is stamped with, ascending, then by cell.
        spike_cells: int64[n], cell indices.
        series: a float64[rows, samples] per probe, in the order given.
        steps: steps done, fewer than asked for if interrupted.
        interrupted: whether Ctrl-C came, also one that came too late to end it early.
    """

    spike_steps: np.ndarray
    spike_cells: np.ndarray
    series: list[np.ndarray] = field(default_factory=list)
    steps: int = 0
    interrupted: bool = False


class Engine(ABC):
    """An integrator of one network. Units as everywhere: ms, mV, nA, µS.

    Attributes:
        name: as in `make(engine=...)`.
        capabilities: a subset of `CAPABILITIES`.
        precisions: those that it can compute in.
        network: what it was built from.
        step: integer clock; t = step · dt.
        threads: number of threads in use.
    """

    name: str
    capabilities: frozenset[str]
    precisions: tuple[str, ...] = ("double",)
    network: Network
    step: int
    threads: int

    @abstractmethod
    def __init__(self, network: Network, *, seed: int, threads: int) -> None:
        """Build cells and connections; `reset` must follow before anything else.

        Engines with the capability `mpi` are also given `world`, the ranks; those that compute in several precisions,
        `precision` where it is not `"double"`.
        """

    @abstractmethod
    def reset(self, dt: float, v_init: float | None, stream: int) -> None:
        """Go to t = 0: initial membrane, no conductance, no spike in flight, Λ = ℓ = 0; multipliers stay."""

    @abstractmethod
    def advance(
        self,
        n_steps: int,
        probes: list[Probe],
        stimulus: Input | None = None,
        tracing: Tracing | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Advance:
        """Integrate `n_steps` steps; `progress` is told the steps done and this process' spikes so far.

        An interrupt (Ctrl-C) ends it early, at a step where every recording is complete; `steps` tells. Weights that
        were sampled reach the sink however it ends.

        Raises:
            SimulationDiverged: a potential became NaN or ran away.
        """

    @abstractmethod
    def read_state(self) -> State:
        """A copy of the whole dynamic state, spikes in flight and multipliers included."""

    @abstractmethod
    def write_state(self, state: State) -> None:
        """Continue from a state that `read_state` of any engine on an equal network returned."""

    @abstractmethod
    def multipliers(self) -> np.ndarray:
        """float64[P], the multipliers w in key order, a copy."""

    @abstractmethod
    def set_multipliers(self, w: np.ndarray) -> None:
        """Put multipliers back, float64[P] in key order."""

    @abstractmethod
    def learning(self) -> dict[tuple[str, str, str], dict[str, np.ndarray]]:
        """Per (rule, kind, section): `integral` Λ, `open_ltp`, `open_ltd`, `driven`, each float64[cells of the kind].

        The last three are sums over samples taken while plasticity is on, at the multiples of `tally_steps`: of an
        open gate (1 or 0) and of the drive.
        """

    @abstractmethod
    def clear_tally(self) -> None:
        """Set the sums of `learning` to zero."""

    @abstractmethod
    def set_plasticity(self, on: bool, rules: Mapping[str, RuleParameters]) -> None:
        """Switch learning, with these parameters by rule."""

    @abstractmethod
    def set_noise(self, noise: Mapping[str, Mapping[str, float]]) -> None:
        """Background conductances by population; an empty mapping switches the noise off."""

    @abstractmethod
    def set_stream(self, stream: int) -> None:
        """Draw the noise from another stream from now on."""

    @abstractmethod
    def set_seed(self, seed: int) -> None:
        """Draw the noise of another seed from now on, 0 to 2^64 - 1."""

    @abstractmethod
    def update_parameters(self) -> None:
        """Take up changed `network.parameters` and `network.weight`."""

    @abstractmethod
    def close(self) -> None:
        """Free what the engine holds."""
