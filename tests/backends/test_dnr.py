"""What is written for declarativeNetRequest: conditions, priorities, regions, the folder."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blockctl.backends import dnr
from blockctl.backends.capabilities import CAPABILITIES
from blockctl.backends.dnr_condition import area, types, url_filter
from blockctl.backends.dnr_regex import Unsayable, as_pattern, re2
from blockctl.backends.output import Output
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.parsers import PARSERS
from tests.backends.test_ublock import policy, site


def written(text: str, said: Policy | None = None, **options: str) -> Output:
    """Return the output for a list in EasyList's dialect."""
    named = {key.replace("_", "-"): value for key, value in options.items()}
    return dnr.emit(said or policy(), dnr.prepare([PARSERS["adblock"](text, "list")], named), named)


def rules(output: Output, name: str = "lists-1.json") -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "id"} for each in loaded(output, name)]


def loaded(output: Output, name: str) -> Any:
    return json.loads(b"".join(output.files[name]))


def block(**condition: object) -> dict[str, Any]:
    return {"action": {"type": "block"}, "condition": condition}


@pytest.mark.parametrize(
    ("pattern", "condition"),
    [
        pytest.param("/ads/", ',"urlFilter":"/ads/"', id="plain"),
        pytest.param("||ads.net/x", ',"urlFilter":"||ads.net/x"', id="host anchor"),
        pytest.param("|https://x|", ',"urlFilter":"|https://x|"', id="both ends"),
        pytest.param("||*x", ',"urlFilter":"x"', id="an anchor before a star is none"),
        pytest.param("|/x", ',"urlFilter":"/x"', id="an anchor before a slash is none"),
        pytest.param("*/x*", ',"urlFilter":"/x"', id="stars at open ends"),
        pytest.param("/x*|", ',"urlFilter":"/x"', id="an end behind a star is none"),
        pytest.param("/x|*", ',"urlFilter":"/x|*"', id="a bar that is no end"),
        pytest.param("||ads.net^*/x^", ',"urlFilter":"||ads.net^*/x^"', id="separators"),
        pytest.param("/b\u00fccher", ',"urlFilter":"/b%C3%BCcher"', id="in ASCII"),
        pytest.param("**", "", id="everything"),
    ],
)
def test_url_filter(pattern: str, condition: str) -> None:
    assert url_filter(pattern, match_case=False) == condition


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(r"\/ads\/\d+", [r"/ads/\d+"], id="slashes"),
        pytest.param("a[^]b", [r"a[\s\S]b"], id="any character"),
        pytest.param("(a|b)c", ["(?:a|b)c"], id="groups capture nothing"),
        pytest.param("[[]x]", [r"[\[]x\]"], id="brackets"),
        pytest.param("x{2,3}?y", ["x{2,3}?y"], id="lazy"),
        pytest.param("a{90}|b{90}", ["a{90}", "b{90}"], id="too large together"),
        pytest.param("^https:\\/\\/" + "a" * 108, ["^https://" + "a" * 108], id="what it begins with is not compiled"),
        pytest.param("a(?=b)", "regex", id="look-around"),
        pytest.param(r"(a)\1", "regex", id="reference"),
        pytest.param("[z-a]", "regex", id="range that falls"),
        pytest.param("a{1001}", "regex", id="too many times"),
        pytest.param("(a", "regex", id="open group"),
        pytest.param("a)", "regex", id="closing without opening"),
        pytest.param("[0-9a-z]{38}", "regex-size", id="too large"),
        pytest.param("b\u00fccher", "non-ascii", id="not ASCII"),
    ],
)
def test_re2(source: str, said: list[str] | str) -> None:
    if isinstance(said, list):
        assert re2(source) == said
    else:
        with pytest.raises(Unsayable) as told:
            re2(source)
        assert told.value.reason == said


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        pytest.param("ads", "ads", id="letters"),
        pytest.param(r"^https:\/\/x\.net\/.*\.js$", "|https://x.net/*.js|", id="ends, any run"),
        pytest.param("^https?:", "", id="a choice"),
        pytest.param("a.b", "", id="any character"),
        pytest.param(r"a\d", "", id="class"),
        pytest.param(r"a\*b", "", id="a star that is one"),
        pytest.param(".*a", "", id="any run at an end"),
    ],
)
def test_expressions_that_are_patterns(source: str, pattern: str) -> None:
    assert as_pattern(source) == pattern


