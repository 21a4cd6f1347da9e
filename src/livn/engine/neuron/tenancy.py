"""Who holds NEURON: it has room for one simulation per process."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livn.engine.neuron.engine import NeuronEngine

__all__ = ["claim", "live", "release"]

_tenant: weakref.ref[NeuronEngine] | None = None


def live() -> NeuronEngine | None:
    """The engine that holds NEURON, or None."""
    return None if _tenant is None else _tenant()


def claim(engine: NeuronEngine, h: Any) -> None:
    """Let an engine have NEURON until `release`, or until nobody holds the engine any more.

    Raises:
        RuntimeError: another Env with this engine is alive, or there are sections that livn did not make.
    """
    global _tenant
    if live() is not None:
        gc.collect()  # one that nobody holds any more, but for cycles
    if live() is not None:
        raise RuntimeError(
            "NEURON holds one simulation per process, and another Env with engine='neuron' is alive: close() it first, "
            "or use it in a with block (rebinding its name comes too late: the new one is built before)"
        )
    foreign = [section.name() for section in h.allsec()]
    if foreign:
        raise RuntimeError(
            f"NEURON holds {len(foreign)} sections in this process that are not livn's ({foreign[0]}, ...) and would "
            "simulate them too: delete them, or use another process"
        )
    h.ParallelContext().gid_clear()  # of an engine that was dropped, not closed
    _tenant = weakref.ref(engine)


def release(h: Any) -> None:
    """Free NEURON from all that its tenant built, whole or half."""
    global _tenant
    _tenant = None
    h.ParallelContext().gid_clear()
    for section in list(h.allsec()):  # all are the tenant's, as there were none when it came
        h.delete_section(sec=section)
