"""Discovery of designated resolvers (RFC 9462): the SVCB records by which clients find our encrypted ports.

A client takes them only if the certificate holds the address it asked at (section 4.2), or if that address is private
and the encrypted port is at the same one (section 4.3). A record must name a host, so without one there are none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blockctl.dns.labels import name_wire
from blockctl.model.addresses import LOOPBACK, Address, is_within, read_address
from blockctl.model.listen import Listen, read_listen

# SvcParamKeys: RFC 9460, section 14.3.2; dohpath: RFC 9461, section 5.
ALPN, PORT, IPV4_HINT, IPV6_HINT, DOHPATH = 1, 3, 4, 6, 7
ALPNS = {"https": (b"h2",), "tls": (b"dot",)}  # in the order of preference


@dataclass(frozen=True, slots=True)
class Designated:
    """The RDATA of our SVCB records: for clients on this machine, and for all others."""

    here: tuple[bytes, ...] = ()
    elsewhere: tuple[bytes, ...] = ()

    def for_client(self, address: str) -> tuple[bytes, ...]:
        """Return the records that help a client at that address."""
        known = read_address(address)
        return self.here if known is not None and is_within(known, LOOPBACK) else self.elsewhere


def designated(listen: Iterable[str], host: str, addresses: tuple[str, ...]) -> Designated:
    """Return the records for our `tls://` and `https://` listeners.

    `host` is the name in our certificate, `addresses` are those of this machine, meant by a listener at 0.0.0.0 or ::.
    """
    places = [read_listen(text) for text in listen]
    secure = [place for scheme in ALPNS for place in places if place.scheme == scheme]
    if not host or not secure:
        return Designated()
    own = [address for text in addresses if (address := read_address(text)) is not None]
    here, elsewhere = [], []
    for place in secure:
        address = read_address(place.address)
        if address is None:
            continue
        at = [each for each in own if each.version == address.version] if address.is_unspecified else [address]
        away = [each for each in at if not is_within(each, LOOPBACK)]
        here.append((place, at))
        if away:
            elsewhere.append((place, away))
    return Designated(_records(here, host), _records(elsewhere, host))


def _records(places: list[tuple[Listen, list[Address]]], host: str) -> tuple[bytes, ...]:
    return tuple(rdata(priority, host, place, addresses) for priority, (place, addresses) in enumerate(places, start=1))


def rdata(priority: int, host: str, place: Listen, addresses: Iterable[Address]) -> bytes:
    """Return one SVCB record's RDATA, its parameters in the order of their keys (RFC 9460, section 2.2)."""
    addresses = tuple(addresses)
    alpn = b"".join(bytes((len(each),)) + each for each in ALPNS[place.scheme])
    parameters = [(ALPN, alpn), (PORT, place.port.to_bytes(2, "big"))]
    for key, version in ((IPV4_HINT, 4), (IPV6_HINT, 6)):
        if hints := b"".join(each.packed for each in addresses if each.version == version):
            parameters.append((key, hints))
    if place.scheme == "https":
        parameters.append((DOHPATH, f"{place.path}{{?dns}}".encode()))
    return (
        priority.to_bytes(2, "big")
        + name_wire(host)
        + b"".join(key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in parameters)
    )
