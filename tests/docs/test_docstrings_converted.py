"""Docstrings as livn writes them become reStructuredText that means the same."""

from __future__ import annotations

import pytest

from tools.docsite.docstrings import converted


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("As `Env.run` returns it.", "As :py:obj:`Env.run` returns it."),
        ("`get_weights()`, then", ":py:obj:`get_weights()`, then"),
        ('`make("EI1")` builds', '``make("EI1")`` builds'),
        ("``code`` stays", "``code`` stays"),
        ("the `k`th of them", "the :py:obj:`k`\\ th of them"),
        ("**options: of `run`", "\\*\\*options: of :py:obj:`run`"),
        ("a * b | c \\ d_ e", "a \\* b \\| c \\\\ d\\_ e"),
        ("`a * b`", "``a * b``"),
        ("snake_case and 0.5 [n, T]", "snake_case and 0.5 [n, T]"),
        (":py:obj:`x` stays", ":py:obj:`x` stays"),
    ],
)
def test_a_line(written: str, read: str) -> None:
    assert converted([written]) == [read]


def test_code_may_go_over_lines() -> None:
    assert "\n".join(converted(["with `a +", "    b` and c"])) == "with ``a + b`` and c"


def test_blocks_are_literal() -> None:
    lines = ["It goes:", "", "    x = `a` * 2", "", "    y = **x", "", "And `a`."]
    assert converted(lines) == ["It goes::", "", "    x = `a` * 2", "", "    y = **x", "", "And :py:obj:`a`."]
    plain = ["Words.", "", "    x = `a`", "", "    y", "", "- a", "", "  of `b`"]
    assert converted(plain) == [*plain[:2], "::", "", *plain[2:8], "  of :py:obj:`b`"]
    marked = ["A tree::", "", "    a | b"]
    assert converted(marked) == marked
    assert converted(["Of:", "", "- `a * b`", "- c"]) == ["Of:", "", "- ``a * b``", "- c"]


def test_sections_are_not_blocks() -> None:
    lines = ["Words.", "", "Args:", "    a: `b`", "", "    *c: d*"]
    assert converted(lines) == ["Words.", "", "Args:", "    a: :py:obj:`b`", "", "    \\*c: d\\*"]


def test_tables_are_tables() -> None:
    assert converted(["| a | `b` |", "|---|---|", "| 1 * 2 | |"]) == [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - a",
        "     - :py:obj:`b`",
        "   * - 1 \\* 2",
        "     -",
    ]
