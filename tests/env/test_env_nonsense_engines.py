"""Nonsense on every engine: the calls that come closest to one before they fail."""

from __future__ import annotations

import pytest

from tests.env import test_env_nonsense_run as running
from tests.env import test_env_nonsense_settings as setting
from tests.env.helpers import busy, differences, outcome, state_of

CASES = {case[0]: case for case in (*running.CASES, *setting.CASES)}
NAMES = (
    "duration nan", "off a recording", "another dt", "too much", "v_init late", "stream -1", "stimulus wrong width",
    "stimulus source of nan", "stimulus source fails", "section unknown", "save on a directory", "second weight",
    "noise second", "set_params weight last", "cells second", "enable second group", "targets other gids",
    "multiplier cell",
)  # fmt: skip


def test_nonsense_leaves_no_trace_on_any_engine(engine: str) -> None:
    spared = outcome(busy(engine), lambda env: (env.run(5.0), env.w_recs))
    env = busy(engine)
    for name in NAMES:
        _, call, error, text = CASES[name]
        before = state_of(env)
        with pytest.raises(error, match=text):
            call(env)
        assert not differences(before, state_of(env)), name
    assert (env.run(5.0), env.w_recs) == spared
