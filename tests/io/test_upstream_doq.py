"""What only DNS over QUIC has: its streams, codes and tickets, a library that is loaded late.

What it has in common with TCP, DoT and DoH is in test_upstream_streams.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated

from blockctl.dns import health
from blockctl.dns.exchange import Client, Forward
from blockctl.io import upstream_doq, upstream_link, upstream_question, upstream_quic, upstream_quic_connection
from blockctl.io.upstreams import Upstreams
from blockctl.model.diagnostic import WorldError
from blockctl.model.policy import Resolver
from tests.io.doq_stub import DoqStub, End, Intrude, Part, Raw, Reset
from tests.io.upstream_stub import (
    HALF,
    Behave,
    Certificate,
    Stub,
    answer,
    honest,
    make_certificate,
    query,
    silent,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    # On a busy machine an answer takes its time; that a second upstream is asked then is no subject here.
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", 1.2)
    monkeypatch.setattr(health, "USUAL_SHORTEST", 1.2)


@asynccontextmanager
async def upstream(certificate: Certificate, behave: Behave = honest, **more: Any) -> Any:
    """Serve, and give the stub, the upstreams that ask it, and how it is spelled."""
    stub = await DoqStub(behave, **more).quic(certificate)
    where = f"quic://127.0.0.1:{stub.port}"
    upstreams = Upstreams(Resolver(upstreams=(where,)))
    yield stub, upstreams, where
    await upstreams.close()
    await stub.stop()


async def ask(upstreams: Upstreams, name: str, *where: str) -> bytes | None:
    wire = query(name)
    return await asyncio.wait_for(upstreams.ask(Forward((wire, where), wire, where, Client("127.0.0.1"))), 8)


def descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def right(name: str) -> bytes:
    return answer(query(name))


def error_of(upstreams: Upstreams) -> str:
    return upstreams.state()[0].error


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


BROKEN = [
    pytest.param(lambda _: HALF, "ended in the middle of an answer", id="half an answer"),
    pytest.param(lambda _: Raw(b"\0"), "ended in the middle of an answer", id="half a length"),
    pytest.param(lambda _: b"abc", "no DNS message", id="three bytes"),
    pytest.param(lambda _: b"", "no DNS message", id="a message of no byte"),
    pytest.param(lambda wire: b"\0\1" + answer(wire)[2:], "an id other than 0", id="an id"),
    pytest.param(lambda wire: Raw(framed(answer(wire)) * 2), "more than the one answer", id="two answers"),
    pytest.param(lambda _: Raw(b"\xff\xff" + b"\0" * 70_000), "more than the one answer", id="70,000 bytes"),
    pytest.param(lambda _: Intrude(b"\0"), "opened a stream", id="a stream of its own"),
]


@pytest.mark.parametrize(("reply", "error"), BROKEN)
def test_who_breaks_the_protocol_is_told_and_left(
    reply: Callable[[bytes], bytes], error: str, certificate: Certificate
) -> None:
    async def run() -> None:
        async with upstream(certificate, lambda wire, _: [(0, reply(wire))]) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) is None
            assert error in error_of(upstreams)
            stub.behave = honest
            assert await ask(upstreams, "b.example", where) == right("b.example")
            assert stub.connections == 2
            for _ in range(100):
                if stub.ends:
                    break
                await asyncio.sleep(0.02)
            assert stub.ends == [upstream_doq.PROTOCOL_ERROR]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reset(b"\1"), "gave the question up: DOQ_INTERNAL_ERROR", id="internal error"),
        pytest.param(Reset(b"\3"), "gave the question up: DOQ_REQUEST_CANCELLED", id="cancelled"),
        pytest.param(Reset(b"\x3f"), "gave the question up: DoQ error 0x3f", id="a code nobody knows"),
        pytest.param(Raw(b""), "gave the question up without a word", id="an end without an answer"),
    ],
)
def test_one_question_given_up_leaves_the_others(reply: bytes, error: str, certificate: Certificate) -> None:
    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0.1, answer(wire))] if b"slow" in wire else [(0, reply if b"bad" in wire else answer(wire))]

    async def run() -> None:
        async with upstream(certificate, behave) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) == right("a.example")
            found = await asyncio.gather(*(ask(upstreams, f"{each}.example", where) for each in ("slow", "bad")))
            assert found == [right("slow.example"), None]
            assert error in error_of(upstreams)
            assert await ask(upstreams, "b.example", where) == right("b.example")
            assert stub.connections == 1

    asyncio.run(run())


def test_a_code_at_the_end_of_a_connection_sends_nobody_back(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) == right("a.example")
            stub.behave = lambda _wire, _transport: [(0, End(bytes((upstream_doq.EXCESSIVE_LOAD,))))]
            assert await ask(upstreams, "b.example", where) is None
            assert error_of(upstreams) == "ended the connection: DOQ_EXCESSIVE_LOAD"
            assert stub.connections == 1

    asyncio.run(run())


def test_the_answer_to_another_question(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate, lambda *_: [(0, right("other.example"))]) as (_, upstreams, where):
            assert await ask(upstreams, "a.example", where) is None
            assert error_of(upstreams) == "the answer is to another question"

    asyncio.run(run())


def test_the_largest_answer(certificate: Certificate) -> None:
    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0, (made := answer(wire)) + bytes(65_535 - len(made)))]

    async def run() -> None:
        async with upstream(certificate, behave) as (_, upstreams, where):
            found = await ask(upstreams, "a.example", where)
            assert found is not None
            assert len(found) == 65_535

    asyncio.run(run())


def test_more_questions_than_a_connection_takes(certificate: Certificate) -> None:
    async def run() -> None:
        slow = lambda wire, _: [(0.1, answer(wire))]  # noqa: E731
        async with upstream(certificate, slow, at_once=10) as (stub, upstreams, where):
            assert await ask(upstreams, "first.example", where) == right("first.example")
            names = [f"n{each}.example" for each in range(35)]
            found = await asyncio.gather(*(ask(upstreams, name, where) for name in names))
            assert found == [right(name) for name in names]
            assert 2 <= stub.connections <= 5
            assert stub.ends == []

    asyncio.run(run())


def test_questions_that_nobody_waits_for_are_taken_back(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", 0.2)
    monkeypatch.setattr(health, "LONGEST_PATIENCE", 0.3)

    async def run() -> None:
        async with upstream(certificate, silent) as (stub, _, where):
            other = await Stub().udp()
            both = (where, f"127.0.0.1:{other.port}")
            upstreams = Upstreams(Resolver(upstreams=both, strategy="ordered"))
            for number in range(3):
                assert await ask(upstreams, f"n{number}.example", *both) == right(f"n{number}.example")
            for _ in range(100):
                if len(stub.cancelled) == len(stub.seen) > 0:
                    break
                await asyncio.sleep(0.02)
            assert stub.cancelled == [upstream_doq.REQUEST_CANCELLED] * len(stub.seen) != []
            await upstreams.close()
            await other.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("names", "trust", "error"),
    [
        pytest.param("DNS:other.test", True, "127.0.0.1", id="another name"),
        pytest.param("DNS:dns.test,IP:127.0.0.1", False, "self-signed certificate", id="an authority nobody knows"),
    ],
)
def test_a_wrong_certificate(
    names: str,
    trust: bool,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = make_certificate(tmp_path, names)
    if trust:
        monkeypatch.setenv("SSL_CERT_FILE", str(wrong.file))

    async def run() -> None:
        async with upstream(wrong) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) is None
            assert error_of(upstreams).startswith("the certificate of 127.0.0.1 is not to be trusted: ")
            assert error in error_of(upstreams).partition(": ")[2].replace("self signed", "self-signed")
            assert stub.seen == []  # the question was not told to a stranger
            assert caplog.records == []

    asyncio.run(run())


def test_a_certificate_that_is_for_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = make_certificate(tmp_path, usage="clientAuth")
    monkeypatch.setenv("SSL_CERT_FILE", str(wrong.file))

    async def run() -> None:
        async with upstream(wrong) as (stub, upstreams, where):
            for name in ("a.example", "b.example"):  # no session is taken up either
                assert await ask(upstreams, name, where) is None
                told = "the certificate of 127.0.0.1 is not to be trusted: unsuitable certificate purpose"
                assert error_of(upstreams) == told
            assert stub.seen == []
            assert stub.resumed == 0

    asyncio.run(run())


@pytest.mark.parametrize("protocol", ["h3", ""])
def test_no_dns_over_quic_there(protocol: str, certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate, protocol=protocol) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) is None
            assert error_of(upstreams) == "127.0.0.1 cannot be reached: it does not speak DNS over QUIC"
            assert stub.seen == []

    asyncio.run(run())


@pytest.mark.parametrize("listens", [True, False])
def test_nobody_speaks_quic_there(listens: bool, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_link, "CONNECT", 0.2)

    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            where = f"quic://127.0.0.1:{held.getsockname()[1]}"
            if not listens:
                held.close()
            upstreams = Upstreams(Resolver(upstreams=(where,)))
            assert await ask(upstreams, "a.example", where) is None
            told = "could not be connected to within 0.2 s" if listens else "refused the connection"
            assert error_of(upstreams) == f"127.0.0.1 {told}"
            await upstreams.close()

    asyncio.run(run())


def test_an_address_that_has_to_be_shown_first(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate, retry=True) as (stub, upstreams, where):
            for name in ("a.example", "b.example"):
                assert await ask(upstreams, name, where) == right(name)
                stub.cut()
                await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_session_is_taken_up_once_and_on_no_other_network(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate) as (stub, upstreams, where):
            resumed = []
            for number in range(4):
                assert await ask(upstreams, f"n{number}.example", where) == right(f"n{number}.example")
                resumed.append(stub.resumed)
                if number < 2:
                    stub.cut()
                else:
                    upstreams.renew()
                await asyncio.sleep(0.05)
            assert resumed == [0, 1, 2, 2]
            assert stub.connections == 4
            assert stub.early == 0  # a question sent with the greeting could be replayed by others

    asyncio.run(run())


def test_an_upstream_that_starts_anew(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "USUAL_SHORTEST", 0.2)
    tickets, made = [], upstream_quic.QuicConfiguration

    def note(**words: Any) -> Any:
        tickets.append(words["session_ticket"])
        return made(**words)

    monkeypatch.setattr(upstream_quic, "QuicConfiguration", note)

    async def run() -> None:
        async with upstream(certificate) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) == right("a.example")
            for number in range(3):
                await stub.vanish()
                if number:  # the system says that nobody listens, before somebody does again
                    assert await ask(upstreams, f"gone{number}.example", where) is None
                    assert "refused" in error_of(upstreams)
                await stub.quic(certificate, stub.port)
                assert await ask(upstreams, f"n{number}.example", where) == right(f"n{number}.example")
            used = [each.ticket for each in tickets if each is not None]
            assert 3 <= len(used) < len(tickets)
            assert len(set(used)) == len(used)  # a second use would show that it is the same client

    asyncio.run(run())


class Lossy(asyncio.DatagramProtocol):
    """A relay that loses, doubles, delays and spoils datagrams."""

    def __init__(self, port: int, back: Callable[[bytes], None] | None = None) -> None:
        self._port, self._back, self._ways = port, back, dict[Any, asyncio.DatagramTransport]()
        self._tasks: set[asyncio.Future[None]] = set()
        self._draw = random.Random(7)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._back is not None:
            self._pass(data, self._back)
        else:
            task = asyncio.ensure_future(self._on(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _on(self, data: bytes, addr: Any) -> None:
        if addr not in self._ways:
            loop = asyncio.get_running_loop()
            self._ways[addr], _ = await loop.create_datagram_endpoint(
                lambda: Lossy(0, lambda back: self.transport.sendto(back, addr)),
                remote_addr=("127.0.0.1", self._port),
            )
        self._pass(data, self._ways[addr].sendto)

    def _pass(self, data: bytes, send: Callable[[bytes], None]) -> None:
        chance = self._draw.random()
        if chance < 0.05:
            return
        if chance < 0.10:
            at = self._draw.randrange(len(data))
            send(data[:at] + bytes((data[at] ^ 1 << self._draw.randrange(8),)) + data[at + 1 :])
            send(self._draw.randbytes(self._draw.randrange(1, 1200)))
        asyncio.get_running_loop().call_later(self._draw.choice((0, 0, 0.01)), send, data)
        if chance > 0.95:
            send(data)

    def close(self) -> None:
        for each in (self.transport, *self._ways.values()):
            each.abort()


def test_a_bad_network_loses_no_answer(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate) as (stub, _, _where):
            loop = asyncio.get_running_loop()
            _, relay = await loop.create_datagram_endpoint(lambda: Lossy(stub.port), local_addr=("127.0.0.1", 0))
            where = f"quic://127.0.0.1:{relay.transport.get_extra_info('sockname')[1]}"
            upstreams = Upstreams(Resolver(upstreams=(where,)))
            for at in range(10):
                names = [f"n{at}-{each}.example" for each in range(10)]
                found = await asyncio.gather(*(ask(upstreams, name, where) for name in names))
                assert found == [right(name) for name in names]
            await upstreams.close()
            relay.close()

    asyncio.run(run())


def test_whatever_befalls_the_library_we_go_on(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("on purpose")

    async def run() -> None:
        async with upstream(certificate) as (_, upstreams, where):
            for number, step in enumerate(("connect", "receive_datagram", "datagrams_to_send", "handle_timer")):
                monkeypatch.setattr(upstream_quic.Connection, step, fail)
                found = await ask(upstreams, f"n{number}.example", where)
                assert (found is None) == (step != "handle_timer")
                assert step == "handle_timer" or "QUIC library failed: on purpose" in error_of(upstreams)
                monkeypatch.undo()
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
                assert await ask(upstreams, f"well{number}.example", where) == right(f"well{number}.example")

    asyncio.run(run())


def test_silence_is_noted_and_ends(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_question, "WHOLE", 0.6)

    async def run() -> None:
        async with upstream(certificate, silent) as (_, upstreams, where):
            asked = [ask(upstreams, f"n{each}.example", where) for each in range(20)]
            assert await asyncio.gather(*asked) == [None] * 20
            assert "no answer" in error_of(upstreams)

    asyncio.run(run())


def test_closing_while_connecting_leaves_no_socket(certificate: Certificate) -> None:
    async def run() -> None:
        before = descriptors()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            where = f"quic://127.0.0.1:{held.getsockname()[1]}"
            upstreams = Upstreams(Resolver(upstreams=(where,)))
            waiting = asyncio.ensure_future(ask(upstreams, "a.example", where))
            await asyncio.sleep(0.3)
            await upstreams.close()
            assert await waiting is None
        await asyncio.sleep(0.05)
        assert descriptors() == before

    asyncio.run(run())


@pytest.fixture
def without_the_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "aioquic", None)  # type: ignore[arg-type]
    yield


@pytest.mark.usefixtures("without_the_package")
def test_without_the_package_a_policy_is_refused_and_the_one_before_stays() -> None:
    async def run() -> None:
        with pytest.raises(WorldError, match=r"needs the package aioquic: pip install 'blockctl\[quic\]'"):
            Upstreams(Resolver(upstreams=("quic://dns.example",)))
        upstreams = Upstreams(Resolver(upstreams=("127.0.0.1",)))
        with pytest.raises(WorldError, match="aioquic"):
            upstreams.follow(Resolver(upstreams=("127.0.0.1",), forward={"lan": ("quic://127.0.0.1",)}))
        assert [each.upstream for each in upstreams.state()] == ["127.0.0.1"]
        await upstreams.close()

    asyncio.run(run())


def test_the_library_is_loaded_for_those_who_need_it() -> None:
    program = """
