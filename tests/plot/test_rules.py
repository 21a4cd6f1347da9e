"""The drawn rule is the rule."""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import plot
from livn.env import Env
from livn.experiment import Experiment
from livn.models.plasticity import DEFAULTS
from livn.plasticity import RuleParameters
from tests.plot.conftest import Done


def sigma(x: float, base: float) -> float:
    return 1.0 / (1.0 + base**-x)


def drive(v: float, p: RuleParameters, above: bool) -> float:
    """The drive as the page of physics tells it."""
    ltp, ltd = (
        sigma(v - half, p.learning_slope) if (v > theta) == above and v != theta else 0.0
        for theta, half in ((p.theta_ltp, p.ltp_sigmoid_half), (p.theta_ltd, p.ltd_sigmoid_half))
    )
    return 2.0 * sigma((2.0 * p.A_ltp * ltp - p.A_ltd * ltd) / p.learning_tau, p.learning_slope) - 1.0


def curves(ax: plt.Axes) -> dict[str, plt.Line2D]:
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_default_rules() -> None:
    _, given_axes = plt.subplots()
    ax = plot.rule(None, given_axes)
    assert ax is given_axes
    assert list(curves(ax)) == ["EXC", "INH"]
    for name, line in curves(ax).items():
        p = RuleParameters(**DEFAULTS[name])
        for v, y in line.get_xydata()[:: len(line.get_xdata()) // 50]:
            assert y == pytest.approx(drive(v, p, name == "EXC"), abs=1e-12)
        upright = {line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"}
        assert {p.theta_ltp, p.theta_ltd} <= upright
    assert "mV" in ax.get_xlabel()
    assert "drive" in ax.get_ylabel()
    assert sorted(text.get_text() for text in ax.texts) == ["θ LTD", "θ LTD", "θ LTP", "θ LTP"]


@given(
    a=st.floats(0.0, 20.0), theta=st.floats(-80.0, -20.0), half=st.floats(-80.0, -20.0), slope=st.floats(1.05, 3.0),
    tau=st.floats(0.5, 100.0), name=st.sampled_from(["EXC", "INH"]),
)  # fmt: skip
def test_any_parameters(a: float, theta: float, half: float, slope: float, tau: float, name: str) -> None:
    changed = {"A_ltp": a, "theta_ltp": theta, "ltp_sigmoid_half": half, "learning_slope": slope, "learning_tau": tau}
    p = RuleParameters(**(DEFAULTS[name] | changed))
    ax = plot.rule({name: p})
    (line,) = curves(ax).values()
    for v, y in line.get_xydata()[:: max(1, len(line.get_xdata()) // 20)]:
        assert math.isclose(y, drive(v, p, name == "EXC"), abs_tol=1e-9)
    low, high = ax.get_xlim()
    assert all(low < x < high for x in (p.theta_ltp, p.theta_ltd, p.ltp_sigmoid_half, p.ltd_sigmoid_half))
    plt.close("all")


def test_the_parameters_in_force(done: Done, experiment: Experiment) -> None:
    tuned = curves(plot.rule(done.env))["EXC"].get_ydata()
    assert tuned.max() > 2 * curves(plot.rule(experiment))["EXC"].get_ydata().max()
    same = curves(plot.rule({"EXC": {"A_ltp": 4.0}}))
    assert list(same) == ["EXC"]
    np.testing.assert_allclose(same["EXC"].get_ydata(), tuned, rtol=1e-9)


def test_overlays_have_other_colours_and_all_are_seen() -> None:
    ax = plot.rule({"EXC": {}})
    assert plot.rule({"EXC": {"theta_ltd": -90.0, "A_ltp": 30.0}}, ax, label="tuned") is ax
    plot.rule({"INH": {}}, ax, label="inhibitory")
    found = curves(ax)
    assert list(found) == ["EXC", "tuned", "inhibitory"]
    assert len({line.get_color() for line in found.values()}) == 3
    low, high = ax.get_ylim()
    for line in found.values():
        assert low <= line.get_ydata().min() <= line.get_ydata().max() <= high
    assert ax.get_xlim()[0] < -90.0
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(found)


def test_marks_at_one_threshold_stand_above_each_other() -> None:
    ax = plot.rule({"EXC": {}})
    plot.rule({"EXC": {"A_ltp": 2.0}}, ax, label="b")
    heights = [text.xyann[1] for text in ax.texts if text.get_text() == "θ LTD"]
    assert len(set(heights)) == 2


def test_groups() -> None:
    inh = RuleParameters(**DEFAULTS["INH"])
    assert list(curves(plot.rule(inh))) == ["INH"]
    assert list(curves(plot.rule(inh, group="EXC"))) == ["EXC"]
    assert list(curves(plot.rule(group="INH", label="mine"))) == ["mine"]
    assert list(curves(plot.rule({"A_ltp": 2.0}, label="x"))) == ["x, EXC", "x, INH"]


def test_nonsense(experiment: Experiment) -> None:
    with pytest.raises(TypeError, match="source must be an Env, an Experiment"):
        plot.rule(3)
    with pytest.raises(ValueError, match=r"unknown group 'exc'.*did you mean 'EXC'"):
        plot.rule(group="exc")
    with pytest.raises(ValueError, match="unknown group 'INH'; legal: EXC"):
        plot.rule({"EXC": {}}, group="INH")
    with pytest.raises(ValueError, match="did you mean 'A_ltp'"):
        plot.rule({"A_lpt": 1.0})
    with pytest.raises(ValueError, match="holds no learning rules"):
        plot.rule(replace(experiment, rules={}))
    with pytest.raises(TypeError, match="label must be a text"):
        plot.rule(label=3)
    with pytest.raises(TypeError, match="ax must be Matplotlib axes"):
        plot.rule(None, 3)
    with pytest.raises(RuntimeError, match="init"):
        plot.rule(Env("EI1"))
    assert not plt.get_fignums()
