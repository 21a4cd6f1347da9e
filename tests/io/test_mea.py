"""Electrodes as point sources and as points that listen: against the formulas, to 1e-6 and better."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn.io import MEA, electrode_array_coordinates
from livn.io.coupling import Coupling
from livn.models.rcsd import ReducedCalciumSomaDendrite
from tests.io.helpers import cells, culture, distance, heard, induced

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20)


def array(**options: float) -> MEA:
    """9 electrodes whose ids are not their columns."""
    grid = electrode_array_coordinates(200.0, 3, 3, xoffset=100.0, yoffset=150.0, z=-20.0)
    grid[:, 0] = [12, 3, 40, 5, 6, 0, 8, 99, 1]
    return MEA(grid, **options)


def reached(row: np.ndarray, rows: np.ndarray, electrode: np.ndarray, radius: float) -> bool:
    soma = rows[rows[:, 0] == row[0]][0]
    return distance(soma, electrode) <= radius


# Stimulation


def test_one_microampere_in_numbers() -> None:
    rows = cells((0.0, 0.0, 0.0))
    stimulus = MEA([[0, 0, 0, 0]]).cell_stimulus(rows, [[1.0]], 0.1)
    # 1 µA through 3.5 Ω m, 52.2 µm away (the electrode's 15 and the culture's 50 as one distance)
    assert 1e-6 * 3.5 / (4 * math.pi * 52.2015e-6) * 1e3 == pytest.approx(stimulus.array[0, 0], rel=1e-5)
    assert stimulus.array[0, 0] == pytest.approx(5.33550, abs=1e-5)
    assert stimulus.array[0, 1] == pytest.approx(3.50209, abs=1e-5)  # the dendrite, 60 µm off
    assert (stimulus.units, stimulus.input_mode, stimulus.dt) == ("mV", "extracellular", 0.1)


@few
@given(seeds)
def test_stimulation_equals_the_formula(seed: int) -> None:
    io, rows = array(input_radius=180.0), culture(seed)
    currents = np.random.default_rng(seed).normal(0.0, 30.0, (4, 9))
    expected = [
        [
            sum(
                induced(current, distance(row, e)) if reached(row, rows, e, 180.0) else 0.0
                for current, e in zip(line, io.electrode_coordinates, strict=True)
            )
            for row in rows
        ]
        for line in currents
    ]
    stimulus = io.cell_stimulus(rows, currents)
    assert stimulus.array == pytest.approx(np.array(expected), rel=1e-10, abs=1e-10)
    assert stimulus.gids.tolist() == rows[:, 0].tolist()
    assert stimulus.sections.tolist() == [0, 1] * 30


def test_a_cell_is_reached_by_its_soma() -> None:
    io = MEA([[0, 0, 0, 0]], input_radius=100.0)
    # near soma and far dendrite; far soma and near dendrite; both at the very radius
    rows = cells((90.0, 0.0, 0.0), (-110.0, 0.0, 0.0), (0.0, 60.0, 80.0))
    gradient = io.cell_stimulus(rows, [[10.0]]).array[0]
    assert gradient[:2].tolist() == pytest.approx([induced(10.0, 90.0), induced(10.0, 150.0)])
    assert gradient[2:4].tolist() == [0.0, 0.0]
    assert gradient[4:].tolist() == pytest.approx([induced(10.0, 100.0), induced(10.0, math.hypot(100.0, 60.0))])


def test_the_soma_is_the_first_row_wherever_it_stands() -> None:
    io = MEA([[0, 0, 0, 0]], input_radius=100.0)
    rows = np.array([[7, 90, 0, 0], [2, 500, 0, 0], [7, 700, 0, 0], [2, 50, 0, 0]], float)  # rows of two cells mixed
    out = io.cell_stimulus(rows, [[10.0]]).array[0]
    assert out.tolist() == pytest.approx([induced(10.0, 90.0), 0.0, induced(10.0, 700.0), 0.0])


def test_rows_of_the_models_cells() -> None:
    rows = ReducedCalciumSomaDendrite().stimulus_coordinates(np.array([[0, 100.0, 100.0, 5.0]]), population="EXC")
    io = MEA([[0, 100, 100, 0]])
    assert io.cell_stimulus(rows, [[-4.0]]).array[0].tolist() == pytest.approx(
        [induced(-4.0, 5.0), induced(-4.0, math.hypot(60.0, 5.0))]
    )


def test_reach_is_the_potential_of_one_microampere() -> None:
    io, rows = array(), culture(3)
    assert io.reach(rows).tobytes() == io.cell_stimulus(rows, np.eye(9)).array.tobytes()
    assert not MEA([[0, 5e3, 0, 0]]).reach(rows).any()


@given(seeds, st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_potentials_of_any_cut_into_windows_are_the_whole(seed: int, cuts: list[int], sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    io, rows = array(), culture(seed % 7)
    coupling = Coupling(rows, io.electrode_coordinates, 200.0, lambda r: 100.0 / (r + 3.0), True)
    currents = rng.normal(0.0, 10.0, (40, 9)) * rng.choice([0.0, -0.0, 1.0], (40, 9))
    bounds = [0, *sorted(cuts), 40]
    places = coupling.reached if sparse else None
    parts = [coupling.potentials(currents[a:b], places) for a, b in itertools.pairwise(bounds)]
    whole = coupling.potentials(currents)
    assert np.concatenate(parts).tobytes() == whole[:, slice(None) if places is None else places].tobytes()
    assert not np.delete(whole, coupling.reached, axis=1).any()


@few
@given(seeds)
def test_a_protocol_streamed_is_the_protocol_at_once(seed: int) -> None:
    io, rows = array(input_radius=80.0), culture(seed, 60)
    currents = np.random.default_rng(seed).normal(0.0, 10.0, (20, 9))
    stream = io.stream(rows, lambda a, b: currents[round(a / 0.05) : round(b / 0.05)], 1.0, 0.05)
    dense = io.cell_stimulus(rows, currents, 0.05)
    assert stream.deferred
    assert stream.dt == 0.05
    assert stream.width < dense.width  # far cells cost nothing
    assert stream.expand(dense.gids, dense.sections).window(0.0, 1.0).tobytes() == dense.array.tobytes()
    assert stream.window(0.3, 0.55).tobytes() == stream.window(0.0, 1.0)[6:11].tobytes()


def test_other_coordinates_are_not_mistaken_for_those_before() -> None:
    io, rows = array(), culture(5)
    first, heard_first = io.reach(rows), io.channel_recording(rows, [4, 7])
    moved = rows + np.array([0, 35, 0, 0])
    assert not np.array_equal(io.reach(moved), first)
    assert io.reach(moved).tobytes() == array().reach(moved).tobytes()
    assert io.reach(rows).tobytes() == first.tobytes()
    far = rows + np.array([0, 5e3, 0, 0])
    assert sum(map(len, heard_first.values()))
    assert not sum(map(len, io.channel_recording(far, [4, 7]).values()))
    again = io.channel_recording(rows, [4, 7])
    assert all(np.array_equal(again[c], heard_first[c]) for c in heard_first)


def test_dense_stimuli_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVN_MAX_STIMULUS_GB", "0.0001")
    with pytest.raises(MemoryError, match="LIVN_MAX_STIMULUS_GB"):
        array().cell_stimulus(culture(0), np.ones((1000, 9)))


# Recording


def test_one_nanoampere_at_50_micrometres() -> None:
    io = MEA([[0, 0, 0, 0]])
    out = io.potential_recording(io.distances([[0, 30.0, 0.0, 40.0]]), [[1e-3]])
    assert out.shape == (1, 1)
    assert out[0, 0] == pytest.approx(4.82, abs=0.005)
    assert out[0, 0] * 1e-6 == pytest.approx(1e-9 / (4 * math.pi * 0.3 * 55e-6), rel=1e-5)  # I/(4 pi sigma r)


@few
@given(seeds)
def test_recording_equals_the_formula(seed: int) -> None:
    io, rows = array(output_radius=170.0), culture(seed)
    currents = np.random.default_rng(seed).normal(0.0, 1e-3, (len(rows), 5))
    expected = np.zeros((9, 5))
    for line, e in zip(expected, io.electrode_coordinates, strict=True):
        for row, current in zip(rows, currents, strict=True):
            if distance(row, e) <= 170.0:  # a row counts by its own distance
                line += heard(current, distance(row, e))
    assert io.potential_recording(io.distances(rows), currents) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_potentials_of_nothing() -> None:
    io = array()
    assert io.potential_recording(io.distances(np.empty((0, 4))), np.empty((0, 5))).tolist() == [[0.0] * 5] * 9
    assert io.potential_recording(io.distances(culture(0)), np.empty((60, 0))).shape == (9, 0)


def test_gain_of_sources() -> None:
    io = MEA(volume_conductor={"recording_gain": 1000.0, "min_distance_um": 10.0})
    assert io.source_gain([0.0, 90.0]).tolist() == [100.0, 10.0]


def test_a_unit_is_on_every_electrode_that_hears_it() -> None:
    io = MEA([[4, 0, 0, 0], [9, 100, 0, 0], [2, 5000, 0, 0]], output_radius=80.0)
    rows = cells((50.0, 0.0, 0.0), (-70.0, 0.0, 0.0), (80.0, 0.0, 0.0), (-100.0, 0.0, 0.0), first=3)
    ids, times = io.channel_recording(rows, [5, 3, 4, 6, 3], [0.1, 0.2, 0.3, 0.4, 0.5])
    assert list(ids) == list(times) == [4, 9, 2]
    # cell 5 lies 80 µm off, the radius itself; the soma of cell 6 is too far, though its dendrite lies 40 µm away
    assert {c: v.tolist() for c, v in ids.items()} == {4: [5, 3, 4, 3], 9: [5, 3, 3], 2: []}
    assert {c: v.tolist() for c, v in times.items()} == {4: [0.1, 0.2, 0.3, 0.5], 9: [0.1, 0.2, 0.5], 2: []}


def test_every_channel_is_a_key_even_of_a_silent_culture() -> None:
    io = array()
    ids, times = io.channel_recording(culture(0), [], [])
    assert list(ids) == list(times) == io.channel_ids.tolist()
    assert {len(v) for v in (*ids.values(), *times.values())} == {0}
    assert list(io.channel_recording(culture(0), [3])) == io.channel_ids.tolist()


def test_what_contributes_to_a_channel() -> None:
    io = array(output_radius=220.0)
    rows = culture(4)
    frame = io.channel_contribution(rows, 99)
    r = np.array([distance(row, io.electrode_coordinates[7]) for row in rows])
    assert len(frame) == (r <= 220.0).sum() > 3
    assert frame["distance_um"].tolist() == pytest.approx(sorted(r[r <= 220.0]))
    assert frame["gain"].tolist() == pytest.approx([heard(1.0, d) for d in frame["distance_um"]])
    assert frame["contribution_pct"].sum() == pytest.approx(100.0)
    assert frame["gid"].iloc[0] == rows[r.argmin(), 0]
    far = MEA([[0, 9e3, 0, 0]]).channel_contribution(rows, 0)
    assert list(far.columns) == list(frame.columns)
    assert not len(far)


# What it says of itself


def test_what_an_array_tells() -> None:
    io = array(input_radius=180.0, output_radius=90.0)
    assert (io.num_channels, io.num_inputs) == (9, 9)
    assert io.channel_ids.tolist() == io.input_ids.tolist() == [12, 3, 40, 5, 6, 0, 8, 99, 1]
    assert io.channel_ids.dtype == np.int64
    assert (io.input_radius, io.output_radius, io.input_units) == (180.0, 90.0, "µA")
    assert repr(io) == "MEA(9 channels)"
    assert MEA().input_radius == MEA().output_radius == 250.0
    assert io.volume_conductor == {
        "stimulation_gain": pytest.approx(278.5211504),
        "recording_gain": 265258.0,
        "min_distance_um": 5.0,
        "electrode_radius_um": 15.0,
        "culture_height_um": 50.0,
    }
    space = io.input_space
    assert space.shape == (9,)
    assert (space.low == -space.high).all()
    assert np.isfinite(space.high).all()


def test_nobody_changes_an_array_from_outside() -> None:
    io, mine = MEA(), electrode_array_coordinates()
    assert MEA(mine).electrode_coordinates is not mine
    io.volume_conductor["recording_gain"] = 1.0
    assert io.volume_conductor["recording_gain"] == 265258.0
    for values in (io.electrode_coordinates, io.channel_ids):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 7
