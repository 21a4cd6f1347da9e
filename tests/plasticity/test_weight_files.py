"""Recorded weights in a file: what is written can be read, at once, afterwards, and after a kill."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import livn
from livn.errors import DamagedFile, NewerFormat, StorageError, UnknownName
from livn.plasticity import FileRecorder, SynapseKeys, WeightFile, open_weights, reading, superblock, writing

ROOT = Path(__file__).parents[2]
N = 2050  # three chunks wide


def keys(n=N):
    gid, syn_id = np.divmod(np.arange(n), 50)
    names = ("StdpLinExp2Syn", "StdpLinExp2SynInh")
    return SynapseKeys(gid, syn_id, syn_id % 2, names, gid + 1, syn_id % 2, ("soma", "dend"))


def samples(first, count, n=N):
    """Sample k of synapse i is 10·k + i / 7."""
    return (10.0 * np.arange(first, first + count)[:, None] + np.arange(n) / 7).astype(np.float32)


def take(recorder, first, *counts, n=N):
    """A run whose samples come in pieces."""
    recorder.begin(keys(n), first, sum(counts))
    for count in counts:
        recorder.add(samples(first, count, n))
        first += count
    recorder.end()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.h5"


@pytest.fixture
def recorder(path):
    made = FileRecorder(0.5, path)
    yield made
    made.close()


def same(traces, first, count, n=N):
    assert traces.t.tolist() == [0.5 * k for k in range(first, first + count)]
    np.testing.assert_array_equal(traces.array, samples(first, count, n))


# Reading what is written


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def open_elsewhere(path):
    """Open a file as another program would: in a process of its own."""
    code = "import h5py, sys; h5py.File(sys.argv[1]).close()"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr)


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


# While it is written, and after a kill


HEAD = """
import os, sys, time
from pathlib import Path
from tests.plasticity.test_weight_files import *
recorder = FileRecorder(0.5, Path(sys.argv[1]))
"""


def write(path, code):
    """Write a file in a process of its own; how that ended."""
    command = [sys.executable, "-W", "error", "-c", HEAD + code, str(path)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


ENDLESS = """
first = 1
while True:
    for count in (1, 2, 3, 100, 64, 7):
        take(recorder, first, count)
        first += count
        time.sleep(0.01)
    if first > 1500:
        recorder.clear()
        first = 1
