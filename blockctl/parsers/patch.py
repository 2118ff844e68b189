"""Changes to a list that its publisher offers beside it, so that a new version need not be downloaded whole.

A patch is RCS's ("d3 1" deletes one line from the third on, "a5 2" adds the two lines below it after the fifth; lines
count as in the old text), in blocks of several lists: `diff name:NAME checksum:SHA1 lines:N`, each for the list whose
`! Diff-Path` ends in `#NAME`. The checksum is that of the new text, in full or its beginning.
The format: https://github.com/ameshkov/diffupdates
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_COMMAND = re.compile(rb"([ad])(\d{1,9}) (\d{1,9})\r?")
_SHORTEST = 8  # digits of a checksum: fewer would prove little


class PatchError(Exception):
    """The patch is none, is for another text, or does not give what it promises."""


@dataclass(frozen=True, slots=True)
class DiffPath:
    """Where the patch of a list's version is."""

    path: str  # relative to the list
    name: str  # of the list, in a patch for several


def read_path(field: str) -> DiffPath | None:
    """Read `! Diff-Path`; None when it leads away from where the list comes from."""
    path, _, name = field.strip().partition("#")
    if not path or ":" in path or path.startswith(("//", "\\")) or "\\" in path:
        return None
    return DiffPath(path, name)


def apply_patch(text: bytes, patch: bytes, name: str) -> bytes:
    """Return the new version of a list. Raises PatchError."""
    block, checksum = _block(patch, name)
    made = _edited(text, block)
    if checksum and not hashlib.sha1(made, usedforsecurity=False).hexdigest().startswith(checksum):
        raise PatchError("the patched text is not what its checksum says")
    return made


def _block(patch: bytes, name: str) -> tuple[list[bytes], str]:
    """Return the lines for a list and the checksum of what they make."""
    lines = patch.split(b"\n")
    if not lines[0].startswith(b"diff "):
        if name:
            raise PatchError(f"the patch has nothing for {name}")
        return lines, ""
    at = 0
    while at < len(lines):
        if not lines[at].startswith(b"diff "):
            at += 1
            continue
        fields = dict(word.partition(":")[::2] for word in lines[at].decode("utf-8", "replace").split()[1:])
        count = int(fields["lines"]) if fields.get("lines", "").isdecimal() and len(fields["lines"]) < 10 else -1
        checksum = fields.get("checksum", "").lower()
        if count < 0 or at + count >= len(lines) or len(checksum) < _SHORTEST:
            raise PatchError("a `diff` line of the patch is damaged")
        if fields.get("name", "") == name:
            return lines[at + 1 : at + 1 + count], checksum
        at += count + 1
    raise PatchError(f"the patch has nothing for {name or 'this list'}")


def _edited(text: bytes, block: list[bytes]) -> bytes:
    old = text.split(b"\n")
    made: list[bytes] = []
    taken = at = 0  # lines of the old text and of the block that are done with
    while at < len(block) and block[at]:
        found = _COMMAND.fullmatch(block[at])
        if found is None:
            raise PatchError("the patch is no RCS patch")
        at += 1
        place, count = int(found[2]), int(found[3])
        upto = place - 1 if found[1] == b"d" else place
        if upto < taken or (found[1] == b"d" and upto + count > len(old)) or upto > len(old):
            raise PatchError("the patch is for another version")
        made += old[taken:upto]
        taken = upto
        if found[1] == b"d":
            taken += count
        else:
            if at + count > len(block):
                raise PatchError("the patch is cut off")
            made += block[at : at + count]
            at += count
    return b"\n".join([*made, *old[taken:]])
