"""`livn doctor`: what it finds, what it makes of it, and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import livn
from livn.cli.checkup import packages, places, report, selftest
from livn.cli.child import ChildError, ask
from livn.cli.doctor import command, text_of
from livn.engine.registry import ENGINES
from tests.cli.helpers import ended, on_terminal


def doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m livn doctor`."""
    return subprocess.run(
        [sys.executable, "-m", "livn", "doctor", *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def fakes(folder: Path, **modules: str) -> str:
    """A folder with modules of these texts, for PYTHONPATH."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return str(folder)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What there is to find here."""
    said: list[str] = []
    facts = report.examine(said.append)
    assert said == ["the packages", *(f"the engine {name}" for name in report.ENGINES), "the results of the cpu engine"]
    return facts


def test_this_installation_works(found: dict[str, Any]) -> None:
    assert found["ok"], found["problems"]
    assert found["problems"] == []
    assert found["livn"]["version"] == livn.__version__
    assert found["engines"]["cpu"]["usable"]
    assert found["engines"]["cpu"]["spikes"] >= 1
    assert found["machine"]["vectors"]["bits"] in (128, 256, 512)
    assert list(found["engines"]) == list(report.ENGINES)
    assert set(found["engines"]) == set(ENGINES)


def test_the_selftest_covers_both_cultures(found: dict[str, Any]) -> None:
    assert list(found["selftest"]["cultures"]) == ["EI1", "EI2"]
    for culture in found["selftest"]["cultures"].values():
        assert culture["problem"] is None
        assert culture["spikes"] >= 30
        assert culture["weights"] >= 10
    assert found["selftest"]["seconds"] < 30.0  # on a busy machine; about two on an idle one


def test_the_report_tells_the_facts(found: dict[str, Any]) -> None:
    text = text_of(found)
    for part in (
        f"livn{' ' * 12}{livn.__version__}",
        found["python"]["version"],
        f"numpy {found['packages']['numpy']['version']}",
        found["machine"]["vectors"]["name"],
        "works: a cell",
        found["cache"]["directory"],
        f"{found['selftest']['cultures']['EI2']['spikes']} spikes to the step",
        "Everything that livn needs works.",
    ):
        assert part in text
    for extra in packages.EXTRAS:
        assert f"\n  {extra} " in text


def test_json_has_the_same_facts(found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "examine", lambda say, note: found)
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == found


def test_the_command_in_a_process_of_its_own(found: dict[str, Any]) -> None:
    done = doctor("--json", LIVN_TRHEADS="3")
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    assert facts["packages"] == found["packages"]
    assert facts["selftest"]["ok"]
    assert facts["environment"]["LIVN_TRHEADS"] == "3"
    assert "did you mean 'LIVN_THREADS'" in facts["warnings"][0]["what"]
    assert done.stderr == ""  # nothing of progress in a pipe


def test_help_has_examples() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "livn doctor --json > report.json" in text


@pytest.mark.parametrize("what", ["spike", "weight", "missing spike"])
def test_a_wrong_result_is_noticed(what: str, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    reference = selftest.load_reference()
    if what == "spike":
        reference["cultures"]["EI1"]["steps"][3] += 1
        words = "1 step early"
    elif what == "weight":
        reference["cultures"]["EI1"]["weights"][2][3] += 2e-9
        words = "weights at"
    else:
        for part in ("gids", "steps"):
            del reference["cultures"]["EI1"][part][-1]
        words = "expected none, got one"
    del reference["cultures"]["EI2"]
    monkeypatch.setattr(selftest, "load_reference", lambda: reference)
    monkeypatch.setattr(report.packages, "packages", lambda modules: found["packages"] | extra_packages(found))
    monkeypatch.setattr(report.engines, "engine", lambda name, note: dict(found["engines"][name]))
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 1
    assert "Problem: The cpu engine gives wrong results for EI1\n" in result.stdout
    assert words in result.stdout
    assert "To do: delete the folder" in result.stdout
    assert "Everything that livn needs works." not in result.stdout


def extra_packages(found: dict[str, Any]) -> dict[str, Any]:
    return {name: package for extra in found["extras"].values() for name, package in extra["packages"].items()}


def test_weights_may_differ_by_rounding() -> None:
    expected = {"gids": [1], "steps": [5], "weights": [[0, 1, "StdpLinExp2Syn", 1.01]]}
    for off, agrees in ((1e-10, True), (2e-9, False), (float("nan"), False)):
        got = expected | {"weights": [[0, 1, "StdpLinExp2Syn", 1.01 + off]]}
        assert (selftest.compare(got, expected, 0.025) is None) is agrees


def test_broken_packages_are_told_and_not_fatal(tmp_path: Path) -> None:
    path = fakes(
        tmp_path,
        matplotlib="raise RuntimeError('no such font')",
        neo="import os; os._exit(3)",
        xarray="import nothing_of_that_name",
    )
    done = doctor("--json", PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    extras = facts["extras"]
    assert extras["plot"]["packages"]["matplotlib"]["problem"] == "RuntimeError: no such font"
    assert "exit status 3" in extras["interop"]["packages"]["neo"]["problem"]
    assert "No module named 'nothing_of_that_name'" in extras["interop"]["packages"]["xarray"]["problem"]
    assert extras["interop"]["packages"]["probeinterface"]["state"] == "there"  # which comes after the one that died
    assert [w["todo"] for w in facts["warnings"]] == [
        f"pip install --force-reinstall {name}" for name in ("matplotlib", "neo", "xarray")
    ]


def test_a_broken_numpy_is_told(tmp_path: Path) -> None:
    done = doctor(PYTHONPATH=fakes(tmp_path, numpy="raise ImportError('libblas is not there')"))
    assert done.returncode == 1
    assert "Problem: The package numpy, which livn needs, cannot be imported\n" in done.stdout
    assert "To do: pip install --force-reinstall numpy" in done.stdout
    assert done.stdout.count("Problem:") < 4  # what follows from it is not told again and again
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LIVN_THREADS", "0", "LIVN_THREADS must be a whole number from 1 to 1024"),
        ("LIVN_BACKEND", "cpo", "unknown engine in LIVN_BACKEND 'cpo'"),
        ("LIVN_MAX_RECORDING_GB", "lots", "LIVN_MAX_RECORDING_GB must be a number >= 0"),
    ],
)
def test_settings_that_livn_refuses(name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    problems, warnings = places.wrong_settings()
    assert len(problems) == 1
    assert words in problems[0]
    assert warnings == []
    assert places.environment()[name] == value


def facts_with(**changes: Any) -> dict[str, Any]:
    """Facts of an installation in which all is well, with changes."""
    there = {"version": "1", "problem": None, "state": "there"}
    works = {"usable": True, "compiled": False, "build_s": 1.0, "run_s": 0.1, "spikes": 3}
    return {
        "livn": {"version": "1", "directory": "here", "rival": None},
        "packages": dict.fromkeys(packages.NEEDED, there),
        "extras": packages.extras(
            dict.fromkeys((m.partition(".")[0] for e in packages.EXTRAS.values() for m in e), there)
        ),
        "environment": {},
        "engines": dict.fromkeys(ENGINES, works),
        "selftest": {"ok": True, "seconds": 1.0, "cultures": {}},
        "cache": {"directory": "/cache", "writable": True},
        **changes,
    }


def test_what_is_advised() -> None:
    assert report.advice(facts_with()) == ([], [])
    fails = {"usable": False, "problem": "its process was ended by SIGILL", "crashed": True}
    works = facts_with()["engines"]["cpu"]
    problems, _ = report.advice(facts_with(engines={"cpu": fails, "neuron": works, "jax": works}, selftest=None))
    assert "delete the folder /cache/kernels" in problems[0]["todo"]
    no_neuron = {"cpu": works, "neuron": fails, "jax": works}
    problems, warnings = report.advice(facts_with(engines=no_neuron))
    assert problems == []
    assert "NEURON is installed, but" in warnings[0]["what"]
    problems, warnings = report.advice(facts_with(engines=no_neuron, environment={"LIVN_BACKEND": "neuron"}))
    assert "LIVN_BACKEND asks for the neuron engine" in problems[0]["what"]
    assert warnings == []
    _, warnings = report.advice(facts_with(cache={"directory": "/cache", "writable": False}))
    assert "set LIVN_CACHE_DIR" in warnings[0]["todo"]
    _, warnings = report.advice(facts_with(livn={"version": "1", "directory": "here", "rival": "2.0.0"}))
    assert "livn 2.0.0" in warnings[0]["what"]


def test_missing_extras_are_fine_and_say_how_to_get_them() -> None:
    missing = {"version": None, "problem": None, "state": "missing"}
    there = {"version": "1", "problem": None, "state": "there"}
    names = [m.partition(".")[0] for e in packages.EXTRAS.values() for m in e]
    table = packages.extras(dict.fromkeys(names, missing) | {"neo": there})
    assert table["plot"] == {
        "state": "missing",
        "packages": {"matplotlib": missing},
        "install": 'pip install "pylivn[plot]"',
    }
    assert table["interop"]["state"] == "incomplete"
    assert report.advice(facts_with(extras=table)) == ([], [])


def test_the_lists_of_packages_are_those_of_the_distribution() -> None:
    from importlib.metadata import requires

    wanted = requires("pylivn") or []
    names = {line.split(";")[0].strip(" ()<>=.0123456789") for line in wanted if "extra" not in line}
    assert {name.replace("-", "_") for name in names} | {"llvmlite"} == set(packages.NEEDED)
    for extra, modules in packages.EXTRAS.items():
        mine = {line.split(";")[0].strip(" <>=.0123456789") for line in wanted if f'extra == "{extra}"' in line}
        assert mine == {module.partition(".")[0] for module in modules}


def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVN_CACHE_DIR", str(tmp_path / "new" / "cache"))
    cache = places.cache()
    assert cache["writable"]
    assert not cache["exists"]
    assert cache["bytes"] == {}
    (tmp_path / "new" / "cache" / "kernels").mkdir(parents=True)
    (tmp_path / "new" / "cache" / "kernels" / "a").write_bytes(b"12345")
    assert places.cache()["bytes"] == {"kernels": 5}
    monkeypatch.setenv("LIVN_CACHE_DIR", "/proc/livn")
    if sys.platform == "linux":
        assert not places.cache()["writable"]


def test_the_reference_is_small_and_current() -> None:
    """If this fails on purpose, the reference is to be made anew: python tools/record_selftest.py."""
    assert selftest.REFERENCE.stat().st_size < 10_000
    reference = selftest.load_reference()
    for name, expected in reference["cultures"].items():
        task = {"name": name, "duration": expected["duration"], "dt": reference["dt"], "seed": reference["seed"]}
        (got,) = selftest.simulate(**task, keys=[key for *key, _ in expected["weights"]])
        assert selftest.compare(got, expected, reference["dt"]) is None
        mechanisms = {mechanism for _, _, mechanism, _ in expected["weights"]}
        assert mechanisms == {"StdpLinExp2Syn", "StdpLinExp2SynNMDA", "StdpLinExp2SynInh"}
        assert all(abs(w - 1.0) > 1e-3 for *_, w in expected["weights"])


# Children


def test_a_child_that_raises_tells_why() -> None:
    with pytest.raises(ChildError, match=r"unknown engine 'cpo'.*did you mean 'cpu'") as caught:
        list(ask("engine", name="cpo"))
    assert not caught.value.crashed


def test_a_child_that_lasts_too_long_is_ended() -> None:
    with pytest.raises(ChildError, match=r"still at work after 0.01 s") as caught:
        list(ask("engine", timeout=0.01, name="cpu"))
    assert caught.value.crashed


def test_a_child_that_dies_tells_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", fakes(tmp_path, neo="import os; print('oh no'); os._exit(7)"))
    with pytest.raises(ChildError, match=r"ended with the exit status 7: oh no"):
        list(ask("packages", modules=["neo"]))


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_a_terminal_shows_what_is_done_and_ctrl_c_ends_it() -> None:
    child = on_terminal("doctor")
    child.expect("Checking the (engine|results)")
    child.sendintr()
    assert ended(child) == 130
    assert child.before.rstrip().endswith("Interrupted.")
    assert "Traceback" not in child.before
