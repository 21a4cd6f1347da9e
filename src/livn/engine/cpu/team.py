"""The threads of an engine, all started before any meets the others inside compiled code, where none could give up."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["Team"]


class Team:
    """Runs one function on `size` threads at once, the caller's being the first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def _assemble(self) -> ThreadPoolExecutor:
        """The other threads: a fork inherits none, so they belong to a process."""
        if self._pool is None or self._process != os.getpid():
            pool = ThreadPoolExecutor(self.size - 1, "livn")
            here = threading.Barrier(self.size)
            try:
                for _ in range(self.size - 1):
                    pool.submit(here.wait)
            except RuntimeError:
                here.abort()
                pool.shutdown()
                raise
            here.wait()
            self._pool, self._process = pool, os.getpid()
        return self._pool

    def run(self, work: Callable[[int], None]) -> None:
        """Call work(0) to work(size - 1), each on its thread, and wait for all."""
        if self.size == 1:
            work(0)
            return
        pool = self._assemble()
        others = [pool.submit(work, i) for i in range(1, self.size)]
        work(0)
        for future in others:
            future.result()

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None and self._process == os.getpid():
            self._pool.shutdown()
        self._pool = None