"""


@pytest.fixture
def endless(path):
    """A process that writes to `path` without end."""
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", HEAD + ENDLESS, str(path)], cwd=ROOT)
    yield process
    process.kill()
    process.wait()


def eventually(path, rows):
    """The traces as soon as there are so many rows in the last part."""
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
    while True:
        traces = open_weights(path)
        if traces.t.size >= rows:
            return traces
        assert time.monotonic() < deadline


def test_another_process_reads_while_it_is_written(endless, path):
    moved = 0
    for _ in range(40):
        traces = eventually(path, 20)
        n = traces.t.size
        last = traces.frames(-20)
        np.testing.assert_array_equal(last, samples(n - 19, 20))
        column = traces[keys().key(1500)].as_numpy()
        np.testing.assert_array_equal(column, samples(1, n)[:, 1500])
        moved += traces.refresh().t.size > n
    assert moved > 5
    assert endless.poll() is None
    with path.open("rb") as file:
        assert superblock.read_superblock(file).marked  # nobody repaired what is alive


def test_after_a_kill_all_that_was_told_is_there_and_the_file_is_whole_again(endless, path, tmp_path):
    """At moments that come as they come; and the file is then one for every program."""
    for k in range(20):
        eventually(path, 3)
        time.sleep(0.013 * (k % 7))
        os.kill(endless.pid, signal.SIGSTOP)
        os.waitpid(endless.pid, os.WUNTRACED)
        at_once = tmp_path / f"{k}.h5"  # as it would be, were the process killed now
        shutil.copyfile(path, at_once)
        os.kill(endless.pid, signal.SIGCONT)
        with pytest.raises(OSError, match="already open for write"):
            h5py.File(at_once, locking=False)
        check_repaired(at_once)
        at_once.unlink()
    endless.kill()
    endless.wait()
    check_repaired(path)


def check_repaired(path):
    traces = open_weights(path)
    for part in range(max(0, traces.parts - 2), traces.parts):
        of_part = open_weights(path, part)
        same(of_part, 1, of_part.t.size)
    with h5py.File(path) as file:  # no longer refused
        stored, rows, parts = file["written"][:].tolist()
        assert (np.diff(file["weights"][max(0, stored - 10) : stored, 5]) != 0).all()
        assert stored <= rows <= stored + 64
        assert parts == traces.parts


def test_a_kill_while_the_file_is_made(path, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.05)
    moments = ("reserve(path, ", "self._parts = ", "file.swmr_mode", "self._reserve(self._buffer.nbytes)")
    source = Path(writing.__file__).read_text()
    for moment in moments:
        assert moment in source
        path.unlink(missing_ok=True)
        code = (
            "import livn.plasticity.writing as w, signal, inspect\n"
            f"source = Path(w.__file__).read_text().replace({moment!r}, 'os.kill(os.getpid(), 9); ' + {moment!r}, 1)\n"
            "exec(compile(source, w.__file__, 'exec'), w.__dict__)\n"
            "w.FileRecorder(0.5, Path(sys.argv[1])).open(keys())\n"
        )
        assert write(path, code) == -signal.SIGKILL
        if moment == moments[-1]:
            same(open_weights(path), 0, 0)
        else:
            with pytest.raises(DamagedFile, match="holds nothing: its writer was stopped while making it"):
                open_weights(path)


def test_a_reader_waits_for_who_is_making_the_file(path, recorder):
    whole = path.with_name("whole.h5")
    recorder.open(keys())
    recorder.close()
    path.rename(whole)
    path.touch()
    later = threading.Timer(0.2, lambda: whole.replace(path))
    later.start()
    same(open_weights(path), 0, 0)
    later.join()


def test_a_reader_does_not_wait_for_ever(path, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.1)
    path.touch()
    for later in (0, 1000):  # some clocks are ahead
        os.utime(path, (time.time() + later,) * 2)
        with pytest.raises(DamagedFile, match="holds nothing: its writer was stopped while making it"):
            open_weights(path)


def killed(path):
    """A file whose writer was killed after 70 samples."""
    assert write(path, "take(recorder, 1, 70)\nos.kill(os.getpid(), 9)") == -signal.SIGKILL
    return path


def test_where_nothing_tells_whether_the_writer_lives_nothing_is_repaired(path, monkeypatch):
    killed(path)
    before = path.read_bytes()
    fcntl = pytest.importorskip("fcntl")

    def unsupported(descriptor, operation):
        raise OSError(errno.ENOTSUP, "not on this file system")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", unsupported)
        same(open_weights(path), 1, 70)
        other = path.with_name("other.h5")
        recorder = FileRecorder(0.5, other)
        take(recorder, 1, 70)
        same(open_weights(other), 1, 70)
        recorder.close()
        same(open_weights(other), 1, 70)
        patch.setitem(sys.modules, "fcntl", None)  # as on Windows
        same(open_weights(path), 1, 70)
    assert path.read_bytes() == before
    same(open_weights(path), 1, 70)
    assert path.read_bytes() != before
    open_elsewhere(path)


def test_a_file_that_cannot_be_changed_is_read_as_it_is(path, monkeypatch):
    killed(path)
    before = path.read_bytes()
    real = Path.open

    def read_only(self, mode="r", *args, **options):
        if "+" in mode:
            raise PermissionError(errno.EACCES, "read-only")
        return real(self, mode, *args, **options)

    monkeypatch.setattr(Path, "open", read_only)
    same(open_weights(path), 1, 70)
    assert path.read_bytes() == before


def test_the_repair_of_another_programs_file_is_refused(path):
    code = (
        "import h5py\nfile = h5py.File(sys.argv[1], 'w', libver='v110')\nfile.create_dataset('x', data=[1])\n"
        "file.swmr_mode = True\nfile['x'][0] = 2\nfile.flush()\nos.kill(os.getpid(), 9)"
    )
    assert write(path, code) == -signal.SIGKILL
    before = path.read_bytes()
    with pytest.raises(DamagedFile, match="no recording of weights"):
        open_weights(path)
    assert path.read_bytes() == before


FORK = """
import warnings
warnings.simplefilter("ignore")  # of threads, which NumPy may have
take(recorder, 1, 10)
child = os.fork()
if not child:
    recorder.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
