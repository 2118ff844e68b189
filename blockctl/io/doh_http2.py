"""DNS over HTTPS by HTTP/2 (RFC 9113): many requests at once, answered as they are ready.

A client that makes work and takes no answers (streams reset at once, CVE-2023-44487; floods of PING, SETTINGS or empty
frames, CVE-2019-9512 and its kin) uses up a credit that answers fill again, then is sent away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from blockctl.dns.doh import LONGEST, Head, Response, Wanted, read_body, read_head, too_large

if TYPE_CHECKING:
    from blockctl.io.doh import DohConnection

IN_FLIGHT = 200  # answers owed, those of streams that were reset included; the library allows 100 open streams
# Bytes of queries that are not whole yet, all streams together: two of the longest, or hundreds. And as many of answers
# that the client's windows have no room for; one that would be more is given up.
HELD = 131_072
CREDIT = 500.0  # frames without use that may come at once
REFILL = 50.0  # and each second
EARNED = 5.0  # by each answer
COST = {
    events.StreamReset: 5.0,
    events.PingReceived: 1.0,
    events.RemoteSettingsChanged: 2.0,
    events.PriorityUpdated: 1.0,
    events.WindowUpdated: 0.5,
    events.UnknownFrameReceived: 1.0,
}


class _Wire(H2Connection):
    MAX_CLOSED_STREAMS = 1024  # the library's 65,536 would cost megabytes on a connection that lives long


@dataclass(slots=True)
class _Request:
    head: Head
    wanted: Wanted | Response
    body: bytearray = field(default_factory=bytearray)


class Http2:
    """One connection."""

    def __init__(self, connection: DohConnection) -> None:
        self._connection = connection
        self._wire = _Wire(H2Configuration(client_side=False, header_encoding=None))
        self._requests: dict[int, _Request] = {}  # not whole yet
        self._held = 0  # bytes of them
        self._unsent: dict[int, memoryview] = {}  # what the client's windows have no room for
        self._credit, self._then = CREDIT, connection.active
        self._over = False
        self._wire.initiate_connection()
        self._flush()

    def received(self, data: bytes) -> None:
        """Read what the client sent."""
        if self._over:
            return
        try:
            for event in self._wire.receive_data(data):
                self._read(event)
        except (H2Error, ValueError, LookupError):  # the library's, and what it lets through
            self._over = True
        self._flush()
        if self._over:
            self._connection.leave()

    def proceed(self) -> None:
        """Nothing waits here: what the client's windows hold back goes on when they open."""

    def ended(self) -> None:
        """By TLS this is the end."""

    def farewell(self) -> None:
        """Tell the client to come back by a new connection."""
        if not self._over:
            self._over = True
            self._wire.close_connection()
            self._flush()

    def _read(self, event: events.Event) -> None:
        self._pay(event)
        if self._over:
            return
        if isinstance(event, events.RequestReceived):
            head = _head(event.headers)
            self._requests[event.stream_id] = _Request(head, read_head(head, self._connection.path))
        elif isinstance(event, events.DataReceived):
            self._take(event)
        elif isinstance(event, events.StreamEnded):
            self._whole(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self._drop(event.stream_id)
            self._unsent.pop(event.stream_id, None)
        elif isinstance(event, events.WindowUpdated | events.RemoteSettingsChanged):
            for stream in list(self._unsent):
                self._push(stream)
        elif isinstance(event, events.ConnectionTerminated):
            self._over = True

    def _pay(self, event: events.Event) -> None:
        cost = COST.get(type(event), 0.0)
        if isinstance(event, events.DataReceived) and not event.data:
            cost = 1.0
        now = self._connection.door.time()
        self._credit = min(CREDIT, self._credit + (now - self._then) * REFILL) - cost
        self._then = now
        if self._credit < 0 or self._connection.owed > IN_FLIGHT:
            self._send_away()

    def _send_away(self) -> None:
        self._wire.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
        self._over = True

    def _drop(self, stream: int) -> _Request | None:
        """Hold a request no longer."""
        request = self._requests.pop(stream, None)
        self._held -= len(request.body) if request is not None else 0
        return request

    def _take(self, event: events.DataReceived) -> None:
        request = self._requests.get(event.stream_id)
        self._wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if request is None:
            return
        request.body += event.data
        self._held += len(event.data)
        if self._held > HELD:
            self._send_away()
        elif len(request.body) > LONGEST:
            self._drop(event.stream_id)
            self._answer(event.stream_id, request.head, too_large())

    def _whole(self, stream: int) -> None:
        request = self._drop(stream)
        if request is None:
            return
        self._connection.touch()
        wanted = request.wanted
        if isinstance(wanted, Wanted):
            query = read_body(bytes(request.body)) if wanted.query is None else wanted.query
            if isinstance(query, bytes):
                then = partial(self._answer_and_flush, stream, request.head)
                self._connection.resolve(request.head, wanted, query, then)
                return
            wanted = query
        self._answer(stream, request.head, wanted)

    def _answer_and_flush(self, stream: int, head: Head, response: Response) -> None:
        self._answer(stream, head, response)
        self._flush()

    def _answer(self, stream: int, head: Head, response: Response) -> None:
        headers = [(b":status", str(response.status).encode()), *response.headers()]
        bodiless = head.method == "HEAD" or not response.body
        try:
            self._wire.send_headers(stream, headers, end_stream=bodiless)
        except H2Error:  # the stream was reset, or all is over
            return
        self._credit += EARNED
        if not bodiless:
            self._unsent[stream] = memoryview(response.body)
            self._push(stream)

    def _push(self, stream: int) -> None:
        """Send as much of an answer as the client's windows allow."""
        rest = self._unsent.pop(stream)
        try:
            while rest:
                room = min(self._wire.local_flow_control_window(stream), self._wire.max_outbound_frame_size, len(rest))
                if room <= 0:
                    self._hold(stream, rest)
                    return
                self._wire.send_data(stream, bytes(rest[:room]), end_stream=room == len(rest))
                rest = rest[room:]
        except H2Error:  # reset meanwhile
            return

    def _hold(self, stream: int, rest: memoryview) -> None:
        """Keep the rest of an answer, and no more than it, until the client has room, or give the answer up."""
        if len(rest) + sum(map(len, self._unsent.values())) > HELD:
            self._wire.reset_stream(stream, ErrorCodes.ENHANCE_YOUR_CALM)
        else:
            self._unsent[stream] = memoryview(bytes(rest))

    def _flush(self) -> None:
        self._connection.send(self._wire.data_to_send())


def _head(headers: list[tuple[bytes, bytes]]) -> Head:
    found = {bytes(name): bytes(value).decode("latin-1") for name, value in headers}
    length = found.get(b"content-length", "")
    return Head(
        found.get(b":method", ""),
        found.get(b":path", ""),
        found.get(b"content-type", ""),
        found.get(b"accept", ""),
        int(length) if length.isdecimal() else 0,
    )
