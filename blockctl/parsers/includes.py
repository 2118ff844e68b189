"""What an adblock list includes, without reading the rest of it."""

from __future__ import annotations

from blockctl.parsers.adblock_directives import Directives
from blockctl.parsers.text import decode

MARK = b"!#include"


def includes(data: bytes) -> list[str]:
    """Return the names that a list's text includes, in their order, as its parser finds them."""
    if MARK not in data:
        return []
    directives = Directives()
    for number, line in enumerate(decode(data).split("\n"), start=1):
        if line.startswith("!#"):
            directives.take(line, number)
    return list(dict.fromkeys(directives.includes))
