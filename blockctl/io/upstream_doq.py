"""Questions to one upstream by DNS over QUIC: each on a stream of its own, many on one connection (RFC 9250)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from blockctl.io.upstream_link import STREAMS, Fault, Stream, StreamLink, Try

if TYPE_CHECKING:
    from blockctl.io.upstream_quic import QuicTransport

SPEAKS_QUIC = "blockctl.io.upstream_quic"  # loads the library: 16 MB and a tenth of a second, for those who need it
NO_ERROR, INTERNAL_ERROR, PROTOCOL_ERROR, REQUEST_CANCELLED, EXCESSIVE_LOAD, UNSPECIFIED_ERROR = range(6)
CODES = (
    "DOQ_NO_ERROR",
    "DOQ_INTERNAL_ERROR",
    "DOQ_PROTOCOL_ERROR",
    "DOQ_REQUEST_CANCELLED",
    "DOQ_EXCESSIVE_LOAD",
    "DOQ_UNSPECIFIED_ERROR",
)


@dataclass(slots=True)
class Kept:
    """What a connection leaves to the next one with the same upstream, so that it is made faster."""

    ticket: Any = None  # the library's, of the TLS session (RFC 8446, section 2.2)
    token: bytes = b""  # shows that our address is ours (RFC 9000, section 8.1.3)


class QuicLink(StreamLink):
    """The way to one upstream by DNS over QUIC."""

    def __init__(self, addresses: Callable[[], list[str]], port: int, idle: float, name: str) -> None:
        super().__init__(addresses, port, DoqStream, idle, name=name)
        self._kept = Kept()

    def ask(self, each: Try) -> None:
        """Send a question. Where all connections were asked as much as they ever may be, they make way for others."""
        if len(self._streams) >= STREAMS:
            for stream in [stream for stream in self._streams if stream.full and not stream.pending]:
                stream.retire()
                self.lost(stream)
        super().ask(each)

    def renew(self) -> None:
        """Begin anew. On another network nothing shows whose connections the ones before were (RFC 9250, 5.5.3)."""
        self._kept = Kept()
        super().renew()

    async def _reach(self, made: Stream, address: str) -> None:
        try:  # in a thread: others are answered meanwhile
            library = await asyncio.to_thread(import_module, SPEAKS_QUIC)
        except Exception as error:  # parts of it that do not fit together break in ways of their own
            raise OSError(f"the QUIC library cannot be loaded: {error}") from error
        await library.connect(made, address, self._port, self._name, self._kept)


class DoqStream(Stream):
    """One QUIC connection; the id of a question is 0, its stream tells it from the others."""

    def __init__(self, link: StreamLink) -> None:
        super().__init__(link)
        self._answers: dict[int, bytearray] = {}  # what came so far, for those that wait

    @property
    def full(self) -> bool:
        """Whether the upstream takes no more questions at once."""
        return super().full or not self._quic.room

    @property
    def _quic(self) -> QuicTransport:
        return cast("QuicTransport", self.transport)

    def send(self, each: Try) -> None:
        """Send a question, and that nothing follows it on its stream."""
        wire = each.wire
        key = self._quic.ask(b"".join((len(wire).to_bytes(2, "big"), b"\0\0", wire[2:])))
        each.key, each.holder = key, self
        self.pending[key] = each
        self._answers[key] = bytearray()
        self.used = self.link.loop.time()

    def stream_received(self, key: int, data: bytes, ended: bool) -> None:
        """Take what came on a stream."""
        self.heard = self.link.loop.time()
        if not self._is_ours(key):
            return
        answer = self._answers.get(key)
        if answer is None:  # answered, or given up
            return
        answer += data
        if ended and not answer:
            # RFC 9250, section 4.3.3, would have the connection cut, with all that others wait for. AdGuard's servers
            # end streams so when they drop a question.
            self._end(key, Fault("gave the question up without a word"))
        elif (whole := len(answer) >= 2 and len(answer) >= 2 + int.from_bytes(answer[:2], "big")) or ended:
            self._finish(key, bytes(answer), whole)

    def _finish(self, key: int, answer: bytes, whole: bool) -> None:
        """Look at a message, and hand it on (RFC 9250, sections 4.2.1 and 4.3.3)."""
        size = 2 + int.from_bytes(answer[:2], "big")
        if not whole:
            self._break("ended in the middle of an answer")
        elif len(answer) > size:
            self._break("sent more than the one answer")
        elif size < 14:
            self._break("sent something that is no DNS message")
        elif answer[2:4] != b"\0\0":
            self._break("sent an answer with an id other than 0")
        else:
            del self._answers[key]
            self.give(key, answer[2:])

    def stream_reset(self, key: int, code: int) -> None:
        """Take it that the upstream gives one question up."""
        self.heard = self.link.loop.time()
        if self._is_ours(key):
            self._end(key, Fault(f"gave the question up: {code_name(code)}"))

    def connection_ended(self, code: int) -> None:
        """Note why the upstream ends the connection: what waits is asked there again only where that is no fault."""
        if code != NO_ERROR:
            self.fault = Fault(f"ended the connection: {code_name(code)}")

    def drop(self, each: Try) -> None:
        """Wait for it no longer, and tell the upstream (RFC 9250, section 4.3.1)."""
        if self._answers.pop(each.key, None) is not None and not self._quic.is_closing():
            self._quic.cancel(each.key, REQUEST_CANCELLED)
        super().drop(each)

    def _is_ours(self, key: int) -> bool:
        if key & 3:  # RFC 9000, section 2.1: ours in both directions are multiples of 4
            self._break("opened a stream, which only who asks may do")
        return not key & 3

    def _end(self, key: int, fault: Fault) -> None:
        self._answers.pop(key, None)
        self.refuse(key, fault)

    def _break(self, what: str) -> None:
        """Use no more a connection whose other end does not follow the protocol (RFC 9250, section 4.3.3)."""
        self._quic.code = PROTOCOL_ERROR
        self.retire(Fault(what))


def code_name(code: int) -> str:
    """Return the name of a code of RFC 9250, section 8.4."""
    return CODES[code] if code < len(CODES) else f"DoQ error 0x{code:x}"
