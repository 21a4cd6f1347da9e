"""What a culture records: which rows, on which grid, and how settings add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livn import Env, Stimulus, make
from tests.env.helpers import lively, outcome, small_system

ALL = [0, 1, 2, 3, 4, 5]


def test_recordable_is_sorted_and_holds_the_states_of_the_model(env):
    names = env.recordable()
    assert names == sorted(set(names))
    assert {"membrane_current", "spikes", "voltage", *env.model.recordable_states()} == set(names)


# Which rows


def test_spikes_of_all_of_one_and_of_several_populations(engine):
    whole = lively(engine).record_spikes().run(100.0)
    assert set(whole.spike_ids) == set(ALL)
    for population, gids in [("EXC", ALL[:4]), ("INH", ALL[4:]), (["INH", "EXC"], ALL), (("INH",), ALL[4:])]:
        run = lively(engine).record_spikes(population).run(100.0)
        keep = np.isin(whole.spike_ids, gids)
        assert run.spike_ids.tolist() == whole.spike_ids[keep].tolist()
        assert run.spike_times.tolist() == whole.spike_times[keep].tolist()
        assert run.voltage is None


def test_populations_add_up_over_calls(env):
    env.record_spikes("INH").record_voltage("INH")
    assert env.run(1.0).voltage_ids.tolist() == [4, 5]
    env.record_spikes("EXC").record_voltage("EXC")
    run = env.run(50.0)
    assert run.voltage_ids.tolist() == ALL
    assert set(run.spike_ids) == set(ALL)


def test_voltage_has_one_somatic_row_per_cell(env):
    run = env.record_voltage().run(2.0)
    assert run.voltage_ids.tolist() == ALL
    assert run.voltage_sections.tolist() == ["soma"] * 6
    assert run.voltage.shape == (6, 20)
    assert run.voltage.dtype == np.float64
    assert run.voltage_dt == env.voltage_recording_dt == 0.1


@pytest.mark.parametrize(
    ("options", "ids", "sections"),
    [
        ({"sections": "dend"}, [0, 1, 2, 3], ["dend"] * 4),
        ({"sections": ["dend", "soma"]}, [0, 0, 1, 1, 2, 2, 3, 3, 4, 5], ["soma", "dend"] * 4 + ["soma"] * 2),
        ({"sections": ("soma",), "population": "INH"}, [4, 5], ["soma"] * 2),
        ({"gids": 3}, [3], ["soma"]),
        ({"gids": [5, 0, 0]}, [0, 5], ["soma"] * 2),
        ({"gids": np.array([4, 1]), "sections": ["soma", "dend"]}, [1, 1, 4], ["soma", "dend", "soma"]),
        ({"gids": range(3), "population": "EXC", "dt": 0.5}, [0, 1, 2], ["soma"] * 3),
    ],
)
def test_voltage_by_cell_and_section(env, options, ids, sections):
    env.record_voltage(**options)
    run = env.run(2.0)
    assert run.voltage_ids.tolist() == ids
    assert run.voltage_sections.tolist() == sections
    assert run.voltage.shape == (len(ids), 20 if "dt" not in options else 4)


def test_each_section_is_recorded_as_itself(engine):
    both = lively(engine).record_voltage(sections=["soma", "dend"]).run(20.0)
    soma, dend = lively(engine).record_voltage().run(20.0), lively(engine).record_voltage(sections="dend").run(20.0)
    assert np.array_equal(both.voltage[both.voltage_sections == "soma"], soma.voltage)
    assert np.array_equal(both.voltage[both.voltage_sections == "dend"], dend.voltage)
    assert not np.array_equal(soma.voltage[:4], dend.voltage)


def test_membrane_current_has_the_rows_of_the_model_and_sums_to_what_was_injected(env):
    env.record_membrane_current(dt=0.025).enable_plasticity()
    stimulus = np.random.default_rng(0).normal(0, 0.1, (20, 6))
    run = env.run(40.0, stimulus=Stimulus.from_current(stimulus, 1.0))
    rows = env.model.recording_coordinates(env.system.coordinate_array("EXC"), "EXC")[:, 0].tolist()
    rows += env.model.recording_coordinates(env.system.coordinate_array("INH"), "INH")[:, 0].tolist()
    assert run.current_ids.tolist() == rows == [0, 0, 1, 1, 2, 2, 3, 3, 4, 5]
    assert run.sections("membrane_current").tolist() == ["soma", "dend"] * 4 + ["soma"] * 2
    injected = np.zeros((6, 1600))
    injected[:, :800] = np.repeat(stimulus.T, 40, axis=1)
    sums = np.array([run.current[run.current_ids == gid].sum(axis=0) for gid in ALL])
    np.testing.assert_allclose(sums, injected * 1e-3, rtol=0, atol=1e-14)
    assert np.abs(run.current).max() > 1e-5


def test_membrane_current_of_one_population(env):
    run = env.record_membrane_current("INH", dt=0.5).run(2.0)
    assert run.current_ids.tolist() == [4, 5]
    assert run.current.shape == (2, 4)
    assert run.current_dt == env.membrane_current_recording_dt == 0.5


def test_every_state_can_be_recorded(engine):
    env = lively(engine).enable_plasticity()
    states = env.model.recordable_states()
    for name in states:
        env.record(name, dt=0.5)
    run = env.run(30.0)
    assert set(run.channels) == set(states)
    for name in states:
        values, sections = run.values(name), run.sections(name)
        assert np.isfinite(values).all(), name
        assert values.shape[1] == 60
        assert set(sections) <= {"soma", "dend"}
        if name[:2] in ("na", "kd", "ka", "ca") and name[-2:] in ("_h", "_n", "_m", "_a", "_b"):
            assert values.min() >= 0.0
            assert values.max() <= 1.0
        if name.startswith("g_"):
            assert values.min() >= 0.0
    assert run.ids("na_h").tolist() == ALL
    assert run.ids("ka_a").tolist() == [4, 5]
    assert run.sections("cal_m").tolist() == ["dend"] * 4
    assert run.sections("g_noise_e").tolist() == ["dend"] * 4 + ["soma"] * 2
    assert run.sections("g_noise_i").tolist() == ["soma"] * 6
    assert run.values("learning_EXC").any()


def test_the_generic_form_is_the_special_one(engine):
    env = lively(engine)
    env.record_spikes("EXC").record_voltage("INH", 0.5, [4], "soma").record_membrane_current(dt=0.2)
    special = outcome(env, lambda env: env.run(20.0))
    env = lively(engine)
    env.record("spikes", "EXC").record("voltage", "INH", dt=0.5, gids=[4], sections="soma")
    env.record("membrane_current", dt=0.2)
    assert env.run(20.0) == special


def test_a_repeated_call_wins_from_the_next_run(env):
    env.record_voltage(dt=0.5, gids=[0])
    assert env.run(1.0).voltage.shape == (1, 2)
    env.record_voltage(dt=0.1, sections=["soma", "dend"])
    assert env.run(1.0).voltage.shape == (10, 10)
    env.record_voltage()
    assert env.run(1.0).voltage.shape == (6, 10)
    assert env.voltage_recording_dt == 0.1


def test_recording_changes_nothing(engine):
    def what_becomes_of(env):
        env.enable_plasticity().run(50.0)
        return env.get_weights(), env.record_voltage(sections=["soma", "dend"]).run(1.0).voltage

    bare = outcome(lively(engine), what_becomes_of)
    laden = lively(engine).record_voltage(dt=0.025).record_membrane_current(dt=0.025).record_weights(0.025)
    laden = outcome(laden.record("ca", dt=0.025), what_becomes_of)
    assert bare[0] == laden[0]
    assert np.array_equal(bare[1], laden[1])


def test_a_run_unpacks_as_six(env):
    env.record_spikes().record_voltage(dt=0.5).record_membrane_current(dt=1.0)
    run = env.run(30.0)
    it, t, iv, v, im, mp = run
    assert len(run) == 6
    for i, (value, name) in enumerate(
        [
            (it, "spike_ids"),
            (t, "spike_times"),
            (iv, "voltage_ids"),
            (v, "voltage"),
            (im, "current_ids"),
            (mp, "current"),
        ]
    ):
        assert np.array_equal(value, getattr(run, name))
        assert np.array_equal(value, run[i])
    assert (it.dtype, t.dtype) == (np.int64, np.float64)
    assert (v.shape, mp.shape) == ((6, 60), (10, 30))
    assert (run.voltage_dt, run.current_dt) == (0.5, 1.0)
    assert run["voltage"] is run.channel("voltage")
    with pytest.raises(KeyError, match="unknown channel 'volts'; legal: spikes, voltage, membrane_current"):
        run["volts"]


# On which grid


def test_sample_k_is_at_t0_plus_k_dt(engine):
    fine = lively(engine).record_voltage(dt=0.025).run(10.0)
    for dt, every in ((0.05, 2), (0.1, 4), (0.5, 20), (2.5, 100), (10.0, 400)):
        run = lively(engine).record_voltage(dt=dt).run(10.0)
        assert np.array_equal(run.voltage, fine.voltage[:, ::every])
        assert run["voltage"].dt == dt
        assert run["voltage"].t0 == 0.0


def test_the_first_sample_is_the_state_at_the_start(engine):
    env = Env(small_system(), engine=engine).init().record_voltage(dt=0.025, sections=["soma", "dend"])
    env.v_init = -63.0
    expected = env.run(3.0).voltage
    env.clear().record_voltage(sections=["soma", "dend"])
    assert (env.run(1.0).voltage[:, 0] == -63.0).all()
    second = env.run(2.0)
    assert second.t0 == 1.0
    assert second["voltage"].t0 == 1.0
    assert np.array_equal(second.voltage, expected[:, 40:120:4])


def test_spikes_lie_in_the_half_open_window(engine):
    whole = lively(engine).record_spikes().run(60.0)
    assert (whole.spike_times >= 0).all()
    assert (whole.spike_times < 60.0).all()
    order = np.lexsort((whole.spike_ids, whole.spike_times))
    assert order.tolist() == list(range(len(order)))
    steps = whole.spike_times / 0.025
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


def test_a_spike_stamped_with_the_end_opens_the_next_run(engine):
    whole = lively(engine).record_spikes().run(60.0)
    at = whole.spike_times[5]
    env = lively(engine).record_spikes()
    first = env.run(float(at))
    assert (first.spike_times < at).all()
    assert first.spike_ids.tolist() == whole.spike_ids[whole.spike_times < at].tolist()
    second = env.run(float(60.0 - at))
    assert second.spike_times[0] == 0.0
    assert second.spike_ids.tolist() == whole.spike_ids[whole.spike_times >= at].tolist()
    np.testing.assert_allclose(second.spike_times + at, whole.spike_times[whole.spike_times >= at], rtol=0, atol=1e-9)


def test_such_a_spike_is_kept_by_a_later_wish_and_dropped_with_the_recordings(engine):
    at = float(lively(engine).record_spikes().run(60.0).spike_times[5])
    with lively(engine) as env:
        env.run(at)
        assert env.record_spikes().run(1.0).spike_times[0] == 0.0
    for drop in (Env.clear_recordings, Env.clear):
        with lively(engine).record_spikes() as env:
            env.run(at)
            drop(env)
            times = env.run(1.0).spike_times
            assert not (times == 0.0).any()


def test_recorded_silence_is_empty_not_none(engine):
    run = Env(2, engine=engine).init().record_spikes().run(5.0)
    assert run.spike_ids.tolist() == []
    assert run.spike_times.tolist() == []
    assert run.spike_ids.dtype == np.int64
    assert run.voltage is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_partition_records_the_same(engine, pieces):
    """In units of 0.5 ms, the coarsest recording here."""

    def left_by(pieces):
        with lively(engine).record_spikes().record_voltage(dt=0.1).record_membrane_current(dt=0.5) as env:
            env.record("learning_EXC", dt=0.5).record_weights(0.5).enable_plasticity({"A_ltd": 0.2})
            run = env.run(pieces[0] * 0.5)
            for n in pieces[1:]:
                run = run.concat(env.run(n * 0.5))
            return run, env.t, env.w_recs, env.get_weights()

    assert left_by(pieces) == left_by([sum(pieces)])


# Memory


def test_too_much_is_refused_before_the_run(engine, monkeypatch):
    env = make(small_system(), engine=engine).record_voltage().record_weights(1.0)
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", "1e-5")  # 10 kB: 48 B of voltages each 0.1 ms, 200 B of weights each ms
    env.run(14.0)
    assert env.t == 14.0
    for duration in (11.0, 20.0):
        with pytest.raises(MemoryError, match=r"\(voltage .* GB, weights .* GB\), more than .* narrow 'voltage'"):
            env.run(duration)
        assert env.t == 14.0
    env.record_voltage(gids=[0])
    with pytest.raises(MemoryError, match=r"narrow 'weights': .* clear_recordings\(\) between them"):
        env.run(30.0)
    env.clear_recordings()
    env.run(30.0)
    with pytest.raises(MemoryError):  # what is held counts
        env.run(20.0)
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", "1")
    assert env.run(10.0).t1 == 54.0


@pytest.mark.parametrize("text", ["lots", "nan", "-1", "inf"])
def test_a_limit_that_is_none_is_an_error(engine, monkeypatch, text):
    env = make(2, engine=engine).record_voltage()
    monkeypatch.setenv("LIVN_MAX_RECORDING_GB", text)
    with pytest.raises(ValueError, match=f"LIVN_MAX_RECORDING_GB must be a number.*got '{text}'"):
        env.run(1.0)


def test_the_default_limit_is_four(engine):
    env = make(2, engine=engine).record_voltage(dt=0.025)
    with pytest.raises(MemoryError, match=r"would hold 6.4 GB \(voltage 6.4 GB\), more than LIVN_MAX_RECORDING_GB = 4"):
        env.run(1e7)


def test_what_is_kept_between_runs_follows_every_change(env):
    """Tables of recordings and stimuli serve the next run only where that asks for the same."""
    env.record_voltage(gids=[0, 1])
    assert env.run(5).voltage.shape == (2, 50)
    assert env.run(10).voltage.shape == (2, 100)
    env.record_voltage(dt=0.5, gids=[4], sections="soma")
    run = env.run(5)
    assert (run.voltage_ids.tolist(), run.voltage.shape, run.voltage_dt) == ([4], (1, 10), 0.5)
    env.record("membrane_current")
    run = env.run(5)
    assert run.voltage.shape == (1, 10)
    assert len(run.current) == len(run.current_ids)


def test_stimuli_of_other_cells_reach_those(engine):
    def pushed(env, *gids):
        env.record_voltage()
        for gid in gids:
            run = env.run(5, Stimulus.from_current(np.full((50, 1), 0.5), gids=[gid]))
        return run.voltage

    whole = outcome(make(small_system(), engine=engine), lambda env: pushed(env, 3, 0, 3))
    quiet = outcome(make(small_system(), engine=engine), lambda env: pushed(env, 3, 0, 0))
    assert whole[3].max() > quiet[3].max()
    assert whole[0].max() < quiet[0].max()


def test_recordings_of_a_run_cannot_be_written_to(env):
    env.record_spikes().record_voltage()
    run = env.run(20)
    for array in (run.spike_ids, run.spike_times, run.voltage, run.voltage_ids, run.spikes.ids):
        assert not array.flags.writeable
    first = run.voltage.copy()
    env.run(20)
    np.testing.assert_array_equal(run.voltage, first)
