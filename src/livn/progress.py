"""How far a simulation is: a bar on a terminal or in a notebook, nothing in a pipe."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

__all__ = ["PATIENCE", "Meter", "meter"]

PATIENCE = 1.0
"""Seconds that a simulation may last before a bar appears by itself."""

LAYOUT = "{desc} {percentage:3.0f}%|{bar:20}| {n:.4g} of {total:.4g} s{postfix}"


class Meter:
    """Shows model time, real-time factor (wall time / model time) and spikes of one simulation or of several in a row.

    Args:
        total: model time in all, ms.
        what: the words before the bar.
        patience: seconds before it appears.
    """

    def __init__(self, total: float, what: str = "", patience: float = PATIENCE) -> None:
        self.total, self.what, self.patience = total, what, patience
        self._began = time.perf_counter()
        self._done, self._spikes = 0.0, 0  # of the simulations before the one under way
        self._bar: Any = None

    def tell(self, ms: float, spikes: int) -> None:
        """The simulation under way has come to `ms`, with so many spikes."""
        seconds = time.perf_counter() - self._began
        if self._bar is None and seconds < self.patience:
            return
        try:
            self._show(self._done + ms, self._spikes + spikes, seconds)
        except (OSError, ValueError, AttributeError):  # there is no terminal, or no more; the simulation goes on
            self.patience = float("inf")
            self.close()

    def _show(self, done: float, spikes: int, seconds: float) -> None:
        if self._bar is None:
            self._bar = _bar(self.total / 1000.0, self.what)
        pace = seconds / done if done else 0.0  # of the whole way: tqdm's own would leap
        factor = f"real-time factor {1000.0 * pace:.2g}, " if done else ""
        left = f", {self._bar.format_interval((self.total - done) * pace)} left" if done else ""
        self._bar.set_postfix_str(f"{factor}{spikes:,} spikes{left}", refresh=False)
        self._bar.update(done / 1000.0 - self._bar.n)

    def passed(self, ms: float, spikes: int) -> None:
        """A simulation of `ms` has ended with so many spikes; what is told next is of the one after it."""
        self._done, self._spikes = self._done + ms, self._spikes + spikes

    def close(self) -> None:
        """Take the bar away."""
        bar, self._bar = self._bar, None
        if bar is not None:
            with suppress(OSError, ValueError):
                bar.close()


def meter(progress: Any, total: float, what: str = "") -> Meter | None:
    """The meter of a simulation of `total` ms: None for False, and for `"auto"` where nobody watches.

    Raises:
        TypeError: neither True, False nor `"auto"`.
    """
    if progress is True:
        return Meter(total, what, patience=0.0)
    if progress is False or (isinstance(progress, str) and progress == "auto" and not _watched()):
        return None
    if isinstance(progress, str) and progress == "auto":
        return Meter(total, what)
    raise TypeError(f'progress must be True, False, "auto" or a function of the ms done, got {progress!r:.200}')


def _watched() -> bool:
    """Whether standard error is a terminal, or this is a notebook."""
    try:
        return _notebook() or sys.stderr.isatty()
    except (AttributeError, ValueError):  # none at all, as under pythonw, or closed
        return False


def _notebook() -> bool:
    return "ipykernel" in sys.modules


def _bar(total: float, what: str) -> Any:
    from tqdm import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # no thread of its own: a simulation tells often enough

    options: dict[str, Any] = {"leave": False, "mininterval": 0.1, "miniters": 0, "dynamic_ncols": True}
    return Bar(total=total, desc=what, file=sys.stderr, bar_format=LAYOUT, **options)
