"""The first bytes of an HDF5 file, which say whether someone is writing it, and the locks that tell whether it is true.

A writer that is killed leaves its marks behind, and HDF5 then refuses the file. A writer of livn holds a shared lock on
its file for as long as it lives: who gets an exclusive one may take the marks away, as `h5clear -s -i` does.

Format: HDF5 File Format Specification 3.0, section II.A, superblock version 3. Checksum: B. Jenkins, lookup3, 2006.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Superblock", "Unmarked", "cut", "exclusive", "read_superblock", "share", "unmark"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SIZE = 48
WORD = 0xFFFFFFFF
_VERSION, _FLAGS, _END, _CHECKSUM = 8, 11, 28, 44  # offsets, for addresses of 8 bytes
WRITING, SWMR = 1, 4


@dataclass(frozen=True)
class Superblock:
    """What the first bytes of a file say.

    Attributes:
        foreign: whether they are neither a superblock of the version that livn writes, whole by its checksum, nor the
            void of a file that is just being made.
        marked: whether someone is writing the file, or was killed while they did.
        readable: whether it can be read: it is finished, or made to be read while it is written.
        end: where the file ends, bytes; while it is written, that lags behind.
    """

    foreign: bool = False
    marked: bool = False
    readable: bool = False
    end: int = 0


def read_superblock(file: BinaryIO) -> Superblock:
    """The superblock at the start of a file."""
    file.seek(0)
    block = file.read(SIZE)
    whole = len(block) == SIZE and block[:8] == SIGNATURE and block[_VERSION] == 3 and block[9] == block[10] == 8
    if not whole or _lookup3(block[:_CHECKSUM]) != struct.unpack_from("<I", block, _CHECKSUM)[0]:
        return Superblock(foreign=any(block))
    flags = block[_FLAGS]
    readable = not flags & WRITING or bool(flags & SWMR)
    return Superblock(marked=flags != 0, readable=readable, end=_unsigned(block, _END))


def cut(descriptor: int) -> None:
    """Let an open file end where its superblock says, unless someone is writing it."""
    with open(descriptor, "rb", closefd=False) as file:
        block = read_superblock(file)
    if block.readable and not block.marked and block.end < os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, block.end)


def unmark(file: BinaryIO) -> None:
    """Take away the marks of a writer that is gone, and let the file end where it does."""
    block = _unmarked(file)
    file.seek(0)
    file.write(block)
    file.flush()


def _unmarked(file: BinaryIO) -> bytes:
    """What the superblock should be."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    block = bytearray(file.read(SIZE))
    block[_FLAGS] = 0
    struct.pack_into("<Q", block, _END, size)
    struct.pack_into("<I", block, _CHECKSUM, _lookup3(bytes(block[:_CHECKSUM])))
    return bytes(block)


class Unmarked(io.RawIOBase):
    """The file as it would be without the marks, to look before anything is changed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._block, self._at = file, _unmarked(file), 0

    def readinto(self, buffer: Any) -> int:
        """Read from where the last `seek` went."""
        self._file.seek(self._at)
        data = bytearray(self._file.read(len(buffer)))
        if self._at < SIZE:
            data[: SIZE - self._at] = self._block[self._at : self._at + len(data)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file."""
        self._at = self._file.seek(offset, whence) if whence == 2 else offset + whence * self._at
        return self._at

    def tell(self) -> int:
        """The place in the file."""
        return self._at

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True


def share(descriptor: int) -> None:
    """Lock an open file as one that is being written, until it is closed; where there are no locks, do nothing."""
    _flock(descriptor, "LOCK_SH")


def exclusive(path: Path) -> BinaryIO | None:
    """The file, open for changes and locked until it is closed; None where another process holds it, where it cannot be
    changed, or where there are no locks to tell."""
    try:
        file = path.open("r+b")
    except OSError:
        return None
    if _flock(file.fileno(), "LOCK_EX"):
        return file
    file.close()
    return None


def _flock(descriptor: int, kind: str) -> bool:
    """Whether the lock could be had."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(descriptor, getattr(fcntl, kind) | fcntl.LOCK_NB)
    except OSError:  # held by another, or not known to this file system
        return False
    return True


def _unsigned(block: bytes | bytearray, offset: int) -> int:
    return int.from_bytes(block[offset : offset + 8], "little")


def _rotated(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & WORD


def _lookup3(key: bytes) -> int:
    """Jenkins' hash of some bytes, more than none."""
    a = b = c = (0xDEADBEEF + len(key)) & WORD
    whole = (len(key) - 1) // 12 * 12
    for i in range(0, whole, 12):
        x, y, z = struct.unpack_from("<III", key, i)
        a, b, c = (a + x) & WORD, (b + y) & WORD, (c + z) & WORD
        for first, second, third in ((4, 6, 8), (16, 19, 4)):
            a = ((a - c) & WORD) ^ _rotated(c, first)
            c = (c + b) & WORD
            b = ((b - a) & WORD) ^ _rotated(a, second)
            a = (a + c) & WORD
            c = ((c - b) & WORD) ^ _rotated(b, third)
            b = (b + a) & WORD
    x, y, z = struct.unpack("<III", key[whole:].ljust(12, b"\0"))
    a, b, c = (a + x) & WORD, (b + y) & WORD, (c + z) & WORD
    c = ((c ^ b) - _rotated(b, 14)) & WORD
    a = ((a ^ c) - _rotated(c, 11)) & WORD
    b = ((b ^ a) - _rotated(a, 25)) & WORD
    c = ((c ^ b) - _rotated(b, 16)) & WORD
    a = ((a ^ c) - _rotated(c, 4)) & WORD
    b = ((b ^ a) - _rotated(a, 14)) & WORD
    return ((c ^ b) - _rotated(b, 24)) & WORD
