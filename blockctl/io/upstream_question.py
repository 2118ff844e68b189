"""One question on its way: put to one upstream, then to others where the first is slow, silent, wrong or gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from blockctl.dns import health
from blockctl.dns.upstream_wire import (
    FORMERR,
    NOTIMP,
    RCODES,
    Check,
    check,
    mix_case,
    pad,
    question_end,
    restore,
    without_edns,
)
from blockctl.io import noise
from blockctl.io.upstream_attempt import Attempt
from blockctl.io.upstream_link import Fault
from blockctl.io.upstream_peer import Peer

WHOLE = 5.0  # seconds until the client is told that nobody answered
TRIES = 16  # of one question, all upstreams together


class Question:
    """One question, and all that wait for its answer."""

    __slots__ = (
        "_asked", "_cut", "_doubted", "_end", "_ended", "_ends_at", "_fallback", "_open", "_order", "_out", "_peers",
        "_query", "_strategy", "_timer", "answer", "done", "key", "loop", "waiters",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: tuple[Any, ...],
        query: bytes,
        peers: Sequence[Peer],
        strategy: str,
        ended: Callable[[Question], None],
    ) -> None:
        self.key = key
        self.loop = loop
        self.waiters: list[Callable[[bytes | None], None]] = []
        self.done = False
        self.answer: bytes | None = None
        self._query = query
        self._end = question_end(query)
        self._peers = peers
        self._strategy = strategy
        self._ended = ended
        self._open: list[Attempt] = []
        self._out: set[Peer] = set()  # those of whom nothing more is to be expected
        self._asked = 0
        self._cut: bytes | None = None  # an answer of which only a part came
        self._fallback: bytes | None = None  # the best answer of those that say they do not know
        self._doubted: list[tuple[Peer, float]] = []  # those who gave such an answer, and their time
        self._timer: asyncio.TimerHandle | None = None
        self._order: tuple[int, ...] = ()
        self._ends_at = 0.0

    def start(self) -> None:
        """Ask. The question may be done when this returns."""
        now = self.loop.time()
        self._ends_at = now + WHOLE
        if not self._end or not self._peers:
            self._finish(None)
            return
        plan = health.plan(self._strategy, [each.health for each in self._peers], now, random.random)
        self._order = plan.order
        for _ in range(plan.at_once):
            if not self.done:
                self._next(now)

    def waited(self) -> float:
        """Return the seconds since it was asked."""
        return self.loop.time() - self._ends_at + WHOLE

    def stop(self, answer: bytes | None = None) -> None:
        """End without an answer of an upstream."""
        for each in list(self._open):
            self._forget(each)
        if not self.done:
            self._finish(answer)

    def received(self, attempt: Attempt, answer: bytes) -> bool:
        """Judge an answer; False where the attempt goes on waiting."""
        peer, now = attempt.peer, self.loop.time()
        datagram = peer.datagrams and not attempt.tcp
        worth = check(attempt.wire, self._end, answer, case=datagram and peer.health.keeps_case)
        if worth in (Check.BROKEN, Check.OTHER):
            attempt.wrong = worth.value
            if datagram:  # perhaps forged: the true one may still come
                return False
            self._forget(attempt)
            self.failed(attempt, Fault(worth.value))
            return True
        for each in [each for each in self._open if each.peer is peer] if len(self._open) > 1 else (attempt,):
            self._forget(each)  # those sent before were lost
        if worth is not Check.POOR:
            peer.health.succeed(now - attempt.started, now)
        if self.done:
            self._settle()
        elif datagram and worth in (Check.CUT, Check.CASE):
            self._by_tcp(attempt, answer, worth)
        else:
            self._take(attempt, answer, worth)
        return True

    def failed(self, attempt: Attempt, fault: Fault) -> None:
        """Go on to the next upstream."""
        self._forget(attempt)
        peer = attempt.peer
        if fault.blame:
            peer.health.fail(fault.text, self.loop.time(), fault.certain and not attempt.tcp)
            if fault.certain:
                peer.failed()
        else:
            peer.health.error = fault.text
        if self.done:
            self._settle()
        elif attempt.why is Check.CASE:  # no TCP there: then it is its way, as far as can be known
            peer.health.keeps_case = False
            self._put(peer, self._wire_for(peer), self.loop.time())
        else:
            self._out.add(peer)
            self._on()

    def _take(self, attempt: Attempt, answer: bytes, worth: Check) -> None:
        """Give the answer to all that wait, unless somebody may know more."""
        peer = attempt.peer
        if attempt.tcp and answer[12 : self._end] != attempt.wire[12 : self._end]:
            peer.health.keeps_case = False  # by TCP too, where nobody forges: it is its way
        if worth is not Check.POOR:
            if self._query[11] and not attempt.wire[11]:
                peer.health.knows_edns = False
            for each, _ in self._doubted:
                each.health.fail(f"{each.health.error} where another upstream knew", self.loop.time())
            self._finish(restore(self._query, self._end, answer))
            return
        rcode = answer[3] & 15
        if rcode in (FORMERR, NOTIMP) and attempt.wire[11]:
            self._put(peer, without_edns(attempt.wire, self._end), self.loop.time(), attempt.why)
            return
        peer.health.error = f"answered {RCODES[rcode]}"
        self._doubted.append((peer, self.loop.time() - attempt.started))
        self._fallback = restore(self._query, self._end, answer)
        self._out.add(peer)
        self._on()

    def _by_tcp(self, attempt: Attempt, answer: bytes, worth: Check) -> None:
        """Ask again where answers are whole and cannot be forged."""
        if worth is Check.CUT:
            self._cut = restore(self._query, self._end, answer)
        self._put(attempt.peer, attempt.wire, self.loop.time(), worth)

    def _put(self, peer: Peer, wire: bytes, now: float, why: Check | None = None) -> None:
        attempt = Attempt(self, peer, wire, now, why)
        self._open.append(attempt)
        peer.ask(attempt, attempt.tcp)

    def _on(self) -> None:
        """Ask the next one at once, or end where there is none and nobody is waited for."""
        if self.done:
            return
        if any(self._peers[each] not in self._out for each in self._order):
            unasked = {each.peer for each in self._open}
            if any(self._peers[each] not in self._out | unasked for each in self._order):
                self._next(self.loop.time())
            return
        if not self._open:
            self._end_poorly()

    def _end_poorly(self) -> None:
        """Give what there is: nobody knew better, so those who do not know are not to blame."""
        now = self.loop.time()
        for peer, took in self._doubted:
            peer.health.succeed(took, now)
        self._finish(self._cut or self._fallback)

    def _next(self, now: float) -> None:
        """Put the question to the next upstream of whom something is to be expected, and set the clock."""
        count = len(self._order)
        for step in range(count):
            peer = self._peers[self._order[(self._asked + step) % count]]
            if peer not in self._out:
                break
        else:
            return
        self._asked += step + 1
        if self._open and (earlier := [each for each in self._open if each.peer is peer]):
            peer.suspect(earlier[0].started)  # silent so far: another way to it may do better
        peer.health.asked += 1
        peer.health.try_again(now)
        self._put(peer, self._wire_for(peer), now)
        if not self.done:
            rounds = (self._asked - 1) // count
            self._set_clock(now + peer.health.patience(self._strategy) * 2.0 ** min(rounds, 5))

    def _wire_for(self, peer: Peer) -> bytes:
        """Return the question as this upstream can take it."""
        query = self._query if peer.health.knows_edns else without_edns(self._query, self._end)
        if peer.datagrams and peer.health.keeps_case:
            return mix_case(query, self._end, noise.take(self._end - 16))
        return pad(query) if peer.upstream.scheme.encrypted and peer.health.knows_edns else query

    def _set_clock(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(min(at, self._ends_at), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.loop.time()
        if self.done:
            self._settle(over=True)
        elif now >= self._ends_at - 0.001:
            for each in list(self._open):
                self._forget(each)
                self._miss(each, now)
            self._end_poorly()
        elif self._asked < TRIES * len(self._order):
            self._next(now)
            if self._timer is None and not self.done:
                self._set_clock(self._ends_at)

    def _finish(self, answer: bytes | None) -> None:
        """Tell all that wait. Attempts still open are heard a little longer, to know how fast those upstreams are."""
        self.done = True
        self.answer = answer
        self._ended(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            now = self.loop.time()
            for each in self._open:
                if now - each.started > each.peer.health.patience(self._strategy):
                    self._miss(each, now)
            self._timer = self.loop.call_later(health.LONGEST_PATIENCE, self._tick)

    def _settle(self, over: bool = False) -> None:
        """After the end: note who did not answer in time, and leave."""
        now = self.loop.time()
        if over:
            for each in list(self._open):
                self._forget(each)
                self._miss(each, now)
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _miss(self, attempt: Attempt, now: float) -> None:
        if attempt.missed:
            return
        attempt.missed = True
        peer = attempt.peer
        told = attempt.wrong or f"no answer within {now - attempt.started:.1f} s"
        peer.health.fail(told, now)
        peer.suspect(attempt.started)
        peer.failed()

    def _forget(self, attempt: Attempt) -> None:
        if attempt in self._open:
            self._open.remove(attempt)
        if attempt.holder is not None:
            attempt.holder.drop(attempt)
