"""What a resolver says when it is asked for a name's addresses, read for those who want to know who is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from blockctl.dns import reasons
from blockctl.dns.labels import MalformedMessage
from blockctl.dns.wire import (
    AAAA,
    HEADER,
    IN,
    NOERROR,
    NXDOMAIN,
    OPT,
    PAIR,
    RD,
    RECORD,
    TXT,
    A,
    name_wire,
    read_message,
)

# INFO-CODEs of RFC 8914 by which a resolver says that it withholds an answer
WITHHELD = frozenset((4, 15, 16, 17, 18))
# and those by which it says that the name's own servers are at fault: DNSSEC (1 to 2, 5 to 12), no reachable authority
BROKEN = frozenset((1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 22, 23, 24))
NOWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 - addresses that stand for a blocked name
PAYLOAD = 1232  # octets of an answer by UDP


@dataclass(frozen=True, slots=True)
class Told:
    """The answer of one resolver; without an answer `error` says what happened instead."""

    who: str  # as the policy spells it, or an address
    answered: bool = False
    rcode: int = 0
    addresses: tuple[str, ...] = ()
    explained: tuple[tuple[int, str], ...] = ()  # Extended DNS Errors: RFC 8914
    texts: tuple[str, ...] = ()  # of TXT records
    seconds: float = 0.0
    error: str = ""

    @property
    def reachable(self) -> tuple[str, ...]:
        """The addresses that lead somewhere."""
        return tuple(each for each in self.addresses if each not in NOWHERE)

    @property
    def withholds(self) -> str:
        """In which words it says that it withholds the answer; "" when it does not say so."""
        if said := [text or f"code {code}" for code, text in self.explained if code in WITHHELD]:
            return said[0]
        return "0.0.0.0 in place of an address" if self.addresses and not self.reachable else ""

    @property
    def absent(self) -> bool:
        """Whether it says that there is no such name, or nothing to connect to."""
        return self.answered and not self.addresses and self.rcode in (NOERROR, NXDOMAIN)

    @property
    def verdict(self) -> str:
        """What it said, in a few words."""
        if not self.answered:
            return self.error or "no answer"
        if self.addresses:
            more = f" and {len(self.addresses) - 2} more" if len(self.addresses) > 2 else ""
            return ", ".join(self.addresses[:2]) + more
        words = {NOERROR: "no address", NXDOMAIN: "no such name", 2: "it failed (SERVFAIL)", 5: "it refused"}
        return words.get(self.rcode, f"response code {self.rcode}")


def query(name: str, kind: int = A) -> bytes:
    """Return a query with id 0 that asks to have errors explained (an OPT record says that we understand)."""
    header = HEADER.pack(0, RD, 1, 0, 0, 1)
    return header + name_wire(name) + PAIR.pack(kind, IN) + b"\0" + RECORD.pack(OPT, PAYLOAD, 0, 0)


def read(who: str, wire: bytes | None, seconds: float, error: str = "") -> Told:
    """Read an answer; None is the want of one."""
    if wire is None:
        return Told(who, seconds=seconds, error=error)
    try:
        message = read_message(bytes(wire))
    except MalformedMessage as fault:
        return Told(who, seconds=seconds, error=f"an answer that cannot be read: {fault}")
    found = tuple(str(ip_address(each.rdata)) for each in message.answer if each.kind in (A, AAAA))
    options = message.edns.options if message.edns else ()
    explained = tuple(
        (int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace").strip("\0"))
        for code, data in options
        if code == reasons.EDE and len(data) >= 2
    )
    texts = tuple(_text(each.rdata) for each in message.answer if each.kind == TXT)
    return Told(who, True, message.rcode, found, explained, texts, seconds)


def _text(data: bytes) -> str:
    pieces, at = [], 0
    while at < len(data):
        pieces.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(pieces).decode("utf-8", "replace")
