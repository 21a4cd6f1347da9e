"""What commands print: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from livn.text import table

__all__ = ["echo_json", "listing", "plain", "table"]


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
