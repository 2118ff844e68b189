"""Names that are answered here and asked nowhere, since nobody out there can know them or may learn of them.

RFC 6303 (reverse zones of addresses that are in many houses), RFC 6761 (localhost, invalid), RFC 6762 (local), RFC 7686
(onion), RFC 7793 (100.64.0.0/10), RFC 8375 (home.arpa), RFC 9462 (resolver.arpa). `test` and `example` are asked like
any name, as `model.names` says; so is `alt`, which RFC 9476 leaves to the root.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockctl.dns.labels import name_wire

A, NS, CNAME, SOA, PTR, AAAA, DS, SVCB, HTTPS, ANY = 1, 2, 5, 6, 12, 28, 43, 64, 65, 255
IN = 1
NOERROR, NXDOMAIN = 0, 3

Record = tuple[bytes, int, int, bytes]  # owner (wire form, lower case), type, TTL in seconds, RDATA

ZONE_TTL = 300  # of what special names answer: a policy that forwards one is believed soon
RECORD_TTL = 10  # of what the policy's records say


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """An answer of our own, to be put into a message as it is."""

    rcode: int = NOERROR
    records: tuple[Record, ...] = ()  # the answer section, in order
    authority: tuple[Record, ...] = ()
    follow: bytes = b""  # a name; what resolving it (same type) gives is appended to the answer, its rcode taken over
    reason: str = ""  # for `why` and the log


def above(name: bytes) -> Iterator[bytes]:
    """Yield a name in wire form, then each name above it, without the root."""
    at = 0
    while name[at]:
        yield name[at:]
        at += name[at] + 1


def soa(zone: bytes, ttl: int) -> Record:
    """Return the SOA of an empty zone (RFC 6303, section 3), by which an absence is remembered for `ttl` seconds."""
    numbers = (1, 3600, 1200, 604_800, ttl)
    return (
        zone,
        SOA,
        ttl,
        zone + name_wire("nobody.invalid") + b"".join(number.to_bytes(4, "big") for number in numbers),
    )


def _reversed_zones() -> Iterator[str]:
    yield from ("0", "127", "10", "254.169", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255", "168.192")
    yield from (f"{second}.172" for second in range(16, 32))
    yield from (f"{second}.100" for second in range(64, 128))


# Nothing is there, not even the zone itself: any question is answered NXDOMAIN.
ABSENT = frozenset(map(name_wire, ("invalid", "local", "onion", "use-application-dns.net")))
# A zone with nothing in it but what the policy's records put there.
EMPTY = frozenset(
    map(
        name_wire,
        (
            "home.arpa",
            *(f"{zone}.in-addr.arpa" for zone in _reversed_zones()),
            "0." * 32 + "ip6.arpa",  # ::
            "1." + "0." * 31 + "ip6.arpa",  # ::1
            "d.f.ip6.arpa",
            *(f"{nibble}.e.f.ip6.arpa" for nibble in "89ab"),
            "8.b.d.0.1.0.0.2.ip6.arpa",
        ),
    )
)
LOCALHOST = name_wire("localhost")
RESOLVER = name_wire("resolver.arpa")  # RFC 9462: asked elsewhere, it would lead clients past us
DESIGNATED = name_wire("_dns.resolver.arpa")
ARPA = name_wire("arpa")  # where DNS64 speaks: IPV4_ONLY, and reverse names
IPV4_ONLY = name_wire("ipv4only.arpa")  # RFC 8880

REASONS = {
    name_wire("invalid"): "invalid is a name that never exists (RFC 6761)",
    name_wire("local"): "local names are found by multicast DNS, not here (RFC 6762)",
    name_wire("onion"): "onion names are found by Tor, not by DNS (RFC 7686)",
    name_wire("use-application-dns.net"): "asks Firefox to use this resolver, not its own",
    name_wire("home.arpa"): "home.arpa is answered at home (RFC 8375)",
}
OF_LOCALHOST = "localhost is this machine (RFC 6761)"
OF_ADDRESS = "the reverse name of an address that is in many houses (RFC 6303)"
