"""`livn run` and `livn train`: what they print, store and refuse."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from livn import load_run, make
from livn.cli.config import RunConfig, TrainConfig
from livn.cli.simulating import COMMON
from livn.experiment import train
from tests.cli.helpers import contents
from tests.experiment.helpers import make_unwritable

QUICK = ("--duration", "20ms")


def test_run_prints_a_summary(livn):
    result = livn("run", "EI1", *QUICK)
    assert result.code == 0
    assert "EI1: 8 EXC, 2 INH, 146 plastic synapses" in result.out
    assert "0.02 s simulated in " in result.out
    assert result.err == ""


def test_run_is_what_env_run_does(livn, tmp_path):
    out = tmp_path / "out"
    assert livn("run", "EI2", "--duration", "60ms", "--seed", 5, "--out", out).code == 0
    with make("EI2", seed=5) as env:
        env.record_spikes().record_voltage(gids=[0, 1, 2, 80, 81, 82])
        whole = env.run(60.0)
    stored = load_run(out)
    assert stored.run == whole
    assert len(whole.spike_times) > 5
    assert contents(tmp_path) == ["out"]
    assert contents(out) == ["config.toml", "culture.h5", "experiment.json", "run.h5", "summary.json", "weights.h5"]


def test_train_is_what_the_package_does(livn, tmp_path):
    out = tmp_path / "out"
    times = ("--baseline", "20ms", "--training", "0.1s", "--evaluation", "20", "--normalize-every", "50ms")
    result = livn("train", "EI1", *times, "--rule", "EXC.A_ltp=2", "--weights-every", "1ms", "--out", out)
    assert result.code == 0
    assert "drift of the weights while frozen: 0\n" in result.out
    assert "peak deviation of a weight from its start: " in result.out
    assert f"Stored in {out}" in result.out
    with make("EI1") as env:
        env.record_spikes().record_voltage(gids=[0, 1, 2, 8, 9]).record_weights(1.0)
        record = train(env, 20.0, 100.0, 20.0, normalize_every=50.0, rules={"EXC": {"A_ltp": 2.0}})
    stored = load_run(out)
    assert stored.run == record.run
    assert stored.traces == record.traces
    assert dict(stored.weights) == dict(record.weights)
    assert stored.rules["EXC"].A_ltp == 2.0
    assert stored.rules["INH"].A_ltp == 1.0
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")


def test_plasticity_and_homeostasis_of_a_run(livn, tmp_path):
    out = tmp_path / "out"
    options = ("--duration", "200ms", "--plasticity", "--normalize-every", "50ms", "--weight-synapses", 700)
    assert livn("run", "EI2", *options, "--out", out).code == 0
    with make("EI2") as env:
        env.enable_plasticity()
        for _ in range(4):
            env.run(50.0)
            env.normalize_weights()
        weights = env.get_weights()
    stored = load_run(out)
    assert stored.after == weights
    assert weights.array.std() > 0
    assert 500 < len(stored.traces) < 900
    assert stored.traces.t.tolist() == list(range(10, 201, 10))


def test_field_potentials(livn, tmp_path):
    out = tmp_path / "out"
    assert livn("run", "EI2", *QUICK, "--lfp", "--lfp-every", "1ms", "--voltage-cells", 0, "--out", out).code == 0
    run = load_run(out).run
    assert list(run.channels) == ["spikes", "field_potential"]
    assert run["field_potential"].values.shape == (16, 20)


def test_parameters_are_set(livn, tmp_path):
    out = tmp_path / "out"
    options = ("--set", "noise-g_e0=0.004", "--set", "EXC_EXC=0", "--set", "cells-soma.g_pas=1e-4")
    assert livn("run", "EI1", "--duration", "100ms", *options, "--out", out).code == 0
    with make("EI1") as env:
        env.set_params({"noise-g_e0": 0.004, "EXC_EXC": 0.0, "cells-soma.g_pas": 1e-4})
        spikes = env.record_spikes().run(100.0).spikes
    assert load_run(out).run.spikes == spikes
    assert len(spikes) > 5


def test_json_is_the_summary_and_nothing_else(livn, tmp_path):
    out = tmp_path / "out"
    result = livn("train", "EI1", "--training", "100ms", "--json", "--out", out)
    told = json.loads(result.out)
    assert told["drift"] == 0.0
    assert told["out"] == str(out)
    stored = json.loads((out / "summary.json").read_text())
    assert {k: v for k, v in told.items() if k != "out"} == stored
    assert result.err == ""
    silent = json.loads(livn("run", "EI1", *QUICK, "--json").out)
    assert silent["out"] is None
    assert silent["weights"]["before"]["mean"] == 1.0
    assert silent["drift"] == 0.0


# Configuration files


@pytest.mark.parametrize("command", ["run", "train"])
def test_the_dumped_configuration_does_the_same(livn, tmp_path, command):
    file, times = tmp_path / "it.toml", {"run": QUICK, "train": ("--training", "30ms", "--evaluation", "0")}[command]
    options = (
        *times,
        *(("--plasticity",) if command == "run" else ()),
        "--seed",
        7,
        "--rule",
        "EXC.w_max=3",
        "--set",
        "noise-EXC-g_e0=0.003",
        "--lfp",
    )
    dumped = livn(command, "EI1", *options, "--dump-config")
    assert dumped.code == 0
    file.write_text(dumped.out)
    assert livn(command, "--config", file, "--out", tmp_path / "a").code == 0
    assert livn(command, "EI1", *options, "--out", tmp_path / "b").code == 0
    a, b = load_run(tmp_path / "a"), load_run(tmp_path / "b")
    assert a.run == b.run
    assert a.config == b.config
    assert a.rules["EXC"].w_max == 3.0
    again = livn(command, "--config", tmp_path / "a" / "config.toml", "--out", tmp_path / "c")  # what was stored, too
    assert again.code == 0
    assert load_run(tmp_path / "c").run == a.run
    assert livn(command, "--config", file, "--dump-config").out == dumped.out


@pytest.mark.parametrize(("command", "config"), [("run", RunConfig), ("train", TrainConfig)])
def test_every_option_is_a_key_of_the_file(livn, command, config):
    dumped = livn(command, "EI1", "--dump-config").out
    told = set(tomllib.loads(dumped))
    silent = {line.removeprefix("# ").removesuffix(" =").strip("[]") for line in dumped.splitlines() if "#" in line}
    assert told <= set(config.model_fields) <= told | silent
    help_ = livn(command, "--help").out
    flags = {name: "--" + {"rules": "rule"}.get(name, name).replace("_", "-") for name in config.model_fields}
    assert all(flag in help_ for name, flag in flags.items() if name != "system")
    assert all(option.__closure__ for option in COMMON)


def test_the_command_line_comes_before_the_file(livn, tmp_path):
    file = tmp_path / "it.toml"
    file.write_text('system = "EI2"\nduration = "30ms"\nplasticity = true\nseed = 9\n')
    told = tomllib.loads(livn("run", "--config", file, "EI1", "--no-plasticity", "--seed", 3, "--dump-config").out)
    assert (told["system"], told["duration"], told["plasticity"], told["seed"]) == ("EI1", "30ms", False, 3)
    assert tomllib.loads(livn("run", "--config", file, "--dump-config").out)["system"] == "EI2"


FILES = [
    ("duratoin = 3", r"unknown option 'duratoin'.*did you mean 'duration'"),
    ("baseline = 3", r"'baseline' is an option of livn train, not of run"),
    ('duration = "3 parsecs"', r"duration: .*unknown unit of time 'parsecs'; legal: ms, s, min"),
    ("duration = 1" + "0" * 400, r"duration: .* and finite"),
    ("duration = 1" + "0" * 5000, r"is not TOML"),
    ("duration = " + "[" * 5000, r"is not TOML"),
    ("duration = 1979-05-27", r"duration: .* is no duration"),
    ('rules = {EXC = 3, "EXC.A_ltp" = 2}', r"'EXC.A_ltp' names a parameter of 'EXC', which is itself given a number"),
    ("duration = true", r"duration: True is no duration"),
    ("duration = -1", r"duration: -1: a duration must be > 0"),
    ("seed = 1.5", r"seed: must be a valid integer"),
    ("seed = true", r"seed: must be a number, got True"),
    ("plasticity = 3", r"plasticity: must be true or false, got 3"),
    ('lfp = "yes"', r"lfp: must be true or false, got 'yes'"),
    ('system = "EI9"', r"system: unknown system 'EI9'"),
    ("rules = 3", r"rules: must be a valid dictionary"),
    ("[rules.EXC]\nA_lpt = 3", r"unknown plasticity parameter for EXC 'A_lpt'.*did you mean 'A_ltp'"),
    ("[rules]\nA_ltp = -3", r"A_ltp must be a finite number >= 0"),
    ('system = "EI1"\n[set]\nnonsense = 3', r"unknown weight 'nonsense'"),
    ("duration = ", r"is not TOML"),
    ("threads = 0", r"threads: must be greater than or equal to 1, got 0"),
]


@pytest.mark.parametrize(("text", "words"), FILES, ids=[text.splitlines()[0][:40] for text, _ in FILES])
def test_a_file_with_nonsense_is_a_usage_error(livn, tmp_path, text, words):
    file = tmp_path / "it.toml"
    file.write_text(text)
    result = livn("run", "--config", file)
    assert result.code == 2
    assert result.out == ""
    assert re.search(words, result.err.replace("\n", " ")), result.err


def test_a_file_that_is_not_utf8(livn, tmp_path):
    file = tmp_path / "it.toml"
    file.write_bytes(b"\xff\xfe")
    result = livn("run", "--config", file)
    assert result.code == 2
    assert "is not TOML" in result.err


# What is refused


USAGE = [
    (("run", "EI9"), "unknown system 'EI9'; legal: EI1, EI2, EI3, EI4"),
    (("run", "no/where"), "neither a predefined system"),
    (("run", "."), "holds no system"),
    (("run", "EI1", "--duration"), "'--duration' requires an argument"),
    (("run", "EI1", "--duration", "ten"), "'ten' is no duration; write for instance 250ms, 10s, 2min"),
    (("run", "EI1", "--duration", "1h"), "unknown unit of time 'h'"),
    (("run", "EI1", "--duration", "0"), "a duration must be > 0"),
    (("run", "EI1", "--duration", "nan"), "'nan' is no duration"),
    (("run", "EI1", "--duration", "1e999"), "and finite"),
    (("run", "EI1", "--rule", "A_ltp=1"), "--rule: nothing learns: add --plasticity, or drop this"),
    (("run", "EI1", "--duration", "10.01"), "duration must be a multiple of the step dt = 0.025 ms"),
    (("run", "EI1", "--duration", "10.05"), "multiple of the recording dt of 'voltage'"),
    (("run", "EI1", "--voltage-every", "0.33"), "must be a multiple of the step"),
    (
        ("run", "EI1", "--plasticity", "--normalize-every", "1.01"),
        "--normalize-every: normalize_every must be a multiple",
    ),
    (("run", "EI1", "--normalize-every", "10"), "--normalize-every: nothing learns: add --plasticity, or drop this"),
    (("run", "--duration", "1s"), "Missing argument 'SYSTEM': EI1, EI2, EI3, EI4, or a system's directory."),
    (("run", "EI1", "--weights-every", "0.03"), "--weights-every: the dt of record_weights must be a multiple"),
    (("train", "EI1", "--evaluation", "10.01"), "--evaluation: evaluation must be a multiple"),
    (("run", "EI1", "--weights-every", "0.33"), "must be a multiple of the step"),
    (("run", "EI1", "--duration", "10000s"), "narrow 'voltage'"),
    (("train", "EI1", "--training", "1000s", "--weights-every", "0.1"), "--weights-every, --weight-synapses"),
    (("run", "EI1", "--out", ""), "a name is needed"),
    (("run", "EI1", "--precision", "single", "--engine", "neuron"), "does not support 'single precision'"),
    (("run", "EI1", "--rule", "EXC=3", "--rule", "EXC.A_ltp=1"), "which is itself given a number"),
    (("run", "x" * 5000), "unknown system"),
    (("run", "a/" + "x" * 5000), "neither a predefined system"),
    (("run", "EI1", "--seed", "x"), "--seed: must be a valid integer"),
    (("run", "EI1", "--seed", "-1"), "--seed: must be greater than or equal to 0, got '-1'"),
    (("run", "EI1", "--engine", "cpuu"), "unknown engine 'cpuu'"),
    (("run", "EI1", "--precision", "half"), "unknown precision 'half'; legal: double, single"),
    (("run", "EI1", "--threads", "0"), "--threads: must be greater than or equal to 1"),
    (("run", "EI1", "--voltage-cells", "-1"), "--voltage-cells"),
    (("run", "EI1", "--rule", "A_lpt=1"), "did you mean 'A_ltp'"),
    (("run", "EI1", "--rule", "A_ltp"), "--rule: must be NAME=NUMBER, got 'A_ltp'"),
    (("run", "EI1", "--rule", "EXC.A_ltp=x"), "must be NAME=NUMBER"),
    (("run", "EI1", "--rule", "EXT.A_ltp=1"), "unknown plasticity group 'EXT'"),
    (("run", "EI1", "--set", "EXC_EXD=1"), "did you mean 'EXC_EX"),
    (("run", "EI1", "--set", "noise-g_e0=-1"), "g_e0 must be"),
    (("run", "EI1", "--set", "cells-soma.g_pass=1"), "did you mean 'soma.g_pas'"),
    (("run", "EI1", "--force"), "--force needs --out"),
    (("run", "EI1", "--config", "none.toml"), "'none.toml' does not exist"),
    (("run", "EI1", "--durations", "1s"), "No such option '--durations'"),
    (("run", "EI1", "EI2"), "unexpected extra argument"),
    (("train", "EI1", "--training", "0"), "a duration must be > 0"),
    (("train", "EI1", "--baseline", "-1s"), "a duration must be >= 0"),
    (("train", "EI1", "--plasticity"), "No such option '--plasticity'"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE, ids=[" ".join(a)[:60] for a, _ in USAGE])
def test_a_wrong_command_line_is_a_usage_error(livn, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = livn(*arguments)
    assert result.code == 2, result
    assert result.out == ""
    assert words in result.err.replace("\n", " "), result.err
    assert result.err.startswith(("Usage: livn ", "Error: Option '--duration' requires"))
    assert contents(tmp_path) == []


def test_what_is_stored_is_not_overwritten(livn, tmp_path):
    out = tmp_path / "out"
    assert livn("run", "EI1", *QUICK, "--out", out).code == 0
    before = (out / "run.h5").read_bytes()
    refused = livn("run", "EI1", "--duration", "30ms", "--out", out)
    assert refused.code == 2
    assert "holds an experiment and is not overwritten" in refused.err
    assert "--force" in refused.err
    assert (out / "run.h5").read_bytes() == before
    assert livn("run", "EI1", "--duration", "30ms", "--out", out, "--force").code == 0
    assert load_run(out).run.duration == 30.0
    (tmp_path / "file").write_text("mine")
    assert livn("run", "EI1", *QUICK, "--out", tmp_path / "file", "--force").code == 2
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("command", ["run", "train"])
@pytest.mark.parametrize("out", [".", "~/out", "new/../out/"])
def test_where_it_is_stored(livn, tmp_path, monkeypatch, command, out):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path))
    times = {"run": QUICK, "train": ("--training", "20ms", "--normalize-every", "20ms")}[command]
    result = livn(command, "EI1", *times, "--out", out)
    assert result.code == 0, result
    where = {".": here, "~/out": tmp_path / "out", "new/../out/": here / "out"}[out]
    assert load_run(where).run.duration
    assert (where / "training.png").exists() is (command == "train")
    assert sorted(p.name for p in tmp_path.iterdir()) == (["here", "out"] if out == "~/out" else ["here"])


def test_what_cannot_be_stored_is_refused_before_it_is_simulated(livn, tmp_path, monkeypatch):
    from livn.env import Env

    monkeypatch.setattr(Env, "run", None)
    make_unwritable(monkeypatch)
    result = livn("run", "EI1", *QUICK, "--out", tmp_path / "out")
    assert result.code == 1
    assert "cannot be written to" in result.err
    assert contents(tmp_path) == []


def test_a_disk_that_becomes_full_still_leaves_the_summary(livn, tmp_path, monkeypatch):
    from livn import Run

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "save", full)
    result = livn("run", "EI1", *QUICK, "--json", "--out", tmp_path / "out")
    assert result.code == 1
    assert json.loads(result.out)["out"] is None
    assert "No space left" in result.err
    assert contents(tmp_path) == []


def test_a_name_that_someone_took_meanwhile_costs_nothing(livn, tmp_path, monkeypatch):
    from livn.env import Env

    real, out = Env.run, tmp_path / "out"

    def run(*arguments, **options):
        if not out.exists():
            out.mkdir()
            (out / "theirs").write_text("theirs")
        return real(*arguments, **options)

    monkeypatch.setattr(Env, "run", run)
    result = livn("run", "EI1", *QUICK, "--json", "--out", out)
    assert result.code == 0
    assert contents(out) == ["theirs"]
    assert load_run(json.loads(result.out)["out"]).run.duration == 20.0
    assert "someone else" in result.err


@pytest.mark.parametrize("name", ["EI1", "./EI1", "EI1/"])
def test_a_directory_named_as_a_predefined_system(livn, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert livn("system", "build", "EI2", "--to", "EI1").out.endswith("livn run ./EI1 runs it.\n")
    told = json.loads(livn("run", name, *QUICK, "--json", "--out", "out").out)
    assert told["system"] == ("EI1" if name == "EI1" else "EI2")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = livn("run", "--config", "../out/config.toml", "--json")  # what is stored means the same everywhere
    assert json.loads(again.out)["cells"] == told["cells"]


def test_the_engine_of_the_environment_is_stored(livn, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVN_BACKEND", "cpu")
    assert livn("run", "EI1", *QUICK, "--out", tmp_path / "out").code == 0
    assert tomllib.loads((tmp_path / "out" / "config.toml").read_text())["engine"] == "cpu"


@pytest.mark.parametrize("seed", range(6))
def test_few_synapses_are_one_at_least(livn, tmp_path, seed):
    out = tmp_path / "out"
    assert livn("run", "EI1", *QUICK, "--weight-synapses", 1, "--seed", seed, "--out", out).code == 0
    assert 1 <= len(load_run(out).traces) < 20


def test_training_without_homeostasis_repeats(livn, tmp_path):
    with make("EI1") as env:
        record = train(env.record_spikes(), 0.0, 300.0, 0.0, normalize_every=None)
    record.save(tmp_path / "a")
    assert livn("train", "--config", tmp_path / "a" / "config.toml", "--out", tmp_path / "b").code == 0
    assert load_run(tmp_path / "b").after == record.after


def test_a_failure_is_told_in_a_line(livn, tmp_path):
    blocked = tmp_path / "file" / "out"
    (tmp_path / "file").write_text("mine")
    result = livn("run", "EI1", *QUICK, "--out", blocked)
    assert result.code == 1
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1


def test_a_simulation_that_diverges_keeps_what_came_before(livn, tmp_path, monkeypatch):
    from livn.env import Env
    from livn.errors import SimulationDiverged

    real = Env.run

    def failing(self, duration, *args, **options):
        if self.t >= 20.0:
            raise SimulationDiverged(3, "soma", self.t, 1e9)
        return real(self, duration, *args, **options)

    monkeypatch.setattr(Env, "run", failing)
    result = livn(
        "run", "EI1", "--duration", "60ms", "--plasticity", "--normalize-every", "10ms", "--out", tmp_path / "out"
    )
    assert result.code == 1
    assert "Ended after 20 ms of the culture's time; what was recorded is in" in result.err
    assert "the simulation diverged" in result.err
    stored = load_run(tmp_path / "out")
    assert stored.run.duration == 20.0
    assert "diverged" in stored.about["failed"]
