"""Precedence among lists: `$badfilter`, what no list may block, what DNS cannot say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet
from blockctl.model.packed import pack
from blockctl.model.policy import ListSource, Policy, Resolver
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Cosmetic, Effect, Party, Rule, Scope
from blockctl.policy.merge import page_exceptions, settle_badfilters, settle_names

HERE = Origin("list", 7)
BLOCK = Rule(Effect.BLOCK, HERE, "||ads.example^", host="ads.example")
SOURCE = ListSource("list", HERE)


def settled(*lists: FilterList, policy: Policy | None = None, source: ListSource = SOURCE) -> HostSet:
    return settle_names([(source, parsed) for parsed in lists], policy or Policy("policy"))


@pytest.mark.parametrize(
    ("bad", "subtree", "gone"),
    [
        pytest.param("com", {"com", "a.com", "b.a.com"}, {"com"}, id="a top level"),
        pytest.param("co.uk", {"co.uk", "shop.co.uk"}, {"co.uk"}, id="a public suffix"),
        pytest.param("github.io", {"github.io", "me.github.io"}, {"github.io"}, id="a private suffix"),
        pytest.param("foo.ck", {"foo.ck", "x.foo.ck"}, {"foo.ck"}, id="a suffix by wildcard"),
        pytest.param("nas", {"nas", "x.example"}, {"nas"}, id="one label"),
        pytest.param("local", {"local", "tv.local", "x.example"}, {"local", "tv.local"}, id="special use"),
        pytest.param("", {"www.ck", "a.www.ck"}, set(), id="an exception of the suffix list"),
    ],
)
@pytest.mark.parametrize("column", ["exact", "subtree"])
def test_what_no_list_may_block_goes_before_anything_is_reduced(
    column: str, bad: str, subtree: set[str], gone: set[str]
) -> None:
    names = settled(FilterList("list", "hosts", **{column: set(subtree)}))  # type: ignore[arg-type]
    written = {*names.block_exact.decode().split(), *names.block_subtree.decode().split()}
    assert written | {*names.covered.decode().split()} == subtree - gone
    assert names.diagnostics.count == ({"L301": len(gone)} if gone else {})
    assert all(str(each.origin) == "list" for each in names.diagnostics)


def test_a_rule_on_a_suffix_is_refused_with_its_line() -> None:
    names = settled(FilterList("list", "adblock", rules=[replace(BLOCK, host="com", not_to=("ok.com",))]))
    assert names.block_subtree == b""
    assert [str(each.origin) for each in names.diagnostics] == ["list:7"]


@pytest.mark.parametrize(
    ("parsed", "where"),
    [
        pytest.param(FilterList("list", "hosts", subtree={"quad9.net", "x.example"}), "list", id="subtree"),
        pytest.param(FilterList("list", "hosts", exact={"dns.quad9.net", "x.example"}), "list", id="exact"),
        pytest.param(
            FilterList("list", "a", subtree={"x.example"}, rules=[replace(BLOCK, host="quad9.net", important=True)]),
            "list:7",
            id="important",
        ),
    ],
)
def test_our_own_names_stay_reachable(parsed: FilterList, where: str) -> None:
    policy = Policy("policy", resolver=Resolver(upstreams=("tls://dns.quad9.net", "9.9.9.9")))
    names = settled(parsed, policy=policy)
    assert names.verdict("dns.quad9.net") is not Effect.BLOCK
    assert names.verdict("x.example") is Effect.BLOCK
    assert [(each.code, str(each.origin)) for each in names.diagnostics] == [("L302", where)]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param(replace(BLOCK, sites=("news.example",)), "page", id="page"),
        pytest.param(replace(BLOCK, not_sites=("news.example",)), "page", id="not on a page"),
        pytest.param(replace(BLOCK, party=Party.THIRD, kinds=ALL_KINDS), "party", id="party"),
        pytest.param(replace(BLOCK, kinds=Kind.SCRIPT), "kind", id="kind"),
        pytest.param(replace(BLOCK, needs=("dnstype=A",)), "needs", id="needs"),
        pytest.param(replace(BLOCK, action="csp"), "action", id="action"),
        pytest.param(replace(BLOCK, to=("x.example",)), "to", id="to"),
        pytest.param(replace(BLOCK, host="", pattern="||ads.example/x/", kinds=SUBRESOURCES), "path", id="path"),
        pytest.param(replace(BLOCK, host="", pattern="-banner.", kinds=SUBRESOURCES), "pattern", id="pattern"),
        pytest.param(replace(BLOCK, host="", pattern="Ads.example", text="Ads.example"), "name", id="bare name"),
        pytest.param(replace(BLOCK, host="", pattern="ads.", text="ads."), "pattern", id="no name"),
        pytest.param(replace(BLOCK, host="", pattern="ads.example", text="ads.example$image"), "pattern", id="more"),
        pytest.param(replace(BLOCK, host="", pattern="ads[0-9]", regex=True), "regex", id="regex"),
    ],
)
def test_what_dns_cannot_say_is_counted_and_not_said(rule: Rule, reason: str) -> None:
    names = settled(FilterList("list", "adblock", rules=[rule]))
    assert names.unsaid.count == {reason: 1}
    assert names.unsaid.kept == [(reason, HERE, rule.text)]
    assert (names.block_subtree, names.rules_in) == (b"", 1)


def test_cosmetic_rules_are_counted() -> None:
    names = settled(FilterList("list", "adblock", cosmetics=[Cosmetic(Effect.BLOCK, HERE, "##.ad", ".ad")]))
    assert (names.unsaid.count, names.rules_in) == ({"cosmetic": 1}, 1)


def test_third_party_rules_are_widened_only_where_the_policy_says_so() -> None:
    rule = replace(BLOCK, party=Party.THIRD, kinds=SUBRESOURCES)
    parsed = FilterList("list", "adblock", rules=[rule, replace(rule, sites=("news.example",))])
    names = settled(parsed, source=replace(SOURCE, widen=("third-party",)))
    assert names.block_subtree == b"ads.example\n"
    assert names.unsaid.count == {"page": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_badfilter_takes_equal_rules_out_of_all_lists(packed: bool) -> None:
    important = replace(BLOCK, important=True)
    lists = [
        FilterList("one", "adblock", subtree={"ads.example", "other.example"}, rules=[important]),
        FilterList("two", "adblock", subtree={"ads.example"}, exact={"ads.example"}),
    ]
    for parsed in lists if packed else ():
        parsed.pack()
    assert settle_badfilters(lists, [BLOCK]) == 2
    for parsed in lists:
        parsed.pack()
    assert [parsed.packed.get("subtree", b"") for parsed in lists] == [pack(["other.example"]), b""]
    assert lists[0].rules == [important]
    assert lists[1].packed["exact"] == pack(["ads.example"])
    assert settle_badfilters(lists, [BLOCK]) == 0


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(replace(BLOCK, important=True), id="important"),
        pytest.param(replace(BLOCK, kinds=Kind.SCRIPT), id="kind"),
        pytest.param(replace(BLOCK, scope=Scope.BELOW), id="below"),
    ],
)
def test_badfilter_takes_the_rule_and_leaves_the_plain_name(bad: Rule) -> None:
    parsed = FilterList("one", "adblock", subtree={"ads.example"}, rules=[replace(bad, origin=Origin("x", 1)), BLOCK])
    assert settle_badfilters([parsed], [bad]) == 1
    assert parsed.subtree == {"ads.example"}
    assert parsed.rules == [BLOCK]


def test_page_exceptions_are_those_that_free_a_name_on_some_pages() -> None:
    wanted = replace(BLOCK, effect=Effect.ALLOW, sites=("news.example",))
    others = [BLOCK, replace(wanted, sites=()), replace(wanted, effect=Effect.BLOCK), replace(wanted, action="csp")]
    others.append(replace(wanted, host="", pattern="/ads/"))
    assert page_exceptions([FilterList("one", "adblock", rules=[*others, wanted])]) == [wanted]
