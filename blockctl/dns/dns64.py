"""DNS64 (RFC 6147): AAAA records for names that have only IPv4 addresses, for networks that speak only IPv6."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address

from blockctl.dns import zones
from blockctl.dns.labels import name_wire
from blockctl.dns.rebinding import in_house
from blockctl.dns.wire import CD, Query, Question
from blockctl.dns.wire import Record as Answered
from blockctl.dns.zones import Record

WELL_KNOWN = bytes.fromhex("0064ff9b") + bytes(8)  # RFC 6052, section 2.1
ONLY = (bytes((192, 0, 0, 170)), bytes((192, 0, 0, 171)))  # RFC 7050, section 8.2
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Translation:
    """The prefix of 96 bits behind which the network translates to IPv4."""

    prefix: bytes

    @classmethod
    def of(cls, network: str) -> Translation | None:
        """Return the translation of a policy's `dns64`, None when there is none."""
        return cls(IPv6Network(network).network_address.packed[:12]) if network else None

    def counts(self, address: bytes) -> bool:
        """Whether an AAAA record says that the name has IPv6 by itself; `::ffff:0:0/96` does not (section 5.1.4)."""
        return not address.startswith(_MAPPED)

    def is_due(self, query: Query, question: Question, answer: Iterable[Answered]) -> bool:
        """Whether A has to be asked in the place of AAAA (sections 5.1 and 5.5). Not for who validates himself."""
        if question.kind != zones.AAAA or (query.dnssec and query.flags & CD):
            return False
        return not any(each.kind == zones.AAAA and self.counts(each.rdata) for each in answer)

    def synthesize(self, address: bytes) -> bytes:
        """Return the IPv6 address for an IPv4 address, b"" where there may be none.

        The well-known prefix may not stand for private addresses (RFC 6052, section 3.1).
        """
        if self.prefix == WELL_KNOWN and in_house(address):
            return b""
        return self.prefix + address

    def records(self, records: Iterable[Record], ttl: int) -> Iterator[Record]:
        """Yield the answer to AAAA from the answer to A: A records translated, others as they are (section 5.1.7).

        `ttl` is how long the absence of AAAA may be remembered; no record lives longer.
        """
        for owner, kind, own_ttl, rdata in records:
            if kind != zones.A:
                yield owner, kind, own_ttl, rdata
            elif address := self.synthesize(rdata):
                yield owner, zones.AAAA, min(own_ttl, ttl), address

    def ipv4_only(self, kind: int) -> Iterator[tuple[int, bytes]]:
        """Yield the addresses of ipv4only.arpa with their types; clients learn the prefix by them (RFC 7050, 8880)."""
        if kind in (zones.A, zones.ANY):
            yield from ((zones.A, each) for each in ONLY)
        if kind in (zones.AAAA, zones.ANY):
            yield from ((zones.AAAA, self.prefix + each) for each in ONLY)

    def reverse(self, name: bytes) -> bytes:
        """Return the reverse name of the IPv4 address in a reverse name of our prefix, b"" for others (5.3.1)."""
        zone = name_wire(ip_address(self.prefix + bytes(4)).reverse_pointer)[16:]
        if len(name) != len(zone) + 16 or not name.endswith(zone):
            return b""
        nibbles = name[1:16:2][::-1]
        try:
            address = bytes.fromhex(nibbles.decode("ascii"))
        except ValueError:
            return b""
        return name_wire(ip_address(address).reverse_pointer)
