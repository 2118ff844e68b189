"""Where the resolver listens, and whether strangers could ask there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.addresses import read_address, shortest
from blockctl.model.listen import Listen, opens_to_all, read_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("127.0.0.1:5335", Listen("dns", "127.0.0.1", 5335), id="IPv4"),
        pytest.param("[::1]:53", Listen("dns", "::1", 53), id="IPv6"),
        pytest.param("[0:0:0::1]:53", Listen("dns", "::1", 53), id="IPv6 in its shortest spelling"),
        pytest.param("0.0.0.0:53", Listen("dns", "0.0.0.0", 53), id="every IPv4 address"),
        pytest.param("dns://127.0.0.1:53", Listen("dns", "127.0.0.1", 53), id="plain with its scheme"),
        pytest.param("tls://127.0.0.1", Listen("tls", "127.0.0.1", 853), id="DoT's own port"),
        pytest.param("tls://[::1]", Listen("tls", "::1", 853), id="DoT's own port, IPv6"),
        pytest.param("tls://127.0.0.1:8853", Listen("tls", "127.0.0.1", 8853), id="DoT elsewhere"),
        pytest.param("https://127.0.0.1", Listen("https", "127.0.0.1", 443, "/dns-query"), id="DoH, all by default"),
        pytest.param("https://127.0.0.1:8443/", Listen("https", "127.0.0.1", 8443, "/dns-query"), id="bare slash"),
        pytest.param("https://[::1]:8443/q", Listen("https", "::1", 8443, "/q"), id="DoH, another path"),
        pytest.param("http://127.0.0.1:8080/dns-query", Listen("http", "127.0.0.1", 8080, "/dns-query"), id="proxy"),
        pytest.param("127.0.0.1:0", Listen("dns", "127.0.0.1", 0), id="any free port"),
    ],
)
def test_spellings(text: str, expected: Listen) -> None:
    assert read_listen(text) == expected
    assert read_listen(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("127.0.0.1", "add a port: 127.0.0.1:5335", id="no port"),
        pytest.param(":53", "which address?", id="no address"),
        pytest.param("localhost:53", "write 127.0.0.1:53", id="localhost"),
        pytest.param("dns.example:53", "an address of this machine", id="a name"),
        pytest.param("127.0.0.1:65536", "up to 65535", id="port too large"),
        pytest.param("127.0.0.1:dns", "up to 65535", id="port in words"),
        pytest.param("127.0.0.1:\u0665\u0663", "up to 65535", id="digits of another script"),
        pytest.param("quic://127.0.0.1", "tls://", id="another scheme"),
        pytest.param("tls://127.0.0.1/dns-query", "leave out /dns-query", id="DoT has no path"),
        pytest.param("http://0.0.0.0:80", "not encrypted", id="plain HTTP for all"),
        pytest.param("https://127.0.0.1:443/dns-query{?dns}", "a path is plain", id="a URI template"),
        pytest.param("[fe80::1%eth0]:53", "an address of this machine", id="a zone"),
        pytest.param("[::1]53", "an address of this machine", id="no colon"),
        pytest.param("", "an address of this machine", id="nothing"),
    ],
)
def test_faults(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_listen(text)
    assert said in str(caught.value)


@given(st.text(alphabet="0123456789.:[]/%abcdehlnpst?", max_size=40))
def test_any_text_is_read_or_refused_and_what_is_read_is_read_again(text: str) -> None:
    try:
        listen = read_listen(text)
    except ValueError:
        return
    assert read_listen(str(listen)) == listen


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        pytest.param(["loopback", "private"], "", id="the default lets no stranger in"),
        pytest.param(["private", "all"], "all", id="all"),
        pytest.param(["private", "0.0.0.0/0"], "0.0.0.0/0", id="all, as a network"),
        pytest.param(["128.0.0.0/1", "0.0.0.0/1"], "128.0.0.0/1", id="all, in halves"),
        pytest.param(["::/0"], "::/0", id="all of IPv6"),
        pytest.param(["2000::/3"], "2000::/3", id="all of IPv6 that is used"),
        pytest.param(["198.51.100.0/24", "2001:db8::/32"], "", id="somebody's networks"),
        pytest.param(["fc00::/7", "10.0.0.0/8"], "", id="wide, but private"),
        pytest.param(["127.0.0.0/8"], "", id="this machine"),
    ],
)
def test_no_open_resolver_by_accident(access: list[str], expected: str) -> None:
    assert opens_to_all(access) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("::FFFF:192.0.2.1", "192.0.2.1", id="IPv4 inside IPv6"),
        pytest.param("fe80:0::1%eth0", "fe80::1", id="zone"),
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
        pytest.param("not an address", "not an address", id="none"),
    ],
)
def test_shortest(text: str, expected: str) -> None:
    assert shortest(text) == expected


def test_no_address() -> None:
    assert read_address("010.0.0.1") is None  # octal to some, decimal to others
    assert read_address("") is None
