"""Which regular expressions SafariConverterLib takes: those that Safari's content blocker compiles as they stand.

It takes an expression as it is written or drops the line; nothing is unrolled there. Sources: Apple, "Creating a
content blocker" (capture URLs by pattern), and the converter's `SafariRegex.isSupported`, whose rules these are:
ASCII; before a mark of its own a backslash, before nothing else; no alternatives and no counts; `^` and `$` at the
edges only; one quantifier at most, behind a character, a class or a group; balanced brackets, no `[` in a class.
"""

from __future__ import annotations

import re

_ESCAPE = r"\\[.*+?/\[\]()|{}^$\\]"
_CLASS = rf"\[(?:{_ESCAPE}|[^\\\[\]])*\]"
_SUPPORTED = re.compile(rf"\^?(?:(?:{_ESCAPE}|{_CLASS}|[^\\\[\](){{}}|^$*+?])[*+?]?|\(|\)[*+?]?)*\$?", re.ASCII)
_BRACKET = re.compile(rf"{_ESCAPE}|{_CLASS}|([()])")


def is_supported(source: str) -> bool:
    """Whether an expression, without its slashes, reaches Safari."""
    if not source.isascii() or not _SUPPORTED.fullmatch(source):
        return False
    depth = 0
    for found in _BRACKET.finditer(source):
        depth += {"(": 1, ")": -1, None: 0}[found[1]]
        if depth < 0:
            return False
    return depth == 0
