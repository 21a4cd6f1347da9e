"""What the ready-made tasks ask of a culture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from livn import checks
from livn.env.env import Env
from livn.making import make

__all__ = ["on_electrodes", "rule_of"]


@contextmanager
def on_electrodes(system: Any, engine: str | None, threads: int) -> Iterator[Env]:
    """A culture that electrodes stimulate and hear; closed if an error comes of what is done with it.

    Raises:
        ValueError: a system without electrodes.
    """
    env = make(system, engine=engine, threads=threads)
    try:
        if not env.io.num_inputs or not env.io.num_channels or env.io.input_units != "µA":
            raise ValueError(f"system must have electrodes, got {system!r:.200}")
        yield env
    except BaseException:  # nobody else could close it
        env.close()
        raise


def rule_of(plasticity: bool | Mapping[str, Any], default: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The parameters of the rules that are to be on, as `Env.enable_plasticity` takes them; None: frozen weights.

    Args:
        plasticity: True: `default`; False: none; or the parameters.
        default: parameters.

    Raises:
        TypeError: something else.
    """
    if isinstance(plasticity, Mapping):
        return plasticity
    return default if checks.boolean("plasticity", plasticity) else None
