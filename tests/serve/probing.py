"""How a DNS server is probed over its sockets: a message sent, and what is wrong with the answer."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from tests.dns.octets import (
    FORMERR,
    NOERROR,
    QR,
    Seen,
    Z,
    name_end,
    number,
    read,
    upstream,
    with_opt,
)
from tests.serve.running import Upstream

WAIT = 1.5  # seconds for an answer that may stay away
LIVE = 5.0  # seconds for the answer that shows a server alive
GONE, LONG, MIDDLE = b"\4gone\7example\0", b"\4long\4test\7example\0", b"\6middle\4test\7example\0"
NOTAUTH = 9
RECORDS = {LONG: 15, MIDDLE: 4, GONE: 0}  # of 213 octets; any other name has one


class Truthful(Upstream):
    """An upstream that answers every question, some at length."""

    def _made(self, wire: bytes) -> bytes | None:
        try:
            made = self._to(wire)
        except IndexError:  # a peer relays what is no query
            return None
        return made[:2] + bytes((made[2] & 0xFE | wire[2] & 1,)) + made[3:]  # RD as it was asked

    def _to(self, wire: bytes) -> bytes:
        end = name_end(wire, 12)
        name, kind = wire[12:end].lower(), int.from_bytes(wire[end : end + 2], "big")
        if kind == 1000:
            return wire[:2] + number(0x8180) + number(1) + bytes(6) + wire[12 : end + 4]
        if kind == 65:
            data = b"\0\1\0\0\1\0\3\2h2"
            record = b"\xc0\x0c" + number(65) + number(1) + number(60, 4) + number(len(data)) + data
            return wire[:2] + number(0x8180) + number(1) + number(1) + bytes(4) + wire[12 : end + 4] + record
        return upstream(wire, RECORDS.get(name, 1), negative=name == GONE)


@dataclass(frozen=True)
class Expected:
    """What a correct answer is."""

    codes: frozenset[int] | None = frozenset({NOERROR})  # None: whatever the code
    silence: bool = False  # no answer will do
    answers: bool | None = None  # whether there is one; None: whatever
    opt: bool | None = None
    has: int = 0  # flags of the header
    lacks: int = Z
    size: int = 65535
    echo: bool = True  # the question comes back octet by octet, where there is one
    edns: tuple[int, bytes | None] | None = None  # the flags of EDNS, its options (None: whatever)

    def fault(self, seen: Seen | None, asked: bytes) -> str:
        """Say what is wrong with an answer, "" for nothing."""
        if seen is None:
            return "" if self.silence else "no answer"
        wrong = {
            "another id": seen.wire[:2] != asked[:2],
            "no answer by its flags": not seen.flags & QR,
            f"code {seen.rcode}": self.codes is not None and seen.rcode not in self.codes,
            f"{seen.counts[1]} records": self.answers is not None and (seen.counts[1] > 0) != self.answers,
            f"{len(seen.opts)} OPT": self.opt is not None and len(seen.opts) != self.opt,
            f"flags {seen.flags:#06x}": seen.flags & self.has != self.has or bool(seen.flags & self.lacks),
            f"{len(seen.wire)} octets": len(seen.wire) > self.size,
            "another question": self.echo and seen.counts[0] == 1 and not asked[12:].startswith(seen.question),
            "flags of EDNS": bool(self.edns and seen.opts and seen.opts[0][1] & 0xFFFF != self.edns[0]),
            "options": bool(self.edns and self.edns[1] is not None and seen.opts and seen.opts[0][2] != self.edns[1]),
        }
        return "; ".join(text for text, holds in wrong.items() if holds)


@dataclass(frozen=True)
class Probe:
    """A query and what may be answered; or, with `run`, what is done to a port, which returns what is wrong."""

    name: str
    wire: bytes = b""
    expected: Expected = Expected()
    tcp: bool = False
    run: Callable[[int], str] | None = None


def verdict(port: int, probe: Probe) -> str:
    """Probe a server on loopback; return what is wrong, "" for nothing."""
    try:
        if probe.run:
            fault = probe.run(port)
        else:
            wait = WAIT if probe.expected.silence else LIVE
            seen = by_tcp(port, probe.wire, wait=wait) if probe.tcp else by_udp(port, probe.wire, wait)
            fault = probe.expected.fault(seen, probe.wire)
    except (OSError, IndexError, AssertionError) as error:
        fault = f"{type(error).__name__}: {error}"
    return fault or ("" if alive(port) else "the server answers no more")


def by_udp(port: int, wire: bytes, wait: float = LIVE) -> Seen | None:
    """Send a datagram and read what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait)
        sock.connect(("127.0.0.1", port))
        sock.send(wire)
        with contextlib.suppress(TimeoutError):
            return _read(sock.recv(65535))
    return None


def _read(wire: bytes) -> Seen:
    """Read an answer; where the query was malformed, the rest of it may come back as it was."""
    try:
        return read(wire)
    except (IndexError, AssertionError):
        flags = int.from_bytes(wire[2:4], "big")
        if len(wire) < 12 or flags & 15 != FORMERR:
            raise
        return Seen(wire, flags, (0, 0, 0, 0), b"", [])


def by_tcp(
    port: int, *wires: bytes, one_by_one: bool = False, bytewise: bool = False, wait: float = LIVE
) -> Seen | None:
    """Send queries over one connection; return the last answer, None when one stays away."""
    seen: dict[bytes, Seen] = {}
    pieces = [framed(wire) for wire in wires] if one_by_one else [b"".join(map(framed, wires))]
    with socket.create_connection(("127.0.0.1", port), wait) as sock, sock.makefile("rb") as stream:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(TimeoutError, ConnectionError, EOFError):
            for piece in pieces:
                for part in [piece[at : at + 1] for at in range(len(piece))] if bytewise else [piece]:
                    sock.sendall(part)
                for _ in range(1 if one_by_one else len(wires)):
                    answer = _read_one(stream)
                    seen[answer.wire[:2]] = answer
    return seen.get(wires[-1][:2]) if len(seen) == len(wires) else None


def _read_one(stream: BinaryIO) -> Seen:
    head = stream.read(2)
    if len(head) < 2:
        raise EOFError("the connection was closed")
    return _read(stream.read(int.from_bytes(head, "big")))


def framed(wire: bytes) -> bytes:
    """Return a message as it goes over TCP."""
    return struct.pack("!H", len(wire)) + wire


def alive(port: int) -> bool:
    """Whether an ordinary question is answered."""
    try:
        seen = by_udp(port, with_opt())
    except (OSError, IndexError, AssertionError):
        return False
    return seen is not None and seen.rcode == NOERROR and seen.counts[1] == 1
