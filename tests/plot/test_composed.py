"""Figures of several panels, and what all figures share."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from livn import extras, load_run, make, plot
from livn.env import Env
from livn.experiment import Experiment, train
from livn.plot.canvas import colours
from livn.run import Run
from tests.plot.conftest import Done

ALL = [
    "activity", "voltage", "weights", "weight_distribution", "weight_change", "culture", "channels", "lfp", "rule",
    "training",
]  # fmt: skip


def test_training_has_a_column_per_experiment(experiment: Experiment, many: Experiment) -> None:
    figure = plot.training(experiment, many)
    columns = figure.subfigs
    assert len(columns) == 2
    for column, record in zip(columns, (experiment, many), strict=True):
        assert record.system.name in column.get_suptitle()
        spikes, rates, weights, spread, change = (ax for part in column.subfigs for ax in part.axes)
        assert spikes.get_xlim() == rates.get_xlim() == weights.get_xlim() == (0.0, 500.0)
        assert [len(ax.patches) for ax in (spikes, rates, weights)] == [2, 2, 2]
        assert "training" in [text.get_text() for text in spikes.texts]
        assert not [text for ax in (rates, weights) for text in ax.texts if text.get_text() == "training"]
        assert sum(len(line.get_xdata()) for line in spikes.lines if line.get_linestyle() == "None") == len(
            record.run.spikes
        )
        assert spread.get_legend() is not None
        assert change.get_ylabel() == "change of weight"
    figure.canvas.draw()


def test_training_counts_the_cells_that_are_simulated() -> None:
    env = Env("EI1").selection({"EXC": [1, 3, 5]}).init()
    (column,) = plot.training(train(env, 0, 20, 0, progress=False)).subfigs
    assert column.get_suptitle().startswith("EI1: 3 cells,")


def test_the_legend_of_changes_is_clear_of_them(many: Experiment) -> None:
    figure = plot.training(many, figure=Figure((6.8, 10.0)))
    FigureCanvasAgg(figure).draw()
    change = figure.subfigs[0].subfigs[1].axes[1]
    box = change.get_legend().get_window_extent()
    for line in change.lines[1:]:
        y = change.transData.transform(line.get_xydata())[:, 1]
        assert y.max() <= box.y0 + 2.0


def test_training_tells_what_a_record_lacks(experiment: Experiment) -> None:
    poor = replace(experiment, run=experiment.run.drop_spikes(), traces=None, weights={})
    figure = plot.training(poor, figure=Figure())
    said = [text.get_text() for part in figure.subfigs[0].subfigs for ax in part.axes for text in ax.texts]
    assert said == [
        "no spikes were recorded", "no spikes were recorded", "no weights were sampled",
        "the experiment holds no weights", "the experiment holds no weights",
    ]  # fmt: skip
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ["experiment", "many"])
def test_overview_has_every_figure(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    figures = plot.overview(request.getfixturevalue(name))
    assert list(figures) == ALL
    assert not plt.get_fignums()
    for title, figure in figures.items():
        for suffix in ("png", "svg", "pdf"):
            figure.savefig(tmp_path / f"{title}.{suffix}")
            assert (tmp_path / f"{title}.{suffix}").stat().st_size > 2000


def test_no_text_is_cut_off(many: Experiment, experiment: Experiment) -> None:
    for figure in [f for record in (many, experiment) for f in plot.overview(record).values()]:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        frame, ink = figure.bbox, figure.get_tightbbox(canvas.get_renderer())
        inches = figure.dpi
        assert ink.x0 * inches > -1
        assert ink.y0 * inches > -1
        assert ink.x1 * inches < frame.width + 1
        assert ink.y1 * inches < frame.height + 1


def test_overview_leaves_out_what_was_not_recorded(unconnected: Experiment, experiment: Experiment) -> None:
    assert list(plot.overview(unconnected)) == ["activity", "culture"]
    run = experiment.run.drop_spikes().drop_voltage()
    assert list(plot.overview(replace(experiment, run=run, traces=None))) == [
        "weight_distribution", "weight_change", "culture", "lfp", "rule", "training",
    ]  # fmt: skip
    nothing = replace(unconnected, run=Run({}, 0.0, 50.0))
    assert list(plot.overview(nothing)) == ["culture"]


def test_a_stored_experiment_looks_as_it_did(experiment: Experiment, tmp_path: Path) -> None:
    experiment.save(tmp_path / "e")
    stored = plot.overview(load_run(tmp_path / "e"))
    for name, figure in plot.overview(experiment).items():
        pictures = []
        for f in (figure, stored[name]):
            canvas = FigureCanvasAgg(f)
            canvas.draw()
            pictures.append(np.asarray(canvas.buffer_rgba()))
        np.testing.assert_array_equal(*pictures, err_msg=name)


def test_nonsense(done: Done) -> None:
    with pytest.raises(TypeError, match="training needs an Experiment"):
        plot.training()
    with pytest.raises(TypeError, match="experiment must be a livn"):
        plot.training(done.run)
    with pytest.raises(TypeError, match="experiment must be a livn"):
        plot.overview(done.env)
    with pytest.raises(TypeError, match="figure must be a Matplotlib figure"):
        plot.activity(done.run, plt, of=done.env)
    assert not plt.get_fignums()


def test_axes_of_one_figure_can_be_mixed(done: Done) -> None:
    figure, axes = plt.subplots(2, 2)
    plot.raster(done.run, axes[0, 0], of=done.env)
    plot.rates(done.run, axes[0, 1], of=done.env)
    plot.weights(done.env, axes[1, 0])
    plot.culture(done.env, axes[1, 1])
    figure.canvas.draw()
    assert len(figure.axes) == 4
    assert plt.get_fignums() == [figure.number]


# Colours


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ rgb / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("names", [("EXC", "INH"), ("AMPA", "NMDA", "GABA_A"), ("EXC", "INH", "A", "B")])
def test_a_deuteranope_tells_colours_apart(names: tuple[str, ...]) -> None:
    """Deuteranopia simulated after Machado, Oliveira & Fernandes, IEEE TVCG 15:1291, 2009."""
    seen = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]])
    found = {}
    for name, colour in colours(names).items():
        srgb = np.array(to_rgb(colour))
        linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        found[name] = lab(np.clip(seen @ linear, 0.0, 1.0))
    for a, b in combinations(names, 2):
        assert np.linalg.norm(found[a] - found[b]) > 20.0, (a, b)


def test_each_name_has_a_colour_of_its_own() -> None:
    names = ["EXC", "INH", "A", "B", "C", "D"]
    found = colours(names)
    assert list(found) == names
    assert len(set(found.values())) == 6
    assert len(colours([f"p{i}" for i in range(20)])) == 20


# Matplotlib


def test_without_matplotlib_the_error_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch, done: Done) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    for draw in (lambda: plot.raster(done.run), lambda: plot.activity(done.run, of=done.env)):
        with pytest.raises(ImportError, match=r'pip install "pylivn\[plot\]"'):
            draw()


def test_importing_livn_loads_no_matplotlib() -> None:
    code = "import sys, livn, livn.plot; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_closed_env_says_so() -> None:
    env = make("EI1").record_spikes()
    run = env.run(10)
    env.close()
    with pytest.raises(RuntimeError, match="closed"):
        plot.raster(run, of=env)
    assert plot.raster(run, of=env.system) is not None
