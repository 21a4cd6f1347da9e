"""What every decoding shares: its window, and how it gets the spikes of the whole culture."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BeforeValidator

from livn.configured import Configured, Positive
from livn.decoding.bins import binned, whole_bins
from livn.recordings import EPSILON
from livn.run import SPIKES, Run

__all__ = ["Decoding", "Names", "SpikeDecoding", "Spikes", "check_within", "needed", "whole"]

Names = Annotated[tuple[str, ...], BeforeValidator(lambda names: (names,) if isinstance(names, str) else names)]


class Decoding(Configured):
    """From what a run recorded to a result: `env(decoding)` runs `duration` ms and returns `decoding(run, env)`.

    Attributes:
        duration: length of the window, ms; needed by `env(decoding)`. None: the whole of what is given.
    """

    duration: Positive | None = None

    def setup(self, env: Any) -> None:
        """Make an env record what this decoding reads. `env(...)` calls it before every run."""

    def __call__(self, signal: Any, env: Any = None) -> Any:
        """The result for a signal, usually a `Run`.

        Args:
            signal: what `env.run` returned, or what the stage before made of it.
            env: where it came from.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(signal, env=None)")

    def reset(self, **kwargs: Any) -> None:
        """Forget what was kept since the last reset; nothing, unless a subclass keeps something."""

    @property
    def output_space(self) -> Any:
        """The Gymnasium space of the result, or None if it has none."""
        return None

    def _window(self, run: Run) -> float:
        """Length of the window, ms: `duration`, else the run's, else 0 for a run without any.

        Raises:
            ValueError: spikes in a run that doesn't say how long it is, or a run shorter than the window.
        """
        check_within(self.duration, run)
        length = run._length() if self.duration is None else self.duration
        if length is None and run.spike_ids is not None and len(run.spike_ids):
            raise ValueError(f"the run has no duration: say {type(self).__name__}(duration=ms)")
        return length or 0.0


class Spikes(NamedTuple):
    """The spikes of a window.

    Attributes:
        ids: int64 [n].
        times: float64 [n], ms from the start of the run, in [0, duration), ascending.
        duration: ms.
    """

    ids: np.ndarray
    times: np.ndarray
    duration: float

    def counts(self, bin_size: float) -> np.ndarray:
        """int64 [bins]: spikes per whole bin of `bin_size` ms; what is left at the end of the window is left out."""
        return binned(self.times, bin_size, 0, whole_bins(self.duration, bin_size))


class SpikeDecoding(Decoding):
    """Base of the decodings that read spikes: `_decode(spikes, env)` makes the result."""

    def setup(self, env: Any) -> None:
        """Record the spikes of all cells."""
        env.record_spikes()

    def __call__(self, signal: Run, env: Any = None) -> Any:
        """The result for the first `duration` ms of a run; with an env, of all its MPI ranks."""
        run = whole(signal, env, only=SPIKES)
        duration = self._window(run)
        ids, times = run.spike_ids, run.spike_times
        if ids is None or times is None:
            return self._decode(Spikes(np.empty(0, np.int64), np.empty(0), duration), env)
        inside = slice(0, int(np.searchsorted(times, duration)))
        return self._decode(Spikes(ids[inside], times[inside], duration), env)

    def _decode(self, spikes: Spikes, env: Any) -> Any:
        raise NotImplementedError


def needed(env: Any, decoding: Decoding) -> Any:
    """The env, which this decoding cannot do without.

    Raises:
        ValueError: it is None.
    """
    if env is None:
        raise ValueError(f"{type(decoding).__name__} needs the env: call it through env(decoding), or with env=")
    return env


def check_within(duration: float | None, run: Run) -> None:
    """Refuse a window longer than the run: what was not simulated must not count as silence."""
    length = run._length()
    if duration is not None and length and duration > length + EPSILON:
        raise ValueError(f"duration must be at most that of the run, {length:.10g} ms, got {duration:.10g}")


def whole(run: Any, env: Any = None, only: str | None = None) -> Run:
    """The run of the whole culture, on every MPI rank, from this rank's; of one channel, if only that is wanted.

    Raises:
        TypeError: not a Run.
    """
    if not isinstance(run, Run):
        raise TypeError(f"this decoding reads a Run, as env.run returns it, got {run!r:.200}")
    comm = None if env is None else env.comm
    if comm is None or comm.Get_size() == 1:
        return run
    if only is not None:  # the others need not travel
        run = Run({name: c for name, c in run.channels.items() if name == only}, run.t0, run.duration)
    return comm.bcast(run.gather(comm), root=0)
