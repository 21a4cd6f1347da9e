"""Experiments: what a protocol does to a culture, and what its record says."""

from __future__ import annotations

import _thread
import math
import threading
from dataclasses import replace

import numpy as np
import pytest

from livn import Env, Run, make
from livn.errors import SimulationDiverged
from livn.experiment import ExperimentInterrupted, Phase, run, train
from livn.experiment.course import Course, Stage, joined
from livn.io import MEA
from livn.stimulus import Stimulus
from livn.system import predefined
from tests.env.helpers import STRONG, lively
from tests.experiment.helpers import trained


def test_training_is_what_one_would_do_by_hand(engine):
    record = trained(engine)
    with lively(engine) as env:
        env.record_spikes().record_voltage(gids=[0, 5]).record_weights(1.0)
        by_hand = env.run(20.0)
        env.enable_plasticity(STRONG)
        for piece in (20.0, 20.0, 10.0):
            by_hand = by_hand.concat(env.run(piece))
            if piece == 20.0:
                env.normalize_weights()
        learned = env.get_weights()
        summary = env.plasticity_summary()
        env.disable_plasticity()
        by_hand = by_hand.concat(env.run(30.0))
        assert record.run == by_hand
        assert record.after == env.get_weights() == learned
        assert record.traces == env.w_recs
        assert str(record.plasticity) == str(summary)
        assert len(by_hand.spike_times) > 20


def test_phases_weights_and_figures_of_a_training():
    record = trained()
    assert [(p.name, p.start, p.stop, p.learning) for p in record.phases] == [
        ("baseline", 0.0, 20.0, False),
        ("training", 20.0, 70.0, True),
        ("evaluation", 70.0, 100.0, False),
    ]
    assert list(record.weights) == ["start", "baseline", "training", "evaluation"]
    assert record.before == record.weights["baseline"]
    assert record.after == record.weights["training"]
    assert record.drift == 0.0
    samples = [record.traces.array, *(w.array[None] for w in record.weights.values())]
    assert record.peak_deviation == max(np.abs(s - 1.0).max() for s in samples) > 1e-3
    assert set(record.rules) == {"EXC", "INH"}
    assert record.rules["EXC"].A_ltd == STRONG["A_ltd"]
    assert set(record.receptors.values()) >= {"AMPA", "NMDA", "GABA_A"}


def test_drift_and_peak_are_found_where_there_are_some():
    record = trained()
    moved = record.after.array.copy()
    moved[3] += 0.5
    moved = type(record.after)(record.after.synapses, moved)
    odd = type(record)(**{**vars(record), "weights": {**record.weights, "evaluation": moved}})
    assert odd.drift == pytest.approx(0.5)
    assert odd.peak_deviation >= 0.4


def test_rates_are_spikes_by_cell_and_second():
    record = trained()
    ids, times = record.run.spike_ids, record.run.spike_times
    exc = ids < 4
    assert record.rates() == {"EXC": exc.sum() / 4 / 0.1, "INH": (~exc).sum() / 2 / 0.1}
    last = record.rates(record.phases[-1])
    assert last["EXC"] == pytest.approx((exc & (times >= 70.0)).sum() / 4 / 0.03)
    assert sum(record.rates(p)["EXC"] * (p.stop - p.start) for p in record.phases) == pytest.approx(
        record.rates()["EXC"] * 100.0
    )


def test_the_summary_is_plain_and_the_report_has_it():
    record = trained()
    told = record.summary()
    assert told["system"] == "small"
    assert told["cells"] == {"EXC": 4, "INH": 2}
    assert told["spikes"] == len(record.run.spike_times)
    assert told["drift"] == 0.0
    assert told["weights"]["after"]["mean"] == pytest.approx(record.after.array.mean())
    assert told["real_time_factor"] == pytest.approx(record.about["seconds"] * 1000.0 / 100.0)
    labels = record.after.synapses.mechanism_names()
    ampa = [name for name, label in record.receptors.items() if label == "AMPA"]
    own = record.after.array[np.isin(labels, ampa)]
    assert told["weights_after_by_receptor"]["AMPA"]["sd"] == pytest.approx(own.std())
    report = record.report()
    for words in ("small: 4 EXC, 2 INH", "baseline", "training", "evaluation", "drift of the weights while frozen: 0",
                  f"peak deviation of a weight from its start: {record.peak_deviation:.4g}"):  # fmt: skip
        assert words in report


