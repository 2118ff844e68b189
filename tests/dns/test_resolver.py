"""The resolver as a whole: any octets at all, what the packet cache may repeat, and that the hot path says the same."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns.cache import Cache
from blockctl.dns.exchange import ALLOWED, UNASKED, Client, Forward, Outcome, Reply, Transport, Verdict
from blockctl.dns.fast import Fast
from blockctl.dns.groups import Groups
from blockctl.dns.inspect import links, read_service
from blockctl.dns.local import Local
from blockctl.dns.reasons import allow_command, blocked, shortened
from blockctl.dns.resolver import Resolver
from blockctl.dns.types import type_number
from blockctl.dns.wire import MalformedMessage, Question, Record, name_wire, read_message
from blockctl.model.policy import Policy
from blockctl.model.policy import Resolver as Settings
from tests.dns.messages import query, rdata, response
from tests.dns.ruleworlds import rules
from tests.dns.worlds import BLOCKED, TCP, UDP, resolver

SEEDS = [
    query("www.example"),
    query("www.example", "HTTPS", size=1232),
    query(f"x.{BLOCKED}", "A", size=4096, do=1),
    query("why.www.example.blockctl", "TXT", size=512),
    query("localhost", "AAAA"),
    query("1.0.0.127.in-addr.arpa", "PTR", pad=1),
    query("www.example", "A", version=1),
    response(query("www.example"), answer=["www.example 60 CNAME a.example", "a.example 60 A 192.0.2.1"]),
    response(query("www.example", "HTTPS"), answer=["www.example 60 HTTPS 1 svc.example alpn=h2 ipv4hint=192.0.2.1"]),
    response(query("gone.example"), 3, authority=["example 60 SOA ns.example root.example 1 2 3 4 5"], ede=6),
    response(query("x.old.example"), answer=["old.example 60 DNAME new.example", "x.new.example 60 A 192.0.2.1"]),
]
CLIENTS = [UDP, TCP, Client("2001:db8::5", Transport.DOH, "ipad")]


def mutated(random: Random, wire: bytes) -> bytes:
    """Return a message with a few octets changed, cut, doubled or put in."""
    made = bytearray(wire)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(made) + 1)
        match random.randrange(5):
            case 0 if at < len(made):
                made[at] = random.randrange(256)
            case 1:
                del made[at:]
            case 2:
                made[at:at] = random.randbytes(random.randint(1, 8))
            case 3:
                made[at:at] = made[random.randrange(len(made) + 1) :][:24]
            case 4 if at < len(made):
                made[at] ^= 1 << random.randrange(8)
    return bytes(made)


def checked(step: Reply | Forward | None, wire: bytes, client: Client) -> None:
    if isinstance(step, Reply):
        assert step.wire[:2] == wire[:2]
        message = read_message(step.wire)
        assert message.flags & 0x8040 == 0x8000
        assert len(step.wire) <= (1232 if client.transport is Transport.UDP else 65535)
        assert message.question is None or message.question.wire == wire[12 : 12 + len(message.question.wire)]
        assert all(12 <= at <= len(step.wire) - 4 for at in step.ttls)
        assert step.keep >= 0


def answered(server, wire: bytes, client: Client, upstreams: list[bytes | None]) -> None:  # type: ignore[no-untyped-def]
    """Put any octets to the resolver, and give any octets to what it asks."""
    step = server.answer(wire, client, 0.0)
    checked(step, wire, client)
    for spoken in upstreams:
        if not isinstance(step, Forward):
            return
        step = server.finish(step, spoken, 1.0)
        checked(step, wire, client)


@settings(deadline=None)
@given(st.binary(max_size=600), st.sampled_from(CLIENTS))
def test_any_octets(wire: bytes, client: Client) -> None:
    answered(resolver(), wire, client, [None])


def test_mutated_messages() -> None:
    """A taste of the run of millions (`python -m tests.fuzz`)."""
    random = Random(20261121)
    server = resolver(Settings(upstreams=("192.0.2.53",), dns64="64:ff9b::/96", cache_size=50_000))
    for _ in range(4000):
        wire, client = mutated(random, random.choice(SEEDS)), random.choice(CLIENTS)
        spoken = [mutated(random, random.choice(SEEDS)) for _ in range(3)]
        step = server.answer(wire, client, 0.0)
        if isinstance(step, Forward):  # an answer to this very question, then broken
            good = response(step.wire, answer=["www.example 60 CNAME a.example", "a.example 60 A 192.0.2.1"])
            spoken.insert(0, random.choice((good, mutated(random, good))))
        answered(server, wire, client, [*spoken, None])


@settings(deadline=None)
@given(st.integers(0, 2**16 - 1), st.text("aB-c", min_size=1, max_size=20), st.sampled_from(["A", "AAAA", "TXT"]))
def test_ids_and_capitals_are_the_clients(ident: int, label: str, kind: str) -> None:
    server = resolver()
    for name in (f"{label}.example", f"{label}.{BLOCKED}", f"{label}.LocalHost", f"why.{label}.BlockCtl"):
        asked = query(name, kind, id=ident)
        step = server.answer(asked, UDP, 0.0)
        if isinstance(step, Forward):
            assert step.wire[12:].startswith(name_wire(name).lower())
            step = server.finish(
                step, response(step.wire, answer=[f"{name.lower()} 60 A 192.0.2.1"][: kind == "A"]), 0.0
            )
        assert isinstance(step, Reply)
        assert step.wire[:2] == asked[:2]
        assert step.wire[12 : len(asked)] == asked[12:]


@pytest.mark.parametrize("mode", ["nxdomain", "nodata", "null", "refused"])
def test_the_hot_path_says_the_same(mode: str) -> None:
    """Octet by octet, where it says anything: names, types, classes and flags of all kinds."""
    said = Settings(upstreams=("192.0.2.53",), answer=mode)
    found = rules(Policy("policy", resolver=said), "||ads.example^\n||exact.example^\n@@||free.ads.example^\n")
    slow = Resolver(said, lambda client: found, Cache(10_000, 0.0), Local(said), Groups(said))
    fast = Fast(found, mode)
    random, answered = Random(7), 0
    names = (
        "ads.example",
        "X.aDs.ExAmPlE",
        "free.ads.example",
        "xads.example",
        r"a\.b.ads.example",
        "exact.example",
        "",
    )
    for _ in range(2000):
        flags = {"rd": random.randrange(2), "ad": random.randrange(2), "cd": random.randrange(2)}
        kind = random.choice(("A", "AAAA", "HTTPS", "TXT", "TYPE65", "TYPE16449", "NS", "DS", "ANY", "TYPE65280"))
        asked = query(
            random.choice(names), kind, id=random.randrange(65536), klass=random.choice((1, 1, 1, 3)), **flags
        )
        if random.randrange(4) == 0:
            asked = mutated(random, asked)
        answer = fast.answer(asked, 0.0)
        if answer is not None:
            answered += 1
            step = slow.answer(asked, UDP, 0.0)
            assert isinstance(step, Reply)
            assert answer == step.wire
    assert answered > 300


@pytest.mark.parametrize("kind", ["A", "AAAA", "HTTPS", "TXT", "TYPE65280"])
@pytest.mark.parametrize("mode", ["nxdomain", "nodata", "null", "refused"])
def test_a_blocked_answer_has_no_ttl_to_lower(mode: str, kind: str) -> None:
    """It may be repeated for longer than it lives with the client: only the policy ends it."""
    server = resolver(Settings(upstreams=("192.0.2.53",), answer=mode))
    step = server.answer(query(BLOCKED, kind, size=1232), UDP, 0.0)
    assert isinstance(step, Reply)
    assert (step.ttls, step.keep) == ((), 300.0)
    number = type_number(kind)
    assert number is not None
    rcode, sections = blocked(Question(name_wire(BLOCKED), name_wire(BLOCKED), number, 1), mode)
    assert read_message(step.wire).rcode == rcode
    assert len(read_message(step.wire).answer) == sections.answers


def test_what_the_packet_cache_repeats_would_be_answered_anew() -> None:
    """Within `keep` seconds, lowering the TTLs at `ttls` gives what the resolver itself gives then."""
    server = resolver()
    asked = query("www.example", "A", size=1232)
    step = server.answer(asked, UDP, 0.0)
    assert isinstance(step, Forward)
    first = server.finish(
        step, response(step.wire, answer=["www.example 60 A 192.0.2.1", "www.example 90 A 192.0.2.2"]), 0.0
    )
    assert isinstance(first, Reply)
    assert first.keep == 54.0
    for now in (0.0, 1.0, 17.0, 53.0):
        again = server.answer(asked, UDP, now)
        assert isinstance(again, Reply)
        lowered = bytearray(first.wire)
        for at in first.ttls:
            lowered[at : at + 4] = (int.from_bytes(lowered[at : at + 4], "big") - int(now)).to_bytes(4, "big")
        assert again.wire == bytes(lowered)


def test_equal_questions_are_asked_once() -> None:
    """Two that wait for the same have one key; other flags, or another resolver to ask, make another."""
    server = resolver(Settings(upstreams=("192.0.2.53",), forward={"corp.example": ("10.0.0.1",)}))
    asked = [
        query("www.example"),
        query("WWW.Example", id=9, size=512),
        query("www.example", do=1),
        query("www.example", cd=1),
        query("www.example", "AAAA"),
        query("www.corp.example"),
    ]
    steps = [server.answer(each, UDP, 0.0) for each in asked]
    keys = [step.key for step in steps if isinstance(step, Forward)]
    assert len(keys) == 6
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


def test_a_late_answer_is_kept_though_nobody_waits() -> None:
    server = resolver()
    step = server.answer(query("www.example"), UDP, 0.0)
    assert isinstance(step, Forward)
    assert server.stale(step, 1.8) is None, "nothing is known yet"
    server.finish(step, response(step.wire, answer=["www.example 60 A 192.0.2.1"]), 0.0)
    late = server.answer(query("www.example"), UDP, 100.0)
    assert isinstance(late, Forward)
    stale = server.stale(late, 101.8)
    assert stale is not None
    assert stale.outcome is Outcome.STALE
    server.finish(late, response(late.wire, answer=["www.example 60 A 192.0.2.9"]), 104.0)
    fresh = server.answer(query("www.example"), UDP, 105.0)
    assert isinstance(fresh, Reply)
    assert fresh.outcome is Outcome.CACHED
    assert read_message(fresh.wire).answer[0].rdata == bytes((192, 0, 2, 9))


def test_what_upstreams_were_not_asked_is_no_failure_of_theirs() -> None:
    server = resolver()
    first = server.answer(query("www.example", size=1232), UDP, 0.0)
    assert isinstance(first, Forward)
    refused = server.finish(first, UNASKED, 0.0)
    assert isinstance(refused, Reply)
    assert (refused.outcome, refused.wire[3] & 15, refused.keep) == (Outcome.FAILED, 2, 0.0)
    assert b"too many questions wait" in refused.wire
    again = server.answer(query("www.example"), UDP, 0.1)
    assert isinstance(again, Forward), "it is asked for at once"
    server.finish(again, response(again.wire, answer=["www.example 60 A 192.0.2.1"]), 0.1)
    late = server.answer(query("www.example"), UDP, 100.0)
    assert isinstance(late, Forward)
    stale = server.finish(late, UNASKED, 100.0)
    assert isinstance(stale, Reply)
    assert stale.outcome is Outcome.STALE
    assert isinstance(server.answer(query("www.example"), UDP, 102.0), Forward), "nobody is kept from asking"


def test_what_no_message_holds_is_a_failure() -> None:
    """Thousands of IPv4 addresses fit in a message, as IPv6 addresses they do not."""
    server = resolver(Settings(upstreams=("192.0.2.53",), dns64="2001:db8:64::/96"))
    asked = query("many.example", "AAAA", size=1232)
    step = server.answer(asked, TCP, 0.0)
    assert isinstance(step, Forward)
    step = server.finish(step, response(step.wire), 0.0)
    assert isinstance(step, Forward)
    many = b"".join(
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + number.to_bytes(4, "big") for number in range(1 << 31, (1 << 31) + 3500)
    )
    head = response(step.wire)[:6] + (3500).to_bytes(2, "big") + bytes(4) + step.wire[12:-11]
    reply = server.finish(step, head + many, 0.0)
    assert isinstance(reply, Reply)
    assert read_message(reply.wire).rcode == 2
    assert reply.outcome is Outcome.FAILED
    assert b"too long for a message" in reply.wire


def test_memory_stays_within_its_bound() -> None:
    settings_ = Settings(upstreams=("192.0.2.53",), cache_size=64_000)
    cache = Cache(settings_.cache_size, settings_.stale)
    server = resolver(settings_, cache)
    for number in range(3000):
        step = server.answer(query(f"n{number}.example"), UDP, float(number))
        assert isinstance(step, Forward)
        answer = [f"n{number}.example 60 A 192.0.2.1"]
        server.finish(step, response(step.wire, answer=answer) if number % 3 else None, float(number))
        assert cache.bytes <= 64_000
    assert 50 < len(cache) < 200


@pytest.mark.parametrize(
    ("kind", "data", "found"),
    [
        pytest.param("CNAME", "Ads.Example", [("cname", "ads.example")], id="alias"),
        pytest.param("HTTPS", "0 ads.example", [("https", "ads.example")], id="alias mode"),
        pytest.param("HTTPS", "1 ads.example alpn=h2", [("https", "ads.example")], id="service mode"),
        pytest.param("SVCB", "1 ads.example", [("https", "ads.example")], id="SVCB"),
        pytest.param("HTTPS", "1 . alpn=h2", [], id="the owner itself"),
        pytest.param("CNAME", "www.example", [], id="the name asked for"),
        pytest.param("NS", "ads.example", [], id="servers are not led to"),
    ],
)
def test_links(kind: str, data: str, found: list[tuple[str, str]]) -> None:
    number = type_number(kind)
    assert number is not None
    name = name_wire("www.example")
    answer = [Record(name, number, 1, 60, rdata(kind, data))] * 2
    assert list(links(Question(name, name, number, 1), answer)) == [(via, name_wire(each)) for via, each in found]


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_any_service_is_read_or_malformed(data: bytes) -> None:
    try:
        target, parameters = read_service(data)
    except MalformedMessage:
        return
    told = b"".join(key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in parameters)
    assert data[2:] == target + told


@pytest.mark.parametrize(
    "name", ["a.example; rm -rf x", "$(reboot).example", "a'b.example", "-x.example", r"a\032b", ""]
)
def test_no_command_holds_more_than_a_name(name: str) -> None:
    """What is shown may be copied into a shell, and anybody can ask for any name."""
    assert allow_command(name) == "no command can name it"
    assert allow_command("ads_x.a-b.example") == "blockctl allow ads_x.a-b.example --for 1h"


def test_shortened() -> None:
    assert shortened("a\x1b[31m\nb") == "a [31m b"
    assert len(shortened("x" * 500)) == len(shortened("y" * 500, from_the_end=True)) == 80


@pytest.mark.parametrize("target", ["localhost", "nas.home.arpa", "pc.lan"])
def test_a_strangers_alias_leads_to_nothing_in_the_house(target: str) -> None:
    """Not to our own records, nor into a zone that is forwarded inwards: a browser sees the first name alone."""
    settings_ = Settings(
        upstreams=("192.0.2.53",), forward={"lan": ("192.168.1.1",)}, records={"nas.home.arpa": ("192.168.1.9",)}
    )
    for name, blocked_ in (("evil.example", True), ("www.lan", False)):
        server = resolver(settings_)
        step = server.answer(query(name), UDP, 0.0)
        assert isinstance(step, Forward)
        step = server.finish(step, response(step.wire, answer=[f"{name} 60 CNAME {target}"]), 0.0)
        if isinstance(step, Forward):
            step = server.finish(step, response(step.wire, answer=[f"{target} 60 A 192.168.1.77"]), 0.0)
        assert isinstance(step, Reply)
        assert (step.outcome is Outcome.BLOCKED) == blocked_


def test_what_was_asked_under_another_policy_is_judged_by_this_one() -> None:
    """Or it would be kept on the hot path, and be let through for as long as its time lasts."""
    settings_ = Settings(upstreams=("192.0.2.53",))
    cache = Cache(settings_.cache_size, settings_.stale)
    before = Resolver(settings_, lambda _: Everything(), cache, Local(settings_), Groups(settings_))
    after = resolver(settings_, cache)
    for name, outcome in ((f"www.{BLOCKED}", Outcome.BLOCKED), ("www.example", Outcome.CACHED)):
        step = before.answer(query(name), UDP, 0.0)
        assert isinstance(step, Forward)
        done = after.finish(step, response(step.wire, answer=[f"{name} 60 A 192.0.2.1"]), 0.1)
        assert isinstance(done, Reply)
        assert done.outcome is outcome
        late = after.stale(step, 100.0)
        assert late is not None
        assert late.outcome is (Outcome.STALE if outcome is Outcome.CACHED else outcome)


class Everything:
    """Nothing is blocked."""

    by_client = False

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        return ALLOWED

    def address_verdict(self, address: str) -> Verdict:
        return ALLOWED
