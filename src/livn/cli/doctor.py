"""`livn doctor`: check this installation."""

from __future__ import annotations

import sys
from typing import Any

import click

from livn.cli.output import echo_json, table

__all__ = ["command"]


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check this installation: packages, engines, cache, settings, results.

    Every engine simulates a cell, and the default one two small cultures whose spikes and weights must be those that
    the simulator NEURON, which states the equations a second time, gave for them. It takes ten seconds, and up to a
    minute more if something is to be compiled first.

    \b
    livn doctor
    livn doctor --json > report.json     # the same facts, for a bug report

    The exit code is 1 if something that livn needs does not work. Optional packages may be missing.
    """
    from livn.cli.checkup.report import examine

    status = Status()
    try:
        found = examine(status.say, status.note)
    finally:
        status.clear()
    if as_json:
        echo_json(found)
    else:
        click.echo(text_of(found))
    ctx.exit(0 if found["ok"] else 1)


class Status:
    """A line on a terminal that says what is being done; nothing in a pipe, but notes always."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._text = ""

    def say(self, text: str) -> None:
        """Show a text in place of the last."""
        self._text = text
        if self._shown:
            click.echo(f"\r\x1b[KChecking {text} ...", err=True, nl=False)

    def note(self, line: str) -> None:
        """Leave a line behind."""
        self.clear()
        click.echo(line, err=True)
        self.say(self._text)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def text_of(found: dict[str, Any]) -> str:
    """The report for people."""
    sections = {
        "Versions": _versions(found),
        "Machine": _machine(found),
        "Engines": [(name, _engine(engine)) for name, engine in found["engines"].items()],
        "Extras": [(name, _extra(extra)) for name, extra in found["extras"].items()],
        "Cache": _cache(found["cache"]),
        "Environment": list(found["environment"].items()) or [("", "no variable that concerns livn is set")],
        "Self-test, with noise and learning": _selftest(found["selftest"]),
    }
    width = max(len(str(row[0])) for rows in sections.values() for row in rows)
    blocks = [f"{title}\n" + _rows(rows, width) for title, rows in sections.items()]
    return "\n\n".join([*blocks, _verdict(found)])


def _rows(rows: list[tuple[str, str]], width: int) -> str:
    """Rows with a name each, indented, their second column in line with that of all sections."""
    lines = table([(name.ljust(width), value) for name, value in rows]).splitlines()
    return "\n".join(f"  {line}" for line in lines)


def _versions(found: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("livn", f"{found['livn']['version']}  ({found['livn']['directory']})"),
        ("Python", f"{found['python']['version']}  ({found['python']['executable']})"),
    ]
    there = [f"{name} {p['version']}" for name, p in found["packages"].items() if p["state"] == "there"]
    for first in range(0, len(there), 4):
        rows.append(("packages" if first == 0 else "", ", ".join(there[first : first + 4])))
    rows += [(name, _package(name, p)) for name, p in found["packages"].items() if p["state"] != "there"]
    return rows


def _package(name: str, package: dict[str, Any]) -> str:
    version = f" {package['version']}" if package["version"] else ""
    return (
        name
        + {"there": version, "missing": " is not installed", "broken": f"{version} cannot be imported"}[
            package["state"]
        ]
    )


def _machine(found: dict[str, Any]) -> list[tuple[str, str]]:
    machine, threads = found["machine"], found["threads"]
    rows = [("system", f"{machine['system']}, {machine['architecture']}"), ("processor", machine["cpu"])]
    if machine["vectors"]:
        name, bits = machine["vectors"]["name"], machine["vectors"]["bits"]
        at_once = f"{bits // 64} numbers at once, {bits // 32} in single precision"
        rows.append(("vectors", f"{name}: {bits} bits, {at_once}"))
    cores = f"{machine['usable_cores']}"
    if machine["usable_cores"] != machine["cores"]:
        cores += f" of {machine['cores']}, those that this process may use"
    chosen = threads["LIVN_THREADS"]
    use = f"{chosen}, as LIVN_THREADS says" if chosen else f"up to {threads['most']}, by the size of the culture"
    rows += [("cores", cores), ("threads", use)]
    return rows


def _engine(engine: dict[str, Any]) -> str:
    if not engine["usable"]:
        return f"no: {engine['problem']}"
    start = f"{'compiled now' if engine['compiled'] else 'built'} in {engine['build_s']:.1f} s"
    return f"works: a cell, {start}, fired {engine['spikes']} times"


def _extra(extra: dict[str, Any]) -> str:
    if extra["state"] == "missing":
        return f"not installed: {extra['install']}"
    parts = ", ".join(_package(name, package) for name, package in extra["packages"].items())
    return f"{parts}: {extra['install']}" if extra["state"] == "incomplete" else parts


def _cache(cache: dict[str, Any]) -> list[tuple[str, str]]:
    by = "LIVN_CACHE_DIR" if cache["chosen"] else "the default; LIVN_CACHE_DIR names another"
    sizes = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in cache["bytes"].items())
    return [
        ("directory", f"{cache['directory']}  ({by})"),
        ("writable", "yes" if cache["writable"] else "no"),
        ("size", f"{sum(cache['bytes'].values()) / 1e6:.1f} MB" + (f": {sizes}" if sizes else "")),
    ]


def _selftest(selftest: dict[str, Any] | None) -> list[tuple[str, str]]:
    if selftest is None:
        return [("", "not done, as the cpu engine does not work")]
    rows = []
    for name, culture in selftest["cultures"].items():
        threads = "1 thread" if culture["threads"] == 1 else f"{culture['threads']} threads"
        what = f"{culture['duration'] / 1000.0:g} s on {threads}"
        if culture["problem"] is None:
            result = f"{culture['spikes']} spikes to the step, {culture['weights']} weights to 1e-9, as in NEURON"
        else:
            result = f"{'FAILED' if culture['seconds'] is None else 'WRONG'}: {culture['problem']}"
        rows.append((name, f"{what}: {result}"))
    return rows


def _verdict(found: dict[str, Any]) -> str:
    lines = []
    for kind in ("problems", "warnings"):
        for finding in found[kind]:
            lines.append(f"{kind.capitalize()[:-1]}: {finding['what']}")
            lines += [f"  {finding['why']}"] if finding["why"] else []
            lines += [f"  To do: {finding['todo']}"] if finding["todo"] else []
    if found["ok"]:
        lines.append("Everything that livn needs works.")
    return "\n".join(lines)
