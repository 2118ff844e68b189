"""A question as it goes to an upstream, and the checks that its answer must pass. All on the bytes."""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_address

OPT = 41
PADDING = 12  # option, RFC 7830
PADDED_TO = 128  # bytes, for queries: RFC 8467, section 4.1
ROOM = 1232  # bytes of an answer by UDP that no network cuts

# Each byte of a name in wire form to the bit that turns the case of a letter; lengths are below every letter.
_LETTERS = bytes(0x20 if chr(each).isascii() and chr(each).isalpha() else 0 for each in range(256))

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
POOR = frozenset((FORMERR, SERVFAIL, NOTIMP, REFUSED))  # another upstream may do better
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")


class Check(Enum):
    """What an answer is worth."""

    GOOD = "good"
    POOR = "poor"  # it says that it does not know
    CUT = "cut"  # TC: all of it is to be had by TCP
    CASE = "the letters of the question come back in another case"
    OTHER = "the answer is to another question"
    BROKEN = "the answer is not a DNS message"


def question_end(wire: bytes) -> int:
    """Return where the one question of a message ends; 0 where there is none, or not a whole one."""
    at, size = 12, len(wire)
    while at < size and (length := wire[at]):
        if length > 63:
            return 0
        at += length + 1
    return at + 5 if at + 5 <= size else 0


def mix_case(wire: bytes, end: int, noise: bytes) -> bytes:
    """Return the query with letters of its name turned where `noise` has a bit set (0x20); `end` is the question's.

    Who forges an answer must guess them too (draft-vixie-dnsext-dns0x20).
    """
    name = wire[12 : end - 4]
    size = len(name)
    turned = int.from_bytes(name.translate(_LETTERS), "big") & int.from_bytes(noise[:size], "big")
    mixed = (int.from_bytes(name, "big") ^ turned).to_bytes(size, "big")
    return b"".join((wire[:12], mixed, wire[end - 4 :]))


def check(sent: bytes, end: int, answer: bytes, case: bool = True) -> Check:
    """Say what an answer is worth to the query that was sent, whose question ends at `end`.

    The id is the connection's, and looked at there. `case`: the letters must come back as they were sent.
    """
    if len(answer) < 12 or not answer[2] & 0x80 or (answer[2] ^ sent[2]) & 0x78:  # QR, opcode
        return Check.BROKEN
    rcode = answer[3] & 15
    if answer[4:6] == b"\0\0" and rcode in POOR:  # some say no without repeating the question
        return Check.POOR
    if answer[4:6] != b"\0\1" or len(answer) < end:
        return Check.BROKEN
    if answer[12:end] != sent[12:end]:
        if answer[12 : end - 4].lower() != sent[12 : end - 4].lower() or answer[end - 4 : end] != sent[end - 4 : end]:
            return Check.OTHER
        if case:
            return Check.CASE
    if answer[2] & 2:
        return Check.CUT
    return Check.POOR if rcode in POOR else Check.GOOD


def restore(query: bytes, end: int, answer: bytes) -> bytes:
    """Return an accepted answer with the id and the question as they were before the sender changed them."""
    if answer[4:6] == b"\0\0":
        return query[:2] + answer[2:]
    return b"".join((query[:2], answer[2:12], query[12:end], answer[end:]))


def pad(wire: bytes) -> bytes:
    """Return a query of a multiple of 128 bytes: its size says nothing of the name (RFC 8467).

    Its OPT record, which stands last, is given the padding; one is added where there is none.
    """
    at = _last_record(wire)
    if at < 0:
        return wire
    if at == len(wire):
        count = int.from_bytes(wire[10:12], "big") + 1
        wire = wire[:10] + count.to_bytes(2, "big") + wire[12:] + b"\0\0\x29" + ROOM.to_bytes(2, "big") + bytes(6)
    elif wire[at : at + 3] != b"\0\0\x29":
        return wire
    length = int.from_bytes(wire[at + 9 : at + 11], "big")
    fill = -(len(wire) + 4) % PADDED_TO
    option = PADDING.to_bytes(2, "big") + fill.to_bytes(2, "big") + bytes(fill)
    return wire[: at + 9] + (length + 4 + fill).to_bytes(2, "big") + wire[at + 11 :] + option


def without_edns(query: bytes, end: int) -> bytes:
    """Return a query without its OPT record, for upstreams that do not know it (RFC 6891, section 7)."""
    return query[:10] + b"\0\0" + query[12:end]


def _last_record(wire: bytes) -> int:
    """Return where the last record of a query begins; its end where there is none, -1 where it is not to be read."""
    at = question_end(wire)
    if not at:
        return -1
    count = sum(int.from_bytes(wire[each : each + 2], "big") for each in (6, 8, 10))
    start = at
    for _ in range(count):
        start = at
        at = skip_record(wire, at)
        if at < 0:
            return -1
    return start if at == len(wire) else -1


def skip_name(wire: bytes, at: int) -> int:
    """Return where a name ends, -1 where it does not."""
    while at < len(wire):
        length = wire[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        if length > 63:
            return -1
        at += length + 1
    return -1


def skip_record(wire: bytes, at: int) -> int:
    """Return where a record ends, -1 where it does not."""
    at = skip_name(wire, at)
    if at < 0 or at + 10 > len(wire):
        return -1
    end = at + 10 + int.from_bytes(wire[at + 8 : at + 10], "big")
    return end if end <= len(wire) else -1


def address_query(name: str, kind: int) -> bytes:
    """Return the query, with id 0, for the addresses of an upstream's name; `kind` is 1 (A) or 28 (AAAA)."""
    labels = b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split("."))
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


def read_addresses(answer: bytes, kind: int) -> list[tuple[str, int]]:
    """Return the addresses of an answer with their TTLs.

    Owners are not compared: the answer was checked against its question, and aliases lead away from that name.
    """
    found: list[tuple[str, int]] = []
    at = question_end(answer)
    for _ in range(int.from_bytes(answer[6:8], "big") if at else 0):
        data = skip_name(answer, at)
        at = skip_record(answer, at)
        if at < 0:
            break
        record_kind = int.from_bytes(answer[data : data + 2], "big")
        if record_kind == kind and at - data - 10 == (4 if kind == 1 else 16):
            ttl = int.from_bytes(answer[data + 4 : data + 8], "big")
            found.append((ip_address(answer[data + 10 : at]).compressed, ttl))
    return found
