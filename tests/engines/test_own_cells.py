"""Cells of one's own: states that the cells of livn don't have start where their type says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from livn import Env
from livn.engine.cpu.layout import Layout
from livn.engine.cpu.tiles import Tiles
from livn.models.cells import motoneuron_step
from livn.models.channels import ka_activation
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.network import build_network
from livn.system import System


def own_step(states, inputs, constants, dt):
    after = motoneuron_step(states[:-2], inputs, constants, dt)
    return after[:-2] + states[-2:] + after[-2:]


class TwoMore(ReducedCalciumSomaDendrite):
    """EXC has two states more: a gate, and a number that is the same in every cell."""

    def __init__(self, **initial):
        super().__init__()
        exc = self.cell_types["EXC"]
        states = (*exc.states, "gate", "share")
        self.cell_types["EXC"] = dataclasses.replace(exc, states=states, step=own_step, initial=initial)


BOTH = {"gate": lambda v: ka_activation(v["dend"]), "share": lambda v: 0.25}


def test_they_start_where_they_are_told_and_the_others_as_ever():
    v = {"soma": np.array([-60.0, -50.0, -36.0]), "dend": np.array([-36.0, -70.0, -80.0])}
    start = TwoMore(**BOTH).cell_type("EXC").start(v)
    expected = ReducedCalciumSomaDendrite().cell_type("EXC").start(v)
    assert list(start) == [*expected, "gate", "share"]
    np.testing.assert_array_equal(start["gate"], ka_activation(v["dend"]))
    np.testing.assert_array_equal(start["share"], [0.25] * 3)
    for name, values in expected.items():
        np.testing.assert_array_equal(start[name], values)
    start["gate"][:] = 7.0  # a copy
    assert TwoMore(**BOTH).cell_type("EXC").start(v)["gate"][0] == 0.5


def test_a_start_of_ones_own_goes_before_that_of_the_module():
    exc = ReducedCalciumSomaDendrite().cell_type("EXC")
    v = {"soma": np.array([-60.0]), "dend": np.array([-60.0])}
    assert dataclasses.replace(exc, initial={"na_h": lambda v: 0.125}).start(v)["na_h"] == [0.125]


@pytest.mark.parametrize(("v_init", "at"), [(None, -57.4), (-36.0, -36.0)])
def test_the_cpu_engine_puts_them_there(v_init, at):
    model = TwoMore(**BOTH)
    network = build_network(System.from_arrays({"EXC": 40, "INH": 2}, np.zeros((42, 3))), model, None)
    tiles = Tiles(network, [Layout.of(kind, model.receptors) for kind in network.kinds])
    tiles.reset(v_init)
    state = tiles.read_state()
    np.testing.assert_array_equal(state["EXC.gate"], [ka_activation(at)] * 40)
    np.testing.assert_array_equal(state["EXC.share"], [0.25] * 40)
    assert "INH.gate" not in state


@pytest.mark.parametrize("told", [{}, {"gate": BOTH["gate"]}, BOTH | {"shares": BOTH["share"]}])
def test_a_state_without_a_start_is_named(told):
    kind = TwoMore(**told).cell_type("EXC")
    v = {"soma": np.array([-60.0]), "dend": np.array([-60.0])}
    if "share" in told:
        assert "shares" not in kind.start(v)
        return
    missing = "gate" if not told else "share"
    with pytest.raises(ValueError, match=f"where does the state '{missing}' start.*initial="):
        kind.start(v)
    with pytest.raises(ValueError, match=missing):
        Env({"EXC": 1}, TwoMore(**told), engine="cpu").init()


def test_they_can_be_recorded():
    assert {"gate", "share"} <= set(TwoMore(**BOTH).recordable_states())
