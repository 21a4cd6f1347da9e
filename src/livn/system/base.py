"""What every system is: populations of cells at positions, and synapses between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks
from livn.errors import DamagedFile
from livn.html import card, cells_text
from livn.system import connectivity
from livn.system.connectivity import Pathway, Projection
from livn.system.documents import Documents
from livn.system.selection import Selection, select
from livn.system.synapses import Synapses

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

    from livn.io import IO

__all__ = ["BaseSystem", "check_populations"]

# A population's name is part of weight keys ("EXC_INH-soma-...") and parameter names ("EXC:soma.g_pas").
POPULATION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class BaseSystem:
    """Cells and synapses; `System` and `ParallelSystem` say where they come from. Nothing in it changes.

    Args:
        name: what the system is called.
        populations: number of cells by population, valid.
        coordinates: float [N,4], gid, x, y, z in µm, in population order, valid.
        synapses: sorted synapses among these gids.
        area: float [2,2], [[x0, y0], [x1, y1]] in µm, the culture's ground; by default its bounding box.
        directory: where its documents lie.
        documents: its documents if there is no directory, by path within one.
    """

    def __init__(
        self,
        name: str,
        populations: Mapping[str, int],
        coordinates: np.ndarray,
        synapses: Synapses,
        *,
        area: np.ndarray | None = None,
        directory: Path | None = None,
        documents: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self._name = name
        self._counts = dict(populations)
        self._coordinates = coordinates
        self._coordinates.setflags(write=False)
        self._gids = coordinates[:, 0].astype(np.int64)
        self._gids.setflags(write=False)
        self._by_gid = np.argsort(self._gids, kind="stable")
        self._member = np.repeat(np.arange(len(self._counts)), list(self._counts.values()))
        self._held: Synapses | None = synapses
        self._n_synapses = len(synapses)
        self._area = self.bounding_box[:, :2] if area is None else np.array(area, np.float64)
        self._directory = directory
        self._documents = Documents(name, directory, documents)

    def __repr__(self) -> str:
        cells = ", ".join(f"{p} {n}" for p, n in self._counts.items())
        wires = f"{self.num_synapses} synapses" if self.num_synapses else "no synapses"
        where = f", {self.uri}" if self.uri else ""
        return f"{type(self).__name__}({self.name!r}: {self.num_neurons} neurons ({cells}), {wires}{where})"

    def _repr_html_(self) -> str:
        x, y = np.diff(self._area, axis=0)[0].tolist()
        facts = [
            ("cells", cells_text(self._counts.items())),
            ("synapses", f"{self.num_synapses:,}"),
            ("area", f"{x:g} × {y:g} µm"),
            ("stored", self.uri or "in memory only"),
        ]
        return card(type(self).__name__, self.name, facts)

    # What there is

    @property
    def name(self) -> str:
        """What the system is called."""
        return self._name

    @property
    def uri(self) -> str | None:
        """Its directory, `None` for a system that lives in memory."""
        return None if self._directory is None else str(self._directory)

    @property
    def num_neurons(self) -> int:
        """Number of cells."""
        return len(self._gids)

    @property
    def num_synapses(self) -> int:
        """Number of synapses; known without reading them again where they were set aside."""
        return self._n_synapses

    @property
    def populations(self) -> list[str]:
        """Names of the populations, in order."""
        return list(self._counts)

    @property
    def population_counts(self) -> dict[str, int]:
        """Number of cells by population."""
        return dict(self._counts)

    @property
    def population_ranges(self) -> dict[str, tuple[int, int]]:
        """`(start, count)` of each population in rows of `gids` and `neuron_coordinates`.

        Gids are contiguous except where a `ParallelSystem` was given its own, so that `start` is the first gid, too.
        """
        starts = np.cumsum([0, *self._counts.values()])
        return {p: (int(start), n) for start, (p, n) in zip(starts, self._counts.items(), strict=False)}

    def population_count(self, population: str) -> int:
        """Number of cells of a population; `KeyError` if there is none of this name."""
        return self._counts[self._population(population)]

    @property
    def gids(self) -> np.ndarray:
        """int64 [N], the cells in population order; read-only."""
        return self._gids

    def population_gids(self, population: str) -> np.ndarray:
        """int64 [n], the cells of a population; `KeyError` if there is none of this name."""
        return self._gids[self._slice(population)]

    @property
    def neuron_coordinates(self) -> np.ndarray:
        """float64 [N,4], gid, x, y, z in µm, in population order; read-only."""
        return self._coordinates

    def coordinate_array(self, population: str) -> np.ndarray:
        """float64 [n,4], gid, x, y, z in µm, of a population; `KeyError` if there is none of this name."""
        return self._coordinates[self._slice(population)]

    @property
    def bounding_box(self) -> np.ndarray:
        """float64 [2,3], the least and the greatest x, y, z of the cells, µm."""
        return np.stack([self._coordinates[:, 1:].min(axis=0), self._coordinates[:, 1:].max(axis=0)])

    @property
    def center_point(self) -> np.ndarray:
        """float64 [3], the middle of the bounding box, µm."""
        return self.bounding_box.mean(axis=0)

    @property
    def area(self) -> np.ndarray:
        """float64 [2,2], [[x0, y0], [x1, y1]] in µm: the ground on which the culture was laid out."""
        return self._area.copy()

    def transform_coordinates(
        self, f: Callable[..., np.ndarray], populations: Iterable[str] | str | None = None
    ) -> np.ndarray:
        """`f(coords, population=p)` of each population, stacked.

        Args:
            f: takes float [n,4] (gid, x, y, z in µm) and the keyword `population`, returns rows [m,k].
            populations: which ones; by default all, in order.

        Returns:
            float [sum of m, k].
        """
        wanted = (
            self.populations
            if populations is None
            else checks.names("populations", populations, self._counts, KeyError)
        )
        if not wanted:
            raise ValueError("populations must name at least one population, got none")
        return np.concatenate([np.atleast_2d(f(self.coordinate_array(p), population=p)) for p in wanted])

    # Synapses

    @property
    def _synapses(self) -> Synapses:
        if self._held is None:
            self._held = self._read_again()
        return self._held

    def _read_again(self) -> Synapses:
        """The synapses from where the system came from; only one that has a place of its own sets them aside."""
        raise NotImplementedError

    @property
    def synapses(self) -> Synapses:
        """Every synapse, as sorted read-only arrays."""
        return self._synapses

    @property
    def edges(self) -> pd.DataFrame:
        """The synapse table, a new DataFrame each time: pre, post, section, mechanism (receptor label), delay_ms,
        weight, g_unit_uS, syn_id, ordered by (post, syn_id, mechanism name)."""
        return self._synapses.to_frame()

    def synapses_within(self, gids: Iterable[int]) -> Synapses:
        """The synapses whose pre- and postsynaptic cells are both among `gids` (themselves unchanged)."""
        return self._synapses.among(self._gids[self._rows_of(gids)])

    def projections(self, pre: str, post: str) -> Iterator[Projection]:
        """The partners of each cell of `post` among the cells of `pre`.

        Args:
            pre, post: populations; `KeyError` if there is none of this name.

        Yields:
            `(post_gid, (pre_gids, info))` for every cell that has partners, ascending; `pre_gids` int64 [n] ascending,
            each partner once; `info` has `distance` (float [n], µm) and `delay_ms` (float [n], the shortest one if a
            pair has several synapses).
        """
        codes = self.populations.index(self._population(pre)), self.populations.index(self._population(post))
        rows = self._synapse_rows
        index = np.flatnonzero((self._member[rows[0]] == codes[0]) & (self._member[rows[1]] == codes[1]))
        part = rows[0][index], rows[1][index]
        return connectivity.projections(self._synapses.take(index), self._coordinates, part)

    def projection_array(self, pre: str, post: str) -> list[Projection]:
        """`projections(pre, post)` as a list."""
        return list(self.projections(pre, post))

    def synapse_projections(self) -> list[Pathway]:
        """The distinct `(post, pre, section, mechanism, type)`, sorted: populations, section as the table states it,
        receptor label, and `"excitatory"` or `"inhibitory"`."""
        return list(self._pathways)

    @property
    def connections_config(self) -> dict[str, Any]:
        """`{"synapses": {post: {pre: {"type", "sections", "mechanisms"}}}}`: lists of sections and receptor labels;
        `type` is `"excitatory"`, `"inhibitory"` or, if a pair has both, `"mixed"`."""
        return connectivity.configuration(self._pathways)

    @property
    def weight_names(self) -> list[str]:
        """The keys of static weights, sorted: `"{post}_{pre}-{section}-{receptor}-weight"`."""
        return [f"{post}_{pre}-{section}-{mechanism}-weight" for post, pre, section, mechanism, _ in self._pathways]

    def connectivity_matrix(
        self, weights: Mapping[str, float] | None = None, gids: Iterable[int] | None = None, sparse: bool = False
    ) -> np.ndarray | csr_array:
        """Summed static weights, negative if inhibitory.

        Args:
            weights: factors by `"post_pre"` (populations), 1 where there is none.
            gids: the cells to show, in this order; by default all.
            sparse: whether to return a `scipy.sparse.csr_array`.

        Returns:
            float32 [n,n], `W[pre, post]`.

        Raises:
            ValueError: a key that is no pair of populations, an unknown or repeated gid, a factor that is not finite.
        """
        rows = self._synapse_rows
        codes = self._member[rows[0]], self._member[rows[1]]
        kept = np.arange(self.num_neurons) if gids is None else self._rows_of(gids)
        if weights is not None and not isinstance(weights, Mapping):
            raise TypeError(f"weights must be a mapping of 'post_pre' to a number, got {weights!r:.200}")
        return connectivity.connectivity_matrix(
            self._synapses, rows, codes, self.populations, self._gids, kept, weights, checks.boolean("sparse", sparse)
        )

    def summary(self) -> dict[str, Any]:
        """`num_neurons`, `num_projections` (connected pairs of cells) and `population_counts`."""
        return {
            "num_neurons": self.num_neurons,
            "num_projections": connectivity.count_projections(self._synapses),
            "population_counts": self.population_counts,
        }

    # Documents and defaults

    @property
    def documents(self) -> Documents:
        """The JSON documents beside the arrays: `documents.get("mea.json")`."""
        return self._documents

    def default_model(self) -> Any:
        """A new instance of the model that `model.json` names, else of the package's default model.

        Raises:
            DamagedFile: `model.json` is not `{"cls": "module.Class", "kwargs": {...}}`.
            ImportError: there is no such class.
        """
        return self._documents.model()

    def default_io(self) -> IO:
        """The electrodes that `mea.json` describes, a new `livn.io.MEA`; without it an IO that has no channels.

        Raises:
            DamagedFile: `mea.json` does not describe electrodes.
        """
        from livn.io import IO, MEA

        document = self._documents.get("mea.json")
        if document is None:
            return IO()
        try:
            return MEA(**document)
        except (KeyError, TypeError, ValueError) as e:
            raise DamagedFile(f"mea.json of {self.name!r} does not describe electrodes: {e}") from e

    def params_document(self, selection: str | None = None) -> dict[str, Any] | None:
        """The stored parameters of a selection: `{model_key: {group: {"params", "meta"}}}`.

        Args:
            selection: name of a stored selection; `None` means `"default"`.

        Returns:
            The document, or `None` if nothing is stored.
        """
        return self._documents.params(selection)

    def selections(self) -> list[str]:
        """Names of the stored selections, sorted."""
        return self._documents.selections()

    def selection(
        self,
        spec: Any,
        populations: Iterable[str] | str | None = None,
        seed: int = 123,
        method: str = "first",
        bounds: Any = None,
    ) -> Selection | None:
        """The cells that a description selects.

        Args:
            spec: a stored name; int, a total, split by population size (largest remainder); float in (0, 1], a
                fraction; `{population: int, float or gids}`, leaving out the rest; or `None`, all cells.
            populations: choose among these only.
            seed: of the random method, in [0, 2^64).
            method: how numbers and fractions choose. `"first"`: the lowest rows of each population. `"random"`: each
                cell's rank depends on seed and gid alone. `"patch"`: a fraction is the share of the area of a centred
                box, whose cells are taken; a number takes the cells nearest to the middle in x and y, whatever
                population they belong to.
            bounds: [[x0, y0], [x1, y1]] in µm, for `"patch"`: the area to use in place of the bounding box, no cell
                outside it being taken; with `spec=None` all cells within.

        Returns:
            Ascending int64 gids by population (those without any left out), or `None` for all cells.

        Raises:
            ValueError: out of range, an unknown gid or stored name, bounds without `"patch"`, nothing selected.
            KeyError: an unknown population.
            TypeError: none of the above forms.
        """
        return select(self, spec, populations, seed, method, bounds)

    # Rows

    def _population(self, population: str) -> str:
        return checks.choice("population", population, self._counts, KeyError)

    def _slice(self, population: str) -> slice:
        start, count = self.population_ranges[self._population(population)]
        return slice(start, start + count)

    def _rows(self, gids: np.ndarray) -> np.ndarray:
        """Rows of known gids."""
        return self._by_gid[np.searchsorted(self._gids, gids, sorter=self._by_gid)]

    def _rows_of(self, gids: Iterable[int]) -> np.ndarray:
        """Rows of gids that a user named, in their order."""
        wanted = np.asarray(gids if isinstance(gids, np.ndarray) else list(gids))
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise ValueError(f"gids must be whole numbers in one dimension, got {gids!r:.200}")
        wanted = wanted.astype(np.int64)
        unknown = wanted[~np.isin(wanted, self._gids)]
        if unknown.size:
            raise ValueError(f"gids must be cells of the system, got {unknown[0]}")
        if len(np.unique(wanted)) < len(wanted):
            raise ValueError(f"gids must name each cell once, got {gids!r:.200}")
        return self._rows(wanted)

    @cached_property
    def _pathways(self) -> list[Pathway]:
        pre, post = self._synapse_rows
        return connectivity.pathways(self._synapses, self._member[pre], self._member[post], self.populations)

    @property
    def _synapse_rows(self) -> tuple[np.ndarray, np.ndarray]:
        return self._rows(self._synapses.pre), self._rows(self._synapses.post)


def check_populations(populations: Any) -> dict[str, int]:
    """Population counts as a user gave them: names that can be part of keys, whole numbers, one cell at least."""
    if not isinstance(populations, Mapping):
        raise TypeError(f"populations must be a mapping of names to numbers of cells, got {populations!r:.200}")
    counts = {}
    for name, count in populations.items():
        if not isinstance(name, str) or not POPULATION_NAME.fullmatch(name):
            raise ValueError(
                f"a population's name must be letters, digits and '_', beginning with a letter, got {name!r}"
            )
        counts[name] = checks.integer(f"populations[{name!r}]", count, low=0)
    if sum(counts.values()) >= 2**31:
        raise ValueError(f"a system has fewer than 2^31 cells, got {sum(counts.values())}")
    if sum(counts.values()) < 1:
        raise ValueError(f"populations must have at least one cell in all, got {dict(populations)!r:.200}")
    keys = [f"{post}_{pre}" for post in counts for pre in counts]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"the populations' names make ambiguous weight keys: {', '.join(sorted(twice))}")
    return counts
