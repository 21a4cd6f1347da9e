"""Data sets of Arrow files."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import livn
from livn import Run
from livn.decoding import ArrowDataset
from tests.decoding.helpers import Ranks, culture, trains

pyarrow = pytest.importorskip("pyarrow")


def rows(decoding: ArrowDataset) -> list[dict[str, Any]]:
    return decoding.dataset().to_table().to_pylist()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def meta(file: Path) -> dict[str, Any]:
    with pyarrow.ipc.open_file(str(file)) as opened:
        return json.loads(opened.schema.metadata[b"livn"])


def test_a_row_per_cell_and_per_row_of_a_series(tmp_path: Path) -> None:
    run = trains({4: [3.0], 0: [9.0, 1.0]}, 10, t0=5)
    run = run.add_voltage([2, 2], [[1, 2], [3, 4]], 5.0, sections=["soma", "dend"])
    run = run.add_current([2], np.array([[0.5, 0.25]], np.float32), 5.0)
    decoding = ArrowDataset(tmp_path)
    assert decoding(run) == run
    spikes = {"signal": "spikes", "section": None, "dt": None, "t0": 5.0, "duration": 10.0, "values": None}
    voltage = {"signal": "voltage", "id": 2, "dt": 5.0, "t0": 5.0, "duration": 10.0, "times": None}
    assert rows(decoding) == [
        spikes | {"id": 0, "times": [1.0, 9.0]},
        spikes | {"id": 4, "times": [3.0]},
        voltage | {"section": "soma", "values": [1.0, 2.0]},
        voltage | {"section": "dend", "values": [3.0, 4.0]},
        voltage | {"signal": "membrane_current", "section": None, "values": [0.5, 0.25]},
    ]


def test_metadata(tmp_path: Path) -> None:
    decoding = ArrowDataset(tmp_path)
    run = trains({}, 10, t0=5).add_voltage([2], [[1, 2]], 5.0)
    decoding(run)
    told = {"format": 1, "version": livn.__version__, "t0": 5.0, "duration": 10.0}
    told["channels"] = {"spikes": "events", "voltage": "series"}
    assert meta(tmp_path / "data-00000.arrow") == told
    env = culture()
    decoding(run, env)
    assert meta(tmp_path / "data-00001.arrow") == told | {
        "system": "ParallelSystem",
        "model": "ReducedCalciumSomaDendrite",
        "engine": "cpu",
        "seed": 123,
        "populations": {"EXC": [0, 3], "INH": [3, 2]},
    }


def test_one_file_per_call_under_the_next_number(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    decoding = ArrowDataset(str(folder))
    for i in range(3):
        decoding(trains({i: [i + 1.0]}, 10))
    assert names(folder) == [f"data-0000{i}.arrow" for i in range(3)]
    (folder / "data-00001.arrow").unlink()
    (folder / "data-12345.arrow.txt").touch()
    (folder / "notes").mkdir()
    decoding(trains({7: [8.0]}, 10))
    assert [row["id"] for row in rows(decoding)] == [0, 2, 7]
    assert (folder / "data-00003.arrow").exists()
    (folder / "data-00003.arrow").rename(folder / "data-99999.arrow")
    decoding(trains({9: [8.0]}, 10))
    assert (folder / "data-100000.arrow").exists()
    table = decoding.dataset().to_table(columns=["id", "__filename"]).to_pylist()
    assert [(row["id"], Path(row["__filename"]).name) for row in table][-2:] == [
        (7, "data-99999.arrow"), (9, "data-100000.arrow")
    ]  # fmt: skip


@pytest.mark.parametrize("links", [True, False])
def test_a_number_that_another_process_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    decoding = ArrowDataset(tmp_path)
    decoding(trains({0: [1.0]}, 10))
    kept = (tmp_path / "data-00000.arrow").read_bytes()
    monkeypatch.setattr(ArrowDataset, "_files", lambda self: {})  # as it was when this one looked
    if not links:

        def link(*paths: Any) -> None:
            raise OSError(errno.EPERM, "this file system has no links")

        monkeypatch.setattr(os, "link", link)
    decoding(trains({1: [1.0]}, 10))
    monkeypatch.undo()
    assert names(tmp_path) == ["data-00000.arrow", "data-00001.arrow"]
    assert (tmp_path / "data-00000.arrow").read_bytes() == kept
    assert [row["id"] for row in rows(decoding)] == [0, 1]


def test_nothing_is_left_of_a_file_that_fails(tmp_path: Path) -> None:
    odd = Run(duration=10).add("odd", [0], np.zeros((1, 10, 2)), dt=1.0)
    with pytest.raises(ValueError, match=r"the channel 'odd' must be \[n, T\] to be written, got \[1, 10, 2\]"):
        ArrowDataset(tmp_path)(odd)
    assert names(tmp_path) == []
    with pytest.raises(FileNotFoundError, match=r"no data-\*\.arrow in .*: a call of this decoding writes one"):
        ArrowDataset(tmp_path).dataset()
    with pytest.raises(FileNotFoundError, match="no data"):
        ArrowDataset(tmp_path / "nowhere").dataset()


def test_nothing_and_one_spike(tmp_path: Path) -> None:
    decoding = ArrowDataset(tmp_path)
    for run in (Run(), Run(duration=5), trains({}, 5), Run(duration=5).add_voltage([], np.empty((0, 5)), 1.0)):
        assert decoding(run) == run
    assert decoding.dataset().count_rows() == 0
    decoding(Run().add_spikes([3], [2.0]))
    row = rows(decoding)[0]
    assert (row["id"], row["times"], row["duration"]) == (3, [2.0], None)


def test_what_is_written_is_what_is_asked_for(tmp_path: Path) -> None:
    run = trains({0: [1.0, 8.0]}, 10).add_voltage([0], np.ones((1, 10)), 1.0)
    decoding = ArrowDataset(tmp_path, voltages=False, duration=5)
    assert decoding(run) == run.drop_voltage().slice(0, 5)
    assert [(row["signal"], row["times"]) for row in rows(decoding)] == [("spikes", [1.0])]


def test_on_a_culture(tmp_path: Path) -> None:
    with culture().init() as env:
        decoding = ArrowDataset(tmp_path, voltage_dt=1, duration=5)
        runs = [env(decoding), env(decoding)]
        table = decoding.dataset().to_table().to_pandas()
        voltage = table[table.signal == "voltage"]
        assert voltage.t0.tolist() == [0.0] * 5 + [5.0] * 5
        assert voltage.section.unique().tolist() == ["soma"]
        np.testing.assert_array_equal(np.stack(voltage["values"]), np.concatenate([run.voltage for run in runs]))
        assert (table.signal == "membrane_current").sum() == 16
        assert decoding.dataset().count_rows(filter=pyarrow.dataset.field("signal") == "voltage") == 10


def test_one_rank_writes(tmp_path: Path) -> None:
    run, env = trains({0: [1.0], 3: [2.0]}, 10), culture()
    env.comm = Ranks(run.select(gids=[3]))
    decoding = ArrowDataset(tmp_path)
    assert decoding(run.select(gids=[0]), env) == run
    assert [row["id"] for row in rows(decoding)] == [0, 3]
    env.comm.gather = lambda value, root: None
    assert decoding(run, env) is None
    assert names(tmp_path) == ["data-00000.arrow"]


def test_a_directory_that_cannot_be_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with culture().init() as env:
        with pytest.raises(FileExistsError):
            env(ArrowDataset(tmp_path / "file", duration=5))
        assert env.t == 0


def test_without_pyarrow_the_command_is_told(tmp_path: Path) -> None:
    code = f"""if True:
        import sys
        sys.modules["pyarrow"] = None
        from livn import Run
        from livn.decoding import ArrowDataset
        for act in (lambda d: d(Run()), lambda d: d.setup(None), lambda d: d.dataset()):
            try:
                act(ArrowDataset({str(tmp_path)!r}))
            except ImportError as e:
                print(e)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ['pyarrow is not installed: pip install "pylivn[arrow]"'] * 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "directory"),
        ({"directory": ""}, "at least 1"),
        ({"directory": 3}, "string"),
        ({"directory": "x", "root": -1}, "greater than or equal to 0"),
        ({"folder": "x"}, "unknown field 'folder'"),
    ],
)
def test_nonsense(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ArrowDataset(**arguments)


def test_a_path_is_a_directory() -> None:
    assert ArrowDataset(Path("x")) == ArrowDataset("x")
    assert hash(ArrowDataset(Path("x"))) != hash(ArrowDataset("y"))
