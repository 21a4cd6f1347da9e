"""What a check is: a function of an engine's name that raises `Failed` with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Check", "Failed", "NotApplicable", "check"]


class Failed(Exception):
    """What a check holds the engine to is not so; the message says what was expected, what came and where."""


class NotApplicable(Exception):
    """The check has nothing to say about this engine; the message says why."""


@dataclass(frozen=True)
class Check:
    """One thing that every engine must get right.

    Attributes:
        name: of the function.
        holds: the function's docstring, one line.
        needs: capabilities without which the check does not apply.
        run: takes the engine's name; raises `Failed` or `NotApplicable`.
    """

    name: str
    holds: str
    needs: tuple[str, ...]
    run: Callable[[str], None]


def check(*needs: str) -> Callable[[Callable[[str], None]], Check]:
    """Make a function a check; its name and docstring say what it holds.

    Args:
        *needs: capabilities without which it does not apply.
    """
    return lambda run: Check(run.__name__, (run.__doc__ or "").strip().removesuffix("."), needs, run)
