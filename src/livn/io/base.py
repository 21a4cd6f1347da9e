"""What electrodes, lights and the like have in common: channels in, channels out."""

from __future__ import annotations

import copy
import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike

from livn import checks
from livn.checks import choice, unknown
from livn.revival import from_document
from livn.stimulus import Stimulus

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IO", "warn_of_idle"]


class IO:
    """The way from channels to cells and back. This base has no channels; a subclass overrides what it supports.

    Coordinates are those of a model: `model.stimulus_coordinates` and `model.recording_coordinates`, float [M, 4] of
    gid, x, y, z (µm), the rows of one cell beside each other, its soma first.
    """

    @property
    def num_channels(self) -> int:
        """Number of channels C."""
        return len(self.channel_ids)

    @property
    def channel_ids(self) -> np.ndarray:
        """int64[C], the ids of the channels, in the order of the columns of inputs and of the rows of recordings."""
        return np.empty(0, np.int64)

    @property
    def num_inputs(self) -> int:
        """Number of columns of inputs, that of the channels unless others record than stimulate."""
        return len(self.input_ids)

    @property
    def input_ids(self) -> np.ndarray:
        """int64[num_inputs], the ids of the channels that take inputs."""
        return self.channel_ids

    @property
    def input_units(self) -> str | None:
        """Unit of the inputs, None if there are none."""
        return None

    @property
    def input_space(self) -> Any:
        """The Gymnasium space of one row of inputs."""
        self._lacks("input_space")

    def cell_stimulus(self, neuron_coordinates: ArrayLike, channel_inputs: ArrayLike, dt: float = 1.0) -> Stimulus:
        """The stimulus that inputs of the channels [T, C], rows of `dt` ms, are to the cells."""
        self._lacks("cell_stimulus")

    def stream(
        self,
        neuron_coordinates: ArrayLike,
        window: Callable[[float, float], np.ndarray],
        extent: float,
        dt: float,
    ) -> Stimulus:
        """The same of a function of time, a window at a time, so that a long protocol need not fit in memory.

        Args:
            neuron_coordinates: [M, 4].
            window: `window(start_ms, stop_ms)` -> inputs [rows, C], rows of `dt` ms.
            extent: of the protocol, ms.
            dt: ms.
        """
        coordinates = np.array(neuron_coordinates, np.float64)
        form = self.cell_stimulus(coordinates, np.zeros((1, self.num_inputs)), dt)

        def source(start: float, stop: float) -> np.ndarray:
            return np.asarray(self.cell_stimulus(coordinates, window(start, stop), dt))

        return Stimulus(
            dt=dt,
            gids=form.gids,
            sections=form.sections,
            input_mode=form.input_mode,
            units=form.units,
            source=source,
            extent=extent,
            **form.extra,
        )

    def channel_recording(self, neuron_coordinates: ArrayLike, ids: ArrayLike, *arrays: ArrayLike) -> Any:
        """What was recorded of cells, by channel: {channel: ids} and for each array {channel: its entries}."""
        self._lacks("channel_recording")

    def distances(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """float64[C·M, 3]: channel id, gid, distance in µm, channel by channel."""
        self._lacks("distances")

    def source_gain(self, distances: ArrayLike) -> np.ndarray:
        """The potential at a channel per membrane current at these distances [µm], µV per µA."""
        self._lacks("source_gain")

    def potential_recording(self, distances: ArrayLike, currents: ArrayLike) -> np.ndarray:
        """float64[C, T] µV: field potentials of membrane currents [M, T] µA; `distances` as `distances` returns."""
        self._lacks("potential_recording")

    def reach(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """float64[C, M]: how strongly each channel acts on each row, per unit of input; 0 where it does not."""
        self._lacks("reach")

    def potentials(
        self, neuron_coordinates: ArrayLike, currents: ArrayLike, channels: Sequence[int] | None = None
    ) -> np.ndarray:
        """`potential_recording` of the currents at these coordinates, for all channels or for some.

        Args:
            neuron_coordinates: [M, 4].
            currents: [M, T], membrane currents, µA.
            channels: ids, in the order of the result's rows; None: all.

        Returns:
            float64[len(channels), T], µV.

        Raises:
            ValueError: an unknown channel, or currents of another number of rows.
        """
        wanted = self._places_of(channels)
        return self.potential_recording(self.distances(neuron_coordinates), currents)[wanted]

    def _places_of(self, channels: Sequence[int] | None) -> list[int]:
        """The rows of channels in a recording."""
        ids = self.channel_ids.tolist()
        return list(range(len(ids))) if channels is None else [ids.index(choice("channel", c, ids)) for c in channels]

    def strengths(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """float64[C]: how strongly each channel acts on all rows together, per unit of input."""
        return np.asarray(self.reach(neuron_coordinates)).sum(axis=1)

    def channel_contribution(self, neuron_coordinates: ArrayLike, channel: int) -> pd.DataFrame:
        """What each row contributes to the recordings of a channel."""
        self._lacks("channel_contribution")

    def set_params(self, params: Mapping[str, Any]) -> Self:
        """Set parameters by name.

        Raises:
            KeyError: an unknown name.
        """
        for name in checks.mapping("params", params, "parameters of the IO"):
            raise unknown("parameter", name, (), KeyError, where=repr(self))
        return self

    def _document(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON takes them."""
        return {}

    def as_json(self) -> str:
        """The class and its arguments as JSON text.

        Raises:
            NotImplementedError: a class of one's own whose `_document` does not tell its arguments.
        """
        document = self._document()
        missing = [p for p in inspect.signature(type(self)).parameters if p not in document]
        if missing:
            raise NotImplementedError(
                f"{type(self).__name__} must define _document(), the arguments from which it can be made again: "
                f"{', '.join(missing)} would be lost"
            )
        return json.dumps({"cls": type(self).__name__, **document})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `as_json` wrote.

        Raises:
            ValueError: no JSON, an unknown class, or arguments that are not legal.
        """
        return from_document(cls, text)

    @classmethod
    def from_directory(cls, directory: str | os.PathLike[str]) -> IO:
        """The electrodes of a system's directory, its `mea.json`; channel-less without one.

        Raises:
            FileNotFoundError: no such directory.
            DamagedFile: a file that describes no electrodes.
        """
        from livn.system import System

        path = checks.path("directory", directory, "a path")
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is not a directory, or does not exist")
        return System(path).default_io()

    def clone(self) -> Self:
        """An equal IO that shares nothing with this one."""
        return copy.deepcopy(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        try:
            return other is self or other.as_json() == self.as_json()
        except NotImplementedError:  # of a class that doesn't tell what it is made of, an object is itself alone
            return False

    __hash__ = None  # type: ignore[assignment]  # its parameters can be set

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_channels} channels)"

    def _lacks(self, what: str) -> NoReturn:
        have = "has no channels" if not self.num_channels else "does not support it"
        raise NotImplementedError(
            f"{type(self).__name__}.{what}: this IO {have}; an array of electrodes is livn.io.MEA"
        )


def warn_of_idle(channels: np.ndarray, stacklevel: int) -> None:
    """Say that inputs of these channels do nothing."""
    names = ("channel " if len(channels) == 1 else "channels ") + ", ".join(map(str, channels.tolist()))
    text = f"no cell is within reach of {names}, whose input does nothing"
    warnings.warn(text, RuntimeWarning, stacklevel=stacklevel)
