"""`Weights` reads like a dict, and `multipliers_from` takes what a user may hand back."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livn.plasticity import SynapseKeys, Weights, WeightTraces, multipliers_from

KEYS = SynapseKeys(
    gid=[3, 3, 3, 8],
    syn_id=[0, 1, 1, 5],
    mechanism=[0, 0, 2, 1],
    mechanisms=("StdpLinExp2Syn", "StdpLinExp2SynInh", "StdpLinExp2SynNMDA"),
    pre=[1, 2, 2, 3],
    section=[1, 1, 1, 0],
    sections=("soma", "dend"),
)
LOW, HIGH = np.full(4, 1e-4), np.full(4, 5.0)
NOW = np.ones(4)


def some_weights():
    return Weights(KEYS, [1.0, 2.0, 3.0, 4.0])


def test_reads_like_a_dict():
    weights = some_weights()
    assert isinstance(weights, Mapping)
    assert len(weights) == 4
    assert weights[8, 5, "StdpLinExp2SynInh"] == 4.0
    assert type(weights[3, 0, "StdpLinExp2Syn"]) is float
    assert list(weights) == list(weights.keys()) == list(KEYS)
    assert list(weights.values()) == [1.0, 2.0, 3.0, 4.0]
    assert list(weights.items()) == list(zip(KEYS, [1.0, 2.0, 3.0, 4.0], strict=True))
    assert len(weights.items()) == len(weights.values()) == 4
    assert (3, 0, "StdpLinExp2Syn") in weights
    assert (3, 0, "nonsense") not in weights
    assert 3.0 in weights.values()
    assert 9.0 not in weights.values()
    assert ((3, 0, "StdpLinExp2Syn"), 1.0) in weights.items()
    assert weights.get((3, 0, "nonsense"), 7.0) == 7.0
    with pytest.raises(KeyError, match="unknown mechanism"):
        weights[3, 0, "nonsense"]


def test_equality():
    weights = some_weights()
    same = dict(zip(KEYS, [1.0, 2.0, 3.0, 4.0], strict=True))
    assert weights == same
    assert same == weights
    assert weights == some_weights()
    assert weights == Weights(pickle.loads(pickle.dumps(KEYS)), weights.array)
    assert weights != {**same, (3, 0, "StdpLinExp2Syn"): 1.5}
    assert weights != {}
    assert weights != Weights(KEYS, [1.0, 2.0, 3.0, 5.0])
    assert weights != [1.0, 2.0, 3.0, 4.0]
    other, _ = SynapseKeys.ordered([3, 3, 3, 9], [0, 1, 1, 5], [0, 0, 2, 1], KEYS.mechanisms, [1] * 4, [0] * 4, ["s"])
    assert weights != Weights(other, weights.array)


def test_the_snapshot_stands_still():
    live = np.ones(4)
    weights = Weights(KEYS, live)
    live[:] = 2.0
    assert weights.array.tolist() == [1.0] * 4
    assert weights.array.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        weights.array[0] = 3.0


def test_to_frame():
    frame = some_weights().to_frame()
    assert list(frame.columns) == ["pre", "post", "syn_id", "mechanism", "section", "w"]
    assert frame["pre"].tolist() == [1, 2, 2, 3]
    assert frame["post"].tolist() == [3, 3, 3, 8]
    assert frame["mechanism"].tolist() == [key[2] for key in KEYS]
    assert frame["section"].tolist() == ["dend", "dend", "dend", "soma"]
    assert frame.groupby("section")["w"].mean().to_dict() == {"dend": 2.0, "soma": 4.0}
    frame["w"] *= 2  # the frame is the user's own
    frame["post"] += 1
    assert Weights(SynapseKeys.empty(), []).to_frame().empty


def test_pickle_is_arrays():
    n = 10_000
    keys, _ = SynapseKeys.ordered(
        np.arange(n) // 50,
        np.arange(n) % 50,
        np.zeros(n, int),
        ["StdpLinExp2Syn"],
        np.arange(n),
        np.zeros(n, int),
        ["soma"],
    )
    weights = Weights(keys, np.linspace(0, 5, n))
    stored = pickle.dumps(weights)
    assert len(stored) < 32 * n
    again = pickle.loads(stored)
    assert again == weights
    assert again.to_frame().equals(weights.to_frame())
    assert not again.array.flags.writeable


def test_repr_is_short():
    text = repr(some_weights())
    assert text == "Weights(4 plastic synapses: mean 2.5, sd 1.118, min 1, max 4)"
    assert repr(Weights(SynapseKeys.empty(), [])) == "Weights(no plastic synapses)"


def test_many_synapses():
    n = 200_000
    keys, _ = SynapseKeys.ordered(
        np.arange(n) // 50,
        np.arange(n) % 50,
        np.zeros(n, int),
        ["StdpLinExp2Syn"],
        np.arange(n),
        np.zeros(n, int),
        ["soma"],
    )
    begin = time.perf_counter()
    weights = Weights(keys, np.arange(n, dtype=float))
    made = time.perf_counter()
    assert sum(w for _, w in weights.items()) == n * (n - 1) / 2
    assert made - begin < 0.1
    assert time.perf_counter() - made < 2.0  # about 0.03 s on an idle core


@pytest.mark.parametrize("values", [[1.0] * 3, [[1.0] * 4], [1.0, 2.0, 3.0, np.nan], "abcd"])
def test_weights_nonsense(values):
    with pytest.raises(ValueError, match="values must"):
        Weights(KEYS, values)


# -- multipliers_from --


class Comm:
    """What gather uses of an MPI communicator."""

    def __init__(self, parts):
        self.parts = parts

    def Get_size(self):
        return len(self.parts or [None])

    def gather(self, own, root):
        return self.parts


def test_gather_brings_the_ranks_together_in_key_order():
    whole = some_weights()
    parts = [Weights(KEYS.take(at), whole.array[at]) for at in (np.array([2, 3]), np.array([0, 1]))]
    assert parts[0].gather(Comm(parts)) == whole
    assert parts[1].gather(Comm(None)) is None
    assert whole.gather() is whole
    samples = np.arange(8, dtype=np.float32).reshape(2, 4)
    index = np.array([1, 2])
    traces = [WeightTraces(KEYS.take(at), 0.5, index, samples[:, at]) for at in (slice(1, 4), slice(0, 1))]
    assert traces[0].gather(Comm(traces)) == WeightTraces(KEYS, 0.5, index, samples)
    assert traces[0].gather(Comm(None)) is None
    for each in (whole, traces[0]):
        with pytest.raises(TypeError, match="comm must be an MPI communicator or None"):
            each.gather("world")
        with pytest.raises(ValueError, match="from 0 to 1, got 2"):
            each.gather(Comm(parts), root=2)


def into(weights, current=NOW, low=LOW, high=HIGH):
    return multipliers_from(weights, KEYS, current, low, high)


def test_what_goes_back():
    weights = some_weights()
    for given_back in (
        weights,
        Weights(pickle.loads(pickle.dumps(KEYS)), weights.array),
        dict(weights),
        weights.array,
        [1, 2, 3, 4],
    ):
        got = into(given_back)
        assert got.tolist() == [1.0, 2.0, 3.0, 4.0]
        assert got.dtype == np.float64
        assert not np.shares_memory(got, weights.array)
    assert NOW.tolist() == [1.0] * 4


def test_some_keys_leave_the_rest():
    assert into({(8, 5, "StdpLinExp2SynInh"): 2.5, (3, 1, "StdpLinExp2Syn"): 3}).tolist() == [1.0, 3.0, 1.0, 2.5]
    assert into({}).tolist() == [1.0] * 4
    fewer, _ = SynapseKeys.ordered([8], [5], [0], ["StdpLinExp2SynInh"], [3], [0], ["soma"])
    assert into(Weights(fewer, [0.5])).tolist() == [1.0, 1.0, 1.0, 0.5]


@given(arrays(np.float64, 4, elements=st.floats(1e-4, 5.0)))
def test_there_and_back(values):
    np.testing.assert_array_equal(into(Weights(KEYS, values)), values)
    np.testing.assert_array_equal(into(dict(Weights(KEYS, values))), values)


def test_recorded_samples_may_be_restored():
    recorded = np.array([1e-4, 5.0, 0.3, 1.0], dtype=np.float32)
    assert float(recorded[0]) < 1e-4
    got = into(recorded)
    assert got[0] == 1e-4
    assert (got >= LOW).all()
    np.testing.assert_allclose(got, recorded, rtol=1e-7)


def test_a_culture_without_plastic_synapses():
    nothing = np.zeros(0)
    for weights in ({}, [], Weights(SynapseKeys.empty(), [])):
        assert multipliers_from(weights, SynapseKeys.empty(), nothing, nothing, nothing).size == 0


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            [1.0, 2.0, 3.0, 5.1],
            r"within w_min and w_max, got 5.1 for \(8, 5, 'StdpLinExp2SynInh'\), bounds 0.0001 to 5",
        ),
        ([0.0, 1.0, 1.0, -1.0], "2 of 4 lie outside"),
        ({(8, 5, "StdpLinExp2SynInh"): 6.0}, r"got 6 for \(8, 5, 'StdpLinExp2SynInh'\)"),
        ({(8, 5, "StdpLinExp2Syn"): 1.0}, "weights has a key that this network lacks: .*did you mean"),
        ({"8_3-soma-GABA_A-weight": 1.0}, "a key is"),
        ([1.0, 2.0, 3.0], "weights must have the length 4"),
        ([[1.0, 2.0, 3.0, 4.0]], "weights must have the length 4"),
        (1.0, "weights must have the length 4"),
        ([1.0, 2.0, 3.0, np.nan], "weights must be finite"),
        ({(8, 5, "StdpLinExp2SynInh"): np.nan}, "weights must be finite"),
        ({(8, 5, "StdpLinExp2SynInh"): "1"}, "weights must be a Weights, a mapping to numbers"),
        ({(8, 5, "StdpLinExp2SynInh"): [1.0, 2.0]}, "weights must have the length 1"),
        ([1.0, 2.0, 3.0, [4.0]], "weights must be a Weights"),
        ([True] * 4, "weights must be a Weights"),
        (["1"] * 4, "weights must be a Weights"),
        (None, "weights must be a Weights"),
        ("weights", "weights must be a Weights"),
        (WeightTraces(KEYS, 1.0), "weights must have the length 4"),
    ],
)
def test_nonsense(weights, message):
    with pytest.raises(ValueError, match=message) as caught:
        into(weights)
    assert not isinstance(caught.value, KeyError)
    assert NOW.tolist() == [1.0] * 4
