"""Find, check and write the values that the predefined cultures come with: `src/livn/models/rcsd_defaults.json`.

    python tools/tune_defaults.py search            # find the values and write them (some four minutes)
    python tools/tune_defaults.py check EI1 EI2     # measure what is shipped: a table, exit code 1 if out of band

Wanted is the activity of a living culture at rest: both populations between 0.5 and 5 Hz, a median coefficient of
variation of the interspike intervals (ISI CV) of at least 0.5, at least 90 % of the cells active within 30 s, no cell
held near a reversal potential; and a network that matters, without bursts of everyone. The same must hold while the
culture learns. The search has two steps of one dimension each, on fixed seeds, so that it can be repeated and read:

1. Noise, on unconnected cells. The inhibitory conductance is 0.004 +- 0.002 uS: with the excitatory one 3 times the
   input conductance of a resting EXC cell (0.0015 uS) and 1.6 times that of an INH cell (0.0028 uS), a state of high
   conductance after Destexhe et al. 2001, in which fluctuations and not a steady drive make the spikes. It pays twice.
   Firing is irregular: the slow afterhyperpolarisation of these cells makes them regular (CV 0.2 to 0.4) where a weak
   inhibition, below 0.001 uS, lets the mean drive them. And learning lasts: the membrane is less often above -60 mV,
   where excitatory synapses depress, so that it takes minutes until scaling has let the inhibitory ones grow to their
   bound (with 0.005 uS longer still, but then weights hardly move within a second). The excitatory conductance
   fluctuates by 0.8 of its mean. The mean itself is searched, for the rates `ALONE`: low enough for irregular firing,
   high enough that every cell fires in half a minute.
2. Coupling, on EI1 and EI2. The proportions of the weights are set by the potentials they make: with `SHAPE`, in a
   culture of `PARTNERS` partners a cell, one AMPA event depolarises a resting EXC cell by 6.5 mV, an INH cell by 5 mV.
   NMDA has half the weight of AMPA (0.9 mV): its slow current is what makes a network of strong synapses run away.
   GABA_A, whose reversal potential lies above rest, shunts: an event onto EXC has 1.6 times the resting conductance.
   One factor scales all of them and is searched for: EXC cells should fire `GAIN` times as much with synapses as
   without. Weights go with 1/K, K being the mean number of presynaptic partners of a cell: the mean synaptic
   conductance, and with it the gain of the recurrent loop, are then the same in every culture. (With 1/sqrt(K), EI3
   fires in bursts of everyone.)

Other networks ("generic") get the same noise, which is a matter of the cells, and keep the weights that their own edge
table gives.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import livn.system
from livn.env import Env
from livn.system import PREDEFINED, System

OUTPUT = Path(__file__).resolve().parents[1] / "src" / "livn" / "models" / "rcsd_defaults.json"

ALONE = {"EXC": 1.2, "INH": 2.4}  # Hz, without synapses
MEANS = [0.0004, 0.00045, 0.0005, 0.00055, 0.0006, 0.00065, 0.0007]  # µS, candidates for g_e0
SHAPE = {
    "EXC_EXC-dend-AMPA-weight": 5.0,
    "EXC_EXC-dend-NMDA-weight": 2.5,
    "INH_EXC-soma-AMPA-weight": 0.5,
    "EXC_INH-soma-GABA_A-weight": 0.5,
    "INH_INH-soma-GABA_A-weight": 1.0,
}
PARTNERS = 9.0
FACTORS = [0.5, 0.75, 1.0, 1.25, 1.5]
GAIN = 1.4
SEARCH_SEEDS = (1, 2, 3)
CONDITIONS = ("rest", "scaled", "free", "cut")  # "cut", without synapses, is there to compare with

RATE, CV, ACTIVE = (0.5, 5.0), 0.5, 0.9
MEAN_V, SD_V, LOW, HIGH = (-72.0, -50.0), 1.0, 0.1, 0.02
WARMUP, EPOCH = 500.0, 100.0  # ms
BIN = 20.0  # ms, of the correlation

Values = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Activity:
    """What a culture did.

    Attributes:
        rates: Hz, by population.
        cv: median ISI CV of the cells with at least five spikes.
        active: share of the cells that fired.
        correlation: mean pairwise correlation of the spike counts in bins of 20 ms.
        peak: most spikes in one such bin, per cell.
        mean_v: lowest and highest mean soma potential of a cell, mV.
        sd_v: least standard deviation of a cell's soma potential, mV.
        low, high: share of time that the cell most often there spent below -74 and above -10 mV.
    """

    rates: dict[str, float]
    cv: float
    active: float
    correlation: float
    peak: float
    mean_v: tuple[float, float]
    sd_v: float
    low: float
    high: float

    def faults(self) -> list[str]:
        """What is out of band; empty if nothing is."""
        found = [f"{p} {r:.2f} Hz" for p, r in self.rates.items() if not RATE[0] <= r <= RATE[1]]
        found += [f"CV {self.cv:.2f}"] * (not self.cv >= CV) + [f"active {self.active:.0%}"] * (self.active < ACTIVE)
        held = self.mean_v[0] < MEAN_V[0] or self.mean_v[1] > MEAN_V[1] or self.sd_v < SD_V
        return found + ["a cell is held near a reversal potential"] * (held or self.low > LOW or self.high > HIGH)

    def __str__(self) -> str:
        rates = "  ".join(f"{p} {r:5.2f} Hz" for p, r in self.rates.items())
        return (
            f"{rates}  CV {self.cv:.2f}  active {self.active:4.0%}  corr {self.correlation:+.4f}  "
            f"peak {self.peak:.2f}  V {self.mean_v[0]:.1f}..{self.mean_v[1]:.1f} sd >= {self.sd_v:.1f}  "
            f"<-74 {self.low:.2%}  >-10 {self.high:.2%}  {'; '.join(self.faults()) or 'in band'}"
        )


def measure(env: Env, seconds: float, learning: str | None = None) -> Activity:
    """Run a culture from t = 0 on a fresh start and describe it, half a second of warm-up left out.

    Args:
        env: spikes and voltages recorded.
        seconds: of model time.
        learning: None; `"scaled"`, plasticity with normalisation every 100 ms; `"free"`, plasticity alone.
    """
    env.clear(reseed=False, reset_weights=True)
    env.run(WARMUP)
    if learning is not None:
        env.enable_plasticity()
    ids, times, voltage = [], [], Moments()
    step = EPOCH if learning == "scaled" else 1000.0
    for _ in range(round(seconds * 1000.0 / step)):
        run = env.run(step)
        if learning == "scaled":
            env.normalize_weights()
        ids.append(run["spikes"].ids)
        times.append(run["spikes"].times + run.t0 - WARMUP)
        voltage.add(run["voltage"].values)
    env.disable_plasticity()
    return describe(env, np.concatenate(ids), np.concatenate(times), seconds * 1000.0, voltage)


class Moments:
    """Running sums over the samples of each cell's potential."""

    def __init__(self) -> None:
        self.n, self.sums = 0, np.zeros((4, 1))

    def add(self, v: np.ndarray) -> None:
        """Take in v [n, T]."""
        self.n += v.shape[1]
        shifted = v + 60.0
        parts = (shifted.sum(axis=1), (shifted**2).sum(axis=1), (v < -74.0).sum(axis=1), (v > -10.0).sum(axis=1))
        self.sums = self.sums + np.array(parts)

    def read(self) -> np.ndarray:
        """float[4, n]: mean, standard deviation, share of time below -74 and above -10 mV."""
        mean, square, low, high = self.sums / self.n
        return np.array([mean - 60.0, np.sqrt(square - mean**2), low, high])


