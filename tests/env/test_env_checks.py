"""The validation that all public calls share."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import UnknownName, checks

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers().map(lambda n: n * 10**400),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.booleans().map(np.bool_),
    st.fractions(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.floats(), max_size=3),
    st.lists(st.lists(st.integers(), max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a check returned, or what it said."""
    try:
        return call(), ""
    except (TypeError, ValueError) as e:
        return None, str(e)


@given(anything, st.sampled_from([None, 0.0, -2.0]), st.sampled_from([None, 0.0, 7.0]), st.sampled_from([None, -1.0]))
def test_a_number_is_finite_and_within_bounds_or_refused_by_name(value, low, high, above):
    x, said = outcome(lambda: checks.number("x", value, low=low, high=high, above=above, unit="mV"))
    if said:
        assert said.startswith("x must be a finite number")
        assert ", got " in said
        assert len(said) < 400
    else:
        assert type(x) is float
        assert math.isfinite(x)
        assert low is None or x >= low
        assert high is None or x <= high
        assert above is None or x > above


@given(anything)
def test_no_value_slips_past_the_other_checks(value):
    for check in (
        lambda: checks.integer("x", value, low=-5, high=5),
        lambda: checks.boolean("x", value),
        lambda: checks.array("x", value, shape=(2,)),
        lambda: checks.mapping("x", value, "names to numbers"),
        lambda: checks.names("x", value, ["a", "b"]),
        lambda: checks.choice("x", value, ["a", "b"]),
    ):
        result, said = outcome(check)
        assert result is not None or ("x" in said and len(said) < 400)


@given(st.integers(1, 10**12), st.sampled_from([0.0001, 0.0125, 0.025, 0.05, 0.1, 1.0, 1 / 3]))
def test_a_multiple_of_the_step_is_found(n, dt):
    assert checks.steps("duration", n * dt, dt) == n


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "duration must be at least 0.025 ms, got 0"),
        (-3.0, "duration must be at least 0.025 ms, got -3"),
        (0.02, "duration must be at least 0.025 ms, got 0.02"),
        (1.01, "duration must be a multiple of the step dt = 0.025 ms, got 1.01; nearest: 1 and 1.025"),
        (1e300, r"duration must be at most 2.2518e\+14 ms, 2\^53 steps of dt = 0.025 ms, got 1e\+300"),
    ],
)
def test_what_is_no_multiple_is_told_what_is(value, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        checks.steps("duration", value, 0.025)


def test_numbers_of_every_kind():
    for value in (2, 2.0, np.float32(2.0), np.int8(2), Fraction(4, 2), np.array(2.0), np.array(2)):
        assert checks.number("x", value) == 2.0
    assert checks.integer("n", np.int64(3)) == 3


def test_bounds_read_well():
    for bounds, text in [
        ({}, "a finite number, got"),
        ({"low": 0.0, "unit": "ms"}, "a finite number >= 0, in ms, got"),
        ({"above": 0.0, "high": 1e9}, "a finite number > 0 and <= 1e\\+09, got"),
        ({"low": -200, "high": 200, "unit": "mV"}, "a finite number from -200 to 200, in mV, got"),
    ]:
        with pytest.raises(ValueError, match=f"^x must be {text} nan$"):
            checks.number("x", float("nan"), **bounds)


def test_names_are_suggested_whatever_their_case():
    legal = ["spikes", "voltage", "g_AMPA"]
    for got, hint in [("voltages", "voltage"), ("VOLTAGE", "voltage"), ("g_ampa", "g_AMPA")]:
        assert str(checks.unknown("signal", got, legal)) == (
            f"unknown signal {got!r}; legal: spikes, voltage, g_AMPA; did you mean {hint!r}?"
        )
    assert str(checks.unknown("signal", 3, legal)) == "unknown signal 3; legal: spikes, voltage, g_AMPA"
    assert str(checks.unknown("option", "dt", [], where="record('spikes')")) == (
        "record('spikes'): unknown option 'dt'; legal: none"
    )
    assert isinstance(checks.unknown("name", "x", legal, KeyError), UnknownName)
    assert "(100 in all)" in str(checks.unknown("gid", 1000, range(100)))
    assert len(str(checks.unknown("name", "y" * 9999, legal))) < 400


def test_environment(monkeypatch):
    monkeypatch.delenv("LIVN_TEST", raising=False)
    assert checks.environment("LIVN_TEST", 4.0) == 4.0
    monkeypatch.setenv("LIVN_TEST", "")
    assert checks.environment("LIVN_TEST", 4.0) == 4.0
    monkeypatch.setenv("LIVN_TEST", "2.5")
    assert checks.environment("LIVN_TEST", 4.0) == 2.5
    for text in ("x", "nan", "inf", "-1"):
        monkeypatch.setenv("LIVN_TEST", text)
        with pytest.raises(ValueError, match=f"LIVN_TEST must be a number >= 0, got '{text}'"):
            checks.environment("LIVN_TEST", 4.0)
