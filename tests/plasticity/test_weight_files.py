"""Recorded weights in a file: what is written can be read, at once and afterwards."""

from __future__ import annotations

import gc
import pickle
import signal

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import livn
from livn.errors import UnknownName
from livn.plasticity import FileRecorder, WeightFile, open_weights, writing
from tests.plasticity.weight_files import N, keys, open_elsewhere, same, samples, take, write


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(st.lists(st.integers(0, 150), max_size=4), max_size=4), closed=st.booleans())
def test_runs_of_any_length_and_pieces(tmp_path, runs, closed):
    path = tmp_path / "any.h5"
    path.unlink(missing_ok=True)
    recorder, first = FileRecorder(0.5, path), 1
    recorder.open(keys())
    for counts in runs:
        take(recorder, first, *counts)
        first += sum(counts)
        own = recorder.traces(keys())
        assert own.t.size == first - 1
    same(recorder.traces(keys()), 1, first - 1)
    if closed:
        recorder.close()
    same(recorder.traces(keys()), 1, first - 1)
    traces = open_weights(path)
    same(traces, 1, first - 1)
    assert traces.synapses == keys()
    assert traces.dt == 0.5
    recorder.close()


def test_a_file_reads_like_what_is_in_memory(recorder, path):
    take(recorder, 1, 100, 31)
    traces = livn.open_weights(path)
    assert isinstance(traces, WeightFile)
    assert list(traces) == list(keys())
    key = (7, 3, "StdpLinExp2SynInh")
    position = keys().find(key)
    trace = traces[key]
    np.testing.assert_array_equal(trace, samples(1, 131)[:, position])
    assert trace.t.tolist() == traces.t.tolist()
    assert len(trace) == 131
    assert key in traces
    with pytest.raises(UnknownName, match="has no plastic synapse"):
        traces[7, 300, "StdpLinExp2Syn"]
    for i, (own, trace) in enumerate(traces.items()):
        assert own == keys().key(i)
        np.testing.assert_array_equal(trace, samples(1, 131)[:, i])
    np.testing.assert_array_equal(traces.frames(3, None, 7), samples(1, 131)[3::7])
    np.testing.assert_array_equal(traces.frames(100, 131, 64), samples(1, 131)[100::64])
    np.testing.assert_array_equal(traces.frames(-5), samples(127, 5))
    assert traces.frames(7, 7).shape == (0, N)
    assert traces.frame(-1).array.tolist() == samples(131, 1)[0].tolist()
    assert traces.frame(0)[key] == samples(1, 1)[0, position]
    assert repr(traces) == f"WeightFile({str(path)!r}, part 0: 2050 plastic synapses, 131 samples, dt=0.5 ms)"
    assert traces == recorder.traces(keys())
    assert pickle.loads(pickle.dumps(traces)) == traces
    assert traces.gather() is traces
    with pytest.raises(IndexError, match="index must be that of one of 131 samples, got 131"):
        traces.frame(131)


def test_what_was_opened_stays_as_it_is_until_it_is_refreshed(recorder, path):
    recorder.open(keys())
    traces = open_weights(path)
    same(traces, 0, 0)
    assert traces.frames().shape == (0, N)
    assert len(traces[0, 0, "StdpLinExp2Syn"]) == 0
    assert traces.parts == 0
    take(recorder, 1, 40)
    early = recorder.traces(keys())
    assert traces.refresh() is traces
    same(traces, 1, 40)
    take(recorder, 41, 60)
    same(traces, 1, 40)  # these rows have moved meanwhile
    same(early, 1, 40)
    same(traces.refresh(), 1, 100)
    same(early.refresh(), 1, 100)


def test_parts(recorder, path):
    recorder.open(keys())
    recorder.clear()
    take(recorder, 1, 70)
    recorder.clear()
    same(recorder.traces(keys()), 0, 0)
    recorder.clear()
    take(recorder, 71, 3)
    take(recorder, 80, 5)  # a gap begins a part as well
    recorder.clear()
    take(recorder, 1, 130)
    same(recorder.traces(keys()), 1, 130)
    for _ in range(2):
        assert open_weights(path).parts == 4
        for part, (first, count) in enumerate([(1, 70), (71, 3), (80, 5), (1, 130)]):
            same(open_weights(path, part), first, count)
            same(open_weights(path, part=part - 4), first, count)
            assert open_weights(path, part).part == part
        same(open_weights(path), 1, 130)
        recorder.close()
    for part in (4, -5):
        with pytest.raises(IndexError, match=f"part must be that of one of 4 parts, got {part}"):
            open_weights(path, part)


def test_other_programs_can_read_a_finished_file(recorder, path):
    take(recorder, 1, 70)
    recorder.clear()
    take(recorder, 1, 70)
    with pytest.raises(OSError, match=r"already open for write|lock"):
        open_elsewhere(path)
    recorder.close()
    with h5py.File(path) as file:
        assert file["weights"].shape == (140, N)
        np.testing.assert_array_equal(file["weights"][:70], samples(1, 70))
        assert file["parts"][:].tolist() == [[0, 1], [70, 1]]
        assert file["written"][:].tolist() == [140, 140, 2]
        assert file["keys/gid"][:].tolist() == keys().gid.tolist()
        assert dict(file.attrs) == {"format": "livn-weights", "version": 1, "dt": 0.5}
        assert file["weights"].compression == "gzip"
    assert path.stat().st_size < 3e6  # what was set aside for more has been given back


def test_handles_of_the_users_own_don_t_matter(recorder, path):
    take(recorder, 1, 70)
    with h5py.File(path, "r", swmr=True, locking=False):
        same(open_weights(path), 1, 70)
        take(recorder, 71, 70)
    same(open_weights(path), 1, 140)
    recorder.close()
    with h5py.File(path):
        same(open_weights(path), 1, 140)


@pytest.mark.parametrize("locking", ["TRUE", "FALSE", "BEST_EFFORT"])
def test_what_hdf5_is_told_of_locks_does_not_matter(path, locking, monkeypatch):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", locking)
    code = "take(recorder, 1, 70)\nsame(open_weights(sys.argv[1]), 1, 70)\nos.kill(os.getpid(), 9)"
    assert write(path, code) == -signal.SIGKILL
    same(open_weights(path), 1, 70)
    open_elsewhere(path)


@pytest.mark.parametrize("n", [1, 3, 1024, 1025])
def test_any_number_of_synapses(path, n):
    recorder = FileRecorder(0.5, path)
    take(recorder, 5, 66, n=n)
    same(open_weights(path), 5, 66, n)
    recorder.close()
    same(open_weights(path), 5, 66, n)


def test_wide_recordings_have_smaller_chunks(monkeypatch, path):
    monkeypatch.setattr(writing, "BUFFER", 4 * N * 10)
    recorder = FileRecorder(0.5, path)
    take(recorder, 1, 25, 3)
    assert h5py_shape(path, "tail") == (10, N)
    same(open_weights(path), 1, 28)
    recorder.close()
    same(open_weights(path), 1, 28)


def h5py_shape(path, name):
    with h5py.File(path, "r", swmr=True, locking=False) as file:
        return file[name].shape


def test_a_file_that_nobody_closes_is_finished_when_it_is_no_longer_needed(path):
    recorder = FileRecorder(0.5, path)
    take(recorder, 1, 70)
    del recorder
    gc.collect()
    open_elsewhere(path)
    same(open_weights(path), 1, 70)


def test_at_the_end_of_the_program_a_file_is_finished(path):
    assert write(path, "take(recorder, 1, 70)") == 0
    with h5py.File(path) as file:
        assert file["weights"].shape == (70, N)
