"""Experiments: a culture run or trained by a protocol, and the record of it, in memory or in a directory."""

from livn.experiment.record import Experiment, Phase

__all__ = ["Experiment", "Phase"]
