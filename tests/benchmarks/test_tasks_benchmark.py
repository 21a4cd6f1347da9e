"""benchmarks/tasks.py: the table of the baselines."""

from __future__ import annotations

import pytest


def test_it_prints_a_row_per_contestant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import tasks

    from livn.env.gymnasium.registration import TASKS

    assert set(tasks.TASKS) == set(TASKS)
    name = "livn/RateControl-v0"
    short = [tasks.Contestant(c.name, c.policy, {**c.options, "steps": 15}) for c in tasks.TASKS[name]]
    monkeypatch.setitem(tasks.TASKS, name, tuple(short))
    tasks.main([name, "--seeds", "3"])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["task", "policy", "mean return", "95 % interval", "seeds", "s per episode"]
    assert [row[:2] for row in rows[2:]] == [[name, "random"], [name, "scripted"]]
    (random, high), (scripted, low) = (
        (float(r[2]), float(r[3].split(" to ")[k])) for r, k in zip(rows[2:], (1, 0), strict=True)
    )
    assert random < high < low < scripted < 0.0
    assert rows[2][4] == "3"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["livn/RateControl-v1"], "did you mean 'livn/RateControl-v0'"),
        (["--seeds", "1"], "--seeds must be a whole number >= 2, got 1"),
        (["--seeds", "x"], "invalid int value"),
    ],
)
def test_nonsense_is_a_usage_error(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    import tasks

    with pytest.raises(SystemExit) as stop:
        tasks.main(arguments)
    assert stop.value.code == 2
    assert text in capsys.readouterr().err
