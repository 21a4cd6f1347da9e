"""The model protocol, and the default model as it fills it."""

from __future__ import annotations

import numpy as np
import pytest

from livn import Env, Stimulus, make
from livn.models.rcsd import ReducedCalciumSomaDendrite
from livn.types import Model, System
from tests.env.helpers import outcome, small_system

RCSD = ReducedCalciumSomaDendrite
ROWS = np.array([[7.0, 1.0, 2.0, 3.0], [3.0, 10.0, 20.0, 30.0]])


def test_the_default_model_fills_the_protocol():
    model = RCSD()
    assert isinstance(model, Model)
    assert isinstance(small_system().default_model(), RCSD)
    assert model.params_key() == "ReducedCalciumSomaDendrite"
    assert model.ignored_populations() == frozenset()
    assert model.opsin_config() is None
    assert model.input_mode is None
    assert model.refractory_period == 2.0


@pytest.mark.parametrize("name", ["stimulus_coordinates", "recording_coordinates"])
def test_rows_interleave_soma_and_dend(name):
    call = getattr(RCSD(), name)
    both = [[7, 1, 2, 3], [7, 61, 2, 3], [3, 10, 20, 30], [3, 70, 20, 30]]
    assert call(ROWS).tolist() == call(ROWS, "EXC").tolist() == call(ROWS.tolist(), population="EXC").tolist() == both
    assert call(ROWS, "INH").tolist() == ROWS.tolist()
    assert call(np.zeros((0, 4))).shape == (0, 4)
    assert call(ROWS) is not ROWS
    for bad in (ROWS[:, :3], ROWS[0], "abc", None, float("nan"), np.full((2, 4), np.nan), True, [[1], [1, 2]], 10**400):
        with pytest.raises(ValueError, match="coordinates must"):
            call(bad)
    for bad in ("exc", "", 3, {}, np.ones(2), True, float("nan")):
        with pytest.raises(ValueError, match=r"unknown population .*; legal: EXC, INH"):
            call(ROWS, bad)


@pytest.mark.parametrize(
    ("population", "section", "meant"),
    [("EXC", "soma", "soma"), ("EXC", "dend", "dend"), ("EXC", "hillock", "dend"), ("INH", "soma", "soma"),
     ("INH", "dend", "soma"), ("INH", "hillock", "soma")],
)  # fmt: skip
def test_section_names(population, section, meant):
    assert RCSD().section_name(population, section) == meant


def test_unknown_sections_and_populations():
    model = RCSD()
    for bad in ("axon", "Soma", 1, None, float("nan"), ["soma"]):
        with pytest.raises(ValueError, match=r"unknown section .*; legal: soma, dend, hillock"):
            model.section_name("EXC", bad)
    for call in (lambda p: model.section_name(p, "soma"), model.cell_type):
        for bad in ("EX", 1, None, ["EXC"], np.ones(2)):
            with pytest.raises(ValueError, match=r"unknown population .*; legal: EXC, INH"):
                call(bad)


def test_synapses_and_rules_are_those_of_the_table():
    model = RCSD()
    assert model.neuron_synapse_mechanisms() == {
        "AMPA": "StdpLinExp2Syn",
        "NMDA": "StdpLinExp2SynNMDA",
        "GABA_A": "StdpLinExp2SynInh",
        "GABA_B": "LinExp2Syn",
    }
    assert model.neuron_plasticity_mechanism_groups() == {
        "EXC": {"StdpLinExp2Syn", "StdpLinExp2SynNMDA"},
        "INH": {"StdpLinExp2SynInh"},
    }
    common = {"A_ltp": 1.0, "A_ltd": 1.0, "learning_tau": 20.0, "w_max": 5.0, "w_min": 1e-4, "w_init": 1.0}
    exc = {"theta_ltp": -45.0, "theta_ltd": -60.0, "ltp_sigmoid_half": -40.0, "ltd_sigmoid_half": -55.0}
    inh = {"theta_ltp": -77.0, "theta_ltd": -70.0, "ltp_sigmoid_half": -80.0, "ltd_sigmoid_half": -73.0}
    assert model.neuron_plasticity_defaults() == {
        "EXC": common | exc | {"learning_slope": 1.3},
        "INH": common | inh | {"learning_slope": 1.2},
    }
    model.neuron_plasticity_defaults()["EXC"]["A_ltp"] = 7.0  # a copy
    assert model.neuron_plasticity_defaults()["EXC"]["A_ltp"] == 1.0
    depressing = RCSD(short_term_depression=True)
    assert depressing.neuron_synapse_mechanisms()["AMPA"] == "DepLinExp2Syn"
    assert depressing.neuron_plasticity_mechanism_groups()["EXC"] == {"StdpLinExp2SynNMDA"}


