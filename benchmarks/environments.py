"""A virtual environment per contestant, in the project's cache, with what it names from the package index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["CACHE", "ENVIRONMENTS", "ROOT", "python_of"]

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "benchmarks"

ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "livn2": ("livn==2.0.0",),
    "neuron": ("--editable", f"{ROOT}[neuron]"),  # livn, for the cells and the noise that are the same
    "brian2": ("brian2==2.9.0", "numpy<2.4", "cython", "setuptools<81"),
}
"""What pip is given, by the name of the environment."""

STAMP = "benchmark-requirements.txt"


def python_of(name: str, folder: Path = CACHE) -> Path:
    """The interpreter of an environment, which is made if it is missing or was made for other requirements.

    Args:
        name: one of `ENVIRONMENTS`.
        folder: where environments lie.

    Raises:
        RuntimeError: it cannot be made; the message is pip's.
    """
    place, wanted = folder / name, "\n".join(ENVIRONMENTS[name])
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = place / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the environment of {name} ...", flush=True)
    command(sys.executable, "-m", "venv", "--clear", str(place))
    command(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *ENVIRONMENTS[name])
    stamp.write_text(wanted, encoding="utf-8")  # last: an installation that was interrupted starts again
    return python


def command(*words: str) -> None:
    """Run a command; what it says is shown if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
