"""The CPU engine: the model's equations compiled by Numba over tiles of cells."""
