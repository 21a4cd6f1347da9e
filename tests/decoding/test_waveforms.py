"""Voltages around spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run, make
from livn.decoding import Waveforms
from tests.decoding.helpers import Ranks, culture, trains

DT = 0.5


def ramps(spikes: dict[int, list[float]], gids: list[int], duration: float = 50, **options: Any) -> Run:
    """Voltages that tell what they are: 1000·row + sample."""
    values = 1000.0 * np.arange(len(gids))[:, None] + np.arange(round(duration / DT))
    return trains(spikes, duration).add_voltage(gids, values, DT, **options)


def test_windows_around_spikes() -> None:
    run = ramps({0: [10], 3: [20], 4: [30]}, [0, 1, 3])
    result = Waveforms(pre_ms=1, post_ms=2)(run, culture())
    assert (result["dt"], result["pre_ms"]) == (0.5, 1)
    assert result["waveforms"]["EXC"].tolist() == [[18, 19, 20, 21, 22, 23]]
    assert result["waveforms"]["INH"].tolist() == [[2038, 2039, 2040, 2041, 2042, 2043]]  # none of 4, not recorded
    assert result.keys() == {"dt", "pre_ms", "waveforms", "shape"}


def test_the_shape_is_the_mean() -> None:
    result = Waveforms(pre_ms=0, post_ms=1)(ramps({0: [10, 20], 1: [15]}, [0, 1]))
    assert result["waveforms"]["all"].tolist() == [[20, 21], [1030, 1031], [40, 41]]
    assert result["shape"]["all"].tolist() == [(20 + 1030 + 40) / 3, (21 + 1031 + 41) / 3]


def test_the_nearest_sample_is_the_spike() -> None:
    result = Waveforms(pre_ms=0, post_ms=0.5)(ramps({0: [10.2, 10.3]}, [0]))
    assert result["waveforms"]["all"].tolist() == [[20], [21]]


def test_voltages_that_start_later() -> None:
    run = trains({0: [1, 10]}, 50).add("voltage", [0], np.arange(80.0)[None], dt=DT, t0=5)
    result = Waveforms(pre_ms=1, post_ms=1)(run)
    assert result["waveforms"]["all"].tolist() == [[8, 9, 10, 11]]


def test_spikes_at_the_edges_are_left_out() -> None:
    run = ramps({0: [0, 0.5, 1, 48, 48.5, 49.5]}, [0])
    assert Waveforms(pre_ms=1, post_ms=2)(run)["waveforms"]["all"][:, 2].tolist() == [2, 96]
    assert Waveforms(pre_ms=1, post_ms=2, duration=48.5)(run)["waveforms"]["all"][:, 2].tolist() == [2]
    assert Waveforms(pre_ms=30, post_ms=30)(run)["waveforms"]["all"].shape == (0, 120)


def test_a_section() -> None:
    run = ramps({0: [10]}, [0, 0], sections=["soma", "dend"])
    assert Waveforms(pre_ms=0, post_ms=0.5)(run)["waveforms"]["all"].tolist() == [[20]]
    assert Waveforms(pre_ms=0, post_ms=0.5, section="dend")(run)["waveforms"]["all"].tolist() == [[1020]]
    assert Waveforms(pre_ms=0, post_ms=0.5, section="axon")(run)["waveforms"]["all"].shape == (0, 1)


def test_the_most_per_group_are_chosen_evenly() -> None:
    run = ramps({0: list(range(5, 45)), 3: [10.0]}, [0, 3])
    result = Waveforms(pre_ms=0, post_ms=0.5, max_spikes=4)(run, culture())
    assert (result["waveforms"]["EXC"][:, 0] / 2).tolist() == [5, 18, 31, 44]
    assert len(result["waveforms"]["INH"]) == 1
    assert len(Waveforms(pre_ms=0, post_ms=0.5, max_spikes=1)(run)["waveforms"]["all"]) == 1


@given(st.integers(1, 30), st.integers(1, 30))
def test_as_many_as_there_are_up_to_the_most(spikes: int, most: int) -> None:
    run = ramps({0: np.linspace(1, 40, spikes).tolist()}, [0])
    cut = Waveforms(pre_ms=0, post_ms=0.5, max_spikes=most)(run)["waveforms"]["all"][:, 0]
    assert len(cut) == min(spikes, most)
    assert (np.diff(cut) > 0).all()


def test_populations() -> None:
    run = ramps({0: [10], 3: [20]}, [0, 3])
    assert Waveforms(populations="INH")(run, culture())["waveforms"].keys() == {"INH"}
    with pytest.raises(KeyError, match="unknown population 'X'"):
        Waveforms(populations=["X"])(run, culture())
    with pytest.raises(ValueError, match="Waveforms needs the env"):
        Waveforms(populations=["EXC"])(run)


def test_nothing() -> None:
    silent = ramps({}, [0])
    for run in (Run(), Run(duration=9), trains({0: [3]}, 9), silent, silent.drop_spikes(), ramps({0: [9]}, [])):
        for env, names in ((None, {"all"}), (culture(), {"EXC", "INH"})):
            result = Waveforms(pre_ms=1, post_ms=2, voltage_dt=0.5)(run, env)
            assert result["dt"] == 0.5
            assert result["waveforms"].keys() == result["shape"].keys() == names
            for name in names:
                assert result["waveforms"][name].shape == (0, 6)
                np.testing.assert_array_equal(result["shape"][name], np.full(6, np.nan))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"pre_ms": -1}, "greater than or equal to 0"),
        ({"post_ms": 0}, "greater than 0"),
        ({"max_spikes": 0}, "greater than or equal to 1"),
        ({"voltage_dt": None}, "number"),
        ({"section": 3}, "string"),
        ({"sections": "soma"}, "did you mean 'section'"),
    ],
)
def test_nonsense(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Waveforms(**fields)


def test_ranks_are_gathered() -> None:
    run, env = ramps({0: [10], 3: [20]}, [0, 3]), culture()
    env.comm = Ranks(run.select(gids=[3]))
    np.testing.assert_equal(Waveforms()(run.select(gids=[0]), env), Waveforms()(run, culture()))


def test_action_potentials_of_a_culture() -> None:
    with make("EI1") as env:
        env.set_noise({"g_e0": 0.003, "std_e": 0.0015})
        result = env(Waveforms(voltage_gids=[0, 1, 8], duration=300))
        assert env.voltage_recording_dt == 0.025
        for name in ("EXC", "INH"):
            shape = result["shape"][name]
            assert shape.shape == (560,)
            assert len(result["waveforms"][name]) > 2
            assert 155 <= shape.argmax() <= 220  # the spike is sample 160, and the peak follows
            assert shape.max() > 0 > -30 > shape[0]
        with pytest.raises(ValueError, match="unknown section 'axon'"):
            env(Waveforms(section="axon", duration=5))
        result = env(Waveforms(section="dend", populations="EXC", voltage_dt=0.1, duration=50))
        assert result["waveforms"]["EXC"].shape[1] == 140
