"""How much units, and channels, fire at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from livn.configured import Count, Positive
from livn.decoding.base import SpikeDecoding, Spikes, needed
from livn.decoding.bins import bin_of
from livn.decoding.units import ratio
from livn.run import Run
from livn.world import World

__all__ = ["PairwiseChannelCorrelation", "PeakSynchrony"]


class PeakSynchrony(SpikeDecoding):
    """The fullest of the window's whole bins.

    Attributes:
        bin_size: ms.

    Result:
        max_synchronous_peak: float, spikes in that bin per unit that fired; above 1 where units fire repeatedly.
        max_bin_count: int, spikes in that bin.
        n_active_units: int, units that fired.
    """

    bin_size: Positive = 2.0

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        peak, units = int(spikes.counts(self.bin_size).max(initial=0)), len(np.unique(spikes.ids))
        return {"max_synchronous_peak": ratio(peak, units), "max_bin_count": peak, "n_active_units": units}


class PairwiseChannelCorrelation(SpikeDecoding):
    """Mean Pearson correlation of the electrodes' spike counts, over all pairs of channels.

    A channel's spikes are those of all units that it records, counted in the whole bins of the window. Reads a Run,
    with an env that has electrodes, or what `ChannelRecording` returns: a tuple whose first two are the dicts channel
    to ids and channel to times, ms; then, without a `duration`, the window ends with the bin of the last spike.

    Electrodes that hear the same unit are correlated by that alone; a short `output_radius` keeps them apart.

    Attributes:
        bin_size: ms.
        min_units: channels with fewer distinct units that fired are left out, and so are those whose bins are all
            alike, for which there is no correlation.

    Result:
        mean_pairwise_correlation: float, from -1 to 1; 0 without a pair.
        n_pairs: int.
    """

    bin_size: Positive = 20.0
    min_units: Count = 2

    def __call__(self, signal: Any, env: Any = None) -> dict[str, Any]:
        """The result for a Run and the env it is from, or for a `ChannelRecording`'s tuple, which one MPI rank has.

        Raises:
            TypeError: something else.
            ValueError: a Run without an env.
        """
        if isinstance(signal, Run):
            return super().__call__(signal, env)
        result = None if signal is None else self._correlate(*_two(signal), self.duration)
        results = [r for r in World(None if env is None else env.comm).everyone(result) if r is not None]
        if not results:
            raise _foreign(signal)
        return results[0]

    def _decode(self, spikes: Spikes, env: Any) -> dict[str, Any]:
        ids, times = needed(env, self).channel_recording(spikes.ids, spikes.times)
        return self._correlate(ids, times, spikes.duration)

    def _correlate(self, ids: Mapping[Any, Any], times: Mapping[Any, Any], duration: float | None) -> dict[str, Any]:
        trains = [(np.asarray(ids[c]), np.asarray(times[c], np.float64)) for c in ids]
        if duration is None:
            ends = [int(bin_of(t, self.bin_size).max()) + 1 for _, t in trains if len(t)]
            duration = max([0, *ends]) * self.bin_size
        counts = []
        for units, at in trains:
            inside = at < duration
            if len(np.unique(units[inside])) >= self.min_units:
                count = Spikes(units[inside], at[inside], duration).counts(self.bin_size)
                counts += [count] if (count != count[:1]).any() else []
        n_pairs = len(counts) * (len(counts) - 1) // 2
        if not n_pairs:
            return {"mean_pairwise_correlation": 0.0, "n_pairs": 0}
        pairs = np.corrcoef(counts)[np.triu_indices(len(counts), 1)]
        return {"mean_pairwise_correlation": float(pairs.mean()), "n_pairs": n_pairs}


def _two(recording: Any) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
    """The ids and times by channel of a ChannelRecording."""
    two = tuple(recording[:2]) if isinstance(recording, tuple | list) else ()
    if len(two) < 2 or not all(isinstance(d, Mapping) for d in two) or two[0].keys() != two[1].keys():
        raise _foreign(recording)
    return two


def _foreign(got: Any) -> TypeError:
    return TypeError(
        "PairwiseChannelCorrelation reads a Run, or a tuple that begins with two dicts of the same channels, "
        f"channel to ids and channel to times, got {got!r:.200}"
    )
