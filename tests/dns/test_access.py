"""Who may ask, how much, and what the others get."""

from __future__ import annotations

from collections import Counter

import pytest
from dnslib import DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns import access
from blockctl.dns.access import Access, Admission, bucket, refusal, truncation
from blockctl.model.policy import Resolver

STRANGER = "203.0.113.9"
PLAIN = DNSRecord.question("a.example", "A").pack()
WITH_OPT = PLAIN[:11] + b"\x01" + PLAIN[12:] + bytes.fromhex("0000290200000080000000")


def settings(*words: str, public: bool = False, rate: int = 10) -> Resolver:
    return Resolver(access=words or ("loopback", "private"), public=public, rate=rate)


@pytest.mark.parametrize(
    ("words", "public", "address", "expected"),
    [
        pytest.param((), False, "127.0.0.1", True, id="this machine"),
        pytest.param((), False, "::1", True, id="this machine, IPv6"),
        pytest.param((), False, "192.168.1.20", True, id="RFC 1918"),
        pytest.param((), False, "172.32.0.1", False, id="just outside RFC 1918"),
        pytest.param((), False, "100.64.0.1", True, id="RFC 6598"),
        pytest.param((), False, "100.128.0.1", False, id="just outside RFC 6598"),
        pytest.param((), False, "fe80::1%eth0", True, id="link-local with its zone"),
        pytest.param((), False, "fd12::1", True, id="unique local"),
        pytest.param((), False, "::ffff:10.0.0.1", True, id="IPv4 inside IPv6"),
        pytest.param((), False, "::ffff:203.0.113.9", False, id="a stranger inside IPv6"),
        pytest.param((), False, "2001:db8::1", False, id="a stranger of IPv6"),
        pytest.param((), False, "", False, id="no address"),
        pytest.param(("loopback",), False, "192.168.1.20", False, id="only this machine"),
        pytest.param(("203.0.113.0/24",), False, STRANGER, True, id="a network"),
        pytest.param(("203.0.113.0/24",), False, "127.0.0.1", False, id="only that network"),
        pytest.param(("all",), True, STRANGER, True, id="everybody"),
        pytest.param(("all",), False, STRANGER, False, id="all without public is nobody from outside"),
        pytest.param(("all",), False, "192.168.1.20", True, id="all without public is the house"),
        pytest.param(("0.0.0.0/0",), False, STRANGER, False, id="all as a network, without public"),
        pytest.param(("0.0.0.0/0",), True, STRANGER, True, id="all as a network, public"),
    ],
)
def test_who_may_ask(words: tuple[str, ...], public: bool, address: str, expected: bool) -> None:
    assert Access(settings(*words, public=public)).allows(address) is expected


def taken(of: Access, address: str, now: float, tries: int = 1000) -> int:
    return sum(of.take(address, now) for _ in range(tries))


def test_a_client_has_its_rate_and_a_burst() -> None:
    one = Access(settings(rate=10))
    assert taken(one, "192.168.1.2", 0.0) == 10 * access.BURST
    assert taken(one, "192.168.1.2", 1.0) == 10
    assert taken(one, "192.168.1.3", 1.0) == 10 * access.BURST, "another has its own"
    assert taken(one, "192.168.1.2", 0.5) == 0, "a clock that goes back gives nothing"


def test_this_machine_and_rate_0_are_not_limited() -> None:
    assert taken(Access(settings(rate=1)), "127.0.0.1", 0.0) == 1000
    assert taken(Access(settings(rate=1)), "::1", 0.0) == 1000
    assert taken(Access(settings(rate=0)), "192.168.1.2", 0.0) == 1000


def test_a_household_of_ipv6_is_one_client() -> None:
    one = Access(settings(rate=10))
    assert sum(one.take(f"fd00:0:0:aa{n:02x}::1", 0.0) for n in range(256)) == 10 * access.BURST
    assert one.take("fd00:0:0:ab00::1", 0.0)


def test_a_batch_larger_than_the_bucket_leaves_a_debt() -> None:
    one = Access(settings(rate=10))
    assert one.take("10.0.0.1", 0.0, 64)
    assert not one.take("10.0.0.1", 4.0)
    assert one.take("10.0.0.1", 5.0)


