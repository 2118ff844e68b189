"""DNS64: addresses are put behind the prefix and found again; private ones not behind the well-known one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns import zones
from blockctl.dns.dns64 import Translation
from blockctl.dns.exchange import Client
from blockctl.dns.labels import name_wire
from blockctl.dns.local import Local
from blockctl.model.policy import Resolver
from tests.dns.test_local import CLIENT, Asked, shown

WELL_KNOWN, OWN = "64:ff9b::/96", "2001:db8:1::/96"


def translation(prefix: str) -> Translation:
    found = Translation.of(prefix)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("prefix", "address", "expected"),
    [
        pytest.param(WELL_KNOWN, "192.0.2.33", "64:ff9b::c000:221", id="RFC 6052, section 2.4"),
        pytest.param(OWN, "192.0.2.33", "2001:db8:1::c000:221", id="a prefix of the network's own"),
        pytest.param(WELL_KNOWN, "10.0.0.1", "", id="RFC 6052, section 3.1"),
        pytest.param(OWN, "10.0.0.1", "2001:db8:1::a00:1", id="private behind its own prefix"),
    ],
)
def test_synthesis(prefix: str, address: str, expected: str) -> None:
    made = translation(prefix).synthesize(IPv4Address(address).packed)
    assert (str(IPv6Address(made)) if made else "") == expected


def test_records_keep_their_chain_and_live_no_longer_than_the_absence() -> None:
    a, b = name_wire("a.example"), name_wire("b.example")
    given_records = ((a, zones.CNAME, 500, b), (b, zones.A, 400, bytes((192, 0, 2, 1))), (b, zones.A, 60, bytes(4)))
    made = tuple(translation(OWN).records(given_records, 300))
    assert [(owner, kind, ttl) for owner, kind, ttl, _ in made] == [
        (a, zones.CNAME, 500), (b, zones.AAAA, 300), (b, zones.AAAA, 60),
    ]  # fmt: skip


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.sampled_from((WELL_KNOWN, OWN)))
def test_reverse_names_lead_to_the_ipv4_address(address: IPv4Address, prefix: str) -> None:
    found = translation(prefix)
    name = ip_address(found.prefix + address.packed).reverse_pointer
    assert found.reverse(name_wire(name)) == name_wire(address.reverse_pointer)
    assert found.reverse(name_wire("1.0.0.127.in-addr.arpa")) == b""
    assert found.reverse(b"\1x" + name_wire(name)) == b""


def test_only_ipv6_of_its_own_counts() -> None:
    assert translation(OWN).counts(IPv6Address("2001:db8::1").packed)
    assert not translation(OWN).counts(IPv6Address("::ffff:192.0.2.1").packed)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param(
            "ipv4only.arpa",
            zones.AAAA,
            "ipv4only.arpa AAAA 64:ff9b::c000:aa; ipv4only.arpa AAAA 64:ff9b::c000:ab",
            id="RFC 8880",
        ),
        pytest.param(
            "ipv4only.arpa", zones.A, "ipv4only.arpa A 192.0.0.170; ipv4only.arpa A 192.0.0.171", id="its addresses"
        ),
        pytest.param("ipv4only.arpa", zones.HTTPS, "nodata", id="nothing else"),
        pytest.param(
            ip_address("64:ff9b::c000:221").reverse_pointer,
            zones.PTR,
            f"{ip_address('64:ff9b::c000:221').reverse_pointer} CNAME 33.2.0.192.in-addr.arpa; "
            "follow 33.2.0.192.in-addr.arpa",
            id="RFC 6147, section 5.3.1",
        ),
    ],
)
def test_names_that_dns64_knows(name: str, kind: int, expected: str) -> None:
    local = Local(Resolver(upstreams=("9.9.9.9",), dns64=WELL_KNOWN))
    assert shown(local.answer(Asked(name_wire(name), kind), CLIENT)) == expected


def test_without_a_prefix_there_is_none() -> None:
    assert Translation.of("") is None
    assert Local(Resolver()).translation is None
    assert Local(Resolver()).answer(Asked(name_wire("ipv4only.arpa"), zones.A), Client("127.0.0.1")) is None
