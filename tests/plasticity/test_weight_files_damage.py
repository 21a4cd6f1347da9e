"""Files of recorded weights that are damaged, and disks that are full."""

from __future__ import annotations

import errno
import os

import h5py
import numpy as np
import pytest

from livn.errors import DamagedFile, NewerFormat, StorageError
from livn.plasticity import FileRecorder, open_weights, reading, superblock
from tests.plasticity.weight_files import N, finished, keys, killed, open_elsewhere, same, take


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
