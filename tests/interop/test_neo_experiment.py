"""Neo blocks from the record of an experiment, and by the method of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import quantities as pq

from livn.decoding.units import members
from livn.experiment import FIELD, Experiment, Phase
from livn.interop import to_neo
from livn.io import IO, MEA
from livn.policy import MonophasicPulsePolicy
from livn.run import Run
from livn.system import ParallelSystem
from tests.interop.test_neo_block import culture, named, recorded, segment_of


def experiment(**parts: Any) -> Experiment:
    with culture() as env:
        given = {"system": env.system, "io": env.io, "run": recorded(), "cells": members(env), **parts}
        about = {"engine": "cpu", "seed": 7}
        return Experiment(**{"phases": (Phase("run", 1000.0, 1020.0, False),), "about": about, **given})


def fields() -> Run:
    """Potentials of the channels 4 and 9, in this order, beside what else was recorded."""
    return recorded().add(FIELD, [4, 9], np.arange(40.0).reshape(2, 20), dt=1.0)


def test_the_method_is_the_function() -> None:
    policy = MonophasicPulsePolicy(n_channels=3)
    with culture() as env:
        block = recorded().to_neo(env, stimulus=policy, units=[0, 1, 2, 3])
        other = to_neo(recorded(), env, policy, [0, 1, 2, 3])
    assert [g.name for g in block.groups] == [g.name for g in other.groups]
    assert segment_of(block).events[0].labels.tolist() == segment_of(other).events[0].labels.tolist()


def test_an_experiment_says_the_same_as_its_env() -> None:
    with culture() as env:
        expected = recorded().drop_current().to_neo(env)
    record = experiment(run=recorded().drop_current())
    block = record.run.to_neo(record)
    for train, other in zip(segment_of(block).spiketrains, segment_of(expected).spiketrains, strict=True):
        assert np.array_equal(train.magnitude, other.magnitude)
        assert {**train.annotations, "position": 0} == {**other.annotations, "position": 0}
        assert np.array_equal(train.annotations["position"], other.annotations["position"])
    assert [g.name for g in block.groups] == [g.name for g in expected.groups]
    assert (block.name, block.annotations["engine"], block.annotations["seed"]) == ("row", "cpu", "7")


def test_recorded_field_potentials_are_used() -> None:
    record = experiment(run=fields())
    with culture() as env:
        blocks = [record.run.to_neo(record), record.run.to_neo(env)]
    for block in blocks:
        signal = named(segment_of(block).analogsignals, "field potential")
        assert (signal.shape, signal.units) == ((20, 2), pq.uV)
        assert signal.array_annotations["channel_id"].tolist() == [4, 9]
        (view,) = named(block.groups, "channel 9").channelviews
        assert view.resolve().magnitude[:, 0].tolist() == list(range(20, 40))
        assert not named(block.groups, "channel 6").channelviews  # it was not recorded


def test_currents_of_an_experiment_make_no_potentials() -> None:
    block = to_neo(recorded(), experiment())
    assert [s.name for s in segment_of(block).analogsignals] == ["membrane potential"]


def test_an_experiment_without_electrodes() -> None:
    record = experiment(io=IO(), about={})
    assert [g.name for g in to_neo(record.run, record).groups] == [f"unit {gid}" for gid in range(4)]


def test_a_selection_with_gids_in_any_order() -> None:
    rows = np.array([[5.0, 0.0, 0.0, 0.0], [2.0, 50.0, 0.0, 0.0], [7.0, 0.0, 0.0, 0.0], [9.0, 900.0, 0.0, 0.0]])
    system, cells = ParallelSystem({"EXC": 3, "INH": 1}, rows), {"EXC": np.array([2, 5]), "INH": np.array([9])}
    run, io = Run(duration=5.0).add_spikes([9], [1.0]), MEA([[3, 0.0, 0.0, 0.0]], 250.0, 70.0)
    block = to_neo(run, experiment(system=system, cells=cells, io=io, run=run))
    trains = segment_of(block).spiketrains
    assert [(t.annotations["gid"], t.annotations["population"]) for t in trains] == [(2, "EXC"), (5, "EXC"), (9, "INH")]
    assert [t.annotations["channel_ids"] for t in trains] == [[3], [3], []]


@pytest.mark.parametrize("env", [None, 3, "EI1", recorded()])
def test_nonsense_sources(env: Any) -> None:
    with pytest.raises(TypeError, match="env must be the Env that ran, or an Experiment, got"):
        recorded().to_neo(env)
