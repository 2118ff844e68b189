"""The resolver's section: what each spelling means, and that the other rooms read upstreams and words alike."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns.local import Local
from blockctl.dns.upstreams import parse_upstream
from blockctl.model.decide import own_names
from blockctl.model.diagnostic import Severity
from blockctl.model.listen import read_listen
from blockctl.model.policy import HostEntry, Policy, Resolver
from blockctl.policy import words
from blockctl.policy.endpoints import read_upstream
from blockctl.policy.measures import spell_seconds, spell_size
from blockctl.policy.read import has_errors, lapsed, read_policy
from blockctl.policy.wanted import NOWHERE

WHOLE = """\
version: 1
lists:
  - {name: starter, path: "builtin:starter"}
resolver:
  listen: ["127.0.0.1:5335", "tls://127.0.0.1:8853", "https://127.0.0.1:8443/dns-query"]
  upstreams: ["9.9.9.9", "tls://dns.quad9.net", "https://dns.quad9.net/dns-query"]
  strategy: ordered
  bootstrap: ["9.9.9.9", "[2620:fe::fe]:53"]
  forward: {corp.example: ["10.0.0.1"], 10.in-addr.arpa: ["tls://r.corp.example"]}
  answer: "null"
  yield: policy
  records: {NAS.home.arpa: ["192.168.1.9", "FD00:0::9"], tv.home.arpa: nas.home.arpa, "*.lab.example": 10.1.1.1}
  safe-search: on
  rebinding: off
  private: [plex.example]
  dns64: "64:ff9b:0::/96"
  cache: {size: 512kB, min-ttl: 30s, max-ttl: 1h30m, stale: off, prefetch: no}
  log: {level: anonymous, days: 7}
  access: [loopback, 192.168.7.0/24, "fd00::/8"]
  public: on
  rate: off
  workers: 2
  tls: {certificate: cert.pem, key: key.pem}
  metrics: 127.0.0.1:9335
  api: ["127.0.0.1:5380", "https://192.168.1.2:5380"]
  groups:
    kids:
      clients: ["192.168.1.20", "192.168.7.0/24", IPad]
      lists: [starter]
      blocking: off
      safe-search: on
      allow: [school.example]
      deny: [{host: video.example, until: 2026-12-01T12:00:00Z, note: until exams}]
      schedule:
        - {days: mon-fri, from: "20:00", to: "07:00", deny: [games.example]}
        - {days: [sat, sunday], from: 21:30, to: "24:00", deny: all}
    tv: {clients: [10.0.0.5], lists: []}
  refresh: off
