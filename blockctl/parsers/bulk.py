"""The fast path: whole runs of clean lines taken by the regular expression engine, the rest left for a careful reader.

A list of a million names must not cost a million turns of a Python loop. A `Shape` says what a clean line of a
format is; `take` finds the longest runs of such lines and cuts the names out of each run at once. Every other
line, and every clean line whose name no list may block, is residue with its number.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from blockctl.model.names import MAX_NAME, SPECIAL_USE, suffix_rules
from blockctl.parsers.listed import TRIGGERS, is_listable

LABEL = r"[A-Za-z0-9_-]{1,63}+"
# The last label does not begin with a digit, so that no address is taken for a name; such names are residue.
LAST = r"[A-Za-z_-][A-Za-z0-9_-]{0,62}+"
NAME = rf"(?:{LABEL}\.)++{LAST}"
DOTTED_NAME = rf"(?:{LABEL}\.(?=[A-Za-z0-9_-]))++{LAST}"  # where a dot may follow that is not part of the name
COMMENT = r"(?:[ \t]+#[^\n]*+)?+"

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
        run = re.compile(rf"^(?:(?:{before}){name}(?:{after})\n)++", re.MULTILINE)
        return cls(run, re.compile(rf"^(?:{before})({name})(?:{after})$", re.MULTILINE))


NOTHING = Shape(re.compile(r"(?!)"), re.compile(r"(?!)()"))  # for a text in which no line is clean by itself
ADBLOCK_HOST = Shape.of(r"\|\|", NAME, r"\^")
ADBLOCK_EXCEPTION = Shape.of(r"@@\|\|", NAME, r"\^")


@dataclass(slots=True)
class _Run:
    line: int  # number of the first line
    start: int
    end: int
    names: list[str]  # one for each line


@dataclass(slots=True)
class Taken:
    """What `take` took of a text."""

    text: str  # ends with a newline
    lines: int = 0
    clean_lines: int = 0
    names: set[str] = field(default_factory=set)  # in lower case, of the clean lines
    _runs: list[_Run] = field(default_factory=list)
    _gaps: list[tuple[int, int, int]] = field(default_factory=list)  # number of the first line, start, end
    _returned: list[Line] = field(default_factory=list)

    def residue(self) -> Iterator[Line]:
        """Yield every line that was not taken, in order."""
        if self._returned:
            return heapq.merge(self._gap_lines(), self._returned)
        return self._gap_lines()

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each run of clean lines: the number of its first line, and the name of every line."""
        return ((run.line, run.names) for run in self._runs)

    def lines_of(self, names: set[str]) -> Iterator[Line]:
        """Yield the clean lines that have one of these names, in order."""
        for run in self._runs:
            if names.isdisjoint(run.names):
                continue
            lines = self.text[run.start : run.end].split("\n")
            for at, name in enumerate(run.names):
                if name in names:
                    yield run.line + at, lines[at]

    def _gap_lines(self) -> Iterator[Line]:
        for number, start, end in self._gaps:
            while start < end:
                stop = self.text.index("\n", start)
                yield number, self.text[start:stop]
                number += 1
                start = stop + 1

    def give_back(self, names: set[str]) -> None:
        """Make residue of the clean lines that have one of these names."""
        self._returned = list(self.lines_of(names))
        self.clean_lines -= len(self._returned)
        self.names -= names


def take(text: str, shape: Shape, *, refuse: bool = True) -> Taken:
    """Take the clean lines of a text.

    Names that no list may block (public suffixes, special use, too long) are given back as residue, for the
    careful reader to say so. Without `refuse` they are taken as well, and `names` stays empty: for whom it is enough
    to know what stands on which line.
    """
    if text and not text.endswith("\n"):
        text += "\n"
    taken = Taken(text)
    number = 1
    at = 0
    never: set[str] = set()
    for match in shape.run.finditer(text):
        start, end = match.span()
        if start > at:
            taken._gaps.append((number, at, start))
            number += text.count("\n", at, start)
        run = match.group().lower()
        names = _names(run, shape)
        taken._runs.append(_Run(number, start, end, names))
        if refuse:
            never.update(_never(run, names, shape))
            taken.names.update(names)
        taken.clean_lines += len(names)
        number += len(names)
        at = end
    if at < len(text):
        taken._gaps.append((number, at, len(text)))
        number += text.count("\n", at)
    taken.lines = number - 1
    never |= _suffix_texts() & taken.names
    if never:
        taken.give_back(never)
    return taken


def _names(run: str, shape: Shape) -> list[str]:
    """Return the names of a run of clean lines, one a line.

    Most lists write every line alike. Then what stands around the name of the first line stands around all of
    them, and cutting the text there gives the names, three times as fast as a search for each.
    """
    first = shape.line.match(run)
    if first is None:  # a run begins with a clean line
        return []
    before = run[: first.start(1)]
    after = run[first.end(1) : first.end()]
    names = run[len(before) : len(run) - 1 - len(after)].split(f"{after}\n{before}")
    lines = run.count("\n")
    blanks = lines * sum(before.count(blank) + after.count(blank) for blank in " \t")
    alike = len(names) == lines and run.endswith(f"{after}\n") and run.count(" ") + run.count("\t") == blanks
    if alike:
        return names
    return shape.line.findall(run)


def _never(run: str, names: list[str], shape: Shape) -> set[str]:
    """Return the names of a run that no list may block, but for those that are public suffixes as they stand."""
    found = set()
    for match in _suspect_end().finditer(run):
        line = shape.line.match(run, run.rfind("\n", 0, match.start()) + 1)
        if line is not None and not is_listable(line.group(1).lstrip("*.")):
            found.add(line.group(1))
    if max(map(len, names)) > MAX_NAME:
        found.update(name for name in names if len(name.lstrip("*.")) > MAX_NAME)
    return found


@lru_cache(maxsize=1)
def _suffix_texts() -> frozenset[str]:
    """Return every public suffix that is a name, as bare and as wildcard lines write it."""
    names, _ = suffix_rules()
    return frozenset(before + name for name in names for before in ("", ".", "*."))


@lru_cache(maxsize=1)
def _suspect_end() -> re.Pattern[str]:
    """Return what finds the ends of names that may be unlistable by what stands above them."""
    _, parents = suffix_rules()
    return re.compile(rf"\.{_one_of(sorted({*parents, *SPECIAL_USE, *TRIGGERS}))}(?!\.?[A-Za-z0-9_-])")


def _one_of(words: list[str]) -> str:
    """Return a regular expression for any of these words, common beginnings written once.

    The plain alternation tries hundreds of words at each dot and takes fifteen times as long.
    """
    tails: dict[str, list[str]] = {}
    for word in words:
        tails.setdefault(word[:1], []).append(word[1:])
    optional = "?" if tails.pop("", None) else ""
    if not tails:
        return ""
    branches = [re.escape(head) + _one_of(rest) for head, rest in tails.items()]
    return f"(?:{'|'.join(branches)}){optional}"
