"""From a Stimulus to what an engine takes: columns on compartments, values in nA or µS, rows on the step grid."""

from __future__ import annotations

import numpy as np

from livn.engine.base import Input
from livn.network import Network
from livn.stimulus import Stimulus

__all__ = ["engine_input"]


def engine_input(stimulus: Stimulus, network: Network, dt: float) -> Input:
    """The engine's view of a stimulus.

    Raises:
        ValueError: columns that fit neither the cells nor the compartments, unknown gids or sections, a conductance
            below zero.
    """
    cells, sections = _targets(stimulus, network)
    mode = stimulus.input_mode
    if mode == "conductance" and stimulus.array is not None:
        _check_conductance(stimulus.array)
    scale = _areas(network, cells, sections) * 1e-2 if mode == "current_density" else np.ones(len(cells))
    per = stimulus.rows_per(dt)
    if per is not None and stimulus.array is not None:
        table = stimulus.array

        def rows(first: int, count: int) -> np.ndarray:
            out = np.zeros((count, len(cells)))
            part = table[first : first + count]
            out[: len(part)] = part * scale
            return out

        return Input(_TARGETS[mode], cells, sections, per, rows)

    def averaged(first: int, count: int) -> np.ndarray:
        values = stimulus.step_averages(dt, first, count)
        if mode == "conductance" and stimulus.deferred:
            _check_conductance(values)
        return values * scale

    return Input(_TARGETS[mode], cells, sections, 1, averaged)


_TARGETS = {"current": "inject", "current_density": "inject", "conductance": "open"}


def _check_conductance(values: np.ndarray) -> None:
    if (values < 0.0).any():
        raise ValueError(f"a stimulus that is a conductance must be >= 0 µS, got {values.min():g}")


def _targets(stimulus: Stimulus, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """(cell index, section index) of each column."""
    width = stimulus.width
    cell, section = network.compartments
    if stimulus.gids is None:
        if width == network.n_cells:
            return np.arange(width), np.zeros(width, np.int64)
        if width == len(cell):
            return cell, section
        raise ValueError(
            f"a stimulus without gids must have one column per cell ({network.n_cells}) or one per compartment "
            f"({len(cell)}), got {width}"
        )
    at, known = network.locate(stimulus.gids)
    if not known.all():
        raise ValueError(f"the stimulus addresses gid {stimulus.gids[~known][0]}, which is not simulated")
    sections = np.zeros(width, np.int64) if stimulus.sections is None else np.asarray(stimulus.sections, np.int64)
    most = np.array([len(k.sections) for k in network.kinds])[network.kind[at]]
    if (sections >= most).any():
        bad = int(np.flatnonzero(sections >= most)[0])
        own = ", ".join(f"{i} = {name}" for i, name in enumerate(network.kind_of(at[bad]).sections))
        raise ValueError(
            f"the stimulus addresses section {sections[bad]} of gid {stimulus.gids[bad]}, whose sections are: {own}"
        )
    return at, sections


def _areas(network: Network, cells: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Areas of compartments, µm²."""
    out = np.empty(len(cells))
    for number, kind in enumerate(network.kinds):
        areas = kind.areas(network.parameters[kind.name])
        for s in range(len(kind.sections)):
            mine = (network.kind[cells] == number) & (sections == s)
            out[mine] = areas[s][network.row[cells[mine]]]
    return out