@pytest.mark.parametrize(
    ("receptor", "reversal", "exc", "inh"),
    [("AMPA", 0, (0.5, 3), (0.5, 3)), ("NMDA", 0, (10, 35), (10, 35)), ("GABA_A", -60, (0.3, 6.2), (0.08, 4.8)),
     ("GABA_B", -95, (60, 200), (60, 200))],
)  # fmt: skip
def test_kinetics_are_those_of_the_table(receptor, reversal, exc, inh):
    (found,) = [r for r in RCSD().receptors if r.label == receptor]
    assert found.reversal == reversal
    assert found.kinetics == {"EXC": exc, "INH": inh}


@pytest.mark.parametrize("system", ["EI1", "EI2", "EI3", "EI4", "no such system"])
def test_defaults_have_the_form_of_the_calls_they_go_to(engine, system):
    model = RCSD()
    weights, noise = model.default_weights(system), model.default_noise(system, engine=engine)
    assert set(noise) == {"EXC", "INH"}
    assert weights == model.default_weights(system, "cpu")
    env = Env("EI1", engine=engine).set_weights(weights).set_noise(noise)
    assert set(weights) <= set(env.weight_names)
    weights["x"] = 1.0  # a copy
    noise["EXC"].clear()
    assert "x" not in model.default_weights(system)
    assert model.default_noise(system)["EXC"]
    for call in (model.default_weights, model.default_noise):
        for bad in (None, 3, ["EI1"], {}, float("nan"), True):
            with pytest.raises(TypeError, match="system_name must be a string"):
                call(bad)


def test_defaults_are_applied_to_populations_that_are_there(engine):
    for system in ({"EXC": 2}, {"INH": 2}):
        with make(system, engine=engine) as env:
            run = env.record("g_noise_e").record("g_noise_i").run(5.0)
        assert run.values("g_noise_e").any()
        assert run.values("g_noise_i").any()


def test_bounds_of_stimuli():
    model = RCSD()
    assert model.stimulus_bounds("extracellular") == (-1000.0, 1000.0)
    for mode in ("current", "current_density", "conductance", "irradiance"):
        assert model.stimulus_bounds(mode) is None
    for bad in ("curent", None, 3, ["current"], np.ones(2)):
        with pytest.raises(ValueError, match=r"unknown mode .*; legal: extracellular, current"):
            model.stimulus_bounds(bad)
    stimulus = Stimulus(np.zeros((2, 3)))
    assert model.prepare_stimulus(stimulus) == stimulus


def test_a_model_is_what_it_was_made_of():
    model = RCSD("conductance", 1.5, "perry", True)
    assert list(model.kwargs.items()) == [
        ("input_mode", "conductance"),
        ("refractory_period", 1.5),
        ("renshaw_phenotype", "perry"),
        ("short_term_depression", True),
    ]
    assert RCSD(**model.kwargs) == model
    assert hash(RCSD(**model.kwargs)) == hash(model)
    assert model != RCSD()
    assert repr(RCSD()) == "ReducedCalciumSomaDendrite()"
    assert repr(RCSD(renshaw_phenotype="perry")) == "ReducedCalciumSomaDendrite(renshaw_phenotype='perry')"


