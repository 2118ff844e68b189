"""Connections to one upstream that carry many questions at once: made at need, used again, made anew when lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from blockctl.io.connection import cut

CONNECT = 2.0  # seconds for one address, TLS included
AT_ONCE = 1_000  # questions waiting on one connection
USUAL = 100  # questions by one HTTP/2 connection, until the upstream says how many (RFC 9113, section 6.5.2)
STREAMS = 8  # connections at a time
OURSELVES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a try came to nothing."""

    text: str
    certain: bool = False  # it cannot have been bad luck
    blame: bool = True  # the upstream's fault, not our machine's


class Try(Protocol):
    """One question on its way to one upstream."""

    wire: bytes  # what is sent, but for its id
    key: int  # by which the connection knows it
    holder: Connection | None  # the connection that waits for its answer
    again: bool  # it was put to a second connection already

    def received(self, answer: bytes) -> bool:
        """Take a message that came for it; False where it goes on waiting."""

    def failed(self, fault: Fault) -> None:
        """Take it that no answer will come."""


class Connection(Protocol):
    """What carries tries: a UDP socket, or a stream."""

    def drop(self, each: Try) -> None:
        """Wait for it no longer."""


class Stream(asyncio.Protocol, ABC):
    """What connections by TCP, DoT, DoH and DoQ have in common."""

    def __init__(self, link: StreamLink) -> None:
        self.link = link
        self.pending: dict[int, Try] = {}
        self.transport: asyncio.Transport | None = None
        self.open = False  # takes new questions
        self.answered = False  # so that a loss is no wonder: it was idle
        self.heard = self.used = 0.0
        self.fault: Fault | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to take questions."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open = True
        self.used = self.heard = self.link.loop.time()
        self._idle = self.link.loop.call_later(self.link.idle, self._look_idle)

    @property
    def full(self) -> bool:
        """Whether it carries as many questions as it can."""
        return len(self.pending) >= AT_ONCE

    @abstractmethod
    def send(self, each: Try) -> None:
        """Send one question."""

    def drop(self, each: Try) -> None:
        """Wait for it no longer; its answer, if it comes, is of nobody's."""
        self.pending.pop(each.key, None)
        each.holder = None
        if not self.open and not self.pending and self.transport is not None:
            self.transport.close()

    def give(self, key: int, answer: bytes) -> None:
        """Hand an answer to the one who waits for it."""
        each = self.pending.get(key)
        if each is None:  # he gave up
            return
        if not self.answered:
            self.answered = True
            self.link.remember(self)
        if each.received(answer) and each.holder is self:
            self.drop(each)

    def refuse(self, key: int, fault: Fault) -> None:
        """Tell the one who waits that he waits in vain."""
        if (each := self.pending.get(key)) is not None:
            self.drop(each)
            each.failed(fault)

    def retire(self, fault: Fault | None = None) -> None:
        """Take no more questions; with a fault those that wait are told at once."""
        self.open = False
        if fault is not None:
            self.fault = fault
        if (fault is not None or not self.pending) and self.transport is not None:
            cut(self.transport) if fault is not None else self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Ask those again elsewhere who still wait: once, and where the loss may be that of an idle connection."""
        self.open = False
        self.link.lost(self)
        if self._idle is not None:
            self._idle.cancel()
        waiting = list(self.pending.values())
        self.pending.clear()
        fault = self.fault or Fault(f"closed the connection before it answered{f' ({error})' if error else ''}")
        for each in waiting:
            each.holder = None
            if self.answered and not each.again and self.fault is None:
                each.again = True
                self.link.ask(each)
            else:
                each.failed(fault)

    def _look_idle(self) -> None:
        now = self.link.loop.time()
        if self.pending or now - self.used < self.link.idle:
            self._idle = self.link.loop.call_later(self.link.idle, self._look_idle)
        else:
            self.retire()


class StreamLink:
    """The way to one upstream by TCP, DoT, DoH or DoQ: one connection, and more only while it is full."""

    def __init__(
        self,
        addresses: Callable[[], list[str]],
        port: int,
        make: Callable[[StreamLink], Stream],
        idle: float,
        tls: Callable[[], ssl.SSLContext] | None = None,
        name: str = "",
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.idle = idle
        self._addresses = addresses
        self._port = port
        self._make = make
        self._tls = tls
        self._name = name
        self.at_once = USUAL  # what the upstream takes by one HTTP/2 connection, as it said last
        self._streams: set[Stream] = set()  # those not lost; as a rule one
        self._waiting: list[Try] = []
        self._connecting: asyncio.Task[None] | None = None
        self.unreachable: Callable[[], None] = lambda: None  # called when no address could be connected to

    def ask(self, each: Try) -> None:
        """Send a question, on a new connection if need be."""
        for stream in self._streams:
            if stream.open and not stream.full:
                stream.send(each)
                return
        if len(self._streams) >= STREAMS:
            each.failed(Fault("takes no more questions at once"))
            return
        each.holder = self
        self._waiting.append(each)
        if self._connecting is None:
            self._connecting = self.loop.create_task(self._connect())

    def drop(self, each: Try) -> None:
        """Forget a question that still waits for a connection."""
        each.holder = None
        with contextlib.suppress(ValueError):
            self._waiting.remove(each)

    def suspect(self, since: float) -> None:
        """Use the connection no longer if nothing came by it since then: a lost one says nothing."""
        for stream in list(self._streams):
            if stream.heard < since:
                stream.retire()

    def renew(self) -> None:
        """Give all connections up; what waits on them is asked again on new ones."""
        for stream in list(self._streams):
            stream.answered = True
            stream.open = False
            if stream.transport is not None:
                cut(stream.transport)

    def close(self) -> None:
        """End: nothing is asked again."""
        if self._connecting is not None:
            self._connecting.cancel()
        for stream in list(self._streams):
            stream.retire(Fault("the resolver stops", blame=False))

    def remember(self, stream: Stream) -> None:
        """Keep what a later connection needs to be made faster."""
        sessions = getattr(self._tls() if self._tls else None, "sessions", None)
        secured: Any = stream.transport.get_extra_info("ssl_object") if stream.transport else None
        if sessions is not None and secured is not None and secured.session is not None:
            sessions[self._name] = secured.session

    async def _connect(self) -> None:
        fault = Fault("its name has no address")
        stream: Stream | None = None
        try:
            for address in self._addresses():
                try:
                    async with asyncio.timeout(CONNECT):
                        stream = await self._open(address)
                    break
                except (OSError, TimeoutError, ValueError) as error:
                    fault = fault_of(error, self._name, address)
        finally:
            self._connecting = None
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.holder = None
                if stream is not None and stream.open:
                    self.ask(each)
                else:
                    each.failed(stream.fault or fault if stream is not None else fault)
            if stream is None:
                self.unreachable()

    async def _open(self, address: str) -> Stream:
        made = self._make(self)
        await self._reach(made, address)
        if made.transport is not None and not made.transport.is_closing():
            self._streams.add(made)
        return made

    async def _reach(self, made: Stream, address: str) -> None:
        context = self._tls() if self._tls else None
        await self.loop.create_connection(
            lambda: made, address, self._port, ssl=context, server_hostname=self._name if context else None
        )

    def lost(self, stream: Stream) -> None:
        """Use a connection no more: it is closed."""
        self._streams.discard(stream)


def fault_of(error: Exception, name: str, address: str) -> Fault:
    """Say what an exception of a socket means for people."""
    where = f"{name} ({address})" if name and name != address else address
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(f"the certificate of {where} is not to be trusted: {error.verify_message}", certain=True)
    if isinstance(error, TimeoutError):
        return Fault(f"{where} could not be connected to within {CONNECT:g} s")
    if isinstance(error, ssl.SSLError):
        return Fault(f"no TLS with {where}: {(error.reason or str(error)).replace('_', ' ').lower()}", certain=True)
    if isinstance(error, ConnectionRefusedError):
        return Fault(f"{where} refused the connection", certain=True)
    if isinstance(error, OSError) and error.errno in OURSELVES:
        return Fault(f"this machine is short of resources: {error.strerror}", blame=False)
    text = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    return Fault(f"{where} cannot be reached: {text}", certain=True)
