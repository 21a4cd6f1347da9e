"""Recorded weights in a file: read in pieces, also while it is written and after its writer was killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from livn import checks
from livn.errors import DamagedFile, StorageError
from livn.plasticity.keys import SynapseKeys
from livn.plasticity.superblock import Superblock, Unmarked, exclusive, read_superblock, unmark
from livn.plasticity.traces import WeightTraces
from livn.system.storage import check_version

__all__ = ["COLUMNS", "FORMAT", "FORMAT_VERSION", "LIBVER", "WeightFile", "exists", "open_weights"]

FORMAT = "livn-weights"
FORMAT_VERSION = 1
LIBVER = ("v110", "v110")  # the first that can be read while it is written; every HDF5 since 2016 reads it
COLUMNS = ("gid", "syn_id", "mechanism", "pre", "section")
PATIENCE = 2.0
"""Seconds to wait for someone who is just about to make a file readable."""
TURNED = 1 << 26
"""Values that are read at a time to yield one trace after the other."""


def open_weights(path: str | os.PathLike[str], part: int = -1) -> WeightFile:
    """Weights that `env.record_weights(to=path)` wrote or is still writing.

    It works during the run, in any process on the machine, after it, and after a kill. A file whose writer was killed
    is repaired by this call, so that other HDF5 programs can open it too (not where file locks, which tell that no
    writer lives, are missing: on Windows and some network drives; nor where it cannot be changed).

    Args:
        path: the file.
        part: which part, where `clear()` divided the recording; -1: the last, 0: the first.

    Returns:
        A mapping like `env.w_recs` that reads what is asked for from the file.

    Raises:
        TypeError, ValueError: a path that is no name of a file, a part that is no whole number.
        IndexError: there is no such part.
        FileNotFoundError, PermissionError: no such file, or not to be read.
        DamagedFile: truncated, altered, or no recording of weights.
        NewerFormat: a later version of livn wrote it.
    """
    path = checks.path("path", path).absolute()
    part = checks.integer("part", part)
    with _opened(path) as file:
        synapses, dt, parts = _contents(path, file)
    if not (-len(parts) <= part < len(parts) or part in (0, -1)):
        raise IndexError(f"part must be that of one of {len(parts)} parts, got {part}")
    if not parts:  # nothing was recorded yet
        return WeightFile(path, synapses, dt, 0, 0, 0, 0)
    number = part % len(parts)
    return WeightFile(path, synapses, dt, number, *parts[number])


def exists(path: Path) -> FileExistsError:
    """The error for a file that is there and must not be."""
    return FileExistsError(f"{path} exists and is not overwritten: delete it, or choose another name")


class WeightFile(WeightTraces):
    """Recorded weights in a file: (gid, syn_id, mechanism) → `Trace`, in key order.

    It shows the samples that were there when it was obtained, or last refreshed; each access opens the file, reads what
    it needs and closes it. A recording may have several parts, each of consecutive samples: `clear()` and
    `clear_recordings()` begin a new one. This is one of them; `open_weights(path, part=0)` is another.

    Args:
        path: the file.
        synapses, dt: the keys; the sampling interval, ms.
        part: number of the part.
        first: index of its first sample, in units of `dt`.
        row, rows: its first row in the file, and their number.

    Attributes:
        path: the file.
        part: number of this part, from 0.
    """

    __slots__ = ("_row", "part", "path")

    def __init__(
        self, path: Path, synapses: SynapseKeys, dt: float, part: int, first: int, row: int, rows: int
    ) -> None:
        super().__init__(synapses, dt, np.arange(first, first + rows))
        self.path, self.part, self._row = path, part, row

    @property
    def parts(self) -> int:
        """How many parts the file has by now."""
        with _opened(self.path) as file:
            return len(_parts(self.path, file))

    def refresh(self) -> Self:
        """See the samples that were written since."""
        with _opened(self.path) as file:
            parts = _parts(self.path, file)
        if self.part < len(parts):
            first, self._row, rows = parts[self.part]
            self._index = np.arange(first, first + rows)
        return self

    @property
    def array(self) -> np.ndarray:
        """float32[samples, n], all traces in key order, read from the file.

        Raises:
            MemoryError: it would exceed `LIVN_MAX_RECORDING_GB`; `frames` reads a part of it.
        """
        size, limit = 4e-9 * len(self) * self._index.size, checks.environment("LIVN_MAX_RECORDING_GB", 4.0)
        if size > limit:
            raise MemoryError(
                f"the weights in {self.path} take {size:.3g} GB, more than LIVN_MAX_RECORDING_GB = {limit:g}; read a "
                "part of them: frames(start, stop, step), or one trace after the other"
            )
        return self.frames()

    def _rows(self, start: int, stop: int, step: int) -> np.ndarray:
        wanted = range(start, stop, step)
        if not wanted:
            return np.zeros((0, len(self)), np.float32)
        return self._read(wanted, slice(0, len(self)))

    def _columns(self, a: int, b: int) -> np.ndarray:
        if not self._index.size:
            return np.zeros((b - a, 0), np.float32)
        return np.ascontiguousarray(self._read(range(self._index.size), slice(a, b)).T)

    def _read(self, wanted: range, columns: slice) -> np.ndarray:
        """float32[m, k], samples of this part."""
        first, step, last = self._row + wanted[0], wanted.step, self._row + wanted[-1]
        with _opened(self.path) as file:
            while True:
                stored = int(file["written"][0])
                split = min(max(0, -(-(stored - first) // step)), len(wanted))  # so many of them are in `weights`
                middle = first + split * step
                early = _fresh(file, "weights")[first:middle:step, columns] if split else None
                if split == len(wanted):
                    return np.asarray(early)
                late = file["tail"][middle - stored : last + 1 - stored : step, columns]
                if int(_fresh(file, "written")[0]) == stored:  # or else the tail may have moved on meanwhile
                    return late if early is None else np.concatenate([early, late])

    def __reduce__(self) -> tuple[Any, ...]:
        first = int(self._index[0]) if self._index.size else 0
        return type(self), (self.path, self.synapses, self.dt, self.part, first, self._row, self._index.size)

    def __repr__(self) -> str:
        return (
            f"WeightFile({str(self.path)!r}, part {self.part}: {len(self)} plastic synapses, {self._index.size} "
            f"samples, dt={self.dt:g} ms)"
        )

    def _facts(self) -> list[tuple[str, str]]:
        return [*super()._facts(), ("file", f"{self.path}, part {self.part}")]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, to be read whatever its writer is up to; what is wrong with it is `DamagedFile`."""
    marked = _prepare(path)
    with _hdf5(path, path, swmr=marked) as file:
        yield file


