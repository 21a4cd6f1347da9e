"""Recorded weights on their way to a file, which others can read meanwhile, and after a kill.

The file is HDF5, in its single-writer-multiple-reader mode. It holds

- attributes `format`, `version`, `dt` (ms);
- `keys`: `gid`, `syn_id`, `mechanism`, `pre`, `section` [n], the codes of the last two named by attributes;
- `weights` float32 [samples, n], chunked, compressed and checksummed: each chunk is written once, when it is full;
- `tail` float32 [rows of a chunk, n]: the samples since;
- `parts` int64 [p, 2]: first row of each stretch of consecutive samples, and that sample's time in units of `dt`;
- `written` int64 [3]: rows that are valid in `weights`, those with `tail`, parts. It is written after what it counts.
"""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from livn.errors import StorageError
from livn.plasticity.keys import SynapseKeys
from livn.plasticity.reading import COLUMNS, FORMAT, FORMAT_VERSION, LIBVER, WeightFile, exists
from livn.plasticity.superblock import cut, share
from livn.plasticity.traces import Recorder, WeightTraces

__all__ = ["FileRecorder", "WeightWriter"]

ROWS = 64
"""Samples in a chunk."""
WIDTH = 1024
"""Synapses in a chunk: some 256 KB, a compromise between reading traces and reading samples."""
BUFFER = 32e6
"""Bytes of the samples that wait for their chunks to be full, at most."""
SPARE = 1 << 20
"""Bytes for what HDF5 writes beside the samples, with each chunk."""


class WeightWriter:
    """A file of recorded weights that is being written.

    Args:
        path: a file that does not exist.
        synapses: the keys, one at least.
        dt: sampling interval, ms.

    Raises:
        FileExistsError: it exists.
        OSError: it cannot be made.

    Attributes:
        path, parts: the file, and the number of its parts.
        failed: whether HDF5 could not write it, and nothing more can be.
    """

    def __init__(self, path: Path, synapses: SynapseKeys, dt: float) -> None:
        self.path, self.parts = path, 0
        n = len(synapses)
        self._buffer = np.empty((min(ROWS, max(1, int(BUFFER / (4 * n)))), n), np.float32)
        self._stored = self._held = self._told = 0  # rows in `weights`; in the buffer; of those, in `tail`
        self._process = os.getpid()
        self.failed = False
        self._reserved = 0
        self._file: Any = None
        try:  # not inherited by programs that this one starts: the lock is this process's
            self._lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o666)
        except FileExistsError:
            raise exists(path) from None
        try:
            reserve(path, self._lock, 0, 2 * self._buffer.nbytes + 64 * n + SPARE)  # or HDF5 finds no room for the rest
            with self._failing():
                self._create(synapses, dt)
            share(self._lock)  # now: HDF5 may have had a lock of its own until here
            self._reserve(self._buffer.nbytes)
        except BaseException:
            if self._file is not None:
                self._file.close()
            os.close(self._lock)
            path.unlink(missing_ok=True)
            raise

    def _create(self, synapses: SynapseKeys, dt: float) -> None:
        import h5py

        rows, n = self._buffer.shape
        self._file = file = h5py.File(self.path, "w", libver=LIBVER, locking=False)
        file.attrs.update(format=FORMAT, version=FORMAT_VERSION, dt=dt)
        keys = file.create_group("keys")
        keys.attrs.update(mechanisms=list(synapses.mechanisms), sections=list(synapses.sections))
        for name in COLUMNS:
            keys.create_dataset(name, data=getattr(synapses, name), compression="gzip", shuffle=True, fletcher32=True)
        shape = rows, min(n, WIDTH)
        self._weights = file.create_dataset(
            "weights", (0, n), "<f4", maxshape=(None, n), chunks=shape, fletcher32=True, shuffle=True,
            compression="gzip", compression_opts=1,
        )  # fmt: skip
        self._parts = file.create_dataset("parts", (0, 2), "<i8", maxshape=(None, 2), chunks=(64, 2))
        self._written = file.create_dataset("written", data=np.zeros(3, "<i8"))
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)  # readers must find it within the file from the start
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((rows, n))
        self._tail = h5py.Dataset(h5py.h5d.create(file.id, b"tail", h5py.h5t.IEEE_F32LE, space, early))
        file.swmr_mode = True

    @property
    def rows(self) -> int:
        """Samples that were handed over."""
        return self._stored + self._held

    def start_part(self, sample: int) -> None:
        """What follows is not the continuation of what was: its first sample has this index."""
        self._reserve(0)
        with self._failing():
            self._parts.resize(self.parts + 1, 0)
            self._parts[self.parts] = self.rows, sample
            self._parts.flush()
            self.parts += 1

    def append(self, weights: np.ndarray) -> None:
        """Take float32[m, n]; full chunks go to the file."""
        room = len(self._buffer)
        while True:
            some, weights = weights[: room - self._held], weights[room - self._held :]
            self._buffer[self._held : self._held + len(some)] = some
            self._held += len(some)
            if self._held < room:
                return
            self._store()

    def flush(self) -> None:
        """Let readers see all that was appended."""
        if self._told < self._held:
            with self._failing():
                self._tail[self._told : self._held] = self._buffer[self._told : self._held]
                self._tail.flush()
                self._told = self._held
                self._tell()

    def close(self) -> None:
        """Bring the file into its final form: all is in `weights`, and any HDF5 tool can read it."""
        if self._lock < 0 or self._process != os.getpid():  # closed, or a fork's copy
            return
        try:
            if not self.failed:
                self._close()
        finally:
            os.close(self._lock)
            self._lock = -1

    def _close(self) -> None:
        self.flush()
        if self._held:
            try:
                self._store()
            except StorageError:  # the disk is full: what is held stays in the tail
                self.check()
        with self._failing():
            self._file.close()
        cut(self._lock)

    def _store(self) -> None:
        """Move what is held to the chunks, and only then count it there: readers see it here or there."""
        self._reserve(self._buffer.nbytes)
        with self._failing():
            self._weights.resize(self.rows, 0)
            self._weights[self._stored :] = self._buffer[: self._held]
            self._weights.flush()
            self._stored, self._held, self._told = self.rows, 0, 0
            self._tell()

    def _tell(self) -> None:
        self._written[:] = self._stored, self.rows, self.parts
        self._written.flush()

    def _reserve(self, size: int) -> None:
        """Have the file take its place on the disk before HDF5 writes: after a write that failed, HDF5 is good for
        nothing, not even for closing the file."""
        self.check()
        end = self._file.id.get_filesize() + size + size // 64 + SPARE
        if end > self._reserved:
            reserve(self.path, self._lock, self._reserved, end)
            self._reserved = end

    def check(self) -> None:
        """Refuse to go on after an error of HDF5.

        Raises:
            StorageError: what was asked for could not be written.
        """
        if self.failed:
            raise StorageError(f"{self.path} could not be written: call record_weights() again, with another file")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """After an error nothing more is written: what readers were told of stays as it is."""
        self.check()
        try:
            yield
        except (OSError, RuntimeError, ValueError) as e:
            self.failed = True
            raise StorageError(f"{self.path} could not be written: {e}") from e


