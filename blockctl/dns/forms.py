"""How a blocked name is answered, as pieces of bytes around the question: for the hot path.

The resolver writes the same answers record by record (`dns.reasons`); a test holds the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

BLOCKED_TTL = 5  # seconds, so that an unblocked name is seen at once

A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, NAPTR, DS, SVCB, HTTPS = 1, 2, 5, 6, 12, 15, 28, 33, 35, 43, 64, 65
# Types asked for names by plain queries. Not TXT: by it the resolver is asked why.
TYPES = (A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, NAPTR, DS, SVCB, HTTPS)

NOERROR, NXDOMAIN, REFUSED = 0, 3, 5
NULL_ADDRESS = {A: bytes(4), AAAA: bytes(16)}

# Owner: the name asked for. Then type, class, TTL, length; names of the server and the mailbox; times (RFC 2308).
_SOA_DATA = (
    b"\x08blockctl\0" + b"\0" + b"".join(number.to_bytes(4, "big") for number in (1, 3600, 600, 86400, BLOCKED_TTL))
)
_OWNER = b"\xc0\x0c"


def _record(kind: int, data: bytes) -> bytes:
    numbers = ((kind, 2), (1, 2), (BLOCKED_TTL, 4), (len(data), 2))
    return _OWNER + b"".join(number.to_bytes(size, "big") for number, size in numbers) + data


@dataclass(frozen=True, slots=True)
class Form:
    """The answer to a question of one type: by the query's header the answer's, then the question, then a tail.

    Headers are without the id. Only those of a query with one question and nothing else are here.
    """

    heads: dict[bytes, bytes]
    tail: bytes


def forms(answer: str) -> dict[bytes, Form]:
    """Return how each type is answered, alike for every name, by type and class as they stand in a question."""
    return {kind.to_bytes(2, "big") + b"\0\x01": _form(answer, kind) for kind in TYPES}


def _form(answer: str, kind: int) -> Form:
    if answer == "refused":
        return Form(_heads(REFUSED, 0, 0), b"")
    if answer == "null" and kind in NULL_ADDRESS:
        return Form(_heads(NOERROR, 1, 0), _record(kind, NULL_ADDRESS[kind]))
    return Form(_heads(NXDOMAIN if answer == "nxdomain" else NOERROR, 0, 1), _record(SOA, _SOA_DATA))


def _heads(rcode: int, answers: int, authority: int) -> dict[bytes, bytes]:
    """Return the header of the answer by that of the query: RD and CD are copied, AD is not."""
    heads = {}
    for recursion, authentic, unchecked in product((0, 1), (0, 0x20), (0, 0x10)):
        asked = bytes((recursion, authentic | unchecked, 0, 1, 0, 0, 0, 0, 0, 0))
        heads[asked] = bytes((0x80 | recursion, 0x80 | unchecked | rcode, 0, 1, 0, answers, 0, authority, 0, 0))
    return heads
