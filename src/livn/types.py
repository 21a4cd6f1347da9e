"""The protocols: what the parts of livn ask of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["System"]


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
