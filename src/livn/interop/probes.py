"""Electrodes from and to ProbeInterface, the package that describes electrode arrays to spike sorters.

Buccino AP, Hurwitz CL, Garcia S, Magland J, Siegle JH, Hurwitz R, Hennig MH. SpikeInterface, a unified framework for
spike sorting. eLife 9:e61834, 2020 (https://probeinterface.readthedocs.io).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from livn import checks
from livn.extras import optional
from livn.io.arrays import MOST
from livn.io.mea import MEA

__all__ = ["from_probe", "to_probe"]

MICROMETRES = {"um": 1.0, "µm": 1.0, "mm": 1e3, "m": 1e6}
M = TypeVar("M", bound=MEA)
NOTE = "livn"
"""Name of the annotation that keeps what a probe has no place for."""


def from_probe(cls: type[M], probe: Any, z: float, options: dict[str, Any]) -> M:
    """See `MEA.from_probe`."""
    package = optional("probeinterface", "interop")
    if not isinstance(probe, package.Probe | package.ProbeGroup):
        raise TypeError(f"probe must be a probeinterface.Probe or ProbeGroup, got {probe!r:.200}")
    legal = ("input_radius", "output_radius", "volume_conductor")
    for name in options:
        if name not in legal:
            raise checks.unknown("option", name, legal, TypeError, where=f"{cls.__name__}.from_probe")
    probes = [probe] if isinstance(probe, package.Probe) else list(probe.probes)
    if not probes or any(p.contact_positions is None or not len(p.contact_positions) for p in probes):
        raise ValueError("probe must have contacts: probe.set_contacts(...) gives it some")
    contacts = probe.to_numpy(complete=True)
    scale = np.array([MICROMETRES[checks.choice("unit", str(u), MICROMETRES)] for u in contacts["si_units"]])
    height = checks.number("z", z, unit="µm")
    heights = contacts["z"] * scale if probe.ndim == 3 else np.full(len(contacts), height)
    places = np.column_stack([_ids(contacts), contacts["x"] * scale, contacts["y"] * scale, heights])
    noted = probes[0].annotations.get(NOTE, {}) if len(probes) == 1 else {}
    given = {name: noted[name] for name in legal if name in noted} | options
    if options.get("volume_conductor") is None:
        given["volume_conductor"] = {**noted.get("volume_conductor", {}), **_radius(contacts, scale)}
    elif isinstance(options["volume_conductor"], Mapping):
        given["volume_conductor"] = {**_radius(contacts, scale), **options["volume_conductor"]}
    return cls(places, **given)


def to_probe(mea: MEA) -> Any:
    """See `MEA.to_probe`."""
    places, medium = mea.electrode_coordinates[:, 1:], mea.volume_conductor
    ndim = 3 if places[:, 2].any() else 2
    probe = optional("probeinterface", "interop").Probe(ndim=ndim, si_units="um", name="MEA")
    probe.set_contacts(
        positions=places[:, :ndim],
        shapes="circle",
        shape_params={"radius": medium["electrode_radius_um"]},
        plane_axes=np.tile(np.eye(ndim)[:2], (len(places), 1, 1)),
    )
    probe.set_contact_ids(mea.channel_ids.astype(str))
    probe.set_device_channel_indices(np.arange(len(places)))
    radii = {"input_radius": mea.input_radius, "output_radius": mea.output_radius}
    probe.annotate(**{NOTE: {**radii, "volume_conductor": medium}})
    return probe


def _ids(contacts: np.ndarray) -> np.ndarray:
    names, n = contacts["contact_ids"].tolist(), len(contacts)
    if all(name.isascii() and name.isdigit() for name in names):
        ids = [int(name) for name in names]
        if len(set(ids)) == n and max(ids) < MOST:
            return np.array(ids)
    indices = contacts["device_channel_indices"]
    if (indices >= 0).all() and len(np.unique(indices)) == n:
        return np.asarray(indices)
    return np.arange(n)


def _radius(contacts: np.ndarray, scale: np.ndarray) -> dict[str, float]:
    """`electrode_radius_um` of contacts that are circles of one size."""
    if (contacts["contact_shapes"] != "circle").any():
        return {}
    radii = contacts["radius"] * scale
    return {"electrode_radius_um": float(radii[0])} if np.allclose(radii, radii[0], rtol=1e-9, atol=0.0) else {}
