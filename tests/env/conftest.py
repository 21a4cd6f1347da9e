"""Fixtures of the tests of Env."""

from __future__ import annotations

import pytest

from livn import Env
from tests.env.helpers import Twins, lively


@pytest.fixture
def env(engine: str) -> Env:
    """A small culture that fires, nothing recorded, plasticity off."""
    return lively(engine)


@pytest.fixture(scope="module")
def pair() -> dict[str, Twins]:
    """Twins by engine, kept for a module."""
    return {}


@pytest.fixture
def twins(engine: str, pair: dict[str, Twins]) -> Twins:
    """Two cultures that must stay alike whatever one of them is asked."""
    if engine not in pair:
        pair[engine] = Twins(engine)
    return pair[engine]
