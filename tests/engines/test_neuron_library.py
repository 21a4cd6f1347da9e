"""NEURON and the mechanisms: what happens where something is missing, and who compiles when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livn import make
from livn.engine.neuron import library

LOAD = """
import sys
from pathlib import Path
from livn.engine.neuron import library
library.MECHANISMS = Path(sys.argv[1])
print(library.load_neuron().LivnOpen)
"""


def load(mechanisms: Path, **environment: object) -> subprocess.Popen[str]:
    """A new process that loads NEURON with these mechanisms."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", LOAD, str(mechanisms)],
        env=os.environ | {k: str(v) for k, v in environment.items()},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing is loaded, nothing compiled."""
    monkeypatch.setattr(library, "_loaded", None)
    monkeypatch.setenv("LIVN_CACHE_DIR", str(tmp_path))
    return tmp_path


# What is missing


def test_without_neuron_it_says_what_to_install(empty, monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs the NEURON simulator: pip install 'pylivn\[neuron\]'"):
        make(2, engine="neuron")
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("version", ["8.2.6", "7.8", "8.2.6+10.g0"])
def test_an_old_neuron_is_refused(empty, monkeypatch, version):
    import neuron

    monkeypatch.setattr(neuron, "__version__", version)
    with pytest.raises(ImportError, match=r"needs NEURON 9.0 or later, found .*pip install --upgrade 'pylivn\[neuron"):
        make(2, engine="neuron")


@pytest.mark.parametrize("missing", ["make", "c++"])
def test_without_a_compiler_it_says_what_to_install(empty, monkeypatch, missing):
    which = shutil.which
    monkeypatch.delenv("CXX", raising=False)
    without = {"c++": ("c++", "g++", "clang++")}.get(missing, (missing,))
    monkeypatch.setattr(shutil, "which", lambda name: None if name in without else which(name))
    with pytest.raises(ImportError, match=r"needs a C\+\+ compiler and make .*apt install g\+\+ make") as error:
        make(2, engine="neuron")
    assert f"{missing} not found" in str(error.value)
    assert "engine='cpu' needs neither" in str(error.value)
    assert not (empty / "neuron").exists()


def test_a_compiler_that_fails_is_quoted(tmp_path):
    (tmp_path / "wrong.mod").write_text("NEURON { SUFFIX wrong }\nBREAKPOINT { i = \n")
    with pytest.raises(ImportError, match="the 'neuron' engine compiles its mechanisms") as error:
        library._compile(tmp_path)
    assert "wrong.mod" in str(error.value)


# The cache


def test_the_key_follows_the_text_and_the_version(monkeypatch, tmp_path):
    copy = tmp_path / "mechanisms"
    shutil.copytree(library.MECHANISMS, copy)
    key = library._key("9.0.1")
    monkeypatch.setattr(library, "MECHANISMS", copy)
    assert library._key("9.0.1") == key
    assert library._key("9.0.2") != key
    keys = {key}
    for source in library._sources():
        text = source.read_text(encoding="utf-8")
        source.write_text(text + "\n", encoding="utf-8")
        keys.add(library._key("9.0.1"))
        source.write_text(text, encoding="utf-8")
    assert len(keys) == 1 + len(library._sources())
    (copy / "na.mod").rename(copy / "na2.mod")
    assert library._key("9.0.1") not in keys


def test_two_processes_compile_at_once_and_a_third_does_not(tmp_path):
    """In a folder of a name that shells would take apart; one mechanism is enough."""
    mechanisms, cache = tmp_path / "mechanisms", tmp_path / "my cache"
    mechanisms.mkdir()
    shutil.copy(library.MECHANISMS / "open.mod", mechanisms)
    first = [load(mechanisms, LIVN_CACHE_DIR=cache) for _ in range(2)]
    told = [p.communicate(timeout=120) for p in first]
    assert [p.returncode for p in first] == [0, 0], told
    assert "livn: compiling the mechanisms for NEURON, once" in told[0][1] + told[1][1]
    assert len(list((cache / "neuron").iterdir())) == 1  # nothing half made is left
    third = load(mechanisms, LIVN_CACHE_DIR=cache, PATH="")  # no compiler there
    out, err = third.communicate(timeout=60)
    assert (third.returncode, err) == (0, "")
    assert "LivnOpen" in out
    for file in cache.rglob("libnrnmech*"):  # a cleaner of old files leaves folders
        file.unlink()
    fourth = load(mechanisms, LIVN_CACHE_DIR=cache)
    out, err = fourth.communicate(timeout=120)
    assert fourth.returncode == 0, err
    assert "LivnOpen" in out


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    """As the CPU engine does: this process has a folder of its own."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LIVN_CACHE_DIR", str(blocked))
    monkeypatch.setattr(library, "_sources", lambda: [library.MECHANISMS / "hold.mod"])
    import neuron

    found = library._compiled(neuron.__version__)
    assert found.exists()
    assert tmp_path not in found.parents


def test_mechanisms_of_the_same_name_are_told_of(monkeypatch):
    class H:
        def nrn_load_dll(self, path):
            raise RuntimeError("hocobj_call error: hoc_execerror: The user defined name already exists: LinExp2Syn")

    monkeypatch.setattr(library, "_loaded", None)
    monkeypatch.setattr(library, "_import_neuron", lambda: (H(), "9.0.2"))
    monkeypatch.setattr(library, "_compiled", lambda version: library.MECHANISMS)
    with pytest.raises(ImportError, match="may hold others of the same names already"):
        library.load_neuron()
