r"""Regular expressions of lists, rewritten in what WebKit accepts of them, alternatives unrolled.

`a|b` becomes two filters, `\d` a class, `x{2,3}` is written out. What has no counterpart (look-around, `\b`,
references, `[\W]`) is a gap, and so is what would grow beyond bounds.
"""

from __future__ import annotations

import re

from blockctl.backends.quantifier import read_quantifier
from blockctl.backends.safari_pattern import MAX_FILTER, SCHEME, Unsayable, refusal

MAX_FILTERS = 40  # that one expression may be unrolled into
MAX_LOOSE = 12  # `.` or `[^x]` in a row: each doubles the work of WebKit's compiler (12: 0.14 s, 16: 31 s)

_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r"\t "}
_CLASS = re.compile(r"\[(\^?)(\]?(?:\\.|[^\]\\])*)\]")
_CLASS_DASH = re.compile(r"(\\[dws])-")  # no range: the dash stands for itself
_CLASS_ESCAPE = re.compile(r"\\(.)")
_LOOSE = re.compile(rf"(?:(?:\.|\[\^(?:\\.|[^\]\\])*\])\??){{{MAX_LOOSE},}}")


def regex_filters(source: str) -> list[str]:
    """Return the filters that together match what a regular expression (written without slashes) matches."""
    if not source.isascii():
        raise Unsayable("non-ascii")
    parser = _Parser(source.replace("[^]", "."))
    found = list(dict.fromkeys(parser.alternatives()))
    if parser.at < len(parser.source):
        raise Unsayable("regex")
    for each in found:
        if not each or refusal(each) or len(each) > MAX_FILTER or _LOOSE.search(each) or not _ranges_rise(each):
            raise Unsayable("regex")
    return found


_HOST = "[^/:]*"
_IN_HOST = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.")


def host_filters(source: str) -> list[str]:
    """Return expressions for the addresses in whose host a regular expression (without slashes) is found."""
    found = []
    try:
        filters = regex_filters(source)
    except Unsayable as unsayable:
        raise Unsayable("site-regex" if unsayable.reason == "regex" else unsayable.reason) from None
    for each in filters:
        body = each.removeprefix("^")
        end = body.endswith("$") and not body.endswith(r"\$")
        body = _IN_HOST.sub(_kept_in_host, body[:-1] if end else body)
        before, behind = "" if each.startswith("^") else _HOST, "" if end else _HOST
        found.append(f"{SCHEME}{before}{body}{behind}[:/]")
    if any(len(each) > MAX_FILTER for each in found):
        raise Unsayable("too-long")
    return found


def _kept_in_host(match: re.Match[str]) -> str:
    """Return a part of an expression so that it matches no character that ends a host."""
    part = match[0]
    if part == ".":
        return "[^/:]"
    if part.startswith("[^"):
        return f"[^/:{part[2:]}"
    if part in "/:" or (part.startswith("[") and re.search(part, "/:")):
        raise Unsayable("site-regex")
    return part


def _ranges_rise(source: str) -> bool:
    try:
        re.compile(source)
    except re.error:  # `[z-a]`
        return False
    return True


class _Parser:
    """A recursive descent over JavaScript's syntax; each method returns the alternatives of what it read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def alternatives(self) -> list[str]:
        """Read up to a closing parenthesis or the end: sequences between bars."""
        found = self.sequence()
        while self._peek() == "|":
            self.at += 1
            found = _bounded([*found, *self.sequence()])
        return found

    def sequence(self) -> list[str]:
        """Read atoms, each with its quantifier."""
        found = [""]
        while self._peek() not in ("", "|", ")"):
            atoms = self._quantified(self.atom())
            found = _bounded([before + atom for before in found for atom in atoms])
        return found

    def atom(self) -> list[str]:
        """Read one character, class, group or anchor."""
        char = self.source[self.at]
        if char == "(":
            return self._group()
        if char == "[":
            return [self._class()]
        if char == "\\":
            return [self._escape()]
        if char in "*+?":
            raise Unsayable("regex")
        self.at += 1
        if char in "{}]":
            return ["\\" + char]
        return [char]

    def _group(self) -> list[str]:
        self.at += 1
        if self._peek() == "?":
            if self.source[self.at : self.at + 2] != "?:":
                raise Unsayable("regex")
            self.at += 2
        inside = self.alternatives()
        if self._peek() != ")":
            raise Unsayable("regex")
        self.at += 1
        return [f"({each})" if each not in ("", "^", "$") else each for each in inside]

    def _class(self) -> str:
        match = _CLASS.match(self.source, self.at)
        if match is None or not match[2]:
            raise Unsayable("regex")
        self.at = match.end()
        inside = _CLASS_DASH.sub(r"\1\\-", match[2]).replace("[", r"\[")
        return f"[{match[1]}{_CLASS_ESCAPE.sub(_in_class, inside)}]"

    def _escape(self) -> str:
        letter = self.source[self.at + 1 : self.at + 2]
        self.at += 2
        if letter in _CLASSES:
            return f"[{_CLASSES[letter]}]"
        if letter.lower() in _CLASSES and letter:
            return f"[^{_CLASSES[letter.lower()]}]"
        if not letter or letter.isalnum():
            raise Unsayable("regex")
        return letter if letter in "/-_%&=#,;:!@ '\"~`<>" else "\\" + letter

    def _quantified(self, atoms: list[str]) -> list[str]:
        """Apply the quantifier that follows, if any. `?` behind one (lazy) does not change what matches."""
        if (found := read_quantifier(self.source, self.at)) is None:
            return atoms
        least, most, self.at = found
        return _repeated(atoms, least, most)

    def _peek(self) -> str:
        return self.source[self.at : self.at + 1]


def _in_class(match: re.Match[str]) -> str:
    letter = match[1]
    if letter in _CLASSES:
        return _CLASSES[letter]
    if letter.isalnum():
        raise Unsayable("regex")
    return match[0]


def _repeated(atoms: list[str], least: int, most: int) -> list[str]:
    if max(least, most) > 64 or any(atom in ("^", "$", "") or atom.startswith("(^") for atom in atoms):
        raise Unsayable("regex")
    if len(atoms) > 1:  # WebKit cannot choose between them anew at each turn
        if most == 1:
            return ["", *atoms]
        if most == least and most * len(atoms) <= MAX_FILTERS:
            found = [""]
            for _ in range(most):
                found = _bounded([before + atom for before in found for atom in atoms])
            return found
        raise Unsayable("regex")
    atom = atoms[0]
    if most < 0:
        return [atom * (least - 1) + atom + "+"] if least else [atom + "*"]
    return [atom * least + (atom + "?") * (most - least)]


def _bounded(alternatives: list[str]) -> list[str]:
    if len(alternatives) > MAX_FILTERS:
        raise Unsayable("regex")
    return alternatives
