"""DNS messages as an input of the fuzzer: a query, then what upstreams answer to what the resolver asks."""

from __future__ import annotations

from blockctl.dns.exchange import Client, Forward, Reply, Transport
from blockctl.dns.local import Local
from blockctl.dns.resolver import Resolver
from blockctl.dns.wire import read_message
from blockctl.model.policy import Resolver as Settings
from tests.dns.worlds import resolver

CUT = b"\n%\n"
CLIENTS = (Client("192.0.2.50"), Client("192.0.2.50", Transport.TCP), Client("2001:db8::5", Transport.DOH, "ipad"))
SETTINGS = (
    Settings(upstreams=("192.0.2.53",), dns64="64:ff9b::/96"),
    Settings(upstreams=("192.0.2.53",), safe_search=True, answer="null", records={"nas.example": ("192.168.1.9",)}),
)
LOCALS = {id(settings): Local(settings) for settings in SETTINGS}


def message(data: bytes) -> None:
    """Put any octets to the resolver; whatever it answers is the answer to them, within size, and a message."""
    wire, *spoken = data.split(CUT)
    for client, settings in ((client, settings) for client in CLIENTS for settings in SETTINGS):
        server = resolver(settings, local=LOCALS[id(settings)])
        for now in (0.0, 30.0, 4000.0):  # anew, from the cache, past its time
            through(server, wire, client, [*spoken, None], now)


def through(server: Resolver, wire: bytes, client: Client, spoken: list[bytes | None], now: float) -> None:
    """Ask once, and answer what is asked of upstreams."""
    step = server.answer(wire, client, now)
    for each in spoken:
        if isinstance(step, Forward):
            step = server.finish(step, to_the_question(step.wire, each), now)
    if isinstance(step, Reply):
        check(step, wire, client)


def to_the_question(asked: bytes, answer: bytes | None) -> bytes | None:
    """Return octets as an answer to what was asked: what answers another question is turned away at once."""
    if answer is None or len(answer) < 12:
        return answer
    end = 12
    while asked[end]:
        end += 1 + asked[end]
    return asked[:2] + answer[2:12] + asked[12 : end + 5] + answer[12:]


def check(reply: Reply, wire: bytes, client: Client) -> None:
    """Hold a reply to what every reply has to be."""
    assert reply.wire[:2] == wire[:2]
    found = read_message(reply.wire)
    assert found.flags & 0x8040 == 0x8000
    assert len(reply.wire) <= (1232 if client.transport is Transport.UDP else 65535)
    assert found.question is None or found.question.wire == wire[12 : 12 + len(found.question.wire)]
    assert all(12 <= at <= len(reply.wire) - 4 for at in reply.ttls)
    assert reply.keep >= 0
