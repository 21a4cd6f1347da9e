"""The types of what people write on the command line: durations and systems."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = [
    "DURATION",
    "SYSTEM",
    "Duration",
    "Group",
    "Place",
    "SystemName",
    "directory_text",
    "duration_ms",
    "duration_text",
]

UNITS = {"ms": 1.0, "s": 1000.0, "min": 60_000.0}
"""ms in each unit of time."""

_SPLIT = re.compile(r"(.*?)\s*([^\W\d_]*)")
"""A number of some sort, and the letters behind it."""


def duration_ms(value: Any, zero: bool = False) -> float:
    """`"250ms"`, `"10s"`, `"2min"` or a number of ms, as ms.

    Raises:
        ValueError: none of these, or not > 0 (with `zero`: >= 0) and finite.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no duration")
    amount, unit = value, "ms"
    if not isinstance(value, int | float):
        parts = _SPLIT.fullmatch(str(value).strip())
        amount, unit = ("", "") if parts is None else parts.groups()
    try:
        number = float(amount)
    except OverflowError:
        number = math.inf
    except ValueError:
        raise ValueError(f"{value!r} is no duration; write for instance 250ms, 10s, 2min, or a number of ms") from None
    if unit and unit not in UNITS:
        raise ValueError(f"{value!r}: unknown unit of time {unit!r}; legal: {', '.join(UNITS)}")
    ms = number * UNITS[unit or "ms"]
    if not (math.isfinite(ms) and (ms > 0 or (zero and ms == 0))):
        raise ValueError(f"{value!r}: a duration must be {'>= 0' if zero else '> 0'} and finite")
    return ms


def duration_text(ms: float) -> str:
    """ms as people write it, in seconds from one second on; `duration_ms` takes it for the same number."""
    texts = [f"{ms / 1000.0:.10g}s"] if ms >= 1000.0 else []
    return next((t for t in [*texts, f"{ms:.10g}ms"] if duration_ms(t, zero=True) == ms), f"{ms!r}ms")


class Duration(click.ParamType):
    """A time: `250ms`, `10s`, `2min`, or a number of ms; a float, ms, > 0 or with `zero` >= 0."""

    name = "duration"

    def __init__(self, zero: bool = False) -> None:
        self.zero = zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration_ms(value, self.zero)
        except ValueError as e:
            self.fail(str(e), param, ctx)


class SystemName(click.ParamType):
    """The name of a predefined system, or a system's directory; a string that `livn.make` takes."""

    name = "system"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from livn.checks import unknown
        from livn.system import PREDEFINED

        text = str(value)
        if text in PREDEFINED:
            return text
        directory = Path(os.path.expanduser(text))
        if _is(directory / "graph.json", Path.is_file):
            return directory_text(directory)
        if text and _is(directory, Path.is_dir):
            self.fail(f"the directory {text!r} holds no system: there is no graph.json", param, ctx)
        if len(directory.parts) > 1:
            names = ", ".join(PREDEFINED)
            self.fail(f"{text!r:.200} is neither a predefined system ({names}) nor a directory", param, ctx)
        return self.fail(str(unknown("system", text, [*PREDEFINED, "or a system's directory"])), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from livn.system import PREDEFINED

        names = [CompletionItem(name) for name in PREDEFINED if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="dir")]


class Group(click.Group):
    """A group that says what it has when asked for a command that it has not."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        legal = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in legal:
            from livn.checks import unknown  # here, since it imports NumPy, and the doctor must do without

            raise click.UsageError(str(unknown("command", args[0], legal)), ctx)
        return super().resolve_command(ctx, args)


class Place(click.Path):
    """A path to write to or to read from; `~` is the user's home."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):  # which pathlib takes for the directory that one is in
            self.fail("a name is needed, got ''", param, ctx)
        return super().convert(os.path.expanduser(value), param, ctx)


def directory_text(directory: Path) -> str:
    """The directory of a system, written so that it is not taken for a predefined one of that name."""
    from livn.system import PREDEFINED

    text = str(directory)
    return os.path.join(os.curdir, text) if text in PREDEFINED else text


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except (OSError, ValueError):  # no path has such a name
        return False


DURATION = Duration()
SYSTEM = SystemName()
