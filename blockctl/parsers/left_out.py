"""A list without some of its lines, which the user does not accept."""

from __future__ import annotations

from collections.abc import Collection

from blockctl.parsers.text import plain_bytes


def leave_out(data: bytes, lines: Collection[str]) -> bytes:
    """Return a list's text with every line that is one of these made empty, so that the others keep their numbers."""
    if not lines:
        return data
    unwanted = {line.strip().encode("utf-8", "replace") for line in lines}
    return b"\n".join(b"" if line.strip() in unwanted else line for line in plain_bytes(data).split(b"\n"))


def still_there(data: bytes, lines: Collection[str]) -> tuple[str, ...]:
    """Return those of the lines that a text has, in their order."""
    if not lines:
        return ()
    present = {line.strip() for line in plain_bytes(data).split(b"\n")}
    return tuple(line for line in lines if line.strip().encode("utf-8", "replace") in present)
