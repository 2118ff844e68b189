"""What the DNS outputs look like, case by case."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from blockctl.backends import adguard, dnsmasq, domains, hosts, rpz, unbound
from blockctl.backends.output import Output
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.rule import Effect, Rule, Scope
from tests.backends.dns_worlds import World, text_of

HERE = Origin("list", 1)


def lines(backend: ModuleType, world: World, options: dict[str, str] | None = None) -> list[str]:
    """Return the lines of an output that say something of a name."""
    text = text_of(world.output(backend, options))
    return [line for line in text.splitlines() if line[:1] not in "#;!$@" or line.startswith("@@")][
        backend is unbound :
    ]


def listed(**columns: object) -> World:
    return World([FilterList("list", "adblock", **columns)])  # type: ignore[arg-type]


def with_policy(world: World, **said: object) -> World:
    world.policy = Policy("policy", **said)  # type: ignore[arg-type]
    return world


NESTED = {
    hosts: ["0.0.0.0 ads.test", "0.0.0.0 bad.pay.ads.test"],
    domains: ["ads.test", "bad.pay.ads.test"],
    dnsmasq: ["server=/pay.ads.test/#", "local=/ads.test/", "local=/bad.pay.ads.test/"],
    unbound: [
        'local-zone: "pay.ads.test." always_transparent',
        'local-zone: "ads.test." always_nxdomain',
        'local-zone: "bad.pay.ads.test." always_nxdomain',
    ],
    rpz: [
        "pay.ads.test CNAME rpz-passthru.",
        "*.pay.ads.test CNAME rpz-passthru.",
        "bad.pay.ads.test CNAME .",
        "*.bad.pay.ads.test CNAME .",
        "ads.test CNAME .",
        "*.ads.test CNAME .",
    ],
    adguard: ["||ads.test^$denyallow=pay.ads.test", "||bad.pay.ads.test^"],
}


@pytest.mark.parametrize("backend", [pytest.param(module, id=module.__name__[18:]) for module in NESTED])
def test_the_nearest_wins(backend: ModuleType) -> None:
    """A block, an exception below it that also frees a deeper block, and an important block below that."""
    rules = [Rule(Effect.BLOCK, HERE, "", host="bad.pay.ads.test", important=True)]
    world = listed(subtree={"ads.test", "x.pay.ads.test"}, allow_subtree={"pay.ads.test"}, rules=rules)
    assert lines(backend, world) == NESTED[backend]


ONE_BAD_LINE = {
    hosts: ["0.0.0.0 shop.com", "0.0.0.0 a.shop.com"],
    dnsmasq: ["local=/shop.com/", "local=/a.shop.com/", "server=/*.shop.com/#", "server=/*.a.shop.com/#"],
}


def test_one_bad_line_swallows_nothing() -> None:
    """`0.0.0.0 com` must neither block the top level nor cover what is below it."""
    made = World([FilterList("list", "hosts", exact={"com", "shop.com", "a.shop.com"})])
    assert {backend: lines(backend, made) for backend in ONE_BAD_LINE} == ONE_BAD_LINE
    assert any("L301 com is a public suffix" in note for note in made.output(hosts).notes)


def test_a_hole_leaves_what_another_list_blocks() -> None:
    rule = Rule(Effect.BLOCK, HERE, "", host="top.test", not_to=("ok.top.test",))
    made = listed(rules=[rule], exact={"ads.ok.top.test"})
    assert lines(adguard, made) == ["||top.test^$denyallow=ok.top.test", "|ads.ok.top.test^"]
    assert lines(hosts, made) == ["0.0.0.0 ads.ok.top.test", "0.0.0.0 top.test"]


def test_a_zone_says_the_verdict_again_on_the_way() -> None:
    """`pay.a.b.ads.test` makes `a.b` and `b` exist, which hides `*.ads.test` from them (RFC 4592, 2.2.2)."""
    made = listed(subtree={"ads.test"}, allow_exact={"pay.a.b.ads.test"})
    assert set(lines(rpz, made)) == {
        "pay.a.b.ads.test CNAME rpz-passthru.",
        "*.pay.a.b.ads.test CNAME .",
        "a.b.ads.test CNAME .",
        "*.a.b.ads.test CNAME .",
        "b.ads.test CNAME .",
        "*.b.ads.test CNAME .",
        "ads.test CNAME .",
        "*.ads.test CNAME .",
    }


def test_a_zone_says_the_verdict_again_on_the_way_to_a_name_of_the_policy() -> None:
    made = with_policy(listed(subtree={"ads.test"}), protect={"pay.b.ads.test": HERE})
    assert set(lines(rpz, made)) == {
        "pay.b.ads.test CNAME rpz-passthru.",
        "*.pay.b.ads.test CNAME rpz-passthru.",
        "b.ads.test CNAME .",
        "*.b.ads.test CNAME .",
        "ads.test CNAME .",
        "*.ads.test CNAME .",
    }


def test_names_too_long_for_a_zone_are_gaps() -> None:
    label = "a" * 60
    long, fits = f"{label}.{label}.{label}.{label}.test", f"{label}.{label}.test"
    output = World([FilterList("list", "hosts", exact={long, fits})]).output(rpz)
    assert text_of(output).splitlines()[-1] == f"{fits} CNAME ."
    assert (output.gaps.count, output.rules_out) == ({"long": 1}, 1)


@pytest.mark.parametrize("serial", ["", "x", "-1", str(1 << 32), "1.5"])
def test_a_serial_is_a_number(serial: str) -> None:
    with pytest.raises(BlockctlError, match="serial"):
        listed().output(rpz, {"serial": serial})


def test_unknown_words_are_refused() -> None:
    with pytest.raises(BlockctlError, match=r"option answer: 'maybe' is none of nxdomain"):
        listed().output(unbound, {"answer": "maybe"})
    with pytest.raises(BlockctlError, match="option form"):
        listed().output(domains, {"form": "tree"})


POLICY = {
    "hosts": {"good.test": HostEntry("good.test", True, HERE), "bad.test": HostEntry("bad.test", False, HERE)},
    "protect": {"bank.test": HERE},
}


def test_the_policy_is_laid_over_the_lists() -> None:
    """Its own lines come first; what lists say at and below its names is gone, the rest is as it was."""
    names = {"a.good.test", "good.test", "x.bad.test", "www.bank.test", "ads.test", "ood.test"}
    made = with_policy(listed(subtree=names), **POLICY)
    assert sorted(lines(dnsmasq, made)) == [
        "local=/ads.test/",
        "local=/bad.test/",
        "local=/ood.test/",
        "server=/bank.test/#",
        "server=/good.test/#",
    ]
    assert {*lines(adguard, made)} >= {"@@||good.test^$important", "||bad.test^$important", "@@||bank.test^$important"}
    assert {*lines(hosts, made)} == {f"0.0.0.0 {name}" for name in ("bad.test", "x.bad.test", "ads.test", "ood.test")}


def test_dns_yields_to_the_browser() -> None:
    """What one site needs is let through for all, said so in a note; a site's own denial is a gap."""
    site = Site(
        "news.test",
        HERE,
        hosts=(HostEntry("cdn.ads.test", True, HERE), HostEntry("chat.test", False, HERE)),
    )
    exception = Rule(Effect.ALLOW, HERE, "@@||px.test^$domain=news.test", host="px.test", sites=("news.test",))
    other = replace(exception, host="ads.test", sites=("other.test",))
    made = with_policy(listed(subtree={"ads.test", "px.test"}, rules=[exception, other]), sites={"news.test": site})
    output = made.output(unbound)
    assert 'local-zone: "cdn.ads.test." always_transparent' in text_of(output)
    assert 'local-zone: "px.test." always_transparent' in text_of(output)
    assert 'local-zone: "ads.test." always_nxdomain' in text_of(output)
    assert [note for note in output.notes if "yields" in note] == [
        "DNS yields to the browser at cdn.ads.test: sites: news.test: allow: cdn.ads.test (list:1)",
        "DNS yields to the browser at px.test: @@||px.test^$domain=news.test (list:1)",
    ]
    assert output.gaps.count == {"page": 3}


