"""The recorder of weights and the traces it yields."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.errors import UnknownName
from livn.plasticity import SynapseKeys, WeightRecorder, WeightTraces

KEYS = SynapseKeys(
    gid=[3, 3, 3, 8],
    syn_id=[0, 1, 1, 5],
    mechanism=[0, 0, 2, 1],
    mechanisms=("StdpLinExp2Syn", "StdpLinExp2SynInh", "StdpLinExp2SynNMDA"),
    pre=[1, 2, 2, 3],
    section=[1, 1, 1, 0],
    sections=("soma", "dend"),
)
FIRST = (3, 0, "StdpLinExp2Syn")


def samples(first, count):
    """Sample k of synapse i is 100·k + i."""
    return (100.0 * np.arange(first, first + count)[:, None] + np.arange(4)).astype(np.float32)


def take(recorder, first, *counts):
    """A run whose samples come in pieces."""
    recorder.begin(KEYS, first, sum(counts))
    for count in counts:
        recorder.add(samples(first, count))
        first += count
    recorder.end()


def recorded(*counts, dt=1.0):
    recorder, first = WeightRecorder(dt), 1
    for count in counts:
        take(recorder, first, count)
        first += count
    return recorder


@given(st.lists(st.integers(0, 20), max_size=40))
def test_runs_of_any_length_give_the_same_traces(counts):
    recorder = recorded(*counts)
    total = sum(counts)
    traces = recorder.traces(KEYS)
    assert len(recorder) == total
    assert recorder.memory(4, 7) == 16 * (total + 7)
    np.testing.assert_array_equal(traces[FIRST].as_numpy(), samples(1, total)[:, 0])
    for i, (key, trace) in enumerate(traces.items()):
        assert key == KEYS.key(i)
        np.testing.assert_array_equal(trace, samples(1, total)[:, i])
    np.testing.assert_array_equal(traces.t, np.arange(1, total + 1))
    np.testing.assert_array_equal(traces.array, samples(1, total))


def test_the_array_is_allocated_before_a_run_and_grows_by_halves():
    recorder = WeightRecorder(1.0)
    recorder.begin(KEYS, 1, 1000)
    array = recorder._weights
    for k in range(10):
        recorder.add(samples(1 + 100 * k, 100))
    assert recorder._weights is array
    assert array.shape == (1000, 4)
    allocated = []
    for k in range(1000):
        take(recorder, 1001 + k, 1)
        allocated.append(id(recorder._weights))
    assert len(set(allocated)) == 2
    assert np.shares_memory(recorder.traces(KEYS).array, recorder._weights)  # nothing is copied
    np.testing.assert_array_equal(recorder.traces(KEYS).array, samples(1, 2000))


def test_a_run_may_bring_less_than_it_was_to():
    recorder = WeightRecorder(1.0)
    recorder.begin(KEYS, 1, 1000)
    recorder.add(samples(1, 3))
    take(recorder, 4, 2)
    np.testing.assert_array_equal(recorder.traces(KEYS).array, samples(1, 5))


def test_trace():
    trace = recorded(3, 2, dt=0.1).traces(KEYS)[FIRST]
    assert len(trace) == 5
    assert trace.dt == 0.1
    np.testing.assert_array_equal(trace.t, np.arange(1, 6) * 0.1)
    assert trace.t.dtype == np.float64
    values = trace.as_numpy()
    assert values.dtype == np.float32
    values[:] = 0  # a copy
    assert trace[0] == 100.0
    assert trace[-1] == 500.0
    assert list(trace) == [100.0, 200.0, 300.0, 400.0, 500.0]
    assert repr(trace) == "Trace(5 samples, 0.1 to 0.5 ms, dt=0.1 ms, last w=500)"


def test_trace_as_array():
    trace = recorded(3).traces(KEYS)[FIRST]
    assert np.array(trace).dtype == np.float32
    assert np.asarray(trace, dtype=np.float64).tolist() == [100.0, 200.0, 300.0]
    assert np.array(trace, copy=True).flags.writeable
    assert np.mean(trace) == 200.0
    np.testing.assert_array_equal(np.array(trace.as_numpy()), trace)


def test_absolute_times_survive_a_gap():
    recorder = WeightRecorder(0.5)
    take(recorder, 1, 2)
    take(recorder, 11, 2)
    traces = recorder.traces(KEYS)
    assert traces.t.tolist() == [0.5, 1.0, 5.5, 6.0]
    assert traces[FIRST].as_numpy().tolist() == [100.0, 200.0, 1100.0, 1200.0]


def test_traces_are_a_snapshot():
    recorder = recorded(3)
    before = recorder.traces(KEYS)
    take(recorder, 4, 1)
    after = recorder.traces(KEYS)
    recorder.clear()
    assert len(before[FIRST]) == 3
    assert len(after[FIRST]) == 4
    cleared = recorder.traces(KEYS)
    assert len(cleared) == 4
    assert len(cleared[FIRST]) == len(cleared.t) == 0
    assert cleared.array.shape == (0, 4)
    assert repr(cleared[FIRST]) == "Trace(no samples, dt=1 ms)"
    take(recorder, 1, 1)  # the clock starts again
    assert recorder.traces(KEYS)[FIRST].t.tolist() == [1.0]
    np.testing.assert_array_equal(before.array, samples(1, 3))
    np.testing.assert_array_equal(after.array, samples(1, 4))


def test_frames():
    traces = recorded(5, 5).traces(KEYS)
    np.testing.assert_array_equal(traces.frames(), samples(1, 10))
    np.testing.assert_array_equal(traces.frames(2, -1, 3), samples(1, 10)[2:-1:3])
    assert traces.frames(7, 3).shape == (0, 4)
    assert traces.frame(3).array.tolist() == samples(4, 1)[0].tolist()
    assert traces.frame(-1)[FIRST] == 1000.0
    for bad, error, text in [
        (lambda: traces.frame(10), IndexError, "index must be that of one of 10 samples, got 10"),
        (lambda: traces.frame(-11), IndexError, "got -11"),
        (lambda: traces.frame(0.0), TypeError, "index must be a whole number"),
        (lambda: traces.frames("0"), TypeError, "start must be a whole number"),
        (lambda: traces.frames(0, 1.5), TypeError, "stop must be a whole number"),
        (lambda: traces.frames(step=0), ValueError, "step must be a whole number >= 1"),
    ]:
        with pytest.raises(error, match=text):
            bad()


def test_mapping():
    traces = recorded(2, 1).traces(KEYS)
    assert isinstance(traces, Mapping)
    assert list(traces) == list(KEYS)
    assert FIRST in traces
    assert [trace[0] for trace in traces.values()] == [100.0, 101.0, 102.0, 103.0]
    assert repr(traces) == "WeightTraces(4 plastic synapses, 3 samples, dt=1 ms)"
    with pytest.raises(UnknownName, match="did you mean"):
        traces[3, 0, "StdpLinExp2SynInh"]
    with pytest.raises(ValueError, match="read-only"):
        traces.array[0, 0] = 1.0


def test_never_recorded():
    traces = WeightTraces.empty()
    assert len(traces) == 0
    assert list(traces.items()) == []
    assert traces == {}
    assert traces == WeightTraces.empty()
    assert repr(traces) == "WeightTraces(no plastic synapses recorded)"
    assert WeightTraces(SynapseKeys.empty(), 1.0).array.shape == (0, 0)


def test_equality_and_pickle():
    traces = recorded(2, 5, 1).traces(KEYS)
    again = pickle.loads(pickle.dumps(traces))
    assert again == traces
    assert traces == recorded(8).traces(KEYS)
    assert traces != recorded(7).traces(KEYS)
    assert traces != recorded(8, dt=0.5).traces(KEYS)
    assert traces != {}
    trace = pickle.loads(pickle.dumps(traces[FIRST]))
    np.testing.assert_array_equal(trace, traces[FIRST])


def test_what_was_recorded_cannot_be_written_through_the_traces():
    recorder = WeightRecorder(1.0)
    recorder.begin(KEYS, 1, 1)
    recorder.add(np.ones((1, 4)))  # float64 is narrowed
    assert recorder.traces(KEYS).array.dtype == np.float32
    assert not recorder.traces(KEYS).array.flags.writeable


@pytest.mark.parametrize(
    ("dt", "error"), [(0.0, ValueError), (-1.0, ValueError), (np.nan, ValueError), ("1", TypeError)]
)
def test_nonsense_dt(dt, error):
    with pytest.raises(error, match="dt must be a finite number > 0, in ms"):
        WeightRecorder(dt)


@pytest.mark.parametrize(
    ("first", "block", "message"),
    [
        (2, samples(2, 1), "sample 2 does not come after sample 2"),
        (3, np.ones((1, 5)), "weights must have the shape"),
        (3, np.ones(4), "weights must have the shape"),
        (3, np.ones((2, 4)), "weights must have the shape"),
    ],
)
def test_nonsense_samples(first, block, message):
    recorder = recorded(2)
    if first > 2:
        recorder.begin(KEYS, first, 1)
    with pytest.raises(ValueError, match=message):
        recorder.begin(KEYS, first, 1) if first == 2 else recorder.add(block)
    with pytest.raises(ValueError, match="4 synapses were recorded so far, got 3"):
        recorder.begin(KEYS.take(np.arange(3)), 3, 1)
    assert len(recorder) == 2
