"""Building, selecting, closing: what a culture is before, between and after its runs."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import livn
from livn import Env, ParallelSystem, Stimulus, UnsupportedByEngine, make
from livn.backend import backend
from livn.engine.base import CAPABILITIES
from livn.io import MEA
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.types import Env as EnvProtocol
from livn.types import Model, System
from tests.env.helpers import differences, lively, outcome, small_system, state_of


def python(code: str, **environment: str) -> str:
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class OneRank:
    """The least of an MPI communicator."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return self.size


# The package


def test_the_public_names_are_sorted_complete_and_there():
    assert livn.__all__ == sorted(livn.__all__)
    assert len(set(livn.__all__)) == len(livn.__all__)
    for name in livn.__all__:
        assert getattr(livn, name) is not None
    loaded = {n for n, v in vars(livn).items() if getattr(v, "__module__", "").startswith("livn") and n[0] != "_"}
    assert loaded <= set(livn.__all__)
    assert set(livn.__all__) <= set(dir(livn))
    assert {"Env", "System", "ParallelSystem", "Run", "Stimulus", "make", "get_version", "__version__"} <= set(
        livn.__all__
    )
    with pytest.raises(AttributeError, match="no attribute 'mkae'"):
        _ = livn.mkae  # type: ignore[attr-defined]


def test_the_version_is_one():
    from importlib.metadata import version

    assert livn.get_version() == livn.__version__ == version("pylivn")


def test_importing_livn_loads_nothing_slow():
    code = (
        "import sys, livn; print([m for m in ('numba', 'matplotlib', 'pandas', 'scipy', 'h5py') if m in sys.modules])"
    )
    assert python(code) == "[]"


# make and Env


def test_make_is_built_and_noisy_and_records_and_learns_nothing(engine):
    env = make(engine=engine)
    assert env.system.name == "EI1"
    assert env.seed == 123
    weights = env.get_weights().array
    run = env.run(20.0)
    assert list(run.channels) == []
    assert tuple(run) == (None,) * 6
    assert np.array_equal(env.get_weights().array, weights)
    assert len(env.w_recs) == 0
    env.record("g_noise_e").record("g_noise_i")
    noisy = env.run(5.0)
    assert noisy.values("g_noise_e").std() > 0
    assert noisy.values("g_noise_i").std() > 0


@pytest.mark.parametrize(
    ("system", "counts"),
    [
        ("EI1", {"EXC": 8, "INH": 2}),
        (3, {"EXC": 3}),
        (np.int64(3), {"EXC": 3}),
        ({"EXC": 3, "INH": 5}, {"EXC": 3, "INH": 5}),
        ({"INH": 2}, {"INH": 2}),
        (ParallelSystem(2), {"EXC": 2}),
    ],
)
def test_every_form_of_system(engine, system, counts):
    for build in (make, lambda *args, **options: Env(*args, **options).init()):
        with build(system, engine=engine) as env:
            assert env.active_populations() == list(counts)
            assert {p: env.system.population_count(p) for p in env.system.populations} == counts
            assert env.active_gids().tolist() == env.simulated_gids().tolist() == list(range(sum(counts.values())))
            assert env.run(1.0).duration == 1.0


def test_a_directory_is_a_system_by_its_name_and_by_its_path(engine, tmp_path):
    directory = small_system().save(tmp_path / "culture")
    for spec in (str(directory), Path(directory)):
        with make(spec, engine=engine) as env:
            assert env.active_populations() == ["EXC", "INH"]


def test_attributes_are_those_of_the_contract(engine):
    model = ReducedCalciumSomaDendrite()
    io = MEA()
    env = Env(small_system(), model, io, 7, None, None, engine, 1, "double")
    assert env.model is model
    assert env.io is io
    assert (env.encoding, env.decoding) == (None, None)
    assert (env.seed, env.comm, env.engine, env.selection_name) == (7, None, engine, None)
    assert isinstance(env.capabilities, frozenset)
    assert {"simulation", "plasticity", "noise", "replayable_noise"} <= env.capabilities <= CAPABILITIES
    assert isinstance(env.init(), EnvProtocol)
    assert isinstance(env.system, System)
    assert isinstance(env.model, Model)
    assert env.voltage_recording_dt is None
    assert env.membrane_current_recording_dt is None
    env.record_voltage(dt=0.5).record_membrane_current(dt=1.0)
    assert env.voltage_recording_dt == 0.5
    assert env.membrane_current_recording_dt == 1.0


