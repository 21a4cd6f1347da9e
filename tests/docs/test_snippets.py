"""Every Python block of the README and the docs runs, page by page, top to bottom, without a warning."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from livn.engine import registry
from tools.docsite.snippets import blocks, execute

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TAGS = {"python", "text", "console", "bibtex"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("_registered", "_loaded"):  # what a page registers is gone with it
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setitem(sys.modules, page.stem, ModuleType(page.stem))
    execute(page)


def test_there_are_pages_with_code() -> None:
    counts = {page.name: sum(tag == "python" for tag, _, _ in blocks(page.read_text("utf-8"))) for page in PAGES}
    with_code = {name for name, n in counts.items() if n}
    assert with_code >= {"README.md", "getting-started.md", "plasticity.md", "engines.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {tag for tag, _, _ in blocks(page.read_text(encoding="utf-8"))} <= TAGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_blocks_are_found() -> None:
    text = "a\n```python\nx = 1\n\ny = 2\n```\nb\n```console\n$ make\n```\n"
    assert blocks(text) == [("python", 3, "x = 1\n\ny = 2\n"), ("console", 9, "$ make\n")]
    with pytest.raises(ValueError, match="not closed"):
        blocks("```python\nx = 1\n")
