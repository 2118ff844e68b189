"""Questions to one upstream by DNS over HTTPS: HTTP/2, many on one connection (RFC 8484, RFC 9113)."""

from __future__ import annotations

import asyncio

from blockctl.io.upstream_http2 import REFUSED_STREAM, Head, Http2, Http2Error
from blockctl.io.upstream_link import AT_ONCE, Fault, Stream, StreamLink, Try

LARGEST = 65_535  # bytes of a DNS message
UNREAD = 1 << 20  # bytes to the upstream that wait: it makes us answer its frames, and reads none of that
MESSAGE = b"application/dns-message"


class DohStream(Stream):
    """One HTTP/2 connection; the id of a question is 0, its stream tells it from the others."""

    def __init__(self, link: StreamLink, host: str, path: str) -> None:
        super().__init__(link)
        self._bodies: dict[int, bytearray] = {}
        self._live: set[int] = set()  # HTTP/2 streams that the upstream has not ended
        head = [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", host.encode("ascii")),
            (b":path", path.encode("ascii")),
            (b"accept", MESSAGE),
            (b"content-type", MESSAGE),
        ]
        self._http = Http2(self, head)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        super().connection_made(transport)
        assert self.transport is not None
        if (secured := self.transport.get_extra_info("ssl_object")) and secured.selected_alpn_protocol() != "h2":
            self.retire(Fault("does not speak HTTP/2", certain=True))
            return
        self.transport.write(self._http.take_out())

    @property
    def full(self) -> bool:
        """Whether the upstream wants no more questions at once."""
        return len(self._live) >= min(AT_ONCE, self.link.at_once)

    def send(self, each: Try) -> None:
        """Send a question as a request of its own."""
        assert self.transport is not None
        try:
            key = self._http.ask(b"\0\0" + each.wire[2:])
        except Http2Error as error:
            self.retire()
            self._again(each, Fault(f"takes no more questions: {error}"))
            return
        self._live.add(key)
        each.key, each.holder = key, self
        self.pending[key] = each
        self.used = self.link.loop.time()
        self.transport.write(self._http.take_out())

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        assert self.transport is not None
        self.heard = self.link.loop.time()
        try:
            self._http.receive(data)
        except Http2Error as error:
            self.retire(Fault(f"does not follow HTTP/2: {error}"))
            return
        if (out := self._http.take_out()) and not self.transport.is_closing():
            self.transport.write(out)
            if self.transport.get_write_buffer_size() > UNREAD:
                self.retire(Fault("reads nothing of what it is sent"))

    def headed(self, stream: int, head: Head) -> None:
        """Look at the head of an answer."""
        fields = dict(head)
        status = fields.get(b":status", b"").decode("ascii", "replace")
        if stream in self._bodies or status.startswith("1"):  # trailers, or a word in between
            return
        kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if status != "200":
            self._end(stream, Fault(f"answers with HTTP status {status}", certain=status in ("403", "404", "410")))
        elif kind != MESSAGE:
            told = kind.decode("ascii", "replace") or "nothing"
            self._end(stream, Fault(f"answers with {told} where a DNS message was due", certain=True))
        elif stream in self.pending:
            self._bodies[stream] = bytearray()

    def grown(self, stream: int, data: bytes) -> None:
        """Take a piece of an answer."""
        body = self._bodies.get(stream)
        if body is not None:
            body += data
            if len(body) > LARGEST:
                del self._bodies[stream]
                self.retire(Fault("sent more than a DNS message holds"))

    def ended(self, stream: int) -> None:
        """Hand an answer on that is whole."""
        self._live.discard(stream)
        body = self._bodies.pop(stream, None)
        if body is not None:
            self._finish(stream, bytes(body))
        else:
            self.refuse(stream, self.fault or Fault("ended an answer that it had not begun"))

    def limited(self, at_once: int) -> None:
        """Remember how many questions at once the upstream takes."""
        self.link.at_once = at_once

    def _finish(self, stream: int, body: bytes) -> None:
        if len(body) < 12:
            self.refuse(stream, Fault("sent something that is no DNS message"))
        else:
            self.give(stream, body)

    def _end(self, stream: int, fault: Fault) -> None:
        self._bodies.pop(stream, None)
        self.refuse(stream, fault)

    def reset(self, stream: int, code: int) -> None:
        """Take it that the upstream gives one question up."""
        self._live.discard(stream)
        fault = Fault(f"gave the question up: HTTP/2 error {code}")
        each = self.pending.get(stream)
        if each is not None and code == REFUSED_STREAM:
            self.drop(each)
            self._again(each, fault)
        else:
            self._end(stream, fault)

    def leaving(self, last: int) -> None:
        """Close: what the upstream did not begin may be asked again elsewhere (RFC 9113, section 6.8)."""
        self.open = False
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
            self._http.give_up(each.key)
            self.transport.write(self._http.take_out())
        super().drop(each)
