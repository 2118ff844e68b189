"""What passes between the resolver and the sockets: a query in, a reply or a question for upstreams out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from blockctl.model.decide import Step
from blockctl.model.rule import Rule


class Transport(Enum):
    """How a query came."""

    UDP = "udp"
    TCP = "tcp"
    DOT = "dot"  # RFC 7858
    DOH = "doh"  # RFC 8484


class Client(NamedTuple):
    """Who asks: an address in its shortest spelling, and the name a device gives itself in DoH's path or DoT's SNI."""

    address: str
    transport: Transport = Transport.UDP
    id: str = ""


class Outcome(IntEnum):
    """How a query was answered: the words of the query log and the figures."""

    FORWARDED = 0
    CACHED = 1
    STALE = 2  # from the cache after its time, since no upstream answered (RFC 8767)
    BLOCKED = 3
    LOCAL = 4  # answered by ourselves: records of the policy, special names, safe search, `why`
    FAILED = 5  # no upstream answered
    REFUSED = 6  # not for this client, too many, or not a query
    MALFORMED = 7


@dataclass(frozen=True, slots=True)
class Reason:
    """Who decided, and on which name: the one asked for, or one that its answer led to."""

    step: Step
    rule: Rule
    name: str  # in normal form, or an address
    via: str = ""  # "" the name asked for itself; "cname", "https" (a SVCB or HTTPS target), "address"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a name, of an address, or of one of its types."""

    blocked: bool
    reason: Reason | None = None  # None: nothing speaks of it
    rewrite: Rewrite | None = None  # what to answer in the place of the truth


@dataclass(frozen=True, slots=True)
class Rewrite:
    """An answer that a rule dictates (`$dnsrewrite`): a code with nothing, other addresses, or another name."""

    rcode: int = 0
    addresses: tuple[str, ...] = ()
    name: str = ""  # answered as a CNAME, then resolved
    records: tuple[tuple[int, bytes], ...] = ()  # type and RDATA of anything else


ALLOWED = Verdict(blocked=False)


class Reply(NamedTuple):
    """An answer ready to be sent; its id and its question are those of the query."""

    wire: bytes
    outcome: Outcome
    reason: Reason | None = None
    keep: float = 0.0  # seconds for which the same bytes from the same group may get the same answer; 0: never
    ttls: tuple[int, ...] = ()  # where in `wire` the TTLs stand (4 bytes each), lowered as the seconds pass


UNASKED = b""  # in the place of an answer: too many wait for upstreams, which were not asked or had too little time


@dataclass(slots=True)
class Forward:
    """A question that upstreams have to answer before the client can be.

    Forwards with equal `key` are the same question: the sender asks once for all that wait for it.
    """

    key: tuple[Any, ...]  # question, flags that matter, upstreams
    wire: bytes  # the query as it goes out, but for its id and the case of its name, which the sender chooses
    upstreams: tuple[str, ...]  # as the policy spells them; strategy and health are the sender's
    client: Client
    state: Any = field(default=None, repr=False)  # the resolver's own, for `finish`
