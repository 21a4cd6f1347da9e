"""Progress and interrupts, where an engine meets its Env."""

import os
import pickle
import signal

import numpy as np
import pytest

from livn import Env, RunInterrupted
from livn.engine.base import Probe, Tracing


def interrupting(seen: list[float]):
    """A `progress` that sends an interrupt at its second call."""

    def progress(done, spikes=0):
        seen.append(done)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def test_an_advance_ends_at_a_whole_sample_and_says_how_far_it_came(engine):
    with Env(4, engine=engine) as env:
        env.init()
        seen: list[float] = []
        probe = Probe("voltage", np.arange(4), np.zeros(4, np.int64), 4)
        traced: list[int] = []
        tracing = Tracing(40, np.arange(0), lambda samples: traced.append(len(samples)))
        result = env._engine().advance(4_000_000, [probe], tracing=tracing, progress=interrupting(seen))
        assert seen == sorted(seen)
        assert result.steps == seen[-1] < 4_000_000
        assert result.steps % 4 == 0
        assert result.series[0].shape == (4, result.steps // 4)
        assert np.isfinite(result.series[0]).all()
        assert sum(traced) == result.steps // 40


def test_a_run_that_was_interrupted_can_be_kept(engine):
    with Env(4, engine=engine) as env:
        env.init().record_spikes().record_voltage(dt=0.1)
        seen: list[float] = []
        with pytest.raises(RunInterrupted, match="interrupted after") as stopped:
            env.run(100_000.0, progress=interrupting(seen))
        run = stopped.value.run
        assert run.duration == env.t == seen[-1]
        assert pickle.loads(pickle.dumps(stopped.value)).run == run
        assert env.run(1.0).t0 == pytest.approx(env.t - 1.0)


def test_an_interrupt_is_not_lost_in_a_run_that_ends_before_it_is_heard(engine):
    with Env(4, engine=engine) as env:
        env.init().record_voltage(dt=0.1).run(1.0)
        with pytest.raises(RunInterrupted, match="interrupted after 1 ms") as stopped:
            env.run(1.0, progress=lambda done: os.kill(os.getpid(), signal.SIGINT))
        assert stopped.value.run.voltage.shape == (4, 10)
        assert env.t == 2.0
        assert env.run(1.0).t0 == 2.0


def test_where_interrupts_are_ignored_they_stay_ignored(engine):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Env(2, engine=engine) as env:
            run = env.init().record_spikes().run(50.0, progress=lambda done: os.kill(os.getpid(), signal.SIGINT))
            assert run.duration == 50.0
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
