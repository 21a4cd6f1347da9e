"""Plasticity as data: parameters of the rule, snapshots and traces of the weights, what the rule did.

The equations are in `livn.models.plasticity`, homeostatic scaling is in `livn.weights`.
"""

from livn.plasticity.keys import Key, SynapseKeys
from livn.plasticity.multipliers import Weights, multipliers_from
from livn.plasticity.rules import PARAMETERS, RuleParameters, merge
from livn.plasticity.summary import PlasticitySummary, SummaryRow
from livn.plasticity.traces import Trace, WeightRecorder, WeightTraces

__all__ = [
    "PARAMETERS",
    "Key",
    "PlasticitySummary",
    "RuleParameters",
    "SummaryRow",
    "SynapseKeys",
    "Trace",
    "WeightRecorder",
    "WeightTraces",
    "Weights",
    "merge",
    "multipliers_from",
]
