"""From a Stimulus to what an engine takes: columns on compartments, values in nA or µS, rows on the step grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from livn.engine.base import Input
from livn.models.cells import refractory_steps
from livn.network import Network
from livn.stimulus import Stimulus
from livn.trains import SpikeTrains

__all__ = ["engine_input", "polarises"]

Rows = Callable[[int, int], np.ndarray]


def engine_input(stimulus: Stimulus, network: Network, dt: float) -> Input:
    """The engine's view of a stimulus.

    Raises:
        ValueError: columns that fit neither the cells nor the compartments, unknown gids or sections, a conductance
            below zero, a potential out of bounds or without a gradient, light on a model without opsins, spikes of one
            cell within its refractory period.
    """
    mode = stimulus.input_mode
    if mode == "irradiance" and network.model.opsin_config() is None:
        raise ValueError(f"light acts on cells with opsins, and {network.model!r} has none: opsin_config() is None")
    cells, sections = _targets(stimulus, network)
    if mode == "spikes":
        return _emitted(stimulus, network, cells, sections, dt)
    per, values = _values(stimulus, dt, _bounds(mode, network))
    if mode == "extracellular":
        return _axial(network, cells, sections, per, values)
    scale = _areas(network, cells, sections) * 1e-2 if mode == "current_density" else np.ones(len(cells))
    target = "open" if mode == "conductance" else "inject"
    return Input(target, cells, sections, per, lambda first, count: values(first, count) * scale)


def polarises(stimulus: Stimulus, network: Network) -> bool:
    """Whether an extracellular stimulus reaches a cell of several compartments, or no cell at all.

    A dense one reaches the cells whose columns are not all zero, a deferred one those that it has columns for.
    """
    cells, _ = _targets(stimulus, network)
    reached = cells if stimulus.array is None else cells[stimulus.array.any(axis=0)]
    several = np.array([len(k.sections) > 1 for k in network.kinds])
    return not len(reached) or bool(several[network.kind[reached]].any())


def _bounds(mode: str, network: Network) -> tuple[float, float] | None:
    return (0.0, np.inf) if mode == "conductance" else network.model.stimulus_bounds(mode)


def _values(stimulus: Stimulus, dt: float, bounds: tuple[float, float] | None) -> tuple[int, Rows]:
    """Steps per row, and the rows, checked: a dense stimulus now, a deferred one as it is made."""

    def checked(values: np.ndarray) -> np.ndarray:
        if bounds is not None and values.size:
            low, high = values.min(), values.max()
            if low < bounds[0] or high > bounds[1]:
                worst = low if low < bounds[0] else high
                legal = f">= {bounds[0]:g}" if np.isinf(bounds[1]) else f"within {bounds[0]:g} to {bounds[1]:g}"
                raise ValueError(
                    f"a stimulus of mode {stimulus.input_mode} must be {legal} {stimulus.units}, got {worst:g}"
                    + ("; currents of electrodes must be smaller" if stimulus.input_mode == "extracellular" else "")
                )
        return values

    if stimulus.array is not None:
        checked(stimulus.array)
    per = stimulus.rows_per(dt)

    def rows(first: int, count: int) -> np.ndarray:
        if per is not None:
            values = stimulus.rows(first, first + count)
        else:
            values = stimulus.step_averages(dt, first, count)
        return checked(values) if stimulus.deferred else values

    return per or 1, rows


def _axial(network: Network, cells: np.ndarray, sections: np.ndarray, per: int, values: Rows) -> Input:
    """Extracellular potentials φ as currents: g_ax ((v_s + φ_s) - (v_d + φ_d)) is the axial current of v alone and
    g_ax (φ_s - φ_d), taken from the soma and given to the dendrite. Their sum is zero, so that a cell's membrane
    currents still add up to what electrodes inject."""
    column = np.full((network.n_cells, 2), -1)
    column[cells, sections] = np.arange(len(cells))
    double = np.array([len(k.sections) > 1 for k in network.kinds])[network.kind]
    lonely = np.unique(cells[double[cells] & (column[cells] < 0).any(axis=1)])
    if len(lonely):
        raise ValueError(
            "a potential without a gradient moves nothing: an extracellular stimulus needs a column for each section "
            f"of a cell, as env.stimulus_coordinates() has rows; gid {network.gids[lonely[0]]} has a single one. "
            "Injected currents are Stimulus.from_current(array, dt), those of electrodes env.cell_stimulus(array, dt)"
        )
    moved = np.unique(cells[double[cells]])
    soma, dend = column[moved].T
    conductance = _axial_conductances(network, moved)

    def rows(first: int, count: int) -> np.ndarray:
        phi = values(first, count)
        out = np.zeros((len(phi), 2 * len(moved)))
        on = np.flatnonzero(phi.any(axis=1))  # a pulse train is silent most of the time
        if len(on):
            phi = phi[on]
            flow = conductance * (phi[:, soma] - phi[:, dend])
            out[on] = np.concatenate([-flow, flow], axis=1)
        return out

    return Input("inject", np.tile(moved, 2), np.repeat([0, 1], len(moved)), per, rows)


def _emitted(stimulus: Stimulus, network: Network, cells: np.ndarray, sections: np.ndarray, dt: float) -> Input:
    """Spikes by step: row k marks those stamped with the end of step k; those at the start come before all."""
    trains: Any = stimulus.source
    if not isinstance(trains, SpikeTrains) or sections.any():
        raise ValueError("spikes are made by Stimulus.from_spikes({gid: times in ms})")
    least = refractory_steps(network.model.refractory_period, dt)
    steps = [np.floor(times / dt + 0.5).astype(np.int64) for times in trains.times]
    for gid, times, at in zip(trains.gids.tolist(), trains.times, steps, strict=True):
        close = np.flatnonzero(np.diff(at) < max(1, least))
        if len(close):
            a, b = times[close[0] : close[0] + 2]
            raise ValueError(
                f"times[{gid}] must be at least the refractory period of {network.model.refractory_period:g} ms "
                f"apart, got {a:g} and {b:g}"
            )
    lengths = [len(at) for at in steps]
    column, step = np.repeat(np.arange(len(steps)), lengths), np.concatenate(steps)
    order = np.lexsort((column, step))
    column, step = column[order], step[order]

    def rows(first: int, count: int) -> np.ndarray:
        out = np.zeros((count, len(cells)))
        a, b = np.searchsorted(step, [first + 1, first + 1 + count])
        out[step[a:b] - first - 1, column[a:b]] = 1.0
        return out

    return Input("spike", cells, sections, 1, rows, np.sort(cells[column[step == 0]]))


def _targets(stimulus: Stimulus, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """(cell index, section index) of each column."""
    width = stimulus.width
    cell, section = network.compartments
    if stimulus.gids is None:
        if width == len(cell):
            return cell, section
        if width == network.n_cells:
            return np.arange(width), np.zeros(width, np.int64)
        raise ValueError(
            f"a stimulus without gids must have one column per cell ({network.n_cells}) or one per compartment "
            f"({len(cell)}), got {width}; currents of electrodes go through env.cell_stimulus(array, dt)"
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


def _axial_conductances(network: Network, cells: np.ndarray) -> np.ndarray:
    """Conductances between soma and dendrite of cells that have both, µS."""
    out = np.empty(len(cells))
    for number, kind in enumerate(network.kinds):
        mine = network.kind[cells] == number
        if mine.any():
            out[mine] = kind.areas(network.parameters[kind.name])[2][network.row[cells[mine]]]
    return out
