"""Files: arrays with metadata in one checksummed HDF5 file, and small JSON documents beside them.

An array file starts with a block of 512 bytes, readable by eye, that says what the rest is and gives its length and
SHA-256; the rest is an ordinary HDF5 file (any HDF5 tool reads it). The checksum is verified before the HDF5 library
sees a byte. Files appear under their final name complete or not at all: they are written beside it and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from livn.errors import DamagedFile, NewerFormat, StorageError

__all__ = ["FORMAT_VERSION", "digest", "read_arrays", "read_json", "write_arrays", "write_json"]

FORMAT = "livn-arrays"
FORMAT_VERSION = 1
HEADER_SIZE = 512  # the smallest user block that HDF5 allows
NUMERIC_KINDS = "biufc"
PACKING = {"chunks": True, "shuffle": True, "compression": "gzip", "compression_opts": 4}  # every HDF5 reads gzip
WORTH_PACKING = 4096  # bytes: a chunk takes some hundreds of its own


def digest(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and values of `arrays` and over `meta`; the same on every machine.

    Args:
        arrays: numeric arrays by name; their order does not count.
        meta: what `json.dumps` takes; the order of its keys counts.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256(json.dumps(meta).encode())
    for name in sorted(arrays):
        a = _portable(name, arrays[name])
        total.update(f"\0{name}\0{a.dtype.str}\0{a.shape}\0".encode())
        total.update(a.data)
    return total.hexdigest()


def write_arrays(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    kind: str,
    *,
    compressed: bool = False,
) -> None:
    """Write arrays and metadata to one file, which is there complete or not at all.

    Args:
        path: the file, in a directory that exists; replaced if it is there.
        arrays: numeric or boolean arrays of any shape by name; a name has no "/".
        meta: what `json.dumps` takes.
        kind: what the file holds, for instance `"system"`; `read_arrays` must name the same.
        compressed: make it small rather than quickly, for recordings.

    Raises:
        TypeError: an array that is not numeric, metadata that JSON cannot hold, or a name that is no string.
        ValueError: a name that HDF5 cannot hold.
        OSError: the file cannot be written.
    """
    portable = {name: _portable(name, a) for name, a in arrays.items()}
    document = json.dumps({"meta": meta, "arrays": list(portable)})

    def write(part: Path) -> None:
        try:
            # in a thread, where no Ctrl-C comes: HDF5 can as little do with it as with a full disk
            with ThreadPoolExecutor(1) as aside:
                aside.submit(_write_hdf5, part, document, portable, compressed).result()
        except RuntimeError as e:  # how h5py reports most of what fails
            raise StorageError(f"{path} could not be written: {e}") from e
        with part.open("r+b") as f:
            f.seek(HEADER_SIZE)
            length, sha = _hash_rest(f)
            header = {"format": FORMAT, "version": FORMAT_VERSION, "kind": kind, "bytes": length, "sha256": sha}
            f.seek(0)
            f.write((json.dumps(header) + "\n").encode().ljust(HEADER_SIZE))
            f.flush()
            os.fsync(f.fileno())

    _appear(Path(path), write)


def read_arrays(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the metadata of a file that `write_arrays` made.

    Args:
        path: the file.
        kind: what it must hold.

    Returns:
        The arrays by name (native byte order, in the order written) and the metadata.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: truncated, altered, of another kind, or not livn's at all.
        NewerFormat: a later version of livn wrote it.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        hint = ", which holds an experiment: livn.load_run reads it" if (path / "experiment.json").exists() else ""
        raise DamagedFile(f"{path} is a directory, not a file of livn{hint}")
    _verify(path, kind)
    import h5py

    try:
        with h5py.File(path, "r") as h:
            document = json.loads(h["meta"][()].tobytes())
            arrays = {name: _native(h["arrays"][name][()]) for name in document["arrays"]}
            return arrays, document["meta"]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as e:
        raise DamagedFile(f"{path} has the right checksum and the wrong content: {e}") from e


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write a JSON document, indented, that is there complete or not at all."""
    text = json.dumps(document, indent=2) + "\n"
    _appear(Path(path), lambda part: part.write_text(text, encoding="utf-8"))


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A JSON document whose top level is an object.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: it is not JSON, or not an object.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist") from None
    except ValueError as e:  # JSON and UTF-8 errors alike
        raise DamagedFile(f"{path} is not JSON: {e}") from e
    if not isinstance(document, dict):
        raise DamagedFile(f"{path} must hold a JSON object, got {type(document).__name__}")
    return document