take(recorder, 11, 60)
same(open_weights(sys.argv[1]), 1, 70)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
def test_a_fork_leaves_the_file_to_its_parent(path):
    assert write(path, FORK) == 0
    same(open_weights(path), 1, 70)


# Damage and nonsense


def finished(path, count=70):
    recorder = FileRecorder(0.5, path)
    take(recorder, 1, count)
    recorder.close()
    return path


def test_damage_is_told(path, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.05)
    cut_short = killed(path.with_name("killed.h5")).read_bytes()
    whole = finished(path).read_bytes()
    for end in (0, 20, 48, 500, 5000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:end])
        with pytest.raises(DamagedFile):
            open_weights(path).array.sum()
    told = 0
    for end in (0, 20, 48, 500, *range(5000, len(cut_short), 50_000)):
        path.write_bytes(cut_short[:end])
        try:
            same(open_weights(path), 1, 70)  # what is missing was not in use yet
        except DamagedFile:
            told += 1
    assert told > 10
    with h5py.File(finished(path.with_name("b.h5"))) as file:
        where = file["weights"].id.get_chunk_info(4).byte_offset
    altered = bytearray(whole)
    altered[where + 1000] ^= 1
    path.write_bytes(altered)
    traces = open_weights(path)
    with pytest.raises(DamagedFile, match="is damaged"):
        traces.frame(-1)
    for at in (3, 9, 11, 30, 45):  # the superblock
        altered = bytearray(whole)
        altered[at] ^= 1
        path.write_bytes(altered)
        with pytest.raises(DamagedFile, match="its beginning is damaged"):
            open_weights(path)


def altered(path, change):
    finished(path)
    with h5py.File(path, "r+", libver=reading.LIBVER) as file:
        change(file)
    return path


