"""What contestants share: the network that they read, and how they are spoken to.

A contestant is a script in an environment of its own, started with a JSON text of its task. It sets up, compiles, runs
a warm-up, and writes a line of JSON; then, for every line that it reads, it simulates the next stretch and writes its
sample, a line of JSON again. Needs NumPy only.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Task:
    """What is to be measured.

    Attributes:
        network: path of the network's file.
        duration: ms of a sample.
        warm_up: ms that are simulated before the first sample.
        options: further choices of one contestant.
    """

    network: str
    duration: float
    warm_up: float
    options: dict[str, Any]


class Network:
    """A network from its file (networks.py): the arrays and the entries of `about` as attributes."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            content = dict(file)
        about = json.loads(str(content.pop("about")))
        self.cells: dict[str, int] = about["cells"]
        self.noise: dict[str, dict[str, float]] = about["noise"]
        self.dt: float = about["dt"]
        self.constants: dict[str, dict[str, float]] = about["constants"]
        self.start: dict[str, dict[str, float]] = about["start"]
        self.rules: dict[str, dict[str, float]] = about["rules"]
        self.receptors: dict[str, dict[str, Any]] = about["receptors"]
        self.places: np.ndarray = content["places"]
        self.columns = {name: values for name, values in content.items() if name != "places"}
        self.pre, self.post = self.columns["pre"], self.columns["post"]

    @property
    def n(self) -> int:
        """Number of cells."""
        return sum(self.cells.values())

    def between(self, pre: str, post: str, mechanism: str) -> np.ndarray:
        """Rows of the connections from a population onto another by a receptor."""
        first = {"EXC": 0, "INH": self.cells["EXC"]}
        (a, b), (c, d) = ((first[p], first[p] + self.cells[p]) for p in (pre, post))
        inside = (self.pre >= a) & (self.pre < b) & (self.post >= c) & (self.post < d)
        return np.flatnonzero(inside & (self.columns["mechanism"] == mechanism))

    def sample(
        self, seconds: float, duration: float, spikes: np.ndarray, times: np.ndarray | None = None
    ) -> dict[str, Any]:
        """The sample of a stretch: wall seconds, ms, the gid of every spike, and its time [ms] if it is wanted."""
        counts = np.bincount(np.asarray(spikes, int), minlength=self.n)
        fan_out = np.bincount(self.pre, minlength=self.n)
        exc = self.cells["EXC"]
        per_second = 1000.0 / duration
        trains = {} if times is None else {"trains": [np.sort(times[spikes == k]).tolist() for k in range(self.n)]}
        return trains | {
            "seconds": seconds,
            "duration": duration,
            "spikes": int(counts.sum()),
            "events": int(counts @ fan_out),
            "digest": zlib.crc32(counts.astype(np.int64).tobytes()),
            "rate": {
                "EXC": float(counts[:exc].mean() * per_second) if exc else 0.0,
                "INH": float(counts[exc:].mean() * per_second) if exc < self.n else 0.0,
            },
        }


Contestant = Callable[[Task, Network], tuple[Callable[[], dict[str, Any]], dict[str, Any]]]
"""Sets up and warms up; returns what simulates the next stretch, and what there is to say: the number of plastic
connections, and versions of `tools` beside packages."""


def serve(contestant: Contestant, *packages: str) -> None:
    """Be a contestant: the main function of its script. `packages`: those whose versions are reported."""
    lines = os.fdopen(os.dup(1), "w")  # what anything else prints is no sample
    os.dup2(2, 1)

    def say(what: dict[str, Any]) -> None:
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    task = Task(**json.loads(sys.argv[1]))
    stretch, about = contestant(task, Network(task.network))
    say({"versions": {name: version(name) for name in packages} | about.pop("tools", {})} | about)
    for _ in sys.stdin:
        say(stretch())
