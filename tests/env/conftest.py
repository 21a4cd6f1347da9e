"""Fixtures of the tests of Env."""

from __future__ import annotations

from pathlib import Path

import pytest

from livn import Env
from tests.env.helpers import Twins, lively


@pytest.fixture
def env(engine: str) -> Env:
    """A small culture that fires, nothing recorded, plasticity off."""
    return lively(engine)


@pytest.fixture(scope="module")
def twins() -> Twins:
    """Two cultures that must stay alike whatever one of them is asked.

    On one engine: arguments are checked before any is reached. `test_env_nonsense_engines.py` asks the others too.
    """
    return Twins()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to be made."""
    return tmp_path / "weights.h5"
