"""An experiment in a directory::

    run.h5           what was recorded (`Run.load` reads it alone)
    culture.h5       cells, synapses and electrodes
    weights.h5       plastic weights at the ends of phases, and as sampled; where something can learn
    experiment.json  phases, rules, what the rules did, seed, versions
    config.toml      the options: `livn run --config DIR/config.toml` repeats what a command did
    summary.json     the numbers of `Experiment.summary`

The directory appears under its name when all of it is on disk, in one step. One that is there stays, for it may be a
link, a disk of its own or where someone works: what is in it is exchanged, `experiment.json` last.
"""

from __future__ import annotations

import numbers
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from livn import checks
from livn.errors import DamagedFile
from livn.experiment.record import FIGURES, START, Experiment, Phase
from livn.io import IO
from livn.plasticity import PlasticitySummary, RuleParameters, SummaryRow, SynapseKeys, Weights, WeightTraces
from livn.run import Run
from livn.system.storage import check_version, read_arrays, read_json, write_arrays, write_json
from livn.system.system import pack, unpack

__all__ = ["CONFIG", "check_free", "load", "plain", "save"]

FORMAT, FORMAT_VERSION = "livn-experiment", 1
RUN, CULTURE, WEIGHTS, RECORD = "run.h5", "culture.h5", "weights.h5", "experiment.json"
CONFIG, SUMMARY = "config.toml", "summary.json"
FILES = (RUN, CULTURE, WEIGHTS, RECORD, CONFIG, SUMMARY)
PICTURES = (".png", ".pdf", ".svg")
MARK = ".livn-"
"""Names that begin so are of a store that is under way, or was killed."""
COLUMNS = ("gid", "syn_id", "mechanism", "pre", "section")


def save(experiment: Experiment, directory: str | os.PathLike[str], force: bool = False) -> Path:
    """See `Experiment.save`."""
    given = checks.path("directory", directory, "the name of a directory")
    check_free(given, force)
    target = given.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    there = target.exists()
    mark = f"{MARK}{os.getpid()}-{secrets.token_hex(4)}"
    part = (target if there else target.parent) / f"{mark}.part"
    try:
        part.mkdir()
        _write(experiment, part)
        _sync(part)
        if there:
            _take_place(part, target, target / f"{mark}.old")
            for left in target.glob(f"{MARK}*"):
                if _is_dead(left):
                    shutil.rmtree(left, ignore_errors=True)
        else:
            part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return given


def check_free(directory: str | os.PathLike[str], force: bool = False) -> None:
    """Refuse a directory that `save` would refuse, before the experiment.

    Raises:
        FileExistsError: it holds an experiment, without `force`, or anything else.
        OSError: it cannot be made, or not be written to.
    """
    given = checks.path("directory", directory, "the name of a directory")
    checks.boolean("force", force)
    target = given.resolve()
    _mend(target)
    if target.exists():
        held = not target.is_dir() or any(not p.name.startswith(MARK) for p in target.iterdir())
        if held and not (target / RECORD).is_file():
            raise FileExistsError(f"{given} exists and holds no experiment: choose another name")
        if held and not force:
            raise FileExistsError(
                f"{given} holds an experiment and is not overwritten: choose another name, or pass force=True"
            )
    place = next(p for p in (target, *target.parents) if p.exists())
    if not place.is_dir():
        raise NotADirectoryError(f"{given} cannot be made: {place} is not a directory")
    trial = place / f"{MARK}{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as e:
        raise PermissionError(f"{given} cannot be made: {place} cannot be written to ({e.strerror})") from None
    longest = os.pathconf(place, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    if any(len(os.fsencode(name)) > longest for name in target.parts):
        raise OSError(f"{given} cannot be made: a name in it is longer than {longest} bytes")


def load(directory: str | os.PathLike[str]) -> Experiment:
    """See `livn.load_run`."""
    target = checks.path("directory", directory, "the name of a directory")
    _mend(target)
    if not (target / RECORD).is_file():
        what = "is not a directory of a stored experiment" if target.exists() else "does not exist"
        raise FileNotFoundError(f"{target} {what}")
    document = read_json(target / RECORD)
    if document.get("format") != FORMAT:
        raise DamagedFile(f"{target / RECORD} is not livn's")
    check_version(target / RECORD, document.get("version"), FORMAT_VERSION)
    try:
        arrays, meta = read_arrays(target / CULTURE, "culture")
        own = {name.removeprefix("system:"): a for name, a in arrays.items() if name.startswith("system:")}
        weights, traces = _read_weights(target / WEIGHTS) if document["can_learn"] else ({}, None)
        rows = document["plasticity"]
        return Experiment(
            run=Run.load(target / RUN),
            system=unpack(own, meta["system"]),
            cells={name: arrays[f"cells:{name}"] for name in meta["cells"]},
            io=IO.from_json(meta["io"]),
            phases=tuple(Phase(**phase) for phase in document["phases"]),
            weights=weights,
            traces=traces,
            rules={name: RuleParameters(**p) for name, p in document["rules"].items()},
            receptors=document["receptors"],
            plasticity=None if rows is None else PlasticitySummary(tuple(SummaryRow(**_numbers(r)) for r in rows)),
            config=document["config"],
            about=document["about"],
        )
    except FileNotFoundError as e:
        raise DamagedFile(f"{target} is incomplete: {e}") from e
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise DamagedFile(f"{target} does not hold together: {e}") from e


def _is_dead(mark: Path) -> bool:
    """Whether the process that made a directory of `MARK` lives no more; False where nothing can tell."""
    pid = mark.name.removeprefix(MARK).partition("-")[0]
    if os.name == "nt" or not pid.isdecimal():  # there the signal 0 would end it
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _mend(target: Path) -> None:
    """Put back the experiment that a process moved aside and, being killed, did not replace."""
    if not target.is_dir() or (target / RECORD).exists():
        return
    for aside in target.glob(f"{MARK}*.old"):
        if not (aside / RECORD).is_file() or not _is_dead(aside):
            continue
        part = aside.with_suffix(".part")
        waiting = {p.name for p in part.iterdir()} if part.is_dir() else set()
        here = [target / name for name in FILES if (target / name).exists()]
        if not any(p.name in waiting for p in here):  # all the old ones are aside: these are of the store that died
            for file in here:
                file.unlink()
        for file in sorted(aside.iterdir(), key=lambda file: file.name == RECORD):
            file.replace(target / file.name)
        aside.rmdir()
        shutil.rmtree(part, ignore_errors=True)
        return


def _write(experiment: Experiment, directory: Path) -> None:
    experiment.run.save(directory / RUN)
    arrays, system = pack(experiment.system)
    cells = {f"cells:{name}": np.asarray(gids, np.int64) for name, gids in experiment.cells.items()}
    meta = {"system": system, "cells": list(experiment.cells), "io": experiment.io.as_json()}
    held = {f"system:{name}": a for name, a in arrays.items()} | cells
    write_arrays(directory / CULTURE, held, meta, "culture", compressed=True)
    if experiment.weights:
        _write_weights(experiment, directory / WEIGHTS)
    write_json(directory / SUMMARY, plain(experiment.summary()))
    (directory / CONFIG).write_text(_toml(experiment.config), encoding="utf-8")
    rows = None if experiment.plasticity is None else [asdict(row) for row in experiment.plasticity]
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "phases": [asdict(phase) for phase in experiment.phases],
        "can_learn": bool(experiment.weights),
        "rules": {name: p.to_dict() for name, p in experiment.rules.items()},
        "receptors": dict(experiment.receptors),
        "plasticity": plain(rows),
        "config": plain(experiment.config),
        "about": plain(experiment.about),
    }
    write_json(directory / RECORD, document)


