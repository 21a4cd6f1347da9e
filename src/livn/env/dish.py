"""A culture on its electrodes: the calls of its IO with this culture's coordinates filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from livn import checks
from livn.env.culture import Culture
from livn.io.base import warn_of_idle
from livn.network import Network
from livn.run import Run
from livn.stimulus import Stimulus

__all__ = ["Dish"]


class Dish(Culture):
    """What electrodes do to the simulated cells, and what they hear of them.

    Attributes:
        encoding, decoding: those of the last `env(decoding, inputs, encoding)`.
    """

    encoding: Any = None
    decoding: Any = None
    _places: tuple[Network, np.ndarray, np.ndarray] | None = None

    def stimulus_coordinates(self) -> np.ndarray:
        """float64[M, 4]: gid, x, y, z [µm] of where stimuli act, ascending by gid, a cell's soma first."""
        return self._coordinates()[0].copy()

    def recording_coordinates(self) -> np.ndarray:
        """float64[M, 4]: gid, x, y, z [µm] of where membrane currents are recorded, the rows of `run.current`."""
        return self._coordinates()[1].copy()

    def _coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        network = self._network or self._ensure_network()  # within a run too, which asks for its stimulus
        if self._places is None or self._places[0] is not network:
            stimulus = self._rows(network, self.model.stimulus_coordinates)
            self._places = network, stimulus, self._rows(network, self.model.recording_coordinates)
        return self._places[1:]

    def _rows(self, network: Network, of: Callable[..., np.ndarray]) -> np.ndarray:
        """The rows that the model has for the simulated cells."""
        cells = np.asarray(self.system.neuron_coordinates, np.float64)
        at = np.argsort(cells[:, 0])[np.searchsorted(np.sort(cells[:, 0]), network.gids)]
        blocks = [of(cells[at[members]], population=name) for name, members in network.populations.items()]
        rows = np.concatenate(blocks)
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def cell_stimulus(self, channel_inputs: ArrayLike, dt: float = 1.0) -> Stimulus:
        """What inputs of the channels are to the cells.

        Args:
            channel_inputs: [T, C], in the unit of the IO, µA for electrodes.
            dt: how long a row holds, ms.

        Returns:
            The Stimulus, to be given to `run`.

        Raises:
            ValueError: inputs of another width, NaN, dt <= 0.
            NotImplementedError: the IO has no channels, or does not stimulate.
        """
        stimulus: Stimulus = self._io().cell_stimulus(self._coordinates()[0], channel_inputs, dt)
        if stimulus.array is not None and not stimulus.array.any():
            idle = np.asarray(channel_inputs).any(axis=0)
            if idle.any():
                warn_of_idle(self.io.input_ids[idle], stacklevel=3)
        return stimulus

    def channel_recording(self, ids: ArrayLike, *arrays: ArrayLike) -> Any:
        """What was recorded of cells, by the channels that hear them.

        Args:
            ids: int[n], the cell of each entry, such as `run.spike_ids`.
            *arrays: [n, ...], entries, such as `run.spike_times`.

        Returns:
            {channel: ids}, and for each array {channel: its entries}; the one dict alone without arrays. Every channel
            is a key.

        Raises:
            ValueError: a cell that is not simulated, or arrays that do not go with the ids.
            NotImplementedError: the IO does not record.
        """
        if ids is None:
            raise ValueError("ids is None, so nothing was recorded: call env.record_spikes() before the run")
        if isinstance(ids, Run):
            raise TypeError("ids must be those of cells, got a Run: give run.spike_ids, run.spike_times")
        return self._io().channel_recording(self._coordinates()[1], ids, *arrays)

    def potential_recording(
        self, currents: ArrayLike, ids: ArrayLike | None = None, channels: Sequence[int] | None = None
    ) -> np.ndarray:
        """Field potentials at the channels.

        Args:
            currents: [M, T], membrane currents, µA, as `run.current`.
            ids: int[M], the cell of each row, as `run.current_ids`, if those of a part of the cells were recorded; all
                rows of a cell, in order. None: all cells.
            channels: ids, in the order of the result's rows; None: all.

        Returns:
            float64[C, T], µV.

        Raises:
            ValueError: rows that don't fit the cells, or an unknown channel.
            NotImplementedError: the IO does not record potentials.
        """
        if currents is None:
            raise ValueError(
                "currents is None, so nothing was recorded: call env.record_membrane_current() before the run"
            )
        rows = self._coordinates()[1]
        flowing = checks.array("currents", currents, shape=(None, None))
        if ids is not None:
            rows = rows[self._rows_of(rows[:, 0].astype(np.int64), ids)]
        if len(flowing) != len(rows):
            what = "the cells have" if ids is None else "the ids have"
            raise ValueError(
                f"currents must have one row per compartment, of which {what} {len(rows)}: "
                f"got {len(flowing)}; name the cells with ids= if only some were recorded"
            )
        return np.asarray(self._io().potentials(rows, flowing, channels))

    @staticmethod
    def _rows_of(gids: np.ndarray, ids: ArrayLike) -> np.ndarray:
        """Where the rows of these cells are among all; a cell named again means its next row."""
        wanted = checks.array("ids", ids, shape=(None,), dtype=np.int64)
        order = np.argsort(wanted, kind="stable")
        named = wanted[order]
        first, last = np.searchsorted(gids, named), np.searchsorted(gids, named, "right")
        begin, end = np.searchsorted(named, named), np.searchsorted(named, named, "right")
        wrong = end - begin != last - first
        if wrong.any():
            gid = int(named[wrong.argmax()])
            raise ValueError(
                f"ids name cell {gid} {int((named == gid).sum())} times, of which there are "
                f"{int((gids == gid).sum())} rows"
            )
        out = np.empty(len(wanted), np.int64)
        out[order] = first + np.arange(len(named)) - begin
        return out

    def recording_distances(self) -> np.ndarray:
        """float64[C·M, 3]: channel id, gid, distance in µm, for every row of `recording_coordinates`."""
        return self._io().distances(self._coordinates()[1])

    def channel_reach(self) -> np.ndarray:
        """float64[C, M]: how strongly each channel acts on each row of `stimulus_coordinates`, per unit of input.

        For electrodes mV per µA; 0 where a channel does not act.
        """
        return self._io().reach(self._coordinates()[0])

    def _io(self) -> Any:
        self._check_open()
        return self.io
