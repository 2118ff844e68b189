"""Asks upstream resolvers: the forwards of the resolver go out here, and answers come back checked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blockctl.dns.exchange import UNASKED, Client, Forward
from blockctl.dns.upstream_wire import address_query, question_end, read_addresses
from blockctl.dns.upstreams import Scheme, Upstream, UpstreamError, parse_upstream
from blockctl.io.network import NetworkWatch, own_address
from blockctl.io.upstream_peer import Peer
from blockctl.io.upstream_question import Question
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.policy import Resolver

WAITING = 2_000  # clients' questions at a time; more are refused, so that a flood costs no memory
LONG = 0.5  # seconds after which a question makes way for another then: floods ask for names that nobody answers
SHORTEST_TTL, LONGEST_TTL = 60.0, 3_600.0  # seconds for which addresses of upstreams are used before another look
OURSELVES = Client("127.0.0.1")


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """How one upstream does: for `stats`, `doctor` and the figures."""

    upstream: str  # as the policy spells it
    healthy: bool
    milliseconds: float | None  # smoothed; None before the first answer
    asked: int
    answered: int
    failed: int
    error: str  # the last one; "" where there was none


class Upstreams:
    """All upstreams of a policy."""

    def __init__(self, settings: Resolver) -> None:
        """Begin, in a running loop. Raises BlockctlError for an upstream that cannot be read."""
        self._loop = asyncio.get_running_loop()
        self._peers: dict[str, Peer] = {}
        self._questions: dict[tuple[Any, ...], Question] = {}
        self._waiting = 0
        self._settings = settings
        self._ways: dict[str, str] = {}  # an upstream's address -> ours, from which it is spoken to
        self._read: dict[str, Upstream] = {}
        self.refused = 0  # questions beyond what may wait
        self.follow(settings)
        self._network = NetworkWatch(self._look_at_network)

    def follow(self, settings: Resolver) -> None:
        """Take the policy as it is now; upstreams that it goes on naming keep connections and health."""
        self._read = read_all(settings)
        self._settings = settings
        for text in self._peers.keys() - self._read.keys():
            self._peers.pop(text).close()

    async def ask(self, forward: Forward) -> bytes | None:
        """Return an answer to the question of a forward, with its id.

        None where nobody answers within 5 seconds, UNASKED where too many questions wait.
        """
        waiter: asyncio.Future[bytes | None] = self._loop.create_future()

        def take(answer: bytes | None) -> None:
            if not waiter.done():  # else who asked is gone
                waiter.set_result(answer)

        self.put(forward, take)
        return await waiter

    def put(self, forward: Forward, take: Callable[[bytes | None], None]) -> None:
        """Ask, and have `take` called with what `ask` returns: now, or later in the loop. Cheaper than a task."""
        if self._waiting >= WAITING and not self._make_room():
            self.refused += 1
            take(UNASKED)
            return
        key = forward.key
        question = self._questions.get(key)
        if question is not None:
            self._waiting += 1
            question.waiters.append(take)
            return
        question = Question(
            self._loop, key, forward.wire, self._peers_for(forward), self._settings.strategy, self._ended
        )
        self._questions[key] = question
        self._waiting += 1
        question.waiters.append(take)
        question.start()

    async def close(self) -> None:
        """End: who still waits is told that nobody answered."""
        self._network.close()
        for question in list(self._questions.values()):
            question.stop()
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()
        await asyncio.sleep(0)

    def renew(self) -> None:
        """Make all connections anew, and forget back-offs: the network is another one."""
        for peer in self._peers.values():
            peer.renew()

    def state(self) -> list[UpstreamState]:
        """Return how the upstreams do, in the policy's order."""
        now = self._loop.time()
        found = []
        for text in self._read:
            peer = self._peers.get(text)
            if peer is None:
                found.append(UpstreamState(text, True, None, 0, 0, 0, ""))
                continue
            health = peer.health
            took = None if health.smoothed is None else health.smoothed * 1000
            found.append(
                UpstreamState(text, health.works(now), took, health.asked, health.answered, health.failed, health.error)
            )
        return found

    def _make_room(self) -> bool:
        """Give up what has waited longest, if that is long: else one client's flood would be everybody's."""
        oldest = next(iter(self._questions.values()), None)
        if oldest is None or oldest.waited() < LONG:
            return False
        oldest.stop(UNASKED)
        return True

    def _ended(self, question: Question) -> None:
        """Tell all that wait for a question."""
        if self._questions.get(question.key) is question:
            del self._questions[question.key]
        waiters, question.waiters = question.waiters, []
        self._waiting -= len(waiters)
        for take in waiters:
            take(question.answer)

    def _peers_for(self, forward: Forward) -> list[Peer]:
        """Return the upstreams of a forward, but for those whose own address this very question would tell."""
        found = []
        for text in forward.upstreams:
            peer = self._peers.get(text)
            if peer is None:
                read = self._read.get(text)
                if read is None:  # of a policy that is no longer in force
                    try:
                        read = parse_upstream(text)
                    except UpstreamError:
                        continue
                peer = self._peers[text] = Peer(read, self._find)
                self._note_ways(peer.addresses)
            if peer.looking and _asks_for(forward.wire, peer.upstream.host):
                continue
            found.append(peer)
        return found

    async def _find(self, host: str) -> tuple[list[str], float]:
        """Return the addresses of an upstream's name, and for how many seconds they are good.

        Asked are the bootstrap addresses, else the other upstreams that are addresses, else the system.
        """
        helpers = self._settings.bootstrap or tuple(text for text, each in self._read.items() if each.is_address)
        found: list[str] = []
        ttl = LONGEST_TTL
        if helpers:
            answers = await asyncio.gather(*(self._addresses(host, kind, helpers) for kind in (1, 28)))
            for address, seconds in (each for several in answers for each in several):
                found.append(address)
                ttl = min(ttl, max(SHORTEST_TTL, seconds))
        if not found and not self._settings.bootstrap:
            found, ttl = await self._by_system(host), SHORTEST_TTL
        self._note_ways(found)
        return found, ttl

    async def _addresses(self, host: str, kind: int, helpers: tuple[str, ...]) -> list[tuple[str, int]]:
        forward = Forward(("the address of an upstream", host, kind), address_query(host, kind), helpers, OURSELVES)
        answer = await self.ask(forward)
        return read_addresses(answer, kind) if answer else []

    async def _by_system(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(5.0):
                found = await self._loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            return []
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    def _note_ways(self, addresses: list[str]) -> None:
        for address in addresses:
            self._ways[address] = own_address(address)

    def _look_at_network(self) -> None:
        """After the system spoke of a change: is it one that matters to a connection of ours."""
        ways = {address: own_address(address) for address in self._ways}
        if ways != self._ways:
            self._ways = ways
            self.renew()


def read_all(settings: Resolver) -> dict[str, Upstream]:
    """Return all upstreams of a policy by their spelling. Raises BlockctlError where one cannot be asked."""
    named = dict.fromkeys((*settings.upstreams, *settings.bootstrap))
    for several in settings.forward.values():
        named |= dict.fromkeys(several)
    try:
        found = {text: parse_upstream(text) for text in named}
    except UpstreamError as error:
        raise BlockctlError(str(error)) from error
    by_quic = next((text for text, each in found.items() if each.scheme is Scheme.QUIC), None)
    if by_quic is not None:
        from importlib.util import find_spec  # late: a start needs it for nothing else

        if find_spec("aioquic") is None:
            raise WorldError(
                f"{by_quic!r}: DNS over QUIC needs the package aioquic: pip install 'blockctl[quic]'",
                "or ask by tls:// or https://, which the same operators offer",
            )
    return found


def _asks_for(wire: bytes, host: str) -> bool:
    end = question_end(wire)
    return wire[12 : end - 4].lower() == address_query(host, 1)[12:-4]
