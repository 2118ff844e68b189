"""HTTP/2 as far as a client of DNS over HTTPS needs it (RFC 9113): small requests, small answers, many at a time.

The library that our own server uses takes longer for one question than all else that is done for it. Here the head of
a request is put together once, and an answer costs what its frames hold. HPACK is read by the library's reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Protocol

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hpack.exceptions import HPACKError

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED, PRIORITIZED = 4, 8, 32
ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE = 2, 3, 4, 6
REFUSED_STREAM, CANCEL = 7, 8

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = Struct("!BHBBI")  # length in two parts, type, flags, stream
SETTING = Struct("!HI")
LARGEST_FRAME = 16_384  # bytes: section 4.2, where we ask for no more
LARGEST_HEAD = 16_384  # bytes of an answer's head
WINDOW = 65_535  # bytes: section 6.9.2, of both sides at the start
MORE = 1 << 20  # bytes that the upstream may send before we say that we took them
OF_A_STREAM = 1 << 17  # bytes of one answer; a DNS message has half of them at most
LAST_STREAM = (1 << 31) - 1
CONNECTION = 0  # as the number of a stream

Head = Sequence[tuple[bytes, bytes]]


class Http2Error(Exception):
    """The other side does not follow HTTP/2, or a request cannot be sent on this connection."""


class Client(Protocol):
    """Who is told what comes. Of a stream that was given up, or had its end, something may come yet."""

    def headed(self, stream: int, head: Head) -> None:
        """Take the head of an answer; after it more of them are trailers."""

    def grown(self, stream: int, data: bytes) -> None:
        """Take a piece of an answer's body."""

    def ended(self, stream: int) -> None:
        """Take it that an answer is whole."""

    def reset(self, stream: int, code: int) -> None:
        """Take it that the other side gives a request up."""

    def limited(self, at_once: int) -> None:
        """Take it that the other side answers no more requests than these together."""

    def leaving(self, last: int) -> None:
        """Take it that the other side closes, and answers no request after the `last`."""


