"""Upstreams by DNS over HTTPS that do not keep to the order of an answer, or never read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hpack import Encoder

from blockctl.io.upstream_doh import UNREAD, DohStream
from blockctl.io.upstream_http2 import FRAME
from blockctl.io.upstream_link import Connection, Fault, StreamLink

DATA, HEADERS, PING, END_STREAM, END_HEADERS = 0, 1, 6, 1, 4


class Asked:
    """A question, and what became of it."""

    def __init__(self) -> None:
        self.wire = bytes(12)
        self.key = 0
        self.holder: Connection | None = None
        self.again = False
        self.ends: list[str] = []

    def received(self, answer: bytes) -> bool:
        self.ends.append("answered")
        return True

    def failed(self, fault: Fault) -> None:
        self.ends.append(fault.text)


class Unread(asyncio.Transport):
    """A connection whose other side reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self.closed = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.size += len(data)

    def get_write_buffer_size(self) -> int:
        return self.size

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return FRAME.pack(0, len(payload), kind, flags, stream) + payload


def told(do: Callable[[DohStream, Asked], None]) -> tuple[list[str], Unread]:
    """Return what became of a question to an upstream that does something, and the connection."""

    async def run() -> tuple[list[str], Unread]:
        link = StreamLink(list, 443, lambda link: DohStream(link, "dns.test", "/q"), 100)
        stream, transport, asked = DohStream(link, "dns.test", "/q"), Unread(), Asked()
        stream.connection_made(transport)
        stream.send(asked)
        do(stream, asked)
        return asked.ends, transport

    return asyncio.run(run())


def test_an_answer_that_ends_before_it_begins_is_waited_for_no_longer() -> None:
    unbegun = ["ended an answer that it had not begun"]
    early = Encoder().encode([(b":status", b"103")])
    assert told(lambda stream, _: stream.data_received(frame(DATA, END_STREAM, 1)))[0] == unbegun
    assert (
        told(lambda stream, _: stream.data_received(frame(HEADERS, END_STREAM | END_HEADERS, 1, early)))[0] == unbegun
    )


def test_who_wants_answers_to_its_frames_and_reads_none_is_left() -> None:
    pings = frame(PING, 0, 0, bytes(8)) * 1000

    def flood(stream: DohStream, _asked: Asked) -> None:
        for _ in range(2 * UNREAD // len(pings)):
            if stream.open:
                stream.data_received(pings)

    _, transport = told(flood)
    assert transport.closed
    assert transport.size < UNREAD + 2 * len(pings)
