"""The server of DNS over HTTPS (RFC 8484): HTTP/2 and HTTP/1.1 by TLS, HTTP/1.1 alone behind a proxy on this machine.

A proxy's clients are known by the last address of X-Forwarded-For, which the proxy itself wrote; only a listener
without TLS, which is on this machine's own address, reads it. Who is told there unreadably is a stranger.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from blockctl.dns.doh import Head, Response, Wanted, answered
from blockctl.dns.exchange import Client, Transport
from blockctl.io.connection import Connection, Handle, Host, Limits
from blockctl.io.door import Server
from blockctl.model.addresses import Address, read_address
from blockctl.model.listen import DNS_PATH

PROTOCOLS = ("h2", "http/1.1")


_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")  # as some proxies write it


class Speaker(Protocol):
    """One version of HTTP on one connection."""

    def received(self, data: bytes) -> None:
        """Read what the client sent."""

    def proceed(self) -> None:
        """Go on after the client has taken its answers."""

    def ended(self) -> None:
        """The client sends nothing more."""

    def farewell(self) -> None:
        """Say that the connection ends, where the version has words for it."""


class DohServer(Server):
    """Answers at one path, and at `path/CLIENT-ID`."""

    def __init__(self, handle: Handle, path: str = DNS_PATH, limits: Limits | None = None) -> None:
        def make(door: Host, address: str, secure: bool) -> DohConnection:
            return DohConnection(door, address, secure, path)

        super().__init__(handle, make, limits)

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve a bound socket, as every server; its context offers PROTOCOLS."""
        # Late, for the libraries take 60 ms to load; but not as late as the first client.
        import blockctl.io.doh_http1
        import blockctl.io.doh_http2  # noqa: F401

        await super().start(sock, tls)


class DohConnection(Connection):
    """One client; how it speaks is known after the handshake."""

    def __init__(self, door: Host, address: str, secure: bool, path: str) -> None:
        super().__init__(door, address, secure)
        self.path = path
        self._speaker: Speaker | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Choose the version by ALPN."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            from blockctl.io.doh_http2 import Http2  # loaded by `start`

            self._speaker = Http2(self)
        else:
            from blockctl.io.doh_http1 import Http1

            self._speaker = Http1(self)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._speaker is not None:
            self._speaker.received(data)

    def eof_received(self) -> bool:
        """Answer what is owed first; TLS has no such state."""
        if self._speaker is not None:
            self._speaker.ended()
        return self.owed > 0 and not self.secure

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not take its answers."""
        super().pause_writing()
        self.read(False)

    def proceed(self) -> None:
        """Go on reading and answering."""
        self.read(True)
        if self._speaker is not None:
            self._speaker.proceed()

    def read(self, wanted: bool) -> None:
        """Read on, or leave what the client sends with the system."""
        if self.transport is None or self.transport.is_closing() or wanted == self.transport.is_reading():
            return
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def leave(self) -> None:
        """Say farewell, then end."""
        if self._speaker is not None and not self.lost:
            self._speaker.farewell()
        super().leave()

    def send(self, data: bytes) -> None:
        """Write, unless the client is gone."""
        if data and self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def resolve(self, head: Head, wanted: Wanted, query: bytes, then: Callable[[Response], None]) -> None:
        """Have a query answered."""
        address = self.address
        if not self.secure and head.forwarded is not None:
            told = _address_in(head.forwarded.rpartition(",")[2].strip())
            address = "" if told is None else str(told)
        client = Client(address, Transport.DOH, wanted.client_id)
        self.ask(query, client, lambda reply: then(answered(reply)))


def _address_in(text: str) -> Address | None:
    """Return the address that a proxy wrote, with a port or without."""
    found = _WITH_PORT.fullmatch(text)
    return read_address(found[1] or found[2] if found else text)
