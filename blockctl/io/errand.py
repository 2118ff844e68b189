"""Queries that need upstreams, from the first question to them to the reply. By callbacks: tasks would cost more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import takewhile

from blockctl.dns.exchange import Forward, Reply
from blockctl.dns.resolver import STALE_AFTER, Resolver
from blockctl.io.upstreams import Upstreams

Done = Callable[[Reply | None], None]


class Errands:
    """All that are under way. `resolver` is the one in force, which may be another by the time upstreams answer."""

    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams
        self.loop = asyncio.get_running_loop()
        self.under_way = 0
        self.resolver: Resolver
        self._late: dict[Errand, float] = {}  # when each is, the next one first: a timer for each would cost more
        self._timer: asyncio.TimerHandle | None = None

    def run(self, forward: Forward, done: Done) -> None:
        """Have a question answered, and `done` called: once, with the reply, or with None when answering failed."""
        self.under_way += 1
        errand = Errand(self, forward, done)
        self.upstreams.put(forward, errand.take)
        if errand.waits:  # the clock is set while upstreams think
            self._late[errand] = self.loop.time() + STALE_AFTER
            if self._timer is None:
                self._timer = self.loop.call_later(STALE_AFTER, self._look)

    def ended(self, errand: Errand) -> None:
        """Watch over it no longer."""
        self.under_way -= 1
        self._late.pop(errand, None)

    def _look(self) -> None:
        """Give those what is past its time who have waited for so long, and look again when the next one has."""
        now = self.loop.time()
        late = list(takewhile(lambda each: self._late[each] <= now, self._late))
        for errand in late:
            del self._late[errand]
        first = next(iter(self._late.values()), None)
        self._timer = self.loop.call_at(first, self._look) if first is not None else None
        for errand in late:
            errand.late()


class Errand:
    """One of them.

    Past 1.8 seconds what is past its time will do (RFC 8767, section 5); what upstreams say then is still taken for
    the cache.
    """

    __slots__ = ("_all", "_done", "_forward")

    def __init__(self, errands: Errands, forward: Forward, done: Done) -> None:
        self._all = errands
        self._forward = forward
        self._done: Done | None = done

    @property
    def waits(self) -> bool:
        """Whether somebody still waits for the reply."""
        return self._done is not None

    def take(self, answer: bytes | None) -> None:
        """Take what upstreams say: it is the end, or leads to another question."""
        try:
            step = self._all.resolver.finish(self._forward, answer, time.monotonic())
        except Exception as error:  # a fault of ours costs one answer, and is told, not the service
            tell(error)
            self._give(None)
            return
        if not isinstance(step, Forward):
            self._give(step)
        elif self._done is not None:
            self._forward = step
            self._all.upstreams.put(step, self.take)

    def late(self) -> None:
        """Take what is past its time, if there is any."""
        try:
            if (stale := self._all.resolver.stale(self._forward, time.monotonic())) is not None:
                self._give(stale)
        except Exception as error:  # others are late too, and have their turn
            tell(error)

    def _give(self, reply: Reply | None) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self._all.ended(self)
        done(reply)


def tell(error: Exception) -> None:
    """Report a fault of our own to the loop's handler."""
    asyncio.get_running_loop().call_exception_handler({"message": "a query could not be answered", "exception": error})
