"""The quantifiers of regular expressions in lists, which are JavaScript's (ECMA-262, section 22.2.1)."""

from __future__ import annotations

import re

_QUANTIFIER = re.compile(r"(?:([?*+])|\{([0-9]+)(?:(,)([0-9]*))?\})\??")  # a lazy one: the same addresses match
_SIGNS = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}


def read_quantifier(source: str, at: int) -> tuple[int, int, int] | None:
    """Return least, most (-1: without end) and where it ends; None where no quantifier stands."""
    found = _QUANTIFIER.match(source, at)
    if found is None:
        return None
    if found[1]:
        return *_SIGNS[found[1]], found.end()
    least = int(found[2])
    most = int(found[4]) if found[4] else -1 if found[3] else least
    return least, most, found.end()
