"""Plastic neuronal cultures on a multi-electrode array, simulated interactively.

from livn import make

env = make("EI1").record_spikes().enable_plasticity()
run = env.run(100)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from livn.errors import (
    DamagedFile,
    LivnError,
    NewerFormat,
    RunInterrupted,
    SimulationDiverged,
    StorageError,
    UnknownName,
    UnsupportedByEngine,
)
from livn.making import make

if TYPE_CHECKING:
    from livn.env import Env
    from livn.experiment import Experiment, load_run
    from livn.plasticity import open_weights
    from livn.run import Events, Run, Series
    from livn.stimulus import Stimulus
    from livn.system import ParallelSystem, System

__version__ = "0.1.0"

__all__ = [
    "DamagedFile",
    "Env",
    "Events",
    "Experiment",
    "LivnError",
    "NewerFormat",
    "ParallelSystem",
    "Run",
    "RunInterrupted",
    "Series",
    "SimulationDiverged",
    "Stimulus",
    "StorageError",
    "System",
    "UnknownName",
    "UnsupportedByEngine",
    "__version__",
    "get_version",
    "load_run",
    "make",
    "open_weights",
]

_LATER = {
    "Env": "livn.env",
    "Events": "livn.run",
    "Experiment": "livn.experiment",
    "ParallelSystem": "livn.system",
    "Run": "livn.run",
    "Series": "livn.run",
    "Stimulus": "livn.stimulus",
    "System": "livn.system",
    "load_run": "livn.experiment",
    "open_weights": "livn.plasticity",
}


def get_version() -> str:
    """The version of livn."""
    return __version__


def __getattr__(name: str) -> Any:  # importing livn stays fast
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'livn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
