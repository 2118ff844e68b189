"""Questions to one upstream by DNS over HTTPS: HTTP/2, many on one connection (RFC 8484, RFC 9113)."""

from __future__ import annotations

import asyncio
import contextlib

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from blockctl.io.upstream_link import AT_ONCE, Fault, Stream, StreamLink, Try

LARGEST = 65_535  # bytes of a DNS message
WINDOW = 1 << 20  # bytes that the upstream may send before we say that we took them
SETTINGS = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: 16_384}
MESSAGE = b"application/dns-message"


class DohStream(Stream):
    """One HTTP/2 connection; the id of a question is 0, its stream tells it from the others."""

    def __init__(self, link: StreamLink, host: str, path: str) -> None:
        super().__init__(link)
        config = H2Configuration(
            header_encoding=None,
            validate_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._http = H2Connection(config)
        self._http.local_settings = Settings(client=True, initial_values=SETTINGS)
        self._bodies: dict[int, bytearray] = {}
        self._live: set[int] = set()  # HTTP/2 streams that the upstream has not ended
        self._head = [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", host.encode("ascii")),
            (b":path", path.encode("ascii")),
            (b"accept", MESSAGE),
            (b"content-type", MESSAGE),
        ]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        super().connection_made(transport)
        assert self.transport is not None
        if (secured := self.transport.get_extra_info("ssl_object")) and secured.selected_alpn_protocol() != "h2":
            self.retire(Fault("does not speak HTTP/2", certain=True))
            return
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW)
        self.transport.write(self._http.data_to_send())

    @property
    def full(self) -> bool:
        """Whether the upstream wants no more questions at once."""
        return len(self._live) >= min(AT_ONCE, self.link.at_once)

    def send(self, each: Try) -> None:
        """Send a question as a request of its own."""
        assert self.transport is not None
        try:
            key = self._http.get_next_available_stream_id()
            wire = b"\0\0" + each.wire[2:]
            self._http.send_headers(key, [*self._head, (b"content-length", b"%d" % len(wire))])
            self._http.send_data(key, wire, end_stream=True)
        except ProtocolError as error:  # all numbers of streams are used up
            self.retire()
            self._again(each, Fault(f"takes no more questions: {error}"))
            return
        self._live.add(key)
        each.key, each.holder = key, self
        self.pending[key] = each
        self.used = self.link.loop.time()
        self.transport.write(self._http.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        assert self.transport is not None
        self.heard = self.link.loop.time()
        try:
            events = self._http.receive_data(data)
        except ProtocolError as error:
            self.retire(Fault(f"does not follow HTTP/2: {error}"))
            return
        for event in events:
            self._take(event)
        if (out := self._http.data_to_send()) and not self.transport.is_closing():
            self.transport.write(out)

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self._begin(event)
        elif isinstance(event, DataReceived):
            self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            body = self._bodies.get(event.stream_id or 0)
            if body is not None:
                body += event.data or b""
                if len(body) > LARGEST:
                    self.retire(Fault("sent more than a DNS message holds"))
        elif isinstance(event, StreamEnded):
            self._live.discard(event.stream_id or 0)
            body = self._bodies.pop(event.stream_id or 0, None)
            if body is not None:
                self._finish(event.stream_id or 0, bytes(body))
        elif isinstance(event, StreamReset):
            self._reset(event.stream_id or 0, int(event.error_code or 0))
        elif isinstance(event, RemoteSettingsChanged):
            self.link.at_once = self._http.remote_settings.max_concurrent_streams
        elif isinstance(event, ConnectionTerminated):
            self._depart(event)

    def _begin(self, event: ResponseReceived) -> None:
        """Look at the head of an answer."""
        stream = event.stream_id or 0
        head = {bytes(name): bytes(value) for name, value in event.headers or ()}
        status = head.get(b":status", b"").decode("ascii", "replace")
        kind = head.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if status != "200":
            self._end(stream, Fault(f"answers with HTTP status {status}", certain=status in ("403", "404", "410")))
        elif kind != MESSAGE:
            told = kind.decode("ascii", "replace") or "nothing"
            self._end(stream, Fault(f"answers with {told} where a DNS message was due", certain=True))
        elif stream in self.pending:
            self._bodies[stream] = bytearray()

    def _finish(self, stream: int, body: bytes) -> None:
        if len(body) < 12:
            self.refuse(stream, Fault("sent something that is no DNS message"))
        else:
            self.give(stream, body)

    def _end(self, stream: int, fault: Fault) -> None:
        self._bodies.pop(stream, None)
        self.refuse(stream, fault)

    def _reset(self, stream: int, code: int) -> None:
        """The upstream gives one question up."""
        self._live.discard(stream)
        fault = Fault(f"gave the question up: HTTP/2 error {code}")
        each = self.pending.get(stream)
        if each is not None and code == ErrorCodes.REFUSED_STREAM:
            self.drop(each)
            self._again(each, fault)
        else:
            self._end(stream, fault)

    def _depart(self, event: ConnectionTerminated) -> None:
        """The upstream closes: what it did not begin may be asked again elsewhere (RFC 9113, section 6.8)."""
        self.open = False
        last = event.last_stream_id or 0
        for each in [each for key, each in self.pending.items() if key > last]:
            self.pending.pop(each.key)
            self._again(each, Fault("closed the connection before it took the question"))
        if not self.pending:
            self.retire()

    def _again(self, each: Try, fault: Fault) -> None:
        """Put a question that the upstream has not begun with to another connection, once."""
        self.open = False
        if each.again:
            each.failed(fault)
        else:
            each.again = True
            self.link.ask(each)

    def drop(self, each: Try) -> None:
        """Wait for it no longer, and tell the upstream."""
        self._bodies.pop(each.key, None)
        if each.key in self._live and self.transport is not None and not self.transport.is_closing():
            self._live.discard(each.key)
            with contextlib.suppress(ProtocolError):
                self._http.reset_stream(each.key, ErrorCodes.CANCEL)
                self.transport.write(self._http.data_to_send())
        super().drop(each)
