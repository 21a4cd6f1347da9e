"""Experiments in directories: what comes back is what was there, and what is there is whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from livn import DamagedFile, Env, Experiment, NewerFormat, Run, load_run, make
from livn.experiment import run, storage, train
from livn.io import MEA
from tests.env.helpers import lively
from tests.experiment.helpers import assert_same, make_unwritable, trained


@pytest.fixture(scope="module")
def record() -> Experiment:
    return trained()


@pytest.fixture(scope="module")
def other() -> Experiment:
    with lively("cpu", seed=7) as env:
        return run(env.record_spikes(), 15.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


def alone(target: Path) -> None:
    """Nothing but the target lies in its folder, and in it nothing hidden."""
    assert [p.name for p in target.parent.iterdir()] == ([target.name] if target.exists() else [])
    assert not target.is_dir() or not list(target.glob(".*"))


def test_what_comes_back_is_what_was_stored(record, target):
    assert record.save(target) == target
    assert_same(load_run(target), record)
    assert Run.load(target / "run.h5") == record.run
    alone(target)


def test_a_run_of_cells_that_cannot_learn(target):
    with make({"EXC": 2, "INH": 1}) as env:
        record = run(env.record_spikes().record_membrane_current(dt=1.0), 10.0)
    record.save(target)
    assert_same(load_run(target), record)
    assert not (target / "weights.h5").exists()


def test_electrodes_and_field_potentials_come_back(target):
    with lively("cpu", io=MEA([[3, 0.0, 0.0, 0.0], [5, 40.0, 0.0, 0.0]])) as env:
        record = run(env.record_membrane_current(dt=0.5), 10.0, keep_currents=False)
    record.save(target)
    back = load_run(str(target))
    assert_same(back, record)
    assert back.io.electrode_coordinates.tolist() == [[3, 0, 0, 0], [5, 40, 0, 0]]


def test_people_and_programs_can_read_it(record, target):
    record.save(target)
    config = tomllib.loads((target / "config.toml").read_text())
    assert config["system"] == "small"
    assert (config["baseline"], config["training"], config["normalize_every"]) == (20.0, 50.0, 20.0)
    assert config["rules"] == {"A_ltd": 0.2}
    summary = json.loads((target / "summary.json").read_text())
    assert summary["spikes"] == len(record.run.spike_times)
    about = json.loads((target / "experiment.json").read_text())["about"]
    assert about["seed"] == 123
    assert set(about["versions"]) >= {"livn", "python", "numpy", "numba", "h5py"}


def test_recordings_are_chunked_and_compressed(record, target):
    import h5py

    record.save(target)
    with h5py.File(target / "run.h5") as h:
        found: list[object] = []
        h.visititems(lambda name, item: found.append(item))
        large = [d for d in found if isinstance(d, h5py.Dataset) and d.size > 1000 and d.name != "/meta"]
        assert large
        assert all(d.chunks and d.compression == "gzip" for d in large)


def test_nothing_is_overwritten_without_force(record, other, target):
    record.save(target)
    with pytest.raises(FileExistsError, match="holds an experiment and is not overwritten"):
        other.save(target)
    assert_same(load_run(target), record)
    other.save(target, force=True)
    assert_same(load_run(target), other)
    assert not (target / "weights.h5").exists() or other.weights
    alone(target)


def test_what_is_no_experiment_is_never_replaced(record, target):
    target.write_text("mine")
    with pytest.raises(FileExistsError, match="holds no experiment"):
        record.save(target, force=True)
    assert target.read_text() == "mine"
    target.unlink()
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds no experiment"):
        record.save(target, force=True)
    assert (target / "notes.txt").read_text() == "mine"


def test_force_keeps_what_others_put_there_and_drops_stale_figures(record, other, target):
    record.save(target)
    (target / "notes.txt").write_text("mine")
    (target / "photo.png").write_text("mine, too")
    (target / "training.png").write_text("of the other experiment")
    other.save(target, force=True)
    assert (target / "notes.txt").read_text() == "mine"
    assert (target / "photo.png").read_text() == "mine, too"
    assert not (target / "training.png").exists()
    assert_same(load_run(target), other)
    alone(target)


def test_an_empty_directory_is_filled_and_missing_ones_are_made(record, tmp_path):
    (tmp_path / "empty").mkdir()
    record.save(tmp_path / "empty")
    record.save(tmp_path / "a" / "b" / "c")
    assert_same(load_run(tmp_path / "a" / "b" / "c"), record)


def test_the_home_directory_is_meant_by_a_tilde(record, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    record.save("~/out")
    assert_same(load_run("~/out"), record)


def test_a_directory_that_is_there_stays_for_someone_may_work_in_it(record, other, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir(mode=0o750)
    monkeypatch.chdir(here)
    before = here.stat()
    record.save(".")
    assert_same(load_run("."), record)
    other.save(here / "no" / "..", force=True)
    assert_same(load_run(here), other)
    assert (here.stat().st_ino, here.stat().st_mode) == (before.st_ino, before.st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["here"]
    alone(here)


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
@pytest.mark.parametrize("there", ["empty", "experiment", "nothing"])
def test_a_link_leads_to_the_directory(record, other, tmp_path, there):
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to("real")
    if there == "empty":
        real.mkdir()
    elif there == "experiment":
        other.save(real)
    assert record.save(link, force=True) == link
    assert link.is_symlink()
    assert_same(load_run(real), record)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]
    alone_in = [p.name for p in real.iterdir() if p.name.startswith(".")]
    assert alone_in == []


def test_what_cannot_be_made_is_refused_before_the_experiment(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="file is not a directory"):
        storage.check_free(tmp_path / "file" / "out")
    with pytest.raises(OSError, match="longer than"):
        storage.check_free(tmp_path / "new" / ("x" * 300))
    storage.check_free(tmp_path / "new" / ("x" * 255))
    make_unwritable(monkeypatch)
    with pytest.raises(PermissionError, match="cannot be written to"):
        storage.check_free(tmp_path / "new" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_longest_name_there_can_be(record, tmp_path):
    record.save(tmp_path / ("x" * 255))
    assert_same(load_run(tmp_path / ("x" * 255)), record)


def test_what_a_killed_store_left_is_not_in_the_way(record, target):
    (target / ".livn-1-abcd.part").mkdir(parents=True)
    record.save(target)
    assert_same(load_run(target), record)


def test_numbers_of_every_kind_are_stored(target):
    with lively("cpu") as env:
        rules = {"EXC": {"A_ltd": np.float32(0.5), "A_ltp": np.array(2)}}
        record = train(env, np.int64(10), Fraction(20), 0, normalize_every=np.int32(10), rules=rules)
    record.save(target)
    assert_same(load_run(target), record)
    config = tomllib.loads((target / "config.toml").read_text())
    assert (config["baseline"], config["training"], config["evaluation"], config["normalize_every"]) == (10, 20, 0, 10)
    assert config["rules"] == {"EXC": {"A_ltd": 0.5, "A_ltp": 2}}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
@pytest.mark.parametrize("part", ["Run.save", "write_arrays", "_write_weights", "write_json", "_toml", "_sync", "last"])
def test_a_store_that_fails_leaves_the_old_one_or_none(record, other, target, monkeypatch, part, error):
    def failing(*args, **options):
        raise error

    real = Path.replace

    def all_but_the_last(path: Path, to: Path) -> Path:
        new = path.suffix == ".part" or (path.name == "experiment.json" and path.parent.suffix == ".part")
        return failing() if new and target in (to, to.parent) else real(path, to)

    def break_it(patch: pytest.MonkeyPatch) -> None:
        if part == "last":
            patch.setattr(Path, "replace", all_but_the_last)
        else:
            patch.setattr(Run if part == "Run.save" else storage, part.removeprefix("Run."), failing)

    with monkeypatch.context() as patch:
        break_it(patch)
        with pytest.raises(type(error)):
            record.save(target)
    assert not target.exists()
    alone(target)
    other.save(target)
    with monkeypatch.context() as patch:
        break_it(patch)
        with pytest.raises(type(error)):
            record.save(target, force=True)
    assert_same(load_run(target), other)
    alone(target)


KILLED = textwrap.dedent("""
    import os, signal, sys
    from livn import load_run
    from livn.experiment import storage

    record = load_run(sys.argv[1])
    real, calls = getattr(storage, sys.argv[3]), 0

    def deadly(*args, **options):
        result = real(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(storage, sys.argv[3], deadly)
    record.save(sys.argv[2], force=True)
""")


FULL = textwrap.dedent("""
    import os, resource, signal, sys
    from pathlib import Path
    from livn import load_run

    record, out = load_run(sys.argv[1]), Path(sys.argv[2])
    for most in (600, 3000, 9000, 20000, 30000):  # as if the disk were full then
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        try:
            record.save(out / "out")
        except OSError:
            print("full", most, os.listdir(out))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for k in range(1, 20):
        try:
            signal.setitimer(signal.ITIMER_REAL, k * 1e-3)
            record.save(out / "out", force=True)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        except KeyboardInterrupt:
            assert [n for n in os.listdir(out) if n != "out"] == [], os.listdir(out)
    record.save(out / "out", force=True)
    print("stored")
""")


@pytest.mark.skipif(os.name == "nt", reason="no limits of files")
def test_neither_a_full_disk_nor_ctrl_c_ends_the_process(record, tmp_path):
    record.save(tmp_path / "source")
    largest = max(p.stat().st_size for p in (tmp_path / "source").iterdir())
    (tmp_path / "target").mkdir()
    command = [sys.executable, "-c", FULL, str(tmp_path / "source"), str(tmp_path / "target")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    told = [f"full {most} []" for most in (600, 3000, 9000, 20000, 30000) if most < largest]
    assert done.stdout.splitlines() == [*told, "stored"]
    assert len(told) >= 2
    assert_same(load_run(tmp_path / "target" / "out"), record)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("part", ["write_arrays", "_sync"])
def test_a_store_that_is_killed_leaves_the_old_one(record, other, tmp_path, part):
    record.save(tmp_path / "source")
    other.save(tmp_path / "out")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "source"), str(tmp_path / "out"), part]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert_same(load_run(tmp_path / "out"), other)


@pytest.mark.parametrize("file", ["run.h5", "culture.h5", "weights.h5"])
def test_damage_is_found(record, target, file):
    record.save(target)
    whole = (target / file).read_bytes()
    (target / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFile, match=file):
        load_run(target)
    (target / file).write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(DamagedFile, match=file):
        load_run(target)
    (target / file).unlink()
    with pytest.raises(DamagedFile, match="incomplete"):
        load_run(target)


def test_a_record_that_is_none_or_of_the_future(record, target):
    record.save(target)
    document = json.loads((target / "experiment.json").read_text())

    def holding(text):
        (target / "experiment.json").write_text(text)
        return target

    with pytest.raises(NewerFormat, match="update livn"):
        load_run(holding(json.dumps(document | {"version": 99})))
    with pytest.raises(DamagedFile, match="not livn's"):
        load_run(holding("{}"))
    with pytest.raises(DamagedFile, match="not JSON"):
        load_run(holding("{"))
    with pytest.raises(DamagedFile, match="does not hold together"):
        load_run(holding(json.dumps({k: v for k, v in document.items() if k != "rules"})))
    with pytest.raises(DamagedFile, match="does not hold together"):
        load_run(holding(json.dumps(document | {"rules": {"EXC": {"A_ltp": -1}}})))


def test_there_is_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_run(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="is not a directory of a stored experiment"):
        load_run(tmp_path)
    for nonsense in (3, None, [tmp_path], np.nan):
        with pytest.raises(TypeError, match="directory must be the name"):
            load_run(nonsense)


def test_a_stored_experiment_outlives_its_culture(tmp_path):
    """The record holds the system itself, not its name."""
    with make("EI1") as env:
        system = env.system.save(tmp_path / "system")
    with make(system) as env:
        record = run(env.record_spikes(), 10.0)
    record.save(tmp_path / "out")
    shutil.rmtree(system)
    assert load_run(tmp_path / "out").system.num_neurons == 10


def test_other_loaders_tell_of_load_run(record, target):
    record.save(target)
    for load in (Run.load, Env.load):
        with pytest.raises(DamagedFile, match=r"holds an experiment: livn\.load_run reads it"):
            load(target)


EXCHANGED = """
import os, signal, sys
from pathlib import Path
from livn import load_run

record, left, real = load_run(sys.argv[1]), int(sys.argv[3]), Path.replace

def replace(self, to):
    global left
    if Path(sys.argv[2]) in self.parents:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return real(self, to)

Path.replace = replace
record.save(sys.argv[2], force=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_kill_amid_the_exchange_leaves_the_old_one_which_can_be_replaced(record, other, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    record.save(source)
    for moves in range(20):
        other.save(out, force=True)
        (out / "notes.txt").write_text("mine")
        (out / "rule.png").write_text("of the old one")
        done = subprocess.run([sys.executable, "-c", EXCHANGED, source, out, str(moves)], capture_output=True)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        assert_same(load_run(out), other)
        assert (out / "rule.png").read_text() == "of the old one"
        assert (out / "notes.txt").read_text() == "mine"
    assert moves >= 13  # six files or more aside, and six in
    assert_same(load_run(out), record)
    assert not list(out.glob(".livn-*"))
