"""A QUIC connection to an upstream: aioquic writes and reads its packets, here they meet the socket and the clock.

RFC 9000 and RFC 9001. It and its neighbour `upstream_quic_connection` alone load the library, and they are loaded where
a policy names a `quic://` upstream.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.tls import AlertDescription, SessionTicket

from blockctl.io.upstream_doq import DoqStream, Kept, code_name
from blockctl.io.upstream_link import OURSELVES
from blockctl.io.upstream_quic_connection import Connection

PROTOCOL = "doq"  # ALPN: RFC 9250, section 4.1; the library ends a connection to who does not speak it
WINDOW = 1 << 17  # bytes that the upstream may send on one stream, ever: more than an answer has
LONGEST = 100  # characters of what a stranger says, in ours
SILENCE = 2.0  # our own idle times until a connection by which nothing comes is lost; the upstream may say less
# Seconds until we send what answers give rise to: acknowledgements, and what was lost. The library would acknowledge
# each answer by itself; so the next question does. We are bound to do it within 25 ms (RFC 9000, section 13.2.1).
LINGER = 0.02
UNTRUSTED = (*range(AlertDescription.bad_certificate, AlertDescription.illegal_parameter), AlertDescription.unknown_ca)
UNSUITED = QuicErrorCode.CRYPTO_ERROR + AlertDescription.unsupported_certificate

# What strangers send is no news for standard error, where the library's warnings would go.
logging.getLogger("quic").disabled = True


async def connect(stream: DoqStream, address: str, port: int, name: str, kept: Kept) -> None:
    """Connect a stream to an address whose certificate must be for `name`. Raises OSError where that fails."""
    transport = QuicTransport(stream, (address, port), name, kept)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: transport, remote_addr=(address, port))
    try:
        await transport.greeted
        if transport.is_closing():
            raise transport.error or ConnectionError("it ended the connection at once")
    except BaseException:  # too late, too, where the wait is ended as the handshake is
        transport.close()
        raise


class QuicTransport(asyncio.Transport, asyncio.DatagramProtocol):
    """What DNS over QUIC is carried by: a transport to it, and to the UDP socket a protocol."""

    def __init__(self, stream: DoqStream, where: tuple[str, int], name: str, kept: Kept) -> None:
        super().__init__()
        self.code = 0  # why we end it
        self._loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self._stream = stream
        self._where = where
        self._kept = kept
        self._udp: asyncio.DatagramTransport | None = None
        self.error: Exception | None = None
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        known = ssl.get_default_verify_paths()  # where there are none, the library takes those of certifi
        settings = QuicConfiguration(
            alpn_protocols=[PROTOCOL],
            idle_timeout=SILENCE * stream.link.idle,
            max_stream_data=WINDOW,
            server_name=name,
            session_ticket=kept.ticket,
            token=kept.token,
            cafile=known.cafile,
            capath=known.capath,
        )
        kept.ticket, kept.token = None, b""  # for one connection each, or they show that several are one client's
        self._quic = Connection(
            configuration=settings, session_ticket_handler=self._keep_ticket, token_handler=self._keep_token
        )

    @property
    def room(self) -> bool:
        """Whether one more question can be asked."""
        return self._quic.room

    def ask(self, data: bytes) -> int:
        """Send all that there is to send on a new stream, and return its number."""
        key = self._quic.get_next_available_stream_id()
        self._quic.send_stream_data(key, data, end_stream=True)
        self._flush_soon()
        return key

    def cancel(self, key: int, code: int) -> None:
        """Say that nothing is wanted any more on a stream."""
        with suppress(ValueError):  # the library has forgotten it: it ended, both ways
            self._quic.stop_stream(key, code)
            self._quic.reset_stream(key, code)
        self._flush_soon()

    def is_closing(self) -> bool:
        """Whether it ends, or has ended."""
        return self._closed

    def close(self) -> None:
        """Say so and end."""
        if not self._closed:
            self._quic.close(error_code=self.code)
            self._part()

    def abort(self) -> None:
        """Say so and end: nothing is held back by either."""
        self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake: the socket is there."""
        self._udp = cast(asyncio.DatagramTransport, transport)  # asyncio's own is none, by its class
        self._step(lambda: self._quic.connect(self._where, now=self._loop.time()))

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        """Take a datagram. The socket is connected: it is from the upstream's address."""
        del addr  # IPv6 has more to it than we connected to
        self._step(lambda: self._quic.receive_datagram(data, self._where, now=self._loop.time()))

    def error_received(self, error: Exception) -> None:
        """Take what the system says of the way there: nobody listens, or none leads there."""
        if not (isinstance(error, OSError) and error.errno in OURSELVES):  # those are as if lost on the way
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who uses it: the socket is closed."""
        self._closed = True
        self._stop_clock()
        error = self.error or error
        if self._stream.transport is not None:
            self._stream.connection_lost(error)
        elif not self.greeted.done():
            self.greeted.set_exception(error or ConnectionError("the connection was closed"))

    def _step(self, step: Callable[[], None], soon: bool = False) -> None:
        """Let the library do something, and look what came of it. With `soon` it may send at once."""
        soon = soon or not self.greeted.done()  # in the handshake each side waits for the other
        if self._closed or not self._try(step):
            return
        while not self._closed and (event := self._quic.next_event()) is not None:
            self._take(event)
        if (ended := self._quic.ended) is not None:
            self._end(ended)
        elif soon:
            self._flush_soon()
        elif self._soon is None:
            self._look_at(self._loop.time() + LINGER, unless_earlier=True)  # else who never rests puts it off forever

    def _try(self, step: Callable[[], object]) -> bool:
        """Let the library do something. Whatever a stranger's packets do to it, we go on without that connection."""
        try:
            step()
        except Exception as error:
            self._fail(ConnectionError(f"the QUIC library failed: {error or type(error).__name__}"))
            return False
        return True

    def _take(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self._stream.stream_received(event.stream_id, event.data, event.end_stream)
        elif isinstance(event, StreamReset):
            self._stream.stream_reset(event.stream_id, event.error_code)
        elif isinstance(event, HandshakeCompleted) and not self.greeted.done():
            if not self._quic.for_servers:
                self._kept.ticket = None
                self._quic.close(UNSUITED, QuicFrameType.CRYPTO, "unsuitable certificate purpose")
                return
            self._stream.connection_made(self)
            self.greeted.set_result(None)

    def _end(self, ended: ConnectionTerminated) -> None:
        """Take it that one end closed the connection, or that it fell silent."""
        if self._closed:
            return
        if self.greeted.done() and not self._quic.by_us and ended.frame_type is None:
            self._stream.connection_ended(ended.error_code)
        self._fail(error_of(ended, self._quic.by_us))

    def _fail(self, error: Exception) -> None:
        if not self._closed:
            self.error = error
            self._part()

    def _part(self) -> None:
        """Send what is left to be said, and close the socket."""
        self._closed = True
        self._stream.open = False  # `connection_lost` comes a little later
        self._stop_clock()
        with suppress(Exception):  # the library, once more: the socket is closed all the same
            self._send()
        if self._udp is not None:
            self._udp.abort()

    def _send(self) -> None:
        for data, where in self._quic.datagrams_to_send(now=self._loop.time()):
            if where == self._where and self._udp is not None:  # another address would be of no use by this socket
                self._udp.sendto(data)

    def _flush_soon(self) -> None:
        """Send when all that happens now has happened: questions that come together leave in one packet."""
        if self._soon is None and not self._closed:
            self._soon = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._stop_clock()
        if self._try(self._send) and (at := self._quic.get_timer()) is not None:
            self._look_at(at)

    def _look_at(self, at: float, unless_earlier: bool = False) -> None:
        """Look after the library again at that time of the loop."""
        if unless_earlier and self._timer is not None and self._timer.when() <= at:
            return
        self._stop_clock()
        if not self._closed:
            self._timer = self._loop.call_at(at, self._tick, at)

    def _tick(self, at: float) -> None:
        self._timer = None
        self._quic.get_timer()  # it notes what is due, and would else take what was due before the last answer
        self._step(lambda: self._quic.handle_timer(now=max(at, self._loop.time())), soon=True)

    def _stop_clock(self) -> None:
        for each in (self._timer, self._soon):
            if each is not None:
                each.cancel()
        self._timer = self._soon = None

    def _keep_ticket(self, ticket: SessionTicket) -> None:
        # Without early data: a question sent so could be replayed by others (RFC 9250, section 4.5).
        self._kept.ticket = replace(ticket, max_early_data_size=None)

    def _keep_token(self, token: bytes) -> None:
        self._kept.token = token


def error_of(ended: ConnectionTerminated, by_us: bool) -> OSError:
    """Return what the end of a connection means (RFC 9000, section 20, and the alerts of RFC 8446, section 6.2)."""
    alert = ended.error_code - QuicErrorCode.CRYPTO_ERROR
    reason = "".join(each for each in ended.reason_phrase if each.isprintable())  # it may go to a terminal
    if by_us and alert in UNTRUSTED:
        name, another, _ = reason.partition(" doesn't match ")  # all names that it is for follow
        told = f"it is not for {name.removeprefix('hostname ')}" if another else reason[:LONGEST]
        untrusted = ssl.SSLCertVerificationError(1, told)
        untrusted.verify_message = told
        return untrusted
    if alert == AlertDescription.no_application_protocol:
        return ConnectionError("it does not speak DNS over QUIC")
    if ended.error_code == QuicErrorCode.CONNECTION_REFUSED and not by_us:
        return ConnectionRefusedError("refused")
    told = code_name(ended.error_code) if ended.frame_type is None else f"QUIC error 0x{ended.error_code:x}"
    return ConnectionError(reason[:LONGEST] or told)
