"""The two kinds of systems: a culture of connected cells, and cells that have nothing to do with each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from livn import checks, types
from livn.errors import DamagedFile
from livn.system.base import BaseSystem, check_populations
from livn.system.documents import Documents
from livn.system.storage import check_version, digest, read_arrays, read_json, write_arrays, write_json
from livn.system.synapses import Synapses, synapses_from_table

__all__ = ["ParallelSystem", "System", "pack", "synapses_of", "unpack"]

GRAPH = "graph.json"
DIRECTORY_FORMAT = "livn-system"
DIRECTORY_VERSION = 1
ARRAYS_KIND = "system"
BOX_PADDING = 100.0  # µm, around the cells of a ParallelSystem


class System(BaseSystem):
    """A culture: populations of cells at positions, and the synapses between them. `System(directory)` loads one.

    A directory holds `graph.json` (format, name, populations, area), the HDF5 file of arrays that it names, and
    optionally `mea.json`, `model.json`, `selection/<name>.json` and `params/<selection>.json`.

    Args:
        directory: where `save` or a generator put it; `~` is the user's home.

    Raises:
        FileNotFoundError: there is no such directory, or no system in it.
        DamagedFile: a file in it is damaged, altered or not livn's.
        NewerFormat: a later version of livn wrote it.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        path = checks.path("directory", directory, "a path")
        arrays, meta = _read_directory(path)
        super().__init__(**_parts(arrays, meta, path), directory=path)
        self._meta = meta

    def set_aside(self) -> None:
        """Free the memory of the synapses until they are asked for; they are then read from the directory again.

        A system that is in memory only keeps them.
        """
        if self._directory is not None:
            self._held = None

    def _read_again(self) -> Synapses:
        directory = cast(Path, self._directory)
        arrays, meta = _read_directory(directory)
        if meta != self._meta:
            raise DamagedFile(f"{directory} holds another system than when it was loaded")
        synapses: Synapses = _parts(arrays, meta, directory)["synapses"]
        return synapses

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> System:
        """`System(directory)`."""
        return cls(directory)

    @classmethod
    def from_arrays(
        cls, populations: Mapping[str, int], coordinates: Any, edges: Any = None, name: str = "custom"
    ) -> System:
        """A system of one's own.

        Args:
            populations: number of cells by population; gids 0, 1, 2, ... are given out in this order.
            coordinates: float [N,3], x, y, z of every cell, µm.
            edges: DataFrame or mapping of equal-length columns, one entry per synapse; `None` means no synapse.
                `pre`, `post`: gids. `section`: `"soma"` or `"dend"`. `mechanism`: `AMPA`, `NMDA`, `GABA_A`, `GABA_B`
                or the name of the mechanism. Optional: `delay_ms` (default 0.5 ms + distance / 250 µm/ms), `weight`
                (default 1), `g_unit_uS` (default by receptor and target population), `syn_id` (default 0, 1, 2, ...
                per postsynaptic cell in row order; rows that differ in mechanism may share one).
            name: what to call it.

        Raises:
            TypeError: `populations` is no mapping, a count is no whole number, `edges` is no table.
            ValueError: negative or no cells, a wrong shape, NaN or infinity, a column that is missing, unknown or of
                another length, an unknown gid, section or mechanism, a negative delay, weight or conductance, or a
                repeated `(post, syn_id, mechanism)`.
        """
        counts = check_populations(populations)
        count = sum(counts.values())
        xyz = checks.array("coordinates", coordinates, shape=(count, 3))
        rows = np.column_stack([np.arange(count), xyz])
        synapses = Synapses.none() if edges is None else synapses_from_table(edges, rows, counts)
        return cls.assemble(check_name(name), counts, rows, synapses)

    @classmethod
    def assemble(cls, *args: Any, **kwargs: Any) -> System:
        """A system in memory from valid parts, the arguments of `BaseSystem`; for generators."""
        system = cls.__new__(cls)
        BaseSystem.__init__(system, *args, **kwargs)
        return system

    def save(self, directory: str | os.PathLike[str], force: bool = False) -> Path:
        """Write the system and its documents. `graph.json` appears last, so that what is there is always whole.

        Args:
            directory: created if need be.
            force: replace another system that is there, its documents included.

        Returns:
            The directory.

        Raises:
            FileExistsError: the directory holds another system, or a `graph.json` that is not readable.
            OSError: it cannot be written.
        """
        directory = checks.path("directory", directory, "a path")
        checks.boolean("force", force)
        arrays, meta = pack(self)
        meta |= {"num_synapses": len(self.synapses), "digest": digest(arrays, meta)}
        graph = directory / GRAPH
        replaces = graph.exists() and _digest_in(graph) != meta["digest"]
        if replaces and not force:
            raise FileExistsError(f"{directory} holds another system; pass force=True to replace it")
        documents = self.documents.everything()
        directory.mkdir(parents=True, exist_ok=True)
        file = f"arrays-{meta['digest'][:16]}.h5"
        write_arrays(directory / file, arrays, meta, ARRAYS_KIND)
        for path, document in documents.items():
            (directory / path).parent.mkdir(exist_ok=True)
            write_json(directory / path, document)
        write_json(graph, {"format": DIRECTORY_FORMAT, "version": DIRECTORY_VERSION, "arrays": file, **meta})
        if replaces:  # what belonged to the other system, and it alone
            there = Documents(self.name, directory).paths()
            stale = [directory / path for path in there if path not in documents]
            for old in [*stale, *(p for p in directory.glob("arrays-*.h5") if p.name != file)]:
                old.unlink(missing_ok=True)
        return directory


