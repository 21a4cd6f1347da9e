"""Shared by all tests: a cache inside the project, and small cultures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
os.environ.setdefault("LIVN_CACHE_DIR", str(ROOT / ".cache"))
for variable in ("LIVN_BACKEND", "LIVN_THREADS", "LIVN_MAX_RECORDING_GB", "LIVN_MAX_STIMULUS_GB"):
    os.environ.pop(variable, None)


def reference(name: str):
    """A recording made with NEURON; tests/reference/README.md tells how."""
    return json.loads((ROOT / "tests" / "reference" / f"{name}.json").read_text())


@pytest.fixture(params=["cpu"])
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine of this version: a test that takes it has one body for all."""
    return request.param
