"""A culture in a file: what is stored, and which files are refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from livn import DamagedFile, Env, NewerFormat, StorageError, make
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.system.storage import read_arrays, write_arrays
from tests.env.helpers import LIVELY, differences, lively, outcome, small_system, state_of


def busy(engine: str) -> Env:
    """A culture with everything changed that can be, and spikes in flight."""
    model = ReducedCalciumSomaDendrite(refractory_period=3.0, renshaw_phenotype="perry", input_mode="current")
    env = make(small_system(weight=2.0), model=model, seed=99, engine=engine)
    env.v_init = -61.5
    env.set_noise(LIVELY | {"tau_i": 8.0}).set_noise({"INH": {"g_i0": 1e-4}})
    env.set_weights({"EXC_INH": 1.5}).cells.set_params({"EXC:soma.g_pas": [1e-4, 1.1e-4, 1.2e-4, 1.3e-4]})
    env.record_spikes("EXC").record_voltage(dt=0.2, gids=[0, 5], sections=["soma", "dend"])
    env.record_membrane_current("INH", dt=0.5).record("ca", dt=0.5).record_weights(0.5)
    env.enable_plasticity({"EXC": {"A_ltd": 0.2}, "INH": {"w_max": 4.0}})
    env.run(40.0)
    env.reseed_noise(5).normalize_weights()
    env.run(6.0)
    return env


def on(env: Env) -> tuple:
    """What comes next, and all that is left."""
    runs = [env.run(20.0)]
    env.disable_plasticity()
    runs.append(env.run(5.0))
    env.enable_plasticity()
    runs.append(env.run(20.0))
    return runs, env.get_weights(), env.cells.get_params(), env.plasticity_summary()


def same(a: tuple, b: tuple) -> bool:
    parameters = all(np.array_equal(a[2][n], b[2][n], equal_nan=True) for n in a[2])
    return a[0] == b[0] and a[1] == b[1] and parameters and str(a[3]) == str(b[3])


def test_a_loaded_culture_goes_on_bit_for_bit(engine, tmp_path):
    env = busy(engine)
    assert env.save(tmp_path / "culture") is None
    env.save(str(tmp_path / "again"))  # writing changes nothing
    t, text, state = env.t, repr(env), state_of(env)
    first, traces = outcome(env, lambda env: (on(env), env.w_recs))
    assert len(first[0][0].spike_ids) > 0
    with Env.load(tmp_path / "culture", engine=engine) as loaded:
        assert not differences(state_of(loaded), state)
        assert (loaded.t, loaded.seed, loaded.v_init, loaded.engine) == (t, 99, -61.5, engine)
        assert loaded.model == env.model
        assert repr(loaded) == text
        assert loaded.w_recs.t.size == 0  # recorders' settings are stored, not what they recorded
        assert same(on(loaded), first)
        assert loaded.w_recs.t.tolist() == traces.t[-len(loaded.w_recs.t) :].tolist()
    assert same(on(Env.load(str(tmp_path / "again"), engine=engine)), first)


def test_clear_after_load_is_clear_after_save(engine, tmp_path):
    def what_follows(env):
        return [env.clear(**options).run(20.0, dt=0.05) for options in ({}, {"reseed": False, "reset_weights": True})]

    env = busy(engine)
    env.save(tmp_path / "culture")
    runs, rest = outcome(env, lambda env: (what_follows(env), on(env.clear(reseed=False))))
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert what_follows(loaded) == runs
    assert same(on(loaded.clear(reseed=False)), rest)


def test_another_process_goes_on_bit_for_bit(engine, tmp_path):
    env = busy(engine)
    env.save(tmp_path / "culture")
    code = (
        "import sys, pickle; from livn.env import Env; from tests.env.test_env_storage import on\n"
        f"env = Env.load(sys.argv[1], engine={engine!r}); runs, weights, parameters, summary = on(env)\n"
        "pickle.dump((runs, weights, parameters, str(summary)), open(sys.argv[2], 'wb'))"
    )
    files = tmp_path / "culture", tmp_path / "result"
    subprocess.run([sys.executable, "-W", "error", "-c", code, *files], cwd=Path(__file__).parents[2], check=True)
    runs, weights, parameters, summary = pickle.loads((tmp_path / "result").read_bytes())
    expected = on(env)
    assert runs == expected[0]
    assert weights == expected[1]
    assert summary == str(expected[3])
    assert all(np.array_equal(parameters[n], expected[2][n], equal_nan=True) for n in parameters)


def test_every_moment_can_be_stored(engine, tmp_path):
    """Before the first run, right after it, after clear; plasticity on and off."""
    path = tmp_path / "culture"

    def stored(env):
        """The same culture, after a stay on disk."""
        env.save(path)
        t, state = env.t, outcome(env, state_of)
        loaded = Env.load(path, engine=engine)
        assert not differences(state_of(loaded), state)
        assert loaded.t == t
        return loaded

    def life(stored):
        """Runs at the moments in question."""
        env = lively(engine)
        env.v_init = -60.0
        env.record_spikes().record_voltage().enable_plasticity({"w_init": 2.0})
        env = stored(env)
        assert env.v_init == -60.0
        env.v_init = -62.0
        env.enable_plasticity({"w_init": 3.0})
        assert set(env.get_weights().array) == {3.0}  # nothing was simulated yet
        env.enable_plasticity({"w_init": 2.0})
        env = stored(env)
        yield env.run(0.1)
        env = stored(env)
        with pytest.raises(RuntimeError, match="v_init"):
            env.v_init = -60.0
        with pytest.raises(ValueError, match="dt is"):
            env.run(1.0, dt=0.05)
        env.enable_plasticity({"w_init": 3.0})
        assert set(env.get_weights().array) == {2.0}
        env = stored(env)
        yield env.run(30.0)
        env = stored(env.clear())
        yield env.run(30.0, dt=0.0125)
        env = stored(env.disable_plasticity())
        yield env.run(30.0)
        env.close()

    assert list(life(stored)) == list(life(lambda env: env))


def test_a_spike_in_flight_is_stored(engine, tmp_path):
    whole = lively(engine).record_spikes().run(60.0)
    at = float(whole.spike_times[5])
    env = lively(engine).record_spikes().record("g_AMPA", dt=0.025)
    env.run(at)
    env.save(tmp_path / "culture")
    run, state = outcome(env, lambda env: (env.run(2.5), state_of(env)))  # delays are 1 to 1.5 ms
    assert run.spike_times[0] == 0.0  # stamped with the end of the run before
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert loaded.run(2.5) == run
    assert not differences(state_of(loaded), state)
    assert (np.diff(run.values("g_AMPA"), axis=1).max(axis=1) > 0).any()  # it arrives


def test_a_culture_without_synapses_is_stored(engine, tmp_path):
    env = make({"EXC": 2, "INH": 3}, engine=engine).record_voltage()
    env.run(5.0)
    env.save(tmp_path / "culture")
    expected = outcome(env, lambda env: env.run(5.0))
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert loaded.run(5.0) == expected
    assert loaded.system.populations == ["EXC", "INH"]


def test_a_selection_and_its_parameters_are_stored(engine, tmp_path):
    directory = small_system().save(tmp_path / "system")
    (directory / "selection").mkdir()
    (directory / "selection" / "core.json").write_text(json.dumps({"gids": {"EXC": [1, 3], "INH": [5]}}))
    env = Env(directory, engine=engine).selection("core").init().apply_model_defaults().set_noise(LIVELY)
    env.cells.set_params({"soma.g_pas": [1e-4, 2e-4, 3e-4]})
    env.record_spikes().record_voltage().enable_plasticity()
    env.run(30.0)
    env.save(tmp_path / "culture")
    expected = outcome(env, lambda env: (env.run(30.0), env.get_weights()))
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert loaded.selection_name == "core"
    assert loaded.active_gids().tolist() == [1, 3, 5]
    assert loaded.cells.get_params()["soma.g_pas"].tolist() == [1e-4, 2e-4, 3e-4]
    assert (loaded.run(30.0), loaded.get_weights()) == expected


def test_a_file_is_replaced_whole(engine, tmp_path):
    env = lively(engine)
    env.save(tmp_path / "culture")
    env.run(3.0)
    outcome(env, lambda env: env.save(tmp_path / "culture"))
    assert Env.load(tmp_path / "culture", engine=engine).t == 3.0
    assert [p.name for p in tmp_path.iterdir()] == ["culture"]


def test_a_file_that_cannot_be_used(engine, tmp_path):
    path = tmp_path / "culture"
    with pytest.raises(FileNotFoundError, match="culture does not exist"):
        Env.load(path)
    with pytest.raises(DamagedFile, match="is a directory"):
        Env.load(tmp_path)
    lively(engine).save(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    assert issubclass(DamagedFile, StorageError)
    assert issubclass(StorageError, OSError)
    for content in {
        "empty": b"",
        "text": b"no culture at all\n" * 100,
        "cut": whole[:-100],
        "cut to the header": whole[:512],
        "grown": whole + b"x",
        "one bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "header": b"x" + whole[1:],
    }.values():
        path.write_bytes(content)
        with pytest.raises(DamagedFile, match=r"culture (was|is cut short)"):
            Env.load(path, engine=engine)
    newer = whole[:512].replace(b'"version": 1', b'"version": 2') + whole[512:]
    path.write_bytes(newer)
    with pytest.raises(NewerFormat, match="format version 2, this release reads up to 1: update livn"):
        Env.load(path)
    path.write_bytes(whole)
    assert Env.load(path, engine=engine).t == 0.0


def test_a_file_of_another_kind_or_with_parts_missing(engine, tmp_path):
    path = tmp_path / "culture"
    outcome(lively(engine), lambda env: env.save(path))
    arrays, meta = read_arrays(path, "env")
    write_arrays(path, arrays, meta, "system")
    with pytest.raises(DamagedFile, match="holds 'system', expected 'env'"):
        Env.load(path)
    needed = [n for n in arrays if n.startswith(("state:", "learning:", "late:"))]
    needed = [n for n in needed if not n.startswith(f"state:{engine}.")]  # what an engine adds for itself
    for lost in needed[::5]:
        write_arrays(path, {n: a for n, a in arrays.items() if n != lost}, meta, "env")
        with pytest.raises(DamagedFile, match=r"(holds no whole|lacks a part of a) culture|lacks a part of a system"):
            Env.load(path, engine=engine)
    for lost in meta.keys() - {"precision", "io", "noise_seed"}:  # files from before there was a choice lack them
        write_arrays(path, arrays, {n: v for n, v in meta.items() if n != lost}, "env")
        with pytest.raises(DamagedFile, match=r"(holds no whole|lacks a part of a) culture|lacks a part of a system"):
            Env.load(path, engine=engine)


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        ({"cls": "nowhere.Model", "kwargs": {}}, ImportError, "needs the model 'nowhere.Model': import nowhere first"),
        ({"cls": "livn.models.none.Model", "kwargs": {}}, ImportError, "which this version of livn does not have"),
        ({"cls": "livn.models.rcsd.Model", "kwargs": {}}, ImportError, "as its model, which is none"),
        ({"cls": "os.system", "kwargs": {"command": "false"}}, ImportError, "as its model, which is none"),
        ({"cls": "livn.models.rcsd.ReducedCalciumSomaDendrite", "kwargs": {"x": 1}}, DamagedFile, "its model"),
        ({"cls": 3, "kwargs": {}}, DamagedFile, "must name its model as"),
    ],
)
def test_a_file_runs_no_stranger(engine, tmp_path, model, error, text):
    path = tmp_path / "culture"
    outcome(lively(engine), lambda env: env.save(path))
    arrays, meta = read_arrays(path, "env")
    write_arrays(path, arrays, meta | {"model": model}, "env")
    with pytest.raises(error, match=text):
        Env.load(path, engine=engine)


def test_nonsense_is_not_loaded(engine, tmp_path, monkeypatch):
    for path in (None, 3, True, b"x", ["x"], float("nan"), object()):
        with pytest.raises(TypeError, match="path must be the name of a file"):
            Env.load(path)
    outcome(lively(engine), lambda env: env.save(tmp_path / "culture"))
    with pytest.raises(ValueError, match=r"unknown engine 'cup'.*did you mean 'cpu'"):
        Env.load(tmp_path / "culture", engine="cup")
    with pytest.raises(ImportError, match="jax"):
        Env.load(tmp_path / "culture", engine="jax")
    monkeypatch.setenv("LIVN_THREADS", "many")
    with pytest.raises(ValueError, match="LIVN_THREADS must be"):
        Env.load(tmp_path / "culture", engine=engine)
    monkeypatch.setenv("LIVN_THREADS", "")
    assert Env.load(tmp_path / "culture").engine == "cpu"
    assert Env.load(tmp_path / "culture", engine=engine).t == 0.0


def test_a_comm_that_is_none_is_refused_before_the_file_is_read(engine, tmp_path):
    for comm in (7, "world"):
        with pytest.raises(TypeError, match="comm must be an MPI communicator or None"):
            Env.load(tmp_path / "nowhere", engine=engine, comm=comm)
