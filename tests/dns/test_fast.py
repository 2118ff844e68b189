"""The hot path: that it answers byte for byte as the resolver does, and what it keeps."""

from __future__ import annotations

import mmap
from collections.abc import Hashable
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns.batch import SLOT, Batch, Seat
from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client, Outcome, Reply
from blockctl.dns.fast import MAX_QUERY, Fast
from blockctl.dns.groups import Groups
from blockctl.dns.local import Local
from blockctl.dns.resolver import Resolver
from blockctl.dns.rules import Rules
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import HostEntry, Policy
from blockctl.model.policy import Resolver as Settings
from tests.dns.messages import query, response
from tests.dns.ruleworlds import rules, wire

LONG = ".".join(["l" * 60] * 3) + ".example"
LIST = f"""\
||ads.example^
|exact.example^
||deep.tracker.example^
@@||free.ads.example^
||x.y.records.example^
||denied.example^
||allowed-above.example^
||{LONG}^
"""
LISTED = ["ads.example", "exact.example", "deep.tracker.example", "free.ads.example", "x.y.records.example",
          "denied.example", "allowed-above.example", LONG]  # fmt: skip
MODES = ("nxdomain", "nodata", "null", "refused")
HERE = "192.0.2.50"
HOSTS = {
    host: HostEntry(host, allow, Origin("policy", 1))
    for host, allow in {"denied.example": False, "example.net": False, "www.allowed-above.example": True}.items()
}


class World:
    """The hot path and the resolver under one policy."""

    def __init__(self, mode: str) -> None:
        said = Settings(answer=mode, upstreams=("192.0.2.53",), records={"y.records.example": ("192.0.2.1",)})
        policy = Policy("policy", hosts=HOSTS, resolver=said)
        self.rules: Rules = rules(policy, LIST)
        local = Local(said)
        self.fast = Fast(self.rules, mode, local.names)
        cache = Cache(said.cache_size, said.stale)
        self.resolver = Resolver(said, lambda client: self.rules, cache, local, Groups(said))

    def hot(self, asked: bytes) -> bytes | None:
        return one(self.fast, asked)

    def slow(self, asked: bytes) -> object:
        return self.resolver.answer(asked, Client(HERE), 1000.0)


@cache
def world(mode: str) -> World:
    return World(mode)


def one(fast: Fast, asked: bytes, now: float = 1000.0) -> bytes | None:
    """Return the answer of the hot path to one datagram."""
    memory = mmap.mmap(-1, SLOT)
    memory[: len(asked)] = asked
    batch = Batch(memory, lambda client: Seat(HERE, fast))
    (size,) = batch.answer([len(asked)], [1], now)
    return memory[:size] if size else None


