"""A list: its text, and what was read from it. Names travel in columns, everything with a condition as rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from blockctl.model.diagnostic import Diagnostic, DiagnosticLog
from blockctl.model.policy import ListSource
from blockctl.model.rule import Cosmetic, Rule


@dataclass(frozen=True, slots=True)
class ListText:
    """One text of a list; a list that includes others has several."""

    source: ListSource
    file: str  # how origins name it
    data: bytes
    digest: str  # sha256 of the data, in hexadecimal
    problem: Diagnostic | None = None  # why there is no data


@dataclass(slots=True)
class Counts:
    """What became of each line; the last three add up to the first."""

    lines: int = 0
    rules: int = 0  # lines that made at least one rule or name
    nothing: int = 0  # blank, comment, header, boilerplate, a branch of `!#if` that is not ours
    refused: int = 0  # lines that made only a diagnostic


@dataclass(slots=True)
class FilterList:
    """One list. The columns hold unconditional names in normal form; the rest is in `rules` and `cosmetics`.

    Bulk lists run to millions of lines, so a name carries no object of its own: its line is found in the
    text when somebody asks (`parsers.find`).
    """

    file: str  # how origins name it
    format: str  # a key of parsers.PARSERS
    exact: set[str] = field(default_factory=set)  # blocked, that name alone
    subtree: set[str] = field(default_factory=set)  # blocked, the name and all below it
    allow_exact: set[str] = field(default_factory=set)
    allow_subtree: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)
    cosmetics: list[Cosmetic] = field(default_factory=list)
    badfilters: list[Rule] = field(default_factory=list)  # $badfilter: rules of equal identity go, in all lists
    diagnostics: DiagnosticLog = field(default_factory=DiagnosticLog)
    counts: Counts = field(default_factory=Counts)
    header: dict[str, str] = field(default_factory=dict)  # title, expires, homepage, version, diff-path...

    def without_names(self, rules: list[Rule]) -> FilterList:
        """Return the list with empty columns and these rules."""
        return replace(self, exact=set(), subtree=set(), allow_exact=set(), allow_subtree=set(), rules=rules)
