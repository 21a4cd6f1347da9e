"""What holds for every decoding: its parameters, the keys of its result, equality, hash, pickle, hardly any input."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import livn.decoding as d
from livn import Env, Run
from livn.decoding import Decoding
from tests.decoding.helpers import RANGES, culture, trains

EACH = "{population}"
"""In `keys`: the result has one such entry per population."""


class Case(NamedTuple):
    """A decoding of defaults, and what its contract says.

    Attributes:
        decoding: with the arguments that it cannot do without.
        defaults: its parameters in order, and their default values; the required ones with those of `decoding`.
        keys: of its result; None if that is no dict.
        changes: another legal value of each parameter that has a default, all different.
        not_zero: keys that are not zero, or empty, for empty input.
        nan: keys that may be NaN, where they are undefined.
        env: whether it needs the env; None: it can do without, with another result.
        reads: signals that `setup` enables.
        alone: as `changes`, of parameters that some other change forbids.
    """

    decoding: Decoding
    defaults: Mapping[str, Any]
    keys: set[str] | None
    changes: Mapping[str, Any]
    not_zero: tuple[str, ...] = ()
    nan: tuple[str, ...] = ()
    env: bool | None = False
    reads: tuple[str, ...] = ("spikes",)
    alone: Mapping[str, Any] = MappingProxyType({})


DENSITY = {
    "mean_rate", "fraction_active", "mean_fraction_active_per_bin", "std_fraction_active_per_bin", "rate_cv", "n_total",
    "n_active",
}  # fmt: skip

GATHERING: dict[str, Any] = {
    "spikes": True,
    "voltages": True,
    "membrane_currents": True,
    "voltage_gids": None,
    "voltage_dt": None,
    "voltage_sections": None,
    "root": 0,
}
GATHERING_CHANGED = {
    "spikes": False,
    "membrane_currents": False,
    "voltage_gids": (1, 2),
    "voltage_dt": 0.5,
    "voltage_sections": ("soma", "dend"),
    "root": 1,
}

SILENT = {"voltages": False}
ALL = ("spikes", "voltage", "membrane_current")

FOLDER = tempfile.TemporaryDirectory()

CASES = [
    Case(d.MeanFiringRate(), {}, {"rate_hz", "total_spikes", "n_units", "duration_s"}, {}, ("duration_s",)),
    Case(
        d.ActiveFraction(),
        {"min_spikes": 1},
        {"active_fraction", "active_units", "total_units", "silent_units"},
        {"min_spikes": 2},
        ("total_units", "silent_units"),
        env=True,
    ),
    Case(
        d.PerUnitFiringRate(),
        {},
        {"per_unit_rates_hz", "max_rate_hz", "min_rate_hz", "mean_rate_hz", "rate_cv", "n_units"},
        {},
    ),
    Case(d.PopulationFiringRates(), {}, {"rates_hz"}, {}, env=True),
    Case(
        d.PopulationActiveFraction(),
        {"bin_size": 50},
        {"mean_active_fraction", "std_active_fraction", "bin_size", "n_bins"},
        {"bin_size": 10},
        ("bin_size", "n_bins"),
        env=True,
    ),
    Case(
        d.PopulationSpikeDensity(),
        {
            "temporal_resolution": 2,
            "stability_resolution": 2,
            "active_threshold": 0.01,
            "baks_alpha": 4.77,
            "baks_beta": None,
        },
        {EACH},
        {
            "temporal_resolution": 1,
            "stability_resolution": 5,
            "active_threshold": 0,
            "baks_alpha": 4,
            "baks_beta": 10,
        },
        ("n_total",),
        env=True,
    ),
    Case(
        d.PopulationRateMetrics(),
        {"bin_size": 100},
        {"mean_count", "std_count", "coefficient_of_variation", "fano_factor", "bin_size", "n_bins"},
        {"bin_size": 10},
        ("bin_size", "n_bins"),
    ),
    Case(d.ISICV(), {"min_spikes_per_unit": 5}, {"isi_cv", "n_units_used"}, {"min_spikes_per_unit": 2}),
    Case(
        d.PopulationAutocorrTau(),
        {"bin_size": 10, "max_lag": 5000},
        {"pop_autocorr_tau"},
        {"bin_size": 5, "max_lag": 100},
    ),
    Case(
        d.BurstRate(),
        {"bin_size": 50, "mad_k": 5, "min_floor_fraction": 0.15, "min_floor": 3},
        {"burst_rate_hz", "n_bursts", "threshold", "onsets"},
        {"bin_size": 10, "mad_k": 0, "min_floor_fraction": 1, "min_floor": 2},
        ("threshold",),
    ),
    Case(
        d.PeakSynchrony(),
        {"bin_size": 2},
        {"max_synchronous_peak", "max_bin_count", "n_active_units"},
        {"bin_size": 1},
    ),
    Case(
        d.PairwiseChannelCorrelation(),
        {"bin_size": 20, "min_units": 2},
        {"mean_pairwise_correlation", "n_pairs"},
        {"bin_size": 10, "min_units": 1},
        env=True,
    ),
    Case(
        d.Stability(),
        {"tail_window": 1000, "max_rate_hz": 20, "min_rate_hz": 0.05, "bin_size": 100},
        {"is_stable", "is_runaway", "is_quiescent", "has_nan", "tail_mean_hz", "global_mean_hz"},
        {"tail_window": 500, "max_rate_hz": 10, "min_rate_hz": 0, "bin_size": 10},
        ("is_quiescent",),
        env=True,
    ),
    Case(
        d.AvalancheAnalysis(),
        {"bin_width": 4},
        {
            "n_avalanches",
            "mean_size",
            "mean_duration",
            "branching_ratio",
            "size_power_law_exponent",
            "size_power_law_r2",
        },
        {"bin_width": 2},
        nan=("size_power_law_exponent", "size_power_law_r2"),
    ),
    Case(
        d.StimulusResponse(),
        {"onset_ms": 0, "pre_ms": 1000, "post_ms": 500, "bin_size": 10, "tail_ms": 4000, "threshold_k": 3},
        {
            "evoked_rate_hz",
            "response_gain",
            "response_peak_hz",
            "response_latency_ms",
            "response_duration_ms",
            "response_probability",
        },
        {"onset_ms": 1, "pre_ms": 999, "post_ms": 499, "bin_size": 9, "tail_ms": 3999, "threshold_k": 2},
        nan=("response_gain", "response_latency_ms"),
        env=None,
    ),
    Case(
        d.RecruitmentCurve([(100, 5), (200, 10)], post_ms=50),
        {"schedule": ((100, 5), (200, 10)), "pre_ms": 1000, "post_ms": 50, "recruited": 0.5},
        {
            "curve",
            "censored",
            "below",
            "above",
            "highest_tested",
            "probability_at_highest",
            "amplitudes",
            "probabilities",
            "units",
        },
        {"pre_ms": 99, "post_ms": 49, "recruited": 0.4},
        ("censored", "below", "highest_tested", "amplitudes", "units"),
        nan=("below", "above", "highest_tested", "probability_at_highest"),
        env=None,
    ),
    Case(
        d.PeriStimulusHistogram([100, 500]),
        {"onsets": (100, 500), "pre_ms": 50, "post_ms": 150, "bin_size": 5, "populations": None},
        {"edges", "counts", "n_trials", "n_units", "spike_times", "spike_ids"},
        {"pre_ms": 40, "post_ms": 140, "bin_size": 10, "populations": ("INH",)},
        ("edges", "n_trials", "n_units"),
        env=None,
    ),
    Case(
        d.Waveforms(),
        {
            "pre_ms": 4,
            "post_ms": 10,
            "section": "soma",
            "populations": None,
            "max_spikes": 500,
            "voltage_gids": None,
            "voltage_dt": 0.025,
        },
        {"dt", "pre_ms", "waveforms", "shape"},
        {
            "pre_ms": 3,
            "post_ms": 9,
            "section": "dend",
            "populations": ("EXC",),
            "max_spikes": 5,
            "voltage_gids": (1, 2),
            "voltage_dt": 0.05,
        },
        ("dt", "pre_ms"),
        nan=("shape",),
        env=None,
        reads=("spikes", "voltage"),
    ),
    Case(
        d.LFP(compute_band_power={"low": (1, 50)}),
        {
            "channels": None,
            "downsample_hz": 1000,
            "lowpass_hz": None,
            "lowpass_order": 4,
            "compute_band_power": {"low": (1, 50)},
            "nperseg": 2048,
            "noverlap": None,
        },
        {"lfp", "sample_rate_hz", "n_channels", "n_samples", "low", "low_relative", "broadband"},
        {
            "channels": (2, 0),
            "downsample_hz": None,
            "lowpass_hz": 300,
            "lowpass_order": 2,
            "compute_band_power": False,
            "nperseg": 100,
            "noverlap": 9,
        },
        ("n_channels",),
        env=True,
        reads=("membrane_current",),
    ),
    Case(d.Slice(0, 1), {"start": 0, "stop": 1}, None, {"start": 0.5}, reads=()),
    Case(d.GatherAndMerge(), GATHERING, None, GATHERING_CHANGED, reads=ALL, alone=SILENT),
    Case(d.ChannelRecording(), GATHERING, None, GATHERING_CHANGED, env=True, reads=ALL, alone=SILENT),
    Case(
        d.ArrowDataset(FOLDER.name),
        {"directory": FOLDER.name, **GATHERING},
        None,
        GATHERING_CHANGED,
        reads=ALL,
        alone=SILENT,
    ),
    Case(
        d.Pipe([None, d.Slice(0, 1), d.MeanFiringRate()]),
        {"stages": (None, d.Slice(0, 1), d.MeanFiringRate())},
        {"rate_hz", "total_spikes", "n_units", "duration_s"},
        {},
        ("duration_s",),
    ),
]

each_case = pytest.mark.parametrize("case", CASES, ids=[type(case.decoding).__name__ for case in CASES])

EMPTY = {
    "nothing": Run(),
    "no spikes recorded": Run(duration=1000.0),
    "no spikes": trains({}),
    "spikes after the window": trains({0: [1.5], 4: [1.5]}, 2.0).slice(0, 1),
}


@pytest.fixture(scope="module")
def env() -> Iterator[Env]:
    with culture() as env:
        yield env


def entries(result: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a result, each with the innermost name that is no population's."""
    if isinstance(result, Mapping):
        for name, value in result.items():
            yield from entries(value, key if name in RANGES else name)
    elif isinstance(result, list):
        for value in result:
            yield from entries(value, key)
    else:
        yield key, result


