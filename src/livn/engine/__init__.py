"""Who integrates: one small contract, one engine per numerical back end."""

from livn.engine.registry import ENGINES, default_engine, engine_class, engine_names, engines_with, register

__all__ = ["ENGINES", "default_engine", "engine_class", "engine_names", "engines_with", "register"]
