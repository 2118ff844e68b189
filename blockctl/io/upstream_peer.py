"""One upstream as we know it: its addresses, its health, and the ways to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from blockctl.dns.health import Health
from blockctl.dns.upstreams import Scheme, Upstream
from blockctl.io.upstream_link import Fault, Stream, StreamLink, Try
from blockctl.io.upstream_udp import UdpLink

TCP_IDLE = 20.0  # seconds without a question; plain servers close about then
TLS_IDLE = 120.0  # a handshake costs more than a connection kept
LOOK_UP_AGAIN = 5.0  # seconds between two look-ups of a name whose addresses do not answer

FOREVER = float("inf")

Find = Callable[[str], Awaitable[tuple[list[str], float]]]  # a name to its addresses and their seconds to live


class Peer:
    """One upstream."""

    def __init__(self, upstream: Upstream, find: Find) -> None:
        self.upstream = upstream
        self.health = Health()
        self.loop = asyncio.get_running_loop()
        self.datagrams = upstream.scheme is Scheme.UDP  # may be lost on the way, and forged
        self.addresses = [upstream.host] if upstream.is_address else []
        self._find = find
        self._good_until = FOREVER if upstream.is_address else 0.0
        self._looked_at = -LOOK_UP_AGAIN
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self._waiting: list[tuple[Try, UdpLink | StreamLink]] = []
        self._udp = UdpLink(self._known, upstream.port) if self.datagrams else None
        self._stream: StreamLink | None = None  # made at the first need

    @property
    def looking(self) -> bool:
        """Whether its address is still being looked up."""
        return self._looking is not None and not self.addresses

    def ask(self, each: Try, tcp: bool = False) -> None:
        """Send a question; `tcp` where an answer by UDP was cut."""
        if self._closed:
            each.failed(Fault("no longer an upstream of the policy", blame=False))
            return
        link: UdpLink | StreamLink
        if self._udp is not None and not tcp:
            link = self._udp
        else:
            link = self._stream = self._stream or self._make_stream()
        if self._good_until != FOREVER and self.loop.time() >= self._good_until:
            self._look_up()
        if self.addresses:
            link.ask(each)
        else:
            each.holder = self
            self._waiting.append((each, link))

    def drop(self, each: Try) -> None:
        """Forget a question that waits for the address."""
        each.holder = None
        self._waiting = [(other, link) for other, link in self._waiting if other is not each]

    def suspect(self, since: float) -> None:
        """Take it that a connection by which nothing came since then is lost."""
        if self._stream is not None:
            self._stream.suspect(since)

    def failed(self) -> None:
        """Its addresses do not answer: look whether it has moved, and try another one first."""
        if len(self.addresses) > 1:
            self.addresses.append(self.addresses.pop(0))
        if not self.upstream.is_address and self.loop.time() - self._looked_at >= LOOK_UP_AGAIN:
            self._look_up()

    def renew(self) -> None:
        """Begin anew: the network is another one."""
        self.health.forgive()
        if self._stream is not None:
            self._stream.renew()
        if not self.upstream.is_address:
            self._good_until = 0.0

    def close(self) -> None:
        """End: questions that come all the same are sent on to other upstreams."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        for each, _ in self._waiting:
            each.failed(Fault("the resolver stops", blame=False))
        self._waiting.clear()
        if self._udp is not None:
            self._udp.close()
        if self._stream is not None:
            self._stream.close()

    def _known(self) -> list[str]:
        return self.addresses

    def _make_stream(self) -> StreamLink:
        upstream, scheme = self.upstream, self.upstream.scheme
        if not scheme.encrypted:
            from blockctl.io.upstream_tcp import TcpStream

            return StreamLink(self._known, upstream.port, TcpStream, TCP_IDLE)
        from blockctl.io.upstream_tls import context

        link: StreamLink
        if scheme is Scheme.QUIC:
            from blockctl.io.upstream_doq import QuicLink

            link = QuicLink(self._known, upstream.port, TLS_IDLE, upstream.name)
        elif scheme is Scheme.TLS:
            from blockctl.io.upstream_tcp import TcpStream

            link = StreamLink(self._known, upstream.port, TcpStream, TLS_IDLE, partial(context, "dot"), upstream.name)
        else:
            from blockctl.io.upstream_doh import DohStream  # late: HTTP/2 is for those who need it

            make: Callable[[StreamLink], Stream] = partial(DohStream, host=_authority(upstream), path=upstream.path)
            link = StreamLink(self._known, upstream.port, make, TLS_IDLE, partial(context, "h2"), upstream.name)
        link.unreachable = self.failed
        return link

    def _look_up(self) -> None:
        if self._looking is None and not self._closed:
            self._looked_at = self.loop.time()
            self._looking = self.loop.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            found, ttl = await self._find(self.upstream.host)
            if found:
                # The one that answered last stays first.
                first = [each for each in self.addresses[:1] if each in found]
                self.addresses = first + [each for each in found if each not in first]
                self._good_until = self.loop.time() + ttl
            else:
                self._good_until = self.loop.time() + LOOK_UP_AGAIN
        finally:
            self._looking = None
        waiting, self._waiting = self._waiting, []
        for each, link in waiting:
            each.holder = None
            if self.addresses:
                link.ask(each)
            else:
                each.failed(Fault(f"the name {self.upstream.host} could not be resolved", certain=True))


def _authority(upstream: Upstream) -> str:
    """Return the host as a URL has it: of the certificate's name, for servers behind one address."""
    host = f"[{upstream.name}]" if ":" in upstream.name else upstream.name
    return host if upstream.port == Scheme.HTTPS.port else f"{host}:{upstream.port}"
