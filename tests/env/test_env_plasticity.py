"""Learning as people meet it: on, off, scaled, put back, recorded, summed up."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping

import numpy as np
import pytest

from livn import Env, make
from livn.models.rcsd import ReducedCalciumSomaDendrite
from tests.env.helpers import LIVELY, lively, outcome, small_system

STRONG = {"A_ltd": 0.2, "learning_tau": 5.0}
MECHANISMS = {"StdpLinExp2Syn", "StdpLinExp2SynNMDA", "StdpLinExp2SynInh"}


@pytest.fixture
def learner(engine) -> Env:
    return lively(engine).enable_plasticity(STRONG)


def sums(env: Env) -> dict[int, float]:
    frame = env.get_weights().to_frame()
    return frame.groupby("post").w.sum().to_dict()


# get_weights


def test_weights_are_a_mapping_of_every_plastic_synapse(env):
    weights = env.get_weights()
    assert isinstance(weights, Mapping)
    keys = list(weights)
    assert keys == sorted(keys, key=lambda k: k[:2])
    assert len(weights) == len(set(keys)) == 50  # 4 EXC x (6 + 2) + 2 INH x (8 + 1), GABA_B does not learn
    assert {k[2] for k in keys} == MECHANISMS
    assert all(type(k[0]) is int and type(k[1]) is int and type(k[2]) is str for k in keys)
    assert all(type(w) is float and w == 1.0 for w in weights.values())
    assert weights == dict.fromkeys(keys, 1.0)
    assert dict(weights) == dict(weights.items())
    assert weights[keys[0]] == weights.get(keys[0]) == 1.0
    assert keys[0] in weights
    assert (0, 99, "StdpLinExp2Syn") not in weights
    with pytest.raises(KeyError, match="cell 99 has no plastic synapses"):
        weights[99, 0, "StdpLinExp2Syn"]
    assert weights.array.dtype == np.float64
    assert pickle.loads(pickle.dumps(weights)) == weights


def test_the_frame_tells_where_a_synapse_is(env):
    frame = env.get_weights().to_frame()
    assert list(frame.columns) == ["pre", "post", "syn_id", "mechanism", "section", "w"]
    assert list(zip(frame.post, frame.syn_id, frame.mechanism, strict=True)) == list(env.get_weights())
    assert set(frame.section[(frame.post < 4) & (frame.pre < 4)]) == {"dend"}
    assert set(frame.section[frame.post >= 4]) == {"soma"}  # INH has no other
    assert (frame.pre != frame.post).all()
    assert set(frame.mechanism[frame.pre >= 4]) == {"StdpLinExp2SynInh"}


def test_a_snapshot_is_not_altered_by_later_runs(learner):
    before = learner.get_weights()
    copy = before.array.copy()
    learner.run(60.0)
    assert np.array_equal(before.array, copy)
    assert learner.get_weights() != before
    with pytest.raises(ValueError, match="read-only"):
        before.array[0] = 3.0


# On and off


def test_weights_change_only_while_plasticity_is_on(engine):
    env = lively(engine)
    start = env.get_weights().array
    env.run(50.0)
    assert np.array_equal(env.get_weights().array, start)
    env.enable_plasticity(STRONG).run(50.0)
    learned = env.get_weights().array
    assert learned.std() > 1e-4
    env.disable_plasticity()
    for _ in range(3):
        env.run(20.0)
        assert np.array_equal(env.get_weights().array, learned)
    env.enable_plasticity(STRONG).run(50.0)
    assert not np.array_equal(env.get_weights().array, learned)


def test_learning_stands_still_while_it_is_off(engine):
    env = lively(engine).enable_plasticity(STRONG).record("learning_EXC", dt=0.1).record("learning_INH", dt=0.1)
    on = env.run(30.0)
    off = env.disable_plasticity().run(30.0)
    again = env.enable_plasticity(STRONG).run(30.0)
    for name in ("learning_EXC", "learning_INH"):
        assert (off.values(name) == off.values(name)[:, :1]).all()
        assert np.array_equal(off.values(name)[:, -1], again.values(name)[:, 0])
        assert np.ptp(again.values(name)) > 0
    assert np.ptp(on.values("learning_EXC")) > 0


def test_what_happened_while_off_is_not_paid_out(engine):
    env = lively(engine).set_noise({"g_e0": 0.01})  # driven hard
    env.run(200.0)
    env.enable_plasticity({"A_ltp": 0.0, "A_ltd": 0.0}).run(200.0)
    assert set(env.get_weights().array) == {1.0}


def test_plasticity_follows_the_contract_in_where_it_acts(engine):
    for group, mechanisms in ReducedCalciumSomaDendrite().neuron_plasticity_mechanism_groups().items():
        other = {"EXC": "INH", "INH": "EXC"}[group]
        with lively(engine).set_noise({"g_i0": 0.2, "E_i": -85.0} if group == "INH" else {}) as env:
            env.enable_plasticity({other: {"A_ltp": 0.0, "A_ltd": 0.0}, group: {"A_ltp": 3.0, "A_ltd": 0.0}})
            env.run(20.0)
            env.set_noise({"g_i0": 0.0}).run(60.0)
            frame = env.get_weights().to_frame()
        moved = frame.mechanism.isin(mechanisms)
        assert (frame.w[~moved] == 1.0).all()
        assert (frame.w[moved] > 1.0).any()


def test_clear_starts_learning_anew(learner):
    learner.run(60.0)
    learned = learner.get_weights()
    learner.enable_plasticity({"A_ltp": 0.0, "A_ltd": 0.0}).clear().run(100.0)  # nothing to learn, nothing owed
    assert learner.get_weights() == learned


# Parameters


def test_flat_and_nested_parameters_mean_the_same(engine):
    def weights(config):
        with lively(engine).enable_plasticity(config) as env:
            env.run(50.0)
            return env.get_weights()

    assert weights({"A_ltd": 0.2}) == weights({"EXC": {"A_ltd": 0.2}, "INH": {"A_ltd": 0.2}})
    assert (
        weights(None)
        == weights({})
        == weights({"EXC": {}})
        == weights(ReducedCalciumSomaDendrite().neuron_plasticity_defaults())
    )
    assert weights({"A_ltd": 0.2}) != weights(None)
    assert weights({"EXC": {"A_ltd": 0.2}}) != weights({"INH": {"A_ltd": 0.2}})


def test_overrides_sit_on_the_defaults_not_on_the_previous_call(engine):
    def weights(*configs):
        with lively(engine) as env:
            for config in configs:
                env.enable_plasticity(config)
            env.run(50.0)
            return env.get_weights()

    assert weights({"A_ltd": 0.0}, {"A_ltp": 2.0}) == weights({"A_ltp": 2.0}) != weights({"A_ltd": 0.0})


def test_a_call_while_on_changes_parameters_only(engine):
    env = lively(engine).enable_plasticity(STRONG)
    spared = []
    for _ in range(2):
        env.run(40.0)
        spared.append(env.get_weights())
    env.close()
    env = lively(engine).enable_plasticity(STRONG)
    env.run(40.0)
    env.enable_plasticity(STRONG)
    assert env.get_weights() == spared[0]
    assert env.plasticity_summary()[0].sampled_ms == 40.0  # not begun anew
    env.run(40.0)
    assert env.get_weights() == spared[1]
    env.enable_plasticity({"w_max": 1.0, "w_min": 1.0})
    assert set(env.get_weights().array) == {1.0}  # clipped at once


def test_new_bounds_clip_at_once_and_hold(engine):
    env = lively(engine).enable_plasticity(STRONG)
    env.run(60.0)
    w = env.get_weights().array
    low, high = np.quantile(w, [0.3, 0.7])
    env.enable_plasticity({"w_min": low, "w_max": high})
    assert np.array_equal(env.get_weights().array, np.clip(w, low, high))
    env.run(60.0)
    assert (env.get_weights().array >= low).all()
    assert (env.get_weights().array <= high).all()
    env.disable_plasticity()
    assert (env.get_weights().array <= high).all()


def test_w_init_counts_at_once_while_nothing_was_simulated_or_rescaled(engine):
    env = make(small_system(), engine=engine)
    env.enable_plasticity({"w_init": 2.0})
    assert set(env.get_weights().array) == {2.0}
    env.enable_plasticity({"EXC": {"w_init": 3.0}, "INH": {"w_init": 0.5}})
    frame = env.get_weights().to_frame()
    assert set(frame.w[frame.mechanism == "StdpLinExp2SynInh"]) == {0.5}
    assert set(frame.w[frame.mechanism != "StdpLinExp2SynInh"]) == {3.0}
    env.normalize_weights()
    scaled = env.get_weights()
    env.enable_plasticity({"w_init": 2.0})
    assert env.get_weights() == scaled
    env.clear(reset_weights=True)
    assert set(env.get_weights().array) == {2.0}
    env.run(1.0)
    env.enable_plasticity({"w_init": 4.0})
    assert set(env.get_weights().array) == {2.0}
    env.clear()
    assert set(env.get_weights().array) == {2.0}
    env.clear(reset_weights=True)
    assert set(env.get_weights().array) == {4.0}


@pytest.mark.parametrize("system", [3, {"EXC": 2, "INH": 2}])
def test_a_network_without_plastic_synapses_warns(engine, system):
    env = Env(system, engine=engine).init()
    for call, text in [(env.enable_plasticity, "nothing can learn"), (env.normalize_weights, "nothing to normalize")]:
        with pytest.warns(RuntimeWarning, match=text) as caught:
            assert call() is env
        assert len(caught) == 1
    assert len(env.get_weights()) == 0
    assert str(env.plasticity_summary()) == "no plastic synapses"
    env.record_weights(0.5).run(1.0)
    assert len(env.w_recs) == 0
    env.set_multipliers([])
    env.disable_plasticity().clear(reset_weights=True)


def test_depressing_synapses_do_not_learn(engine):
    model = ReducedCalciumSomaDendrite(short_term_depression=True)
    env = make(small_system(), model=model, engine=engine)
    assert {k[2] for k in env.get_weights()} == MECHANISMS - {"StdpLinExp2Syn"}
    env.set_noise(LIVELY).enable_plasticity(STRONG).run(20.0)


# Scaling and putting back


def test_normalize_weights_meets_the_sum_of_each_cell(learner):
    learner.run(80.0)
    before = learner.get_weights().to_frame()
    counts = before.groupby("post").size()
    assert learner.normalize_weights() is learner
    after = learner.get_weights().to_frame()
    for gid, total in sums(learner).items():
        assert total == pytest.approx(counts[gid], abs=1e-6)
        ratio = (after.w / before.w)[after.post == gid]
        assert np.ptp(ratio) < 1e-9  # one factor a cell: EXC and INH synapses together
    learner.normalize_weights(target=3.0)
    assert all(total == pytest.approx(3.0, abs=1e-6) for total in sums(learner).values())
    learner.normalize_weights({gid: 2.0 + gid for gid in range(6)})
    assert sums(learner) == pytest.approx({gid: 2.0 + gid for gid in range(6)}, abs=1e-6)
    learner.normalize_weights(np.arange(6) + 1.0)
    assert sums(learner) == pytest.approx({gid: 1.0 + gid for gid in range(6)}, abs=1e-6)


def test_normalize_weights_works_off_and_the_network_feels_it(engine):
    env = lively(engine).record_spikes().set_weights({"EXC_EXC": 20.0})
    spared = env.run(100.0)
    env.clear(reseed=False).normalize_weights(0.1)
    assert env.run(100.0) != spared


def test_an_infeasible_target_goes_to_the_nearest_bound_and_warns(learner):
    with pytest.warns(RuntimeWarning, match="out of reach within w_min and w_max in 6 of 6 groups") as caught:
        learner.normalize_weights(1e6)
    assert caught[0].filename.endswith(("env.py", "test_env_plasticity.py"))
    assert set(learner.get_weights().array) == {5.0}
    with pytest.warns(RuntimeWarning, match="out of reach"):
        learner.normalize_weights(0)
    np.testing.assert_allclose(learner.get_weights().array, 1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = learner.get_weights()
        with pytest.raises(RuntimeWarning):
            learner.normalize_weights(1e6)
        assert learner.get_weights() == before


def test_multipliers_are_put_back_in_every_form(engine):
    env = lively(engine).enable_plasticity(STRONG)
    env.run(60.0)
    learned = env.get_weights()
    for form in (learned, dict(learned), learned.array, learned.array.tolist(), pickle.loads(pickle.dumps(learned))):
        env.clear(reset_weights=True)
        assert set(env.get_weights().array) == {1.0}
        assert env.set_multipliers(form) is env
        assert env.get_weights() == learned
    some = dict.fromkeys(list(learned)[::7], 2.0)
    env.set_multipliers(some)
    assert env.get_weights() == dict(learned) | some
    env.set_multipliers({})
    assert env.get_weights() == dict(learned) | some


def test_a_recorded_sample_can_be_put_back(engine):
    env = lively(engine).record_weights(10.0).enable_plasticity(STRONG)
    env.run(60.0)
    traces = env.w_recs
    env.set_multipliers({key: float(trace[2]) for key, trace in traces.items()})
    weights = outcome(env, Env.get_weights)
    np.testing.assert_allclose(weights.array, traces.array[2], rtol=1e-6)
    other = make(small_system(), engine=engine).set_multipliers(weights)  # another culture of the same kind
    assert other.get_weights() == weights


# Traces


def test_traces_are_sampled_at_absolute_multiples_in_half_open_intervals(engine):
    env = lively(engine).enable_plasticity(STRONG)
    env.run(2.5)
    env.record_weights(dt=1.0)
    assert len(env.w_recs) == 50
    env.run(3.0)  # (2.5, 5.5]
    assert env.w_recs.t.tolist() == [3.0, 4.0, 5.0]
    env.run(0.5)  # (5.5, 6]
    assert env.w_recs.t.tolist() == [3.0, 4.0, 5.0, 6.0]
    assert np.array_equal(env.w_recs.array[-1], env.get_weights().array.astype(np.float32))
    env.run(0.5)
    assert len(env.w_recs.t) == 4
    env.record_weights(1.0).run(1.0)  # the same dt: it goes on
    assert env.w_recs.t.tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    env.record_weights(0.5)  # another: from now on
    assert len(next(iter(env.w_recs.values()))) == 0
    env.run(1.0)
    assert env.w_recs.t.tolist() == [8.0, 8.5] if env.t == 8.5 else [7.5, 8.0]


def test_500_ms_at_1_ms_give_500_samples(engine):
    env = make("EI1", engine=engine).record_weights(dt=1.0).enable_plasticity()
    env.run(500)
    weights, traces = env.get_weights(), env.w_recs
    assert list(traces) == list(weights)
    for key, trace in traces.items():
        values = trace.as_numpy()
        assert len(trace) == values.size == np.asarray(trace).size == 500
        assert values.dtype == np.float32
        assert values[-1] == np.float32(weights[key])
        assert (trace.t[0], trace.t[-1], trace.dt) == (1.0, 500.0, 1.0)
    assert traces[next(iter(weights))].as_numpy().std() > 0


def test_traces_are_constant_while_off_and_recorded_before_enabling(engine):
    env = lively(engine).record_weights(0.5)
    env.run(10.0)
    assert set(np.unique(env.w_recs.array)) == {1.0}
    env.enable_plasticity(STRONG).run(20.0)
    env.disable_plasticity().run(10.0)
    array = env.w_recs.array
    assert array.shape == (80, 50)
    assert array[:60].std() > 0
    assert (array[60:] == array[-1]).all()


def test_traces_are_a_snapshot_and_emptied_by_clear(learner):
    assert len(learner.w_recs) == 0
    learner.record_weights(1.0).run(10.0)
    early = learner.w_recs
    learner.run(10.0)
    assert early.t.size == 10
    assert learner.w_recs.t.size == 20
    learner.clear_recordings()
    assert learner.w_recs.t.size == 0
    assert len(learner.w_recs) == 50
    learner.run(2.0)
    assert learner.w_recs.t.tolist() == [21.0, 22.0]
    learner.clear()
    assert learner.w_recs.t.size == 0
    learner.run(2.0)
    assert learner.w_recs.t.tolist() == [1.0, 2.0]


# Summary


def test_the_summary_counts_while_on_and_since_it_was_switched_on(engine):
    env = lively(engine).enable_plasticity(STRONG)
    assert "nothing sampled yet" in str(env.plasticity_summary())
    env.run(40.0)
    env.disable_plasticity().run(40.0)
    summary = env.plasticity_summary()
    assert [(r.rule, r.population, r.section) for r in summary] == [
        ("EXC", "EXC", "dend"),
        ("EXC", "INH", "soma"),
        ("INH", "EXC", "soma"),
        ("INH", "INH", "soma"),
    ]
    assert sum(row.n_connections for row in summary) == 50
    changes = env.get_weights().to_frame()
    for row in summary:
        assert row.sampled_ms == 40.0
        assert 0.0 <= row.ltp_open <= 1.0
        assert row.dw_min <= row.dw_mean <= row.dw_max
    mine = (changes.mechanism != "StdpLinExp2SynInh") & (changes.post < 4)
    assert summary[0].dw_mean == pytest.approx((changes.w[mine] - 1.0).mean())
    assert len(summary.to_frame()) == 4
    env.enable_plasticity(STRONG).run(10.0)
    assert env.plasticity_summary()[0].sampled_ms == 10.0
    env.clear().run(5.0)
    assert env.plasticity_summary()[0].sampled_ms == 5.0


def test_the_summary_measures_the_gates(engine):
    env = lively(engine).enable_plasticity({"theta_ltd": -60.0}).record_voltage(dt=1.0, sections="dend")
    run = env.run(100.0)
    row = env.plasticity_summary()[0]
    assert row.ltd_open == pytest.approx((run.voltage > -60.0).mean(), abs=1e-9)
    assert row.ltp_open == pytest.approx((run.voltage > -45.0).mean(), abs=1e-9)


def test_a_rule_that_can_never_act_is_not_silent(engine):
    env = lively(engine).enable_plasticity({"EXC": {"theta_ltp": 200.0, "theta_ltd": 200.0}})
    env.run(50.0)
    text = str(env.plasticity_summary())
    assert "EXC on EXC dend: can never activate: no sampled potential was above 200 mV." in text
