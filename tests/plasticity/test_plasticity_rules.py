"""How a user's plasticity config joins the model's defaults."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.plasticity import PARAMETERS, RuleParameters, merge

EXC = {
    "A_ltp": 1.0,
    "A_ltd": 1.0,
    "theta_ltp": -45.0,
    "theta_ltd": -60.0,
    "ltp_sigmoid_half": -40.0,
    "ltd_sigmoid_half": -55.0,
    "learning_slope": 1.3,
    "learning_tau": 20.0,
    "w_max": 5.0,
    "w_min": 1e-4,
    "w_init": 1.0,
}
INH = {**EXC, "theta_ltp": -77.0, "theta_ltd": -70.0, "ltp_sigmoid_half": -80.0, "ltd_sigmoid_half": -73.0}
DEFAULTS = {"EXC": EXC, "INH": INH}


@pytest.mark.parametrize("config", [None, {}, {"EXC": {}}, {"EXC": {}, "INH": {}}])
def test_defaults(config):
    rules = merge(config, DEFAULTS)
    assert {group: rule.to_dict() for group, rule in rules.items()} == DEFAULTS


def test_flat_overrides_every_group():
    rules = merge({"A_ltp": 0.005, "A_ltd": 0.002, "w_max": 3.0}, DEFAULTS)
    for group, rule in rules.items():
        assert rule.to_dict() == {**DEFAULTS[group], "A_ltp": 0.005, "A_ltd": 0.002, "w_max": 3.0}


def test_nested_overrides_one_group_each():
    config = {
        "EXC": {"A_ltp": 0.005, "A_ltd": 0.002, "theta_ltp": -40.0, "theta_ltd": -55.0},
        "INH": {"A_ltp": 0.01, "theta_ltp": -77.0, "theta_ltd": -70.0},
    }
    rules = merge(config, DEFAULTS)
    assert rules["EXC"].to_dict() == {**EXC, **config["EXC"]}
    assert rules["INH"].to_dict() == {**INH, **config["INH"]}
    assert merge({"INH": {"A_ltp": 0.5}}, DEFAULTS)["EXC"].to_dict() == EXC


@given(
    st.dictionaries(
        st.sampled_from(["A_ltp", "A_ltd", "theta_ltp", "theta_ltd", "learning_tau"]), st.floats(0.001, 100.0)
    )
)
def test_overrides_sit_on_the_defaults_and_alter_nothing(config):
    before = {group: dict(values) for group, values in DEFAULTS.items()}
    rules = merge(config, DEFAULTS)
    for group, rule in rules.items():
        assert rule.to_dict() == {**DEFAULTS[group], **config}
    assert before == DEFAULTS


def test_a_default_w_init_follows_the_bounds():
    assert merge({"w_max": 0.5}, DEFAULTS)["EXC"].w_init == 0.5
    assert merge({"w_min": 2.0}, DEFAULTS)["EXC"].w_init == 2.0
    assert merge({"EXC": {"w_max": 0.5}}, DEFAULTS)["INH"].w_init == 1.0


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"A_ltpp": 1.0}, ValueError, "unknown plasticity parameter for EXC 'A_ltpp'; legal: A_ltp, .*mean 'A_ltp'"),
        ({"a_ltp": 1.0}, ValueError, "did you mean 'A_ltp'"),
        ({"INH": {"theta": 1.0}}, ValueError, "unknown plasticity parameter for INH 'theta'"),
        ({"EXH": {"A_ltp": 1.0}}, ValueError, "unknown plasticity group 'EXH'; legal: EXC, INH; did you mean 'EXC'"),
        ({"exc": {"A_ltp": 1.0}}, ValueError, "did you mean 'EXC'"),
        ({"A_ltp": {"EXC": 1.0}}, ValueError, "unknown plasticity group 'A_ltp'"),
        ({1: 2.0}, ValueError, "unknown plasticity parameter"),
        ({"EXC": {"A_ltp": 1.0}, "A_ltd": 0.5}, ValueError, r"mixes groups \(EXC\) with parameters \(A_ltd\)"),
        ({"EXC": 1.0}, ValueError, "plasticity of EXC must be a dict"),
        ({"EXC": None}, ValueError, "plasticity of EXC must be a dict"),
        ({"w_min": 6.0}, ValueError, "plasticity of EXC: w_min must be <= w_max, got w_min = 6 and w_max = 5"),
        ({"w_min": -0.1}, ValueError, "w_min must be a finite number >= 0"),
        ({"w_init": 7.0}, ValueError, "w_init must lie within w_min = 0.0001 and w_max = 5, got 7"),
        ({"w_init": 2.0, "w_max": 1.5}, ValueError, "w_init must lie within"),
        ({"learning_tau": 0.0}, ValueError, "learning_tau must be a finite number > 0"),
        ({"learning_slope": 1.0}, ValueError, "learning_slope must be a finite number > 1"),
        ({"INH": {"A_ltp": -1.0}}, ValueError, "plasticity of INH: A_ltp must be a finite number >= 0"),
        ({"A_ltd": -1.0}, ValueError, "A_ltd must be"),
        ({"theta_ltp": np.nan}, ValueError, "theta_ltp must be a finite number, in mV"),
        ({"w_max": np.inf}, ValueError, "w_max must be a finite number"),
        ({"A_ltp": True}, TypeError, "A_ltp must be a finite number"),
        ({"A_ltp": "1"}, TypeError, "A_ltp must be a finite number"),
        ({"A_ltp": None}, TypeError, "A_ltp must be a finite number"),
        ({"w_max": "5"}, TypeError, "plasticity of EXC: w_max must be a finite number"),
        (True, TypeError, "the plasticity config must be None, a dict"),
        ("EXC", TypeError, "the plasticity config must be None, a dict"),
        ([("A_ltp", 1.0)], TypeError, "the plasticity config must be None, a dict"),
    ],
)
def test_nonsense(config, error, message):
    with pytest.raises(error, match=message):
        merge(config, DEFAULTS)


def test_parameters_are_frozen_floats():
    rule = RuleParameters(**{**EXC, "A_ltp": np.float32(2), "learning_tau": 20})
    assert tuple(rule.to_dict()) == PARAMETERS
    assert all(type(value) is float for value in rule.to_dict().values())
    assert pickle.loads(pickle.dumps(rule)) == rule
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.A_ltp = 3.0
