"""The UDP server: reads queries, has the common ones answered on the hot path, hands the others to the resolver.

Called by the loop whenever the socket can be read. It then takes many datagrams, for going back to the loop after each
costs more than the answer does; but not without end, so that upstreams and other sockets have their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from blockctl.dns.batch import Batch, Note, Seat
from blockctl.io import mmsg
from blockctl.io.datagrams import Datagrams, OneByOne, Send, is_bound_to_all

TURNS = 8  # batches before other sockets have their turn
SEATS = 4096  # clients remembered
SOCKET_BUFFER = 4 << 20  # bytes of queries that may wait while the loop does something else
_FORCE = 33  # SO_RCVBUFFORCE: beyond the system's limit, for root


@dataclass(frozen=True, slots=True)
class UdpHooks:
    """What the server asks of the rest.

    `seat` returns what is known of a client's address: the hot path of its group, and who judges whether it asks too
    much. It is asked once, until `forget`.
    `slow` gets what the hot path cannot answer: the query, the client's address, and what sends an answer to it, now
    or later, once or never. It must not raise.
    `note` is told of every query that the hot path answered (see `dns.batch.Batch`), none of those handed to `slow`.
    """

    seat: Callable[[str], Seat]
    slow: Callable[[bytes, str, Send], None]
    note: Note | None = None
    clock: Callable[[], float] = time.monotonic


class UdpServer:
    """Answers on one socket, which is bound and stays its owner's to close.

    `counts` is by Outcome, of the queries that the hot path answered.
    """

    def __init__(self, sock: socket.socket, hooks: UdpHooks) -> None:
        sock.setblocking(False)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, _FORCE, SOCKET_BUFFER)
        self._socket = sock
        self._hooks = hooks
        alone = is_bound_to_all(sock) or not mmsg.is_available()
        self._datagrams: Datagrams = OneByOne(sock) if alone else mmsg.ManyAtOnce(sock)
        self._batch = Batch(self._datagrams.memory, self._sit, hooks.note)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def counts(self) -> list[int]:
        """Queries that the hot path answered, by Outcome."""
        return self._batch.counts

    @property
    def unsent(self) -> int:
        """Answers that the system did not take."""
        return self._datagrams.unsent

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._ready)

    def stop(self) -> None:
        """Answer no more; replies under way are still sent while the socket is open."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None

    def forget(self) -> None:
        """Ask anew who sits where: the policy, the rules or the groups are others."""
        self._batch.seats.clear()

    def _sit(self, client: Hashable) -> Seat:
        seats = self._batch.seats
        if len(seats) >= SEATS:
            seats.clear()
        seat = seats[client] = self._hooks.seat(self._datagrams.address(client))
        return seat

    def _ready(self) -> None:
        datagrams, batch, slow = self._datagrams, self._batch, self._hooks.slow
        for _ in range(TURNS):
            if not (count := datagrams.read()):
                return
            sizes = batch.answer(datagrams.lengths(count), datagrams.clients(count), self._hooks.clock())
            if len(batch.gaps) < count:
                datagrams.send(sizes, batch.gaps)
            for slot, seat in batch.missed:
                slow(datagrams.query(slot), seat.address, datagrams.sender(slot))
            if batch.missed:  # the resolver has worked meanwhile
                return
