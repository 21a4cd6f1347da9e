"""Files of recorded weights while they are written, and after their writer was killed."""

from __future__ import annotations

import errno
import os
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

from livn.errors import DamagedFile
from livn.plasticity import FileRecorder, open_weights, reading, superblock, writing
from tests.plasticity.weight_files import HEAD, ROOT, keys, killed, open_elsewhere, same, samples, take, write

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
