"""`livn bench`: measure the speed of this machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from livn.cli.child import ask
from livn.cli.options import DURATION, SYSTEM
from livn.cli.output import echo_json, table

__all__ = ["benchmark", "command"]

DEFAULT = ("EI1", "EI2", "EI3")

BUSY = 0.5
"""Load average from which on the machine counts as busy."""

HOW = """\
real-time factor         wall time of a run / model time: below 1 is faster than life
ns per compartment-step  wall time / (compartments x steps): cells, noise, synapses and learning together
ns per synaptic event    what the culture takes longer than the same cells with a tenth of its synapses, over the
                         events that it has more. Both fire alike, some 100 Hz: static weights are 0, noise is strong
memory                   peak of a process that simulates the culture, and what of it came with the culture"""


@click.command(name="bench")
@click.argument("systems", nargs=-1, type=SYSTEM, metavar="[SYSTEM]...")
@click.option("--duration", type=DURATION, help="Model time of a run, with a unit (ms, s); default: what takes 0.4 s.")
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=5, metavar="N", show_default=True, help="Runs of each kind."
)
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Default: by the size of the culture.")
@click.option("--engine", metavar="NAME", help="cpu or neuron; by default LIVN_BACKEND, else cpu.")
@click.option(
    "--precision",
    type=click.Choice(["double", "single"]),
    default="double",
    show_default=True,
    help="Single is faster, and gives other spikes.",
)
@click.option("--plasticity/--no-plasticity", default=True, show_default=True, help="Whether synapses learn.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def command(systems: tuple[str, ...], duration: float | None, as_json: bool, **options: Any) -> None:
    """Measure the speed of this machine.

    A SYSTEM is EI1, EI2, EI3, EI4 or a system's directory; by default EI1, EI2 and EI3 are measured.

    \b
    livn bench
    livn bench EI4 --threads 1
    livn bench EI2 EI3 --duration 2s --repeat 11 --precision single
    livn bench EI3 --json > today.json

    The table shows medians over the runs, below each the range. Each system has a process of its own, one after the
    other; building and compiling are not timed. Leave the machine alone meanwhile.

    The real-time factor is wall time over model time: 0.1 means that a culture lives ten times as fast as a real one.
    Two figures tell of what it is made of; both are wall time, so that more threads make them smaller.

    \b
    ns per compartment-step: the wall time of a run over compartments (EXC
        cells have two, INH cells one) and steps of 0.025 ms. All costs are
        in it, those of events at the culture's own rates too.
    ns per synaptic event: what a spike costs at a synapse that it arrives
        at, learning included. The culture takes turns with itself with a
        tenth of its synapses, at the same spikes: static weights are 0,
        and strong noise makes the cells fire at some 100 Hz. The difference
        of their wall times over that of their events is the figure; a dash
        says that events are too few to be told from chance, as in EI1.

    The exit code is 0, 1 if a system cannot be simulated, 2 for a wrong command line.
    """
    _check(duration, options["engine"])
    found = _with_progress(systems or DEFAULT, duration=duration, **options)
    if as_json:
        echo_json(found)
    else:
        click.echo(text_of(found))


def _check(duration: float | None, engine: str | None) -> None:
    """Refuse a duration that is no whole number of steps, and an unknown engine."""
    from livn import checks
    from livn.engine.registry import engine_names
    from livn.env.culture import DEFAULT_DT

    wrong = "'--duration'"
    try:
        if duration is not None:
            checks.steps("the duration", duration, DEFAULT_DT)
        wrong = "'--engine'"
        if engine is not None:
            checks.choice("engine", engine, engine_names())
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint=wrong) from None


def _with_progress(systems: Sequence[str], **options: Any) -> dict[str, Any]:
    """`benchmark`, with a bar on a terminal."""
    from tqdm import tqdm

    layout = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}"
    with tqdm(total=len(systems), leave=False, disable=None, file=sys.stderr, bar_format=layout) as bar:

        def say(done: float, doing: str) -> None:
            bar.n = done
            bar.set_description_str(doing)

        return benchmark(systems, say, lambda line: tqdm.write(line, file=sys.stderr), **options)


def benchmark(
    systems: Sequence[str],
    say: Callable[[float, str], object] = lambda done, doing: None,
    note: Callable[[str], object] | None = None,
    *,
    engine: str | None = None,
    precision: str = "double",
    plasticity: bool = True,
    threads: int | None = None,
    duration: float | None = None,
    repeat: int = 5,
) -> dict[str, Any]:
    """Measure systems, one after the other, each in a process of its own.

    Args:
        systems: names or directories.
        say: told how many systems are done and what is being done.
        note: told what is worth a line meanwhile, such as that a kernel is compiled.
        engine, precision, threads: of `make`.
        plasticity: whether the cultures learn.
        duration: model time of a run, ms; None: what lasts about 0.4 s.
        repeat: runs of each kind.

    Returns:
        What JSON can hold: `machine`, `versions`, `load`, the options, and the figures of each of the `systems`.

    Raises:
        ChildError: a system that cannot be simulated so; says why.
    """
    from livn.cli.checkup.places import machine
    from livn.env.culture import DEFAULT_DT

    load = os.getloadavg()[0] if sys.platform != "win32" else None
    say(0.0, "preparing")
    (here,) = ask("compile", note, systems=list(systems), engine=engine, precision=precision)
    results = []
    for i, system in enumerate(systems):
        options = {"engine": here["engine"], "precision": precision, "plasticity": plasticity, "threads": threads}
        for answer in ask("measure", note, system=system, duration=duration, repeat=repeat, **options):
            if "result" in answer:
                results.append(answer["result"])
            else:
                say(i + answer["done"], answer["doing"])
    return {
        "machine": machine() | {"vectors": here["vectors"], "load": load},
        "versions": _versions(here["engine"]),
        "engine": here["engine"],
        "precision": precision,
        "plasticity": plasticity,
        "dt_ms": DEFAULT_DT,
        "repeat": repeat,
        "systems": results,
    }


def _versions(engine: str) -> dict[str, str]:
    from importlib.metadata import version

    import livn

    solver = "neuron" if engine == "neuron" else "numba"
    return {"livn": livn.__version__, "python": platform.python_version()} | {n: version(n) for n in (solver, "numpy")}


def text_of(found: dict[str, Any]) -> str:
    """The figures as a table, and what they mean."""
    machine, repeat = found["machine"], found["repeat"]
    vectors = f", {machine['vectors']['name']}" if machine["vectors"] else ""
    cores = f"{machine['usable_cores']} core{'s' * (machine['usable_cores'] > 1)}"
    learning = "plasticity on" if found["plasticity"] else "plasticity off"
    kind = f"{found['engine']} engine, {found['precision']} precision, {learning}, steps of {found['dt_ms']:g} ms"
    lines = [
        f"{machine['cpu']}{vectors}, {cores}, {machine['system']}",
        ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        kind + (f"; medians of {repeat} runs" if repeat > 1 else "; a single run of each kind"),
    ]
    if machine["load"] is not None and machine["load"] > BUSY:
        lines.append(f"The machine was busy before (load {machine['load']:.1f}): it may be faster than this.")
    columns = [_column(result, repeat > 1) for result in found["systems"]]
    rows = [[rows[0][0], *(value for _, value in rows)] for rows in zip(*columns, strict=True)]
    head = ["", *(result["system"] for result in found["systems"])]
    return "\n".join([*lines, "", table(rows, head, right=range(1, len(head))), "", HOW])


def _column(result: dict[str, Any], ranges: bool) -> list[tuple[str, str]]:
    """(name, text) of a system's figures."""
    event, memory = result["ns_per_event"], result["memory"]
    per_synapse = "-" if memory["per_synapse"] is None else f"{memory['per_synapse']:.0f}"
    return [
        ("cells", f"{result['cells']:,}"),
        ("compartments", f"{result['compartments']:,}"),
        ("synapses", f"{result['synapses']:,}"),
        ("threads", f"{result['threads']}"),
        ("model time of a run [ms]", f"{result['duration_ms']:,g}"),
        ("mean rate [Hz]", f"{result['rate_hz']:.1f}"),
        *_figure("real-time factor", result["real_time_factor"], ranges),
        *_figure("ns per compartment-step", result["ns_per_compartment_step"], ranges),
        *_figure("ns per synaptic event", event if event and event["told"] else None, ranges),
        ("memory of the process [MiB]", _mebibytes(memory["peak"])),
        ("  of the culture [MiB]", _mebibytes(memory["culture"])),
        ("  per synapse [B]", per_synapse),
    ]


def _figure(name: str, values: dict[str, Any] | None, ranges: bool) -> list[tuple[str, str]]:
    """A figure and its range; a dash where it could not be told."""
    rows = [(name, "-" if values is None else f"{values['median']:.3g}")]
    if ranges:
        rows.append(("  range", "" if values is None else f"{values['low']:.3g} to {values['high']:.3g}"))
    return rows


def _mebibytes(size: int | None) -> str:
    return "-" if size is None else "< 1" if size < 2**20 else f"{size / 2**20:,.0f}"
