"""Whatever bytes a client sends, in whatever pieces: no exception, and the next client is answered."""

from __future__ import annotations

import asyncio
import base64
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.io.connection import Connection, Limits
from blockctl.io.doh import DohConnection
from blockctl.io.door import Door
from blockctl.io.streams import _Stream
from tests.io.transports import question


class Wire(asyncio.Transport):
    """Takes what is written; delivers nothing after it was closed."""

    def __init__(self, protocol: str) -> None:
        super().__init__({"ssl_object": SimpleNamespace(selected_alpn_protocol=lambda: protocol)} if protocol else {})
        self.written = b""
        self.open = True
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return not self.open

    def close(self) -> None:
        self.open = False

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """The client would see it."""

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def http2(*queries: bytes) -> bytes:
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    for query in queries:
        stream = client.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/dns-query")]
        client.send_headers(stream, [*head, ("content-type", "application/dns-message")])
        client.send_data(stream, query, end_stream=True)
    client.ping(bytes(8))
    client.reset_stream(1)
    return client.data_to_send()


def http1(*queries: bytes) -> bytes:
    get = base64.urlsafe_b64encode(queries[0]).rstrip(b"=")
    head = b"POST /dns-query/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
    posts = (head + b"Content-Length: %d\r\n\r\n%s" % (len(query), query) for query in queries[1:])
    return b"GET /dns-query?dns=%s HTTP/1.1\r\nHost: a\r\n\r\n" % get + b"".join(posts)


def stream(*queries: bytes) -> bytes:
    return b"".join(len(query).to_bytes(2, "big") + query for query in queries)


QUERIES = (question(1), question(2), question(3, tail=bytes.fromhex("0000290200000000000004000b0000")))
RIGHT = {"h2": http2(*QUERIES), "http/1.1": http1(*QUERIES), "": stream(*QUERIES)}


async def play(kind: str, pieces: list[bytes]) -> tuple[bytes, list[str]]:
    """Return what the server wrote, and the exceptions of tasks."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(repr(context)))

    async def handle(query: bytes, _: object) -> bytes:
        return query[:2] + b"\x81" + query[3:]

    def make(door: Door, address: str, secure: bool) -> Connection:
        return DohConnection(door, address, secure, "/dns-query") if kind else _Stream(door, address, secure)

    door = Door(handle, make, Limits())
    connection, wire = make(door, "127.0.0.1", False), Wire(kind)
    connection.connection_made(wire)
    for piece in pieces:
        for _ in range(8):
            if wire.reading or not wire.open:
                break
            await asyncio.sleep(0)
        if not wire.open:
            break
        connection.data_received(piece)
    for _ in range(8):
        await asyncio.sleep(0)
    if wire.open:
        connection.eof_received()
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await door.stop(0)
    return wire.written, told


@st.composite
def mutated(draw: st.DrawFn, right: bytes) -> list[bytes]:
    data = bytearray(right)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        what = draw(st.sampled_from(("change", "cut", "insert", "repeat")))
        if what == "change" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif what == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif what == "insert":
            data[at:at] = draw(st.binary(max_size=40))
        else:
            data[at:at] = data[max(0, at - draw(st.integers(1, 60))) : at]
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=6))})
    return [bytes(data[start:end]) for start, end in pairwise(cuts)]


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_is_answered_in_any_pieces(kind: str) -> None:
    right = RIGHT[kind]
    for size in (1, 7, len(right)):
        written, told = asyncio.run(play(kind, [right[at : at + size] for at in range(0, len(right), size)]))
        assert told == []
        # of HTTP/2 the first stream was reset, maybe before its answer was ready
        assert all(number.to_bytes(2, "big") + b"\x81" in written for number in (2, 3))


@pytest.mark.parametrize("kind", RIGHT)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes(kind: str, data: st.DataObject) -> None:
    _, told = asyncio.run(play(kind, data.draw(mutated(RIGHT[kind]))))
    assert told == []
