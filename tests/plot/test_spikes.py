"""Rasters and rates."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from livn import make, plot
from livn.experiment import Experiment, Phase
from livn.plot.spikes import smoothed
from livn.run import Run
from livn.system import ParallelSystem
from tests.plot.conftest import Done


def drawn(ax: plt.Axes) -> tuple[np.ndarray, np.ndarray]:
    """(times, rows) of the marks on axes, in order of time and row."""
    marks = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"]
    t, y = np.concatenate(marks).T
    order = np.lexsort((y, t))
    return t[order], y[order]


def texts(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


# Rasters


def test_every_spike_is_drawn_once_in_its_row(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.raster(done.run, given_axes, of=done.env)
    assert ax is given_axes
    t, row = drawn(ax)
    np.testing.assert_array_equal(t, done.run.spike_times)
    np.testing.assert_array_equal(row, done.run.spike_ids)
    assert ax.get_xlim() == (0.0, 300.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "cell (gid)")
    assert texts(ax) == ["EXC", "INH"]
    assert len({text.get_color() for text in ax.texts}) == 2


def test_populations_have_their_own_colours(done: Done) -> None:
    by_label = {line.get_label(): line for line in plot.raster(done.run, of=done.env.system).lines}
    assert (by_label["EXC"].get_ydata() < 8).all()
    assert (by_label["INH"].get_ydata() >= 8).all()
    assert by_label["EXC"].get_color() != by_label["INH"].get_color()


def test_without_a_culture_cells_are_of_one_kind(done: Done) -> None:
    ax = plot.raster(done.run)
    np.testing.assert_array_equal(drawn(ax)[1], done.run.spike_ids)
    assert texts(ax) == []


def test_times_are_those_of_the_culture() -> None:
    env = make("EI1").record_spikes()
    env.run(100)
    later = env.run(200)
    ax = plot.raster(later, of=env)
    np.testing.assert_allclose(drawn(ax)[0], 100.0 + later.spike_times)
    assert ax.get_xlim() == (100.0, 300.0)


def test_rows_are_the_simulated_cells_by_gid() -> None:
    system = ParallelSystem(3, coordinates=np.array([[7, 0, 0, 0], [3, 1, 0, 0], [5, 2, 0, 0]]))
    run = Run().add_spikes([3, 7, 5], [1.0, 2.0, 3.0], duration=4.0)
    ax = plot.raster(run, of=system)
    np.testing.assert_array_equal(drawn(ax)[1], [0, 2, 1])
    label = ax.yaxis.get_major_formatter()
    assert [label(y, 0) for y in (0, 1, 2, 0.5, 3, -1)] == ["3", "5", "7", "", "", ""]


def test_a_silent_run_and_unconnected_cells(unconnected: Experiment) -> None:
    silent = replace(unconnected, run=Run().add_spikes([], [], duration=50.0))
    upper, lower = plot.activity(silent)
    assert len(drawn(upper)[0]) == 0
    assert all((line.get_ydata() == 0).all() for line in lower.lines)
    assert lower.get_ylim()[1] > 0
    assert plot.raster(Run().add_spikes([], [])).get_xlim() == (0.0, 1.0)


def test_many_spikes_are_pixels() -> None:
    draw = np.random.default_rng(0)
    run = Run().add_spikes(draw.integers(0, 10_000, 50_000), draw.uniform(0, 1e4, 50_000), duration=1e4)
    ax = plot.raster(run, of=ParallelSystem({"EXC": 8000, "INH": 2000}, coordinates=1.0))
    assert len(drawn(ax)[0]) == 50_000
    assert all(line.get_rasterized() for line in ax.lines)


def test_phases_are_shaded_and_named(experiment: Experiment) -> None:
    ax = plot.raster(experiment)
    assert [t for t in texts(ax) if t not in ("EXC", "INH")] == ["baseline", "training", "evaluation"]
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    assert spans == [(0.0, 100.0), (400.0, 500.0)]
    wide = plt.figure(figsize=(16, 3)).subplots()
    assert "evaluation (frozen)" in texts(plot.raster(experiment.run, wide, of=experiment))


def test_names_of_short_phases_take_two_rows(experiment: Experiment) -> None:
    phases = tuple(Phase(f"a very, very long name {i}", 100.0 * i, 100.0 * (i + 1), i % 2 == 1) for i in range(5))
    ax = plot.raster(replace(experiment, phases=phases))
    heights = [text.xyann[1] for text in ax.texts if text.get_text().startswith("a very")]
    assert len(set(heights)) == 2


def test_one_phase_is_not_told(experiment: Experiment) -> None:
    ax = plot.raster(replace(experiment, phases=(Phase("run", 0.0, 500.0, False),)))
    assert not ax.patches
    assert texts(ax) == ["EXC", "INH"]


def test_gids_may_be_large() -> None:
    ax = plot.raster(Run().add_spikes([2**31 - 2, 7], [1.0, 2.0], duration=5.0))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [2**31 - 2, 7])


# Rates


def test_rates_are_those_of_a_kernel_that_is_cut_and_renormalised() -> None:
    times, sd, length = np.random.default_rng(3).uniform(0, 400.0, 60), 20.0, 400.0
    t, rate = smoothed(times, length, sd)
    fine = np.arange(0.05, length, 0.1)
    width = np.exp(-0.5 * ((t[:, None] - fine) / sd) ** 2).sum(axis=1) * 0.1
    kernel = np.exp(-0.5 * ((t[:, None] - times) / sd) ** 2).sum(axis=1)
    np.testing.assert_allclose(rate, 1000.0 * kernel / width, rtol=0.05)


@given(rate=st.floats(20.0, 2000.0), length=st.floats(50.0, 3000.0), sd=st.floats(20.0, 500.0))
def test_a_steady_train_has_a_steady_rate_up_to_the_ends(rate: float, length: float, sd: float) -> None:
    gap = min(1000.0 / rate, sd / 20)
    times = np.arange(gap / 2, length, gap)
    times = times[times < length]
    _, found = smoothed(times, length, sd)
    np.testing.assert_allclose(found, 1000.0 / gap, rtol=0.25)
    np.testing.assert_allclose(np.mean(found), 1000.0 * len(times) / length, rtol=0.05)


def test_a_kernel_that_is_far_wider_than_the_run() -> None:
    _, found = smoothed(np.array([1.0, 2.0]), 10.0, 1e12)
    np.testing.assert_allclose(found, 200.0)


def test_rates_of_populations(done: Done) -> None:
    _, given_axes = plt.subplots()
    ax = plot.rates(done.run, given_axes, of=done.env, sd=10.0)
    assert ax is given_axes
    assert [line.get_label().split(",")[0] for line in ax.lines] == ["EXC", "INH"]
    counts = {"EXC": 8, "INH": 2}
    for line in ax.lines:
        name = line.get_label().split(",")[0]
        spikes = done.run.select(population=name, population_ranges=done.env.system.population_ranges)
        expected = 1000.0 * len(spikes.spike_times) / counts[name] / 300.0
        assert f"{expected:.3g} Hz" in line.get_label()
        assert line.get_ydata().max() <= ax.get_ylim()[1]
    assert "Hz" in ax.get_ylabel()
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_xlim() == (0.0, 300.0)


def test_activity_shares_time(experiment: Experiment) -> None:
    figure = Figure()
    upper, lower = plot.activity(experiment, figure)
    assert upper.figure is lower.figure is figure
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "time (ms)")
    assert "training" in texts(upper)
    assert "training" not in texts(lower)


# Nonsense


@pytest.mark.parametrize("draw", [plot.raster, plot.rates, plot.activity, plot.channels])
def test_no_spikes_were_recorded(draw: object, done: Done) -> None:
    with pytest.raises(ValueError, match=r"no spikes were recorded: call env\.record_spikes\(\)"):
        draw(done.run.drop_spikes(), of=done.env)  # type: ignore[operator]
    assert not plt.get_fignums()


@pytest.mark.parametrize("draw", [plot.raster, plot.rates, plot.activity, plot.channels])
def test_nonsense(draw: object, done: Done) -> None:
    with pytest.raises(TypeError, match="run must be a Run or an Experiment"):
        draw([1, 2])  # type: ignore[operator]
    with pytest.raises(TypeError, match="of=env"):
        draw(done.env)  # type: ignore[operator]
    with pytest.raises(TypeError, match="of must be the culture"):
        draw(done.run, of="EI1")  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"must be .*Matplotlib"):
        draw(done.run, done.env, of=done.env)  # type: ignore[operator]
    with pytest.raises(ValueError, match="no cell 8, which spiked"):
        draw(Run().add_spikes([8], [1.0], duration=2.0), of=ParallelSystem(3))  # type: ignore[operator]
    assert not plt.get_fignums()


@pytest.mark.parametrize("draw", [plot.rates, plot.activity, plot.channels])
def test_what_needs_a_culture_says_so(draw: object, done: Done) -> None:
    with pytest.raises(TypeError, match="of must be the culture of the run"):
        draw(done.run)  # type: ignore[operator]


@pytest.mark.parametrize(("sd", "error"), [(0.0, ValueError), (-1, ValueError), ("20", TypeError), (True, TypeError)])
def test_sd_is_a_width(sd: object, error: type[Exception], done: Done) -> None:
    for draw in (plot.rates, plot.activity):
        with pytest.raises(error, match="sd must be"):
            draw(done.run, of=done.env, sd=sd)


def test_a_long_run_is_smoothed_widely_and_has_seconds(done: Done) -> None:
    rng = np.random.default_rng(2)
    run = Run({}, duration=30_000.0).add_spikes(rng.integers(0, 10, 400), np.sort(rng.uniform(0, 30_000.0, 400)))
    ax = plot.rates(run, of=done.env)
    wide = plot.rates(run, of=done.env, sd=100.0)
    assert (ax.lines[0].get_xydata() == wide.lines[0].get_xydata()).all()
    assert ax.get_xlabel() == "time (s)"
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert "10" in labels
    assert "10000" not in labels


def test_names_are_not_what_they_name(done: Done) -> None:
    with pytest.raises(TypeError, match=r"got 'trained'; livn\.load_run reads a stored experiment"):
        plot.raster("trained")
    with pytest.raises(TypeError, match=r"got 'EI2'; livn\.make\('EI2'\) makes one"):
        plot.culture("EI2")
