"""Who takes part: how each is started, and spoken to while others wait."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench import environment
from environments import CACHE, python_of

__all__ = ["CONTESTANTS", "SINGLE_PRECISION", "Contestant", "Worker", "rounds"]

PEERS = Path(__file__).parent / "peers"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

Sample = dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """A simulator with the way it is used.

    Attributes:
        title: as tables call it.
        script: in the folder `peers`.
        environment: that it runs in; None: this one, which is for this package alone.
        options: that the script takes.
        faster: how many times faster than it livn is to be, at least; None: no bar.
    """

    title: str
    script: str
    environment: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    faster: float | None = None

    @property
    def is_peer(self) -> bool:
        """Whether it is another's."""
        return self.environment is not None

    def python(self) -> Path:
        """Its interpreter; the environment is made if need be."""
        return Path(sys.executable) if self.environment is None else python_of(self.environment)


SINGLE_PRECISION = "pylivn-single"

CONTESTANTS: dict[str, Contestant] = {
    "pylivn": Contestant("this package", "pylivn.py"),
    SINGLE_PRECISION: Contestant("this package, single precision", "pylivn.py", options={"precision": "single"}),
    "brian-tuned": Contestant(
        "Brian2, C++ standalone, tuned flags", "brian.py", "brian2", {"target": "cpp", "tuned": True}
    ),
    "brian-cpp": Contestant("Brian2, C++ standalone", "brian.py", "brian2", {"target": "cpp"}, faster=4.0),
    "brian-cython": Contestant("Brian2, Cython", "brian.py", "brian2", {"target": "cython"}, faster=25.0),
    "neuron": Contestant(
        "NEURON, a point process per synapse", "neuron_per_synapse.py", "neuron", {"style": "Usual"}, faster=400.0
    ),
    "livn2": Contestant("livn 2.0.0, native", "livn2.py", "livn2", faster=400.0),
}


class Worker:
    """A contestant's process: set up and warmed up when this returns, then idle until it is asked for a sample.

    Args:
        key: one of `CONTESTANTS`.
        network: file of the network.
        duration, warm_up: ms.
        **options: beside those of the contestant.

    Attributes:
        about: what it said of itself: versions, number of plastic connections.

    Raises:
        RuntimeError: it failed; the message is the end of what it printed.
    """

    def __init__(self, key: str, network: Path, duration: float, warm_up: float, **options: Any) -> None:
        contestant = CONTESTANTS[key]
        task = {"network": str(network), "duration": duration, "warm_up": warm_up}
        task["options"] = contestant.options | options
        python = contestant.python()
        CACHE.mkdir(parents=True, exist_ok=True)
        self.name, self._log = contestant.title, CACHE / f"{key}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), str(PEERS / contestant.script), json.dumps(task)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(None) | ONE_THREAD,
            )
        self.about = self._answer()

    def sample(self) -> Sample:
        """Simulate the next stretch."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # that it is gone is seen from its answer
                self._process.stdin.write("\n")
                self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = "" if self._process.stdout is None else self._process.stdout.readline()
        if not line:
            self.close()
            said = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} failed (exit status {self._process.returncode}):\n{said}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rounds(workers: dict[Any, Worker], number: int) -> dict[Any, list[Sample]]:
    """The samples of all workers, turn and turn about: each once, then each once more."""
    samples: dict[Any, list[Sample]] = {key: [] for key in workers}
    for _ in range(number):
        for key, worker in workers.items():
            samples[key].append(worker.sample())
    return samples
