"""Optional packages, imported where they are used; where one is missing the error tells how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["gymnasium", "optional"]


def optional(module: str, extra: str) -> Any:
    """A module of an optional package.

    Args:
        module: its dotted name.
        extra: the extra of livn that installs it.

    Raises:
        ImportError: it is not installed; the message has the command.
    """
    try:
        return import_module(module)
    except ImportError as e:
        package = module.partition(".")[0]
        if e.name is not None and e.name.partition(".")[0] != package:
            raise  # it is there, and lacks something itself
        raise ImportError(f'{package} is not installed: pip install "pylivn[{extra}]"', name=package) from e


def gymnasium() -> Any:
    """The package Gymnasium."""
    return optional("gymnasium", "gym")
