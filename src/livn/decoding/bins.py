"""Bins of a window: whole ones, and a time on an edge opens its bin."""

from __future__ import annotations

import numpy as np

__all__ = ["bin_of", "binned", "whole_bins"]

ROUNDING = 1e-9
"""Of a bin: times and lengths closer than this to an edge lie on it."""


def whole_bins(length: float, bin_size: float) -> int:
    """How many whole bins a length has."""
    return int(max(length, 0.0) / bin_size + ROUNDING)


def bin_of(times: np.ndarray, bin_size: float) -> np.ndarray:
    """int64, the shape of `times`: the bin of each, 0 for the one that begins at 0."""
    return np.floor(times / bin_size + ROUNDING).astype(np.int64)


def binned(times: np.ndarray, bin_size: float, before: int, after: int) -> np.ndarray:
    """int64[before + after]: how many times lie in each of so many bins before and after 0."""
    place = bin_of(times, bin_size) + before
    return np.bincount(place[(place >= 0) & (place < before + after)], minlength=before + after)
