"""A list: its text, and what was read from it. Names travel in columns, everything with a condition as rules."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

from blockctl.model.diagnostic import Diagnostic, DiagnosticLog, Origin
from blockctl.model.hostset import insert, lines
from blockctl.model.policy import ListSource
from blockctl.model.rule import Cosmetic, Rule

COLUMNS = ("exact", "subtree", "allow_exact", "allow_subtree")


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
    packed: dict[str, bytes | memoryview] = field(default_factory=dict)  # columns as sorted texts, in place of sets

    def pack(self) -> None:
        """Turn the columns into sorted texts (`hostset.lines`): less memory, and quick to merge with other lists'."""
        for column in COLUMNS:
            names = getattr(self, column)
            if names:
                self.packed[column] = insert(self.packed[column], names) if column in self.packed else lines(names)
                setattr(self, column, set())

    def unpack(self) -> None:
        """Turn packed columns back into sets."""
        for column, names in self.packed.items():
            getattr(self, column).update(str(names, "ascii").split())
        self.packed = {}

    def __getstate__(self) -> tuple[object, ...]:
        """Return the state with rules as plain tuples: thousands of objects would take ten times as long to keep."""
        state = [getattr(self, name) for name in _PLAIN]
        return (*state, list(map(_RULE, self.rules)), list(map(_COSMETIC, self.cosmetics)))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take back what `__getstate__` gave."""
        *plain, rules, cosmetics = state
        for name, value in zip(_PLAIN, plain, strict=True):
            setattr(self, name, value)
        origin = Origin
        self.rules = [Rule(effect, origin(*place), *rest) for effect, *place, rest in map(_split, rules)]
        self.cosmetics = [Cosmetic(effect, origin(*place), *rest) for effect, *place, rest in map(_split, cosmetics)]

    def without_names(self, rules: list[Rule]) -> FilterList:
        """Return the list with empty columns and these rules."""
        return replace(self, exact=set(), subtree=set(), allow_exact=set(), allow_subtree=set(), packed={}, rules=rules)


_PLACE = ("effect", "origin.file", "origin.line", "origin.column")
_PLAIN = tuple(each.name for each in fields(FilterList) if each.name not in ("rules", "cosmetics"))
_RULE = attrgetter(*_PLACE, *(each.name for each in fields(Rule)[2:]))
_COSMETIC = attrgetter(*_PLACE, *(each.name for each in fields(Cosmetic)[2:]))


def _split(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:4], row[4:])
