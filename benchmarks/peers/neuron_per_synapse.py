"""NEURON with one point process per synapse (per_synapse.py): the cells and the noise are those of livn's engine.

Options: `style`, how the synapses are written, `"Usual"` or `"Each"`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import Network, Task, serve
from pylivn import culture, stretch

sys.path.insert(0, str(Path(__file__).parents[1]))
import per_synapse


def contestant(task: Task, network: Network) -> tuple[Callable[[], dict[str, Any]], dict[str, Any]]:
    """The network on NEURON, learning and noise on."""
    per_synapse.use(task.options["style"])
    env = culture(network, engine="neuron")
    env.run(task.warm_up)
    return lambda: stretch(env, network, task.duration), {"plastic": len(env.get_weights())}


if __name__ == "__main__":
    serve(contestant, "neuron", "numpy")
