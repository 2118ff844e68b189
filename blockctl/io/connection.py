"""One client that is connected: what it is owed, how long it has been silent, whether it takes its answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

from blockctl.dns.exchange import Client

Handle = Callable[[bytes, Client], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and for how many seconds."""

    total: int = 1000
    per_client: int = 100  # an IPv4 address, or a /56 of IPv6; this machine may have all
    idle: float = 10.0  # RFC 7766, section 6.2.3: "a few seconds"
    patient: float = 30.0  # for those that asked to stay, and where coming back costs a handshake
    crowded: float = 3.0  # idle ones, when three quarters of the room are taken
    stuck: float = 10.0  # a client that does not take its answers
    owed: float = 60.0  # an answer that never comes


class Host(Protocol):
    """Who let the client in: the door."""

    @property
    def limits(self) -> Limits:
        """How many, and for how long."""

    @property
    def handle(self) -> Handle:
        """What answers a query."""

    def time(self) -> float:
        """Return the loop's clock, in seconds."""

    def touched(self, connection: Connection) -> None:
        """Something came about on the connection."""

    def forget(self, connection: Connection) -> None:
        """The connection has ended."""

    def run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do something in the background."""

    def crowded(self) -> bool:
        """Whether room is getting scarce."""


class Connection(asyncio.Protocol):
    """One client, from the accept on. Subclasses read and write."""

    def __init__(self, door: Host, address: str, secure: bool) -> None:
        self.door = door
        self.address = address
        self.secure = secure
        self.owed = 0  # answers the client still waits for
        self.active = door.time()
        self.blocked = False  # the client does not take what was written
        self.lost = False
        self.entering: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    @property
    def patience(self) -> float:
        """Seconds it may be idle."""
        return self.door.limits.patient if self.secure else self.door.limits.idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; bound what is written and not taken."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=1 << 16)
        self.touch()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        del error
        self.lost = True
        self.door.forget(self)

    def pause_writing(self) -> None:
        """The client does not take its answers: ask nothing more for it."""
        self.blocked = True

    def resume_writing(self) -> None:
        """It does again."""
        self.blocked = False
        self.touch()
        self.proceed()

    def proceed(self) -> None:
        """Go on with what had to wait."""

    def touch(self) -> None:
        """Something came about: a whole query, an answer taken."""
        self.active = self.door.time()
        self.door.touched(self)

    def ask(self, query: bytes, client: Client, then: Callable[[bytes | None], None]) -> None:
        """Have a query answered.

        `then` is called unless the client is gone: with the answer, None when it gets none, b"" when answering failed.
        """
        self.owed += 1
        self.touch()
        self.door.run(self._ask(query, client, then))

    async def _ask(self, query: bytes, client: Client, then: Callable[[bytes | None], None]) -> None:
        answer: bytes | None = b""
        try:
            answer = await self.door.handle(query, client)
        finally:
            self.owed -= 1
            if not self.lost:
                self.touch()
                then(answer)

    def leave(self) -> None:
        """End in good order; what was written is still sent."""
        if self.transport is None:
            self.abort()
        elif self.transport.get_write_buffer_size():
            cut(self.transport)
        else:
            self.transport.close()

    def abort(self) -> None:
        """End at once."""
        if self.transport is not None:
            cut(self.transport)
        elif self.entering is not None:
            self.entering.cancel()


def cut(transport: asyncio.Transport) -> None:
    """End a connection at once. One over TLS that was closed twice has lost what ends it, in Python before 3.11.3."""
    with contextlib.suppress(AttributeError):
        transport.abort()