def test_names_within_names_are_parted() -> None:
    (outer, inner) = area((("news.com", "a.b.news.com"), ("b.news.com",)))
    assert (outer.names, outer.but, inner.names, inner.but) == (["news.com"], ["b.news.com"], ["a.b.news.com"], [])
    (both,) = area((("ads.net",), ()), (("img.ads.net", "news.com"), ()))
    assert both.names == ["img.ads.net"]
    assert area((("ads.net",), ()), (("news.com",), ())) == []


def test_types() -> None:
    assert types(SUBRESOURCES.value, firefox=False) == ""
    assert '"main_frame"' in types(ALL_KINDS.value, firefox=False)
    assert types((Kind.SCRIPT | Kind.IMAGE).value, firefox=False) == ',"resourceTypes":["script","image"]'
    assert types((SUBRESOURCES & ~Kind.IMAGE).value, firefox=True) == (
        ',"excludedResourceTypes":["main_frame","image","imageset"]'
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("/ads/x", [block(urlFilter="/ads/x")], id="pattern"),
        pytest.param("/ads/x$script,3p", [block(urlFilter="/ads/x", domainType="thirdParty", resourceTypes=["script"])],
                     id="kind, party"),
        pytest.param("||a.net^$3p", [
            block(requestDomains=["a.net"], domainType="thirdParty"),
        ], id="a page that is opened is first party"),
        pytest.param("||a.net^$doc,domain=x.a.net|b.com", [
            block(requestDomains=["x.a.net"], resourceTypes=["main_frame"]),
        ], id="a page that is opened is its own site"),
        pytest.param("/x$domain=news.com|~b.news.com", [
            block(urlFilter="/x", initiatorDomains=["news.com"], excludedInitiatorDomains=["b.news.com"]),
        ], id="pages"),
        pytest.param("@@/x$important", [{"priority": 3, "action": {"type": "allow"}, "condition": {"urlFilter": "/x"}}],
                     id="exception"),
        pytest.param("/x$important", [block(urlFilter="/x") | {"priority": 4}], id="important"),
        pytest.param("*$script,domain=a.com,denyallow=b.net", [
            block(excludedRequestDomains=["b.net"], initiatorDomains=["a.com"], resourceTypes=["script"]),
        ], id="denyallow"),
        pytest.param("/x$method=post|put", [block(urlFilter="/x", requestMethods=["post", "put"])], id="method"),
        pytest.param("/x$object", [block(urlFilter="/x", resourceTypes=["object"])], id="a kind that is none of ours"),
        pytest.param("/x$match-case", [block(urlFilter="/x", isUrlFilterCaseSensitive=True)], id="letter case"),
        pytest.param("||a.net^$removeparam=b\n||a.net^$removeparam=a", [{
            "action": {"type": "redirect", "redirect": {"transform": {"queryTransform": {"removeParams": ["a", "b"]}}}},
            "condition": {"requestDomains": ["a.net"], "resourceTypes": ["main_frame", "sub_frame", "xmlhttprequest"]},
        }], id="parameters together"),
        pytest.param("||a.net^$csp=x\n@@||b.a.net^$csp=x", [{
            "priority": 6,
            "action": {"type": "modifyHeaders", "responseHeaders": [
                {"header": "content-security-policy", "operation": "append", "value": "x"}]},
            "condition": {"requestDomains": ["a.net"], "excludedRequestDomains": ["b.a.net"],
                          "resourceTypes": ["main_frame", "sub_frame"]},
        }], id="header and its exception"),
        pytest.param("/x$script,redirect=noopjs:10", [{
            "priority": 2,
            "action": {"type": "redirect", "redirect": {"extensionPath": "/instead/noop.js"}},
            "condition": {"urlFilter": "/x", "resourceTypes": ["script"]},
        }], id="something harmless in place"),
        pytest.param("/x$script,redirect=google-ima.js", [block(urlFilter="/x", resourceTypes=["script"])],
                     id="nothing of that name here"),
        pytest.param("/x$domain=a.com\n/x$domain=b.com", [block(urlFilter="/x", initiatorDomains=["a.com", "b.com"])],
                     id="rules that differ in their pages"),
        pytest.param("/x$domain=a.com\n/x", [block(urlFilter="/x")], id="one of them is for all pages"),
        pytest.param("||a.net^\n||a.net/x\n||b.a.net^$script", [
            block(requestDomains=["a.net"], resourceTypes=[
                "main_frame", "sub_frame", "script", "stylesheet", "image", "font", "media", "xmlhttprequest",
                "websocket", "ping", "other", "object", "csp_report", "webtransport", "webbundle"]),
        ], id="what a whole host covers"),
    ],
)  # fmt: skip
def test_lines(line: str, said: list[dict[str, Any]]) -> None:
    output = written(line)
    assert rules(output) == said
    assert not output.gaps.count


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("||a.net^$popup", "popup"),
        ("||a.net^$ipaddress=192.0.2.7", "condition"),
        ("||a.net^$replace=/a/b/", "action"),
        ("@@/x$csp", "modifier-exception"),
        ("||a.net^$removeparam=/^utm/", "removeparam"),
        ("/a(?!b)/", "regex"),
        ("/[0-9a-f]{40}x/", "regex-size"),
        ("||a.net^$domain=/^a/", "site-regex"),
        ("/x$domain=news.*", "entity"),
        ("/x$domain=~news.*", "entity-not"),
        ("example.com##.ad", "cosmetic"),
    ],
)
def test_gaps(line: str, reason: str) -> None:
    output = written(line)
    assert output.gaps.count == {reason: 1}
    assert output.gaps.kept[0].origin.line == 1
    assert reason in CAPABILITIES["dnr"]


