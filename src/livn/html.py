"""Short tables that notebooks show in place of a repr: all text is escaped, the style fits light and dark pages."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["card", "cells_text", "grid"]

MOST_ROWS = 12
"""Rows that are shown, and for the others their number: a repr is a glance, no listing."""
MOST_TEXT = 200
"""Characters of a text that are shown."""

# Notebooks and themes have rules of their own for tables, which these override where they would hurt.
_TABLE = "border-collapse:collapse;border:0;margin:2px 0;background:transparent;color:inherit"
_CAPTION = "caption-side:top;text-align:left;color:inherit;padding:2px 0;white-space:nowrap"
_ROW = "background:transparent;border:0"
_CELL = "padding:1px 14px 1px 0;border:0;color:inherit;background:transparent;vertical-align:top;text-align:"
_HEAD = "font-weight:normal;opacity:0.65;white-space:nowrap;"
_RULE = "border-bottom:1px solid rgba(128,128,128,0.5)"


def card(kind: str, name: object, facts: Iterable[tuple[object, object]]) -> str:
    """HTML of an object in a few labelled lines.

    Args:
        kind: its class.
        name: what it is called, or what there is to know before all else; "" leaves it out.
        facts: label and value of each line.
    """
    lines = list(facts)
    rows = [
        f'<tr style="{_ROW}"><th scope="row" style="{_HEAD}{_CELL}left">{_text(label)}</th>'
        f'<td style="{_CELL}left">{_text(value)}</td></tr>'
        for label, value in lines[:MOST_ROWS]
    ]
    return _table(kind, name, rows, len(lines), 2, ())


def grid(
    kind: str,
    name: object,
    heads: Sequence[object],
    rows: Iterable[Sequence[object]],
    right: Sequence[bool],
    notes: Iterable[object] = (),
) -> str:
    """HTML of an object that is a table.

    Args:
        kind, name: as of `card`.
        heads: of the columns.
        rows: with a value for each column.
        right: whether a column is flush right, as numbers are.
        notes: shown below.
    """
    lines, sides = list(rows), ["right" if flush else "left" for flush in right]
    cells = [f'<th style="{_HEAD}{_CELL}{side};{_RULE}">{_text(head)}</th>' for head, side in _pairs(heads, sides)]
    shown = [f'<tr style="{_ROW}">{"".join(cells)}</tr>'] if lines else []
    for line in lines[:MOST_ROWS]:
        cells = [f'<td style="{_CELL}{side}">{_text(value)}</td>' for value, side in _pairs(line, sides)]
        shown.append(f'<tr style="{_ROW}">{"".join(cells)}</tr>')
    return _table(kind, name, shown, len(lines), len(sides), notes)


def cells_text(counts: Iterable[tuple[str, int]]) -> str:
    """Numbers of cells by population, in words."""
    parts = list(counts)
    names = ", ".join(f"{name} {n:,}" for name, n in parts)
    return f"{sum(n for _, n in parts):,} ({names})" if len(parts) > 1 else names or "none"


def _pairs(values: Sequence[object], sides: Sequence[str]) -> list[tuple[object, str]]:
    return list(zip(values, sides, strict=True))


def _table(kind: str, name: object, rows: Sequence[str], total: int, width: int, notes: Iterable[object]) -> str:
    told = f" {_text(name)}" if name != "" else ""
    below = [f"... and {total - MOST_ROWS:,} more"] if total > MOST_ROWS else []
    ends = [
        f'<tr style="{_ROW}"><td colspan="{width}" style="{_CELL}left">{_text(note)}</td></tr>'
        for note in [*below, *notes]
    ]
    caption = f'<caption style="{_CAPTION}"><b>{_text(kind)}</b>{told}</caption>'
    return f'<table style="{_TABLE}">{caption}<tbody>{"".join([*rows, *ends])}</tbody></table>'


def _text(value: object) -> str:
    """A value as text that means nothing to HTML and that every encoding has."""
    text = str(value)
    text = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}..."
    return html.escape(text.encode("utf-8", "backslashreplace").decode())
