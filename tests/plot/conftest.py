"""Cultures that did something, and figures that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from livn import make
from livn.env import Env
from livn.experiment import Experiment, train
from livn.plasticity import Weights
from livn.run import Run


@pytest.fixture(autouse=True)
def settings_stay() -> Iterator[None]:
    """No figure changes a setting or the backend; pyplot's figures are closed."""
    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


@dataclass(frozen=True)
class Done:
    """A live culture that learned, what it did in 300 ms, its weights before and after."""

    env: Env
    run: Run
    before: Weights
    after: Weights


@pytest.fixture(scope="package")
def done() -> Done:
    env = make("EI1").record_spikes().record_voltage(dt=0.5, sections=["soma", "dend"])
    env.record_membrane_current(dt=0.5).record_weights(dt=1.0)
    before = env.get_weights()
    env.enable_plasticity({"EXC": {"A_ltp": 4.0}})
    return Done(env, env.run(300), before, env.get_weights())


@pytest.fixture(scope="package")
def experiment() -> Experiment:
    """Baseline, training and evaluation of EI1."""
    env = make("EI1").record_spikes().record_voltage(dt=0.5).record_membrane_current(dt=0.5).record_weights(dt=2.0)
    return train(env, 100, 300, 100, progress=False)


@pytest.fixture(scope="package")
def many() -> Experiment:
    """The same of EI2, for figures of many cells and channels."""
    env = make("EI2").record_spikes().record_voltage(dt=0.5).record_membrane_current(dt=0.5).record_weights(dt=5.0)
    return train(env, 100, 300, 100, progress=False)


@pytest.fixture(scope="package")
def unconnected() -> Experiment:
    """Three cells of one population that nothing connects, without electrodes."""
    from livn.experiment import run

    return run(make(3).record_spikes(), 50, progress=False)
