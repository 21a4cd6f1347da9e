"""Ctrl-C between compiled calls: it must not hit while spikes are between the kernel and Python."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["deferred_interrupt"]


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Within the block an interrupt only answers True when asked; a second one acts as ever.

    Off the main thread none arrives anyway, a handler that was not set from Python could not be put back, and where
    interrupts are ignored, as in jobs in the background, they stay ignored.
    """
    previous = signal.getsignal(signal.SIGINT)
    asked = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and callable(previous):
            previous(signum, frame)
        asked = True

    if threading.current_thread() is not threading.main_thread() or previous in (None, signal.SIG_IGN):
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, previous)
