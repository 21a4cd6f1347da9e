"""This package against its peers: `python benchmarks/performance.py`, or with `--only speed`, or `--quick` as a trial.

Every contestant runs in an environment of its own, on the same networks, turn and turn about, one thread each, one at
a time. The tables go to docs/performance.md, between its marks, and the picture to docs/images. Leave the machine alone
meanwhile.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from bench import machine, warn_if_busy
from contestants import CONTESTANTS
from environments import CACHE, ROOT
from parts import PARTS
from report import block, draw, insert

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.png"
RESULTS = CACHE / "results.json"


def main() -> None:
    """The command line."""
    options = arguments()
    warn_if_busy()
    data = start(RESULTS, options.quick)
    began = time.perf_counter()
    for part in options.only:
        print(f"{part} ({time.perf_counter() - began:.0f} s so far)", flush=True)
        data[part] = PARTS[part](options.quick, options.contestants)
        if not options.quick:
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            RESULTS.write_text(json.dumps(data), encoding="utf-8")
    text = block(data)
    print(f"\n{text}\n")
    if options.quick:
        return
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if "speed" in data:
        draw(data["speed"], PICTURE)
    print(f"written: {PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    only = "parts to measure; others are taken from the last time, and with none named the page is written from there"
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS), help=only)
    peers = [key for key, contestant in CONTESTANTS.items() if contestant.is_peer]
    parser.add_argument("--peers", nargs="*", choices=peers, default=peers, help="whom to compare with")
    parser.add_argument("--quick", action="store_true", help="a trial of everything: short, and nothing is written")
    options = parser.parse_args()
    options.contestants = [key for key in CONTESTANTS if key not in peers or key in options.peers]
    return options


def start(results: Path, quick: bool) -> dict[str, Any]:
    """What was measured before on this machine, for the parts that are not measured again."""
    here = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    if quick or not results.is_file():
        return here
    known = json.loads(results.read_text(encoding="utf-8"))
    return known | here if known.get("machine") == here["machine"] else here


if __name__ == "__main__":
    main()
