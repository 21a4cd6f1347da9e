"""Plastic neuronal cultures on a multi-electrode array, simulated interactively."""

__version__ = "0.1.0"
