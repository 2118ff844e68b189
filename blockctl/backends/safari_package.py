"""The same rules as a 1Blocker package: a JSON array of packages, each rule with an identifier and a name.

Identifiers are made from the rules, so an import of the same rules again changes nothing. What hides stands before
what blocks, for 1Blocker may put all packages into one list, where `ignore-previous-rules` acts on all before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from blockctl.backends.output import Chunk

FILE = "blockctl.1blockpkg"


def wrapped(lines: Iterable[str], part: str) -> bytes:
    """Return rules, each with its identifier and a number for a name, ready to stand in a package."""
    return b",\n".join(
        f'{{"id":"{_identifier(line)}","name":"{part} {number}","content":{line}}}'.encode("ascii")
        for number, line in enumerate(lines, start=1)
    )


def package(name: str, rules: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield a package of rules that were wrapped before."""
    yield f'{{"id":"{_identifier(name)}","name":"{name}","rules":['.encode("ascii")
    yield from joined(rules)
    yield b"]}"


def joined(parts: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the parts that are not empty, with commas between."""
    first = True
    for part in parts:
        if part:
            yield b"\n" if first else b",\n"
            yield part
            first = False


def _identifier(text: str) -> str:
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
