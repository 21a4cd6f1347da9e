"""What a conformance run found: one result per check, and the whole as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from livn import checks

__all__ = ["CheckResult", "ConformanceError", "ConformanceReport"]


class ConformanceError(AssertionError):
    """An engine failed at least one check; the message is the table of the report.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: ConformanceReport) -> None:
        self.report = report
        super().__init__(str(report))

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.report,)


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        name: of the check.
        holds: what it holds the engine to, one line.
        passed: whether the engine meets it; True where it does not apply.
        reason: why it failed, with what was expected, what came and where; why it does not apply; else empty.
        seconds: wall time it took.
        applicable: False where the engine does not declare a capability that the check is about.
    """

    name: str
    holds: str
    passed: bool
    reason: str
    seconds: float
    applicable: bool = True

    @property
    def outcome(self) -> str:
        """`"ok"`, `"FAILED"` or `"n/a"`."""
        if not self.applicable:
            return "n/a"
        return "ok" if self.passed else "FAILED"


@dataclass(frozen=True)
class ConformanceReport:
    """The results of `check_engine`, in the order of the checks; prints as a table.

    Attributes:
        engine: name of the engine.
        results: one per check that was run.
    """

    engine: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The results of the checks that failed."""
        return tuple(r for r in self.results if not r.passed)

    @property
    def seconds(self) -> float:
        """Wall time of all checks."""
        return sum(r.seconds for r in self.results)

    def raise_if_failed(self) -> None:
        """Raise `ConformanceError`, whose message is the table, if a check failed.

        Raises:
            ConformanceError: at least one check failed.
        """
        if self.failures:
            raise ConformanceError(self)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __getitem__(self, name: str) -> CheckResult:
        """The result of a check by its name.

        Raises:
            KeyError: a check that was not run.
        """
        found = {r.name: r for r in self.results}
        result: CheckResult = found[checks.choice("check", name, found, KeyError)]
        return result

    def __str__(self) -> str:
        applied = [r for r in self.results if r.applicable]
        lines = [f"engine {self.engine!r}: {self._verdict(len(applied))}, {self.seconds:.1f} s"]
        width = max((len(r.name) for r in self.results), default=0)
        for r in self.results:
            lines.append(f"  {r.outcome:<6}  {r.seconds:5.2f} s  {r.name:<{width}}  {r.holds}")
            if r.reason:
                lines.append(f"{'because: ':>19}{r.reason}")
        return "\n".join(lines)

    def _verdict(self, n: int) -> str:
        if self.failures:
            return f"{len(self.failures)} of {n} checks failed"
        return f"all {n} checks passed" if n else "no check applies"