def describe(env: Env, ids: np.ndarray, times: np.ndarray, duration: float, voltage: Moments) -> Activity:
    """The activity that spikes (gids, ms) and potentials show."""
    n = env.system.num_neurons
    order = np.lexsort((times, ids))
    trains = np.split(times[order], np.cumsum(np.bincount(ids, minlength=n))[:-1])
    intervals = [np.diff(t) for t in trains if len(t) >= 5]
    counts = np.zeros((n, round(duration / BIN)), np.float32)
    np.add.at(counts, (ids, np.minimum((times / BIN).astype(int), counts.shape[1] - 1)), 1.0)
    alone, together = counts.var(axis=1).sum(), counts.sum(axis=0).var()
    mean, sd, low, high = voltage.read()
    return Activity(
        rates={
            p: float(sum(len(trains[g]) for g in range(first, first + count)) / count / duration * 1000.0)
            for p, (first, count) in env.system.population_ranges.items()
        },
        cv=float(np.median([i.std() / i.mean() for i in intervals])) if intervals else math.nan,
        active=sum(len(t) > 0 for t in trains) / n,
        correlation=float((together / alone - 1.0) / (n - 1)) if alone else 0.0,
        peak=float(counts.sum(axis=0).max() / n),
        mean_v=(float(mean.min()), float(mean.max())),
        sd_v=float(sd.min()),
        low=float(low.max()),
        high=float(high.max()),
    )


def culture(system: Any, seed: int, threads: int) -> Env:
    """A culture with the shipped values that is recorded."""
    env = livn.make(system, seed=seed, threads=threads)
    return env.record_spikes().record_voltage(dt=2.0)


def significant(x: float) -> float:
    """x to two significant digits."""
    return float(f"{x:.2g}")


def noise_of(mean: float) -> dict[str, float]:
    """Background with the mean excitatory conductance `mean` [µS]."""
    sd = significant(0.8 * mean)
    return {"g_e0": mean, "std_e": sd, "g_i0": 0.004, "std_i": 0.002, "tau_e": 3.0, "tau_i": 10.0}


