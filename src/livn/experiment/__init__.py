"""Experiments: a culture run or trained by a protocol, and the record of it, in memory or in a directory."""

from livn.experiment.protocols import ExperimentInterrupted, run, train
from livn.experiment.record import START, Experiment, Phase, load_run
from livn.run import FIELD

__all__ = ["FIELD", "START", "Experiment", "ExperimentInterrupted", "Phase", "load_run", "run", "train"]
