"""DNS messages as they travel (RFC 1035, 3597, 6891), read with distrust: any fault is a `MalformedMessage`.

Names are bytes in wire form: a length byte before each label, a zero at the end. Names in record data are written
out, so that data means the same outside its message. dnslib serves for showing records to people, nothing more:
it reads labels as text and leaks a dozen kinds of exceptions.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from blockctl.dns.labels import MalformedMessage as MalformedMessage
from blockctl.dns.labels import name_text as name_text
from blockctl.dns.labels import name_wire as name_wire
from blockctl.dns.labels import read_name as read_name
from blockctl.dns.types import TYPES

HEADER = Struct("!6H")
RECORD = Struct("!HHIH")  # type, class, TTL, length of the data
PAIR = Struct("!HH")

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, BADVERS = 0, 1, 2, 3, 4, 5, 6, 16
A, NS, CNAME, SOA, PTR, TXT, AAAA, DNAME, OPT, RRSIG, NSEC, NSEC3, SVCB, HTTPS, ANY = (
    1, 2, 5, 6, 12, 16, 28, 39, 41, 46, 47, 50, 64, 65, 255,
)  # fmt: skip
IN = 1

SMALLEST = 512  # what every client takes by UDP (RFC 1035, section 2.3.4)
LARGEST = 1232  # what we send by UDP at most: never fragmented (RFC 9715)
MAX_MESSAGE = 65535

# Where names stand in the data of the types that may hold compressed ones (RFC 1035, section 3.3; RFC 3597, section 4,
# asks to read them in some more): octets to pass, NAME, or STRING with a length before it.
NAME, STRING = -1, -2
LAYOUTS: dict[int, tuple[int, ...]] = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12, 39), (NAME,)),
    6: (NAME, NAME, 20), 14: (NAME, NAME), 17: (NAME, NAME), 15: (2, NAME), 18: (2, NAME), 21: (2, NAME), 36: (2, NAME),
    26: (2, NAME, NAME), 33: (6, NAME), 35: (4, STRING, STRING, STRING, NAME),
}  # fmt: skip
SIZES = {A: 4, AAAA: 16}  # octets of their data


class Question(NamedTuple):
    """What is asked: `asked` is the name in the client's own capitals, `name` the same in lower case."""

    asked: bytes
    name: bytes
    kind: int
    klass: int

    @property
    def wire(self) -> bytes:
        """The question as it stands in messages, 0x20 and all."""
        return self.asked + PAIR.pack(self.kind, self.klass)

    def of(self, name: bytes) -> Question:
        """Return the same question about another name."""
        return Question(name, name.lower(), self.kind, self.klass)


class Edns(NamedTuple):
    """The OPT record of a message (RFC 6891, section 6.1); options are not read where the version is not ours."""

    payload: int
    rcode: int  # the upper eight bits of the response code
    version: int
    dnssec: bool  # DO: RFC 3225
    options: tuple[tuple[int, bytes], ...] = ()


class Query(NamedTuple):
    """A message from a client. Of other operations than a query only what could be read is here."""

    id: int
    flags: int
    question: Question | None
    edns: Edns | None

    @property
    def opcode(self) -> int:
        """The operation; 0 is a query."""
        return self.flags >> 11 & 15

    @property
    def size(self) -> int:
        """The largest answer that may go out by UDP, in octets (RFC 6891, section 6.2.5)."""
        return SMALLEST if self.edns is None else max(SMALLEST, min(self.edns.payload, LARGEST))

    @property
    def dnssec(self) -> bool:
        """Whether the client wants signatures."""
        return self.edns is not None and self.edns.dnssec


class Record(NamedTuple):
    """One record; its owner is in lower case, names in its data are written out."""

    owner: bytes
    kind: int
    klass: int
    ttl: int
    rdata: bytes


class Message(NamedTuple):
    """An answer from upstream, but for its additional section, of which only OPT counts."""

    id: int
    flags: int
    question: Question | None
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    edns: Edns | None

    @property
    def rcode(self) -> int:
        """The response code with its upper bits from OPT."""
        return self.flags & 15 | (self.edns.rcode << 4 if self.edns else 0)


def read_query(wire: bytes) -> Query:
    """Read what a client sent; octets behind the last record are passed over."""
    if len(wire) < HEADER.size:
        raise MalformedMessage("shorter than a header", owed=False)
    number, flags, questions, *counts = HEADER.unpack_from(wire)
    if flags & QR:
        raise MalformedMessage("an answer where a query belongs", owed=False)
    try:
        if questions != 1:
            raise MalformedMessage(f"{questions} questions")  # RFC 9619
        question, at = _read_question(wire)
        edns = _read_records(wire, at, counts)[2] if any(counts) else None
    except MalformedMessage:
        if flags >> 11 & 15:  # another operation has sections of its own; it is only told that we know it not
            return Query(number, flags, None, None)
        raise
    return Query(number, flags, question, edns)


