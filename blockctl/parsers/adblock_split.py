"""Where the options of a network filter begin, and where each of them ends."""

from __future__ import annotations

import re

from blockctl.parsers.adblock_names import KNOWN

_QUOTES = ("'", '"', "`")  # uBO takes values with commas between them
_QUOTED = re.compile("=[\"'`]")
_COMMA = re.compile(r"(?<!\\),")
_SLASH = re.compile(r"(?<!\\)/")
_NEXT_REGEX = re.compile(r"(?<!\\)\|(?=~?/)")
_NAME = re.compile(r"\s*~?([A-Za-z0-9_-]+)\s*(?:=|,|$)")


def options_at(line: str) -> int:
    """Return where the `$` before the options stands, -1 when there are none.

    It is the last `$` behind which the name of a known option stands; where there is none, the last behind which
    stands what looks like a name, for that is a filter whose option we do not know. One that is escaped, or ends a
    regular expression, is neither.
    """
    unknown = -1
    at = line.rfind("$")
    while at >= 0:
        match = _NAME.match(line, at + 1) if at == 0 or line[at - 1] != "\\" else None
        if match and is_known(match[1].lower()):
            return at
        if match and unknown < 0:
            unknown = at
        at = line.rfind("$", 0, at)
    return unknown


def is_known(name: str) -> bool:
    """Whether an option is known in any dialect; underscores alone are padding."""
    return name in KNOWN or not name.strip("_")


def split_options(text: str) -> list[str]:
    """Split options at their commas, but not within quotes or regular expressions."""
    pieces = _COMMA.split(text)
    if "/" not in text and not _QUOTED.search(text):
        return pieces
    found: list[list[str]] = []
    slashes, quote = 0, ""  # what the value still lacks
    for piece in pieces:
        if quote:
            found[-1].append(piece)
            quote = "" if piece.endswith(quote) else quote
        elif slashes > 0:
            found[-1].append(piece)
            start = max(piece.rfind("|/"), piece.rfind("|~/"))
            slashes = slashes - _count(piece) if start < 0 else 2 - _count(piece[start:])
        else:
            found.append([piece])
            slashes, quote = _lacks(piece)
    return [",".join(parts) for parts in found]


def _lacks(option: str) -> tuple[int, str]:
    """Return how many slashes an option lacks to close its regular expressions, and the quote it lacks.

    `replace=/a/b/` has three slashes, a regular expression two.
    """
    name, _, value = option.partition("=")
    if value[:1] in _QUOTES:
        return 0, "" if len(value) > 1 and value[-1] == value[0] else value[0]
    if name in ("replace", "uritransform", "urltransform"):
        return (3 - _count(value) if value.startswith("/") else 0), ""
    if name in ("header", "requestheader", "responseheader"):
        value = value.partition(":")[2]
    last = _NEXT_REGEX.split(value)[-1].lstrip("~")
    return (2 - _count(last) if last.startswith("/") else 0), ""


def _count(text: str) -> int:
    return len(_SLASH.findall(text))
