"""The default engine, by name."""

from livn.engine.registry import default_engine

__all__ = ["backend"]


def backend() -> str:
    """The engine that an Env built now would get: `LIVN_BACKEND`, else `"cpu"`.

    Raises:
        ValueError: the variable holds no engine's name.
    """
    return default_engine()
