"""The machine, the cache and the environment variables that livn works with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from livn.cores import usable_cores

__all__ = ["cache", "environment", "machine", "threads", "wrong_settings"]

NUMBERS = ("LIVN_MAX_RECORDING_GB", "LIVN_MAX_STIMULUS_GB", "LIVN_STIMULUS_CHUNK_MB")
VARIABLES = ("LIVN_BACKEND", "LIVN_CACHE_DIR", *NUMBERS, "LIVN_THREADS")
"""What livn reads of the environment."""

OTHERS = ("NUMBA_",)
"""Variables of others, by their start, that change what the cpu engine does."""


def machine() -> dict[str, Any]:
    """`system`, `architecture`, `cpu` (its name), `cores` and `usable_cores`, those that this process may use."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "usable_cores": usable_cores(),
    }


def _cpu_name() -> str:
    """What the processor calls itself, or its architecture."""
    name = ""
    if sys.platform == "darwin":
        done = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        name = done.stdout.strip()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2] for line in info.read_text(errors="replace").splitlines() if "model name" in line
        ]
        name = names[0].strip() if names else ""
    return name or platform.processor() or platform.machine()


def threads(usable_cores: int) -> dict[str, Any]:
    """`most`, the threads that a large culture gets, and whether `LIVN_THREADS` (its text or None) says so."""
    text = os.environ.get("LIVN_THREADS") or None
    return {"most": int(text) if text and text.isdecimal() else usable_cores, "LIVN_THREADS": text}


def cache() -> dict[str, Any]:
    """`directory`, whether it was `chosen` by `LIVN_CACHE_DIR`, `exists` and is `writable` (or can be made), and the
    `bytes` in each of its folders."""
    from livn.cachedir import cache_dir

    root = cache_dir().absolute()
    sizes = {}
    if root.is_dir():
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            sizes[folder.name] = sum(_size(path) for path in folder.rglob("*"))
    return {
        "directory": str(root),
        "chosen": bool(os.environ.get("LIVN_CACHE_DIR")),
        "exists": root.is_dir(),
        "writable": _writable(root),
        "bytes": sizes,
    }


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except OSError:  # gone meanwhile, or not ours to see
        return 0


def _writable(directory: Path) -> bool:
    """Whether files can be written in a directory, or in the one it would be made in."""
    there = next((path for path in (directory, *directory.parents) if path.exists()), directory)
    try:
        with tempfile.TemporaryFile(dir=there):
            return True
    except OSError:
        return False


def environment() -> dict[str, str]:
    """The variables that are set and have to do with livn or with what compiles for it."""
    starts = ("LIVN_", *OTHERS)
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(starts)}


def wrong_settings() -> tuple[list[str], list[str]]:
    """(problems, warnings): variables whose value livn refuses, and those that it does not know."""
    from livn import checks
    from livn.engine.registry import default_engine
    from livn.env.culture import threads_in_environment

    problems = []
    checked: list[Callable[[], object]] = [default_engine, threads_in_environment]
    checked += [partial(checks.environment, name, 0.0) for name in NUMBERS]
    for check in checked:
        try:
            check()
        except ValueError as e:
            problems.append(str(e))
    strange = [name for name in os.environ if name.startswith("LIVN_") and name not in VARIABLES]
    return problems, [str(checks.unknown("environment variable", name, VARIABLES)) for name in sorted(strange)]
