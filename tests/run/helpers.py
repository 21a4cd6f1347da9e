"""What tests of runs share."""

from __future__ import annotations

import numpy as np

from livn.run import Run


def example(t0: float = 0.0, duration: float = 100.0) -> Run:
    n = round(duration / 0.1)
    voltage = np.arange(2 * n, dtype=float).reshape(2, n)
    return (
        Run(t0=t0, duration=duration)
        .add_spikes([3, 1, 2], [0.5 * duration, 0.1 * duration, 0.0])
        .add_voltage([1, 3], voltage, dt=0.1, sections=["soma", "soma"])
        .add_current([1, 3], voltage[:, ::10], dt=1.0)
    )