class Http2:
    """One connection. What has to be sent waits until it is taken out."""

    def __init__(self, client: Client, head: Head) -> None:
        """Begin, for requests with this head, but for the length of their bodies."""
        self._client = client
        self._head = [NeverIndexedHeaderTuple(name, value) for name, value in head]
        self._heads: dict[int, bytes] = {}  # by length of the body
        self._decoder = Decoder(LARGEST_HEAD)
        self._next = 1
        self._room = WINDOW  # bytes that the other side takes
        self._room_of_stream = WINDOW
        self._taken = 0  # bytes that came since we said so
        self._rest = b""  # the beginning of a frame
        self._block: tuple[int, int, bytes] | None = None  # a head that is not whole: its stream, its flags, its bytes
        ours = ((ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, OF_A_STREAM), (MAX_HEADER_LIST_SIZE, LARGEST_HEAD))
        settings = b"".join(SETTING.pack(*each) for each in ours)
        self._out = PREFACE + _frame(SETTINGS, 0, CONNECTION, settings) + _update(MORE)

    def take_out(self) -> bytes:
        """Return what has to be sent, once."""
        out, self._out = self._out, b""
        return out

    def ask(self, body: bytes) -> int:
        """Send a request; return its stream. Raises Http2Error where the connection takes no more of them."""
        key, size = self._next, len(body)
        if key > LAST_STREAM:
            raise Http2Error("all numbers of streams are used up")
        if size > self._room or size > self._room_of_stream:
            raise Http2Error("its window is full")
        head = self._heads.get(size) or self._head_for(size)
        self._next += 2
        self._room -= size
        headers = FRAME.pack(0, len(head), HEADERS, END_HEADERS, key)
        self._out = b"".join((self._out, headers, head, FRAME.pack(0, size, DATA, END_STREAM, key), body))
        return key

    def give_up(self, stream: int) -> None:
        """Tell the other side that nobody waits for that answer."""
        self._out += _frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))

    def _head_for(self, size: int) -> bytes:
        """Encode a head with nothing that either side would have to remember (RFC 7541, section 6.2.3)."""
        length = NeverIndexedHeaderTuple(b"content-length", b"%d" % size)
        self._heads[size] = head = Encoder().encode([*self._head, length])
        return head

    def receive(self, data: bytes) -> None:
        """Take what came, and tell the client. Raises Http2Error where that is no HTTP/2."""
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        while size - at >= FRAME.size:
            high, low, kind, flags, stream = FRAME.unpack_from(data, at)
            start = at + FRAME.size
            if high or low > LARGEST_FRAME:
                raise Http2Error("a frame is too long")
            if start + low > size:
                break
            at = start + low
            self._take(kind, flags, stream & LAST_STREAM, data[start:at])
        self._rest = data[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if (self._block is not None) != (kind == CONTINUATION):
            raise Http2Error("a head is cut, or goes on where none began")
        if kind <= RST_STREAM or kind == CONTINUATION:
            if not stream & 1 or stream >= self._next:
                raise Http2Error("a frame of a stream that was never asked for")
            self._take_answer(kind, flags, stream, payload)
        elif kind == SETTINGS:
            self._settle(flags, payload)
        elif kind == PUSH_PROMISE:
            raise Http2Error("it pushes what nobody asked for")
        elif kind == PING and not flags & ACK:
            self._out += _frame(PING, ACK, CONNECTION, payload)
        elif kind == GOAWAY:
            self._client.leaving(int.from_bytes(payload[:4], "big") & LAST_STREAM)
        elif kind == WINDOW_UPDATE and stream == CONNECTION:
            self._room += int.from_bytes(payload[:4], "big") & LAST_STREAM

    def _take_answer(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Take a frame of a stream."""
        if kind == DATA:
            self._taken += len(payload)
            if self._taken > MORE // 2:
                self._out += _update(self._taken)
                self._taken = 0
            self._client.grown(stream, _unpadded(flags, payload))
            if flags & END_STREAM:
                self._client.ended(stream)
        elif kind == HEADERS:
            payload = _unpadded(flags, payload)
            self._grow_head(stream, flags, payload[5:] if flags & PRIORITIZED else payload)
        elif kind == CONTINUATION:
            assert self._block is not None
            begun, first, block = self._block
            if begun != stream:
                raise Http2Error("a head goes on in another stream")
            self._grow_head(stream, first | flags & END_HEADERS, block + payload)
        elif kind == RST_STREAM:
            self._client.reset(stream, int.from_bytes(payload[:4], "big"))

    def _grow_head(self, stream: int, flags: int, block: bytes) -> None:
        """Take as much of a head as there is; a whole one is decoded, for the next ones may point at its parts."""
        if len(block) > LARGEST_HEAD:
            raise Http2Error("a head is too long")
        if not flags & END_HEADERS:
            self._block = stream, flags, block
            return
        self._block = None
        try:
            head = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except HPACKError as error:
            raise Http2Error(str(error) or "a head cannot be read") from error
        self._client.headed(stream, head)
        if flags & END_STREAM:
            self._client.ended(stream)

    def _settle(self, flags: int, payload: bytes) -> None:
        """Take what the other side wants, and say so. The size of its table is nothing to us, who use none."""
        if flags & ACK:
            return
        if len(payload) % SETTING.size:
            raise Http2Error("its settings are cut")
        for which, value in SETTING.iter_unpack(payload):
            if which == MAX_CONCURRENT_STREAMS:
                self._client.limited(value)
            elif which == INITIAL_WINDOW_SIZE:
                self._room_of_stream = value
        self._out += _frame(SETTINGS, ACK, CONNECTION, b"")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return FRAME.pack(0, len(payload), kind, flags, stream) + payload


def _update(more: int) -> bytes:
    return _frame(WINDOW_UPDATE, 0, CONNECTION, more.to_bytes(4, "big"))


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Http2Error("more padding than there is room for")
    return payload[1 : len(payload) - payload[0]]
