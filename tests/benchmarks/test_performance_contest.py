"""The networks that contestants read, their environments, and how they are spoken to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from common import serve

def contestant(task, network):
    print("noise on stdout")
    if task.options.get("fail"):
        raise SystemExit("it went wrong")
    spikes = [0, 0, 9]
    return lambda: network.sample(0.5, task.duration, spikes), {{"plastic": len(network.pre)}}

serve(contestant, "numpy")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    from networks import all_to_all

    return all_to_all(10).save(tmp_path / "network.npz")


def test_all_to_all_is_what_it_says() -> None:
    from networks import all_to_all

    culture = all_to_all(10)
    assert culture.cells == {"EXC": 8, "INH": 2}
    assert len(culture.pre) == 10 * 9 + 8 * 7  # two receptors from EXC onto EXC
    assert not (culture.pre == culture.post).any()
    pairs = set(zip(culture.pre.tolist(), culture.post.tolist(), strict=True))
    assert len(pairs) == 90
    assert set(culture.mechanism[culture.pre >= 8]) == {"GABA_A"}
    assert set(culture.section[culture.post >= 8]) == {"soma"}


def test_weights_shrink_with_the_number_of_inputs() -> None:
    from networks import all_to_all

    ten, hundred = (culture.weight.max() for culture in (all_to_all(50), all_to_all(99)))
    assert ten == pytest.approx(2.0 * hundred)


def test_random_inputs_are_equal_in_number_and_distinct() -> None:
    from networks import random_inputs

    culture = random_inputs(30, 7)
    pairs = set(zip(culture.pre.tolist(), culture.post.tolist(), strict=True))
    assert np.bincount([post for _, post in pairs]).tolist() == [7] * 30
    assert all(pre != post for pre, post in pairs)


def test_cultures_for_the_cost_of_events() -> None:
    from networks import predefined

    whole = predefined("EI1")
    assert len(whole.pre) == 146
    quiet = whole.without_effect()
    assert not quiet.weight.any()
    assert quiet.noise["EXC"]["g_e0"] > whole.noise["EXC"]["g_e0"]
    few = quiet.thinned(0.5)
    assert 20 < len(few.pre) == len(few.mechanism) < 130


def test_the_file_is_read_as_it_was_written(file: Path) -> None:
    from common import Network
    from networks import all_to_all

    network, culture = Network(str(file)), all_to_all(10)
    assert network.n == 10
    assert network.noise == culture.noise
    for pre, post, receptor, n in (("EXC", "EXC", "NMDA", 56), ("INH", "EXC", "GABA_A", 16), ("INH", "INH", "AMPA", 0)):
        rows = network.between(pre, post, receptor)
        assert len(rows) == n
        assert set(network.columns["mechanism"][rows]) <= {receptor}
    assert (network.columns["delay_ms"] >= 0.5).all()
    assert network.start["EXC"]["v_soma"] == -57.4
    assert {"g_axial", "i_hold"} <= set(network.constants["EXC"])


def test_cells_apart_have_no_connections(tmp_path: Path) -> None:
    from common import Network
    from networks import apart

    network = Network(str(apart().save(tmp_path / "apart.npz")))
    assert network.cells == {"EXC": 1, "INH": 1}
    assert not len(network.pre)


def test_a_sample_counts_what_was_simulated(file: Path) -> None:
    from common import Network

    network = Network(str(file))
    sample = network.sample(0.25, 500.0, np.array([0, 0, 9]), np.array([2.0, 1.0, 3.0]))
    assert (sample["seconds"], sample["duration"], sample["spikes"]) == (0.25, 500.0, 3)
    assert sample["events"] == 2 * (7 * 2 + 2) + 9
    assert sample["rate"] == {"EXC": 0.5, "INH": 1.0}
    assert sample["trains"][0] == [1.0, 2.0]
    assert sample["digest"] != network.sample(0.25, 500.0, np.array([0, 1, 9]))["digest"]


def test_a_contestant_is_spoken_to(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import contestants
    from contestants import Contestant, Worker, rounds

    script = tmp_path / "fake.py"
    script.write_text(SCRIPT.format(folder=str(Path(contestants.__file__).parent / "peers")))
    monkeypatch.setitem(contestants.CONTESTANTS, "fake", Contestant("a fake", str(script)))
    monkeypatch.setattr(contestants, "CACHE", tmp_path / "cache")
    with Worker("fake", file, 100.0, 1.0) as worker:
        assert worker.about == {"versions": {"numpy": np.__version__}, "plastic": 146}
        samples = rounds({"a": worker}, 2)
    assert [s["seconds"] for s in samples["a"]] == [0.5, 0.5]
    with pytest.raises(RuntimeError, match=r"(?s)a fake failed.*it went wrong"):
        Worker("fake", file, 100.0, 1.0, fail=True)


def test_environments_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import environments

    calls: list[tuple[str, ...]] = []

    def command(*words: str) -> None:
        calls.append(words)
        if "venv" in words:
            Path(words[-1]).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(environments, "command", command)
    python = environments.python_of("livn2", tmp_path)
    assert python.parent.parent == tmp_path / "livn2"
    assert [words[-1] for words in calls] == [str(tmp_path / "livn2"), "livn==2.0.0"]
    environments.python_of("livn2", tmp_path)
    assert len(calls) == 2
    monkeypatch.setitem(environments.ENVIRONMENTS, "livn2", ("livn==3",))
    environments.python_of("livn2", tmp_path)
    assert [words[-1] for words in calls[2:]] == [str(tmp_path / "livn2"), "livn==3"]


def test_what_a_failing_command_said_is_shown() -> None:
    import sys

    from environments import command

    with pytest.raises(RuntimeError, match="no such thing"):
        command(sys.executable, "-c", "raise SystemExit('no such thing')")


def test_others_results_are_not_mixed_with_this_machines(tmp_path: Path) -> None:
    import json

    from performance import start

    file = tmp_path / "results.json"
    here = start(file, quick=False)
    assert set(here) == {"machine", "date"}
    file.write_text(json.dumps(here | {"ei4": 1}))
    assert start(file, quick=False)["ei4"] == 1
    assert "ei4" not in start(file, quick=True)
    file.write_text(json.dumps({"machine": "another", "ei4": 1}))
    assert "ei4" not in start(file, quick=False)
