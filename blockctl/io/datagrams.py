"""Datagrams read and answered one by one: for systems without `recvmmsg`, and for sockets bound to no one address.

An answer has to leave from the address that was asked. A socket bound to one address does that by itself; a socket
bound to all is told with each datagram which address was meant (RFC 3542, section 6; ip(7)), and tells it back.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from blockctl.dns.batch import SLOT
from blockctl.model.addresses import shortest

COUNT = 64  # datagrams before the first is answered, at most

Send = Callable[[bytes], None]
Ancillary = list[tuple[int, int, bytes]]

# Python names it from 3.14 on.
_IP_PKTINFO: int | None = getattr(socket, "IP_PKTINFO", {"linux": 8, "darwin": 26}.get(sys.platform))


class Datagrams(Protocol):
    """Queries in slots of one buffer, and what sends answers back from there."""

    memory: mmap.mmap  # slot n begins at n times SLOT
    unsent: int  # answers that the system did not take

    def read(self) -> int:
        """Read what has come, and return how many datagrams there are; 0: none for now."""

    def lengths(self, count: int) -> list[int]:
        """Return the lengths of the datagrams read."""

    def clients(self, count: int) -> Sequence[Any]:
        """Return who sent them, without the port: something to know an address by."""

    def address(self, client: Any) -> str:
        """Return the address of such a client, in its shortest spelling."""

    def query(self, slot: int) -> bytes:
        """Return a datagram that was not answered yet."""

    def sender(self, slot: int) -> Send:
        """Return what sends an answer to where a datagram came from; it raises nothing."""

    def send(self, sizes: list[int], gaps: Sequence[int]) -> None:
        """Send the answers of these lengths in the first slots, but for those in the gaps."""


class OneByOne:
    """The plain way."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._told = _tell_destination(sock)
        self.memory = mmap.mmap(-1, COUNT * SLOT)
        self.unsent = 0
        view = memoryview(self.memory)
        self._slots = [view[at * SLOT : (at + 1) * SLOT] for at in range(COUNT)]
        self._read: list[tuple[int, Any, Ancillary]] = []  # length, socket address, what was told

    def read(self) -> int:
        """Read until nothing is left or the slots are full."""
        self._read.clear()
        with contextlib.suppress(OSError):  # nothing more, or an error of an answer sent before
            for slot in self._slots:
                self._read.append(self._receive(slot))
        return len(self._read)

    def _receive(self, slot: memoryview) -> tuple[int, Any, Ancillary]:
        if not self._told:
            return *self._socket.recvfrom_into(slot), []
        length, told, _, address = self._socket.recvmsg_into([slot], 256)
        return length, address, [back for each in told if (back := _told_back(*each))]

    def lengths(self, count: int) -> list[int]:
        """Return the lengths of the datagrams read."""
        return [length for length, _, _ in self._read[:count]]

    def clients(self, count: int) -> list[str]:
        """Return the hosts they came from."""
        return [address[0] for _, address, _ in self._read[:count]]

    def address(self, client: str) -> str:
        """Return a host in its shortest spelling."""
        return shortest(client)

    def query(self, slot: int) -> bytes:
        """Return a datagram that was not answered yet."""
        return bytes(self._slots[slot][: self._read[slot][0]])

    def sender(self, slot: int) -> Send:
        """Return what sends an answer to where a datagram came from."""
        _, address, told = self._read[slot]
        return partial(self._send, address, told)

    def send(self, sizes: list[int], gaps: Sequence[int]) -> None:
        """Send the answers, one after another."""
        left_out = set(gaps)
        for slot, size in enumerate(sizes):
            if slot not in left_out:
                _, address, told = self._read[slot]
                self._send(address, told, self._slots[slot][:size])

    def _send(self, address: Any, told: Ancillary, answer: bytes | memoryview) -> None:
        try:
            if told:
                self._socket.sendmsg([answer], told, 0, address)
            else:
                self._socket.sendto(answer, address)
        except OSError:  # no room, no way there, port 0: who asked will ask again
            self.unsent += 1


def is_bound_to_all(sock: socket.socket) -> bool:
    """Whether a socket gets what is sent to any address of this machine."""
    return sock.getsockname()[0] in ("0.0.0.0", "::")  # noqa: S104


def _tell_destination(sock: socket.socket) -> bool:
    """Ask for the address with each datagram where a socket is bound to all; whether it will come."""
    if not is_bound_to_all(sock) or not hasattr(sock, "recvmsg_into"):
        return False
    if sock.family == socket.AF_INET6:
        level, option = socket.IPPROTO_IPV6, getattr(socket, "IPV6_RECVPKTINFO", None)
    else:
        level, option = socket.IPPROTO_IP, _IP_PKTINFO
    if option is None:
        return False
    with contextlib.suppress(OSError):
        sock.setsockopt(level, option, 1)
        return True
    return False


def _told_back(level: int, kind: int, data: bytes) -> tuple[int, int, bytes] | None:
    """Return what to send with an answer, from what came with the query."""
    if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
        return level, kind, bytes(4) + data[4:8] + bytes(4)  # the way back is the system's choice, the address is not
    if level == socket.IPPROTO_IPV6 and kind == getattr(socket, "IPV6_PKTINFO", None):
        return level, kind, data
    return None