import asyncio, sys
from blockctl.io.upstreams import Upstreams
from blockctl.model.policy import Resolver
async def run():
    upstreams = Upstreams(Resolver(upstreams=("127.0.0.1", "tls://127.0.0.1:1", "quic://127.0.0.1:1")))
    await upstreams.close()
asyncio.run(run())
print(sorted({"aioquic", "cryptography", "OpenSSL"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_nobody_reads_takes_no_more_and_more_memory(certificate: Certificate) -> None:
    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0, Part(framed(answer(wire)))), (0.05, Raw(bytes(2_000_000)))]

    async def run() -> None:
        async with upstream(certificate, behave) as (stub, upstreams, where):
            assert await ask(upstreams, "a.example", where) == right("a.example")
            await asyncio.sleep(0.8)
            [connection] = stub.open
            assert 0 < connection._quic._streams[0].sender.highest_offset <= upstream_quic.WINDOW
            stub.behave = honest
            assert await ask(upstreams, "b.example", where) == right("b.example")

    asyncio.run(run())


def test_an_upstream_that_allows_few_questions_ever(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    more = QuicConnection._write_connection_limits

    def never(self: QuicConnection, **words: Any) -> None:
        if self._is_client:
            more(self, **words)

    monkeypatch.setattr(QuicConnection, "_write_connection_limits", never)

    async def run() -> None:
        async with upstream(certificate, at_once=2) as (stub, upstreams, where):
            for number in range(2 * upstream_link.STREAMS + 4):
                name = f"n{number}.example"
                assert await ask(upstreams, name, where) == right(name), error_of(upstreams)
            assert stub.connections == upstream_link.STREAMS + 2

    asyncio.run(run())


def test_questions_that_the_upstream_never_ends_are_left_with_their_connection(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_quic_connection, "HELD", 6)
    monkeypatch.setattr(upstream_question, "WHOLE", 0.3)

    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0, Part(b"\0")) if b"never" in wire else (0, answer(wire))]

    def deaf(_self: QuicConnection, _context: object, _type: int, buf: Any) -> None:
        buf.pull_uint_var()
        buf.pull_uint_var()

    async def run() -> None:
        monkeypatch.setattr(QuicConnection, "_handle_stop_sending_frame", deaf)
        async with upstream(certificate, behave) as (stub, upstreams, where):
            for number in range(12):
                assert await ask(upstreams, f"never{number}.example", where) is None
                assert await ask(upstreams, f"n{number}.example", where) == right(f"n{number}.example")
            assert stub.connections > 1

    asyncio.run(run())


