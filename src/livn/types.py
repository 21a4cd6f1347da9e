"""The protocols: what the parts of livn ask of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from livn.cells import Cell

if TYPE_CHECKING:
    import pandas as pd

    from livn.decoding import Decoding
    from livn.encoding import Encoding
    from livn.models.cells import CellType
    from livn.models.synapses import Receptor
    from livn.plasticity import Weights
    from livn.run import Run
    from livn.stimulus import Stimulus

__all__ = ["Cell", "Decoding", "Encoding", "Env", "Model", "System"]


def __getattr__(name: str) -> Any:  # the bases of configurations load pydantic
    if name == "Decoding":
        from livn.decoding import Decoding

        return Decoding
    if name == "Encoding":
        from livn.encoding import Encoding

        return Encoding
    raise AttributeError(f"module 'livn.types' has no attribute {name!r}")


@runtime_checkable
class System(Protocol):
    """What is there: cells, positions, synapses. `livn.system.System` documents every member.

    An object with these members is accepted wherever a system is asked for.
    """

    @property
    def name(self) -> str:
        """What the system is called."""

    @property
    def uri(self) -> str | None:
        """Its directory, if it has one."""

    @property
    def num_neurons(self) -> int:
        """Number of cells."""

    @property
    def populations(self) -> list[str]:
        """Names of the populations, in order."""

    @property
    def gids(self) -> np.ndarray:
        """int [N], the cells in population order."""

    @property
    def population_ranges(self) -> dict[str, tuple[int, int]]:
        """`(start, count)` by population."""

    def population_count(self, population: str) -> int:
        """Number of cells of a population."""

    @property
    def neuron_coordinates(self) -> np.ndarray:
        """float [N,4], gid, x, y, z in µm."""

    def coordinate_array(self, population: str) -> np.ndarray:
        """float [n,4], gid, x, y, z in µm, of a population."""

    @property
    def bounding_box(self) -> np.ndarray:
        """float [2,3], least and greatest x, y, z, µm."""

    @property
    def center_point(self) -> np.ndarray:
        """float [3], the middle of the bounding box, µm."""

    @property
    def edges(self) -> pd.DataFrame:
        """The synapse table."""

    def projections(self, pre: str, post: str) -> Iterator[tuple[int, tuple[np.ndarray, dict[str, np.ndarray]]]]:
        """`(post_gid, (pre_gids, {"distance", "delay_ms"}))` by postsynaptic cell."""

    def projection_array(self, pre: str, post: str) -> list[tuple[int, tuple[np.ndarray, dict[str, np.ndarray]]]]:
        """`projections` as a list."""

    @property
    def connections_config(self) -> dict[str, Any]:
        """`{"synapses": {post: {pre: {"type", "sections", "mechanisms"}}}}`."""

    def synapse_projections(self) -> list[tuple[str, str, str, str, str]]:
        """Sorted `(post, pre, section, mechanism, type)`."""

    @property
    def weight_names(self) -> list[str]:
        """`"{post}_{pre}-{section}-{mechanism}-weight"`."""

    def connectivity_matrix(
        self, weights: Mapping[str, float] | None = None, gids: Iterable[int] | None = None, sparse: bool = False
    ) -> Any:
        """float32 `W[pre, post]`, negative if inhibitory."""

    def summary(self) -> dict[str, Any]:
        """`num_neurons`, `num_projections`, `population_counts`."""

    def transform_coordinates(
        self, f: Callable[..., np.ndarray], populations: Iterable[str] | str | None = None
    ) -> np.ndarray:
        """Stacked `f(coords, population=p)`."""

    def default_io(self) -> Any:
        """A new instance of the IO to use if none is given."""

    def default_model(self) -> Any:
        """A new instance of the model to use if none is given."""

    def params_document(self, selection: str | None = None) -> dict[str, Any] | None:
        """Stored parameters of a selection."""

    def selections(self) -> list[str]:
        """Names of the stored selections."""

    def selection(
        self,
        spec: Any,
        populations: Iterable[str] | str | None = None,
        seed: int = 123,
        method: str = "first",
        bounds: Any = None,
    ) -> dict[str, np.ndarray] | None:
        """Gids by population, `None` for all."""


@runtime_checkable
class Model(Protocol):
    """How cells behave. `livn.models.rcsd.ReducedCalciumSomaDendrite` documents every member."""

    receptors: tuple[Receptor, ...]
    cell_types: dict[str, CellType]
    input_mode: str | None
    refractory_period: float

    @property
    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""

    def cell_type(self, population: str) -> CellType:
        """The kind of cell that a population is made of."""

    def section_name(self, population: str, section: str) -> str:
        """The section that an address names."""

    def stimulus_coordinates(self, coordinates: Any, population: str | None = None) -> np.ndarray:
        """float [M,4], where stimuli act."""

    def recording_coordinates(self, coordinates: Any, population: str | None = None) -> np.ndarray:
        """float [M,4], where membrane currents are recorded."""

    def default_weights(self, system_name: str, engine: str | None = None) -> dict[str, float]:
        """Static weights for a system of this name."""

    def default_noise(self, system_name: str, engine: str | None = None) -> dict[str, dict[str, float]]:
        """Background noise for a system of this name."""

    def apply_defaults(self, env: Any, weights: bool = True, noise: bool = True) -> None:
        """Set an env's weights and noise to these."""

    def ignored_populations(self) -> frozenset[str]:
        """Populations that are not simulated."""

    def params_key(self) -> str:
        """Key of the model in parameter files."""

    def recordable_states(self) -> tuple[str, ...]:
        """State variables that can be recorded."""

    def prepare_stimulus(self, stim: Stimulus) -> Stimulus:
        """A stimulus as the model takes it."""

    def stimulus_bounds(self, mode: str) -> tuple[float, float] | None:
        """Legal range of a stimulus."""

    def opsin_config(self) -> dict[str, Any] | None:
        """Opsin of the cells."""

    def neuron_synapse_mechanisms(self) -> dict[str, str]:
        """Receptor label to mechanism."""

    def neuron_plasticity_mechanism_groups(self) -> dict[str, set[str]]:
        """Rule to mechanisms."""

    def neuron_plasticity_defaults(self) -> dict[str, dict[str, float]]:
        """Rule to parameters."""


