"""The model's plain functions, rebuilt over the engine's elementary functions and compiled in place."""

import types

import numba as nb

from livn.engine.cpu.maths import NAMES, OPTIONS

_bound: dict[types.FunctionType, types.FunctionType] = {}


def bind(function):
    """`function` and every function of the models that it calls, as inlined Numba functions."""
    if function in _bound:
        return _bound[function]
    namespace = {"__builtins__": function.__globals__["__builtins__"]}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if name in NAMES:
            namespace[name] = NAMES[name]
        elif isinstance(value, types.FunctionType):
            namespace[name] = bind(value)
        elif value is not None:
            namespace[name] = value
    copy = types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
    _bound[function] = nb.njit(forceinline=True, **OPTIONS)(copy)
    return _bound[function]