def test_a_run_as_it_is(engine):
    with lively(engine) as env:
        env.record_spikes().enable_plasticity(STRONG)
        env.run(10.0)
        record = run(env, 45.0, normalize_every=20.0)
    with lively(engine) as env:
        env.record_spikes().enable_plasticity(STRONG).run(10.0)
        by_hand = env.run(20.0)
        env.normalize_weights()
        by_hand = by_hand.concat(env.run(20.0))
        env.normalize_weights()
        assert record.run == by_hand.concat(env.run(5.0))
        assert record.after == env.get_weights()
    assert record.run.t0 == 10.0
    assert [p.name for p in record.phases] == ["run"]
    assert record.phases[0].learning
    assert math.isnan(record.drift)


def test_samples_of_weights_are_those_of_the_experiment():
    with lively("cpu") as env:
        env.record_weights(1.0).enable_plasticity(STRONG).run(10.0)
        record = run(env, 10.0)
        assert record.traces.t.tolist() == list(range(11, 21))
        assert (record.traces.array == env.w_recs.array[10:]).all()


def test_without_plastic_synapses_there_are_no_weights():
    with make(3) as env:
        record = run(env.record_spikes(), 10.0)
    assert record.weights == {}
    assert record.before is record.after is record.traces is record.plasticity is None
    assert math.isnan(record.peak_deviation)
    assert math.isnan(record.drift)
    assert "weights" not in record.summary()
    assert "3 EXC" in record.report()


def test_without_spikes_the_rates_are_not_known():
    with make(3) as env:
        record = run(env, 10.0)
    assert math.isnan(record.rates()["EXC"])
    assert record.summary()["spikes"] is None
    assert "spikes not recorded" in record.report()


def test_a_selection_counts_the_cells_that_are_simulated():
    env = Env("EI1").selection({"EXC": 3, "INH": 1}).init().apply_default_params()
    with env:
        record = run(env.record_spikes(), 10.0)
    assert {name: gids.tolist() for name, gids in record.cells.items()} == {"EXC": [0, 1, 2], "INH": [8]}
    assert record.summary()["cells"] == {"EXC": 3, "INH": 1}


@pytest.mark.parametrize("keep", [True, False])
def test_membrane_currents_become_field_potentials(keep):
    io = MEA([[3, 0.0, 0.0, 0.0], [5, 40.0, 0.0, 0.0]])
    with lively("cpu", io=io) as env:
        record = run(env.record_membrane_current(dt=0.5), 20.0, normalize_every=10.0, keep_currents=keep)
    with lively("cpu", io=io) as env:
        env.record_membrane_current(dt=0.5)
        whole = env.run(10.0)
        env.normalize_weights()
        whole = whole.concat(env.run(10.0))
        heard = env.potential_recording(whole.current, ids=whole.current_ids)
    field = record.run["field_potential"]
    assert field.ids.tolist() == [3, 5]
    assert field.dt == 0.5
    assert np.allclose(field.values, heard, rtol=1e-12, atol=0)
    assert ("membrane_current" in record.run) is keep


def interrupted_soon() -> threading.Timer:
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    return timer


def test_an_interrupt_keeps_what_was_recorded():
    with lively("cpu") as env:
        env.record_spikes().record_weights(10.0)
        timer = interrupted_soon()
        with pytest.raises(ExperimentInterrupted, match="what was recorded") as stopped:
            train(env, 20.0, 1e6, 20.0, normalize_every=20.0)
        timer.join()
        record = stopped.value.experiment
        assert stopped.value.run is record.run
        assert record.about["interrupted"] is True
        assert [p.name for p in record.phases] == ["baseline", "training"]
        assert 20.0 < record.run.duration < 1e6
        assert record.phases[-1].stop == record.run.t1 == env.t
        assert record.after == env.get_weights()
        assert record.traces.t[-1] <= env.t
        again = run(env, 10.0)  # the culture can go on
        assert again.run.t0 == record.run.t1


