"""The table of plastic synapses and looking things up in it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.errors import UnknownName
from livn.plasticity import SynapseKeys

MECHANISMS = ("StdpLinExp2Syn", "StdpLinExp2SynInh", "StdpLinExp2SynNMDA")


def some_keys():
    """Two cells: gid 3 with three synapses, gid 8 with one."""
    return SynapseKeys(
        gid=[3, 3, 3, 8],
        syn_id=[0, 1, 1, 5],
        mechanism=[0, 0, 2, 1],
        mechanisms=MECHANISMS,
        pre=[1, 2, 2, 3],
        section=[1, 1, 1, 0],
        sections=("soma", "dend"),
    )


def test_columns_are_compact_and_read_only():
    keys = some_keys()
    dtypes = [getattr(keys, name).dtype for name in ("gid", "syn_id", "mechanism", "pre", "section")]
    assert dtypes == [np.int64, np.int32, np.int8, np.int64, np.int8]
    with pytest.raises(ValueError, match="read-only"):
        keys.gid[0] = 1
    with pytest.raises(AttributeError):
        keys.gid = np.zeros(4)
    assert len(keys) == 4
    assert keys.section_names().tolist() == ["dend", "dend", "dend", "soma"]
    assert repr(keys).startswith("SynapseKeys(4 plastic synapses on 2 cells")


def test_iteration_gives_python_objects():
    got = list(some_keys())
    assert got == [
        (3, 0, "StdpLinExp2Syn"),
        (3, 1, "StdpLinExp2Syn"),
        (3, 1, "StdpLinExp2SynNMDA"),
        (8, 5, "StdpLinExp2SynInh"),
    ]
    assert {tuple(map(type, key)) for key in got} == {(int, int, str)}


def test_find():
    keys = some_keys()
    for i, key in enumerate(keys):
        assert keys.find(key) == keys.position(key) == i
        assert keys.key(i) == key
    assert keys.find((np.int64(8), np.int32(5), "StdpLinExp2SynInh")) == 3
    assert keys.position((8, 5, "StdpLinExp2Syn")) == -1


@given(st.data())
def test_lookup_is_that_of_a_dict(data):
    triples = st.tuples(st.integers(-2, 5), st.integers(0, 4), st.sampled_from(MECHANISMS))
    rows = data.draw(st.lists(triples, unique=True))
    gid, syn_id, names = zip(*rows, strict=True) if rows else ((), (), ())
    shuffled = ("StdpLinExp2SynNMDA", "StdpLinExp2Syn", "StdpLinExp2SynInh")
    n = len(rows)
    codes = np.array([shuffled.index(name) for name in names], dtype=int)
    gid, syn_id = np.array(gid, dtype=int), np.array(syn_id, dtype=int)
    keys, order = SynapseKeys.ordered(gid, syn_id, codes, shuffled, np.arange(n), np.zeros(n, int), ("soma",))
    assert list(keys) == sorted(rows)
    assert [rows[i] for i in order] == list(keys)
    np.testing.assert_array_equal(keys.pre, order)
    places = {key: i for i, key in enumerate(keys)}
    for key in data.draw(st.lists(triples, min_size=10)):
        assert keys.position(key) == places.get(key, -1)
    np.testing.assert_array_equal(keys.positions(rows), [places[row] for row in rows])
    np.testing.assert_array_equal(keys.positions(keys), np.arange(n))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ((4, 0, "StdpLinExp2Syn"), "cell 4 has no plastic synapses; cells that have: 3, 8"),
        ((3, 0, "StdpLinExp2Sym"), "unknown mechanism 'StdpLinExp2Sym'; legal: .* did you mean 'StdpLinExp2Syn'"),
        ((3, 0, "StdpLinExp2SynInh"), r"did you mean \(3, 0, 'StdpLinExp2Syn'\)"),
        ((3, 9, "StdpLinExp2Syn"), "it has 3, with syn_ids from 0 to 1"),
        ((3, -1, "StdpLinExp2Syn"), "no plastic synapse -1"),
        ((2**70, 0, "StdpLinExp2Syn"), "has no plastic synapses"),
        ((3, 2**70, "StdpLinExp2Syn"), "no plastic synapse"),
        ((3, 0), "a key is"),
        ((3.0, 0, "StdpLinExp2Syn"), "a key is"),
        ("StdpLinExp2Syn", "a key is"),
        (7, "a key is"),
        (None, "a key is"),
        ((3, 0, ["x"]), "unknown mechanism"),
    ],
)
def test_unknown_keys(key, message):
    keys = some_keys()
    for act in (keys.find, lambda k: keys.positions([(3, 0, "StdpLinExp2Syn"), k])):
        with pytest.raises(UnknownName, match=message):
            act(key)
    assert keys.position(key) == -1


def test_positions_in_another_network():
    keys = some_keys()
    fewer, _ = SynapseKeys.ordered([8, 3], [5, 0], [0, 1], MECHANISMS[1::-1], [3, 1], [0, 0], ["soma"])
    np.testing.assert_array_equal(keys.positions(fewer), [0, 3])
    with pytest.raises(UnknownName, match="cell 3 has no plastic synapse 1"):
        fewer.positions(keys)


def test_empty():
    keys = SynapseKeys.empty()
    assert len(keys) == 0
    assert list(keys) == []
    assert keys.positions([]).size == keys.positions(keys).size == 0
    assert "0 plastic synapses" in repr(keys)
    with pytest.raises(UnknownName, match="cells that have: none"):
        keys.find((0, 0, "StdpLinExp2Syn"))
    with pytest.raises(UnknownName, match="cells that have: none"):
        keys.positions(some_keys())


def test_equality_and_pickle():
    keys = some_keys()
    keys.find((3, 0, "StdpLinExp2Syn"))  # the index is not stored
    copy = pickle.loads(pickle.dumps(keys))
    assert copy == keys
    assert not copy.gid.flags.writeable
    assert "_ranks" not in vars(copy)
    assert keys != SynapseKeys.empty()
    assert keys != "keys"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gid": [8, 3, 3, 3]}, "keys must ascend"),
        ({"syn_id": [1, 1, 1, 5], "mechanism": [0, 0, 2, 1]}, "each once"),
        ({"syn_id": [-1, 1, 1, 5]}, "syn_id must be >= 0"),
        ({"syn_id": [0, 1, 1, 2**40]}, "fit int32"),
        ({"pre": [1, 2, 2]}, r"pre must have the shape \[4\]"),
        ({"pre": [1, 2, 2, 0.5]}, "pre must be whole numbers"),
        ({"mechanism": [0, 0, 3, 1]}, "mechanism must index the 3 names"),
        ({"section": [0, 0, 0, -1]}, "section must index the 2 names"),
        ({"mechanisms": MECHANISMS[::-1]}, "alphabetical"),
    ],
)
def test_nonsense(change, message):
    keys = some_keys()
    columns = {name: getattr(keys, name) for name in SynapseKeys.__dataclass_fields__}
    with pytest.raises(ValueError, match=message):
        SynapseKeys(**{**columns, **change})
