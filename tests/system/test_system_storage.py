"""Checksummed array files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livn.errors import DamagedFile, NewerFormat, StorageError
from livn.system import System
from livn.system.storage import digest, read_arrays, read_json, write_arrays, write_json

META = {"name": "x", "b": [1, 2.5, None], "a": {"deep": True}}
ARRAYS = {
    "f": np.linspace(0, 1, 7),
    "i": np.arange(6, dtype=np.int32).reshape(2, 3),
    "flag": np.array([True, False]),
    "empty": np.zeros((0, 3), np.int8),
    "scalar": np.array(3.5),
    "big": np.array([2**64 - 1], np.uint64),
}


@pytest.fixture
def file(tmp_path):
    write_arrays(tmp_path / "a.h5", ARRAYS, META, "test")
    return tmp_path / "a.h5"


def test_round_trip(file):
    arrays, meta = read_arrays(file, "test")
    assert meta == META
    assert list(meta) == list(META)
    assert list(arrays) == list(ARRAYS)
    for name, a in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], a)
        assert (arrays[name].dtype, arrays[name].shape) == (a.dtype, a.shape)
    assert [p.name for p in file.parent.iterdir()] == ["a.h5"]


@given(
    hnp.arrays(
        st.one_of(
            hnp.integer_dtypes(endianness="?"),
            hnp.floating_dtypes(endianness="?", sizes=(32, 64)),
            hnp.boolean_dtypes(),
        ),
        hnp.array_shapes(min_dims=0, min_side=0, max_dims=3),
    )
)
@settings(max_examples=30)
def test_any_array_survives(tmp_path_factory, a):
    path = tmp_path_factory.getbasetemp() / "any.h5"
    write_arrays(path, {"a": a.T}, {}, "test")
    arrays, _ = read_arrays(path, "test")
    assert arrays["a"].tobytes() == np.ascontiguousarray(a.T).astype(a.dtype.newbyteorder("=")).tobytes()
    assert arrays["a"].shape == a.T.shape
    assert digest({"a": a}, {}) == digest({"a": a.astype(a.dtype.newbyteorder(">"))}, {})


def test_hdf5_tools_read_it(file):
    import h5py

    with h5py.File(file) as h:
        np.testing.assert_array_equal(h["arrays/i"], ARRAYS["i"])


def test_replacing_is_all_or_nothing(file):
    write_arrays(file, {"x": np.ones(1)}, {}, "test")
    assert list(read_arrays(file, "test")[0]) == ["x"]
    before = file.read_bytes()
    for arrays, meta, error in (
        ({"x": np.array(["a"])}, {}, TypeError),
        ({"x": np.array([object()])}, {}, TypeError),
        ({"x": np.ones(1)}, {"y": object()}, TypeError),
        ({"a/b": np.ones(1)}, {}, ValueError),
        ({"": np.ones(1)}, {}, ValueError),
        ({3: np.ones(1)}, {}, TypeError),
    ):
        with pytest.raises(error):
            write_arrays(file, arrays, meta, "test")
        assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == ["a.h5"]


def test_a_full_disk_is_a_storage_error(file, monkeypatch):
    import h5py

    def full(*args, **kwargs):
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    before = file.read_bytes()
    with pytest.raises(StorageError, match=r"a\.h5 could not be written: No space"):
        write_arrays(file, ARRAYS, META, "test")
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == ["a.h5"]


def test_every_damage_is_found(file):
    whole = file.read_bytes()
    rng = np.random.default_rng(1)
    for at in [0, 20, 100, 511, *rng.integers(512, len(whole), 40).tolist(), len(whole) - 1]:
        altered = bytearray(whole)
        altered[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(altered)
        if at < 512 and not whole[at : at + 1].strip():
            continue  # a space of the header
        with pytest.raises((DamagedFile, NewerFormat), match=r"a\.h5"):
            read_arrays(file, "test")
    for length in [0, 1, 511, 512, 600, len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match=r"a\.h5"):
            read_arrays(file, "test")
    file.write_bytes(whole + b"x")
    with pytest.raises(DamagedFile, match="grown"):
        read_arrays(file, "test")


def test_other_files_are_refused(file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.h5 does not exist"):
        read_arrays(tmp_path / "no.h5", "test")
    with pytest.raises(DamagedFile, match="directory"):
        read_arrays(tmp_path, "test")
    with pytest.raises(DamagedFile, match="holds 'test', expected 'env'"):
        read_arrays(file, "env")
    for content in (b"hello", b"\xff" * 600, b"[1]", b'{"format": "other"}'):
        (tmp_path / "b").write_bytes(content)
        with pytest.raises(DamagedFile, match="not written by livn"):
            read_arrays(tmp_path / "b", "test")
    import h5py

    with h5py.File(tmp_path / "plain.h5", "w") as h:
        h["x"] = 1
    with pytest.raises(DamagedFile, match="not written by livn"):
        read_arrays(tmp_path / "plain.h5", "test")


@pytest.mark.parametrize(
    ("version", "error"),
    [(b"2", NewerFormat), (b"0", DamagedFile), (b'"1"', DamagedFile), (b"true", DamagedFile), (b"null", DamagedFile)],
)
def test_versions(file, version, error):
    header, rest = file.read_bytes()[:512], file.read_bytes()[512:]
    header = header.replace(b'"version": 1', b'"version": ' + version)[:512].ljust(512)
    file.write_bytes(header + rest)
    with pytest.raises(error, match="version"):
        read_arrays(file, "test")


def test_digest_depends_on_everything():
    a = np.arange(4, dtype=np.int32)
    digests = {
        digest({"a": a}, {}),
        digest({"b": a}, {}),
        digest({"a": a.reshape(2, 2)}, {}),
        digest({"a": a.view(np.uint32)}, {}),
        digest({"a": a + 1}, {}),
        digest({"a": a}, {"x": 1}),
        digest({"a": a, "b": a}, {}),
    }
    assert len(digests) == 7
    assert digest({"a": a, "b": a}, {}) == digest({"b": a, "a": a}, {})


def test_json(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1, 2]})
    assert read_json(path) == {"a": [1, 2]}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": [1, 2]}
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DamagedFile, match="not JSON"):
        read_json(path)
    path.write_text("3")
    with pytest.raises(DamagedFile, match="object, got int"):
        read_json(path)
    with pytest.raises(FileNotFoundError, match=r"b\.json does not exist"):
        read_json(tmp_path / "b.json")


def test_synapses_that_were_set_aside_are_read_again(system, tmp_path):
    loaded = System(system.save(tmp_path / "culture"))
    expected = loaded.edges
    loaded.set_aside()
    assert loaded.edges.equals(expected)
    assert loaded.summary() == system.summary()
    system.set_aside()  # in memory only: it keeps them
    assert system.edges.equals(expected)
    loaded.set_aside()
    System.from_arrays({"EXC": 2}, np.zeros((2, 3))).save(tmp_path / "culture", force=True)
    with pytest.raises(DamagedFile, match="holds another system than when it was loaded"):
        loaded.edges  # noqa: B018
