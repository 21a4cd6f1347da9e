"""Run the pages of docs/ and put the pictures that their code draws into docs/images: `python tools/draw_docs.py`.

A page's block that calls `fig.savefig("name.png")` draws what the page shows as `images/name.png`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
matplotlib.use("Agg")

from tests.docs.test_snippets import blocks, run  # noqa: E402


def main() -> None:
    """The command line: names of pages, or none for all that show pictures of their own."""
    for page in [ROOT / "docs" / name for name in sys.argv[1:]] or sorted((ROOT / "docs").glob("*.md")):
        parts = [(first, code) for tag, first, code in blocks(page.read_text(encoding="utf-8")) if tag == "python"]
        if not any("savefig(" in code for _, code in parts):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            namespace: dict[str, object] = {"np": np, "__name__": page.stem}
            for first, code in parts:
                run(code, page, first, namespace)
            for picture in sorted(Path(folder).glob("*.png")):
                shutil.copy(picture, ROOT / "docs" / "images")
                print(f"{page.name}: docs/images/{picture.name}")
            os.chdir(ROOT)


if __name__ == "__main__":
    main()
