"""What a server of DNS has to answer to messages well and badly made.

RFC 8906, section 8 (what servers get wrong), RFC 6891 (EDNS), RFC 9619 (one question), RFC 1035, RFC 8482. The messages
are written here octet by octet, and the answers read octet by octet.
"""

from __future__ import annotations

import pytest

from blockctl.dns.exchange import Client, Forward, Reply
from tests.dns.octets import (
    AA,
    AD,
    ANY,
    BADVERS,
    CD,
    COOKIE,
    DO,
    ECS,
    EXPIRE,
    FORMERR,
    LONG,
    MIDDLE,
    NOERROR,
    NOTIMP,
    NS,
    NSID,
    NXDOMAIN,
    QR,
    RA,
    RD,
    REFUSED,
    SHORT,
    TC,
    TXT,
    A,
    Seen,
    Z,
    header,
    name_end,
    number,
    opt,
    option,
    plain,
    question,
    read,
    upstream,
    with_opt,
)
from tests.dns.worlds import TCP, UDP, resolver


def ask(wire: bytes, client: Client = UDP, records: int = SHORT, **said: bool) -> Seen | None:
    """Ask a new resolver, whose upstream answers everything; the server must be alive after it."""
    server = resolver()
    step = server.answer(wire, client, 0.0)
    if isinstance(step, Forward):
        step = server.finish(step, upstream(step.wire, records, **said), 0.0)
    still = server.answer(plain(), UDP, 1.0)
    assert isinstance(still, Forward | Reply)
    if step is None:
        return None
    assert isinstance(step, Reply)
    seen = read(step.wire)
    assert seen.wire[:2] == wire[:2]
    assert seen.flags & QR
    assert not seen.flags & Z, "the Z bit is to be clear"
    assert len(seen.wire) <= (1232 if client is UDP else 65535)
    return seen


