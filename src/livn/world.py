"""The processes that simulate one culture together: one, or the ranks of an MPI communicator."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np

from livn import checks

__all__ = ["World", "end_together", "gathered", "share"]

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that other ranks leave rank 0 to tell of an error."""


_shared: Any = None
"""The communicator that cultures of this process are spread over, if any were."""


def gathered(value: T, comm: Any, root: Any) -> list[T] | None:
    """The values of all ranks on `root`, None elsewhere.

    Args:
        value: of this rank.
        comm: None: the one that cultures of this process are spread over, or this process alone if none was.
        root: the rank that gets them.

    Raises:
        TypeError: not a communicator, or a root that is no whole number.
        ValueError: a rank that the communicator does not have.
    """
    root = checks.integer("root", root, low=0)
    comm = _shared if comm is None else comm
    if comm is None:
        return [value]
    try:
        size = comm.Get_size()
    except (AttributeError, TypeError):
        raise TypeError(f"comm must be an MPI communicator or None, got {comm!r:.200}") from None
    parts: list[T] | None = comm.gather(value, root=checks.integer("root", root, low=0, high=size - 1))
    return parts


class World:
    """An MPI communicator, or this process alone.

    Args:
        comm: as of mpi4py; None: alone.

    Attributes:
        comm: the communicator, None if it has one rank only.
        rank, size: of this process.
    """

    def __init__(self, comm: Any = None) -> None:
        self.rank: int = 0 if comm is None else comm.Get_rank()
        self.size: int = 1 if comm is None else comm.Get_size()
        self.comm: Any = comm if self.size > 1 else None

    @property
    def is_root(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def share(self, n: int) -> np.ndarray:
        """int64, those of n things that are this rank's: every size-th, so that kinds and places are mixed."""
        return np.arange(self.rank, n, self.size)

    def everyone(self, value: Any) -> list[Any]:
        """The values of all ranks, in order, on every rank."""
        return [value] if self.comm is None else self.comm.allgather(value)

    def total(self, values: np.ndarray) -> np.ndarray:
        """The sum of an array over the ranks, on every rank."""
        return np.asarray(values) if self.comm is None else np.sum(self.everyone(np.asarray(values)), axis=0)

    def any(self, value: Any) -> bool:
        """Whether it is true on some rank."""
        return any(self.everyone(bool(value)))

    @contextmanager
    def once(self) -> Iterator[None]:
        """Within the block only rank 0 warns: of what is the same on every rank."""
        with warnings.catch_warnings() if not self.is_root else nullcontext():
            if not self.is_root:
                warnings.simplefilter("ignore")
            yield

    def root_first(self, act: Callable[[], T]) -> T:
        """Let every rank make something, rank 0 before the others: what it leaves in a cache is there for them."""
        made: list[T] = []
        self.by_root(lambda: made.append(act()))
        return made[0] if made else act()

    def by_root(self, act: Callable[[], object]) -> None:
        """Let rank 0 do something for all; what it raises is raised on every rank."""
        error = None
        if self.is_root:
            try:
                act()
            except Exception as e:
                if self.comm is None:
                    raise
                error = e
        error = self.root(error)
        if error is not None:
            raise error

    def agreed(self, act: Callable[[], T]) -> T:
        """What every rank makes for itself; what one of them raises is raised on all."""
        error = result = None
        try:
            result = act()
        except Exception as e:
            error = e
        errors = [e for e in self.everyone(error) if e is not None]
        if errors:
            raise error or errors[0]
        return cast(T, result)

    def check_same(self, **values: Any) -> None:
        """Refuse to go on where ranks differ in what they must have in common.

        Raises:
            RuntimeError: on every rank, with the names of what differs.
        """
        if self.comm is None:
            return
        all_values = self.everyone({name: repr(value) for name, value in values.items()})
        differ = [name for name in values if len({v[name] for v in all_values}) > 1]
        if differ:
            raise RuntimeError(
                f"the ranks that share this culture differ in {', '.join(differ)}: every rank must make the same calls "
                "with the same arguments"
            )

    def root(self, value: Any) -> Any:
        """The value of rank 0, on every rank."""
        return value if self.comm is None else self.comm.bcast(value, root=0)


def share(world: World) -> None:
    """Let this process share cultures with the other ranks: `gather` then knows its communicator.

    Raises:
        ValueError: it is neither MPI's world nor of size 1.
    """
    from mpi4py import MPI

    global _shared
    if MPI.Comm.Compare(world.comm, MPI.COMM_WORLD) not in (MPI.IDENT, MPI.CONGRUENT):
        whole = MPI.COMM_WORLD.Get_size()
        raise ValueError(
            f"comm must be MPI.COMM_WORLD ({whole} ranks) or a communicator of one rank, got one of {world.size} ranks"
        )
    _shared = world.comm
    end_together(world)


def end_together(world: World) -> None:
    """From now on an exception that nobody catches ends all ranks, with its message: the others would wait for ever.

    Rank 0 speaks at once; the others give it time to, since what fails everywhere need be told once.
    """
    if not isinstance(sys.excepthook, _Abort):
        sys.excepthook = _Abort(world.comm, sys.excepthook)


class _Abort:
    def __init__(self, comm: Any, before: Any) -> None:
        self._comm, self._before = comm, before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        rank = self._comm.Get_rank()
        if rank:
            time.sleep(PATIENCE)
        print(f"livn: rank {rank} of {self._comm.Get_size()} failed and ends all", file=sys.stderr)
        self._before(kind, error, trace)
        sys.stderr.flush()
        self._comm.Abort(1)
