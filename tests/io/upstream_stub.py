"""Upstream resolvers for tests, on loopback: UDP, TCP, DoT and DoH, with every fault that a test asks for."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings

ADDRESS = "192.0.2.1"


def answer(query: bytes, *, flags: int = 0x8180, address: str = ADDRESS) -> bytes:
    """Return an answer of one A record to a query."""
    end = query.index(b"\0", 12) + 5
    rdata = bytes(int(part) for part in address.split("."))
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + rdata
    return query[:2] + flags.to_bytes(2, "big") + b"\0\1\0\1\0\0\0\0" + query[12:end] + record


def bare(query: bytes, flags: int) -> bytes:
    """Return an answer of no record."""
    end = query.index(b"\0", 12) + 5
    return query[:2] + flags.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\0" + query[12:end]


def query(name: str, kind: int = 1) -> bytes:
    """Return a query with id 0."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


Behave = Callable[[bytes, str], list[tuple[float, bytes]]]  # query, transport -> answers, each after some seconds


def honest(query: bytes, _: str) -> list[tuple[float, bytes]]:
    """Answer at once."""
    return [(0.0, answer(query))]


def silent(_query: bytes, _transport: str) -> list[tuple[float, bytes]]:
    """Never answer."""
    return []


CUT = b"cut the connection"  # in the place of an answer
HALF = b"send half of it, then cut"


@dataclass
class Stub:
    """One upstream. What it does can be changed while it runs."""

    behave: Behave = honest
    port: int = 0
    seen: list[tuple[str, bytes, object]] = field(default_factory=list)  # transport, query, from where
    connections: int = 0
    resumed: int = 0
    status: str = "200"
    content_type: str = "application/dns-message"
    at_once: int = 1_000  # questions that one HTTP connection takes
    pieces: int = 1  # how many times an HTTP answer's body is sent
    _servers: list[asyncio.AbstractServer] = field(default_factory=list)
    _datagrams: asyncio.DatagramTransport | None = None
    open: list[asyncio.Transport] = field(default_factory=list)

    async def udp(self, port: int = 0) -> Stub:
        """Serve UDP, on the TCP port if there is one."""
        made, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=("127.0.0.1", port or self.port)
        )
        self._datagrams = made
        self.port = made.get_extra_info("sockname")[1]
        return self

    async def tcp(self, port: int = 0, tls: ssl.SSLContext | None = None, http: bool = False) -> Stub:
        """Serve TCP, DoT or DoH, on the UDP port if there is one."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Http(self) if http else _Stream(self, "tls" if tls else "tcp"),
            "127.0.0.1",
            port or self.port,
            ssl=tls,
        )
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def both(self) -> Stub:
        """Serve UDP and TCP on one port, found by trying."""
        for _ in range(20):
            await self.tcp()
            try:
                return await self.udp()
            except OSError:  # that port is somebody else's by UDP
                self._servers.pop().close()
                self.port = 0
        raise RuntimeError("no port is free for both")

    def cut(self) -> None:
        """Close every connection, as servers do with idle ones."""
        for each in self.open:
            each.close()
        self.open.clear()

    async def stop(self) -> None:
        """Be gone."""
        for server in self._servers:
            server.close()
        for each in self.open:
            each.abort()
        if self._datagrams is not None:
            self._datagrams.abort()
        self._servers.clear()
        self.open.clear()
        await asyncio.sleep(0.01)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, stub: Stub) -> None:
        self._stub = stub

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._stub.seen.append(("udp", data, addr))
        for delay, reply in self._stub.behave(data, "udp"):
            asyncio.get_running_loop().call_later(delay, self._transport.sendto, reply, addr)


class _Stream(asyncio.Protocol):
    def __init__(self, stub: Stub, kind: str) -> None:
        self._stub, self._kind, self._rest = stub, kind, b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._stub.connections += 1
        self._stub.open.append(transport)
        secured = transport.get_extra_info("ssl_object")
        self._stub.resumed += bool(secured is not None and secured.session_reused)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) > 1 and len(self._rest) >= (size := int.from_bytes(self._rest[:2], "big") + 2):
            each, self._rest = self._rest[2:size], self._rest[size:]
            self._stub.seen.append((self._kind, each, id(self)))
            for delay, reply in self._stub.behave(each, self._kind):
                asyncio.get_running_loop().call_later(delay, self._send, reply, each)

    def _send(self, reply: bytes, asked: bytes) -> None:
        if self._transport.is_closing():
            return
        if reply == CUT:
            self._transport.close()
        elif reply == HALF:
            whole = answer(asked)
            self._transport.write(len(whole).to_bytes(2, "big") + whole[:20])
            self._transport.close()
        else:
            self._transport.write(len(reply).to_bytes(2, "big") + reply)


class _Http(asyncio.Protocol):
    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._bodies: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._stub.connections += 1
        self._stub.open.append(transport)
        self._stub.resumed += bool(transport.get_extra_info("ssl_object").session_reused)
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: self._stub.at_once}
        self._http.local_settings = Settings(client=False, initial_values=limits)
        self._http.initiate_connection()
        transport.write(self._http.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._bodies[event.stream_id] = b""
                self._stub.seen.append(("head", repr(dict(event.headers)).encode(), id(self)))
            elif isinstance(event, DataReceived):
                self._bodies[event.stream_id] += event.data
            elif isinstance(event, StreamEnded):
                asked = self._bodies.pop(event.stream_id)
                self._stub.seen.append(("https", asked, id(self)))
                for delay, reply in self._stub.behave(asked, "https"):
                    asyncio.get_running_loop().call_later(delay, self._send, event.stream_id, reply)
        self._transport.write(self._http.data_to_send())

    def _send(self, stream: int, reply: bytes) -> None:
        if self._transport.is_closing():
            return
        if reply == CUT:
            self._transport.close()
            return
        head = [(":status", self._stub.status), ("content-type", self._stub.content_type)]
        self._http.send_headers(stream, head)
        self._body(stream, reply, self._stub.pieces)

    def _body(self, stream: int, reply: bytes, pieces: int) -> None:
        """Send a part of it, and the rest a little later: the other side must say that it took the first."""
        if self._transport.is_closing():
            return
        self._http.send_data(stream, reply, end_stream=pieces == 1)
        self._transport.write(self._http.data_to_send())
        if pieces > 1:
            asyncio.get_running_loop().call_later(0.01, self._body, stream, reply, pieces - 1)


@dataclass(frozen=True)
class Certificate:
    """A certificate that vouches for itself, for `dns.test` and 127.0.0.1."""

    file: Path
    key: Path

    def server(self, *protocols: str) -> ssl.SSLContext:
        """Return what a server needs."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.file, self.key)
        if protocols:
            made.set_alpn_protocols(list(protocols))
        return made


def make_certificate(folder: Path, names: str = "DNS:dns.test,IP:127.0.0.1", usage: str = "serverAuth") -> Certificate:
    """Make one with the openssl command."""
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=dns.test", "-addext", f"subjectAltName={names}", "-addext", f"extendedKeyUsage={usage}",
         "-keyout", made.key, "-out", made.file],
        check=True, capture_output=True,
    )  # fmt: skip
    return made
