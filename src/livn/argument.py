"""What `run(stimulus=x)` means: from what people give to a Stimulus."""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from typing import Any

import numpy as np

from livn.checks import number
from livn.io.base import warn_of_idle
from livn.modes import DEFAULT_MODE
from livn.policy import ElectrodePolicy, Policy
from livn.stimulus import ARGUMENTS, Stimulus
from livn.trains import SpikeTrains

__all__ = ["stimulus_of"]


def stimulus_of(x: Any, env: Any, duration: float | None) -> Stimulus | None:
    """See `Stimulus.from_arg`, which calls this."""
    if x is None:
        return None
    if isinstance(x, Policy):
        return _through_electrodes(x, env, duration)
    stimulus = _made(x, DEFAULT_MODE if env is None or env.model.input_mode is None else env.model.input_mode)
    if duration is not None:
        # at the caller's line: of `from_arg`, or of the run that took the stimulus
        _warn_if_cut(stimulus, number("duration", duration, above=0, unit="ms"), 4 if env is None else 6)
    return stimulus


def _made(x: Any, mode: str) -> Stimulus:
    if isinstance(x, Stimulus):
        return x
    if isinstance(x, tuple) and 1 <= len(x) <= len(ARGUMENTS):
        x = dict(zip(ARGUMENTS, x, strict=False))
    if isinstance(x, dict) and all(isinstance(key, str) for key in x):
        default: dict[str, Any] = {} if isinstance(x.get("array"), Stimulus) else {"input_mode": mode}
        return Stimulus(**default | x)
    if isinstance(x, list | np.ndarray):
        return Stimulus(x, input_mode=mode)
    raise ValueError(
        f"Invalid stimulus {x!r:.200}: must be None, a Stimulus, an array [T, n], a tuple (array, dt, ...), "
        "a dict of Stimulus arguments or a Policy"
    )


def _warn_if_cut(stimulus: Stimulus, duration: float, stacklevel: int) -> None:
    first = math.ceil(duration / stimulus.dt - 1e-6)
    if isinstance(stimulus.source, SpikeTrains):
        beyond = stimulus.source.last > duration + stimulus.dt / 2.0  # one at the very end opens the next run
    else:
        beyond = stimulus._rows > first if stimulus.array is None else bool(stimulus.array[first:].any())
    if beyond:
        text = (
            f"the stimulus lasts {stimulus.duration:.10g} ms: what lies beyond the run's {duration:.10g} ms is dropped"
        )
        warnings.warn(text, RuntimeWarning, stacklevel=stacklevel)


def _through_electrodes(policy: Policy, env: Any, duration: float | None) -> Stimulus:
    """What a policy does to the cells of an env, a window at a time.

    Args:
        policy: of as many channels as the env's IO takes inputs.
        env: with electrodes.
        duration: of the run, ms; None: not known yet.

    Raises:
        ValueError: no electrodes, none that reaches a cell, another number of channels or unit, or longer than the run.
    """
    if env is None or env.io is None or not env.io.num_inputs:
        raise ValueError(f"a {type(policy).__name__} needs an env with electrodes, such as make(system, io=MEA(...))")
    io, units = env.io, policy.input_units
    if units is not None and units != io.input_units:
        raise ValueError(f"the policy commands {units}, and {io!r} takes {io.input_units}")
    if policy.num_inputs != io.num_inputs:
        raise ValueError(
            f"the policy commands {policy.num_inputs} channels, and {io!r} has {io.num_inputs}: "
            f"policy.for_array({io.num_inputs}) fits an electrode policy to it"
        )
    extent = policy.extent_ms
    if duration is not None and extent > duration * (1.0 + 1e-12) + 1e-6:
        raise ValueError(f"the policy lasts {extent:.10g} ms, longer than the run of {duration:.10g} ms")
    coordinates, rows = env.stimulus_coordinates(), max(1, policy._length)
    stimulus: Stimulus = io.stream(coordinates, policy.window, rows * policy._grid, policy._grid)
    if isinstance(policy, ElectrodePolicy):
        with suppress(NotImplementedError):  # an IO of one's own need not know its reach
            idle = (io.strengths(coordinates) == 0.0) & np.isin(np.arange(io.num_inputs), policy.channels)
            if idle.any():
                warn_of_idle(io.input_ids[idle], stacklevel=7)
    return stimulus
