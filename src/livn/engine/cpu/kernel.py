"""The compiled kernel of a model, from the cache if it was made before.

Numba keys its cache on the one file that holds the compiled function, so the folder's name is a hash of everything else
that went into it: all sources, versions and the CPU. A stale kernel cannot be found.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import types
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


def _key(text: str, layouts: list[Layout]) -> str:
    """A hash of all that a kernel is made from: text, equations, compiler, CPU."""
    import livn.models

    digest = hashlib.sha256()
    settings = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR"]
    for part in (
        text,
        platform.python_version(),
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        platform.machine(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        *settings,
    ):
        digest.update(part.encode() + b"\0")
    for folder in (Path(livn.models.__file__).parent, Path(__file__).parent):
        for source in sorted(folder.glob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    for layout in layouts:  # a model of the user's own may live anywhere
        _add_function(digest, layout.kind.step, set())
    return digest.hexdigest()[:24]


def _add_function(digest: Any, function: types.FunctionType, seen: set[types.FunctionType]) -> None:
    """Add a function's code and the values that it reaches."""
    if function in seen:
        return
    seen.add(function)
    codes = [function.__code__]
    for code in codes:  # which grows by the functions defined inside
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        constants = [c for c in code.co_consts if not isinstance(c, types.CodeType)]
        digest.update(repr((code.co_code, constants, code.co_names)).encode())
    for name in (name for code in codes for name in code.co_names):
        value = function.__globals__.get(name)
        if isinstance(value, types.FunctionType):
            _add_function(digest, value, seen)
        else:
            digest.update(f"{name}={value if isinstance(value, (int, float)) else ''}".encode())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text() == text:  # a new time stamp would make Numba compile again
        return
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as f:
        f.write(text)
    os.replace(name, path)


def _settle(folder: Path, name: str, text: str) -> Path:
    """The module's file in `folder`, or in a copy for this process where Numba could not write beside it."""
    path = folder / f"{name}.py"
    try:
        _write(path, text)
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError:
        copy = Path(tempfile.mkdtemp(prefix="livn-"))
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        if path.exists():
            shutil.copytree(folder, copy, dirs_exist_ok=True)  # with time stamps: what was compiled stays valid
        else:
            _write(copy / path.name, text)
        return copy / path.name


def _is_compiled(path: Path) -> bool:
    places = [path.parent]
    if numba.config.CACHE_DIR:
        places.append(Path(numba.config.CACHE_DIR))
    return any(next(place.rglob(f"{path.stem}*.nbi"), None) for place in places)


def _import(path: Path, name: str, layouts: list[Layout]) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the kernel {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    vars(module)["steps"] = {layout.kind.name: layout.kind.step for layout in layouts}
    spec.loader.exec_module(module)
    return module


def load_kernel(layouts: list[Layout], text: str | None = None) -> Callable[..., None]:
    """The function `advance` for these kinds of cells; it compiles at its first call unless the cache has it.

    Where the cache folder cannot be written, a temporary copy serves this process.

    Args:
        layouts: the kinds of cells of a model.
        text: of the module to compile; None: `kernel_source(layouts)`.
    """
    if numba.config.DISABLE_JIT:
        raise RuntimeError("the 'cpu' engine is compiled code: unset NUMBA_DISABLE_JIT")
    text = kernel_source(layouts) if text is None else text
    key = _key(text, layouts)
    if key not in _loaded:
        name = f"livn_kernel_{key}"
        path = _settle(cache_dir("kernels", key), name, text)
        if not _is_compiled(path):
            kept = path.parent == cache_dir("kernels", key)
            how_often = "once" if kept else "in every process, as its cache cannot be written: see LIVN_CACHE_DIR"
            text = f"livn: compiling the simulation kernel for this CPU, {how_often} (about 20 s)"
            print(text, file=sys.stderr, flush=True)
        _loaded[key] = _import(path, name, layouts).advance
    return _loaded[key]
