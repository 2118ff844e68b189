"""A real `blockctl serve` in a process of its own, an upstream beside it, and questions over real sockets."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnslib import EDNS0, QTYPE, RCODE, RR, A, DNSHeader, DNSRecord

PATIENCE = 60.0  # seconds: for a loaded machine, not for the server

Answerer = Callable[[DNSRecord], DNSRecord | bytes | None]


def free_port() -> int:
    """Return a port that is free for UDP and TCP, and that the system gives to no client meanwhile."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def address_of(query: DNSRecord) -> DNSRecord:
    """Answer A questions with 192.0.2.1, anything else with nothing."""
    reply = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1), q=query.q)
    if query.q.qtype == QTYPE.A:
        reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A("192.0.2.1"), ttl=60))
    return reply


class Upstream:
    """An upstream on loopback that answers as it is told, over UDP and TCP."""

    def __init__(self, answer: Answerer = address_of) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.port = free_port()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._tcp = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def close(self) -> None:
        """Be gone."""
        for each in (self._udp, self._tcp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _made(self, wire: bytes) -> bytes | None:
        query = DNSRecord.parse(wire)
        self.asked.append(f"{str(query.q.qname).lower()} {QTYPE[query.q.qtype]}")
        reply = self.answer(query)
        return reply.pack() if isinstance(reply, DNSRecord) else reply

    def _serve_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, address = self._udp.recvfrom(65535)
                if not wire:
                    return  # closed
                reply = self._made(wire)
                if reply is not None:
                    if len(reply) > 1232:
                        reply = reply[:2] + bytes([reply[2] | 2]) + reply[3:6] + bytes(6) + wire[12:]
                    self._udp.sendto(reply, address)

    def _serve_tcp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._connection, args=self._tcp.accept()[:1], daemon=True).start()

    def _connection(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError), connection.makefile("rb") as lines:
            while head := lines.read(2):
                reply = self._made(lines.read(struct.unpack("!H", head)[0]))
                if reply is not None:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)


@dataclass
class Running:
    """A server that runs, and its folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> Path:
        """Its policy file."""
        return self.folder / "policy.yaml"

    def said(self) -> str:
        """Return what it has told so far."""
        return (self.folder / "said").read_text(encoding="utf-8")

    def ask(
        self, name: str, kind: str = "A", *, edns: bool = False, tcp: bool = False, timeout: float = 5
    ) -> DNSRecord:
        """Ask one question; raises TimeoutError."""
        query = DNSRecord.question(name, kind)
        if edns:
            query.add_ar(EDNS0(udp_len=1232))
        wire = query.pack()
        reply = ask_tcp(self.port, wire, timeout) if tcp else ask_udp(self.port, wire, timeout)
        assert reply[:2] == wire[:2]
        return DNSRecord.parse(reply)

    def code(self, name: str, kind: str = "A") -> str:
        """Return the code of an answer in words."""
        return str(RCODE[self.ask(name, kind).header.rcode])

    def addresses(self, name: str, kind: str = "A") -> list[str]:
        """Return the addresses of an answer."""
        return [str(record.rdata) for record in self.ask(name, kind).rr if record.rtype in (QTYPE.A, QTYPE.AAAA)]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, self.said()
            time.sleep(0.01)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same policy and state."""
        command = [
            sys.executable,
            "-m",
            "blockctl",
            *words,
            "--policy",
            str(self.policy),
            "--state",
            str(self.folder / "state"),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=self.environment, check=False)


def ask_udp(port: int, wire: bytes, timeout: float = 5) -> bytes:
    """Send one datagram and return the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        sock.send(wire)
        return sock.recv(65535)


def ask_tcp(port: int, wire: bytes, timeout: float = 5) -> bytes:
    """Send one query over a connection of its own and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout) as sock, sock.makefile("rb") as lines:
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        return lines.read(struct.unpack("!H", lines.read(2))[0])


@contextlib.contextmanager
def serving(folder: Path, policy: str, *, wait: bool = True, **files: str) -> Iterator[Running]:
    """Run a server on a policy; `PORT` in its text is the port to listen on. `files` lie beside the policy."""
    port = free_port()
    (folder / "policy.yaml").write_text(policy.replace("PORT", str(port)), encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with start(folder, port, wait=wait) as running:
        yield running


@contextlib.contextmanager
def start(
    folder: Path, port: int, *, wait: bool = True, command: Sequence[str] = (sys.executable, "-m", "blockctl", "serve")
) -> Iterator[Running]:
    """Start a server in a folder that has its policy."""
    words = ["--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")]
    environment = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen([*command, *words], stderr=said, stdout=said, env=environment)
    running = Running(folder, port, process, environment)
    try:
        if wait:
            running.until(lambda: process.poll() is not None or _answers(running))
            assert process.poll() is None, running.said()
        yield running
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _answers(running: Running) -> bool:
    try:
        running.ask("localhost", timeout=0.2)
    except OSError:
        return False
    return True
