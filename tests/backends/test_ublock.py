"""uBlock Origin's filter list: which lines say the policy, and what becomes of a list's lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blockctl.backends import ublock
from blockctl.backends.capabilities import UBLOCK
from blockctl.backends.output import Output
from blockctl.backends.ublock_lines import cosmetic_line, network_line
from blockctl.backends.ublock_policy import SANDBOX
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import SUBRESOURCES, Kind
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Rule, Scope
from blockctl.parsers import PARSERS

HERE = Origin("policy.yaml", 3)
PAGES: dict[str, object] = {"pattern": "|https://x.net/", "kinds": SUBRESOURCES}
DENY, ALLOW, FIRST = JavaScript.DENY, JavaScript.ALLOW, JavaScript.FIRST_PARTY


def entry(host: str, allow: bool) -> HostEntry:
    return HostEntry(host, allow, HERE)


def site(host: str, allow: tuple[str, ...] = (), deny: tuple[str, ...] = (), **told: object) -> Site:
    hosts = (*(entry(name, True) for name in allow), *(entry(name, False) for name in deny))
    return replace(Site(host, HERE), hosts=hosts, **told)


def policy(*sites: Site, allow: tuple[str, ...] = (), deny: tuple[str, ...] = (), **told: object) -> Policy:
    entries = (*(entry(name, True) for name in allow), *(entry(name, False) for name in deny))
    hosts = {each.host: each for each in entries}
    return replace(Policy("policy.yaml"), sites={each.host: each for each in sites}, hosts=hosts, **told)


def important(text: str, **told: object) -> FilterList:
    rule = Rule(Effect.BLOCK, Origin("list", 1), text, important=True, **told)
    return FilterList("list", "adblock", rules=[rule])


def emit(wanted: Policy, *lists: FilterList) -> Output:
    return ublock.emit(wanted, ublock.prepare(lists, {}), {})


def lines(output: Output) -> list[str]:
    written = b"".join(output.files[""]).decode()
    assert written.startswith(ublock.HEADER)
    return [line for line in written.splitlines() if not line.startswith("!")]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(policy(), [], id="nothing said"),
        pytest.param(
            policy(site("rant.example", javascript=DENY)),
            [f"||rant.example^$document,{SANDBOX}"],
            id="javascript: deny",
        ),
        pytest.param(
            policy(site("a.example", javascript=ALLOW), site("x.a.example", javascript=DENY), javascript=DENY),
            [f"*$document,{SANDBOX}", "@@||a.example^$document,csp,to=~x.a.example"],
            id="default deny, a denied site inside an allowed one",
        ),
        pytest.param(
            policy(site("a.example", javascript=DENY), site("x.a.example", javascript=DENY)),
            [f"||a.example^$document,{SANDBOX}"],
            id="a site that says the same as the one above it",
        ),
        pytest.param(
            policy(site("a.example", javascript=FIRST), site("x.a.example", javascript=ALLOW)),
            ["*$script,3p,important,domain=a.example|~x.a.example"],
            id="first-party",
        ),
        pytest.param(
            policy(deny=("t.example",), allow=("a.t.example",)),
            [
                "||t.example^$important,to=~a.t.example",
                "||t.example^$document,important,to=~a.t.example",
                "@@||a.t.example^",
            ],
            id="an allowed host below a denied one",
        ),
        pytest.param(
            policy(deny=("t.example", "b.a.t.example"), allow=("a.t.example",)),
            [
                "||t.example^$important,to=~a.t.example",
                "||t.example^$document,important,to=~a.t.example",
                "||b.a.t.example^$important",
                "||b.a.t.example^$document,important",
                "@@||a.t.example^",
            ],
            id="three deep",
        ),
        pytest.param(
            policy(site("news.example", allow=("t.example",)), deny=("t.example",)),
            [
                "||t.example^$important,domain=~news.example",
                "||t.example^$document,important,domain=~news.example",
                "@@||t.example^$domain=news.example",
            ],
            id="a site allows what is denied everywhere",
        ),
        pytest.param(
            policy(site("news.example", allow=("a.t.example",)), deny=("t.example",)),
            [
                "||t.example^$important,domain=~news.example",
                "||t.example^$document,important,domain=~news.example",
                "||t.example^$important,domain=news.example,to=~a.t.example",
                "@@||a.t.example^$domain=news.example",
            ],
            id="a site allows a part of what is denied everywhere",
        ),
        pytest.param(
            policy(site("news.example", deny=("t.example",)), allow=("a.t.example",)),
            ["||t.example^$important,domain=news.example", "@@||a.t.example^"],
            id="the site speaks before hosts, though its name is wider",
        ),
        pytest.param(policy(protect={"bank.example": HERE}), ["@@||bank.example^"], id="protect"),
        pytest.param(
            policy(site("s.example", blocking=False), site("x.s.example", blocking=True)),
            [
                "@@*$domain=s.example|~x.s.example",
                "@@||s.example^$elemhide,to=~x.s.example",
                "s.example#@#+js()",
            ],
            id="blocking: off, on again below",
        ),
        pytest.param(
            policy(site("n.example", hide=(".a", "div > .b"), unlock_scroll=True), site("x.n.example", hide=(".c",))),
            [
                "n.example,~x.n.example##.a",
                "n.example,~x.n.example##div > .b",
                "x.n.example##.c",
                "n.example##html,body:style(overflow: auto !important; position: static !important)",
            ],
            id="hide and scroll, the nearest site's",
        ),
        pytest.param(policy(site("a.example", javascript=DENY), paused=True), [], id="paused"),
    ],
)
def test_policy(wanted: Policy, expected: list[str]) -> None:
    assert lines(emit(wanted)) == expected


RULE = "||ads.example^$script,important"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("||a.example^$important", ["||a.example^$important", "||a.example^$document,important"], id="all"),
        pytest.param("||a.example^$script,important", ["||a.example^$script,important"], id="of a kind"),
        pytest.param("||a.example^$inline-script,important", ["||a.example^$inline-script,important"],
                     id="no block of requests"),
        pytest.param("||a.example^$3p,important", ["||a.example^$3p,important"], id="a page is first party"),
        pytest.param("||a.example^$important,domain=b.example", ["||a.example^$important,domain=b.example"],
                     id="on other pages"),
        pytest.param("||a.example^$domain=x.b.example|~b.example", ["||a.example^$domain=x.b.example"],
                     id="around what it is limited to"),
        pytest.param("||a.example^$domain=b.example|~x.b.example", ["||a.example^$domain=b.example|~x.b.example"],
                     id="within it"),
        pytest.param("||example.com^$script,to=x.a.example.com|~a.example.com",
                     ["||example.com^$script,to=x.a.example.com"], id="around a host"),
        pytest.param("/ads/$domain=b.example|~x.b.example|a.x.b.example", [], id="both: a gap"),
    ],
)  # fmt: skip
def test_lines_of_lists(line: str, expected: list[str]) -> None:
    output = emit(policy(), PARSERS["adblock"](f"{line}\n", "list"))
    assert lines(output) == expected
    assert output.gaps.count == ({} if expected else {"nested-names": 1})


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(policy(), [RULE], id="untouched"),
        pytest.param(policy(allow=("other.example",)), [RULE], id="another host"),
        pytest.param(policy(allow=("x.ads.example",)), [f"{RULE},to=~x.ads.example"], id="a host below"),
        pytest.param(policy(allow=("ads.example",)), [], id="the host itself"),
        pytest.param(policy(protect={"example": HERE}), [], id="protected from above"),
        pytest.param(policy(site("s.example", blocking=False)), [f"{RULE},domain=~s.example"], id="blocking: off"),
        pytest.param(
            policy(site("s.example", allow=("x.ads.example",))),
            [f"{RULE},domain=~s.example", f"{RULE},domain=s.example,to=~x.ads.example"],
            id="on one site only",
        ),
        pytest.param(
            policy(site("s.example", blocking=False), site("x.s.example", blocking=True)),
            [f"{RULE},domain=~s.example", f"{RULE},domain=x.s.example"],
            id="blocking on again below",
        ),
    ],
)
def test_an_important_rule_gives_way(wanted: Policy, expected: list[str]) -> None:
    written = lines(emit(wanted, important(RULE, host="ads.example")))
    assert [line for line in written if line.startswith("||ads.example^$script")] == expected


def test_an_important_rule_keeps_its_own_sites_and_redirect() -> None:
    text = "||ads.example/x.js$script,redirect=noopjs:10,domain=s.example|other.*|~y.s.example,important"
    told = {"pattern": "||ads.example/x.js", "sites": ("s.example", "other.*"), "not_sites": ("y.s.example",)}
    wanted = policy(
        site("s.example", blocking=False), site("x.s.example", blocking=True), site("other.co.uk", ("ads.example",))
    )
    head = "||ads.example/x.js*$script,redirect=noopjs:10,important"
    assert [line for line in lines(emit(wanted, important(text, **told))) if line.startswith(head)] == [
        f"{head},domain=s.example|other.*|~y.s.example|~s.example|~other.co.uk",
        f"{head},domain=x.s.example|~y.s.example",
    ]


def test_an_exception_to_every_csp_would_lift_the_sandbox() -> None:
    rules = [
        Rule(Effect.ALLOW, Origin("list", at), f"@@||{host}^$csp", host=host, action="csp")
        for at, host in enumerate(("rant.example", "x.rant.example", "fine.example"), start=1)
    ]
    output = emit(policy(site("rant.example", javascript=DENY)), FilterList("list", "adblock", rules=rules))
    assert [line for line in lines(output) if line.startswith("@@")] == ["@@||fine.example^$csp"]
    assert output.gaps.count["csp-exception"] == 2


def test_hide_is_not_taken_back_by_a_list() -> None:
    taken = Cosmetic(Effect.ALLOW, Origin("list", 1), "##@#.modal", ".modal", sites=("other.example",))
    shown = Rule(Effect.ALLOW, Origin("list", 2), "@@||n.example^$ehide", host="n.example", action="elemhide")
    output = emit(
        policy(site("n.example", hide=(".modal",))), FilterList("list", "adblock", rules=[shown], cosmetics=[taken])
    )
    assert {"n.example##:is(.modal)", "||n.example^$specifichide,important"} <= set(lines(output))


def test_columns_are_names_and_their_trees() -> None:
    each = FilterList(
        "list", "hosts", exact={"b.example", "a.example"}, subtree={"c.example"}, allow_exact={"d.example"},
        rules=[Rule(Effect.BLOCK, Origin("list", 1), "*.e.example CNAME .", host="e.example", scope=Scope.BELOW)],
    )  # fmt: skip
    assert lines(emit(policy(), each)) == [
        "||c.example^",
        "||a.example^$to=/^a[.]example$/",
        "||b.example^$to=/^b[.]example$/",
        "@@||d.example^$to=/^d[.]example$/",
        "||e.example^$to=~/^e[.]example$/",
    ]


def test_a_line_is_written_once() -> None:
    rules = [Rule(Effect.BLOCK, Origin("list", at), "/ads/*", pattern="/ads/*") for at in (1, 2)]
    prepared = ublock.prepare([FilterList("a", "adblock", rules=rules), FilterList("b", "adblock", rules=rules)], {})
    assert (prepared.rules_in, prepared.rules_out, prepared.bodies["lists"]) == (4, 1, b"/ads/*\n")


def test_blocking_off_everywhere_leaves_the_lists_out() -> None:
    output = emit(policy(blocking=False, deny=("t.example",)), FilterList("list", "hosts", subtree={"a.example"}))
    assert lines(output) == ["||t.example^$important", "||t.example^$document,important"]


def test_what_lists_do_besides_blocking_stops_too() -> None:
    rules = [
        Rule(Effect.BLOCK, Origin("list", 1), "$removeparam=utm", action="removeparam"),
        Rule(Effect.BLOCK, Origin("list", 2), "||x.example^$csp=script-src 'none'", host="x.example", action="csp"),
    ]
    sites = site("s.example", blocking=False), site("t.example", blocking=False, javascript=DENY)
    written = lines(emit(policy(*sites), FilterList("list", "adblock", rules=rules)))
    assert "@@*$removeparam,domain=s.example|t.example" in written
    assert "@@*$csp,domain=s.example" in written


@pytest.mark.parametrize(
    ("text", "told", "expected"),
    [
        pytest.param("||x.example^$removeparam=/^utm_[a-z,]{2,}/", {}, None, id="comma in a regular expression"),
        pytest.param("/ads[0-9]{2,3}$/", {"regex": True}, None, id="dollar in a regular expression"),
        pytest.param("tracker", {"pattern": "tracker"}, "*tracker", id="a word is a host to uBO"),
        pytest.param("ads.js$script", {"pattern": "ads.js"}, "*ads.js*$script", id="a word with options"),
        pytest.param("@@ads/$script", {"pattern": "ads/", "effect": Effect.ALLOW}, "@@*ads/$script", id="open left"),
        pytest.param("|https://bücher.com/$script", {"pattern": "|https://xn--bcher-kva.com/"},
                     "|https://xn--bcher-kva.com/$script", id="an international name"),
        pytest.param("/img/ad", {"pattern": "/img/ad"}, "/img/ad*", id="open on the right"),
        pytest.param("/trackerfiles/ad", {"pattern": "/trackerfiles/ad"}, None, id="found by a word before"),
        pytest.param("/ad|", {"pattern": "/ad|"}, None, id="closed by an anchor"),
        pytest.param("*$domain=s.example,match-case", {"sites": ("s.example",)}, "*$domain=s.example",
                     id="match-case of nothing"),
        pytest.param("|https://x.net/$1p", PAGES, "|https://x.net/$1p,~document", id="a whole host, but no page"),
        pytest.param("|https://$1p", PAGES | {"pattern": "|https://"}, "|https://$1p,~document", id="a scheme"),
        pytest.param("|https://x.net/$1p,~doc", PAGES, None, id="no page, as said"),
        pytest.param("|https://x.net/$frame", PAGES | {"kinds": Kind.FRAME}, None, id="a whole host, with a kind"),
        pytest.param("/files/banner.png^", PAGES | {"pattern": "/files/banner.png^"}, "/files/banner.png^$~document",
                     id="no host"),
        pytest.param("@@/files/x.png^", PAGES | {"pattern": "/files/x.png^", "effect": Effect.ALLOW},
                     "@@/files/x.png^$~document", id="an exception, but for no page"),
        pytest.param(
            "||x.example^$denyallow=a.example|b.example", {}, "||x.example^$to=~a.example|~b.example", id="denyallow"
        ),
        pytest.param("*$script,denyallow=a.example,domain=b.example", {}, None, id="denyallow with domain"),
        pytest.param("||x.example|$image", {"pattern": "||x.example|"},
                     r"/^[a-z-]+:\/\/(?:[^\/?#]*\.)?x\.example$/$image", id="an address that ends with the host"),
        pytest.param("||x.example/Ad$match-case", {"pattern": "||x.example/Ad"},
                     r"/^[a-z-]+:\/\/(?:[^\/?#]*\.)?x\.example\/Ad/$match-case", id="match-case"),
        pytest.param("||x.example^$_,script,___", {}, None, id="padding"),
        pytest.param('||x.example^$doc,reason="a scam"', {}, "||x.example^$doc", id="reason"),
    ],
)  # fmt: skip
def test_network_line(text: str, told: dict[str, object], expected: str | None) -> None:
    rule = Rule(**{"effect": Effect.BLOCK, "origin": HERE, "text": text} | told)
    assert network_line(rule) == (expected or text, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("||x.example^$replace=/a/b/", "untrusted", id="replace"),
        pytest.param("||x.example^$replace=/a/b/$script", "untrusted", id="replace before other options"),
        pytest.param("||x.example^$cookie=id", "option", id="AdGuard's option"),
        pytest.param("||x.example^$dnsrewrite=1.2.3.4", "option", id="a DNS option"),
        pytest.param("||x.example^$csp=default-src 'self'; report-uri /x", "csp-report", id="reporting"),
    ],
)
def test_network_line_that_ubo_lacks(text: str, reason: str) -> None:
    assert network_line(Rule(Effect.BLOCK, HERE, text)) == ("", reason)
    assert reason in UBLOCK


def test_an_important_exception_is_an_exception() -> None:
    assert network_line(Rule(Effect.ALLOW, HERE, "@@||x.example^$important")) == ("@@||x.example^", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x.example##+js(aopr, ads)", ("x.example##+js(aopr, ads)", ""), id="scriptlet"),
        pytest.param("x.example#?#.a:-abp-has(.b)", ("x.example#?#.a:-abp-has(.b)", ""), id="procedural"),
        pytest.param("x.example#$#body { overflow: auto }", ("x.example#$#body { overflow: auto }", ""), id="style"),
        pytest.param(
            "x.example#%#//scriptlet('set-constant', 'a', '1')",
            ("x.example#%#//scriptlet('set-constant', 'a', '1')", ""), id="AdGuard's scriptlet",
        ),
        pytest.param("[$path=/p]x.example##.a", ("x.example##:matches-path(/p) .a", ""), id="path"),
        pytest.param("x.example##.a {top: 0;}", ("x.example##.a:style(top: 0;)", ""), id="inline style"),
        pytest.param("x.example#?#.a {remove: true;}", ("x.example#?#.a:remove()", ""), id="inline removal"),
        pytest.param("x.example##:-abp-properties(top: 0)", ("", "selector"), id="a selector uBO lacks"),
        pytest.param("[$app=org.a]x.example##.a", ("", "adguard"), id="app"),
        pytest.param("x.example#%#window.a = 1", ("", "adguard"), id="script text"),
        pytest.param('x.example$$script[tag-content="a"]', ("", "adguard"), id="AdGuard's HTML rule"),
        pytest.param("x.example##+js(trusted-set-cookie, a, 1)", ("", "untrusted"), id="trusted scriptlet"),
        pytest.param("x.example##+js( 'trusted-click-element', a)", ("", "untrusted"), id="blank and quote before it"),
        pytest.param("x.example##+js(rpnt, #text, a, b)", ("", "untrusted"), id="another name of a trusted one"),
        pytest.param("x.example#%#//scriptlet('ubo-trusted-rpnt')", ("", "untrusted"), id="AdGuard's trusted one"),
        pytest.param("x.example##+js(set, trusted-x, 1)", ("x.example##+js(set, trusted-x, 1)", ""), id="argument"),
    ],
)  # fmt: skip
def test_cosmetic_line(text: str, expected: tuple[str, str]) -> None:
    assert cosmetic_line(Cosmetic(Effect.BLOCK, HERE, text, "", CosmeticForm.CSS)) == expected


def test_entries_that_frames_escape_are_gaps() -> None:
    output = emit(policy(site("s.example", blocking=False), site("n.example", deny=("t.example",))))
    assert output.gaps.count == {"frame": 2}


def test_the_header_is_where_ubo_looks() -> None:
    head = b"".join(emit(policy()).files[""])[:1024].decode()
    assert "! Title: blockctl\n" in head
    assert "! Expires: 4 hours\n" in head
