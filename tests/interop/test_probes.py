"""Electrodes to ProbeInterface and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probeinterface import Probe, ProbeGroup

from livn.io import MEA
from livn.system import make

PLACES = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 250.0]])


def probe(
    units: str = "um", places: np.ndarray = PLACES, radius: float = 7.5, ids: Any = None, **options: Any
) -> Probe:
    """Three round contacts."""
    made = Probe(ndim=places.shape[1], si_units=units)
    options = {"shapes": "circle", "shape_params": {"radius": radius}, **options}
    made.set_contacts(places, contact_ids=ids, **options)
    return made


coordinate = st.floats(-1e5, 1e5).map(lambda x: x + 0.0)  # no -0.0


@given(
    st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=6, unique=True),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_to_a_probe_and_back(places: list[tuple[float, float, float]], seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    if flat:
        places = sorted({(x, y, 0.0) for x, y, _ in places})
    ids = rng.choice(10_000, len(places), replace=False)
    io = MEA(
        np.column_stack([ids, places]),
        *rng.uniform(1.0, 500.0, 2),
        {"electrode_radius_um": float(rng.uniform(1.0, 50.0)), "recording_gain": 3.0},
    )
    made = io.to_probe()
    assert made.ndim == (3 if np.any(np.array(places)[:, 2]) else 2)
    assert MEA.from_probe(made) == io
    group = ProbeGroup()
    group.add_probe(made)
    assert MEA.from_probe(group) == io


def test_what_the_probe_holds() -> None:
    io = MEA([[7, 0, 50, 0], [3, 100, 0, 0]], volume_conductor={"electrode_radius_um": 12.0})
    made = io.to_probe()
    assert (made.ndim, made.si_units) == (2, "um")
    assert made.contact_positions.tolist() == [[0, 50], [100, 0]]
    assert made.contact_ids.tolist() == ["7", "3"]
    assert made.device_channel_indices.tolist() == [0, 1]  # the rows of recordings
    assert set(made.contact_shapes) == {"circle"}
    assert [params["radius"] for params in made.contact_shape_params] == [12.0, 12.0]
    assert MEA().to_probe().contact_positions[5].tolist() == [1500, 1500, 175]


def test_the_arrays_of_the_predefined_systems_through_a_file(tmp_path: Path) -> None:
    io = make("EI2").default_io()
    probeinterface.write_probeinterface(tmp_path / "probe.json", io.to_probe())
    assert MEA.from_probe(probeinterface.read_probeinterface(tmp_path / "probe.json")) == io


@pytest.mark.parametrize(("units", "scale"), [("um", 1.0), ("mm", 1e-3), ("m", 1e-6)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_units(units: str, scale: float, ndim: int) -> None:
    places = PLACES if ndim == 2 else np.column_stack([PLACES, [10.0, 20.0, 30.0]])
    axes = None if ndim == 2 else np.tile(np.eye(3)[:2], (3, 1, 1))
    io = MEA.from_probe(probe(units, places * scale, 7.5 * scale, plane_axes=axes))
    assert io.electrode_coordinates[:, 1 : ndim + 1] == pytest.approx(places)
    assert io.volume_conductor["electrode_radius_um"] == pytest.approx(7.5)


def test_the_height_of_a_flat_probe() -> None:
    assert MEA.from_probe(probe()).electrode_coordinates[:, 3].tolist() == [0, 0, 0]
    assert MEA.from_probe(probe(), z=-30.0).electrode_coordinates[:, 3].tolist() == [-30, -30, -30]


@pytest.mark.parametrize(
    ("ids", "indices", "expected"),
    [
        (None, None, [0, 1, 2]),
        (["12", "7", "30"], [2, 1, 0], [12, 7, 30]),
        (["e1", "e2", "e3"], [2, 1, 0], [2, 1, 0]),
        (["e1", "e2", "e3"], [2, -1, 0], [0, 1, 2]),  # -1: not connected
        (["1", "2", "3.5"], None, [0, 1, 2]),
        (["-1", "2", "3"], [5, 6, 7], [5, 6, 7]),
        (["1", "01", "3"], [5, 6, 7], [5, 6, 7]),
        (["1", "²", "3"], [5, 6, 7], [5, 6, 7]),
        (["1", "99999999999", "3"], [5, 6, 7], [5, 6, 7]),
    ],
)
def test_ids(ids: list[str] | None, indices: list[int] | None, expected: list[int]) -> None:
    made = probe(ids=ids)
    if indices is not None:
        made.set_device_channel_indices(indices)
    assert MEA.from_probe(made).channel_ids.tolist() == expected


def test_a_group_of_probes() -> None:
    first, second = probe(), probe(places=PLACES + 1000.0)
    group = ProbeGroup()
    for one in (first, second):
        group.add_probe(one)
    io = MEA.from_probe(group)
    assert io.channel_ids.tolist() == [0, 1, 2, 3, 4, 5]  # both have the contacts 0, 1, 2
    assert io.electrode_coordinates[3:, 1:3].tolist() == (PLACES + 1000.0).tolist()
    group.set_global_device_channel_indices([5, 4, 3, 2, 1, 0])
    assert MEA.from_probe(group).channel_ids.tolist() == [5, 4, 3, 2, 1, 0]
    for one in (first, second):  # each would have its own
        one.annotate(livn={"input_radius": 77.0})
    assert MEA.from_probe(group).input_radius == 250.0
    first.set_contact_ids(["10", "11", "12"])
    assert MEA.from_probe(group).channel_ids.tolist() == [10, 11, 12, 0, 1, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"shapes": "square", "shape_params": {"width": 9.0}},
        {"shapes": "rect", "shape_params": {"width": 9.0, "height": 20.0}},
        {"shapes": "circle", "shape_params": [{"radius": 3.0}, {"radius": 4.0}, {"radius": 3.0}]},
        {"shapes": ["circle", "circle", "square"], "shape_params": [{"radius": 3.0}, {"radius": 3.0}, {"width": 3.0}]},
    ],
)
def test_contacts_that_tell_no_radius(options: dict[str, Any]) -> None:
    assert MEA.from_probe(probe(**options)).volume_conductor["electrode_radius_um"] == 15.0


def test_what_is_told_comes_first() -> None:
    noted = MEA(input_radius=111.0, output_radius=99.0, volume_conductor={"min_distance_um": 3.0}).to_probe()
    io = MEA.from_probe(noted, output_radius=50.0)
    assert (io.input_radius, io.output_radius, io.volume_conductor["min_distance_um"]) == (111.0, 50.0, 3.0)
    io = MEA.from_probe(noted, volume_conductor={"recording_gain": 1.0})  # a medium of its own
    assert (io.volume_conductor["recording_gain"], io.volume_conductor["min_distance_um"]) == (1.0, 5.0)
    assert MEA.from_probe(probe(), volume_conductor={"electrode_radius_um": 3.0}).volume_conductor == {
        **MEA().volume_conductor,
        "electrode_radius_um": 3.0,
    }
    assert MEA.from_probe(probe(), volume_conductor={}).volume_conductor["electrode_radius_um"] == 7.5


class Coated(MEA):
    """Somebody's own electrodes."""


