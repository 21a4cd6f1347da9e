"""System and ParallelSystem: what they say about themselves."""

import json
import pickle

import numpy as np
import pytest

import livn.types
from livn.errors import DamagedFile, NewerFormat, UnknownName
from livn.system import ParallelSystem, System, pack, synapses_of, unpack


def test_shape(system, coordinates):
    assert (system.name, system.uri, system.num_neurons) == ("small", None, 5)
    assert system.populations == ["EXC", "INH"]
    assert system.population_ranges == {"EXC": (0, 3), "INH": (3, 2)}
    assert system.population_counts == {"EXC": 3, "INH": 2}
    assert system.population_count("INH") == 2
    assert system.gids.tolist() == [0, 1, 2, 3, 4]
    assert system.population_gids("INH").tolist() == [3, 4]
    np.testing.assert_array_equal(system.neuron_coordinates[:, 1:], coordinates)
    np.testing.assert_array_equal(system.coordinate_array("INH"), [[3, 100, 0, 0], [4, 100, 100, 10]])
    np.testing.assert_array_equal(system.bounding_box, [[0, 0, 0], [100, 100, 10]])
    np.testing.assert_array_equal(system.center_point, [50, 50, 5])
    np.testing.assert_array_equal(system.area, [[0, 0], [100, 100]])
    assert repr(system) == "System('small': 5 neurons (EXC 3, INH 2), 5 synapses)"


def test_it_does_not_change(system):
    for a in (system.gids, system.neuron_coordinates, system.coordinate_array("EXC"), system.synapses.weight):
        with pytest.raises(ValueError, match="read-only"):
            a[0] = 1
    system.populations.append("X")
    assert system.populations == ["EXC", "INH"]
    with pytest.raises(AttributeError):
        system.name = "other"


def test_the_callers_array_stays_the_callers(coordinates):
    system = System.from_arrays({"EXC": 5}, coordinates)
    coordinates[0, 0] = 77
    assert system.neuron_coordinates[0, 1] == 0


def test_projections(system):
    ((post, (pre, info)),) = system.projections("EXC", "EXC")
    assert (post, pre.tolist()) == (1, [0])  # one partner though two synapses
    assert info["distance"].tolist() == [50.0]
    assert info["delay_ms"].tolist() == [2.0]  # the shorter of both
    array = system.projection_array("INH", "EXC")
    assert [(post, pre.tolist()) for post, (pre, _) in array] == [(0, [3, 4])]
    np.testing.assert_allclose(array[0][1][1]["distance"], [100, np.sqrt(20100)])
    assert array[0][1][1]["delay_ms"].tolist() == [1.0, 0.0]
    assert system.projection_array("INH", "INH") == []


def test_pathways(system):
    assert system.synapse_projections() == [
        ("EXC", "EXC", "dend", "AMPA", "excitatory"),
        ("EXC", "EXC", "dend", "NMDA", "excitatory"),
        ("EXC", "INH", "soma", "GABA_A", "inhibitory"),
        ("EXC", "INH", "soma", "GABA_B", "inhibitory"),
        ("INH", "EXC", "soma", "AMPA", "excitatory"),
    ]
    assert system.weight_names == [
        "EXC_EXC-dend-AMPA-weight",
        "EXC_EXC-dend-NMDA-weight",
        "EXC_INH-soma-GABA_A-weight",
        "EXC_INH-soma-GABA_B-weight",
        "INH_EXC-soma-AMPA-weight",
    ]
    config = system.connections_config["synapses"]
    assert config["EXC"]["INH"] == {"type": "inhibitory", "sections": ["soma"], "mechanisms": ["GABA_A", "GABA_B"]}
    assert config["EXC"]["EXC"] == {"type": "excitatory", "sections": ["dend"], "mechanisms": ["AMPA", "NMDA"]}
    assert "INH" not in config["INH"]


def test_a_pair_with_both_effects_is_mixed(coordinates):
    edges = {"pre": [0, 0], "post": [1, 1], "section": ["dend", "soma"], "mechanism": ["AMPA", "GABA_A"]}
    config = System.from_arrays({"A": 5}, coordinates, edges).connections_config
    assert config["synapses"]["A"]["A"] == {
        "type": "mixed",
        "sections": ["dend", "soma"],
        "mechanisms": ["AMPA", "GABA_A"],
    }


def test_connectivity_matrix(system):
    w = system.connectivity_matrix()
    expected = np.zeros((5, 5))
    expected[0, 1], expected[1, 3], expected[3, 0], expected[4, 0] = 5, 4, -1, -5
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w, expected)
    sparse = system.connectivity_matrix(sparse=True)
    assert sparse.dtype == np.float32
    np.testing.assert_array_equal(sparse.toarray(), expected)
    np.testing.assert_array_equal(system.connectivity_matrix(gids=[4, 0]), expected[np.ix_([4, 0], [4, 0])])
    scaled = system.connectivity_matrix({"EXC_INH": 2.0})
    assert (scaled[3, 0], scaled[0, 1]) == (-2, 5)