def test_a_failure_keeps_what_came_before():
    with make(2) as env:
        course = Course(env.record_spikes(), [Stage("run", 30.0, None, 10.0)])
        real = env.run

        def failing(duration, progress=None):
            if env.t == 20.0:
                return real(duration, Stimulus.from_current(np.full((5, 1), 1e9), 1.0, gids=[0]), progress=progress)
            return real(duration, progress=progress)

        env.run = failing
        env.normalize_weights = lambda: None
        with pytest.raises(SimulationDiverged):
            course.go(False)
        record = course.record(failed="so it was")
        assert record.run.duration == 20.0
        assert env.t > 20.0
        assert record.phases[0].stop == 20.0, "what is not in the record must not count in rates"
        assert record.about["failed"] == "so it was"


def test_an_interrupt_beside_the_runs_is_heard_when_the_piece_is_whole(monkeypatch):
    with lively("cpu") as env:
        env.record_spikes()
        course = Course(env, [Stage("run", 100.0, None, 20.0)])
        real = env.normalize_weights

        def pressed():
            _thread.interrupt_main()
            return real()

        monkeypatch.setattr(env, "normalize_weights", pressed)
        with pytest.raises(ExperimentInterrupted) as stopped:
            course.go(False)
        assert stopped.value.experiment.run.duration == stopped.value.experiment.phases[0].stop == 20.0
        assert env.t == 20.0


def test_an_interrupt_while_the_record_is_made_is_heard_and_loses_nothing(monkeypatch):
    with lively("cpu") as env:
        course = Course(env.record_spikes(), [Stage("run", 20.0, None)])
        real = env.plasticity_summary
        env.enable_plasticity(STRONG)
        monkeypatch.setattr(env, "plasticity_summary", lambda: _thread.interrupt_main() or real())
        with pytest.raises(ExperimentInterrupted) as stopped:
            course.go(False)
        assert stopped.value.run.duration == 20.0
        assert stopped.value.experiment.about["interrupted"] is True


def test_too_much_for_the_memory_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", "1e-4")
    with lively("cpu") as env:
        env.record_voltage(dt=0.1)
        env.run(200.0)  # 96 kB
        with pytest.raises(MemoryError, match="narrow 'voltage'"):
            train(env, 200.0, 200.0, 0.0)
        env.record_weights(0.1)
        with pytest.raises(MemoryError, match="narrow 'weights'"):
            run(env, 100.0, normalize_every=1.0)
        assert env.t == 200.0
    io = MEA([[3, 0.0, 0.0, 0.0], [5, 40.0, 0.0, 0.0]])
    with lively("cpu", io=io) as env:
        env.record_membrane_current(dt=0.1)
        run(env, 400.0, keep_currents=False)  # 64 kB of field potentials, of 384 kB of currents
        with pytest.raises(MemoryError, match="field_potential"):
            run(env, 800.0, keep_currents=False)
        with pytest.raises(MemoryError, match="membrane_current"):
            run(env, 400.0)


def test_membrane_currents_that_are_not_kept_are_held_in_part_only(monkeypatch):
    io = MEA([[3, 0.0, 0.0, 0.0], [5, 40.0, 0.0, 0.0]])

    def heard(held):
        monkeypatch.setattr("livn.experiment.course.HELD", held)
        lengths = []
        with lively("cpu", io=io) as env:
            env.record_spikes().record_voltage(dt=0.1).record_membrane_current(dt=0.5).enable_plasticity(STRONG)
            real = env.run
            monkeypatch.setattr(env, "run", lambda ms, **options: lengths.append(ms) or real(ms, **options))
            return run(env, 47.0, normalize_every=20.0, keep_currents=False), lengths

    whole, lengths = heard(64e6)
    assert lengths == [20.0, 20.0, 7.0]
    parts, lengths = heard(8.0 * 10 * 6)
    assert lengths == [3.0] * 6 + [2.0] + [3.0] * 6 + [2.0] + [3.0, 3.0, 1.0]
    assert parts.run.spikes == whole.run.spikes
    assert parts.run["voltage"] == whole.run["voltage"]
    assert parts.after == whole.after
    assert np.allclose(parts.run["field_potential"].values, whole.run["field_potential"].values, rtol=1e-12, atol=0)


def test_electrodes_that_hear_nothing_leave_the_currents_as_they_are():
    class Deaf(MEA):
        def potentials(self, *arguments, **options):
            raise NotImplementedError

    with lively("cpu", io=Deaf([[3, 0.0, 0.0, 0.0]])) as env:
        record = run(env.record_membrane_current(dt=0.5), 10.0, keep_currents=False)
    assert list(record.run.channels) == ["membrane_current"]


