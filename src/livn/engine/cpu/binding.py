"""The model's plain functions, rebuilt over the engine's elementary functions and compiled in place."""

import types

import numba as nb

from livn.engine.cpu.maths import NAMES, OPTIONS
from livn.models import channels, synapses

_SMOOTH = {channels.ghk: channels.ghk_smooth, synapses.nmda_current: synapses.nmda_smooth}
"""What stands in for equations that float32 is too coarse for."""

_bound: dict[tuple[types.FunctionType, bool], types.FunctionType] = {}


def bind(function, single=False):
    """`function` and every function of the models that it calls, as inlined Numba functions, for either precision."""
    if single:
        function = _SMOOTH.get(function, function)
    if (function, single) in _bound:
        return _bound[function, single]
    namespace = {"__builtins__": function.__globals__["__builtins__"]}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if name in NAMES:
            namespace[name] = NAMES[name]
        elif isinstance(value, types.FunctionType):
            namespace[name] = bind(value, single)
        elif value is not None:
            namespace[name] = value
    copy = types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
    _bound[function, single] = nb.njit(forceinline=True, **OPTIONS)(copy)
    return _bound[function, single]
