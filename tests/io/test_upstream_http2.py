"""HTTP/2 as a client, beside the library as a server: requests, answers in pieces, and what breaks the rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.io.upstream_http2 import FRAME, LARGEST_FRAME, Head, Http2, Http2Error

HEAD = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"dns.test"), (b":path", b"/dns-query")]
ANSWER = [(b":status", b"200"), (b"content-type", b"application/dns-message")]


class Seen:
    """Who asks: what was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def headed(self, stream: int, head: Head) -> None:
        self.told.append(("head", stream, tuple(head)))

    def grown(self, stream: int, data: bytes) -> None:
        if self.told[-1][:2] == ("body", stream):
            data = self.told.pop()[2] + data  # type: ignore[operator]
        self.told.append(("body", stream, data))

    def ended(self, stream: int) -> None:
        self.told.append(("end", stream))

    def reset(self, stream: int, code: int) -> None:
        self.told.append(("reset", stream, code))

    def limited(self, at_once: int) -> None:
        self.told.append(("limit", at_once))

    def leaving(self, last: int) -> None:
        self.told.append(("leaving", last))


def pair() -> tuple[Http2, Seen, H2Connection]:
    """Return a client and the library's server, which have greeted each other."""
    seen = Seen()
    client = Http2(seen, HEAD)
    server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    server.local_settings = Settings(client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: 7})
    server.initiate_connection()
    server.receive_data(client.take_out())
    client.receive(server.data_to_send())
    server.receive_data(client.take_out())
    return client, seen, server


def test_the_other_side_says_how_much_it_takes() -> None:
    assert pair()[1].told == [("limit", 7)]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), st.integers(1, 64), st.booleans())
def test_answers_come_in_any_pieces(sizes: list[int], step: int, padded: bool) -> None:
    client, seen, server = pair()
    streams = [client.ask(b"?" * size) for size in sizes]
    events = server.receive_data(client.take_out())
    heads = [event.headers for event in events if isinstance(event, RequestReceived)]
    assert [dict(head or [])[b"content-length"] for head in heads] == [b"%d" % size for size in sizes]
    assert all(list(head or [])[: len(HEAD)] == HEAD for head in heads)
    assert [event.stream_id for event in events if isinstance(event, StreamEnded)] == streams
    for stream, size in zip(streams, sizes, strict=True):
        server.send_headers(stream, ANSWER)
        server.send_data(stream, b"!" * size, end_stream=True, pad_length=9 if padded else None)
    sent = server.data_to_send()
    for at in range(0, len(sent), step):
        client.receive(sent[at : at + step])
    assert seen.told[1:] == [
        each
        for stream, size in zip(streams, sizes, strict=True)
        for each in (("head", stream, tuple(ANSWER)), ("body", stream, b"!" * size), ("end", stream))
    ]


def test_windows_are_opened_again() -> None:
    """Four megabytes pass through a window of one, both ways."""
    client, seen, server = pair()
    for _ in range(4096):
        stream = client.ask(bytes(1000))
        for event in server.receive_data(client.take_out()):
            if isinstance(event, StreamEnded):
                server.increment_flow_control_window(1000)
        server.send_headers(stream, ANSWER)
        server.send_data(stream, bytes(1000), end_stream=True)
        client.receive(server.data_to_send())
        server.receive_data(client.take_out())
    assert seen.told.count(("end", stream)) == 1


def test_a_full_window_takes_no_more() -> None:
    client, _, _ = pair()
    with pytest.raises(Http2Error, match="window is full"):
        for _ in range(100):
            client.ask(bytes(1000))


def test_what_ends_is_told() -> None:
    client, seen, server = pair()
    first, second = client.ask(b"?"), client.ask(b"?")
    server.receive_data(client.take_out())
    server.reset_stream(first, 7)
    server.ping(b"12345678")
    server.close_connection(last_stream_id=first)
    client.receive(server.data_to_send())
    assert seen.told[1:] == [("reset", first, 7), ("leaving", first)]
    assert client.take_out()[9:] == b"12345678"
    client.give_up(second)
    assert client.take_out() == FRAME.pack(0, 4, 3, 0, second) + b"\0\0\0\x08"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return FRAME.pack(0, len(payload), kind, flags, stream) + payload


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200))
def test_a_head_comes_in_pieces(size: int) -> None:
    client, seen, _ = pair()
    stream = client.ask(b"?")
    head = [*ANSWER, (b"x-long", b"abc" * 50)]
    block = Encoder().encode(head)
    pieces = [block[at : at + size] for at in range(0, len(block), size)]
    for at, piece in enumerate(pieces):
        whole = 4 if at == len(pieces) - 1 else 0
        client.receive(frame(9 if at else 1, whole if at else whole | 1, stream, piece))
    assert seen.told[1:] == [("head", stream, tuple(head)), ("end", stream)]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(FRAME.pack(0, LARGEST_FRAME + 1, 0, 0, 1), id="a frame too long"),
        pytest.param(FRAME.pack(1, 0, 0, 0, 1), id="a frame far too long"),
        pytest.param(frame(0, 0, 3), id="data nobody asked for"),
        pytest.param(frame(0, 0, 2), id="data of a pushed stream"),
        pytest.param(frame(0, 8, 1), id="padding without its length"),
        pytest.param(frame(0, 8, 1, b"\5abc"), id="more padding than data"),
        pytest.param(frame(1, 4, 1, b"\xff\xff\xff\xff\xff\xff"), id="a head that is none"),
        pytest.param(frame(1, 0, 1, b"\x88") + frame(0, 1, 1, b"x"), id="data within a head"),
        pytest.param(frame(9, 4, 1, b"\x88"), id="the rest of no head"),
        pytest.param(frame(1, 0, 1, bytes(16_000)) + frame(9, 4, 1, bytes(16_000)), id="a head too long"),
        pytest.param(frame(4, 0, 0, b"\0\3\0"), id="settings cut"),
        pytest.param(frame(5, 4, 1, b"\0\0\0\2\x88"), id="a push"),
    ],
)
def test_what_is_no_http_2_is_refused(sent: bytes) -> None:
    client, _, _ = pair()
    client.ask(b"?")
    with pytest.raises(Http2Error):
        client.receive(sent)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255), st.integers(0, 5), st.binary(max_size=40))))
def test_no_frames_break_anything_else(frames: list[tuple[int, int, int, bytes]]) -> None:
    client, _, _ = pair()
    client.ask(b"?")
    receive: Callable[[bytes], None] = client.receive
    try:
        for each in frames:
            receive(frame(*each))
    except Http2Error:
        return
    assert isinstance(client.take_out(), bytes)