def test_room_for_regular_expressions() -> None:
    output = written("".join(f"/a{number}[0-9]b/\n" for number in range(1100)))
    assert output.gaps.count == {"regex-count": 140}
    assert sum("regexFilter" in each["condition"] for each in rules(output)) == 960


def test_names_alone_are_told_by_how_many_labels_they_have() -> None:
    prepared = dnr.prepare([FilterList("hosts", "hosts", exact={"a.net", "b.net", "x.c.net"})], {})
    found = rules(dnr.emit(policy(), prepared, {}))
    by_names = {tuple(each["condition"]["requestDomains"]): each["condition"] for each in found}
    assert set(by_names) == {("a.net", "b.net"), ("x.c.net",)}
    assert by_names["a.net", "b.net"]["regexFilter"] == r"^[a-z]+://(?:[^./:]+\.){1}[^./:]+\.?[:/]"


def test_files_hold_what_every_browser_has_room_for() -> None:
    text = "@@/exception/\n" + "".join(f"/{number}/\n" for number in range(30_000))
    output = written(text)
    assert len(rules(output)) == 30_000
    assert len(rules(output, "lists-2.json")) == 1
    assert rules(output)[0]["priority"] == 3  # what decides first is in the first file
    assert [each["id"] for each in loaded(output, "manifest.json")["declarative_net_request"]["rule_resources"]] == [
        "policy", "lists-1", "lists-2",
    ]  # fmt: skip
    assert any("30,000" in note for note in output.notes)


def test_one_rule_for_a_mode_never_for_a_site() -> None:
    sites = [site(f"s{number}.test", javascript=JavaScript.DENY) for number in range(5_000)]
    output = written("", policy(*sites))
    assert len(rules(output, "policy.json")) == 2
    assert output.gaps.count == {"service-worker": 5_000}


