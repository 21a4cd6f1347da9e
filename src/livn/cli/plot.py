"""`livn plot`: the figures of a stored experiment."""

from __future__ import annotations

from pathlib import Path

import click

from livn.cli.options import Place
from livn.cli.output import echo_json

__all__ = ["command"]


@click.command(name="plot", no_args_is_help=True)
@click.argument("directory", metavar="DIR", type=Place(exists=True, file_okay=False))
@click.option("--to", type=Place(file_okay=False), metavar="FOLDER", help="Folder for the figures; by default DIR.")
@click.option("--only", multiple=True, metavar="NAME", help="Draw this figure alone; may be repeated.")
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Format of the files.",
)
@click.option("--dpi", type=click.IntRange(30, 1200), default=150, show_default=True, help="Dots per inch of a PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def command(directory: Path, to: Path | None, only: tuple[str, ...], suffix: str, dpi: int, as_json: bool) -> None:
    """Draw the figures of a stored run: raster and rates, potentials, weights, map, electrodes.

    DIR is what livn run --out DIR or livn train --out DIR stored. What was not recorded is not drawn. A figure that is
    there is drawn anew.

    \b
    livn plot trained
    livn plot trained --only activity --only weights --format pdf --to figures
    """
    from livn import load_run, plot
    from livn.checks import choice
    from livn.cli.simulating import wrong
    from livn.experiment.record import FIGURES

    for name in only:
        with wrong("--only", ValueError):
            choice("figure", name, FIGURES)
    figures = plot.overview(load_run(directory), only or None)
    for name in only:
        if name not in figures:
            raise click.BadParameter(f"{name!r} shows what was not recorded in {directory}", param_hint="--only")
    folder = directory if to is None else to
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, figure in figures.items():
        file = folder / f"{name}.{suffix}"
        figure.savefig(file, dpi=dpi)
        drawn[name] = str(file)
        if not as_json:
            click.echo(file)
    if as_json:
        echo_json(drawn)
