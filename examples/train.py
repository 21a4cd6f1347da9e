"""Train two cultures, freeze what they learned, and draw it: `make demo`.

Each culture runs ten times 100 ms with plasticity on, and after every 100 ms homeostasis scales the weights of each
cell back to a mean of one. Then plasticity is switched off, and the culture runs on with the weights it has.

The README's picture: `python examples/train.py --figure docs/images/training.png`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from training_figure import draw

from livn import make
from livn.run import Run

EPOCHS, EPOCH_MS, FROZEN_MS = 10, 100.0, 500.0
RECEPTORS = ("AMPA", "NMDA", "GABA_A")


@dataclass(frozen=True)
class Result:
    """What one culture did.

    Attributes:
        name: of the culture.
        populations: name to (first gid, count).
        run: the spikes of the whole experiment.
        receptors: of each plastic synapse.
        before, after: its weight before and after training.
        t: times at which weights were recorded, ms.
        weights: [samples, synapses].
        drift: the largest change of a weight while they were frozen.
        summary: what the learning rules did, as a table.
        seconds: wall time.
        training_ms: model time until the weights were frozen.
    """

    name: str
    populations: dict[str, tuple[int, int]]
    run: Run
    receptors: np.ndarray
    before: np.ndarray
    after: np.ndarray
    t: np.ndarray
    weights: np.ndarray
    drift: float
    summary: str
    seconds: float
    training_ms: float = EPOCHS * EPOCH_MS

    @property
    def model_seconds(self) -> float:
        """What the culture lived through, s."""
        return self.run.duration / 1000.0

    def rate(self, population: str) -> float:
        """Mean rate of a population's cells over the whole experiment, Hz."""
        spikes = self.run.select(population=population, population_ranges=self.populations)
        return len(spikes.spike_times) / self.populations[population][1] / self.model_seconds


def train(name: str) -> Result:
    """The experiment on one culture."""
    env = make(name)
    env.record_spikes()
    env.record_voltage()
    env.record_weights(dt=1.0)
    weights = env.get_weights()
    receptor_of = {mechanism: label for label, mechanism in env.model.neuron_synapse_mechanisms().items()}
    receptors = np.array([receptor_of[mechanism] for _, _, mechanism in weights])
    counts = ", ".join(f"{n} {p}" for p, (_, n) in env.system.population_ranges.items())
    print(f"{name}: {counts}, {len(weights):,} plastic connections.")

    start = time.perf_counter()
    env.enable_plasticity()
    run = Run()
    for _ in range(EPOCHS):
        run = run.concat(env.run(EPOCH_MS).drop_voltage())
        env.normalize_weights()
    print(f"  It learned for {EPOCHS * EPOCH_MS:g} ms of its time, scaled every {EPOCH_MS:g} ms.")
    summary = str(env.plasticity_summary())

    env.disable_plasticity()
    after = env.get_weights().array
    run = run.concat(env.run(FROZEN_MS).drop_voltage())
    drift = float(np.abs(env.get_weights().array - after).max())
    seconds = time.perf_counter() - start
    print(f"  Then it ran for {FROZEN_MS:g} ms with frozen weights.")

    traces, populations = env.w_recs, env.system.population_ranges
    env.close()
    return Result(
        name, populations, run, receptors, weights.array, after, traces.t, traces.array, drift, summary, seconds
    )  # fmt: skip


def table(results: list[Result]) -> str:
    """What was measured, a column per culture."""

    def spread(w: np.ndarray) -> str:
        return f"{w.mean():.3f} ± {w.std():.3f}, {w.min():.3f} to {w.max():.3f}"

    rows = {
        **{f"rate {p}": [f"{r.rate(p):.2f} Hz" for r in results] for p in results[0].populations},
        "weights before": [spread(r.before) for r in results],
        "weights after": [spread(r.after) for r in results],
        **{f"  {label}": [spread(r.after[r.receptors == label]) for r in results] for label in RECEPTORS},
        "largest deviation from 1": [f"{np.abs(r.weights - 1.0).max():.3f}" for r in results],
        "drift while frozen": [f"{r.drift:g}" for r in results],
        "wall time": [f"{r.seconds:.2f} s for {r.model_seconds:g} s" for r in results],
        "wall / model time": [f"{r.seconds / r.model_seconds:.3f}" for r in results],
    }
    lines = [["", *(r.name for r in results)], *([title, *cells] for title, cells in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * (sum(widths) + 2 * len(results)), *text[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("demo/training.png"), help="where to draw the figure")
    parser.add_argument("cultures", nargs="*", default=["EI1", "EI2"], help="predefined systems, by default EI1 EI2")
    options = parser.parse_args()

    print(f"{' and '.join(options.cultures)} are going to fire and learn. All plastic weights start at 1.")
    make("EI1").run(1.0)  # compiles the kernel where that has not been done, so that the times below are fair
    results = [train(name) for name in options.cultures]
    print()
    print(table(results))
    print()
    for r in results:
        frozen = "did not move" if r.drift == 0 else f"moved by {r.drift:g}"
        print(f"{r.name}: every weight began at 1; a second of learning at {r.rate('EXC'):.1f} Hz spread them by")
        print(f"  ±{100 * r.after.std():.1f} % around the mean that scaling holds at 1; frozen weights {frozen}.")
    print()
    print(f"What the learning rules did in {results[-1].name}:")
    print(results[-1].summary)

    options.figure.parent.mkdir(parents=True, exist_ok=True)
    draw(results, options.figure)
    print(f"\nThe figure is in {options.figure}.")


if __name__ == "__main__":
    main()
