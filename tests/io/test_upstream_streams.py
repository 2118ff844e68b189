"""Upstreams by TCP, DoT, DoH and DoQ: connections are kept, used by many questions at once, and made anew when lost."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from blockctl.dns import health
from blockctl.dns.exchange import Client, Forward
from blockctl.io import network, upstream_link, upstream_peer, upstream_question
from blockctl.io.upstream_tls import Context, context, load_certifi
from blockctl.io.upstreams import Upstreams
from blockctl.model.policy import Resolver
from tests.io.doq_stub import DoqStub
from tests.io.upstream_stub import (
    CUT,
    HALF,
    Behave,
    Certificate,
    Stub,
    answer,
    bare,
    honest,
    make_certificate,
    query,
    silent,
)

KINDS = ["tcp", "tls", "https", "quic"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    context.cache_clear()
    # On a busy machine an answer takes its time; that a second upstream is asked then is no subject here.
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", 1.2)
    monkeypatch.setattr(health, "USUAL_SHORTEST", 1.2)
    yield
    context.cache_clear()


async def start(kind: str, certificate: Certificate, behave: Behave = honest, port: int = 0) -> tuple[Stub, str]:
    if kind == "quic":
        stub = await DoqStub(behave).quic(certificate, port)
        return stub, spelled(kind, stub.port)
    stub = Stub(behave)
    await stub.tcp(port, **settings(kind, certificate))  # type: ignore[arg-type]
    return stub, spelled(kind, stub.port)


def settings(kind: str, certificate: Certificate) -> dict[str, object]:
    if kind == "tcp":
        return {}
    return {"tls": certificate.server("h2" if kind == "https" else "dot"), "http": kind == "https"}


def spelled(kind: str, port: int, host: str = "127.0.0.1") -> str:
    return f"{kind}://{host}:{port}"


async def ask(upstreams: Upstreams, name: str, *where: str) -> bytes | None:
    wire = query(name)
    return await asyncio.wait_for(upstreams.ask(Forward((wire, where), wire, where, Client("127.0.0.1"))), 8)


def right(name: str) -> bytes:
    return answer(query(name))


def error_of(upstreams: Upstreams) -> str:
    return upstreams.state()[0].error


def late(seconds: float) -> Behave:
    return lambda wire, _: [(seconds, answer(wire))]


@pytest.mark.parametrize("kind", KINDS)
def test_one_connection_carries_many_questions(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        for at in range(5):
            names = [f"n{at}-{each}.example" for each in range(40)]
            found = await asyncio.gather(*(ask(upstreams, name, where) for name in names))
            assert found == [right(name) for name in names]
        assert stub.connections == 1
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_answer_does_not_hold_up_the_next(kind: str, certificate: Certificate) -> None:
    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0.3 if b"slow" in wire else 0, answer(wire))]

    async def run() -> None:
        stub, where = await start(kind, certificate, behave)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        await ask(upstreams, "first.example", where)
        slow = asyncio.ensure_future(ask(upstreams, "slow.example", where))
        await asyncio.sleep(0.02)
        assert await ask(upstreams, "fast.example", where) == right("fast.example")
        assert not slow.done()
        assert await slow == right("slow.example")
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_connection_closed_by_the_upstream(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        for number in range(4):
            assert await ask(upstreams, f"n{number}.example", where) == right(f"n{number}.example")
            stub.cut()
            await asyncio.sleep(0.02 * (number % 2))  # before the next question it is known, or not yet
        assert upstreams.state()[0].failed == 0
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_closed_instead_of_an_answer(kind: str, certificate: Certificate) -> None:
    calls: list[bytes] = []

    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        calls.append(wire)
        return [(0, CUT if len(calls) == 2 else answer(wire))]

    async def run() -> None:
        stub, where = await start(kind, certificate, behave)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        assert await ask(upstreams, "b.example", where) == right("b.example")  # put again, to a new connection
        assert stub.connections == 2
        stub.behave = lambda _wire, _transport: [(0, CUT)]
        assert await ask(upstreams, "c.example", where) is None  # once, not for ever
        assert "closed the connection" in error_of(upstreams)
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tcp", "tls"])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(HALF, "closed the connection", id="half a message"),
        pytest.param(b"abc", "no DNS message", id="three bytes"),
        pytest.param(b"", "no DNS message", id="nothing"),
    ],
)
def test_a_broken_stream(kind: str, reply: bytes, error: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate, lambda _wire, _transport: [(0, reply)])
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert error in error_of(upstreams)
        stub.behave = honest
        assert await ask(upstreams, "b.example", where) == right("b.example")
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_says_nothing_more_is_left(
    kind: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "USUAL_SHORTEST", 0.3)

    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        lost = {where for _, _, where in stub.seen}

        async def revive() -> None:
            while len({where for _, _, where in stub.seen} | lost) == 1:
                await asyncio.sleep(0.01)

        # As after a change of network: the old connection is dead without a word, a new one is well.
        first = next(iter(lost))
        stub.behave = lambda wire, _: [] if stub.seen[-1][2] == first else [(0, answer(wire))]
        assert await ask(upstreams, "b.example", where) == right("b.example")
        await asyncio.wait_for(revive(), 1)
        assert stub.connections >= 2
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_network_makes_new_connections(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate, late(0.05))
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        waiting = asyncio.ensure_future(ask(upstreams, "b.example", where))
        await asyncio.sleep(0.02)
        upstreams.renew()
        assert await waiting == right("b.example")
        assert stub.connections == 2
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_we_close_an_idle_connection(kind: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_peer, "TCP_IDLE", 0.05)
    monkeypatch.setattr(upstream_peer, "TLS_IDLE", 0.05)

    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        for _ in range(100):
            await asyncio.sleep(0.02)
            if all(each.is_closing() for each in stub.open):
                break
        assert all(each.is_closing() for each in stub.open)
        assert await ask(upstreams, "b.example", where) == right("b.example")
        assert stub.connections == 2
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https", "quic"])
def test_sessions_are_taken_up_again(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        for name in ("a.example", "b.example", "c.example"):
            assert await ask(upstreams, name, where) == right(name)
            stub.cut()
            await asyncio.sleep(0.02)
        assert (stub.connections, stub.resumed) == (3, 2)
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https", "quic"])
def test_the_size_says_nothing_of_the_name(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        for name in ("a.example", f"{'b' * 60}.example", f"{'c' * 60}.{'d' * 60}.example"):
            assert await ask(upstreams, name, where) == right(name)
        assert [len(wire) for seen, wire, _ in stub.seen if seen == kind] == [128, 128, 256]
        assert all(wire[:2] == b"\0\0" for seen, wire, _ in stub.seen if seen in ("https", "quic"))
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https"])
@pytest.mark.parametrize(
    ("names", "trust", "error"),
    [
        pytest.param("DNS:other.test", True, "is not valid for '127.0.0.1'", id="another name"),
        pytest.param("DNS:dns.test,IP:127.0.0.1", False, "self-signed certificate", id="an authority nobody knows"),
    ],
)
def test_a_wrong_certificate(
    kind: str, names: str, trust: bool, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = make_certificate(tmp_path, names)
    if trust:
        monkeypatch.setenv("SSL_CERT_FILE", str(wrong.file))

    async def run() -> None:
        stub, where = await start(kind, wrong)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert error.replace("-", " ") in error_of(upstreams).replace("-", " ")
        assert "certificate of 127.0.0.1" in error_of(upstreams)
        assert stub.seen == []  # the question was not told to a stranger
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https", "quic"])
def test_the_name_after_the_hash_is_the_certificate_s(kind: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start(kind, certificate)
        for name, expected in (("dns.test", right("a.example")), ("wrong.test", None)):
            named = f"{where}#{name}"
            upstreams = Upstreams(Resolver(upstreams=(named,)))
            assert await ask(upstreams, "a.example", named) == expected
            await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https"])
def test_no_tls_there(kind: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_link, "CONNECT", 0.3)

    async def run() -> None:
        stub, _ = await start("tcp", certificate)
        where = spelled(kind, stub.port)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert error_of(upstreams)
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_no_http_2_there(certificate: Certificate) -> None:
    async def run() -> None:
        stub = await Stub().tcp(tls=certificate.server())
        where = spelled("https", stub.port)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert error_of(upstreams) == "does not speak HTTP/2"
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "content_type", "error"),
    [
        pytest.param("404", "text/html", "HTTP status 404", id="404"),
        pytest.param("503", "application/dns-message", "HTTP status 503", id="503"),
        pytest.param("200", "text/html; charset=utf-8", "answers with text/html", id="a page"),
        pytest.param("200", "", "answers with nothing", id="no type"),
    ],
)
def test_an_http_answer_that_is_none(status: str, content_type: str, error: str, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start("https", certificate)
        stub.status, stub.content_type = status, content_type
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert error in error_of(upstreams)
        stub.status, stub.content_type = "200", "Application/DNS-Message"
        assert await ask(upstreams, "b.example", where) == right("b.example")
        assert stub.connections == 1
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("reply", [pytest.param(b"", id="empty"), pytest.param(b"x" * 70_000, id="70,000 bytes")])
def test_a_body_that_is_no_message(reply: bytes, certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start("https", certificate, lambda _wire, _transport: [(0, reply[:16_000])])
        if len(reply) > 65_535:
            stub.pieces = 5
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert "DNS message" in error_of(upstreams)
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_more_questions_than_a_connection_takes(certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start("https", certificate, late(0.05))
        stub.at_once = 10
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "first.example", where) == right("first.example")
        names = [f"n{each}.example" for each in range(35)]
        assert await asyncio.gather(*(ask(upstreams, name, where) for name in names)) == [right(name) for name in names]
        assert 2 <= stub.connections <= 4
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_questions_that_nobody_waits_for_are_taken_back(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", 0.4)

    async def run() -> None:
        stub, where = await start("https", certificate, silent)
        other = await Stub().udp()
        stub.at_once = 3
        both = (where, f"127.0.0.1:{other.port}")
        upstreams = Upstreams(Resolver(upstreams=both, strategy="ordered"))
        for number in range(3):
            assert await ask(upstreams, f"n{number}.example", *both) == right(f"n{number}.example")
        stub.behave = honest
        await asyncio.sleep(1.6)  # the questions before are given up
        assert await ask(upstreams, "last.example", where) == right("last.example")
        await upstreams.close()
        await asyncio.gather(stub.stop(), other.stop())

    asyncio.run(run())


def test_the_head_of_a_request(certificate: Certificate) -> None:
    async def run() -> None:
        stub, where = await start("https", certificate)
        where += "/some/path{?dns}#dns.test"
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        head = stub.seen[0][1].decode()
        for part in ("':path': '/some/path'", f"':authority': 'dns.test:{stub.port}'", "':method': 'POST'"):
            assert part in head
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_silence(kind: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_question, "WHOLE", 0.6)

    async def run() -> None:
        stub, where = await start(kind, certificate, silent)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert "no answer" in error_of(upstreams)
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "https"])
def test_a_handshake_without_end(kind: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_link, "CONNECT", 0.2)

    async def run() -> None:
        server = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(3), "127.0.0.1", 0)
        where = spelled(kind, server.sockets[0].getsockname()[1])
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) is None
        assert "could not be connected to within" in error_of(upstreams)
        await upstreams.close()
        server.close()

    asyncio.run(run())


def addresses(name: str, *known: str) -> Behave:
    """A resolver that knows the A records of one name."""

    def behave(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        end = wire.index(b"\0", 12) + 5
        if wire[12 : end - 4].lower() != query(name)[12:-4] or wire[end - 3] != 1:
            return [(0, bare(wire, 0x8180))]
        records = b"".join(
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes(int(part) for part in each.split(".")) for each in known
        )
        return [(0, wire[:2] + b"\x81\x80\0\1" + len(known).to_bytes(2, "big") + bytes(4) + wire[12:end] + records)]

    return behave


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bootstrap", [True, False], ids=["bootstrap", "another upstream"])
def test_a_name_is_looked_up(kind: str, bootstrap: bool, certificate: Certificate) -> None:
    async def run() -> None:
        stub, _ = await start(kind, certificate)
        where = spelled(kind, stub.port, "dns.test")
        helper = await Stub(addresses("dns.test", "127.0.0.2", "127.0.0.1")).udp()  # nobody listens on the first
        plain = f"127.0.0.1:{helper.port}"
        upstreams = Upstreams(
            Resolver(upstreams=(where,), bootstrap=(plain,)) if bootstrap else Resolver(upstreams=(where, plain))
        )
        for name in ("a.example", "b.example"):
            assert await ask(upstreams, name, where) == right(name)
        assert len(helper.seen) == 2  # A and AAAA, once
        await upstreams.close()
        await asyncio.gather(stub.stop(), helper.stop())

    asyncio.run(run())


def test_a_name_that_is_not_found_then_is(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_peer, "LOOK_UP_AGAIN", 0.05)

    async def run() -> None:
        stub, _ = await start("tls", certificate)
        where = spelled("tls", stub.port, "dns.test")
        helper = await Stub(addresses("dns.test")).udp()
        upstreams = Upstreams(Resolver(upstreams=(where,), bootstrap=(f"127.0.0.1:{helper.port}",)))
        assert await ask(upstreams, "a.example", where) is None
        assert error_of(upstreams) == "the name dns.test could not be resolved"
        helper.behave = addresses("dns.test", "127.0.0.1")
        await asyncio.sleep(0.1)
        assert await ask(upstreams, "b.example", where) == right("b.example")
        await upstreams.close()
        await asyncio.gather(stub.stop(), helper.stop())

    asyncio.run(run())


def test_an_upstream_that_moves_is_found_again(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_peer, "LOOK_UP_AGAIN", 0.0)

    async def run() -> None:
        stub, _ = await start("tls", certificate)
        where = spelled("tls", stub.port, "dns.test")
        helper = await Stub(addresses("dns.test", "127.0.0.3")).udp()
        upstreams = Upstreams(Resolver(upstreams=(where,), bootstrap=(f"127.0.0.1:{helper.port}",)))
        assert await ask(upstreams, "a.example", where) is None
        helper.behave = addresses("dns.test", "127.0.0.1")
        await asyncio.sleep(0.05)
        assert await ask(upstreams, "b.example", where) is not None or (
            await ask(upstreams, "c.example", where) is not None
        )
        await upstreams.close()
        await asyncio.gather(stub.stop(), helper.stop())

    asyncio.run(run())


def test_a_change_of_network_is_seen(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    monkeypatch.setattr(network, "_listen", lambda: ours)
    monkeypatch.setattr(network, "SOON", 0.02)

    async def run() -> None:
        stub, where = await start("tcp", certificate)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        theirs.send(b"something else changed")
        await asyncio.sleep(0.1)
        assert await ask(upstreams, "b.example", where) == right("b.example")
        assert stub.connections == 1
        monkeypatch.setattr("blockctl.io.upstreams.own_address", lambda _: "192.0.2.7")
        theirs.send(b"our address changed")
        await asyncio.sleep(0.1)
        assert await ask(upstreams, "c.example", where) == right("c.example")
        assert stub.connections == 2
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())
    theirs.close()


def test_the_system_tells_of_changes() -> None:
    async def run() -> None:
        watch = network.NetworkWatch(lambda: None)
        watch.close()
        watch.close()

    asyncio.run(run())
    assert network.own_address("127.0.0.1") == "127.0.0.1"
    assert network.own_address("not an address") == ""


def test_authorities_where_the_system_has_none() -> None:
    bare_context = Context(ssl.PROTOCOL_TLS_CLIENT)
    load_certifi(bare_context)
    assert bare_context.cert_store_stats()["x509_ca"] > 50


def test_the_system_is_asked_where_nobody_else_can_be(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        stub, _ = await start("tls", certificate)
        where = spelled("tls", stub.port, "dns.test")
        asked: list[str] = []

        async def system(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
            asked.append(host)
            # While it looks, the question comes back to us: it must not wait for itself.
            assert await ask(upstreams, "dns.test", where) is None
            return [(0, 0, 0, "", ("127.0.0.1", 0))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", system)
        upstreams = Upstreams(Resolver(upstreams=(where,)))
        assert await ask(upstreams, "a.example", where) == right("a.example")
        assert asked == ["dns.test"]
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())