def _toml(config: Mapping[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(plain(config, drop=True))


def _write_weights(experiment: Experiment, path: Path) -> None:
    keys = experiment.weights[START].synapses
    arrays = {f"key:{name}": getattr(keys, name) for name in COLUMNS}
    arrays |= {f"at:{i}": w.array for i, w in enumerate(experiment.weights.values())}
    meta: dict[str, Any] = {
        "mechanisms": list(keys.mechanisms),
        "sections": list(keys.sections),
        "at": list(experiment.weights),
        "dt": None,
    }
    traces = experiment.traces
    if traces is not None:
        meta["dt"] = traces.dt
        arrays |= {"traced": keys.positions(traces.synapses), "index": np.rint(traces.t / traces.dt).astype(np.int64)}
        arrays["samples"] = traces.frames()
    write_arrays(path, arrays, meta, "weights", compressed=True)


def _read_weights(path: Path) -> tuple[dict[str, Weights], WeightTraces | None]:
    arrays, meta = read_arrays(path, "weights")
    columns = {name: arrays[f"key:{name}"] for name in COLUMNS}
    keys = SynapseKeys(**columns, mechanisms=tuple(meta["mechanisms"]), sections=tuple(meta["sections"]))
    weights = {name: Weights(keys, arrays[f"at:{i}"]) for i, name in enumerate(meta["at"])}
    if meta["dt"] is None:
        return weights, None
    traced = keys.take(arrays["traced"])
    return weights, WeightTraces(traced, meta["dt"], arrays["index"], arrays["samples"])


def plain(value: Any, drop: bool = False) -> Any:
    """A value in the terms of strict JSON, where NaN is null; with `drop`, of TOML, which has no null."""
    if isinstance(value, Mapping):
        held = {str(k): plain(v, drop) for k, v in value.items()}
        return {k: v for k, v in held.items() if v is not None or not drop}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(v, drop) for v in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, numbers.Real) and not isinstance(value, int | float):
        value = float(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in row.items()}


def _sync(directory: Path) -> None:
    """See that all of it is on disk before it gets its name."""
    for file in directory.iterdir():
        with file.open("rb+") as f:
            os.fsync(f.fileno())


def _take_place(part: Path, target: Path, aside: Path) -> None:
    """Move what is in `part` into a directory, for the experiment in it, if there is one, which comes back if it cannot
    be done. What others put there stays there."""
    new = sorted(part.iterdir(), key=lambda file: file.name == RECORD)  # with the record it counts as there
    old = [p for p in target.iterdir() if p.name in FILES or (p.stem in FIGURES and p.suffix in PICTURES)]
    aside.mkdir()
    try:
        for file in sorted(old, key=lambda file: file.name != RECORD):
            file.replace(aside / file.name)
        for file in new:
            file.replace(target / file.name)
    except BaseException:
        for file in new:
            if not file.exists():  # it came to the target
                (target / file.name).unlink(missing_ok=True)
        for file in sorted(aside.iterdir(), key=lambda file: file.name == RECORD):
            file.replace(target / file.name)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)
