"""Static weights, background noise, parameters of cells, and the sets of parameters that a system stores."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from livn import DamagedFile, Env, Stimulus, UnknownName, make
from livn.cells import CellRegistry
from livn.types import Cell
from tests.env.helpers import LIVELY, differences, lively, outcome, small_system, state_of

NAMES = [
    "EXC_EXC-dend-AMPA-weight",
    "EXC_EXC-dend-NMDA-weight",
    "EXC_INH-dend-GABA_B-weight",
    "EXC_INH-soma-GABA_A-weight",
    "INH_EXC-soma-AMPA-weight",
    "INH_EXC-soma-NMDA-weight",
    "INH_INH-soma-GABA_A-weight",
    "INH_INH-soma-GABA_B-weight",
]


def peaks(engine: str, *changes: dict[str, float]) -> dict[tuple[str, int, str], float]:
    """The largest conductance by (receptor, gid, section) after one spike each of cell 0 and cell 4."""
    env = Env(small_system(), engine=engine)
    for change in changes:
        env.set_weights(change)
    env.init()
    for receptor in ("AMPA", "NMDA", "GABA_A", "GABA_B"):
        env.record(f"g_{receptor}")
    pulse = np.zeros((2, 2))
    pulse[0] = 2.0
    run = env.run(15.0, Stimulus.from_current(pulse, 1.0, gids=[0, 4]))
    found = {}
    for name, series in run.channels.items():
        for gid, section, values in zip(series.ids, series.sections, series.values, strict=True):
            found[name[2:], int(gid), str(section)] = float(values.max())
    return found


def state_with(env: Env, weights: dict[str, float]) -> dict[str, Any]:
    """The state of a culture with these weights."""
    return outcome(env, lambda env: state_of(env.set_weights(weights)))


# Weights


def test_weight_names_are_those_of_the_network(engine):
    env = Env(small_system(), engine=engine)
    assert env.weight_names == NAMES
    predefined = Env("EI1", engine=engine)
    assert predefined.weight_names == predefined.system.weight_names
    assert Env(3, engine=engine).weight_names == []


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        (NAMES[0], NAMES[:1]),
        ("EXC_EXC-dend-AMPA", NAMES[:1]),
        ("EXC_EXC-dend", NAMES[:2]),
        ("EXC_EXC", NAMES[:2]),
        ("EXC_EXC-weight", NAMES[:2]),
        ("EXC_EXC-hillock-AMPA-weight", NAMES[:1]),
        ("EXC_EXC-hillock", NAMES[:2]),
        ("EXC_INH", NAMES[2:4]),
        ("INH_EXC-dend-AMPA-weight", NAMES[4:5]),
        ("INH_EXC-hillock", NAMES[4:6]),
        ("INH_EXC-soma", NAMES[4:6]),
        ("INH_INH-dend-GABA_B", NAMES[7:]),
    ],
)
def test_a_key_matches_all_that_it_leaves_open(engine, key, meant):
    short = state_with(make(small_system(), engine=engine), {key: 2.5})
    long = state_with(make(small_system(), engine=engine), dict.fromkeys(meant, 2.5))
    assert not differences(short, long)


def test_a_weight_multiplies_the_conductance_of_its_projection_alone(engine):
    base, changed = peaks(engine), peaks(engine, {"EXC_EXC-dend-AMPA-weight": 3.0})
    for key, peak in base.items():
        mine = key[0] == "AMPA" and key[1] in (1, 2, 3) and key[2] == "dend"
        assert changed[key] == pytest.approx(peak * (3.0 if mine else 1.0), rel=1e-3), key
    assert base["AMPA", 1, "dend"] == pytest.approx(2e-4, rel=0.02)  # the unit conductance
    assert base["GABA_A", 1, "soma"] > base["GABA_A", 5, "soma"] > 0.0


def test_a_weight_of_zero_silences_and_a_later_call_wins(engine):
    assert peaks(engine, {"EXC_EXC": 0})["AMPA", 1, "dend"] == 0.0
    assert peaks(engine, {"EXC_EXC": 0}, {"EXC_EXC-dend-AMPA": 2.0}) == peaks(
        engine, {"EXC_EXC": 7.0}, {"EXC_EXC-dend-NMDA": 0.0, "EXC_EXC-dend-AMPA": 2.0}
    )
    assert peaks(engine, {"EXC_EXC": 7.0, "EXC_EXC-dend-AMPA": 1.0, "EXC_EXC-dend-NMDA": 1.0}) == peaks(engine)


def test_static_weights_are_not_multipliers(env):
    before = env.get_weights()
    env.set_weights({"EXC_EXC": 3.0})
    assert env.get_weights() == before


def test_weights_can_be_set_while_running(engine):
    def second_run(env, weights):
        env.record_spikes().run(30.0)
        return env.set_weights(weights).run(30.0)

    runs = [outcome(lively(engine), lambda env, w=w: second_run(env, w)) for w in ({}, {"EXC_EXC": 40.0})]
    assert runs[0] != runs[1]


# Noise


def conductances(env: Env) -> dict[str, np.ndarray]:
    run = env.record("g_noise_e", dt=0.1).record("g_noise_i", dt=0.1).run(20.0)
    return {name: run.values(name) for name in ("g_noise_e", "g_noise_i")}


def test_noise_is_off_until_it_is_set(engine):
    assert not any(g.any() for g in conductances(Env(small_system(), engine=engine).init()).values())


def test_noise_of_all_and_of_each_population(engine):
    def fresh():
        return Env(small_system(), engine=engine).init()

    g = conductances(fresh().set_noise({"g_e0": 1e-3, "g_i0": 2e-3}))
    assert (g["g_noise_e"] == 1e-3).all()
    assert (g["g_noise_i"] == 2e-3).all()
    g = conductances(fresh().set_noise({"EXC": {"g_e0": 1e-3}, "INH": {"g_e0": 3e-3, "std_i": 1e-4}}))
    assert (g["g_noise_e"][:4] == 1e-3).all()
    assert (g["g_noise_e"][4:] == 3e-3).all()
    assert not g["g_noise_i"][:4].any()
    assert g["g_noise_i"][4:].std() > 0
    g = conductances(fresh().set_noise({"INH": {"g_e0": 1e-3}}))
    assert not g["g_noise_e"][:4].any()


def test_noise_merges_over_earlier_calls(engine):
    env = Env(small_system(), engine=engine)
    env.set_noise({"g_e0": 1e-3, "tau_e": 5.0}).set_noise({"INH": {"g_e0": 2e-3}}).init().set_noise({"std_e": 1e-4})
    env.set_noise({})  # asks for nothing
    at_once = {
        "EXC": {"g_e0": 1e-3, "tau_e": 5.0, "std_e": 1e-4, "E_e": 0.0, "tau_i": 10.0},
        "INH": {"g_e0": 2e-3, "tau_e": 5.0, "std_e": 1e-4, "E_i": -75.0},
    }
    state, g = outcome(env, lambda env: (state_of(env), conductances(env)))
    env = Env(small_system(), engine=engine).init().set_noise(at_once)
    assert not differences(state, state_of(env))
    assert np.array_equal(g["g_noise_e"], conductances(env)["g_noise_e"])


def test_noise_lies_where_the_contract_says_and_pulls_to_its_reversal(engine):
    env = Env(small_system(), engine=engine).init().set_noise({"g_e0": 10.0, "E_e": -20.0})
    env.set_weights(dict.fromkeys(env.weight_names, 0.0)).record_voltage(sections=["soma", "dend"], dt=1.0)
    run = env.run(100.0)
    last = dict(zip(zip(run.voltage_ids, run.voltage_sections, strict=True), run.voltage[:, -1], strict=True))
    assert last[0, "dend"] == pytest.approx(-20.0, abs=1.5)
    assert last[4, "soma"] == pytest.approx(-20.0, abs=1.5)
    assert abs(last[0, "soma"] + 20.0) > abs(last[0, "dend"] + 20.0)
    env.set_noise({"g_e0": 0.0, "g_i0": 10.0})  # E_i = -75
    last = env.run(100.0).voltage[:, -1]
    np.testing.assert_allclose(last[[0, 2, 4, 6, 8, 9]], -75.0, atol=1.5)  # somata


# set_params


def test_set_params_leads_to_the_calls(engine):
    def one_call(env):
        env.set_params(
            {
                "weight-EXC_EXC-dend-AMPA-weight": 2.0,
                "EXC_INH": 0.5,
                "weight-INH_EXC": 3,
                "noise-g_e0": 1e-3,
                "noise-INH-tau_e": 4.0,
                "cells-soma.g_pas": 1e-4,
                "cells-EXC:dend.cm": [1.0, 1.1, 1.2, 1.3],
            }
        )
        return state_of(env), env.record_voltage().run(10.0)

    def many_calls(env):
        env.set_weights({"EXC_EXC-dend-AMPA-weight": 2.0, "EXC_INH": 0.5, "INH_EXC": 3})
        env.set_noise({"g_e0": 1e-3}).set_noise({"INH": {"tau_e": 4.0}})
        env.cells.set_params({"soma.g_pas": 1e-4, "EXC:dend.cm": [1.0, 1.1, 1.2, 1.3]})
        return state_of(env), env.record_voltage().run(10.0)

    one, many = (outcome(make(small_system(), engine=engine), act) for act in (one_call, many_calls))
    assert not differences(one[0], many[0])
    assert one[1] == many[1]


def test_parameters_of_cells_need_init(engine):
    with pytest.raises(RuntimeError, match=r"call init\(\) first"):
        Env(2, engine=engine).set_params({"cells-soma.g_pas": 1e-4})


# Cells


def test_the_registry_is_a_mapping(env):
    cells = env.cells
    assert list(cells) == ["EXC", "INH"]
    assert len(cells) == 2
    assert list(cells["INH"]) == [4, 5]
    assert isinstance(cells[4], Cell)
    assert cells[np.int64(4)] is cells[4] is cells["INH"][4]
    assert (cells[4].env, cells[4].gid, cells[4].population) == (env, 4, "INH")
    assert cells.gids.tolist() == cells.local_gids.tolist() == [0, 1, 2, 3, 4, 5]
    assert "EXC" in cells
    assert 99 not in cells
    assert repr(cells) == "CellRegistry(EXC: 4, INH: 2)"
    assert repr(cells[4]) == "Cell(INH, gid=4)"
    cells["EXC"].clear()  # a copy
    assert len(cells["EXC"]) == 4


def test_get_params_is_aligned_and_lacks_as_nan(env):
    params = env.cells.get_params()
    assert all(v.shape == (6,) and v.dtype == np.float64 for v in params.values())
    assert params["soma.V_rest"].tolist() == [-57.4] * 4 + [-60.0] * 2
    assert np.isnan(params["dend.g_pas"]).tolist() == [False] * 4 + [True] * 2
    assert np.isnan(params["soma.gmax_Ka"]).tolist() == [True] * 4 + [False] * 2
    for gid in (0, 5):
        own = env.cells[gid].get_params()
        assert own == {k: v[gid] for k, v in params.items() if not np.isnan(v[gid])}
    params["soma.V_rest"][:] = 0  # a copy
    assert env.cells.get_params()["soma.V_rest"][0] == -57.4


def test_set_params_of_all_of_a_population_of_one_and_back(env):
    before = env.cells.get_params()
    env.cells.set_params({"soma.g_pas": 1e-4, "INH:soma.cm": 1.5})
    env.cells.set_params({"dend.g_pas": [1e-5, np.nan, 3e-5, 4e-5, np.nan, np.nan]})
    env.cells[3].set_params({"soma.d": 8.0, "soma.g_pas": 2e-4})
    now = env.cells.get_params()
    assert now["soma.g_pas"].tolist() == [1e-4, 1e-4, 1e-4, 2e-4, 1e-4, 1e-4]
    assert now["soma.cm"].tolist() == [*before["soma.cm"][:4], 1.5, 1.5]
    assert now["dend.g_pas"][:4].tolist() == [1e-5, before["dend.g_pas"][1], 3e-5, 4e-5]
    assert now["soma.d"][3] == 8.0
    env.cells.set_params(before)  # what get_params returned
    for name, values in env.cells.get_params().items():
        np.testing.assert_array_equal(values, before[name])


def test_parameters_count_at_once_and_survive_clear(engine):
    env = Env(small_system(), engine=engine).init().record_voltage()
    still = env.run(5.0)
    env.cells.set_params({"EXC:dend.e_pas": -70.0})
    moved = env.run(5.0)
    env.clear()
    env.cells.set_params({"EXC:dend.e_pas": -62.0})
    assert env.run(5.0) == still
    other = env.run(5.0)
    assert np.array_equal(other.voltage[:, 0], moved.voltage[:, 0])
    assert not np.array_equal(other.voltage[:4], moved.voltage[:4])
    assert np.array_equal(other.voltage[4:], moved.voltage[4:])


def test_a_threshold_is_a_parameter(engine):
    deaf = lively(engine).record_spikes()
    deaf.cells.set_params({"EXC:soma.threshold": 150.0})
    assert set(deaf.run(60.0).spike_ids) <= {4, 5}


def test_a_registry_of_ones_own(env):
    mine = CellRegistry(env)
    assert len(mine) == len(mine.gids) == len(mine.get_params()) == 0
    mine.add("INH", {5: env.cells[5]})
    mine.add("EXC", {1: env.cells[1]})
    assert mine.gids.tolist() == [1, 5]
    params = mine.get_params()
    assert params["soma.V_rest"].tolist() == [-57.4, -60.0]
    assert mine.set_params({"soma.g_pas": [1e-4, 2e-4]}) is env
    assert env.cells.get_params()["soma.g_pas"][[1, 5]].tolist() == [1e-4, 2e-4]
    assert env.cells.get_params()["soma.g_pas"][0] not in (1e-4, 2e-4)
    mine.clear()
    assert list(mine) == []
    assert len(env.cells) == 2
    with pytest.raises(UnknownName, match="unknown gid 99"):
        Cell(env, "EXC", 99).get_params()
    error = env.cells[0].unknown_param("soma.gpas", env.cells[0].get_params())
    assert isinstance(error, KeyError)
    assert "EXC cell 0: unknown parameter 'soma.gpas'; legal: soma.L" in str(error)


# Defaults


def test_model_defaults_by_halves(engine):
    def applied(*flags):
        return outcome(Env("EI1", engine=engine).init(), lambda env: state_of(env.apply_model_defaults(*flags)))

    both, none = applied(), applied(False, False)
    assert not differences(both, outcome(make("EI1", engine=engine), state_of))
    assert not differences(none, outcome(Env("EI1", engine=engine).init(), state_of))
    halves = Env("EI1", engine=engine).init()
    halves.apply_model_defaults(weights=False)
    assert differences(state_of(halves), none)
    halves.apply_model_defaults(noise=False)
    assert not differences(state_of(halves), both)


def test_a_system_of_another_name_gets_the_generic_set(engine):
    made = outcome(make(small_system(), engine=engine), state_of)
    env = Env(small_system(), engine=engine).init()
    model = env.model
    assert model.default_weights("small") == model.default_weights("no such name")
    env.set_noise(model.default_noise("small"))
    env.set_weights({k: v for k, v in model.default_weights("small").items() if k in env.weight_names})
    assert not differences(made, state_of(env))


STORED = {
    "ReducedCalciumSomaDendrite": {
        "default": {"params": {"EXC_EXC": 2.0, "noise-g_e0": 1e-3, "cells-soma.g_pas": 1e-4}, "meta": {"by": "hand"}},
        "loud": {"params": {"weight-EXC_EXC-dend-AMPA-weight": 9.0}, "meta": {}},
        "stray": {"params": {"EXC_EXC": 3.0, "FOO_BAR": 1.0, "io-x": 2.0, "noise-XYZ-g_e0": 1.0}, "meta": {}},
        "wrong": {"params": {"EXC_EXC": -1.0}, "meta": {}},
    },
    "AnotherModel": {"default": {"params": {"EXC_EXC": 5.0}}},
}


@pytest.fixture
def directory(tmp_path):
    """A system on disk with parameters, a selection, and parameters of that selection."""
    path = small_system().save(tmp_path / "stored")
    documents = {
        "params/default.json": STORED,
        "selection/core.json": {"gids": {"EXC": [0, 1], "INH": [4]}, "meta": {}},
        "params/core.json": {"ReducedCalciumSomaDendrite": {"default": {"params": {"EXC_EXC": 4.0}, "meta": {}}}},
        "selection/bare.json": {"gids": {"EXC": [2]}},
    }
    for name, document in documents.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(json.dumps(document))
    return path


def bare(engine, directory, selection=None):
    env = Env(directory, engine=engine)
    return (env if selection is None else env.selection(selection)).init()


def test_make_applies_the_stored_parameters(engine, directory):
    made = outcome(make(directory, engine=engine), state_of)
    by_hand = bare(engine, directory).set_weights({"EXC_EXC": 2.0}).set_noise({"g_e0": 1e-3})
    by_hand.cells.set_params({"soma.g_pas": 1e-4})
    assert not differences(made, state_of(by_hand))


def test_another_group_and_an_unknown_one(engine, directory):
    expected = state_with(bare(engine, directory), {"EXC_EXC-dend-AMPA": 9.0})
    loud = bare(engine, directory).apply_default_params("loud")
    assert not differences(state_of(loud), expected)
    with pytest.raises(UnknownName, match="'lout'; legal: default, loud, stray, wrong; did you mean 'loud'"):
        loud.apply_default_params("lout")


def test_entries_without_use_warn_and_raise_if_strict(engine, directory):
    expected, untouched = (state_with(bare(engine, directory), weights) for weights in ({"EXC_EXC": 3.0}, {}))
    env = bare(engine, directory)
    with pytest.warns(UserWarning, match="cannot use: FOO_BAR .*io-x .*noise-XYZ-g_e0") as caught:
        env.apply_default_params("stray")
    assert caught[0].filename == __file__
    assert not differences(outcome(env, state_of), expected)
    strict = bare(engine, directory)
    with pytest.raises(UnknownName, match="FOO_BAR"):
        strict.apply_default_params("stray", strict=True)
    assert not differences(state_of(strict), untouched)
    with pytest.raises(ValueError, match="weight 'EXC_EXC' must be"):
        strict.apply_default_params("wrong")
    assert not differences(state_of(strict), untouched)


def test_a_selection_has_parameters_of_its_own(engine, directory):
    own = outcome(bare(engine, directory, "core"), lambda env: state_of(env.apply_default_params()))
    assert not differences(own, state_with(bare(engine, directory, "core"), {"EXC_EXC": 4.0}))
    models = outcome(bare(engine, directory, "bare"), lambda env: state_of(env.apply_model_defaults()))
    fallback = bare(engine, directory, "bare").apply_default_params()  # no file: the model's
    assert not differences(state_of(fallback), models)
    with pytest.raises(UnknownName, match=r"'small' has no stored parameters for .*unknown group 'loud'"):
        fallback.apply_default_params("loud")


def test_no_parameters_for_this_model_means_the_models(engine, directory):
    path = directory / "params" / "default.json"
    path.write_text(json.dumps({"AnotherModel": STORED["AnotherModel"]}))
    expected = outcome(bare(engine, directory), lambda env: state_of(env.apply_model_defaults()))
    assert not differences(outcome(make(directory, engine=engine), state_of), expected)
    path.unlink()
    assert not differences(outcome(make(directory, engine=engine), state_of), expected)


@pytest.mark.parametrize(
    "document",
    [
        {"ReducedCalciumSomaDendrite": []},
        {"ReducedCalciumSomaDendrite": {"default": {"EXC_EXC": 1.0}}},
        {"ReducedCalciumSomaDendrite": {"default": {"params": 3}}},
        {"ReducedCalciumSomaDendrite": {"default": None}},
    ],
)
def test_a_misshapen_file_says_what_it_must_be(engine, directory, document):
    (directory / "params" / "default.json").write_text(json.dumps(document))
    with pytest.raises(DamagedFile, match=r"params/default.json of 'small' must be \{model: \{group: "):
        make(directory, engine=engine)


def test_the_background_of_the_fixture_is_lively(env):
    assert set(LIVELY) == {"g_e0", "std_e"}
    assert len(env.record_spikes().run(100.0).spike_ids) > 10
