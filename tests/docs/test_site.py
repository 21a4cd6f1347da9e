"""The site: every public name and every page has its place; what its build is made of works. It is built elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import click
import pytest

import livn
from tools.docsite.commands import MARK, reference
from tools.docsite.offline import check_offline, loaded
from tools.docsite.pictures import check_shown, draw, pages, shown
from tools.docsite.snippets import blocks, execute
from tools.docsite.stage import rewritten, with_toctrees

DOCS = Path(__file__).parents[2] / "docs"
ENTRY = re.compile(r"(?m)^\.\. auto(?:class|function|data|exception|module):: (\S+)$")
MODULES = (
    "backend",
    "cells",
    "encoding",
    "engine.base",
    "env.gymnasium.baselines",
    "errors",
    "models.rcsd",
    "network",
    "policy",
    "run",
    "stimulus",
    "types",
    "utils",
)
"""Public modules beside the packages."""


def packages() -> list[str]:
    """All packages of livn with public names; those of engines have none."""
    found = [name for _, name, package in pkgutil.walk_packages(livn.__path__, "livn.") if package]
    return ["livn", *(name for name in found if hasattr(importlib.import_module(name), "__all__"))]


def resolved(path: str) -> Any:
    """What a dotted path names."""
    parts = path.split(".")
    found: Any = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:i]))
        found = getattr(found, part)
    return found


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """Every entry of the reference, and the object that it names."""
    pages = (DOCS / "api").glob("*.rst")
    return {path: resolved(path) for page in pages for path in ENTRY.findall(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("module", [*packages(), *(f"livn.{name}" for name in MODULES)])
def test_every_public_name_is_in_the_reference(module: str, documented: dict[str, Any]) -> None:
    known = {id(found) for found in documented.values()}
    for name in importlib.import_module(module).__all__:
        there = f"{module}.{name}" in documented or id(getattr(importlib.import_module(module), name)) in known
        assert there, f"{module}.{name} has no entry in docs/api"


def test_the_contents_name_every_page_of_the_reference() -> None:
    listed = re.findall(r"(?m)^   ([\w-]+)$", (DOCS / "api" / "index.rst").read_text(encoding="utf-8"))
    assert sorted([*listed, "index"]) == sorted(page.stem for page in (DOCS / "api").glob("*.rst"))


def test_the_landing_page_leads_to_every_page() -> None:
    contents = with_toctrees((DOCS / "index.md").read_text(encoding="utf-8")).partition("```{toctree}")[2]
    listed = re.findall(r"</([^>]+)>", contents)
    assert len(listed) == len(set(listed))
    assert {*listed} >= {page.relative_to(DOCS).with_suffix("").as_posix() for page in pages(DOCS)} - {"index"}


def test_every_picture_is_drawn_by_something() -> None:
    drawn = re.findall(r"""["']([\w-]+\.png)["']""", "\n".join(p.read_text("utf-8") for p in pages(DOCS)))
    check_shown(DOCS, [*drawn, "training.png"])
    assert {path.name for path in (DOCS / "images").iterdir()} == {*shown(DOCS)}


def test_a_picture_that_nothing_draws_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("![A](images/a.png) and ![B](images/performance.png)")
    assert shown(tmp_path) == {"a.png": ["page.md"], "performance.png": ["page.md"]}
    check_shown(tmp_path, ["a.png"])
    with pytest.raises(RuntimeError, match=r"nothing draws what pages show: .*a\.png"):
        check_shown(tmp_path, [])
    (tmp_path / "page.md").write_text("![A](elsewhere/a.png)")
    with pytest.raises(ValueError, match=r"page\.md shows elsewhere/a\.png"):
        shown(tmp_path)


def test_pages_draw_in_processes_of_their_own(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    good, quiet, bad, again = (tmp_path / f"{name}.md" for name in ("good", "quiet", "bad", "again"))
    good.write_text("```python\nclass A:\n    pass\n```\n```python\nopen(f'{A.__module__}.png', 'w').close()\n```\n")
    quiet.write_text("No code.\n")
    assert draw([good, quiet], images) == {"good.png": "good.md"}
    assert (images / "good.png").exists()
    bad.write_text("A line.\n\n```python\nimport warnings\n\nwarnings.warn('of this')\n```\n")
    with pytest.raises(RuntimeError, match=r"(?s)bad\.md failed.*line 6.*of this"):
        draw([bad], images)
    again.write_text("```python\nopen('good.png', 'w').close()\n```\n")
    with pytest.raises(RuntimeError, match=r"again\.md and good\.md both draw good\.png"):
        draw([good, again], images)


def test_only_python_blocks_run(tmp_path: Path) -> None:
    page = tmp_path / "some_page.md"
    page.write_text("```console\n$ false\n```\n```python\nfound = np.ones(2).sum()\nassert found == 2\n```\n")
    execute(page)
    assert [tag for tag, _, _ in blocks(page.read_text(encoding="utf-8"))] == ["console", "python"]


def test_links_out_of_the_docs_lead_to_pages(tmp_path: Path) -> None:
    for place in ("README.md", "CHANGELOG.md", "examples/train.py", "docs/agents.md", "docs/how-to/mpi.md"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x")
    files: set[str] = set()
    text = (
        "[a](../README.md) [b](agents.md#listen) [c](../CHANGELOG.md#one) [d](../examples/train.py) [e](../examples)\n"
        "[f](https://example.org) [g](#here) ![h](images/h.png)\n```python\nx[0](../README.md)\n```\n"
    )
    assert rewritten(text, "docs/page.md", files, tmp_path) == (
        "[a](index.md) [b](agents.md#listen) [c](changelog.md#one) [d](files/examples/train.py.md) e\n"
        "[f](https://example.org) [g](#here) ![h](images/h.png)\n```python\nx[0](../README.md)\n```\n"
    )
    assert files == {"examples/train.py"}
    below = rewritten("[a](../../README.md) [b](../agents.md)", "docs/how-to/mpi.md", files, tmp_path)
    assert below == "[a](../index.md) [b](../agents.md)"
    assert rewritten("[a](docs/agents.md#x)", "CHANGELOG.md", files, tmp_path) == "[a](agents.md#x)"
    with pytest.raises(FileNotFoundError, match=r"docs/page\.md links to \.\./nothing\.md"):
        rewritten("[a](../nothing.md)", "docs/page.md", files, tmp_path)


def test_contents_are_made_of_lists_of_links() -> None:
    text = "# A\n\n- [No](no.md): above.\n\n## Start\n\nWords.\n\n"
    text += "- [One](one.md): first.\n- [Two](api/two.rst)\n\n## Words\n\nx\n"
    staged = with_toctrees(text)
    assert staged.startswith(text)
    assert staged[len(text) :].split("\n") == [
        "",
        "```{toctree}",
        ":hidden:",
        ":caption: Start",
        "",
        "One </one>",
        "Two </api/two>",
        "```",
        "",
    ]


def test_what_is_loaded_from_elsewhere_is_found(tmp_path: Path) -> None:
    assert loaded('<a href="https://example.org">x</a><img src="_images/a.png"><script src="a.js"></script>') == []
    assert loaded('<script src="https://cdn.example.org/a.js"></script><img src="//example.org/a.png">') == [
        "https://cdn.example.org/a.js",
        "//example.org/a.png",
    ]
    assert loaded('<link rel="stylesheet" href="https://example.org/a.css">') == ["https://example.org/a.css"]
    assert loaded("<style>@import 'https://example.org/b.css';</style>") == ["https://example.org/b.css"]
    (tmp_path / "a.css").write_text("@font-face { src: url(https://example.org/font.woff2) }")
    with pytest.raises(RuntimeError, match=r"a\.css.*font\.woff2"):
        check_offline(tmp_path)
    (tmp_path / "a.css").write_text("@font-face { src: url(font.woff2) } /* https://example.org */")
    check_offline(tmp_path)


def test_commands_tell_of_themselves() -> None:
    @click.group(name="grow")
    @click.option("--loud/--quiet", help="Say <it> | *all*.")
    def grow(loud: bool) -> None:
        """Grow something.

        \b
        livn grow cells -n 3     # three
        """

    @grow.command()
    @click.argument("where")
    @click.option("-n", "--number", default=1, show_default=True, help="How many.")
    def cells(where: str, number: int) -> None:
        """Grow cells."""

    @grow.command(hidden=True)
    def secret() -> None:
        """Not shown."""

    top = click.Group("livn", commands={"grow": grow}, help="The top.")
    assert reference(top).split("\n\n") == [
        "## The program",
        "```text\nlivn [OPTIONS] COMMAND [ARGS]...\n```",
        "The top.",
        "## livn grow",
        "```text\nlivn grow [OPTIONS] COMMAND [ARGS]...\n```",
        "Grow something.",
        "```console\n$ livn grow cells -n 3     # three\n```",
        "| option | |\n|---|---|\n| `--loud` `--quiet` | Say \\<it\\> \\| \\*all\\*. |",
        "### livn grow cells",
        "```text\nlivn grow cells [OPTIONS] WHERE\n```",
        "Grow cells.",
        "| option | |\n|---|---|\n| `-n` `--number INTEGER` | How many. \\[default: 1\\] |",
    ]


def test_the_page_of_the_command_line_has_a_place_for_them() -> None:
    assert (DOCS / "command-line.md").read_text(encoding="utf-8").count(MARK) == 1
