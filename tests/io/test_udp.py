"""The UDP server over real sockets, many datagrams at once and one by one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from blockctl.dns.batch import SLOT, Seat
from blockctl.dns.exchange import Outcome
from blockctl.dns.fast import Fast
from blockctl.io import mmsg
from blockctl.io.datagrams import OneByOne, Send
from blockctl.io.udp import SEATS, UdpHooks, UdpServer
from blockctl.model.policy import Policy
from tests.dns.messages import query
from tests.dns.ruleworlds import rules

WAYS = ["many at once", "one by one"]
BLOCKED, OTHER = query("ads.example", id=7), query("other.example", id=8)


class Served:
    """A server that answers what the hot path does not with `slow:` and the query."""

    def __init__(self, sock: socket.socket) -> None:
        self.slow: list[tuple[bytes, str]] = []
        self.asked_for: list[str] = []
        self.fast = Fast(rules(Policy("policy"), "||ads.example^"), "nxdomain")
        self.server = UdpServer(sock, UdpHooks(self.seat, self.later))
        self.address = sock.getsockname()

    def seat(self, address: str) -> Seat:
        self.asked_for.append(address)
        return Seat(address, self.fast)

    def later(self, asked: bytes, address: str, send: Send) -> None:
        self.slow.append((asked, address))
        send(b"slow:" + asked[:1000])


def bound(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.bind((host, 0))
    except OSError:
        sock.close()
        pytest.skip(f"this machine has no {host}")
    return sock


@contextlib.contextmanager
def client(to: Any, own: str = "") -> Iterator[socket.socket]:
    """A socket that hears only the address it asks."""
    with socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if own:
            sock.bind((own, 0))
        sock.connect(to)
        sock.setblocking(False)
        yield sock


def serve(host: str, scenario: Callable[[Served], Awaitable[None]]) -> None:
    async def inside() -> None:
        with bound(host) as sock:
            it = Served(sock)
            it.server.start(asyncio.get_running_loop())
            try:
                await asyncio.wait_for(scenario(it), 20)
            finally:
                it.server.stop()

    asyncio.run(inside())


async def ask(sock: socket.socket, asked: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, asked)
    return await asyncio.wait_for(loop.sock_recv(sock, 4096), 5)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "one by one":
        monkeypatch.setattr(mmsg, "is_available", lambda: False)
    elif not mmsg.is_available():
        pytest.skip("this system has no recvmmsg")
    return str(request.param)


def is_blocked(answer: bytes, asked: bytes) -> bool:
    return answer[:2] == asked[:2] and answer[3] & 15 == 3 and answer[12 : len(asked)] == asked[12:]


@pytest.mark.skipif(sys.platform != "linux", reason="recvmmsg is of Linux")
def test_linux_reads_many_at_once() -> None:
    assert mmsg.is_available()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_hot_and_slow(way: str, host: str) -> None:
    async def scenario(it: Served) -> None:
        with client(it.address) as sock:
            assert is_blocked(await ask(sock, BLOCKED), BLOCKED)
            assert await ask(sock, OTHER) == b"slow:" + OTHER
        assert it.slow == [(OTHER, host)]
        assert it.asked_for == [host]
        assert it.server.counts[Outcome.BLOCKED] == 1

    serve(host, scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_burst_of_two_clients(way: str, host: str) -> None:
    """Hot and slow ones in turn: each answer reaches who asked, and none is lost."""

    async def scenario(it: Served) -> None:
        loop = asyncio.get_running_loop()
        with client(it.address) as one, client(it.address) as two:
            for number in range(150):
                for at, sock in enumerate((one, two)):
                    name = "ads.example" if number % 3 else f"n{number}.example"
                    sock.send(query(name, id=number * 2 + at))
            for at, sock in enumerate((one, two)):
                seen = [await asyncio.wait_for(loop.sock_recv(sock, 4096), 5) for _ in range(150)]
                ids = {int.from_bytes(each.removeprefix(b"slow:")[:2], "big") for each in seen}
                assert ids == {number * 2 + at for number in range(150)}
                assert sum(each.startswith(b"slow:") for each in seen) == 50

    serve(host, scenario)


@pytest.mark.parametrize("size", [0, 1, 2, 11, 12, SLOT - 1, SLOT, SLOT + 1, 9000])
def test_odd_sizes(way: str, size: int) -> None:
    async def scenario(it: Served) -> None:
        with client(it.address) as sock:
            sent = b"\1" * size
            assert await ask(sock, sent) == b"slow:" + sent[:1000]
            assert it.slow == [(sent[:SLOT], "127.0.0.1")]
            assert is_blocked(await ask(sock, BLOCKED), BLOCKED)

    serve("127.0.0.1", scenario)


def test_clients_that_are_gone_stop_nothing(way: str) -> None:
    """Their machine says so, and the system may tell it at the next call."""

    async def scenario(it: Served) -> None:
        for _ in range(5):
            with client(it.address) as gone:
                gone.send(BLOCKED)
        with client(it.address) as sock:
            assert is_blocked(await ask(sock, BLOCKED), BLOCKED)

    serve("127.0.0.1", scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine on Linux alone")
def test_a_reply_leaves_from_the_address_that_was_asked() -> None:
    async def scenario(it: Served) -> None:
        for to in ("127.0.0.1", "127.0.0.2", "127.8.9.10"):
            with client((to, it.address[1])) as sock:  # connected: it hears nobody else
                assert is_blocked(await ask(sock, BLOCKED), BLOCKED)
                assert await ask(sock, OTHER) == b"slow:" + OTHER

    serve("0.0.0.0", scenario)


def test_a_reply_leaves_from_the_address_that_was_asked_by_ipv6() -> None:
    async def scenario(it: Served) -> None:
        with client(("::1", it.address[1])) as sock:
            assert is_blocked(await ask(sock, BLOCKED), BLOCKED)
            assert await ask(sock, OTHER) == b"slow:" + OTHER
        assert it.asked_for == ["::1"]

    serve("::", scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine on Linux alone")
def test_clients_are_known_by_address_until_forgotten(way: str) -> None:
    async def scenario(it: Served) -> None:
        for own in ("127.0.0.5", "127.0.0.6", "127.0.0.5"):
            with client(it.address, own) as sock:
                await ask(sock, BLOCKED)
        assert it.asked_for == ["127.0.0.5", "127.0.0.6"]
        it.server.forget()
        with client(it.address, "127.0.0.6") as sock:
            await ask(sock, BLOCKED)
        assert it.asked_for == ["127.0.0.5", "127.0.0.6", "127.0.0.6"]

    serve("127.0.0.1", scenario)


def test_so_many_clients_are_remembered_and_no_more() -> None:
    with bound("127.0.0.1") as sock:
        it = Served(sock)
        for number in range(SEATS * 2 + 5):
            it.server._sit(number)
        assert len(it.server._batch.seats) <= SEATS


def test_stopped_it_does_not_answer_and_started_again_it_does(way: str) -> None:
    async def scenario(it: Served) -> None:
        loop = asyncio.get_running_loop()
        it.server.stop()
        it.server.stop()
        with client(it.address) as sock:
            sock.send(BLOCKED)
            await asyncio.sleep(0.05)
            with pytest.raises(BlockingIOError):
                sock.recv(4096)
            it.server.start(loop)
            assert is_blocked(await asyncio.wait_for(loop.sock_recv(sock, 4096), 5), BLOCKED)

    serve("127.0.0.1", scenario)


@pytest.mark.parametrize("many", [True, False])
def test_what_the_system_does_not_take_is_counted_and_the_rest_is_sent(many: bool) -> None:
    """A datagram to port 0 cannot be sent; those behind it can."""
    if many and not mmsg.is_available():
        pytest.skip("this system has no recvmmsg")
    with bound("127.0.0.1") as sock, client(sock.getsockname()) as asker:
        sock.setblocking(False)
        datagrams: Any = mmsg.ManyAtOnce(sock) if many else OneByOne(sock)
        for number in range(4):
            asker.send(b"query %d" % number)
        assert datagrams.read() == 4
        if many:
            datagrams._addresses[32 + 2 : 32 + 4] = bytes(2)  # the second came from port 0
        else:
            datagrams._read[1] = (7, ("127.0.0.1", 0), [])
        datagrams.sender(1)(b"slow")
        datagrams.send([7, 7, 0, 7], [2])
        assert datagrams.unsent == 2
        assert [asker.recv(100) for _ in range(2)] == [b"query 0", b"query 3"]
