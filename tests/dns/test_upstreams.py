"""How upstreams are spelled, how an answer is judged, and whom to ask."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.health import MISSES, Health, Plan, plan
from blockctl.dns.upstream_wire import (
    Check,
    address_query,
    check,
    mix_case,
    pad,
    question_end,
    read_addresses,
    restore,
    without_edns,
)
from blockctl.dns.upstreams import Scheme, Upstream, UpstreamError, parse_upstream

QUERY = address_query("www.Example.com", 1)
END = question_end(QUERY)
OPT = b"\0\0\x29\x04\xd0" + bytes(6)


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "path", "name"),
    [
        pytest.param("9.9.9.9", Scheme.UDP, "9.9.9.9", 53, "", "", id="address"),
        pytest.param("127.0.0.1:5400", Scheme.UDP, "127.0.0.1", 5400, "", "", id="port"),
        pytest.param("[::1]:53", Scheme.UDP, "::1", 53, "", "", id="IPv6 and port"),
        pytest.param("2620:FE:0::fe", Scheme.UDP, "2620:fe::fe", 53, "", "", id="IPv6"),
        pytest.param("fe80::1%eth0", Scheme.UDP, "fe80::1%eth0", 53, "", "", id="link-local"),
        pytest.param("udp://router.lan", Scheme.UDP, "router.lan", 53, "", "", id="name by UDP"),
        pytest.param("tcp://[2620:fe::fe]", Scheme.TCP, "2620:fe::fe", 53, "", "", id="TCP"),
        pytest.param("tls://dns.quad9.net", Scheme.TLS, "dns.quad9.net", 853, "", "dns.quad9.net", id="DoT"),
        pytest.param(
            "TLS://DNS.Quad9.net.:8853", Scheme.TLS, "dns.quad9.net", 8853, "", "dns.quad9.net", id="capitals"
        ),
        pytest.param("tls://9.9.9.9", Scheme.TLS, "9.9.9.9", 853, "", "9.9.9.9", id="certificate for an address"),
        pytest.param("tls://1.1.1.1#one.example", Scheme.TLS, "1.1.1.1", 853, "", "one.example", id="name after #"),
        pytest.param("https://d.example", Scheme.HTTPS, "d.example", 443, "/dns-query", "d.example", id="DoH"),
        pytest.param("https://[::1]:8443/q#d.example", Scheme.HTTPS, "::1", 8443, "/q", "d.example", id="DoH, all"),
        pytest.param("quic://d.example", Scheme.QUIC, "d.example", 853, "", "d.example", id="DoQ"),
        pytest.param("DOQ://[::1]:784#d.example", Scheme.QUIC, "::1", 784, "", "d.example", id="DoQ, all"),
        pytest.param("https://d.example/q{?dns}", Scheme.HTTPS, "d.example", 443, "/q", "d.example", id="template"),
    ],
)
def test_a_spelling(text: str, scheme: Scheme, host: str, port: int, path: str, name: str) -> None:
    assert parse_upstream(text) == Upstream(text, scheme, host, port, path, name)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "is no upstream", id="nothing"),
        pytest.param("tls://", "is no upstream", id="no host"),
        pytest.param("9.9.9.9:99999", "ports are 1 to 65535", id="port too large"),
        pytest.param("9.9.9.9:0", "ports are 1 to 65535", id="port 0"),
        pytest.param("9.9.9.9:x", "is no upstream", id="port no number"),
        pytest.param("9.9.9", "neither an address nor a host name", id="three numbers"),
        pytest.param("a b", "neither an address nor a host name", id="blank"),
        pytest.param("quic://dns.example/q", "only https:// upstreams have one", id="path by QUIC"),
        pytest.param("9.9.9.9/dns-query", "only https:// upstreams have one", id="path without https"),
        pytest.param("h3://dns.example", "DNS over HTTP/3 is not spoken here", id="HTTP/3"),
        pytest.param("sdns://AQcAAAAA", "DNSCrypt stamps are not spoken here", id="stamp"),
        pytest.param("ftp://dns.example", "no such protocol as ftp", id="ftp"),
        pytest.param("9.9.9.9#dns.example", "udp has no certificate", id="name without TLS"),
        pytest.param("tls://1.1.1.1#a b", "is no upstream", id="name with a blank"),
        pytest.param("https://a@b/", "is no upstream", id="user"),
        pytest.param("https://d.example/ä", "write them as %XX", id="path of a URL"),
    ],
)
def test_a_spelling_that_is_none(text: str, told: str) -> None:
    with pytest.raises(UpstreamError, match=told.replace("(", r"\(")):
        parse_upstream(text)


@given(st.text(max_size=60))
def test_any_text_is_an_upstream_or_an_error(text: str) -> None:
    try:
        found = parse_upstream(text)
    except UpstreamError:
        return
    assert parse_upstream(found.text) == found


def message(head: str, question: bytes = QUERY[12:], rest: bytes = b"") -> bytes:
    return bytes.fromhex(head.replace(" ", "")) + question + rest


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(message("0000 8180 0001 0000 0000 0000"), Check.GOOD, id="NOERROR"),
        pytest.param(message("0000 8183 0001 0000 0000 0000"), Check.GOOD, id="NXDOMAIN"),
        pytest.param(message("0000 8182 0001 0000 0000 0000"), Check.POOR, id="SERVFAIL"),
        pytest.param(message("0000 8185 0001 0000 0000 0000"), Check.POOR, id="REFUSED"),
        pytest.param(message("0000 8181 0000 0000 0000 0000", b""), Check.POOR, id="FORMERR without the question"),
        pytest.param(message("0000 8180 0000 0000 0000 0000", b""), Check.BROKEN, id="NOERROR without the question"),
        pytest.param(message("0000 8380 0001 0000 0000 0000"), Check.CUT, id="TC"),
        pytest.param(message("0000 0100 0001 0000 0000 0000"), Check.BROKEN, id="a query"),
        pytest.param(message("0000 a180 0001 0000 0000 0000"), Check.BROKEN, id="another opcode"),
        pytest.param(message("0000 8180 0002 0000 0000 0000"), Check.BROKEN, id="two questions"),
        pytest.param(message("0000 8180 0001 0000 0000 0000", QUERY[12:-1]), Check.BROKEN, id="cut in the question"),
        pytest.param(message("0000 8180 0001 0000 0000 0000", QUERY[12:].lower()), Check.CASE, id="case"),
        pytest.param(message("0000 8180 0001", b""), Check.BROKEN, id="half a head"),
        pytest.param(b"", Check.BROKEN, id="nothing"),
        pytest.param(
            message("0000 8180 0001 0000 0000 0000", QUERY[12:-4] + b"\0\x1c\0\1"), Check.OTHER, id="another type"
        ),
        pytest.param(
            message("0000 8180 0001 0000 0000 0000", QUERY[12:].replace(b"E", b"F")), Check.OTHER, id="another name"
        ),
    ],
)
def test_an_answer_is_judged(answer: bytes, expected: Check) -> None:
    assert check(QUERY, END, answer) is expected


def test_the_type_has_no_case() -> None:
    # 65 and 97 are `A` and `a`: HTTPS and a type nobody has.
    https, other = address_query("a.example", 65), address_query("a.example", 97)
    end = question_end(https)
    assert check(https, end, other[:2] + b"\x81\x80" + other[4:]) is Check.OTHER


def test_case_may_be_of_no_matter() -> None:
    answer = message("0000 8182 0001 0000 0000 0000", QUERY[12:].lower())
    assert check(QUERY, END, answer, case=False) is Check.POOR


names = st.lists(
    st.text("abcXYZ019-_", min_size=1, max_size=63), min_size=1, max_size=3
).map(".".join)  # fmt: skip


@given(names, st.binary(min_size=255, max_size=255))
def test_the_letters_are_turned_and_nothing_else(name: str, noise: bytes) -> None:
    wire = address_query(name, 65)
    end = question_end(wire)
    mixed = mix_case(wire, end, noise)
    assert mixed[12 : end - 4].lower() == wire[12 : end - 4].lower()
    assert (mixed[:12], mixed[end - 4 :]) == (wire[:12], wire[end - 4 :])
    assert restore(wire, end, mixed) == wire
    letters = [at for at in range(12, end - 4) if chr(wire[at]).isalpha()]
    assert all((mixed[at] != wire[at]) == bool(noise[at - 12] & 0x20) for at in letters)


@given(names, st.booleans(), st.binary(max_size=40))
def test_padding(name: str, edns: bool, option: bytes) -> None:
    wire = address_query(name, 1)
    end = question_end(wire)
    if edns:
        data = b"\0\x0a" + len(option).to_bytes(2, "big") + option
        wire = wire[:11] + b"\1" + wire[12:] + OPT[:-2] + len(data).to_bytes(2, "big") + data
    padded = pad(wire)
    assert len(padded) % 128 == 0
    assert len(padded) - len(wire) < 128 + 15
    assert padded[12:end] == wire[12:end]
    assert padded[10:12] == b"\0\1"
    size = int.from_bytes(padded[end + 9 : end + 11], "big")
    assert end + 11 + size == len(padded)
    assert without_edns(padded, end) == address_query(name, 1)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(QUERY[:20], id="half a question"),
        pytest.param(QUERY + b"x", id="more than is counted"),
        pytest.param(QUERY[:11] + b"\1" + QUERY[12:] + OPT[:-1], id="half an OPT"),
        pytest.param(QUERY[:11] + b"\1" + QUERY[12:] + b"\1a" + OPT, id="another record last"),
    ],
)
def test_what_cannot_be_padded_is_left(wire: bytes) -> None:
    assert pad(wire) == wire


@given(st.binary(max_size=80))
def test_random_bytes_do_no_harm(wire: bytes) -> None:
    pad(wire)
    check(QUERY, END, wire)
    read_addresses(wire, 1)
    end = question_end(wire)
    assert end <= len(wire)


def test_addresses_of_an_answer() -> None:
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\x05\0\x02\xc0\x10"
    four = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
    odd = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\5\xc0\0\2\1\1"
    answer = message("0000 8180 0001 0003 0000 0000", rest=alias + odd + four)
    assert read_addresses(answer, 1) == [("192.0.2.1", 300)]
    assert read_addresses(answer, 28) == []
    assert read_addresses(answer[:-1], 1) == []
    six = b"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10" + b"\x20\1\x0d\xb8" + bytes(11) + b"\1"
    assert read_addresses(message("0000 8180 0001 0001 0000 0000", rest=six), 28) == [("2001:db8::1", 60)]


def known(took: float, at: float = 100.0) -> Health:
    made = Health()
    made.succeed(took, at)
    return made


def off(until: float) -> Health:
    return Health(failures=MISSES, retry_at=until)


def never() -> float:
    return 0.99


@pytest.mark.parametrize(
    ("strategy", "healths", "expected"),
    [
        pytest.param("fastest", [known(0.03), known(0.01)], Plan((1, 0), 1), id="the fastest"),
        pytest.param("fastest", [known(0.03), Health()], Plan((1, 0), 2), id="one unknown: both"),
        pytest.param("fastest", [known(0.01), known(0.03, at=10)], Plan((0, 1), 2), id="measured long ago"),
        pytest.param("fastest", [known(0.01), off(90)], Plan((0, 1), 2), id="recovers: asked besides"),
        pytest.param("fastest", [off(110), known(0.9)], Plan((1, 0), 1), id="in back-off: last"),
        pytest.param(
            "fastest", [off(120), off(110), off(130)], Plan((1, 0, 2), 2), id="all in back-off: soonest first"
        ),
        pytest.param("ordered", [known(0.03), known(0.01)], Plan((0, 1), 1), id="ordered"),
        pytest.param("ordered", [Health(), known(0.01)], Plan((0, 1), 1), id="ordered, unknown"),
        pytest.param("ordered", [off(110), known(1), known(1)], Plan((1, 2, 0), 1), id="ordered, first in back-off"),
        pytest.param("ordered", [off(90), known(1), known(1)], Plan((1, 0, 2), 2), id="ordered, first recovers"),
        pytest.param("spread", [known(1), known(1), known(1)], Plan((2, 0, 1), 1), id="spread"),
        pytest.param("fastest", [off(110)], Plan((0,), 1), id="alone"),
        pytest.param("ordered", [off(110)], Plan((0,), 1), id="alone, ordered"),
    ],
)
def test_whom_to_ask(strategy: str, healths: list[Health], expected: Plan) -> None:
    assert plan(strategy, healths, 100.5, never) == expected


def test_another_is_measured_now_and_then() -> None:
    draws = iter([0.001, 0.6])
    assert plan("fastest", [known(0.01), known(0.02), known(0.03)], 100.5, lambda: next(draws)) == Plan((0, 2, 1), 2)


def test_spread_asks_each_as_often() -> None:
    draws = itertools.cycle([0.0, 0.3, 0.5, 0.99])
    healths = [Health(), Health()]
    first = [plan("spread", healths, 0, lambda: next(draws)).order[0] for _ in range(8)]
    assert first.count(0) == first.count(1)


@given(
    st.sampled_from(["fastest", "ordered", "spread"]),
    st.lists(st.builds(Health, failures=st.integers(0, 5), retry_at=st.floats(0, 200)), min_size=1, max_size=5),
    st.floats(0, 0.999),
)
def test_everybody_is_in_the_order_once(strategy: str, healths: list[Health], chance: float) -> None:
    found = plan(strategy, healths, 100.0, lambda: chance)
    assert sorted(found.order) == list(range(len(healths)))
    assert 1 <= found.at_once <= len(healths)
    well = [at for at, each in enumerate(healths) if each.works(100.0)]
    assert not well or found.order[0] in well


def test_back_off_grows_and_ends() -> None:
    health, now, waits = Health(), 0.0, []
    for _ in range(MISSES - 1):
        health.fail("silent", now)
    assert health.works(now)
    for _ in range(9):
        health.fail("silent", now)
        health.fail("silent", now + 0.1)  # of the same burst
        waits.append(round(health.retry_at - now, 3))
        assert not health.works(now)
        now = health.retry_at + 0.01
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    health.succeed(0.02, now)
    assert health.works(now)


def test_a_certain_failure_is_heeded_at_once() -> None:
    health = Health()
    health.fail("refused", 5.0, certain=True)
    assert not health.works(5.5)
    assert health.retry_at == 6.0


def test_one_question_finds_out_for_all() -> None:
    healths = [known(0.01), off(90)]
    healths[1].try_again(100.0)
    assert plan("fastest", healths, 100.1, never) == Plan((0, 1), 1)
    healths[1].fail("still silent", 100.4)
    assert healths[1].retry_at == 102.4


def test_patience_follows_the_usual_time() -> None:
    quick, slow = Health(), Health()
    for _ in range(30):
        quick.succeed(0.005, 0)
        slow.succeed(0.3, 0)
    assert quick.patience("fastest") == 0.1
    assert quick.patience("ordered") == 0.5
    assert 0.3 < slow.patience("fastest") < 0.4
    for _ in range(30):
        slow.succeed(30.0, 0)
    assert slow.patience("fastest") == 1.5
