"""Connections let in and seen out: how many, how long, and what happens when there is no room.

The oldest idle connection makes way for a newcomer; only when every one waits for an answer is the newcomer sent away.
Out of file descriptors, the listening socket rests a moment instead of spinning, and idle connections are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from asyncio import sslproto
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from blockctl.dns.access import bucket
from blockctl.io.connection import Connection, Handle, Limits
from blockctl.io.descriptors import last_for_clients
from blockctl.model.addresses import shortest

ACCEPT_AT_ONCE = 64
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
REST = 0.1  # seconds without accepting when nothing more can be opened
FREE_AT_ONCE = 8  # idle connections closed then
HANDSHAKE = 5.0  # seconds for TLS to come about
LOOK_EVERY = 1.0  # seconds between looks for connections to close

# asyncio gives each TLS connection a buffer of 256 KiB, which would be 256 MB for a thousand idle ones; one record is
# all that is ever read at once.
sslproto.SSLProtocol.max_size = 16_384


@dataclass(slots=True)
class Figures:
    """What the door has seen."""

    accepted: int = 0
    refused: int = 0  # no room, and nobody idle
    evicted: int = 0  # idle ones that made way
    timed_out: int = 0
    exhausted: int = 0  # times that nothing more could be opened


@dataclass(eq=False, slots=True)
class _Listening:
    sock: socket.socket
    tls: ssl.SSLContext | None
    rest: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Door:
    """Accepts for one server, on any number of sockets."""

    handle: Handle
    make: Callable[[Door, str, bool], Connection]
    limits: Limits = field(default_factory=Limits)
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self._inside: OrderedDict[Connection, None] = OrderedDict()  # the longest silent first
        self._of: dict[str, OrderedDict[Connection, None]] = {}
        self._listening: list[_Listening] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    def time(self) -> float:
        """Return the loop's clock, in seconds."""
        return asyncio.get_running_loop().time()

    def __len__(self) -> int:
        return len(self._inside)

    def start(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Accept on a bound socket, which is the door's from now on. The loop runs."""
        sock.setblocking(False)
        sock.listen(1024)
        listening = _Listening(sock, tls)
        self._listening.append(listening)
        asyncio.get_running_loop().add_reader(sock, self._accept, listening)

    async def stop(self, grace: float) -> None:
        """Accept no more, end who is idle, wait for answers still owed, then end everybody."""
        loop = asyncio.get_running_loop()
        for listening in self._listening:
            if listening.rest is not None:
                listening.rest.cancel()
            loop.remove_reader(listening.sock)
            listening.sock.close()
        self._listening.clear()
        until = loop.time() + grace
        while True:
            for connection in [each for each in self._inside if not each.owed]:
                connection.leave()
            if not self._inside or loop.time() >= until:
                break
            with contextlib.suppress(TimeoutError):
                self._empty.clear()
                await asyncio.wait_for(self._empty.wait(), min(0.05, grace))
        for connection in list(self._inside):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do something in the background; an exception is told by the loop's handler and ends nothing."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def touched(self, connection: Connection) -> None:
        """Put a connection behind all the others."""
        if connection in self._inside:
            self._inside.move_to_end(connection)
            self._of[bucket(connection.address)].move_to_end(connection)

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection in self._inside:
            del self._inside[connection]
            key = bucket(connection.address)
            del self._of[key][connection]
            if not self._of[key]:
                del self._of[key]
        if not self._inside:
            self._empty.set()

    def crowded(self) -> bool:
        """Whether room is getting scarce."""
        return len(self._inside) * 4 > self.limits.total * 3

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a query could not be answered", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _accept(self, listening: _Listening) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                sock, peer = listening.sock.accept()
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._rest(listening)
                return  # nothing more, or the client is gone already: accept(2) says to try again
            sock.setblocking(False)
            full = sock.fileno() > last_for_clients()
            if full and not self._make_room(self._inside):
                self.figures.refused += 1
                sock.close()
                return
            with contextlib.suppress(OSError):  # asyncio does it only for sockets that name their protocol
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._let_in(sock, shortest(str(peer[0])), listening.tls)
            if full:
                return  # who made way is closed before the next one is let in

    def _rest(self, listening: _Listening) -> None:
        self.figures.exhausted += 1
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening.sock)
        for _ in range(FREE_AT_ONCE):
            self._make_room(self._inside)
        listening.rest = loop.call_later(REST, self._again, listening)

    def _again(self, listening: _Listening) -> None:
        listening.rest = None
        asyncio.get_running_loop().add_reader(listening.sock, self._accept, listening)

    def _let_in(self, sock: socket.socket, address: str, tls: ssl.SSLContext | None) -> None:
        key = bucket(address)
        same = self._of.get(key)
        room = True
        if key and same is not None and len(same) >= self.limits.per_client:
            room = self._make_room(same)
        elif len(self._inside) >= self.limits.total:
            room = self._make_room(self._inside)
        if not room:
            self.figures.refused += 1
            sock.close()
            return
        self.figures.accepted += 1
        connection = self.make(self, address, tls is not None)
        self._inside[connection] = None
        self._of.setdefault(key, OrderedDict())[connection] = None
        connection.entering = self.run(self._enter(sock, connection, tls))
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_around)

    async def _enter(self, sock: socket.socket, connection: Connection, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            timeout = None if tls is None else HANDSHAKE
            await loop.connect_accepted_socket(lambda: connection, sock, ssl=tls, ssl_handshake_timeout=timeout)
        except (OSError, ssl.SSLError, TimeoutError):  # no handshake came about
            pass
        finally:
            connection.entering = None
            if connection.transport is None:
                self.forget(connection)
                sock.close()

    def _make_room(self, among: OrderedDict[Connection, None]) -> bool:
        """End the connection that has been idle longest, at once: its descriptor is wanted."""
        for connection in among:
            if not connection.owed:
                self.figures.evicted += 1
                self.forget(connection)
                connection.abort()
                return True
        return False

    def _look_around(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_around) if self._inside else None
        now, crowded = self.time(), self.crowded()
        for connection in list(self._inside):
            silent = now - connection.active
            if connection.blocked:
                limit = self.limits.stuck
            elif connection.owed:
                limit = self.limits.owed
            else:
                limit = self.limits.crowded if crowded else connection.patience
            if silent > limit:
                self.figures.timed_out += 1
                connection.leave()


class Server:
    """Answers on connections that its door lets in."""

    def __init__(
        self, handle: Handle, make: Callable[[Door, str, bool], Connection], limits: Limits | None = None
    ) -> None:
        self._door = Door(handle, make, limits or Limits())

    @property
    def figures(self) -> Figures:
        """What came and went."""
        return self._door.figures

    def __len__(self) -> int:
        """Return how many are connected."""
        return len(self._door)

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve a bound socket, which is the server's from now on; may be called for several."""
        self._door.start(sock, tls)

    async def stop(self, grace: float) -> None:
        """Close the sockets; wait so many seconds for answers that clients wait for."""
        await self._door.stop(grace)
