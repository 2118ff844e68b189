"""Profiles for Apple's devices: what Apple's schema allows, where they apply, which server they name."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest

from blockctl.backends.apple_profile import Networks, Server, profile, read_networks, read_server, server_of
from blockctl.model.diagnostic import BlockctlError
from tests.backends.apple_schema import faults

HTTPS = Server("HTTPS", "https://dns.home.arpa/dns-query", ("192.168.1.2", "fd00::2"))
TLS = Server("TLS", "dns.home.arpa", ("192.168.1.2",))
OWN = ["127.0.0.1", "192.168.1.2", "::1", "fd00::2", "fe80::2"]
NAMED = ["dns.home.arpa", "*.dns.home.arpa", "localhost"]


def dns(made: bytes) -> dict[str, Any]:
    payload: dict[str, Any] = plistlib.loads(made)["PayloadContent"][0]
    return payload


@pytest.mark.parametrize("server", [HTTPS, TLS, Server("TLS", "dns.home.arpa")], ids=str)
@pytest.mark.parametrize("ssids", [(), ("Home", "Café upstairs")])
@pytest.mark.parametrize("interfaces", [(), ("wifi",), ("ethernet", "wifi"), ("wifi", "ethernet", "cellular")])
@pytest.mark.parametrize("excluded", [(), ("corp.example", "xn--bcher-kva.example")])
@pytest.mark.parametrize("more", [{}, {"authority": b"\x30\x03\x02\x01\x01"}, {"failover": True, "name": "Zu Hause ü"}])
def test_apples_schema_allows_it(
    server: Server, ssids: tuple[str, ...], interfaces: tuple[str, ...], excluded: tuple[str, ...], more: dict[str, Any]
) -> None:
    made = profile(server, Networks(ssids, interfaces, excluded), **more)
    assert faults(made) == []


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        (b"<string>HTTPS<", b"<string>QUIC<"),
        (b"ServerURL", b"ServerName"),
        (b"ServerURL", b"ServerUrl"),
        (b"ProhibitDisablement</key>\n\t\t\t<false/>", b"ProhibitDisablement</key>\n\t\t\t<string>no</string>"),
        (b"<string>EvaluateConnection<", b"<string>Connect<"),
        (b"<string>WiFi<", b"<string>Ethernet<"),
        (b"<string>NeverConnect<", b"<string>Never<"),
        (b"<integer>1<", b"<integer>2<"),
        (b"PayloadIdentifier", b"PayloadIdent"),
    ],
)
def test_the_schema_refuses_what_apple_does(was: bytes, is_now: bytes) -> None:
    made = profile(HTTPS, Networks(("Home",), (), ("corp.example",)))
    assert was in made
    assert faults(made.replace(was, is_now, 1))


def test_everywhere_unless_told() -> None:
    payload = dns(profile(HTTPS, Networks()))
    assert "OnDemandRules" not in payload
    assert payload["DNSSettings"] == {
        "DNSProtocol": "HTTPS", "ServerURL": HTTPS.where, "ServerAddresses": ["192.168.1.2", "fd00::2"],
    }  # fmt: skip
    assert payload["ProhibitDisablement"] is False


def test_at_home_alone() -> None:
    wifi = {"Action": "Connect", "InterfaceTypeMatch": "WiFi"}
    away = {"Action": "Disconnect"}
    home = wifi | {"SSIDMatch": ["Home"]}
    ethernet = {"Action": "Connect", "InterfaceTypeMatch": "Ethernet"}
    for networks, rules in (
        (Networks(("Home",)), [home, away]),
        (Networks((), ("wifi",)), [wifi, away]),
        (Networks(("Home",), ("ethernet", "wifi")), [ethernet, home, away]),
    ):
        assert dns(profile(HTTPS, networks))["OnDemandRules"] == rules


def test_domains_left_out() -> None:
    never = [{"Domains": ["corp.example"], "DomainAction": "NeverConnect"}]
    everywhere = {"Action": "EvaluateConnection", "ActionParameters": never}
    at_home = everywhere | {"InterfaceTypeMatch": "WiFi", "SSIDMatch": ["Home"]}
    assert dns(profile(HTTPS, Networks((), (), ("corp.example",))))["OnDemandRules"] == [everywhere]
    assert dns(profile(HTTPS, Networks(("Home",), (), ("corp.example",))))["OnDemandRules"] == [
        at_home, {"Action": "Disconnect"},
    ]  # fmt: skip


def test_the_same_name_is_the_same_profile() -> None:
    def identifiers(made: bytes) -> list[tuple[str, str]]:
        whole = plistlib.loads(made)
        return [(each["PayloadIdentifier"], each["PayloadUUID"]) for each in (whole, *whole["PayloadContent"])]

    first = profile(HTTPS, Networks())
    assert profile(HTTPS, Networks()) == first
    assert identifiers(profile(TLS, Networks(("Home",)))) == identifiers(first)
    assert set(identifiers(profile(HTTPS, Networks(), name="Grandmother"))).isdisjoint(identifiers(first))
    assert identifiers(profile(HTTPS, Networks(), authority=b"x"))[:2] == identifiers(first)


@pytest.mark.parametrize(
    ("listen", "names", "expected"),
    [
        pytest.param(["https://192.168.1.2:8443"], NAMED,
                     Server("HTTPS", "https://dns.home.arpa:8443/dns-query", ("192.168.1.2",)), id="a port"),
        pytest.param(["tls://0.0.0.0", "https://[::]:443/q", "https://0.0.0.0:443/q"], NAMED,
                     Server("HTTPS", "https://dns.home.arpa/q", ("fd00::2", "192.168.1.2")), id="both families"),
        pytest.param(["127.0.0.1:53", "tls://0.0.0.0:853"], NAMED,
                     Server("TLS", "dns.home.arpa", ("192.168.1.2",)), id="tls"),
        pytest.param(["https://127.0.0.1:8443"], ["127.0.0.1", "localhost"],
                     Server("HTTPS", "https://127.0.0.1:8443/dns-query", ("127.0.0.1",)), id="this machine"),
        pytest.param(["https://[fd00::2]:443"], ["fd00::2"],
                     Server("HTTPS", "https://[fd00::2]/dns-query", ("fd00::2",)), id="an address of IPv6"),
        pytest.param(["https://[::1]:8443", "tls://192.168.1.2"], ["dns.home.arpa"],
                     Server("HTTPS", "https://dns.home.arpa:8443/dns-query", ("::1",)), id="https first"),
    ],
)  # fmt: skip
def test_the_server_of_a_policy(listen: list[str], names: list[str], expected: Server) -> None:
    assert server_of(listen, names, OWN) == expected


@pytest.mark.parametrize(
    ("listen", "names", "says"),
    [
        (["127.0.0.1:5335"], NAMED, "no https:// or tls:// listener"),
        (["https://192.168.1.2:443"], ["192.168.1.9"], "it is for 192.168.1.9"),
        (["https://192.168.1.2:443"], [], "nothing that can be read"),
        (["tls://192.168.1.2:8853"], NAMED, "no device would take"),
        (["tls://192.168.1.2"], ["192.168.1.2"], "no device would take"),
    ],
)
def test_a_policy_that_no_device_could_ask(listen: list[str], names: list[str], says: str) -> None:
    with pytest.raises(BlockctlError, match=says):
        server_of(listen, names, OWN)


def test_a_server_that_is_named() -> None:
    assert read_server("https://dns.example/q", ["192.0.2.1", "::ffff:192.0.2.1"]) == Server(
        "HTTPS", "https://dns.example/q", ("192.0.2.1",)
    )
    assert read_server("tls://Kid.dns.example:853", []) == Server("TLS", "kid.dns.example")


@pytest.mark.parametrize(
    "text",
    ["", "dns.example", "http://dns.example/q", "https://dns.example", "https://dns.example/?dns", "https:///q",
     "https://a:b@dns.example/q", "https://dns.example:99999/q", 'https://dns.example/"', "tls://192.0.2.1",
     "tls://dns.example:8853", "tls://dns.example/q", "https://dns.example/ü", "https://[::1/q", "quic://dns.example"],
)  # fmt: skip
def test_a_server_that_is_none(text: str) -> None:
    with pytest.raises(BlockctlError):
        read_server(text, [])


@pytest.mark.parametrize("address", ["", "dns.example", "0.0.0.0", "fe80::1%en0", "192.168.1.0/24"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(BlockctlError, match="no address"):
        read_server("tls://dns.example", [address])


def test_networks_are_read() -> None:
    assert read_networks(["Home", "Home"], ["wifi"], ["*.Corp.example", "bücher.example", "corp.example"]) == Networks(
        ("Home",), ("wifi",), ("corp.example", "xn--bcher-kva.example")
    )


@pytest.mark.parametrize(
    ("ssids", "interfaces", "excluded"),
    [
        ([""], [], []), (["x" * 33], [], []), (["ü" * 17], [], []), (["a\nb"], [], []), ([], ["lan"], []),
        (["Home"], ["ethernet"], []), ([], [], ["a b"]), ([], [], [""]), ([], [], ["192.0.2.1"]),
    ],
)  # fmt: skip
def test_networks_that_are_none(ssids: list[str], interfaces: list[str], excluded: list[str]) -> None:
    with pytest.raises(BlockctlError):
        read_networks(ssids, interfaces, excluded)
