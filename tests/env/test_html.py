"""What notebooks show: short tables, everything escaped, at any moment, without a trace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn import Env, System
from livn.env import culture
from livn.experiment import Experiment, Phase
from livn.html import card, cells_text, grid
from livn.io import IO
from livn.plasticity import PlasticitySummary, SummaryRow, SynapseKeys, Weights, WeightTraces, open_weights
from livn.run import Run
from livn.system import ParallelSystem
from tests.env.helpers import STRONG, small_system, state_of
from tests.run.helpers import example


def shown(thing: Any) -> dict[str, str]:
    """The caption and the lines of a card, which is well formed, short and one table."""
    html = thing if isinstance(thing, str) else thing._repr_html_()
    table = ElementTree.fromstring(html)
    assert table.tag == "table"
    caption = "".join(table.find("caption").itertext())
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert len(rows) <= 13
    return {"": caption} | {row[0]: row[1] if len(row) > 1 else "" for row in rows}


# Env


def test_an_env_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(culture, "build_network", None)  # nothing may build it
    env = Env(small_system(), engine="cpu", threads=2)
    assert shown(env) == {
        "": "Env small",
        "cells": "6 (EXC 4, INH 2)",
        "synapses": "60",
        "engine": "cpu, double precision, 2 threads",
        "time": "not initialised: call init()",
        "plasticity": "off",
        "noise": "off",
        "recording": "nothing",
    }
    assert env._network is None
    env.selection({"EXC": 2})
    assert shown(env)["cells"] == "EXC 2: a selection of 6"
    assert shown(env)["synapses"] == "known after init()"


def test_an_env_through_its_life(env: Env, path: Path) -> None:
    with env:
        assert shown(env)["time"] == "0 ms"
        assert shown(env)["noise"] == "on (EXC, INH)"
        env.enable_plasticity(STRONG).record_spikes().record_voltage(dt=0.5).record_weights(dt=1, to=path)
        env.run(1500, dt=0.1)
        told = shown(env)
        assert told["time"] == "1,500 ms, in steps of 0.1 ms"
        assert told["synapses"] == f"60, {len(env.get_weights())} plastic"
        assert told["plasticity"] == "on"
        assert told["recording"] == f"spikes, voltage every 0.5 ms, weights every 1 ms to {path}"
        env.disable_plasticity().set_noise(dict.fromkeys(("g_e0", "g_i0", "std_e", "std_i"), 0.0))
        assert (shown(env)["plasticity"], shown(env)["noise"]) == ("off", "off")
    assert shown(env) == {"": "Env small", "state": "closed"}


def test_looking_changes_nothing(env: Env) -> None:
    with env:
        env.record_spikes().run(20)
        before = state_of(env)
        for _ in range(3):
            repr(env), env._repr_html_(), env.system._repr_html_(), env.w_recs._repr_html_()
        after = state_of(env)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_an_env_while_it_runs(env: Env) -> None:
    seen: list[tuple[dict[str, str], str]] = []

    def look() -> None:
        seen.append((shown(env), repr(env)))

    def elsewhere(_: float) -> None:
        other = threading.Thread(target=look)
        other.start()
        look()
        other.join()

    with env:
        env.run(50, progress=elsewhere)
        assert "running" not in repr(env)
    assert len(seen) > 1
    for told, text in seen:
        assert told["time"].endswith("in steps of 0.025 ms, running")
        assert ", running, plasticity off" in text


def test_a_single_precision_env_with_a_selection() -> None:
    with Env(small_system(), engine="cpu", precision="single").selection({"EXC": 2, "INH": 1}).init() as env:
        told = shown(env)
    assert told["engine"] == "cpu, single precision, 1 thread"
    assert told["cells"] == "3 (EXC 2, INH 1): a selection of 6"
    assert told["synapses"].endswith(" plastic")


# System


def test_systems(tmp_path: Path) -> None:
    small = small_system()
    assert shown(small) == {
        "": "System small",
        "cells": "6 (EXC 4, INH 2)",
        "synapses": "60",
        "area": "150 × 150 µm",
        "stored": "in memory only",
    }
    assert shown(ParallelSystem(3))["cells"] == "EXC 3"
    stored = System(small.save(tmp_path / "s"))
    stored.set_aside()
    assert shown(stored)["stored"] == str(tmp_path / "s")
    assert "60 synapses" in repr(stored)
    assert stored.num_synapses == 60
    assert stored._held is None  # neither reads them again
    assert len(stored.synapses) == 60


# Run


def test_runs() -> None:
    assert shown(example(t0=500.0)) == {
        "": "Run",
        "start": "500 ms",
        "duration": "100 ms",
        "spikes": "3 events of 3 cells",
        "voltage": "2 × 1000 samples every 0.1 ms",
        "membrane_current": "2 × 100 samples every 1 ms",
    }
    assert shown(Run()) == {"": "Run", "start": "0 ms", "duration": "unknown", "channels": "none"}
    assert shown(Run().add_spikes([], []))["spikes"] == "0 events of 0 cells"
    padded = np.array([[[1.0, np.inf], [np.inf, np.inf]], [[1.0, 2.0], [np.inf, np.inf]]])
    assert shown(Run().add("a", [4, 7], padded, kind="events", padded=True))["a"] == "3 events of 1 cells"
    assert shown(Run().add("a", [], np.zeros((0, 0)), dt=1.0))["a"] == "0 × 0 samples every 1 ms"
    many = Run({f"c{k}": example()["voltage"] for k in range(100)})
    assert "... and 90 more" in shown(many)


# Weights


def test_weights() -> None:
    keys = SynapseKeys(
        gid=[1, 1, 2], syn_id=[0, 1, 0], mechanism=[0, 0, 0], pre=[0, 2, 0], section=[0, 0, 0],
        mechanisms=("A",), sections=("soma",),
    )  # fmt: skip
    assert shown(Weights(keys, [1.0, 2.0, 3.0])) == {
        "": "Weights",
        "plastic synapses": "3 onto 2 cells",
        "mean": "2 ± 0.8165",
        "range": "1 to 3",
    }
    assert shown(Weights(SynapseKeys.empty(), []))["plastic synapses"] == "none"
    traces = WeightTraces(keys, 0.5, np.array([2, 3, 4]), np.ones((3, 3), np.float32))
    assert shown(traces) == {
        "": "WeightTraces",
        "plastic synapses": "3",
        "samples": "3 every 0.5 ms, from 1 to 2 ms",
    }
    assert shown(WeightTraces(keys, 0.5))["samples"] == "0 every 0.5 ms"
    assert shown(WeightTraces.empty())["plastic synapses"] == "none recorded"


def test_weights_in_a_file(env: Env, path: Path) -> None:
    with env:
        env.record_weights(dt=1, to=path).run(5)
    told = shown(open_weights(path))
    assert told[""] == "WeightFile"
    assert told["samples"] == "5 every 1 ms, from 1 to 5 ms"
    assert told["file"] == f"{path}, part 0"


def test_a_summary() -> None:
    numbers = {"sampled_ms": 100.0, "ltp_open": 0.0, "ltd_open": 0.5, "mean_drive": float("nan"), "learned": -0.1}
    changes = {"dw_mean": -0.1, "dw_sd": 0.1, "dw_min": -0.2, "dw_max": 0.0, "at_bound": 0.25}
    gates = {"theta_ltp": -37.0, "theta_ltd": -40.0}
    row = SummaryRow(rule="EXC", population="INH", section="soma", n_connections=12, **numbers, **changes, **gates)
    html = PlasticitySummary((row, row))._repr_html_()
    rows = [["".join(cell.itertext()) for cell in line] for line in ElementTree.fromstring(html).iter("tr")]
    assert rows[0][3:8] == ["synapses", "sampled [ms]", "LTP open [%]", "LTD open [%]", "drive [-1..1]"]
    assert rows[1][:8] == ["EXC", "INH", "soma", "12", "100", "0.00", "50.00", "-"]
    assert rows[3:] == [[row.note], [row.note]]
    assert "can only depress" in row.note
    assert shown(PlasticitySummary(()))["plastic synapses"] == "none"


# Experiment


def experiment(**parts: Any) -> Experiment:
    cells = {"EXC": np.arange(4), "INH": np.arange(4, 6)}
    phases = (Phase("baseline", 0.0, 50.0, False), Phase("training", 50.0, 100.0, True))
    given = {"run": example(), "system": small_system(), "cells": cells, "io": IO(), "phases": phases, **parts}
    return Experiment(**given)


def test_experiments() -> None:
    keys = SynapseKeys(
        gid=[1, 2], syn_id=[0, 0], mechanism=[0, 0], pre=[0, 0], section=[0, 0], mechanisms=("A",), sections=("soma",)
    )
    weights = {"start": Weights(keys, [1.0, 1.0]), "training": Weights(keys, [1.0, 2.0])}
    about = {"engine": "cpu", "seed": 3, "seconds": 1.23456, "interrupted": True}
    record = experiment(weights=weights, about=about)
    assert shown(record) == {
        "": "Experiment small",
        "cells": "6 (EXC 4, INH 2)",
        "baseline": "0 to 50 ms",
        "training": "50 to 100 ms, learning",
        "recorded": "3 spikes, voltage, membrane current",
        "weights": "2 plastic, mean 1 → 1.5",
        "simulated": "cpu, seed 3, in 1.23 s",
        "ended": "interrupted",
    }
    assert repr(record) == ("Experiment('small': EXC 4, INH 2; baseline 50 ms, training 50 ms; 3 spikes, interrupted)")
    bare = experiment(run=Run(), cells={}, phases=())
    assert shown(bare) == {
        "": "Experiment small",
        "cells": "none",
        "recorded": "spikes not recorded",
        "weights": "no plastic synapses",
        "simulated": "unknown",
    }
    assert repr(bare) == "Experiment('small': ; no phases; spikes not recorded)"
    assert shown(experiment(weights={"start": Weights(SynapseKeys.empty(), [])}))["weights"] == "no plastic synapses"


# Escaping


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


EVIL = "<b>x</b>\"'&amp;"
ALLOWED = {"table", "caption", "b", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: small_system(EVIL),
        lambda: Env(small_system(EVIL)),
        lambda: Run().add(EVIL, [1], [2.0]),
        lambda: experiment(phases=(Phase(EVIL, 0.0, 1.0, True),)),
        lambda: experiment(about={"engine": EVIL, "seed": EVIL}),
        lambda: experiment(system=small_system(EVIL)),
    ],
)
def test_names_are_escaped(make: Callable[[], Any]) -> None:
    html = make()._repr_html_()
    assert "<b>x</b>" not in html
    assert EVIL in Tags(html).text


@given(st.text(st.characters(exclude_categories=()), max_size=300), st.text(), st.text())
def test_any_text_is_safe(name: str, label: str, value: str) -> None:
    for html in (card("Thing", name, [(label, value)]), grid("Thing", name, [label], [[value]], [False], [value])):
        assert Tags(html).tags <= ALLOWED
        html.encode()  # no lone surrogates
        assert html.count("<") == html.count(">")
        assert len(html) < 20_000


def test_long_tables_are_cut() -> None:
    html = grid("Thing", "", ["n"], [[k] for k in range(100)], [True], ["a note"])
    rows = ["".join(row.itertext()) for row in ElementTree.fromstring(html).iter("tr")]
    assert rows == ["n", *map(str, range(12)), "... and 88 more", "a note"]
    assert shown(card("Thing", "x" * 1000, []))[""] == f"Thing {'x' * 200}..."
    assert cells_text([]) == "none"
