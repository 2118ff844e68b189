"""What the gate holds and what it lets pass: names, shape, and what else is in force."""

from __future__ import annotations

from typing import Any

import pytest

from blockctl.policy.gate import HoldKind, Known, Standing, acceptable_without, judge
from blockctl.policy.gate_nouns import Concern
from tests.policy.gate_cases import FILLER, KNOWN, held, said, standing, version

BEFORE = version(FILLER)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["||another.example^", "news.example##.ad"], {}, id="a usual update"),
        pytest.param(["||my-bank.example^"], {"protect": ["my-bank.example"]}, id="a protected name"),
        pytest.param(["||work.example^"], {"household": ["api.work.example"]}, id="above a name that was asked for"),
        pytest.param(["||apple.com^"], {"essential": ["swcdn.apple.com"]}, id="above an essential name"),
        pytest.param(["||wiki.example^"], {"popular": ["wiki.example"]}, id="a popular site"),
        pytest.param(["||ads.wiki.example^"], {}, id="below a popular site"),
        pytest.param(["||iki.example^", "||notwiki.example^"], {}, id="names that only end or begin alike"),
        pytest.param(["0.0.0.0 www.wiki.example"], {"popular": ["www.wiki.example"]}, id="a hosts line"),
        pytest.param(["||wiki.example^", "@@||wiki.example^"], {}, id="blocked and excepted"),
        pytest.param(
            ["||wiki.example^$important", "@@||wiki.example^"],
            {"popular": ["wiki.example"]},
            id="an important block beats the exception",
        ),
        pytest.param(
            ["||wiki.example^$denyallow=www.wiki.example"], {"popular": ["wiki.example"]}, id="all but a part of it"
        ),
        pytest.param(["||wiki.example^$third-party"], {}, id="not for its own pages"),
        pytest.param(["||wiki.example^$image"], {}, id="only its pictures"),
        pytest.param(["||wiki.example^$all"], {"popular": ["wiki.example"]}, id="all of a site"),
        pytest.param(["||co.uk^"], {"suffix": ["||co.uk^"]}, id="a registry's suffix"),
        pytest.param(["||com^"], {"suffix": ["||com^"]}, id="a top level"),
        pytest.param(["||duckdns.org^"], {}, id="an owner's suffix is refused, not held"),
    ],
)
def test_what_new_lines_do(lines: list[str], expected: dict[str, list[str]]) -> None:
    assert held(BEFORE, version([FILLER, *lines])) == expected


@pytest.mark.parametrize(
    ("form", "line"),
    [
        pytest.param("0.0.0.0 {}", "0.0.0.0 swcdn.apple.com", id="hosts"),
        pytest.param("{}", "swcdn.apple.com", id="domains"),
        pytest.param("*.{}", "*.apple.com", id="wildcard"),
        pytest.param("address=/{}/#", "address=/apple.com/#", id="dnsmasq"),
        pytest.param('local-zone: "{}" always_nxdomain', 'local-zone: "apple.com" always_nxdomain', id="unbound"),
        pytest.param("||{}^", "||apple.com^", id="adblock"),
    ],
)
def test_every_format_names_its_line(form: str, line: str) -> None:
    filler = [form.format(f"ad{number}.example") for number in range(100)]
    (hold,) = judge(version(filler, use="dns"), version([*filler, line], use="dns"), KNOWN, standing())
    assert [(each.name, each.lines[0].number, each.lines[0].text) for each in hold.blocked] == [
        ("swcdn.apple.com", 101, line)
    ]


def test_a_message_has_nothing_that_a_terminal_obeys() -> None:
    filler = "\n".join(f"0.0.0.0 ad{number}.example" for number in range(300))
    (hold,) = judge(version(filler), version(f"{filler}\n0.0.0.0 co.uk # \x1b[2J"), KNOWN, standing())
    assert (hold.kind, hold.message.isprintable()) == (HoldKind.SUFFIX, True)