def test_repr_tells_the_state(engine):
    env = Env(small_system(), engine=engine)
    start = f"Env('small': EXC 4, INH 2; engine '{engine}'; "
    assert repr(env) == start + "not initialised)"
    env.init().record_spikes().record_weights().enable_plasticity().run(2.0)
    assert repr(env) == start + "t = 2 ms, plasticity on, recording spikes, weights)"
    env.close()
    assert repr(env) == "Env('small', closed)"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"system": "EI5"}, ValueError, "unknown system 'EI5'; legal: EI1, EI2, EI3, EI4.*did you mean 'EI4'"),
        ({"system": "ei1"}, ValueError, "did you mean 'EI1'"),
        ({"system": 0}, ValueError, "from 1 to .*got 0"),
        ({"system": -3}, ValueError, "from 1 to .*got -3"),
        ({"system": True}, TypeError, "system must be"),
        ({"system": 2.0}, TypeError, "system must be"),
        ({"system": float("nan")}, TypeError, "system must be"),
        ({"system": None}, TypeError, "system must be"),
        ({"system": {"EXC": -1}}, ValueError, "populations\\['EXC'\\]"),
        ({"system": {"FOO": 3}}, ValueError, "unknown population 'FOO'; legal: EXC, INH"),
        ({"system": {}}, ValueError, "at least one cell"),
        ({"engine": "gpu"}, ValueError, "unknown engine 'gpu'; legal: cpu, jax, neuron; did you mean 'cpu'"),
        ({"engine": True}, ValueError, "unknown engine True; legal: cpu, jax, neuron"),
        ({"engine": "jax"}, ImportError, "the 'jax' engine is not in this version of livn; use engine='cpu'"),
        ({"model": "rcsd"}, TypeError, "model must be a model, such as ReducedCalciumSomaDendrite\\(\\), got 'rcsd'"),
        ({"model": ReducedCalciumSomaDendrite}, TypeError, "model must be a model"),
        ({"io": "mea"}, TypeError, "io must be an IO, such as livn.io.MEA\\(\\), or None, got 'mea'"),
        ({"seed": -1}, ValueError, "seed must be a whole number from 0 to 18446744073709551615, got -1"),
        ({"seed": 1 << 64}, ValueError, "seed must be"),
        ({"seed": 1.0}, TypeError, "seed must be"),
        ({"seed": None}, TypeError, "seed must be"),
        ({"seed": True}, TypeError, "seed must be"),
        ({"threads": 0}, ValueError, "threads must be a whole number from 1 to 1024, got 0"),
        ({"threads": 1.5}, TypeError, "threads must be"),
        ({"threads": True}, TypeError, "threads must be"),
        ({"threads": "2"}, TypeError, "threads must be"),
        ({"precision": "half"}, ValueError, "unknown precision 'half'; legal: double, single"),
        ({"precision": None}, ValueError, "unknown precision None"),
    ],
)
def test_nonsense_builds_nothing(options: dict[str, Any], error, text):
    with pytest.raises(error, match=text):
        make(**options)
    with pytest.raises(error, match=text):
        Env(**({"system": "EI1"} | options))


def test_make_takes_keywords_only():
    with pytest.raises(TypeError):
        make("EI1", "cpu")  # type: ignore[misc]


def test_a_communicator_of_one_rank_will_do(engine):
    comm = OneRank()
    env = Env(2, comm=comm, subworld_size=1, engine=engine).init()
    assert env.comm is comm
    for comm in (3, "world", object()):
        with pytest.raises(TypeError, match="comm must be an MPI communicator or None"):
            Env(2, comm=comm, engine=engine)
    for size in (0, -1):
        with pytest.raises(ValueError, match="subworld_size must be a whole number >= 1"):
            Env(2, subworld_size=size, engine=engine)