def _write_hdf5(path: Path, document: str, arrays: Mapping[str, np.ndarray], compressed: bool) -> None:
    import h5py

    with _Sink(path) as sink, h5py.File(sink, "w", userblock_size=HEADER_SIZE) as h:
        h.create_dataset("meta", data=np.frombuffer(document.encode(), np.uint8))
        group = h.create_group("arrays")
        for name, a in arrays.items():
            packed = compressed and a.ndim and a.nbytes >= WORTH_PACKING
            group.create_dataset(name, data=a, **(PACKING if packed else {}))


class _Sink:
    """A new file that HDF5 writes to and that takes everything: where a disk is full HDF5 would end the process. What
    failed is raised when all is over."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b", buffering=0)
        self._error: OSError | None = None

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        if self._error is not None:
            raise self._error

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        while len(rest) and self._error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as e:
                self._error = e
        return len(data)

    def truncate(self, size: int) -> int:
        try:
            return self._file.truncate(size)
        except OSError as e:
            self._error = self._error or e
            return size

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is kept back."""


def _portable(name: str, a: np.ndarray) -> np.ndarray:
    """`a` in C order and little-endian, the form that is stored and hashed."""
    if not isinstance(name, str):
        raise TypeError(f"the name of an array must be a string, got {name!r}")
    if not name or "/" in name or "\0" in name or name == ".":
        raise ValueError(f"the name of an array must be non-empty and have no '/', got {name!r}")
    a = np.asarray(a)
    if a.dtype.kind not in NUMERIC_KINDS:
        raise TypeError(f"array {name!r} must be numeric, got dtype {a.dtype}")
    return np.asarray(a, dtype=a.dtype.newbyteorder("<"), order="C")


def _native(a: Any) -> np.ndarray:
    array = np.asarray(a)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _hash_rest(f: BinaryIO) -> tuple[int, str]:
    """Number and SHA-256 of the bytes from the position of `f` to its end."""
    start = f.tell()
    sha = hashlib.sha256()
    while chunk := f.read(1 << 20):
        sha.update(chunk)
    return f.tell() - start, sha.hexdigest()


def _verify(path: Path, kind: str) -> None:
    with path.open("rb") as f:
        try:
            header = json.loads(f.read(HEADER_SIZE))
        except ValueError as e:
            raise DamagedFile(f"{path} was not written by livn, or its beginning is damaged") from e
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise DamagedFile(f"{path} was not written by livn")
        check_version(path, header.get("version"), FORMAT_VERSION)
        if header.get("kind") != kind:
            raise DamagedFile(f"{path} holds {header.get('kind')!r}, expected {kind!r}")
        length, sha = _hash_rest(f)
    if length != header.get("bytes"):
        raise DamagedFile(f"{path} is cut short or has grown: {length} bytes of data, {header.get('bytes')} expected")
    if sha != header.get("sha256"):
        raise DamagedFile(f"{path} was altered or damaged: its checksum does not match its content")


def check_version(path: Path, version: Any, known: int) -> None:
    """Refuse a format version that this release does not know."""
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise DamagedFile(f"{path} states no format version")
    if version > known:
        raise NewerFormat(f"{path} has format version {version}, this release reads up to {known}: update livn")


def _appear(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, then give it that name in one step."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the directory {path.parent} does not exist")
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
