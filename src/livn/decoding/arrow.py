"""Runs in Arrow files, one per call, which together are one data set."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

import livn
from livn.decoding.recording import GatherAndMerge
from livn.extras import optional
from livn.run import Events, Run, Series

__all__ = ["ArrowDataset"]

FORMAT = 1
FILE = re.compile(r"data-(\d{5,})\.arrow")
Directory = Annotated[
    str, BeforeValidator(lambda d: os.fspath(d) if isinstance(d, os.PathLike) else d), Field(min_length=1)
]


class ArrowDataset(GatherAndMerge):
    """Each call writes the Run to a file of its own, `data-00000.arrow` (Arrow IPC) and so on, and returns it.

    The other attributes are those of `GatherAndMerge`; `root` writes. A file appears complete, under the next free
    number, also where several processes write to one directory. It has a row per recorded row of a series, and per
    cell that had events:

    | column | type | |
    |---|---|---|
    | `signal` | string | channel of the Run: `spikes`, `voltage`, `membrane_current`, ... |
    | `id` | int64 | the cell |
    | `section` | string | of a series' row, null where not told apart |
    | `dt` | double | spacing of samples, ms; null for events |
    | `t0` | double | absolute time of the start of the window (events) or of the first sample (series), ms |
    | `duration` | double | ms, null if unknown |
    | `times` | list of double | when events happened, ms since `t0`, ascending; null for series |
    | `values` | list of double | the samples, mV for voltages, µA for membrane currents; null for events |

    The schema's metadata has under `livn` a JSON object: `format` (1), `version` of livn, `t0` and `duration` of the
    run, `channels` (name to `"events"` or `"series"`, so that a silent channel is told from one that was not recorded),
    and where the env is known `system`, `model`, `engine`, `seed` and `populations` (name to [first, count]).

    Attributes:
        directory: where the files go; it is made.
    """

    directory: Directory

    def setup(self, env: Any) -> None:
        """Record what is asked for, and see that it can be written before it is simulated.

        Raises:
            ImportError: pyarrow is not installed.
            OSError: the directory cannot be made.
        """
        optional("pyarrow", "arrow")
        self._folder().mkdir(parents=True, exist_ok=True)
        super().setup(env)

    def __call__(self, signal: Run, env: Any = None) -> Any:
        """The Run of all ranks on `root`, written; None elsewhere.

        Raises:
            ImportError: pyarrow is not installed.
            OSError: the file cannot be written.
            ValueError: a series whose samples are no single numbers.
        """
        run = self._gathered(signal, env)
        if run is not None:
            self._write(run, env)
        return run

    def dataset(self) -> Any:
        """All files of the directory as one `pyarrow.dataset.Dataset`; its column `__filename` tells them apart.

        Raises:
            ImportError: pyarrow is not installed.
            FileNotFoundError: nothing has been written.
        """
        arrow = optional("pyarrow.dataset", "arrow")
        files = self._files()
        if not files:
            raise FileNotFoundError(f"no data-*.arrow in {self.directory!r}: a call of this decoding writes one")
        return arrow.dataset([str(files[n]) for n in sorted(files)], schema=_schema(), format="ipc")

    def _folder(self) -> Path:
        return Path(os.path.expanduser(self.directory))

    def _files(self) -> dict[int, Path]:
        folder = self._folder()
        found = [(FILE.fullmatch(path.name), path) for path in folder.iterdir()] if folder.is_dir() else []
        return {int(match[1]): path for match, path in found if match}

    def _write(self, run: Run, env: Any) -> None:
        arrow = optional("pyarrow", "arrow")
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True)
        schema = _schema().with_metadata({"livn": json.dumps(_metadata(run, env))})
        batches = [_batch(arrow, schema, name, channel) for name, channel in run.channels.items()]
        part = folder / f".{os.getpid()}.{secrets.token_hex(4)}.part"
        try:
            with arrow.ipc.new_file(str(part), schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            number = max(self._files(), default=-1) + 1
            while not _moved(part, folder / f"data-{number:05d}.arrow"):
                number += 1
        finally:
            part.unlink(missing_ok=True)


def _moved(part: Path, target: Path) -> bool:
    """Whether the file could be given the name; not if there is one of that name."""
    try:
        os.link(part, target)  # unlike a rename it never replaces what another process wrote
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        part.rename(target)
    return True


def _schema() -> Any:
    arrow = optional("pyarrow", "arrow")
    numbers, listed = arrow.float64(), arrow.large_list(arrow.float64())
    columns = {"signal": arrow.string(), "id": arrow.int64(), "section": arrow.string(), "dt": numbers, "t0": numbers}
    return arrow.schema([*columns.items(), ("duration", numbers), ("times", listed), ("values", listed)])


def _metadata(run: Run, env: Any) -> dict[str, Any]:
    kinds = {name: "series" if isinstance(channel, Series) else "events" for name, channel in run.channels.items()}
    told = {"format": FORMAT, "version": livn.__version__, "t0": run.t0, "duration": run.duration, "channels": kinds}
    if env is None:
        return told
    ranges = {name: [int(a), int(n)] for name, (a, n) in env.system.population_ranges.items()}
    of = {"system": env.system.name, "model": env.model.params_key(), "engine": env.engine, "seed": env.seed}
    return {**told, **of, "populations": ranges}


def _batch(arrow: Any, schema: Any, name: str, channel: Events | Series) -> Any:
    """The rows of one channel."""
    if isinstance(channel, Series):
        if channel.values.ndim != 2:
            raise ValueError(f"the channel {name!r} must be [n, T] to be written, got {list(channel.values.shape)}")
        ids, values = channel.ids, channel.values
        offsets = np.arange(len(ids) + 1) * values.shape[1]
        sections = [None] * len(ids) if channel.sections is None else [str(s) for s in channel.sections.tolist()]
        dt: float | None = channel.dt
    else:
        events = channel.compact()
        order = np.argsort(events.ids, kind="stable")
        ids, begins = np.unique(events.ids[order], return_index=True)
        values, offsets = events.times[order], np.append(begins, len(order))
        sections, dt = [None] * len(ids), None
    lists = arrow.LargeListArray.from_arrays(
        arrow.array(offsets, arrow.int64()), arrow.array(np.ravel(values), arrow.float64())
    )
    none = arrow.nulls(len(ids), lists.type)
    same = {"signal": name, "dt": dt, "t0": channel.t0, "duration": channel.duration}
    columns = {key: arrow.array([value] * len(ids), schema.field(key).type) for key, value in same.items()}
    columns |= {"id": arrow.array(ids), "section": arrow.array(sections, arrow.string())}
    columns |= {"times": none, "values": lists} if isinstance(channel, Series) else {"times": lists, "values": none}
    return arrow.record_batch([columns[key] for key in schema.names], schema=schema)