def read_message(wire: bytes, asked: Question | None = None) -> Message:
    """Read an answer from upstream; `asked`: what was, which is not read again where it stands there to the letter."""
    if len(wire) < HEADER.size:
        raise MalformedMessage("shorter than a header")
    number, flags, questions, *counts = HEADER.unpack_from(wire)
    if questions > 1:
        raise MalformedMessage(f"{questions} questions")
    question, at = asked, HEADER.size
    if not questions:
        question = None
    elif asked is not None and wire.startswith(expected := asked.wire, at):
        at += len(expected)
    else:
        question, at = _read_question(wire)
    answer, authority, edns = _read_records(wire, at, counts)
    return Message(number, flags, question, tuple(answer), tuple(authority), edns)


def _read_question(wire: bytes) -> tuple[Question, int]:
    asked, at = read_name(wire, HEADER.size)
    if at - HEADER.size != len(asked):
        raise MalformedMessage("a pointer in the question")
    if at + PAIR.size > len(wire):
        raise MalformedMessage("the question is cut off")
    return Question(asked, asked.lower(), *PAIR.unpack_from(wire, at)), at + PAIR.size


def _read_records(wire: bytes, at: int, counts: list[int]) -> tuple[list[Record], list[Record], Edns | None]:
    answer, at = read_section(wire, at, counts[0])
    authority, at = read_section(wire, at, counts[1]) if counts[1] else ([], at)
    edns: Edns | None = None
    for _ in range(counts[2]):
        owner, at = read_name(wire, at)
        kind, size, numbers, end = _record_head(wire, at)
        if kind == OPT:
            if edns is not None or owner != b"\0":
                raise MalformedMessage("two OPT records, or one with an owner")
            edns = _read_opt(size, numbers, wire[at + RECORD.size : end])
        at = end
    return answer, authority, edns


def read_section(wire: bytes, at: int, count: int) -> tuple[list[Record], int]:
    """Return so many records from there on, and where they end."""
    records = []
    for _ in range(count):
        owner, at = read_name(wire, at)
        kind, klass, ttl, end = _record_head(wire, at)
        if kind == OPT:
            raise MalformedMessage("an OPT record outside the additional section")
        if ttl >> 31:
            ttl = 0  # RFC 2181, section 8
        at += RECORD.size
        if SIZES.get(kind, end - at) != end - at:
            raise MalformedMessage(f"the data of a record of type {kind} have another length")
        rdata = _read_rdata(wire, at, end, kind) if kind in LAYOUTS else wire[at:end]
        records.append(Record(owner.lower(), kind, klass, ttl, rdata))
        at = end
    return records, at


def _record_head(wire: bytes, at: int) -> tuple[int, int, int, int]:
    start = at + RECORD.size
    if start > len(wire):
        raise MalformedMessage("a record is cut off")
    kind, klass, ttl, length = RECORD.unpack_from(wire, at)
    if start + length > len(wire):
        raise MalformedMessage("the data of a record are cut off")
    return kind, klass, ttl, start + length


def _read_opt(payload: int, numbers: int, data: bytes) -> Edns:
    rcode, version, flags = numbers >> 24, numbers >> 16 & 255, numbers & 0xFFFF
    options = []
    at = 0
    while at < len(data) and version == 0:
        if at + PAIR.size > len(data):
            raise MalformedMessage("an EDNS option is cut off")
        code, length = PAIR.unpack_from(data, at)
        at += PAIR.size + length
        if at > len(data):
            raise MalformedMessage("the data of an EDNS option are cut off")
        options.append((code, data[at - length : at]))
    return Edns(payload, rcode, version, bool(flags & 0x8000), tuple(options))


def _read_rdata(wire: bytes, at: int, end: int, kind: int) -> bytes:
    """Return data that may hold names with these written out; a name may point outside, but not go on there."""
    pieces = []
    for part in LAYOUTS[kind]:
        if part == NAME:
            name, at = read_name(wire, at)
            pieces.append(name)
        else:
            length = part if part > 0 else 1 + wire[at] if at < end else 1
            pieces.append(wire[at : at + length])
            at += length
        if at > end:
            break
    if at != end:
        raise MalformedMessage(f"the data of a record of type {kind} have another length")
    return b"".join(pieces)


_TYPE_NAMES = {number: name for name, number in TYPES.items()}


def kind_text(kind: int) -> str:
    """Return the name of a type; of an unknown one as RFC 3597, section 5, has it."""
    return _TYPE_NAMES.get(kind, f"TYPE{kind}")


def rdata_text(kind: int, rdata: bytes) -> str:
    """Return the data of a record for people."""
    if kind in (CNAME, NS, PTR, DNAME):
        return name_text(rdata) + "."
    from dnslib import RD, RDMAP  # type: ignore[import-untyped]  # late: 30 ms
    from dnslib.label import DNSBuffer  # type: ignore[import-untyped]

    try:
        return str(RDMAP.get(kind_text(kind), RD).parse(DNSBuffer(rdata), len(rdata)))
    except Exception:
        return f"\\# {len(rdata)} {rdata.hex()}"  # RFC 3597, section 5
