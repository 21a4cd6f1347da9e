"""What there is: cells, positions, synapses."""

from livn.system.predefined import PREDEFINED, make, predefined
from livn.system.resolve import resolve
from livn.system.synapses import MECHANISMS, RECEPTORS, SECTIONS, Synapses
from livn.system.system import ParallelSystem, System, pack, synapses_of, unpack

__all__ = [
    "MECHANISMS",
    "PREDEFINED",
    "RECEPTORS",
    "SECTIONS",
    "ParallelSystem",
    "Synapses",
    "System",
    "make",
    "pack",
    "predefined",
    "resolve",
    "synapses_of",
    "unpack",
]
