"""What an upstream's answer is worth: the records that answer the question, how long they hold, nothing else.

Only records on the way from the question's name through aliases count; an upstream's other records are dropped before
they are kept, for nobody asked for them (RFC 2181, section 5.4.1). Negative answers live as their SOA says (RFC 2308).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blockctl.dns.compose import NOTHING, Options, Sections, write_sections
from blockctl.dns.inspect import is_service
from blockctl.dns.reasons import EDE, NETWORK, UNREACHABLE, explained
from blockctl.dns.wire import (
    AD,
    CNAME,
    DNAME,
    HTTPS,
    IN,
    NOERROR,
    NSEC,
    NSEC3,
    NXDOMAIN,
    QR,
    RRSIG,
    SERVFAIL,
    SOA,
    SVCB,
    TC,
    YXDOMAIN,
    MalformedMessage,
    Message,
    Question,
    Record,
    read_message,
)

MAX_NEGATIVE = 10_800  # seconds: RFC 2308, section 5
_PROOFS = frozenset((NSEC, NSEC3, RRSIG))
_MAX_OPTIONS = 3  # of what upstream explains
_MAX_OPTION = 200  # octets of each
_OPCODE = 0x7800


@dataclass(slots=True)
class Entry:
    """An answer as the cache keeps it; times are seconds of the caller's clock."""

    rcode: int
    stored: float
    expires: float
    sections: Sections = NOTHING
    authentic: bool = False  # upstream validated it
    target: bytes = b""  # an alias that upstream did not follow: what it leads to
    notes: tuple[bytes, ...] = ()  # the data of upstream's EDE options
    failing_until: float = 0.0  # upstream failed to renew it: until then nobody is asked again, 0 when it did not
    strikes: int = 0  # of a failure: how many there were before

    @property
    def failed(self) -> bool:
        """Whether this is the memory of a failure, not an answer (RFC 9520)."""
        return self.rcode == SERVFAIL


def explanations(message: Message) -> tuple[bytes, ...]:
    """Return the data of the EDE options of an upstream, within bounds."""
    if message.edns is None:
        return ()
    found = [data[:_MAX_OPTION] for code, data in message.edns.options if code == EDE and len(data) >= 2]
    return tuple(found[:_MAX_OPTIONS])


class Spoken(NamedTuple):
    """What upstreams said: what to keep of it, the records of its answer, and what to tell the client of a failure."""

    entry: Entry
    answer: Sequence[Record] = ()
    told: Options = ()


def read_spoken(question: Question, wire: bytes | None, now: float, *, dnssec: bool, least: int, most: int) -> Spoken:
    """Read what upstreams said, None being silence. `least` and `most` are as in `digest`."""
    if wire is None:
        return Spoken(Entry(SERVFAIL, now, now), (), explained(UNREACHABLE, "no upstream answered"))
    try:
        return digest(question, read_message(wire, question), now, dnssec=dnssec, least=least, most=most)
    except MalformedMessage as fault:
        return Spoken(Entry(SERVFAIL, now, now), (), explained(NETWORK, f"upstream's answer is broken: {fault}"))


def digest(question: Question, message: Message, now: float, *, dnssec: bool, least: int, most: int) -> Spoken:
    """Return what to keep of an answer. `least` and `most` are the bounds of TTLs; the least is for answers only.

    A code other than NOERROR, NXDOMAIN and YXDOMAIN is a failure. MalformedMessage: it answers nothing of ours.
    """
    asked = message.question
    if not message.flags & QR or message.flags & _OPCODE or message.flags & TC:
        raise MalformedMessage("not an answer, or a part of one")
    if asked is not question and asked is not None and asked[1:] != question[1:]:
        raise MalformedMessage("the answer to another question")
    notes = explanations(message)
    rcode = message.rcode
    if rcode not in (NOERROR, NXDOMAIN, YXDOMAIN):
        return Spoken(Entry(SERVFAIL, now, now, notes=notes))
    if asked is None:
        raise MalformedMessage("an answer to no question")
    records, name, found = follow(question, message.answer, dnssec)
    ttl = most
    if found:
        kept = [each if least <= each.ttl <= most else _bounded(each, least, most) for each in records]
        ttl = min([record.ttl for record in kept])
        authority = [each for each in message.authority if each.kind in _PROOFS and each.klass == IN] if dnssec else []
        unfollowed = False
    else:
        kept = [_bounded(record, 0, most) for record in records]
        authority = absence(message.authority, name, dnssec, most)
        ttl = min([record.ttl for record in (*kept, *authority)], default=0)
        denied = any(record.kind == SOA for record in authority)
        if not denied and not kept:
            ttl = 0  # RFC 2308, section 5: without an SOA there is nothing to remember
        unfollowed = bool(kept) and not denied and rcode == NOERROR
    sections = write_sections(question, kept, authority)
    until = now if rcode == YXDOMAIN else now + ttl
    entry = Entry(rcode, now, until, sections, bool(message.flags & AD), name if unfollowed else b"", notes)
    return Spoken(entry, kept)


