"""The cells of a culture and their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livn import checks

if TYPE_CHECKING:
    from livn.env.culture import Culture
    from livn.network import Network

__all__ = ["Cell", "CellRegistry"]

_POTENTIAL = {"low": -200.0, "high": 200.0, "unit": "mV"}
_LENGTH = {"low": 0.01, "high": 1e5, "unit": "µm"}
_BOUNDS: dict[str, dict[str, Any]] = {
    "pp": {"low": 0.01, "high": 0.99},
    "L": _LENGTH,
    "d": _LENGTH,
    "gc": {"low": 1e-6, "high": 1e6, "unit": "mS/cm²"},
    "cm": {"low": 1e-3, "high": 1e4, "unit": "µF/cm²"},
    "e_pas": _POTENTIAL,
    "V_rest": _POTENTIAL,
    "threshold": _POTENTIAL,
    **{name: {"low": 1e-6, "high": 1e6} for name in ("alpha_Ca", "f_Ca", "k_Ca")},
}
_CONDUCTANCE: dict[str, Any] = {"low": 0.0, "high": 1e3, "unit": "S/cm²"}


def _bounds(parameter: str) -> dict[str, Any]:
    """Bounds of a parameter, by the part of its name after the section; wide, but no arithmetic overflows in them."""
    return _BOUNDS.get(parameter.partition(".")[2], _CONDUCTANCE)


class Cell:
    """One cell of a culture.

    Attributes:
        env: the culture.
        gid: its id.
        population: name of its population.
    """

    def __init__(self, env: Culture, population: str, gid: int) -> None:
        self.env, self.population, self.gid = env, population, gid

    def _own(self) -> tuple[dict[str, np.ndarray], int]:
        """The parameters of all cells of this kind, and this cell's row in them."""
        network = self.env._network_now()
        (cell,) = _indices(network, [self.gid])
        return network.parameters[network.kind_of(cell).name], int(network.row[cell])

    def get_params(self) -> dict[str, float]:
        """`{"<section>.<parameter>": value}`, units as in `livn.models.rcsd`."""
        own, row = self._own()
        return {name: float(values[row]) for name, values in own.items()}

    def set_params(self, params: Mapping[str, float]) -> Culture:
        """Set parameters of this cell alone; returns the env to continue with.

        Raises:
            KeyError: a parameter that the cell does not have.
            ValueError: out of bounds.
            TypeError: not a mapping of names to numbers.
        """
        own, row = self._own()
        new = {}
        for name, value in checks.mapping("params", params, "parameter names to numbers").items():
            if name not in own:
                raise self.unknown_param(name, own)
            new[name] = checks.number(name, value, **_bounds(name))
        for name, value in new.items():
            own[name][row] = value
        return self.env._parameters_changed()

    def unknown_param(self, name: str, available: Any) -> Exception:
        """The KeyError for a parameter that the cell does not have."""
        return checks.unknown("parameter", name, available, KeyError, where=f"{self.population} cell {self.gid}")

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
            ValueError: a cell of another gid or population than it is added under.
        """
        if not isinstance(population, str):
            raise TypeError(f"population must be a name, got {population!r:.200}")
        if not isinstance(cells, Mapping):
            raise TypeError(f"cells must be a mapping of gids to cells, got {cells!r:.200}")
        new = {checks.integer("gid", gid, low=0): cell for gid, cell in cells.items()}
        for gid, cell in new.items():
            if not isinstance(cell, Cell):
                raise TypeError(f"cells[{gid}] must be a Cell, got {cell!r:.200}")
            if (cell.population, cell.gid) != (population, gid):
                raise ValueError(f"cells[{gid}] must be gid {gid} of {population}, got {cell!r}")
        self._cells.setdefault(population, {}).update(new)

    def clear(self) -> None:
        """Forget all cells."""
        self._cells.clear()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return dict(self._cells[checks.choice("population", key, self._cells, KeyError)])
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            for cells in self._cells.values():
                if int(key) in cells:
                    return cells[int(key)]
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
        """int64[n], the gids that this process simulates: all, or this MPI rank's."""
        return self.gids[np.isin(self.gids, self.env.simulated_gids())]

    def get_params(self) -> dict[str, np.ndarray]:
        """`{name: float64[N]}` in the order of `gids`; NaN where a cell lacks the parameter."""
        network = self.env._network_now()
        cells = _indices(network, self.gids)
        out: dict[str, np.ndarray] = {}
        for number, kind in enumerate(network.kinds):
            mine = network.kind[cells] == number
            if not mine.any():
                continue
            for name, values in network.parameters[kind.name].items():
                out.setdefault(name, np.full(len(cells), np.nan))[mine] = values[network.row[cells[mine]]]
        return out

    def set_params(self, params: Mapping[str, Any]) -> Culture:
        """Set parameters of many cells; returns the env to continue with.

        Args:
            params: `{name: value}` with a number or one value per cell (NaN leaves the cell as it is). A name is
                `"<section>.<parameter>"`, or `"EXC:<section>.<parameter>"` for one population.

        Raises:
            KeyError: unknown name or population.
            ValueError: a wrong length, or a value out of bounds.
            TypeError: not a mapping of names to numbers.
        """
        network = self.env._network_now()
        for kind, name, rows, values in self.check_params(params):
            network.parameters[kind][name][rows] = values
        return self.env._parameters_changed()

    def check_params(self, params: Any) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
        """(kind, parameter, rows, values) that `set_params(params)` would set; raises as it does, changes nothing."""
        network = self.env._network_now()
        cells = _indices(network, self.gids)
        given = checks.mapping("params", params, "parameter names to numbers")
        return [change for name, value in given.items() for change in _changes(network, name, value, cells)]


def _indices(network: Network, gids: Any) -> np.ndarray:
    """int64[n], indices of simulated cells; KeyError for any other."""
    wanted = np.asarray(gids, np.int64)
    cells, known = network.locate(wanted)
    if not known.all():
        raise checks.unknown("gid", int(wanted[~known][0]), network.gids.tolist(), KeyError)
    return cells


def _changes(
    network: Network, key: str, value: Any, cells: np.ndarray
) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """(kind, parameter, rows, values) that an entry of `set_params` stands for, checked."""
    population, colon, name = key.rpartition(":")
    if colon:
        members = network.populations[checks.choice("population", population, network.populations, KeyError)]
        cells = cells[np.isin(cells, members)]
    owners = [(i, k) for i, k in enumerate(network.kinds) if (network.kind[cells] == i).any()]
    checks.choice("cell parameter", name, sorted({p for _, k in owners for p in k.parameters}), KeyError)
    try:
        single = np.ndim(value) == 0
    except ValueError:  # ragged
        single = False
    if single:
        values = np.full(len(cells), checks.number(key, value, **_bounds(name)))
    else:
        values = checks.array(key, value, finite=False)
        if values.shape != cells.shape:
            raise ValueError(
                f"{key} must be a number, or {len(cells)} of them, one per cell; got the shape {list(values.shape)}"
            )
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