def test_connectivity_matrix_refuses_nonsense(system):
    with pytest.raises(ValueError, match=r"unknown key of weights 'EXC_IHN'.*did you mean 'EXC_INH'"):
        system.connectivity_matrix({"EXC_IHN": 1.0})
    with pytest.raises(ValueError, match="finite"):
        system.connectivity_matrix({"EXC_INH": np.nan})
    with pytest.raises(TypeError, match="weights must be a mapping"):
        system.connectivity_matrix(3)
    with pytest.raises(TypeError, match="sparse"):
        system.connectivity_matrix(sparse=1)
    with pytest.raises(ValueError, match="got 9"):
        system.connectivity_matrix(gids=[0, 9])
    with pytest.raises(ValueError, match="once"):
        system.connectivity_matrix(gids=[0, 0])
    with pytest.raises(ValueError, match="whole numbers"):
        system.connectivity_matrix(gids=[0.5])


def test_synapses_within(system):
    s = system.synapses_within([0, 1, 3])
    assert list(zip(s.pre.tolist(), s.post.tolist(), strict=True)) == [(3, 0), (0, 1), (0, 1), (1, 3)]
    assert len(system.synapses_within([])) == 0
    with pytest.raises(ValueError, match="got 7"):
        system.synapses_within([7])


def test_summary(system):
    assert system.summary() == {"num_neurons": 5, "num_projections": 4, "population_counts": {"EXC": 3, "INH": 2}}


def test_transform_coordinates(system):
    seen = []

    def twice(coordinates, population):
        seen.append(population)
        return np.repeat(coordinates, 2, axis=0)

    assert system.transform_coordinates(twice).shape == (10, 4)
    assert system.transform_coordinates(twice, "INH")[:, 0].tolist() == [3, 3, 4, 4]
    assert seen == ["EXC", "INH", "INH"]
    with pytest.raises(ValueError, match="at least one"):
        system.transform_coordinates(twice, [])


def test_unknown_populations(system):
    for call in (
        system.population_count,
        system.population_gids,
        system.coordinate_array,
        lambda p: system.projections(p, "EXC"),
        lambda p: system.projection_array("EXC", p),
        lambda p: system.transform_coordinates(np.asarray, p),
    ):
        with pytest.raises(UnknownName, match=r"'EXX'.*did you mean 'EXC'"):
            call("EXX")


@pytest.mark.parametrize(
    ("populations", "coordinates", "error", "message"),
    [
        (5, np.zeros((5, 3)), TypeError, "populations must be a mapping"),
        ({}, np.zeros((0, 3)), ValueError, "at least one cell"),
        ({"EXC": 0}, np.zeros((0, 3)), ValueError, "at least one cell"),
        ({"EXC": -1, "INH": 6}, np.zeros((5, 3)), ValueError, r"populations\['EXC'\]"),
        ({"EXC": 2.0}, np.zeros((2, 3)), TypeError, r"populations\['EXC'\]"),
        ({"EXC": True}, np.zeros((1, 3)), TypeError, r"populations\['EXC'\]"),
        ({"EX-C": 1}, np.zeros((1, 3)), ValueError, "'EX-C'"),
        ({3: 1}, np.zeros((1, 3)), ValueError, "got 3"),
        ({"A": 1, "A_A": 1}, np.zeros((2, 3)), ValueError, "ambiguous.*A_A_A"),
        ({"EXC": 2}, np.zeros((3, 3)), ValueError, "shape"),
        ({"EXC": 2}, np.zeros((2, 4)), ValueError, "shape"),
        ({"EXC": 2}, np.zeros(6), ValueError, "shape"),
        ({"EXC": 2}, [[0, 0, 0], [0, np.nan, 0]], ValueError, "finite"),
        ({"EXC": 2}, [[0, 0, 0], [0, 0, -np.inf]], ValueError, "finite"),
        ({"EXC": 2}, "here", ValueError, "array of numbers"),
        ({"EXC": 2}, None, ValueError, "coordinates"),
    ],
)
def test_from_arrays_refuses_nonsense(populations, coordinates, error, message):
    with pytest.raises(error, match=message):
        System.from_arrays(populations, coordinates)


@pytest.mark.parametrize(("name", "error"), [(3, TypeError), (None, TypeError), ("", ValueError), ("  ", ValueError)])
def test_a_name_is_a_name(name, error):
    with pytest.raises(error, match="name must"):
        System.from_arrays({"EXC": 1}, [[0, 0, 0]], name=name)
    with pytest.raises(error, match="name must"):
        ParallelSystem(1, name=name)


