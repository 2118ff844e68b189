"""The fast path: whole runs of clean lines taken by the regular expression engine, the rest left for a careful reader.

A list of a million names must not cost a million turns of a Python loop. A `Shape` says what a clean line of a
format is; `take` finds the longest runs of such lines and cuts the names out of each run at once. Every other
line, and every clean line whose name no list may block, is residue with its number.
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from blockctl.model.filterlist import CleanLines
from blockctl.model.hostset import order, order_after
from blockctl.model.names import MAX_NAME, SPECIAL_USE, suffix_rules
from blockctl.model.packed import common, name_of, pack_keys, sort_keys
from blockctl.parsers.listed import TRIGGERS, is_listable

# Of groups nothing here is possessive or atomic: before 3.11.5 Python matched such groups wrongly (gh-106052).
LABEL = r"[A-Za-z0-9_-]{1,63}+"
# The last label does not begin with a digit, so that no address is taken for a name; such names are residue.
LAST = r"[A-Za-z_-][A-Za-z0-9_-]{0,62}+"
NAME = rf"(?:{LABEL}\.)+{LAST}"
DOTTED_NAME = rf"(?:{LABEL}\.(?=[A-Za-z0-9_-]))+{LAST}"  # where a dot may follow that is not part of the name
COMMENT = r"(?:[ \t]+#[^\n]*+)?"

RUN = 1_000  # lines of a match: each takes memory until it ends
FEW = 40  # names that are searched for one by one

_WILD = re.compile(r"^\*?\.(.*)\n", re.MULTILINE)

Line = tuple[int, str]  # number, counted from 1, and text


@dataclass(frozen=True, slots=True)
class Shape:
    """What a clean line looks like: `before`, the name, `after`; each a regular expression without groups.

    It must match a line in lower case too: a run is put in lower case before it is cut.
    """

    run: re.Pattern[str]  # as many clean lines as there are, each with its newline
    line: re.Pattern[str]  # one clean line; group 1 is the name

    @classmethod
    def of(cls, before: str, name: str, after: str) -> Shape:
        """Compile a shape."""
        run = re.compile(rf"^(?:(?:{before}){name}(?:{after})\n){{1,{RUN}}}", re.MULTILINE)
        return cls(run, re.compile(rf"^(?:{before})({name})(?:{after})$", re.MULTILINE))


NOTHING = Shape(re.compile(r"(?!)"), re.compile(r"(?!)()"))  # for a text in which no line is clean by itself
ADBLOCK_HOST = Shape.of(r"\|\|", NAME, r"\^")
ADBLOCK_EXCEPTION = Shape.of(r"@@\|\|", NAME, r"\^")


@dataclass(slots=True)
class _Run:
    line: int  # number of the first line
    start: int
    end: int
    names: str  # in lower case, one a line


@dataclass(slots=True)
class Taken:
    """What `take` took of a text."""

    text: str  # ends with a newline
    shape: Shape
    lines: int = 0
    clean_lines: int = 0
    plain: bytes = b""  # the names of clean lines, packed
    wild: bytes = b""  # those that are written with `*.` or `.` in front
    _runs: list[_Run] = field(default_factory=list)
    _gaps: list[tuple[int, int, int]] = field(default_factory=list)  # number of the first line, start, end
    _returned: list[Line] = field(default_factory=list)

    def residue(self) -> Iterator[Line]:
        """Yield every line that was not taken, in order."""
        if self._returned:
            return heapq.merge(gap_lines(self.text, self._gaps), self._returned)
        return gap_lines(self.text, self._gaps)

    def clean(self) -> CleanLines:
        """Return the clean lines, also those that were given back."""
        ends = list(accumulate((len(run.names) for run in self._runs), initial=0))
        runs = [(run.line, start, end) for run, start, end in zip(self._runs, ends[:-1], ends[1:], strict=True)]
        return CleanLines("".join(run.names for run in self._runs), runs, self._gaps)

    def lines_of(self, names: set[str]) -> Iterator[Line]:
        """Yield the clean lines that have one of these names in front of which stands what stands there, in order."""
        for run in self._runs if names else ():
            places = _places(f"\n{run.names}", names)
            lines = self.text[run.start : run.end].split("\n") if places else []
            yield from ((run.line + at, lines[at]) for at in places)

    def find_runs(self) -> None:
        """Find the runs of clean lines."""
        number, at = 1, 0
        for start, end in self._spans():
            if start > at:
                self._gaps.append((number, at, start))
                number += self.text.count("\n", at, start)
            names = _names(self.text[start:end].lower(), self.shape)
            self._runs.append(_Run(number, start, end, names))
            lines = names.count("\n")
            self.clean_lines += lines
            number += lines
            at = end
        if at < len(self.text):
            self._gaps.append((number, at, len(self.text)))
            number += self.text.count("\n", at)
        self.lines = number - 1

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Yield where runs begin and end; matches that touch are one run."""
        begin = last = 0
        for start, end in map(re.Match.span, self.shape.run.finditer(self.text)):
            if start != last:
                if last > begin:
                    yield begin, last
                begin = start
            last = end
        if last > begin:
            yield begin, last

    def give_back(self, names: set[str]) -> None:
        """Make residue of the clean lines that have one of these names, as they are written there."""
        self._returned = list(self.lines_of(names))
        self.clean_lines -= len(self._returned)


