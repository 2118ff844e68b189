"""Discovery of our encrypted ports: what `_dns.resolver.arpa` answers, byte by byte as RFC 9460 and 9461 lay it out."""

from __future__ import annotations

import pytest

from blockctl.dns import zones
from blockctl.dns.designated import designated
from blockctl.dns.exchange import Client
from blockctl.dns.labels import name_wire
from blockctl.dns.local import Local
from blockctl.dns.zones import DESIGNATED
from blockctl.model.policy import Resolver
from tests.dns.test_local import Asked

HOST = "dns.home.example"
LISTEN = ("0.0.0.0:53", "tls://0.0.0.0:853", "https://192.168.1.2:8443/dns-query")


def parameters(rdata: bytes) -> tuple[int, bytes, list[tuple[int, bytes]]]:
    end = rdata.index(b"\0", 2) + 1
    found, at = [], end
    while at < len(rdata):
        key, size = int.from_bytes(rdata[at : at + 2], "big"), int.from_bytes(rdata[at + 2 : at + 4], "big")
        found.append((key, rdata[at + 4 : at + 4 + size]))
        at += 4 + size
    return int.from_bytes(rdata[:2], "big"), rdata[2:end], found


def test_the_listeners_are_described_in_the_order_of_preference() -> None:
    records = designated(LISTEN, HOST, ("192.168.1.2", "fd00::2", "127.0.0.1")).for_client("192.168.1.7")
    address = bytes((192, 168, 1, 2))
    assert [parameters(rdata) for rdata in records] == [
        (1, name_wire(HOST), [(1, b"\2h2"), (3, (8443).to_bytes(2, "big")), (4, address), (7, b"/dns-query{?dns}")]),
        (2, name_wire(HOST), [(1, b"\3dot"), (3, (853).to_bytes(2, "big")), (4, address)]),
    ]


@pytest.mark.parametrize(
    ("listen", "host", "client", "count"),
    [
        pytest.param(LISTEN, "", "192.168.1.7", 0, id="no name, no record"),
        pytest.param(("127.0.0.1:53",), HOST, "127.0.0.1", 0, id="nothing encrypted"),
        pytest.param(("tls://127.0.0.1",), HOST, "127.0.0.1", 1, id="loopback, asked from here"),
        pytest.param(("tls://127.0.0.1",), HOST, "192.168.1.7", 0, id="loopback helps nobody else"),
        pytest.param(("tls://[::]:853",), HOST, "fd00::7", 1, id="IPv6"),
        pytest.param(("http://127.0.0.1:8080",), HOST, "127.0.0.1", 0, id="plain HTTP is for proxies"),
    ],
)
def test_who_finds_how_many(listen: tuple[str, ...], host: str, client: str, count: int) -> None:
    local = Local(Resolver(listen=listen), host, ("192.168.1.2", "fd00::2"))
    answer = local.answer(Asked(DESIGNATED, zones.SVCB), Client(client))
    assert answer is not None
    assert len(answer.records) == count
    assert (not answer.authority) == bool(count)
    assert {owner for owner, *_ in answer.records} <= {DESIGNATED}
