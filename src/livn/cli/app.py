"""The group of commands: loaded when asked for, and errors told in a line with the exit code they deserve."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

import click

from livn import __version__
from livn.cli.options import Group

__all__ = ["app", "main"]

COMMANDS = {
    "run": "Simulate a culture, print a summary, store what was recorded.",
    "train": "Let a culture learn: baseline, training, evaluation with frozen weights.",
    "plot": "Draw the figures of a stored run.",
    "system": "List, show and build systems.",
    "doctor": "Check this installation.",
    "bench": "Measure the speed of this machine.",
}
FAILURES = (ValueError, TypeError, LookupError, OSError, RuntimeError, MemoryError, ImportError, ArithmeticError)
"""What a wrong wish or an unlucky machine raises; all else is a bug and shows its traceback."""


class Commands(Group):
    """Commands whose modules are imported when they are used: `livn --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"livn.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livn", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def app(debug: bool) -> None:
    """Plastic neuronal cultures on a multi-electrode array.

    \b
    livn train EI1 --out trained     # baseline, learning, frozen weights; a table and a figure
    livn run EI2 --duration 10s      # simulate for 10 s of the culture's time
    livn COMMAND --help              # the options of a command, with examples
    """


def main(args: list[str] | None = None) -> NoReturn:
    """Run `livn` on the command line's arguments, or on these; ends the process.

    Exit codes: 0, 1 (a failure), 2 (a wrong command line or configuration), 130 (interrupted).
    """
    arguments = sys.argv[1:] if args is None else args
    try:
        code = app.main(arguments, prog_name="livn", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as e:
        e.show()
        code = e.exit_code
    except BrokenPipeError:  # whoever read our output has gone: `livn bench | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        code = 128 + signal.SIGINT
    except FAILURES as e:
        if "--debug" in arguments:
            raise
        click.echo(f"Error: {e or type(e).__name__}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
