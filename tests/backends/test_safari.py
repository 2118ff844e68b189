"""Safari's content blockers decide as `decide()` does, on random worlds and on the cases that others get wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from blockctl.backends import safari
from blockctl.backends.capabilities import SAFARI
from blockctl.backends.output import Output
from blockctl.model.decide import cosmetics_for, decide
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import COLUMNS, FilterList
from blockctl.model.index import Index
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Cosmetic, Effect, Rule
from tests.backends.safari_worlds import ORIGIN, SITES, World, requests, world
from tests.backends.webkit_model import Blocker

POLICY = Policy("policy.yaml")


def compiled(policy: Policy, *lists: FilterList, **options: str) -> Output:
    return safari.emit(policy, safari.prepare(lists, options), options)


def files(output: Output) -> dict[str, bytes]:
    return {name: b"".join(chunks) for name, chunks in output.files.items()}


def blockers(output: Output) -> list[Blocker]:
    return [Blocker.read(data) for name, data in files(output).items() if name.endswith(".json")]


def without_gaps(parsed: FilterList, output: Output) -> FilterList:
    """What is left of a list when what could not be said is taken out."""
    gone = {gap.text for gap in output.gaps.kept}
    return with_rules(
        parsed,
        [rule for rule in parsed.rules if rule.text not in gone],
        [cosmetic for cosmetic in parsed.cosmetics if cosmetic.text not in gone],
    )


def with_rules(parsed: FilterList, rules: list[Rule], cosmetics: list[Cosmetic]) -> FilterList:
    """The same names with other rules."""
    columns = {column: set(getattr(parsed, column)) for column in COLUMNS}
    return FilterList(parsed.file, parsed.format, rules=rules, cosmetics=cosmetics, **columns)


@pytest.mark.parametrize("seed", range(400))
def test_random_worlds(seed: int) -> None:
    random = Random(seed)
    made: World = world(random)
    output = compiled(made.policy, made.parsed)
    said = without_gaps(made.parsed, output)
    index = Index.build([said])
    engine = blockers(output)
    for request in requests(random, 120):
        decision = decide(made.policy, index, request)
        assert any(blocker.blocks(request) for blocker in engine) == decision.blocked, (request, decision)
    for site in (*SITES, "x.news.example", "badnews.example"):
        hidden = set().union(*(blocker.hidden(f"http://{site}/") for blocker in engine)) - {"blockctl-nothing"}
        assert hidden == set(cosmetics_for(made.policy, [said], site)), site


def rule(**fields: object) -> Rule:
    return Rule(**{"effect": Effect.BLOCK, "origin": ORIGIN, "text": "rule", "kinds": SUBRESOURCES, **fields})  # type: ignore[arg-type]


def blocked(output: Output, url: str, page: str = "http://page.example/", kind: Kind = Kind.SCRIPT) -> bool:
    return any(blocker.blocks(Request.parse(url, page, kind)) for blocker in blockers(output))


@pytest.mark.parametrize(
    ("url", "page", "expected"),
    [
        pytest.param("http://cdn.test/a.js", "http://rant.example/", True, id="the site"),
        pytest.param("http://cdn.test/a.js", "https://www.rant.example:8443/x", True, id="below it, port"),
        pytest.param("http://cdn.test/a.js", "http://user:pw@rant.example./", True, id="user name, final dot"),
        pytest.param(
            "http://cdn.test/a.js", "http://other.example/?u=http://rant.example/", False, id="named in a query"
        ),
        pytest.param("http://cdn.test/a.js", "http://rant.example:80@other.example/", False, id="named as a user"),
        pytest.param("http://cdn.test/a.js", "http://badrant.example/", False, id="a longer name"),
        pytest.param("http://cdn.test/a.js", "http://rant.example.evil.test/", False, id="a name that goes on"),
        pytest.param("http://rant.example/a.js", "http://other.example/", False, id="its scripts elsewhere"),
    ],
)
def test_javascript_is_denied_on_the_site_alone(url: str, page: str, expected: bool) -> None:
    policy = Policy("p", sites={"rant.example": Site("rant.example", ORIGIN, javascript=JavaScript.DENY)})
    (scripts,) = [Blocker.read(data) for name, data in files(compiled(policy)).items() if name == "javascript.json"]
    request = replace(Request.parse(url, "http://page.example/", Kind.SCRIPT), page=page)
    assert scripts.blocks(request) == expected


def test_a_paused_policy_leaves_valid_files_that_do_nothing() -> None:
    parsed = FilterList("l", "adblock", subtree={"ads.example"}, cosmetics=[Cosmetic(Effect.BLOCK, ORIGIN, "x", ".ad")])
    output = compiled(Policy("p", javascript=JavaScript.DENY, paused=True), parsed)
    assert not blocked(output, "http://ads.example/a.js")
    assert [len(blocker.rules) for blocker in blockers(output)] == [1, 1, 1]


def test_an_edit_of_javascript_changes_one_small_file() -> None:
    parsed = FilterList("l", "adblock", subtree={"ads.example"})
    prepared = safari.prepare([parsed], {})
    before = files(safari.emit(POLICY, prepared, {}))
    after = files(safari.emit(replace(POLICY, javascript=JavaScript.DENY), prepared, {}))
    assert {name for name in after if after[name] != before[name]} == {"javascript.json", "blockctl.1blockpkg"}


def test_sites_with_the_same_verdict_are_one_rule() -> None:
    sites = {f"s{n}.example": Site(f"s{n}.example", ORIGIN, javascript=JavaScript.DENY) for n in range(500)}
    scripts = json.loads(files(compiled(Policy("p", sites=sites)))["javascript.json"])
    assert len(scripts) == 1
    assert len(scripts[0]["trigger"]["if-top-url"]) == 500


def test_files_over_budget_are_split_and_each_carries_the_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.backends.safari_network.MAX_RULES", 12)
    names = {f"ads{n}.{'x' * n}y.example" for n in range(30)}  # no two of them become one filter
    parsed = FilterList("l", "adblock", subtree=names, allow_subtree={"ok.ads3.xxxy.example"})
    parsed.rules += [rule(pattern="/ad.js"), rule(host="pay.ads3.xxxy.example", important=True, text="important")]
    policy = Policy("p", hosts={"free.ads4.xxxxy.example": HostEntry("free.ads4.xxxxy.example", True, ORIGIN)})
    output = compiled(policy, parsed)
    parts = [name for name in output.files if name.startswith("network")]
    assert len(parts) > 3
    assert any("network-2.json" in note for note in output.notes)
    for name in parts:
        text = files(output)[name].decode()
        assert r"ok\\.ads3\\.xxxy\\.example" in text
        assert r"free\\.ads4\\.xxxxy\\.example" in text
        assert len(json.loads(text)) <= 12 + 2
    assert all(blocked(output, f"http://{name}/") for name in names)
    assert not blocked(output, "http://ok.ads3.xxxy.example/")
    assert not blocked(output, "http://free.ads4.xxxxy.example/")
    assert blocked(output, "http://pay.ads3.xxxy.example/ad.js")
    assert not blocked(output, "http://news.example/ad.js", kind=Kind.DOCUMENT)


def test_what_others_cover_is_left_out_and_counted() -> None:
    parsed = FilterList("l", "adblock", exact={"a.ads.example"}, subtree={"ads.example", "b.ads.example"})
    parsed.rules += [rule(pattern="||cdn.ads.example/x.js"), rule(host="c.ads.example", important=True, text="kept")]
    prepared = safari.prepare([parsed], {})
    assert prepared.meta["redundant"] == 3
    assert prepared.rules_out == 3  # the subtree, and the important one, which needs two: frames apart


def test_an_address_is_one_rule() -> None:
    parsed = FilterList("l", "adblock", rules=[rule(pattern="||10.0.0.1^", kinds=ALL_KINDS)])
    output = compiled(POLICY, parsed)
    assert output.rules_of["network.json"] == 1
    index = Index.build([parsed])
    hosts = {"10.0.0.1": True, "10.0.0.1:8080": True, "110.0.0.1": False, "10.0.0.11": False, "10.0.0.1.example": False}
    for host, expected in hosts.items():
        request = Request.parse(f"http://{host}/x", "http://page.example/", Kind.SCRIPT)
        assert blocked(output, request.url) == decide(POLICY, index, request).blocked == expected, host


def except_for(pattern: str, **fields: object) -> Rule:
    return rule(effect=Effect.ALLOW, pattern=pattern, text="exception", **fields)


@pytest.mark.parametrize(
    ("others", "rules"),
    [
        pytest.param([], 1, id="no block of pages there"),
        pytest.param([rule(host="ads.example", kinds=ALL_KINDS, text="other")], 1, id="another host blocked"),
        pytest.param([rule(pattern="||10.0.0.1^", kinds=ALL_KINDS, text="address")], 1, id="an address blocked"),
        pytest.param([rule(host="cdn.shop.example", kinds=ALL_KINDS, text="host")], 2, id="the host blocked"),
        pytest.param([rule(host="shop.example", kinds=ALL_KINDS, text="above")], 2, id="above it blocked"),
        pytest.param([rule(host="x.cdn.shop.example", kinds=ALL_KINDS, text="below")], 2, id="below it blocked"),
        pytest.param([rule(pattern="/x", kinds=ALL_KINDS, text="any host")], 1, id="pages of any host blocked"),
    ],
)
def test_an_exception_for_frames_is_one_rule_where_pages_stay_blocked(others: list[Rule], rules: int) -> None:
    parsed = FilterList("l", "adblock", rules=[rule(pattern="/x"), except_for("||cdn.shop.example/x"), *others])
    output = compiled(POLICY, parsed)
    network = json.loads(files(output)["network.json"])
    assert (
        sum("cdn" in each["trigger"]["url-filter"] for each in network if "ignore" in each["action"]["type"]) == rules
    )
    index = Index.build([parsed])
    for host in ("cdn.shop.example", "x.cdn.shop.example", "shop.example", "ads.example", "10.0.0.1"):
        for kind in Kind:
            request = Request.parse(f"http://{host}/x", "http://page.example/", kind)
            assert blocked(output, request.url, request.page, kind) == decide(POLICY, index, request).blocked, request


def test_exceptions_for_frames_stand_before_blocks_of_pop_ups() -> None:
    parsed = FilterList("l", "adblock", rules=[rule(pattern="/x"), except_for("||cdn.example/x")])
    parsed.rules.append(rule(pattern="/x", needs=("popup",), text="pop-up"))
    network = json.loads(files(compiled(POLICY, parsed))["network.json"])
    assert [each["trigger"].get("resource-type") for each in network[-2:]] == [None, ["popup"]]
    assert [each["action"]["type"] for each in network[-2:]] == ["ignore-previous-rules", "block"]


def test_blocks_of_pages_stand_behind_all_others_in_the_last_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.backends.safari_network.MAX_RULES", 12)
    parsed = FilterList("l", "adblock", subtree={f"ads{n}.{'x' * n}y.example" for n in range(30)})
    parsed.rules += [rule(pattern="/x", kinds=Kind.DOCUMENT, text="page"), except_for("||cdn.example/x")]
    output = compiled(POLICY, parsed)
    holding = [name for name, data in files(output).items() if name.startswith("network") and b'"document"' in data]
    assert holding == [max(name for name in output.files if name.startswith("network-"))]
    assert blocked(output, "http://cdn.example/x", kind=Kind.DOCUMENT)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"pattern": "/ad", "action": "csp"}, "action", id="response header"),
        pytest.param({"pattern": "/ad", "needs": ("method=post",)}, "condition", id="method"),
        pytest.param({"pattern": "/b\u00fccher"}, "non-ascii", id="not ASCII"),
        pytest.param({"pattern": "/" + "x" * 1001}, "too-long", id="too long"),
        pytest.param({"pattern": "ads(?!old)", "regex": True}, "regex", id="look-ahead"),
        pytest.param({"pattern": "/ad", "sites": ("/^(?!news)/",)}, "site-regex", id="page by expression"),
        pytest.param({"pattern": "/ad", "sites": ("news.*",)}, "entity", id="entity"),
        pytest.param({"pattern": "/ad", "not_sites": ("news.*",)}, "entity-not", id="not an entity"),
        pytest.param({"pattern": "/ad", "sites": ("news.*",), "not_sites": ("news.co.uk",)}, "site-mix", id="mix"),
        pytest.param({"pattern": "ad", "to": ("cdn.example",)}, "to", id="host and pattern"),
        pytest.param({"not_to": ("cdn.example",), "important": True}, "carve", id="important but for hosts"),
        pytest.param({"pattern": "/ad", "kinds": Kind.PING}, "beacon", id="ping"),
    ],
)
def test_gaps_have_a_reason_in_the_table(fields: dict[str, object], reason: str) -> None:
    output = compiled(POLICY, FilterList("l", "adblock", rules=[rule(**fields)]))
    assert output.gaps.count == {reason: 1}
    assert reason in SAFARI


def test_popups_have_a_type_of_their_own() -> None:
    parsed = FilterList("l", "adblock", rules=[rule(pattern="||pop.example/ad", needs=("popup",)), rule(pattern="/x")])
    rules = json.loads(files(compiled(POLICY, parsed))["network.json"])
    said = [(each["trigger"].get("resource-type"), each["action"]["type"]) for each in rules]
    assert said == [
        (None, "block"),
        (["document"], "ignore-previous-rules"),
        (["popup"], "ignore-previous-rules"),
        (["popup"], "block"),
    ]


def test_gaps_of_the_policy() -> None:
    site = Site("rant.example", ORIGIN, javascript=JavaScript.DENY, unlock_scroll=True, hide=("p:has-text(x)", ".ok"))
    policy = Policy("p", javascript=JavaScript.DENY, defaults_lines={"javascript": ORIGIN}, sites={site.host: site})
    assert compiled(policy).gaps.count == {"inline": 2, "scroll": 1, "selector": 1}


def test_carved_rules_that_would_undo_each_other_are_a_gap() -> None:
    first = rule(kinds=Kind.SCRIPT, sites=("news.example",), not_to=("a.test",), text="first")
    second = rule(kinds=Kind.SCRIPT, sites=("sport.news.example",), not_to=("b.test",), text="second")
    output = compiled(POLICY, FilterList("l", "adblock", rules=[first, second]))
    assert [gap.text for gap in output.gaps.kept] == ["second"]
    assert blocked(output, "http://b.test/x.js", "http://sport.news.example/")
    assert not blocked(output, "http://a.test/x.js", "http://news.example/")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"min-version": "latest"}, "not a version", id="a word"),
        pytest.param({"min-version": "13"}, "too old", id="too old"),
        pytest.param({"package": "maybe"}, "neither", id="package"),
    ],
)
def test_options_that_cannot_be(options: dict[str, str], message: str) -> None:
    with pytest.raises(BlockctlError, match=message):
        compiled(POLICY, **options)


def test_has_is_left_out_where_safari_cannot_read_it() -> None:
    parsed = FilterList("l", "adblock", cosmetics=[Cosmetic(Effect.BLOCK, ORIGIN, "x", ".box:has(> .ad)")])
    assert compiled(POLICY, parsed).gaps.count == {}
    assert compiled(POLICY, parsed, **{"min-version": "16.3"}).gaps.count == {"has": 1}


def test_the_package_holds_the_same_rules_with_identifiers_of_their_own() -> None:
    parsed = FilterList("l", "adblock", subtree={"ads.example"}, cosmetics=[Cosmetic(Effect.BLOCK, ORIGIN, "x", ".ad")])
    site = Site("rant.example", ORIGIN, javascript=JavaScript.DENY, blocking=False)
    made = files(compiled(Policy("p", sites={site.host: site}), parsed))
    packages = json.loads(made.pop("blockctl.1blockpkg"))
    assert [package["name"] for package in packages] == ["blockctl cosmetic", "blockctl network", "blockctl javascript"]
    packed = [entry["content"] for package in packages for entry in package["rules"]]
    assert packed == [
        each for name in ("cosmetic", "network", "javascript") for each in json.loads(made[name + ".json"])
    ]
    for package in packages:
        assert len({entry["id"] for entry in package["rules"]}) == len(package["rules"])
    assert "blockctl.1blockpkg" not in files(compiled(POLICY, parsed, package="off"))


def test_same_rules_same_bytes_whatever_their_order() -> None:
    made = world(Random(7))
    turned = with_rules(made.parsed, made.parsed.rules[::-1], made.parsed.cosmetics[::-1])
    assert files(compiled(made.policy, made.parsed)) == files(compiled(made.policy, turned))
