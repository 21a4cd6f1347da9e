"""Objects that are their configuration: checked fields, no others, equality and hash by content, a JSON form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import to_jsonable_python

from livn.checks import unknown
from livn.revival import from_document

__all__ = ["Configured", "Count", "NotNegative", "Positive"]

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Configured(BaseModel):
    """Base of policies, encodings and decodings: immutable; two of one class with equal fields are equal.

    What a subclass keeps beside its fields (private attributes) is no part of it. A wrong field raises
    `pydantic.ValidationError`, a `ValueError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)

    if not TYPE_CHECKING:  # editors and type checkers see the fields, by name

        def __init__(self, *values: Any, **fields: Any) -> None:
            """Take the fields, by name or in order: those of the class before those of its bases."""
            names = self._fields_in_order()
            if len(values) > len(names):
                raise TypeError(f"{type(self).__name__} takes at most {len(names)} values, got {len(values)}")
            given = dict(zip(names, values, strict=False))
            twice = given.keys() & fields.keys()
            if twice:
                raise TypeError(f"{type(self).__name__} got two values for {', '.join(sorted(twice))}")
            super().__init__(**given, **fields)

    @classmethod
    def _fields_in_order(cls) -> list[str]:
        ancestors = [c for c in reversed(cls.__mro__) if issubclass(c, Configured)]
        age = {name: i for i, c in reversed(list(enumerate(ancestors))) for name in c.model_fields}  # where it is new
        return sorted(cls.model_fields, key=lambda name: -age[name])

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            for name in values:
                if name not in cls.model_fields:
                    raise unknown("field", name, cls.model_fields, where=cls.__name__)
            return {name: _given(value, name, cls) for name, value in values.items()}
        return values

    def changed(self, **fields: Any) -> Self:
        """A copy with other values for these fields, checked."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | fields)

    def as_json(self) -> str:
        """The class and its fields as JSON text, for `from_json` of the class or of a base of it.

        Raises:
            ValueError: a field holds what JSON cannot, such as a function.
        """
        return json.dumps(_document(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `as_json` wrote.

        Raises:
            ValueError: no JSON, an unknown class, or fields that are not legal.
        """
        return from_document(cls, text, names=False)

    def _content(self) -> Any:
        return [type(self).__module__, type(self).__qualname__] + [
            [name, _plain(getattr(self, name))] for name in sorted(type(self).model_fields)
        ]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in type(self).model_fields)

    def __hash__(self) -> int:
        # of the content, and the same in every process: workers know a configuration by it
        return int.from_bytes(hashlib.sha256(repr(self._content()).encode()).digest()[:7], "big")


def _given(value: Any, name: str, cls: type[Configured]) -> Any:
    """What came for a field, as the field takes it: NumPy's numbers as Python's, a part of it as JSON has it."""
    types = _field_types(cls)[name]
    if isinstance(value, np.ndarray | np.generic) and np.ndarray not in types:
        value = value.tolist()
    numeric = types <= {int, float, type(None)}
    if numeric and any(isinstance(v, bool | np.bool_ | str | bytes) for v in _leaves(value)):
        raise ValueError(f"{name} must be a number or numbers, got {value!r:.200}")  # pydantic would convert it
    return _revived(value)


def _document(value: Any) -> Any:
    """A value as JSON has it, with the class of every configuration in it."""
    if isinstance(value, Configured):
        held = {name: _document(getattr(value, name)) for name in type(value).model_fields}
        return {"cls": type(value).__name__, **held}
    if isinstance(value, list | tuple):
        return [_document(v) for v in value]
    return to_jsonable_python(value)


def _revived(value: Any) -> Any:
    """The configurations in what JSON had."""
    if isinstance(value, dict) and isinstance(value.get("cls"), str):
        return from_document(Configured, json.dumps(value), names=False)
    return [_revived(v) for v in value] if isinstance(value, list) else value


@cache
def _field_types(cls: type[Configured]) -> dict[str, set[Any]]:
    return {name: set(_types(field.annotation)) for name, field in cls.model_fields.items()}


def _types(annotation: Any) -> Iterator[Any]:
    """The classes that an annotation such as `float | tuple[float, ...]` is made of."""
    parts = [a for a in get_args(annotation) if a is not ...]
    if not parts:
        yield annotation
    for part in parts[:1] if hasattr(annotation, "__metadata__") else parts:
        yield from _types(part)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def _plain(value: Any) -> Any:
    """What goes into the hash for a value: equal for equal ones, without addresses."""
    if isinstance(value, Configured):
        return value._content()
    if isinstance(value, np.ndarray):
        bits = np.ascontiguousarray(value + 0.0 if value.dtype.kind == "f" else value)  # -0.0 and 0.0 are equal
        return [value.shape, hashlib.sha256(bits.tobytes()).hexdigest()]
    if isinstance(value, Mapping):
        return sorted(([repr(_plain(k)), _plain(v)] for k, v in value.items()), key=lambda pair: pair[0])
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool | int | float):  # 1 and 1.0 are equal, and so are 0.0 and -0.0
        return float(value) + 0.0
    if value is None or isinstance(value, str | bytes):
        return value
    code = getattr(value, "__code__", None)  # lambdas of one place have one name
    body = [] if code is None else [code.co_code.hex(), [repr(c) for c in code.co_consts if not hasattr(c, "co_code")]]
    return [getattr(value, "__module__", ""), getattr(value, "__qualname__", type(value).__qualname__), *body]
