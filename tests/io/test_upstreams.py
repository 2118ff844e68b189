"""Upstreams under every fault that a network has: nothing hangs, and the next one is asked."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from blockctl.dns import health
from blockctl.dns.exchange import UNASKED, Client, Forward
from blockctl.io import upstream_question, upstream_udp
from blockctl.io.upstreams import Upstreams, UpstreamState
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import Resolver
from tests.io.upstream_stub import (
    CUT,
    HALF,
    Behave,
    Stub,
    answer,
    bare,
    honest,
    query,
    silent,
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer takes its time; tests in which upstreams are silent are less patient."""
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", 1.2)
    monkeypatch.setattr(health, "USUAL_SHORTEST", 1.2)


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setitem(health.SHORTEST_PATIENCE, "ordered", seconds)
    monkeypatch.setattr(health, "UNKNOWN_PATIENCE", seconds)
    monkeypatch.setattr(health, "USUAL_SHORTEST", seconds)


def forward(name: str, *upstreams: str) -> Forward:
    wire = query(name)
    return Forward((wire, upstreams), wire, upstreams, Client("127.0.0.1"))


async def ask(upstreams: Upstreams, name: str, *spelled: str) -> bytes | None:
    return await asyncio.wait_for(upstreams.ask(forward(name, *spelled)), 8)


def right(name: str) -> bytes:
    return answer(query(name))


def state_of(upstreams: Upstreams, spelled: str) -> UpstreamState:
    return next(each for each in upstreams.state() if each.upstream == spelled)


def dead_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wrong_id(wire: bytes, _: str) -> list[tuple[float, bytes]]:
    true = answer(wire)
    return [(0, bytes((true[0] ^ 1,)) + true[1:])]


def wrong_question(wire: bytes, _: str) -> list[tuple[float, bytes]]:
    return [(0, wire[:2] + answer(query("other.example"))[2:])]


def wrong_type(wire: bytes, _: str) -> list[tuple[float, bytes]]:
    end = wire.index(b"\0", 12) + 5
    return [(0, answer(wire[: end - 4] + b"\0\x1c" + wire[end - 2 :]))]


def garbage(wire: bytes, transport: str) -> list[tuple[float, bytes]]:
    return [(0, wire[:2] + b"\xff" * 30)] if transport == "udp" else [(0, wire[:2] + b"\x7f" * 30)]


def tiny(wire: bytes, _: str) -> list[tuple[float, bytes]]:
    return [(0, wire[:3])]


def says(flags: int) -> Behave:
    return lambda wire, _: [(0, bare(wire, flags))]


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def late(seconds: float) -> Behave:
    return lambda wire, _: [(seconds, answer(wire))]


def cutting(_wire: bytes, _transport: str) -> list[tuple[float, bytes]]:
    return [(0, CUT)]


def halving(_wire: bytes, _transport: str) -> list[tuple[float, bytes]]:
    return [(0, HALF)]


FAULTS = [
    pytest.param(silent, id="silent"),
    pytest.param(late(6), id="slower than anybody waits"),
    pytest.param(wrong_id, id="wrong id"),
    pytest.param(wrong_question, id="another question"),
    pytest.param(wrong_type, id="another type"),
    pytest.param(garbage, id="garbage"),
    pytest.param(tiny, id="three bytes"),
    pytest.param(says(0x8182), id="SERVFAIL"),
    pytest.param(says(0x8185), id="REFUSED"),
    pytest.param(says(0x8181), id="FORMERR"),
    pytest.param(lambda wire, _: [(0, wire)], id="the query itself"),
]


