"""Synapses, learning and faults through an engine, against hand-made oracles."""

import os
import pickle
import signal

import numpy as np
import pytest

from livn import Env, RunInterrupted, SimulationDiverged, System
from livn.engine.base import Probe
from livn.models import plasticity
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.models.synapses import peak_factor


def pair(mechanism="GABA_B", delay=1.0, g=1e-6, section="dend"):
    """Cell 0 onto cell 1 through one synapse too weak to matter."""
    names = ("pre", "post", "section", "mechanism", "delay_ms", "g_unit_uS")
    edges = dict(zip(names, ([x] for x in (0, 1, section, mechanism, delay, g)), strict=True))
    return System.from_arrays({"EXC": 2}, np.zeros((2, 3)), edges)


def kick(env, duration, gid=0, at=1, amplitude=2.0):
    """Run with 1 ms of current into one cell."""
    stimulus = np.zeros((at + 1, 2))
    stimulus[at, gid] = amplitude
    return env.run(duration, stimulus=(stimulus, 1.0))


@pytest.mark.parametrize("mechanism", ["AMPA", "NMDA", "GABA_A", "GABA_B"])
@pytest.mark.parametrize("delay", [0.0, 0.025, 1.0, 7.3])
def test_one_spike_makes_one_double_exponential_after_its_delay(engine, mechanism, delay):
    env = Env(pair(mechanism, delay), engine=engine).init()
    env.record_spikes().record(f"g_{mechanism}", gids=[1], sections="dend", dt=0.025)
    run = kick(env, 60.0)
    (spike,) = run.spike_times
    rise, decay = next(r.kinetics["EXC"] for r in env.model.receptors if r.label == mechanism)
    steps = max(1, int(np.floor(delay / 0.025 + 0.5)))
    t = np.arange(2400) * 0.025 - spike - steps * 0.025
    t = np.where(t > 1e-9, t, 0.0)
    expected = 1e-6 * peak_factor(rise, decay) * (np.exp(-t / decay) - np.exp(-t / rise))
    np.testing.assert_allclose(run.values(f"g_{mechanism}")[0], expected, rtol=1e-9, atol=1e-18)
    peak = rise * decay / (decay - rise) * np.log(decay / rise)
    if peak < 40:
        assert run.values(f"g_{mechanism}").max() == pytest.approx(1e-6, rel=1e-3)


def test_learning_follows_the_rule_evaluated_by_hand(engine):
    env = Env(pair("AMPA"), engine=engine).init().enable_plasticity({"A_ltp": 3.0})
    env.record_voltage(dt=0.025, sections="dend", gids=[1]).record("learning_EXC", dt=0.025, gids=[1], sections="dend")
    stimulus = np.zeros((300, 2))
    stimulus[20:200, 1] = 0.15
    run = env.run(300.0, stimulus=(stimulus, 1.0))
    p = plasticity.DEFAULTS["EXC"] | {"A_ltp": 3.0}
    b, v = np.log(p["learning_slope"]), run.voltage[0]
    ltp = plasticity.gate_above(v, p["theta_ltp"], p["ltp_sigmoid_half"], b)
    ltd = plasticity.gate_above(v, p["theta_ltd"], p["ltd_sigmoid_half"], b)
    driven = plasticity.drive(ltp, ltd, p["A_ltp"], p["A_ltd"], b, p["learning_tau"])
    signal, integral = 0.0, 0.0
    expected = []
    for d in driven:
        expected.append(integral)
        signal, integral = plasticity.learn(signal, integral, d, np.exp(-0.025 / 4.0), 0.025)
    np.testing.assert_allclose(run.values("learning_EXC")[0], expected, rtol=1e-9, atol=1e-12)
    assert abs(integral) > 1e-3


def test_short_term_depression_follows_tsodyks_and_markram(engine):
    env = Env(pair("AMPA"), ReducedCalciumSomaDendrite(short_term_depression=True), engine=engine).init()
    assert len(env.get_weights()) == 0
    env.record_spikes().record("g_AMPA", gids=[1], sections="dend", dt=0.025)
    stimulus = np.zeros((300, 2))
    stimulus[10:260, 0] = 0.25
    run = env.run(300.0, stimulus=(stimulus, 1.0))
    assert len(run.spike_times) > 5
    t = np.arange(12000) * 0.025
    expected, resources, last = np.zeros_like(t), 1.0, None
    for arrival in run.spike_times + 1.0:
        if last is not None:
            resources = 1.0 - (1.0 - resources) * np.exp(-(arrival - last) / 400.0)
        s = np.maximum(t - arrival, 0.0)
        expected += resources * 0.25 * 1e-6 * peak_factor(0.5, 3.0) * (np.exp(-s / 3.0) - np.exp(-s / 0.5))
        resources, last = resources * 0.75, arrival
    np.testing.assert_allclose(run.values("g_AMPA")[0], expected, rtol=1e-6, atol=1e-15)


