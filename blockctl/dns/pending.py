"""A query on its way to an answer, and how answers become replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blockctl.dns.answers import Entry
from blockctl.dns.compose import NOTHING, PADDING, Options, Sections, reply, write_sections
from blockctl.dns.exchange import Client, Outcome, Reason, Reply, Transport
from blockctl.dns.reasons import EDE
from blockctl.dns.wire import IN, Query, Question, Record

MAX_LINKS = 16  # aliases of ours that are followed for one query
_HIDDEN = (Transport.DOT, Transport.DOH)  # where lengths are all that others see


@dataclass(slots=True)
class Pending:
    """A query, and how far it has come: `question` is what is to be resolved now."""

    query: Query
    client: Client
    question: Question
    prefix: list[Record] = field(default_factory=list)  # aliases of ours, before what is found
    allowed: int = 0  # how strongly the rules let the name through (`inspect.weight_of_allow`)
    local: bool = False  # a part of the answer is ours
    reason: Reason | None = None  # what made it so
    told: Options = ()  # about that, for the client
    links: int = 0
    keys: tuple[Question, bytes, bytes] | None = None  # the cache's, of that question, and of its name's absence
    absent: int = -1  # DNS64: A is asked in the place of AAAA, whose absence may be remembered so long; -1: it is not
    asker: object = None  # the resolver that asked upstreams for a client, under whose rules it came so far

    @property
    def asked(self) -> Question:
        """What the client asked."""
        assert self.query.question is not None
        return self.query.question

    def copy(self) -> Pending:
        """Return the same, to be answered in another way."""
        return replace(self, prefix=list(self.prefix))

    def follow(self, name: bytes, records: Sequence[Record]) -> bool:
        """Go on with another name; say whether there were not too many before."""
        self.prefix += records
        self.question = self.question.of(name)
        self.links += 1
        return self.links <= MAX_LINKS

    def finish(
        self,
        rcode: int,
        sections: Sections,
        outcome: Outcome,
        *,
        options: Options = (),
        keep: float = 0.0,
        reason: Reason | None = None,
        authentic: bool = False,
        ageing: bool = True,
    ) -> Reply:
        """Return the reply; TTLs of one that is not `ageing` stay as they are while it is kept."""
        if self.prefix:
            answer, authority = sections.records(self.question)
            sections = write_sections(self.asked, (*self.prefix, *answer), authority)
        elif self.question.kind != self.asked.kind:  # DNS64
            sections = write_sections(self.asked, *sections.records(self.question))
        padded = self.client.transport in _HIDDEN and _asks_for_padding(self.query)
        wire, ttls = reply(
            self.query,
            rcode,
            sections,
            (*self.told, *options),
            datagram=self.client.transport is Transport.UDP,
            padded=padded,
            authentic=authentic and not self.local,
        )
        reason = reason or self.reason
        return Reply(wire, outcome, reason, keep, ttls if ageing else ())


def _asks_for_padding(query: Query) -> bool:
    return query.edns is not None and any(code == PADDING for code, _ in query.edns.options)


def plain_reply(query: Query, client: Client, rcode: int, outcome: Outcome, options: Options = ()) -> Reply:
    """Return a reply with a code and nothing else."""
    wire, _ = reply(query, rcode, NOTHING, options, datagram=client.transport is Transport.UDP)
    return Reply(wire, outcome)


def told_upstream(entry: Entry) -> Options:
    """Return what upstream explained, to be told to the client."""
    return tuple([(EDE, data) for data in entry.notes])


def in_records(records: Sequence[tuple[bytes, int, int, bytes]]) -> list[Record]:
    """Return the records of a local answer as those of messages."""
    return [Record(owner, kind, IN, ttl, rdata) for owner, kind, ttl, rdata in records]


def aged(records: Sequence[Record], seconds: int) -> list[Record]:
    """Return records with their TTLs lowered."""
    return [record._replace(ttl=max(0, record.ttl - seconds)) for record in records]
