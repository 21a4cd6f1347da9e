"""The map of a culture, and what its channels hear."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Circle

from livn import make, plot
from livn.env import Env
from livn.experiment import Experiment
from livn.io import IO, MEA
from livn.plasticity import SynapseKeys, Weights
from livn.run import Run
from livn.system import System
from tests.plot.conftest import Done


def legend(ax: plt.Axes) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts())


def lines(ax: plt.Axes) -> list[LineCollection]:
    return [c for c in ax.collections if isinstance(c, LineCollection)]


def chain(n: int) -> System:
    """n cells of one population in a row, each connected to the next by as many synapses as its gid says, plus one."""
    pairs = [(i, i + 1) for i in range(n - 1) for _ in range(i + 1)]
    pre, post = np.array(pairs).T
    edges = {"pre": pre, "post": post, "section": ["dend"] * len(pairs), "mechanism": ["AMPA"] * len(pairs)}
    return System.from_arrays({"EXC": n}, np.column_stack([np.arange(n) * 10.0, np.zeros((n, 2))]), edges)


def test_cells_and_electrodes_are_where_they_are(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.culture(done.env, given_axes)
    assert ax is given_axes
    exc, inh, electrodes = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    cells = done.env.system.neuron_coordinates
    np.testing.assert_allclose(exc, cells[:8, 1:3])
    np.testing.assert_allclose(inh, cells[8:, 1:3])
    np.testing.assert_allclose(electrodes, done.env.io.electrode_coordinates[:, 1:3])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (µm)", "y (µm)")
    assert ax.get_aspect() == 1.0
    assert [text.get_text() for text in ax.texts] == ["0"]
    assert sorted(c.radius for c in ax.patches if isinstance(c, Circle)) == [100.0, 250.0]
    assert "hears within 100 µm" in legend(ax)
    assert "acts within 250 µm" in legend(ax)


def test_every_connected_pair_is_a_line(done: Done) -> None:
    (drawn,) = lines(plot.culture(done.env.system))
    assert len(drawn.get_segments()) == 90
    system = done.env.system
    ends = {tuple(np.round(np.concatenate([s[0], s[-1]]), 6)) for s in drawn.get_segments()}
    place = dict(zip(system.gids.tolist(), system.neuron_coordinates[:, 1:3], strict=True))
    pairs = set(zip(system.synapses.pre.tolist(), system.synapses.post.tolist(), strict=True))
    assert ends == {tuple(np.round(np.concatenate([place[a], place[b]]), 6)) for a, b in pairs}


def test_the_strongest_are_drawn_and_the_legend_says_how_many() -> None:
    system = chain(6)
    ax = plot.culture(system, most=2)
    starts = sorted(segment[0][0] for segment in lines(ax)[0].get_segments())
    assert starts == [30.0, 40.0]
    assert "strongest 2 of 5 connected pairs, 4 to 5 synapses each" in legend(ax)
    widths = plot.culture(system).collections[1].get_linewidths()
    assert (np.diff(widths) > 0).all()
    assert not lines(plot.culture(system, most=0))


def test_weights_make_lines_strong() -> None:
    keys = SynapseKeys([1, 1, 2], [0, 1, 0], [0, 0, 0], ("StdpLinExp2Syn",), [0, 0, 1], [0, 0, 0], ("dend",))
    ax = plot.culture(chain(3), weights=Weights(keys, [1.0, 2.0, 4.0]))
    thin, wide = lines(ax)[0].get_linewidths()
    assert thin < wide
    assert "2 connected pairs, weight 1.5 to 4" in legend(ax)
    ax = plot.culture(chain(3), weights=Weights(keys, [1.0, 1.0, 1.00001]))
    assert legend(ax).endswith("2 connected pairs, weight 1")


def test_an_experiment_shows_its_last_weights(experiment: Experiment) -> None:
    after = experiment.after
    pairs: dict[tuple[int, int], list[float]] = {}
    for pre, post, w in zip(after.synapses.pre, after.synapses.gid, after.array, strict=True):
        pairs.setdefault((pre, post), []).append(w)
    means = [np.mean(v) for v in pairs.values()]
    assert f"weight {min(means):.4g} to {max(means):.4g}" in legend(plot.culture(experiment))


def test_many_electrodes_have_ids_and_one_its_circles() -> None:
    ax = plot.culture(make("EI2"))
    assert [text.get_text() for text in ax.texts] == [str(i) for i in range(16)]
    assert sum(isinstance(p, Circle) and p.radius == 100.0 for p in ax.patches) == 16
    grid = MEA(np.array([[i, 100.0 * (i % 11), 100.0 * (i // 11), 0.0] for i in range(121)]))
    record = plot.culture(make("EI1", io=grid))
    assert len(record.texts) == 0
    assert len(record.patches) == 2


def test_selections_and_unconnected_cells(unconnected: Experiment) -> None:
    ax = plot.culture(unconnected)
    assert not lines(ax)
    assert "3 cells" in legend(ax)
    part = Env("EI1").selection({"EXC": [1, 3]}).init()
    ax = plot.culture(part)
    assert "EXC, 2 cells" in legend(ax)
    assert "INH" not in legend(ax)
    assert len(lines(ax)[0].get_segments()) <= 2


def test_what_a_channel_hears() -> None:
    io = MEA(np.array([[4, 0.0, 0.0, 0.0], [2, 40.0, 0.0, 0.0], [9, 900.0, 0.0, 0.0]]), output_radius=25.0)
    run = Run().add_spikes([0, 1, 2, 4], [1.0, 2.0, 3.0, 4.0], duration=5.0)
    env = make(chain(5), io=io)
    ax = plot.channels(run, of=env)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["4", "2", "9"]
    (marks,) = (line for line in ax.lines if line.get_linestyle() == "None")
    heard = sorted((t, int(np.floor(y))) for t, y in marks.get_xydata())
    assert heard == [(1.0, 0), (2.0, 0), (3.0, 0), (3.0, 1), (4.0, 1)]
    assert ax.get_xlim() == (0.0, 5.0)
    assert "channel" in ax.get_ylabel()


def test_lines_between_bands_are_drawn_where_there_is_room() -> None:
    for n, drawn in ((16, 1), (400, 0)):
        grid = MEA(np.array([[i, 100.0 * (i % 20), 100.0 * (i // 20), 0.0] for i in range(n)]))
        ax = plot.channels(Run().add_spikes([0], [1.0], duration=5.0), of=make(2, io=grid))
        assert len(lines(ax)) == drawn


def test_channels_of_a_record_are_those_of_the_live_culture(many: Experiment) -> None:
    env = make("EI2")
    live, stored = plot.channels(many.run, of=env), plot.channels(many)
    for a, b in zip(live.lines[:2], stored.lines[:2], strict=True):
        np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())
    heard = env.channel_recording(many.run.spike_ids)
    assert sum(len(line.get_xdata()) for line in stored.lines[:2]) == sum(map(len, heard.values()))
    _, given_axes = plt.subplots()
    assert plot.channels(many, given_axes) is given_axes


def test_a_silent_array(experiment: Experiment) -> None:
    ax = plot.channels(replace(experiment, run=Run().add_spikes([], [], duration=500.0)))
    assert all(len(line.get_xdata()) in (0, 2) for line in ax.lines)


def test_no_electrodes(experiment: Experiment, unconnected: Experiment) -> None:
    with pytest.raises(ValueError, match="has no electrodes"):
        plot.channels(unconnected)
    ax = plot.culture(replace(experiment, io=IO()))
    assert not ax.patches


def test_nonsense(done: Done) -> None:
    with pytest.raises(TypeError, match="source must be the culture"):
        plot.culture(done.run)
    with pytest.raises(TypeError, match="weights must be what env"):
        plot.culture(done.env, weights={"a": 1.0})
    with pytest.raises(ValueError, match="has no cell 8"):
        plot.culture(make(8), weights=done.after)
    with pytest.raises(ValueError, match="most must be a whole number >= 0"):
        plot.culture(done.env, most=-1)
    with pytest.raises(TypeError, match="ax must be Matplotlib axes"):
        plot.culture(done.env, done.run)


def test_no_projection_hides_the_others() -> None:
    """EXC onto EXC has two synapses per pair, the others one; each gets its share of the lines."""
    system = make("EI2").system
    (drawn,) = lines(plot.culture(system, most=200))
    place = {
        tuple(np.round(xy, 6)): gid
        for gid, xy in zip(system.gids.tolist(), system.neuron_coordinates[:, 1:3], strict=True)
    }
    ends = [(place[tuple(np.round(s[0], 6))] < 80, place[tuple(np.round(s[-1], 6))] < 80) for s in drawn.get_segments()]
    pairs = np.unique(np.column_stack([system.synapses.pre, system.synapses.post]), axis=0) < 80
    assert len(ends) == 200
    for kind in ((True, True), (True, False), (False, True), (False, False)):
        share = 200 * (pairs == kind).all(axis=1).mean()
        assert abs(ends.count(kind) - share) < 1.0
