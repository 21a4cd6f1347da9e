"""Work in a process of its own: if it crashes this one lives on, its memory is its own, and its prints are in no one's
way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

__all__ = ["ChildError", "ask", "serve"]

TASKS = {
    "packages": "livn.cli.checkup.packages:check_packages",
    "engine": "livn.cli.checkup.engines:try_engine",
    "selftest": "livn.cli.checkup.selftest:simulate",
    "compile": "livn.cli.measure:prepare",
    "measure": "livn.cli.measure:measure",
}
"""What a child may be asked for: functions that return or yield what JSON can hold."""

_START = "from livn.cli.child import serve; serve()"


class ChildError(RuntimeError):
    """A task failed; the message says why.

    Attributes:
        crashed: whether its process died, rather than the task raising an exception.
    """

    def __init__(self, message: str, crashed: bool) -> None:
        super().__init__(message)
        self.crashed = crashed


def ask(
    task: str,
    note: Callable[[str], object] | None = None,
    timeout: float | None = None,
    **arguments: Any,
) -> Iterator[Any]:
    """Run a task in a new process and yield what it says, as it comes.

    Args:
        task: one of `TASKS`.
        note: told what livn says on standard error meanwhile, such as that it compiles, a line at a time.
        timeout: s; a task that lasts longer is ended.
        **arguments: of the task.

    Raises:
        ChildError: the task raised an exception, or its process died.
    """
    command = [sys.executable, "-P", "-c", _START, task, json.dumps(arguments)]
    pipes: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, encoding="utf-8", errors="replace", **pipes) as process:
        last: deque[str] = deque(maxlen=20)
        listener = threading.Thread(target=_listen, args=(process.stderr, last, note), daemon=True)
        listener.start()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout or 0.0, give_up)
        if timeout is not None:
            timer.start()
        try:
            for line in process.stdout or ():
                answer = json.loads(line)
                if "error" in answer:
                    raise ChildError(answer["error"], crashed=False)
                yield answer["value"]
            code = process.wait()
            listener.join()
            if late.is_set():
                raise ChildError(f"it was still at work after {timeout:g} s, and was ended", crashed=True)
            if code:
                raise ChildError(_how_it_ended(code, last), crashed=True)
        finally:
            timer.cancel()
            process.kill()


def _listen(stream: Any, last: deque[str], note: Callable[[str], object] | None) -> None:
    """Read a child's standard error to its end."""
    for line in stream:
        last.append(line)
        if note is not None and line.startswith("livn: "):
            note(line.rstrip())


def _how_it_ended(code: int, last: deque[str]) -> str:
    """An exit status and a child's last words, in a line."""
    if code < 0:
        try:
            how = f"its process was ended by {signal.Signals(-code).name}"
        except ValueError:
            how = f"its process was ended by signal {-code}"
    else:
        how = f"its process ended with the exit status {code}"
    words = [line.strip() for line in last if line.strip()]
    return f"{how}: {words[-1]}" if words else how


def serve() -> None:
    """In the child: do the task that the command line names, and write what it gives to standard output."""
    task, arguments = sys.argv[1:]
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # what libraries print is no answer
        module, _, function = TASKS[task].partition(":")
        try:
            values = getattr(import_module(module), function)(**json.loads(arguments))
            for value in values:
                _say(out, {"value": value})
        except Exception as e:
            _say(out, {"error": str(e) or type(e).__name__})


def _say(out: Any, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()
