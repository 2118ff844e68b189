"""The sockets of the service: opened for what the policy names, closed when it no longer does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.dns.exchange import Outcome
from blockctl.io.connection import Handle
from blockctl.io.listen import Bindings, Bound, Inherited, bind
from blockctl.io.network import own_addresses
from blockctl.io.streams import StreamServer
from blockctl.io.udp import UdpHooks, UdpServer
from blockctl.model.diagnostic import WorldError
from blockctl.model.listen import Listen
from blockctl.model.policy import Resolver

if TYPE_CHECKING:
    from blockctl.io.doh import DohServer
    from blockctl.io.tls import Certificate
SECURE = ("tls", "https")
ANYWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104


class Listeners:
    """Everything that listens, by the spelling in the policy."""

    def __init__(self, handle: Handle, hooks: UdpHooks, beside: Path, say: Callable[[str], None]) -> None:
        """`beside`: the folder that the policy's certificate is relative to."""
        self._handle, self._hooks, self._beside, self._say = handle, hooks, beside, say
        self._bound: dict[str, Bound] = {}
        self._streams: dict[str, StreamServer | DohServer] = {}
        self._datagrams: dict[str, UdpServer] = {}
        self._closed = [0] * len(Outcome)  # what was counted on sockets that are no more
        self._files: tuple[str, str] = ("", "")
        self._certificate: Certificate | None = None

    async def follow(self, settings: Resolver, inherited: Sequence[Inherited] = (), *, share: bool = False) -> None:
        """Listen where the policy says, and nowhere else. Raises BlockctlError; what listened before goes on then.

        `inherited` are the sockets that were handed over, once. These are kept whatever the policy says later: whoever
        handed them over holds them too, so they could not be bound again.
        """
        files = (settings.certificate, settings.key)
        gone = [text for text, bound in self._bound.items() if text not in settings.listen and not bound.inherited]
        secure = [text for text in self._bound if _is_secure(text) and text not in gone]
        asked_for = any(map(_is_secure, settings.listen)) or any(each.scheme in SECURE for each in inherited)
        certificate = self._read(files) if secure or asked_for else None
        fresh = [text for text in settings.listen if text not in self._bound]
        try:
            bindings = bind(fresh, inherited, share)
        except WorldError:
            if not gone:
                raise
            bindings = await self._exchange(gone, fresh, share)
            gone = []
        renewed = [text for text in secure if files != self._files]
        again = {text: replace(bound := self._bound[text], tcp=bound.tcp.dup()) for text in renewed}
        for text in gone + renewed:
            await self._close(text)
        self._files, self._certificate = files, certificate
        for text, bound in (*zip(_names(fresh, bindings.bound), bindings.bound, strict=True), *again.items()):
            await self._open(text, bound)
        for text in bindings.unused:
            self._say(f"a socket was handed over for {text}, where the policy does not listen: it is closed")

    async def _exchange(self, gone: list[str], fresh: list[str], share: bool) -> Bindings:
        """Give places back before others are bound, for those may hold the same port: 0.0.0.0 after 127.0.0.1."""
        for text in gone:
            await self._close(text)
        try:
            return bind(fresh, (), share)
        except WorldError:
            for text, bound in zip(gone, bind(gone, (), share).bound, strict=True):
                await self._open(text, bound)
            raise

    def forget(self) -> None:
        """Ask anew who sits where."""
        for server in self._datagrams.values():
            server.forget()

    @property
    def places(self) -> list[Listen]:
        """Where it listens, with the ports that were got."""
        return [bound.listen for bound in self._bound.values()]

    @property
    def addresses(self) -> list[str]:
        """Return the addresses at which it listens; this machine's, as far as they are known, for 0.0.0.0 and ::."""
        named = [each.address for each in self.places]
        own = [] if ANYWHERE.isdisjoint(named) else own_addresses()
        return [*(each for each in dict.fromkeys(named) if each not in ANYWHERE), *own]

    @property
    def host(self) -> str:
        """The name that the certificate is for, "" without one."""
        names = self._certificate.names if self._certificate else ()
        return min((name for name in names if not name.startswith("*")), default="")

    def counts(self) -> Sequence[int]:
        """Return what the hot paths answered so far, by Outcome."""
        open_now = [server.counts for server in list(self._datagrams.values())]  # the log's thread asks
        return [sum(column) for column in zip(self._closed, *open_now, strict=True)]

    async def stop(self, grace: float) -> None:
        """Close everything; connections get their answers for so many seconds."""
        for server in self._datagrams.values():
            server.stop()
        await asyncio.gather(*(server.stop(grace) for server in self._streams.values()))
        for bound in self._bound.values():
            bound.close()

    async def _open(self, text: str, bound: Bound) -> None:
        listen = bound.listen
        server: StreamServer | DohServer
        tls = None
        if listen.scheme in ("https", "http"):
            from blockctl.io.doh import DohServer  # late, as all that only encrypted DNS needs: a start is to be quick

            server = DohServer(self._handle, listen.path)
        else:
            server = StreamServer(self._handle)
        if listen.secure and self._certificate is not None:
            from blockctl.io.doh import PROTOCOLS

            tls = self._certificate.context(PROTOCOLS if listen.scheme == "https" else ("dot",))
        self._bound[text] = bound
        self._streams[text] = server
        await server.start(bound.tcp, tls)
        if bound.udp is not None:
            datagrams = self._datagrams[text] = UdpServer(bound.udp, self._hooks)
            datagrams.start(asyncio.get_running_loop())
        self._say(f"answering on {listen}")

    async def _close(self, text: str) -> None:
        bound = self._bound.pop(text)
        if (datagrams := self._datagrams.pop(text, None)) is not None:
            datagrams.stop()
            self._closed = [*map(sum, zip(self._closed, datagrams.counts, strict=True))]
        await self._streams.pop(text).stop(0.0)
        bound.close()

    def _read(self, files: tuple[str, str]) -> Certificate:
        if self._certificate is not None and files == self._files:
            return self._certificate
        certificate, key = (self._beside / Path(name).expanduser() if name else None for name in files)
        from blockctl.io.tls import Certificate

        return Certificate(certificate, key, self._say)


def _is_secure(text: str) -> bool:
    return text.startswith(("tls://", "https://"))


def _names(texts: list[str], bound: Iterable[Bound]) -> list[str]:
    """Return the spelling of each place; one that was only handed over is spelled as itself."""
    more = [str(each.listen) for each in bound][len(texts) :]
    return texts + more
