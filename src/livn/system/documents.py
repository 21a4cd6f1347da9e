"""The JSON documents that accompany a system: electrodes, model, stored selections and parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livn import checks
from livn.errors import DamagedFile
from livn.models.named import model_named
from livn.system.storage import read_json

__all__ = ["DEFAULT_MODEL", "Documents"]

DEFAULT_MODEL = "livn.models.rcsd.ReducedCalciumSomaDendrite"

SINGLE = ("mea.json", "model.json", "provenance.json")
FOLDERS = ("selection", "params")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")


class Documents:
    """Documents by path, such as `"mea.json"`, read from a directory whenever asked for, or kept in memory.

    Args:
        owner: name of the system, for messages.
        directory: where they lie; `None` if in memory.
        stored: the documents in memory, by path.
    """

    def __init__(self, owner: str, directory: Path | None, stored: Mapping[str, dict[str, Any]] | None = None) -> None:
        self._owner, self._directory, self._stored = owner, directory, dict(stored or {})

    def get(self, path: str) -> dict[str, Any] | None:
        """The document at `path`, `None` if there is none."""
        if self._directory is None:
            return self._stored.get(path)
        try:
            return read_json(self._directory / path)
        except FileNotFoundError:
            return None

    def paths(self) -> list[str]:
        """Where there is a document, sorted."""
        if self._directory is None:
            return sorted(self._stored)
        found = [path for path in SINGLE if (self._directory / path).is_file()]
        for folder in FOLDERS:
            files = (self._directory / folder).glob("*.json")
            found += [f"{folder}/{f.name}" for f in files if PLAIN_NAME.fullmatch(f.stem)]
        return sorted(found)

    def everything(self) -> dict[str, dict[str, Any]]:
        """All documents by path."""
        found = {path: self.get(path) for path in self.paths()}
        return {path: document for path, document in found.items() if document is not None}

    def selections(self) -> list[str]:
        """Names of the stored selections, sorted."""
        return sorted(Path(p).stem for p in self.paths() if p.startswith("selection/"))

    def selection(self, name: str) -> dict[str, list[int]]:
        """Gids by population of a stored selection; `ValueError` if there is none of this name."""
        document = self.get(f"selection/{_plain(name)}.json")
        if document is None:
            raise checks.unknown("selection", name, self.selections())
        gids = document.get("gids")
        if not isinstance(gids, dict) or not all(isinstance(g, list) for g in gids.values()):
            raise DamagedFile(f'selection/{name}.json of {self._owner!r} must be {{"gids": {{population: [...]}}}}')
        return gids

    def params(self, selection: str | None) -> dict[str, Any] | None:
        """Parameters of a selection (`None`: `"default"`), or `None` if there are none."""
        return self.get(f"params/{_plain('default' if selection is None else selection)}.json")

    def model(self) -> Any:
        """A new instance of the class that `model.json` names, by default of `DEFAULT_MODEL`."""
        document = self.get("model.json") or {"cls": DEFAULT_MODEL}
        return model_named(document.get("cls"), document.get("kwargs", {}), f"model.json of {self._owner!r}")


def _plain(name: str) -> str:
    """A name that cannot lead out of the directory."""
    if not isinstance(name, str):
        raise TypeError(f"selection must be the name of a stored one, got {name!r:.200}")
    if not PLAIN_NAME.fullmatch(name):
        raise ValueError(f"selection must be a plain name (letters, digits, '_', '-', '.', ' '), got {name!r}")
    return name
