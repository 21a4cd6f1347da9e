"""Runs in files: what comes back is what was stored, and a file is there whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import livn
from livn.errors import DamagedFile, NewerFormat, StorageError
from livn.run import Events, Run, Series
from livn.system import storage
from livn.system.storage import read_arrays, write_arrays
from tests.run.helpers import example


def assert_same(a: Run, b: Run) -> None:
    """Equal, in the order of channels and in dtypes too."""
    assert a == b
    assert list(a.channels) == list(b.channels)
    for name, channel in a.channels.items():
        for part, value in vars(channel).items():
            there = vars(b[name])[part]
            assert type(value) is type(there)
            if isinstance(value, np.ndarray):
                assert value.dtype == there.dtype or value.dtype.kind == "U"  # as wide as need be
                assert not there.flags.writeable


def test_a_run_comes_back(tmp_path: Path) -> None:
    run = example(t0=500.0)
    assert run.save(tmp_path / "a.run") == tmp_path / "a.run"
    assert_same(run, Run.load(tmp_path / "a.run"))
    assert_same(run, Run.load(str(tmp_path / "a.run")))
    assert [p.name for p in tmp_path.iterdir()] == ["a.run"]


def test_that_of_a_culture(tmp_path: Path) -> None:
    with livn.make("EI1") as env:
        env.record_voltage(dt=0.1, sections=["soma", "dend"]).record_membrane_current(dt=1.0)
        env.run(5)
        run = env.run(10)
    run.save(tmp_path / "culture.h5")
    back = Run.load(tmp_path / "culture.h5")
    assert_same(run, back)
    assert back.t0 == 5.0
    assert back.concat(Run(back.channels, 5.0, 10.0).slice(0, 10)).duration == 20.0  # it can go on where it was


names = st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)
ids = st.integers(0, 2**62)
moments = st.floats(0, 1e6, allow_nan=False, exclude_max=True)
numbers = st.one_of(
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(endianness="="),
    hnp.boolean_dtypes(),
)


@st.composite
def events(draw: Any, t0: float, duration: float | None) -> Events:
    end = 1e6 if duration is None else duration
    if draw(st.booleans()):
        times = st.floats(0, end, exclude_max=end > 0) if end else st.nothing()
        pairs = draw(st.lists(st.tuples(ids, times), max_size=6)) if end else []
        return Events([i for i, _ in pairs], [t for _, t in pairs], t0, duration)
    cells = draw(st.lists(ids, max_size=3))
    shape = (*draw(st.lists(st.integers(0, 2), max_size=2)), len(cells), draw(st.integers(0, 3)))
    inside = st.floats(0, end, exclude_max=True) if end else st.just(np.inf)
    times = draw(hnp.arrays(np.float64, shape, elements=st.one_of(st.just(np.inf), inside)))
    return Events(cells, times, t0, duration, padded=True)


@st.composite
def series(draw: Any, t0: float, duration: float | None) -> Series:
    n = draw(st.integers(0, 3))
    width = draw(st.integers(0, 4))
    values = draw(hnp.arrays(draw(numbers), (n, width, *draw(st.lists(st.integers(0, 3), max_size=2)))))
    dt = draw(st.floats(1e-3, 10)) if duration is None else max(duration, 1e-3) / max(width, 1)
    if duration is not None and duration < 1e-3:
        values, dt = values[:, :0], 1e-3
    sections = draw(
        st.one_of(
            st.none(),
            st.lists(st.integers(-9, 9), min_size=n, max_size=n),
            st.lists(st.text(max_size=5), min_size=n, max_size=n),
        )
    )
    return Series(draw(st.lists(ids, min_size=n, max_size=n)), values, dt, t0, sections)


@st.composite
def runs(draw: Any) -> Run:
    t0 = draw(st.floats(-1e6, 1e6))
    duration = draw(st.none() | moments)
    held: dict[str, Events | Series] = {}
    for name in draw(st.lists(names | st.sampled_from(["spikes", "a/b", "..", "0:ids"]), unique=True, max_size=4)):
        held[name] = draw(events(t0, duration) if name == "spikes" else events(t0, duration) | series(t0, duration))
    return Run(held, t0, duration)


@given(runs())
def test_any_run_comes_back(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    path = tmp_path_factory.getbasetemp() / "any.run"
    run.save(path, force=True)
    assert_same(run, Run.load(path))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint64, np.bool_, np.longdouble])
def test_large_arrays_are_compressed(tmp_path: Path, dtype: Any) -> None:
    values = (np.arange(40000).reshape(4, 10000) // 100).astype(dtype)
    run = Run().add("x", range(4), values, dt=1.0, t0=3.0).add("few", [1], [[1.0]], dt=1.0)
    run.save(tmp_path / "a.run")
    assert_same(run, Run.load(tmp_path / "a.run"))
    assert (tmp_path / "a.run").stat().st_size < max(values.nbytes // 4, 16000)
    with h5py.File(tmp_path / "a.run") as h:  # as any HDF5 tool sees it
        large, small = h["arrays/0:values"], h["arrays/1:values"]
        assert (large.compression, large.compression_opts, large.shuffle) == ("gzip", 4, True)
        assert small.chunks is None


def test_other_files_stay_as_they_were(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.h5", {"a": np.zeros(10000)}, {}, "system")
    with h5py.File(tmp_path / "a.h5") as h:
        assert h["arrays/a"].chunks is None


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"a\.run exists: pass force=True"):
        example().save(path)
    assert path.read_text() == "precious"
    example().save(path, force=True)
    Run(t0=3.0).save(path, force=True)
    assert Run.load(path) == Run(t0=3.0)


def test_the_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert example().save("~/a.run") == tmp_path / "a.run"
    assert Run.load("~/a.run") == example()
    monkeypatch.chdir(tmp_path)
    assert example().save("~nobody of that name") == Path("~nobody of that name")  # as a shell does


@pytest.mark.parametrize("error", [OSError("full"), RuntimeError("full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    old, path = example(), tmp_path / "a.run"
    old.save(path)
    create, made = h5py.Group.create_dataset, []

    def failing(*args: Any, **kwargs: Any) -> Any:
        if len(made) > 2:
            raise error
        made.append(args[1])
        return create(*args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", failing)
    for target in (path, tmp_path / "new.run"):
        made.clear()
        with pytest.raises(StorageError if isinstance(error, RuntimeError) else type(error)):
            example(t0=7.0).save(target, force=True)
        assert len(made) == 3
    assert Run.load(path) == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.run"]


KILLED = """
import sys, time, h5py
from livn.run import Run
create, made = h5py.Group.create_dataset, []
def slow(*args, **kwargs):
    if len(made) > 2:
        print("half", flush=True)
        time.sleep(60)
    made.append(1)
    return create(*args, **kwargs)
