"""A query that needs upstreams, from its first question to them to its reply. By callbacks: a task would cost more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from blockctl.dns.exchange import Forward, Reply
from blockctl.dns.resolver import STALE_AFTER, Resolver
from blockctl.io.upstreams import Upstreams

Done = Callable[[Reply | None], None]


class Errand:
    """Under way until `done` is called: once, with the reply, or with None when answering failed.

    `resolver` gives the one in force, which may be another by the time upstreams answer. Past 1.8 seconds what is past
    its time will do (RFC 8767, section 5); what upstreams say then is still taken for the cache.
    """

    __slots__ = ("_done", "_forward", "_resolver", "_timer", "_upstreams")

    def __init__(self, resolver: Callable[[], Resolver], upstreams: Upstreams, forward: Forward, done: Done) -> None:
        self._resolver, self._upstreams = resolver, upstreams
        self._done: Done | None = done
        self._forward = forward
        self._timer = asyncio.get_running_loop().call_later(STALE_AFTER, self._late)
        upstreams.put(forward, self._take)

    def _take(self, answer: bytes | None) -> None:
        try:
            step = self._resolver().finish(self._forward, answer, time.monotonic())
        except Exception as error:  # a fault of ours costs one answer, and is told, not the service
            tell(error)
            self._give(None)
            return
        if not isinstance(step, Forward):
            self._give(step)
        elif self._done is not None:
            self._forward = step
            self._upstreams.put(step, self._take)

    def _late(self) -> None:
        stale = self._resolver().stale(self._forward, time.monotonic())
        if stale is not None:
            self._give(stale)

    def _give(self, reply: Reply | None) -> None:
        self._timer.cancel()
        done, self._done = self._done, None
        if done is not None:
            done(reply)


def tell(error: Exception) -> None:
    """Report a fault of our own to the loop's handler."""
    asyncio.get_running_loop().call_exception_handler({"message": "a query could not be answered", "exception": error})
