"""What a backend gives back: files, counts, and the gaps it could not express."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet
from blockctl.model.policy import Policy
from blockctl.model.rule import Rule

Chunk = bytes | memoryview
Row = tuple[str, str, int, int, str]  # reason, file, line, column, text


@dataclass(frozen=True, slots=True)
class Gap:
    """One rule that the engine cannot express."""

    reason: str  # a key of capabilities.REASONS
    origin: Origin
    text: str


@dataclass(slots=True)
class Gaps:
    """Gaps by reason: every one counted, the first of each reason kept with its rule."""

    count: dict[str, int] = field(default_factory=dict)
    keep: int = 1000  # for each reason
    rows: list[Row] = field(default_factory=list)  # plain tuples: thousands of them are kept on disk and read again

    def add(self, reason: str, origin: Origin, text: str, count: int = 1) -> None:
        """Count a gap, and keep it if there is room. `count` is for rules that travel as columns."""
        before = self.count.get(reason, 0)
        self.count[reason] = before + count
        if before < self.keep:
            self.rows.append((reason, origin.file, origin.line, origin.column, text))

    def extend(self, other: Gaps) -> None:
        """Add all gaps of another."""
        for reason, count in other.count.items():
            self.count[reason] = self.count.get(reason, 0) + count
        self.rows.extend(other.rows)

    @property
    def kept(self) -> list[Gap]:
        """Return the gaps that were kept."""
        return [Gap(reason, Origin(file, line, column), text) for reason, file, line, column, text in self.rows]

    def __len__(self) -> int:
        return sum(self.count.values())


@dataclass(slots=True)
class Output:
    """What one target is to hold. Same rules in, same bytes out."""

    files: dict[str, list[Chunk]]  # relative path -> its bytes in pieces; "" is the target's path itself
    rules_in: int = 0
    rules_out: int = 0
    gaps: Gaps = field(default_factory=Gaps)
    rules_of: dict[str, int] = field(default_factory=dict)  # file -> its rules, where each file has a limit of its own
    notes: list[str] = field(default_factory=list)  # what a person should know: files split, a limit near


@dataclass(slots=True)
class Prepared:
    """What a backend made of the lists alone. It is kept on disk and used again while the lists stay the same.

    `meta` is pickled; the bodies are written as they are and mapped back into memory, so that an edit of the
    policy costs no work on the lists.
    """

    meta: dict[str, object] = field(default_factory=dict)
    bodies: dict[str, Chunk] = field(default_factory=dict)
    rules_in: int = 0
    rules_out: int = 0
    gaps: Gaps = field(default_factory=Gaps)


class BrowserBackend(Protocol):
    """An engine that sees whole requests."""

    OPTIONS: dict[str, str]  # option -> what it means

    def prepare(self, lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
        """Lower the lists; the policy plays no part."""

    def emit(self, policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
        """Put the policy over the prepared lists."""


class DnsBackend(Protocol):
    """An engine that sees names. `yields` are the names at which DNS yields to the browser."""

    OPTIONS: dict[str, str]

    def prepare(self, names: HostSet, options: dict[str, str]) -> Prepared:
        """Write what the lists together say of names."""

    def emit(self, policy: Policy, yields: dict[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
        """Put the policy over the prepared names."""
