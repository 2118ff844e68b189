"""Where queries of every transport meet the resolver, and where its forwards meet the upstreams.

What the answers go by is replaced whole, between two queries (`go_by`); the answers that are kept on the hot path go
with it, those of upstreams stay.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from blockctl.dns.access import Access, Admission, bucket, refusal, truncation
from blockctl.dns.batch import Judge, Seat
from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client, Forward, Outcome, Reply
from blockctl.dns.fast import Fast
from blockctl.dns.local import Local
from blockctl.dns.resolver import Resolver
from blockctl.dns.rules import Rules
from blockctl.io.errand import Errands, tell
from blockctl.io.live import EVERYBODY
from blockctl.io.query_log import QueryLog
from blockctl.io.standing import Standing
from blockctl.io.upstreams import Upstreams
from blockctl.model.policy import Resolver as Settings

MOST_DUE = 1_000  # that wait for their turn
REFRESHED_AT_ONCE = 20  # popular answers renewed in a second, so that prefetching is never a flood


class Answering:
    """The resolver with upstreams, access and log around it."""

    def __init__(self, standing: Standing, cache: Cache, upstreams: Upstreams, log: QueryLog) -> None:
        self._cache = cache
        self._errands = Errands(upstreams)
        self._log = log
        self._settings: Settings | None = None
        self._found: tuple[str, tuple[str, ...]] = ("", ())
        self._due: list[Forward] = []
        self.go_by(standing)

    def go_by(self, standing: Standing, host: str = "", addresses: Iterable[str] = ()) -> None:
        """Answer by this from now on. `host` and `addresses` are how encrypted clients find us (RFC 9462)."""
        settings = standing.policy.resolver
        found = (host, tuple(addresses))
        if settings != self._settings or found != self._found:
            self._local = Local(settings, *found)
            self._found = found
        if settings != self._settings:
            self._access = Access(settings)
            self._settings = settings
        self._groups = standing.groups
        self._rules = standing.rules
        self._fast = {name: Fast(rules, settings.answer, self._local.names) for name, rules in standing.rules.items()}
        everybody = standing.rules[EVERYBODY]
        rules_for = self._rules_for if len(standing.groups) else lambda _: everybody
        self._resolver = Resolver(settings, rules_for, self._cache, self._local, standing.groups)
        self._errands.resolver = self._resolver

    def seat(self, address: str) -> Seat:
        """Return what the UDP server is to know of a client."""
        free = self._access.allows(address) and not (self._settings and self._settings.rate and bucket(address))
        return Seat(address, self._fast[self._group(Client(address))], None if free else self._judge(address))

    def slow(self, query: bytes, address: str, send: Callable[[bytes], None]) -> None:
        """Answer a datagram that the hot path left; never raises."""
        client = Client(address)
        started = time.monotonic()
        step = self._first(query, client, started)

        def done(reply: Reply | None) -> None:
            if reply is not None:
                send(reply.wire)
                now = time.monotonic()
                self._fast[self._group(client)].keep(query, reply, now)
                self._note(query, client, reply, started, now)

        if isinstance(step, Forward):
            self._errands.run(step, done)
        else:
            done(step)

    async def handle(self, query: bytes, client: Client) -> bytes | None:
        """Answer a query that came by a connection."""
        started = time.monotonic()
        if self._access.judge(client.address, started, datagram=False) is not Admission.ANSWER:
            self._log.note(started, client, query, Outcome.REFUSED, 5)
            return refusal(query)
        step = self._first(query, client, started)
        if isinstance(step, Forward):
            waiting: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
            self._errands.run(step, lambda reply: None if waiting.done() else waiting.set_result(reply))
            step = await waiting
        if step is None:
            return None
        self._note(query, client, step, started, time.monotonic())
        return step.wire

    def refresh(self) -> None:
        """Renew popular answers before their time is over."""
        self._due += self._resolver.due(time.monotonic())
        now, self._due = self._due[:REFRESHED_AT_ONCE], self._due[REFRESHED_AT_ONCE:MOST_DUE]
        for forward in now:
            self._errands.run(forward, lambda _: None)

    async def stop(self, grace: float) -> None:
        """Wait so many seconds for answers that are under way."""
        end = time.monotonic() + grace
        while self._errands.under_way and time.monotonic() < end:
            await asyncio.sleep(0.02)

    def allows(self, address: str) -> bool:
        """Whether a client may ask."""
        return self._access.allows(address)

    def group_of(self, client: Client) -> str:
        """Return the name of a client's group, "" when it is in none."""
        group = self._groups.of(client)
        return group.name if group else ""

    def _first(self, query: bytes, client: Client, now: float) -> Reply | Forward | None:
        """Have the resolver say what it can; a fault of ours costs one answer, and is told, not the service."""
        try:
            return self._resolver.answer(query, client, now)
        except Exception as error:
            tell(error)
            return None

    def _note(self, query: bytes, client: Client, reply: Reply, started: float, now: float) -> None:
        milliseconds = (now - started) * 1000
        self._log.note(now, client, query, reply.outcome, reply.wire[3] & 15, reply.reason, milliseconds)

    def _rules_for(self, client: Client) -> Rules:
        return self._rules[self._group(client)]

    def _group(self, client: Client) -> str:
        return self.group_of(client) if len(self._groups) else EVERYBODY

    def _judge(self, address: str) -> Judge:
        def judge(query: bytes, now: float) -> bytes | None:
            said = self._access.judge(address, now, datagram=True)
            if said is Admission.ANSWER:
                return None
            if said is Admission.DROP:
                return b""
            return (refusal(query) if said is Admission.REFUSE else truncation(query)) or b""

        return judge
