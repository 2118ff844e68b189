"""Messages written: sections with compressed names, and replies cut to what the client can take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from blockctl.dns.wire import (
    AD,
    CD,
    HEADER,
    LARGEST,
    LAYOUTS,
    MAX_MESSAGE,
    NAME,
    OPT,
    PAIR,
    QR,
    RA,
    RD,
    RECORD,
    TC,
    MalformedMessage,
    Query,
    Question,
    Record,
    read_section,
)  # fmt: skip

PADDING = 12  # RFC 7830
PADDING_BLOCK = 468  # RFC 8467, section 4.1
_OPCODE = 0x7800
_COMPRESSED = frozenset((2, 5, 6, 7, 8, 9, 12, 14, 15))  # only what RFC 1035 defines (RFC 3597, section 4)
_POINTABLE = 0x4000
_TO_QUESTION = (0xC000 | HEADER.size).to_bytes(2, "big")

Options = tuple[tuple[int, bytes], ...]


class Sections(NamedTuple):
    """What stands behind a question: the records of an answer and of its authority, compressed towards that question.

    Pointers lead to the question's name, so the same sections fit behind it in any capitals.
    """

    body: bytes = b""
    end: int = 0  # where the answer ends and the authority begins
    answers: int = 0
    authorities: int = 0
    ttls: tuple[int, ...] = ()  # where TTLs stand

    @classmethod
    def read(cls, body: bytes, end: int, answers: int, authorities: int) -> Sections:
        """Return sections that were written before: where their TTLs stand is found again."""
        at, ttls = 0, list[int]()
        for _ in range(answers + authorities):
            while 0 < body[at] < 64:
                at += 1 + body[at]
            at += 2 if body[at] else 1
            ttls.append(at + PAIR.size)
            at += RECORD.size + int.from_bytes(body[at + 8 : at + 10], "big")
        return cls(body, end, answers, authorities, tuple(ttls))

    def answered(self, question: Question) -> list[Record]:
        """Return the records of the answer again."""
        start = HEADER.size + len(question.asked) + PAIR.size
        wire = bytes(HEADER.size) + question.name + bytes(PAIR.size) + self.body
        return read_section(wire, start, self.answers)[0]

    def records(self, question: Question) -> tuple[list[Record], list[Record]]:
        """Return all records again."""
        start = HEADER.size + len(question.asked) + PAIR.size
        wire = bytes(HEADER.size) + question.name + bytes(PAIR.size) + self.body
        answer, at = read_section(wire, start, self.answers)
        return answer, read_section(wire, at, self.authorities)[0]

    def aged(self, seconds: int) -> Sections:
        """Return the same with every TTL lowered."""
        if not seconds:
            return self
        body = bytearray(self.body)
        for at in self.ttls:
            left = int.from_bytes(body[at : at + 4], "big") - seconds
            body[at : at + 4] = max(0, left).to_bytes(4, "big")
        return Sections(bytes(body), self.end, self.answers, self.authorities, self.ttls)

    def lasting(self, seconds: int) -> Sections:
        """Return the same with every TTL set."""
        body = bytearray(self.body)
        for at in self.ttls:
            body[at : at + 4] = seconds.to_bytes(4, "big")
        return Sections(bytes(body), self.end, self.answers, self.authorities, self.ttls)


NOTHING = Sections()


def write_sections(question: Question, answer: Iterable[Record], authority: Iterable[Record] = ()) -> Sections:
    """Write records to stand behind a question; MalformedMessage where no message holds them."""
    writer = _Writer(question)
    answers = sum(map(writer.add, answer))
    end = len(writer.body)
    authorities = sum(map(writer.add, authority))
    if writer.start + len(writer.body) > MAX_MESSAGE - PADDING_BLOCK:
        raise MalformedMessage("too long for a message")
    return Sections(bytes(writer.body), end, answers, authorities, tuple(writer.ttls))


class _Writer:
    def __init__(self, question: Question) -> None:
        self.start = HEADER.size + len(question.asked) + PAIR.size
        self.body = bytearray()
        self.ttls: list[int] = []
        self._question = question.name
        self._places: dict[bytes, int] = {}

    def add(self, record: Record) -> int:
        """Append a record; return 1, the number of records."""
        owner, kind, klass, ttl, rdata = record
        self._name(owner)
        self.ttls.append(len(self.body) + PAIR.size)
        self.body += RECORD.pack(kind, klass, ttl, len(rdata))
        if kind in _COMPRESSED:
            self._compress(LAYOUTS[kind], rdata)
        else:
            self.body += rdata
        return 1

    def _compress(self, layout: tuple[int, ...], rdata: bytes) -> None:
        start = len(self.body)
        at = 0
        for part in layout:
            end = at + part
            if part == NAME:
                end = at
                while length := rdata[end]:
                    end += 1 + length
                end += 1
                self._name(rdata[at:end])
            else:
                self.body += rdata[at:end]
            at = end
        self.body[start - 2 : start] = (len(self.body) - start).to_bytes(2, "big")

    def _name(self, name: bytes) -> None:
        lower = name.lower()
        if lower == self._question and len(lower) > 1:
            self.body += _TO_QUESTION
            return
        if not self._places:
            self._remember(self._question, HEADER.size)
        at = 0
        while name[at]:
            place = self._places.get(lower[at:])
            if place is not None:
                self._remember(lower, self.start + len(self.body), at)
                self.body += name[:at] + (0xC000 | place).to_bytes(2, "big")
                return
            at += 1 + name[at]
        self._remember(lower, self.start + len(self.body))
        self.body += name

    def _remember(self, name: bytes, place: int, end: int = MAX_MESSAGE) -> None:
        at = 0
        while at < end and name[at] and place + at < _POINTABLE:
            self._places.setdefault(name[at:], place + at)
            at += 1 + name[at]


def reply(
    query: Query,
    rcode: int,
    sections: Sections = NOTHING,
    options: Options = (),
    *,
    datagram: bool = True,
    padded: bool = False,
    authentic: bool = False,
) -> tuple[bytes, tuple[int, ...]]:
    """Return the answer to a query and where its TTLs stand.

    What does not fit goes first where it is missed least: the options' texts, an authority that proves nothing that
    was asked for, then everything, with TC set (RFC 2181, section 9). An OPT is in it where the query has one.
    """
    flags = QR | RA | query.flags & (_OPCODE | RD | CD) | rcode & 15
    question = query.question.wire if query.question else b""
    limit = query.size if datagram else MAX_MESSAGE
    opt = _opt(query, rcode, options) if query.edns is not None else b""
    start = HEADER.size + len(question)
    if start + len(sections.body) + len(opt) > limit:
        sections, opt, whole = _cut(query, rcode, sections, options, limit - start)
        flags |= 0 if whole else TC
    if authentic and not flags & TC and (query.dnssec or query.flags & AD):
        flags |= AD
    counts = (int(bool(question)), sections.answers, sections.authorities, int(bool(opt)))
    wire = b"".join((HEADER.pack(query.id, flags, *counts), question, sections.body, opt))
    if padded:
        wire = _pad(wire, len(opt))
    return wire, tuple([start + at for at in sections.ttls])


def _cut(query: Query, rcode: int, sections: Sections, options: Options, room: int) -> tuple[Sections, bytes, bool]:
    """Return what fits into the octets behind the question, and whether no record was lost that was asked for."""
    left = room - len(sections.body)
    opt = b""
    for few in (tuple((code, data[:2]) for code, data in options), ()) if query.edns is not None else ():
        opt = _opt(query, rcode, few)
        if len(opt) <= left:
            return sections, opt, True
    if sections.answers and not query.dnssec and sections.end + len(opt) <= room:
        kept = tuple(at for at in sections.ttls if at < sections.end)
        return Sections(sections.body[: sections.end], sections.end, sections.answers, 0, kept), opt, True
    return NOTHING, opt, False


def _opt(query: Query, rcode: int, options: Options) -> bytes:
    data = b"".join(PAIR.pack(code, len(value)) + value for code, value in options)
    return b"\0" + RECORD.pack(OPT, LARGEST, (rcode >> 4) << 24 | query.dnssec << 15, len(data)) + data


def _pad(wire: bytes, opt: int) -> bytes:
    """Return a message with its OPT, which is the last record, lengthened so that only few lengths are seen outside."""
    missing = -(len(wire) + PAIR.size) % PADDING_BLOCK
    at = len(wire) - opt + 9  # where the length of the OPT's data stands
    length = int.from_bytes(wire[at : at + 2], "big") + PAIR.size + missing
    return wire[:at] + length.to_bytes(2, "big") + wire[at + 2 :] + PAIR.pack(PADDING, missing) + bytes(missing)


def malformed(wire: bytes) -> bytes:
    """Return FORMERR for what could not be read, with no question: it may be what is wrong."""
    number, flags = PAIR.unpack_from(wire)
    return HEADER.pack(number, QR | RA | flags & (_OPCODE | RD | CD) | 1, 0, 0, 0, 0)


def question_of(name: bytes, kind: int, *, dnssec: bool, unchecked: bool) -> bytes:
    """Return a query for an upstream, with id 0; it is asked whether it validated (RFC 6840, section 5.7)."""
    flags = RD | AD | (CD if unchecked else 0)
    opt = b"\0" + RECORD.pack(OPT, LARGEST, dnssec << 15, 0)
    return HEADER.pack(0, flags, 1, 0, 0, 1) + name + PAIR.pack(kind, 1) + opt
