"""Many datagrams for one system call: `recvmmsg` and `sendmmsg` of Linux, by ctypes.

Queries are read into the slots of one buffer, and answers sent from where the queries lay to where they came from:
the headers for reading and those for sending share the buffer and the addresses, so that lengths are all that is
written between the two.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import socket
import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from blockctl.dns.batch import SLOT
from blockctl.io.datagrams import Send
from blockctl.model.addresses import shortest

COUNT = 64  # datagrams for one call
_ADDRESS = 32  # bytes for a socket address; one of IPv6 takes 28
_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("message", _Message), ("size", ctypes.c_uint))  # of the datagram


Client = int | tuple[int, int]  # the bytes of an address, as the machine reads them


class ManyAtOnce:
    """The two calls for one socket, and what they work on: slot n of `memory` begins at n times SLOT."""

    def __init__(self, sock: socket.socket) -> None:
        """Make buffers for a socket of IPv4 or IPv6; AttributeError or OSError: the system does not have the calls."""
        library = ctypes.CDLL(None, use_errno=True)
        self._receive, self._transmit = library.recvmmsg, library.sendmmsg
        self._socket = sock
        self._file = sock.fileno()
        self.unsent = 0
        self._is_ipv4 = sock.family == socket.AF_INET
        self.memory = mmap.mmap(-1, COUNT * SLOT)
        self._addresses = mmap.mmap(-1, COUNT * _ADDRESS)
        self._read_vectors, self._send_vectors = (_Vector * COUNT)(), (_Vector * COUNT)()
        self._to_read = self._headers(self._read_vectors)
        self._to_send = self._headers(self._send_vectors)
        size = ctypes.sizeof(_Header)
        self._lengths = memoryview(self._to_read).cast("B").cast("I")[_Header.size.offset // 4 :: size // 4]
        self._sizes = memoryview(self._send_vectors).cast("B").cast("L")[1::2]
        self._first_to_read = ctypes.byref(self._to_read)
        self._places = [ctypes.byref(self._to_send, at * size) for at in range(COUNT)]
        if self._is_ipv4:
            self._words = [memoryview(self._addresses).cast("I")[1 :: _ADDRESS // 4]]
        else:
            self._words = [memoryview(self._addresses).cast("Q")[at :: _ADDRESS // 8] for at in (1, 2)]

    def _headers(self, vectors: ctypes.Array[_Vector]) -> ctypes.Array[_Header]:
        data = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        names = ctypes.addressof(ctypes.c_char.from_buffer(self._addresses))
        headers = (_Header * COUNT)()
        for at, (header, vector) in enumerate(zip(headers, vectors, strict=True)):
            vector.base, vector.size = data + at * SLOT, SLOT
            message = header.message
            message.name, message.name_size = names + at * _ADDRESS, 16 if self._is_ipv4 else 28
            message.vectors, message.vector_count = ctypes.pointer(vector), 1
        return headers

    def read(self) -> int:
        """Read what has come, and return how many datagrams there are; 0: none for now."""
        count: int = self._receive(self._file, self._first_to_read, COUNT, socket.MSG_DONTWAIT, None)
        return max(count, 0)

    def lengths(self, count: int) -> list[int]:
        """Return the lengths of the datagrams read."""
        return self._lengths[:count].tolist()

    def clients(self, count: int) -> Sequence[Client]:
        """Return who sent them, without the port: something to know an address by."""
        if self._is_ipv4:
            return self._words[0][:count].tolist()
        return list(zip(*(words[:count].tolist() for words in self._words), strict=True))

    def address(self, client: Client) -> str:
        """Return the address of such a client, in its shortest spelling."""
        if isinstance(client, int):
            return socket.inet_ntop(socket.AF_INET, client.to_bytes(4, sys.byteorder))
        halves = b"".join(half.to_bytes(8, sys.byteorder) for half in client)
        return shortest(socket.inet_ntop(socket.AF_INET6, halves))

    def query(self, slot: int) -> bytes:
        """Return a datagram that was not answered yet."""
        return self.memory[slot * SLOT : slot * SLOT + self._lengths[slot]]

    def sender(self, slot: int) -> Send:
        """Return what sends an answer to where a datagram came from."""
        return partial(self._send_one, self._came_from(slot))

    def _came_from(self, slot: int) -> tuple[str, int] | tuple[str, int, int, int]:
        at = slot * _ADDRESS
        port = int.from_bytes(self._addresses[at + 2 : at + 4], "big")
        if self._is_ipv4:
            return socket.inet_ntop(socket.AF_INET, self._addresses[at + 4 : at + 8]), port
        host = socket.inet_ntop(socket.AF_INET6, self._addresses[at + 8 : at + 24])
        return host, port, 0, int.from_bytes(self._addresses[at + 24 : at + 28], sys.byteorder)

    def _send_one(self, address: Any, answer: bytes) -> None:
        try:
            self._socket.sendto(answer, address)
        except OSError:
            self.unsent += 1

    def send(self, sizes: list[int], gaps: Sequence[int]) -> None:
        """Send the answers, each run between two gaps by one call."""
        self._sizes[: len(sizes)] = memoryview(array("L", sizes))
        first = 0
        for gap in (*gaps, len(sizes)):
            self._send_run(first, gap)
            first = gap + 1

    def _send_run(self, first: int, end: int) -> None:
        while first < end:
            sent: int = self._transmit(self._file, self._places[first], end - first, socket.MSG_DONTWAIT)
            if sent > 0:
                first += sent
            elif (error := ctypes.get_errno()) in _FULL:
                self.unsent += end - first  # who asked will ask again
                return
            elif error != errno.EINTR:
                self.unsent += 1  # the first cannot be sent: to port 0, or to where no way leads
                first += 1


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether the calls are there and do what is expected: two datagrams go to and fro on the loopback address."""
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        ):
            server.bind(("127.0.0.1", 0))
            server.setblocking(False)
            client.connect(server.getsockname())
            client.settimeout(0.2)
            calls = ManyAtOnce(server)
            sent = [b"one", b"two and more"]
            for each in sent:
                client.send(each)
            count = calls.read()
            seen = [calls.query(slot) for slot in range(count)] == sent
            known = {calls.address(each) for each in calls.clients(count)} == {"127.0.0.1"}
            calls.send([3, 7], [0])
            return seen and known and not calls.unsent and client.recv(SLOT) == sent[1][:7]
    except (OSError, AttributeError, ValueError):
        return False
