"""Train two cultures, freeze what they learned, and draw it: `make demo`.

Each culture runs for 200 ms as it is, and learns for a second in which homeostasis scales the weights of each cell back
to a mean of one every 100 ms. Then plasticity is switched off, and it runs on for 500 ms with the weights it has.

The README's picture: `python examples/train.py --figure docs/images/training.png`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # into a file, with or without a display

from livn import make, plot
from livn.experiment import Experiment, train

BASELINE, TRAINING, EVALUATION, SCALED_EVERY = 200.0, 1000.0, 500.0, 100.0  # ms


def experiment(name: str) -> Experiment:
    """The experiment on one culture."""
    with make(name) as env:
        env.record_spikes()
        env.record_weights(dt=1.0)
        return train(env, BASELINE, TRAINING, EVALUATION, normalize_every=SCALED_EVERY)


def conclusion(result: Experiment) -> str:
    """What came of it, in a sentence."""
    told = result.summary()
    rate, spread = told["phases"][1]["rates_hz"]["EXC"], 100.0 * told["weights"]["after"]["sd"]
    return (
        f"{told['system']}: every weight began at 1. A second of learning at {rate:.1f} Hz spread them by\n"
        f"  ±{spread:.1f} % around the mean that scaling holds at 1. The largest deviation from the start was\n"
        f"  {told['peak_deviation']:.4f}; the drift of the frozen weights was {told['drift']:g}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("demo/training.png"), help="where to draw the figure")
    parser.add_argument("cultures", nargs="*", default=["EI1", "EI2"], help="predefined systems, by default EI1 EI2")
    options = parser.parse_args()

    names = " and ".join(options.cultures)
    print(f"{names} are going to fire and learn. All plastic weights start at 1.\n", flush=True)
    make("EI1").run(1.0)  # compiles the kernel where that has not been done, so that the times below are fair
    results = [experiment(name) for name in options.cultures]
    for result in results:
        print(result.report(), end="\n\n")
    for result in results:
        print(conclusion(result))
    print(f"\nWhat the learning rules did in {results[-1].system.name}:\n{results[-1].plasticity}")

    options.figure.parent.mkdir(parents=True, exist_ok=True)
    plot.training(*results).savefig(options.figure, dpi=110)
    print(f"\nThe figure is in {options.figure}. Much the same from the command line: livn train EI2 --out trained")


if __name__ == "__main__":
    main()
