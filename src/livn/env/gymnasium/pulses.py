"""From the numbers of an action to pulses, as the encodings of the tasks make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from livn import checks
from livn.encoding import column_of
from livn.policy import BiphasicPulsePolicy

__all__ = ["GRID", "action_of", "pulses_on"]

GRID = 0.05
"""Pulses begin at multiples of it, ms."""


def action_of(inputs: Any, n: int) -> np.ndarray:
    """float64[n], the numbers of an action.

    Raises:
        ValueError: inputs of another shape or out of bounds.
    """
    action = checks.array("inputs", inputs, shape=(n,))
    if (np.abs(action) > 1.0).any():
        raise ValueError(f"inputs must be from -1 to 1, got {action.tolist()}")
    return action


def pulses_on(env: Any, channel: int, amplitude: float, times: np.ndarray) -> BiphasicPulsePolicy:
    """Pulses of an amplitude [µA] on the electrode `channel` at times [ms], which are rounded to the grid."""
    return BiphasicPulsePolicy(
        n_channels=env.io.num_inputs,
        channels=(column_of(env, channel),),
        amplitude=amplitude,
        pulse_times=tuple((np.round(times / GRID) * GRID).tolist()),
        dt=GRID,
    )
