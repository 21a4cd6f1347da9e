"""The peer of the NEURON engine: the same cells, noise and connections, but one point process per synapse.

Each synapse holds its own conductance, learning signal and weight, and computes the signal once per step, which is how
plastic synapses are commonly written for NEURON. Two ways of writing them (mechanisms/): `Usual`, as most are,
compiled as NEURON compiles by default; `Each`, written for speed and compiled with the engine's flags. Everything else
is the engine's own, so that nothing but the synapses differs.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from livn.cachedir import cache_dir
from livn.engine.neuron import engine, library
from livn.engine.neuron.membrane import Membranes
from livn.engine.neuron.wiring import RULE_PARAMETERS, Wiring
from livn.plasticity.rules import RuleParameters

__all__ = ["STYLES", "use"]

STYLES = ("Each", "Usual")
MECHANISMS = Path(__file__).parent / "mechanisms"


def use(style: str) -> None:
    """Let NEURON engines that are made from now on in this process wire networks with synapses of a style."""
    h = library.load_neuron()
    with library.quiet():
        if not h.nrn_load_dll(str(compiled(style))):
            raise ImportError(f"NEURON did not load {compiled(style)}")
    engine.Wiring = {"Each": EachWiring, "Usual": UsualWiring}[style]  # type: ignore[misc]


def compiled(style: str) -> Path:
    """The library of a style's mechanisms, from the cache if it is there."""
    _, version = library._import_neuron()
    sources = sorted(MECHANISMS.glob(f"{style.lower()}*"))
    flags = library.FLAGS if style == "Each" else None
    digest = hashlib.sha256(f"{library._key(version)} {flags}".encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    folder = cache_dir("neuron-bench", digest.hexdigest()[:24])
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
        for source in sources:
            shutil.copy(source, part)
        library._compile(part, flags)
        part.rename(folder)
    found = library._library_in(folder)
    if found is None:
        raise ImportError(f"{folder} holds no library; delete it and try again")
    return found


class PeerWiring(Wiring):
    """A point process per connection; the network must have plastic receptors only."""

    style: str

    def _point_processes(self, membranes: Membranes) -> list[Any]:
        net = self.network
        used = [net.model.receptors[r] for r in np.unique(net.receptor)]
        make = {r.label: getattr(self.h, f"{self.style}{r.label}") for r in used}
        self._mechanisms = {f"{self.style}{r.label}": r.rule for r in used}
        self._processes = []
        rows = zip(net.post.tolist(), net.section.tolist(), net.receptor.tolist(), strict=True)
        for cell, section, number in rows:
            receptor = net.model.receptors[number]
            process = make[receptor.label](membranes.segments[cell, section])
            process.tau_rise, process.tau_decay = receptor.kinetics[net.kind_of(cell).name]
            process.e = receptor.reversal
            self._processes.append(process)
        return self._processes

    def _connect(self, target: list[Any]) -> None:
        self._make_room()
        jump, multiplier, last = (vector.pset for vector in self._memory)
        for k, (pre, process) in enumerate(zip(self.network.pre.tolist(), target, strict=True)):
            connection = self._parallel.gid_connect(pre, process)
            jump(k, connection._ref_weight[0])
            multiplier(k, process._ref_w)
            last(k, process._ref_last)
            self._connections.append(connection)

    def set_strength(self, most: Mapping[str, float]) -> None:
        self.write(0, self.network.peak_conductance())

    def set_rules(self, on: bool, rules: Mapping[str, RuleParameters], every: int) -> None:
        for name, rule in self._mechanisms.items():
            values = self.values(rules[rule]) | {"learning": float(on)}
            for variable, value in values.items():
                setattr(self.h, f"{variable}_{name}", value)

    def values(self, p: RuleParameters) -> dict[str, float]:
        """The globals of a mechanism under a rule."""
        return {name: getattr(p, name) for name in (*RULE_PARAMETERS, "w_min", "w_max")}


class EachWiring(PeerWiring):
    style = "Each"

    def values(self, p: RuleParameters) -> dict[str, float]:
        values = super().values(p)
        return values | {"log_slope": math.log(values.pop("learning_slope"))}


class UsualWiring(PeerWiring):
    style = "Usual"