ANSWERED = [
    pytest.param(plain(), {"opt": 0, "answers": 1, "has": RD | RA, "lacks": AA | AD | CD | TC}, id="plain, no OPT"),
    pytest.param(plain(kind=1000), {"answers": 1}, id="unknown type"),
    pytest.param(plain(RD | AD), {}, id="AD"),
    pytest.param(plain(RD | CD), {"has": CD}, id="CD is copied"),
    pytest.param(plain(RD | Z), {}, id="Z is cleared"),
    pytest.param(plain(0), {"lacks": RD, "answers": 1}, id="without RD"),
    pytest.param(plain(RD | AA | TC | RA), {"lacks": AA | TC}, id="flags of answers in a query"),
    pytest.param(with_opt(), {"opt": 1, "answers": 1}, id="EDNS"),
    pytest.param(with_opt(payload=4096), {"opt": 1}, id="EDNS 4096"),
    pytest.param(with_opt(payload=0), {"opt": 1, "answers": 1}, id="EDNS 0 octets"),
    pytest.param(with_opt(bits=DO), {"opt": 1, "do": True}, id="DO is copied"),
    pytest.param(with_opt(), {"opt": 1, "do": False}, id="no DO of our own"),
    pytest.param(with_opt(bits=0x4000), {"opt": 1, "do": False, "ednsflags": 0}, id="unknown EDNS flag is cleared"),
    pytest.param(with_opt(options=option(100, b"abc")), {"opt": 1, "options": b""}, id="unknown option is ignored"),
    pytest.param(
        with_opt(options=option(NSID) + option(COOKIE, b"12345678") + option(EXPIRE) + option(ECS, b"\0\1\0\0")),
        {"opt": 1, "answers": 1},
        id="NSID, COOKIE, EXPIRE and ECS together",
    ),
    pytest.param(with_opt(options=option(ECS, b"\0\1\x18\0\xc0\0\2")), {"opt": 1, "options": b""}, id="ECS not echoed"),
    pytest.param(plain(name=b"\3WwW\4tEsT\7eXaMpLe\0"), {"answers": 1}, id="0x20"),
    pytest.param(plain(kind=65), {"answers": 0}, id="HTTPS that is no HTTPS is dropped"),
    pytest.param(plain(kind=65280), {"answers": 1}, id="TYPE65280"),
    pytest.param(plain(name=b"\0", kind=NS), {}, id="NS of the root"),
    pytest.param(plain(kind=ANY), {"answers": 1}, id="ANY"),
    pytest.param(plain(name=b"\x3f" + b"a" * 63 + b"\0", kind=TXT), {"answers": 1}, id="a label of 63 octets"),
    pytest.param(plain(name=(b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"), {"answers": 1}, id="255 octets"),
    pytest.param(plain(name=b"\x09a.b\0\xff \\()\7example\0"), {"answers": 1}, id="a label with dot, NUL, 0xFF, space"),
    pytest.param(plain() + b"\0" * 20, {"answers": 1}, id="octets behind the question"),
    pytest.param(
        header(counts=(1, 1, 0, 0)) + question() + b"\xc0\x0c" + number(A) + number(1) + bytes(4) + number(4) + b"1234",
        {"answers": 1},
        id="an answer in a query",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wire", "expected"), ANSWERED)
def test_answered(wire: bytes, expected: dict[str, int]) -> None:
    seen = ask(wire)
    assert seen is not None
    assert seen.rcode == NOERROR
    assert seen.question == wire[12 : name_end(wire, 12) + 4]
    _as(seen, expected)


def _as(seen: Seen, expected: dict[str, int]) -> None:
    for key, value in expected.items():
        if key == "opt":
            assert len(seen.opts) == value
        elif key == "answers":
            assert seen.counts[1] == value
        elif key == "has":
            assert seen.flags & value == value
        elif key == "lacks":
            assert not seen.flags & value
        elif key == "do":
            assert bool(seen.opts[0][1] & DO) == value
        elif key == "ednsflags":
            assert seen.opts[0][1] & 0xFFFF == value
        else:
            assert seen.opts[0][2] == value


OPCODES = [
    *(pytest.param(header(code << 11, (0, 0, 0, 0)), id=f"opcode {code}, header only") for code in (2, 4, 5, 15)),
    *(pytest.param(header(code << 11) + question(), id=f"opcode {code}, with question") for code in range(1, 16)),
    pytest.param(header(5 << 11, (1, 1, 1, 1)) + question() + b"\xff" * 30, id="UPDATE with nonsense"),
]


@pytest.mark.parametrize("wire", OPCODES)
def test_other_operations_are_not_implemented(wire: bytes) -> None:
    seen = ask(wire)
    assert seen is not None
    assert (seen.rcode, seen.counts[1]) == (NOTIMP, 0)
    assert seen.flags & 0x7800 == int.from_bytes(wire[2:4], "big") & 0x7800


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(with_opt(version=1), id="alone"),
        pytest.param(with_opt(version=1, bits=0x4000), id="with an unknown flag"),
        pytest.param(with_opt(version=1, options=option(100, b"abc")), id="with an option"),
        pytest.param(with_opt(version=1, bits=DO), id="with DO"),
        pytest.param(with_opt(version=1, kind=ANY), id="with another type"),
        pytest.param(with_opt(version=1, options=b"\0"), id="with options that only that version can read"),
        pytest.param(with_opt(version=255), id="version 255"),
    ],
)
def test_other_versions_of_edns(wire: bytes) -> None:
    """RFC 6891, section 6.1.3: BADVERS, and the version that we have."""
    seen = ask(wire)
    assert seen is not None
    assert (seen.rcode, len(seen.opts), seen.opts[0][1] >> 16 & 255, seen.counts[1]) == (BADVERS, 1, 0, 0)


@pytest.mark.parametrize(
    ("wire", "rcodes"),
    [
        pytest.param(header(counts=(0, 0, 0, 0)), {FORMERR}, id="header only"),
        pytest.param(header(counts=(1, 0, 0, 0)), {FORMERR}, id="a question that is not there"),
        pytest.param(header(counts=(2, 0, 0, 0)) + question() * 2, {FORMERR}, id="two questions"),
        pytest.param(header(counts=(65535, 0, 0, 0)) + question(), {FORMERR}, id="65535 questions"),
        pytest.param(plain()[:-3], {FORMERR}, id="a question cut off"),
        pytest.param(plain()[:17], {FORMERR}, id="a name cut off"),
        pytest.param(header() + b"\xc0\x0c\0\1\0\1", {FORMERR}, id="a pointer to itself"),
        pytest.param(header() + b"\xc0\x0e\xc0\x0c\0\1\0\1", {FORMERR}, id="pointers that lead round"),
        pytest.param(header() + b"\xcf\xff\0\1\0\1", {FORMERR}, id="a pointer past the end"),
        pytest.param(header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", {FORMERR}, id="a label of 64 octets"),
        pytest.param(header() + b"\x80" + b"a" * 64 + b"\0\0\1\0\1", {FORMERR}, id="a label of an unknown form"),
        pytest.param(plain(name=(b"\x3f" + b"a" * 63) * 4 + b"\0"), {FORMERR}, id="a name of 257 octets"),
        pytest.param(plain(name=b"\1a" * 127 + b"\0" + b""), {NOERROR}, id="a name of 255 octets, 127 labels"),
        pytest.param(plain(name=b"\1a" * 128 + b"\0"), {FORMERR}, id="128 labels"),
        pytest.param(header(counts=(1, 0, 0, 5)) + question() + opt(), {FORMERR}, id="fewer records than promised"),
        pytest.param(header(counts=(1, 0, 0, 2)) + question() + opt() * 2, {FORMERR}, id="two OPT"),
        pytest.param(with_opt(owner=b"\1a\0"), {FORMERR}, id="OPT with an owner"),
        pytest.param(with_opt(length=50), {FORMERR}, id="OPT past the end"),
        pytest.param(with_opt(options=option(COOKIE, b"1234", length=90)), {FORMERR}, id="an option past its OPT"),
        pytest.param(with_opt(options=b"\0\x0a\0"), {FORMERR}, id="a part of an option"),
        pytest.param(header(counts=(1, 1, 0, 0)) + question() + opt(), {FORMERR}, id="OPT among answers"),
        pytest.param(header() + b"\0" * 60_000, {FORMERR}, id="60 kB of zeros: type 0"),
        pytest.param(plain(kind=0), {FORMERR}, id="type 0"),
        pytest.param(plain(kind=41), {FORMERR}, id="OPT as a question"),
        pytest.param(plain(klass=3), {REFUSED, NOTIMP}, id="class CH"),
        pytest.param(plain(name=b"\7version\4bind\0", kind=TXT, klass=3), {REFUSED, NOTIMP}, id="version.bind"),
        pytest.param(plain(klass=4), {REFUSED, NOTIMP}, id="class HS"),
        pytest.param(plain(klass=0), {REFUSED, NOTIMP, FORMERR}, id="class 0"),
        pytest.param(plain(klass=254), {REFUSED, NOTIMP, FORMERR}, id="class NONE"),
        pytest.param(plain(kind=252), {REFUSED, NOTIMP}, id="AXFR"),
        pytest.param(plain(kind=251), {REFUSED, NOTIMP}, id="IXFR"),
        pytest.param(plain(kind=253), {REFUSED, NOTIMP}, id="MAILB"),
        pytest.param(plain(kind=249), {REFUSED, NOTIMP, FORMERR}, id="TKEY"),
    ],
)  # fmt: skip
def test_turned_away(wire: bytes, rcodes: set[int]) -> None:
    seen = ask(wire)
    assert seen is not None
    assert seen.rcode in rcodes
    assert seen.counts[1] == (1 if NOERROR in rcodes else 0)


@pytest.mark.parametrize("client", [pytest.param(UDP, id="udp"), pytest.param(TCP, id="tcp")])
@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x12", id="one octet"),
        pytest.param(header()[:11], id="11 octets"),
        pytest.param(header(QR | RD) + question(), id="an answer"),
        pytest.param(header(QR | 15 << 11, (0, 0, 0, 0)), id="an answer of another operation"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[:11], id="HTTP"),
    ],
)
def test_never_answered(wire: bytes, client: Client) -> None:
    assert ask(wire, client) is None


@pytest.mark.parametrize(
    ("wire", "records", "limit", "cut"),
    [
        pytest.param(plain(kind=TXT), LONG, 512, True, id="3 kB without EDNS"),
        pytest.param(with_opt(kind=TXT, payload=512), LONG, 512, True, id="3 kB at 512"),
        pytest.param(with_opt(kind=TXT, payload=100), LONG, 512, True, id="3 kB at 100, which is 512"),
        pytest.param(with_opt(kind=TXT, payload=100), 2, 512, False, id="450 octets at 100, which is 512"),
        pytest.param(with_opt(kind=TXT, payload=1232), LONG, 1232, True, id="3 kB at 1232"),
        pytest.param(with_opt(kind=TXT, payload=4096), LONG, 1232, True, id="3 kB at 4096, which is 1232"),
        pytest.param(with_opt(kind=TXT, payload=1232), MIDDLE, 1232, False, id="900 octets at 1232"),
        pytest.param(plain(kind=TXT), MIDDLE, 512, True, id="900 octets without EDNS"),
    ],
)
def test_sizes_by_udp(wire: bytes, records: int, limit: int, cut: bool) -> None:
    seen = ask(wire, records=records)
    assert seen is not None
    assert len(seen.wire) <= limit
    assert bool(seen.flags & TC) == cut
    assert len(seen.opts) == wire[11]
    assert seen.counts[1] == (0 if cut else records)


def test_by_tcp_nothing_is_cut() -> None:
    seen = ask(plain(kind=TXT), TCP, records=LONG)
    assert seen is not None
    assert (seen.counts[1], seen.flags & TC) == (LONG, 0)


def test_an_absence_keeps_its_soa() -> None:
    seen = ask(plain(), negative=True)
    assert seen is not None
    assert (seen.rcode, seen.counts[1:3]) == (NXDOMAIN, (0, 1))


@pytest.mark.parametrize(("wire", "told"), [(plain(), 0), (plain(RD | AD), AD), (with_opt(bits=DO), AD)])
def test_ad_is_for_who_can_read_it(wire: bytes, told: int) -> None:
    """RFC 6840, section 5.8."""
    seen = ask(wire, ad=True)
    assert seen is not None
    assert seen.flags & AD == told