def test_what_is_remembered_is_bounded() -> None:
    one = Access(settings(rate=1))
    for number in range(5 * access.CLIENTS):
        one.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
        one.take("192.168.0.1", 0.0)
    kept = one._datagrams
    assert len(kept._young) + len(kept._old) <= 2 * access.CLIENTS
    assert not one.take("192.168.0.1", 0.0), "one that goes on asking is not forgotten"


def test_strangers_get_a_trickle_by_udp_and_always_an_answer_by_tcp() -> None:
    one = Access(settings())
    by_udp = Counter(one.judge(f"203.0.113.{n % 250}", 0.0, datagram=True) for n in range(1000))
    assert by_udp == {Admission.REFUSE: access.REFUSALS * access.BURST, Admission.DROP: 1000 - 40}
    assert {one.judge(STRANGER, 0.0, datagram=False) for _ in range(1000)} == {Admission.REFUSE}


def test_too_much_by_udp_leaves_the_way_over_tcp_open() -> None:
    one = Access(settings(rate=10))
    by_udp = Counter(one.judge("10.0.0.1", 0.0, datagram=True) for _ in range(120))
    assert by_udp == {Admission.ANSWER: 20, Admission.TRUNCATE: 50, Admission.DROP: 50}
    by_tcp = Counter(one.judge("10.0.0.1", 0.0, datagram=False) for _ in range(30))
    assert by_tcp == {Admission.ANSWER: 20, Admission.REFUSE: 10}
    assert Access(settings(rate=0)).judge("10.0.0.1", 0.0, datagram=False) is Admission.ANSWER


def test_a_refusal_says_why_to_who_understands_it() -> None:
    plain, told = DNSRecord.parse(refusal(PLAIN)), DNSRecord.parse(refusal(WITH_OPT))
    for reply in (plain, told):
        assert (reply.header.qr, reply.header.rcode, reply.header.rd, reply.header.ra) == (1, 5, 1, 1)
        assert str(reply.q.qname) == "a.example."
    assert not plain.ar
    option = told.ar[0].rdata[0]
    assert (option.code, option.data) == (15, b"\0\x12not for this client")


def test_a_truncated_answer_is_no_longer_than_its_query() -> None:
    for query in (PLAIN, WITH_OPT):
        reply = truncation(query)
        assert reply is not None
        assert len(reply) == len(query)
        parsed = DNSRecord.parse(reply)
        assert (parsed.header.qr, parsed.header.tc, parsed.header.rcode, len(parsed.rr)) == (1, 1, 0, 0)
        assert len(parsed.ar) == (query is WITH_OPT)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"", id="empty"),
        pytest.param(PLAIN[:12], id="header alone"),
        pytest.param(PLAIN[:-1], id="cut short"),
        pytest.param(PLAIN[:2] + b"\x81" + PLAIN[3:], id="an answer"),
        pytest.param(PLAIN[:4] + b"\0\0" + PLAIN[6:], id="no question"),
        pytest.param(PLAIN[:12] + b"\xc0\x0c\0\1\0\1", id="a pointer in the question"),
        pytest.param(PLAIN[:12] + b"\x3f" * 64 * 5 + b"\0\0\1\0\1", id="a name too long"),
    ],
)
def test_no_answer_is_due(query: bytes) -> None:
    assert refusal(query) is None
    assert truncation(query) is None


@given(st.one_of(st.binary(max_size=80), st.builds(lambda tail: PLAIN[:12] + tail, st.binary(max_size=300))))
def test_any_bytes(query: bytes) -> None:
    for reply in (refusal(query), truncation(query)):
        if reply is not None:
            assert reply[:2] == query[:2]
            assert reply[2] & 0x80
            assert len(reply) <= len(query) + 30


def test_whom_a_proxy_tells_unreadably_is_no_part_of_this_machine() -> None:
    assert bucket("127.0.0.1") == ""
    assert bucket("") != ""
    assert not Access(Resolver()).allows("")