@pytest.mark.parametrize(
    ("form", "suffix"),
    [
        pytest.param("0.0.0.0 {}", "0.0.0.0 co.uk", id="hosts"),
        pytest.param("{}", "co.uk", id="domains"),
        pytest.param("address=/{}/#", "address=/co.uk/#", id="dnsmasq"),
        pytest.param('local-zone: "{}" always_nxdomain', 'local-zone: "co.uk" always_nxdomain', id="unbound"),
        pytest.param("{} CNAME .", "co.uk CNAME .", id="rpz"),
    ],
)
def test_every_format_shows_its_suffixes(form: str, suffix: str) -> None:
    filler = [form.format(f"ad{number}.example") for number in range(100)]
    assert held(version(filler, use="dns"), version([*filler, suffix], use="dns")) == {"suffix": [suffix]}
    assert held(version([*filler, suffix], use="dns"), version([*filler, suffix, filler[0]], use="dns")) == {}


@pytest.mark.parametrize(
    ("policy", "others", "expected"),
    [
        pytest.param("version: 1\n", [], {"popular"}, id="nothing else speaks"),
        pytest.param("version: 1\nhosts: {allow: [wiki.example]}\n", [], set(), id="the policy allows it"),
        pytest.param("version: 1\nhosts: {deny: [wiki.example]}\n", [], set(), id="the policy denies it already"),
        pytest.param("version: 1\nhosts: {allow: [other.example]}\n", [], {"popular"}, id="it allows another"),
        pytest.param("version: 1\ndefaults: {blocking: off}\n", [], set(), id="lists apply nowhere"),
        pytest.param("version: 1\nsites: {wiki.example: {blocking: off}}\n", [], set(), id="no lists on that site"),
        pytest.param("version: 1\n", ["||wiki.example^"], set(), id="another list blocks it anyway"),
        pytest.param("version: 1\n", ["@@||wiki.example^"], set(), id="another list excepts it"),
        pytest.param("version: 1\n", ["||www.wiki.example^"], {"popular"}, id="another list blocks a part"),
    ],
)
def test_the_whole_policy_counts(policy: str, others: list[str], expected: set[str]) -> None:
    beside = standing(policy, *(version(text, name=f"other{at}") for at, text in enumerate(others)))
    assert held(BEFORE, version(f"{FILLER}\n||wiki.example^"), beside).keys() == expected


def test_what_was_blocked_before_is_not_new() -> None:
    before = version(f"{FILLER}\n||wiki.example^")
    assert held(before, version(f"||fresh.example^\n{FILLER}\n||wiki.example^")) == {}


def test_the_same_name_on_a_wider_line_is_not_new() -> None:
    assert held(version(f"{FILLER}\n||wiki.example^"), version(f"{FILLER}\n||www.wiki.example^\n||wiki.example^")) == {}


def test_an_exception_that_goes_blocks_too() -> None:
    other = version("||wiki.example^", name="other")
    before = version(f"{FILLER}\n@@||wiki.example^")
    (hold,) = judge(before, BEFORE, KNOWN, standing("version: 1\n", other))
    assert hold.kind is HoldKind.POPULAR
    assert [each.lines for each in hold.blocked] == [()]
    assert acceptable_without([hold]) is None, "leaving lines out brings no exception back"


EXCEPTION = "@@||wiki.example^"


@pytest.mark.parametrize(
    ("old", "new", "other", "use", "expected"),
    [
        pytest.param(["||wiki.example^", EXCEPTION], [EXCEPTION + "$badfilter"], [], "both", {"popular"}, id="its own"),
        pytest.param([], [EXCEPTION + "$badfilter"], ["||wiki.example^", EXCEPTION], "dns", {"popular"}, id="other's"),
        pytest.param(["||wiki.example^$badfilter"], [], ["||wiki.example^"], "both", {"popular"}, id="unsaid again"),
        pytest.param(["||wiki.example^"], ["||wiki.example^$badfilter"], [], "both", set(), id="takes a block away"),
        pytest.param(
            [], ["@@*$script,domain=wiki.example,badfilter"],
            ["*$script,domain=wiki.example", "@@*$script,domain=wiki.example"], "browser", {"pages"}, id="on its pages",
        ),
    ],
)  # fmt: skip
def test_badfilter_lines_count(old: list[str], new: list[str], other: list[str], use: str, expected: set[str]) -> None:
    """A list may take rules from itself and from every other list."""
    before, after = version([FILLER, *old], use=use), version([FILLER, *old, *new], use=use)
    if old and not new:
        after = version([FILLER], use=use)
    beside = standing("version: 1\n", version(["||x.example^", *other], "other", use=use))
    assert set(held(before, after, beside)) == expected
    assert set(held(before, after, beside)) == expected, "judging changes nothing"


