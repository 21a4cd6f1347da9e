"""Recorded weights of a culture: some of them, their place in memory, and nonsense."""

from __future__ import annotations

import os
import tracemalloc

import h5py
import numpy as np
import pytest

from livn import Env, make, open_weights
from livn.engine import base
from livn.engine.base import Tracing
from livn.env.traces import shares
from livn.errors import DamagedFile, UnknownName
from livn.plasticity import WeightTraces
from livn.system import make as make_system
from tests.env.helpers import STRONG, differences, lively, outcome, small_system, state_of, trained
from tests.env.nonsense import NO_FINITE, NO_NUMBER, OBJECT

SUBSETS = {
    "one population": ({"population": "INH"}, lambda k: k.gid >= 4),
    "populations": ({"population": ["INH", "EXC"]}, lambda k: k.gid >= 0),
    "gids": ({"gids": [5, 0]}, lambda k: (k.gid == 0) | (k.gid == 5)),
    "one gid": ({"gids": 3}, lambda k: k.gid == 3),
    "both": ({"population": "EXC", "gids": [5, 0, 2]}, lambda k: (k.gid == 0) | (k.gid == 2)),
    "share": ({"fraction": 0.3}, lambda k: shares(k, 123) <= 0.3),
    "all": ({"gids": [1, 4], "fraction": 0.5}, lambda k: np.isin(k.gid, [1, 4]) & (shares(k, 123) <= 0.5)),
}


# A part of them


def test_a_subset_is_the_columns_of_the_whole(engine, path):
    whole = outcome(lively(engine).record_weights(0.5), lambda env: trained(env, 30.0))
    assert whole.array[-1].std() > 1e-4
    for n, (arguments, of) in enumerate(SUBSETS.values()):
        keep = of(whole.synapses)
        to = None if n % 2 else path.with_name(f"{n}.h5")
        env = lively(engine).record_weights(0.5, **arguments, to=to)
        assert list(env.w_recs) == list(whole.synapses.take(keep))

        def compare(env, keep=keep):
            part = trained(env, 10.0, 0.5, 19.5)
            assert 0 < len(part) == keep.sum()
            assert part == WeightTraces(whole.synapses.take(keep), 0.5, np.arange(1, 61), whole.array[:, keep])
            for key, trace in part.items():
                assert np.array_equal(trace, whole[key])

        outcome(env, compare)


def test_a_share_is_reproducible_nested_and_about_as_large_as_asked_for():
    env = make(400, engine="cpu")
    assert env.get_weights().array.size == 0
    keys = make(make_system("EI2")).get_weights().synapses
    numbers = shares(keys, 7)
    assert len(np.unique(numbers)) == len(keys)
    assert 0 < numbers.min() < numbers.max() <= 1
    for f in (0.01, 0.1, 0.5):
        assert abs((numbers <= f).mean() - f) < 4 * np.sqrt(f * (1 - f) / len(keys))
    at = np.arange(0, len(keys), 7)
    assert np.array_equal(shares(keys.take(at), 7), numbers[at])  # whatever others there are
    assert not np.array_equal(shares(keys, 8), numbers)
    assert abs(np.corrcoef(numbers, shares(keys, 8))[0, 1]) < 0.06
    assert np.abs([np.corrcoef(numbers[:-k], numbers[k:])[0, 1] for k in (1, 2, 50)]).max() < 0.06


def test_the_same_arguments_go_on_and_others_start_anew(path):
    env = lively("cpu").record_weights(1.0, gids=[0, 1], fraction=0.9)
    env.run(2.0)
    env.record_weights(1.0, gids=(1, 0, 1), fraction=0.9).run(2.0)
    assert env.w_recs.t.tolist() == [1.0, 2.0, 3.0, 4.0]
    n = len(env.w_recs)
    env.record_weights(1.0, gids=[0, 1]).run(2.0)
    assert env.w_recs.t.tolist() == [5.0, 6.0]
    assert len(env.w_recs) > n
    env.record_weights(1.0, gids=[0, 1], to=path).run(2.0)
    first = env.w_recs
    assert first.t.tolist() == [7.0, 8.0]
    env.record_weights(1.0, gids=[0, 1], to=str(path)).run(2.0)
    assert env.w_recs.t.tolist() == [7.0, 8.0, 9.0, 10.0]
    with pytest.raises(FileExistsError, match="delete it, or choose another name"):
        env.record_weights(0.5, gids=[0, 1], to=path)
    env.run(1.0)
    env.record_weights(0.5, to=path.with_name("other.h5")).run(1.0)
    assert first.refresh().t.tolist() == [7.0, 8.0, 9.0, 10.0, 11.0]
    with h5py.File(path) as file:  # it is finished
        assert len(file["weights"]) == 5
    assert env.w_recs.t.tolist() == [11.5, 12.0]
    env.record_weights(0.5)
    assert type(env.w_recs) is WeightTraces
    assert env.w_recs.t.size == 0


