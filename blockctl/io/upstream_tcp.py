"""Questions to one upstream by TCP or DoT: many on one connection, answered in any order (RFC 7766, RFC 7858)."""

from __future__ import annotations

from blockctl.io import noise
from blockctl.io.upstream_link import Fault, Stream, StreamLink, Try


class TcpStream(Stream):
    """One connection: messages with their length before them."""

    def __init__(self, link: StreamLink) -> None:
        super().__init__(link)
        self._rest = b""

    def send(self, each: Try) -> None:
        """Send a question under an id that no other on this connection has."""
        assert self.transport is not None
        while (key := int.from_bytes(noise.take(2), "big")) in self.pending:
            pass
        each.key, each.holder = key, self
        self.pending[key] = each
        self.used = self.link.loop.time()
        wire = each.wire
        self.transport.write(b"".join((len(wire).to_bytes(2, "big"), key.to_bytes(2, "big"), wire[2:])))

    def data_received(self, data: bytes) -> None:
        """Take the messages apart."""
        self.heard = self.link.loop.time()
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        while size - at >= 2:
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > size:
                break
            if end - at < 14:
                self.retire(Fault("sent something that is no DNS message"))
                return
            self.give(int.from_bytes(data[at + 2 : at + 4], "big"), data[at + 2 : end])
            at = end
        self._rest = data[at:]
