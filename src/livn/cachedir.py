"""Where livn keeps what it can make again: generated systems and compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir"]


def cache_dir(*parts: str) -> Path:
    """The folder for cached files, `LIVN_CACHE_DIR` or the user's cache; not created here."""
    root = os.environ.get("LIVN_CACHE_DIR")
    if root:
        return Path(root).expanduser().joinpath(*parts)
    import platformdirs

    return Path(platformdirs.user_cache_dir("livn", appauthor=False)).joinpath(*parts)
