"""What nonsense there is, and what must come of it: a clear error, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from livn import Env
from livn.errors import UnknownName
from tests.env.helpers import Twins

Call = Callable[[Env], object]
Case = tuple[str, Call, type[Exception], str]

NAN, INF = float("nan"), float("inf")
OBJECT = object()
NO_NUMBER: dict[str, Any] = {
    "bool": True,
    "numpy bool": np.True_,
    "string": "0.5",
    "bytes": b"1",
    "None": None,
    "list": [1.0],
    "dict": {},
    "complex": 1j,
    "array": np.ones(3),
    "object": OBJECT,
}
NO_FINITE = {"nan": NAN, "inf": INF, "-inf": -INF, "beyond all floats": 10**400}
NO_MAPPING: dict[str, Any] = {
    "None": None, "number": 1.0, "nan": NAN, "bool": True, "string": "abc", "list": [("EXC_EXC", 1.0)], "tuple": (),
    "array": np.ones(3), "object": OBJECT,
}  # fmt: skip
NO_TEXT: dict[str, Any] = {"None": None, "number": 3, "nan": NAN, "bool": True, "bytes": b"x", "object": OBJECT}


def numbers(
    name: str, call: Callable[[Env, Any], object], text: str, *, bad: Iterable[float] = (), none: bool = True
) -> Iterator[Case]:
    """Cases for an argument that is a finite real number; `bad` are those out of its bounds."""
    for kind, value in NO_NUMBER.items():
        if kind != "None" or none:
            yield f"{name} {kind}", lambda env, v=value: call(env, v), TypeError, text
    for kind, value in (NO_FINITE | {f"{x:g}": x for x in bad}).items():
        yield f"{name} {kind}", lambda env, v=value: call(env, v), ValueError, text


def values(
    name: str, call: Callable[[Env, Any], object], kinds: dict[str, Any], error: type[Exception], text: str
) -> Iterator[Case]:
    """One case per kind of value, all with the same error."""
    for kind, value in kinds.items():
        yield f"{name} {kind}", lambda env, v=value: call(env, v), error, text


def refuse(twins: Twins, case: Case, recwarn: pytest.WarningsRecorder) -> None:
    """The call raises as the case says, warns of nothing and leaves no trace."""
    _, call, error, text = case
    with pytest.raises(error, match=text) as caught:
        call(twins.asked)
    assert type(caught.value) in (error, UnknownName)
    assert not recwarn.list
    twins.check()