def test_first_party_has_a_rule_for_each_domain() -> None:
    """Not one for all: a frame from elsewhere may load the site's own scripts, and no other site's."""
    first = JavaScript.FIRST_PARTY
    said = policy(
        site("a.test", javascript=first),
        site("www.b.test", javascript=first),
        site("m.a.test", javascript=JavaScript.ALLOW),
        site("github.io", javascript=first),  # whose sites have one owner each
    )
    output = written("", said)
    conditions = [rule["condition"] for rule in rules(output, "policy.json")]
    script = {"resourceTypes": ["script"]}
    assert conditions == [
        {"topDomains": ["github.io"], "domainType": "thirdParty", **script},
        {"topDomains": ["a.test"], "excludedTopDomains": ["m.a.test"], "excludedRequestDomains": ["a.test"], **script},
        {"topDomains": ["www.b.test"], "excludedRequestDomains": ["b.test"], **script},
    ]
    assert [(gap.reason, gap.text) for gap in output.gaps.kept] == [
        ("frame", "sites: github.io: javascript: first-party")
    ]


def test_a_pause_and_lists_that_apply_nowhere() -> None:
    paused = Policy("policy.yaml", paused=True)
    assert rules(written("/x", paused), "policy.json") == []
    assert set(written("/x", paused).files) == {"manifest.json", "policy.json"}
    assert "lists-1.json" not in written("/x", Policy("policy.yaml", blocking=False)).files


def test_hide_and_scroll() -> None:
    said = policy(
        site("news.test", hide=(".modal", "a{b"), unlock_scroll=True), site("quiet.news.test", hide=("#box",)),
        site("192.0.2.7", unlock_scroll=True),
    )  # fmt: skip
    output = written("", said)
    sheets = {each["css"][0]: each for each in loaded(output, "manifest.json")["content_scripts"]}
    assert sheets["hide-1.css"]["matches"] == ["*://*.news.test/*"]
    assert sheets["hide-1.css"]["exclude_matches"] == ["*://*.quiet.news.test/*"]
    assert b"".join(output.files["hide-1.css"]) == b".modal { display: none !important }\n"
    assert sheets["scroll-1.css"]["matches"] == ["*://192.0.2.7/*", "*://*.news.test/*"]
    assert output.gaps.count == {"selector": 1}


def test_firefox_knows_no_page_above_frames() -> None:
    said = policy(site("news.test", blocking=False, deny=("chat.test",), javascript=JavaScript.DENY))
    output = written("||a.net^", said, browser="firefox")
    conditions = [each["condition"] for each in rules(output, "policy.json")]
    assert not any("topDomains" in condition for condition in conditions)
    off = next(each for each in rules(output, "policy.json") if each["action"]["type"] == "allowAllRequests")
    assert off["condition"] == {"requestDomains": ["news.test"], "resourceTypes": ["main_frame"]}
    assert output.gaps.count == {"service-worker": 1, "fetched": 1, "frame": 1}
    assert len(rules(output)) == 2  # pages and what they load: no list of all types that every Firefox knows
    gecko = loaded(output, "manifest.json")["browser_specific_settings"]["gecko"]
    assert gecko["strict_min_version"] == "128.0"


@pytest.mark.parametrize(
    "options",
    [{"browser": "opera"}, {"min-version": "new"}, {"min-version": "99"}, {"browser": "firefox", "min-version": "1"}],
)
def test_options_that_are_none(options: dict[str, str]) -> None:
    with pytest.raises(BlockctlError):
        dnr.prepare([], options)


def test_an_older_chromium_is_told_by_the_document_that_asks() -> None:
    said = policy(site("news.test", deny=("chat.test",)))
    (rule,) = rules(written("", said, min_version="120"), "policy.json")
    assert rule["condition"] == {"requestDomains": ["chat.test"], "initiatorDomains": ["news.test"]}
