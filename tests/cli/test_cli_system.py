"""`livn system`: lists, descriptions, maps, directories."""

from __future__ import annotations

import json

import pytest

from livn import System
from livn.system import PREDEFINED
from tests.cli.helpers import contents


def test_list_has_what_there_is(livn):
    told = livn("system", "list").out
    for name in PREDEFINED:
        assert name in told
    rows = json.loads(livn("system", "list", "--json").out)
    assert [row["system"] for row in rows] == list(PREDEFINED)
    assert rows[1] == {"system": "EI2", "cells": {"EXC": 80, "INH": 20}, "electrodes": 16}


def test_show_counts_what_is_there(livn):
    told = livn("system", "show", "EI2")
    assert told.code == 0
    assert "EI2: 100 cells, 4,912 synapses" in told.out
    assert "16 electrodes" in told.out
    document = json.loads(livn("system", "show", "EI2", "--json").out)
    assert sum(p["synapses"] for p in document["projections"]) == document["synapses"] == 4912
    receptors = {(p["from"], p["onto"], p["section"], p["receptor"]) for p in document["projections"]}
    assert ("EXC", "EXC", "dend", "NMDA") in receptors
    assert all(p["per_cell"] == p["synapses"] / document["cells"][p["onto"]] for p in document["projections"])


def test_the_map_shows_cells_where_they_are(livn):
    told = livn("system", "show", "EI1").out
    lines = [line[1:-1] for line in told.splitlines() if line.startswith("|")]
    marks = "".join(lines)
    assert marks.count("+") == 1
    assert marks.count(".") + marks.count("o") >= 8  # two may share a place
    rows = [i for i, line in enumerate(lines) for c in line if c == "+"]
    assert rows == [len(lines) // 2]  # the electrode lies in the middle
    assert told.endswith(". EXC   o INH   + electrode\n")


def test_large_systems_have_no_map_of_characters(livn):
    assert "--map FILE draws" in livn("system", "show", "EI3").out


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_map_is_drawn(livn, tmp_path, suffix):
    file = tmp_path / f"map.{suffix}"
    assert livn("system", "show", "EI1", "--map", file).code == 0
    assert file.read_bytes()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")


def test_a_map_in_a_format_that_there_is_not(livn, tmp_path):
    result = livn("system", "show", "EI1", "--map", tmp_path / "map.docx")
    assert result.code == 2
    assert "map.docx must end in one of .png, .pdf, .svg" in result.err


def test_a_system_is_not_put_among_other_things(livn, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    result = livn("system", "build", "EI1", "--to", tmp_path, "--force")
    assert result.code == 2
    assert "exists and holds no system" in result.err
    assert contents(tmp_path) == ["notes.txt"]


def test_build_writes_a_system_that_runs(livn, tmp_path):
    where = tmp_path / "cultures" / "mine"
    assert livn("system", "build", "EI1", "--to", where).code == 0
    assert System(where).num_neurons == 10
    assert livn("run", where, "--duration", "5ms").code == 0
    assert livn("system", "show", where).out.startswith("EI1: 10 cells")
    assert livn("system", "build", "EI1", "--to", where).code == 0  # the same: nothing to lose
    refused = livn("system", "build", "EI2", "--to", where)
    assert refused.code == 2
    assert "--force" in refused.err
    assert System(where).num_neurons == 10
    told = livn("system", "build", "EI2", "--to", where, "--force", "--json")
    assert json.loads(told.out) == {"system": "EI2", "directory": str(where)}
    assert System(where).num_neurons == 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show",), "Missing argument 'SYSTEM'"),
        (("show", "EI7"), "unknown system 'EI7'"),
        (("build", "EI1"), "Missing option '--to'"),
        (("list", "EI1"), "unexpected extra argument"),
    ],
)
def test_wrong_calls(livn, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = livn("system", *arguments)
    assert result.code == 2
    assert words in result.err
    assert contents(tmp_path) == []
