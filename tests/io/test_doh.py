"""DNS over HTTPS with real clients: h2, h11, curl, and some that mean harm."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import h11
import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error
from h2.settings import SettingCodes

from blockctl.dns.exchange import Client, Transport
from blockctl.io.connection import Limits
from blockctl.io.doh import PROTOCOLS
from blockctl.io.tls import Certificate
from tests.io.transports import Peer, Served, make_certificate, needs_openssl, question, served, trusting

QUERY = question(0)
ANSWER = QUERY[:2] + b"\x81" + QUERY[3:]
MESSAGE = b"application/dns-message"


def target(query: bytes = QUERY, path: str = "/dns-query") -> str:
    return f"{path}?dns={base64.urlsafe_b64encode(query).rstrip(b'=').decode()}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


Scenario = Callable[[Served], Awaitable[None]]


def run_plain(scenario: Scenario, limits: Limits | None = None) -> None:
    async def inside() -> None:
        async with served(doh=True, limits=limits) as it:
            await asyncio.wait_for(scenario(it), 30)

    asyncio.run(inside())


def run_tls(files: tuple[Path, Path], scenario: Scenario, limits: Limits | None = None) -> None:
    async def inside() -> None:
        context = Certificate(*files, pytest.fail).context(PROTOCOLS)
        async with served(doh=True, tls=context, limits=limits) as it:
            await asyncio.wait_for(scenario(it), 30)

    asyncio.run(inside())


class OneOne:
    """A client of HTTP/1.1."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.wire = h11.Connection(h11.CLIENT)

    def send(self, method: str, where: str, body: bytes = b"", **headers: str) -> None:
        named = [("host", "a"), *((name.replace("_", "-"), value) for name, value in headers.items())]
        if body:
            named.append(("content-length", str(len(body))))
        for event in (h11.Request(method=method, target=where, headers=named), h11.Data(body), h11.EndOfMessage()):
            self.peer.writer.write(self.wire.send(event) or b"")

    async def receive(self) -> tuple[int, dict[bytes, bytes], bytes]:
        status, headers, body = 0, {}, b""
        while True:
            event = self.wire.next_event()
            if event is h11.NEED_DATA:
                self.wire.receive_data(await self.peer.reader.read(65_536))
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, dict(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if self.wire.our_state is h11.DONE and self.wire.their_state is h11.DONE:
                    self.wire.start_next_cycle()
                return status, headers, body

    async def ask(self, method: str, where: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        self.send(method, where, body, **headers)
        status, _, answer = await self.receive()
        return status, answer


class Two:
    """A client of HTTP/2."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.wire = H2Connection(H2Configuration(client_side=True, header_encoding="ascii"))
        self.wire.initiate_connection()
        self.status: dict[int, dict[str, str]] = {}
        self.body: dict[int, bytes] = {}
        self.gone: events.ConnectionTerminated | None = None
        self.reads = True  # gives the window back
        self.done: list[int] = []

    def get(self, where: str, method: str = "GET") -> int:
        stream: int = self.wire.get_next_available_stream_id()
        self.wire.send_headers(stream, self._headers(method, where), end_stream=True)
        return stream

    def post(self, body: bytes, where: str = "/dns-query", kind: str = MESSAGE.decode()) -> int:
        stream: int = self.wire.get_next_available_stream_id()
        self.wire.send_headers(stream, [*self._headers("POST", where), ("content-type", kind)])
        while len(body) > 16_000:
            self.wire.send_data(stream, body[:16_000])
            body = body[16_000:]
        self.wire.send_data(stream, body, end_stream=True)
        return stream

    def flush(self) -> None:
        self.peer.writer.write(self.wire.data_to_send())

    async def until(self, *streams: int) -> None:
        """Read until these streams have ended, or the connection has."""
        while not set(streams) <= set(self.done):
            self.flush()
            try:
                data = await self.peer.reader.read(65_536)
            except ConnectionError:
                return
            if not data:
                return
            for event in self.wire.receive_data(data):
                self._read(event)

    async def asked(self, stream: int) -> tuple[int, bytes]:
        await self.until(stream)
        return int(self.status[stream][":status"]), self.body.get(stream, b"")

    @staticmethod
    def _headers(method: str, where: str) -> list[tuple[str, str]]:
        return [(":method", method), (":scheme", "https"), (":authority", "a"), (":path", where)]

    def _read(self, event: events.Event) -> None:
        if isinstance(event, events.ResponseReceived):
            self.status[event.stream_id] = dict(event.headers)
        elif isinstance(event, events.DataReceived):
            self.body[event.stream_id] = self.body.get(event.stream_id, b"") + event.data
            if self.reads:
                self.wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded | events.StreamReset):
            self.done.append(event.stream_id)
        elif isinstance(event, events.ConnectionTerminated):
            self.gone = event


async def two(it: Served, files: tuple[Path, Path], name: str | None = None) -> Two:
    return Two(await it.connect(trusting(files[0], "h2"), name))


def test_get_post_head_on_one_connection_of_http_1_1() -> None:
    async def scenario(it: Served) -> None:
        client = OneOne(await it.connect())
        assert await client.ask("GET", target()) == (200, ANSWER)
        client.send("POST", "/dns-query/iPad", QUERY, content_type=MESSAGE.decode())
        status, headers, body = await client.receive()
        assert (status, body, headers[b"content-type"]) == (200, ANSWER, MESSAGE)
        assert headers[b"cache-control"] == b"max-age=0"
        client.send("HEAD", target())
        status, headers, body = await client.receive()
        assert (status, int(headers[b"content-length"]), body) == (200, len(ANSWER), b"")
        big = question(0, "big.example")
        assert (await client.ask("GET", target(big)))[1] == big[:2] + b"\x81" + big[3:] + bytes(60_000)
        assert [each.id for each in it.answers.clients] == ["", "ipad", "", ""]
        assert {each.transport for each in it.answers.clients} == {Transport.DOH}

    run_plain(scenario)


def test_what_is_wrong_is_said_and_the_connection_goes_on() -> None:
    async def scenario(it: Served) -> None:
        client = OneOne(await it.connect())
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        kind = MESSAGE.decode()
        for status, method, where, body, headers in [
            (404, "GET", "/", b"", {}),
            (400, "GET", "/dns-query", b"", {}),
            (405, "PUT", "/dns-query", QUERY, {}),
            (415, "POST", "/dns-query", QUERY, {"content_type": "text/plain"}),
            (400, "POST", "/dns-query", b"short", {"content_type": kind}),
            (406, "GET", target(), b"", {"accept": "application/dns-json"}),
            (400, "GET", target(question(0, "none.example")), b"", {}),
            (500, "GET", target(question(0, "broken.example")), b"", {}),
            (200, "GET", target(), b"", {}),
        ]:
            assert (await client.ask(method, where, body, **headers))[0] == status, (method, where)

    run_plain(scenario)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        first, second = question(1, "gate.example"), question(2)
        lines = [f"GET {target(each)} HTTP/1.1\r\nHost: a\r\n\r\n" for each in (first, second)]
        peer.writer.write("".join(lines).encode())
        while not it.answers.waiting:
            await asyncio.sleep(0.01)
        it.answers.gate.set()
        got = b""
        while got.count(b"example") < 2:
            got += await peer.reader.read(65_536)
        assert got.index(b"gate") < got.rindex(b"example")
        assert got.count(b"HTTP/1.1 200") == 2

    run_plain(scenario)


def test_a_client_of_http_1_1_that_sends_nothing_more_gets_its_answer() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(f"GET {target(question(1, 'gate.example'))} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        peer.writer.write_eof()
        while not it.answers.waiting:
            await asyncio.sleep(0.01)
        it.answers.gate.set()
        assert (await peer.reader.read()).endswith(b"\0\1\0\1")

    run_plain(scenario)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"\0\x1a" + QUERY, b"", id="DNS"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"400", id="no Host"),
        pytest.param(b"GET /" + b"a" * 20_000, b"431", id="a line without end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 5000, b"431", id="headers without end"),
        pytest.param(b"garbage\r\n\r\n", b"400", id="garbage"),
        pytest.param(
            b"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + bytes(0x4000) + b"\r\n" * 1,
            b"",
            id="chunks that do not end",
        ),
        pytest.param(
            b"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + bytes(0x4000) + b"\r\n") * 20,
            b"413",
            id="chunks for ever",
        ),
        pytest.param(
            b"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n"
            b"Expect: 100-continue\r\n\r\n",
            b"415",
            id="asks first",
        ),
    ],
)
def test_harm_by_http_1_1(sent: bytes, status: bytes) -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(sent)
        got = b""
        while data := await peer.reader.read(65_536):
            got += data
        assert got.startswith(b"HTTP/1.1 " + status if status else b"")
        assert await OneOne(await it.connect()).ask("GET", target()) == (200, ANSWER)

    run_plain(scenario, Limits(idle=0.3))


def test_what_is_sent_ahead_is_left_with_the_system() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(f"GET {target(question(1, 'gate.example'))} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        peer.writer.write(f"GET {target()} HTTP/1.1\r\nHost: a\r\nX: {'x' * 8000}\r\n\r\n".encode() * 200)
        (connection,) = it.server._door._inside
        assert connection.transport is not None
        while connection.transport.is_reading():
            await asyncio.sleep(0.01)
        it.answers.gate.set()
        got = 0
        while got < 201:
            got += (await peer.reader.readuntil(b"HTTP/1.1 200")).count(b"200")

    run_plain(scenario)


def test_who_takes_no_answers_is_asked_for_no_more() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        one = f"GET {target(question(1, 'big.example'))} HTTP/1.1\r\nHost: a\r\n\r\n"
        peer.writer.write(one.encode() * 1000)
        (connection,) = it.server._door._inside
        while not connection.blocked:
            await asyncio.sleep(0.01)
        assert connection.transport is not None
        assert not connection.transport.is_reading()
        while it.server.figures.timed_out < 1:
            await asyncio.sleep(0.05)
        assert len(it.answers.clients) < 1000

    run_plain(scenario, Limits(stuck=0.5))


def test_garbage_after_a_request_without_a_body_to_send() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(f"HEAD {target()} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        peer.writer.write(b"garbage\r\n\r\n")
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400")
        assert await peer.reader.read() == b"this is not HTTP/1.1\n"

    run_plain(scenario)


def test_who_asks_first_is_told_to_go_on() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        head = f"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: {MESSAGE.decode()}\r\n"
        peer.writer.write(f"{head}Content-Length: {len(QUERY)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        peer.writer.write(QUERY)
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")

    run_plain(scenario)


def test_a_proxy_on_this_machine_says_who_asks() -> None:
    async def scenario(it: Served) -> None:
        client = OneOne(await it.connect())
        found = ["192.168.1.20", "fd00::1", "192.168.1.20", "fd00::1", "fd00::1", "", "", "127.0.0.1"]
        for told in (
            "6.6.6.6, 192.168.1.20",
            "fd00:0::1",
            "192.168.1.20:4711",
            "[fd00::1]:4711",
            "[fd00::1]",
            "unknown",
            "",
        ):
            assert (await client.ask("GET", target(), x_forwarded_for=told))[0] == 200
        assert (await client.ask("GET", target()))[0] == 200
        assert [each.address for each in it.answers.clients] == found

    run_plain(scenario)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param("Host: evil.example:8053\r\nAccept-Encoding: gzip, deflate", 421, id="a page, as browsers ask"),
        pytest.param("Host: evil.example\r\nAccept-Encoding: identity\r\nRange: bytes=0-", 421, id="for a range"),
        pytest.param("Host: evil.example\r\nOrigin: http://evil.example", 421, id="Origin"),
        pytest.param("Host: evil.example\r\nSec-Fetch-Site: same-origin", 421, id="Sec-Fetch-Site"),
        pytest.param("Host: evil.example\r\nX-Forwarded-For: 10.0.0.1\r\nReferer: x", 421, id="as if by a proxy"),
        pytest.param("Host: 127.0.0.1:8053\r\nAccept-Encoding: gzip, deflate", 200, id="by address"),
        pytest.param("Host: localhost\r\nSec-Fetch-Mode: cors", 200, id="by a name of this machine"),
        pytest.param("Host: dns.example\r\nX-Forwarded-For: 10.0.0.1", 200, id="a proxy"),
        pytest.param("Host: dns.example\r\nAccept-Encoding: gzip, deflate, br", 200, id="a proxy's client by TLS"),
        pytest.param("Host: dns.example\r\nAccept-Encoding: identity", 200, id="a browser's own DoH by a proxy"),
    ],
)
def test_no_page_of_a_strangers_name_is_answered(lines: str, status: int) -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(f"GET {target()} HTTP/1.1\r\n{lines}\r\n\r\n".encode())
        assert (await peer.reader.readuntil(b"\r\n")).startswith(f"HTTP/1.1 {status} ".encode())

    run_plain(scenario)


@needs_openssl
def test_http_2(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        gate = client.get(target(question(0, "gate.example")))
        got, put, head = client.get(target()), client.post(QUERY, "/dns-query/tv"), client.get(target(), "HEAD")
        big = client.post(question(0, "big.example"))
        assert await client.asked(got) == await client.asked(put) == (200, ANSWER)
        assert await client.asked(head) == (200, b"")
        assert client.status[head]["content-length"] == str(len(ANSWER))
        assert len((await client.asked(big))[1]) > 60_000
        assert gate not in client.done
        it.answers.gate.set()
        assert (await client.asked(gate))[0] == 200
        assert Client("127.0.0.1", Transport.DOH, "tv") in it.answers.clients

    run_tls(files, scenario)


@needs_openssl
def test_http_2_says_what_is_wrong(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        wrong = {
            client.get("/"): 404,
            client.get("/dns-query"): 400,
            client.get("/dns-query", "DELETE"): 405,
            client.post(QUERY, kind="text/plain"): 415,
            client.post(b"short"): 400,
            client.post(QUERY[:-1] + bytes(66_000)[:65_000]): 200,
        }
        for stream, status in wrong.items():
            assert (await client.asked(stream))[0] == status
        client.wire.increment_flow_control_window(100_000)
        long = client.wire.get_next_available_stream_id()
        headers = [*client._headers("POST", "/dns-query"), ("content-type", MESSAGE.decode())]
        client.wire.send_headers(long, headers)
        for _ in range(7):
            while client.wire.local_flow_control_window(long) < 10_000:
                client.flush()
                for event in client.wire.receive_data(await client.peer.reader.read(65_536)):
                    client._read(event)
            client.wire.send_data(long, bytes(10_000))
        assert (
            await client.asked_status(long) if hasattr(client, "asked_status") else await status_of(client, long)
        ) == 413
        assert await client.asked(client.get(target())) == (200, ANSWER)

    run_tls(files, scenario)


async def status_of(client: Two, stream: int) -> int:
    """Read until the stream has a status: a stream whose request never ends is answered all the same."""
    while stream not in client.status:
        client.flush()
        for event in client.wire.receive_data(await client.peer.reader.read(65_536)):
            client._read(event)
    return int(client.status[stream][":status"])


@needs_openssl
def test_a_client_that_opens_its_window_late_gets_the_rest(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        client.reads = False
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100})
        client.flush()
        big = client.get(target(question(0, "big.example")))
        client.flush()
        while len(client.body.get(big, b"")) < 100:
            for event in client.wire.receive_data(await client.peer.reader.read(65_536)):
                client._read(event)
            client.flush()
        other = client.get(target())
        assert await client.asked(other) == (200, ANSWER), "one that reads is not held up by one that does not"
        client.wire.increment_flow_control_window(60_000)
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        client.wire.increment_flow_control_window(60_000, big)
        assert len((await client.asked(big))[1]) > 60_000

    run_tls(files, scenario)


@needs_openssl
def test_little_is_held_for_a_client_without_a_window(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.flush()
        asked = [client.get(target(question(0, "big.example"))) for _ in range(20)]
        await client.until(*asked[2:])
        assert client.done == asked[2:], "two of 60 KB wait, the others are given up"
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        for each in asked[:2]:
            assert len((await client.asked(each))[1]) > 60_000

    run_tls(files, scenario)


@needs_openssl
def test_who_takes_no_answers_of_http_2_is_not_read(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 30})
        client.wire.increment_flow_control_window(1 << 30)
        assert await client.asked(client.get(target())) == (200, ANSWER)
        client.peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(100):
            client.get(target(question(0, "big.example")))
        client.flush()
        (connection,) = it.server._door._inside
        while not connection.blocked:
            await asyncio.sleep(0.01)
        assert connection.transport is not None
        assert not connection.transport.is_reading()
        client.peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await client.until(*range(3, 203, 2))
        assert {len(client.body[stream]) for stream in range(3, 203, 2)} == {60_000 + len(question(0, "big.example"))}
        assert await client.asked(client.get(target())) == (200, ANSWER)

    run_tls(files, scenario)


def resets(client: Two) -> Iterator[None]:
    for _ in range(300):
        client.wire.reset_stream(client.get(target(question(0, "gate.example"))), ErrorCodes.CANCEL)
        yield


def pings(client: Two) -> Iterator[None]:
    for _ in range(2000):
        client.wire.ping(bytes(8))
        yield


def settings(client: Two) -> Iterator[None]:
    for number in range(1000):
        client.wire.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000 + number})
        yield


def empty_frames(client: Two) -> Iterator[None]:
    stream = client.wire.get_next_available_stream_id()
    client.wire.send_headers(stream, [*client._headers("POST", "/dns-query"), ("content-type", MESSAGE.decode())])
    for _ in range(2000):
        client.wire.send_data(stream, b"")
        yield


def windows(client: Two) -> Iterator[None]:
    for _ in range(3000):
        client.wire.increment_flow_control_window(1)
        yield


@needs_openssl
@pytest.mark.parametrize("flood", [resets, pings, settings, empty_frames, windows])
def test_floods_are_ended(files: tuple[Path, Path], flood: Callable[[Two], Iterator[None]]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        assert await client.asked(client.get(target())) == (200, ANSWER)
        for _ in flood(client):
            client.flush()
        await client.until(-1)
        assert client.gone is None or client.gone.error_code == ErrorCodes.ENHANCE_YOUR_CALM
        assert it.answers.waiting <= 300
        it.answers.gate.set()
        again = await two(it, files)
        assert await again.asked(again.get(target())) == (200, ANSWER)

    run_tls(files, scenario)


@needs_openssl
def test_queries_that_never_end_take_little_memory(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        for _ in range(8):  # what became whole, or was given up, is held no longer
            assert (await client.asked(client.post(bytes(20_000))))[0] == 200
            given_up = begun(client)
            await sent(client, given_up, 15_000)
            client.wire.reset_stream(given_up)
        streams = [begun(client) for _ in range(20)]
        with contextlib.suppress(H2Error):  # it is closed
            for stream in streams:
                await sent(client, stream, 10_000)
            await client.until(-1)
        assert client.gone is not None
        assert client.gone.error_code == ErrorCodes.ENHANCE_YOUR_CALM

    run_tls(files, scenario)


def begun(client: Two) -> int:
    stream: int = client.wire.get_next_available_stream_id()
    client.wire.send_headers(stream, [*client._headers("POST", "/dns-query"), ("content-type", MESSAGE.decode())])
    return stream


async def sent(client: Two, stream: int, size: int) -> None:
    """Send a part of a query, and take the room that the server gives back for it."""
    client.wire.send_data(stream, bytes(size))
    client.flush()
    while client.gone is None and client.wire.outbound_flow_control_window < 30_000:
        for event in client.wire.receive_data(await client.peer.reader.read(65_536)):
            client._read(event)


@needs_openssl
def test_a_busy_client_is_no_flood(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        for _ in range(30):
            streams = [client.post(QUERY) for _ in range(50)]
            client.wire.ping(bytes(8))
            await client.until(*streams)
            assert {client.status[stream][":status"] for stream in streams} == {"200"}

    run_tls(files, scenario)


@needs_openssl
@pytest.mark.parametrize("grace", [0.0, 2.0])
def test_stopping_says_goodbye(files: tuple[Path, Path], grace: float) -> None:
    async def scenario(it: Served) -> None:
        client = await two(it, files)
        assert await client.asked(client.get(target())) == (200, ANSWER)
        stopping = asyncio.create_task(it.server.stop(grace))
        await client.until(-1)
        assert client.gone is not None
        assert client.gone.error_code == ErrorCodes.NO_ERROR
        await stopping

    run_tls(files, scenario)


@needs_openssl
@pytest.mark.parametrize("offer", [("http/1.1",), (), ("spdy/3",)])
def test_http_1_1_by_tls(files: tuple[Path, Path], offer: tuple[str, ...]) -> None:
    async def scenario(it: Served) -> None:
        client = OneOne(await it.connect(trusting(files[0], *offer)))
        assert await client.ask("GET", target(), x_forwarded_for="10.0.0.1") == (200, ANSWER)
        assert it.answers.clients[0].address == "127.0.0.1", "only a proxy without TLS is believed"

    run_tls(files, scenario)


@needs_openssl
def test_bytes_that_are_no_http_2(files: tuple[Path, Path]) -> None:
    async def scenario(it: Served) -> None:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for sent in (b"GET / HTTP/1.1\r\n\r\n", preface + b"\0\0\0\xff", preface + b"\xff" * 100, QUERY * 50):
            peer = await it.connect(trusting(files[0], "h2"))
            peer.writer.write(sent + b"\0" * 20_000)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
                await peer.reader.readexactly(1_000_000)

    run_tls(files, scenario, Limits(patient=0.3))


@needs_openssl
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("version", ["--http2", "--http1.1"])
def test_curl(files: tuple[Path, Path], tmp_path: Path, version: str) -> None:
    body = tmp_path / "query"
    body.write_bytes(QUERY)

    async def scenario(it: Served) -> None:
        url = f"https://127.0.0.1:{it.port}"
        for rest in (
            [url + target()],
            ["-H", "content-type: " + MESSAGE.decode(), "--data-binary", f"@{body}", url + "/dns-query"],
        ):
            command = ["curl", "-sS", version, "--cacert", str(files[0]), "--max-time", "10", *rest]
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            assert (await process.communicate())[0] == ANSWER

    run_tls(files, scenario)


@needs_openssl
@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig is not installed")
@pytest.mark.parametrize("way", ["+https", "+https-get"])
def test_kdig(files: tuple[Path, Path], way: str) -> None:
    async def scenario(it: Served) -> None:
        command = ["kdig", "@127.0.0.1", "-p", str(it.port), way, f"+tls-ca={files[0]}", "a.example"]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert b"status: NOERROR" in (await process.communicate())[0]

    run_tls(files, scenario)