@pytest.mark.parametrize("strategy", ["fastest", "ordered", "spread"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_another_upstream_answers_for_a_faulty_one(
    fault: Behave, transport: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 0.05)

    async def run() -> None:
        bad, good = await Stub(fault).both(), await Stub().udp()
        prefix = "tcp://" if transport == "tcp" else ""
        spelled = (f"{prefix}127.0.0.1:{bad.port}", f"127.0.0.1:{good.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy=strategy))
        for number in range(4):
            name = f"n{number}.example"
            assert await ask(upstreams, name, *spelled) == right(name)
        await upstreams.close()
        await asyncio.gather(bad.stop(), good.stop())

    asyncio.run(run())


@pytest.mark.parametrize("fault", [pytest.param(cutting, id="at once"), pytest.param(halving, id="mid-message")])
def test_a_tcp_connection_closed_on_us(fault: Behave) -> None:
    async def run() -> None:
        bad, good = await Stub(fault).tcp(), await Stub().udp()
        spelled = (f"tcp://127.0.0.1:{bad.port}", f"127.0.0.1:{good.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy="ordered"))
        assert await ask(upstreams, "a.example", *spelled) == right("a.example")
        assert "closed the connection" in state_of(upstreams, spelled[0]).error
        await upstreams.close()
        await asyncio.gather(bad.stop(), good.stop())

    asyncio.run(run())


@pytest.mark.parametrize("scheme", ["", "tcp://", "tls://", "https://"])
def test_nobody_listens(scheme: str) -> None:
    async def run() -> None:
        spelled = f"{scheme}127.0.0.1:{dead_port()}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        started = time.monotonic()
        for number in range(3):
            assert await ask(upstreams, f"n{number}.example", spelled) is None
        assert time.monotonic() - started < 3  # told at once, not after the time that silence would be given
        assert "refused" in state_of(upstreams, spelled).error
        assert not state_of(upstreams, spelled).healthy
        await upstreams.close()

    asyncio.run(run())


def test_a_lone_silent_upstream_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_question, "WHOLE", 0.7)
    impatient(monkeypatch, 0.4)

    async def run() -> None:
        stub = await Stub(silent).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        assert await ask(upstreams, "a.example", spelled) is None
        assert len(stub.seen) == 2  # datagrams may be lost, so it is asked again
        assert len({where for _, _, where in stub.seen}) == 2  # from another port
        assert "no answer" in state_of(upstreams, spelled).error
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_the_last_failure_is_returned_where_nobody_does_better() -> None:
    async def run() -> None:
        one, two = await Stub(says(0x8182)).udp(), await Stub(says(0x8185)).udp()
        spelled = (f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy="ordered"))
        assert await ask(upstreams, "a.example", *spelled) == bare(query("a.example"), 0x8185)
        await upstreams.close()
        await asyncio.gather(one.stop(), two.stop())

    asyncio.run(run())


def test_who_refuses_what_another_answers_is_left_alone() -> None:
    async def run() -> None:
        bad, good = await Stub(says(0x8185)).udp(), await Stub().udp()
        spelled = (f"127.0.0.1:{bad.port}", f"127.0.0.1:{good.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy="ordered"))
        for number in range(10):
            assert await ask(upstreams, f"n{number}.example", *spelled) == right(f"n{number}.example")
        assert len(bad.seen) == 3
        await upstreams.close()
        await asyncio.gather(bad.stop(), good.stop())

    asyncio.run(run())


def test_nxdomain_is_an_answer() -> None:
    async def run() -> None:
        stub, other = await Stub(says(0x8183)).udp(), await Stub().udp()
        spelled = (f"127.0.0.1:{stub.port}", f"127.0.0.1:{other.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy="ordered"))
        assert await ask(upstreams, "a.example", *spelled) == bare(query("a.example"), 0x8183)
        assert other.seen == []
        await upstreams.close()
        await asyncio.gather(stub.stop(), other.stop())

    asyncio.run(run())


def test_a_lie_before_the_truth_is_not_believed() -> None:
    def lie_first(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        lies = [wrong_id(wire, ""), wrong_question(wire, ""), garbage(wire, "udp"), [(0, b"")]]
        return [each for several in lies for each in several] + [(0.03, answer(wire))]

    async def run() -> None:
        stub = await Stub(lie_first).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        assert await ask(upstreams, "a.example", spelled) == right("a.example")
        assert len(stub.seen) == 1
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_an_answer_from_another_address_is_dropped() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        stub = await Stub(silent).udp()
        forger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))

        def forged(wire: bytes, _: str) -> list[tuple[float, bytes]]:
            forger.sendto(answer(wire, address="192.0.2.66"), stub.seen[-1][2])
            return [(0.05, answer(wire))]

        stub.behave = forged
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        assert await ask(upstreams, "a.example", spelled) == right("a.example")
        await upstreams.close()
        forger.close()
        await stub.stop()

    asyncio.run(run())


def test_ids_ports_and_letters_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        stub = await Stub().udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        for number in range(100):
            await ask(upstreams, f"a-name-of-many-letters-{number}.example", spelled)
        assert len({wire[:2] for _, wire, _ in stub.seen}) > 90
        assert len({wire[12:30] for _, wire, _ in stub.seen}) > 90
        ports = Counter(where for _, _, where in stub.seen)
        assert len(ports) > 5
        assert max(ports.values()) <= upstream_udp.USES
        await upstreams.close()
        monkeypatch.setattr(upstream_udp, "AGE", 0.01)
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        for number in range(10):
            await ask(upstreams, f"another-{number}.example", spelled)
            await asyncio.sleep(0.02)
        after = Counter(where for _, _, where in stub.seen[100:])
        assert len(after) >= 9  # a port that is old is not used again
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def lowered(wire: bytes, _: str) -> list[tuple[float, bytes]]:
    end = wire.index(b"\0", 12)
    return [(0, answer(wire[:12] + wire[12:end].lower() + wire[end:]))]


def uppered(wire: bytes, transport: str) -> list[tuple[float, bytes]]:
    end = wire.index(b"\0", 12)
    return [(0, answer(wire[:12] + wire[12:end].upper() + wire[end:] if transport == "udp" else wire))]


@pytest.mark.parametrize(
    ("behave", "tcp", "asked"),
    [
        pytest.param(lowered, True, ["udp", "tcp", "udp", "udp"], id="its way: TCP for that answer, then without"),
        pytest.param(lowered, False, ["udp", "udp", "udp", "udp"], id="its way, and no TCP there"),
        pytest.param(uppered, True, ["udp", "tcp", "udp", "tcp", "udp", "tcp"], id="TCP keeps them: forged perhaps"),
    ],
)
def test_letters_in_another_case(behave: Behave, tcp: bool, asked: list[str]) -> None:
    async def run() -> None:
        stub = await (Stub(behave).both() if tcp else Stub(behave).udp())
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        for number in range(3):
            name = f"some-letters-that-can-be-turned-{number}.example"
            assert await ask(upstreams, name, spelled) == right(name)
        assert [kind for kind, _, _ in stub.seen] == asked
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("tcp", [True, False], ids=["by TCP then", "no TCP there: what there is"])
def test_a_cut_answer(tcp: bool) -> None:
    def cut(wire: bytes, transport: str) -> list[tuple[float, bytes]]:
        return [(0, bare(wire, 0x8380) if transport == "udp" else answer(wire))]

    async def run() -> None:
        stub = await (Stub(cut).both() if tcp else Stub(cut).udp())
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        expected = right("a.example") if tcp else bare(query("a.example"), 0x8380)
        assert await ask(upstreams, "a.example", spelled) == expected
        assert state_of(upstreams, spelled).healthy
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_an_upstream_that_does_not_know_edns() -> None:
    def old(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [(0, bare(wire, 0x8181) if wire[11] else answer(wire))]

    async def run() -> None:
        stub = await Stub(old).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        for name in ("a.example", "b.example"):
            plain = query(name)
            wire = plain[:11] + b"\1" + plain[12:] + b"\0\0\x29\4\xd0" + bytes(6)
            assert await upstreams.ask(Forward((wire,), wire, (spelled,), Client("::1"))) == answer(plain)
        assert [wire[11] for _, wire, _ in stub.seen] == [1, 0, 0]
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_five_in_a_hundred_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch, 0.1)
    chance = random.Random(7)

    def lossy(wire: bytes, _: str) -> list[tuple[float, bytes]]:
        return [] if chance.random() < 0.0975 else [(0, answer(wire))]  # 5 % each way

    async def run() -> None:
        stub = await Stub(lossy).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        names = [f"n{number}.example" for number in range(200)]
        for at in range(0, len(names), 50):
            found = await asyncio.gather(*(ask(upstreams, name, spelled) for name in names[at : at + 50]))
            assert found == [right(name) for name in names[at : at + 50]]
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_dead_then_back(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        stub, other = await Stub().both(), await Stub(late(0.02)).udp()
        spelled = (f"{'tcp://' if transport == 'tcp' else ''}127.0.0.1:{stub.port}", f"127.0.0.1:{other.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled, strategy="ordered"))
        assert await ask(upstreams, "before.example", *spelled) == right("before.example")
        await stub.stop()
        for number in range(5):
            assert await ask(upstreams, f"n{number}.example", *spelled) == right(f"n{number}.example")
        assert not state_of(upstreams, spelled[0]).healthy
        back = Stub()
        await back.udp(stub.port)
        await back.tcp(stub.port)
        await asyncio.sleep(1.1)  # the first back-off
        assert await ask(upstreams, "after.example", *spelled) == right("after.example")
        await asyncio.sleep(0.05)
        assert state_of(upstreams, spelled[0]).healthy
        before = len(other.seen)
        assert await ask(upstreams, "last.example", *spelled) == right("last.example")
        assert len(other.seen) == before
        await upstreams.close()
        await asyncio.gather(back.stop(), other.stop())

    asyncio.run(run())


def test_a_lone_upstream_in_back_off_is_tried_all_the_same() -> None:
    async def run() -> None:
        stub = await Stub().udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        await stub.stop()
        for number in range(5):
            assert await ask(upstreams, f"n{number}.example", spelled) is None
        back = await Stub().udp(stub.port)
        assert await ask(upstreams, "a.example", spelled) == right("a.example")
        await upstreams.close()
        await back.stop()

    asyncio.run(run())


def test_equal_questions_are_asked_once() -> None:
    async def run() -> None:
        stub = await Stub(late(0.05)).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        waiting = [asyncio.ensure_future(upstreams.ask(forward("a.example", spelled))) for _ in range(20)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()  # who asked first goes away; the others get theirs
        assert await asyncio.gather(*waiting[1:]) == [right("a.example")] * 19
        assert len(stub.seen) == 1
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_a_flood_is_refused_beyond_what_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.io.upstreams.WAITING", 10)

    async def run() -> None:
        stub = await Stub(late(0.1)).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        found = await asyncio.gather(*(ask(upstreams, f"n{each}.example", spelled) for each in range(30)))
        assert [each == UNASKED for each in found] == [False] * 10 + [True] * 20
        assert upstreams.refused == 20
        assert await ask(upstreams, "again.example", spelled) == right("again.example")
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_a_flood_of_what_nobody_answers_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """One client asks for names whose servers are silent; the others get their answers all the same."""
    monkeypatch.setattr("blockctl.io.upstreams.WAITING", 10)
    monkeypatch.setattr("blockctl.io.upstreams.LONG", 0.1)

    def most_are_silent(query: bytes, transport: str) -> list[tuple[float, bytes]]:
        return silent(query, transport) if b"hole" in query.lower() else honest(query, transport)

    async def run() -> None:
        stub = await Stub(most_are_silent).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        flood = [asyncio.create_task(ask(upstreams, f"n{each}.hole.example", spelled)) for each in range(10)]
        await asyncio.sleep(0.15)
        for each in range(5):
            assert await ask(upstreams, f"w{each}.example", spelled) == right(f"w{each}.example")
        assert upstreams.refused == 0
        assert {each.result() for each in flood if each.done()} == {UNASKED}
        assert sum(each.done() for each in flood) in range(1, 6)
        await upstreams.close()
        await stub.stop()
        await asyncio.gather(*flood)

    asyncio.run(run())


def test_file_descriptors_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        stub = await Stub(late(0.05)).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        real, made = socket.socket, []

        def scarce(*arguments: int) -> socket.socket:
            if len(made) >= 3:
                raise OSError(24, "Too many open files")
            made.append(1)
            return real(*arguments)

        await ask(upstreams, "first.example", spelled)
        monkeypatch.setattr("blockctl.io.upstream_udp.socket.socket", scarce)
        found = await asyncio.gather(*(ask(upstreams, f"n{each}.example", spelled) for each in range(30)))
        assert found == [right(f"n{each}.example") for each in range(30)]
        monkeypatch.setattr(upstream_udp, "AGE", -1.0)
        await asyncio.sleep(1.1)  # the sockets that are open are too old
        assert await ask(upstreams, "none.example", spelled) is None
        assert state_of(upstreams, spelled).healthy  # it is not to blame
        monkeypatch.undo()
        assert await ask(upstreams, "last.example", spelled) == right("last.example")
        await upstreams.close()
        await stub.stop()

    asyncio.run(run())


def test_a_policy_with_an_upstream_that_cannot_be_read() -> None:
    async def run() -> None:
        with pytest.raises(BlockctlError, match="HTTP/3"):
            Upstreams(Resolver(upstreams=("h3://dns.example",)))

    asyncio.run(run())


def test_following_the_policy_keeps_what_goes_on_and_ends_the_rest() -> None:
    async def run() -> None:
        one, two = await Stub().tcp(), await Stub().tcp()
        spelled = (f"tcp://127.0.0.1:{one.port}", f"tcp://127.0.0.1:{two.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled))
        for each in spelled:
            await ask(upstreams, f"a{each[-3:]}.example", each)
        upstreams.follow(Resolver(upstreams=spelled[1:]))
        assert [each.upstream for each in upstreams.state()] == [spelled[1]]
        await ask(upstreams, "b.example", spelled[1])
        assert two.connections == 1
        await upstreams.close()
        await asyncio.gather(one.stop(), two.stop())

    asyncio.run(run())


def test_a_burst_leaves_few_sockets_open() -> None:
    async def run() -> None:
        stub = await Stub(late(0.05)).udp()
        spelled = f"127.0.0.1:{stub.port}"
        upstreams = Upstreams(Resolver(upstreams=(spelled,)))
        before = descriptors()
        found = await asyncio.gather(*(ask(upstreams, f"n{each}.example", spelled) for each in range(150)))
        assert None not in found
        assert descriptors() <= before + upstream_udp.IDLE + 1
        await upstreams.close()
        assert descriptors() <= before
        await stub.stop()

    asyncio.run(run())


def test_closing_tells_who_waits() -> None:
    async def run() -> None:
        stub = await Stub(silent).both()
        spelled = (f"127.0.0.1:{stub.port}", f"tcp://127.0.0.1:{stub.port}")
        upstreams = Upstreams(Resolver(upstreams=spelled))
        waiting = [asyncio.ensure_future(ask(upstreams, f"n{each}.example", *spelled)) for each in range(5)]
        await asyncio.sleep(0.05)
        await upstreams.close()
        assert await asyncio.gather(*waiting) == [None] * 5
        await stub.stop()

    asyncio.run(run())
