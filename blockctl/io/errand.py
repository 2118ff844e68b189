"""Queries that need upstreams, from the first question to them to the reply. By callbacks: tasks would cost more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

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

    def run(self, forward: Forward, done: Done) -> None:
        """Have a question answered, and `done` called: once, with the reply, or with None when answering failed."""
        self.under_way += 1
        Errand(self, forward, done).start()


class Errand:
    """One of them.

    Past 1.8 seconds what is past its time will do (RFC 8767, section 5); what upstreams say then is still taken for
    the cache.
    """

    __slots__ = ("_all", "_done", "_forward", "_timer")

    def __init__(self, errands: Errands, forward: Forward, done: Done) -> None:
        self._all = errands
        self._forward = forward
        self._done: Done | None = done
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Ask; the clock is set afterwards, while upstreams think."""
        self._all.upstreams.put(self._forward, self._take)
        if self._done is not None:
            self._timer = self._all.loop.call_later(STALE_AFTER, self._late)

    def _take(self, answer: bytes | None) -> None:
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
            self._all.upstreams.put(step, self._take)

    def _late(self) -> None:
        stale = self._all.resolver.stale(self._forward, time.monotonic())
        if stale is not None:
            self._give(stale)

    def _give(self, reply: Reply | None) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self._all.under_way -= 1
        done(reply)
        if self._timer is not None:
            self._timer.cancel()


def tell(error: Exception) -> None:
    """Report a fault of our own to the loop's handler."""
    asyncio.get_running_loop().call_exception_handler({"message": "a query could not be answered", "exception": error})
