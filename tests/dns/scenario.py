"""Scenarios of the resolver as text: what the policy and the lists say, who asks, what upstreams answer, what comes.

A file holds scenarios, each under a line `## title`. A line is a word and what it says; lines indented below it
belong to it. `#` begins a comment.

    policy                   YAML below it, without `version`; may come again: the policy is edited
    list NAME                its lines below it; the policy names it in `lists`
    upstream NAME TYPE CODE [ad] [ede=N]      what upstreams answer from now on; records below it, `authority` before
    upstream NAME TYPE silent | slow | garbage
    time 2026-11-23 20:30    what the clock on the wall shows, for schedules
    passes 20s | 5m | 3h | 2d
    restart                  the cache is written and read again
    renew                    what the resolver wants to renew is asked
    query NAME TYPE [edns] [do] [cd] [ad] [norec] [tcp] [dot] [pad] [size=N] [class=N] [version=N]
                    [from=ADDRESS] [id=TEXT], all on one line
        CODE [outcome]       below a query, what is expected
        answer RECORD        each, in order; `empty` that there is none
        authority TEXT       begins so
        ede N TEXT           contains that text
        no ede
        flags tc ad          are set; `flags -ad` is not
        asked N              questions that went to upstreams since the query before
        via UPSTREAM         the last went there
        keep N               seconds for which it may be repeated
        octets N             of the whole answer, at most
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import dnslib

from blockctl.compiler import Compilation
from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client, Forward, Reply, Transport
from blockctl.dns.groups import Groups
from blockctl.dns.local import Local
from blockctl.dns.overlay import lay
from blockctl.dns.resolver import STALE_AFTER, Resolver
from blockctl.dns.rules import Lists, Rules
from blockctl.dns.wire import kind_text, name_text
from blockctl.model.filterlist import ListText
from blockctl.model.memory import RunMemory
from blockctl.policy.read import read_policy
from tests.dns.messages import CODES, NUMBERS, explanation, lines, query, response

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
START = 1000.0  # of the clock
WALL = 1_800_000_000.0
FLAGS = {"tc": 0x0200, "ad": 0x0020, "cd": 0x0010, "rd": 0x0100, "ra": 0x0080, "aa": 0x0400}


@dataclass(slots=True)
class Block:
    """A line of a scenario with what is indented below it."""

    line: int
    words: list[str]
    below: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scenario:
    title: str
    blocks: list[Block] = field(default_factory=list)


def read_scenarios(path: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file."""
    scenario: Scenario | None = None
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        if text.startswith("## "):
            if scenario:
                yield scenario
            scenario = Scenario(text[3:])
        elif scenario and text[:1] == " ":
            scenario.blocks[-1].below.append(text)
        elif scenario and text.strip() and not text.startswith("#"):
            scenario.blocks.append(Block(number, text.split()))
    if scenario:
        yield scenario


@dataclass(slots=True)
class Answer:
    """What an upstream says to one question."""

    code: str
    answer: list[str]
    authority: list[str]
    ad: int = 0
    ede: int = -1


