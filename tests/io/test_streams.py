"""DNS over TCP and TLS, with clients that do what clients do."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from blockctl.dns.exchange import Client, Transport
from blockctl.io.connection import Limits
from blockctl.io.listen import bind
from blockctl.io.streams import AT_ONCE, StreamServer
from blockctl.io.tls import Certificate
from tests.io.transports import Answers, Served, make_certificate, needs_openssl, question, served, trusting

ASKS_TO_STAY = bytes.fromhex("0000290200000000000004000b0000")  # OPT with the option of RFC 7828
Scenario = Callable[[Served], Awaitable[None]]


def run(scenario: Scenario, limits: Limits | None = None) -> None:
    async def inside() -> None:
        async with served(limits=limits) as it:
            await asyncio.wait_for(scenario(it), 30)

    asyncio.run(inside())


async def still_answers(it: Served) -> None:
    peer = await it.connect()
    peer.send(question(4711))
    assert await peer.number() == 4711
    peer.close()


def test_byte_by_byte() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"".join(len(q).to_bytes(2, "big") + q for q in (question(1), question(2))):
            peer.writer.write(bytes((byte,)))
            await asyncio.sleep(0.001)
        assert (await peer.receive())[2:] == b"\x81" + question(1)[3:]
        assert await peer.number() == 2
        assert it.answers.clients == [Client("127.0.0.1", Transport.TCP)] * 2

    run(scenario)


def test_five_in_one_write_and_one_after_the_other() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.send(*(question(number) for number in range(1, 6)))
        assert {await peer.number() for _ in range(5)} == {1, 2, 3, 4, 5}
        for number in (6, 7):
            peer.send(question(number))
            assert await peer.number() == number

    run(scenario)


def test_answers_come_as_they_are_ready() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.send(question(1, "gate.example"), question(2), question(3))
        assert {await peer.number(), await peer.number()} == {2, 3}
        it.answers.gate.set()
        assert await peer.number() == 1

    run(scenario)


def test_a_client_that_sends_nothing_more_gets_its_answers() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.send(question(1, "gate.example"), question(2))
        peer.writer.write_eof()
        assert await peer.number() == 2
        it.answers.gate.set()
        assert await peer.number() == 1
        assert await peer.ended()
        done = await it.connect()
        done.writer.write_eof()
        assert await done.ended()

    run(scenario)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\0\0", id="length 0"),
        pytest.param(b"\0\x05hello", id="too short for a message"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="HTTP"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
    ],
)
def test_what_is_no_dns_is_cut_off(sent: bytes) -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.write(sent)
        assert await peer.ended()
        await still_answers(it)

    run(scenario)


def test_the_longest_message_and_one_that_ends_early() -> None:
    async def scenario(it: Served) -> None:
        early = await it.connect()
        early.writer.write(b"\xff\xff" + bytes(100))
        early.close()
        whole = await it.connect()
        query = question(9) + bytes(65_535 - len(question(9)))
        whole.send(query)
        assert await whole.receive() == query[:2] + b"\x81" + query[3:]
        await still_answers(it)

    run(scenario)


def test_no_answer_and_a_failure_do_not_end_the_connection() -> None:
    async def scenario(it: Served) -> None:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        peer = await it.connect()
        peer.send(question(1, "none.example"), question(2, "broken.example"), question(3))
        assert await peer.number() == 3
        await asyncio.sleep(0)
        assert told == ["on purpose"]

    run(scenario)


def test_500_idle_clients_and_one_more() -> None:
    async def scenario(it: Served) -> None:
        idle = await asyncio.gather(*(it.connect() for _ in range(500)))
        await still_answers(it)
        assert it.server.figures.evicted == 0
        idle[0].send(question(1))
        assert await idle[0].number() == 1, "the first is still served"
        for peer in idle:
            peer.close()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    run(scenario)


def test_when_full_the_longest_idle_makes_way_and_those_who_wait_stay() -> None:
    async def scenario(it: Served) -> None:
        waits, first, second = [await it.connect() for _ in range(3)]
        waits.send(question(1, "gate.example"))
        for peer in (second, first):  # so the second is now idle longest
            peer.send(question(2))
            await peer.number()
        await still_answers(it)
        assert await second.ended()
        first.send(question(3))
        assert await first.number() == 3
        it.answers.gate.set()
        assert await waits.number() == 1
        assert (it.server.figures.evicted, it.server.figures.refused) == (1, 0)

    run(scenario, Limits(total=3))


def test_when_all_wait_for_answers_the_newcomer_is_sent_away() -> None:
    async def scenario(it: Served) -> None:
        busy = [await it.connect() for _ in range(2)]
        for peer in busy:
            peer.send(question(1, "gate.example"))
        while it.answers.waiting < 2:
            await asyncio.sleep(0.01)
        late = await it.connect()
        assert await late.ended()
        assert it.server.figures.refused == 1
        it.answers.gate.set()
        assert [await peer.number() for peer in busy] == [1, 1]

    run(scenario, Limits(total=2))


def test_one_address_cannot_take_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.io.door.bucket", lambda address: address)  # as if from another machine

    async def scenario(it: Served) -> None:
        first, second = await it.connect(), await it.connect()
        await still_answers(it)
        assert await first.ended()
        second.send(question(1))
        assert await second.number() == 1

    run(scenario, Limits(per_client=2))


def test_the_idle_are_closed_and_those_who_asked_stay() -> None:
    async def scenario(it: Served) -> None:
        plain, stays, half = [await it.connect() for _ in range(3)]
        stays.send(question(1, tail=ASKS_TO_STAY))
        assert (await stays.receive()).endswith(b"\0\x0b\0\0\0\x0b\0\x02" + (300).to_bytes(2, "big"))
        half.writer.write(b"\0\x20half a query")
        assert await plain.ended()
        assert await half.ended()
        stays.send(question(2))
        assert await stays.number() == 2
        assert it.server.figures.timed_out == 2

    run(scenario, Limits(idle=0.5))


def test_a_crowd_is_closed_sooner() -> None:
    async def scenario(it: Served) -> None:
        peers = [await it.connect() for _ in range(4)]
        assert all([await peer.ended() for peer in peers])

    run(scenario, Limits(total=4, crowded=0.2))


def test_who_takes_no_answers_is_not_read_and_then_cut_off() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.send(*(question(number, "big.example") for number in range(1000)))
        while it.server.figures.timed_out < 1:
            await asyncio.sleep(0.05)
        assert len(it.answers.clients) < 1000, "most was never asked: 60 MB would have been kept"
        await still_answers(it)

    run(scenario, Limits(stuck=0.5))


def test_a_connection_waits_for_so_many_answers_and_then_goes_on() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.send(*(question(number, "gate.example") for number in range(5 * AT_ONCE)))
        while it.answers.waiting < AT_ONCE:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert it.answers.waiting == AT_ONCE
        it.answers.gate.set()
        assert {await peer.number() for _ in range(5 * AT_ONCE)} == set(range(5 * AT_ONCE))

    run(scenario)


def test_stopping_waits_for_answers_and_ends_the_idle() -> None:
    async def inside() -> None:
        answers = Answers()
        server = StreamServer(answers)
        bound = bind(["tls://127.0.0.1:0"]).bound[0]
        await server.start(bound.tcp)
        it = Served(bound.listen.port, server, answers)
        idle, waits, never = [await it.connect() for _ in range(3)]
        waits.send(question(1, "gate.example"))
        never.send(question(2, "gate.example"))
        while answers.waiting < 2:
            await asyncio.sleep(0.01)
        stopping = asyncio.create_task(server.stop(5.0))
        assert await idle.ended()
        with pytest.raises(ConnectionRefusedError):
            await it.connect()
        answers.gate.set()
        assert await waits.number() == 1
        await asyncio.wait_for(stopping, 2)
        assert len(server) == 0

    asyncio.run(inside())


def test_stopping_does_not_wait_for_ever() -> None:
    async def inside() -> None:
        async with served() as it:
            peer = await it.connect()
            peer.send(question(1, "gate.example"))
            while not it.answers.waiting:
                await asyncio.sleep(0.01)
            await asyncio.wait_for(it.server.stop(0.1), 5)
            assert await peer.ended()

    asyncio.run(inside())


@needs_openssl
def test_over_tls(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    told: list[str] = []

    async def inside() -> None:
        async with served(tls=Certificate(*files, told.append).context(["dot"])) as it:
            plain = await it.connect()
            plain.send(question(1))
            assert await plain.ended(), "no TLS, no answer"
            trusts = trusting(files[0], "dot")
            peer = await it.connect(trusts)
            assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
            peer.send(question(1), question(2, "gate.example"), question(3, "big.example"))
            assert await peer.number() == 1
            assert len(await peer.receive()) > 60_000
            it.answers.gate.set()
            assert await peer.number() == 2
            for name in ("ipad.dns.home.arpa", "dns.home.arpa", "IPad.dns.home.arpa"):
                named = await it.connect(trusts, name)
                named.send(question(4))
                assert await named.number() == 4
                named.close()
            assert [client.id for client in it.answers.clients] == ["", "", "", "ipad", "", "ipad"]
            assert {client.transport for client in it.answers.clients} == {Transport.DOT}

    asyncio.run(inside())
    assert told == []


@needs_openssl
def test_a_handshake_that_never_comes_takes_no_room(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)

    async def inside() -> None:
        async with served(tls=Certificate(*files, print).context(["dot"]), limits=Limits(total=3)) as it:
            silent = [await it.connect() for _ in range(6)]
            peer = await it.connect(trusting(files[0]))
            peer.send(question(1))
            assert await peer.number() == 1
            assert await silent[0].ended()

    asyncio.run(inside())


def test_answers_are_not_held_back_to_be_sent_with_others() -> None:
    async def scenario(it: Served) -> None:
        peer = await it.connect()
        peer.send(question(1))
        await peer.number()
        (connection,) = it.server._door._inside
        assert connection.transport is not None
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # else 40 ms pass between two

    run(scenario)


KEPT = """
import asyncio, ssl, sys
from pathlib import Path
from blockctl.io.listen import bind
from blockctl.io.streams import StreamServer
from blockctl.io.tls import Certificate
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
async def main():
    bound = bind(["tls://127.0.0.1:0"]).bound[0]
    server = StreamServer(None)
    await server.start(bound.tcp, Certificate(Path(sys.argv[1]), Path(sys.argv[2]), print).context(["dot"]))
    print(bound.listen.port, resident(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(len(server), resident(), flush=True)
    await server.stop(0)
asyncio.run(main())
"""


@needs_openssl
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_an_idle_client_of_tls_costs_little_memory(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    command = [sys.executable, "-c", KEPT, *map(str, files)]

    async def inside() -> None:
        pipe = subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert process.stdin
        assert process.stdout
        port, before = map(int, (await process.stdout.readline()).split())
        context = trusting(files[0], "dot")
        peers = [await asyncio.open_connection("127.0.0.1", port, ssl=context) for _ in range(100)]
        process.stdin.write(b"\n")
        count, after = map(int, (await process.stdout.readline()).split())
        for _, writer in peers:
            writer.transport.abort()
        await process.wait()
        assert count == len(peers)
        assert (after - before) / count < 100, "KiB for each; asyncio's own buffer alone would be 256"

    asyncio.run(inside())


STARVED = """
import asyncio, resource, sys
from blockctl.io.listen import bind
from blockctl.io.streams import StreamServer
async def handle(query, client):
    return query[:2] + b"\\x81" + query[3:]
async def main():
    bound = bind(["tls://127.0.0.1:0"]).bound[0]
    server = StreamServer(handle)
    await server.start(bound.tcp)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    print(bound.listen.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(server.figures.exhausted, server.figures.evicted, flush=True)
    await server.stop(0)
asyncio.run(main())
"""


def test_out_of_descriptors_it_neither_spins_nor_dies() -> None:
    command = [sys.executable, "-c", STARVED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=dict(os.environ), **pipes) as process:  # type: ignore[call-overload]
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        idle = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(60)]
        query = question(4711)
        for _ in range(3):  # served all the same: the idle make way
            with socket.create_connection(("127.0.0.1", port), 10) as late:
                late.sendall(len(query).to_bytes(2, "big") + query)
                assert late.recv(4)[2:] == query[:2]
        process.stdin.write("\n")
        process.stdin.flush()
        exhausted, evicted = process.stdout.readline().split()
        for sock in idle:
            sock.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert 1 <= int(exhausted) < 100, "accept is not tried again and again"
    assert int(evicted) > 0
