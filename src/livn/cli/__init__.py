"""The command `livn`. It imports what a command needs when that command runs."""

from livn.cli.app import main

__all__ = ["main"]
