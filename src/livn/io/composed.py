"""Two IOs as one: stimulate through the first, record through the second."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from livn import checks
from livn.io.base import IO

if TYPE_CHECKING:
    import pandas as pd

    from livn.stimulus import Stimulus

__all__ = ["ComposedIO"]


class ComposedIO(IO):
    """Stimulation from `inputs`; recording, distances and channel ids from `outputs`.

    Args:
        inputs: an IO, whose channels take the stimuli.
        outputs: an IO, whose channels record.
    """

    def __init__(self, inputs: IO, outputs: IO) -> None:
        self.inputs, self.outputs = (_part(name, part) for name, part in (("inputs", inputs), ("outputs", outputs)))

    @property
    def channel_ids(self) -> np.ndarray:
        """int64[C], of the recording channels."""
        return self.outputs.channel_ids

    @property
    def input_ids(self) -> np.ndarray:
        """int64[num_inputs], the ids of the stimulating channels."""
        return self.inputs.input_ids

    @property
    def input_units(self) -> str | None:
        """Unit of the inputs."""
        return self.inputs.input_units

    @property
    def input_space(self) -> Any:
        """The Gymnasium space of one row of inputs."""
        return self.inputs.input_space

    def cell_stimulus(self, neuron_coordinates: ArrayLike, channel_inputs: ArrayLike, dt: float = 1.0) -> Stimulus:
        """See `IO.cell_stimulus`."""
        return self.inputs.cell_stimulus(neuron_coordinates, channel_inputs, dt)

    def stream(
        self, neuron_coordinates: ArrayLike, window: Callable[[float, float], np.ndarray], extent: float, dt: float
    ) -> Stimulus:
        """See `IO.stream`."""
        return self.inputs.stream(neuron_coordinates, window, extent, dt)

    def reach(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """See `IO.reach`."""
        return self.inputs.reach(neuron_coordinates)

    def strengths(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """See `IO.strengths`."""
        return self.inputs.strengths(neuron_coordinates)

    def channel_recording(self, neuron_coordinates: ArrayLike, ids: ArrayLike, *arrays: ArrayLike) -> Any:
        """See `IO.channel_recording`."""
        return self.outputs.channel_recording(neuron_coordinates, ids, *arrays)

    def distances(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """See `IO.distances`."""
        return self.outputs.distances(neuron_coordinates)

    def source_gain(self, distances: ArrayLike) -> np.ndarray:
        """See `IO.source_gain`."""
        return self.outputs.source_gain(distances)

    def potential_recording(self, distances: ArrayLike, currents: ArrayLike) -> np.ndarray:
        """See `IO.potential_recording`."""
        return self.outputs.potential_recording(distances, currents)

    def potentials(
        self, neuron_coordinates: ArrayLike, currents: ArrayLike, channels: Sequence[int] | None = None
    ) -> np.ndarray:
        """See `IO.potentials`."""
        return self.outputs.potentials(neuron_coordinates, currents, channels)

    def channel_contribution(self, neuron_coordinates: ArrayLike, channel: int) -> pd.DataFrame:
        """See `IO.channel_contribution`."""
        return self.outputs.channel_contribution(neuron_coordinates, channel)

    def set_params(self, params: Mapping[str, Any]) -> Self:
        """Set parameters of a part: `inputs-<name>`, `outputs-<name>`; all or none."""
        parts: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
        for name, value in checks.mapping("params", params, "parameters of the IO").items():
            part, _, rest = name.partition("-")
            parts[checks.choice("part of the IO", part, parts, KeyError)][rest] = value
        self.outputs.clone().set_params(parts["outputs"])  # which raises before anything is set
        self.inputs.set_params(parts["inputs"])
        self.outputs.set_params(parts["outputs"])
        return self

    def _document(self) -> dict[str, Any]:
        return {"inputs": json.loads(self.inputs.as_json()), "outputs": json.loads(self.outputs.as_json())}


def _part(name: str, part: Any) -> IO:
    if isinstance(part, dict):  # as JSON has it
        return IO.from_json(json.dumps(part))
    if not isinstance(part, IO):
        raise TypeError(f"{name} must be an IO, such as MEA(), got {part!r:.200}")
    return part
