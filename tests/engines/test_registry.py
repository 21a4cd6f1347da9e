"""Names of engines: which there are, what they can do, and how to add one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from livn import Env, UnsupportedByEngine, make
from livn.backend import backend
from livn.engine import ENGINES, engine_class, engine_names, engines_with, register, registry
from livn.engine.base import CAPABILITIES, Engine
from livn.engine.cpu.engine import CpuEngine


class Mine(CpuEngine):
    """An engine of one's own."""

    name = "mine"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "_loaded", {})


def test_a_registered_engine_is_known_everywhere(monkeypatch, tmp_path):
    register("mine", Mine)
    assert engine_names() == (*ENGINES, "mine")
    assert engine_class("mine") is Mine
    assert make("EI1", engine="mine").engine == "mine"
    with Env(2, engine="mine") as env:
        assert isinstance(env.init()._engine(), Mine)
        env.save(tmp_path / "culture")
    assert Env.load(tmp_path / "culture", engine="mine").engine == "mine"
    monkeypatch.setenv("LIVN_BACKEND", "mine")
    assert backend() == "mine"
    assert Env(2).engine == "mine"
    with pytest.raises(ValueError, match=r"unknown engine 'mini'; legal: cpu, jax, neuron, mine; did you mean 'mine'"):
        Env(2, engine="mini")
    monkeypatch.setenv("LIVN_BACKEND", "mimes")
    with pytest.raises(ValueError, match="unknown engine in LIVN_BACKEND 'mimes'; legal: cpu, jax, neuron, mine"):
        Env(2)


def test_an_engine_is_imported_when_it_is_asked_for():
    calls: list[int] = []

    def load():
        calls.append(1)
        return Mine

    register("mine", load)
    assert "mine" in engine_names()
    assert "mine" not in engines_with("noise")
    assert not calls
    assert engine_class("mine") is engine_class("mine") is Mine
    assert len(calls) == 1
    assert engines_with("noise")[-1] == "mine"
    assert "mine" not in engines_with("mpi")


def test_an_engine_that_cannot_be_imported_says_so_each_time():
    def load():
        raise ImportError("pip install mine")

    register("mine", load)
    for _ in range(2):
        with pytest.raises(ImportError, match="pip install mine"):
            Env(2, engine="mine")


def test_registering_again():
    def load():
        return Mine

    register("mine", load)
    register("mine", load)
    engine_class("mine")
    register("mine", load)
    register("mine", Mine)
    again = type("Mine", (CpuEngine,), {"name": "mine", "__module__": __name__})  # as a notebook's cell run twice
    register("mine", again)
    assert engine_class("mine") is again
    other = type("Other", (CpuEngine,), {"name": "mine"})
    for taken in (other, lambda: other):
        with pytest.raises(ValueError, match=r"the engine name 'mine' is taken by <class .*Mine'>"):
            register("mine", taken)
    assert engine_class("mine") is again


@pytest.mark.parametrize(
    ("name", "load", "error", "text"),
    [
        (3, Mine, TypeError, "name must be a string, got 3"),
        ("", Mine, ValueError, "name must be an identifier, got ''"),
        ("my engine", Mine, ValueError, "name must be an identifier, got 'my engine'"),
        ("mine", "livn.engine", TypeError, "load must be an Engine class, or a function that returns one, got 'livn"),
        ("mine", int, TypeError, "the engine 'mine' must be a subclass of livn.engine.base.Engine, got <class 'int'>"),
        ("mine", Engine, ValueError, "the engine 'mine' must have a class attribute name = 'mine', got None"),
        ("other", Mine, ValueError, "the engine 'other' must have a class attribute name = 'other', got 'mine'"),
        ("cpu", CpuEngine, ValueError, "the engine name 'cpu' is livn's own; register under another name"),
        ("jax", lambda: Mine, ValueError, "the engine name 'jax' is livn's own"),
    ],
)
def test_nonsense_is_refused(name, load, error, text):
    with pytest.raises(error, match=re.escape(text)):
        register(name, load)
    assert engine_names() == ENGINES


def test_what_a_function_returns_is_checked_when_it_is_asked_for():
    for load, error, text in [
        (lambda: None, TypeError, "the engine 'mine' must be a subclass of livn.engine.base.Engine, got None"),
        (lambda: CpuEngine, ValueError, "must have a class attribute name = 'mine', got 'cpu'"),
    ]:
        registry._registered.clear()
        register("mine", load)
        for _ in range(2):
            with pytest.raises(error, match=re.escape(text)):
                Env(2, engine="mine")


# What they can do


def test_the_table_of_capabilities_is_what_the_classes_declare(engine):
    assert engine_class(engine).capabilities == registry._CAPABILITIES[engine] <= CAPABILITIES


def test_engines_that_have_a_feature_are_named():
    assert engines_with("simulation") == engines_with("plasticity") == ("cpu", "neuron")
    assert engines_with("mpi") == ("neuron",)
    assert engines_with("differentiable") == ()
    with pytest.raises(ValueError, match=r"unknown feature 'plasticty'; legal: .*did you mean 'plasticity'\?"):
        engines_with("plasticty")
    with pytest.raises(UnsupportedByEngine, match="engines that have it: neuron") as error:
        Env(2, engine="cpu", subworld_size=2)
    assert error.value.engines == ("neuron",)


def test_asking_what_engines_can_do_imports_none():
    code = "import sys; from livn.engine import engines_with; engines_with('noise'); print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
