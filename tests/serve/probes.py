"""66 probes of a DNS server over its sockets, each with what a correct server may say to it.

They hold every test of RFC 8906, section 8 (its number is in the probe's name), EDNS (RFC 6891), TCP (RFC 7766), one
question (RFC 9619), and messages that are cut, looping or lying (RFC 1035). `tests.serve.probing` asks any server, so
that others can be measured beside ours (tests/bench/conformance.py).
"""

from __future__ import annotations

import contextlib
import socket
from random import Random

from tests.dns.octets import (
    AD,
    ANY,
    BADVERS,
    CD,
    COOKIE,
    DO,
    ECS,
    EXPIRE,
    FORMERR,
    NOERROR,
    NOTIMP,
    NS,
    NSID,
    NXDOMAIN,
    QR,
    RD,
    REFUSED,
    TC,
    TXT,
    Z,
    header,
    number,
    opt,
    option,
    plain,
    question,
    with_opt,
)
from tests.serve.probing import GONE, LIVE, LONG, MIDDLE, NOTAUTH, Expected, Probe, by_tcp

REFUSALS = frozenset({FORMERR, NOTIMP, REFUSED, NOTAUTH})
BROKEN = frozenset({FORMERR})


def _in_a_row(port: int, *, count: int, one_by_one: bool = False, bytewise: bool = False) -> str:
    wires = [header(ident=at) + question(bytes((2, 97 + at, 97)) + b"\7example\0") for at in range(count)]
    seen = by_tcp(port, *wires, one_by_one=one_by_one, bytewise=bytewise)
    return Expected(answers=True).fault(seen, wires[-1])


def _idle(port: int) -> str:
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), LIVE))
        return Expected(answers=True).fault(by_tcp(port, plain()), plain())


def _raw(port: int, data: bytes) -> str:
    """Send what is no message over TCP and go away."""
    with socket.create_connection(("127.0.0.1", port), LIVE) as sock:
        sock.sendall(data)
        sock.settimeout(0.2)
        with contextlib.suppress(OSError):
            sock.recv(65535)
    return ""


def _raw_probe(name: str, data: bytes) -> Probe:
    return Probe(name, run=lambda port: _raw(port, data))


def _broken(name: str, wire: bytes, codes: frozenset[int] = BROKEN, **said: bool) -> Probe:
    return Probe(name, wire, Expected(codes, silence=True, answers=False, **said))


def _other(name: str, wire: bytes, codes: frozenset[int] = REFUSALS) -> Probe:
    return Probe(name, wire, Expected(codes, answers=False, echo=False))


def _new_version(name: str, **said: object) -> Probe:
    said_back = Expected(frozenset({BADVERS}), answers=False, opt=True, edns=(said.get("bits", 0) & DO, None))  # type: ignore[operator]
    return Probe(name, with_opt(version=1, **said), said_back)


ALL_OPTIONS = option(NSID) + option(COOKIE, b"12345678") + option(EXPIRE) + option(ECS, b"\0\1\0\0")
ANSWER_RECORD = b"\xc0\x0c" + number(1) + number(1) + bytes(4) + number(4) + b"\xc0\0\2\1"
NOISE = Random(8906).randbytes(300)
YES = Expected(answers=True)
EDNS = Expected(answers=True, opt=True, edns=(0, None))

