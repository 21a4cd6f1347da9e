"""From inputs, such as the action of an agent, to a stimulus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from livn import checks
from livn.configured import Configured
from livn.extras import gymnasium
from livn.io.mea import INPUT_LIMIT
from livn.policy import BiphasicPulsePolicy, ElectrodePolicy

__all__ = ["ElectrodeStimulus", "Encoding", "column_of", "strongest"]


class Encoding(Configured):
    """What inputs mean to a culture: `encoding(env, t_end, inputs)` makes the stimulus of a run of `t_end` ms."""

    def __call__(self, env: Any, t_end: float, inputs: Any) -> Any:
        """The stimulus: anything that `Stimulus.from_arg` takes.

        Args:
            env: the culture.
            t_end: length of the run, ms.
            inputs: what `env(decoding, inputs, encoding)` was given.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(env, t_end, inputs)")

    @property
    def input_space(self) -> Any:
        """The Gymnasium space of the inputs, or None if they have none."""
        return None


class ElectrodeStimulus(Encoding):
    """Pulses on one electrode of the env's array.

    Inputs: None: the policy as it is; a number, or an array of one: the amplitude, µA; a mapping: fields of the policy,
    `channels` among them unless `channel` says which.

    Attributes:
        policy: the pulses, sized to the array; None: one `BiphasicPulsePolicy()`.
        channel: id of the electrode; None: the policy's own channels, or where there is no policy the electrode that
            couples most strongly to the cells.
    """

    policy: ElectrodePolicy | None = None
    channel: int | None = None

    def __call__(self, env: Any, t_end: float, inputs: Any = None) -> ElectrodePolicy:
        """The policy on the env's array.

        Raises:
            ValueError: an env without electrodes, an electrode that it does not have, a field that is not legal.
        """
        if env is None or env.io is None or not env.io.num_inputs or env.io.input_units != "µA":
            raise ValueError("ElectrodeStimulus needs an env with electrodes, such as make(system, io=MEA(...))")
        policy = ONE_PULSE if self.policy is None else self.policy
        fields = _fields(inputs)
        if "n_channels" in fields:
            raise ValueError("inputs must not name n_channels, which is that of the array")
        if self.channel is not None:
            if "channels" in fields:
                raise ValueError(f"inputs must not name channels: this encoding drives channel {self.channel}")
            fields["channels"] = (column_of(env, self.channel),)
        elif self.policy is None:
            fields.setdefault("channels", (strongest(env),))
        return policy.for_array(env.io.num_inputs, **fields)

    @property
    def input_space(self) -> Any:
        """A Gymnasium Box of one amplitude, µA, within ±`INPUT_LIMIT`."""
        return gymnasium().spaces.Box(-INPUT_LIMIT, INPUT_LIMIT, (1,), np.float64)


ONE_PULSE = BiphasicPulsePolicy()


def _fields(inputs: Any) -> dict[str, Any]:
    if inputs is None:
        return {}
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if isinstance(inputs, np.ndarray) and inputs.size == 1:  # an action
        inputs = inputs.item()
    return {"amplitude": checks.number("inputs", inputs, unit="µA")}


def column_of(env: Any, channel: int) -> int:
    """The column of inputs that the electrode `channel` of an env's array has.

    Raises:
        ValueError: there is no such electrode.
    """
    ids = env.io.input_ids.tolist()
    return int(ids.index(checks.choice("channel", channel, ids)))


def strongest(env: Any) -> int:
    """The column of the electrode that couples most strongly to the cells of an env.

    Raises:
        ValueError: none reaches a cell.
    """
    strengths = env.io.strengths(env.stimulus_coordinates())
    if not strengths.any():
        raise ValueError(f"no channel of {env.io!r} reaches a cell")
    return int(np.argmax(strengths))
