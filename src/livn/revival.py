"""Objects from the JSON text that they wrote: `{"cls": name, argument: value, ...}`."""

from __future__ import annotations

import inspect
import json
from typing import Any

from livn.checks import choice, unknown

__all__ = ["from_document"]


def from_document(base: type[Any], text: str, names: bool = True) -> Any:
    """An object of `base` or of a class derived from it, from the JSON text that its `as_json` wrote.

    Args:
        base: the class that is expected.
        text: JSON.
        names: whether the arguments' names are to be looked at here, for a class that has no message of its own.

    Raises:
        ValueError: no JSON object, or a class that is not there; and what the class raises for its fields.
    """
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("cls"), str):
        raise ValueError(f'{base.__name__}.from_json wants what as_json wrote, {{"cls": ..., ...}}, got {text!r:.200}')
    classes = {c.__name__: c for c in _family(base) if not c.__name__.startswith("_")}
    made = classes[choice(f"{base.__name__} class", document.pop("cls"), classes)]
    legal = inspect.signature(made).parameters
    for name in document if names else ():
        if name not in legal:
            raise unknown("argument", name, legal, where=made.__name__)
    return made(**document)


def _family(base: type[Any]) -> list[type[Any]]:
    return [base, *(c for derived in base.__subclasses__() for c in _family(derived))]
