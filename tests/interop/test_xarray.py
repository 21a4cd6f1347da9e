"""Runs as xarray Datasets: labels, units, times, selections, plots, and through a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from livn import make
from livn.experiment import FIELD
from livn.interop import to_xarray
from livn.run import Run
from tests.run.helpers import example


def test_what_xarray_users_expect() -> None:
    run = example(t0=500.0)
    ds = run.to_xarray()
    assert isinstance(ds, xr.Dataset)
    assert set(ds.data_vars) == {"spike_time", "voltage", "membrane_current"}
    assert dict(ds.sizes) == {
        "spike": 3,
        "voltage_gid": 2,
        "voltage_time": 1000,
        "membrane_current_gid": 2,
        "membrane_current_time": 100,
    }
    assert ds.voltage.dims == ("voltage_gid", "voltage_time")
    assert (
        ds.voltage.sel(voltage_gid=3, voltage_time=slice(510, 519.9)).values.tolist()
        == run.voltage[1, 100:200].tolist()
    )
    assert ds.voltage.sel(voltage_time=512.34, method="nearest").voltage_time == 512.3
    assert ds.voltage.voltage_section.values.tolist() == ["soma", "soma"]
    assert "membrane_current_section" not in ds.coords
    assert ds.spike_time.values.tolist() == [500.0, 510.0, 550.0]
    assert ds.spike_time[ds.spike_gid == 1].values.tolist() == [510.0]
    assert ds.spike_time.groupby("spike_gid").count().values.tolist() == [1, 1, 1]
    assert set(ds.spike_time.to_dataframe()) == {"spike_time", "spike_gid"}
    assert set(ds.voltage.to_dataframe()) == {"voltage", "voltage_section"}


def test_rows_of_sections() -> None:
    run = Run(duration=1.0).add_voltage([1, 1, 3], [[1.0], [2.0], [3.0]], sections=["soma", "dend", "soma"])
    voltage = run.to_xarray().voltage
    assert voltage.sel(voltage_gid=1).values.tolist() == [[1.0], [2.0]]
    somata = voltage[voltage.voltage_section == "soma"]
    assert somata.voltage_gid.values.tolist() == [1, 3]
    assert somata.sel(voltage_gid=3).values.tolist() == [3.0]


def test_attributes() -> None:
    run = example(t0=500.0).add(FIELD, [7, 2], np.zeros((2, 10)), dt=10.0).add("speed", [1], np.ones((1, 10)))
    ds = run.to_xarray()
    assert ds.attrs["t0"] == 500.0
    assert ds.attrs["duration"] == 100.0
    assert ds.attrs["time_units"] == "ms"
    assert ds.attrs["source"].startswith("livn ")
    about = {"dt": 0.1, "t0": 500.0, "duration": 100.0}
    assert ds.voltage.attrs == {"long_name": "membrane potential", "units": "mV", **about}
    assert ds.membrane_current.attrs == {"long_name": "membrane current", "units": "µA", **about, "dt": 1.0}
    assert ds[FIELD].attrs["units"] == "µV"
    assert ds[FIELD].dims == ("field_potential_channel", "field_potential_time")
    assert ds[FIELD].sel(field_potential_channel=2).shape == (10,)
    assert ds.speed.attrs == {**about, "dt": 10.0}
    assert ds.spike_time.attrs == {"long_name": "spike time", "units": "ms", "t0": 500.0, "duration": 100.0}
    assert ds.voltage_time.attrs == {"long_name": "time", "units": "ms"}
    assert "duration" not in Run(t0=3.0).add_spikes([1], [2.0]).to_xarray().spike_time.attrs


def test_values_are_not_copied() -> None:
    run = example()
    assert np.shares_memory(run.to_xarray().voltage.values, run.voltage)


def test_times_are_those_of_the_grid() -> None:
    run = Run(t0=0.3).add("x", [0], np.zeros((1, 100000)), dt=0.1)
    assert run.to_xarray().x_time.values.tolist() == [round(0.3 + k * 0.1, 9) for k in range(100000)]


def test_padded_events_become_compact() -> None:
    padded = Run(duration=10.0).add("bursts", [4, 7], [[5.0, np.inf], [1.0, 2.0]], kind="events", padded=True)
    ds = padded.to_xarray()
    assert ds.bursts_time.dims == ("bursts",)
    assert ds.bursts_time.values.tolist() == [1.0, 2.0, 5.0]
    assert ds.bursts_gid.values.tolist() == [7, 7, 4]
    batch = Run(duration=10.0).add("bursts", [4], np.ones((2, 1, 1)), kind="events", padded=True)
    with pytest.raises(ValueError, match="no ragged form"):
        batch.to_xarray()


def test_more_dimensions() -> None:
    ds = Run().add("movie", [1, 2], np.zeros((2, 5, 3, 4)), dt=1.0).to_xarray()
    assert ds.movie.dims == ("movie_gid", "movie_time", "movie_dim_2", "movie_dim_3")


@pytest.mark.parametrize("run", [Run(), Run(t0=3.0, duration=0.0), Run(duration=5.0).add_spikes([], [])])
def test_empty_runs(run: Run, tmp_path: Path) -> None:
    ds = run.to_xarray()
    assert all(size == 0 for size in ds.sizes.values())
    ds.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as back:
        xr.testing.assert_equal(back, ds)


def test_a_recorded_culture_through_a_file(tmp_path: Path) -> None:
    with make("EI1") as env:
        env.record_spikes().record_voltage(sections=["soma", "dend"]).record_membrane_current(dt=1.0)
        env.run(10)
        run = env.run(50)
    ds = run.to_xarray()
    ds.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as back:
        xr.testing.assert_equal(back, ds)
        for name in ds.variables:
            assert back[name].attrs == ds[name].attrs
        assert back.attrs == ds.attrs
        assert back.voltage.sel(voltage_gid=3, voltage_time=slice(20, 30)).shape == (2, 101)


def test_plots_have_units() -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    voltage = example(t0=500.0).to_xarray().voltage
    try:
        voltage.sel(voltage_gid=3).plot()
        assert plt.gca().get_xlabel() == "time [ms]"
        assert plt.gca().get_ylabel() == "membrane potential [mV]"
    finally:
        plt.close("all")


names = st.sampled_from(["spikes", "spike", "voltage", "a", "a_time", "a_gid", "a_dim_2", "a/b", "é"]) | st.text(
    min_size=1
)


@given(st.dictionaries(names, st.integers(1, 3), max_size=4))
def test_any_channels_keep_apart(dimensions: dict[str, int]) -> None:
    """Every channel is a variable of its own, or the names are told to clash."""
    run = Run(duration=4.0)
    try:
        for k, (name, n) in enumerate(dimensions.items()):
            if n == 1:
                run = run.add(name, [k], [k + 0.5], kind="events")
            else:
                run = run.add(name, [k], np.full((1, 4, *[2] * (n - 2)), float(k)), dt=1.0)
    except TypeError:  # spikes as a series, voltages as events
        return
    try:
        ds = run.to_xarray()
    except ValueError as e:
        assert "would both become" in str(e)  # noqa: PT017
        return
    assert len(ds.data_vars) == len(run.channels)
    for k, (name, n) in enumerate(dimensions.items()):
        base = "spike" if name == "spikes" else name
        assert ds[f"{base}_gid"].values.tolist() == [k]
        values = ds[f"{base}_time"] if n == 1 else ds[base]
        assert (values == k + 0.5 * (n == 1)).all()


def test_names_that_clash() -> None:
    run = example().add("voltage_time", [1], [3.0], kind="events").add("voltage_gid", [1], [[1.0]], dt=1.0)
    with pytest.raises(ValueError, match="'voltage' and 'voltage_time' would both become 'voltage_time'"):
        run.drop("voltage_gid").to_xarray()
    with pytest.raises(ValueError, match="'voltage' and 'voltage_gid' would both become 'voltage_gid'"):
        run.drop("voltage_time").to_xarray()


def test_nonsense() -> None:
    for run in (None, 3, ([], []), example().channels):
        with pytest.raises(TypeError, match="run must be a Run"):
            to_xarray(run)  # type: ignore[arg-type]


def test_without_xarray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r'xarray is not installed: pip install "pylivn\[interop\]"'):
        example().to_xarray()


def test_importing_interop_does_not_import_it() -> None:
    code = "import sys, livn.interop; print('xarray' in sys.modules)"
    told: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"
