"""What is peculiar to the NEURON engine: one simulation per process, and the way to another engine and back."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from livn import DamagedFile, Env, SimulationDiverged, UnsupportedByEngine, make
from livn.engine.neuron.library import load_neuron
from livn.engine.neuron.membrane import Membranes
from livn.engine.neuron.wiring import Wiring
from livn.env import defaults
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.system.storage import read_arrays, write_arrays
from tests.conftest import close_neuron
from tests.engines.helpers import lively as learning
from tests.env.helpers import lively, outcome, small_system


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """No culture is left in NEURON."""
    yield
    close_neuron()


@pytest.fixture
def h() -> Any:
    return load_neuron()


def neuron(**options: Any) -> Env:
    return lively("neuron", **options)


# One at a time


def test_a_second_living_env_is_refused_until_the_first_is_closed():
    first = neuron().record_spikes()
    first.run(20.0)
    waiting = Env(small_system(), engine="neuron")  # has built nothing yet
    for refused in (neuron, waiting.init):
        with pytest.raises(RuntimeError, match=r"one simulation per process.*close\(\) it first, or use it in a with"):
            refused()
    whole = first.run(20.0)  # as if nobody had asked
    first.close()
    second = neuron().record_spikes()
    second.run(20.0)
    assert second.run(20.0) == whole
    assert lively("cpu").run(1.0).duration == 1.0  # another engine is welcome meanwhile
    second.close()
    assert waiting.init().run(1.0).duration == 1.0


def test_what_closes_an_env_twice_or_late_leaves_the_living_one_alone():
    first = neuron()
    first.close()
    second = neuron().record_spikes()
    first.close()
    del first
    gc.collect()
    assert len(second.run(100.0).spike_ids) > 0


def test_an_env_that_nobody_holds_does_not_block():
    env = neuron()
    env.run(1.0)
    gone = weakref.ref(env)
    del env
    assert neuron().run(1.0).duration == 1.0
    assert gone() is None


@pytest.mark.parametrize("stimulus", [None, (np.full((2, 6), 0.1), 1.0, None, "current")])
def test_close_frees_sections_and_gids(h, stimulus):
    env = neuron().record_voltage().record_membrane_current(dt=0.1).record_weights(0.5).enable_plasticity()
    env.run(5.0, stimulus)
    context = h.ParallelContext()
    assert len(list(h.allsec())) == 10
    assert all(context.gid_exists(gid) for gid in range(6))
    env.close()
    assert list(h.allsec()) == []
    assert not any(context.gid_exists(gid) for gid in range(6))
    for name in ("NetCon", "LivnBackground", "StdpLinExp2Syn", "LivnRuleEXC", "IClamp"):
        assert len(h.List(name)) == 0
    for call in (lambda: env.run(1.0), env.get_weights, env.init, lambda: env.save("nowhere")):
        with pytest.raises(RuntimeError, match="this env is closed"):
            call()


def test_sections_of_others_are_not_simulated_along(h):
    mine = h.Section(name="mine")
    with pytest.raises(RuntimeError, match=r"holds 1 sections .* not livn's \(mine"):
        neuron()
    h.delete_section(sec=mine)
    assert neuron().run(1.0).duration == 1.0


def test_a_rank_has_one_thread(monkeypatch):
    with neuron(threads=4) as env:
        assert env.threads == 1
    monkeypatch.setenv("LIVN_THREADS", "3")
    assert neuron().threads == 1


# What fails on the way must not stay in NEURON: nobody could close it, and a traceback may keep it alive


@pytest.mark.parametrize("place", [(Wiring, "_connect"), (Membranes, "rest"), (defaults, "apply_default_params")])
def test_what_is_half_built_does_not_block(h, monkeypatch, place):
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*place, interrupted)
        with pytest.raises(KeyboardInterrupt) as kept:
            neuron()
    assert list(h.allsec()) == []
    assert neuron().run(1.0).duration == 1.0
    assert kept.tb is not None


def test_a_file_that_is_refused_late_does_not_block(h, tmp_path):
    path = tmp_path / "culture"
    with neuron() as env:
        env.save(path)
    arrays, meta = read_arrays(path, "env")
    write_arrays(path, {n: a for n, a in arrays.items() if not n.startswith("late:")}, meta, "env")
    with pytest.raises(DamagedFile) as kept:
        Env.load(path, engine="neuron")
    assert list(h.allsec()) == []
    assert neuron().run(1.0).duration == 1.0
    assert kept.tb is not None


# What there are no mechanisms for


@pytest.mark.parametrize("part", ["step", "prepare", "areas"])
def test_a_kind_of_cell_of_ones_own_is_refused(h, part):
    model = ReducedCalciumSomaDendrite()
    own = model.cell_types["INH"]
    model.cell_types["INH"] = dataclasses.replace(own, **{part: lambda *args: getattr(own, part)(*args)})
    with pytest.raises(UnsupportedByEngine, match=r"cells of the kind 'INH'.*engines that have it: cpu"):
        make(small_system(), model=model, engine="neuron")
    assert list(h.allsec()) == []


@pytest.mark.parametrize("change", [{"mechanism": "MySyn"}, {"blocked": True}, {"rule": "EXC"}])
def test_a_receptor_of_ones_own_is_refused(change):
    model = ReducedCalciumSomaDendrite()
    (own,) = [r for r in model.receptors if r.label == "GABA_B"]
    model.receptors = tuple(dataclasses.replace(r, **change) if r is own else r for r in model.receptors)
    with pytest.raises(UnsupportedByEngine, match="the receptor 'GABA_B'"):
        make(small_system(), model=model, engine="neuron")


# The same culture on both engines


def test_a_culture_moves_between_the_engines(tmp_path):
    path = tmp_path / "culture"

    def life(*engines: str) -> tuple[list[Any], np.ndarray]:
        """The spikes of a stretch on each of these engines, and the weights they left."""
        env, spikes = learning(engines[0]), []
        for engine in engines:
            env.save(path)
            env.close()
            env = Env.load(path, engine=engine)
            assert env.engine == engine
            run = env.run(60.0)
            spikes.append((run.spike_ids.tolist(), run.spike_times.tolist()))
        with env:
            return spikes, env.get_weights().array

    stay, weights = life("cpu", "cpu", "cpu")
    assert sum(len(ids) for ids, _ in stay) > 20
    for engines in (("neuron", "cpu", "neuron"), ("cpu", "neuron", "cpu")):
        spikes, changed = life(*engines)
        assert spikes == stay
        np.testing.assert_allclose(changed, weights, rtol=0, atol=1e-6)


def test_a_noisy_learning_culture_is_the_same_on_both_engines():
    """Near threshold the cells amplify rounding, so that this cannot hold for ever: 300 ms are what livn promises."""
    runs, weights = [], []
    for engine in ("cpu", "neuron"):
        with make("EI2", engine=engine) as env:
            env.record_spikes().enable_plasticity()
            runs.append(env.run(300.0))
            weights.append(env.get_weights().array)
    assert len(runs[0].spike_ids) > 50
    np.testing.assert_array_equal(runs[1].spike_ids, runs[0].spike_ids)
    np.testing.assert_allclose(runs[1].spike_times, runs[0].spike_times, rtol=0, atol=1e-9)
    assert np.abs(weights[0] - 1.0).max() > 5e-3
    np.testing.assert_allclose(weights[1], weights[0], rtol=0, atol=1e-3)


def test_memory_does_not_grow_with_what_is_looked_at():
    """NEURON's vectors leak a little at every view of them: there is one view each."""
    resource = pytest.importorskip("resource")
    with make("EI1", engine="neuron") as env:
        env.record_voltage(dt=0.025).run(20.0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(20):
            env.run(20.0)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 10_000  # KiB on Linux; 30,000 when views are made anew


@pytest.mark.parametrize("w_max", [1e6, 1e30])
def test_a_wide_bound_takes_nothing_from_small_weights(w_max):
    def act(env):
        env.record_spikes().enable_plasticity({"w_max": w_max})
        return env.run(100.0), env.get_weights().array

    (run, w), (expected, v) = (outcome(make("EI2", engine=name), act) for name in ("neuron", "cpu"))
    assert len(run.spike_times) > 10
    assert run == expected
    np.testing.assert_allclose(w, v, rtol=0, atol=1e-9)


def test_the_lowest_gid_that_diverges_is_named():
    with Env({"INH": 4, "EXC": 4}, engine="neuron").init() as env:
        current = np.zeros((10, 8))
        current[2:, [2, 3, 6, 7]] = -1e7
        with pytest.raises(SimulationDiverged, match="cell 2, soma"):
            env.run(10.0, stimulus=(current, 1.0, None, "current"))
