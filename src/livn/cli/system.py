"""`livn system`: what cultures there are, what is in one, and one written to a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from livn.cli.options import SYSTEM, Group, Place, directory_text
from livn.cli.output import echo_json, table

__all__ = ["command"]

FORMATS = (".png", ".pdf", ".svg")
MOST = 300
"""Cells that a map of characters shows."""

WIDTH, HEIGHT = 60, 24
"""Characters of a map, at most; a character is about twice as high as wide."""


@click.group(cls=Group, name="system", no_args_is_help=True)
def command() -> None:
    """List, show and build systems: cells at places, and synapses between them.

    \b
    livn system list
    livn system show EI2
    livn system show EI2 --map map.png
    livn system build EI2 --to cultures/EI2
    """


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def list_(as_json: bool) -> None:
    """List the predefined systems."""
    from livn.system import PREDEFINED

    rows: list[dict[str, Any]] = [
        {"system": name, "cells": dict(recipe.populations), "electrodes": recipe.electrodes**2}
        for name, recipe in PREDEFINED.items()
    ]
    if as_json:
        echo_json(rows)
        return
    cells = [", ".join(f"{n:,} {p}" for p, n in row["cells"].items()) for row in rows]
    lines = [(row["system"], told, f"{row['electrodes']:,}") for row, told in zip(rows, cells, strict=True)]
    click.echo(table(lines, ["system", "cells", "electrodes"], right=[2]))


@command.command()
@click.argument("system", type=SYSTEM)
@click.option("--map", "picture", type=Place(dir_okay=False), metavar="FILE",
              help="Draw the map into a file: .png, .pdf or .svg.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(system: str, picture: Path | None, as_json: bool) -> None:
    """Show what is in a system: cells, projections, electrodes, a map.

    \b
    livn system show EI1
    livn system show my-culture --map map.png
    """
    from livn.system.resolve import resolve

    if picture is not None and picture.suffix not in FORMATS:
        raise click.BadParameter(f"{picture} must end in one of {', '.join(FORMATS)}", param_hint="--map")
    if picture is not None and not picture.absolute().parent.is_dir():
        raise click.BadParameter(f"the directory {picture.parent} does not exist", param_hint="--map")
    culture: Any = resolve(system)
    document = described(culture)
    if picture is not None:
        document["map"] = str(picture)
        _draw(culture, picture)
    if as_json:
        echo_json(document)
        return
    click.echo(f"{document['system']}: {document['num_neurons']:,} cells, {document['synapses']:,} synapses")
    (x0, y0), (x1, y1) = document["area_um"]
    click.echo(f"on {x1 - x0:.0f} x {y1 - y0:.0f} µm, with {plural(document['electrodes'], 'electrode')}\n")
    click.echo(table(document["cells"].items(), ["population", "cells"], right=[1]) + "\n")
    rows = [(*(p[k] for k in ("from", "onto", "section", "receptor")), f"{p['synapses']:,}", f"{p['per_cell']:.1f}")
            for p in document["projections"]]  # fmt: skip
    if rows:
        click.echo(table(rows, ["from", "onto", "section", "receptor", "synapses", "per cell"], right=[4, 5]) + "\n")
    if picture or document["num_neurons"] > MOST:
        click.echo(
            f"Map drawn in {picture}" if picture else "Too many cells for a map of characters: --map FILE draws one."
        )
    else:
        click.echo(character_map(culture))


@command.command()
@click.argument("system", type=SYSTEM)
@click.option("--to", type=Place(file_okay=False), required=True, metavar="DIR", help="The directory.")
@click.option("--force", is_flag=True, help="Replace the system that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print where it is as JSON.")
def build(system: str, to: Path, force: bool, as_json: bool) -> None:
    """Write a system to a directory, to look at or to change.

    \b
    livn system build EI2 --to cultures/EI2
    livn run cultures/EI2 --duration 1s
    """
    from livn.system.resolve import resolve

    culture: Any = resolve(system)
    if to.is_dir() and any(to.iterdir()) and not (to / "graph.json").is_file():
        raise click.BadParameter(f"{to} exists and holds no system: choose another name", param_hint="--to")
    try:
        where = culture.save(to, force)
    except FileExistsError:
        raise click.BadParameter(f"{to} holds another system: --force replaces it", param_hint="--to") from None
    if as_json:
        echo_json({"system": culture.name, "directory": str(where)})
    else:
        click.echo(f"{culture.name} is in {where}; livn run {directory_text(where)} runs it.")


def plural(n: int, noun: str) -> str:
    """A number of things."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def described(culture: Any) -> dict[str, Any]:
    """What is in a system, in plain values."""
    synapses, counts = culture.edges, culture.population_counts
    member = {gid: name for name in counts for gid in culture.population_gids(name).tolist()}
    columns = [synapses["pre"].map(member), synapses["post"].map(member), synapses["section"], synapses["mechanism"]]
    projections = [
        {"from": pre, "onto": post, "section": section, "receptor": receptor, "synapses": int(n),
         "per_cell": float(n / counts[post])}
        for (pre, post, section, receptor), n in synapses.groupby(columns, sort=True).size().items()
    ]  # fmt: skip
    return {
        "system": culture.name,
        "directory": culture.uri,
        "num_neurons": culture.num_neurons,
        "synapses": len(synapses),
        "electrodes": culture.default_io().num_channels,
        "area_um": np.asarray(culture.area).tolist(),
        "cells": counts,
        "projections": projections,
    }


def character_map(culture: Any) -> str:
    """Where cells and electrodes are, in characters."""
    (x0, y0), (x1, y1) = np.asarray(culture.area)
    wide, high = max(x1 - x0, 1e-9), max(y1 - y0, 1e-9)
    columns = int(min(WIDTH, max(1, round(HEIGHT * 2 * wide / high))))
    rows = int(min(HEIGHT, max(1, round(columns / 2 * high / wide))))
    field = [[" "] * columns for _ in range(rows)]

    def mark(places: np.ndarray, sign: str) -> None:
        for x, y in places[:, 1:3]:
            c, r = int((x - x0) / wide * columns), int((y1 - y) / high * rows)
            if 0 <= c <= columns and 0 <= r <= rows:
                field[min(r, rows - 1)][min(c, columns - 1)] = sign

    signs, cells = [], culture.neuron_coordinates
    for i, (name, (start, count)) in enumerate(culture.population_ranges.items()):
        sign = ".o*x"[i % 4]
        mark(cells[start : start + count], sign)
        signs.append(f"{sign} {name}")
    electrodes = getattr(culture.default_io(), "electrode_coordinates", None)
    if electrodes is not None:
        mark(np.asarray(electrodes), "+")
        signs.append("+ electrode")
    edge = "+" + "-" * columns + "+"
    return "\n".join([edge, *("|" + "".join(line) + "|" for line in field), edge, "   ".join(signs)])


def _draw(culture: Any, picture: Path) -> None:
    from livn import plot
    from livn.extras import optional

    figure = optional("matplotlib.figure", "plot").Figure((7.2, 5.2), layout="compressed")  # no window
    plot.culture(culture, figure.subplots())
    figure.savefig(picture, dpi=150)
