"""The same bits, whatever the partition of a run, the number of threads, or a stay on disk."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livn import Env
from livn.run import Run
from tests.engines.helpers import lively

TOTAL = 120  # of 0.5 ms


def outcome(env: Env, pieces: list[int]) -> tuple[Run, np.ndarray, np.ndarray]:
    """The joined runs of these lengths [0.5 ms], the weights, and their traces."""
    run = env.run(pieces[0] * 0.5)
    for n in pieces[1:]:
        run = run.concat(env.run(n * 0.5))
    return run, env.get_weights().array, env.w_recs.array


def assert_same(a, b):
    np.testing.assert_array_equal(a[0].spike_ids, b[0].spike_ids)
    np.testing.assert_array_equal(a[0].spike_times, b[0].spike_times)
    np.testing.assert_array_equal(a[0].voltage, b[0].voltage)
    np.testing.assert_array_equal(a[1], b[1])
    np.testing.assert_array_equal(a[2], b[2])


@pytest.fixture(scope="module")
def whole():
    return outcome(lively("cpu", threads=1), [TOTAL])


def test_the_culture_is_worth_testing(whole):
    run, weights, _ = whole
    assert len(run.spike_times) > 20
    assert len(set(run.spike_ids)) > 10
    assert weights.std() > 1e-3


@st.composite
def partitions(draw):
    cuts = sorted(draw(st.sets(st.integers(1, TOTAL - 1), max_size=8)))
    return np.diff([0, *cuts, TOTAL]).tolist()


slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@slow
@given(pieces=partitions(), threads=st.sampled_from([1, 2]))
def test_partition_and_threads_make_no_difference(engine, whole, pieces, threads):
    assert_same(outcome(lively(engine, threads=threads), pieces), whole)


@slow
@given(at=st.integers(1, TOTAL - 1), threads=st.sampled_from([1, 2]))
def test_a_stay_on_disk_makes_no_difference(engine, whole, tmp_path, at, threads):
    env = lively(engine, threads=threads)
    before = env.run(at * 0.5)
    traced = env.w_recs.array
    env.save(tmp_path / "culture.livn")
    again = Env.load(tmp_path / "culture.livn", engine=engine)
    after = again.run((TOTAL - at) * 0.5)
    traces = np.concatenate([traced, again.w_recs.array])
    assert_same((before.concat(after), again.get_weights().array, traces), whole)


def test_single_steps_make_no_difference(engine):
    def culture():
        env = lively(engine)
        env.clear_recordings()
        env._recorders.clear()
        env._traces.recorder = None
        return env.record_spikes()

    one, many = culture(), culture()
    run = one.run(10.0)
    times = np.concatenate([many.run(0.025).spike_times + k * 0.025 for k in range(400)])
    np.testing.assert_allclose(times, run.spike_times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(many.get_weights().array, one.get_weights().array)


def test_more_threads_than_tiles_and_three_threads(engine, whole):
    assert_same(outcome(lively(engine, threads=3), [70, 50]), whole)


def test_many_spikes_in_flight_find_room(engine):
    """Every cell fires at once into long delays: more runs under way than there was room for."""
    from livn import System

    n = 120
    pre, post = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n)))
    keep = pre != post
    edges = {
        "pre": pre[keep],
        "post": post[keep],
        "section": ["dend"] * int(keep.sum()),
        "mechanism": ["AMPA"] * int(keep.sum()),
        "delay_ms": np.linspace(0.5, 20.0, int(keep.sum())),
    }
    system = System.from_arrays({"EXC": n}, np.zeros((n, 3)), edges)

    def fire(threads, pieces):
        env = Env(system, engine=engine, threads=threads).init().record_spikes().enable_plasticity()
        runs = [env.run(p, stimulus=np.full((1, n), 2.0) if i == 0 else None) for i, p in enumerate(pieces)]
        return sum(len(r.spike_times) for r in runs), env.get_weights().array

    spikes, weights = fire(1, [40.0])
    assert spikes >= n
    for threads, pieces in ((2, [40.0]), (1, [3.0, 5.0, 32.0])):
        again, same = fire(threads, pieces)
        assert again == spikes
        np.testing.assert_array_equal(same, weights)
