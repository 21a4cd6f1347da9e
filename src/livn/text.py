"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["table"]


def table(rows: Iterable[Sequence[Any]], head: Sequence[str] = (), right: Iterable[int] = ()) -> str:
    """Rows in columns as wide as they need; the columns numbered in `right` are flush right."""
    lines = [[str(cell) for cell in row] for row in ([head] if head else [])] + [[str(c) for c in row] for row in rows]
    if not lines:
        return ""
    width = max(map(len, lines))
    lines = [line + [""] * (width - len(line)) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    flush = set(right)
    texts = [
        "  ".join(c.rjust(w) if i in flush else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    if head:
        texts.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(text.rstrip() for text in texts)