def same(a, b):
    assert (a.name, a.population_counts) == (b.name, b.population_counts)
    np.testing.assert_array_equal(a.neuron_coordinates, b.neuron_coordinates)
    np.testing.assert_array_equal(a.area, b.area)
    for name, column in a.synapses.arrays().items():
        np.testing.assert_array_equal(column, b.synapses.arrays()[name])
        assert column.dtype == b.synapses.arrays()[name].dtype


def test_save_and_load(system, tmp_path):
    path = system.save(tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b"
    loaded = System.load(path)
    same(system, loaded)
    assert loaded.uri == str(path)
    assert repr(loaded).endswith(f"5 synapses, {path})")
    graph = json.loads((path / "graph.json").read_text())
    assert (graph["format"], graph["version"], graph["populations"]) == ("livn-system", 1, {"EXC": 3, "INH": 2})
    assert system.save(path) == path  # the same once more
    same(system, System(str(path)))
    same(system, pickle.loads(pickle.dumps(loaded)))


def test_save_replaces_another_system_only_if_told(system, tmp_path):
    other = ParallelSystem(2)
    other = System.from_arrays({"EXC": 2}, other.neuron_coordinates[:, 1:])
    other.save(tmp_path)
    (tmp_path / "selection").mkdir()
    (tmp_path / "selection" / "one.json").write_text('{"gids": {"EXC": [1]}}')
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(FileExistsError, match="force=True"):
        system.save(tmp_path)
    same(other, System(tmp_path))
    system.save(tmp_path, force=True)
    same(system, System(tmp_path))
    assert System(tmp_path).selections() == []  # it was the other system's
    assert (tmp_path / "notes.json").exists()
    assert len(list(tmp_path.glob("arrays-*.h5"))) == 1
    with pytest.raises(TypeError, match="force"):
        system.save(tmp_path, force="yes")


def test_save_takes_the_documents_along(system, tmp_path):
    path = system.save(tmp_path / "a")
    documents = {
        "mea.json": {"x": 1},
        "selection/core.json": {"gids": {"EXC": [0, 2]}, "meta": {}},
        "params/default.json": {"Model": {"default": {"params": {}, "meta": {}}}},
    }
    for name, document in documents.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(json.dumps(document))
    loaded = System(path)
    copy = System(loaded.save(tmp_path / "b"))
    assert copy.documents.everything() == documents
    assert copy.selections() == ["core"]
    assert copy.params_document() == copy.params_document("default") == documents["params/default.json"]
    assert copy.params_document("core") is None


def test_loading_refuses_what_is_not_whole(system, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        System(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"graph\.json is missing"):
        System(tmp_path)
    with pytest.raises(TypeError, match="directory must be a path"):
        System(3)
    path = system.save(tmp_path / "s")
    graph = path / "graph.json"
    text = graph.read_text()
    for replacement, error, message in (
        ("{", DamagedFile, "not JSON"),
        ("[]", DamagedFile, "object"),
        ('{"vertices": []}', DamagedFile, "does not describe"),
        (text.replace('"version": 1', '"version": 2'), NewerFormat, "update livn"),
        (text.replace('"version": 1', '"version": null'), DamagedFile, "version"),
        (text.replace('"EXC": 3', '"EXC": 4'), DamagedFile, "altered"),
        (text.replace("arrays-", "../arrays-"), DamagedFile, "missing"),
        (text.replace("arrays-", "other-"), DamagedFile, "missing"),
    ):
        graph.write_text(replacement)
        with pytest.raises(error, match=message):
            System(path)
    graph.write_text("{")
    with pytest.raises(FileExistsError):  # a graph.json of unknown origin is not overwritten, nor is a damaged one
        system.save(path)
    graph.write_text(text)
    same(system, System(path))


def test_default_model(system, tmp_path):
    path = system.save(tmp_path / "s")
    loaded = System(path)
    name = "livn.models.rcsd.ReducedCalciumSomaDendrite"
    (path / "model.json").write_text(f'{{"cls": "{name}", "kwargs": {{"refractory_period": 3.0}}}}')
    assert loaded.default_model().refractory_period == 3.0
    for foreign, why in (("fractions.Fraction", "none"), ("os.system", "none"), ("no.such.Model", "import no.such")):
        (path / "model.json").write_text(f'{{"cls": "{foreign}"}}')
        with pytest.raises(ImportError, match=rf"small.*{why}"):
            loaded.default_model()
    (path / "model.json").write_text(f'{{"cls": "{name}", "kwargs": {{"refractory": 3.0}}}}')
    with pytest.raises(DamagedFile, match="arguments of its model"):
        loaded.default_model()
    for wrong in ('{"cls": 3}', '{"cls": "Fraction"}', '{"cls": "a.b", "kwargs": []}', "{}x"):
        (path / "model.json").write_text(wrong)
        with pytest.raises(DamagedFile, match=r"model\.json"):
            loaded.default_model()


@pytest.mark.parametrize(
    ("name", "error"), [("../x", ValueError), (".x", ValueError), ("", ValueError), (3, TypeError)]
)
def test_params_document_stays_in_its_folder(system, name, error):
    with pytest.raises(error, match="selection must be"):
        system.params_document(name)


def test_pack_and_unpack(system):
    same(system, unpack(*pack(system)))
    cells = ParallelSystem({"EXC": 1, "INH": 1}, [[5, 0, 0, 0], [2, 1, 1, 1]])
    again = unpack(*pack(cells))
    assert isinstance(again, ParallelSystem)
    same(cells, again)
    arrays, meta = pack(system)
    del arrays["weight"]
    with pytest.raises(DamagedFile, match="weight"):
        unpack(arrays, meta)


def test_parallel_system():
    one = ParallelSystem()
    assert (one.name, one.num_neurons, one.populations) == ("ParallelSystem", 1, ["EXC"])
    np.testing.assert_array_equal(one.bounding_box, [[-100] * 3, [100] * 3])
    np.testing.assert_array_equal(one.center_point, [0, 0, 0])
    assert (len(one.edges), one.weight_names, one.connections_config) == (0, [], {"synapses": {}})
    assert not one.connectivity_matrix().any()
    assert one.summary()["num_projections"] == 0
    assert one.projection_array("EXC", "EXC") == []

    mixed = ParallelSystem({"EXC": 2, "INH": 3}, 50.0, name="row")
    assert mixed.neuron_coordinates[:, 1].tolist() == [0, 50, 100, 150, 200]
    assert mixed.population_counts == {"EXC": 2, "INH": 3}
    assert repr(mixed) == "ParallelSystem('row': 5 neurons (EXC 2, INH 3), no synapses)"
    assert ParallelSystem(np.int64(2), [[0, 0, 0], [1, 2, 3]]).neuron_coordinates[1].tolist() == [1, 1, 2, 3]
    assert ParallelSystem(2, lambda n: np.ones((n, 3))).neuron_coordinates[1].tolist() == [1, 1, 1, 1]


def test_parallel_system_with_its_own_gids():
    system = ParallelSystem({"EXC": 2, "INH": 1}, [[10, 0, 0, 0], [4, 1, 0, 0], [7, 2, 0, 0]])
    assert system.gids.tolist() == [10, 4, 7]
    assert system.population_ranges == {"EXC": (0, 2), "INH": (2, 1)}
    assert system.population_gids("EXC").tolist() == [10, 4]
    assert system.selection({"EXC": [4], "INH": 1}) == {"EXC": [4], "INH": [7]}


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((0,), ValueError),
        ((-1,), ValueError),
        ((2.0,), TypeError),
        ((True,), TypeError),
        (("3",), TypeError),
        (({"EXC": 0},), ValueError),
        (({"EXC": 3, "INH": -1},), ValueError),
        ((2, np.inf), ValueError),
        ((2, True), TypeError),
        ((2, "x"), TypeError),
        ((2, np.zeros((3, 3))), ValueError),
        ((2, np.zeros((2, 5))), ValueError),
        ((2, np.zeros((2, 4))), ValueError),
        ((2, [[0.5, 0, 0, 0], [1, 0, 0, 0]]), ValueError),
        ((2, [[-1, 0, 0, 0], [1, 0, 0, 0]]), ValueError),
        ((2, [[2**31, 0, 0, 0], [1, 0, 0, 0]]), ValueError),
        ((2, [[0, np.nan, 0, 0], [1, 0, 0, 0]]), ValueError),
        ((2, lambda n: np.zeros((n + 1, 3))), ValueError),
    ],
)
def test_parallel_system_refuses_nonsense(args, error):
    with pytest.raises(error):
        ParallelSystem(*args)


def test_protocol(system):
    assert isinstance(system, livn.types.System)
    assert isinstance(ParallelSystem(), livn.types.System)
    assert not isinstance(object(), livn.types.System)


def test_synapses_of_a_foreign_system(system):
    class Foreign:
        populations = system.populations
        population_count = system.population_count
        neuron_coordinates = system.neuron_coordinates
        edges = system.edges

    for name, column in system.synapses.arrays().items():
        np.testing.assert_array_equal(column, synapses_of(Foreign()).arrays()[name])
    assert synapses_of(system) is system.synapses
