"""Electrodes and cells as plain arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.io import (
    MEA,
    calculate_cell_stimulus,
    calculate_distances,
    channel_recording,
    electrode_array_coordinates,
    electrode_array_coordinates_for_area,
    relative_distance,
)
from livn.system import make
from tests.io.helpers import culture, distance

# Grids


def test_a_grid_runs_along_x_first() -> None:
    grid = electrode_array_coordinates(pitch=10.0, xs=3, ys=2, xoffset=1.0, yoffset=2.0, z=5.0)
    assert grid.tolist() == [
        [0, 1, 2, 5], [1, 11, 2, 5], [2, 21, 2, 5],
        [3, 1, 12, 5], [4, 11, 12, 5], [5, 21, 12, 5],
    ]  # fmt: skip


def test_the_default_grid_is_that_of_the_mea() -> None:
    grid = electrode_array_coordinates()
    assert grid.shape == (16, 4)
    assert grid[5].tolist() == [5, 1500, 1500, 175]
    assert np.array_equal(MEA().electrode_coordinates, grid)


@pytest.mark.parametrize(("name", "channels"), [("EI1", 1), ("EI2", 16), ("EI3", 64)])
def test_the_arrays_of_the_predefined_systems(name: str, channels: int) -> None:
    system = make(name)
    io = system.default_io()
    side = 40.0 * math.sqrt(system.num_neurons)
    grid = electrode_array_coordinates_for_area(128.0, ((0.0, 0.0), (side, side)))
    assert isinstance(io, MEA)
    assert io.num_channels == channels == len(grid)
    assert (io.input_radius, io.output_radius) == (250.0, 100.0)
    assert io.electrode_coordinates == pytest.approx(grid, abs=1e-9)


positions, pitches = st.floats(-1e4, 1e4), st.floats(0, 40)


@given(st.floats(1.0, 500.0), positions, positions, pitches, pitches)
def test_the_grid_of_an_area(pitch: float, x: float, y: float, width: float, height: float) -> None:
    width, height = width * pitch, height * pitch
    grid = electrode_array_coordinates_for_area(pitch, ((x, y), (x + width, y + height)), z=3.0)
    assert grid[:, 0].tolist() == list(range(len(grid)))
    assert (grid[:, 3] == 3.0).all()
    for axis, low, extent in ((1, x, width), (2, y, height)):
        places = np.unique(grid[:, axis])
        n = len(places)
        assert n & (n - 1) == 0  # a power of two, of which twice as many would not fit
        assert (n - 1) * pitch <= extent + 1e-6 * pitch
        assert (2 * n - 1) * pitch > extent - 1e-6 * pitch
        assert np.diff(places) == pytest.approx(np.full(n - 1, pitch), rel=1e-6)
        assert (places[0] + places[-1]) / 2.0 == pytest.approx(low + extent / 2.0, abs=1e-6)


def test_an_area_of_exactly_so_many_pitches() -> None:
    assert len(electrode_array_coordinates_for_area(0.1, ((0, 0), (0.3, 0.7)))) == 4 * 8
    assert len(electrode_array_coordinates_for_area(100.0, ((0, 0), (299.9, 300.0)))) == 2 * 4
    assert electrode_array_coordinates_for_area(100.0, ((7, 7), (7, 7))).tolist() == [[0, 7, 7, 0]]


# Distances


def test_distances_go_electrode_by_electrode() -> None:
    rows, electrodes = culture(1, 5), electrode_array_coordinates(200.0, 2, 2, z=30.0)
    electrodes[:, 0] += 10
    table = calculate_distances(rows, electrodes)
    assert table.shape == (4 * 10, 3)
    expected = [[e[0], row[0], distance(row, e)] for e in electrodes for row in rows]
    assert table == pytest.approx(np.array(expected), rel=1e-12)


def test_no_cells_have_no_distances() -> None:
    assert calculate_distances(np.empty((0, 4)), electrode_array_coordinates()).shape == (0, 3)


def test_relative_distances() -> None:
    table = np.array([[0, 7, 50.0], [0, 8, 100.0], [1, 7, 150.0]])
    assert relative_distance(table, 100.0).tolist() == [[0, 7, 0.5], [0, 8, 1.0], [1, 7, 1.5]]
    assert relative_distance(table, 100.0, filter_out_of_bounds=True).tolist() == [[0, 7, 0.5], [0, 8, 1.0]]
    assert relative_distance([50.0, 150.0], 100.0, True).tolist() == [0.5]
    assert table[0, 2] == 50.0  # what came is not changed


# Sums and sorting


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 12))
def test_a_cell_receives_the_sum_of_its_channels(seed: int, batch: int, steps: int, channels: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, width = rng.normal(size=(batch, steps, channels)), 5
    induction = np.column_stack([rng.integers(0, channels, n), rng.integers(0, width, n), rng.normal(size=n)])
    matrix = np.zeros((channels, width))
    for c, g, factor in induction:
        matrix[int(c), int(g)] += factor
    out = calculate_cell_stimulus(inputs, induction, width)
    assert out == pytest.approx(inputs @ matrix, abs=1e-12)


def test_cell_stimuli_keep_the_dtype() -> None:
    induction = np.array([[0, 1, 0.5], [1, 3, 2.0]])
    for given_as, kept in ((np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)):
        out = calculate_cell_stimulus(np.ones((1, 2, 2), given_as), induction)
        assert out.dtype == kept
        assert out.shape == (1, 2, 4)
        assert out[0, 0].tolist() == [0.0, 0.5, 0.0, 2.0]


def test_entries_go_to_every_channel_that_hears_their_cell() -> None:
    ids, times, traces = [3, 1, 2, 1, 9], [0.5, 1.0, 1.5, 2.0, 2.5], np.arange(10).reshape(5, 2)
    by_id, by_time, by_trace = channel_recording({7: [1, 3], 8: [1], 9: []}, ids, times, traces)
    assert {c: v.tolist() for c, v in by_id.items()} == {7: [3, 1, 1], 8: [1, 1], 9: []}
    assert {c: v.tolist() for c, v in by_time.items()} == {7: [0.5, 1.0, 2.0], 8: [1.0, 2.0], 9: []}
    assert by_trace[8].tolist() == [[2, 3], [6, 7]]
    assert by_trace[9].shape == (0, 2)


def test_without_arrays_there_is_one_dict() -> None:
    alone = channel_recording({0: [4, 4]}, [4, 5])
    assert isinstance(alone, dict)
    assert alone[0].tolist() == [4]  # once, though its cell is named twice
    assert channel_recording({}, [4, 5]) == {}
    assert channel_recording({}, [4], [0.5]) == ({}, {})
    empty = channel_recording({0: [1], 1: []}, [])
    assert [(v.dtype, len(v)) for v in empty.values()] == [(np.int64, 0)] * 2


@given(st.dictionaries(st.integers(0, 50), st.lists(st.integers(0, 9)), max_size=6), st.lists(st.integers(0, 9)))
def test_sorting_loses_and_invents_nothing(mapping: dict[int, list[int]], ids: list[int]) -> None:
    by_id, by_place = channel_recording(mapping, np.array(ids, np.int64), np.arange(len(ids)))
    assert list(by_id) == list(by_place) == list(mapping)
    for channel, gids in mapping.items():
        assert by_place[channel].tolist() == [i for i, gid in enumerate(ids) if gid in gids]
        assert by_id[channel].tolist() == [gid for gid in ids if gid in gids]
