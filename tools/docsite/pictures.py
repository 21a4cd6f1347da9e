"""The pictures that pages show: who draws each, and drawing them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tools.docsite.snippets import python_blocks

__all__ = ["MEASURED", "ROOT", "check_shown", "draw", "draw_examples", "pages", "shown"]

ROOT = Path(__file__).parents[2]

MEASURED = ("performance.png",)
"""Pictures that a benchmark draws in half an hour (`make bench`): those in the repository are shown."""

EXAMPLES = {"training.png": ["examples/train.py", "--figure"]}
"""Pictures that examples draw: the command, to which the path is added."""

PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


def pages(docs: Path) -> list[Path]:
    """All pages in Markdown, sorted."""
    return sorted(docs.rglob("*.md"))


def shown(docs: Path) -> dict[str, list[str]]:
    """Name of a picture in docs/images to the pages that show it.

    Raises:
        ValueError: a picture that is elsewhere.
    """
    found: dict[str, list[str]] = {}
    for page in pages(docs):
        for target in PICTURE.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if path.parent != (docs / "images").resolve():
                raise ValueError(f"{page.name} shows {target}, which is not in docs/images")
            found.setdefault(path.name, []).append(page.relative_to(docs).as_posix())
    return found


def check_shown(docs: Path, drawn: Iterable[str]) -> None:
    """See that pages show what was drawn, and no more.

    Raises:
        RuntimeError: a page shows a picture that nothing drew.
    """
    missing = {name: where for name, where in shown(docs).items() if name not in {*drawn, *MEASURED}}
    if missing:
        raise RuntimeError(f"nothing draws what pages show: {missing}")


def draw(chosen: Iterable[Path], images: Path) -> dict[str, str]:
    """Run pages, each in a process and a folder of its own, and move the pictures that they save to `images`.

    Args:
        chosen: pages.
        images: a folder that exists.

    Returns:
        Name of a picture to the page that drew it.

    Raises:
        RuntimeError: a page fails or warns, or two draw pictures of one name.
    """
    drawn: dict[str, str] = {}
    for page in chosen:
        if not python_blocks(page):
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            _python(["-m", "tools.docsite.snippets", str(page.resolve()), folder], page.name)
            pictures = sorted(Path(folder).glob("*.png"))
            for picture in pictures:
                if picture.name in drawn:
                    raise RuntimeError(f"{page.name} and {drawn[picture.name]} both draw {picture.name}")
                (images / picture.name).write_bytes(picture.read_bytes())
                drawn[picture.name] = page.name
        print(f"{page.name}: {time.perf_counter() - began:.1f} s", *(p.name for p in pictures), flush=True)
    return drawn


def draw_examples(images: Path, names: Iterable[str]) -> list[str]:
    """Draw those of `EXAMPLES` that are named; returns which.

    Raises:
        RuntimeError: an example fails.
    """
    wanted = [name for name in EXAMPLES if name in set(names)]
    for name in wanted:
        began = time.perf_counter()
        _python([*EXAMPLES[name], str((images / name).resolve())], EXAMPLES[name][0])
        print(f"{EXAMPLES[name][0]}: {time.perf_counter() - began:.1f} s {name}", flush=True)
    return wanted


def _python(arguments: list[str], what: str) -> None:
    environment = os.environ | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{what} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
