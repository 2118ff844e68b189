"""An upstream resolver by DNS over QUIC for tests, on loopback, with every fault that a test asks for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
)
from aioquic.tls import SessionTicket

from tests.io.upstream_stub import CUT, HALF, Certificate, Stub, answer


class Raw(bytes):
    """What is sent on a stream as it is, without a length before it."""


class Part(bytes):
    """What is sent on a stream as it is, and the stream goes on."""


class Reset(bytes):
    """In the place of an answer: the stream is reset, with the first byte as the code."""


class End(bytes):
    """In the place of an answer: the connection is closed, with the first byte as the code."""


class Intrude(bytes):
    """In the place of an answer: sent on a stream that the server opens; nothing to send is a reset."""


@dataclass
class DoqStub(Stub):
    """One upstream by DNS over QUIC. What it does can be changed while it runs."""

    protocol: str = "doq"  # "" is none
    retry: bool = False  # clients have to show first that their address is theirs
    cancelled: list[int] = field(default_factory=list)  # the codes of questions that were taken back
    ends: list[int] = field(default_factory=list)  # the codes by which connections ended
    early: int = 0  # connections that sent something before the handshake was over
    _tickets: dict[bytes, SessionTicket] = field(default_factory=dict)
    _quic: QuicServer | None = None

    async def quic(self, certificate: Certificate, port: int = 0) -> DoqStub:
        """Serve."""
        settings = QuicConfiguration(alpn_protocols=[self.protocol] if self.protocol else None, is_client=False)
        settings.load_cert_chain(certificate.file, certificate.key)
        self._quic = await serve(
            "127.0.0.1",
            port,
            configuration=settings,
            create_protocol=partial(_Quic, self),  # type: ignore[arg-type]
            session_ticket_fetcher=lambda label: self._tickets.pop(label, None),
            session_ticket_handler=lambda ticket: self._tickets.update({ticket.ticket: ticket}),
            retry=self.retry,
        )
        assert self._quic._transport is not None
        self.port = self._quic._transport.get_extra_info("sockname")[1]
        return self

    async def vanish(self) -> None:
        """Be gone without a word, as with the power."""
        assert self._quic is not None
        for each in self.open:
            each.vanish()  # type: ignore[attr-defined]
        self.open.clear()
        assert self._quic._transport is not None
        self._quic._transport.abort()
        self._quic = None
        await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Be gone."""
        if self._quic is not None:
            self._quic.close()
            self._quic = None
        await super().stop()


class _Quic(QuicConnectionProtocol):
    """One connection; `close`, `abort` and `is_closing` are as a transport's."""

    def __init__(self, stub: DoqStub, quic: QuicConnection, stream_handler: None = None) -> None:
        super().__init__(quic, stream_handler)
        self._stub = stub
        self._asked: dict[int, bytes] = {}
        self._gone = False
        self._cancelled: set[int] = set()
        if stub.at_once < 1_000:
            quic._local_max_streams_bidi.value = stub.at_once

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._quic._close_event is not None

    def vanish(self) -> None:
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()

    def transmit(self) -> None:
        if not self._gone:
            super().transmit()

    def quic_event_received(self, event: QuicEvent) -> None:
        stub = self._stub
        if isinstance(event, HandshakeCompleted):
            stub.connections += 1
            stub.resumed += event.session_resumed
            stub.early += event.early_data_accepted
            stub.open.append(self)  # type: ignore[arg-type]
        elif isinstance(event, ConnectionTerminated):
            stub.ends.append(event.error_code)
        elif isinstance(event, StopSendingReceived):
            stub.cancelled.append(event.error_code)
            self._cancelled.add(event.stream_id)
        elif isinstance(event, StreamDataReceived):
            asked = self._asked[event.stream_id] = self._asked.get(event.stream_id, b"") + event.data
            if event.end_stream:
                assert int.from_bytes(asked[:2], "big") == len(asked) - 2
                stub.seen.append(("quic", asked[2:], id(self)))
                for delay, reply in stub.behave(asked[2:], "quic"):
                    asyncio.get_running_loop().call_later(delay, self._reply, event.stream_id, reply, asked[2:])

    def _reply(self, stream: int, reply: bytes, asked: bytes) -> None:
        if self.is_closing() or self._gone:
            return
        if reply == CUT:
            self.close()
        elif isinstance(reply, End):
            self.close(reply[0])
        elif stream in self._cancelled:
            return
        elif isinstance(reply, Reset):
            self._quic.reset_stream(stream, reply[0])
        elif isinstance(reply, Intrude):
            own = self._quic.get_next_available_stream_id()
            self._quic.send_stream_data(own, reply)
            if not reply:
                self._quic.reset_stream(own, 0)
        elif isinstance(reply, Part):
            self._quic.send_stream_data(stream, reply)
        elif isinstance(reply, Raw):
            self._quic.send_stream_data(stream, reply, end_stream=True)
        elif reply == HALF:
            whole = answer(asked)
            self._quic.send_stream_data(stream, len(whole).to_bytes(2, "big") + whole[:20], end_stream=True)
        else:
            self._quic.send_stream_data(stream, len(reply).to_bytes(2, "big") + reply, end_stream=True)
        self.transmit()