def test_several_ranks_need_an_engine_that_uses_mpi():
    for options in ({"comm": OneRank(2)}, {"subworld_size": 2}):
        with pytest.raises(UnsupportedByEngine, match="'mpi'") as error:
            Env(2, engine="cpu", **options)
        assert (error.value.feature, error.value.engine) == ("mpi", "cpu")
        assert isinstance(error.value, NotImplementedError)
    with pytest.raises(ValueError, match="subworld_size must be the number of ranks of comm, 1, got 2"):
        Env(2, engine="neuron", subworld_size=2)


# Environment variables are read when an Env is built


def test_the_default_engine_is_that_of_the_environment(monkeypatch):
    assert backend() == "cpu"
    monkeypatch.setenv("LIVN_BACKEND", "")
    assert backend() == "cpu"
    monkeypatch.setenv("LIVN_BACKEND", "jax")
    assert backend() == "jax"
    with pytest.raises(ImportError, match="jax"):
        make(2)
    assert make(2, engine="cpu").engine == "cpu"  # the argument comes first
    monkeypatch.setenv("LIVN_BACKEND", "cpuu")
    for call in (backend, lambda: make(2)):
        with pytest.raises(ValueError, match=r"unknown engine in LIVN_BACKEND 'cpuu'; legal: .*did you mean 'cpu'"):
            call()


def test_the_default_number_of_threads_is_that_of_the_environment(engine, monkeypatch):
    monkeypatch.setenv("LIVN_THREADS", "2")
    assert make(40, engine=engine).threads == (1 if engine == "neuron" else 2)
    assert make(40, engine=engine, threads=1).threads == 1
    for text in ("0", "two", "1.5", "-1", "1025"):
        monkeypatch.setenv("LIVN_THREADS", text)
        env = Env(2, engine=engine)
        with pytest.raises(ValueError, match=f"LIVN_THREADS must be a whole number.* got '{text}'"):
            env.init()
    monkeypatch.setenv("LIVN_THREADS", "")
    assert env.init().threads >= 1


def test_importing_reads_no_variable():
    code = "import livn.env, livn.backend, os; os.environ.pop('LIVN_BACKEND'); print(livn.backend.backend())"
    assert python(code, LIVN_BACKEND="nonsense", LIVN_THREADS="nonsense") == "cpu"


# Before init and after close

NEEDS_INIT = {
    "run": (1.0,), "clear": (), "reseed_noise": (), "get_weights": (), "enable_plasticity": (), "save": ("nowhere",),
    "disable_plasticity": (), "normalize_weights": (), "set_multipliers": ([],), "plasticity_summary": (),
}  # fmt: skip
BEFORE_INIT = {
    "record": ("voltage",), "record_spikes": (), "record_voltage": (), "record_membrane_current": (),
    "record_weights": (), "set_weights": ({"EXC_EXC": 2.0},), "set_noise": ({"g_e0": 1e-4},), "selection": (0.5,),
    "set_params": ({"weight-EXC_EXC": 2.0, "noise-g_e0": 1e-4},), "apply_model_defaults": (),
    "apply_default_params": (), "active_populations": (), "active_gids": (), "simulated_gids": (), "recordable": (),
    "clear_recordings": (),
}  # fmt: skip
PROPERTIES = ("cells", "t", "v_init", "w_recs", "weight_names", "voltage_recording_dt", "membrane_current_recording_dt")


@pytest.mark.parametrize("name", NEEDS_INIT)
def test_these_need_init(engine, name):
    with pytest.raises(RuntimeError, match=r"call init\(\) first"):
        getattr(Env(small_system(), engine=engine), name)(*NEEDS_INIT[name])


@pytest.mark.parametrize("name", BEFORE_INIT)
def test_these_may_precede_init(engine, name):
    env = Env(small_system(), engine=engine)
    getattr(env, name)(*BEFORE_INIT[name])
    assert env.t == 0.0
    assert len(env.w_recs) == 0
    assert env.init().run(1.0).duration == 1.0


def test_cells_need_init(engine):
    with pytest.raises(RuntimeError, match=r"call init\(\) first"):
        _ = Env(2, engine=engine).cells


