"""Nonsense at the calls that run, record and store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from livn import Env, Stimulus
from livn.errors import UnknownName
from tests.env.helpers import LIVELY, Twins
from tests.env.nonsense import (
    INF,
    NAN,
    NO_NUMBER,
    NO_TEXT,
    OBJECT,
    Case,
    numbers,
    refuse,
    values,
)


def set_v_init(env: Env, value: Any) -> None:
    env.v_init = value


def deferred(rows: Callable[[float, float], Any]) -> Stimulus:
    return Stimulus(source=rows, gids=[0], extent=5.0, input_mode="current")


def zero_rows(a: float, b: float) -> np.ndarray:
    return np.zeros((round(b - a), 1))


def fails(a: float, b: float) -> np.ndarray:
    raise ZeroDivisionError("in the user's source")


def running() -> Iterator[Case]:
    yield from numbers("duration", lambda e, v: e.run(v), "duration must be", bad=[0.0, -1.0, 0.012, 1e300, 1e17])
    yield from numbers(
        "dt", lambda e, v: e.run(1.0, dt=v), "dt must be", bad=[0.0, -0.025, 1e-5, 1.5, 1e300], none=False
    )
    yield "another dt", lambda e: e.run(1.0, dt=0.05), ValueError, r"dt is 0.025 ms until clear\(\), got 0.05"
    yield (
        "off the step",
        lambda e: e.run(1.01),
        ValueError,
        "multiple of the step dt = 0.025 ms, got 1.01; nearest: 1 and 1.025",
    )
    yield "off a recording", lambda e: e.run(0.75), ValueError, "multiple of the recording dt of 'voltage', 0.1 ms"
    yield "unknown option", lambda e: e.run(1.0, duraton=2), TypeError, "duraton"
    yield "nothing", lambda e: e.run(), TypeError, "duration"
    strangers = {"number": 3, "nan": NAN, "string": "bar", "list": [print]}
    required = 'progress must be True, False, "auto" or a function'
    yield from values("progress", lambda e, v: e.run(1.0, progress=v), strangers, TypeError, required)
    yield "too much", lambda e: e.run(1e9), MemoryError, "narrow 'voltage': a larger dt, shorter runs or fewer cells"
    yield from numbers("v_init", set_v_init, "v_init must be", bad=[-201.0, 101.0, 1e300], none=False)
    yield "v_init late", lambda e: set_v_init(e, -60.0), RuntimeError, r"before the first run or after clear\(\)"
    yield "v_init None late", lambda e: set_v_init(e, None), RuntimeError, "v_init"
    for flag in ("reseed", "reset_weights"):
        kinds = {k: v for k, v in NO_NUMBER.items() if "bool" not in k} | {"one": 1, "nan": NAN}
        yield from values(
            flag, lambda e, v, f=flag: e.clear(**{f: v}), kinds, TypeError, f"{flag} must be True or False"
        )
    streams = {k: v for k, v in NO_NUMBER.items() if k != "None"} | {"float": 2.0, "nan": NAN, "inf": INF}
    yield from values("stream", lambda e, v: e.reseed_noise(v), streams, TypeError, "stream must be a whole number")
    for stream in (-1, 1 << 16, 10**400):
        yield (
            f"stream {stream:.3g}" if stream < 1e9 else "stream huge",
            lambda e, s=stream: e.reseed_noise(s),
            ValueError,
            "from 0 to 65535",
        )
    yield "selection late", lambda e: e.selection(0.5), RuntimeError, r"selection\(\) must come before init\(\)"


def stimuli() -> Iterator[Case]:
    strangers = {
        "nan": NAN,
        "number": 3,
        "bool": True,
        "string": "on",
        "set": {1},
        "function": len,
        "tuple": (),
        "object": OBJECT,
    }
    yield from values("stimulus", lambda e, v: e.run(5.0, v), strangers, ValueError, "Invalid stimulus")
    ok = np.zeros((5, 6))
    for name, stimulus, error, text in [
        ("one dimension", np.zeros(6), ValueError, r"shape \[T, n\]"),
        ("list of numbers", [1, 2], ValueError, r"shape \[T, n\]"),
        ("three dimensions", np.zeros((2, 2, 2)), ValueError, r"shape \[T, n\]"),
        ("no rows", np.zeros((0, 6)), ValueError, r"shape \[T, n\]"),
        ("ragged", [[1.0], [1.0, 2.0]], ValueError, "rows of equal length"),
        ("text", [["a"] * 6], ValueError, "real numbers"),
        ("nan", np.where(np.eye(5, 6), NAN, 0.0), ValueError, "array must be finite, got nan in row 0, column 0"),
        ("wrong width", np.zeros((5, 7)), ValueError, r"one column per cell .6. or one per compartment .10., got 7"),
        ("empty dict", {}, ValueError, "needs an array"),
        ("misspelt", {"arry": ok}, TypeError, "did you mean 'array'"),
        ("unknown gid", {"array": np.zeros((5, 1)), "gids": [99]}, ValueError, "gid 99, which is not simulated"),
        ("negative gid", {"array": np.zeros((5, 1)), "gids": [-1]}, ValueError, "gids must not be negative"),
        ("no dendrite", {"array": np.zeros((5, 1)), "gids": [5], "sections": [1]}, ValueError, "section 1 of gid 5"),
        ("no section", {"array": np.zeros((5, 1)), "gids": [0], "sections": [2]}, ValueError, "section 2 of gid 0"),
        ("gids short", {"array": np.zeros((5, 2)), "gids": [0]}, ValueError, "gids must be one per column"),
        ("mode", (ok, 1.0, None, "curent"), ValueError, "did you mean 'current'"),
        ("units", (ok, 1.0, None, "current", "mV"), ValueError, "nA"),
        ("dt 0", (ok, 0.0), ValueError, "dt must be"),
        ("dt nan", (ok, NAN), ValueError, "dt must be"),
        ("dt text", (ok, "1"), TypeError, "dt must be"),
        ("negative conductance", Stimulus.from_conductance(-np.ones((5, 6))), ValueError, "must be >= 0 µS"),
        ("source misshapen", deferred(lambda a, b: np.zeros((3, 3))), ValueError, r"source\(0, .* must have the shape"),
        ("source of nan", deferred(lambda a, b: zero_rows(a, b) * NAN), ValueError, r"source\(0, .*\) must be finite"),
        ("source fails", deferred(fails), ZeroDivisionError, "in the user's source"),
    ]:  # fmt: skip
        yield f"stimulus {name}", lambda e, s=stimulus: e.run(5.0, s), error, text


def recording() -> Iterator[Case]:
    strangers = {**NO_TEXT, "list": ["spikes"], "array": np.ones(2)}
    yield from values("what", lambda e, v: e.record(v), strangers, AttributeError, "unknown signal.*legal: .*voltage")
    yield "what misspelt", lambda e: e.record("Voltages"), AttributeError, "did you mean 'voltage'"
    calls: dict[str, Callable[[Env, Any], object]] = {
        "record": lambda e, v: e.record("voltage", v),
        "record_spikes": lambda e, v: e.record_spikes(v),
        "record_voltage": lambda e, v: e.record_voltage(v),
        "record_membrane_current": lambda e, v: e.record_membrane_current(v),
    }
    for name, call in calls.items():
        strangers = {"number": 3, "nan": NAN, "bool": True, "object": OBJECT}
        yield from values(
            f"{name} population", call, strangers, TypeError, "population must be a name or a list of names"
        )
        unknown = {"unknown": "EXCC", "case": "exc", "one of them": ["INH", "EXCC"]}
        yield from values(f"{name} population", call, unknown, UnknownName, "did you mean 'EXC'")
        nobody = {"empty list": [], "empty tuple": (), "empty dict": {}}
        yield from values(
            f"{name} population", call, nobody, ValueError, "population must name at least one of EXC, INH"
        )
    yield from numbers("voltage dt", lambda e, v: e.record_voltage(dt=v), "dt must be", bad=[0.0, -0.1])
    yield from numbers("current dt", lambda e, v: e.record_membrane_current(dt=v), "dt must be", bad=[0.0, -0.1])
    yield from numbers("state dt", lambda e, v: e.record("na_h", dt=v), "dt must be", bad=[0.0, -0.1])
    yield from numbers("weights dt", lambda e, v: e.record_weights(v), "dt must be", bad=[0.0, -0.1])
    gids = {
        "nan": NAN,
        "bool": True,
        "string": "0",
        "floats": [0.0],
        "none": [],
        "dict": {},
        "table": [[0]],
        "ragged": [[0], [0, 1]],
    }
    yield from values(
        "gids",
        lambda e, v: e.record_voltage(gids=v),
        gids,
        ValueError,
        "gids must be one or more whole numbers|must be whole",
    )
    for gid in (-1, 6, 99):
        yield (
            f"gid {gid}",
            lambda e, g=gid: e.record_voltage(gids=[0, g]),
            ValueError,
            f"unknown gid {gid} in gids; legal: 6 gids from 0 to 5",
        )
    sections = {"number": 1, "nan": NAN, "bool": True}
    yield from values(
        "sections", lambda e, v: e.record_voltage(sections=v), sections, TypeError, "section must be a name"
    )
    yield "section unknown", lambda e: e.record_voltage(sections=["soma", "dent"]), ValueError, "did you mean 'dend'"
    yield "sections none", lambda e: e.record_voltage(sections=[]), ValueError, "nothing to record.*sections=\\[\\]"
    yield (
        "spikes dt",
        lambda e: e.record("spikes", dt=0.1),
        TypeError,
        r"record\('spikes'\): unknown option 'dt'; legal: none",
    )
    yield (
        "voltage option",
        lambda e: e.record("voltage", gid=[0]),
        TypeError,
        "unknown option 'gid'; legal: dt, gids, sections; did you mean",
    )
    yield (
        "current gids",
        lambda e: e.record("membrane_current", gids=[0]),
        TypeError,
        "unknown option 'gids'; legal: dt",
    )
    yield (
        "state elsewhere",
        lambda e: e.record("na_h", sections="dend"),
        ValueError,
        "no compartment of EXC or INH has 'na_h' with sections",
    )
    yield "state of others", lambda e: e.record("ka_a", "EXC"), ValueError, "no compartment of EXC has 'ka_a'"


def storing() -> Iterator[Case]:
    strangers = {"None": None, "number": 3, "nan": NAN, "bool": True, "bytes": b"x", "list": ["x"], "object": OBJECT}
    yield from values("save", lambda e, v: e.save(v), strangers, TypeError, "path must be the name of a file")
    yield (
        "save nowhere",
        lambda e: e.save("/no/such/directory/file"),
        FileNotFoundError,
        "directory /no/such/directory does not exist",
    )
    yield "save on a directory", lambda e: e.save("/"), IsADirectoryError, "path must be the name of a file"


CASES = [*running(), *stimuli(), *recording(), *storing()]


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_nonsense_raises_and_changes_nothing(twins: Twins, case: Case, recwarn: pytest.WarningsRecorder) -> None:
    refuse(twins, case, recwarn)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.set_noise(LIVELY | {"tau_e": 2.9}),
        lambda e: e.set_weights({"INH_INH": 1.01}),
        lambda e: e.cells[0].set_params({"soma.g_pas": 1e-4}),
        lambda e: e.record_weights(1.0),
        lambda e: e.record("na_h"),
        lambda e: e.enable_plasticity({"A_ltd": 0.21}),
        lambda e: e.normalize_weights(),
        lambda e: e.reseed_noise(9),
        lambda e: e.run(0.5),
    ],
)
def test_the_twins_notice_a_change(twins: Twins, change: Callable[[Env], object]) -> None:
    change(twins.asked)
    with pytest.raises(AssertionError):
        twins.check()


def test_every_public_call_is_covered() -> None:
    """A method added to Env needs its nonsense."""
    takes_nothing = {"init", "close", "clear_recordings", "active_populations", "active_gids", "simulated_gids",
                     "recordable", "disable_plasticity", "get_weights", "plasticity_summary", "stimulus_coordinates",
                     "recording_coordinates", "recording_distances", "channel_reach"}  # fmt: skip
    elsewhere = {"selection", "load"}  # before init, and a class method: test_env_life, test_env_storage
    electrodes = {"cell_stimulus", "channel_recording", "potential_recording"}  # test_env_nonsense_electrodes
    covered = {
        "run", "clear", "reseed_noise", "record", "record_spikes", "record_voltage", "record_membrane_current",
        "record_weights", "set_weights", "set_noise", "set_params", "apply_model_defaults", "apply_default_params",
        "enable_plasticity", "normalize_weights", "set_multipliers", "save",
    }  # fmt: skip
    public = {n for n in dir(Env) if not n.startswith("_") and callable(getattr(Env, n))}
    assert public == takes_nothing | elsewhere | electrodes | covered
