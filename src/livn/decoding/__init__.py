"""From what a run recorded to numbers: rates, regularity, bursts, avalanches, field potentials, evoked responses."""

from livn.decoding.base import Decoding

__all__ = ["Decoding"]
