"""DNS messages written and read octet by octet, so that neither side of a test rests on the code under test."""

from __future__ import annotations

from dataclasses import dataclass

NAME = b"\3www\4test\7example\0"
A, NS, TXT, ANY = 1, 2, 16, 255
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
DO, COOKIE, NSID, EXPIRE, ECS = 0x8000, 10, 3, 9, 8
SHORT, LONG, MIDDLE = 1, 13, 4  # records of 230 octets


def number(value: int, size: int = 2) -> bytes:
    return value.to_bytes(size, "big")


def header(flags: int = RD, counts: tuple[int, int, int, int] = (1, 0, 0, 0), ident: int = 0x1234) -> bytes:
    return b"".join(map(number, (ident, flags, *counts)))


def question(name: bytes = NAME, kind: int = A, klass: int = 1) -> bytes:
    return name + number(kind) + number(klass)


def opt(
    payload: int = 1232, version: int = 0, bits: int = 0, options: bytes = b"", owner: bytes = b"\0", length: int = -1
) -> bytes:
    size = number(len(options) if length < 0 else length)
    return owner + number(41) + number(payload) + number(version << 16 | bits, 4) + size + options


def option(code: int, data: bytes = b"", length: int = -1) -> bytes:
    return number(code) + number(len(data) if length < 0 else length) + data


def plain(flags: int = RD, **said: object) -> bytes:
    return header(flags) + question(**said)  # type: ignore[arg-type]


def with_opt(flags: int = RD, kind: int = A, **said: object) -> bytes:
    return header(flags, (1, 0, 0, 1)) + question(kind=kind) + opt(**said)  # type: ignore[arg-type]


@dataclass
class Seen:
    """An answer, read without the code under test."""

    wire: bytes
    flags: int
    counts: tuple[int, ...]
    question: bytes
    opts: list[tuple[int, int, bytes]]  # payload, the four octets of flags, options

    @property
    def rcode(self) -> int:
        return self.flags & 15 | (self.opts[0][1] >> 24 << 4 if self.opts else 0)


def name_end(wire: bytes, at: int) -> int:
    while 0 < wire[at] < 64:
        at += 1 + wire[at]
    return at + (2 if wire[at] else 1)


def read(wire: bytes) -> Seen:
    flags, *counts = (int.from_bytes(wire[at : at + 2], "big") for at in range(2, 12, 2))
    at = 12
    for _ in range(counts[0]):
        at = name_end(wire, at) + 4
    asked, opts = wire[12:at], []
    for _ in range(sum(counts[1:])):
        at = name_end(wire, at)
        kind, payload = int.from_bytes(wire[at : at + 2], "big"), int.from_bytes(wire[at + 2 : at + 4], "big")
        numbers, size = int.from_bytes(wire[at + 4 : at + 8], "big"), int.from_bytes(wire[at + 8 : at + 10], "big")
        at += 10 + size
        if kind == 41:
            opts.append((payload, numbers, wire[at - size : at]))
    assert at == len(wire), "octets behind the last record"
    return Seen(wire, flags, tuple(counts), asked, opts)


def upstream(asked: bytes, records: int, *, negative: bool = False, ad: bool = False) -> bytes:
    """Answer with so many TXT or A records, or with an SOA."""
    end = name_end(asked, 12)
    kind = asked[end : end + 2]
    if negative:
        data = b"\2ns\0\4root\0" + b"".join(number(each, 4) for each in (1, 2, 3, 4, 60))
        body = b"\7example\0" + number(6) + number(1) + number(300, 4) + number(len(data)) + data
        counts = (1, 0, 1, 0)
    else:
        data = {A: b"\xc0\0\2\1", NS: b"\1a\0", TXT: b"\xc8" + b"x" * 200}.get(int.from_bytes(kind, "big"), b"\3abc")
        each = [data if kind == number(NS) else data[:-1] + bytes((at,)) for at in range(records)]
        body = b"".join(b"\xc0\x0c" + kind + number(1) + number(300, 4) + number(len(one)) + one for one in each)
        counts = (1, records, 0, 0)
    flags = QR | RD | RA | (AD if ad else 0) | (NXDOMAIN if negative else 0)
    return asked[:2] + number(flags) + b"".join(map(number, counts)) + asked[12 : end + 4] + body
