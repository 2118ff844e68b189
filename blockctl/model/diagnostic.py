"""What is wrong with a line, and the errors that stop a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a rule or an entry was written; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(part) for part in (self.line, self.column) if part)])


class Severity(Enum):
    """How much a diagnostic matters."""

    ERROR = "error"  # the entry is not in force; a policy with one is refused
    WARNING = "warning"  # in force, or rightly left out, but worth a look


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong with one line, and the way out when we know it."""

    code: str  # stable and documented, so it can be searched for
    origin: Origin
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.origin}: {self.code} {self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")


@dataclass(slots=True)
class DiagnosticLog:
    """The diagnostics of one list: every one counted, the first of each code kept.

    A list of a million bad lines must not cost a million objects, so what is kept is bounded.
    """

    kept: list[Diagnostic] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    keep: int = 100  # for each code

    def add(self, diagnostic: Diagnostic) -> None:
        """Count a diagnostic and keep it if there is room."""
        self.count[diagnostic.code] += 1
        if self.count[diagnostic.code] <= self.keep:
            self.kept.append(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.kept)

    def __len__(self) -> int:
        return self.count.total()


class BlockctlError(Exception):
    """There is nothing to go on with. `cli/` catches it once and prints the message."""

    status = 2  # the input is wrong

    def __init__(self, message: str, hint: str = "", diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.diagnostics = diagnostics


class WorldError(BlockctlError):
    """The input is right but the world failed: no disk, no network, no permission."""

    status = 3
