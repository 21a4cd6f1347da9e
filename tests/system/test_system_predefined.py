"""The predefined cultures: identity, statistics, cache."""

import os
import subprocess
import sys

import numpy as np
import pytest

from livn.errors import DamagedFile
from livn.system import PREDEFINED, System, make, pack, predefined
from livn.system.culture import exp_exact, gaussian_pairs, random_words, scatter
from livn.system.predefined import build, cache_directory
from livn.system.storage import digest

DIGESTS = {
    "EI1": "6bdf56fe997de98bec119d0700c10b4fd05bc08bdc0e4004a884891d58f62822",
    "EI2": "45dac1fb549912d6438d1b5d6e7f839817c15eec9b590859275f674ae4281cd6",
    "EI3": "9769e5a2b3e8ef8286df06e299ace96dff1968246029e3a27c51d21331214c2c",
    "EI4": "bfc08f82d0810d31a09a5c26615f25c0732129d614089a9251be66e83abaca6a",
}


@pytest.fixture(scope="module")
def large():
    return build("EI4")


@pytest.mark.parametrize("name", ["EI1", "EI2", "EI3"])
def test_identity(name):
    assert digest(*pack(build(name))) == DIGESTS[name]


def test_identity_of_the_large_one(large):
    assert digest(*pack(large)) == DIGESTS["EI4"]


@pytest.mark.parametrize(
    ("name", "exc", "inh", "channels"), [("EI1", 8, 2, 1), ("EI2", 80, 20, 16), ("EI3", 800, 200, 64)]
)
def test_shape(name, exc, inh, channels):
    system = build(name)
    count = exc + inh
    assert system.population_counts == {"EXC": exc, "INH": inh}
    side = 40 * np.sqrt(count)
    xyz = system.neuron_coordinates[:, 1:]
    assert (xyz > 0).all()
    assert (xyz < [side, side, 10]).all()
    np.testing.assert_allclose(system.area, [[0, 0], [side, side]])
    assert system.weight_names == [
        "EXC_EXC-dend-AMPA-weight",
        "EXC_EXC-dend-NMDA-weight",
        "EXC_INH-soma-GABA_A-weight",
        "INH_EXC-soma-AMPA-weight",
        "INH_INH-soma-GABA_A-weight",
    ]
    mea = system.documents.get("mea.json")
    electrodes = np.array(mea["electrode_coordinates"])
    assert electrodes.shape == (channels, 4)
    assert electrodes[:, 0].tolist() == list(range(channels))
    np.testing.assert_allclose(electrodes[:, 1:].mean(axis=0), [side / 2, side / 2, 0])
    if channels > 1:
        assert electrodes[1, 1] - electrodes[0, 1] == pytest.approx(128)
        assert electrodes[1, 2] == electrodes[0, 2]
    assert (mea["input_radius"], mea["output_radius"]) == (250, 100)


def test_everyone_meets_everyone_in_the_smallest():
    edges = build("EI1").edges
    pairs = set(zip(edges["pre"], edges["post"], strict=True))
    assert pairs == {(i, j) for i in range(10) for j in range(10) if i != j}


def test_synapses():
    system = build("EI2")
    edges = system.edges
    assert (edges["pre"] != edges["post"]).all()
    assert (edges["weight"] == 1).all()
    xyz = system.neuron_coordinates[:, 1:]
    far = np.linalg.norm(xyz[edges["pre"]] - xyz[edges["post"]], axis=1)
    np.testing.assert_allclose(edges["delay_ms"], 0.5 + far / 250)
    # both receptors of a pair share number and delay
    both = edges[(edges["pre"] < 80) & (edges["post"] < 80)]
    for column in ("pre", "syn_id", "delay_ms"):
        ampa, nmda = (both.loc[both["mechanism"] == m, column].to_numpy() for m in ("AMPA", "NMDA"))
        np.testing.assert_array_equal(ampa, nmda)
    # numbered without gaps, by presynaptic gid
    for _, group in edges.groupby("post"):
        numbers = group.drop_duplicates("syn_id")
        assert numbers["syn_id"].tolist() == list(range(len(numbers)))
        assert numbers["pre"].is_monotonic_increasing
    g = edges.groupby(["mechanism", edges["post"] >= 80])["g_unit_uS"].unique()
    assert {key: list(v) for key, v in g.items()} == {
        ("AMPA", False): [2e-4],
        ("AMPA", True): [1e-3],
        ("NMDA", False): [2e-4],
        ("GABA_A", False): [5e-3],
        ("GABA_A", True): [1e-3],
    }


def test_probability_follows_the_kernel(large):
    s = large.synapses
    xyz = large.neuron_coordinates[:, 1:]
    first = np.flatnonzero(np.r_[True, (s.post[1:] != s.post[:-1]) | (s.syn_id[1:] != s.syn_id[:-1])])
    assert 70 < len(first) / 10000 < 80  # partners per cell
    bins = np.arange(0, 1400, 100)
    connected = np.histogram((s.delay_ms[first] - 0.5) * 250, bins)[0]
    some = np.arange(0, 10000, 10)
    far = np.concatenate([np.linalg.norm(xyz - xyz[i], axis=1) for i in some])
    candidates = np.histogram(far[far > 0], bins)[0] * 10
    centre = np.sqrt((bins[1:] ** 2 + bins[:-1] ** 2) / 2)
    expected = 0.5 * np.exp(-(centre**2) / (2 * 200**2))
    near = expected > 1e-3
    np.testing.assert_allclose(connected[near] / candidates[near], expected[near], rtol=0.12)
    assert s.delay_ms.max() < 0.5 + 1320 / 250