@runtime_checkable
class Env(Protocol):
    """A runnable culture. `livn.env.Env` is the one concrete Env and documents every member."""

    system: Any
    model: Any
    io: Any
    engine: str
    seed: int

    def init(self) -> Any:
        """Build cells and synapses."""

    def run(self, duration: float, stimulus: Any = None, dt: float | None = None) -> Run:
        """Advance the culture."""

    def __call__(self, decoding: Any, inputs: Any = None, encoding: Any = None) -> Any:
        """Encode, run, decode."""

    def clear(self, reseed: bool = True, reset_weights: bool = False) -> Any:
        """Back to t = 0."""

    def record(self, what: str, population: Any = None, **options: Any) -> Any:
        """Record a signal."""

    def set_weights(self, weights: Mapping[str, float]) -> Any:
        """Set static weights."""

    def set_noise(self, noise: Mapping[str, Any]) -> Any:
        """Set the background."""

    def active_populations(self) -> list[str]:
        """Populations that are simulated."""

    @property
    def weight_names(self) -> list[str]:
        """Keys of `set_weights`."""

    def enable_plasticity(self, config: Mapping[str, Any] | None = None) -> Any:
        """Let synapses learn."""

    def disable_plasticity(self) -> Any:
        """Freeze the weights."""

    def normalize_weights(self, target: Any = None) -> Any:
        """Homeostasis."""

    def get_weights(self) -> Weights:
        """Snapshot of the multipliers."""

    def close(self) -> None:
        """Free the engine."""
