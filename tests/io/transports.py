"""A resolver of a few lines behind the real servers, and clients that do odd things."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blockctl.dns.exchange import Client
from blockctl.io.connection import Limits
from blockctl.io.doh import DohServer
from blockctl.io.listen import bind
from blockctl.io.streams import StreamServer

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl command makes the certificates")


def question(number: int, name: str = "a.example", tail: bytes = b"") -> bytes:
    """Return a query whose first label says what the answer is to be like, as in `slow`."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    head = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 1 if tail else 0)
    return head + labels + b"\0\0\1\0\1" + tail


@dataclass
class Answers:
    """Answers with the query itself, QR set: at once, or as the first label asks."""

    clients: list[Client] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def __call__(self, query: bytes, client: Client) -> bytes | None:
        self.clients.append(client)
        what = query[13 : 13 + query[12]]
        answer = query[:2] + b"\x81" + query[3:]
        if what == b"gate":
            self.waiting += 1
            await self.gate.wait()
        elif what == b"none":
            return None
        elif what == b"broken":
            raise RuntimeError("on purpose")
        elif what == b"big":
            answer += bytes(60_000)
        return answer


@dataclass
class Served:
    """A server that runs, and what it answers with."""

    port: int
    server: StreamServer | DohServer
    answers: Answers

    async def connect(self, tls: ssl.SSLContext | None = None, name: str | None = None) -> Peer:
        """Connect."""
        wanted = name or ("127.0.0.1" if tls else None)
        return Peer(*await asyncio.open_connection("127.0.0.1", self.port, ssl=tls, server_hostname=wanted))


@dataclass
class Peer:
    """One connection, from the client's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *queries: bytes) -> None:
        """Send queries in one write."""
        self.writer.write(b"".join(struct.pack(">H", len(query)) + query for query in queries))

    async def receive(self) -> bytes:
        """Return the next answer."""
        size = struct.unpack(">H", await self.reader.readexactly(2))[0]
        return await self.reader.readexactly(size)

    async def number(self) -> int:
        """Return the id of the next answer."""
        return int.from_bytes((await self.receive())[:2], "big")

    async def ended(self) -> bool:
        """Whether the server closed, in order or not."""
        try:
            return await asyncio.wait_for(self.reader.read(1), 10) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Go."""
        self.writer.close()


@asynccontextmanager
async def served(
    doh: bool = False, tls: ssl.SSLContext | None = None, limits: Limits | None = None
) -> AsyncIterator[Served]:
    """Run a server on a free port."""
    answers = Answers()
    server = DohServer(answers, limits=limits) if doh else StreamServer(answers, limits=limits)
    scheme = "http" if doh else "tls"
    bound = bind([f"{scheme}://127.0.0.1:0"]).bound[0]
    await server.start(bound.tcp, tls)
    try:
        yield Served(bound.listen.port, server, answers)
    finally:
        answers.gate.set()
        await asyncio.wait_for(server.stop(1.0), 10)


def make_certificate(folder: Path, name: str = "dns.home.arpa", days: int = 30) -> tuple[Path, Path]:
    """Make a certificate of its own authority, for the name, all below it, and this machine."""
    assert OPENSSL is not None
    folder.mkdir(exist_ok=True)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", str(days), "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)]
    command += ["-addext", f"subjectAltName=DNS:{name},DNS:*.{name},IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def trusting(certificate: Path, *protocols: str) -> ssl.SSLContext:
    """Return a client's context that trusts one certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