def test_a_stream_that_the_upstream_opens_and_resets(certificate: Certificate) -> None:
    async def run() -> None:
        async with upstream(certificate, lambda *_: [(0, Intrude())]) as (_, upstreams, where):
            assert await ask(upstreams, "a.example", where) is None
            assert "opened a stream" in error_of(upstreams)

    asyncio.run(run())


def test_what_comes_all_the_time_puts_off_nothing(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with upstream(certificate) as (_, upstreams, where):
            assert await ask(upstreams, "a.example", where) == right("a.example")
            [stream] = upstreams._peers[where]._stream._streams
            await asyncio.sleep(0.1)
            sent = []
            real = stream.transport._quic.datagrams_to_send

            def note(now: float) -> Any:
                sent.append(now)
                return real(now=now)

            monkeypatch.setattr(stream.transport._quic, "datagrams_to_send", note)
            for _ in range(60):
                stream.transport.datagram_received(b"garbage", ("127.0.0.1", 1))
                await asyncio.sleep(0.002)
            assert sent

    asyncio.run(run())


def test_who_is_told_to_stop_as_the_greeting_ends_leaves_no_socket(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with upstream(certificate) as (_, upstreams, where):
            before = descriptors()
            take = upstream_quic.QuicTransport._take

            def last_moment(self: Any, event: Any) -> None:
                greeted = self.greeted.done()
                take(self, event)
                if self.greeted.done() and not greeted:
                    upstreams._peers[where].close()

            monkeypatch.setattr(upstream_quic.QuicTransport, "_take", last_moment)
            assert await ask(upstreams, "a.example", where) is None
            await asyncio.sleep(0.1)
            assert descriptors() == before

    asyncio.run(run())


def test_a_library_that_breaks_as_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_quic.py").write_text("raise AttributeError('module lib has no attribute X')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(upstream_doq, "SPEAKS_QUIC", "broken_quic")

    async def run() -> None:
        upstreams = Upstreams(Resolver(upstreams=("quic://127.0.0.1",)))
        assert await ask(upstreams, "a.example", "quic://127.0.0.1") is None
        assert "the QUIC library cannot be loaded: module lib has no attribute X" in error_of(upstreams)
        await upstreams.close()

    asyncio.run(run())


def test_words_of_strangers_are_short_and_steer_no_terminal() -> None:
    told = upstream_quic.error_of(ConnectionTerminated(7, 0, "\x1b[2J\nbad\u202e" + "x" * 900), by_us=False)
    assert str(told).startswith("[2Jbadx")
    assert len(str(told)) <= 120
    only_steers = upstream_quic.error_of(ConnectionTerminated(7, 0, "\x1b"), by_us=False)
    assert str(only_steers) == "QUIC error 0x7"
    names = "hostname 'a.test' doesn't match either of " + "DNSPattern(pattern=b'b.test'), " * 90
    untrusted = upstream_quic.error_of(ConnectionTerminated(0x100 + 42, 6, names), by_us=True)
    assert isinstance(untrusted, ssl.SSLCertVerificationError)
    assert untrusted.verify_message == "it is not for 'a.test'"
