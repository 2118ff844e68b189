"""Which CSS selectors WebKit surely reads: one it cannot read drops its whole rule without a word.

A grammar of Selectors Level 4 as far as filter lists use it, with the pseudo-classes WebKit knows. What is not in it
becomes a gap. `:has()` inside `:has()` and namespaces are left out; WebKit reads neither.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_SELECTOR = 4000  # characters

_IDENTIFIER = r"(?:--|-?(?:[A-Za-z_\u0080-\U0010ffff]|\\[^\n0-9a-fA-F]|\\[0-9a-fA-F]{1,6}[ ]?))" + (
    r"(?:[A-Za-z0-9_\u0080-\U0010ffff-]|\\[^\n0-9a-fA-F]|\\[0-9a-fA-F]{1,6}[ ]?)*"
)
_STRING = r'(?:"(?:[^"\\\n]|\\[^\n])*"|' + r"'(?:[^'\\\n]|\\[^\n])*')"
_ATTRIBUTE = rf"\[[ ]*{_IDENTIFIER}[ ]*(?:[~|^$*]?=[ ]*(?:{_STRING}|{_IDENTIFIER})[ ]*(?:[iIsS][ ]*)?)?\]"
_SIMPLE = rf"(?:[.#]{_IDENTIFIER}|{_ATTRIBUTE})"
_COMPOUND = rf"(?:(?:\*|{_IDENTIFIER}){_SIMPLE}*|{_SIMPLE}+)"
_PLAIN = re.compile(rf"{_COMPOUND}(?:(?:[ ]*[>+~,][ ]*|[ ]+){_COMPOUND})*")
_TYPE = re.compile(rf"\*|{_IDENTIFIER}")
_ONE = re.compile(_SIMPLE)
_PSEUDO = re.compile(r"(::?)([A-Za-z-]+)(\()?")
_COMBINATOR = re.compile(r"[ ]*([>+~])[ ]*|[ ]+")
_NTH = re.compile(r"[ ]*(?:odd|even|[+-]?[0-9]*n(?:[ ]*[+-][ ]*[0-9]+)?|[+-]?[0-9]+)[ ]*", re.IGNORECASE)
_LANGUAGE = re.compile(rf"[ ]*(?:{_IDENTIFIER}|{_STRING})[ ]*")

_CLASSES = frozenset(
    """
    active any-link checked default defined disabled empty enabled first-child first-of-type focus focus-visible
    focus-within fullscreen hover in-range indeterminate invalid last-child last-of-type link only-child only-of-type
    optional out-of-range placeholder-shown read-only read-write required root scope target valid visited
    """.split()  # noqa: SIM905
)
_ELEMENTS = frozenset(("after", "before", "first-letter", "first-line", "placeholder", "marker", "selection"))
_OLD_ELEMENTS = frozenset(("after", "before", "first-letter", "first-line"))
_LISTS = frozenset(("is", "not", "where"))
_NTHS = frozenset(("nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"))


@lru_cache(maxsize=65536)
def is_sound(selector: str) -> bool:
    """Whether WebKit surely reads this selector, or list of selectors."""
    if len(selector) > MAX_SELECTOR or not selector or selector[0] == " ":
        return False
    if _PLAIN.fullmatch(selector):
        return True
    if any(char in selector for char in "\n\r\t\f\0"):
        return False
    try:
        return _Reader(selector).selectors(relative=False, depth=0) == len(selector)
    except _NoSelectorError:
        return False


class _NoSelectorError(Exception):
    pass


class _Reader:
    """A recursive descent over a selector; `at` is the place reached."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.in_has = False

    def selectors(self, relative: bool, depth: int) -> int:
        """Read a list of selectors; return the place behind it."""
        if depth > 8:
            raise _NoSelectorError
        while True:
            self._spaces()
            self._complex(relative, depth)
            self._spaces()
            if self.text[self.at : self.at + 1] != ",":
                return self.at
            self.at += 1

    def _complex(self, relative: bool, depth: int) -> None:
        if relative and self.text[self.at : self.at + 1] in (">", "+", "~"):
            self.at += 1
            self._spaces()
        while True:
            ended = self._compound(depth)
            before = self.at
            match = _COMBINATOR.match(self.text, self.at)
            if match is None:
                return
            self.at = match.end()
            if match[1] is None and self.text[self.at : self.at + 1] in ("", ",", ")"):
                self.at = before
                return
            if ended:  # nothing lies below a pseudo-element
                raise _NoSelectorError

    def _compound(self, depth: int) -> bool:
        """Read what is about one element; return whether it ended in a pseudo-element."""
        start = self.at
        if match := _TYPE.match(self.text, self.at):
            self.at = match.end()
        while True:
            if match := _ONE.match(self.text, self.at):
                self.at = match.end()
            elif match := _PSEUDO.match(self.text, self.at):
                self.at = match.end()
                if self._pseudo(match[1], match[2].lower(), bool(match[3]), depth):
                    return True
            else:
                break
        if self.at == start:
            raise _NoSelectorError
        return False

    def _pseudo(self, colons: str, name: str, function: bool, depth: int) -> bool:
        if not function:
            element = name in (_ELEMENTS if colons == "::" else _OLD_ELEMENTS)
            if not element and (colons == "::" or name not in _CLASSES):
                raise _NoSelectorError
            if element and depth:
                raise _NoSelectorError
            return element
        if colons == "::":
            raise _NoSelectorError
        self._function(name, depth)
        if self.text[self.at : self.at + 1] != ")":
            raise _NoSelectorError
        self.at += 1
        return False

    def _function(self, name: str, depth: int) -> None:
        if name in _LISTS:
            self.selectors(relative=False, depth=depth + 1)
        elif name == "has" and not self.in_has:
            self.in_has = True
            self.selectors(relative=True, depth=depth + 1)
            self.in_has = False
        elif (match := (_NTH if name in _NTHS else _LANGUAGE).match(self.text, self.at)) and name in (*_NTHS, "lang"):
            self.at = match.end()
        else:
            raise _NoSelectorError

    def _spaces(self) -> None:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