"""


def read(text: str) -> Policy:
    policy, faults = read_policy(text, "p.yaml")
    assert [str(fault) for fault in faults] == []
    return policy


def section(text: str) -> Resolver:
    return read(f"version: 1\nresolver: {text}\n").resolver


def test_the_whole_section() -> None:
    found = read(WHOLE).resolver
    expected: dict[str, Any] = {
        "listen": ("127.0.0.1:5335", "tls://127.0.0.1:8853", "https://127.0.0.1:8443/dns-query"),
        "upstreams": ("9.9.9.9", "tls://dns.quad9.net", "https://dns.quad9.net/dns-query"),
        "strategy": "ordered",
        "bootstrap": ("9.9.9.9", "[2620:fe::fe]:53"),
        "forward": {"corp.example": ("10.0.0.1",), "10.in-addr.arpa": ("tls://r.corp.example",)},
        "answer": "null",
        "yield_all": False,
        "records": {
            "nas.home.arpa": ("192.168.1.9", "fd00::9"),
            "tv.home.arpa": ("nas.home.arpa",),
            "*.lab.example": ("10.1.1.1",),
        },
        "safe_search": True,
        "rebinding": False,
        "private": ("plex.example",),
        "dns64": "64:ff9b::/96",
        "cache_size": 512 << 10,
        "min_ttl": 30,
        "max_ttl": 5400,
        "stale": 0,
        "prefetch": False,
        "log": "anonymous",
        "log_days": 7,
        "refresh": False,
        "access": ("loopback", "192.168.7.0/24", "fd00::/8"),
        "public": True,
        "rate": 0,
        "workers": 2,
        "certificate": "cert.pem",
        "key": "key.pem",
        "metrics": "127.0.0.1:9335",
        "api": ("127.0.0.1:5380", "https://192.168.1.2:5380"),
    }
    assert {name: getattr(found, name) for name in expected} == expected
    assert {field.name for field in fields(Resolver)} == {*expected, "groups", "lines"}
    assert set(found.lines) == set(words.RESOLVER)
    assert str(found.lines["cache"]) == "p.yaml:17:3"


def test_groups() -> None:
    kids, tv = read(WHOLE).resolver.groups.values()
    assert (kids.name, kids.clients, kids.lists) == ("kids", ("192.168.1.20", "192.168.7.0/24", "ipad"), ("starter",))
    assert (kids.blocking, kids.safe_search, str(kids.origin)) == (False, True, "p.yaml:27:5")
    assert [(each.host, each.allow, each.note) for each in kids.hosts.values()] == [
        ("school.example", True, ""),
        ("video.example", False, "until exams"),
    ]
    assert [(sorted(each.days), each.start, each.end, each.deny) for each in kids.schedules] == [
        ([0, 1, 2, 3, 4], 20 * 60, 7 * 60, ("games.example",)),
        ([5, 6], 21 * 60 + 30, 0, ()),
    ]
    assert (tv.clients, tv.lists, tv.blocking, tv.safe_search, tv.schedules) == (("10.0.0.5",), (), True, None, ())


def test_nothing_said_is_the_default() -> None:
    assert section("{}") == Resolver()
    empty = "{groups: , records: , forward: , cache: , upstreams: [], private: , bootstrap: []}"
    assert replace(section(empty), lines={}) == Resolver()


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param("mon", [0], id="one"),
        pytest.param("sat-sun", [5, 6], id="range"),
        pytest.param("fri-mon", [0, 4, 5, 6], id="over the weekend"),
        pytest.param("[Mon, wednesday]", [0, 2], id="list, capitals, long"),
        pytest.param("daily", [0, 1, 2, 3, 4, 5, 6], id="daily"),
        pytest.param("mon-mon", [0], id="from a day to itself"),
    ],
)
def test_days(days: str, expected: list[int]) -> None:
    found = section(f"{{groups: {{kids: {{clients: [ipad], schedule: [{{days: {days}, deny: all}}]}}}}}}")
    (schedule,) = found.groups["kids"].schedules
    assert sorted(schedule.days) == expected
    assert (schedule.start, schedule.end, schedule.deny) == (0, 0, ())


def test_a_schedule_without_days_is_daily() -> None:
    found = section('{groups: {kids: {clients: [ipad], schedule: [{from: "8:05", to: "9:00", deny: [a.example]}]}}}')
    (schedule,) = found.groups["kids"].schedules
    assert (len(schedule.days), schedule.start, schedule.end) == (7, 485, 540)


UPSTREAMS = (
    "9.9.9.9", "9.9.9.9:5353", "2620:fe::fe", "[2620:fe::fe]:53", "udp://9.9.9.9", "tcp://9.9.9.9:53",
    "tls://dns.quad9.net", "tls://9.9.9.9#dns.quad9.net", "TLS://[2620:fe::fe]:853", "https://dns.quad9.net/dns-query",
    "https://dns.example:8443/dns-query{?dns}", "https://9.9.9.9/dns-query#dns.quad9.net", "https://dns.example",
    "::ffff:9.9.9.9", "tls://Bücher.example",
)  # fmt: skip


@pytest.mark.parametrize("text", UPSTREAMS[:-1])
def test_upstreams_are_read_as_the_resolver_reads_them(text: str) -> None:
    ours, theirs = read_upstream(text), parse_upstream(text)
    assert (ours.scheme, ours.host, ours.port) == (theirs.scheme.value, theirs.host, theirs.port)
    assert section(f'{{upstreams: ["{text}"], bootstrap: ["9.9.9.9"]}}').upstreams == (text,)


@settings(deadline=None)
@given(st.text("019.:[]/#-aft lsudcphe", max_size=30) | st.sampled_from(UPSTREAMS))
def test_what_the_policy_takes_the_resolver_takes(text: str) -> None:
    try:
        ours = read_upstream(text)
    except ValueError as error:
        assert str(error)
        return
    theirs = parse_upstream(text)
    assert (ours.scheme, ours.host, ours.port) == (theirs.scheme.value, theirs.host, theirs.port)


def test_upstreams_that_need_the_system_are_a_warning() -> None:
    _, faults = read_policy("version: 1\nresolver: {upstreams: ['tls://dns.quad9.net']}\n", "p")
    assert [fault.severity for fault in faults] == [Severity.WARNING]
    section("{upstreams: ['tls://dns.quad9.net', '9.9.9.9']}")
    section("{upstreams: ['tls://dns.quad9.net'], bootstrap: ['9.9.9.9']}")


@pytest.mark.parametrize(
    ("listen", "upstream", "loops"),
    [
        pytest.param("127.0.0.1:53", "127.0.0.1", True, id="the same"),
        pytest.param("127.0.0.1:53", "127.0.0.1:5353", False, id="another port"),
        pytest.param("127.0.0.1:53", "127.0.0.2", False, id="another address"),
        pytest.param("127.0.0.1:53", "tcp://127.0.0.1", True, id="by TCP"),
        pytest.param("127.0.0.1:853", "tls://127.0.0.1", False, id="another protocol"),
        pytest.param("0.0.0.0:53", "127.0.0.53", True, id="every address is loopback too"),
        pytest.param("[::]:53", "[::1]:53", True, id="IPv6"),
        pytest.param("[::]:53", "127.0.0.1", False, id="another family"),
        pytest.param("0.0.0.0:53", "192.168.1.1", False, id="another machine"),
        pytest.param("tls://192.168.1.2", "tls://192.168.1.2:853", True, id="DoT"),
        pytest.param("https://192.168.1.2", "https://192.168.1.2/dns-query", True, id="DoH"),
    ],
)
def test_a_resolver_does_not_ask_itself(listen: str, upstream: str, loops: bool) -> None:
    text = f"version: 1\nresolver: {{listen: ['{listen}'], upstreams: ['{upstream}'], tls: {{certificate: c, key: k}}}}"
    _, faults = read_policy(text, "p")
    assert [fault.message.endswith(f"listens itself ({listen_text(listen)})") for fault in faults] == [True] * loops


def listen_text(listen: str) -> str:
    return str(read_listen(listen))


def test_lists_may_not_block_whom_we_ask() -> None:
    found = read("version: 1\nresolver: {upstreams: [9.9.9.9], forward: {a.example: ['tls://r.b.example']}}\n")
    assert own_names(found) == {"r.b.example"}


def test_what_a_group_has_lapses_as_hosts_do() -> None:
    policy = read(WHOLE)
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert [str(fault).partition("\n")[0] for fault in lapsed(policy, noon)] == [
        "p.yaml:33:14: P015 video.example for the group kids lapsed at 2026-12-01 12:00 UTC and counts as absent"
    ]
    assert set(policy.at(noon).resolver.groups["kids"].hosts) == {"school.example"}
    assert policy.at(noon.replace(hour=11)).resolver == policy.resolver


def test_group_hosts_are_entries() -> None:
    entry = read(WHOLE).resolver.groups["kids"].hosts["school.example"]
    assert replace(entry, origin=NOWHERE) == HostEntry("school.example", True, NOWHERE)
    assert str(entry.origin) == "p.yaml:32:15"


@pytest.mark.parametrize(("count", "expected"), [(604_800, "1w"), (3_600, "1h"), (90, "90s"), (0, "0w")])
def test_spelled_seconds(count: int, expected: str) -> None:
    assert spell_seconds(count) == expected


@pytest.mark.parametrize(("count", "expected"), [(4 << 30, "4GB"), (256 << 10, "256kB"), (1000, "1000B")])
def test_spelled_sizes(count: int, expected: str) -> None:
    assert spell_size(count) == expected


KEYS = st.sampled_from((*words.RESOLVER, *words.GROUP, *words.CACHE, "kids", "mon-fri", "all", "off", "x.example"))
VALUES = st.sampled_from(
    (
        "[]",
        "{}",
        "",
        "~",
        "on",
        "'*.a.example'",
        "127.0.0.1",
        "'::1'",
        "0.0.0.0/0",
        "[a.example]",
        "[[x]]",
        "16MB",
        "5m",
    )
)
NODES = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(KEYS, inner, max_size=4).map(
            lambda each: f"{{{', '.join(f'{key}: {value}' for key, value in each.items())}}}"
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(words.RESOLVER), NODES, max_size=5))
def test_anything_is_read_or_told(found: dict[str, str]) -> None:
    inner = "".join(f"  {key}: {value}\n" for key, value in found.items())
    policy, faults = read_policy(f"version: 1\nresolver:\n{inner}" if inner else "version: 1\n", "p")
    assert all(fault.message and fault.origin.line for fault in faults)
    if not has_errors(faults):
        Local(policy.resolver)  # what is right can be served


def test_the_examples_in_comments_are_right() -> None:
    text = (Path(__file__).parents[2] / "configs" / "js-denylist-dns.yaml").read_text(encoding="utf-8")
    section, end = text[text.index("resolver:") :], "\n\n"
    live = re.sub(r"(?m)^  # ", "  ", section[: section.index(end)])
    found = read(f"version: 1\n{live}\n").resolver
    assert found.groups["kids"].clients == ("192.168.1.20", "192.168.7.0/24", "ipad")
    assert set(found.lines) >= {"forward", "records", "private", "cache", "log"}