def check_keys(case: Case, result: Any) -> None:
    if case.keys == {EACH}:
        assert result.keys() == RANGES.keys()
        assert all(part.keys() == DENSITY for part in result.values())
    elif case.keys is not None:
        assert type(result) is dict
        assert result.keys() == case.keys


@each_case
def test_parameters(case: Case) -> None:
    fields = type(case.decoding).model_fields
    assert fields.keys() == case.defaults.keys() | {"duration"}
    assert {name: getattr(case.decoding, name) for name in case.defaults} == case.defaults
    changed = {**case.defaults, **case.changes}
    assert type(case.decoding)(*changed.values(), 77.0) == type(case.decoding)(**changed, duration=77.0)
    optional = [name for name in case.defaults if not fields[name].is_required()]
    assert case.changes.keys() | case.alone.keys() == set(optional)


@each_case
def test_equality_and_hash_are_of_the_content(case: Case) -> None:
    twin = case.decoding.changed()
    assert twin is not case.decoding
    assert twin == case.decoding
    assert hash(twin) == hash(case.decoding)
    for name, value in {"duration": 77.0, **case.changes, **case.alone}.items():
        other = case.decoding.changed(**{name: value})
        assert other != case.decoding, name
        assert hash(other) != hash(case.decoding), name
        with pytest.raises(ValueError, match="frozen"):
            setattr(twin, name, value)


