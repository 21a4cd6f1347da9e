"""Run the pages of docs/ and put the pictures that their code draws into docs/images: `python tools/draw_docs.py`.

A page's block that calls `fig.savefig("name.png")` draws what the page shows as `images/name.png`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.docsite.pictures import draw, draw_examples, pages, shown  # noqa: E402
from tools.docsite.snippets import python_blocks  # noqa: E402

DOCS = ROOT / "docs"
DRAWS = re.compile(r"\b(savefig|imsave)\(")


def main() -> None:
    """The command line: pages, such as `gallery.md` or `how-to/mpi.md`; or none for all that draw, and the examples."""
    named = [DOCS / name for name in sys.argv[1:]]
    drawing = [page for page in pages(DOCS) if any(DRAWS.search(code) for _, code in python_blocks(page))]
    draw(named or drawing, DOCS / "images")
    if not named:
        draw_examples(DOCS / "images", shown(DOCS))


if __name__ == "__main__":
    main()
