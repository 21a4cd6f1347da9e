"""NEURON and livn's mechanisms in it, compiled at first use into a cache.

The cache is keyed by the mechanisms' text, NEURON's version, Python's and the machine; a library appears in it complete
or not at all, so that any number of processes may come at once.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from livn.cachedir import cache_dir

__all__ = ["check_installed", "load_neuron", "quiet"]

MECHANISMS = Path(__file__).parent / "mechanisms"
MISSING = "the 'neuron' engine needs the NEURON simulator: pip install 'pylivn[neuron]'"
OLDEST = (9, 0)
FLAGS = "-O3 -fno-semantic-interposition"
"""Lets the compiler inline the mechanisms' own functions, which position-independent code may not by default."""

_loaded: Any = None


def load_neuron() -> Any:
    """NEURON's interpreter `h`, livn's mechanisms loaded.

    Raises:
        ImportError: NEURON is not installed, is too old, or the mechanisms cannot be compiled; says what to install.
    """
    global _loaded
    if _loaded is None:
        h, version = _import_neuron()
        library = _compiled(version)
        try:
            with quiet():
                done = h.nrn_load_dll(str(library))
        except RuntimeError as e:
            raise ImportError(
                "NEURON did not take livn's mechanisms; it may hold others of the same names already, from a folder "
                f"{platform.machine()} where Python was started: start it elsewhere"
            ) from e
        if not done:
            raise ImportError(f"NEURON {version} did not load {library}; delete that folder and try again")
        _loaded = h
    return _loaded


def check_installed() -> None:
    """Refuse to go on without NEURON, before it is needed.

    Raises:
        ImportError: with the command that installs it.
    """
    if find_spec("neuron") is None:
        raise ImportError(MISSING)


def _import_neuron() -> tuple[Any, str]:
    """(h, version), imported without banner and windows."""
    check_installed()
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui -nobanner")
    import neuron

    version: str = neuron.__version__
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        raise ImportError(
            f"the 'neuron' engine needs NEURON {'.'.join(map(str, OLDEST))} or later, found {version}: "
            "pip install --upgrade 'pylivn[neuron]'"
        )
    return neuron.h, version


@contextmanager
def quiet() -> Iterator[None]:
    """Keep NEURON's own prints, which bypass Python, off the terminal."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _sources() -> list[Path]:
    return sorted([*MECHANISMS.glob("*.mod"), *MECHANISMS.glob("*.inc")])


def _key(version: str) -> str:
    digest = hashlib.sha256()
    for part in (version, FLAGS, platform.system(), platform.machine(), platform.python_version()):
        digest.update(part.encode() + b"\0")
    for source in _sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def _library_in(folder: Path) -> Path | None:
    """The compiled library in a folder; its name and place differ between systems."""
    return next((p for p in sorted(folder.rglob("libnrnmech*")) if p.suffix in (".so", ".dylib")), None)


def _compiled(version: str) -> Path:
    """The library of the mechanisms, compiled now unless the cache has it."""
    folder = cache_dir("neuron", _key(version))
    found = _library_in(folder)
    if found is not None:
        return found
    _check_tools()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    except OSError:  # a cache that cannot be written: this process has its own
        folder = Path(tempfile.mkdtemp(prefix="livn-")) / "neuron"
        atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
        part = folder.with_name("making")
        part.mkdir()
    print("livn: compiling the mechanisms for NEURON, once (about 20 s)", file=sys.stderr, flush=True)
    try:
        for source in _sources():
            shutil.copy(source, part)
        _compile(part)
        if folder.exists() and _library_in(folder) is None:  # someone tidied up, and not all
            shutil.rmtree(folder, ignore_errors=True)
        try:
            part.rename(folder)
        except OSError:  # another process was faster
            if _library_in(folder) is None:
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    found = _library_in(folder)
    if found is None:
        raise ImportError(f"nrnivmodl left no library in {folder}")
    return found


def _compile(folder: Path, flags: str | None = FLAGS) -> None:
    """Compile the mechanisms in a folder.

    Raises:
        ImportError: a tool is missing, or the compiler failed; with its last words.
    """
    command = _nrnivmodl()
    options = [] if flags is None else ["-incflags", flags]
    done = subprocess.run([command, *options], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or _library_in(folder) is None:
        raise ImportError(_cannot("\n".join((done.stdout + done.stderr).splitlines()[-20:])))


def _check_tools() -> None:
    """Refuse to start compiling without `make` and a C++ compiler."""
    compilers = (os.environ.get("CXX"), "c++", "g++", "clang++")
    missing = [] if shutil.which("make") else ["make"]
    if not any(name and shutil.which(name.split()[0]) for name in compilers):
        missing.append("c++")
    if missing:
        raise ImportError(_cannot(f"{' and '.join(missing)} not found"))


def _nrnivmodl() -> str:
    """NEURON's compiler of mechanisms: that of this Python first."""
    own = Path(sysconfig.get_path("scripts")) / "nrnivmodl"
    command = str(own) if own.exists() else shutil.which("nrnivmodl")
    if command is None:
        raise ImportError(f"nrnivmodl, which comes with NEURON, was not found; {MISSING}")
    return command


def _cannot(reason: str) -> str:
    return (
        "the 'neuron' engine compiles its mechanisms at first use and needs a C++ compiler and make (Debian, Ubuntu: "
        f"apt install g++ make; macOS: xcode-select --install). engine='cpu' needs neither. {reason}"
    )
