"""DNS over HTTPS by HTTP/1.1 (RFC 9112): one request after the other, kept alive, pipelined ones in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from blockctl.dns.doh import LONGEST, Head, Response, Wanted, page_of, read_body, read_head, refused, too_large

if TYPE_CHECKING:
    from blockctl.io.doh import DohConnection

HEADERS = 16_384  # bytes of a request's head
AHEAD = 65_536  # bytes of further requests taken while one is being answered
LINGER = 262_144  # bytes thrown away after a refusal, so that the client reads it before the connection is reset


class Http1:
    """One connection."""

    def __init__(self, connection: DohConnection) -> None:
        self._connection = connection
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS)
        self._head = Head("", "")
        self._wanted: Wanted | Response | None = None
        self._body = bytearray()
        self._waiting = False  # for an answer
        self._ahead = 0
        self._thrown = -1  # bytes thrown away; from 0 on nothing is read any more

    def received(self, data: bytes) -> None:
        """Read what the client sent."""
        if self._thrown >= 0:
            self._thrown += len(data)
            if self._thrown > LINGER:
                self._connection.abort()
            return
        if self._waiting:
            self._ahead += len(data)
            if self._ahead > AHEAD:
                self._connection.read(False)
        self._wire.receive_data(data)
        self.proceed()

    def proceed(self) -> None:
        """Read request after request, as long as none waits for its answer."""
        try:
            while not self._waiting and not self._connection.blocked and self._thrown < 0:
                event = self._wire.next_event()
                if event is h11.NEED_DATA:
                    self._encourage()
                    return
                self._read(event)
        except h11.RemoteProtocolError as error:
            self._refuse(refused(error.error_status_hint or 400, "this is not HTTP/1.1"))

    def ended(self) -> None:
        """The client sends nothing more; what it sent is still answered."""
        if self._thrown < 0:
            self._wire.receive_data(b"")
            self.proceed()

    def farewell(self) -> None:
        """HTTP/1.1 just closes."""

    def _read(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._head = _head(event, self._connection.secure)
            self._wanted = read_head(self._head, self._connection.path)
            self._body.clear()
            if isinstance(self._wanted, Response) and self._wire.they_are_waiting_for_100_continue:
                self._refuse(self._wanted)
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > LONGEST:
                self._refuse(too_large())
        elif isinstance(event, h11.EndOfMessage):
            self._whole()
        else:  # closed, or another protocol asked for: the answer was that of HTTP/1.1
            self._connection.leave()
            self._thrown = 0

    def _whole(self) -> None:
        self._waiting = True
        wanted = self._wanted
        if isinstance(wanted, Wanted):
            query = read_body(bytes(self._body)) if wanted.query is None else wanted.query
            if isinstance(query, bytes):
                self._connection.resolve(self._head, wanted, query, self._answer)
                return
            wanted = query
        assert wanted is not None
        self._connection.touch()
        self._answer(wanted, again=False)

    def _answer(self, response: Response, again: bool = True) -> None:
        self._write(response, close=False)
        self._waiting, self._ahead = False, 0
        if self._wire.our_state is h11.MUST_CLOSE:
            self._thrown = 0
            self._connection.leave()
            return
        self._wire.start_next_cycle()
        self._head = Head("", "")  # what cannot be read next is no HEAD
        self._connection.read(not self._connection.blocked)
        if again:
            self.proceed()

    def _refuse(self, response: Response) -> None:
        """Answer at once and read no further: where the next request begins is unknown, or not worth waiting for."""
        if self._wire.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(response, close=True)
        self._thrown = 0
        transport = self._connection.transport
        if transport is not None and transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()
        else:
            self._connection.leave()

    def _write(self, response: Response, close: bool) -> None:
        headers = response.headers()
        if close:
            headers.append((b"connection", b"close"))
        wire = self._wire
        out = wire.send(h11.Response(status_code=response.status, headers=headers)) or b""
        if self._head.method != "HEAD":
            out += wire.send(h11.Data(data=response.body)) or b""
        out += wire.send(h11.EndOfMessage()) or b""
        self._connection.send(out)

    def _encourage(self) -> None:
        if self._wire.they_are_waiting_for_100_continue:
            self._connection.send(self._wire.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")


def _head(request: h11.Request, secure: bool) -> Head:
    found = {bytes(name): bytes(value).decode("latin-1") for name, value in request.headers}
    length = found.get(b"content-length", "")
    return Head(
        request.method.decode("latin-1"),
        request.target.decode("latin-1"),
        found.get(b"content-type", ""),
        found.get(b"accept", ""),
        int(length) if length.isdecimal() else 0,
        found.get(b"x-forwarded-for"),
        "" if secure else page_of(found),
    )
