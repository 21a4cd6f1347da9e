"""Choosing cells."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.errors import DamagedFile, UnknownName
from livn.system import ParallelSystem, System
from livn.system.selection import largest_remainder

N = 100


@pytest.fixture
def grid():
    """A 10 x 10 grid, 10 µm apart: 80 EXC in the lower rows, 20 INH above."""
    y, x = np.divmod(np.arange(N), 10)
    return System.from_arrays({"EXC": 80, "INH": 20}, np.stack([x, y, 0 * x], axis=1) * 10.0)


def counts(chosen):
    return {p: len(gids) for p, gids in chosen.items()}


def test_all(grid):
    assert grid.selection(None) is None
    assert counts(grid.selection(None, populations="INH")) == {"INH": 20}


def test_first(grid):
    chosen = grid.selection(10)
    assert chosen["EXC"].tolist() == list(range(8))
    assert chosen["INH"].tolist() == [80, 81]
    assert counts(grid.selection(0.5)) == {"EXC": 40, "INH": 10}
    assert counts(grid.selection(1.0)) == {"EXC": 80, "INH": 20}
    assert counts(grid.selection(1)) == {"EXC": 1}
    assert counts(grid.selection(np.int64(3), populations=["INH"])) == {"INH": 3}
    assert counts(grid.selection({"EXC": 3})) == {"EXC": 3}
    assert counts(grid.selection({"EXC": 0.1, "INH": 1})) == {"EXC": 8, "INH": 1}
    assert counts(grid.selection({"INH": 0.001, "EXC": 0})) == {"INH": 1}
    assert list(grid.selection({"INH": 2, "EXC": 2})) == ["EXC", "INH"]


@pytest.mark.parametrize("kind", [list, tuple, set, np.array, range])
def test_gids(grid, kind):
    gids = range(3, 6) if kind is range else kind([5, 3, 4])
    chosen = grid.selection({"EXC": gids}, method="random")
    assert chosen["EXC"].dtype == np.int64
    assert chosen["EXC"].tolist() == [3, 4, 5]


def test_random(grid):
    a, b = grid.selection(0.3, method="random"), grid.selection(0.3, method="random")
    assert counts(a) == {"EXC": 24, "INH": 6}
    for p in a:
        assert a[p].tolist() == b[p].tolist() == sorted(set(a[p].tolist()))
    other = grid.selection(0.3, method="random", seed=124)
    assert any(a[p].tolist() != other[p].tolist() for p in a)
    assert a["EXC"].tolist() != list(range(24))
    # a cell's rank is its own: fewer cells are a subset, and other populations do not matter
    assert set(grid.selection({"EXC": 5}, method="random")["EXC"]) < set(a["EXC"])


def test_random_is_pinned():
    chosen = ParallelSystem(1000).selection(5, method="random", seed=2**63 + 5)
    assert chosen["EXC"].tolist() == PINNED


PINNED = [276, 404, 616, 667, 843]


def test_patch(grid):
    quarter = grid.selection(0.25, method="patch")  # the middle 45 µm: 5 x 5 does not fit, 4 x 4 does
    cells = np.concatenate(list(quarter.values()))
    assert sorted(cells.tolist()) == sorted(10 * y + x for y in range(3, 7) for x in range(3, 7))
    assert counts(grid.selection(1.0, method="patch")) == {"EXC": 80, "INH": 20}
    nearest = grid.selection(4, method="patch")
    assert nearest["EXC"].tolist() == [44, 45, 54, 55]
    upper = grid.selection({"INH": 2}, method="patch")
    assert upper["INH"].tolist() == [84, 85]
    assert grid.selection(1, method="patch")["EXC"].tolist() == [44]  # a tie: the lowest gid


def test_patch_with_bounds(grid):
    bounds = [[0, 0], [20, 10]]
    assert grid.selection(None, method="patch", bounds=bounds)["EXC"].tolist() == [0, 1, 2, 10, 11, 12]
    assert grid.selection(1.0, method="patch", bounds=bounds)["EXC"].tolist() == [0, 1, 2, 10, 11, 12]
    assert grid.selection(2, method="patch", bounds=bounds)["EXC"].tolist() == [1, 11]
    with pytest.raises(ValueError, match="at most the 6 cells within bounds, got 7"):
        grid.selection(7, method="patch", bounds=bounds)
    with pytest.raises(ValueError, match="selects no cell"):
        grid.selection(1.0, method="patch", bounds=[[1, 1], [2, 2]])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(sum), st.data())
def test_largest_remainder(sizes, data):
    sizes = np.array(sizes)
    total = data.draw(st.integers(0, int(sizes.sum())))
    shares = largest_remainder(total, sizes)
    assert shares.sum() == total
    assert (shares <= sizes).all()
    assert (np.abs(shares - total * sizes / sizes.sum()) < 1).all()


def test_stored(grid, tmp_path):
    path = grid.save(tmp_path / "s")
    (path / "selection").mkdir()
    store = path / "selection" / "core.json"
    store.write_text(json.dumps({"gids": {"EXC": [5, 1], "INH": [99]}, "meta": {"why": "test"}}))
    loaded = System(path)
    assert loaded.selections() == ["core"]
    chosen = loaded.selection("core")
    assert {p: g.tolist() for p, g in chosen.items()} == {"EXC": [1, 5], "INH": [99]}
    assert counts(loaded.selection("core", populations="INH")) == {"INH": 1}
    with pytest.raises(ValueError, match=r"unknown selection 'cor'.*did you mean 'core'"):
        loaded.selection("cor")
    with pytest.raises(ValueError, match="plain name"):
        loaded.selection("../core")
    for wrong in ('{"gids": [1]}', '{"gids": {"EXC": 3}}', "{}", "nonsense"):
        store.write_text(wrong)
        with pytest.raises(DamagedFile, match="core"):
            loaded.selection("core")
    assert grid.selections() == []
    with pytest.raises(ValueError, match="legal: none"):
        grid.selection("core")


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ({"spec": True}, TypeError, "got True"),
        ({"spec": 0}, ValueError, "selects no cell"),
        ({"spec": -1}, ValueError, "from 0 to 100"),
        ({"spec": 101}, ValueError, "from 0 to 100"),
        ({"spec": 0.0}, ValueError, "> 0"),
        ({"spec": 1.01}, ValueError, "<= 1"),
        ({"spec": float("nan")}, ValueError, "finite"),
        ({"spec": [1, 2]}, TypeError, "the selection must be"),
        ({"spec": object()}, TypeError, "the selection must be"),
        ({"spec": {}}, ValueError, "selects no cell"),
        ({"spec": {"EXX": 3}}, UnknownName, "did you mean 'EXC'"),
        ({"spec": {"EXC": 81}}, ValueError, "from 0 to 80"),
        ({"spec": {"EXC": True}}, TypeError, "got True"),
        ({"spec": {"EXC": "first"}}, TypeError, "gids"),
        ({"spec": {"EXC": None}}, TypeError, "gids"),
        ({"spec": {"EXC": {"a": 1}}}, TypeError, "gids"),
        ({"spec": {"EXC": [80]}}, ValueError, "got 80"),
        ({"spec": {"EXC": [1, 1]}}, ValueError, "once"),
        ({"spec": {"EXC": [1.5]}}, ValueError, "whole numbers"),
        ({"spec": {"EXC": 3}, "populations": "INH"}, UnknownName, "legal: INH"),
        ({"spec": 3, "populations": "EXX"}, UnknownName, "did you mean"),
        ({"spec": 3, "populations": []}, ValueError, "at least one"),
        ({"spec": 3, "populations": ["EXC", "EXC"]}, ValueError, "once"),
        ({"spec": 3, "populations": 3}, TypeError, "populations"),
        ({"spec": 3, "method": "frist"}, ValueError, "did you mean 'first'"),
        ({"spec": 3, "method": None}, ValueError, "method"),
        ({"spec": 3, "seed": -1}, ValueError, "seed"),
        ({"spec": 3, "seed": 2**64}, ValueError, "seed"),
        ({"spec": 3, "seed": 1.0}, TypeError, "seed"),
        ({"spec": 3, "bounds": [[0, 0], [1, 1]]}, ValueError, "patch"),
        ({"spec": 3, "method": "patch", "bounds": [[0, 0], [0, 1]]}, ValueError, "x0 < x1"),
        ({"spec": 3, "method": "patch", "bounds": [0, 1]}, ValueError, "shape"),
        ({"spec": 3, "method": "patch", "bounds": [[0, 0], [np.nan, 1]]}, ValueError, "finite"),
    ],
)
def test_nonsense_is_refused(grid, args, error, message):
    with pytest.raises(error, match=message):
        grid.selection(**args)