def test_a_selection_decides_what_there_is(engine, path):
    env = Env(small_system(), engine=engine).record_weights(1.0, population="EXC", to=path)
    assert not path.exists()
    assert len(env.w_recs) == 0
    env.selection({"EXC": 2, "INH": 1}).init().run(3.0)
    assert set(env.w_recs.synapses.gid) == {0, 1}
    assert open_weights(path) == env.w_recs
    env.close()
    env = Env(small_system(), engine=engine).record_weights(1.0, population="INH")
    env.selection({"EXC": 3}).init()
    with pytest.raises(ValueError, match=r"none of the \d+ plastic synapses is one with population=\('INH',\)"):
        env.run(1.0)
    assert env.t == 0.0
    env.close()
    env = Env(small_system(), engine=engine).record_weights(1.0, gids=[5])
    with pytest.raises(ValueError, match="the selection leaves out cell 5, whose weights are to be recorded"):
        env.selection({"EXC": 3})
    env.init()


# Memory


def test_engines_hand_weights_over_in_pieces(engine, monkeypatch):
    env = lively(engine).enable_plasticity(STRONG)
    env.run(1.0)
    running, places = env._engine(), np.arange(3, 50, 5)
    pieces = []

    def sink(piece):
        assert piece.dtype == np.float32
        pieces.append(piece.copy())
        piece[:] = np.nan  # it is the sink's until it returns

    monkeypatch.setattr(base, "HELD", 4 * 10 * 7)  # room for 7 samples
    running.advance(1000, [], tracing=Tracing(3, places, sink))
    rows = np.concatenate(pieces)
    assert max(map(len, pieces)) <= 7
    assert rows.shape == (1040 // 3 - 40 // 3, 10)
    assert np.isfinite(rows).all()
    assert np.array_equal(running.advance(1, [], tracing=Tracing(1, places, sink)) and pieces[-1][-1],
                          running.multipliers()[places].astype(np.float32))  # fmt: skip
    env.close()
    other = lively(engine).enable_plasticity(STRONG)
    other.run(1.0)
    again = []
    monkeypatch.undo()
    other._engine().advance(1000, [], tracing=Tracing(3, places, lambda piece: again.append(piece.copy())))
    assert np.array_equal(np.concatenate(again), rows)


def test_a_long_recording_to_a_file_stays_small_in_memory(path, monkeypatch):
    monkeypatch.setattr(base, "HELD", 1e6)
    env = make("EI2", engine="cpu").enable_plasticity()
    env.run(1.0)
    env.record_weights(0.025, to=path)
    tracemalloc.start()
    try:
        env.run(100.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    traces = env.w_recs
    whole = 4 * len(traces) * traces.t.size
    assert whole > 70e6
    assert most < 0.1 * whole
    tracemalloc.start()
    try:
        assert len(traces[traces.synapses.key(3)]) == 4000
        assert traces.frame(2000).array.min() > 0
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.2 * whole


def test_in_memory_a_run_takes_its_place_once(monkeypatch):
    env = make("EI2", engine="cpu").record_weights(0.025).enable_plasticity()
    env.run(1.0)
    env.clear_recordings()
    tracemalloc.start()
    try:
        env.run(50.0)
        array = env.w_recs.array
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert array.nbytes > 35e6
    assert most < 1.2 * array.nbytes + 64e6
    assert np.shares_memory(env.w_recs.array, array)


def test_a_file_needs_no_room_in_memory(env, path, monkeypatch):
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", "2e-5")  # 20 kB, and 200 B a sample
    env.record_weights(1.0)
    with pytest.raises(
        MemoryError, match=r"narrow 'weights': .* \(population=, gids=, fraction=\), a file \(to=\), or shorter runs"
    ):
        env.run(1000.0)
    assert env.t == 0.0
    env.record_weights(1.0, gids=[0], fraction=0.9)
    env.run(300.0)
    env.record_weights(1.0, to=path).run(200.0)
    assert env.w_recs.t.size == 200


# Nonsense


def given(**arguments):
    return arguments


def test_nonsense_changes_nothing(env, tmp_path):
    env.record_weights(1.0, gids=[1, 2]).run(2.0)
    before, expected = state_of(env), env.w_recs
    existing = tmp_path / "mine"
    existing.write_text("mine")
    some = "population must be a name or a list of names"
    whole = "gids must be one or more whole numbers"
    cases = [
        *((given(population=x), TypeError, some) for x in (3, 1.5, True, OBJECT)),
        *((given(population=x), UnknownName, "did you mean 'EXC'") for x in ("exc", ["INH", "EXCC"])),
        *((given(population=x), ValueError, "at least one of EXC, INH") for x in ([], ())),
        *((given(gids=x), ValueError, whole) for x in (0.5, "0", [], {}, [[0]], [0, 1.5], True)),
        (given(gids=[0, 99]), ValueError, "unknown gid 99 in gids; legal: 6 gids from 0 to 5"),
        *((given(fraction=x), TypeError, "fraction must be") for k, x in NO_NUMBER.items() if k != "None"),
        *((given(fraction=x), ValueError, "fraction must be") for x in (*NO_FINITE.values(), 0, -0.1, 1.01)),
        *((given(to=x), TypeError, "to must be the name of a file or None") for x in (3, True, b"x", ["x"], OBJECT)),
        (given(to=tmp_path), IsADirectoryError, "to must be the name of a file, and .* is a directory"),
        (given(to=existing), FileExistsError, "mine exists and is not overwritten: delete it"),
        (given(to=tmp_path / "no" / "file"), FileNotFoundError, "the directory .*no does not exist"),
        (given(gids=[5], population="EXC"), ValueError, "nothing to record: none of the 50 .* gids=\\(5,\\)"),
        (given(fraction=1e-9), ValueError, "nothing to record: none of the 50 plastic .* fraction=1e-09"),
        (given(population="EXC", fraction=1e-9, to=tmp_path / "x"), ValueError, "nothing to record"),
        (given(population="EXC", too="x"), TypeError, "unexpected keyword"),
    ]  # fmt: skip
    for arguments, error, text in cases:
        with pytest.raises(error, match=text):
            env.record_weights(2.0, **arguments)
        with pytest.raises(error, match=text):
            env.record_weights(**arguments)
    with pytest.raises(TypeError, match="positional"):
        env.record_weights(1.0, "EXC")
    assert not differences(state_of(env), before)
    assert env.w_recs == expected
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    env.run(1.0)
    assert env.w_recs.t.tolist() == [1.0, 2.0, 3.0]
    env.close()
    with pytest.raises(RuntimeError, match="closed"):
        env.record_weights(1.0, to=tmp_path / "late.h5")


def test_a_folder_that_cannot_be_written_to_is_told_at_once(tmp_path, monkeypatch):
    env = lively("cpu").record_weights(1.0)
    env.run(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *args: False)
        with pytest.raises(PermissionError, match=r"the directory .* cannot be written to"):
            env.record_weights(1.0, to=tmp_path / "x.h5")

    def refused(*args):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        with pytest.raises(PermissionError, match="Permission denied"):
            env.record_weights(1.0, to=tmp_path / "x.h5")
    env.run(1.0)
    assert env.w_recs.t.tolist() == [1.0, 2.0]


def test_a_culture_that_cannot_learn_has_nothing_to_write(path):
    env = make(5, engine="cpu").record_weights(1.0)
    env.run(1.0)
    assert len(env.w_recs) == 0
    with pytest.raises(ValueError, match="nothing to record: none of the 0 plastic synapses is one"):
        env.record_weights(1.0, to=path)
    assert not path.exists()


def test_a_file_that_appears_before_the_first_run_is_not_touched(path):
    env = Env(small_system()).record_weights(1.0, to=path)
    path.write_text("mine")
    env.init()
    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        env.run(1.0)
    assert env.t == 0.0
    assert path.read_text() == "mine"
    path.unlink()
    env.run(1.0)
    with pytest.raises(DamagedFile):
        open_weights(__file__)
    assert open_weights(path).t.tolist() == [1.0]


@pytest.mark.parametrize("to", ["", "a\0b"])
def test_a_file_needs_a_name(to):
    with make("EI1") as env, pytest.raises(ValueError, match="to must be the name of a file"):
        env.record_weights(to=to)
