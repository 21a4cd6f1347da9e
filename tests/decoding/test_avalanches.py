"""Avalanches of trains made by hand, and the fit of their sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Run
from livn.decoding import AvalancheAnalysis
from tests.decoding.helpers import counted, culture, trains

NOTHING = {"n_avalanches": 0, "mean_size": 0, "mean_duration": 0, "branching_ratio": 0}


def of(counts: list[int], **fields: float) -> dict[str, float]:
    return AvalancheAnalysis(**fields)(counted(counts, fields.get("bin_width", 4.0)))


def test_two_avalanches() -> None:
    result = of([0, 2, 3, 1, 0, 0, 4, 0])
    assert result["n_avalanches"] == 2
    assert result["mean_size"] == 5
    assert result["mean_duration"] == 8  # 12 and 4 ms
    assert result["branching_ratio"] == 0.75  # 3/2 and 0/4
    assert math.isnan(result["size_power_law_exponent"])
    assert math.isnan(result["size_power_law_r2"])


def test_bins() -> None:
    run = trains({0: [10, 12, 30], 1: [11.5, 39]}, 100)
    assert [AvalancheAnalysis(w)(run)["n_avalanches"] for w in (1, 4, 10)] == [3, 3, 2]
    assert (
        AvalancheAnalysis(10)(trains({0: [10, 19.9, 20]}, 100))["mean_duration"] == 20
    )  # a time on an edge opens a bin


def test_the_edges_of_the_window() -> None:
    assert of([1, 0, 1, 1, 0, 1])["n_avalanches"] == 1
    assert of([1, 1, 1, 1]).items() >= NOTHING.items()
    assert of([1, 0, 0, 1]).items() >= NOTHING.items()
    assert of([0, 1, 0])["n_avalanches"] == 1
    assert AvalancheAnalysis()(trains({0: [5]}, 11)).items() >= NOTHING.items()  # the third bin is not whole
    assert AvalancheAnalysis(duration=11)(trains({0: [5]}, 100))["n_avalanches"] == 0


def test_nothing_and_one_spike() -> None:
    for run in (Run(), Run(duration=100), trains({}, 100), trains({}, 1)):
        result = AvalancheAnalysis()(run)
        assert result.items() >= NOTHING.items()
        assert math.isnan(result["size_power_law_exponent"])
        assert math.isnan(result["size_power_law_r2"])
    one = AvalancheAnalysis()(trains({3: [50]}, 100), culture())
    assert one.items() >= {"n_avalanches": 1, "mean_size": 1, "mean_duration": 4, "branching_ratio": 0}.items()


def sizes(*numbers: int) -> dict[str, float]:
    """The result for avalanches of these sizes, a bin each."""
    return of([0, *(n for size in numbers for n in (size, 0))])


def test_a_power_law_is_found() -> None:
    # per whole size 4096, 4096/2^3, ... at 1, sqrt(2·3), sqrt(4·7), sqrt(8·15): the exponent is near -3 by construction
    share = {1: 4096, 2: 512, 3: 512, 4: 64, 5: 64, 6: 64, 7: 64, **dict.fromkeys(range(8, 16), 8)}
    result = sizes(*(size for size, n in share.items() for _ in range(n)))
    places = np.log([1, math.sqrt(6), math.sqrt(28), math.sqrt(120)])
    slope, _ = np.polyfit(places, np.log([4096, 512, 64, 8]), 1)
    assert result["size_power_law_exponent"] == pytest.approx(slope)
    assert result["size_power_law_exponent"] == pytest.approx(-2.6, abs=0.1)
    assert result["size_power_law_r2"] == pytest.approx(np.corrcoef(places, [4, 3, 2, 1])[0, 1] ** 2)
    assert result["size_power_law_r2"] > 0.98


def test_the_exponent_of_a_critical_branching_process() -> None:
    support = np.arange(1, 256)  # whole classes
    weight = support**-1.5
    drawn = np.random.default_rng(3).choice(support, 4000, p=weight / weight.sum())
    result = sizes(*drawn.tolist())
    assert result["size_power_law_exponent"] == pytest.approx(-1.5, abs=0.12)
    assert result["size_power_law_r2"] > 0.98


def test_fewest_classes_of_a_fit() -> None:
    assert math.isnan(sizes(1, 1, 3, 2)["size_power_law_exponent"])
    assert sizes(1, 1, 1, 1, 2, 3, 9)["size_power_law_exponent"] < -1
    flat = sizes(1, 2, 3, 4, 5, 6, 7)  # as many of every size
    assert flat["size_power_law_exponent"] == pytest.approx(0)
    assert math.isnan(flat["size_power_law_r2"])


@given(st.lists(st.integers(0, 5), max_size=40))
def test_avalanches_are_the_runs_between_empty_bins(counts: list[int]) -> None:
    result = of(counts)
    runs = "".join("x" if c else " " for c in counts)
    first, last = len(runs) - len(runs.lstrip("x")), len(runs.rstrip("x"))
    inside = runs[first:last].split() if first < last else []
    assert result["n_avalanches"] == len(inside)
    total = sum(counts[first:last])
    assert result["mean_size"] * len(inside) == pytest.approx(total if inside else 0)
    assert result["mean_duration"] * len(inside) == pytest.approx(4 * sum(map(len, inside)))


@pytest.mark.parametrize(("fields", "text"), [({"bin_width": 0}, "greater than 0"), ({"bin": 1}, "bin_width")])
def test_nonsense(fields: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        AvalancheAnalysis(**fields)
