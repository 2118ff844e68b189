"""Names that systems keep for themselves: answered here, and asked nowhere. `zones` holds which they are."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from blockctl.dns import zones
from blockctl.dns.designated import designated
from blockctl.dns.dns64 import Translation
from blockctl.dns.exchange import Client
from blockctl.dns.labels import name_wire
from blockctl.dns.rebinding import all_at_home
from blockctl.dns.zones import NOERROR, NXDOMAIN, ZONE_TTL, LocalAnswer, Record, above, soa
from blockctl.model.policy import Resolver

# Of a name of one label these stay here; `NS com` is asked like any other.
HOST_TYPES = frozenset((zones.A, zones.AAAA, zones.HTTPS))
LOOPBACK_NAMES = tuple(name_wire(ip_address(each).reverse_pointer) for each in ("127.0.0.1", "::1"))


class Special:
    """What the special names answer under this policy."""

    def __init__(self, settings: Resolver, host: str, addresses: Iterable[str]) -> None:
        self._forward = frozenset(map(name_wire, settings.forward))
        self._at_home = all_at_home(settings.upstreams)
        self._designated = designated(settings.listen, host, tuple(addresses))
        self.translation = Translation.of(settings.dns64)

    @property
    def names(self) -> frozenset[bytes]:
        """Names at or below which all special names are, but for those that are short."""
        own = zones.ABSENT | zones.EMPTY | {zones.LOCALHOST, zones.RESOLVER}
        return own | {zones.ARPA} if self.translation is not None else own

    def answer(self, name: bytes, kind: int, client: Client) -> LocalAnswer | None:
        """Return the answer for a special name, None for any other."""
        if name.endswith(zones.LOCALHOST) and zones.LOCALHOST in above(name):
            return localhost(name, kind)
        if name.endswith(zones.RESOLVER) and zones.RESOLVER in above(name):
            return self._discovery(name, kind, client)
        if self.translation is not None and (found := translated(self.translation, name, kind)) is not None:
            return found
        zone = self.zone(name)
        if zone is not None:
            return self._in_zone(zone, name, kind)
        if kind in HOST_TYPES and name != b"\0" and is_short(name) and name not in self._forward:
            if self._at_home:
                return None
            # Not NXDOMAIN: that would be said of all below `com` as well (RFC 8020).
            return LocalAnswer(authority=(soa(name, ZONE_TTL),), reason="a name of one label is asked nowhere")
        return None

    def zone(self, name: bytes) -> bytes | None:
        """Return the nearest zone of ours that holds a name, unless the policy forwards that one elsewhere."""
        for parent in above(name):
            if parent in self._forward:
                return None
            if parent in zones.ABSENT or parent in zones.EMPTY:
                return parent
        return None

    def _in_zone(self, zone: bytes, name: bytes, kind: int) -> LocalAnswer | None:
        if zone in zones.ABSENT:
            return LocalAnswer(NXDOMAIN, authority=(soa(zone, ZONE_TTL),), reason=zones.REASONS[zone])
        if name in LOOPBACK_NAMES and kind in (zones.PTR, zones.ANY):
            record = (name, zones.PTR, ZONE_TTL, zones.LOCALHOST)
            return LocalAnswer(records=(record,), reason=zones.OF_LOCALHOST)
        if self._at_home:  # the router that we ask knows the names of this house
            return None
        reason = zones.REASONS.get(zone, zones.OF_ADDRESS)
        if name != zone:
            rcode = NOERROR if name in LOOPBACK_NAMES else NXDOMAIN
            return LocalAnswer(rcode, authority=(soa(zone, ZONE_TTL),), reason=reason)
        if kind == zones.DS:  # the zone above answers it (RFC 4035, section 3.1.4.1)
            return None
        records: list[Record] = []
        if kind in (zones.SOA, zones.ANY):
            records.append(soa(zone, ZONE_TTL))
        if kind in (zones.NS, zones.ANY):
            records.append((zone, zones.NS, ZONE_TTL, zone))
        return LocalAnswer(records=tuple(records), authority=() if records else (soa(zone, ZONE_TTL),), reason=reason)

    def _discovery(self, name: bytes, kind: int, client: Client) -> LocalAnswer:
        """Answer for resolver.arpa: our own encrypted listeners, or that there are none (RFC 9462, section 4)."""
        records: tuple[Record, ...] = ()
        if name == zones.DESIGNATED and kind in (zones.SVCB, zones.ANY):
            found = self._designated.for_client(client.address)
            records = tuple((name, zones.SVCB, ZONE_TTL, rdata) for rdata in found)
        exists = name in (zones.RESOLVER, zones.DESIGNATED)
        authority = () if records else (soa(zones.RESOLVER, ZONE_TTL),)
        reason = "discovery of this resolver's encrypted ports (RFC 9462)"
        return LocalAnswer(NOERROR if exists else NXDOMAIN, records, authority, reason=reason)


def is_short(name: bytes) -> bool:
    """Whether a name has one label, or none."""
    return name[0] + 2 >= len(name)


def localhost(name: bytes, kind: int) -> LocalAnswer:
    """Answer for localhost and all below it (RFC 6761, section 6.3)."""
    records: list[Record] = []
    if kind in (zones.A, zones.ANY):
        records.append((name, zones.A, ZONE_TTL, bytes((127, 0, 0, 1))))
    if kind in (zones.AAAA, zones.ANY):
        records.append((name, zones.AAAA, ZONE_TTL, bytes(15) + b"\1"))
    authority = () if records else (soa(zones.LOCALHOST, ZONE_TTL),)
    return LocalAnswer(records=tuple(records), authority=authority, reason=zones.OF_LOCALHOST)


def translated(translation: Translation, name: bytes, kind: int) -> LocalAnswer | None:
    """Answer what DNS64 knows by itself: ipv4only.arpa (RFC 8880) and the reverse names of its own addresses."""
    reason = "DNS64 (RFC 6147)"
    if name == zones.IPV4_ONLY:
        records = tuple((name, found, ZONE_TTL, rdata) for found, rdata in translation.ipv4_only(kind))
        return LocalAnswer(records=records, authority=() if records else (soa(name, ZONE_TTL),), reason=reason)
    target = translation.reverse(name) if kind in (zones.PTR, zones.CNAME, zones.ANY) else b""
    if not target:
        return None
    alias = (name, zones.CNAME, ZONE_TTL, target)
    return LocalAnswer(records=(alias,), follow=target if kind == zones.PTR else b"", reason=reason)
