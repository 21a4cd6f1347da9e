"""Plasticity as data: parameters of the rule, snapshots and traces of the weights, what the rule did.

The equations are in `livn.models.plasticity`, homeostatic scaling is in `livn.weights`.
"""

from livn.plasticity.keys import Key, SynapseKeys
from livn.plasticity.multipliers import Weights, multipliers_from
from livn.plasticity.reading import WeightFile, open_weights
from livn.plasticity.rules import PARAMETERS, RuleParameters, merge
from livn.plasticity.summary import PlasticitySummary, SummaryRow
from livn.plasticity.traces import Recorder, Trace, WeightRecorder, WeightTraces
from livn.plasticity.writing import FileRecorder

__all__ = [
    "PARAMETERS",
    "FileRecorder",
    "Key",
    "PlasticitySummary",
    "Recorder",
    "RuleParameters",
    "SummaryRow",
    "SynapseKeys",
    "Trace",
    "WeightFile",
    "WeightRecorder",
    "WeightTraces",
    "Weights",
    "merge",
    "multipliers_from",
    "open_weights",
]
