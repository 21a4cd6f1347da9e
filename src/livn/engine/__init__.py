"""Who integrates: one small contract, one engine per numerical back end."""

from livn.engine.registry import ENGINES, default_engine, engine_class

__all__ = ["ENGINES", "default_engine", "engine_class"]
