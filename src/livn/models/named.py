"""A model by its dotted name, as files store it; a file must not be able to run anything else."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from livn.errors import DamagedFile

__all__ = ["model_named", "name_of"]


def name_of(model: Any) -> str:
    """The dotted name of a model's class."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def model_named(path: Any, kwargs: Any, where: str) -> Any:
    """A new instance of the model class `path`.

    Models of livn are imported; another must have been imported by the user's own script, since importing runs code
    and files are passed around.

    Args:
        path: `"module.Class"`.
        kwargs: the constructor's arguments.
        where: the file, for messages.

    Raises:
        DamagedFile: no name of a class, or arguments that it does not take.
        ImportError: not livn's and not imported yet, or no model.
    """
    from livn.types import Model

    if not isinstance(path, str) or "." not in path or not isinstance(kwargs, dict):
        raise DamagedFile(f'{where} must name its model as {{"cls": "module.Class", "kwargs": {{...}}}}')
    module, _, name = path.rpartition(".")
    if module.startswith("livn.models."):
        try:
            importlib.import_module(module)
        except ImportError as e:
            raise ImportError(f"{where} needs the model {path!r}, which this version of livn does not have") from e
    if module not in sys.modules:
        raise ImportError(f"{where} needs the model {path!r}: import {module} first, if you trust it")
    cls = getattr(sys.modules[module], name, None)
    if not isinstance(cls, type) or not all(callable(getattr(cls, m, None)) for m in ("cell_type", "apply_defaults")):
        raise ImportError(f"{where} names {path!r} as its model, which is none")
    try:
        model = cls(**kwargs)
    except TypeError as e:
        raise DamagedFile(f"{where}: the arguments of its model {path!r} don't fit: {e}") from e
    if not isinstance(model, Model):
        raise ImportError(f"{where} names {path!r} as its model, which is none")
    return model
