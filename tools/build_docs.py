"""Build the site: `python tools/build_docs.py [--out build/site] [--quick]`.

Runs the code of every page, draws every picture that the pages show, and lets Sphinx make HTML of it. Whatever goes
wrong fails: code that raises or warns, a picture that nothing draws, a link that leads nowhere, a warning of Sphinx, or
a page that would load something from elsewhere.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.docsite.offline import check_offline  # noqa: E402
from tools.docsite.pictures import MEASURED, check_shown, draw, draw_examples, pages, shown  # noqa: E402
from tools.docsite.stage import stage  # noqa: E402

DOCS = ROOT / "docs"


def pictures(folder: Path, quick: bool) -> None:
    """Put the pictures of the site into `folder`: fresh ones, or in a quick build those of the repository."""
    drawn = () if quick else (*draw(pages(DOCS), folder), *draw_examples(folder, shown(DOCS)))
    kept = [path for path in sorted((DOCS / "images").iterdir()) if quick or path.name in MEASURED]
    check_shown(DOCS, [*drawn, *(path.name for path in kept)])
    for path in kept:
        (folder / path.name).write_bytes(path.read_bytes())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "site", help="where the HTML goes (default: build/site)"
    )
    parser.add_argument("--quick", action="store_true", help="run no code: the pictures are those in docs/images")
    options = parser.parse_args()
    if options.out.exists() and any(options.out.iterdir()) and not (options.out / "objects.inv").exists():
        sys.exit(f"{options.out} holds something else than the site")
    with tempfile.TemporaryDirectory() as folder:
        images, tree = Path(folder, "images"), Path(folder, "pages")
        images.mkdir()
        tree.mkdir()
        pictures(images, options.quick)
        stage(DOCS, tree, images)
        shutil.rmtree(options.out, ignore_errors=True)
        command = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-E", "-c", str(DOCS)]
        done = subprocess.run([sys.executable, *command, "-d", f"{folder}/doctrees", str(tree), str(options.out)])
    if done.returncode:
        sys.exit(done.returncode)
    check_offline(options.out)
    print(f"The site is in {options.out}: open {options.out / 'index.html'}")


if __name__ == "__main__":
    main()
