"""Names in messages (RFC 1035, section 4.1.4) and as text: a length octet before each label, a zero at the end."""

from __future__ import annotations

import re

MAX_NAME = 255  # RFC 1035, section 2.3.4, in octets
FIRST = 12  # where the first name of a message stands
MOST_POINTERS = 128  # of one name: it has at most 127 labels, and each, and the end, may stand elsewhere


class MalformedMessage(ValueError):  # noqa: N818 - it is what came
    """What came is no DNS message; `owed` says whether its sender is told so (FORMERR) or hears nothing."""

    def __init__(self, what: str, *, owed: bool = True) -> None:
        super().__init__(what)
        self.owed = owed


def read_name(wire: bytes, at: int) -> tuple[bytes, int]:
    """Return a name with its pointers followed, in the case it is written in, and where it ends."""
    name = b""
    start = before = at  # a pointer leads back, ever further: so none leads round
    end = pointers = 0
    try:
        while octet := wire[at]:
            if octet < 64:
                at += 1 + octet
                if at - start >= MAX_NAME:
                    raise MalformedMessage("a name is too long")
                continue
            if octet < 192:
                raise MalformedMessage("a name is of an unknown form")
            name += wire[start:at]
            end = end or at + 2
            start = at = (octet & 63) << 8 | wire[at + 1]
            if not FIRST <= at < before or len(name) >= MAX_NAME:
                raise MalformedMessage("a pointer does not lead back, or a name is too long")
            before = at
            pointers += 1
            if pointers > MOST_POINTERS:  # else one message of 64 KB, a chain with 4,000 names at it, takes 11 s
                raise MalformedMessage("a name of too many pointers")
    except IndexError:
        raise MalformedMessage("a name is cut off") from None
    name += wire[start : at + 1]
    if len(name) > MAX_NAME:
        raise MalformedMessage("a name is too long")
    return name, end or at + 1


def name_text(name: bytes) -> str:
    """Return a name as text without its closing dot, "" for the root; odd octets as RFC 4343, section 2.1, has them."""
    labels = []
    at = 0
    while length := name[at]:
        label = name[at + 1 : at + 1 + length]
        labels.append(label.decode("ascii") if _PLAIN.fullmatch(label) else "".join(map(_escaped, label)))
        at += 1 + length
    return ".".join(labels)


_PLAIN = re.compile(rb"[A-Za-z0-9_-]+")


def _escaped(octet: int) -> str:
    return f"\\{chr(octet)}" if octet in b".\\" else chr(octet) if 33 <= octet < 127 else f"\\{octet:03d}"


_LABEL = re.compile(r"(?:[^.\\]|\\[0-9]{3}|\\[^0-9])+")
_ESCAPE = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)


def name_wire(text: str) -> bytes:
    """Return a name in wire form, in the case it is written in; ValueError where it is none."""
    rest = text.removesuffix(".") if not text.endswith("\\.") else text
    pieces = []
    while rest:
        match = _LABEL.match(rest)
        rest = rest[match.end() :] if match else "."
        label = _ESCAPE.sub(_unescaped, match[0]).encode("latin-1") if match else b""
        if not 0 < len(label) < 64 or (rest and (rest[0] != "." or rest == ".")):
            raise ValueError(f"not a name: {text!r}")
        pieces.append(bytes((len(label),)) + label)
        rest = rest[1:]
    name = b"".join(pieces) + b"\0"
    if len(name) > MAX_NAME:
        raise ValueError(f"not a name: {text!r}")
    return name


def _unescaped(match: re.Match[str]) -> str:
    return chr(min(255, int(match[1]))) if match[1].isdigit() and len(match[1]) == 3 else match[1]
