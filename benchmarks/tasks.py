"""How far the baselines of each Gymnasium task get: mean returns with 95 % confidence intervals.

python benchmarks/tasks.py [task ...] --seeds 10
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium

import livn.env.gymnasium  # noqa: F401  # registers the tasks
from livn import checks
from livn.env.gymnasium import baselines

__all__ = ["TASKS", "Contestant", "main"]


@dataclass(frozen=True)
class Contestant:
    """What acts, and in what.

    Attributes:
        name: in the table.
        policy: `policy(env, seed)` makes what acts in an episode.
        options: of `gymnasium.make`.
    """

    name: str
    policy: Any
    options: dict[str, Any] = field(default_factory=dict)


TASKS: dict[str, tuple[Contestant, ...]] = {
    "livn/RateControl-v0": (
        Contestant("random", baselines.RandomActions),
        Contestant("scripted", baselines.RateController),
    ),
    "livn/PathwayLearning-v0": (
        Contestant("random", baselines.RandomActions),
        Contestant("scripted", baselines.Pairing),
        Contestant("scripted, weights frozen", baselines.Pairing, {"plasticity": False}),
        Contestant("scripted, source alone", partial(baselines.Pairing, target=0.0)),
        Contestant("scripted, target alone", partial(baselines.Pairing, source=0.0)),
        Contestant("scripted, target first", partial(baselines.Pairing, lag=-20.0)),
    ),
}
"""The contestants of each task."""


def main(arguments: list[str] | None = None) -> None:
    """Print a row per task and contestant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", help=f"of {', '.join(TASKS)}; by default all")
    parser.add_argument("--seeds", type=int, default=10, help="episodes of each, with the seeds 0, 1, ... (default 10)")
    given = parser.parse_args(arguments)
    try:
        tasks = checks.names("task", given.task or TASKS, TASKS)
        checks.integer("--seeds", given.seeds, low=2)
    except (TypeError, ValueError) as e:
        parser.error(str(e))
    print("| task | policy | mean return | 95 % interval | seeds | s per episode |\n|---|---|---|---|---|---|")
    for task in tasks:
        for contestant in TASKS[task]:
            env = gymnasium.make(task, **contestant.options)
            start = time.perf_counter()
            found = baselines.score(baselines.returns(env, contestant.policy, range(given.seeds)))
            seconds = (time.perf_counter() - start) / given.seeds
            env.close()
            print(
                f"| {task} | {contestant.name} | {found.mean:.2f} | {found.low:.2f} to {found.high:.2f} | {found.n} "
                f"| {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
