"""NEURON's ParallelContext, alone or on the ranks of an MPI job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from livn.engine.neuron.library import quiet
from livn.world import World

__all__ = ["start_parallel"]


def start_parallel(h: Any, world: World) -> Any:
    """The ParallelContext of a world; MPI is started in NEURON if the world has several ranks.

    Raises:
        RuntimeError: NEURON could not use MPI, or has it already with another number of ranks.
    """
    if world.size > 1 and int(h.ParallelContext().nhost()) == 1:
        _start_mpi(h)
    parallel = h.ParallelContext()
    if int(parallel.nhost()) != world.size:
        raise RuntimeError(
            f"NEURON runs on {int(parallel.nhost())} MPI ranks in this process and cannot simulate on {world.size}: "
            "all its cultures need the same communicator"
        )
    return parallel


def _start_mpi(h: Any) -> None:
    """Let NEURON use the MPI library that mpi4py has loaded."""
    if "MPI_LIB_NRN_PATH" not in os.environ:
        library = _loaded_mpi()
        if library is not None:
            os.environ["MPI_LIB_NRN_PATH"] = library
    with quiet():
        h.nrnmpi_init()


def _loaded_mpi() -> str | None:
    """The file of the MPI library in this process, where the system tells."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    files = {line.split()[-1] for line in maps.read_text().splitlines() if "/libmpi" in line}
    return min((f for f in files if Path(f).name.startswith(("libmpi.so", "libmpich.so", "libmpi."))), default=None)
