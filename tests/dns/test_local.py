"""What the resolver answers by itself: records of the policy, special names, safe search, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns import zones
from blockctl.dns.exchange import Client
from blockctl.dns.labels import name_wire
from blockctl.dns.local import Local
from blockctl.dns.safe_search import SAFE
from blockctl.dns.zones import NOERROR, NXDOMAIN, LocalAnswer
from blockctl.model.names import normalize_host
from blockctl.model.policy import Resolver

NUMBERS = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "AAAA": 28, "DS": 43, "SVCB": 64, "HTTPS": 65,
    "ANY": 255,
}  # fmt: skip
NAMES = {number: name for name, number in NUMBERS.items()}
CLIENT = Client("192.168.1.5")
PUBLIC = Resolver(upstreams=("9.9.9.9",))
HOME = replace(
    PUBLIC,
    records={
        "nas.home.arpa": ("192.168.1.9", "fd00::9"),
        "tv.home.arpa": ("nas.home.arpa",),
        "*.lab.example": ("10.1.1.1",),
        "fixed.lab.example": ("10.1.1.2",),
        "docs.example": ("tv.home.arpa",),
        "shop.example": ("www.vendor.example",),
        "gone.example": ("nothing.home.arpa",),
        "a.deep.home.arpa": ("192.168.1.10",),
    },
)


@dataclass(frozen=True)
class Asked:
    name: bytes
    kind: int
    klass: int = 1


def ask(policy: Resolver, name: str, kind: str, client: Client = CLIENT) -> LocalAnswer | None:
    return Local(policy).answer(Asked(name_wire(name), NUMBERS[kind]), client)


def text(name: bytes) -> str:
    labels = []
    while name[0]:
        labels.append(name[1 : name[0] + 1].decode("ascii"))
        name = name[name[0] + 1 :]
    return ".".join(labels)


def shown(answer: LocalAnswer | None) -> str:
    """Return an answer in a line: its records, then what is to be resolved, or its code."""
    if answer is None:
        return "asked elsewhere"
    records = []
    for owner, kind, ttl, rdata in answer.records:
        assert ttl > 0
        if kind in (zones.A, zones.AAAA):
            value = str(ip_address(rdata))
        elif kind in (zones.CNAME, zones.PTR, zones.NS):
            value = text(rdata)
        else:
            value = "..."
        records.append(f"{text(owner)} {NAMES[kind]} {value}")
    if answer.follow:
        return "; ".join([*records, f"follow {text(answer.follow)}"])
    if not records or records[-1].split()[1] == "CNAME":
        # RFC 2308, section 5: an absence is told with the SOA that says how long it holds
        assert [kind for _, kind, _, _ in answer.authority] in ([zones.SOA], [])
    return "; ".join(records) or {NOERROR: "nodata", NXDOMAIN: "nxdomain"}[answer.rcode]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param("nas.home.arpa", "A", "nas.home.arpa A 192.168.1.9", id="IPv4"),
        pytest.param("nas.home.arpa", "AAAA", "nas.home.arpa AAAA fd00::9", id="IPv6"),
        pytest.param("nas.home.arpa", "HTTPS", "nodata", id="another type is absent, not asked for elsewhere"),
        pytest.param("tv.home.arpa", "A", "tv.home.arpa CNAME nas.home.arpa; nas.home.arpa A 192.168.1.9", id="alias"),
        pytest.param("tv.home.arpa", "CNAME", "tv.home.arpa CNAME nas.home.arpa", id="the alias itself"),
        pytest.param(
            "docs.example",
            "AAAA",
            "docs.example CNAME tv.home.arpa; tv.home.arpa CNAME nas.home.arpa; nas.home.arpa AAAA fd00::9",
            id="alias of an alias",
        ),
        pytest.param(
            "shop.example", "A", "shop.example CNAME www.vendor.example; follow www.vendor.example", id="alias outside"
        ),
        pytest.param("gone.example", "A", "gone.example CNAME nothing.home.arpa", id="alias to nothing stays at home"),
        pytest.param("x.lab.example", "A", "x.lab.example A 10.1.1.1", id="below a star"),
        pytest.param("a.b.lab.example", "A", "a.b.lab.example A 10.1.1.1", id="far below a star"),
        pytest.param("fixed.lab.example", "A", "fixed.lab.example A 10.1.1.2", id="a name of its own before the star"),
        pytest.param("lab.example", "A", "asked elsewhere", id="a star is not the name above it"),
        pytest.param("other.example", "A", "asked elsewhere", id="no record"),
        pytest.param("9.1.168.192.in-addr.arpa", "PTR", "9.1.168.192.in-addr.arpa PTR nas.home.arpa", id="reverse"),
        pytest.param("deep.home.arpa", "A", "nodata", id="a name above a record exists (RFC 8020)"),
        pytest.param("x.nas.home.arpa", "A", "nxdomain", id="a name below a record does not"),
    ],
)
def test_records(name: str, kind: str, expected: str) -> None:
    assert shown(ask(HOME, name, kind)) == expected


def test_aliases_that_lead_round_end() -> None:
    loop = replace(PUBLIC, records={"a.example": ("b.example",), "b.example": ("a.example",)})
    answer = ask(loop, "a.example", "A")
    assert shown(answer) == "a.example CNAME b.example; b.example CNAME a.example"


def test_the_names_of_records_are_told() -> None:
    assert {text(name) for name in Local(HOME).names} == {
        "nas.home.arpa", "tv.home.arpa", "lab.example", "fixed.lab.example", "docs.example", "shop.example",
        "gone.example", "a.deep.home.arpa",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param("localhost", "A", "localhost A 127.0.0.1", id="localhost"),
        pytest.param("x.localhost", "AAAA", "x.localhost AAAA ::1", id="below localhost"),
        pytest.param("localhost", "MX", "nodata", id="localhost has addresses only"),
        pytest.param("notlocalhost", "NS", "asked elsewhere", id="only whole labels count"),
        pytest.param("1.0.0.127.in-addr.arpa", "PTR", "1.0.0.127.in-addr.arpa PTR localhost", id="127.0.0.1"),
        pytest.param(f"1.{'0.' * 31}ip6.arpa", "PTR", f"1.{'0.' * 31}ip6.arpa PTR localhost", id="::1"),
        pytest.param("1.0.0.127.in-addr.arpa", "A", "nodata", id="127.0.0.1 exists"),
        pytest.param("printer.local", "A", "nxdomain", id="local is for multicast"),
        pytest.param("local", "SOA", "nxdomain", id="local itself, as macOS probes it"),
        pytest.param("x.invalid", "A", "nxdomain", id="invalid"),
        pytest.param("abc.onion", "AAAA", "nxdomain", id="onion"),
        pytest.param("unknown.home.arpa", "A", "nxdomain", id="home.arpa"),
        pytest.param("home.arpa", "SOA", "home.arpa SOA ...", id="home.arpa is a zone"),
        pytest.param("home.arpa", "NS", "home.arpa NS home.arpa", id="with a server"),
        pytest.param("home.arpa", "DS", "asked elsewhere", id="whose delegation is arpa's to tell"),
        pytest.param("4.3.2.10.in-addr.arpa", "PTR", "nxdomain", id="RFC 1918"),
        pytest.param("1.0.31.172.in-addr.arpa", "PTR", "nxdomain", id="RFC 1918, the last of 172"),
        pytest.param("1.0.32.172.in-addr.arpa", "PTR", "asked elsewhere", id="a public address"),
        pytest.param("1.0.64.100.in-addr.arpa", "PTR", "nxdomain", id="RFC 7793"),
        pytest.param("1.0.0.0.d.f.ip6.arpa", "PTR", "nxdomain", id="RFC 4193"),
        pytest.param("0.8.e.f.ip6.arpa", "PTR", "nxdomain", id="fe80::/10"),
        pytest.param("use-application-dns.net", "A", "nxdomain", id="Firefox's question"),
        pytest.param("_dns.resolver.arpa", "SVCB", "nodata", id="no encrypted port to be found"),
        pytest.param("x.resolver.arpa", "A", "nxdomain", id="nothing else in resolver.arpa"),
        pytest.param("nas", "A", "nodata", id="one label"),
        pytest.param("com", "NS", "asked elsewhere", id="a top level's servers"),
        pytest.param("", "NS", "asked elsewhere", id="the root"),
        pytest.param("", "A", "asked elsewhere", id="an address of the root"),
        pytest.param("foo.test", "A", "asked elsewhere", id="test"),
        pytest.param("foo.example", "A", "asked elsewhere", id="example"),
        pytest.param("ipv4only.arpa", "AAAA", "asked elsewhere", id="without DNS64"),
        pytest.param("mask.icloud.com", "A", "asked elsewhere", id="Private Relay, unless the policy denies it"),
    ],
)
def test_special_names(name: str, kind: str, expected: str) -> None:
    assert shown(ask(PUBLIC, name, kind)) == expected


@pytest.mark.parametrize("name", ["printer.local", "x.onion", "nas.home.arpa", "4.3.2.10.in-addr.arpa", "corp"])
def test_what_the_policy_forwards_is_forwarded(name: str) -> None:
    forward = dict.fromkeys(("local", "onion", "home.arpa", "10.in-addr.arpa", "corp"), ("10.0.0.1",))
    assert ask(replace(PUBLIC, forward=forward), name, "A") is None


@pytest.mark.parametrize("upstream", ["192.168.1.1", "192.168.1.1:5353", "[fd00::1]:53", "tls://10.0.0.1#r.example"])
def test_the_router_is_asked_for_names_of_the_house_when_it_is_the_only_upstream(upstream: str) -> None:
    router = Resolver(upstreams=(upstream,))
    for name in ("nas", "nas.home.arpa", "9.1.168.192.in-addr.arpa"):
        assert ask(router, name, "A") is None
        assert ask(replace(router, upstreams=(upstream, "9.9.9.9")), name, "A") is not None
    assert shown(ask(router, "printer.local", "A")) == "nxdomain"
    assert shown(ask(router, "1.0.0.127.in-addr.arpa", "PTR")) == "1.0.0.127.in-addr.arpa PTR localhost"


def test_other_classes_are_not_ours() -> None:
    assert Local(HOME).answer(Asked(name_wire("nas.home.arpa"), 1, klass=3), CLIENT) is None


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param(
            "www.google.co.uk",
            "A",
            "www.google.co.uk CNAME forcesafesearch.google.com; follow forcesafesearch.google.com",
            id="Google",
        ),
        pytest.param(
            "www.google.com",
            "HTTPS",
            "www.google.com CNAME forcesafesearch.google.com; follow forcesafesearch.google.com",
            id="address hints do not lead past it",
        ),
        pytest.param("www.bing.com", "CNAME", "www.bing.com CNAME strict.bing.com", id="the alias itself"),
        pytest.param("yandex.com", "A", "yandex.com A 213.180.193.56", id="an address"),
        pytest.param("yandex.com", "AAAA", "nodata", id="and no other"),
        pytest.param("duckduckgo.com", "MX", "asked elsewhere", id="mail is not touched"),
        pytest.param("mail.google.com", "A", "asked elsewhere", id="nor other services"),
    ],
)
def test_safe_search(name: str, kind: str, expected: str) -> None:
    asked = Asked(name_wire(name), NUMBERS[kind])
    local = Local(PUBLIC)
    assert shown(local.safer(asked)) == shown(local.answer(asked, CLIENT, safe_search=True)) == expected
    assert local.answer(asked, CLIENT) is None


def test_safe_hosts_are_names_and_lead_outside_of_the_table() -> None:
    assert len(SAFE) > 200
    for host, target in SAFE.items():
        assert host == normalize_host(host)
        assert target not in SAFE


TRANSLATED = Local(replace(HOME, dns64="64:ff9b::/96"))


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from(sorted(NAMES)))
def test_any_name_is_answered_or_left(data: bytes, kind: int) -> None:
    name = b"".join(bytes((len(label),)) + label for label in data.lower().split(b"/") if label) + b"\0"
    for suffix in (b"", b"\5local\0", b"\x09localhost\0", b"\3ip6\4arpa\0", b"\3lab\7example\0"):
        asked = Asked(name[:-1] + suffix if suffix else name, kind)
        answer = TRANSLATED.answer(asked, CLIENT)
        assert answer is None or answer.rcode in (NOERROR, NXDOMAIN)
