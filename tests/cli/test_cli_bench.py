"""`livn bench`: figures that are plausible and say what they say; how the cost of events is taken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from livn import System, make
from livn.cli import bench, measure
from livn.cli.bench import command, text_of
from livn.cli.child import ChildError
from livn.system import make as system_of
from tests.cli.helpers import ended, on_terminal


def livn_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m livn bench`."""
    command = [sys.executable, "-m", "livn", "bench", *arguments]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What a quick benchmark of two cultures finds."""
    return bench.benchmark(["EI1", "EI2"], repeat=2, duration=100.0)


def test_the_figures_fit_each_other(found: dict[str, Any]) -> None:
    assert found["engine"] == "cpu"
    assert [result["system"] for result in found["systems"]] == ["EI1", "EI2"]
    for result, cells, compartments in zip(found["systems"], (10, 100), (18, 180), strict=True):
        assert (result["cells"], result["compartments"]) == (cells, compartments)
        assert result["duration_ms"] == 100.0
        assert result["synapses"] == result["plastic_synapses"] == len(system_of(result["system"]).synapses.pre)
        factor, step = result["real_time_factor"], result["ns_per_compartment_step"]
        assert len(factor["values"]) == 2
        assert 0.0 < factor["low"] <= factor["median"] <= factor["high"] < 50.0
        # factor · 1 s of wall time for compartments · 40,000 steps
        assert step["median"] == pytest.approx(factor["median"] * 1e9 / (compartments * 40_000))
        assert 0.0 <= result["rate_hz"] < 50.0
        if sys.platform == "linux":
            assert 30e6 < result["memory"]["peak"] < 2e9
            assert result["memory"]["culture"] < result["memory"]["peak"]
        assert result["memory"]["per_synapse"] is None  # too few synapses to say


def test_the_table_tells_them(found: dict[str, Any]) -> None:
    text = text_of(found)
    rows = {line[:28].strip(): line[28:].split() for line in text.splitlines()}
    assert rows["cells"] == ["10", "100"]
    assert rows["compartments"] == ["18", "180"]
    assert rows["model time of a run [ms]"] == ["100", "100"]
    medians = [f"{result['real_time_factor']['median']:.3g}" for result in found["systems"]]
    assert rows["real-time factor"][:2] == medians
    assert "medians of 2 runs" in text
    for figure in ("real-time factor", "ns per compartment-step", "ns per synaptic event", "memory"):
        assert f"\n{figure:23}  " in text  # how it was measured


def test_a_cost_that_cannot_be_told_is_a_dash(found: dict[str, Any]) -> None:
    for cost in (None, {"median": 7.0, "low": 7.0, "high": 7.0, "values": [7.0] * 2, "share": 0.001, "told": False}):
        text = text_of(found | {"systems": [found["systems"][0] | {"ns_per_event": cost}]})
        row = next(line for line in text.splitlines() if line.startswith("ns per synaptic event"))
        assert row.split()[-1] == "-"


def test_the_command_prints_json_and_nothing_else(found: dict[str, Any]) -> None:
    done = livn_bench("EI1", "--repeat", "1", "--duration", "0.05s", "--threads", "1", "--no-plasticity", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress in a pipe
    told = json.loads(done.stdout)
    assert told.keys() == found.keys()
    assert told["systems"][0].keys() == found["systems"][0].keys()
    assert told["plasticity"] is False
    assert told["systems"][0]["duration_ms"] == 50.0
    assert told["systems"][0]["threads"] == 1


def test_directories_and_cultures_without_synapses(tmp_path: Path) -> None:
    directory = System.from_arrays({"EXC": 3}, np.zeros((3, 3)), name="apart").save(tmp_path / "apart")
    result = CliRunner().invoke(
        command, [str(directory), "--repeat", "1", "--duration", "20ms", "--precision", "double"]
    )
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if line.startswith("ns per synaptic event"))
    assert row.split()[-1] == "-"
    assert "a single run of each kind" in result.stdout


def test_the_neuron_engine() -> None:
    pytest.importorskip("neuron")
    told = bench.benchmark(["EI1"], engine="neuron", repeat=1, duration=10.0)
    assert told["engine"] == "neuron"
    assert told["systems"][0]["ns_per_event"]["values"]
    assert "neuron" in told["versions"]


def test_progress_is_told() -> None:
    said: list[tuple[float, str]] = []
    bench.benchmark(["EI1"], lambda done, doing: said.append((done, doing)), repeat=1, duration=10.0)
    shares = [done for done, _ in said]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] < 1.0
    assert said[0][1] == "preparing"
    assert "EI1: run 1 of 1" in [doing for _, doing in said]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["EI9"], "did you mean 'EI4'"),
        (["no/such/place"], "neither a predefined system"),
        (["--duration", "5h"], "unknown unit of time 'h'"),
        (["--duration", "0.03"], "must be a multiple of the step"),
        (["--duration", "-1s"], "must be > 0"),
        (["--threads", "0"], "0 is not in the range"),
        (["--repeat", "0"], "0 is not in the range"),
        (["--repeat", "two"], "not a valid integer"),
        (["--precision", "half"], "'half' is not one of"),
        (["--engine", "cpo"], "did you mean 'cpu'"),
        (["--speed"], "No such option"),
    ],
)
def test_wrong_command_lines(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_what_cannot_be_done_ends_with_1() -> None:
    done = livn_bench("EI1", "--engine", "jax")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the 'jax' engine")
    with pytest.raises(ChildError, match="does not support 'single precision'"):
        bench.benchmark(["EI1"], engine="neuron", precision="single")


def test_a_wrong_system_ends_with_2() -> None:
    done = livn_bench("ei2")
    assert done.returncode == 2
    assert "did you mean 'EI2'" in done.stderr


# How events are measured


def test_thinned_cultures_keep_every_kind_of_input() -> None:
    whole = system_of("EI2")
    few = measure.thinned(whole)
    assert few.num_neurons == whole.num_neurons
    place = ["post", "section", "mechanism"]
    kinds = [frozenset(map(tuple, system.edges[place].to_numpy().tolist())) for system in (whole, few)]
    assert kinds[0] == kinds[1]
    counts = whole.edges.groupby(place, observed=True).size()
    assert len(few.edges) == (-(-counts // 10)).sum()
    merged = few.edges.merge(whole.edges, how="left", indicator=True)  # each row as it was
    assert (merged["_merge"] == "both").all()


def test_driven_cultures_fire_alike_whatever_their_synapses() -> None:
    whole = system_of("EI1")
    runs = []
    for system in (whole, measure.thinned(whole, 3)):
        with make(system, threads=1) as env:
            env.record_spikes().enable_plasticity()
            turns = measure._turns(env, True, 50.0)
            runs.append([next(turns), next(turns)])
    many, few = runs
    assert [spikes for *_, spikes in few] == [spikes for *_, spikes in many]
    assert few[0][2] != few[1][2]  # time goes on
    assert 0 < few[0][1] < many[0][1]


@given(
    cost=st.floats(1.0, 1000.0),
    base=st.floats(1e-3, 1e-2),
    events=st.lists(st.tuples(st.integers(1, 10**4), st.integers(10**5, 10**6)), min_size=1, max_size=9),
)
def test_the_cost_of_events_is_a_slope(cost: float, base: float, events: list[tuple[int, int]]) -> None:
    few, many = (
        [(base + cost * 1e-9 * n, float(n), i) for i, n in enumerate(column)] for column in zip(*events, strict=True)
    )
    found = measure.event_cost(few, many)
    assert found is not None
    assert found["median"] == pytest.approx(cost, rel=1e-6)
    assert 0.0 < found["share"] < 1.0
    assert found["told"] == (found["share"] >= measure.LEAST)


def test_events_that_cannot_be_told_from_chance() -> None:
    def cost(*walls: float) -> dict[str, Any]:
        found = measure.event_cost([(1.0, 0.0, 0)] * len(walls), [(wall, 1e6, 0) for wall in walls])
        assert found is not None
        return found

    assert cost(1.1, 1.1, 1.1)["told"]
    assert cost(1.1)["median"] == pytest.approx(100.0)
    assert not cost(1.01, 1.01, 1.01)["told"]  # too little
    assert not cost(0.7, 1.1, 1.5)["told"]  # too different
    assert not cost(0.9, 0.9, 0.9)["told"]
    assert not cost(0.9, 1.1, 1.1, 1.1, 1.15)["told"]  # once they seem to cost less than nothing
    assert cost(0.9, *[1.1] * 9)["told"]  # which may happen in one turn of ten


def test_events_need_the_same_spikes() -> None:
    assert measure.event_cost([], []) is None
    assert measure.event_cost([(1.0, 5.0, 0)], [(1.0, 5.0, 0)]) is None
    with pytest.raises(RuntimeError, match="did not fire alike"):
        measure.event_cost([(1.0, 5.0, 0)], [(1.0, 10.0, 1)])


@pytest.mark.parametrize("factor", [1e-4, 0.013, 0.9, 3.0, 70.0, 2000.0])
def test_a_run_lasts_about_as_long_as_wanted(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "timed", lambda env, length: (length / 1000.0 * factor, None))
    length = measure.fitting(None)  # type: ignore[arg-type]
    assert length in [f * 10.0**k for k in range(1, 5) for f in (1, 2, 5)]
    if 10.0 < length < measure.LONGEST:
        assert 0.4 < length / 1000.0 * factor / measure.TARGET <= 1.6


def test_help_defines_the_figures() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    for part in (
        "livn bench EI3 --json",
        "ns per compartment-step: ",
        "ns per synaptic event: ",
        "wall time over model time",
    ):
        assert part in text


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_a_terminal_shows_what_is_done_and_ctrl_c_ends_it() -> None:
    child = on_terminal("bench", "EI2", "--repeat", 50)
    child.expect("EI2: (run|events, run) 2 of ")
    child.sendintr()
    assert ended(child) == 130
    assert child.before.rstrip().endswith("Interrupted.")
    assert "Traceback" not in child.before
