"""What people write for durations and systems."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.cli.options import DURATION, SYSTEM, UNITS, duration_ms, duration_text
from livn.system import predefined


@pytest.mark.parametrize(
    ("text", "ms"),
    [("250ms", 250.0), ("10s", 10_000.0), ("1.5 s", 1500.0), ("2min", 120_000.0), ("100", 100.0), ("1e3", 1000.0)],
)
def test_durations(text: str, ms: float) -> None:
    assert DURATION.convert(text, None, None) == ms


@given(st.floats(1e-3, 1e9), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_every_number_with_every_unit(number: float, unit: str, between: str) -> None:
    assert DURATION.convert(f"{number!r}{between}{unit}", None, None) == number * UNITS[unit]


@given(st.floats(1e-4, 1e12) | st.integers(1, 10**12).map(lambda n: n * 0.025))
def test_a_duration_that_is_written_and_read_is_the_same(ms: float) -> None:
    assert duration_ms(duration_text(ms)) == ms


@pytest.mark.parametrize(("ms", "text"), [(1001.0, "1.001s"), (2500.0, "2.5s"), (0.1, "0.1ms"), (3.6e6, "3600s")])
def test_durations_are_written_as_people_write_them(ms: float, text: str) -> None:
    assert duration_text(ms) == text or duration_ms(text) != ms


@pytest.mark.parametrize("text", ["", "s", "abc", "1.2.3s", "nan", "s10", "--5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no duration; write for instance 250ms"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize("text", ["5h", "10 sec", "3S", "1 s s"])
def test_an_unknown_unit(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"unknown unit of time|is no duration"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize("text", ["0", "-5s", "1e400"])
def test_a_duration_must_be_positive_and_finite(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"must be > 0"):
        DURATION.convert(text, None, None)


def test_systems(tmp_path) -> None:
    assert SYSTEM.convert("EI1", None, None) == "EI1"
    directory = predefined("EI1", tmp_path)
    assert SYSTEM.convert(str(directory), None, None) == str(directory)


def test_unknown_systems(tmp_path) -> None:
    for text, words in {
        "ei2": "did you mean 'EI2'",
        "": "unknown system ''; legal: EI1, EI2, EI3, EI4",
        str(tmp_path): "holds no system",
        str(tmp_path / "gone"): "neither a predefined system",
    }.items():
        with pytest.raises(click.BadParameter, match=words):
            SYSTEM.convert(text, None, None)


def test_completion_of_systems() -> None:
    offered = SYSTEM.shell_complete(None, None, "EI")  # type: ignore[arg-type]
    assert [item.value for item in offered] == ["EI1", "EI2", "EI3", "EI4", "EI"]
    assert offered[-1].type == "dir"