class World:
    """The resolver, its clock and its upstreams."""

    def __init__(self) -> None:
        self.now = START
        self.wall = datetime(2026, 11, 23, 12, 0)
        self.policy = "version: 1\nresolver: {upstreams: ['9.9.9.9']}\n"
        self.lists: dict[str, str] = {}
        self.upstreams: dict[tuple[str, str], Answer] = {}
        self.asked: list[Forward] = []
        self.cache: Cache | None = None
        self.resolver: Resolver | None = None

    def run(self, scenario: Scenario) -> None:
        """Do all that a scenario says; AssertionError names the line where it comes otherwise."""
        for block in scenario.blocks:
            word, *rest = block.words
            step: Callable[[list[str], list[str]], None] = getattr(self, f"_{word}")
            try:
                step(rest, block.below)
            except AssertionError as error:
                raise AssertionError(f"line {block.line}, {' '.join(block.words)}: {error}") from error

    def _policy(self, _: list[str], below: list[str]) -> None:
        indent = min(len(line) - len(line.lstrip()) for line in below)
        self.policy = "version: 1\n" + "\n".join(line[indent:] for line in below) + "\n"
        if "resolver:" not in self.policy:
            self.policy += "resolver: {upstreams: ['9.9.9.9']}\n"
        self.resolver = None

    def _list(self, words: list[str], below: list[str]) -> None:
        self.lists[words[0]] = "".join(f"{line.strip()}\n" for line in below)
        self.resolver = None

    def _upstream(self, words: list[str], below: list[str]) -> None:
        name, kind, code, *said = words
        records = [line.strip() for line in below]
        authority = [line.removeprefix("authority ") for line in records if line.startswith("authority ")]
        found = Answer(code, [line for line in records if not line.startswith("authority ")], authority)
        for word in said:
            key, _, value = word.partition("=")
            setattr(found, key, int(value or 1))
        self.upstreams[name, kind] = found

    def _time(self, words: list[str], _: list[str]) -> None:
        self.wall = datetime.fromisoformat(" ".join(words))
        self.resolver = None

    def _passes(self, words: list[str], _: list[str]) -> None:
        match = re.fullmatch(r"([0-9.]+)([smhd])", words[0])
        assert match, words
        self.now += float(match[1]) * SECONDS[match[2]]

    def _restart(self, *_: object) -> None:
        assert self.cache is not None
        kept, before = self.cache.dump(self.now, WALL + self.now), self.cache
        self.cache = Cache(before.size, before.stale)
        offset, self.now = self.now, self.now + 500_000.0  # another machine start, another clock
        self.cache.load(kept, self.now, WALL + offset)
        self.resolver = None

    def _renew(self, *_: object) -> None:
        for forward in self._made().due(self.now):
            self._made().finish(forward, self._spoken(forward), self.now)

    def _query(self, words: list[str], below: list[str]) -> None:
        name, kind, *said = words
        told = dict(word.partition("=")[::2] for word in said)
        transport = Transport.TCP if "tcp" in told else Transport.DOT if "dot" in told else Transport.UDP
        client = Client(told.get("from", "127.0.0.1"), transport, told.get("id", ""))
        asked = query(name, kind, **_of_query(told))
        self.asked = []
        step = self._made().answer(asked, client, self.now)
        while isinstance(step, Forward):
            step = self._through(step)
        assert step is not None, "no answer"
        assert step.wire[:2] == asked[:2]
        check(step, [line.strip() for line in below], [forward.upstreams for forward in self.asked])

    def _through(self, forward: Forward) -> Reply | Forward:
        spoken = self._spoken(forward)
        if self._of(forward).code == "slow":
            self.now += STALE_AFTER
            stale = self._made().stale(forward, self.now)
            if stale is not None:
                return stale
        return self._made().finish(forward, spoken, self.now)

    def _of(self, forward: Forward) -> Answer:
        name, kind = name_text(forward.key[0]), kind_text(forward.key[1])
        for key in ((name, kind), (name, "*"), ("*", kind), ("*", "*")):
            if key in self.upstreams:
                return self.upstreams[key]
        return Answer("silent", [], [])

    def _spoken(self, forward: Forward) -> bytes | None:
        self.asked.append(forward)
        said = self._of(forward)
        if said.code in ("silent", "slow"):
            return None
        if said.code == "garbage":
            return b"\xff" * 40
        return response(forward.wire, NUMBERS[said.code], said.answer, said.authority, said.ad, said.ede)

    def _made(self) -> Resolver:
        if self.resolver is None:
            policy, faults = read_policy(self.policy, "policy.yaml")
            assert not faults, [str(fault) for fault in faults]
            settings = policy.resolver
            if self.cache is None:
                self.cache = Cache(settings.cache_size, settings.stale)
            texts = [ListText(each, each.name, data := self.lists[each.name].encode(), hashlib.sha256(data).hexdigest())
                     for each in policy.lists]  # fmt: skip
            run = Compilation(policy, texts, RunMemory())
            run.read()
            groups = Groups(settings)
            rules = {"": _rules(run, None, None, groups, self.wall)} | {
                name: _rules(run, group.lists, name, groups, self.wall) for name, group in settings.groups.items()
            }

            def rules_for(client: Client) -> Rules:
                group = groups.of(client)
                return rules[group.name if group else ""]

            self.resolver = Resolver(settings, rules_for, self.cache, Local(settings), groups)
        return self.resolver


def _rules(run: Compilation, lists: tuple[str, ...] | None, name: str | None, groups: Groups, wall: datetime) -> Rules:
    made = Lists(b"".join(run.resolver_rules(lists)))
    group = run.policy.resolver.groups[name] if name else None
    denied = groups.denied(group, wall) if group else ()
    return Rules(made, lay(run.policy, made.yields(run.policy), group, denied))


def _of_query(told: dict[str, str]) -> dict[str, int]:
    said = {key: 1 for key in ("do", "cd", "ad", "pad") if key in told}
    said |= {key: int(told[key]) for key in ("size", "version") if key in told}
    if "edns" in told:
        said.setdefault("size", 1232)
    if "norec" in told:
        said["rd"] = 0
    if "class" in told:
        said["klass"] = int(told["class"])
    return said


def check(reply: Reply, expected: list[str], asked: list[tuple[str, ...]]) -> None:
    """Hold a reply against what is expected below a query."""
    parsed = dnslib.DNSRecord.parse(reply.wire)
    flags = int.from_bytes(reply.wire[2:4], "big")
    opt = next((each for each in parsed.ar if each.rtype == 41), None)
    code = CODES[flags & 15 | (opt.ttl >> 24 << 4 if opt else 0)]
    notes = explanation(parsed)
    answers = [line.removeprefix("answer ") for line in expected if line.startswith("answer ")]
    if answers or "empty" in expected:
        assert (found := lines(parsed.rr)) == answers, found
    for line in expected:
        word, _, rest = line.partition(" ")
        if word in NUMBERS:
            assert (code, rest in ("", reply.outcome.name.lower())) == (word, True), (code, reply.outcome.name)
        elif word == "authority":
            assert any(found.startswith(rest) for found in lines(parsed.auth)), lines(parsed.auth)
        elif word == "ede":
            number, _, text = rest.partition(" ")
            assert any(found == int(number) and text in said for found, said in notes), notes
        elif word == "no":
            assert not notes, notes
        elif word == "flags":
            for flag in rest.split():
                assert bool(flags & FLAGS[flag.lstrip("-")]) != flag.startswith("-"), (flag, hex(flags))
        elif word == "asked":
            assert len(asked) == int(rest), asked
        elif word == "via":
            assert asked[-1] == (rest,), asked
        elif word == "keep":
            assert reply.keep == float(rest), reply.keep
        elif word == "octets":
            assert len(reply.wire) <= int(rest), len(reply.wire)
        else:
            assert word in ("answer", "empty"), f"what is {line!r}?"
