"""A run that leaves the process: into a file, or to other packages."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from livn.frozen import Frozen

if TYPE_CHECKING:
    import xarray

    from livn.env import Env
    from livn.experiment import Experiment
    from livn.run import Run

__all__ = ["Exchange"]


class Exchange(Frozen):
    """The part of `Run` that stores and converts it."""

    # Files

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Store the run in one compressed, checksummed HDF5 file, which is there complete or not at all.

        Args:
            path: the file, in a directory that exists; `~` is the user's home.
            force: replace the file if there is one.

        Returns:
            The path.

        Raises:
            TypeError: a path that is no name of a file, or `force` that is neither True nor False.
            FileExistsError: it exists, and `force` is False.
            OSError: it cannot be written.
        """
        from livn import run_file

        return run_file.save(cast("Run", self), path, force)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Run:
        """The run that `save` stored, equal in every channel.

        Raises:
            FileNotFoundError: no such file.
            DamagedFile, NewerFormat: a file that cannot be used.
        """
        from livn import run_file

        return run_file.load(path)

    # Other packages

    def to_neo(self, env: Env | Experiment, stimulus: Any = None, units: Iterable[int] | None = None) -> Any:
        """The run as a `neo.Block` of one segment, with trains, signals and events in units; see `livn.interop.to_neo`.

        Args:
            env: where it comes from: the Env, or the record of an experiment.
            stimulus: what was commanded: a Policy, or pairs (ms from the start of the run, Policy).
            units: the cells that get a train; None: all that are simulated.

        Raises:
            ImportError: Neo is not installed.
            TypeError, ValueError: what does not fit the run.
        """
        from livn.interop import to_neo

        return to_neo(cast("Run", self), env, stimulus, units)

    def to_xarray(self) -> xarray.Dataset:
        """The run as an `xarray.Dataset` with labels and units, times absolute in ms; see `livn.interop.to_xarray`.

        `ds.voltage.sel(voltage_gid=3, voltage_time=slice(100, 200)).plot()` is a trace, `ds.spike_time[ds.spike_gid ==
        3]` are the spikes of a cell.

        Raises:
            ImportError: xarray is not installed.
            ValueError: names of channels that lead to the same variable, or a batch of padded events.
        """
        from livn.interop import to_xarray

        return to_xarray(cast("Run", self))
