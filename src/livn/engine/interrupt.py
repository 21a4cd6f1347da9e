"""Ctrl-C between compiled calls: it must not hit while spikes are between the kernel and Python."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["deferred_interrupt"]


class _Note:
    """A handler that takes note of an interrupt; from the second on, `previous` acts."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.asked: bool = isinstance(previous, _Note) and previous.asked

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if (again or isinstance(self.previous, _Note)) and callable(self.previous):  # who waits outside hears it too
            self.previous(signum, frame)


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Within the block an interrupt only answers True when asked; a second one acts as ever. Blocks may be nested.

    Off the main thread none arrives anyway, a handler that was not set from Python could not be put back, and where
    interrupts are ignored, as in jobs in the background, they stay ignored.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous in (None, signal.SIG_IGN):
        yield lambda: False
        return
    note = _Note(previous)
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: note.asked
    finally:
        signal.signal(signal.SIGINT, previous)