@contextmanager
def _hdf5(path: Path, source: Any, **options: Any) -> Iterator[Any]:
    """A file, or something like one, as HDF5 reads it."""
    import h5py

    def opened(**locking: Any) -> Any:
        return h5py.File(source, "r", libver=LIBVER, **options, **locking)

    try:
        try:
            file = opened(locking=False)  # like the writer: HDF5 wants all handles of a process to agree
        except OSError:
            file = opened()  # like a handle of the user's own
        with file:
            yield file
    except StorageError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as e:
        raise DamagedFile(f"{path} is damaged, or no recording of weights: {e}") from e


def _prepare(path: Path) -> bool:
    """See that a file can be opened: wait for who is just making it, repair what a dead writer left.

    Returns:
        Whether it is marked as being written.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        block = _look(path)
        if block.readable and not block.marked:
            return False
        if block.readable:
            alone = exclusive(path)
            if alone is None:  # its writer lives, or nothing can tell
                return True
            with alone:
                _repair(path, alone)
            return False
        if time.monotonic() > deadline or time.time() - path.stat().st_mtime > PATIENCE:
            raise DamagedFile(f"{path} holds nothing: its writer was stopped while making it")
        time.sleep(0.02)


def _look(path: Path) -> Superblock:
    try:
        with path.open("rb") as file:
            block = read_superblock(file)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise DamagedFile(f"{path} is a directory, not a file of livn") from None
    if block.foreign:
        raise DamagedFile(f"{path} is no recording of weights, or its beginning is damaged")
    return block


def _repair(path: Path, file: BinaryIO) -> None:
    """Take a dead writer's marks off a file that nobody else changes meanwhile."""
    if read_superblock(file).marked:  # or else someone was quicker
        with _hdf5(path, Unmarked(file)) as h:
            _contents(path, h)
        unmark(file)


def _fresh(file: Any, name: str) -> Any:
    """A dataset as it is now, not as it was when the file was opened."""
    dataset = file[name]
    dataset.refresh()
    return dataset


def _check_format(path: Path, file: Any) -> None:
    if file.attrs.get("format") != FORMAT:
        raise DamagedFile(f"{path} is no recording of weights")
    version = file.attrs["version"]
    check_version(path, version.item() if isinstance(version, np.generic) else version, FORMAT_VERSION)


def _contents(path: Path, file: Any) -> tuple[SynapseKeys, float, list[tuple[int, int, int]]]:
    """Keys, dt and parts of a recording."""
    _check_format(path, file)
    keys = file["keys"]
    mechanisms, sections = (tuple(map(str, keys.attrs[name])) for name in ("mechanisms", "sections"))
    columns = {name: keys[name][:] for name in COLUMNS}
    synapses = SynapseKeys(**columns, mechanisms=mechanisms, sections=sections)
    dt, parts, widths = float(file.attrs["dt"]), _parts(path, file), {file[n].shape[1:] for n in ("weights", "tail")}
    if widths != {(len(synapses),)}:
        raise DamagedFile(f"{path} is damaged: keys of {len(synapses)} synapses, weights of {widths}")
    return synapses, dt, parts


def _parts(path: Path, file: Any) -> list[tuple[int, int, int]]:
    """(first sample, first row, rows) of each part so far."""
    stored, rows, count = file["written"][:].tolist()  # before the others: they may have grown since, never less
    weights, table = _fresh(file, "weights"), _fresh(file, "parts")[:count]
    begin = table[:, 0].tolist()
    end = [*begin[1:], rows][: len(begin)]
    lengths = [b - a for a, b in zip(begin, end, strict=True)]
    whole = 0 <= stored <= rows <= stored + len(file["tail"]) and stored <= len(weights) and len(table) == count
    if not whole or (count and begin[0] != 0) or (rows and not count) or min(lengths, default=0) < 0:
        raise DamagedFile(f"{path} is damaged: its rows don't add up")
    return [(first, row, length) for (row, first), length in zip(table.tolist(), lengths, strict=True)]
