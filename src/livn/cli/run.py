"""`livn run`: simulate a culture."""

from __future__ import annotations

from typing import Any

import click

from livn.cli.config import RunConfig, flag_of
from livn.cli.simulating import repeatable, simulated, simulation

__all__ = ["command"]


@click.command(name="run", no_args_is_help=True)
@simulation(RunConfig)
@click.pass_context
def command(ctx: click.Context, **given: Any) -> None:
    """Simulate a culture, print a summary, store what was recorded.

    SYSTEM is EI1, EI2, EI3, EI4 or a system's directory. Durations are of the culture's time, with units (ms, s, min);
    a bare number is in ms.

    \b
    livn run EI2 --duration 10s
    livn run EI2 --duration 10s --plasticity --normalize-every 100ms --out learned
    livn run EI2 --duration 1min --set noise-g_e0=0.002 --rule EXC.A_ltp=2 --json
    livn run EI2 --dump-config > run.toml; livn run --config run.toml
    """
    ctx.exit(simulated(RunConfig, _course, **given))


def _course(env: Any, options: RunConfig) -> Any:
    from livn.experiment.course import Course, Stage

    for name in ("rules", "normalize_every"):
        if getattr(options, name) and not options.plasticity:
            raise click.BadParameter("nothing learns: add --plasticity, or drop this", param_hint=flag_of(name))
    stages = [Stage("run", options.duration, options.plasticity, options.normalize_every or None)]
    return Course(env, stages, options.rules, config=repeatable(env, options), keep_currents=False)
