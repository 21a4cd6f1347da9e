"""Shared by all tests: a cache inside the project, and small cultures."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("livn", deadline=None)  # no test may fail for a slow machine
settings.load_profile("livn")

# A shell that starts a job in the background has it ignore Ctrl-C, and all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
os.environ.setdefault("LIVN_CACHE_DIR", str(ROOT / ".cache"))
for variable in ("LIVN_BACKEND", "LIVN_THREADS", "LIVN_MAX_RECORDING_GB", "LIVN_MAX_STIMULUS_GB"):
    os.environ.pop(variable, None)


@pytest.fixture(params=["cpu", "neuron"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every engine of this version: a test that takes it has one body for all.

    NEURON holds one simulation per process, so that of two cultures the first must be closed before the second is made.
    """
    yield request.param
    close_neuron()


def close_neuron() -> None:
    """Close the culture that a test left alive in NEURON, lest the next one fail for it."""
    module = sys.modules.get("livn.engine.neuron.tenancy")
    left = None if module is None else module.live()
    if left is not None:
        left.close()
