"""The summary of what plasticity did."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from livn.plasticity import PlasticitySummary, SummaryRow

EXC = SummaryRow(
    rule="EXC",
    population="EXC",
    section="dend",
    n_connections=1234,
    sampled_ms=1000.0,
    ltp_open=0.0123,
    ltd_open=0.4,
    mean_drive=-0.02,
    learned=-0.5,
    dw_mean=-0.3,
    dw_sd=0.1,
    dw_min=-0.9,
    dw_max=0.2,
    at_bound=0.001,
    theta_ltp=-45.0,
    theta_ltd=-60.0,
)
INH = dataclasses.replace(
    EXC, rule="INH", section="soma", ltp_open=0.0, ltd_open=0.0, theta_ltp=-77.0, theta_ltd=-70.0, n_connections=7
)


def test_rows():
    summary = PlasticitySummary([EXC, INH])
    assert len(summary) == 2
    assert list(summary) == [EXC, INH]
    assert summary[1] is INH
    assert summary.rows == (EXC, INH)
    assert summary == PlasticitySummary((EXC, INH))
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.rows = ()
    with pytest.raises(IndexError):
        summary[2]


def test_table():
    lines = str(PlasticitySummary((EXC, INH))).splitlines()
    titles = "rule,onto,section,synapses,sampled,LTP open,LTD open,drive,learned,Δw mean,Δw sd,Δw min,Δw max,at bound"
    assert re.split("  +", lines[0]) == titles.split(",")
    assert lines[1].split() == ["ms", "%", "%", "-1..1", "Λ", "%"]
    assert lines[3].split() == (
        ["EXC", "EXC", "dend", "1234", "1000", "1.23", "40.00", "-0.02", "-0.5", "-0.3", "0.1", "-0.9", "+0.2", "0.10"]
    )
    assert lines[4].split()[:6] == ["INH", "EXC", "soma", "7", "1000", "0.00"]
    assert len({len(line) for line in lines[2:5]}) == 1
    assert lines[5:] == ["INH on EXC soma: can never activate: no sampled potential was below -70 mV."]
    assert repr(PlasticitySummary((EXC,))) == str(PlasticitySummary((EXC,)))


@pytest.mark.parametrize(
    ("row", "change", "note"),
    [
        (EXC, {}, ""),
        (EXC, {"ltp_open": 0.0}, "can only depress: no sampled potential was above theta_ltp = -45 mV"),
        (EXC, {"ltp_open": 0.0, "ltd_open": 0.0}, "can never activate: no sampled potential was above -60 mV"),
        (EXC, {"ltd_open": 0.0, "theta_ltd": -10.0}, "can only potentiate: .* above theta_ltd = -10 mV"),
        (INH, {"ltd_open": 0.1}, "can only depress: no sampled potential was below theta_ltp = -77 mV"),
        (INH, {"sampled_ms": 0.0, "ltp_open": math.nan, "ltd_open": math.nan}, "nothing sampled yet"),
        (INH, {"n_connections": 0}, ""),
    ],
)
def test_notes(row, change, note):
    got = dataclasses.replace(row, **change).note
    if note:
        assert got.startswith(f"{row.rule} on {row.population} {row.section}: ")
        assert re.search(note, got)
    else:
        assert got == ""


def test_what_was_not_measured_is_a_dash():
    row = dataclasses.replace(EXC, ltp_open=math.nan, dw_mean=math.nan)
    assert str(PlasticitySummary((row,))).splitlines()[3].split().count("-") == 2


def test_to_frame():
    frame = PlasticitySummary((EXC, INH)).to_frame()
    assert list(frame.columns) == [f.name for f in dataclasses.fields(SummaryRow)]
    assert frame.loc[0].to_dict() == dataclasses.asdict(EXC)
    assert frame["ltd_open"].tolist() == [0.4, 0.0]


def test_empty():
    summary = PlasticitySummary(())
    assert str(summary) == "no plastic synapses"
    assert summary.to_frame().empty
    assert "dw_mean" in summary.to_frame().columns


def test_nonsense():
    with pytest.raises(TypeError):
        SummaryRow(rule="EXC")
    with pytest.raises(TypeError):
        PlasticitySummary(3)


def test_a_rule_that_only_depresses_does_not_claim_what_scaling_raised() -> None:
    only = dataclasses.replace(INH, ltd_open=0.1)
    assert only.note.endswith("-77 mV. What grew all the same was scaled or set.")
    assert dataclasses.replace(only, dw_max=0.0).note.endswith("-77 mV.")
