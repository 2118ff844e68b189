r"""Regular expressions of lists as Chromium takes them: RE2's syntax, and no more than 2 kB compiled.

RE2 has no look-around and no references. What an expression costs is counted as RE2 counts instructions: one for a
character, 2n-1 for a class of n ranges, one for each choice and repetition. Chromium took 112 in all whatever they
were made of (asked of Chromium 156 by `isRegexSupported`). An expression that is too large is parted at its `|`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blockctl.backends.quantifier import read_quantifier

MOST = 112
_CLASS = re.compile(r"\[(\^?)(\]?(?:\\.|[^\]\\])*)\]")
_IN_CLASS = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|.", re.DOTALL)
_PREFIX = re.compile(r"\^(?:[\w/:%&=-]|\\[^\w])+(?![*+?{])(?=.)")
_PLAIN = re.compile(r"\^?(?:[\w/:%&=;,~!@#'-]|\\[./?&=+()\[\]{}$:%_-]|\.\*)+\$?")
_BYTES = frozenset(range(256))
_DIGITS = frozenset(range(48, 58))
_UPPER, _LOWER = frozenset(range(65, 91)), frozenset(range(97, 123))
_SETS = {"d": _DIGITS, "w": _DIGITS | _UPPER | _LOWER | {95}, "s": frozenset((9, 10, 12, 13, 32))}
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}


class Unsayable(Exception):  # noqa: N818 - as in the other backends
    """There is no such rule in DNR; `reason` is a key of `capabilities.DNR`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an expression in RE2's syntax, and how many instructions it takes."""

    text: str
    cost: int


def re2(source: str) -> list[str]:
    """Return the expressions that together match what one in JavaScript's syntax (without its slashes) matches.

    Unsayable: it looks around or refers back (`regex`), or it is too large (`regex-size`).
    """
    if not source.isascii():
        raise Unsayable("non-ascii")
    parser = _Parser(source.replace("[^]", r"[\s\S]"))
    found = parser.alternatives()
    if parser.at < len(parser.source):
        raise Unsayable("regex")
    whole = _joined(found)
    if whole.cost - (_prefix(whole.text) if len(found) == 1 else 0) <= MOST:
        return [whole.text]
    if any(each.cost > MOST for each in found):
        raise Unsayable("regex-size")
    return [each.text for each in found]


def as_pattern(source: str) -> str:
    """Return the adblock pattern that matches what an expression does, "" when there is none.

    `/ads/` is an expression to every list, and patterns cost a browser less; the room for expressions is small too.
    """
    if not _PLAIN.fullmatch(source):
        return ""
    start, end = source.startswith("^"), source.endswith("$")
    body = source[start : len(source) - end].replace(".*", "*").replace("\\", "")
    if body.startswith("*") or body.endswith("*") or not body:
        return ""
    return "|" * start + body + "|" * end


