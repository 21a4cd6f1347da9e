"""The snippets of the plasticity page in the contract run verbatim, in order."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT.parent / "shared" / "contract" / "plasticity-page.txt"


def is_heading(node: ast.stmt) -> bool:
    """A bare name or a bare call without arguments: what a heading like `get_weights()` parses as."""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Call) and not value.args and not value.keywords:
        value = value.func
    return isinstance(value, ast.Name)


def leading_code(lines: list[str]) -> str:
    """The longest run of paragraphs, from the first, that is Python and not the heading of what follows."""
    code, paragraph = "", ""
    for line in [*lines, ""]:
        paragraph += line.rstrip() + "\n"
        if line.strip():
            continue
        try:
            known, now = len(ast.parse(code).body), ast.parse(code + paragraph).body
        except SyntaxError:
            break
        if len(now) > known and all(map(is_heading, now[known:])):
            break
        code, paragraph = code + paragraph, ""
    return code.rstrip() + "\n"


def snippets(text: str) -> list[str]:
    """The code of the page: it follows a line `python` and ends where the prose goes on."""
    lines = text.splitlines()
    marks = [i for i, line in enumerate(lines) if line.strip() == "python"]
    return [leading_code(lines[a + 1 : b]) for a, b in zip(marks, [*marks[1:], len(lines)], strict=True)]


def test_snippets_are_told_from_prose() -> None:
    text = (
        "Intro\n\npython\nx = f()\n\nfor i in x:\n    print(i)\n\nFor a complete example, see there.\n\nstop() \n\n"
        "python\n# a comment\n\nstop()\nx = 1\n\nget_weights() \n\npython\ny = {\n  1: 2,\n}\n\nTuning tips \n\n  • a\n"
    )
    assert snippets(text) == [
        "x = f()\n\nfor i in x:\n    print(i)\n",
        "# a comment\n\nstop()\nx = 1\n",
        "y = {\n  1: 2,\n}\n",
    ]


@pytest.fixture
def page() -> list[str]:
    if not PAGE.is_file():
        pytest.skip(f"the page of the contract is not beside this checkout: {PAGE}")
    return snippets(PAGE.read_text(encoding="utf-8"))


def test_every_snippet_is_found(page: list[str]) -> None:
    assert len(page) >= 6
    calls = "\n".join(page)
    for name in ("enable_plasticity", "disable_plasticity", "normalize_weights", "get_weights", "record_weights"):
        assert f"env.{name}(" in calls


def test_the_page_runs_verbatim(page: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"np": np, "__name__": "page"}
    for number, code in enumerate(page):
        exec(compile(code, f"{PAGE.name}, snippet {number + 1}", "exec"), namespace)
        if number == 0:
            values = np.array(list(namespace["weights"].values()))  # type: ignore[attr-defined]
            assert values.std() > 1e-3
