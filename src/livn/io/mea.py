"""A multi-electrode array under or in a culture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from livn import checks
from livn.columns import allow
from livn.extras import gymnasium
from livn.io.arrays import Heard, apart, calculate_distances, checked_rows, electrode_array_coordinates
from livn.io.base import IO
from livn.io.coupling import Coupling
from livn.stimulus import Stimulus

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INPUT_LIMIT", "MEA", "VOLUME_CONDUCTOR"]

VOLUME_CONDUCTOR: Mapping[str, float] = {
    "stimulation_gain": 1000.0 * 3.5 / (4.0 * math.pi),  # mV µm / µA: a point source in a medium of 3.5 Ω m
    "recording_gain": 265258.0,  # µV µm / µA: 1e6/(4 pi 0.3 S/m)
    "min_distance_um": 5.0,
    "electrode_radius_um": 15.0,
    "culture_height_um": 50.0,
}
"""Parameters of the medium. Point sources in a homogeneous volume conductor: Plonsey & Barr, Bioelectricity, 2007."""

INPUT_LIMIT = 100.0
"""Largest current of `MEA.input_space`, µA: next to the electrode it makes a potential of half a volt."""


class MEA(IO):
    """Electrodes that stimulate [µA] and record, as point sources and points in a homogeneous medium.

    Args:
        electrode_coordinates: float[C, 4], id, x, y, z, µm; None: `electrode_array_coordinates()`.
        input_radius: an electrode acts on the cells whose soma lies within this distance, µm.
        output_radius: an electrode hears units and membrane currents within this distance, µm.
        volume_conductor: some of `VOLUME_CONDUCTOR`, the others as there.

    Raises:
        ValueError: coordinates of another shape, ids that are no whole numbers >= 0 or not unique, a radius <= 0.
        KeyError: an unknown parameter of the volume conductor.
    """

    def __init__(
        self,
        electrode_coordinates: ArrayLike | None = None,
        input_radius: float = 250.0,
        output_radius: float = 250.0,
        volume_conductor: Mapping[str, float] | None = None,
    ) -> None:
        if electrode_coordinates is None:
            electrode_coordinates = electrode_array_coordinates()
        self._electrodes = _checked_electrodes(electrode_coordinates)
        self._ids = self._electrodes[:, 0].astype(np.int64)
        for array in (self._electrodes, self._ids):
            array.flags.writeable = False
        self._radii = {
            name: _checked_radius(name, value)
            for name, value in (("input_radius", input_radius), ("output_radius", output_radius))
        }
        self._medium = dict(VOLUME_CONDUCTOR) | _checked_medium({} if volume_conductor is None else volume_conductor)
        self._coupled: Coupling | None = None
        self._listening: Coupling | None = None
        self._heard: tuple[np.ndarray, Heard] | None = None

    # What it is

    @property
    def electrode_coordinates(self) -> np.ndarray:
        """float64[C, 4], id, x, y, z, µm, read-only."""
        return self._electrodes

    @property
    def input_radius(self) -> float:
        """How far an electrode acts, µm."""
        return self._radii["input_radius"]

    @property
    def output_radius(self) -> float:
        """How far an electrode hears, µm."""
        return self._radii["output_radius"]

    @property
    def volume_conductor(self) -> dict[str, float]:
        """The parameters of the medium, a copy; `set_params` sets them."""
        return dict(self._medium)

    @property
    def channel_ids(self) -> np.ndarray:
        """int64[C], the ids of the electrodes."""
        return self._ids

    @property
    def input_units(self) -> str:
        """µA."""
        return "µA"

    @property
    def input_space(self) -> Any:
        """A Gymnasium Box of C currents, µA, within ±`INPUT_LIMIT`."""
        return gymnasium().spaces.Box(-INPUT_LIMIT, INPUT_LIMIT, (self.num_channels,), np.float64)

    # Stimulation

    def cell_stimulus(self, neuron_coordinates: ArrayLike, channel_inputs: ArrayLike, dt: float = 1.0) -> Stimulus:
        """The extracellular potentials of electrode currents, one column per row of coordinates.

        A current I makes the potential `stimulation_gain·I/√(r² + h²)`, with `h² = electrode_radius_um² +
        culture_height_um²` and r the distance in three dimensions. A cell is reached if its soma lies within
        `input_radius`; then all its rows get their potential.

        Args:
            neuron_coordinates: float[M, 4], `model.stimulus_coordinates`.
            channel_inputs: [T, C], µA.
            dt: how long a row of inputs holds, ms.

        Returns:
            A Stimulus in mV, [T, M].

        Raises:
            ValueError: inputs of another width, NaN.
            MemoryError: the stimulus would pass LIVN_MAX_STIMULUS_GB; a policy is rendered a window at a time.
        """
        coupling = self._coupling(neuron_coordinates)
        inputs = checks.array("channel_inputs", channel_inputs)
        if inputs.ndim != 2 or inputs.shape[1] != self.num_channels or not len(inputs):
            raise ValueError(
                f"channel_inputs must have the shape [T, {self.num_channels}], one column per electrode, "
                f"got {list(inputs.shape)}"
            )
        allow(len(inputs), len(coupling.gids))
        return Stimulus(coupling.potentials(inputs), dt, coupling.gids, "extracellular")

    def stream(
        self, neuron_coordinates: ArrayLike, window: Callable[[float, float], np.ndarray], extent: float, dt: float
    ) -> Stimulus:
        """See `IO.stream`; the stimulus has columns for the cells alone that some electrode reaches.

        Raises:
            ValueError: no electrode reaches a cell.
        """
        coupling = self._coupling(neuron_coordinates)
        reached = coupling.reached
        if not len(reached):
            raise ValueError(f"no electrode of {self!r} reaches a cell: no soma lies within {self.input_radius:g} µm")

        def source(start: float, stop: float) -> np.ndarray:
            return coupling.potentials(window(start, stop), reached)

        return Stimulus(dt=dt, gids=coupling.gids[reached], input_mode="extracellular", source=source, extent=extent)

    def reach(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """float64[C, M]: the potential that 1 µA of each electrode makes at each row, mV; 0 where it does not reach."""
        return self._coupling(neuron_coordinates).dense()

    def strengths(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """float64[C]: the sum of `reach` over the rows, for each electrode."""
        return self._coupling(neuron_coordinates).strengths

    def _coupling(self, neuron_coordinates: ArrayLike) -> Coupling:
        rows = checked_rows("neuron_coordinates", neuron_coordinates)
        if self._coupled is None or not np.array_equal(self._coupled.coordinates, rows):
            m = self._medium
            height = m["electrode_radius_um"] ** 2 + m["culture_height_um"] ** 2
            self._coupled = Coupling(
                rows,
                self._electrodes,
                self.input_radius,
                lambda r: m["stimulation_gain"] / np.sqrt(r**2 + height),
                by_soma=True,
            )
        return self._coupled

    # Recording

    def distances(self, neuron_coordinates: ArrayLike) -> np.ndarray:
        """See `IO.distances`."""
        return calculate_distances(neuron_coordinates, self._electrodes)

    def source_gain(self, distances: ArrayLike) -> np.ndarray:
        """`recording_gain/(r + min_distance_um)`, µV per µA, at distances r [µm]."""
        r = checks.array("distances", distances)
        if (r < 0.0).any():
            raise ValueError(f"distances must be >= 0 µm, got {r.min():g}")
        return np.asarray(self._medium["recording_gain"] / (r + self._medium["min_distance_um"]))

    def channel_recording(self, neuron_coordinates: ArrayLike, ids: ArrayLike, *arrays: ArrayLike) -> Any:
        """What was recorded of cells, by the electrodes that hear them: a cell appears on each within `output_radius`.

        Args:
            neuron_coordinates: float[M, 4]; the first row of a gid is its soma.
            ids: int[n], the cell of each entry.
            *arrays: [n, ...], entries.

        Returns:
            {channel: ids}, and for each array {channel: its entries}; every channel is a key.

        Raises:
            ValueError: a cell without coordinates, or arrays that do not go with the ids.
        """
        rows = checked_rows("neuron_coordinates", neuron_coordinates)
        unknown = np.setdiff1d(np.asarray(ids), rows[:, 0])
        if unknown.size:
            raise ValueError(f"ids must be cells that have coordinates, got {unknown[0]}")
        if self._heard is None or not np.array_equal(self._heard[0], rows):
            gids, soma = np.unique(rows[:, 0].astype(np.int64), return_index=True)
            somata, ids_here = rows[soma], self._ids.tolist()
            near = (apart(somata, electrode) <= self.output_radius for electrode in self._electrodes)
            self._heard = rows, Heard({c: gids[n] for c, n in zip(ids_here, near, strict=True)})
        return self._heard[1].sort(ids, *arrays)

    def potential_recording(self, distances: ArrayLike, currents: ArrayLike) -> np.ndarray:
        """The field potential at each electrode: Σ recording_gain·I/(r + min_distance_um) over the rows within
        `output_radius`.

        Args:
            distances: [C·M, 3], as `distances` returns it.
            currents: [M, T], membrane currents, µA.

        Returns:
            float64[C, T], µV.

        Raises:
            ValueError: shapes that do not go together.
        """
        flowing = checks.array("currents", currents, shape=(None, None))
        table, wanted = np.asarray(distances), (self.num_channels * len(flowing), 3)
        if table.shape != wanted:
            raise ValueError(
                f"distances must have the shape {list(wanted)}, a row per electrode and row of currents, "
                f"got {list(table.shape)}"
            )
        r = checks.array("distances", table[:, 2]).reshape(self.num_channels, len(flowing))
        out = np.empty((self.num_channels, flowing.shape[1]))
        for row, far in zip(out, r, strict=True):
            near = np.flatnonzero(far <= self.output_radius)
            row[:] = self.source_gain(far[near]) @ flowing[near]
        return out

    def potentials(
        self, neuron_coordinates: ArrayLike, currents: ArrayLike, channels: Sequence[int] | None = None
    ) -> np.ndarray:
        """See `IO.potentials`; what is near each electrode is found once for the same coordinates."""
        rows = checked_rows("neuron_coordinates", neuron_coordinates)
        flowing = checks.array("currents", currents, shape=(len(rows), None))
        wanted = self._places_of(channels)
        if self._listening is None or not np.array_equal(self._listening.coordinates, rows):
            self._listening = Coupling(rows, self._electrodes, self.output_radius, self.source_gain, by_soma=False)
        return self._listening.sums(flowing, wanted)

    def channel_contribution(self, neuron_coordinates: ArrayLike, channel: int) -> pd.DataFrame:
        """What the rows within `output_radius` contribute to an electrode's potential at equal currents.

        Args:
            neuron_coordinates: float[M, 4], `model.recording_coordinates`.
            channel: an id.

        Returns:
            `gid`, `distance_um`, `gain` (µV per µA) and `contribution_pct`, the strongest first.

        Raises:
            ValueError: no such channel.
        """
        import pandas as pd

        at = self.channel_ids.tolist().index(checks.choice("channel", channel, self.channel_ids.tolist()))
        rows = checked_rows("neuron_coordinates", neuron_coordinates)
        r = apart(rows, self._electrodes[at])
        near = np.flatnonzero(r <= self.output_radius)
        near = near[np.argsort(r[near], kind="stable")]
        gain = self.source_gain(r[near])
        share = 100.0 * gain / gain.sum() if len(near) else gain
        columns = {"gid": rows[near, 0].astype(np.int64), "distance_um": r[near], "gain": gain}
        return pd.DataFrame(columns | {"contribution_pct": share})

    # Parameters and forms

    def set_params(self, params: Mapping[str, Any]) -> Self:
        """Set `input_radius`, `output_radius` [µm] or `volume_conductor-<key>`; all or none.

        Raises:
            KeyError: an unknown name.
            ValueError, TypeError: a value that is not legal.
        """
        radii: dict[str, float] = {}
        medium: dict[str, float] = {}
        legal = [*self._radii, *(f"volume_conductor-{key}" for key in self._medium)]
        for name, value in checks.mapping("params", params, "parameters of the MEA").items():
            checks.choice("parameter of the MEA", name, legal, KeyError)
            if name in self._radii:
                radii[name] = _checked_radius(name, value)
            else:
                medium |= _checked_medium({name.removeprefix("volume_conductor-"): value})
        self._radii |= radii
        self._medium |= medium
        self._coupled = self._listening = self._heard = None
        return self

    @classmethod
    def from_probe(cls, probe: Any, z: float = 0.0, **options: Any) -> Self:
        """The electrodes of a `probeinterface.Probe` or `ProbeGroup`.

        Ids are the contact ids where all of them are whole numbers and different; else the device channel indices where
        every contact has its own; else 0, 1, 2, ... in the order of the contacts. Contacts that are circles of one size
        set `electrode_radius_um`.

        Args:
            probe: contacts in two or three dimensions, in um, mm or m.
            z: height of the electrodes of a probe of two dimensions, µm.
            **options: `input_radius`, `output_radius` and `volume_conductor`; where one is missing, what `to_probe` has
                noted in the probe, else the default.

        Raises:
            ImportError: ProbeInterface is not installed.
            TypeError: no probe, or an unknown option.
            ValueError: a probe without contacts, in other units, or an option that is not legal.
        """
        from livn.interop.probes import from_probe

        return from_probe(cls, probe, z, options)

    def to_probe(self) -> Any:
        """A `probeinterface.Probe` of these electrodes, from which `from_probe` makes an equal MEA.

        Contacts are circles of `electrode_radius_um`, named by the ids; their device channel indices are the rows of
        recordings. It has two dimensions if all electrodes lie at z = 0, else three. The annotation `livn` keeps the
        radii and the medium.

        Raises:
            ImportError: ProbeInterface is not installed.
            ValueError: two electrodes at one place.
        """
        from livn.interop.probes import to_probe

        return to_probe(self)

    def _document(self) -> dict[str, Any]:
        return {
            "electrode_coordinates": self._electrodes.tolist(),
            **self._radii,
            "volume_conductor": dict(self._medium),
        }


def _checked_electrodes(value: ArrayLike) -> np.ndarray:
    a = checked_rows("electrode_coordinates", value)
    if not len(a):
        raise ValueError("electrode_coordinates must name at least one electrode; an IO without channels is IO()")
    ids, count = np.unique(a[:, 0], return_counts=True)
    if (count > 1).any():
        raise ValueError(f"electrode_coordinates[:, 0] must be unique ids, got {ids[count > 1][0]:g} twice")
    return a


def _checked_radius(name: str, value: Any) -> float:
    return checks.number(name, value, above=0.0, high=1e9, unit="µm")


def _checked_medium(values: Mapping[str, Any]) -> dict[str, float]:
    out = {}
    for key, value in checks.mapping("volume_conductor", values, "parameters of the medium").items():
        checks.choice("parameter of the volume conductor", key, VOLUME_CONDUCTOR, KeyError)
        bounds: dict[str, Any] = {"low": 0.0} if key == "culture_height_um" else {"above": 0.0}
        out[key] = checks.number(f"volume_conductor[{key!r}]", value, high=1e9, **bounds)
    return out
