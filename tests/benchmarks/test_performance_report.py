"""The performance page: tables, ratios, and the block that a measurement replaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page: their rows, their cells."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        inside = line.startswith("|")
    return found


def contest(factor: float) -> dict[str, Any]:
    """What `speed` finds of a contestant."""
    factors = [factor, 0.9 * factor, 1.1 * factor]
    return {"factors": factors, "factor": factor, "rate": {"EXC": 2.0, "INH": 4.04}, "plastic": 16220}


def alone(events: int, seconds: float, digest: int = 7) -> dict[str, Any]:
    """What a part on this package alone finds."""
    return {
        "factor": 5.0 * seconds,
        "seconds": seconds,
        "events": events,
        "rate": {"EXC": 70.0, "INH": 150.0},
        "cells": 1000,
        "plastic": 999,
        "ns": [1e9 * seconds / 8e6] * 2,
        "walls": [seconds] * 2,
        "delivered": [events] * 2,
        "digests": [digest] * 2,
    }


@pytest.fixture
def data() -> dict[str, Any]:
    """One of everything."""
    sizes = {
        "100": {
            "pylivn": contest(0.1),
            "pylivn-single": contest(0.05),
            "brian-cpp": contest(0.35),
            "livn2": contest(50.0),
        },
        "1000": {"pylivn": contest(1.0), "brian-cpp": contest(4.0)},
    }
    return {
        "date": "2000-01-02",
        "machine": "a machine",
        "speed": {"sizes": sizes, "versions": {"livn2": {"livn": "2.0.0", "numpy": "2.4"}}},
        "alike": {"0.05": {"pylivn": [[1.0, 2.0], [3.0]], "brian-cython": [[1.0, 2.25], [3.0]]}},
        "sizes": {"100": alone(10, 0.2), "1000": alone(10, 0.3)},
        "inputs": {"10": alone(1_000, 0.2), "999": alone(10_001_000, 0.3)},
        "ei4": {"few": alone(1_000, 0.2), "all": alone(5_001_000, 0.3)},
    }


def test_a_table() -> None:
    from report import markdown

    assert markdown(["", "b"], [["x", "1"]]) == "|  | b |\n| --- | ---: |\n| x | 1 |"


@pytest.mark.parametrize(("x", "text"), [(0.1234, "0.123"), (0, "0"), (99.96, "100"), (2512.3, "2,512")])
def test_numbers_have_three_digits(x: float, text: str) -> None:
    from report import number

    assert number(x) == text


def test_ratios_are_taken_within_a_turn() -> None:
    from parts import times

    assert times([10.0, 40.0, 90.0], [1.0, 2.0, 3.0]) == 20.0
    with pytest.raises(ValueError, match="shorter"):
        times([1.0, 2.0], [1.0])


def test_the_cost_of_an_event_is_a_slope() -> None:
    from parts import event_cost

    assert event_cost(alone(1_000, 0.2), alone(10_001_000, 0.3)) == pytest.approx(10.0)
    with pytest.raises(ValueError, match="same spikes"):
        event_cost(alone(1_000, 0.2), alone(2_000, 0.3, digest=8))


def test_who_would_take_too_long_is_known_before() -> None:
    from parts import expected

    assert expected(100, 30.0, 200) == 120.0


def test_the_block_has_every_part(data: dict[str, Any]) -> None:
    from report import block

    text = block(data)
    assert text.startswith("Measured 2000-01-02 on: a machine.")
    by_first = {row[0]: row for table in tables(text) for row in table}
    assert by_first["livn 2.0.0, native"][1:] == ["50", "-"]  # of the last table with this row
    assert "| Brian2, C++ standalone | 0.35 | 0.315 to 0.385 | 3.5 | 7 | at least 4: **missed** | 2.0 / 4.0 |" in text
    assert "| livn 2.0.0, native | 50 | 45 to 55 | 500 | 1,000 | at least 400: ok | 2.0 / 4.0 |" in text
    assert by_first["EXC, 0.05 nA"] == ["EXC, 0.05 nA", "2", "2", "0.25"]
    assert by_first["999"][-1] == "10 (at most 15: ok)"
    assert by_first["all"][-1] == "20 (at most 15: **missed**)"
    assert "1.50: **missed**" in text
    assert "Versions: livn 2.0.0, numpy 2.4." in text


def test_parts_that_were_not_measured_are_left_out(data: dict[str, Any]) -> None:
    from report import block

    text = block({key: data[key] for key in ("date", "machine", "ei4")})
    assert "EI4" in text
    assert "Brian2" not in text


def test_a_measurement_replaces_the_block_alone() -> None:
    from report import BEGIN, END, insert

    page = f"# Title\n\nabove\n\n{BEGIN}\n\nold\n\n{END}\n\nbelow\n"
    once = insert(page, "new\n")
    assert once == f"# Title\n\nabove\n\n{BEGIN}\n\nnew\n\n{END}\n\nbelow\n"
    assert insert(once, "new") == once


@pytest.mark.parametrize("page", ["", "{begin}", "{end} {begin}", "{begin} {begin} {end}"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    from report import BEGIN, END, insert

    with pytest.raises(ValueError, match="once each"):
        insert(page.format(begin=BEGIN, end=END), "text")


def test_the_page_can_be_measured_again_and_its_tables_are_whole() -> None:
    from report import insert

    page = PAGE.read_text(encoding="utf-8")
    assert "a mark of this test" in insert(page, "a mark of this test")
    for table in tables(page):
        assert len(table) > 2, table
        assert {len(row) for row in table} == {len(table[0])}


def test_the_picture_is_drawn(data: dict[str, Any], tmp_path: Path) -> None:
    from report import draw

    draw(data["speed"], tmp_path / "new" / "picture.png")
    assert (tmp_path / "new" / "picture.png").stat().st_size > 10_000


def test_everyone_has_a_look_of_their_own() -> None:
    from contestants import CONTESTANTS
    from report import LOOKS

    assert set(LOOKS) == set(CONTESTANTS)
    assert len(set(LOOKS.values())) == len({colour for colour, _, _ in LOOKS.values()}) == len(LOOKS)
