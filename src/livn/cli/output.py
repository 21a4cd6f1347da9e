"""What commands print: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

__all__ = ["echo_json", "listing", "table"]


def table(rows: Iterable[Sequence[Any]], head: Sequence[str] = (), right: Iterable[int] = ()) -> str:
    """Rows in columns as wide as they need; the columns numbered in `right` are flush right."""
    lines = [[str(cell) for cell in row] for row in ([head] if head else [])] + [[str(c) for c in row] for row in rows]
    if not lines:
        return ""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    flush = set(right)
    texts = [
        "  ".join(c.rjust(w) if i in flush else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    if head:
        texts.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(text.rstrip() for text in texts)


def listing(pairs: Mapping[str, Any]) -> str:
    """Names and what they are, a line each."""
    return table(pairs.items())


def echo_json(document: Any) -> None:
    """A document on standard output, for programs; NaN and infinity, which JSON lacks, become null."""
    click.echo(json.dumps(plain(document), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """A value in JSON's terms."""
    from pydantic_core import to_jsonable_python

    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not (value == value and abs(value) != float("inf")):
        return None
    return to_jsonable_python(value)