class ParallelSystem(BaseSystem):
    """Cells without synapses, for studying many single cells at once.

    Args:
        num_neurons: how many, all of the population `EXC`, or numbers by population.
        coordinates: spacing along x in µm; or positions [N,3]; or gid, x, y, z [N,4] with whole unique gids below 2^31;
            or a function of N that returns either.
        name: what to call it.

    Raises:
        TypeError: a number of cells that is not whole.
        ValueError: no cell, a negative number, positions of another shape, gids that are not whole or not unique.
    """

    def __init__(
        self,
        num_neurons: int | Mapping[str, int] = 1,
        coordinates: float | Any | Callable[[int], Any] = 0.0,
        name: str = "ParallelSystem",
    ) -> None:
        if isinstance(num_neurons, Mapping):
            counts = check_populations(num_neurons)
        else:
            counts = {"EXC": checks.integer("num_neurons", num_neurons, low=1, high=2**31 - 1)}
        rows = _place(coordinates, sum(counts.values()))
        super().__init__(check_name(name), counts, rows, Synapses.none())

    @property
    def bounding_box(self) -> np.ndarray:
        """float64 [2,3], the least and the greatest x, y, z of the cells, widened by 100 µm on every side."""
        return super().bounding_box + np.array([[-BOX_PADDING], [BOX_PADDING]])


def check_name(name: Any) -> str:
    """A system's name as a user gave it."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r:.200}")
    if not name.strip():
        raise ValueError(f"name must not be blank, got {name!r}")
    return name


def synapses_of(system: types.System) -> Synapses:
    """The synapses of any system: the arrays if it is livn's own, else its `edges`, checked."""
    if isinstance(system, BaseSystem):
        return system.synapses
    counts = {p: system.population_count(p) for p in system.populations}
    return synapses_from_table(system.edges, np.asarray(system.neuron_coordinates, np.float64), counts)


def pack(system: types.System) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and metadata (for `write_arrays`) from which `unpack` makes the system again, without its documents."""
    arrays = {"coordinates": np.asarray(system.neuron_coordinates, np.float64)} | synapses_of(system).arrays()
    ground = system.area if isinstance(system, BaseSystem) else np.asarray(system.bounding_box, np.float64)[:, :2]
    meta = {
        "type": "ParallelSystem" if isinstance(system, ParallelSystem) else "System",
        "name": system.name,
        "populations": {p: system.population_count(p) for p in system.populations},
        "area": ground.tolist(),
    }
    return arrays, meta


def unpack(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> System | ParallelSystem:
    """The system that `pack` took apart, in memory.

    Raises:
        DamagedFile: a part is missing.
    """
    parts = _parts(arrays, meta, "the stored system")
    cls: type[System | ParallelSystem] = ParallelSystem if meta["type"] == "ParallelSystem" else System
    system = cls.__new__(cls)
    BaseSystem.__init__(system, **parts)
    return system


def _parts(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], where: object) -> dict[str, Any]:
    """The arguments of `BaseSystem` in stored arrays and metadata."""
    try:
        columns = {name: a for name, a in arrays.items() if name != "coordinates"}
        return {
            "name": meta["name"],
            "populations": meta["populations"],
            "coordinates": arrays["coordinates"],
            "synapses": Synapses(**columns),
            "area": np.array(meta["area"], np.float64),
        }
    except (KeyError, TypeError, ValueError) as e:
        raise DamagedFile(f"{where} lacks a part of a system: {e}") from e


def _read_directory(directory: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    graph = directory / GRAPH
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is not a directory, or does not exist")
    if not graph.exists():
        raise FileNotFoundError(f"{directory} holds no system: {GRAPH} is missing")
    stated = read_json(graph)
    if stated.pop("format", None) != DIRECTORY_FORMAT:
        raise DamagedFile(f"{graph} does not describe a system of livn")
    check_version(graph, stated.pop("version", None), DIRECTORY_VERSION)
    file = stated.pop("arrays", None)
    if not isinstance(file, str) or Path(file).name != file or not (directory / file).is_file():
        raise DamagedFile(f"{directory} is incomplete: the file of arrays that {GRAPH} names, {file!r}, is missing")
    arrays, meta = read_arrays(directory / file, ARRAYS_KIND)
    if stated != meta:
        raise DamagedFile(f"{graph} does not fit {file}: one of them was altered")
    return arrays, meta


def _digest_in(graph: Path) -> object:
    """The digest that a `graph.json` states, `None` if it is damaged or not ours."""
    try:
        return read_json(graph).get("digest")
    except DamagedFile:
        return None


def _place(coordinates: Any, count: int) -> np.ndarray:
    """Rows gid, x, y, z of the cells of a ParallelSystem."""
    if callable(coordinates):
        coordinates = coordinates(count)
    a = np.asarray(coordinates)
    if a.ndim == 0:
        spacing = checks.number("coordinates", coordinates, unit="µm of spacing along x")
        x = np.arange(count) * spacing
        return np.column_stack([np.arange(count), x, np.zeros(count), np.zeros(count)])
    rows = checks.array("coordinates", coordinates)
    if rows.shape == (count, 3):
        return np.column_stack([np.arange(count), rows])
    if rows.shape != (count, 4):
        raise ValueError(
            f"coordinates must be a spacing, or have the shape [{count}, 3] or [{count}, 4], got {list(rows.shape)}"
        )
    gids = rows[:, 0]
    wrong = gids[(gids != np.floor(gids)) | (gids < 0) | (gids >= 2**31)]
    if wrong.size:
        raise ValueError(f"the gids in coordinates[:, 0] must be whole numbers in [0, 2^31), got {wrong[0]:g}")
    if len(np.unique(gids)) < count:
        raise ValueError("the gids in coordinates[:, 0] must be unique, got some of them twice")
    return rows
