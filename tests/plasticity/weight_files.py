"""Files of recorded weights whose every value is known, and processes that write them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from livn.plasticity import FileRecorder, SynapseKeys

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


def same(traces, first, count, n=N):
    assert traces.t.tolist() == [0.5 * k for k in range(first, first + count)]
    np.testing.assert_array_equal(traces.array, samples(first, count, n))


def open_elsewhere(path):
    """Open a file as another program would: in a process of its own."""
    code = "import h5py, sys; h5py.File(sys.argv[1]).close()"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr)


HEAD = """
import os, sys, time
from pathlib import Path
from livn.plasticity import open_weights
from tests.plasticity.weight_files import *
recorder = FileRecorder(0.5, Path(sys.argv[1]))
"""


def write(path, code):
    """Write a file in a process of its own; how that ended."""
    command = [sys.executable, "-W", "error", "-c", HEAD + code, str(path)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def killed(path):
    """A file whose writer was killed after 70 samples."""
    assert write(path, "take(recorder, 1, 70)\nos.kill(os.getpid(), 9)") == -signal.SIGKILL
    return path


def finished(path, count=70):
    recorder = FileRecorder(0.5, path)
    take(recorder, 1, count)
    recorder.close()
    return path