labels = st.sampled_from(
    ["www", "a", "xn--bcher-kva", "l" * 63, "a.b", "n\0l", "\xff", " ", "A" * 33, "ads", "example"]
)
names = st.tuples(
    st.lists(labels, max_size=5), st.sampled_from([*map(wire, LISTED), wire("example"), b"\0", b"", b"\5ads"])
)


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Whole queries, odd ones, and ones that are damaged."""
    above, below = draw(names)
    name = b"".join(bytes((len(label),)) + label.encode("latin-1") for label in above) + below
    if draw(st.booleans()):
        upper = Random(draw(st.integers(0, 99)))
        name = bytes(byte - 32 if 97 <= byte <= 122 and upper.random() < 0.5 else byte for byte in name)
    flags = draw(
        st.sampled_from([b"\1\0", b"\0\0", b"\1\x20", b"\1\x10", b"\0\x30"]) | st.binary(min_size=2, max_size=2)
    )
    counts = draw(
        st.sampled_from([b"\0\1" + bytes(6)] * 5 + [b"\0\1" + bytes(5) + b"\1", bytes(8), b"\0\2" + bytes(6)])
    )
    kind = draw(st.sampled_from([1, 28, 65, 64, 97, 5, 16, 255, 252, 41, 0, 6, 43, 65_000])).to_bytes(2, "big")
    klass = draw(st.sampled_from([b"\0\1"] * 6 + [b"\0\3", b"\0\xff", b"\1\0"]))
    more = draw(st.sampled_from([b""] * 5 + [b"\0\0\x29\4\xd0" + bytes(6), b"\0", b"junk", b"\0\0\1\0\1"]))
    made = bytearray(draw(st.binary(min_size=2, max_size=2)) + flags + counts + name + kind + klass + more)
    if draw(st.integers(0, 3)) == 0:
        made[draw(st.integers(0, len(made) - 1))] = draw(st.integers(0, 255))
    return bytes(made[: draw(st.none() | st.integers(0, len(made)))])


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=300)
@given(asked=queries())
def test_answers_as_the_resolver_does(mode: str, asked: bytes) -> None:
    it = world(mode)
    if (found := it.hot(asked)) is not None:
        said = it.slow(asked)
        assert isinstance(said, Reply)
        assert (found, said.outcome) == (said.wire, Outcome.BLOCKED)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["A", "AAAA", "HTTPS", "MX", "SOA"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ads.example", id="the entry itself"),
        pytest.param("a.b.c.ads.example", id="below it"),
        pytest.param("WwW.aDs.ExAmPlE", id="in any case"),
        pytest.param("exact.example", id="a name alone"),
        pytest.param(LISTED[-1], id="a long one"),
    ],
)
@pytest.mark.parametrize("flags", [{}, {"rd": 0}, {"ad": 1}, {"cd": 1}])
def test_blocked_names_are_answered_here(mode: str, kind: str, name: str, flags: dict[str, int]) -> None:
    it, asked = world(mode), query(name, kind, **flags)
    said = it.slow(asked)
    assert isinstance(said, Reply)
    assert it.hot(asked) == said.wire


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(query("example.com"), id="a name that nothing blocks"),
        pytest.param(query("free.ads.example"), id="excepted"),
        pytest.param(query("denied.example"), id="the user denies it: the reason is another"),
        pytest.param(query("www.allowed-above.example"), id="the user allows it"),
        pytest.param(query("x.y.records.example"), id="below a record of the policy"),
        pytest.param(query("www.example.net"), id="denied, in no list"),
        pytest.param(query("ads.example", "TXT"), id="by this type the resolver is asked why"),
        pytest.param(query("ads.example", "ANY"), id="any"),
        pytest.param(query("ads.example", klass=3), id="another class"),
        pytest.param(query("ads.example", size=1232), id="EDNS: an answer says why"),
        pytest.param(query("."), id="the root"),
        pytest.param(b"", id="nothing"),
        pytest.param(query("ads.example")[:-1], id="cut"),
        pytest.param(query("ads.example") + b"\0", id="more than a question"),
        pytest.param(
            query("ads.example")[:12] + (b"\x3f" + b"a" * 63) * 4 + query("ads.example")[12:],
            id="longer than a name may be",
        ),
        pytest.param(
            query("ads.example")[:12] + b"\x40" + b"a" * 64 + wire("ads.example") + b"\0\1\0\1", id="long label"
        ),
        pytest.param(query("ads.example").replace(b"\1\0\0\1", b"\x81\0\0\1"), id="an answer"),
        pytest.param(query("ads.example").replace(b"\1\0\0\1", b"\x21\0\0\1"), id="another opcode"),
    ],
)
def test_left_to_the_resolver(asked: bytes) -> None:
    assert world("nxdomain").hot(asked) is None


def test_nothing_is_blocked_here_where_more_than_names_decides() -> None:
    policy = Policy("policy")
    assert one(Fast(rules(policy, "||ads.example^"), "nxdomain"), query("ads.example")) is not None
    assert one(Fast(rules(policy, "||ads.example^\n@@/ads/"), "nxdomain"), query("ads.example")) is None


def test_nothing_is_blocked_here_in_a_pause() -> None:
    policy = Policy("policy", paused=True)
    assert one(Fast(rules(policy, "||ads.example^"), "nxdomain"), query("ads.example")) is None


ASKED = query("www.example", id=1)
ANSWER = response(ASKED, 0, ["www.example 300 A 192.0.2.1", "www.example 60 A 192.0.2.2"])
TTLS = (12 + 17 + 13 + 4, 12 + 17 + 13 + 10 + 4 + 13 + 4)


def kept(keep: float = 60.0, ttls: tuple[int, ...] = TTLS, most: int = 1 << 20) -> Fast:
    fast = Fast(rules(Policy("policy"), "||ads.example^"), "nxdomain", most=most)
    fast.keep(ASKED, Reply(ANSWER, Outcome.FORWARDED, None, keep, ttls), 1000.0)
    return fast


def ttls_of(answer: bytes | None) -> list[int]:
    assert answer is not None
    return [int.from_bytes(answer[at : at + 4], "big") for at in TTLS]


def test_the_ttls_of_the_example_stand_where_they_are_said_to() -> None:
    assert ttls_of(ANSWER) == [300, 60]


def test_an_answer_is_given_again_under_another_id() -> None:
    again = query("www.example", id=0xABCD)
    assert one(kept(), again) == b"\xab\xcd" + ANSWER[2:]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(query("wwW.example"), id="another case"),
        pytest.param(query("www.example", "AAAA"), id="another type"),
        pytest.param(query("www.example", rd=0), id="other flags"),
        pytest.param(query("www.example", size=1232), id="with EDNS"),
    ],
)
def test_other_bytes_are_another_question(asked: bytes) -> None:
    assert one(kept(), asked) is None


def test_ttls_are_lowered_second_by_second() -> None:
    fast = kept()
    seen = [ttls_of(one(fast, ASKED, 1000.0 + after)) for after in (0.0, 0.99, 1.0, 1.5, 7.25, 7.9, 59.99)]
    assert seen == [[300, 60], [300, 60], [299, 59], [299, 59], [293, 53], [293, 53], [241, 1]]
    assert one(fast, ASKED, 1060.0) is None


def test_an_answer_without_ttls_is_over_in_its_time_too() -> None:
    fast = kept(keep=2.5, ttls=())
    assert one(fast, ASKED, 1002.4) == ANSWER
    assert one(fast, ASKED, 1002.5) is None


def test_what_may_not_be_kept_is_not() -> None:
    assert not kept(keep=0.0).kept
    fast = kept()
    fast.clear()
    fast.keep(ASKED + bytes(MAX_QUERY), Reply(ANSWER, Outcome.FORWARDED, None, 60.0), 0.0)
    fast.keep(ASKED, Reply(ANSWER + bytes(1232), Outcome.FORWARDED, None, 60.0), 0.0)
    assert not fast.kept


def test_a_newer_answer_takes_the_place_of_an_older() -> None:
    fast = kept()
    newer = response(ASKED, 0, ["www.example 30 A 192.0.2.9"])
    fast.keep(ASKED, Reply(newer, Outcome.FORWARDED, None, 30.0), 1001.0)
    assert one(fast, ASKED, 1001.0) == newer


def test_room_is_bounded_and_what_is_asked_for_stays() -> None:
    fast = kept(keep=3600.0, most=60_000)
    for number in range(2000):
        asked = query(f"n{number}.example")
        now = 1000.0 + number / 10
        fast.keep(
            asked, Reply(response(asked, 0, [f"n{number}.example 3600 A 192.0.2.1"]), Outcome.CACHED, None, 3600.0), now
        )
        assert one(fast, ASKED, now) is not None
    size = sum(len(key) + len(entry.body) for key, entry in fast.kept.items())
    assert 20 < len(fast.kept) < 110
    assert size < 60_000
    for key in list(fast.kept):
        fast.keep(b"\0\0" + key, Reply(ANSWER, Outcome.CACHED, None, 3600.0), 1300.0)
    fast.clear()
    assert not fast.kept


class Table:
    """A batch over several clients."""

    def __init__(self, fast: Fast) -> None:
        self.memory = mmap.mmap(-1, 8 * SLOT)
        self.noted: list[tuple[object, ...]] = []
        self.fast = fast
        self.seated: list[Hashable] = []
        self.batch = Batch(self.memory, self.sit, self.noted.append)

    def sit(self, client: Hashable) -> Seat:
        self.seated.append(client)
        said = {"strange": b"\0\1refused", "flood": b""}.get(str(client), b"")
        judge = None if client in ("one", "two") else (lambda query, now: said)
        seat = self.batch.seats[client] = Seat(f"seat of {client}", self.fast, judge)
        return seat

    def serve(self, asked: list[tuple[str, bytes]]) -> list[bytes]:
        for slot, (_, wire_) in enumerate(asked):
            self.memory[slot * SLOT : slot * SLOT + len(wire_)] = wire_
        sizes = self.batch.answer([len(each) for _, each in asked], [client for client, _ in asked], 1000.5)
        return [self.memory[slot * SLOT : slot * SLOT + size] for slot, size in enumerate(sizes)]


def test_a_batch() -> None:
    fast = kept()
    table = Table(fast)
    ads, other = query("ads.example", id=2), query("other.example", id=3)
    answers = table.serve(
        [("one", ASKED), ("two", ads), ("two", other), ("strange", ads), ("flood", ads), ("one", ads)]
    )
    assert answers[0] == ANSWER
    assert answers[1] == answers[5] == one(fast, ads)
    assert answers[2] == answers[4] == b""
    assert answers[3] == ads[:2] + b"refused"
    assert table.batch.gaps == [2, 4]
    assert [(slot, seat.address) for slot, seat in table.batch.missed] == [(2, "seat of two")]
    assert table.seated == ["one", "two", "strange", "flood"]
    counts = {Outcome(number): count for number, count in enumerate(table.batch.counts) if count}
    assert counts == {Outcome.CACHED: 1, Outcome.BLOCKED: 2, Outcome.REFUSED: 2}
    assert table.noted[:2] == [
        (1000.5, "seat of one", ASKED[2:], Outcome.CACHED, None, 0.0),
        (1000.5, "seat of two", ads[2:], Outcome.BLOCKED, fast.rules, 0.0),
    ]
    assert table.serve([("one", ASKED)]) == [ANSWER]
    assert (table.batch.gaps, table.batch.missed) == ([], [])
