"""The serial number of a zone that is written again and again: a new one for other records, the same for the same.

Secondaries compare serials by the arithmetic of RFC 1982: what is not greater is not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from blockctl.io.files import Chunk, holds, write_file

AUTO = "auto"  # the option: the serial follows the records
_SOA = re.compile(rb"(@ SOA \S+ \S+ )([0-9]{1,10})( )")  # as our zones begin
_HEAD = 4096  # bytes within which it stands
_HALF = 1 << 31


def settle(path: Path | None, chunks: Sequence[Chunk], moment: float) -> list[Chunk]:
    """Return a zone with its serial: that of the file at `path` where only the serial differs, else the next.

    `moment`, in seconds since 1970, is the serial where it is greater than the one before.
    """
    before = serial_of(path) if path else None
    if before is not None and path is not None:
        same = with_serial(chunks, before)
        if holds(path, same):
            return same
    return with_serial(chunks, following(before, moment))


def serial_of(path: Path) -> int | None:
    """Return the serial of a zone of ours; None where there is none."""
    try:
        with path.open("rb") as file:
            found = _SOA.search(file.read(_HEAD))
    except OSError:
        return None
    return int(found[2]) if found else None


def with_serial(chunks: Sequence[Chunk], serial: int) -> list[Chunk]:
    """Return a zone with another serial."""
    found = list(chunks)
    for at, chunk in enumerate(found):
        head = bytes(chunk[:_HEAD])
        if _SOA.search(head):
            found[at] = _SOA.sub(rb"\g<1>%d\g<3>" % serial, head, count=1)
            found.insert(at + 1, memoryview(chunk)[_HEAD:])
            return found
    raise AssertionError("a zone of ours begins with its SOA record")


def following(before: int | None, moment: float) -> int:
    """Return the serial that comes after another (RFC 1982, section 3)."""
    now = int(moment) % (1 << 32)
    if before is None:
        return now
    if 0 < (now - before) % (1 << 32) < _HALF:
        return now
    return (before + 1) % (1 << 32) or 1


def overtake(path: Path, live: int | None, moment: float) -> int:
    """Return the serial of a zone of ours, a greater one where servers have one that is ahead of it.

    So it is when the file was deleted or the clock was wrong: nobody would take the zone. Raises WorldError.
    """
    serial = serial_of(path) or 0
    if live is None or not 0 < (live - serial) % (1 << 32) < _HALF:
        return serial
    greater = following(live, moment)
    write_file(path, with_serial([path.read_bytes()], greater))
    return greater
