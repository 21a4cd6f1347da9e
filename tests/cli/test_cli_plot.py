"""`livn plot`: figures of stored experiments."""

from __future__ import annotations

import json

import pytest

from livn.experiment.record import FIGURES
from tests.cli.helpers import contents


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    from livn import make
    from livn.experiment import train

    with make("EI2") as env:
        env.record_spikes().record_voltage(gids=[0, 80]).record_weights(5.0).record_membrane_current(dt=0.5)
        record = train(env, 50.0, 100.0, 50.0, keep_currents=False)
    return record.save(tmp_path_factory.mktemp("stored") / "out")


def test_every_figure_is_drawn(livn, stored, tmp_path):
    result = livn("plot", stored, "--to", tmp_path / "figures", "--dpi", 40)
    assert result.code == 0
    assert contents(tmp_path / "figures") == sorted(f"{name}.png" for name in FIGURES)
    assert result.out.splitlines() == [str(tmp_path / "figures" / f"{name}.png") for name in FIGURES]
    assert "run.h5" in contents(stored)


def test_figures_go_beside_the_record_and_are_drawn_anew(livn, stored):
    (stored / "weights.svg").write_text("an old one")
    result = livn("plot", stored, "--only", "weights", "--only", "rule", "--format", "svg", "--json")
    assert json.loads(result.out) == {name: str(stored / f"{name}.svg") for name in ("weights", "rule")}
    assert "<svg" in (stored / "weights.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "wieghts"), "unknown figure 'wieghts'"),
        (("--format", "docx"), "'docx' is not one of 'png', 'pdf', 'svg'"),
        (("--dpi", "3"), "3 is not in the range"),
    ],
)
def test_wrong_options(livn, stored, arguments, words):
    result = livn("plot", stored, *arguments)
    assert result.code == 2
    assert words in result.err


def test_a_directory_that_holds_no_experiment(livn, tmp_path):
    result = livn("plot", tmp_path)
    assert result.code == 1
    assert result.err == f"Error: {tmp_path} is not a directory of a stored experiment\n"
    assert contents(tmp_path) == []


def test_a_damaged_record(livn, stored, tmp_path):
    import shutil

    copy = shutil.copytree(stored, tmp_path / "copy")
    (copy / "run.h5").write_bytes(b"nonsense")
    result = livn("plot", copy)
    assert result.code == 1
    assert "run.h5 was not written by livn" in result.err


def test_what_was_not_recorded_is_not_drawn(livn, tmp_path):
    out = tmp_path / "out"
    assert livn("run", "EI1", "--duration", "5ms", "--voltage-cells", 0, "--out", out).code == 0
    result = livn("plot", out, "--only", "activity", "--only", "voltage", "--to", tmp_path / "figures")
    assert result.code == 2
    assert f"'voltage' shows what was not recorded in {out}" in result.err
    assert contents(tmp_path) == ["out"]