def test_settings_before_init_hold_afterwards(engine):
    def settle_and_run(env):
        env.record_spikes().record_voltage(sections=["soma", "dend"]).record_weights(0.5)
        env.set_weights({"EXC_EXC": 3.0}).set_noise({"g_e0": 0.003, "std_e": 0.001})
        env.v_init = -65.0
        return env.init().enable_plasticity().run(40.0), env.w_recs

    early = outcome(Env(small_system(), engine=engine), settle_and_run)
    late = outcome(Env(small_system(), engine=engine).init(), settle_and_run)
    assert early == late
    assert len(early[0].spike_ids) > 3


def test_a_second_init_does_nothing(engine):
    env = lively(engine)
    env.run(5.0)
    assert env.init() is env
    assert env.t == 5.0


@pytest.mark.parametrize("name", [*NEEDS_INIT, *BEFORE_INIT, "init", "__enter__"])
def test_a_closed_env_says_so(engine, name):
    env = make(small_system(), engine=engine)
    assert env.close() is None
    env.close()  # once more is fine
    with pytest.raises(RuntimeError, match="this env is closed"):
        getattr(env, name)(*({**NEEDS_INIT, **BEFORE_INIT}.get(name, ())))


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_closed_env_has_no(engine, name):
    env = make(2, engine=engine)
    env.close()
    with pytest.raises(RuntimeError, match="this env is closed"):
        getattr(env, name)


def test_with_closes_also_after_an_error(engine):
    with make(2, engine=engine) as env:
        assert env.run(1.0).duration == 1.0
    with pytest.raises(RuntimeError, match="closed"):
        env.run(1.0)
    with pytest.raises(ZeroDivisionError), make(2, engine=engine) as env:
        _ = 1 / 0
    with pytest.raises(RuntimeError, match="closed"):
        env.run(1.0)


def test_an_env_is_not_copied_by_accident(engine):
    env = make(2, engine=engine)
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"cannot be pickled or copied: store it with save\(path\)"):
            call(env)


def test_a_running_env_refuses_whatever_else_it_is_asked(engine):
    calls = {**NEEDS_INIT, **BEFORE_INIT, "init": (), "close": ()}
    refused = []

    def state_after(env, meddle):
        def source(a, b):
            if meddle:
                for name, arguments in calls.items():
                    with pytest.raises(RuntimeError, match="this env is running"):
                        getattr(env, name)(*arguments)
                    refused.append(name)
                assert f"t = {env.t:g} ms" in repr(env)  # looking does no harm
            return np.zeros((round(b - a), 1))

        env.run(5.0, Stimulus(source=source, gids=[0], extent=5.0, input_mode="current"))
        return state_of(env)

    asked = outcome(lively(engine), lambda env: state_after(env, meddle=True))
    spared = outcome(lively(engine), lambda env: state_after(env, meddle=False))
    assert set(refused) == set(calls)
    assert not differences(asked, spared)


def test_configuration_chains(engine):
    env = Env(small_system(), engine=engine)
    assert env.selection(1.0) is env
    assert env.init() is env
    for name, arguments in BEFORE_INIT.items():
        if name not in ("selection", "active_populations", "active_gids", "simulated_gids", "recordable"):
            assert getattr(env, name)(*arguments) is env, name
    for name in ("enable_plasticity", "disable_plasticity", "normalize_weights", "clear", "reseed_noise"):
        assert getattr(env, name)() is env, name
    assert env.set_multipliers(env.get_weights()) is env
    assert env.cells.set_params({"soma.g_pas": 1e-4}) is env
    assert env.cells[0].set_params({"soma.g_pas": 1e-4}) is env


def test_the_same_seed_gives_the_same_culture_and_another_another(engine):
    runs = [lively(engine, seed=seed).record_spikes().run(100.0) for seed in (1, 1, 2, (1 << 64) - 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert runs[3] not in (runs[0], runs[2])


def test_json_of_the_model_makes_the_model_again(engine, tmp_path):
    directory = small_system().save(tmp_path / "perry")
    spec = {"cls": "livn.models.rcsd.ReducedCalciumSomaDendrite", "kwargs": {"renshaw_phenotype": "perry"}}
    (directory / "model.json").write_text(json.dumps(spec))
    assert make(directory, engine=engine).model == ReducedCalciumSomaDendrite(renshaw_phenotype="perry")
