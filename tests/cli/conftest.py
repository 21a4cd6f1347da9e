"""The command, in this process."""

from __future__ import annotations

import pytest

from tests.cli.helpers import Livn


@pytest.fixture
def livn(capfd: pytest.CaptureFixture[str]) -> Livn:
    return Livn(capfd)
