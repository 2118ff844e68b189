"""The process of the web API: its sockets, its limits, and its end together with the resolver that started it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from blockctl.io import returns
from blockctl.io.api_app import make_app
from blockctl.io.api_desk import Backstage, Desk
from blockctl.io.api_devices import Capabilities, Devices
from blockctl.io.api_guard import App
from blockctl.io.api_pairing import Codes
from blockctl.io.api_places import page_addresses
from blockctl.io.api_view import View
from blockctl.io.clock import now
from blockctl.io.tls import Certificate
from blockctl.model.api_place import read_place
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.listen import Listen
from blockctl.model.policy import Resolver

HEAD_SECONDS = 10.0  # for a request's head to come
LARGEST_HEAD = 16 << 10  # bytes
MOST = 256  # connections, and requests under way
MOST_OF_ONE = 64  # connections of one address
TICK = 1.0  # seconds between looks at what is over
AGAIN = 30.0  # seconds after a policy file that could not be edited
IDLE = 30  # seconds until a connection that asks nothing more is closed
STANDARD_INPUT = 0
GRACE = 1  # second for answers under way when it ends


@dataclass(frozen=True, slots=True)
class Door:
    """A place to listen at, with its socket."""

    place: Listen
    sock: socket.socket


def door(text: str) -> Door:
    """Read `FD=PLACE`, as the resolver hands a socket over."""
    number, _, place = text.partition("=")
    return Door(read_place(place), socket.socket(fileno=int(number)))


class Patient(H11Protocol):
    """A connection that is closed when a request's head does not come in time, or its address has too many."""

    open: ClassVar[Counter[str]] = Counter()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._late: asyncio.TimerHandle | None = None
        self._peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._peer = str((self.client or ("",))[0])
        Patient.open[self._peer] += 1
        if Patient.open[self._peer] > MOST_OF_ONE:
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        Patient.open[self._peer] -= 1
        if Patient.open[self._peer] <= 0:
            del Patient.open[self._peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that began is to be whole soon."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()  # the head is here; the guard sees to the body
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        """Go on with the next request; what of it is here already has begun to be late."""
        super().on_response_complete()
        if self.conn.trailing_data[0] and self._late is None:
            self._wait()

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Server(uvicorn.Server):
    """One for each socket. Signals are for the process, not for one of several servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def serve(path: Path, state: Path, doors: Sequence[Door], backstage: Backstage, tls: tuple[str, str]) -> int:
    """Serve until told to end, or until whoever started it is gone: standard input is then at its end."""
    return asyncio.run(_serve(path, state, doors, backstage, tls))


async def _serve(path: Path, state: Path, doors: Sequence[Door], backstage: Backstage, tls: tuple[str, str]) -> int:
    _log_to_stderr()
    certificate = _certificate(path, doors, tls)
    addresses = tuple(page_addresses(Resolver(api=tuple(str(each.place) for each in doors))))
    desk = Desk(View(path, state), state, Devices(state), Codes(state), Capabilities(state), backstage, addresses)
    app = make_app(desk, lambda: _names(certificate))
    servers = [Server(_config(app, each, certificate)) for each in doors]
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    _end_with_parent(loop, end.set)
    desk.view.start()
    putting_back = asyncio.create_task(_put_back(desk))
    tasks = [asyncio.create_task(server.serve([each.sock])) for server, each in zip(servers, doors, strict=True)]
    await asyncio.wait([*tasks, asyncio.create_task(end.wait())], return_when=asyncio.FIRST_COMPLETED)
    for each in servers:
        each.should_exit = True
    await asyncio.wait(tasks, timeout=GRACE + 1)
    putting_back.cancel()
    desk.view.stop()
    return 0


async def _put_back(desk: Desk) -> None:
    """Put back what temporary changes of sites replaced, as soon as they are over."""
    while True:
        try:
            if returns.is_due(desk.state, now()):
                async with desk.writing:
                    await asyncio.to_thread(returns.restore, desk.view.path, desk.state, now())
        except BlockctlError as error:
            logging.getLogger("uvicorn.error").error("cannot put back what stood there: %s", error)
            await asyncio.sleep(AGAIN)
        await asyncio.sleep(TICK)


def _config(app: App, door: Door, certificate: Certificate | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app, http=Patient, ws="none", lifespan="off", loop="asyncio", access_log=False, log_config=None,
        server_header=False, proxy_headers=False, timeout_keep_alive=IDLE, timeout_graceful_shutdown=GRACE,
        limit_concurrency=MOST, h11_max_incomplete_event_size=LARGEST_HEAD,
    )  # fmt: skip
    if door.place.secure and certificate is not None:
        config.load()
        config.ssl = certificate.context(("http/1.1",))
    return config


def _certificate(path: Path, doors: Sequence[Door], tls: tuple[str, str]) -> Certificate | None:
    if not any(each.place.secure for each in doors):
        return None
    files = [path.parent / Path(each).expanduser() if each else None for each in tls]
    return Certificate(files[0], files[1], lambda text: logging.getLogger("uvicorn.error").warning(text))


def _names(certificate: Certificate | None) -> frozenset[str]:
    """Return the names by which other devices may ask for this machine."""
    return frozenset(name for name in certificate.names if "*" not in name) if certificate else frozenset()


def _end_with_parent(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """Call `end` when standard input ends: the parent holds the other end of the pipe."""

    def look() -> None:
        if not os.read(STANDARD_INPUT, 1):
            loop.remove_reader(STANDARD_INPUT)
            end()

    if not sys.stdin.isatty():
        loop.add_reader(STANDARD_INPUT, look)


def _log_to_stderr() -> None:
    """Tell faults of our own; requests are not told, for their addresses hold secrets."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="web API: %(message)s")