def test_a_pause_hides_nothing() -> None:
    from dataclasses import replace

    beside = standing()
    paused = Standing(replace(beside.policy, paused=True))
    assert held(BEFORE, version(f"{FILLER}\n||my-bank.example^\n||wiki.example^"), paused).keys() == {
        "protect",
        "popular",
    }


def test_a_protected_name_counts_though_it_stays_reachable() -> None:
    beside = standing("version: 1\nprotect: [my-bank.example]\n")
    assert held(BEFORE, version(f"{FILLER}\n||my-bank.example^"), beside) == {"protect": ["my-bank.example"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{FILLER}\n||my-bank.example^", {"protect"}, id="protected"),
        pytest.param(f"{FILLER}\n||apple.com^", {"essential"}, id="essential"),
        pytest.param(f"{FILLER}\n||wiki.example^\n||news.example^", set(), id="what it is meant to block"),
        pytest.param("<!doctype html><p>no</p>", {"no-list"}, id="a web page"),
        pytest.param("||co.uk^\n||a.example^", {"suffix"}, id="a suffix"),
    ],
)
def test_a_list_that_is_new_here(text: str, expected: set[str]) -> None:
    assert held(None, version(text)).keys() == expected


@pytest.mark.parametrize("name", ["news.example", "www.news.example"])
def test_a_list_that_is_new_here_and_blocks_a_site_of_the_policy(name: str) -> None:
    beside = standing("version: 1\nsites: {news.example: {javascript: allow}, other.example: {blocking: off}}\n")
    known = Known({Concern.HOUSEHOLD: {"news.example": "line 2", "www.news.example": "line 2", "other.example": ""}})
    found = judge(None, version(f"{FILLER}\n||{name}^\n||other.example^"), known, beside)
    assert [said(hold) for hold in found] == [[name]], "lists are off on the other one"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(300, set(), id="as it was"),
        pytest.param(210, set(), id="less, but not by a third"),
        pytest.param(199, {"shrank"}, id="less by more than a third"),
        pytest.param(1, {"shrank"}, id="nearly nothing"),
        pytest.param(400, set(), id="more by a third"),
        pytest.param(401, {"grew"}, id="more by more than a third"),
        pytest.param(900, {"grew"}, id="three times as much"),
    ],
)
def test_size(count: int, expected: set[str]) -> None:
    assert held(BEFORE, version(f"||ad{number}.example^" for number in range(count))).keys() == expected


@pytest.mark.parametrize(("old", "new"), [(3, 40), (49, 1), (10, 10)])
def test_a_small_list_may_change_as_it_likes(old: int, new: int) -> None:
    before, after = (version(f"||ad{number}.example^" for number in range(count)) for count in (old, new))
    assert held(before, after) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("<html><body>404</body></html>", "no-list", id="a web page"),
        pytest.param('{"error": "not found"}', "no-list", id="JSON"),
        pytest.param("404: Not Found", "no-list", id="an error message"),
        pytest.param("", "no-list", id="empty"),
        pytest.param("\n".join(f"0.0.0.0 ad{number}.example" for number in range(300)), "format", id="another format"),
    ],
)
def test_what_a_list_turned_into(text: str, kind: str) -> None:
    assert held(BEFORE, version(text)).keys() == {kind}