def reserve(path: Path, descriptor: int, start: int, end: int) -> None:
    """Give an open file its place on the disk, as far as the system can.

    Raises:
        StorageError: there is none left.
    """
    try:
        os.posix_fallocate(descriptor, start, end - start)
    except AttributeError:  # Windows, macOS
        return
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError(f"{path} could not be written: {e.strerror}") from e


class FileRecorder(Recorder):
    """Writes the samples to a file, where each stretch of consecutive samples is a part.

    Args:
        dt: sampling interval, ms.
        path: a file that does not exist; `open` makes it, or the first run.
    """

    def __init__(self, dt: float, path: Path) -> None:
        super().__init__(dt)
        self.path = path
        self._writer: WeightWriter | None = None
        self._coming = 0  # index of the next sample
        self._part: tuple[int, int] | None = None  # first sample and row of the part that goes on

    def open(self, synapses: SynapseKeys) -> WeightWriter:
        """The file, made if it is not there yet.

        Raises:
            FileExistsError: somebody else made it.
            OSError: it cannot be made.
        """
        if self._writer is None:
            self._writer = WeightWriter(self.path, synapses, self.dt)
            weakref.finalize(self, self._writer.close)  # when nobody needs it any more, or at the exit
        return self._writer

    def begin(self, synapses: SynapseKeys, first: int, count: int) -> None:
        self.open(synapses).check()
        if first != self._coming:
            self._part = None
        self._coming = first

    def add(self, weights: np.ndarray) -> None:
        if self._writer is None:
            raise RuntimeError("begin() must come before add()")
        if self._part is None:
            self._part = self._coming, self._writer.rows
            self._writer.start_part(self._coming)
        self._writer.append(weights)
        self._coming += len(weights)

    def end(self) -> None:
        if self._writer is not None and not self._writer.failed:
            self._writer.flush()

    def clear(self) -> None:
        """What was written stays; what comes is a part of its own."""
        self._part = None

    def close(self) -> None:
        """Finish the file; it can no longer be added to."""
        if self._writer is not None:
            self._writer.close()

    def memory(self, width: int, count: int) -> int:
        return int(min(BUFFER, 4 * width * ROWS))

    def traces(self, synapses: SynapseKeys) -> WeightTraces:
        if self._writer is None:
            return WeightTraces(synapses, self.dt)
        first, row = self._part or (0, self._writer.rows)
        part = self._writer.parts - (self._part is not None)
        return WeightFile(self.path, synapses, self.dt, part, first, row, self._writer.rows - row)
