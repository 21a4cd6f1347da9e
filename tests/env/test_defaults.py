"""The shipped values make cultures that live, at rest and while they learn: the bands that the package promises."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from livn import Env, make
from livn.models import rcsd
from livn.system import PREDEFINED
from tests.conftest import ROOT

SECONDS = {"EI1": 20.0, "EI2": 8.0}
INPUT_CONDUCTANCE = {"EXC": 0.0015, "INH": 0.0028}
"""Of a resting cell, µS."""


@pytest.fixture(scope="module", params=list(SECONDS))
def resting(request: pytest.FixtureRequest) -> Iterator[tuple[Env, np.ndarray, np.ndarray, np.ndarray, float]]:
    """A culture as `make` gives it, its spikes (gids, ms) and its potentials [cells, samples] over some seconds."""
    seconds = SECONDS[request.param]
    with make(request.param, threads=1) as env:
        env.record_spikes().record_voltage(dt=1.0)
        run = env.run(seconds * 1000.0)
        yield env, run.spike_ids, run.spike_times, run.voltage, seconds


def rates_of(env: Env, ids: np.ndarray, seconds: float) -> dict[str, float]:
    ranges = env.system.population_ranges.items()
    return {p: float(np.isin(ids, range(first, first + n)).sum() / n / seconds) for p, (first, n) in ranges}


def isi_cv(ids: np.ndarray, times: np.ndarray) -> float:
    """Median over the cells with at least five spikes."""
    trains = [times[ids == gid] for gid in np.unique(ids)]
    intervals = [np.diff(t) for t in trains if len(t) >= 5]
    return float(np.median([i.std() / i.mean() for i in intervals]))


def is_alive(env: Env, ids: np.ndarray, times: np.ndarray, voltage: np.ndarray, seconds: float) -> None:
    for population, rate in rates_of(env, ids, seconds).items():
        assert 0.5 <= rate <= 5.0, (population, rate)
    assert isi_cv(ids, times) >= 0.5
    assert len(np.unique(ids)) >= 0.9 * env.system.num_neurons
    mean, sd = voltage.mean(axis=1), voltage.std(axis=1)
    assert (mean > -72.0).all()
    assert (mean < -50.0).all()
    assert (sd > 1.0).all()
    assert (voltage < -74.0).mean(axis=1).max() < 0.1
    assert (voltage > -10.0).mean(axis=1).max() < 0.02


def test_a_culture_at_rest_is_alive(resting: tuple) -> None:
    is_alive(*resting)


def test_a_culture_starts_soon_and_not_all_at_once(resting: tuple) -> None:
    env, _, times, _, _ = resting
    assert (times < 500.0).sum() >= 3
    per_bin = np.bincount((times[times < 1000.0] / 20.0).astype(int))
    assert per_bin.max() <= 0.5 * env.system.num_neurons


def test_a_learning_culture_stays_alive_and_changes(resting: tuple) -> None:
    env, *_, seconds = resting
    env.clear(reset_weights=True)
    env.enable_plasticity()
    ids, times, voltage = [], [], []
    for _ in range(round(seconds * 10)):
        run = env.run(100.0)
        env.normalize_weights()
        ids.append(run.spike_ids)
        times.append(run.spike_times + run.t0)
        voltage.append(run.voltage)
    is_alive(env, np.concatenate(ids), np.concatenate(times), np.concatenate(voltage, axis=1), seconds)
    assert env.get_weights().array.std() > 0.008
    env.disable_plasticity()


@pytest.mark.parametrize("seed", [123, 4, 9])
def test_one_second_of_training_moves_the_weights(engine: str, seed: int) -> None:
    with make("EI1", engine=engine, seed=seed, threads=1) as env:
        env.enable_plasticity()
        for _ in range(10):
            env.run(100.0)
            env.normalize_weights()
        assert env.get_weights().array.std() > 2e-3


def test_synapses_matter(engine: str) -> None:
    rates = []
    with make("EI1", engine=engine, threads=1) as env:
        env.record_spikes()
        shipped = env.model.default_weights("EI1")
        for strength in (1.0, 0.0):
            env.clear(reseed=False)
            env.set_weights({name: strength * w for name, w in shipped.items()})
            rates.append(rates_of(env, env.run(10_000.0).spike_ids, 10.0)["EXC"])
    assert rates[0] > 1.15 * rates[1]


@pytest.mark.parametrize("name", ["generic", *PREDEFINED])
def test_the_background_clamps_no_cell(name: str) -> None:
    for population, noise in rcsd.ReducedCalciumSomaDendrite().default_noise(name).items():
        assert noise["g_e0"] + noise["g_i0"] < 3.5 * INPUT_CONDUCTANCE[population]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script that wrote the values."""
    spec = importlib.util.spec_from_file_location("tune_defaults", ROOT / "tools" / "tune_defaults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_script_writes_what_is_shipped(tool: ModuleType) -> None:
    noise = {"EXC": tool.noise_of(0.00055), "INH": tool.noise_of(0.00045)}
    shipped = json.loads(tool.OUTPUT.read_text(encoding="utf-8"))
    assert tool.document(noise, 1.0) == shipped


def test_the_script_measures(tool: ModuleType, capsys: pytest.CaptureFixture) -> None:
    assert tool.main(["check", "EI1", "--seeds", "1", "--seconds", "5", "--conditions", "rest", "cut"]) == 0
    rest, cut = capsys.readouterr().out.splitlines()
    assert "in band" in rest
    assert "rest" in rest
    assert "cut" in cut