def test_lines_that_cannot_be_read() -> None:
    broken = [f"!!ad{number}..example" for number in range(100)]
    filler = [f"ad{number}.example" for number in range(300)]
    assert held(version(filler), version([*filler, *(line[2:] for line in broken)])).keys() == {"unread"}
    assert held(version([*filler, "a..example"]), version([*filler, "a..example", "b..example"])) == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("||wiki.example^$script", ["wiki.example", "www.wiki.example"], id="its scripts"),
        pytest.param("*$script,domain=wiki.example", ["wiki.example", "www.wiki.example"], id="scripts on its pages"),
        pytest.param("|https://www.wiki.example/$stylesheet", ["www.wiki.example"], id="an address"),
        pytest.param("||wiki.example^$script,third-party", [], id="not its own"),
        pytest.param("||wiki.example/ads/$script", [], id="only a folder"),
        pytest.param("*$script,domain=other.example", [], id="another site's pages"),
        pytest.param("||cdn.wiki.example^$script", [], id="another host of its own"),
    ],
)
def test_rules_for_browsers(line: str, expected: list[str]) -> None:
    assert held(BEFORE, version(f"{FILLER}\n{line}")).get("pages", []) == expected


def test_a_rule_that_meets_everything() -> None:
    assert set(held(BEFORE, version(f"{FILLER}\n|https://"))["pages"]) == set(KNOWN.why)


@pytest.mark.parametrize(
    ("policy", "other"),
    [
        pytest.param("version: 1\nsites: {wiki.example: {blocking: off}}\n", "", id="blocking is off there"),
        pytest.param("version: 1\nhosts: {allow: [wiki.example]}\n", "", id="the policy allows it"),
        pytest.param("version: 1\n", "@@||wiki.example^", id="another list excepts it"),
        pytest.param("version: 1\n", "||wiki.example^$script", id="another list blocks it anyway"),
    ],
)
def test_rules_for_browsers_beside_the_policy(policy: str, other: str) -> None:
    beside = standing(policy, version(other or "||x.example^", name="other"))
    assert held(BEFORE, version(f"{FILLER}\n||wiki.example^$script"), beside) == {}


def test_a_list_for_dns_alone_has_no_rules_for_browsers() -> None:
    lines = f"{FILLER}\n*$script,domain=wiki.example"
    assert held(version(FILLER, use="dns"), version(lines, use="dns")) == {}


def test_lines_to_leave_out_mend_what_is_held() -> None:
    bad = ["||my-bank.example^", "||wiki.example^", "||www.wiki.example^", "||co.uk^", "||wiki.example^$script"]
    after = version([FILLER, *bad])
    without = acceptable_without(judge(BEFORE, after, KNOWN, standing()))
    assert without is not None
    assert set(without) == set(bad)
    assert held(BEFORE, version([FILLER, *(line for line in bad if line not in without)])) == {}


def test_too_many_names_are_counted_not_told() -> None:
    names = [f"site{number}.example" for number in range(1200)]
    known = Known({Concern.POPULAR: dict.fromkeys(names, "")})
    filler = [f"ad{number}.example" for number in range(9000)]
    (hold,) = judge(version(filler), version([*filler, *names]), known, standing())
    assert (len(hold.blocked), hold.more) == (500, 700)
    assert "and 1,199 more" in hold.message
    assert acceptable_without([hold]) is None


def test_a_name_counts_in_its_first_concern() -> None:
    names: dict[Concern, Any] = {concern: {"x.example": concern.value} for concern in reversed(Concern)}
    assert Known(names).why == {"x.example": (Concern.PROTECT, "protect")}


def test_the_most_asked_for_comes_first() -> None:
    assert sorted(KNOWN.why, key=KNOWN.rank)[0] == "api.work.example"


def test_a_site_is_told_before_what_lies_below_it() -> None:
    known = Known({Concern.ESSENTIAL: {"albert.a.example": "", "a.example": "", "b.a.example": ""}})
    (hold,) = judge(BEFORE, version(f"{FILLER}\n||a.example^"), known, standing())
    assert hold.message == "the new version of easy blocks a.example and 2 more, essential names"
    assert [each.name for each in hold.blocked] == ["a.example", "albert.a.example", "b.a.example"]
