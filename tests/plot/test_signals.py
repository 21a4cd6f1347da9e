"""Membrane potentials and field potentials."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from livn import experiment, make, plot
from livn.experiment import Experiment
from livn.run import FIELD, Run
from tests.plot.conftest import Done


def rows(ax: plt.Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_rows_of_potentials_are_named_and_keep_their_shape(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.voltage(done.run, given_axes, of=done.env, gids=[0, 9])
    assert ax is given_axes
    assert rows(ax) == ["0 soma", "0 dend", "9 soma"]
    assert ax.get_ylabel() == "cell (gid), section"
    series = done.run["voltage"]
    recorded = series.values[np.isin(series.ids, [0, 9])]
    lines = [line for line in ax.lines if len(line.get_xdata()) == recorded.shape[1]]
    for line, values in zip(lines, recorded, strict=True):
        np.testing.assert_allclose(np.diff(line.get_ydata()), np.diff(values), atol=1e-6)
        np.testing.assert_allclose(line.get_xdata(), series.t)
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert ax.get_xlim() == (0.0, 300.0)


def test_the_scale_bar_is_as_long_as_it_says(done: Done) -> None:
    ax = plot.voltage(done.run, of=done.env)
    note = next(text.get_text() for text in ax.texts if text.get_text().endswith("mV"))
    bar = next(line for line in ax.lines if line.get_transform() == ax.transAxes)
    low, high = ax.get_ylim()
    assert float(note.split()[0]) == pytest.approx(np.ptp(bar.get_ydata()) * (high - low))


def test_at_most_so_many_rows_from_first_to_last(done: Done) -> None:
    ax = plot.voltage(done.run, most=2)
    assert rows(ax) == ["0 soma", "9 soma"]
    assert len(rows(plot.voltage(done.run))) == 6


def test_one_row_has_an_axis_in_mv(done: Done) -> None:
    ax = plot.voltage(done.run, gids=9)
    assert ax.get_ylabel() == "potential of cell 9 soma (mV)"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), done.run["voltage"].values[-1])


def test_voltages_of_an_experiment(experiment: Experiment) -> None:
    ax = plot.voltage(experiment)
    assert len(ax.patches) == 2
    assert "training" in [text.get_text() for text in ax.texts]


def test_field_potentials_of_a_live_culture_and_of_a_record(done: Done, experiment: Experiment) -> None:
    _, given_axes = plt.subplots()
    ax = plot.lfp(done.run, given_axes, of=done.env)
    assert ax is given_axes
    assert ax.get_ylabel() == "field potential, channel 0 (µV)"
    expected = done.env.potential_recording(done.run.current, ids=done.run.current_ids)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected[0])
    stored = plot.lfp(replace(experiment, run=experiment.run.drop_current()))
    np.testing.assert_allclose(stored.lines[0].get_ydata(), experiment.run[FIELD].values[0])


def test_channels_are_stacked(many: Experiment) -> None:
    ax = plot.lfp(many)
    assert rows(ax) == [str(c) for c in many.io.channel_ids]
    assert any(text.get_text().endswith("µV") for text in ax.texts)
    assert rows(plot.lfp(many, most=4)) == ["0", "5", "10", "15"]


def test_flat_signals() -> None:
    run = Run().add_voltage([0, 1], np.full((2, 50), -65.0), dt=1.0)
    assert len(rows(plot.voltage(run))) == 2
    assert plot.voltage(run, gids=[1]).get_ylabel() == "potential of cell 1 (mV)"


def test_nothing_recorded(unconnected: Experiment, done: Done) -> None:
    with pytest.raises(ValueError, match=r"no membrane potentials were recorded: call env\.record_voltage\(\)"):
        plot.voltage(unconnected)
    with pytest.raises(ValueError, match=r"no field potentials were recorded: call env\.record_membrane_current\(\)"):
        plot.lfp(unconnected)
    with pytest.raises(TypeError, match="of must be the Env"):
        plot.lfp(done.run)
    with pytest.raises(TypeError, match="of must be the Env"):
        plot.lfp(done.run, of=done.env.system)
    assert not plt.get_fignums()


def test_no_electrodes() -> None:
    env = make(2).record_membrane_current()
    with pytest.raises((ValueError, NotImplementedError), match="no channels"):
        plot.lfp(env.run(5), of=env)
    env.run(5)
    record = experiment.run(env, 5, progress=False)
    assert "membrane_current" in record.run
    with pytest.raises(ValueError, match="no channels"):
        plot.lfp(record)
    assert list(plot.overview(record)) == ["culture"]


def test_nonsense(done: Done) -> None:
    with pytest.raises(ValueError, match=r"gids must be cells whose potential was recorded \(0, 1, .*got 77"):
        plot.voltage(done.run, gids=[0, 77])
    with pytest.raises(TypeError, match="gids must be whole numbers"):
        plot.voltage(done.run, gids=[1.5])
    for draw in (plot.voltage, plot.lfp):
        with pytest.raises(ValueError, match="most must be a whole number >= 1"):
            draw(done.run, of=done.env, most=0)
        with pytest.raises(TypeError, match="most must be a whole number"):
            draw(done.run, of=done.env, most=2.5)
        with pytest.raises(TypeError, match="run must be a Run or an Experiment"):
            draw(3)
        with pytest.raises(TypeError, match="ax must be Matplotlib axes"):
            draw(done.run, "axes", of=done.env)
    assert not plt.get_fignums()
