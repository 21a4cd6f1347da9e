"""See that a site loads nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

__all__ = ["check_offline", "loaded"]

ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


class _Loads(HTMLParser):
    """Collects what a browser loads for a page: scripts, styles, pictures, fonts, frames; no links to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        targets = [values.get("src", ""), values.get("data", "") if tag == "object" else ""]
        targets += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev", "author", "license"}:
            targets.append(values.get("href", ""))
        self.found += [target for target in targets if ELSEWHERE.match(target)]
        self.found += STYLE.findall(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.found += STYLE.findall(data)


def loaded(html: str) -> list[str]:
    """What a page loads from elsewhere."""
    parser = _Loads()
    parser.feed(html)
    return parser.found


def check_offline(site: Path) -> None:
    """Look through all pages and styles.

    Raises:
        RuntimeError: something is loaded from elsewhere.
    """
    found = {page.name: loaded(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    found |= {style.name: STYLE.findall(style.read_text(encoding="utf-8")) for style in site.rglob("*.css")}
    found = {name: targets for name, targets in found.items() if targets}
    if found:
        raise RuntimeError(f"the site loads from elsewhere: {found}")
