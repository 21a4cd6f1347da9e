"""Nonsense given to electrodes: a clear error, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from livn.io import (
    IO,
    MEA,
    ComposedIO,
    calculate_cell_stimulus,
    calculate_distances,
    channel_recording,
    electrode_array_coordinates,
    electrode_array_coordinates_for_area,
    relative_distance,
)
from livn.system import System
from tests.io.helpers import culture

NAN, INF = float("nan"), float("inf")
ROWS = culture(0, 4)
OBJECT = object()
CASES: list[tuple[str, Callable[[MEA], object], type[Exception], str]] = []


def case(name: str, call: Callable[[MEA], object], error: type[Exception], text: str) -> None:
    """One more call that must fail."""
    CASES.append((name, call, error, text))


for value in (True, "10", None, [1.0], 1j, OBJECT):
    kind = type(value).__name__
    case(f"pitch {kind}", lambda _, v=value: electrode_array_coordinates(pitch=v), TypeError, "pitch")
    case(f"xs {kind}", lambda _, v=value: electrode_array_coordinates(xs=v), TypeError, "xs")
    case(f"z {kind}", lambda _, v=value: electrode_array_coordinates(z=v), TypeError, "z must")
    case(f"radius {kind}", lambda _, v=value: MEA(input_radius=v), TypeError, "input_radius")
    case(
        f"in the medium {kind}",
        lambda _, v=value: MEA(volume_conductor={"min_distance_um": v}),
        TypeError,
        "min_distance",
    )
    case(f"set {kind}", lambda io, v=value: io.set_params({"output_radius": v}), TypeError, "output_radius")
    case(f"boundary {kind}", lambda _, v=value: relative_distance([1.0], v), TypeError, "boundary")
    case(f"dt {kind}", lambda io, v=value: io.cell_stimulus(ROWS, np.ones((1, 16)), v), TypeError, "dt")

for number in (NAN, INF, -INF, 0.0, -1.0):
    case(f"pitch {number}", lambda _, v=number: electrode_array_coordinates(v), ValueError, "pitch")
    case(
        f"pitch on an area {number}",
        lambda _, v=number: electrode_array_coordinates_for_area(v, np.eye(2)),
        ValueError,
        "pitch",
    )
    case(f"input {number}", lambda _, v=number: MEA(input_radius=v), ValueError, "input_radius must be .* > 0")
    case(f"output {number}", lambda _, v=number: MEA(output_radius=v), ValueError, "output_radius")
    case(f"set {number}", lambda io, v=number: io.set_params({"input_radius": v}), ValueError, "input_radius")
    case(f"boundary {number}", lambda _, v=number: relative_distance([1.0], v), ValueError, "boundary")
    case(f"dt {number}", lambda io, v=number: io.cell_stimulus(ROWS, np.ones((1, 16)), v), ValueError, "dt")
    for key in ("stimulation_gain", "recording_gain", "min_distance_um", "electrode_radius_um"):
        case(f"{key} {number}", lambda _, k=key, v=number: MEA(volume_conductor={k: v}), ValueError, key)
        case(
            f"io-{key} {number}",
            lambda io, k=f"volume_conductor-{key}", v=number: io.set_params({k: v}),
            ValueError,
            key,
        )
case("height < 0", lambda _: MEA(volume_conductor={"culture_height_um": -1}), ValueError, "culture_height_um")

for name, electrodes, text in [
    ("none", np.empty((0, 4)), "at least one electrode"),
    ("flat", [0, 1, 2, 3], r"shape \[n, 4\]"),
    ("3 columns", np.zeros((2, 3)), r"shape \[n, 4\], got \[2, 3\]"),
    ("half an id", [[0.5, 0, 0, 0]], "whole numbers >= 0, got 0.5"),
    ("negative id", [[-1, 0, 0, 0]], "whole numbers >= 0, got -1"),
    ("huge id", [[2.0**31, 0, 0, 0]], "whole numbers"),
    ("id 1e300", [[1e300, 0, 0, 0]], "whole numbers"),
    ("twice", [[3, 0, 0, 0], [3, 1, 0, 0]], "unique ids, got 3 twice"),
    ("nan", [[0, NAN, 0, 0]], r"finite, got nan at \[0, 1\]"),
    ("infinite", [[0, 0, 0, INF]], "finite"),
    ("text", "abc", "array of numbers"),
    ("texts", [["0", "1", "2", "3"]], "array of numbers"),
    ("ragged", [[0, 1, 2, 3], [1]], "array of numbers"),
    ("truth", np.ones((1, 4), bool), "array of numbers"),
]:
    case(f"electrodes {name}", lambda _, v=electrodes: MEA(v), ValueError, text)
    if name not in ("none", "twice"):
        case(f"cells {name}", lambda io, v=electrodes: io.reach(v), ValueError, text)
        case(f"distances {name}", lambda io, v=electrodes: io.distances(v), ValueError, text)
        case(f"contribution {name}", lambda io, v=electrodes: io.channel_contribution(v, 0), ValueError, text)
        case(f"heard {name}", lambda io, v=electrodes: io.channel_recording(v, []), ValueError, text)
        case(f"calculated {name}", lambda _, v=electrodes: calculate_distances(v, ROWS), ValueError, text)

for name, inputs, text in [
    ("narrow", np.ones((3, 15)), r"\[T, 16\], one column per electrode, got \[3, 15\]"),
    ("wide", np.ones((3, 17)), r"\[T, 16\]"),
    ("no time", np.ones(16), r"\[T, 16\]"),
    ("no rows", np.ones((0, 16)), r"\[T, 16\]"),
    ("batch", np.ones((1, 1, 16)), r"\[T, 16\]"),
    ("nan", np.full((1, 16), NAN), "finite"),
    ("inf", np.full((1, 16), INF), "finite"),
    ("text", "1", "array of numbers"),
    ("none", None, "finite"),
    ("complex", np.ones((1, 16), complex), "array of numbers"),
    ("truth", np.ones((1, 16), bool), "array of numbers"),
]:
    case(f"inputs {name}", lambda io, v=inputs: io.cell_stimulus(ROWS, v), ValueError, f"channel_inputs.*{text}")

for name, medium, error, text in [
    (
        "misspelt",
        {"recording_gian": 1.0},
        KeyError,
        "unknown parameter of the volume conductor.*did you mean 'recording_g",
    ),
    ("number", 5.0, TypeError, "volume_conductor must be a mapping"),
    ("zero", 0, TypeError, "volume_conductor must be a mapping"),
    ("list", [], TypeError, "volume_conductor must be a mapping"),
    ("number as key", {1: 1.0}, TypeError, "volume_conductor must be a mapping"),
]:
    case(f"medium {name}", lambda _, v=medium: MEA(volume_conductor=v), error, text)

for name, params, error, text in [
    (
        "misspelt",
        {"input_radus": 1.0},
        KeyError,
        "unknown parameter of the MEA 'input_radus'.*did you mean 'input_radius'",
    ),
    ("key", {"volume_conductor-min_distance": 5}, KeyError, "did you mean 'volume_conductor-min_distance_um'"),
    ("none", None, TypeError, "params must be a mapping"),
    ("list", ["input_radius"], TypeError, "params must be a mapping"),
    ("number as key", {1: 1.0}, TypeError, "params must be a mapping"),
]:
    case(f"params {name}", lambda io, v=params: io.set_params(v), error, text)
    if name not in ("misspelt", "key"):
        case(f"params of IO {name}", lambda _, v=params: IO().set_params(v), error, text)
case(
    "params of IO", lambda _: IO().set_params({"input_radius": 1.0}), KeyError, "unknown parameter 'input_radius'.*none"
)

for name, call, error, text in [
    ("xs 0", lambda _: electrode_array_coordinates(xs=0), ValueError, "xs must be a whole number >= 1"),
    ("ys 2.0", lambda _: electrode_array_coordinates(ys=2.0), TypeError, "ys must be a whole number"),
    ("offset nan", lambda _: electrode_array_coordinates(xoffset=NAN), ValueError, "xoffset"),
    ("area upside down", lambda _: electrode_array_coordinates_for_area(1.0, ((0, 5), (5, 0))), ValueError, "x0 <= x1"),
    ("area of a box", lambda _: electrode_array_coordinates_for_area(1.0, np.zeros((2, 3))), ValueError, "area"),
    ("area nan", lambda _: electrode_array_coordinates_for_area(1.0, ((0, 0), (1, NAN))), ValueError, "area"),
    ("area huge", lambda _: electrode_array_coordinates_for_area(1e-9, ((0, 0), (1, 1e300))), ValueError, "2.31 elec"),
    ("d shape", lambda _: relative_distance(np.ones((2, 2)), 1.0), ValueError, r"d must have the shape \[n, 3\]"),
    ("d nan", lambda _: relative_distance([NAN], 1.0), ValueError, "d must be finite"),
    ("filter 1", lambda _: relative_distance([1.0], 1.0, 1), TypeError, "filter_out_of_bounds"),
    ("gain at -1", lambda io: io.source_gain([-1.0]), ValueError, "distances must be >= 0"),
    ("gain at nan", lambda io: io.source_gain([NAN]), ValueError, "distances must be finite"),
    ("electrode 16", lambda io: io.channel_contribution(ROWS, 16), ValueError, "unknown channel 16; legal: 0, 1"),
    ("electrode -1", lambda io: io.channel_contribution(ROWS, -1), ValueError, "unknown channel -1"),
    ("electrode None", lambda io: io.channel_contribution(ROWS, None), ValueError, "unknown channel None"),
    ("electrode []", lambda io: io.channel_contribution(ROWS, []), ValueError, "unknown channel"),
    ("table short", lambda io: io.potential_recording(np.zeros((7, 3)), np.ones((8, 2))), ValueError, r"\[128, 3\]"),
    ("table wide", lambda io: io.potential_recording(np.zeros((128, 4)), np.ones((8, 2))), ValueError, r"\[128, 3\]"),
    ("table nan", lambda io: io.potential_recording(np.full((128, 3), NAN), np.ones((8, 2))), ValueError, "distances"),
    ("table < 0", lambda io: io.potential_recording(np.full((128, 3), -1), np.ones((8, 2))), ValueError, "distances"),
    ("currents 1-D", lambda io: io.potential_recording(io.distances(ROWS), np.ones(8)), ValueError, "currents"),
    ("currents nan", lambda io: io.potential_recording(io.distances(ROWS), [[NAN]] * 8), ValueError, "currents"),
    ("no such cell", lambda io: io.channel_recording(ROWS, [0, 4]), ValueError, "cells that have coordinates, got 4"),
    ("cell None", lambda io: io.channel_recording(ROWS, None), ValueError, "ids must"),
    ("cell 0.5", lambda io: io.channel_recording(ROWS, [0.5]), ValueError, "ids must"),
    ("cell 1.0", lambda io: io.channel_recording(ROWS, [1.0]), ValueError, "ids must be whole numbers"),
    ("cell text", lambda io: io.channel_recording(ROWS, ["a"]), ValueError, "ids must"),
    ("ids [n, n]", lambda io: io.channel_recording(ROWS, [[1, 2]]), ValueError, "ids must be whole numbers"),
    ("array short", lambda io: io.channel_recording(ROWS, [1, 2], [0.1, 0.2], [0.1]), ValueError, "array 1 must have"),
    ("array scalar", lambda io: io.channel_recording(ROWS, [1], 0.1), ValueError, "array 0 must have one entry per id"),
    ("mapping None", lambda _: channel_recording(None, [1]), TypeError, "mapping must be"),
    ("mapping list", lambda _: channel_recording([[1]], [1]), TypeError, "mapping must be"),
    ("mapping to text", lambda _: channel_recording({0: "ab"}, [1]), ValueError, r"mapping\[0\] must be whole numbers"),
    ("mapping to nan", lambda _: channel_recording({0: [NAN]}, [1]), ValueError, r"mapping\[0\] must be whole numbers"),
    ("inputs [T, C]", lambda _: calculate_cell_stimulus(np.ones((1, 2)), np.eye(3)), ValueError, "inputs must have"),
    ("inputs of nan", lambda _: calculate_cell_stimulus([[[NAN]]], np.eye(3)[:1]), ValueError, "inputs must be finite"),
    ("induction", lambda _: calculate_cell_stimulus([[[1.0]]], np.ones((1, 2))), ValueError, "induction must have"),
    ("half", lambda _: calculate_cell_stimulus([[[1.0]]], [[0, 0.5, 1]]), ValueError, "whole numbers >= 0"),
    ("minus", lambda _: calculate_cell_stimulus([[[1.0]]], [[-1, 0, 1]]), ValueError, "whole numbers >= 0"),
    ("1e300", lambda _: calculate_cell_stimulus([[[1.0]]], [[0, 1e300, 1]]), ValueError, "whole numbers >= 0"),
    ("column", lambda _: calculate_cell_stimulus([[[1.0]]], [[1, 0, 1]]), ValueError, "column 1, and inputs has 1"),
    ("target", lambda _: calculate_cell_stimulus([[[1.0]]], [[0, 3, 1]], 3), ValueError, "column 3, and n_gids has 3"),
    ("n_gids -1", lambda _: calculate_cell_stimulus([[[1.0]]], [[0, 0, 1]], -1), ValueError, "n_gids"),
    ("no cell near", lambda io: io.stream(ROWS + 1e5 * np.eye(4)[1], lambda a, b: np.zeros((1, 16)), 1, 1), ValueError,
     r"no electrode of MEA\(16 channels\) reaches a cell: no soma lies within 250 µm"),
    ("parts", lambda io: ComposedIO(io, None), TypeError, "outputs must be an IO, such as MEA"),
    ("part class", lambda io: ComposedIO(MEA, io), TypeError, "inputs must be an IO"),
    ("part", lambda io: ComposedIO(io, io).set_params({"input-input_radius": 1}), KeyError, "did you mean 'inputs'"),
    ("json None", lambda _: IO.from_json(None), ValueError, r"IO\.from_json wants what as_json wrote"),
    ("json text", lambda _: IO.from_json("MEA"), ValueError, "as_json wrote"),
    ("json list", lambda _: IO.from_json("[]"), ValueError, "as_json wrote"),
    ("json no class", lambda _: IO.from_json("{}"), ValueError, "as_json wrote"),
    ("json class", lambda _: IO.from_json('{"cls": "MAE"}'), ValueError, "unknown IO class 'MAE'.*did you mean 'MEA'"),
    ("json other", lambda _: MEA.from_json('{"cls": "ComposedIO"}'), ValueError, "unknown MEA class"),
    ("json field", lambda _: IO.from_json('{"cls": "MEA", "input_radus": 3}'), ValueError, "did you mean 'input_r"),
    ("json value", lambda _: IO.from_json('{"cls": "MEA", "input_radius": -3}'), ValueError, "input_radius"),
    ("directory", lambda _: IO.from_directory("/nowhere/at/all"), FileNotFoundError, "/nowhere/at/all is not a direc"),
    ("directory 3", lambda _: IO.from_directory(3), TypeError, "directory must be a path, got 3"),
]:  # fmt: skip
    case(name, call, error, text)


@pytest.mark.parametrize(("name", "call", "error", "text"), CASES, ids=[c[0] for c in CASES])
def test_nonsense(name: str, call: Callable[[MEA], object], error: type[Exception], text: str) -> None:
    io = MEA()
    with pytest.raises(error, match=text):
        call(io)
    assert io == MEA()


def test_no_case_is_there_twice() -> None:
    assert len({c[0] for c in CASES}) == len(CASES)


def test_a_system_of_one_cell_far_from_every_electrode() -> None:
    from livn.env import Env
    from livn.policy import BiphasicPulsePolicy
    from livn.stimulus import Stimulus

    system: Any = System.from_arrays({"EXC": 1}, [[1e5, 0.0, 0.0]])
    with Env(system, io=MEA()) as env, pytest.raises(ValueError, match="reaches a cell"):
        Stimulus.from_arg(BiphasicPulsePolicy(n_channels=16), env)
