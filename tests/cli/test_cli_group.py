"""`livn` itself: help, version, exit codes, pipes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from livn import __version__
from livn.cli.app import COMMANDS, app
from tests.cli.helpers import environment, started


def test_help_names_every_command_and_shows_examples(livn):
    for arguments in (("--help",), ("-h",)):
        result = livn(*arguments)
        assert result.code == 0
        assert all(name in result.out for name in COMMANDS)
        assert "livn train EI1" in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(livn, name):
    result = livn(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: livn {name} ")
    assert result.out.count(f"\n  livn {name}") >= 2
    assert app.get_command(None, name).help


def test_version(livn):
    assert livn("--version").out == f"livn {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trian",), "unknown command 'trian'; legal: run, train, plot, system, doctor, bench; did you mean 'train'?"),
        (("--loud",), "No such option '--loud'"),
        (("system", "shw"), "unknown command 'shw'; legal: build, list, show; did you mean 'show'?"),
        (("plot", "nowhere"), "Directory 'nowhere' does not exist"),
    ],
)
def test_a_wrong_command_line(livn, arguments, words):
    result = livn(*arguments)
    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_without_a_command_there_is_help(livn):
    result = livn()
    assert result.code == 2
    assert "Commands:" in result.err + result.out


def test_help_is_quick_and_imports_no_engine():
    code = (
        "import sys; from livn.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'pandas', 'matplotlib', 'h5py', 'scipy', 'pydantic') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_debug_shows_the_traceback(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = ("run", "EI1", "--duration", "1ms", "--out", tmp_path / "file" / "out")
    told = started("--debug", *arguments)
    assert "Traceback" in told.communicate()[1]
    assert told.returncode == 1
    silent = started(*arguments)
    assert "Traceback" not in silent.communicate()[1]
    assert silent.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_pipe_that_is_closed_early_makes_no_noise():
    command = f"{sys.executable} -m livn system show EI2 --json | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_output_survives_a_terminal_without_unicode():
    told = started("system", "show", "EI1", env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"))
    _, err = told.communicate()
    assert told.returncode == 0, err


@pytest.mark.parametrize(
    ("words", "found"), [("livn tr", "train"), ("livn run EI", "EI3"), ("livn run EI1 --du", "--duration")]
)
def test_shells_complete_commands_systems_and_options(words, found):
    told = environment(COMP_WORDS=words, COMP_CWORD=str(words.count(" ")), _LIVN_COMPLETE="bash_complete")
    assert (
        f"plain,{found}"
        in subprocess.run(
            [sys.executable, "-c", "from livn.cli import main; main()"],
            env=told,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
