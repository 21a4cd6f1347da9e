"""Bars of progress: on a terminal or when asked for, with model time, real-time factor and spikes; silent in a pipe."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from livn import make
from livn.progress import Meter, meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal; to be called in the test, for pytest puts its own there when a test begins."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


def test_a_bar_shows_time_factor_and_spikes(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with make("EI2") as env:
        env.record_spikes()
        spikes = len(env.run(2000.0, progress=True).spike_times)
    shown = re.findall(r"([\d.]+) of 2 s, real-time factor [\d.]+, ([\d,]+) spikes", terminal.getvalue())
    assert shown  # at most every 0.1 s, so that the end need not be among it
    assert 0 < float(shown[-1][0]) <= 2
    assert 0 < int(shown[-1][1].replace(",", "")) <= spikes
    assert "EI2 " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r"), "the bar is taken away"


def test_auto_waits_for_a_second_and_a_terminal(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with make("EI1") as env:
        env.run(100.0)
        assert terminal.getvalue() == ""
        monkeypatch.setattr("livn.progress.PATIENCE", 0.0)
        monkeypatch.setattr(Meter.__init__, "__defaults__", ("", 0.0))
        env.run(100.0)
        assert "of 0.1 s" in terminal.getvalue()
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        env.run(100.0)
        assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("progress", [False, None, "auto"])
def test_nothing_is_shown_in_a_pipe(progress, capfd):
    with make("EI1") as env:
        env.run(2000.0, progress=progress)
    assert capfd.readouterr() == ("", "")


def test_progress_does_not_alter_a_run(monkeypatch):
    on_terminal(monkeypatch)
    with make("EI1") as one, make("EI1") as other:
        assert one.record_spikes().run(500.0, progress=True) == other.record_spikes().run(500.0, progress=False)


def test_a_meter_goes_on_over_several_runs(monkeypatch):
    terminal = on_terminal(monkeypatch)
    several = Meter(3000.0, "three", patience=0.0)
    for _ in range(3):
        several.tell(500.0, 4)
        several.tell(1000.0, 10)
        several.passed(1000.0, 10)
    time.sleep(0.11)  # tqdm draws at most every 0.1 s
    several.tell(0.0, 0)
    several.close()
    assert re.findall(r"\d of 3 s, real-time factor \S+, 30 spikes", terminal.getvalue())


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("I/O operation on closed file")])
@pytest.mark.parametrize("after", [0, 2])
def test_a_terminal_that_goes_away_ends_the_bar_and_not_the_simulation(monkeypatch, error, after):
    class Dying(Terminal):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            if self.writes > after:
                raise error
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Dying())
    with make("EI1") as env:
        assert env.run(2000.0, progress=True).duration == 2000.0
    assert after < sys.stderr.writes < after + 5


def test_a_bar_that_is_asked_for_where_there_is_no_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with make("EI1") as env:
        assert env.run(100.0, progress=True).duration == 100.0


@pytest.mark.parametrize("stream", [None, object()])
def test_without_standard_error_nobody_watches(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    assert meter("auto", 1.0) is None