PROBES = (
    Probe("plain, no OPT in the reply", plain(), Expected(answers=True, opt=False)),
    Probe("8.1.2 an unknown type has no data", plain(kind=1000), Expected(answers=False)),
    Probe("8.1.3.1 CD is copied", plain(RD | CD), Expected(answers=True, has=CD)),
    Probe("8.1.3.2 AD", plain(RD | AD), YES),
    Probe("8.1.3.3 Z is cleared", plain(RD | Z), YES),
    Probe("8.1.3.4 RD=0", plain(0), Expected(None, lacks=Z | RD)),
    Probe("8.1.4 opcode 15, header only", header(15 << 11, (0, 0, 0, 0)), Expected(frozenset({NOTIMP}), answers=False)),
    _other("opcode 15, with a question", header(15 << 11) + question(), frozenset({NOTIMP})),
    _other("STATUS is no query", header(2 << 11) + question()),
    _other("NOTIFY is no query", header(4 << 11) + question(kind=6)),
    _other("UPDATE is no query", header(5 << 11) + question(kind=6)),
    Probe("8.1.5 TCP", plain(), YES, tcp=True),
    Probe("8.2.1 EDNS", with_opt(), EDNS),
    _new_version("8.2.2 EDNS version 1"),
    Probe("8.2.3 an unknown option", with_opt(options=option(100, b"abc")), Expected(opt=True, edns=(0, b""))),
    Probe("8.2.4 an unknown EDNS flag", with_opt(bits=0x4000), EDNS),
    _new_version("8.2.5 EDNS version 1 with an unknown flag", bits=0x4000),
    _new_version("8.2.6 EDNS version 1 with an option", options=option(100, b"abc")),
    Probe(
        "8.2.7 3 kB at EDNS 512 with DO",
        header(counts=(1, 0, 0, 1)) + question(LONG, TXT) + opt(512, bits=DO),
        Expected(opt=True, has=TC, size=512),
    ),
    Probe("8.2.8 DO is copied", with_opt(bits=DO), Expected(answers=True, opt=True, edns=(DO, None))),
    _new_version("8.2.9 EDNS version 1 with DO", bits=DO),
    Probe("8.2.10 NSID, COOKIE, EXPIRE, ECS", with_opt(options=ALL_OPTIONS), EDNS),
    Probe("3 kB without EDNS", plain(name=LONG, kind=TXT), Expected(opt=False, has=TC, size=512)),
    Probe(
        "890 octets whole at 1,232",
        header(counts=(1, 0, 0, 1)) + question(MIDDLE, TXT) + opt(),
        Expected(answers=True, opt=True, lacks=Z | TC, size=1232),
    ),
    Probe("3 kB over TCP", plain(name=LONG, kind=TXT), Expected(answers=True, lacks=Z | TC), tcp=True),
    Probe(
        "payload 100 counts as 512",
        header(counts=(1, 0, 0, 1)) + question(kind=TXT) + opt(100),
        Expected(answers=True, lacks=Z | TC, size=512),
    ),
    Probe("0x20", plain(name=b"\3wWw\4TeSt\7exAMPle\0"), YES),
    Probe("TYPE65280", plain(kind=65280), YES),
    Probe("HTTPS", plain(kind=65), YES),
    Probe("NXDOMAIN with its SOA", plain(name=GONE), Expected(frozenset({NXDOMAIN}), answers=False)),
    Probe("NS of the root", plain(name=b"\0", kind=NS), YES),
    Probe("ANY", plain(kind=ANY), Expected(None)),
    Probe("a name of 255 octets", plain(name=(b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"), YES),
    Probe("a label with a dot", plain(name=b"\3a.b\4test\7example\0"), YES),
    Probe("a label with NUL, 0xFF and space", plain(name=b"\5a\0\xff b\4test\7example\0"), YES),
    _other("class CH is not answered from IN", plain(klass=3)),
    _other("AXFR is not relayed", plain(kind=252)),
    Probe("five queries in one write", run=lambda port: _in_a_row(port, count=5)),
    Probe("two queries in turn", run=lambda port: _in_a_row(port, count=2, one_by_one=True)),
    Probe("a query byte by byte", run=lambda port: _in_a_row(port, count=1, bytewise=True)),
    Probe("30 idle clients", run=_idle),
    _broken("an empty datagram", b""),
    _broken("1 octet", b"\0"),
    _broken("11 octets", header()[:11]),
    _broken("header only", header(), echo=False),
    _broken("QDCOUNT 0", header(counts=(0, 0, 0, 0)) + question(), REFUSALS, echo=False),
    _broken("QDCOUNT 2", header(counts=(2, 0, 0, 0)) + question() * 2, frozenset({FORMERR, NOTIMP, REFUSED})),
    _broken("QDCOUNT 65535", header(counts=(65535, 0, 0, 0)) + question()),
    _broken("a question cut off", plain()[:-3]),
    Probe("an answer", header(QR | RD) + question(), Expected(frozenset(), silence=True)),
    _broken("a pointer to itself", header() + b"\xc0\x0c\0\1\0\1", echo=False),
    _broken("a pointer past the end", header() + b"\xcf\xff\0\1\0\1", echo=False),
    _broken("a label of 64 octets", header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", echo=False),
    _broken("a name over 255", plain(name=(b"\x3f" + b"a" * 63) * 4 + b"\0"), echo=False),
    _broken("ARCOUNT lies", header(counts=(1, 0, 0, 5)) + question() + opt()),
    _broken("two OPT", header(counts=(1, 0, 0, 2)) + question() + opt() * 2),
    _broken("OPT with an owner", with_opt(owner=b"\1a\0")),
    _broken("OPT past the end", with_opt(length=50)),
    _broken("an option past its OPT", with_opt(options=option(COOKIE, b"1234", length=90))),
    Probe("octets behind", plain() + b"\0" * 20, Expected(frozenset({NOERROR, FORMERR}), silence=True)),
    Probe(
        "an answer in a query",
        header(counts=(1, 1, 0, 0)) + question() + ANSWER_RECORD,
        Expected(frozenset({NOERROR, FORMERR}), silence=True),
    ),
    Probe("60 kB of zeros", bytes(60_000), Expected(BROKEN | {NOERROR, REFUSED}, silence=True, echo=False)),
    Probe("300 octets of noise", NOISE, Expected(None, silence=True, echo=False)),
    _raw_probe("TCP: length 0", b"\0\0"),
    _raw_probe("TCP: length 65535, then nothing", b"\xff\xff" + plain()),
    _raw_probe("TCP: HTTP", b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"),
)
