"""The reference of the command line, made of the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

__all__ = ["MARK", "reference"]

MARK = "<!-- commands -->"
"""Where the page of the command line gets its reference."""


def reference(app: click.Command, name: str = "livn") -> str:
    """Markdown: a section for each command below `app`, with its usage, its help and its options."""
    parts = [_section(app, click.Context(app, info_name=name), "The program")]
    parts += [_section(command, context, context.command_path) for command, context in _below(app, name)]
    return "\n\n".join(parts)


def _below(
    group: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """(command, its context) of every command below a group, parents first."""
    context = click.Context(group, info_name=name, parent=parent)
    if not isinstance(group, click.Group):
        return
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        if command is not None and not command.hidden:
            yield command, click.Context(command, info_name=child, parent=context)
            yield from _below(command, child, context)


def _section(command: click.Command, context: click.Context, title: str) -> str:
    depth = "###" if context.parent is not None and context.parent.parent is not None else "##"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{depth} {title}", f"```text\n{usage}\n```", *_told(command.help or "")]
    taken = [p for p in command.get_params(context) if isinstance(p, click.Option) and "--help" not in p.opts]
    options = [record for record in (p.get_help_record(context) for p in taken) if record]
    if options:
        rows = [f"| {' '.join(f'`{name}`' for name in _forms(names))} | {_escaped(text)} |" for names, text in options]
        parts.append("\n".join(["| option | |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _told(text: str) -> Iterator[str]:
    """The paragraphs of a help text; those that click leaves as they are hold examples."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        first, _, rest = paragraph.partition("\n")
        if first.strip() == "\b":
            lines = [f"$ {line}" if line.startswith("livn ") else line for line in rest.split("\n")]
            tag = "console" if any(line.startswith("$ ") for line in lines) else "text"
            yield f"```{tag}\n" + "\n".join(lines) + "\n```"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _forms(names: str) -> list[str]:
    """The forms of an option as click lists them: `-q, --quiet`, `--lfp / --no-lfp`."""
    return [form.replace("|", "\\|") for form in re.split(r"(?:, | / )(?=-)", names)]


def _escaped(text: str) -> str:
    """Text of which Markdown makes nothing else."""
    return re.sub(r"([\\`*_<>\[\]|#])", r"\\\1", " ".join(text.split()))
