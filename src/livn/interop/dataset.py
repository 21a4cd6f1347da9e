"""A run as an xarray Dataset: labelled arrays with units, which plot and store themselves.

Hoyer S, Hamman J. xarray: N-D labeled arrays and datasets in Python. J Open Res Softw 5:10, 2017
(https://docs.xarray.dev).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livn import get_version
from livn.extras import optional
from livn.recordings import tidy
from livn.run import CURRENT, FIELD, SPIKES, VOLTAGE, Events, Run, Series

if TYPE_CHECKING:
    import xarray

__all__ = ["to_xarray"]

QUANTITIES = {
    VOLTAGE: {"long_name": "membrane potential", "units": "mV"},
    CURRENT: {"long_name": "membrane current", "units": "µA"},
    FIELD: {"long_name": "field potential", "units": "µV"},
}
"""What is measured, where that is known."""


def to_xarray(run: Run) -> xarray.Dataset:
    """A run as an `xarray.Dataset`; times are absolute, in ms.

    A series `voltage` becomes the variable `voltage` with the dimensions `voltage_gid` and `voltage_time` (further ones
    are `voltage_dim_2`, ...), and the coordinate `voltage_section` where sections are told apart; the rows of field
    potentials are `field_potential_channel`. Its values are those of the run, read-only.

    Events `bursts` become the variable `bursts_time` with the dimension `bursts` and the coordinate `bursts_gid`; those
    of the channel `spikes` are called `spike`. Padded events are made compact.

    So `ds.voltage.sel(voltage_gid=3, voltage_time=slice(100, 200)).plot()` is a trace, `ds.spike_time[ds.spike_gid ==
    3]` are the spikes of a cell. Attributes: `t0` and `duration` (ms, left out if unknown) of the dataset and of each
    variable, `dt` of series, and `long_name` and `units` as far as they are known.

    Args:
        run: any; under MPI what `run.gather()` returned.

    Raises:
        ImportError: xarray is not installed.
        TypeError: no Run.
        ValueError: names of channels that lead to the same variable, or a batch of padded events.
    """
    xr = optional("xarray", "interop")
    if not isinstance(run, Run):
        raise TypeError(f"run must be a Run, as env.run returns it, got {run!r:.200}")
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for name, channel in run.channels.items():
        made, labels = _series(name, channel) if isinstance(channel, Series) else _events(name, channel)
        for key in {*made, *labels, *(dimension for dimensions, _, _ in made.values() for dimension in dimensions)}:
            if key in owners:
                raise ValueError(f"the channels {owners[key]!r} and {name!r} would both become {key!r}; drop() one")
            owners[key] = name
        variables |= made
        coordinates |= labels
    about = {"source": f"livn {get_version()}", "time_units": "ms", **_window(run.t0, run.duration)}
    dataset: xarray.Dataset = xr.Dataset(variables, coordinates, about)
    return dataset


def _series(name: str, series: Series) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variable and the coordinates of a series: dimensions, values, attributes."""
    kind = "channel" if name == FIELD else "gid"
    row, time = f"{name}_{kind}", f"{name}_time"
    further = [f"{name}_dim_{k}" for k in range(2, series.values.ndim)]
    about = {**QUANTITIES.get(name, {}), "dt": series.dt, **_window(series.t0, series.duration)}
    labels = {
        row: ([row], series.ids, {"long_name": kind}),
        time: ([time], tidy(series.t), {"long_name": "time", "units": "ms"}),
    }
    if series.sections is not None:
        labels[f"{name}_section"] = ([row], series.sections, {"long_name": "section"})
    return {name: ([row, time, *further], series.values, about)}, labels


def _events(name: str, events: Events) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same of events."""
    name, compact = "spike" if name == SPIKES else name, events.compact()
    about = {"long_name": f"{name} time", "units": "ms", **_window(events.t0, events.duration)}
    times = tidy(events.t0 + compact.times)
    return {f"{name}_time": ([name], times, about)}, {f"{name}_gid": ([name], compact.ids, {"long_name": "gid"})}


def _window(t0: float, duration: float | None) -> dict[str, float]:
    return {"t0": t0} if duration is None else {"t0": t0, "duration": duration}
