"""Electrodes: from channels to cells, and from cells to channels."""

from livn.io.arrays import (
    calculate_cell_stimulus,
    calculate_distances,
    channel_recording,
    electrode_array_coordinates,
    electrode_array_coordinates_for_area,
    relative_distance,
)
from livn.io.base import IO
from livn.io.composed import ComposedIO
from livn.io.mea import MEA

__all__ = [
    "IO",
    "MEA",
    "ComposedIO",
    "calculate_cell_stimulus",
    "calculate_distances",
    "channel_recording",
    "electrode_array_coordinates",
    "electrode_array_coordinates_for_area",
    "relative_distance",
]