def test_refractory_period_drops_spikes(engine):
    def spikes(period):
        env = Env(1, ReducedCalciumSomaDendrite(refractory_period=period), engine=engine).init().record_spikes()
        return env.run(200.0, stimulus=(np.full((200, 1), 0.2), 1.0)).spike_times

    free, held = spikes(0.0), spikes(60.0)
    assert np.diff(free).min() < 60.0
    assert np.diff(held).min() >= 60.0
    assert set(np.round(held, 6)) <= set(np.round(free, 6))


def test_membrane_currents_sum_to_the_injected_current(engine):
    env = Env({"EXC": 2, "INH": 1}, engine=engine).init().record_membrane_current(dt=0.1)
    rng = np.random.default_rng(0)
    stimulus = rng.normal(0, 0.05, (40, 5))
    run = env.run(4.0, stimulus=(stimulus, 0.1))
    sums = np.array([run.current[run.current_ids == g].sum(axis=0) for g in range(3)])
    injected = np.array([stimulus[:, [0, 1]].sum(1), stimulus[:, [2, 3]].sum(1), stimulus[:, 4]]) * 1e-3
    np.testing.assert_allclose(sums, injected, rtol=0, atol=1e-15)
    assert np.abs(run.current[0]).max() > 1e-6


def test_a_finer_or_odd_stimulus_grid_loses_no_charge(engine):
    rng = np.random.default_rng(1)
    for grid, rows in ((0.01, 300), (0.07, 40), (0.025, 120), (0.5, 6)):
        env = Env(1, engine=engine).init().record_membrane_current(dt=0.025)
        stimulus = rng.normal(0, 0.02, (rows, 1))
        run = env.run(4.0, stimulus=(stimulus, grid))
        charge = run.current.sum() * 0.025 * 1e3
        assert charge == pytest.approx(stimulus.sum() * grid, rel=1e-9)


def test_divergence_names_cell_compartment_and_time(engine):
    env = Env({"EXC": 20, "INH": 3}, engine=engine).init().record_spikes()
    stimulus = np.zeros((100, 43))
    stimulus[5:, 2 * 17 + 1] = -1e6
    with pytest.raises(SimulationDiverged, match=r"cell 17, (soma|dend)") as error:
        env.run(100.0, stimulus=(stimulus, 1.0))
    assert error.value.gid == 17
    assert 5.0 < error.value.time <= 6.1
    env.clear()
    assert np.isfinite(env.run(5.0).duration)


def test_nan_is_found(engine):
    env = Env(3, engine=engine).init()
    env.run(2.0)
    state = env._engine().read_state()
    state["EXC.ca_dend"][1] = np.nan
    env._engine().write_state(state)
    with pytest.raises(SimulationDiverged, match="cell 1") as error:
        env.run(10.0)
    assert error.value.time <= 3.1
    assert np.isnan(error.value.value)


def test_progress_is_reported_and_an_interrupt_ends_at_a_whole_sample(engine):
    env = Env(4, engine=engine).init().record_spikes().record_voltage(dt=0.1).record_weights(dt=1.0)
    seen: list[int] = []

    def interrupt(done):
        seen.append(done)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    probe = Probe("voltage", np.arange(4), np.zeros(4, np.int64), 4)
    result = env._engine().advance(4_000_000, [probe], trace_every=40, progress=interrupt)
    assert seen == sorted(seen)
    assert result.steps == seen[-1] < 4_000_000
    assert result.steps % 4 == 0
    assert result.series[0].shape == (4, result.steps // 4)
    assert np.isfinite(result.series[0]).all()
    assert len(result.traces) == result.steps // 40

    env = Env(4, engine=engine).init().record_spikes().record_voltage(dt=0.1).record_weights(dt=1.0)
    seen.clear()
    with pytest.raises(RunInterrupted, match="interrupted after") as stopped:
        env.run(100_000.0, progress=interrupt)
    run = stopped.value.run
    assert run.duration == pytest.approx(env.t)
    assert run.duration == seen[-1]
    assert run.voltage.shape == (4, round(run.duration / 0.1))
    assert pickle.loads(pickle.dumps(stopped.value)).run == run
    assert env.run(1.0).t0 == pytest.approx(env.t - 1.0)
