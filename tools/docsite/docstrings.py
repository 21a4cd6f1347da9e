"""Docstrings as the code has them, with single backticks, brackets and stars as they come, to reStructuredText."""

from __future__ import annotations

import re

__all__ = ["converted"]

SPAN = re.compile(r"(?<![`:\w])(``?)(?!`)(.+?)(?<!`)\1(?![`_])", re.DOTALL)
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?")
RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+\s*")


def converted(lines: list[str]) -> list[str]:
    """The lines of a docstring, to be read by napoleon: code in backticks refers to what it names, else it is literal.

    Stars, bars, backslashes and trailing underscores elsewhere mean themselves. A table in Markdown becomes one in
    reStructuredText, indented lines after a paragraph a literal block.
    """
    out: list[str] = []
    for paragraph in _paragraphs(lines):
        if not paragraph[0].strip() or _is_literal(paragraph, out):
            out += paragraph
        elif paragraph[0].lstrip().startswith("|") and len(paragraph) > 1 and RULE.fullmatch(paragraph[1].strip()):
            out += _table(paragraph)
        else:
            out += _inline("\n".join(paragraph)).split("\n")
    return out


def _paragraphs(lines: list[str]) -> list[list[str]]:
    """Runs of lines that are blank or not."""
    runs: list[list[str]] = []
    for line in lines:
        if runs and bool(runs[-1][-1].strip()) == bool(line.strip()):
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_literal(paragraph: list[str], before: list[str]) -> bool:
    """Whether the paragraph belongs to a literal block; the line that announces one is marked in `before`, or added."""
    start = paragraph[0].lstrip()
    if start.startswith((">>>", "- ")):
        return start.startswith(">>>")
    depth = min(_indent(line) for line in paragraph)
    earlier = [i for i, line in enumerate(before) if line.strip()]
    opening = next((i for i in reversed(earlier) if _indent(before[i]) < depth), None)
    if opening is None:
        return False
    above = before[opening]
    if opening == earlier[-1] and not above.endswith("::"):
        if above.endswith(":"):
            before[opening] += ":"
        elif depth - _indent(above) >= 4 and not above.lstrip().startswith("- "):
            before += [" " * _indent(above) + "::", ""]
            return True
    return before[opening].endswith("::")


def _inline(text: str) -> str:
    parts, end = [], 0
    for span in SPAN.finditer(text):
        parts += [_escaped(text[end : span.start()]), _code(span, text)]
        end = span.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return re.sub(r"(\w)_(?!\w)", r"\1\\_", re.sub(r"([*|\\])", r"\\\1", text))


def _code(span: re.Match[str], text: str) -> str:
    content = " ".join(span[2].split())
    plain = span[1] == "``" or not NAME.fullmatch(content)
    code = f"``{content}``" if plain else f":py:obj:`{content}`"
    before = "\\ " if span.start() and text[span.start() - 1].isalnum() else ""
    after = "\\ " if span.end() < len(text) and text[span.end()].isalnum() else ""
    return before + code + after


def _table(rows: list[str]) -> list[str]:
    """A table in Markdown as a `list-table`."""
    margin = " " * _indent(rows[0])
    out = [f"{margin}.. list-table::", f"{margin}   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        out += [f"{margin}   {'* -' if i == 0 else '  -'} {_inline(cell)}".rstrip() for i, cell in enumerate(cells)]
    return out