def test_a_class_of_ones_own() -> None:
    assert type(Coated.from_probe(probe())) is Coated


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: MEA.from_probe(None), TypeError, "probe must be a probeinterface.Probe or ProbeGroup"),
        (lambda: MEA.from_probe(PLACES), TypeError, "probe must be"),
        (lambda: MEA.from_probe(Probe), TypeError, "probe must be"),
        (lambda: MEA.from_probe(Probe()), ValueError, "probe must have contacts"),
        (lambda: MEA.from_probe(ProbeGroup()), ValueError, "probe must have contacts"),
        (lambda: MEA.from_probe(probe("inch")), ValueError, "unknown unit 'inch'; legal: um, µm, mm, m"),
        (lambda: MEA.from_probe(probe(), z=float("nan")), ValueError, "z must be"),
        (lambda: MEA.from_probe(probe(), z="0"), TypeError, "z must be"),
        (lambda: MEA.from_probe(probe(), input_radus=3.0), TypeError, "MEA.from_probe: unknown option.*'input_radius'"),
        (lambda: MEA.from_probe(probe(), input_radius=-3.0), ValueError, "input_radius"),
        (lambda: MEA.from_probe(probe(), volume_conductor=5), TypeError, "volume_conductor must be a mapping"),
        (lambda: MEA.from_probe(probe(), volume_conductor={"gain": 5}), KeyError, "volume conductor 'gain'"),
        (lambda: MEA.from_probe(probe(radius=0.0)), ValueError, "electrode_radius_um"),
        (lambda: MEA([[0, 1, 1, 1], [1, 1, 1, 1]]).to_probe(), ValueError, "unique"),
    ],
)
def test_nonsense(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_without_probeinterface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "probeinterface", None)
    for call in (lambda: MEA.from_probe(None), MEA().to_probe):
        with pytest.raises(ImportError, match=r'probeinterface is not installed: pip install "pylivn\[interop\]"'):
            call()
