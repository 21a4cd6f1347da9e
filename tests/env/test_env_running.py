"""Running: the clock, the step, what is injected, and starting again."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from livn import Env, SimulationDiverged, Stimulus, make
from livn.models.rcsd import ReducedCalciumSomaDendrite
from tests.env.helpers import LIVELY, lively, outcome, small_system


def quiet(engine: str, system=None, model=None) -> Env:
    """A culture without background, its voltages recorded everywhere."""
    env = Env(small_system() if system is None else system, model, engine=engine).init()
    return env.record_spikes().record_voltage(dt=0.025, sections=["soma", "dend"])


# The clock


def test_time_is_absolute_and_runs_are_relative(env):
    env.record_spikes()
    assert env.t == 0.0
    first, second = env.run(30), env.run(12.5)
    assert (first.t0, first.t1, second.t0, second.t1) == (0.0, 30.0, 30.0, 42.5)
    assert second.duration == 12.5
    assert env.t == 42.5
    assert (second.spike_times < 12.5).all()


def test_times_do_not_drift(env):
    env.record_voltage()
    assert env.run(0.1 + 0.2).duration == 0.3
    for _ in range(9):
        run = env.run(0.3)
    assert (run.t0, run.t1, env.t) == (2.7, 3.0, 3.0)


@pytest.mark.parametrize("duration", [np.float32(2.0), np.int64(2), np.array(2.0), 2])
def test_any_real_number_is_a_duration(env, duration):
    assert env.run(duration).duration == 2.0


def test_the_step_is_fixed_until_clear(env):
    env.run(1.0)
    env.run(1.0, dt=0.025)
    with pytest.raises(ValueError, match=r"dt is 0.025 ms until clear\(\), got 0.05"):
        env.run(1.0, dt=0.05)
    env.clear()
    env.record_voltage(dt=0.05)
    assert env.run(1.0, dt=0.05).voltage.shape == (6, 20)
    env.run(0.05)
    with pytest.raises(ValueError, match=r"dt is 0.05 ms"):
        env.run(1.0, dt=0.025)
    with pytest.raises(ValueError, match=r"duration must be a multiple of the step dt = 0.05 ms, got 0.075"):
        env.run(0.075)
    env.clear()
    assert env.run(0.05).voltage.shape == (6, 1)  # back to the default, 0.025
    env.record_voltage(dt=0.025)
    assert env.run(0.05).voltage.shape == (6, 2)


def test_a_recording_finer_than_the_step_is_refused(env):
    env.record_voltage(dt=0.1)
    with pytest.raises(ValueError, match=r"the recording dt of 'voltage' must be (at least|a multiple of).* 0.2"):
        env.run(1.0, dt=0.2)
    env.record_voltage(dt=0.2).record_weights(0.3)
    with pytest.raises(ValueError, match=r"the dt of record_weights must be a multiple of the step dt = 0.2 ms"):
        env.run(1.0, dt=0.2)
    assert env.t == 0.0
    assert env.record_weights(0.4).run(1.0, dt=0.2).voltage.shape == (6, 5)


def test_a_run_that_fails_at_once_has_not_begun(engine):
    def settle_and_run(env):
        env.v_init = -60.0  # which a run would have fixed
        env.enable_plasticity({"w_init": 2.0}).record_voltage()  # and this
        return env.run(5.0, dt=0.025)

    spared = outcome(make(small_system(), engine=engine), settle_and_run)
    env = make(small_system(), engine=engine)
    bad = Stimulus(source=lambda a, b: np.zeros((3, 3)), gids=[0], extent=5.0, input_mode="current")
    with pytest.raises(ValueError, match="source"):
        env.run(5.0, bad, dt=0.05)
    assert env.t == 0.0
    assert settle_and_run(env) == spared
    assert set(env.get_weights().array) == {2.0}


# The start


def test_v_init_is_the_potential_of_every_compartment(engine):
    for value in (-70.0, -40, np.float32(-50.0), None):
        with quiet(engine) as env:
            env.v_init = value
            assert env.v_init == value
            start = env.run(1.0)
        expected = [-57.4] * 8 + [-60.0] * 2 if value is None else float(value)
        assert (start.voltage[:, 0] == expected).all()


def test_gates_start_at_their_steady_state(engine):
    env = quiet(engine)
    env.v_init = -45.0
    for gate in ("na_h", "kdr_n", "can_m", "can_h"):
        env.record(gate, dt=0.025)
    run = env.run(0.1)
    for gate, half, slope in [("na_h", -55, -7.0), ("kdr_n", -28, 15.0), ("can_m", -30, 5.0), ("can_h", -45, -5.0)]:
        expected = 1.0 / (1.0 + np.exp(-(-45.0 - half) / slope))
        np.testing.assert_allclose(run.values(gate)[:, 0], expected, rtol=1e-12)


def test_v_init_can_be_set_before_the_first_run_and_after_clear(engine):
    env = Env(small_system(), engine=engine)
    assert env.v_init is None
    env.v_init = -61.0
    env.init().record_voltage()
    env.v_init = -62.0
    assert env.run(1.0).voltage[0, 0] == -62.0
    with pytest.raises(RuntimeError, match="v_init"):
        env.v_init = -63.0
    assert env.v_init == -62.0
    assert env.clear().run(1.0).voltage[0, 0] == -62.0  # it stays
    env.clear()
    env.v_init = None
    assert env.run(1.0).voltage[0, 0] == -57.4


# Stimuli


def test_every_form_of_the_same_stimulus(engine):
    rng = np.random.default_rng(3)
    cells = rng.uniform(-0.1, 0.3, (20, 6))
    compartments = np.zeros((20, 10))
    compartments[:, [0, 2, 4, 6, 8, 9]] = cells
    forms = [
        (cells, 1.0, None, "current"),
        (cells.tolist(), 1.0, None, "current"),
        Stimulus.from_current(compartments, 1.0),
        {"array": cells, "input_mode": "current"},
        (np.repeat(cells, 2, axis=0), 0.5, None, "current"),
        (cells, 1.0, range(6), "current"),
        {"array": cells[:, ::-1], "gids": range(5, -1, -1), "dt": 1.0, "input_mode": "current"},
        {"array": cells, "gids": range(6), "sections": [0] * 6, "input_mode": "current", "units": "nA"},
        Stimulus(cells, input_mode="current"),
        Stimulus.from_current(cells, 1.0, gids=range(6)),
        Stimulus.from_current(np.repeat(cells, 40, axis=0), 0.025),
        Stimulus(source=lambda a, b: cells[round(a) : round(b)], gids=range(6), extent=20.0, input_mode="current"),
    ]
    runs = [quiet(engine).run(30.0, form) for form in forms]
    assert len(runs[0].spike_ids) > 3
    for run in runs[1:]:
        assert run == runs[0]
    assert quiet(engine).run(30.0).spike_ids.size == 0


def test_a_stimulus_acts_on_its_compartment(engine):
    stimulus = Stimulus.from_current(np.full((10, 2), 0.05), 1.0, gids=[1, 5], sections=[1, 0])
    run, still = quiet(engine).run(10.0, stimulus), quiet(engine).run(10.0)
    moved = np.abs(run.voltage[:, 1] - still.voltage[:, 1])  # after one step
    assert set(np.flatnonzero(moved > 1e-3)) == {2, 3, 9}
    assert moved[3] > 1.2 * moved[2]  # the dendrite of cell 1, then its soma


def test_current_density_is_current_per_area(engine):
    model = ReducedCalciumSomaDendrite()
    areas = []
    for kind, count in (("EXC", 4), ("INH", 2)):
        cell = model.cell_types[kind]
        areas += [a for _ in range(count) for a in cell.areas(cell.parameters)[: len(cell.sections)]]
    areas = np.array(areas)
    assert areas[8] == pytest.approx(np.pi * 19.411474227905273**2)
    current = np.random.default_rng(4).uniform(0, 0.1, (20, 10))
    a = quiet(engine).run(20.0, Stimulus.from_current(current, 1.0))
    b = quiet(engine).run(20.0, Stimulus.from_current_density(current / (areas * 1e-2), 1.0))
    np.testing.assert_allclose(a.voltage, b.voltage, rtol=0, atol=1e-6)


def test_current_density_follows_a_changed_area(engine):
    def voltage_under(stimulus):
        with quiet(engine) as env:
            env.cells.set_params({"INH:soma.d": 30.0})
            return env.run(5.0, stimulus).voltage

    density = Stimulus.from_current_density(np.full((5, 1), 1e-3), 1.0, gids=[4])
    current = Stimulus.from_current(np.full((5, 1), 1e-3 * np.pi * 30.0**2 * 1e-2), 1.0, gids=[4])
    np.testing.assert_allclose(voltage_under(density), voltage_under(current), rtol=0, atol=1e-9)


def test_a_conductance_is_one_to_0_mv(engine):
    stimulus = Stimulus.from_conductance(np.full((50, 2), 2e-3), 1.0, gids=[0, 1], sections=[1, 0])
    a = outcome(quiet(engine, {"EXC": 1, "INH": 1}), lambda env: env.run(50.0, stimulus))
    noisy = quiet(engine, {"EXC": 1, "INH": 1}).set_noise({"g_e0": 2e-3})  # no spread: on EXC's dend, on INH's soma
    b = noisy.run(50.0)
    assert len(a.spike_ids) > 0
    assert a.spike_times.tolist() == b.spike_times.tolist()
    np.testing.assert_allclose(a.voltage, b.voltage, rtol=0, atol=1e-6)


def test_a_bare_array_acts_as_the_model_says(engine):
    conductance = ReducedCalciumSomaDendrite(input_mode="conductance")
    density = ReducedCalciumSomaDendrite(input_mode="current_density")
    array = np.full((10, 6), 1e-3)
    for model, same in ((conductance, Stimulus.from_conductance), (density, Stimulus.from_current_density)):
        expected = quiet(engine).run(10.0, same(array, 1.0))
        with quiet(engine, model=model) as env:
            assert env.run(10.0, array) == expected
            assert env.clear().run(10.0, (array, 1.0)) == expected
    expected = quiet(engine).run(10.0, Stimulus.from_current(array, 1.0))
    assert quiet(engine, model=conductance).run(10.0, {"array": array, "input_mode": "current"}) == expected


def test_a_stimulus_starts_with_its_run_and_ends_with_its_rows(engine):
    rows = np.full((4, 6), 0.1)
    late = np.zeros((12, 6))
    late[5:9] = 0.1
    env = quiet(engine)
    first = env.run(12.0, Stimulus.from_current(late, 1.0))
    env.clear().run(5.0)
    np.testing.assert_array_equal(env.run(7.0, Stimulus.from_current(rows, 1.0)).voltage, first.voltage[:, 200:])
    assert env.clear().run(12.0, Stimulus.from_current(late[:9], 1.0)) == first


def test_what_lies_beyond_the_run_is_dropped_with_a_warning(engine):
    short = outcome(quiet(engine), lambda env: env.run(5.0, Stimulus.from_current(np.full((5, 6), 0.1), 1.0)))
    env = quiet(engine)
    with pytest.warns(RuntimeWarning, match="lasts 10 ms: what lies beyond the run's 5 ms is dropped") as caught:
        cut = env.run(5.0, Stimulus.from_current(np.full((10, 6), 0.1), 1.0))
    assert len(caught) == 1
    assert cut == short
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env.run(5.0, Stimulus.from_current(np.zeros((10, 6)), 1.0))  # there is nothing to lose
        with pytest.raises(RuntimeWarning):
            env.run(5.0, Stimulus.from_current(np.ones((10, 6)), 1.0))
    assert env.t == 10.0


def test_stimuli_of_several_grids_follow_each_other(engine):
    def voltage_after(grids):
        with quiet(engine) as env:
            for dt, rows in grids:
                env.run(4.0, Stimulus.from_current(np.full((rows, 6), 0.02), dt))
            return env.run(1.0).voltage

    several = voltage_after([(1.0, 4), (0.1, 40), (0.3, 10), (0.0125, 320)])
    plain = voltage_after([(1.0, 4), (1.0, 4), (0.3, 10), (1.0, 4)])
    np.testing.assert_allclose(several, plain, rtol=0, atol=1e-9)


def test_what_came_and_what_went_out_are_copies(engine):
    stimulus, noise, weights = np.zeros((5, 6)), {"INH": {"g_e0": 1e-3}}, {"EXC_EXC": 2.0}
    with lively(engine).record_voltage().set_noise(noise).set_weights(weights) as spared:
        spared.run(5.0, (stimulus, 1.0, None, "current"))
        spared.run(5.0)
        expected = spared.run(5.0)
    env = lively(engine).record_voltage().set_noise(noise).set_weights(weights)
    first = env.run(5.0, (stimulus, 1.0, None, "current"))
    kept = first.voltage.copy()
    stimulus[:], noise["INH"]["g_e0"], weights["EXC_EXC"] = 9.0, 0.5, 9.0
    with pytest.raises(ValueError, match="read-only"):
        first.voltage[0, 0] = 0.0
    env.active_gids()[:] = 0
    env.weight_names.clear()
    env.run(5.0)
    assert np.array_equal(first.voltage, kept)
    assert env.run(5.0) == expected


def test_cultures_share_nothing(engine):
    system = small_system()
    edges = system.edges.copy()
    alone = make(small_system(), engine=engine).record_voltage().run(20.0)
    one = make(system, engine="cpu").record_voltage()
    with make(system, engine=engine).record_voltage() as other:
        one.set_weights({"EXC_EXC": 9.0}).set_noise(LIVELY).cells.set_params({"soma.g_pas": 1e-3})
        one.run(20.0)
        assert other.run(20.0) == alone
    assert system.edges.equals(edges)
    with make(system, engine=engine) as one:
        one.set_weights({"EXC_EXC": 9.0}).set_noise(LIVELY).cells.set_params({"soma.g_pas": 1e-3})
        one.run(20.0)
    assert make(system, engine=engine).record_voltage().run(20.0) == alone  # nor is anything left of one


def test_progress_is_told_in_ms(engine):
    env = lively(engine).record_spikes()
    env.run(10.0)
    spared = env.run(100.0)
    env.clear(reseed=False).run(10.0)
    seen: list[float] = []
    assert env.run(100.0, progress=seen.append) == spared
    assert seen == sorted(set(seen))
    assert seen[-1] == 100.0
    assert all(type(ms) is float and ms > 0.0 for ms in seen)


def test_a_diverged_culture_says_so_until_it_is_cleared(engine, tmp_path):
    whole = lively(engine).enable_plasticity().record_spikes().run(20.0)
    env = lively(engine).enable_plasticity().record_spikes()
    env.run(20.0)
    with pytest.raises(SimulationDiverged, match=r"cell 2, (soma|dend), reached .* mV at t = 2\d.* ms") as error:
        env.run(20.0, Stimulus.from_current(np.full((20, 1), 1e9), 1.0, gids=[2]))
    assert error.value.gid == 2
    assert 20.0 < error.value.time <= 21.1
    for call in (lambda: env.run(1.0), lambda: env.save(tmp_path / "culture")):
        with pytest.raises(RuntimeError, match=r"this culture diverged: clear\(\) starts again"):
            call()
    assert list(tmp_path.iterdir()) == []
    assert np.isfinite(env.get_weights().array).all()
    env.clear(reseed=False, reset_weights=True)
    assert env.run(20.0) == whole


# Starting again


def trained(engine: str) -> Env:
    env = lively(engine).record_spikes().record_voltage().record_weights(1.0)
    return env.enable_plasticity({"A_ltd": 0.2})


def test_clear_goes_back_to_the_start_and_keeps_the_settings(engine):
    env = trained(engine)
    env.set_weights({"EXC_EXC": 2.0}).cells.set_params({"INH:soma.cm": 1.1})
    first = env.run(60.0)
    learned = env.get_weights()
    assert learned.array.std() > 0
    assert env.clear() is env
    assert env.t == 0.0
    assert env.get_weights() == learned  # they survive
    assert len(next(iter(env.w_recs.values()))) == 0
    assert env.cells.get_params()["soma.cm"][4] == 1.1
    again = env.run(60.0)
    assert again.t0 == 0.0
    assert set(again.channels) == set(first.channels)
    assert np.array_equal(again.voltage[:, 0], first.voltage[:, 0])
    assert not np.array_equal(again.voltage, first.voltage)  # other noise, other weights
    assert env.w_recs.t.tolist() == list(range(1, 61))
    assert env.get_weights() != learned  # it still learns


def test_clear_replays_bit_for_bit(engine):
    env = trained(engine)
    first, weights, traces = env.run(60.0), env.get_weights(), env.w_recs
    env.clear(reseed=False, reset_weights=True)
    assert set(env.get_weights().array) == {1.0}
    assert env.run(60.0) == first
    assert env.get_weights() == weights
    assert env.w_recs == traces


def test_clear_leaves_no_spike_in_flight_and_no_conductance(engine):
    env = lively(engine).record_spikes()
    spike = env.run(60.0).spike_times
    env.clear(reseed=False).run(float(spike[spike > 20.0][0]) + 0.5)
    env.set_noise({"g_e0": 0.0, "std_e": 0.0})
    env.clear()
    for name in ("g_AMPA", "g_NMDA", "g_GABA_A", "g_GABA_B"):
        env.record(name)
    run = env.run(5.0)
    assert not any(run.values(n).any() for n in run.channels if n != "spikes")
    assert run.spike_ids.size == 0


def test_a_fresh_stream_is_reproducible(engine):
    def three_runs(env):
        return [env.run(60.0), env.clear().run(60.0), env.clear(reseed=True).run(60.0)]

    first = outcome(lively(engine).record_spikes(), three_runs)
    env = lively(engine).record_spikes()
    assert three_runs(env) == first
    assert first[0] != first[1] != first[2] != first[0]
    assert env.clear(reseed=False).run(60.0) == first[2]


def test_clear_before_the_first_run_is_welcome(engine):
    first = lively(engine).record_spikes().run(50.0)
    env = lively(engine).record_spikes()
    assert env.clear(reseed=False).t == 0.0
    assert env.run(50.0) == first


def test_reseed_noise_changes_the_noise_from_now_on(engine):
    def runs(change):
        env = lively(engine).record("g_noise_e", dt=0.1)
        first = env.run(5.0)
        change(env)
        return first, env.run(5.0)

    same = runs(lambda e: None)
    other = runs(lambda e: e.reseed_noise())
    third = runs(lambda e: e.reseed_noise(3))
    assert runs(lambda e: e.reseed_noise()) == other
    assert runs(lambda e: e.reseed_noise(np.int64(1))) == other  # the next one
    assert same[0] == other[0] == third[0]
    values = [pair[1].values("g_noise_e") for pair in (same, other, third)]
    assert np.array_equal(values[0][:, 0], values[1][:, 0])  # the state stays, what comes is new
    assert not np.array_equal(values[0], values[1])
    assert not np.array_equal(values[1], values[2])


def test_reseed_noise_before_the_first_run_counts(engine):
    def two_runs(env):
        return env.run(50.0), env.reseed_noise(7).clear(reseed=False).run(50.0)

    early = outcome(lively(engine).record_spikes().reseed_noise(7), two_runs)
    late = outcome(lively(engine).record_spikes(), two_runs)
    assert early[0] != late[0]
    assert early[0] == early[1] == late[1]
