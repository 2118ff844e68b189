"""DNS over TCP (RFC 7766) and over TLS (RFC 7858): messages behind their length, answered as they are ready."""

from __future__ import annotations

import asyncio
from functools import partial

from blockctl.dns.exchange import Client, Transport
from blockctl.dns.keepalive import asks_to_stay, with_stay
from blockctl.io.connection import Connection, Handle, Host, Limits
from blockctl.io.door import Server
from blockctl.io.tls import client_id

AT_ONCE = 32  # answers that one connection may wait for; then it is not read from
HEADER = 12  # the least that can be a message
OTHERS = (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"PRI ", b"CONN")  # what HTTP begins with
TLS_HELLO = b"\x16\x03"  # a record of a TLS handshake


class StreamServer(Server):
    """Answers over TCP, and over TLS on the sockets that have a context."""

    def __init__(self, handle: Handle, limits: Limits | None = None) -> None:
        super().__init__(handle, _Stream, limits)


class _Stream(Connection):
    def __init__(self, door: Host, address: str, secure: bool) -> None:
        super().__init__(door, address, secure)
        self._client = Client(address, Transport.DOT if secure else Transport.TCP)
        self._buffer = bytearray()
        self._fresh = True  # nothing has come yet
        self._last = False  # the client sends nothing more
        self._stays = False  # it asked to
        self._reading = True

    @property
    def patience(self) -> float:
        return self.door.limits.patient if self._stays else super().patience

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.secure:
            self._client = Client(self.address, Transport.DOT, client_id(transport.get_extra_info("ssl_object")))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.proceed()

    def eof_received(self) -> bool:
        """The client sends nothing more, but waits for its answers (RFC 7766, section 6.2.4); TLS has no such state."""
        self._last = True
        return self.owed > 0 and not self.secure

    def proceed(self) -> None:
        """Ask every whole query that may be asked now."""
        buffer, at, held = self._buffer, 0, False
        if self._fresh and len(buffer) >= 4:
            self._fresh = False
            if buffer.startswith(OTHERS) or buffer.startswith(TLS_HELLO):
                return self.abort()
        while len(buffer) - at >= 2:
            size = buffer[at] << 8 | buffer[at + 1]
            if size < HEADER:
                return self.abort()  # nobody can say where the next message begins
            end = at + 2 + size
            if end > len(buffer):
                break
            if held := self.owed >= AT_ONCE or self.blocked:
                break
            query = bytes(buffer[at + 2 : end])
            at = end
            stays = asks_to_stay(query)
            self._stays = self._stays or stays
            self.ask(query, self._client, partial(self._answer, stays))
        if at:
            del buffer[:at]
        self._read(not held)
        return None

    def _answer(self, stays: bool, reply: bytes | None) -> None:
        assert self.transport is not None
        if reply and len(reply) < 65_536 and not self.transport.is_closing():
            if stays:
                reply = with_stay(reply, self.door.limits.crowded if self.door.crowded() else self.patience)
            self.transport.write(len(reply).to_bytes(2, "big") + reply)
        if self._buffer:
            self.proceed()
        if self._last and not self.owed:
            self.transport.close()

    def _read(self, wanted: bool) -> None:
        if wanted == self._reading or self.transport is None or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()
