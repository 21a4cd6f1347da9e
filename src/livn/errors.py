"""The exceptions of livn.

A wrong argument raises the built-in that Python users expect (`ValueError`, `TypeError`, `KeyError`,
`RuntimeError`); what is peculiar to simulations has a class of its own::

    LivnError
    ├── UnsupportedByEngine   (NotImplementedError)  the engine in use lacks a feature
    ├── SimulationDiverged    (RuntimeError)         a potential became NaN or ran away
    ├── UnknownName           (KeyError)             a name or gid that is not there
    └── StorageError          (OSError)              a file could not be used
        ├── DamagedFile                              its checksum or its content is wrong
        └── NewerFormat                              a later version of livn wrote it

    RunInterrupted            (KeyboardInterrupt)    Ctrl-C ended a run; holds what was recorded
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livn.run import Run

__all__ = [
    "DamagedFile",
    "LivnError",
    "NewerFormat",
    "RunInterrupted",
    "SimulationDiverged",
    "StorageError",
    "UnknownName",
    "UnsupportedByEngine",
]


class LivnError(Exception):
    """Base of the exceptions that only livn raises."""


class UnsupportedByEngine(LivnError, NotImplementedError):
    """A feature that the engine in use does not have.

    Attributes:
        feature: the capability that was asked for.
        engine: name of the engine in use.
        engines: names of the engines that have the feature.
    """

    def __init__(self, feature: str, engine: str, engines: tuple[str, ...] = ()) -> None:
        self.feature, self.engine, self.engines = feature, engine, tuple(engines)
        names = ", ".join(self.engines)
        where = f"engines that have it: {names}" if names else "no engine of this version has it"
        super().__init__(f"the {engine!r} engine does not support {feature!r}; {where}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.feature, self.engine, self.engines)


class SimulationDiverged(LivnError, RuntimeError):
    """A membrane potential became NaN or left every physiological range.

    Attributes:
        gid: the cell.
        section: the compartment, `"soma"` or `"dend"`.
        time: when it was found, ms of model time (at most 1 ms after it happened).
        value: the potential found, mV.
    """

    def __init__(self, gid: int, section: str, time: float, value: float) -> None:
        self.gid, self.section, self.time, self.value = gid, section, time, value
        super().__init__(
            f"the potential of cell {gid}, {section}, reached {value:g} mV at t = {time:g} ms: the simulation "
            "diverged. Check the cell's parameters (S/cm²), its input (nA, µS) and the step dt; clear() starts again"
        )

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.gid, self.section, self.time, self.value)


class UnknownName(LivnError, KeyError):
    """A name or gid that matches nothing; the message lists what is legal."""

    def __str__(self) -> str:  # KeyError would show the message as a quoted repr
        return str(self.args[0]) if self.args else ""


class StorageError(LivnError, OSError):
    """A file could not be read or written."""


class DamagedFile(StorageError):
    """A file whose checksum or content is wrong: truncated, altered, or not of this kind."""


class NewerFormat(StorageError):
    """A file that a later version of livn wrote."""


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a run; the culture stands at a whole step and can go on.

    Attributes:
        run: what was recorded until then.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        super().__init__(
            f"the run was interrupted after {run.duration:g} ms; what was recorded is in the exception's .run"
        )

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.run,)
