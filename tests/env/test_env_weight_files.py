"""Recorded weights of a culture in a file, through kills, divergences, interrupts and full disks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import livn
from livn import Env, RunInterrupted, SimulationDiverged, StorageError, open_weights
from livn.plasticity import WeightFile
from tests.env.helpers import STRONG, lively, outcome, trained


@pytest.mark.parametrize("cuts", [(40.0,), (0.5,) * 20 + (30.0,), (33.0, 7.0)])
def test_a_file_holds_what_memory_would(engine, path, cuts):
    memory = outcome(lively(engine).record_weights(0.5), lambda env: trained(env, 40.0))

    def compare(env):
        own = trained(env, *cuts)
        assert type(own) is WeightFile
        assert own == memory
        assert np.array_equal(own.array[-1], env.get_weights().array.astype(np.float32))
        assert open_weights(path) == memory

    outcome(lively(engine).record_weights(0.5, to=path), compare)
    assert livn.open_weights(path) == memory
    with h5py.File(path) as file:
        assert np.array_equal(file["weights"][:], memory.array)


def test_clear_begins_a_new_part(engine, path):
    env = lively(engine).record_weights(1.0, to=path)
    first = trained(env, 5.0)
    env.clear(reseed=False, reset_weights=True)
    assert env.w_recs.t.size == 0
    assert len(env.w_recs) == 50
    env.run(5.0)
    assert env.w_recs == first
    assert env.w_recs.part == 1
    env.clear_recordings().run(2.0)
    assert env.w_recs.t.tolist() == [6.0, 7.0]
    assert [open_weights(path, part).t.tolist() for part in range(3)] == [first.t.tolist()] * 2 + [[6.0, 7.0]]
    env.close()
    assert open_weights(path).parts == 3


def test_a_stored_culture_does_not_write_to_the_file_of_another(engine, tmp_path, path):
    env = lively(engine).record_weights(1.0, gids=[0, 5], fraction=0.7)
    n = len(env.w_recs)
    env.save(tmp_path / "memory")
    env.record_weights(1.0, population="EXC", to=path).run(3.0)
    env.save(tmp_path / "file")
    env.close()
    with Env.load(tmp_path / "memory", engine=engine) as loaded:
        assert len(loaded.run(2.0) and loaded.w_recs) == n
        assert loaded.w_recs.t.tolist() == [1.0, 2.0]
    with pytest.warns(RuntimeWarning, match=r"recorded its weights to .*weights\.h5, this one doesn't") as warned:
        loaded = Env.load(tmp_path / "file", engine=engine)
    assert warned[0].filename == __file__
    loaded.run(2.0)
    assert len(loaded.w_recs) == 0
    loaded.record_weights(1.0, population="EXC", to=tmp_path / "more.h5").run(1.0)
    assert loaded.w_recs.t.tolist() == [6.0]
    assert open_weights(path).t.tolist() == [1.0, 2.0, 3.0]


def test_what_was_stored_before_there_were_subsets_is_understood(tmp_path, monkeypatch):
    env = lively("cpu").record_weights(1.0)
    from livn.env import storage

    write = storage.write_arrays
    monkeypatch.setattr(storage, "write_arrays", lambda p, a, meta, k: write(p, a, meta | {"record_weights": 0.5}, k))
    env.save(tmp_path / "old")
    assert Env.load(tmp_path / "old").run(2.0).duration == 2.0
    loaded = Env.load(tmp_path / "old")
    loaded.run(2.0)
    assert loaded.w_recs.t.tolist() == [0.5, 1.0, 1.5, 2.0]


def test_a_culture_that_is_no_longer_needed_finishes_its_file(path):
    lively("cpu").record_weights(1.0, to=path).run(3.0)
    gc.collect()
    with h5py.File(path) as file:
        assert len(file["weights"]) == 3


KILLED = """
import os, signal, sys
from tests.env.helpers import lively
env = lively("cpu").record_weights(0.5, to=sys.argv[1]).enable_plasticity({"A_ltd": 0.2})
env.run(20.0)
env.run(100_000.0, progress=lambda done: done > 300 and os.kill(os.getpid(), signal.SIGKILL))
"""


def test_after_a_kill_in_a_run_what_was_recorded_is_there(path):
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-W", "error", "-c", KILLED, str(path)], cwd=root, check=False)
    assert done.returncode == -9
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(path)
    kept = open_weights(path)
    assert kept.t.size >= 40 + (600 - 64)  # all but what waited for its chunk
    env = lively("cpu").record_weights(0.5)
    whole = trained(env, float(kept.t[-1]))
    assert whole == kept
    with h5py.File(path) as file:
        assert len(file["weights"]) > 500


def diverging(env):
    """A run of 20 ms that gives a cell an absurd current after 5 ms."""
    stimulus = np.zeros((20, 10))
    stimulus[5:, 3] = -1e6
    with pytest.raises(SimulationDiverged):
        env.run(20.0, stimulus=(stimulus, 1.0, None, "current"))


@pytest.mark.parametrize("to_file", [False, True])
def test_what_came_before_a_divergence_is_kept(engine, path, to_file):
    env = lively(engine).record_weights(0.1, to=path if to_file else None).enable_plasticity(STRONG)
    whole = lively("cpu").record_weights(0.1).enable_plasticity(STRONG) if engine == "cpu" else None
    env.run(2.0)
    diverging(env)
    kept = env.w_recs
    assert 20 <= kept.t.size <= 80
    if whole is not None:
        whole.run(7.0)
        sound = min(kept.t.size, 70)
        assert np.array_equal(kept.array[:sound], whole.w_recs.array[:sound])
    with pytest.raises(RuntimeError, match="diverged"):
        env.run(1.0)
    env.clear()
    env.run(1.0)
    assert env.w_recs.t.size == 10
    if to_file:
        assert open_weights(path, 0) == kept


@pytest.mark.parametrize("to_file", [False, True])
def test_an_interrupted_run_keeps_its_samples(engine, path, to_file):
    env = lively(engine).record_spikes().record_weights(0.1, to=path if to_file else None).enable_plasticity(STRONG)
    calls = []

    def progress(done):
        calls.append(done)
        if len(calls) == 2:
            os.kill(os.getpid(), 2)

    with pytest.raises(RunInterrupted) as stopped:
        env.run(100_000.0, progress=progress)
    assert env.w_recs.t.size == round(stopped.value.run.duration / 0.1)
    env.run(1.0)
    assert np.allclose(np.diff(env.w_recs.t), 0.1)
    if to_file:
        assert open_weights(path) == env.w_recs


def test_a_full_disk_ends_the_run_at_a_whole_step(engine, path, monkeypatch):
    env = lively(engine).record_spikes().record_weights(0.025, to=path).enable_plasticity(STRONG)
    env.run(1.0)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        patch.setattr("livn.plasticity.writing.SPARE", 1 << 40)
        with pytest.raises(StorageError, match=r"weights.h5 could not be written: No space left"):
            env.run(1000.0)
        at = env.t
        assert 1.0 < at < 1000.0
    assert open_weights(path).t.size == 64
    env.record_weights(1.0)
    run = env.run(5.0)
    assert run.t0 == at
    assert env.w_recs.t.size == 5
    weights = env.get_weights()
    env.close()
    other = lively(engine).enable_plasticity(STRONG)
    other.run(at + 5.0)
    assert other.get_weights() == weights  # the culture has taken no harm
