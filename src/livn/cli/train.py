"""`livn train`: the three-phase plasticity experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from livn.cli.config import TrainConfig
from livn.cli.simulating import repeatable, simulated, simulation
from livn.extras import optional

__all__ = ["command"]


@click.command(name="train", no_args_is_help=True)
@simulation(TrainConfig)
@click.pass_context
def command(ctx: click.Context, **given: Any) -> None:
    """Let a culture learn: a baseline, training with homeostasis, evaluation with frozen weights.

    SYSTEM is EI1, EI2, EI3, EI4 or a system's directory. Durations are of the culture's time, with units (ms, s, min);
    a bare number is in ms.

    Prints rates, weights, their peak deviation from the start and their drift while frozen (0). With --out the record
    and the figure training.png are stored in DIR.

    \b
    livn train EI1
    livn train EI2 --training 5s --normalize-every 100ms --out trained
    livn train EI2 --rule EXC.A_ltp=2 --rule EXC.theta_ltp=-40 --out selective
    """
    ctx.exit(simulated(TrainConfig, _course, _draw, **given))


def _course(env: Any, options: TrainConfig) -> Any:
    from livn.experiment.protocols import training_course

    durations = options.baseline, options.training, options.evaluation
    return training_course(
        env,
        *durations,
        normalize_every=options.normalize_every or None,
        rules=options.rules,
        config=repeatable(env, options),
        keep_currents=False,
    )


def _draw(experiment: Any, directory: Path) -> None:
    try:
        from livn import plot

        figure = optional("matplotlib.figure", "plot").Figure((6.8, 10.0), layout="constrained")  # no window
        plot.training(experiment, figure=figure).savefig(directory / "training.png", dpi=150)
    except ImportError as e:  # the record is there all the same
        click.echo(f"No figure: {e}", err=True)
