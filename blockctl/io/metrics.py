"""The figures for Prometheus, over HTTP: `GET /metrics`, to those who may ask the resolver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from blockctl.dns.cache import Cache
from blockctl.dns.figures import Metric, prometheus
from blockctl.dns.rebinding import is_at_home
from blockctl.io.query_log import QueryLog
from blockctl.io.upstreams import Upstreams
from blockctl.model.addresses import shortest
from blockctl.model.diagnostic import WorldError
from blockctl.model.listen import read_listen

LONGEST = 8_192  # bytes of a request
PATIENCE = 5.0  # seconds for one to come
TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's exposition format


def figures_text(log: QueryLog, upstreams: Upstreams, cache: Cache) -> str:
    """Return everything that is counted here."""
    states = upstreams.state()
    asked = [(each.upstream, each.asked) for each in states]
    failed = [(each.upstream, each.failed) for each in states]
    more = (
        Metric(
            "upstream_healthy",
            "1 while an upstream answers.",
            _by_name((each.upstream, each.healthy) for each in states),
        ),
        Metric("upstream_questions_total", "Questions put to an upstream.", _by_name(asked), counter=True),
        Metric("upstream_failures_total", "Questions that it did not answer.", _by_name(failed), counter=True),
        Metric("cache_bytes", "Memory of the cache of answers.", (((), cache.bytes),)),
        Metric("cache_entries", "Answers in it.", (((), len(cache)),)),
        Metric("log_problem", "1 while the query log cannot be written.", (((), int(bool(log.problem))),)),
    )
    return prometheus(log.figures(), more)


def _by_name(values: Iterable[tuple[str, float]]) -> tuple[tuple[tuple[tuple[str, str], ...], float], ...]:
    return tuple(((("upstream", name),), float(value)) for name, value in values)


class MetricsServer:
    """Answers each connection once, then closes it."""

    def __init__(self, text: Callable[[], str], allows: Callable[[str], bool]) -> None:
        self._text, self._allows = text, allows
        self._server: asyncio.Server | None = None
        self.place = ""

    async def follow(self, place: str) -> None:
        """Listen there and nowhere else; "" is nowhere. Raises WorldError."""
        if place == self.place:
            return
        await self.stop()
        if place:
            listen = read_listen(place)
            try:
                self._server = await asyncio.start_server(self._serve, listen.address, listen.port, limit=LONGEST)
            except OSError as error:
                raise WorldError(
                    f"cannot give figures on {place}: {error.strerror or error}", "choose a free port"
                ) from error
        self.place = place

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.place = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(PATIENCE):
                writer.write(
                    self._answer(await reader.readuntil(b"\r\n\r\n"), str(writer.get_extra_info("peername")[0]))
                )
                await writer.drain()
        writer.close()

    def _answer(self, request: bytes, address: str) -> bytes:
        import h11  # late: a household without Prometheus needs none of it here

        wire = h11.Connection(h11.SERVER)
        wire.receive_data(request)
        try:
            asked = wire.next_event()
        except h11.RemoteProtocolError:
            asked = None
        status, body = 400, "this is not HTTP/1.1\n"
        if isinstance(asked, h11.Request):
            if not self._allows(shortest(address)):
                status, body = 403, "not for this client\n"
            elif not is_at_home(dict(asked.headers).get(b"host", b"").decode("latin-1")):
                status, body = 403, "ask by address: a page of a stranger's name may have led here\n"
            elif asked.target.partition(b"?")[0] != b"/metrics":
                status, body = 404, "the figures are at /metrics\n"
            elif asked.method not in (b"GET", b"HEAD"):
                status, body = 405, "only GET\n"
            else:
                status, body = 200, self._text()
        data = body.encode()
        headers = [("content-type", TYPE), ("content-length", str(len(data))), ("connection", "close")]
        if isinstance(asked, h11.Request) and asked.method == b"HEAD":
            data = b""
        head = wire.send(h11.Response(status_code=status, headers=headers)) or b""
        return head + data
