"""On a terminal: progress while it runs, Ctrl-C that keeps what was recorded; in a pipe: neither bars nor noise."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from livn import load_run
from tests.cli.helpers import contents, ended, on_terminal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
LONG = ("run", "EI2", "--duration", "1000s", "--voltage-cells", "0")


@pytest.mark.parametrize("command", ["run", "train"])
def test_a_terminal_shows_time_factor_and_spikes_and_ctrl_c_stores(tmp_path, command):
    out = tmp_path / "out"
    long = {"run": ("--duration", "1000s"), "train": ("--training", "1000s")}[command]
    child = on_terminal(command, "EI2", *long, "--voltage-cells", 0, "--out", out)
    child.expect(r"EI2 +\d+%\|.*\| [\d.]+ of 100\d(\.\d)? s, real-time factor [\d.]+, [\d,]+ spikes, ")
    child.sendintr()
    child.expect(r"Ended after [\d.]+ ms of the culture's time; what was recorded is in ")
    assert ended(child) == 130
    stored = load_run(out)
    assert stored.about["interrupted"] is True
    assert 0 < stored.run.duration < 1e6
    assert len(stored.run.spike_times) > 0
    assert stored.run.spike_times[-1] > 0.5 * stored.run.duration
    assert contents(tmp_path) == ["out"]


def test_quiet_shows_no_bar():
    child = on_terminal("run", "EI2", "--duration", "20s", "--voltage-cells", 0, "--quiet")
    assert ended(child) == 0
    assert "%|" not in child.before
    assert "real-time factor" in child.before


INTERRUPTED = """
import os, signal, sys, threading
from livn.cli import main
from livn.env import Env

real = Env.run

def run(*arguments, **options):
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()  # on a machine of any speed
    return real(*arguments, **options)

Env.run = run
main(sys.argv[1:])
"""


def test_a_pipe_has_no_bar_and_an_interrupt_stores(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", INTERRUPTED, *LONG, "--json", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    told = json.loads(done.stdout)
    assert told["interrupted"] is True
    assert "Ended after" in done.stderr
    assert "%|" not in done.stderr
    assert load_run(out).run.duration == told["duration_ms"] > 0


IMPATIENT = """
import os, signal, sys
from livn.cli import main
from livn.experiment import storage

real = storage._sync

def sync(*arguments):
    os.kill(os.getpid(), signal.SIGINT)  # while it is stored
    return real(*arguments)

storage._sync = sync
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", [("run", "--duration", "20ms", "--plasticity"), ("train", "--training", "20ms")])
def test_an_interrupt_while_it_is_stored_loses_nothing(tmp_path, command):
    out = tmp_path / "out"
    call = [sys.executable, "-c", IMPATIENT, command[0], "EI1", *command[1:], "--normalize-every", "20ms"]
    done = subprocess.run([*call, "--json", "--out", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done
    assert json.loads(done.stdout)["out"] == str(out)
    assert "Interrupted." in done.stderr
    assert load_run(out).phases[-1].stop == json.loads(done.stdout)["duration_ms"]
    assert contents(tmp_path) == ["out"]


def test_an_interrupt_without_a_directory_says_that_nothing_is_stored():
    child = on_terminal(*LONG)
    child.expect("spikes, ")
    child.sendintr()
    child.expect("nothing was stored")
    assert ended(child) == 130


def test_an_interrupt_before_anything_was_recorded_leaves_nothing(tmp_path):
    code = "Env.run = lambda *a, real=Env.run, **k: _thread.interrupt_main() or real(*a, **k)"
    command = f"main(['run', 'EI1', '--duration', '1000s', '--voltage-cells', '0', '--out', {str(tmp_path / 'out')!r}])"
    script = f"import _thread; from livn.env import Env; {code}\nfrom livn.cli import main; {command}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "nothing was stored" in done.stderr
    assert contents(tmp_path) == []