def _bounded(record: Record, least: int, most: int) -> Record:
    return record._replace(ttl=min(most, max(least, record.ttl)))


def follow(question: Question, answer: Iterable[Record], dnssec: bool) -> tuple[list[Record], bytes, bool]:
    """Return the records on the way from the question, the name at its end, and whether records asked for are there.

    A DNAME without the CNAME that it makes is given one (RFC 6672, section 3.1).
    """
    by_owner: dict[bytes, list[Record]] = {}
    redirects = False
    for record in answer:
        if record.klass == IN:
            by_owner.setdefault(record.owner, []).append(record)
            redirects = redirects or record.kind == DNAME
    name, kept = question.name, list[Record]()
    seen = set()
    while name not in seen:
        seen.add(name)
        here = by_owner.get(name, [])
        own = [record for record in here if record.kind == question.kind]
        if own:
            if question.kind in (SVCB, HTTPS):
                own = [record for record in own if is_service(record.rdata)]
            return kept + own + _signatures(here, question.kind, dnssec), name, bool(own)
        alias = [record for record in here if record.kind == CNAME][:1]
        above, redirection = _redirection(by_owner, name) if redirects else (b"", None)
        if redirection is not None and redirection not in kept:
            kept += [redirection, *_signatures(by_owner[above], DNAME, dnssec)]
        if not alias and redirection is not None:
            target = name[: -len(above)] + redirection.rdata
            alias = [Record(name, CNAME, IN, redirection.ttl, target)] if len(target) <= 255 else []
        if not alias:
            return kept, name, False
        kept += alias + _signatures(here, CNAME, dnssec)
        name = alias[0].rdata.lower()
    raise MalformedMessage("aliases that lead round")


def _signatures(records: Iterable[Record], kind: int, dnssec: bool) -> list[Record]:
    covered = kind.to_bytes(2, "big")
    return [each for each in records if each.kind == RRSIG and each.rdata[:2] == covered] if dnssec else []


def _redirection(by_owner: dict[bytes, list[Record]], name: bytes) -> tuple[bytes, Record | None]:
    """Return the DNAME above a name and where it stands."""
    for above in parents(name):
        if above != name and (records := by_owner.get(above)):
            for record in records:
                if record.kind == DNAME:
                    return above, record
    return b"", None


def parents(name: bytes) -> Iterable[bytes]:
    """Yield a name in wire form, then each above it, the root last."""
    at = 0
    while name[at]:
        yield name[at:]
        at += 1 + name[at]
    yield b"\0"


def absence(authority: Iterable[Record], name: bytes, dnssec: bool, most: int) -> list[Record]:
    """Return what says that something is absent: the SOA of a zone that holds the name, and the proofs."""
    zones = set(parents(name))
    kept = []
    for record in authority:
        if record.klass != IN:
            continue
        if record.kind == SOA and record.owner in zones:
            minimum = int.from_bytes(record.rdata[-4:], "big")
            kept.append(record._replace(ttl=min(record.ttl, minimum, MAX_NEGATIVE, most)))
        elif dnssec and record.kind in _PROOFS:
            kept.append(record)
    return kept
