"""Edge tables: what is accepted, how it is stored, what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn.system import MECHANISMS, RECEPTORS, SECTIONS, System

COUNTS = {"EXC": 3, "INH": 2}
XYZ = np.array([[0, 0, 0], [30, 40, 0], [0, 100, 0], [100, 0, 0], [100, 100, 10]], float)


def build(edges):
    return System.from_arrays(COUNTS, XYZ, edges)


def test_codes_are_in_the_order_of_mechanism_names():
    assert [MECHANISMS[r] for r in RECEPTORS] == sorted(MECHANISMS.values())


def test_synapses_are_sorted_flat_arrays(system):
    s = system.synapses
    assert s.post.tolist() == [0, 0, 1, 1, 3]
    assert s.syn_id.tolist() == [0, 1, 7, 7, 0]
    assert [RECEPTORS[m] for m in s.mechanism] == ["GABA_B", "GABA_A", "AMPA", "NMDA", "AMPA"]
    assert [SECTIONS[c] for c in s.section] == ["soma", "soma", "dend", "dend", "soma"]
    assert s.weight.tolist() == [5, 1, 3, 2, 4]
    dtypes = {"pre": "i4", "post": "i4", "syn_id": "i4", "section": "i1", "mechanism": "i1"}
    for name, a in s.arrays().items():
        assert a.dtype == np.dtype(dtypes.get(name, "f8"))
        assert not a.flags.writeable
    assert len(s) == 5
    assert repr(s) == "Synapses(5)"


def test_edges_round_trip(system):
    frame = system.edges
    assert list(frame.columns) == ["pre", "post", "section", "mechanism", "delay_ms", "weight", "g_unit_uS", "syn_id"]
    assert set(frame["mechanism"]) == {"AMPA", "NMDA", "GABA_A", "GABA_B"}
    again = build(frame)
    for name, a in system.synapses.arrays().items():
        np.testing.assert_array_equal(a, again.synapses.arrays()[name])
    frame.loc[0, "weight"] = 99.0
    assert system.edges.loc[0, "weight"] == 5.0


def test_categorical_columns_and_mechanism_names_are_welcome(edges):
    frame = pd.DataFrame(edges).astype({"section": "category", "mechanism": "category"})
    frame["mechanism"] = frame["mechanism"].map(lambda m: MECHANISMS.get(m, m))
    pd.testing.assert_frame_equal(build(frame).edges, build(edges).edges)


def test_defaults():
    pre, post = [0, 0, 3, 3, 0, 0, 3, 3], [1, 3, 1, 4, 1, 3, 1, 4]
    mechanism = ["AMPA", "AMPA", "GABA_A", "GABA_A", "NMDA", "NMDA", "GABA_B", "GABA_B"]
    frame = build({"pre": pre, "post": post, "section": ["soma"] * 8, "mechanism": mechanism}).edges
    assert (frame["weight"] == 1).all()
    g = {(r.mechanism, r.post): r.g_unit_uS for r in frame.itertuples()}
    assert g[("AMPA", 1)] == g[("NMDA", 1)] == 2e-4
    assert g[("AMPA", 3)] == g[("NMDA", 3)] == 1e-3
    assert (g[("GABA_A", 1)], g[("GABA_A", 4)]) == (5e-3, 1e-3)
    assert g[("GABA_B", 1)] == g[("GABA_B", 4)] == 1e-4
    delay = {(r.pre, r.post): r.delay_ms for r in frame.itertuples()}
    assert delay[(0, 1)] == pytest.approx(0.5 + 50 / 250)
    # numbered per postsynaptic cell in row order
    assert [(r.post, r.syn_id, r.pre, r.mechanism) for r in frame.itertuples()][:4] == [
        (1, 0, 0, "AMPA"),
        (1, 1, 3, "GABA_A"),
        (1, 2, 0, "NMDA"),
        (1, 3, 3, "GABA_B"),
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(RECEPTORS)), max_size=30), st.randoms())
@settings(max_examples=50)
def test_rows_keep_their_identity_whatever_their_order(rows, random):
    pre, post, mechanism = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [])
    n = len(rows)
    table = {
        "pre": pre,
        "post": post,
        "section": ["soma"] * n,
        "mechanism": mechanism,
        "weight": [float(i) for i in range(n)],
    }
    first = build(table).synapses
    keys = list(zip(first.post.tolist(), first.syn_id.tolist(), first.mechanism.tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert len(keys) == n
    order = random.sample(range(n), n)
    shuffled = {k: [v[i] for i in order] for k, v in (table | {"syn_id": numbers(post)}).items()}
    again = build(shuffled).synapses
    for name, a in first.arrays().items():
        np.testing.assert_array_equal(a, again.arrays()[name])


def numbers(post):
    seen = {}
    out = []
    for p in post:
        out.append(seen.setdefault(p, 0))
        seen[p] += 1
    return out


def test_no_synapses():
    assert len(build(None).synapses) == 0
    assert len(build({"pre": [], "post": [], "section": [], "mechanism": []}).synapses) == 0
    assert len(build(build(None).edges).synapses) == 0
    assert build(None).weight_names == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pre": [0, 0, 0, 0, 5]}, "gids of the system.*got 5 in row 4"),
        ({"post": [-1, 0, 0, 0, 0]}, "got -1 in row 0"),
        ({"post": [0.0, 1.0, 1.0, 3.0, 0.0]}, "whole numbers"),
        ({"pre": ["0", "1", "2", "3", "4"]}, "whole numbers"),
        ({"pre": [True, True, False, False, False]}, "whole numbers"),
        ({"pre": [0, 1]}, "equal lengths"),
        ({"pre": [[0], [1, 2]]}, "one entry per synapse"),
        ({"pre": np.zeros((5, 1), int)}, "one entry per synapse"),
        ({"section": "soma"}, "one entry per synapse"),
        ({"section": ["soma", "dend", "dend", "soma", "hillock"]}, "unknown section in edges 'hillock'"),
        ({"section": ["soma", "dend", "dend", "soma", 1]}, "unknown section in edges '1'"),
        (
            {"mechanism": ["GABA_A", "NMDA", "AMPA", "GABA", "GABA_B"]},
            "unknown mechanism in edges 'GABA'.*did you mean",
        ),
        ({"mechanism": ["GABA_A", "NMDA", "AMPA", None, "GABA_B"]}, "unknown mechanism in edges None"),
        ({"delay_ms": [1.0, 2.0, -0.1, 3.0, 1.0]}, "delay_ms of edges must be from 0 to 10000, got -0.1 in row 2"),
        ({"delay_ms": [1.0, 2.0, np.nan, 3.0, 1.0]}, "delay_ms of edges must be finite"),
        ({"delay_ms": [1.0, 2.0, 1e300, 3.0, 1.0]}, "delay_ms of edges must be from 0 to 10000, got 1e"),
        ({"weight": [1.0, 2.0, 3.0, 4.0, -5.0]}, "weight of edges must be from 0 to 1e"),
        ({"weight": [1.0, 2.0, 3.0, 4.0, np.inf]}, "weight of edges must be finite"),
        ({"weight": ["a"] * 5}, "weight of edges must be an array of numbers"),
        ({"g_unit_uS": [-1e-3] * 5}, "g_unit_uS of edges must be from 0 to 1e"),
        ({"syn_id": [1, 7, 7, 0, -1]}, "syn_id of edges must be >= 0"),
        ({"syn_id": [1, 7, 7, 0, 2**31]}, "syn_id of edges must be >= 0"),
        ({"syn_id": [0.5] * 5}, "whole numbers"),
        ({"mechanism": ["GABA_A", "AMPA", "StdpLinExp2Syn", "AMPA", "AMPA"]}, r"repeat.*\(1, 7, 'AMPA'\)"),
        ({"delay": [1.0] * 5}, "unknown column of edges 'delay'.*did you mean 'delay_ms'"),
    ],
)
def test_nonsense_is_refused(edges, change, message):
    with pytest.raises(ValueError, match=message):
        build(edges | change)


@pytest.mark.parametrize("column", ["pre", "post", "section", "mechanism"])
def test_missing_columns(edges, column):
    del edges[column]
    with pytest.raises(ValueError, match=f"missing: {column}"):
        build(edges)


@pytest.mark.parametrize("table", [3, "edges", [1, 2], np.zeros((5, 4))])
def test_not_a_table(table):
    with pytest.raises(TypeError, match="edges must be a DataFrame or a mapping"):
        build(table)
