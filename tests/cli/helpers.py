"""`livn` as people and scripts start it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from livn.cli import main

__all__ = ["Livn", "Result", "contents", "ended", "environment", "on_terminal", "started"]


@dataclass(frozen=True)
class Result:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


class Livn:
    """`livn("run", "EI1")` in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, *arguments: object) -> Result:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = self.capfd.readouterr()
        assert "Traceback" not in err
        code = stopped.value.code
        assert isinstance(code, int)
        return Result(code, out, err)


def started(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """`livn` in a process of its own, its output in pipes."""
    command = [sys.executable, "-m", "livn", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


def on_terminal(*arguments: object) -> Any:
    """`livn` on a pseudo-terminal."""
    import pexpect

    command = ["-m", "livn", *map(str, arguments)]
    return pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=120, dimensions=(24, 120))


def ended(child: Any) -> int:
    """The exit code of what runs on a pseudo-terminal; `child.before` is what it said in the end."""
    import pexpect

    child.expect(pexpect.EOF)
    child.close()
    return int(child.exitstatus)


def environment(**changes: str) -> dict[str, str]:
    """This process' environment with changes."""
    return {**os.environ, **changes}


def contents(folder: Path) -> list[str]:
    """Names in a folder, hidden ones too, sorted."""
    return sorted(p.name for p in folder.iterdir())
