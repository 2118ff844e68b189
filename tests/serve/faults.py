"""Upstreams that misbehave, a server whose clock can be set, and a constant stream of queries that counts losses."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tests.dns.octets import LONG, NAME, name_end, number, plain, upstream
from tests.serve.running import Upstream

Behaviour = Callable[[bytes], bytes | None]

CLOCK = """
import datetime as true, sys, time
from pathlib import Path

SHIFT = Path(sys.argv[1])

def shift():
    return float(SHIFT.read_text() or 0) if SHIFT.exists() else 0.0

class Shifted(true.datetime):
    @classmethod
    def now(cls, tz=None):
        return true.datetime.now(tz) + true.timedelta(seconds=shift())

wall = time.time
time.time = lambda: wall() + shift()
import blockctl.io.service
blockctl.io.service.datetime = Shifted
from blockctl.cli.serve import read_words, serve
sys.exit(serve(read_words(sys.argv[2:])))
"""


def honest(wire: bytes) -> bytes:
    """Answer as one should: 13 records for TXT, one for all else."""
    end = name_end(wire, 12)
    return upstream(wire, LONG if wire[end : end + 2] == number(16) else 1)


def silent(_: bytes) -> None:
    """Never answer."""
    return


def wrong_id(wire: bytes) -> bytes:
    """Answer to another query."""
    made = honest(wire)
    return bytes((made[0] ^ 0xFF,)) + made[1:]


def wrong_question(wire: bytes) -> bytes:
    """Answer another question."""
    made = honest(wire)
    return made[:12] + made[12:].replace(made[12:14], bytes((made[12], made[13] ^ 1)), 1)


def refusing(wire: bytes) -> bytes:
    """Answer REFUSED."""
    return failing(wire, 5)


def failing(wire: bytes, code: int = 2) -> bytes:
    """Answer SERVFAIL."""
    return wire[:2] + bytes((0x81, 0x80 | code)) + b"\0\1" + bytes(6) + wire[12 : name_end(wire, 12) + 4]


def nonsense(wire: bytes) -> bytes:
    """Answer what is no message."""
    return wire[:2] + b"\x81\x80" + b"\xff" * 40


def slow(wire: bytes) -> bytes:
    """Answer after a while."""
    time.sleep(0.6)
    return honest(wire)


class Faulty(Upstream):
    """Behaves as it is told, over UDP and over TCP; several questions at a time."""

    def __init__(self, by_udp: Behaviour = honest, by_tcp: Behaviour | None = honest) -> None:
        self.by_udp, self.by_tcp = by_udp, by_tcp  # None: TCP is cut in the middle of a message
        self._asker: tuple[str, int] = ("", 0)
        super().__init__()

    def lie(self, wire: bytes, behaviour: Behaviour) -> None:
        """Send another answer first to who asked last."""
        if (reply := behaviour(wire)) is not None:
            self._udp.sendto(reply, self._asker)

    def _serve_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, address = self._udp.recvfrom(65535)
                if not wire:
                    return  # closed
                self._asker = address
                threading.Thread(target=self._answer, args=(wire, address), daemon=True).start()

    def _answer(self, wire: bytes, address: tuple[str, int]) -> None:
        reply = self.by_udp(wire)
        with contextlib.suppress(OSError):
            if reply is not None and len(reply) > 1232:  # TC
                reply = reply[:2] + bytes((reply[2] | 2,)) + reply[3:6] + bytes(6) + wire[12 : name_end(wire, 12) + 4]
            if reply is not None:
                self._udp.sendto(reply, address)

    def _connection(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError), connection.makefile("rb") as lines:
            while head := lines.read(2):
                wire = lines.read(int.from_bytes(head, "big"))
                reply = self.by_tcp(wire) if self.by_tcp else honest(wire)
                if reply is None:
                    continue
                whole = number(len(reply)) + reply
                connection.sendall(whole if self.by_tcp else whole[:30])
                if self.by_tcp is None:
                    return


def lossy(share: float, seed: int) -> Behaviour:
    """Return an upstream's behaviour behind a line that loses such a share of questions, and of answers."""
    random, lock = Random(seed), threading.Lock()

    def behave(wire: bytes) -> bytes | None:
        with lock:
            lost = random.random() < share or random.random() < share
        return None if lost else honest(wire)

    return behave


def name_of(number_: int) -> bytes:
    """Return one of many names in wire form."""
    label = f"n{number_}".encode()
    return bytes((len(label),)) + label + NAME


def ask_many(port: int, wires: list[bytes], wait: float) -> dict[bytes, tuple[bytes, float]]:
    """Send queries at once, each from the same socket; return the answers by id with the seconds they took."""
    found: dict[bytes, tuple[bytes, float]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        started = time.monotonic()
        for wire in wires:
            sock.send(wire)
        while len(found) < len(wires) and (left := started + wait - time.monotonic()) > 0:
            sock.settimeout(left)
            with contextlib.suppress(TimeoutError):
                answer = sock.recv(65535)
                found.setdefault(answer[:2], (answer, time.monotonic() - started))
    return found


def queries(count: int, first: int = 0, kind: int = 1) -> list[bytes]:
    """Return queries for different names, with different ids."""
    return [number(at) + plain(name=name_of(at), kind=kind)[2:] for at in range(first, first + count)]


class Stream:
    """A constant stream of queries over one socket: `rate` a second, of which none may be lost."""

    def __init__(self, port: int, wires: list[bytes], rate: int = 1000) -> None:
        self.sent, self.answers = 0, 0
        self.slowest = 0.0  # seconds
        self.codes: dict[int, int] = {}
        self._wires, self._rate = wires, rate
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.connect(("127.0.0.1", port))
        self._sock.settimeout(0.5)
        self._times = [0.0] * 65536
        self._end = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._send, self._receive)]

    def __enter__(self) -> Stream:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for each in self._threads:
            each.join()
        self._sock.close()

    @property
    def lost(self) -> int:
        """Queries without an answer."""
        return self.sent - self.answers

    def _send(self) -> None:
        started = time.monotonic()
        while not self._end.is_set():
            due = int((time.monotonic() - started) * self._rate)
            for at in range(self.sent, due):
                self._times[at & 0xFFFF] = time.monotonic()
                self._sock.send(number(at & 0xFFFF) + self._wires[at % len(self._wires)][2:])
            self.sent = max(due, self.sent)
            time.sleep(0.002)

    def _receive(self) -> None:
        quiet_since = 0.0
        while not (self._end.is_set() and (self.lost == 0 or time.monotonic() - quiet_since > 6)):
            try:
                answer = self._sock.recv(65535)
            except TimeoutError:
                continue
            quiet_since = time.monotonic()
            self.answers += 1
            self.slowest = max(self.slowest, quiet_since - self._times[int.from_bytes(answer[:2], "big")])
            code = answer[3] & 15
            self.codes[code] = self.codes.get(code, 0) + 1


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """Mount a small file system on a folder; raises PermissionError where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        raise PermissionError(done.stderr.decode())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=True)


def with_clock(folder: Path) -> list[str]:
    """Return a command like `blockctl` whose wall clock runs as many seconds ahead as `folder/shift` says."""
    return [sys.executable, "-c", CLOCK, str(folder / "shift")]