def test_an_option_of_a_subclass_is_told():
    class WithAnOption(RCSD):
        @property
        def kwargs(self):
            return super().kwargs | {"gain": 2.0}

    assert repr(WithAnOption()) == "WithAnOption(gain=2.0)"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"input_mode": "curent"}, ValueError, "unknown input_mode 'curent'; legal: .*did you mean 'current'"),
        ({"input_mode": 3}, ValueError, "unknown input_mode 3"),
        ({"refractory_period": -1}, ValueError, "refractory_period must be"),
        ({"refractory_period": float("nan")}, ValueError, "refractory_period must be"),
        ({"refractory_period": float("inf")}, ValueError, "refractory_period must be"),
        ({"refractory_period": 1e300}, ValueError, "refractory_period must be"),
        ({"refractory_period": True}, TypeError, "refractory_period must be"),
        ({"refractory_period": "2"}, TypeError, "refractory_period must be"),
        ({"refractory_period": None}, TypeError, "refractory_period must be"),
        ({"renshaw_phenotype": "in vitro"}, ValueError, "legal: invitro, perry; did you mean 'invitro'"),
        ({"renshaw_phenotype": None}, ValueError, "unknown renshaw_phenotype None"),
        ({"short_term_depression": 1}, TypeError, "short_term_depression must be True or False"),
        ({"short_term_depression": None}, TypeError, "short_term_depression must be True or False"),
        ({"phenotype": "perry"}, TypeError, "phenotype"),
    ],
)
def test_nonsense_makes_no_model(options, error, text):
    with pytest.raises(error, match=text):
        RCSD(**options)


def test_the_phenotypes_differ(engine):
    runs = []
    for phenotype in ("invitro", "perry"):
        with Env({"EXC": 1, "INH": 1}, RCSD(renshaw_phenotype=phenotype), engine=engine) as env:
            runs.append(
                env.init().record_voltage().run(20.0, Stimulus.from_current(np.full((20, 2), 0.02), 1.0)).voltage
            )
    assert runs[0][1, 0] == -60.0
    assert runs[1][1, 0] == -50.5
    assert np.array_equal(runs[0][0], runs[1][0])


class OnlyExcitatory(RCSD):
    """A model that leaves a population out."""

    def ignored_populations(self):
        return frozenset({"INH"})


def test_ignored_populations_are_not_there(engine, tmp_path):
    env = make(small_system(), model=OnlyExcitatory(), engine=engine).record_spikes().record_voltage()
    assert env.active_populations() == ["EXC"]
    assert env.active_gids().tolist() == [0, 1, 2, 3]
    assert env.weight_names == ["EXC_EXC-dend-AMPA-weight", "EXC_EXC-dend-NMDA-weight"]
    assert list(env.cells) == ["EXC"]
    env.enable_plasticity().run(10.0)
    assert env.model.params_key() == "OnlyExcitatory"
    env.save(tmp_path / "culture")
    expected = outcome(env, lambda env: env.run(10.0))
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert type(loaded.model) is OnlyExcitatory
    assert loaded.run(10.0) == expected


def test_a_population_that_the_model_does_not_know_is_refused(engine):
    with pytest.raises(ValueError, match="unknown population 'PV'; legal: EXC, INH"):
        Env(small_system(), PvModel(), engine=engine)


class PvModel(RCSD):
    """A model of other cells."""

    def cell_type(self, population):
        return super().cell_type({"INH": "PV"}.get(population, population))


def test_any_system_of_the_protocol_will_do(engine):
    inner = small_system()
    names = [n for n in dir(System) if not n.startswith("_")]
    members = {n: property(lambda self, n=n: getattr(inner, n)) for n in names}
    mine = type("Mine", (), members)()
    assert isinstance(mine, System)

    def run_of(system):
        with make(system, engine=engine) as env:
            assert env.system is system
            env.record_voltage().enable_plasticity()
            return env.run(20.0, Stimulus.from_current(np.full((20, 6), 0.1), 1.0)), env.get_weights()

    assert run_of(mine) == run_of(inner)