@pytest.mark.parametrize("backend", [pytest.param(module, id=module.__name__[18:]) for module in NESTED])
def test_a_pause_and_blocking_off(backend: ModuleType) -> None:
    made = with_policy(listed(subtree={"ads.test"}), **POLICY)
    made.policy = replace(made.policy, paused=True)
    assert lines(backend, made) == []
    made.policy = replace(made.policy, paused=False, blocking=False)
    assert any("bad.test" in line for line in lines(backend, made))
    assert not any(name in line for line in lines(backend, made) for name in ("ads.test", "good.test", "bank.test"))


def test_what_of_the_policy_dns_cannot_say() -> None:
    sites = {
        "a.test": Site("a.test", HERE, javascript=JavaScript.DENY, hide=(".x", ".y"), unlock_scroll=True),
        "b.test": Site("b.test", HERE, javascript=JavaScript.ALLOW, blocking=True),
    }
    policy = Policy("policy", javascript=JavaScript.FIRST_PARTY, blocking=False, sites=sites)
    output = World(policy=policy).output(dnsmasq)
    assert output.gaps.count == {"javascript": 3, "cosmetic": 3, "page": 1}


def test_gaps_of_single_names_are_counted() -> None:
    rules = [Rule(Effect.BLOCK, HERE, "", host="below.test", scope=Scope.BELOW)]
    made = listed(exact={"one.test"}, subtree={"a.test", "b.test"}, rules=rules)
    assert made.output(hosts).gaps.count == {"wildcard": 3}
    assert made.output(domains).gaps.count == {"wildcard": 3}
    assert made.output(domains, {"form": "wildcard"}).gaps.count == {"below": 1}


def counted(output: Output) -> tuple[int, int]:
    return output.rules_in, output.rules_out


def test_rules_are_counted_as_names() -> None:
    made = with_policy(listed(exact={"one.test"}, subtree={"a.test", "x.a.test", "b.test"}), **POLICY)
    assert counted(made.output(dnsmasq)) == (7, 6)
    assert counted(made.output(hosts)) == (7, 7)


@pytest.mark.parametrize("address", ["\xe9", "1.1.1.1 x.example\n0.0.0.0", "", "256.0.0.1"])
def test_the_address_of_a_hosts_file_is_one(address: str) -> None:
    with pytest.raises(BlockctlError, match="is no IP address"):
        hosts.prepare(HostSet(), {"address": address})
