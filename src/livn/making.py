"""`make`: a culture in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livn.env import Env

__all__ = ["make"]


def make(
    system: Any = "EI1",
    *,
    engine: str | None = None,
    model: Any = None,
    io: Any = None,
    seed: int = 123,
    threads: int | None = None,
    precision: str = "double",
    comm: Any = None,
) -> Env:
    """A culture, built and ready to run: background noise is on, recording and plasticity are off.

    Args:
        system: name of a predefined system (`"EI1"` to `"EI4"`), a system's directory, a System, a number of EXC cells
            or a mapping of populations to numbers.
        engine, model, io, seed, threads, precision, comm: see `Env`.

    Raises:
        ValueError: an unknown name, or an argument that is not legal.
        ImportError: an engine that is not installed.
    """
    from livn.env import Env

    env = Env(system, model, io, seed, comm, engine=engine, threads=threads, precision=precision)
    try:
        return env.init().apply_default_params()
    except BaseException:  # nobody else could free its engine
        env.close()
        raise
