"""A file for recorded weights, and what writes to it."""

from __future__ import annotations

import pytest

from livn.plasticity import FileRecorder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.h5"


@pytest.fixture
def recorder(path):
    made = FileRecorder(0.5, path)
    yield made
    made.close()