@each_case
def test_pickle_and_json_keep_it(case: Case) -> None:
    for decoding in (case.decoding, case.decoding.changed(duration=77.0, **case.changes)):
        for copy in (pickle.loads(pickle.dumps(decoding)), Decoding.from_json(decoding.as_json())):
            assert copy == decoding
            assert hash(copy) == hash(decoding)


@each_case
def test_what_is_not_of_it_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="unknown field 'bin_sise'"):
        case.decoding.changed(bin_sise=3)
    for duration in (0, -1.0, np.inf, np.nan, "long"):
        with pytest.raises(ValueError, match="duration"):
            case.decoding.changed(duration=duration)


@each_case
@pytest.mark.parametrize("name", EMPTY)
def test_empty_input_yields_zeros(case: Case, name: str, env: Env) -> None:
    result = case.decoding(EMPTY[name], env)
    check_keys(case, result)
    for key, value in entries(result if case.keys else {}):
        known = np.nan_to_num(value) if key in case.nan else value
        assert key in case.not_zero or not np.any(known), key


@each_case
@pytest.mark.parametrize("time", [0.0, 500.0, 999.999])
def test_one_spike_is_enough(case: Case, time: float, env: Env) -> None:
    result = case.decoding(trains({3: [time]}), env)
    check_keys(case, result)
    for key, value in entries(result if case.keys else {}):
        assert key in case.nan or np.all(np.isfinite(value)), key
        assert isinstance(value, bool | int | float | np.ndarray), key
        assert not isinstance(value, np.generic), key


@each_case
def test_a_window_is_the_first_part_of_a_run(case: Case, env: Env) -> None:
    long = trains({0: range(0, 900, 9), 1: range(0, 900, 7), 3: range(5, 900, 31), 4: range(450, 900, 2)})
    decoding = case.decoding.changed(duration=400.0)
    np.testing.assert_equal(decoding(long, env), case.decoding(long.slice(0, 400), env))


@each_case
def test_the_env(case: Case, env: Env) -> None:
    run = trains({0: [1.0, 200.0], 3: [7.0]})
    if case.env:
        with pytest.raises(ValueError, match=f"{type(case.decoding).__name__} needs the env"):
            case.decoding(run)
    elif case.env is False:
        np.testing.assert_equal(case.decoding(run), case.decoding(run, env))
    with pytest.raises(TypeError, match="Run"):
        case.decoding([1.0, 2.0], env)


@each_case
def test_setup_records_what_it_reads(case: Case) -> None:
    with culture() as env:
        env.init()
        case.decoding.setup(env)
        assert set(env.run(1.0).channels) == set(case.reads)
