"""livn itself, on one thread. Options: `precision`; `current`, nA into every soma, for a comparison of spikes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import Network, Task, serve

from livn import Env, System


def contestant(task: Task, network: Network) -> tuple[Callable[[], dict[str, Any]], dict[str, Any]]:
    """The network with learning and noise on."""
    env = culture(network, precision=task.options.get("precision", "double"))
    current = task.options.get("current", 0.0)
    stretch(env, network, task.warm_up, current)
    return lambda: stretch(env, network, task.duration, current), {"plastic": len(env.get_weights())}


def culture(network: Network, engine: str = "cpu", precision: str = "double") -> Env:
    """An Env of the network; noise, recording of spikes and, where there are synapses, learning on."""
    edges = network.columns if len(network.pre) else None
    system = System.from_arrays(network.cells, network.places, edges)
    env = Env(system, engine=engine, threads=1, precision=precision).init()
    env.set_noise(network.noise).record_spikes()
    return env.enable_plasticity() if edges else env


def stretch(env: Env, network: Network, duration: float, current: float = 0.0) -> dict[str, Any]:
    """The sample of the next `duration` ms."""
    stimulus = np.full((int(duration), network.n), current) if current else None
    began = time.perf_counter()
    run = env.run(duration, None if stimulus is None else (stimulus, 1.0, None, "current"))
    return network.sample(time.perf_counter() - began, duration, run.spike_ids, run.spike_times if current else None)


if __name__ == "__main__":
    serve(contestant, "pylivn", "numba", "numpy")
