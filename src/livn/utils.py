"""The processes of a parallel program as one object, and how what they hold is joined. Works without MPI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from livn import world
from livn.extras import optional
from livn.run import Run

__all__ = ["P", "merge", "merge_array", "merge_dict"]

LAUNCHED = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK")
"""What the launchers of Open MPI, of MPICH and its kin, of PMIx and of MVAPICH set."""


class P:
    """The processes that work together, without an instance: `if P.is_root(): ...`.

    Every method takes `comm`, an MPI communicator. None: the one that cultures of this process are spread over; else
    MPI's world, if the process was started by an MPI launcher or has imported mpi4py's MPI; else this process alone.
    mpi4py is not imported otherwise. What sends values must be called on every rank, with the same `root`: the rank
    that gets the result, the others get None; `root=None` gives it to every rank.
    """

    @staticmethod
    def comm(comm: Any = None) -> Any:
        """The communicator in use, None if this process is alone.

        Raises:
            ImportError: under an MPI launcher without mpi4py, for each process would take itself for the only one.
        """
        if comm is not None or world._shared is not None:
            return world._shared if comm is None else comm
        mpi = sys.modules.get("mpi4py.MPI")
        if mpi is None and any(name in os.environ for name in LAUNCHED):
            mpi = optional("mpi4py.MPI", "neuron")
        return mpi.COMM_WORLD if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized() else None

    @staticmethod
    def rank(comm: Any = None) -> int:
        """The number of this process, 0 if it is alone."""
        comm = P.comm(comm)
        return 0 if comm is None else int(comm.Get_rank())

    @staticmethod
    def size(comm: Any = None) -> int:
        """How many processes there are."""
        comm = P.comm(comm)
        return 1 if comm is None else int(comm.Get_size())

    @staticmethod
    def is_root(comm: Any = None, root: int = 0) -> bool:
        """Whether this is the rank `root`."""
        return P.rank(comm) == root

    @staticmethod
    def gather(*values: Any, comm: Any = None, root: int | None = 0) -> Any:
        """What all ranks have, a list in the order of ranks; of several values, a tuple of such lists.

        Raises:
            ValueError: a rank that the communicator does not have.
            TypeError: not a communicator, or a root that is no whole number.
        """
        lists = tuple(_parts(value, comm, root) for value in values)
        return lists[0] if len(lists) == 1 else lists

    @staticmethod
    def broadcast(value: Any, comm: Any = None, root: int = 0) -> Any:
        """The value of the rank `root`, on every rank."""
        comm = P.comm(comm)
        return value if comm is None else comm.bcast(value, root=root)

    @staticmethod
    def merge(*values: Any, comm: Any = None, root: int | None = 0) -> Any:
        """What all ranks have, joined by `merge`; of several values, a tuple of such."""
        joined = tuple(None if parts is None else merge(parts) for parts in (_parts(v, comm, root) for v in values))
        return joined[0] if len(joined) == 1 else joined

    @staticmethod
    def reduce_sum(*values: Any, comm: Any = None, root: int | None = 0) -> Any:
        """The sum of numbers, or of arrays of one shape, over the ranks; of several values, a tuple of such."""
        sums = tuple(None if parts is None else _sum(parts) for parts in (_parts(v, comm, root) for v in values))
        return sums[0] if len(sums) == 1 else sums


def _parts(value: Any, comm: Any, root: int | None) -> list[Any] | None:
    comm = P.comm(comm)
    if root is not None:
        return world.gathered(value, comm, root)
    return [value] if comm is None else list(comm.allgather(value))


def _sum(parts: list[Any]) -> Any:
    total = np.sum([np.asarray(part) for part in parts], axis=0)
    return total if total.ndim else total.item()


def merge(parts: Iterable[Any]) -> Any:
    """One from several of a kind; None among them is left out, and None is what nothing but None gives.

    Args:
        parts: arrays and lists (joined by `merge_array`), mappings (`merge_dict`), Runs of one window (along cells), or
            anything else, which must be the same in all.

    Raises:
        ValueError: parts of different kinds, or that differ.
    """
    held = [part for part in parts if part is not None]
    if not held:
        return None
    for kind, join in ((Mapping, merge_dict), (np.ndarray | list | tuple, merge_array), (Run, _merge_runs)):
        if all(isinstance(part, kind) for part in held):
            return join(held)
    if not all(type(part) is type(held[0]) and part == held[0] for part in held):
        raise ValueError(f"merge needs arrays, mappings or Runs, or the same value everywhere, got {held!r:.200}")
    return held[0]


def _merge_runs(runs: list[Run]) -> Run:
    whole = runs[0]
    for run in runs[1:]:
        whole = whole.merge(run)
    return whole


def merge_array(parts: Iterable[ArrayLike | None]) -> np.ndarray:
    """Arrays joined along their first axis; those without entries, and None, don't count, float64[0] if none is left.

    Raises:
        ValueError: shapes that do not go together.
    """
    arrays = [np.asarray(part) for part in parts if part is not None]
    filled = [a for a in arrays if a.size] or arrays[:1]  # an empty one may have another type and shape
    return np.concatenate(filled) if filled else np.empty(0)


def merge_dict(parts: Iterable[Mapping[Any, Any] | None]) -> dict[Any, Any]:
    """Mappings joined into one dict; where several have a key, their values are joined by `merge`.

    Raises:
        ValueError: values of a common key that cannot be joined.
    """
    held = [part for part in parts if part is not None]
    out: dict[Any, list[Any]] = {}
    for part in held:
        for key, value in part.items():
            out.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else merge(values) for key, values in out.items()}
