"""A run in a file: its arrays are numbered, for any string may be the name of a channel, the metadata has the names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from livn import checks
from livn.errors import DamagedFile
from livn.run import Events, Run, Series
from livn.system.storage import read_arrays, write_arrays

__all__ = ["load", "save"]

KIND = "run"
NUMBERS = "numbers"
"""In place of the names of sections, where these are numbers."""


def save(run: Run, path: str | os.PathLike[str], force: bool = False) -> Path:
    """See `Run.save`."""
    file = checks.path("path", path)
    checks.boolean("force", force)
    if file.is_dir():
        raise IsADirectoryError(f"path must be the name of a file, and {file} is a directory")
    if file.exists() and not force:
        raise FileExistsError(f"{file} exists: pass force=True to replace it, or choose another name")
    arrays: dict[str, np.ndarray] = {}
    channels = [_packed(f"{k}:", name, channel, arrays) for k, (name, channel) in enumerate(run.channels.items())]
    meta = {"t0": run.t0, "duration": run.duration, "channels": channels}
    write_arrays(file, arrays, meta, KIND, compressed=True)
    return file


def load(path: str | os.PathLike[str]) -> Run:
    """See `Run.load`."""
    file = checks.path("path", path)
    arrays, meta = read_arrays(file, KIND)
    for a in arrays.values():
        a.flags.writeable = False  # so that a run takes them as they are
    try:
        channels = {c["name"]: _unpacked(f"{k}:", c, arrays) for k, c in enumerate(meta["channels"])}
        return Run(channels, meta["t0"], meta["duration"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise DamagedFile(f"{file} holds no whole run: {e}") from e


def _packed(prefix: str, name: str, channel: Events | Series, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The metadata of a channel; its arrays are added to the others."""
    arrays[f"{prefix}ids"] = channel.ids
    common = {"name": name, "t0": channel.t0}
    if isinstance(channel, Events):
        arrays[f"{prefix}times"] = channel.times
        return common | {"kind": "events", "duration": channel.duration, "padded": channel.padded}
    arrays[f"{prefix}values"] = channel.values
    sections: Any = None
    if channel.sections is not None:
        sections, codes = NUMBERS, channel.sections
        if codes.dtype.kind == "U":
            found, codes = np.unique(codes, return_inverse=True)
            sections = found.tolist()
        arrays[f"{prefix}sections"] = codes.reshape(-1)
    return common | {"kind": "series", "dt": channel.dt, "sections": sections}


def _unpacked(prefix: str, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> Events | Series:
    """The channel that `_packed` took apart."""
    ids = arrays[f"{prefix}ids"]
    if meta["kind"] == "events":
        return Events(ids, arrays[f"{prefix}times"], meta["t0"], meta["duration"], meta["padded"])
    sections = meta["sections"]
    if sections is not None:
        codes = arrays[f"{prefix}sections"]
        sections = codes if sections == NUMBERS else np.array(sections, dtype=np.str_)[codes]
    return Series(ids, arrays[f"{prefix}values"], meta["dt"], meta["t0"], sections)
