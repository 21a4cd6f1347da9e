"""A part of a culture: what is chosen, and what does not exist then."""

from __future__ import annotations

import json

import numpy as np
import pytest

from livn import Env, make
from tests.env.helpers import LIVELY, small_system


@pytest.fixture
def dish(engine) -> Env:
    return Env("EI1", engine=engine)


@pytest.mark.parametrize(
    ("select", "options", "gids"),
    [
        (5, {}, [0, 1, 2, 3, 8]),
        (0.5, {}, [0, 1, 2, 3, 8]),
        ({"EXC": 2}, {}, [0, 1]),
        ({"EXC": 0.25, "INH": [9]}, {}, [0, 1, 9]),
        ({"EXC": [7, 2], "INH": np.array([8])}, {}, [2, 7, 8]),
        (10, {}, list(range(10))),
        (None, {}, list(range(10))),
    ],
)
def test_a_selection_by_number_fraction_and_gids(dish, select, options, gids):
    assert dish.selection(select, **options) is dish
    assert dish.active_gids().tolist() == gids
    assert dish.selection_name is None
    dish.init().record_voltage().record_spikes()
    run = dish.run(1.0)
    assert run.voltage_ids.tolist() == dish.cells.gids.tolist() == gids
    assert {k[0] for k in dish.get_weights()} <= set(gids)
    assert dish.active_populations() == (["EXC", "INH"] if max(gids) > 7 else ["EXC"])


def test_unselected_cells_and_their_synapses_do_not_exist(engine):
    env = Env("EI1", engine=engine).selection({"EXC": [0, 3]}).init()
    frame = env.get_weights().to_frame()
    assert set(frame.pre) == set(frame.post) == {0, 3}
    assert env.weight_names == ["EXC_EXC-dend-AMPA-weight", "EXC_EXC-dend-NMDA-weight"]
    with pytest.raises(KeyError, match="unknown weight 'INH_EXC'"):
        env.set_weights({"INH_EXC": 1.0})
    with pytest.raises(KeyError, match="unknown population 'INH'; legal: EXC"):
        env.record_voltage("INH")
    with pytest.raises(KeyError, match="unknown population 'INH'; legal: EXC"):
        env.set_noise({"INH": {"g_e0": 0.0}})
    with pytest.raises(ValueError, match="unknown gid 1 in gids"):
        env.record_voltage(gids=[1])
    with pytest.raises(ValueError, match="gid 1, which is not simulated"):
        env.run(1.0, {"array": np.zeros((1, 1)), "gids": [1], "input_mode": "current"})
    assert env.run(1.0, (np.zeros((1, 2)), 1.0, None, "current")).duration == 1.0
    assert 1 not in env.cells


def test_syn_ids_stay_what_they_are_in_the_whole_culture(engine):
    whole = make("EI1", engine=engine).get_weights().to_frame()
    part = Env("EI1", engine=engine).selection({"EXC": [1, 5], "INH": [9]}).init().get_weights().to_frame()
    both = part.merge(whole, on=["pre", "post", "syn_id", "mechanism", "section"])
    assert len(both) == len(part) > 0


def test_methods_and_bounds(engine):
    def gids(*args, seed=123, **options):
        return Env("EI1", seed=seed, engine=engine).selection(*args, **options).active_gids().tolist()

    assert gids(4, "random") == gids(4, method="random") != [0, 1, 2, 8]
    assert any(gids(4, "random", seed=s) != gids(4, "random") for s in range(3))
    area = make("EI1", engine=engine).system.bounding_box[:, :2]
    assert gids(1.0, "patch") == list(range(10))
    assert gids(3, "patch", bounds=area.tolist()) != []
    assert len(gids(3, "patch")) == 3


def test_a_stored_selection_has_a_name(engine, tmp_path):
    directory = small_system().save(tmp_path / "system")
    (directory / "selection").mkdir()
    (directory / "selection" / "core.json").write_text(json.dumps({"gids": {"EXC": [1, 3], "INH": [5]}}))
    env = Env(directory, engine=engine).selection("core")
    assert env.selection_name == "core"
    assert env.active_gids().tolist() == [1, 3, 5]
    assert env.selection(2).selection_name is None  # the last one holds
    with pytest.raises(ValueError, match="unknown selection 'cor'; legal: core; did you mean 'core'"):
        env.selection("cor")
    assert env.active_gids().tolist() == [0, 4]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((True,), TypeError, "number of cells or a fraction"),
        ((-1,), ValueError, "from 0 to 10, got -1"),
        ((11,), ValueError, "from 0 to 10, got 11"),
        ((0,), ValueError, "selects no cell"),
        ((1.5,), ValueError, "got 1.5"),
        ((float("nan"),), ValueError, "finite"),
        (({"EXCC": 1},), KeyError, "did you mean 'EXC'"),
        (({"EXC": [99]},), ValueError, "gids of that population, got 99"),
        (({"EXC": [0, 0]},), ValueError, "each gid once"),
        (({"EXC": "all"},), TypeError, "selection\\['EXC'\\] must be"),
        (("core",), ValueError, "unknown selection 'core'; legal: none"),
        ((object(),), TypeError, "the selection must be"),
        ((3, "nearest"), ValueError, "unknown method 'nearest'; legal: first, random, patch"),
        ((3, "first", [[0, 0], [1, 1]]), ValueError, "method='patch' only"),
        ((3, "patch", [[0, 0], [0, 1]]), ValueError, "bounds must be"),
    ],
)
def test_nonsense_selects_nothing_else(dish, arguments, error, text):
    dish.selection({"EXC": 3})
    with pytest.raises(error, match=text):
        dish.selection(*arguments)
    assert dish.active_gids().tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match=r"selection\(\) must come before init\(\)"):
        dish.init().selection(4)


def test_settings_made_before_a_selection_hold_where_they_can(engine):
    env = Env("EI1", engine=engine).set_noise(LIVELY).set_weights({"INH_EXC": 2.0})
    env.record_spikes().record_voltage().record_membrane_current(dt=0.5)
    env.selection({"EXC": 4}).init()
    run = env.run(60.0)
    assert run.voltage_ids.tolist() == [0, 1, 2, 3]
    assert set(run.current_ids) == {0, 1, 2, 3}
    assert set(run.spike_ids) <= {0, 1, 2, 3}
    assert len(run.spike_ids) > 0
    env.set_noise({"g_e0": 0.0})  # merges over what INH had, which is not there


def test_a_selection_must_keep_the_cells_that_are_to_be_recorded(dish):
    dish.record_voltage(gids=[2, 9])
    with pytest.raises(ValueError, match="the selection leaves out cell 9, of which 'voltage' is to be recorded"):
        dish.selection({"EXC": 4})
    assert dish.selection({"EXC": 4, "INH": [9]}).init().run(1.0).voltage_ids.tolist() == [2, 9]
