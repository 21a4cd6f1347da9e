"""The Python blocks of a page, run top to bottom: `python -m tools.docsite.snippets docs/electrodes.md FOLDER`."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

__all__ = ["blocks", "execute", "python_blocks", "run"]


def blocks(text: str) -> list[tuple[str, int, str]]:
    """(tag, number of the first line of its content, content) of every fenced block."""
    found: list[tuple[str, int, str]] = []
    tag: str | None = None
    content: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        if tag is None and line.startswith("```"):
            tag, first, content = line[3:].strip(), number + 1, []
        elif tag is not None and line.rstrip() == "```":
            found.append((tag, first, "\n".join(content) + "\n"))
            tag = None
        else:
            content.append(line)
    if tag is not None:
        raise ValueError(f"the block that opens before line {first} is not closed")
    return found


def python_blocks(page: Path) -> list[tuple[int, str]]:
    """(number of its first line, code) of every Python block of a page."""
    return [(first, code) for tag, first, code in blocks(page.read_text(encoding="utf-8")) if tag == "python"]


def execute(page: Path) -> None:
    """Run the Python blocks of a page in one namespace, in order.

    The namespace is that of a module, so that what a page defines can be imported by name, as what a script defines.
    """
    import numpy as np

    module = sys.modules[page.stem] = ModuleType(page.stem)
    vars(module)["np"] = np
    for first, code in python_blocks(page):
        run(code, page, first, vars(module))


def run(code: str, page: Path, first: int, namespace: dict[str, object]) -> None:
    """Execute a block; tracebacks name the page and the line in it."""
    exec(compile("\n" * (first - 1) + code, str(page), "exec"), namespace)


if __name__ == "__main__":
    asked = Path(sys.argv[1]).resolve()
    os.chdir(sys.argv[2])
    warnings.simplefilter("error")
    execute(asked)
