"""From the pages of docs/, which are also read as plain Markdown in the repository, to what Sphinx takes.

Links that leave docs/ go to pages made for them: the changelog, the landing page for the README, and for any other file
a page that shows it. The table of contents is made of the lists of links on the landing page.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from livn.cli.app import app
from tools.docsite.commands import MARK, reference
from tools.docsite.pictures import ROOT

__all__ = ["outside_fences", "rewritten", "stage", "with_toctrees"]

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")
ITEM = re.compile(r"^[-*] \[([^\]]*)\]\(([^)\s:#]+)\)", re.MULTILINE)
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".cff": "yaml", ".sh": "bash"}
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files outside of docs/ that have a page of the site, by their place in the repository."""


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """The text, with `change` applied to what is not in a fenced block."""
    parts = re.split(r"(?ms)(^```.*?^```[ \t]*$)", text)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def rewritten(text: str, place: str, shown: set[str], root: Path = ROOT) -> str:
    """A page with links that lead somewhere within the site.

    Args:
        text: Markdown.
        place: of the page in the repository, such as `docs/how-to/mpi.md`.
        shown: files that want a page of their own, by their place in the repository; added to.
        root: the repository.

    Raises:
        FileNotFoundError: a link that leads nowhere.
    """
    folder = os.path.dirname(place)
    here = os.path.dirname(_in_site(place))

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        goal = os.path.normpath(os.path.join(folder, target))
        if goal.startswith("docs/") and place.startswith("docs/"):
            return found[0]
        if not (root / goal).exists():
            raise FileNotFoundError(f"{place} links to {target}")
        if (root / goal).is_dir():
            return words
        if goal not in PAGES and not goal.startswith("docs/"):
            shown.add(goal)
        return f"[{words}]({os.path.relpath(_in_site(goal), here or '.')}{anchor})"

    return outside_fences(text, lambda part: LINK.sub(link, part))


def _in_site(place: str) -> str:
    """Where the site has what the repository has at `place`."""
    if place in PAGES:
        return PAGES[place]
    return place.removeprefix("docs/") if place.startswith("docs/") else f"files/{place}.md"


def with_toctrees(landing: str) -> str:
    """The landing page with a hidden table of contents for each of its sections that lists pages."""
    trees = []
    for section in re.split(r"(?m)^## ", landing)[1:]:
        caption, _, body = section.partition("\n")
        entries = [f"{title} </{target.rsplit('.', 1)[0]}>" for title, target in ITEM.findall(body)]
        if entries:
            trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption.strip()}", "", *entries, "```"]))
    return landing.rstrip() + "\n\n" + "\n\n".join(trees) + "\n"


def stage(docs: Path, tree: Path, images: Path) -> None:
    """Write what Sphinx builds from into the empty folder `tree`.

    Args:
        docs: the pages.
        tree: where to.
        images: the pictures to show; others are not there.
    """
    shown: set[str] = set()
    for source in sorted(path for path in docs.rglob("*") if path.suffix in {".md", ".rst"}):
        target = tree / source.relative_to(docs)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".md":
            text = rewritten(text, PurePosixPath("docs", *source.relative_to(docs).parts).as_posix(), shown)
        if MARK in text:
            text = text.replace(MARK, reference(app))
        target.write_text(with_toctrees(text) if target == tree / "index.md" else text, encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (tree / "changelog.md").write_text(rewritten(changes, "CHANGELOG.md", shown), encoding="utf-8")
    shutil.copytree(images, tree / "images", dirs_exist_ok=True)
    for place in sorted(shown):
        page = tree / _in_site(place)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_showing(place, (ROOT / place).read_text(encoding="utf-8")), encoding="utf-8")


def _showing(place: str, content: str) -> str:
    """A page that shows a file."""
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall(r"`{3,}", content))])
    language = LANGUAGES.get(PurePosixPath(place).suffix, "text")
    return f"---\norphan: true\n---\n\n# {place}\n\n{fence}{language}\n{content.rstrip()}\n{fence}\n"
