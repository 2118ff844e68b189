"""From the bytes of a list to its text: marks, encodings and line ends, whatever a server or an editor left."""

from __future__ import annotations

import codecs

MAX_BYTES = 128 << 20  # of a whole list; the longest public lists have some 60 MB
MAX_LINE = 1 << 16  # characters; what is longer is no rule of any format

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes) -> str:
    """Return the text of a list, its lines ended by a newline only. Never raises.

    A byte order mark is dropped (UTF-16 is read by its mark); bytes that are no UTF-8, and NUL, become U+FFFD,
    which is in no name, so that the line is refused and not silently mended.
    """
    if data.startswith(_UTF16):
        text = data.decode("utf-16", "replace")
    else:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text


def plain_bytes(data: bytes) -> bytes:
    """Return bytes whose lines are those of `decode(data)`, without decoding them where that is not needed."""
    if b"\r" in data or data.startswith(_UTF16):
        return decode(data).encode("utf-8", "replace")
    return data.removeprefix(codecs.BOM_UTF8)


def decode_line(data: bytes) -> str:
    """Return the text of a line out of `plain_bytes`: what looks like a mark there is part of the line."""
    text = data.decode("utf-8", "replace")
    return text.replace("\0", "\ufffd") if "\0" in text else text
