"""The cells of a culture and their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks

if TYPE_CHECKING:
    from livn.env.culture import Culture
    from livn.network import Network

__all__ = ["Cell", "CellRegistry", "check_params"]

_ABOVE_ZERO = {"L", "d", "gc", "cm", "alpha_Ca", "f_Ca", "k_Ca"}
_POTENTIALS = {"e_pas", "V_rest", "threshold"}


def _bounds(parameter: str) -> dict[str, Any]:
    """Bounds of a parameter, by the part of its name after the section."""
    name = parameter.partition(".")[2]
    if name == "pp":
        return {"low": 0.01, "high": 0.99}
    if name in _ABOVE_ZERO:
        return {"above": 0.0}
    return {"low": -200.0, "high": 200.0, "unit": "mV"} if name in _POTENTIALS else {"low": 0.0}


class Cell:
    """One cell of a culture.

    Attributes:
        env: the culture.
        gid: its id.
        population: name of its population.
    """

    def __init__(self, env: Culture, population: str, gid: int) -> None:
        self.env, self.population, self.gid = env, population, gid

    def get_params(self) -> dict[str, float]:
        """`{"<section>.<parameter>": value}`, units as in `livn.models.rcsd`."""
        network = self.env._network_now()
        cell = int(np.searchsorted(network.gids, self.gid))
        kind, row = network.kind_of(cell), network.row[cell]
        return {name: float(values[row]) for name, values in network.parameters[kind.name].items()}

    def set_params(self, params: Mapping[str, float]) -> Culture:
        """Set parameters of this cell alone; returns the env to continue with.

        Raises:
            KeyError: a parameter that the cell does not have.
            ValueError: out of bounds.
        """
        network = self.env._network_now()
        cell = int(np.searchsorted(network.gids, self.gid))
        kind, row = network.kind_of(cell), network.row[cell]
        own = network.parameters[kind.name]
        new = {}
        for name, value in dict(params).items():
            if name not in own:
                raise self.unknown_param(name, own)
            new[name] = checks.number(name, value, **_bounds(name))
        for name, value in new.items():
            own[name][row] = value
        return self.env._parameters_changed()

    def unknown_param(self, name: str, available: Any) -> Exception:
        """The KeyError for a parameter that the cell does not have."""
        return checks.unknown(f"parameter of the {self.population} cell {self.gid}", name, available, KeyError)

    def __repr__(self) -> str:
        return f"Cell({self.population}, gid={self.gid})"


class CellRegistry(Mapping[Any, Any]):
    """The cells of a culture: `cells["EXC"]` → {gid: Cell}, `cells[7]` → Cell."""

    def __init__(self, env: Culture, comm: Any = None) -> None:
        self.env, self.comm = env, comm
        self._cells: dict[str, dict[int, Cell]] = {}

    def add(self, population: str, cells: Mapping[int, Cell]) -> None:
        """Add cells to a population.

        Raises:
            TypeError: not a mapping of whole numbers to cells.
        """
        new = {checks.integer("gid", gid, low=0): cell for gid, cell in dict(cells).items()}
        for gid, cell in new.items():
            if not isinstance(cell, Cell):
                raise TypeError(f"cells[{gid}] must be a Cell, got {cell!r}")
        self._cells.setdefault(population, {}).update(new)

    def clear(self) -> None:
        """Forget all cells."""
        self._cells.clear()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return dict(self._cells[checks.choice("population", key, self._cells, KeyError)])
        for cells in self._cells.values():
            if key in cells:
                return cells[key]
        raise checks.unknown("gid", key, self.gids.tolist(), KeyError)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __repr__(self) -> str:
        return f"CellRegistry({', '.join(f'{p}: {len(c)}' for p, c in self._cells.items())})"

    @property
    def gids(self) -> np.ndarray:
        """int64[N], all gids, ascending."""
        return np.sort(np.array([gid for cells in self._cells.values() for gid in cells], np.int64))

    @property
    def local_gids(self) -> np.ndarray:
        """The gids that this process simulates: all."""
        return self.gids

    def get_params(self) -> dict[str, np.ndarray]:
        """`{name: float64[N]}` in the order of `gids`; NaN where a cell lacks the parameter."""
        network = self.env._network_now()
        out: dict[str, np.ndarray] = {}
        for number, kind in enumerate(network.kinds):
            if not (network.kind == number).any():
                continue
            for name, values in network.parameters[kind.name].items():
                out.setdefault(name, np.full(network.n_cells, np.nan))[network.kind == number] = values
        return out

    def set_params(self, params: Mapping[str, Any]) -> Culture:
        """Set parameters of many cells; returns the env to continue with.

        Args:
            params: `{name: value}` with a number or one value per cell (NaN leaves the cell as it is). A name is
                `"<section>.<parameter>"`, or `"EXC:<section>.<parameter>"` for one population.

        Raises:
            KeyError: unknown name or population.
            ValueError: a wrong length, or a value out of bounds.
        """
        network = self.env._network_now()
        for kind, name, rows, values in check_params(network, params):
            network.parameters[kind][name][rows] = values
        return self.env._parameters_changed()


def check_params(network: Network, params: Mapping[str, Any]) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """(kind, parameter, rows, values) that the arguments of `CellRegistry.set_params` stand for, all legal."""
    return [change for name, value in dict(params).items() for change in _changes(network, name, value)]


def _changes(network: Network, key: str, value: Any) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """(kind, parameter, rows, values) that an entry of `set_params` stands for, checked."""
    population, colon, name = key.rpartition(":")
    cells = np.arange(network.n_cells)
    if colon:
        cells = network.populations[checks.choice("population", population, network.populations, KeyError)]
    owners = [(i, k) for i, k in enumerate(network.kinds) if (network.kind[cells] == i).any()]
    legal = sorted({p for _, k in owners for p in k.parameters})
    checks.choice("cell parameter", name, legal, KeyError)
    single = np.ndim(value) == 0
    values = np.full(len(cells), checks.number(key, value, **_bounds(name))) if single else checks.array(
        key, value, shape=(len(cells),), finite=False
    )  # fmt: skip
    changes = []
    for i, kind in owners:
        mine = (network.kind[cells] == i) & ~np.isnan(values)
        if name in kind.parameters:
            for x in np.unique(values[mine]):
                checks.number(key, float(x), **_bounds(name))
            changes.append((kind.name, name, network.row[cells[mine]], values[mine]))
        elif not single and mine.any():
            raise ValueError(
                f"{key}: cell {network.gids[cells[mine]][0]} has no such parameter; give NaN there, or name the "
                "population ('EXC:soma.g_pas')"
            )
    return changes