def gap_lines(text: str, gaps: Iterable[tuple[int, int, int]]) -> Iterator[Line]:
    """Yield the lines of the gaps between runs (`CleanLines.gaps`)."""
    for number, start, end in gaps:
        while start < end:
            stop = text.find("\n", start)
            yield number, text[start:stop] if stop >= 0 else text[start:]
            number += 1
            start = stop + 1 if stop >= 0 else end


def find_clean(text: str, shape: Shape) -> CleanLines:
    """Return the clean lines of a text, also those whose name no list may block."""
    return _found(text, shape).clean()


def _found(text: str, shape: Shape) -> Taken:
    if text and not text.endswith("\n"):
        text += "\n"
    taken = Taken(text, shape)
    taken.find_runs()
    return taken


def take(text: str, shape: Shape) -> Taken:
    """Take the clean lines of a text.

    Names that no list may block (public suffixes, special use, too long) are given back as residue, for the
    careful reader to say so.
    """
    taken = _found(text, shape)
    names = "".join(run.names for run in taken._runs)
    is_wild = "*" in names or names.startswith(".") or "\n." in names
    wild = "".join(f"{name}\n" for name in _WILD.findall(names)) if is_wild else ""
    plain = _WILD.sub("", names) if is_wild else names
    columns = [sort_keys(column) for column in (plain, wild)]
    never = {name for keys in columns for name in _never(keys)}
    if never:
        taken.give_back({before + name for name in never for before in (("", ".", "*.") if is_wild else ("",))})
        gone = set(map(order, never))
        columns = [[key for key in keys if key not in gone] for keys in columns]
    taken.plain, taken.wild = map(pack_keys, columns)
    return taken


def _names(run: str, shape: Shape) -> str:
    """Return the names of a run of clean lines, one a line; the run is in lower case.

    Most lists write every line alike. Then what stands around the name of the first line stands around all of
    them, and taking that out leaves the names, many times as fast as a search for each.
    """
    if first := shape.line.match(run):  # a run begins with a clean line
        before, after = run[: first.start(1)], run[first.end(1) : first.end()]
        between = f"{after}\n{before}"
        lines = run.count("\n")
        blanks = lines * sum(before.count(blank) + after.count(blank) for blank in " \t")
        alike = run.count(" ") + run.count("\t") == blanks and run.endswith(f"{after}\n")
        if alike and run.count(between) == lines - 1 + (not before):
            return run[len(before) : len(run) - 1 - len(after)].replace(between, "\n") + "\n"
    return "\n".join(shape.line.findall(run)) + "\n"


def _places(names: str, wanted: set[str]) -> list[int]:
    """Return which lines of a text have one of these names, counted from 0; a newline stands before the first."""
    if len(wanted) > FEW:
        return [at for at, name in enumerate(names[1:].split("\n")) if name in wanted]
    found = []
    for name in wanted:
        line = f"\n{name}\n"
        at = names.find(line)
        while at >= 0:
            found.append(names.count("\n", 0, at))
            at = names.find(line, at + 1)
    return sorted(found)


def _never(keys: list[str]) -> set[str]:
    """Return the names that no list may block, without asking of each."""
    suspects = {name_of(key) for key in common(keys, _suffix_keys())}
    for parent in _suspect_parents():
        low = bisect_left(keys, order(parent))
        suspects.update(map(name_of, keys[low : bisect_left(keys, order_after(parent), low)]))
    found = {name for name in suspects if not is_listable(name)}
    longest = max(map(len, keys), default=0)
    if longest > MAX_NAME + 1:
        found.update(name_of(key) for key in keys if len(key) > MAX_NAME + 1)
    return found


@lru_cache(maxsize=1)
def _suffix_keys() -> frozenset[str]:
    return frozenset(map(order, suffix_rules()[0]))


@lru_cache(maxsize=1)
def _suspect_parents() -> tuple[str, ...]:
    """Return the names below which a name may be unlistable."""
    return (*suffix_rules()[1], *SPECIAL_USE, *TRIGGERS)
