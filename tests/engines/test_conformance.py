"""Every engine passes every check; one that is wrong in one way fails the checks that are about it, with the reason."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from livn.engine import register, registry
from livn.engine.base import Engine
from livn.engine.conformance import ConformanceError, ConformanceReport, check_engine, check_names
from livn.engine.conformance.recordings import recording
from livn.engine.cpu.engine import CpuEngine
from tests.engines import faults


@pytest.mark.parametrize("check", check_names())
def test_an_engine_conforms(engine, check):
    (result,) = check_engine(engine, check)
    assert result.passed, result.reason


# Wrong engines


@pytest.fixture(autouse=True)
def none_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "_loaded", {})


def added(cls: type[Engine]) -> str:
    """The name of an engine that livn knows from now on."""
    register(cls.name, cls)
    return cls.name


AFTERMATH = {"network_matches_recording", "a_noisy_culture_agrees_with_cpu", "a_state_of_cpu_is_taken_up"}
"""Whole networks, which feel everything."""

ARRIVALS = {
    "conductances_are_double_exponentials",
    "conductances_add_up",
    "depression_follows_tsodyks_and_markram",
    "weights_move_before_the_conductance_jumps",
    "weights_follow_the_learning_integral",
    "learning_while_off_is_not_paid_out",
    "normalized_weights_are_used",
}
"""What is computed by hand from the steps in which spikes should arrive."""

WRONG = [
    (
        faults.WrongKappa,
        {"learning_follows_the_rule": r"Λ of rule EXC .* 1\.1 times what the rule gives: κ is 0\.0176 /ms², .* 0\.016"},
        AFTERMATH,
    ),
    (
        faults.IncrementPerStep,
        {
            "learning_is_the_same_at_every_step": "must be a rate, not an increment per evaluation",
            "learning_follows_the_rule": r"at dt = 0\.05 ms is 0\.5 times what the rule gives",
        },
        set(),
    ),
    (
        faults.LateWeights,
        {
            "weights_move_before_the_conductance_jumps": "expected a jump with the new weight, .* got one with the "
            "weight before its update",
        },
        AFTERMATH,
    ),
    (
        faults.LearnsWhileOff,
        {
            "weights_stand_still_while_plasticity_is_off": r"learning_EXC in stretch 1, .*: expected 0\.0",
            "learning_while_off_is_not_paid_out": r"weight after .*: expected 1\.11\d+, got 1\.41\d+",
        },
        {"summary_measures_what_happened"},
    ),
    (
        faults.DeliversLate,
        {"delays_are_whole_steps": "expected arrival after 1 steps, got 2: 1 step late"},
        AFTERMATH | ARRIVALS,
    ),
    (
        faults.StampsLate,
        {
            "cells_match_recordings": r"EXC cell under 0\.03 nA .* at 119\.975 ms, got 120 ms, 1 step late",
            "spikes_are_stamped_at_the_crossing": "1 step late",
            "delays_are_whole_steps": "expected arrival after 1 steps, got 0: 1 step early",
            "told_spikes_are_like_crossings": "told spikes",
        },
        AFTERMATH | ARRIVALS,
    ),
    (
        faults.WrongNoise,
        {
            "noise_is_stationary": r"standard deviation of g_noise_e at dt .*: expected 0\.002 µS, got 0\.0025",
            "noise_numbers_are_addressed": "g_noise_e of stream 0 at cell",
        },
        AFTERMATH,
    ),
    (
        faults.NoiseByRun,
        {
            "partitions_change_nothing": "times of spikes of runs of 0.5, .* against one of 60 ms at spike",
            "single_steps_change_nothing": "of the state after 120 runs of one step",
            "noise_numbers_are_addressed": "g_noise_e of stream 0 at cell",
        },
        AFTERMATH,
    ),
    (
        faults.Drifts,
        {
            "weights_stand_still_while_plasticity_is_off": "weights in stretch 1, .* expected 1.0 to the last bit",
            "multipliers_come_back_as_set": "to the last bit",
            "normalized_weights_are_used": "weights after a run with plasticity off",
            "partitions_change_nothing": "to the last bit",
            "single_steps_change_nothing": "to the last bit",
            "samples_lie_on_their_grid": "to the last bit",
        },
        set(),
    ),
]


@pytest.mark.parametrize(("cls", "reasons", "aftermath"), WRONG, ids=[cls.name for cls, _, _ in WRONG])
def test_a_wrong_engine_fails_with_the_reason_and_nothing_else_does(cls, reasons, aftermath):
    report = check_engine(added(cls))
    failed = {r.name: r.reason for r in report.failures}
    for name, reason in reasons.items():
        assert re.search(reason, failed[name]), failed[name]
    assert failed.keys() <= reasons.keys() | aftermath
    assert not report.passed


@pytest.mark.parametrize("cls", [faults.Faulty, faults.OtherRounding], ids=["no fault", "other rounding"])
def test_a_right_engine_passes_whatever_its_rounding(cls):
    report = check_engine(added(cls))
    report.raise_if_failed()
    assert all(r.applicable for r in report)


def test_capabilities_are_legal_and_true():
    report = check_engine(added(faults.Boastful), ["capabilities_are_legal", "misuse_is_refused"])
    assert [r.name for r in report.failures] == ["capabilities_are_legal"]
    assert report.failures[0].reason.endswith("got telepathy")
    report = check_engine(added(faults.Modest))
    assert [r.name for r in report.failures] == ["missing_capabilities_are_refused"]
    assert report.failures[0].reason == "asking for 'noise': expected UnsupportedByEngine, and nothing was raised"
    assert not report["partitions_change_nothing"].applicable
    assert report["partitions_change_nothing"].reason == "the engine does not declare 'plasticity'"
    assert report["cells_match_recordings"].applicable


def test_an_engine_that_is_not_whole_is_told_what_it_lacks():
    class Half(Engine):
        name = "half"
        capabilities = frozenset({"simulation"})

        def advance(self, *args, **options):
            pass

    report = check_engine(added(Half), ["capabilities_are_legal", "nan_is_found"])
    assert re.search("not defined: __init__, clear_tally, close, .*write_state", report.failures[0].reason)
    assert re.search(r"unexpected TypeError: .*abstract .*\(culture.py, line \d+, in init\)", report.failures[1].reason)


def test_what_an_engine_raises_is_a_reason_and_an_interrupt_passes():
    (result,) = check_engine(added(faults.Breaks), "delays_are_whole_steps")
    assert re.fullmatch(
        r"unexpected ZeroDivisionError: the tape is torn \(faults.py, line \d+, in advance\)", result.reason
    )
    with pytest.raises(KeyboardInterrupt):
        check_engine(added(faults.Interrupted), "delays_are_whole_steps")


# The report


@pytest.fixture(scope="module")
def report() -> ConformanceReport:
    return check_engine("cpu", ["delays_are_whole_steps", "a_noisy_culture_agrees_with_cpu"])


def test_a_report_prints_as_a_table(report):
    assert report.passed
    assert report.failures == ()
    assert len(report) == 2
    assert report.seconds == sum(r.seconds for r in report) > 0
    report.raise_if_failed()
    first, *rows = str(report).splitlines()
    assert re.fullmatch(r"engine 'cpu': all 1 checks passed, \d+\.\d s", first)
    assert re.match(r"  ok +\d+\.\d\d s  delays_are_whole_steps +A spike opens its synapse", rows[0])
    assert re.match(r"  n/a +0\.\d\d s  a_noisy_culture_agrees_with_cpu ", rows[1])
    assert rows[2] == "          because: this is the cpu engine, which the others are held to"
    assert len(rows) == 3

    bad = check_engine(added(faults.DeliversLate), ["delays_are_whole_steps", "cells_match_recordings"])
    text = str(bad)
    assert text.startswith("engine 'delivers_late': 1 of 2 checks failed")
    assert re.search(r"\n  FAILED .* delays_are_whole_steps .*\n          because: delay of 0 ms .*1 step late", text)
    with pytest.raises(ConformanceError, match="1 of 2 checks failed") as error:
        bad.raise_if_failed()
    assert isinstance(error.value, AssertionError)
    assert error.value.report is bad
    assert pickle.loads(pickle.dumps(error.value)).report == bad


def test_results_are_found_by_name(report):
    assert report["delays_are_whole_steps"].outcome == "ok"
    with pytest.raises(KeyError, match=r"unknown check 'delays'; legal: delays_are_whole_steps, .*"):
        report["delays"]


# The call


def test_checks_are_run_in_the_order_of_the_list_and_told():
    names = check_names()
    assert len(set(names)) == len(names) > 40
    seen: list[str] = []
    wanted = [names[9], names[2], names[2]]
    report = check_engine("cpu", wanted, progress=seen.append)
    assert [r.name for r in report] == seen == [names[2], names[9]]
    assert all(0 < len(r.holds) < 115 and not r.holds.endswith(".") for r in report)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("cpuu",), ValueError, "unknown engine 'cpuu'; legal: cpu, jax, neuron; did you mean 'cpu'?"),
        ((None,), ValueError, "unknown engine None; legal: cpu, jax, neuron"),
        ((CpuEngine,), TypeError, "engine must be a name, got <class"),
        (("jax",), ImportError, "the 'jax' engine is not in this version"),
        (("cpu", "delays_are_whole_step"), ValueError, "did you mean 'delays_are_whole_steps'?"),
        (("cpu", ["nan_is_found", 3]), ValueError, "unknown check 3"),
        (("cpu", 3), TypeError, "check must be a name or a list of names, got 3"),
        (("cpu", []), ValueError, "checks must name at least one check"),
        (("cpu", "nan_is_found", "loud"), TypeError, "progress must be a function of a check's name, got 'loud'"),
    ],
)
def test_nonsense_is_refused(arguments, error, text):
    with pytest.raises(error, match=re.escape(text)):
        check_engine(*arguments)


def test_recordings_are_found_by_name():
    assert len(recording("cells")) == 9
    assert recording("network_a")["n"] == 10
    with pytest.raises(ValueError, match=r"unknown recording 'cell'; .*did you mean 'cells'"):
        recording("cell")


def test_importing_livn_loads_no_conformance():
    code = "import sys, livn, livn.env, livn.engine; print([m for m in sys.modules if 'conformance' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
