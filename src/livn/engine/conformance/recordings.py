"""What NEURON recorded: the reference data; `reference/README.md` tells how it was made."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from livn import checks

__all__ = ["RECORDINGS", "recording"]

RECORDINGS = ("cells", "network_a")


def recording(name: str) -> Any:
    """A reference recording: `"cells"`, a list of single-cell cases, or `"network_a"`, a mapping.

    Raises:
        ValueError: unknown name.
    """
    checks.choice("recording", name, RECORDINGS)
    return json.loads(files("livn.engine.conformance").joinpath("reference", f"{name}.json").read_text("utf-8"))
