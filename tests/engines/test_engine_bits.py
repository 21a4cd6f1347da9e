"""The same bits, whatever the partition of a run, the number of threads, or a stay on disk."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn import Env, Stimulus, System
from livn.run import Run
from tests.engines.helpers import lively

TOTAL = 120  # of 0.5 ms


def outcome(env: Env, pieces: list[int]) -> tuple[Run, np.ndarray, np.ndarray]:
    """The joined runs of these lengths [0.5 ms], the weights, and their traces, of a culture that is closed then."""
    with env:
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


@cache
def in_one_go(engine: str) -> tuple[Run, np.ndarray, np.ndarray]:
    return outcome(lively(engine, threads=1), [TOTAL])


@pytest.fixture
def whole(engine):
    return in_one_go(engine)


def examples(engine):
    """Hypothesis draws fewer of them where each takes long."""
    return settings(max_examples=25 if engine == "cpu" else 12)


def test_the_culture_is_worth_testing(whole):
    run, weights, _ = whole
    assert len(run.spike_times) > 20
    assert len(set(run.spike_ids)) > 10
    assert weights.std() > 1e-3


@st.composite
def partitions(draw):
    cuts = sorted(draw(st.sets(st.integers(1, TOTAL - 1), max_size=8)))
    return np.diff([0, *cuts, TOTAL]).tolist()


def test_partition_and_threads_make_no_difference(engine, whole):
    @examples(engine)
    @given(pieces=partitions(), threads=st.sampled_from([1, 2]))
    def check(pieces, threads):
        assert_same(outcome(lively(engine, threads=threads), pieces), whole)

    check()


def test_a_stay_on_disk_makes_no_difference(engine, whole, tmp_path):
    @examples(engine)
    @given(at=st.integers(1, TOTAL - 1), threads=st.sampled_from([1, 2]))
    def check(at, threads):
        with lively(engine, threads=threads) as env:
            before, traced = env.run(at * 0.5), env.w_recs.array
            env.save(tmp_path / "culture.livn")
        after, weights, traces = outcome(Env.load(tmp_path / "culture.livn", engine=engine), [TOTAL - at])
        assert_same((before.concat(after), weights, np.concatenate([traced, traces])), whole)

    check()


def test_single_steps_make_no_difference(engine):
    env = lively(engine)
    env._recorders.signals.clear()
    env._traces.recorder = None
    env.record_spikes()
    times, weights = env.run(10.0).spike_times, env.get_weights()
    env.clear(reseed=False, reset_weights=True)
    again = np.concatenate([env.run(0.025).spike_times + k * 0.025 for k in range(400)])
    np.testing.assert_allclose(again, times, rtol=0, atol=1e-9)
    assert env.get_weights() == weights


def test_more_threads_than_tiles_and_three_threads(engine, whole):
    assert_same(outcome(lively(engine, threads=3), [70, 50]), whole)


def test_many_spikes_in_flight_find_room(engine):
    """Every cell fires at once into long delays: more runs under way than there was room for."""
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
        with Env(system, engine=engine, threads=threads) as env:
            env.init().record_spikes().enable_plasticity()
            runs = [
                env.run(p, stimulus=Stimulus.from_current(np.full((1, n), 2.0), 1.0) if i == 0 else None)
                for i, p in enumerate(pieces)
            ]
            return sum(len(r.spike_times) for r in runs), env.get_weights().array

    spikes, weights = fire(1, [40.0])
    assert spikes >= n
    for threads, pieces in ((2, [40.0]), (1, [3.0, 5.0, 32.0])):
        again, same = fire(threads, pieces)
        assert again == spikes
        np.testing.assert_array_equal(same, weights)


BLAST = """
import numpy as np
from livn import Env, System
from livn.models.rcsd import ReducedCalciumSomaDendrite

n = 30
pre, post = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n)))
pre, post = pre[pre != post], post[pre != post]
rng = np.random.default_rng(1)
for trial in range(6):
    edges = {"pre": pre, "post": post, "section": ["soma"] * len(pre), "mechanism": ["AMPA"] * len(pre),
             "delay_ms": rng.uniform(0.1, 100.0, len(pre)), "weight": np.full(len(pre), 0.01)}
    system = System.from_arrays({"EXC": n}, np.zeros((n, 3)), edges)
    env = Env(system, ReducedCalciumSomaDendrite(refractory_period=0.0), threads=1).init().record_spikes()
    env._running._steps_per_call = 100_000
    current = np.where(np.arange(2400) % 2 == 0, 14.0, -14.0)[:, None] * np.ones((1, n))
    current[: rng.integers(0, 1200)] = 0.0
    run = env.run(60.0, stimulus=(current, 0.025, None, "current"))
    assert len(run.spike_times) > 10_000
"""


def test_a_blast_stays_within_all_buffers():
    """Every cell fires every other step, without refractory period, into delays of 100 ms; bounds are checked."""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    subprocess.run([sys.executable, "-c", BLAST], env=environment, check=True, capture_output=True)


def test_an_exception_in_a_run_leaves_the_culture_usable(engine):
    env = lively(engine)
    env.run(3.0)

    def source(start, stop):
        if start >= 100.0:
            raise OSError("the tape is torn")
        return np.zeros((round(stop - start), 25))

    stimulus = Stimulus(source=source, extent=5000.0, dt=1.0, gids=np.arange(25), input_mode="current")
    with pytest.raises(OSError, match="torn"):
        env.run(5000.0, stimulus)
    assert env.run(10.0).spike_times.max(initial=0.0) < 10.0


def test_one_env_runs_in_one_thread_at_a_time(engine):
    env, errors = lively(engine), []

    def meddle(done):
        for call in (lambda: env.run(1.0), env.normalize_weights, env.clear, lambda: env.save("never")):
            with pytest.raises(RuntimeError, match="running"):
                call()
        errors.append(done)

    env.run(10.0, progress=meddle)
    assert errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_goes_on(engine):
    env = lively(engine, threads=2)
    env.run(5.0)
    _inherited.append(env)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        there = pool.apply(_go_on)
    assert there == _inherited.pop().run(20.0).spike_times.tolist()


_inherited: list[Env] = []


def _go_on():
    return _inherited[0].run(20.0).spike_times.tolist()


def test_an_env_says_that_it_cannot_be_copied(engine):
    for copy_of in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="save"):
            copy_of(lively(engine))