def find_noise(seconds: float, threads: int) -> Values:
    """Step 1: for each population the mean excitatory conductance that gives the wanted rate without synapses."""
    with culture({"EXC": 64, "INH": 64}, SEARCH_SEEDS[0], threads) as env:
        found = {}
        for mean in MEANS:
            env.set_noise(noise_of(mean))
            found[mean] = measure(env, seconds)
            print(f"noise  g_e0 {mean:.5f}  {found[mean]}", flush=True)
    return {p: noise_of(min(MEANS, key=lambda m: abs(math.log(found[m].rates[p] / ALONE[p])))) for p in ALONE}


def partners(system: System) -> float:
    """Mean number of presynaptic partners of a cell."""
    return len(system.edges[["pre", "post"]].drop_duplicates()) / system.num_neurons


def weights_of(factor: float, k: float) -> dict[str, float]:
    """Static weights for a culture of `k` partners a cell."""
    return {name: significant(value * factor * PARTNERS / k) for name, value in SHAPE.items()}


def find_coupling(noise: Values, seconds: float, threads: int) -> float:
    """Step 2: the factor on the weights that brings the EXC rate nearest to `GAIN` times the uncoupled one."""
    rates = dict.fromkeys([0.0, *FACTORS], 0.0)
    sound = set(FACTORS)
    for name in ("EI1", "EI2"):
        for seed in SEARCH_SEEDS:
            with culture(name, seed, threads) as env:
                env.set_noise(noise)
                k = partners(livn.system.make(name))
                for factor in rates:
                    env.set_weights(weights_of(factor, k))
                    a = measure(env, seconds)
                    print(f"coupling  {name} seed {seed} factor {factor:.2f}  {a}", flush=True)
                    rates[factor] += math.log(a.rates["EXC"])
                    sound -= {factor} if a.faults() else set()
    if not sound:
        raise SystemExit("no coupling strength keeps the cultures in band")
    cultures = 2 * len(SEARCH_SEEDS)
    return min(sound, key=lambda f: abs((rates[f] - rates[0.0]) / cultures - math.log(GAIN)))


def document(noise: Values, factor: float) -> dict[str, Any]:
    """What is written: the values of every predefined culture, and of any other."""
    about = (
        "Static weights and background noise (µS, ms) of the model ReducedCalciumSomaDendrite, written by "
        "`python tools/tune_defaults.py search`, which explains them. Bands, at rest and while learning: both "
        "populations 0.5 to 5 Hz, median ISI CV at least 0.5, at least 90 % of the cells active within 30 s, no cell "
        "held near a reversal potential. A system that is not named here takes the generic noise and keeps the weights "
        "of its own edge table."
    )
    tuned = {
        name: {"weights": weights_of(factor, partners(livn.system.make(name))), "noise": noise} for name in PREDEFINED
    }
    return {"about": about, "generic": {"weights": {}, "noise": noise}, **tuned}


def search(args: argparse.Namespace) -> int:
    """Find the values and write them."""
    noise = find_noise(args.seconds, args.threads)
    factor = find_coupling(noise, args.seconds, args.threads)
    print(f"found: noise {noise}, coupling factor {factor}")
    text = json.dumps(document(noise, factor), indent=2, ensure_ascii=False)
    args.output.write_text(text + "\n", encoding="utf-8")
    print(f"written: {args.output}")
    return 0


def under(env: Env, condition: str, seconds: float) -> Activity:
    """The activity under one of `CONDITIONS`."""
    if condition == "cut":
        env.set_weights(dict.fromkeys(env.weight_names, 0.0))
    return measure(env, seconds, condition if condition in ("scaled", "free") else None)


def check(args: argparse.Namespace) -> int:
    """Measure the shipped values; 1 if anything is out of band."""
    out = 0
    for name in args.systems:
        for seed in args.seeds:
            with culture(name, seed, args.threads) as env:
                for condition in (c for c in CONDITIONS if c in args.conditions):
                    activity = under(env, condition, args.seconds)
                    print(f"{name}  seed {seed:<4d} {condition:<7s} {activity}", flush=True)
                    out |= condition != "cut" and bool(activity.faults())
    return int(out)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    find = commands.add_parser("search", help="find the values and write them")
    find.add_argument("--output", type=Path, default=OUTPUT, help="file to write (%(default)s)")
    find.set_defaults(do=search)
    test = commands.add_parser("check", help="measure what is shipped")
    test.add_argument("systems", nargs="*", choices=list(PREDEFINED), default=["EI1", "EI2"], metavar="SYSTEM")
    test.add_argument("--seeds", type=int, nargs="+", default=[123, 1, 2, 3, 4], help="(%(default)s)")
    test.add_argument(
        "--conditions",
        nargs="+",
        choices=CONDITIONS,
        default=CONDITIONS,
        help="at rest; learning with weights scaled every 100 ms, or left free; with the synapses cut (all)",
    )
    test.set_defaults(do=check)
    for command in (find, test):
        command.add_argument("--seconds", type=float, default=30.0, help="model time per measurement (%(default)s)")
        command.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    args = parser.parse_args(argv)
    return args.do(args)


if __name__ == "__main__":
    sys.exit(main())