class _Parser:
    """A recursive descent over JavaScript's syntax."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def alternatives(self) -> list[Piece]:
        """Read up to a closing parenthesis or the end: sequences between bars."""
        found = [self.sequence()]
        while self._peek() == "|":
            self.at += 1
            found.append(self.sequence())
        return found

    def sequence(self) -> Piece:
        """Read atoms, each with its quantifier."""
        text, cost = [], 0
        while self._peek() not in ("", "|", ")"):
            piece = self._quantified(self._atom())
            text.append(piece.text)
            cost += piece.cost
        return Piece("".join(text), cost)

    def _atom(self) -> Piece:
        char = self.source[self.at]
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "*+?":
            raise Unsayable("regex")
        self.at += 1
        if char == ".":
            return Piece(".", 3)
        return Piece("\\" + char if char in "{}]" else char, 1)

    def _group(self) -> Piece:
        self.at += 1
        if self._peek() == "?":
            if not self.source.startswith("?:", self.at):
                raise Unsayable("regex")
            self.at += 2
        inside = _joined(self.alternatives())
        if self._peek() != ")":
            raise Unsayable("regex")
        self.at += 1
        return Piece(f"(?:{inside.text})", inside.cost)

    def _class(self) -> Piece:
        match = _CLASS.match(self.source, self.at)
        if match is None or not match[2]:
            raise Unsayable("regex")
        self.at = match.end()
        members = _members(match[2])
        if match[1]:
            members = _BYTES - _folded(members)
        return Piece(match[0].replace("[", r"\[").replace(r"\[", "[", 1), _class_cost(members))

    def _escape(self) -> Piece:
        letter = self.source[self.at + 1 : self.at + 2]
        self.at += 2
        if letter in _SETS:
            return Piece("\\" + letter, _class_cost(_SETS[letter]))
        if letter.lower() in _SETS:
            return Piece("\\" + letter, _class_cost(_BYTES - _SETS[letter.lower()]))
        if letter in ("b", "B") or letter in _CONTROLS:
            return Piece("\\" + letter, 1)
        if letter == "x" and re.fullmatch("[0-9a-fA-F]{2}", self.source[self.at : self.at + 2]):
            self.at += 2
            return Piece(self.source[self.at - 4 : self.at], 1)
        if not letter or letter.isalnum():
            raise Unsayable("regex")
        return Piece(letter if letter in "/_" else "\\" + letter, 1)

    def _quantified(self, atom: Piece) -> Piece:
        begin = self.at
        if (found := read_quantifier(self.source, begin)) is None:
            return atom
        least, most, self.at = found
        if max(least, most) > 1000 or -1 < most < least:
            raise Unsayable("regex")
        optional = (most - least) * (atom.cost + 1)
        cost = max(least, 1) * atom.cost + 1 if most < 0 else least * atom.cost + optional
        return Piece(atom.text + self.source[begin : self.at], cost)

    def _peek(self) -> str:
        return self.source[self.at : self.at + 1]


def _prefix(text: str) -> int:
    """Return how many characters behind `^` RE2 compares outside of what it compiles."""
    match = _PREFIX.match(text)
    return len(match[0].replace("\\", "")) - 1 if match else 0


def _joined(pieces: list[Piece]) -> Piece:
    return Piece("|".join(each.text for each in pieces), sum(each.cost for each in pieces) + len(pieces) - 1)


def _members(inside: str) -> frozenset[int]:
    """Return the bytes that stand between the brackets of a class."""
    tokens = _IN_CLASS.findall(inside)
    found: set[int] = set()
    at = 0
    while at < len(tokens):
        low = _values(tokens[at])
        if at + 2 < len(tokens) and tokens[at + 1] == "-" and len(low) == 1 and len(_values(tokens[at + 2])) == 1:
            (first,), (last,) = low, _values(tokens[at + 2])
            if last < first:
                raise Unsayable("regex")
            found.update(range(first, last + 1))
            at += 3
        else:
            found |= low
            at += 1
    return frozenset(found)


def _values(token: str) -> frozenset[int]:
    if not token.startswith("\\"):
        return frozenset((ord(token),))
    letter = token[1]
    if letter in _SETS:
        return _SETS[letter]
    if letter.lower() in _SETS:
        return _BYTES - _SETS[letter.lower()]
    if letter in _CONTROLS:
        return frozenset((_CONTROLS[letter],))
    if letter == "x" and len(token) == 4:
        return frozenset((int(token[2:], 16),))
    if letter.isalnum() or letter == "_":
        raise Unsayable("regex")
    return frozenset((ord(letter),))


def _folded(members: frozenset[int]) -> frozenset[int]:
    """Return the set with both cases of every letter in it."""
    return members | {each ^ 32 for each in members & (_UPPER | _LOWER)}


def _class_cost(members: frozenset[int]) -> int:
    """Return what a class takes, letter case ignored: RE2 leaves out ranges of capitals that fold onto small ones."""
    folded = sorted(_folded(members))
    ranges: list[list[int]] = []
    for each in folded:
        if ranges and each == ranges[-1][1] + 1:
            ranges[-1][1] = each
        else:
            ranges.append([each, each])
    kept = sum(not (low >= 65 and high <= 90) for low, high in ranges)
    return max(2 * kept - 1, 1)
