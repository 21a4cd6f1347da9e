"""Experiments on a small culture that fires and learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from livn.experiment import Experiment, train
from tests.env.helpers import STRONG, lively


def trained(engine: str = "cpu", **options: Any) -> Experiment:
    """All that can be recorded, in three phases."""
    with lively(engine) as env:
        env.record_spikes().record_voltage(gids=[0, 5]).record_weights(1.0)
        return train(env, 20.0, 50.0, 30.0, **({"normalize_every": 20.0, "rules": STRONG} | options))


def assert_same(a: Experiment, b: Experiment) -> None:
    """Two records are equal in every part."""
    assert a.run == b.run
    assert a.phases == b.phases
    assert list(a.weights) == list(b.weights)
    assert dict(a.weights) == dict(b.weights)
    assert a.traces == b.traces
    assert dict(a.rules) == dict(b.rules)
    assert dict(a.receptors) == dict(b.receptors)
    assert str(a.plasticity) == str(b.plasticity)
    assert a.about == b.about
    assert a.config == b.config
    assert {k: v.tolist() for k, v in a.cells.items()} == {k: v.tolist() for k, v in b.cells.items()}
    assert a.io == b.io
    assert a.system.name == b.system.name
    assert a.system.population_ranges == b.system.population_ranges
    assert (a.system.neuron_coordinates == b.system.neuron_coordinates).all()
    assert a.system.edges.equals(b.system.edges)
    assert str(a.summary()) == str(b.summary())  # NaN is NaN


def make_unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No store can begin anywhere: who is root may write where rights say no."""
    real = Path.mkdir

    def refused(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name.startswith(".livn-"):
            raise PermissionError(13, "Permission denied")
        real(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refused)
