"""The processes of a parallel program, alone and on ranks, and how values are joined."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run, world
from livn.utils import LAUNCHED, P, merge, merge_array, merge_dict
from tests.decoding.helpers import Ranks
from tests.mpi.test_mpi import ENVIRONMENT, ROOT, mpiexec

PLAIN = {name: value for name, value in os.environ.items() if name not in LAUNCHED}


def python(code: str, environment: dict[str, str], *launcher: str) -> subprocess.CompletedProcess:
    command = [*launcher, sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_alone() -> None:
    assert (P.rank(), P.size(), P.is_root()) == (0, 1, True)
    assert not P.is_root(root=1)
    assert P.gather("a") == ["a"]
    assert P.gather("a", {"b": 1}) == (["a"], [{"b": 1}])
    assert P.gather("a", root=None) == ["a"]
    assert P.broadcast({"a": 1}) == {"a": 1}
    assert P.merge({7: 1.5}) == {7: 1.5}
    assert P.merge(np.arange(2), {1: 2})[0].tolist() == [0, 1]
    assert P.reduce_sum(3) == 3
    assert isinstance(P.reduce_sum(3), int)
    total, array = P.reduce_sum(2.5, np.arange(3))
    assert total == 2.5
    assert array.tolist() == [0, 1, 2]


def test_mpi_is_left_alone_by_a_process_that_does_not_use_it() -> None:
    code = "import sys; from livn.utils import P; print(P.comm(), P.rank(), 'mpi4py' in sys.modules)"
    done = python(code, PLAIN)
    assert done.stdout == "None 0 False\n", done.stderr


def test_a_launched_process_without_mpi4py_is_told() -> None:
    code = "import sys; sys.modules['mpi4py'] = None; from livn.utils import P; P.rank()"
    done = python(code, PLAIN | {"PMI_RANK": "1"})
    assert done.returncode == 1
    assert 'ImportError: mpi4py is not installed: pip install "pylivn[neuron]"' in done.stderr


def test_ranks_of_a_launcher(tmp_path: Path) -> None:
    code = f"""if True:
        import json
        import numpy as np
        from livn.utils import P
        rank, size = P.rank(), P.size()
        told = P.gather((rank, size, P.is_root(), P.is_root(root=2)))
        names, squares = P.gather(f"r{{rank}}", rank**2, root=1)
        result = {{
            "told": told,
            "elsewhere": P.gather((names, squares), root=None),
            "broadcast": P.gather(P.broadcast(rank + 10, root=2)),
            "sum": P.gather(P.reduce_sum(rank, root=None)),
            "array": P.reduce_sum(np.array([rank, 1.0])),
            "merged": P.merge({{rank: rank * 2, "ids": np.full(rank, rank)}}),
            "rest": P.gather(P.merge([rank])),
        }}
        if P.is_root():
            result["array"] = result["array"].tolist()
            result["ids"] = result["merged"].pop("ids").tolist()
            result["rest"] = [None if r is None else r.tolist() for r in result["rest"]]
            with open({str(tmp_path / "out")!r}, "w") as f:
                json.dump(result, f)
    """
    done = python(code, ENVIRONMENT, mpiexec(), "-n", "3")
    assert done.returncode == 0, done.stderr
    out: dict[str, Any] = json.loads((tmp_path / "out").read_text())
    assert out["told"] == [[0, 3, True, False], [1, 3, False, False], [2, 3, False, True]]
    assert out["elsewhere"] == [[None, None], [["r0", "r1", "r2"], [0, 1, 4]], [None, None]]
    assert out["broadcast"] == [12, 12, 12]
    assert out["sum"] == [3, 3, 3]
    assert out["array"] == [3.0, 3.0]
    assert out["merged"] == {"0": 0, "1": 2, "2": 4}
    assert out["ids"] == [1, 2, 2]
    assert out["rest"] == [[0, 1, 2], None, None]


def test_a_communicator_that_is_given() -> None:
    assert (P.rank(Ranks()), P.size(Ranks()), P.is_root(Ranks())) == (0, 2, True)
    assert P.gather(1, comm=Ranks(2)) == [1, 2]
    assert P.gather(1, 5, comm=Ranks(2, 6), root=None) == ([1, 2], [5, 6])
    assert P.merge({1: 2}, comm=Ranks({3: 4})) == {1: 2, 3: 4}
    assert P.reduce_sum(np.ones(2), comm=Ranks(np.arange(2))).tolist() == [1, 2]
    assert P.broadcast(3, comm=Ranks()) == 3


def test_the_communicator_of_the_cultures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_shared", Ranks("theirs"))
    assert P.size() == 2
    assert P.gather("mine") == ["mine", "theirs"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"root": 1.5}, TypeError, "root"),
        ({"root": -1}, ValueError, "root"),
        ({"comm": Ranks(2), "root": 2}, ValueError, "root must be a whole number from 0 to 1, got 2"),
        ({"comm": "world"}, TypeError, "comm must be an MPI communicator"),
    ],
)
def test_nonsense(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    for call in (P.gather, P.merge, P.reduce_sum):
        with pytest.raises(error, match=text):
            call(1, **arguments)


def test_merge_arrays() -> None:
    ids = merge_array([np.array([3, 1]), None, np.empty(0), [2]])
    assert ids.tolist() == [3, 1, 2]
    assert ids.dtype == np.int64  # an empty array of another type does not change it
    assert merge_array([np.zeros((2, 3)), np.ones((1, 3)), np.empty(0)]).shape == (3, 3)
    assert merge_array([np.empty((0, 4), np.float32), np.empty(0)]).shape == (0, 4)
    assert merge_array([]).shape == (0,)
    with pytest.raises(ValueError, match="dimension"):
        merge_array([np.zeros((2, 3)), np.zeros((2, 4))])


def test_merge_dicts() -> None:
    joined = merge_dict([{1: 2.0, "ids": [1]}, None, {3: "x", "ids": [2, 3]}, {"deep": {"a": 1}}, {"deep": {"b": 2}}])
    assert joined.pop("ids").tolist() == [1, 2, 3]
    assert joined == {1: 2.0, 3: "x", "deep": {"a": 1, "b": 2}}
    assert merge_dict([{1: 2}, {1: 2}]) == {1: 2}
    assert merge_dict([]) == {}
    with pytest.raises(ValueError, match=r"the same value everywhere, got \[2, 3\]"):
        merge_dict([{1: 2}, {1: 3}])


def test_merge_takes_what_comes() -> None:
    a, b = (Run(duration=5.0).add_spikes([i], [float(i)]) for i in (1, 2))
    assert merge([a, None, b]) == a.merge(b)
    assert merge([{1: 2}, {3: 4}]) == {1: 2, 3: 4}
    assert merge([[1], (2, 3)]).tolist() == [1, 2, 3]
    assert merge(["same", "same"]) == "same"
    assert merge([None, None]) is None
    assert merge([]) is None
    with pytest.raises(ValueError, match="merge needs arrays, mappings or Runs"):
        merge([{1: 2}, [3]])
    with pytest.raises(ValueError, match="merge needs"):
        merge([1, True])


@given(st.lists(st.lists(st.integers(-5, 5))))
def test_merging_arrays_is_joining_lists(parts: list[list[int]]) -> None:
    assert merge_array(parts).tolist() == [x for part in parts for x in part]


@given(st.dictionaries(st.integers(), st.integers()), st.integers(0, 3))
def test_merging_the_parts_of_a_dict_gives_the_dict(whole: dict[int, int], n: int) -> None:
    parts = [{k: v for i, (k, v) in enumerate(whole.items()) if i % (n + 1) == j} for j in range(n + 1)]
    assert merge_dict(parts) == whole