def test_what_was_learned_before_is_no_deviation():
    with lively("cpu") as env:
        env.record_weights(1.0)
        assert train(env, 0.0, 50.0, 0.0, rules=STRONG).peak_deviation > 1e-3
        assert not env.plasticity_on
        assert run(env, 20.0).peak_deviation == 0.0


def test_a_spike_belongs_to_one_phase_whatever_the_start(monkeypatch):
    record = run_of(0.1, [0.7], 1.4)
    halves = [Phase("a", 0.1, 0.8, False), Phase("b", 0.8, 1.5, False)]
    assert [record.rates(p)["EXC"] > 0 for p in halves] == [False, True]


def run_of(t0, times, duration):
    """A record of one cell's spikes."""
    run_ = Run({}, t0, duration).add_spikes(np.zeros(len(times), int), np.array(times))
    with make(1) as env:
        return replace(run(env, 1.0), run=run_)


def test_the_options_repeat_what_was_done(tmp_path):
    culture = predefined("EI1", tmp_path)
    with make(str(culture)) as env:
        env.enable_plasticity({"EXC": {"A_ltp": 2.0}})
        config = run(env, 10.0).config
        assert config["system"] == str(culture), "which may differ from the predefined one of that name"
        assert config["rules"] == {"EXC": {"A_ltp": 2.0}}
        assert train(env, 0.0, 10.0, 0.0, normalize_every=None).config["normalize_every"] == 0.0
    with make("EI1") as env:
        assert run(env, 10.0).config["system"] == "EI1"


def test_many_pieces_are_joined_as_they_came():
    rng = np.random.default_rng(1)
    pieces = [
        Run({}, t0=float(t), duration=1.0).add_spikes(rng.integers(0, 5, 3), np.sort(rng.random(3)))
        for t in range(37)
    ]  # fmt: skip
    one = Run()
    for piece in pieces:
        one = one.concat(piece)
    assert joined(pieces) == one


NONSENSE = [
    (
        "a name for the culture",
        lambda e: train("EI1"),
        TypeError,
        r"env must be a culture, as livn.make\(...\) returns",
    ),
    ("a system for the culture", lambda e: run(e.system, 1.0), TypeError, "env must be a culture"),
    ("duration off the step", lambda e: run(e, 10.01), ValueError, "duration must be a multiple of the step"),
    ("duration 0", lambda e: run(e, 0.0), ValueError, "duration must be at least"),
    ("duration nan", lambda e: run(e, float("nan")), ValueError, "duration must be a finite number"),
    ("duration text", lambda e: run(e, "1s"), TypeError, "duration must be a finite number"),
    ("normalize_every", lambda e: run(e, 10.0, normalize_every=0.01), ValueError, "normalize_every must be"),
    ("off a recording", lambda e: run(e, 10.05), ValueError, "multiple of the recording dt of 'voltage'"),
    (
        "scaled off a recording",
        lambda e: train(e, normalize_every=10.05),
        ValueError,
        "normalize_every: .* recording dt",
    ),
    ("baseline < 0", lambda e: train(e, -1.0), ValueError, "baseline must be a finite number >= 0"),
    ("no training", lambda e: train(e, 10.0, 0.0), ValueError, "training must be at least"),
    ("a rest off the step", lambda e: train(e, 0.0, 10.3, normalize_every=7.31), ValueError, "normalize_every"),
    ("rules", lambda e: train(e, rules={"A_lpt": 1.0}), ValueError, "did you mean 'A_ltp'"),
    ("progress", lambda e: run(e, 10.0, progress="loud"), TypeError, "progress must be True, False"),
    ("keep_currents", lambda e: run(e, 10.0, keep_currents=1), TypeError, "keep_currents must be True or False"),
]


@pytest.mark.parametrize(
    ("call", "error", "words"), [case[1:] for case in NONSENSE], ids=[case[0] for case in NONSENSE]
)
def test_nonsense_is_refused_and_changes_nothing(call, error, words):
    with lively("cpu") as env:
        env.record_voltage(dt=0.1)
        with pytest.raises(error, match=words):
            call(env)
        assert env.t == 0.0
        assert not env.plasticity_on


def test_a_culture_that_cannot_learn_is_not_trained():
    with make(3) as env, pytest.raises(ValueError, match=r"nothing in .* can learn: it has no plastic synapse"):
        train(env)
