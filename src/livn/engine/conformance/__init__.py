"""Is this an engine? `check_engine(name)` tells, with reasons; anyone who writes one can run it.

    from livn.engine.conformance import check_engine

    print(check_engine("mine"))

An engine is held to recordings made with NEURON, to the equations evaluated by hand with NumPy, to itself (the same
bits whatever the partition of a run) and to the cpu engine. `livn.engine.register` makes livn know an engine of one's
own.
"""

from livn.engine.conformance.report import CheckResult, ConformanceError, ConformanceReport
from livn.engine.conformance.runner import check_engine, check_names

__all__ = ["CheckResult", "ConformanceError", "ConformanceReport", "check_engine", "check_names"]
