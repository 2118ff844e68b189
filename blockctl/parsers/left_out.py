"""A list without some of its lines, which the user does not accept."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from blockctl.parsers.text import plain_bytes

_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"  # what `str.strip` takes away, as far as it is ASCII


def leave_out(data: bytes, lines: Collection[str]) -> bytes:
    """Return a list's text with every line that is one of these made empty, so that the others keep their numbers."""
    if not lines:
        return data
    unwanted = {*_keys(line.encode("utf-8", "replace") for line in lines)}
    texts = plain_bytes(data).split(b"\n")
    return b"\n".join([b"" if key in unwanted else line for key, line in zip(_keys(texts), texts, strict=True)])


def still_there(data: bytes, lines: Collection[str]) -> tuple[str, ...]:
    """Return those of the lines that a text has, in their order."""
    if not lines:
        return ()
    present = {*_keys(plain_bytes(data).split(b"\n"))}
    wanted = zip(lines, _keys(line.encode("utf-8", "replace") for line in lines), strict=True)
    return tuple(line for line, key in wanted if key in present)


def line_text(line: bytes) -> str:
    """Return a line as people read it, and as it is left out."""
    return line.decode("utf-8", "replace").strip()


def _keys(lines: Iterable[bytes]) -> list[bytes]:
    """Return what lines have in common that people read alike; most lines need not be decoded for that."""
    return [line.strip(_SPACE) if line.isascii() else line_text(line).encode() for line in lines]
