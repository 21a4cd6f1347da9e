"""The compiled kernel of a model, from the cache if it was made before.

Numba keys its cache on the one file that holds the compiled function, so the folder's name is a hash of everything else
that went into it: all sources, versions and the CPU. A stale kernel cannot be found.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm

from livn.cachedir import cache_dir
from livn.engine.cpu.codegen import kernel_source
from livn.engine.cpu.layout import Layout

__all__ = ["load_kernel"]

_loaded: dict[str, Callable[..., None]] = {}


def _key(text: str) -> str:
    import livn.models

    digest = hashlib.sha256()
    for part in (
        text,
        platform.python_version(),
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        platform.machine(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        os.environ.get("NUMBA_CPU_NAME", ""),
        os.environ.get("NUMBA_CPU_FEATURES", ""),
        os.environ.get("NUMBA_OPT", ""),
    ):
        digest.update(part.encode() + b"\0")
    for folder in (Path(livn.models.__file__).parent, Path(__file__).parent):
        for source in sorted(folder.glob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text() == text:  # a new time stamp would make Numba compile again
        return
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as f:
        f.write(text)
    os.replace(name, path)


def _import(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the kernel {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_kernel(layouts: list[Layout]) -> Callable[..., None]:
    """The function `advance` for these kinds of cells; it compiles at its first call unless the cache has it.

    Where the cache folder cannot be written, a temporary one serves this process.
    """
    text = kernel_source(layouts)
    key = _key(text)
    if key not in _loaded:
        name = f"livn_kernel_{key}"
        path = cache_dir("kernels", key, f"{name}.py")
        try:
            _write(path, text)
        except OSError:
            path = Path(tempfile.mkdtemp(prefix="livn-")) / f"{name}.py"
            _write(path, text)
        if not any(path.parent.rglob("*.nbi")):
            print("livn: compiling the simulation kernel for this CPU, once (about 20 s)", file=sys.stderr, flush=True)
        _loaded[key] = _import(path, name).advance
    return _loaded[key]