def test_exp_is_exact_enough():
    x = np.concatenate([np.linspace(-700, 700, 100001), [0.0, -1e-300, 1e-9]])
    np.testing.assert_allclose(exp_exact(x), np.exp(x), rtol=4e-16)
    assert exp_exact(np.zeros(1))[0] == 1.0


def test_words_are_those_of_philox():
    # Known answers of the generator's authors: all counters and keys zero, and all ones.
    assert [int(w) for w in random_words(0, np.array(0), 0)] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_pairs_do_not_depend_on_the_other_cells():
    xyz = scatter(41, 300.0, 10.0, 9)
    pre, post = gaussian_pairs(xyz, 0.5, 200.0, 9)
    few_pre, few_post = gaussian_pairs(xyz[:30], 0.5, 200.0, 9)
    inside = (pre < 30) & (post < 30)
    np.testing.assert_array_equal(few_pre, pre[inside])
    np.testing.assert_array_equal(few_post, post[inside])
    assert len(gaussian_pairs(xyz, 0.0, 200.0, 9)[0]) == 0
    certain = gaussian_pairs(np.zeros((5, 3)), 1.0, 200.0, 9)
    assert len(certain[0]) == 20


def test_cache(cache):
    system = make("EI1")
    assert system.uri == str(cache / "systems" / "v1" / "EI1")
    assert make("EI1").uri == system.uri
    assert predefined("EI1") == predefined() == cache_directory() / "EI1"
    assert digest(*pack(system)) == DIGESTS["EI1"]


def test_the_users_cache_is_the_default(monkeypatch):
    import platformdirs

    monkeypatch.delenv("LIVN_CACHE_DIR")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name, **_: f"/somewhere/{name}")
    assert cache_directory().as_posix() == "/somewhere/livn/systems/v1"


@pytest.mark.parametrize("damage", ["arrays", "graph", "missing"])
def test_a_damaged_cache_is_mended(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVN_CACHE_DIR", str(tmp_path))
    path = predefined("EI1")
    (path / "params").mkdir()
    (path / "params" / "default.json").write_text("{}")
    (arrays,) = path.glob("arrays-*.h5")
    if damage == "arrays":
        content = bytearray(arrays.read_bytes())
        content[3000] ^= 1
        arrays.write_bytes(content)
    elif damage == "graph":
        (path / "graph.json").write_text('{"format')
    else:
        arrays.unlink()
    with pytest.raises(DamagedFile):
        System(path)
    assert digest(*pack(make("EI1"))) == DIGESTS["EI1"]
    assert System(path).num_neurons == 10
    if damage != "graph":  # what the user stored beside it is kept
        assert make("EI1").params_document() == {}


def test_without_a_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("LIVN_CACHE_DIR", str(tmp_path / "file"))
    system = make("EI1")
    assert system.uri is None
    assert digest(*pack(system)) == DIGESTS["EI1"]
    with pytest.raises(OSError):
        predefined("EI1")


def test_into_a_directory(tmp_path):
    path = predefined("EI2", tmp_path)
    assert path == tmp_path / "EI2"
    assert System(path).name == "EI2"
    stamp = (path / "graph.json").stat().st_mtime_ns
    assert predefined("EI2", str(tmp_path)) == path
    assert (path / "graph.json").stat().st_mtime_ns == stamp
    predefined("EI2", tmp_path, force=True)
    assert (path / "graph.json").stat().st_mtime_ns != stamp
    (path / "graph.json").write_text("{}")
    with pytest.raises(DamagedFile):
        predefined("EI2", tmp_path)
    predefined("EI2", tmp_path, force=True)
    System.from_arrays({"EXC": 1}, [[0, 0, 0]]).save(tmp_path / "EI1")
    with pytest.raises(FileExistsError):
        predefined("EI1", tmp_path)


def test_nonsense_is_refused(tmp_path):
    for call in (make, predefined, build):
        with pytest.raises(ValueError, match=r"unknown predefined system 'ei1'.*did you mean 'EI1'"):
            call("ei1")
        with pytest.raises(TypeError, match="name"):
            call(1)
    with pytest.raises(TypeError, match="force"):
        predefined("EI1", tmp_path, force=1)
    with pytest.raises(TypeError):
        PREDEFINED["EI9"] = None


def test_two_processes_at_once(tmp_path):
    code = (
        "from livn.system import make, pack; from livn.system.storage import digest\n"
        "for name in ('EI1', 'EI2', 'EI3'): print(digest(*pack(make(name))))"
    )
    environment = os.environ | {"LIVN_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    expected = [DIGESTS["EI1"], DIGESTS["EI2"], DIGESTS["EI3"]]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.split() == expected
    left = sorted(p.name for p in (tmp_path / "systems" / "v1" / "EI1").iterdir())
    assert len(left) == 3  # graph.json, mea.json, one file of arrays
    for name in ("EI1", "EI2", "EI3"):
        assert System(tmp_path / "systems" / "v1" / name).name == name


def test_importing_loads_nothing_slow():
    code = (
        "import sys, livn.system, livn.types\n"
        "print(sorted({'pandas', 'scipy', 'h5py', 'numba', 'matplotlib', 'platformdirs'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