h5py.Group.create_dataset = slow
run = Run(t0=7.0).add_spikes([1], [2.0]).add_voltage([1], [[1.0, 2.0]], dt=1.0)
run.save(sys.argv[1], force=True)
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_kill_leaves_what_was_there(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "a.run"
    if there:
        example().save(path)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.kill()
    assert (Run.load(path) == example()) if there else not path.exists()
    example(t0=1.0).save(path, force=True)
    assert Run.load(path) == example(t0=1.0)


def test_damage_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.run"
    example().save(path)
    whole = path.read_bytes()
    for at in (0, 600, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(DamagedFile, match=r"a\.run"):
            Run.load(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(DamagedFile, match="cut short"):
        Run.load(path)
    path.write_text("spikes")
    with pytest.raises(DamagedFile, match="not written by livn"):
        Run.load(path)
    write_arrays(path, {}, {}, "system")
    with pytest.raises(DamagedFile, match="holds 'system', expected 'run'"):
        Run.load(path)
    monkeypatch.setattr(storage, "FORMAT_VERSION", 2)
    example().save(path, force=True)
    monkeypatch.undo()
    with pytest.raises(NewerFormat, match="format version 2"):
        Run.load(path)


def test_a_part_that_is_missing_or_wrong_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    example().save(path)
    arrays, meta = read_arrays(path, "run")
    channel = meta["channels"][1]
    wrong = [{**channel, "dt": "0.1"}, {**channel, "sections": []}, {**channel, "t0": None}, {}, None]
    metas = [{n: v for n, v in meta.items() if n != lost} for lost in meta]
    metas += [meta | {"channels": [meta["channels"][0], other]} for other in wrong]
    metas += [meta | {"channels": 3}, meta | {"duration": -1.0}, meta | {"t0": "0"}]
    cases = [({n: a for n, a in arrays.items() if n != lost}, meta) for lost in arrays]
    cases += [(arrays, other) for other in metas] + [(arrays | {"0:ids": -arrays["0:ids"]}, meta)]
    for held, said in cases:
        write_arrays(path, held, said, "run")
        with pytest.raises(DamagedFile, match=r"a\.run holds no whole run"):
            Run.load(path)


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        (None, TypeError, "path must be the name of a file, got None"),
        (3, TypeError, "path must be the name of a file, got 3"),
        (b"a.run", TypeError, "path must be the name of a file, got b'a.run'"),
        ("", ValueError, "path must be the name of a file, got ''"),
        ("a\0b", ValueError, "path must be the name of a file"),
        (".", OSError, "is a directory"),
        ("no/where.run", FileNotFoundError, "no"),
    ],
)
def test_nonsense_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any, error: type[Exception], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for force in (False, True):
        with pytest.raises(error, match=told):
            example().save(path, force=force)
    with pytest.raises(error, match=told):
        Run.load(path)
    assert not [*tmp_path.iterdir()]


def test_nonsense_force(tmp_path: Path) -> None:
    for force in (None, 1, "yes"):
        with pytest.raises(TypeError, match="force must be True or False"):
            example().save(tmp_path / "a.run", force=force)  # type: ignore[arg-type]
    assert not [*tmp_path.iterdir()]
