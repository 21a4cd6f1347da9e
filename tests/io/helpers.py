"""Cells of two compartments on an array, and the formulas of a point source, written down once more."""

from __future__ import annotations

import math

import numpy as np


def cells(*somata: tuple[float, float, float], first: int = 0) -> np.ndarray:
    """Rows of cells whose dendrite lies 60 µm along x from the soma."""
    rows = []
    for gid, (x, y, z) in enumerate(somata, start=first):
        rows += [[gid, x, y, z], [gid, x + 60.0, y, z]]
    return np.array(rows)


def distance(row: np.ndarray, electrode: np.ndarray) -> float:
    """µm, between [id, x, y, z] and [id, x, y, z]."""
    return math.dist(row[1:], electrode[1:])


def induced(current: float, r: float) -> float:
    """mV at r µm from an electrode that injects so many µA."""
    return current * 1000.0 * 3.5 / (4.0 * math.pi * math.sqrt(r**2 + 15.0**2 + 50.0**2))


def heard(current: float, r: float) -> float:
    """µV at an electrode r µm from a membrane current of so many µA."""
    return 265258.0 * current / (r + 5.0)


def culture(seed: int, n: int = 30, side: float = 700.0) -> np.ndarray:
    """Cells scattered over a square."""
    somata = np.random.default_rng(seed).uniform([0, 0, 0], [side, side, 10.0], (n, 3))
    return cells(*map(tuple, somata))
