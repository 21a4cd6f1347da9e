"""Weights over time, their distributions and changes."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Patch

from livn import make, open_weights, plot
from livn.experiment import Experiment
from livn.plasticity import SynapseKeys, Weights, WeightTraces
from livn.plot import learning
from tests.plot.conftest import Done

RECEPTORS = {"StdpLinExp2Syn": "AMPA", "StdpLinExp2SynNMDA": "NMDA", "StdpLinExp2SynInh": "GABA_A"}


def places(weights: Weights | WeightTraces, receptor: str) -> np.ndarray:
    return np.array([RECEPTORS[m] == receptor for m in weights.synapses.mechanism_names()])


def thick(ax: plt.Axes) -> dict[str, plt.Line2D]:
    return {line.get_label(): line for line in ax.lines if line.get_label() in RECEPTORS.values()}


def synthetic(n: int, values: np.ndarray, mechanisms: tuple[str, ...] = tuple(sorted(RECEPTORS))) -> Weights:
    """n synapses, their mechanisms in turn."""
    zeros = np.zeros(n, np.int64)
    code = np.arange(n) % len(mechanisms)
    return Weights(SynapseKeys(zeros, np.arange(n), code, mechanisms, zeros, zeros, ("dend",)), values)


def dashed(patch: Patch) -> bool:
    return patch.get_linestyle() not in ("-", "solid")


# Over time


def test_means_and_samples(done: Done) -> None:
    _, given_axes = plt.subplots()
    traces = done.env.w_recs
    ax = plot.weights(traces, given_axes, most=3)
    assert ax is given_axes
    for receptor, line in thick(ax).items():
        own = traces.array[:, places(traces, receptor)].astype(float)
        np.testing.assert_allclose(line.get_ydata()[1:], own.mean(axis=1))
        np.testing.assert_allclose(line.get_xdata(), [traces.t[0] - traces.dt, *traces.t])
        assert line.get_drawstyle() == "steps-pre"  # a sample stands for the time since the last one
        same = [x.get_ydata() for x in ax.lines if x.get_color() == line.get_color() and x is not line]
        assert len(same) == 3
        assert all((trace[1:] == own.T).all(axis=1).any() for trace in same)
    assert len(thick(ax)) == len(ax.collections) == 3
    assert ax.get_xlabel() == "time (ms)"
    assert "weight" in ax.get_ylabel()
    assert ax.get_xlim() == (0.0, 300.0)


def test_an_env_is_as_good_as_its_traces(done: Done) -> None:
    a, b = plot.weights(done.env), plot.weights(done.env.w_recs)
    for x, y in zip(a.lines, b.lines, strict=True):
        np.testing.assert_array_equal(x.get_xydata(), y.get_xydata())


def test_weights_of_an_experiment(experiment: Experiment) -> None:
    ax = plot.weights(experiment)
    assert ax.get_xlim() == (0.0, 500.0)
    assert len(ax.patches) == 2
    assert "evaluation" in " ".join(text.get_text() for text in ax.texts)


def test_long_recordings_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch, done: Done) -> None:
    whole = {name: line.get_ydata() for name, line in thick(plot.weights(done.env)).items()}
    monkeypatch.setattr(learning, "READ", 1000)
    for name, line in thick(plot.weights(done.env)).items():
        np.testing.assert_allclose(line.get_ydata(), whole[name])
    monkeypatch.setattr(learning, "FRAMES", 50)
    for name, line in thick(plot.weights(done.env)).items():
        np.testing.assert_allclose(line.get_ydata()[1:], whole[name][1:][::6])


def test_weights_in_a_file(tmp_path: object) -> None:
    env = make("EI1").record_weights(dt=5.0, to=f"{tmp_path}/w.h5").enable_plasticity()
    env.run(50)
    assert set(thick(plot.weights(open_weights(f"{tmp_path}/w.h5"), most=0))) == set(RECEPTORS.values())
    env.close()


def test_time_begins_where_recording_began() -> None:
    env = make("EI1")
    env.run(40)
    env.record_weights(dt=5.0).enable_plasticity()
    env.run(20)
    assert plot.weights(env).get_xlim() == (40.0, 60.0)


def test_no_samples(done: Done, unconnected: Experiment) -> None:
    for source in (make("EI1"), WeightTraces.empty(), unconnected):
        with pytest.raises(ValueError, match=r"no weights were sampled: call env\.record_weights\(\)"):
            plot.weights(source)
    with pytest.raises(TypeError, match="source must be weight traces"):
        plot.weights(done.after)
    with pytest.raises(ValueError, match="most must be a whole number >= 0"):
        plot.weights(done.env, most=-1)
    with pytest.raises(TypeError, match="ax must be Matplotlib axes"):
        plot.weights(done.env, 3)
    assert not plt.get_fignums()


# Distributions


def test_histograms_hold_all_synapses_of_a_receptor(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.weight_distribution(done.before, done.after, given_axes)
    assert ax is given_axes
    outlines = [patch for patch in ax.patches if not patch.get_fill()]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["AMPA (72)", "NMDA (56)", "GABA_A (18)", "before: all at 1"]
    assert len(outlines) == 3
    for outline in outlines:
        (x, y), steps = outline.get_xy().T, slice(1, -1, 2)
        assert y.max() <= ax.get_ylim()[1]
        assert np.diff(np.unique(x)) == pytest.approx(np.ptp(x) / 41)
        assert y[steps].sum() == pytest.approx(100.0)
    assert ax.get_xlabel() == "weight (multiplier)"
    assert "%" in ax.get_ylabel()


def test_histograms_before_and_after() -> None:
    draw = np.random.default_rng(0)
    before = synthetic(300, draw.uniform(0.5, 1.5, 300))
    after = synthetic(300, draw.uniform(0.5, 1.5, 300))
    ax = plot.weight_distribution(before, after)
    assert len(ax.patches) == 9
    assert sum(dashed(patch) for patch in ax.patches) == 3
    assert [t.get_text() for t in ax.get_legend().get_texts()][-1] == "before"
    assert not any(dashed(p) for p in plot.weight_distribution(before).patches)


def test_one_weight_and_equal_weights() -> None:
    one = synthetic(1, np.array([2.0]), ("StdpLinExp2Syn",))
    ax = plot.weight_distribution(one)
    assert ax.get_xlim()[0] < 2.0 < ax.get_xlim()[1]
    assert len(plot.weight_change(one, one).lines) == 2
    nearly = synthetic(2, np.array([1.0, 1.0 + 1e-15]))
    assert len(plot.weight_distribution(nearly).patches) == 4


def test_unknown_mechanisms_count_by_their_name() -> None:
    ax = plot.weight_distribution(synthetic(4, np.ones(4), ("Mine", "StdpLinExp2Syn")))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["AMPA (2)", "Mine (2)"]


# Changes


def test_every_change_is_there_sorted(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.weight_change(done.before, done.after, given_axes)
    assert ax is given_axes
    change = done.after.array - done.before.array
    curves = {line.get_label().split(":")[0]: line for line in ax.lines if ":" in line.get_label()}
    assert list(curves) == ["AMPA", "NMDA", "GABA_A"]
    for receptor, line in curves.items():
        own = np.sort(change[places(done.after, receptor)])
        np.testing.assert_allclose(line.get_ydata(), own)
        assert f"{100 * np.mean(own > 0):.0f} % grew" in line.get_label()
    assert ax.get_xlim() == (0.0, 100.0)
    assert "change" in ax.get_ylabel()


def test_a_million_changes_keep_their_extremes() -> None:
    n = 1_000_000
    draw = np.random.default_rng(0)
    before, after = synthetic(n, np.ones(n)), synthetic(n, draw.lognormal(0.0, 0.2, n))
    ax = plot.weight_change(before, after)
    drawn = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2]
    assert all(len(y) <= 1000 for y in drawn)
    assert max(y.max() for y in drawn) == after.array.max() - 1.0
    assert min(y.min() for y in drawn) == after.array.min() - 1.0


def test_an_experiment_has_both_ends(experiment: Experiment) -> None:
    change = experiment.after.array - experiment.before.array
    drawn = np.concatenate([line.get_ydata() for line in plot.weight_change(experiment).lines[1:]])
    np.testing.assert_allclose(np.sort(drawn), np.sort(change))
    assert len(plot.weight_distribution(experiment).get_legend().get_texts()) == 4


def test_live_cultures(done: Done) -> None:
    a, b = plot.weight_change(done.before, done.env), plot.weight_change(done.before, done.after)
    for x, y in zip(a.lines, b.lines, strict=True):
        np.testing.assert_array_equal(x.get_ydata(), y.get_ydata())
    assert len(plot.weight_distribution(done.env).patches) == 6


@pytest.mark.parametrize("draw", [plot.weight_distribution, plot.weight_change])
def test_nonsense(draw: object, done: Done, experiment: Experiment, unconnected: Experiment) -> None:
    with pytest.raises(TypeError, match="before must be what env"):
        draw([1.0], done.after)  # type: ignore[operator]
    with pytest.raises(TypeError, match="after must be what env"):
        draw(done.before, [1.0])  # type: ignore[operator]
    with pytest.raises(TypeError, match="give nothing else"):
        draw(experiment, done.after)  # type: ignore[operator]
    with pytest.raises(ValueError, match="of the same synapses"):
        draw(done.before, synthetic(3, np.ones(3)))  # type: ignore[operator]
    with pytest.raises(ValueError, match="holds no weights"):
        draw(unconnected)  # type: ignore[operator]
    empty = Weights(SynapseKeys.empty(), [])
    with pytest.raises(ValueError, match="no plastic synapses"):
        draw(empty, empty)  # type: ignore[operator]
    with pytest.raises(TypeError, match="ax must be Matplotlib axes"):
        draw(done.before, done.after, "ax")  # type: ignore[operator]
    assert not plt.get_fignums()


def test_a_change_has_two_ends(done: Done) -> None:
    with pytest.raises(TypeError, match="after must be"):
        plot.weight_change(done.before)
    with pytest.raises(ValueError, match="no weights"):
        plot.weight_change(replace_weights(done))


def replace_weights(done: Done) -> Experiment:
    from livn.experiment import run

    record = run(make("EI1").record_spikes(), 10, progress=False)
    return replace(record, weights={})
