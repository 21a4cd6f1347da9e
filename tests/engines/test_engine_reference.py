"""Against recordings made with NEURON: every spike to the step."""

import numpy as np
import pytest

from livn import Env
from tests.conftest import reference
from tests.engines.helpers import network_a

CELLS = reference("cells")


@pytest.mark.parametrize("case", CELLS, ids=lambda c: f"{c['kind']}-{c['section']}-{c['amp_nA']}nA")
def test_cell_fires_to_the_step_and_follows_the_voltage(engine, case):
    dt, last = case["dt"], len(case["v_every_1ms"]) - 1
    env = Env({case["kind"]: 1}, engine=engine)
    env.v_init = case["v_init"]
    env.init().record_spikes().record_voltage(dt=1.0)
    env.model.refractory_period = 0.0
    sections = len(env.model.cell_type(case["kind"]).sections)
    current = np.zeros((last + 1, sections))
    column = env.model.cell_type(case["kind"]).sections.index(case["section"])
    onset, length = round(case["delay_ms"]), round(case["dur_ms"])
    current[onset : onset + length, column] = case["amp_nA"]
    run = env.run(last + 1, stimulus=(current, 1.0), dt=dt)
    spikes = run.spike_times[run.spike_times <= last + dt / 2]
    np.testing.assert_array_equal(np.round(spikes / dt), np.round(np.array(case["spikes"]) / dt))
    np.testing.assert_allclose(run.voltage[0], case["v_every_1ms"], rtol=0, atol=1e-2)


def test_network_fires_to_the_step_and_learns_as_recorded(engine):
    env, stimulus, data = network_a(engine)
    env.enable_plasticity()
    run = env.run(data["T"], stimulus=(stimulus, 1.0), dt=data["dt"])
    for gid in range(data["n"]):
        got = np.round(run.spike_times[run.spike_ids == gid] / data["dt"])
        np.testing.assert_array_equal(got, np.round(np.array(data["spikes"][gid]) / data["dt"]))
    weights = env.get_weights()
    got = [weights[post, syn_id, mechanism] for _, post, syn_id, mechanism, *_ in data["edges"]]
    np.testing.assert_allclose(got, data["w_final"], rtol=0, atol=1e-4)
    assert np.std(got) > 0.01  # it learned


def test_learning_is_the_same_at_every_step_size(engine):
    change = {}
    for dt in (0.0125, 0.025, 0.05):
        env, stimulus, _ = network_a(engine)
        env.enable_plasticity()
        env.run(300.0, stimulus=(stimulus[:300], 1.0), dt=dt)
        change[dt] = np.mean(env.get_weights().array - 1.0)
    assert abs(change[0.0125]) > 1e-3
    assert change[0.025] == pytest.approx(change[0.0125], rel=0.05)
    assert change[0.05] == pytest.approx(change[0.0125], rel=0.10)
