"""`~` is the user's home wherever a file or a directory is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livn import Env, open_weights
from livn.decoding import ArrowDataset
from livn.io import IO
from livn.system import System, predefined
from livn.system.resolve import resolve
from tests.env.helpers import lively, small_system


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is empty."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    return tmp_path


def test_systems(home: Path) -> None:
    assert small_system().save("~/s") == home / "s"
    for there in (System("~/s"), System.load(Path("~/s")), resolve("~/s"), resolve(Path("~/s"))):
        assert there.name == "small"
        assert there.uri == str(home / "s")
    assert IO.from_directory("~/s") == IO()
    assert predefined("EI1", "~/more") == home / "more/EI1"
    assert predefined("EI1", "~/more") == home / "more/EI1"


def test_cultures_and_their_weights(home: Path) -> None:
    with lively("cpu") as env:
        env.record_weights(dt=1, to="~/w.h5").run(3)
        env.save("~/c.livn")
    assert sorted(p.name for p in home.iterdir()) == ["c.livn", "w.h5"]
    assert open_weights("~/w.h5").path == home / "w.h5"
    assert len(open_weights(Path("~/w.h5")).t) == 3
    with pytest.warns(RuntimeWarning, match="recorded its weights"), Env.load("~/c.livn") as env:
        assert env.t == 3.0


def test_arrow_files(home: Path) -> None:
    pytest.importorskip("pyarrow")
    with lively("cpu") as env:
        env(ArrowDataset(duration=2, directory="~/runs"))
    assert [p.name for p in (home / "runs").iterdir()] == ["data-00000.arrow"]


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_names_that_no_file_has(path: str) -> None:
    with lively("cpu") as env:
        calls = [env.save, Env.load, System, small_system().save, open_weights, IO.from_directory]
        for call in calls:
            with pytest.raises(ValueError, match="must be"):
                call(path)
        with pytest.raises(ValueError, match="to must be the name of a file"):
            env.record_weights(to=path)
        assert np.isnan(env.w_recs.dt)
