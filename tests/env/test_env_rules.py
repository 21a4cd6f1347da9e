"""What the plasticity guide tells users about the rule, in living cultures."""

from __future__ import annotations

import pytest

from livn import make


def excitatory_mean(engine: str, config: dict | None) -> float:
    env = make("EI2", engine=engine)
    env.enable_plasticity(config)
    env.run(1000.0)
    weights = env.get_weights().to_frame()
    return float(weights.loc[weights["mechanism"] != "StdpLinExp2SynInh", "w"].mean())


def test_an_ordinary_culture_depresses(engine: str) -> None:
    assert excitatory_mean(engine, None) < 0.999


@pytest.mark.parametrize("config", [{"A_ltp": 10.0, "A_ltd": 0.5}, {"A_ltd": 0.05}])
def test_weights_grow_where_potentiation_is_put_well_above_depression(engine: str, config: dict) -> None:
    assert excitatory_mean(engine, {"EXC": config}) > 1.0005


def test_a_rule_that_cannot_open_says_so(engine: str) -> None:
    env = make("EI1", engine=engine)
    env.enable_plasticity({"INH": {"theta_ltd": -120.0, "theta_ltp": -120.0}})
    env.run(100.0)
    summary = env.plasticity_summary()
    silent = [row for row in summary if row.rule == "INH"]
    assert silent
    assert all(row.ltp_open == row.ltd_open == 0.0 for row in silent)
    assert "can never activate" in str(summary)
