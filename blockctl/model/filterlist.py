"""A list: its text, and what was read from it. Names travel in columns, everything with a condition as rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from blockctl.model.diagnostic import Diagnostic, DiagnosticLog, Origin
from blockctl.model.packed import Packed, has_name, merge, names_of, pack
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
class CleanLines:
    """The lines of a text that hold a name and nothing else, found at once; what numbers them is 1 for the first."""

    names: str = ""  # as written there, in lower case, one a line
    runs: list[tuple[int, int, int]] = field(default_factory=list)  # number of the first line; start, end in `names`
    gaps: list[tuple[int, int, int]] = field(default_factory=list)  # the other lines: likewise, in the text


class Column:
    """A column of a list: a set of names for those who ask for it; until then they may stay packed."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn which column it is."""
        self._name = name

    def __get__(self, parsed: FilterList, owner: type) -> set[str]:
        """Return the names as a set, which may be changed."""
        names = parsed.sets.setdefault(self._name, set())
        if packed := parsed.packed.pop(self._name, b""):
            names.update(names_of(packed))
        return names

    def __set__(self, parsed: FilterList, names: set[str]) -> None:
        """Put other names in place of what was there."""
        parsed.packed.pop(self._name, None)
        parsed.sets[self._name] = names


class FilterList:
    """One list. The columns hold unconditional names in normal form; the rest is in `rules` and `cosmetics`.

    Bulk lists run to millions of lines, so a name carries no object of its own: its line is found in the
    text when somebody asks (`parsers.find`).
    """

    __slots__ = (
        "badfilters", "clean", "cosmetics", "counts", "diagnostics", "file", "format", "header", "packed", "rules",
        "sets",
    )  # fmt: skip

    exact = Column()  # blocked, that name alone
    subtree = Column()  # blocked, the name and all below it
    allow_exact = Column()
    allow_subtree = Column()

    def __init__(
        self,
        file: str,
        format: str,  # noqa: A002
        *,
        rules: list[Rule] | None = None,
        cosmetics: list[Cosmetic] | None = None,
        header: dict[str, str] | None = None,
        **columns: set[str],
    ) -> None:
        """Make a list of these columns and rules."""
        self.file = file  # how origins name it
        self.format = format  # a key of parsers.PARSERS
        self.rules = rules or []
        self.cosmetics = cosmetics or []
        self.badfilters: list[Rule] = []  # $badfilter: rules of equal identity go, in all lists
        self.diagnostics = DiagnosticLog()
        self.counts = Counts()
        self.clean = CleanLines()  # of its text, for who asks for the line of every name; it is kept by itself
        self.header = header or {}  # title, expires, homepage, version, diff-path...
        self.sets: dict[str, set[str]] = {}
        self.packed: dict[str, Packed] = {}  # names of columns, beside those in sets; see `packed`
        for column, names in columns.items():
            setattr(self, column, names)

    def pack(self) -> None:
        """Pack all columns: less memory, and quick to merge with other lists'."""
        sets, self.sets = self.sets, {}
        for column, names in sets.items():
            self.put(column, pack(names))

    def put(self, column: str, packed: Packed) -> None:
        """Add packed names to a column."""
        if packed:
            self.packed[column] = merge(self.packed[column], packed) if column in self.packed else packed

    @property
    def has_names(self) -> bool:
        """Whether a column has a name."""
        return any(self.sets.values()) or any(self.packed.values())

    def lists_any(self, names: Collection[str]) -> bool:
        """Whether one of these names is in a column."""
        return any(not column.isdisjoint(names) for column in self.sets.values()) or any(
            has_name(column, name) for column in self.packed.values() for name in names
        )

    def without_names(self, rules: list[Rule]) -> FilterList:
        """Return the list with empty columns and these rules."""
        bare = FilterList(self.file, self.format, rules=rules, cosmetics=self.cosmetics, header=self.header)
        bare.badfilters, bare.diagnostics, bare.counts = self.badfilters, self.diagnostics, self.counts
        return bare

    def copy(self) -> FilterList:
        """Return a list that says the same, of which rules and names may be taken away; the columns are packed."""
        self.pack()
        same = self.without_names(list(self.rules))
        same.packed = dict(self.packed)
        return same

    def __eq__(self, other: object) -> bool:
        """Whether two lists say the same, packed or not."""
        if not isinstance(other, FilterList):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in (*COLUMNS, *_PLAIN, "rules", "cosmetics"))

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> tuple[object, ...]:
        """Return the state with rules as plain tuples: thousands of objects would take ten times as long to keep."""
        state = [getattr(self, name) for name in (*_PLAIN, "sets", "packed")]
        return (*state, list(map(_RULE, self.rules)), list(map(_COSMETIC, self.cosmetics)))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take back what `__getstate__` gave."""
        *plain, rules, cosmetics = state
        for name, value in zip((*_PLAIN, "sets", "packed"), plain, strict=True):
            setattr(self, name, value)
        self.clean = CleanLines()
        origin = Origin
        self.rules = [Rule(effect, origin(*place), *rest) for effect, *place, rest in map(_split, rules)]
        self.cosmetics = [Cosmetic(effect, origin(*place), *rest) for effect, *place, rest in map(_split, cosmetics)]


_PLACE = ("effect", "origin.file", "origin.line", "origin.column")
_PLAIN = ("file", "format", "badfilters", "diagnostics", "counts", "header")
_RULE = attrgetter(*_PLACE, *(each.name for each in fields(Rule)[2:]))
_COSMETIC = attrgetter(*_PLACE, *(each.name for each in fields(Cosmetic)[2:]))


def _split(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:4], row[4:])