def replaced(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def test_contents_that_don_t_add_up_are_told(path):
    for n, (change, error, text) in enumerate([
        (lambda f: f.attrs.update(format="livn-array"), DamagedFile, "no recording of weights"),
        (lambda f: f.attrs.clear(), DamagedFile, "no recording of weights"),
        (lambda f: f.attrs.update(version=2), NewerFormat, "format version 2, this release reads up to 1"),
        (lambda f: f.attrs.update(version="1"), DamagedFile, "states no format version"),
        (lambda f: f.pop("keys"), DamagedFile, "is damaged, or no recording"),
        (replaced("keys/gid", np.zeros(3, int)), DamagedFile, "is damaged, or no recording"),
        (replaced("weights", np.zeros((70, 3))), DamagedFile, "keys of 2050 synapses"),
        (replaced("written", [64, 999, 1]), DamagedFile, "its rows don't add up"),
        (replaced("written", [-1, 10, 1]), DamagedFile, "its rows don't add up"),
        (replaced("written", [70, 70, 2]), DamagedFile, "its rows don't add up"),
        (replaced("written", [70, 70, 0]), DamagedFile, "its rows don't add up"),
        (replaced("written", [70]), DamagedFile, "is damaged, or no recording"),
        (replaced("parts", [[5, 1]]), DamagedFile, "its rows don't add up"),
    ]):  # fmt: skip
        with pytest.raises(error, match=text):
            open_weights(altered(path.with_name(f"{n}.h5"), change))


def test_nonsense_for_open_weights(path, tmp_path):
    for bad in (None, 3, 1.5, b"x", ["x"], object()):
        with pytest.raises(TypeError, match="path must be the name of a file"):
            open_weights(bad)
    finished(path)
    for bad in (None, 1.0, "0", True):
        with pytest.raises(TypeError, match="part must be a whole number"):
            open_weights(path, bad)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5 does not exist"):
        open_weights(tmp_path / "nowhere.h5")
    with pytest.raises(DamagedFile, match="is a directory"):
        open_weights(tmp_path)
    text = tmp_path / "text"
    text.write_text("dear diary " * 100)
    with pytest.raises(DamagedFile, match="no recording of weights"):
        open_weights(text)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DamagedFile, match="no recording of weights"):
        open_weights(tmp_path / "other.h5")
    traces = open_weights(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        traces.frame(0)


def test_a_whole_array_must_fit(path, monkeypatch):
    traces = open_weights(finished(path))
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", "5e-4")
    with pytest.raises(MemoryError, match=r"take 0.000574 GB, more than .* = 0.0005; read a part of them: frames"):
        _ = traces.array
    assert traces.frames(0, 10).shape == (10, N)


def test_a_file_that_exists_is_not_touched(path):
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not overwritten: delete it, or choose another name"):
        FileRecorder(0.5, path).open(keys())
    assert path.read_text() == "mine"


# A full disk


@pytest.fixture
def disk(monkeypatch):
    """A disk of so many bytes, that can be changed."""
    size = [1 << 40]
    real = os.posix_fallocate

    def allocate(descriptor, start, length):
        if start + length > size[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor, start, length)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    return size


def test_a_full_disk_keeps_what_is_there(path, disk):
    recorder = FileRecorder(0.5, path)
    disk[0] = 1_000_000
    with pytest.raises(StorageError, match="could not be written: No space left"):
        recorder.open(keys())
    assert not path.exists()
    disk[0] = path.parent.stat().st_size + 3_200_000
    recorder.begin(keys(), 1, 10_000)
    rng, count = np.random.default_rng(0), 0

    def fill():
        nonlocal count
        while count < 5000:
            recorder.add(rng.random((50, N), np.float32))
            count += 50

    with pytest.raises(StorageError, match="could not be written: No space left"):
        fill()
    recorder.end()
    assert count > 100
    traces = open_weights(path)
    assert count <= traces.t.size < count + 50  # those that still fitted
    disk[0] *= 2
    take(recorder, 10_001, 100)  # room was made: it goes on, as a part
    assert open_weights(path).parts == 2
    same(open_weights(path), 10_001, 100)
    disk[0] = 1  # not even for the end
    recorder.close()
    same(open_weights(path), 10_001, 100)
    assert open_weights(path, 0).t.size == traces.t.size
    open_elsewhere(path)


def test_a_system_that_sets_no_place_aside(path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    same(open_weights(finished(path)), 1, 70)


def test_after_an_error_of_the_library_nothing_more_is_written(recorder, path, monkeypatch):
    take(recorder, 1, 70)

    def fails(*args):
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(h5py.Dataset, "resize", fails)
        with pytest.raises(StorageError, match="could not be written: the disk is on fire"):
            take(recorder, 71, 70)
    recorder.end()
    with pytest.raises(StorageError, match=r"call record_weights\(\) again, with another file"):
        take(recorder, 141, 1)
    same(open_weights(path), 1, 70)


# The superblock


def test_checksums_are_those_of_hdf5(path):
    """Of files that HDF5 wrote, and of the vectors that the author of the hash gives (lookup3.c, driver5)."""
    block = finished(path).read_bytes()[:48]
    assert superblock._lookup3(block[:44]) == int.from_bytes(block[44:], "little")
    assert superblock._lookup3(b"Four score and seven years ago") == 0x17770551
