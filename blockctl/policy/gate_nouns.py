"""The nouns of the gate: a version of a list, the names that matter, what else is in force, and a hold."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import order, order_after
from blockctl.model.packed import name_of, sort_keys
from blockctl.model.policy import ListSource, Policy
from blockctl.model.rule import Rule


class Concern(Enum):
    """Why a name matters; a name of several concerns counts in the first."""

    PROTECT = "protect"  # the policy says that no list may block it
    HOUSEHOLD = "household"  # asked for in the last 30 days, or a site of the policy
    ESSENTIAL = "essential"  # systems and payments stop without it
    POPULAR = "popular"  # among the most visited sites


class HoldKind(Enum):
    """What is wrong with a version. The values are stable: JSON has them."""

    PROTECT = "protect"
    HOUSEHOLD = "household"
    ESSENTIAL = "essential"
    POPULAR = "popular"
    PAGES = "pages"  # a rule for browsers stops a site that matters, or its own scripts or styles
    SHRANK = "shrank"
    GREW = "grew"
    NO_LIST = "no-list"  # a web page, JSON, an error message, nothing: there is nothing to accept
    FORMAT = "format"  # a list still, but written in another way
    SUFFIX = "suffix"  # names a public suffix
    UNREAD = "unread"  # too many lines that cannot be read


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list, counted from 1; a list that includes files has lines in several."""

    file: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a list, parsed, with what it includes."""

    source: ListSource
    parsed: FilterList  # its columns are packed by the gate, if they are not yet
    size: int  # bytes
    lines_for: Callable[[Collection[str]], Mapping[str, tuple[Line, ...]]]  # names -> the lines that block each
    line: Callable[[Origin], str]  # where a line stands -> its text


class Known:
    """The names that matter, in normal form, each with its concern and a word on why."""

    def __init__(self, names: Mapping[Concern, Mapping[str, str]], asked: Mapping[str, int] | None = None) -> None:
        self.asked = asked or {}  # how often this household asked for a name
        self.why: dict[str, tuple[Concern, str]] = {}
        for concern in Concern:
            for name, why in names.get(concern, {}).items():
                self.why.setdefault(name, (concern, why))

    def __len__(self) -> int:
        return len(self.why)

    def concern(self, name: str) -> Concern:
        """Return the concern in which a name counts."""
        return self.why[name][0]

    def of(self, *concerns: Concern) -> list[str]:
        """Return the names of some concerns."""
        return [name for name, (concern, _) in self.why.items() if concern in concerns]

    @cached_property
    def rank(self) -> Callable[[str], tuple[int, int]]:
        """Return the key that sorts names: the most asked for first, then in the order in which they matter."""
        places = {name: place for place, name in enumerate(self.why)}
        asked, last = self.asked, len(places)
        return lambda name: (-asked.get(name, 0), places.get(name, last))

    @cached_property
    def names(self) -> Names:
        """Return the names, made ready to be looked for among a million others."""
        return Names(self.why)


class Names:
    """Names in the order of their keys, so that those at and below another are beside one another."""

    def __init__(self, names: Iterable[str]) -> None:
        self.keys = sort_keys("".join(f"{name}\n" for name in names))

    @cached_property
    def own(self) -> frozenset[str]:
        """Return the key of each name."""
        return frozenset(self.keys)

    @cached_property
    def covering(self) -> frozenset[str]:
        """Return the keys of all names that cover one of these, themselves included."""
        found = set(self.keys)
        fresh = found
        while fresh:  # one label at a time: most names share what is above them
            fresh = {key[: key.rfind(".", 0, -1) + 1] for key in fresh} - found - {""}
            found |= fresh
        return frozenset(found)

    def at_and_below(self, keys: Iterable[str]) -> Iterator[str]:
        """Yield the names that are one of some others, or below it; a name may come more than once."""
        for key in keys:
            name = name_of(key)
            low = bisect_left(self.keys, order(name))
            high = bisect_left(self.keys, order_after(name), low)
            yield from map(name_of, self.keys[low:high])


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in force beside the list that is judged."""

    policy: Policy  # as it stands now
    others: Sequence[Version] = ()  # the other lists, as they serve or will serve
    exceptions: Sequence[Rule] = ()  # of all lists, those limited to pages: DNS yields to some


@dataclass(frozen=True, slots=True)
class Blocked:
    """A name that matters and that a version newly blocks."""

    name: str
    why: str  # "system updates: Apple", "asked for 42 times"
    lines: tuple[Line, ...]  # that block it; none where an exception is gone, or the line cannot be found


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason to hold a version."""

    list: str  # the list's name in the policy
    kind: HoldKind
    message: str  # one sentence
    blocked: tuple[Blocked, ...] = ()  # the names, sites before what lies below them
    at: tuple[Line, ...] = ()  # lines that are to blame, where no names are
    more: int = 0  # names that are not in `blocked`: there are too many

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines without which this would not be held; none when leaving lines out does not mend it."""
        if self.more or not all(each.lines for each in self.blocked):
            return ()
        return (*self.at, *(line for each in self.blocked for line in each.lines))
