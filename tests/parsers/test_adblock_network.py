"""Network filters and their options, one line each."""

from __future__ import annotations

import pytest

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Cosmetic, Effect, Party, Rule, Scope
from blockctl.parsers.adblock import parse_line
from blockctl.parsers.adblock_network import PLAIN, Cancelled, Dialect, read_network
from blockctl.parsers.adblock_split import options_at, split_options
from blockctl.parsers.listed import Fault

ORIGIN = Origin("list.txt", 1)


def read(line: str, dialect: Dialect | None = None) -> Rule:
    rule = parse_line(line, ORIGIN, dialect or Dialect())
    assert isinstance(rule, Rule), rule
    return rule


def refused(line: str) -> str:
    found = parse_line(line, ORIGIN)
    assert isinstance(found, Diagnostic), found
    return found.code


@pytest.mark.parametrize(
    ("line", "host"),
    [
        pytest.param("||ads.example^", "ads.example", id="plain"),
        pytest.param("||Ads.Example^", "ads.example", id="upper case"),
        pytest.param("||bücher.example^", "xn--bcher-kva.example", id="international"),
        pytest.param("||ads.example.^", "ads.example", id="trailing dot"),
        pytest.param("||_x.ads.example^", "_x.ads.example", id="underscore"),
        pytest.param("||ads.example^*", "ads.example", id="star behind says nothing"),
        pytest.param("||ads.example^$third-party", "ads.example", id="with options"),
        pytest.param("@@||ads.example^", "ads.example", id="exception"),
        pytest.param("  ||ads.example^ \t", "ads.example", id="blanks around"),
        pytest.param("||ads.example^ # a remark", "ads.example", id="remark"),
        pytest.param("||com^$doc,ipaddress=192.0.2.1", "com", id="a whole top level, by address"),
    ],
)
def test_whole_host(line: str, host: str) -> None:
    rule = read(line)
    assert (rule.host, rule.scope, rule.pattern, rule.regex) == (host, Scope.SUBTREE, "", False)


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        pytest.param("||ads.example", "||ads.example", id="prefix of a host"),
        pytest.param("||ads.example.", "||ads.example.", id="prefix with a dot"),
        pytest.param("||ads.example^|", "||ads.example^|", id="root of a host only"),
        pytest.param("|https://ads.example^", "|https://ads.example^", id="start anchor"),
        pytest.param("||ads.example/x.js|", "||ads.example/x.js|", id="end anchor"),
        pytest.param("||ads.example:8080^", "||ads.example:8080^", id="port"),
        pytest.param("||ads.*^$all", "||ads.*^", id="any suffix"),
        pytest.param("||*.ads.example^", "||*.ads.example^", id="below, as a part of an address"),
        pytest.param("|ads.example^", "|ads.example^", id="start anchor without a scheme"),
        pytest.param("_chartbeat.js", "_chartbeat.js", id="bare text is no domain"),
        pytest.param("ads.example", "ads.example", id="bare name is no domain either"),
        pytest.param("/rest/analytics/*", "/rest/analytics/*", id="path"),
        pytest.param("&ad=$", "&ad=$", id="dollar at the end"),
        pytest.param("/a$/b", "/a$/b", id="dollar before a slash"),
        pytest.param(r"/a\$script", r"/a\$script", id="escaped dollar"),
        pytest.param("||bücher.example/ad", "||xn--bcher-kva.example/ad", id="international host in a pattern"),
        pytest.param("*$script,domain=a.example", "", id="star is every address"),
        pytest.param("$script,domain=a.example", "", id="so is nothing"),
        pytest.param("||192.0.2.1^", "||192.0.2.1^", id="address"),
    ],
)
def test_pattern(line: str, pattern: str) -> None:
    rule = read(line)
    assert (rule.host, rule.pattern, rule.regex) == ("", pattern, False)


@pytest.mark.parametrize(
    ("line", "source"),
    [
        pytest.param(r"/^https?:\/\/ads\d+\./", r"^https?:\/\/ads\d+\.", id="plain"),
        pytest.param(r"/ads\.js$/", r"ads\.js$", id="ends with a dollar"),
        pytest.param(r"/ads,\d{1,3}/$script,domain=a.example", r"ads,\d{1,3}", id="comma within, options behind"),
        pytest.param("/banner/", "banner", id="what looks like a path"),
    ],
)
def test_regex(line: str, source: str) -> None:
    rule = read(line)
    assert (rule.pattern, rule.regex) == (source, True)


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        pytest.param("||a.example^", ALL_KINDS, id="whole host: pages too"),
        pytest.param("||a.example^$third-party", ALL_KINDS, id="whole host with a party"),
        pytest.param("||192.0.2.1^", ALL_KINDS, id="whole address"),
        pytest.param("/ads/x", SUBRESOURCES, id="pattern: what a page loads"),
        pytest.param("||a.example^|", SUBRESOURCES, id="anchored root is a pattern"),
        pytest.param("||a.example^$script,image", Kind.SCRIPT | Kind.IMAGE, id="named"),
        pytest.param("||a.example^$~script", SUBRESOURCES & ~Kind.SCRIPT, id="taken away"),
        pytest.param("||a.example^$script,~image", Kind.SCRIPT, id="named and taken away"),
        pytest.param("/x$all", ALL_KINDS, id="all"),
        pytest.param("/x$css,frame,xhr", Kind.STYLE | Kind.FRAME | Kind.XHR, id="uBO's short names"),
        pytest.param("/x$stylesheet,subdocument,xmlhttprequest", Kind.STYLE | Kind.FRAME | Kind.XHR, id="long names"),
        pytest.param("/x$doc", Kind.DOCUMENT, id="doc"),
        pytest.param("/x$ping,websocket,media,font,other", Kind.PING | Kind.WEBSOCKET | Kind.MEDIA | Kind.FONT
                     | Kind.OTHER, id="the rest"),
        pytest.param("/x$SCRIPT", Kind.SCRIPT, id="upper case"),
        pytest.param("/x$script,_,___", Kind.SCRIPT, id="padding"),
        pytest.param("/x$script,object,popup", Kind.SCRIPT, id="kinds we know beside kinds we do not"),
        pytest.param("/x$~object", SUBRESOURCES, id="a kind we do not know, taken away"),
    ],
)  # fmt: skip
def test_kinds(line: str, kinds: Kind) -> None:
    rule = read(line)
    assert (rule.kinds, rule.needs, rule.action) == (kinds, (), "")


@pytest.mark.parametrize(
    ("options", "party"),
    [
        pytest.param("third-party", Party.THIRD, id="long"),
        pytest.param("3p", Party.THIRD, id="short"),
        pytest.param("~first-party", Party.THIRD, id="not first"),
        pytest.param("~1p", Party.THIRD, id="not 1p"),
        pytest.param("1p", Party.FIRST, id="first"),
        pytest.param("~third-party", Party.FIRST, id="not third"),
        pytest.param("1p,3p", Party.ANY, id="both"),
    ],
)
def test_party(options: str, party: Party) -> None:
    assert read(f"||a.example^${options}").party is party


@pytest.mark.parametrize(
    ("options", "sites", "not_sites"),
    [
        pytest.param("domain=a.example|~b.a.example", ("a.example",), ("b.a.example",), id="names"),
        pytest.param("from=A.Example", ("a.example",), (), id="from, upper case"),
        pytest.param("domain=shop.*", ("shop.*",), (), id="entity"),
        pytest.param("domain=bücher.example", ("xn--bcher-kva.example",), (), id="international"),
        pytest.param(r"domain=/^news\d+\./|b.example", (r"/^news\d+\./", "b.example"), (), id="regex"),
        pytest.param(r"domain=/^a|b,c{1,2}$/", (r"/^a|b,c{1,2}$/",), (), id="regex with a bar and a comma"),
        pytest.param("domain=192.0.2.1", ("192.0.2.1",), (), id="address"),
        pytest.param("domain=ad*.example", (r"/^ad.*\.example$/",), (), id="star within"),
        pytest.param("top=a.example", ("a.example",), (), id="top"),
    ],
)
def test_sites(options: str, sites: tuple[str, ...], not_sites: tuple[str, ...]) -> None:
    rule = read(f"/ad/x$script,{options}")
    assert (rule.sites, rule.not_sites) == (sites, not_sites)


@pytest.mark.parametrize(
    ("options", "to", "not_to"),
    [
        pytest.param("to=a.example|~b.a.example", ("a.example",), ("b.a.example",), id="to"),
        pytest.param("denyallow=a.example|b.example,domain=c.example", (), ("a.example", "b.example"), id="denyallow"),
        pytest.param("to=a.*,denyallow=b.example", ("a.*",), ("b.example",), id="both"),
    ],
)
def test_to(options: str, to: tuple[str, ...], not_to: tuple[str, ...]) -> None:
    rule = read(f"*$script,{options}")
    assert (rule.to, rule.not_to) == (to, not_to)


@pytest.mark.parametrize(
    ("options", "action", "value"),
    [
        pytest.param("csp=script-src 'none'; img-src *", "csp", "script-src 'none'; img-src *", id="csp"),
        pytest.param("removeparam=utm_source", "removeparam", "utm_source", id="removeparam"),
        pytest.param("removeparam", "removeparam", "", id="removeparam alone"),
        pytest.param("queryprune=x", "removeparam", "x", id="queryprune"),
        pytest.param("redirect-rule=noop.js", "redirect-rule", "noop.js", id="redirect-rule"),
        pytest.param("permissions=camera=()", "permissions", "camera=()", id="permissions"),
        pytest.param(r"replace=/a\,b/c, d/i", "replace", r"/a\,b/c, d/i", id="replace, commas within"),
        pytest.param("replace='/^/f(a,b)/i'", "replace", "'/^/f(a,b)/i'", id="replace in quotes"),
        pytest.param("uritransform=/a/b/", "uritransform", "/a/b/", id="uritransform"),
        pytest.param("urlskip=?url", "urlskip", "?url", id="urlskip"),
        pytest.param("removeheader=refresh", "removeheader", "refresh", id="removeheader"),
        pytest.param("cookie=id", "cookie", "id", id="cookie"),
        pytest.param("generichide", "generichide", "", id="generichide"),
        pytest.param("ghide", "generichide", "", id="ghide"),
        pytest.param("ehide", "elemhide", "", id="ehide"),
        pytest.param("shide", "specifichide", "", id="shide"),
        pytest.param("ghide,shide", "elemhide", "", id="both hidings are all of it"),
        pytest.param("genericblock", "genericblock", "", id="genericblock"),
        pytest.param("inline-script", "inline-script", "", id="inline-script"),
        pytest.param("inline-font", "inline-font", "", id="inline-font"),
        pytest.param("dnsrewrite=NOERROR;A;192.0.2.1", "dnsrewrite", "NOERROR;A;192.0.2.1", id="dnsrewrite"),
        pytest.param("jsonprune=$..ads", "jsonprune", "$..ads", id="jsonprune"),
        pytest.param("stealth", "stealth", "", id="stealth"),
    ],
)
def test_actions(options: str, action: str, value: str) -> None:
    rule = read(f"@@||a.example^${options}")
    assert (rule.action, rule.value, rule.decides) == (action, value, False)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        pytest.param("script,redirect=noop.js:100", "noop.js:100", id="redirect"),
        pytest.param("script,rewrite=abp-resource:blank-js", "abp-resource:blank-js", id="rewrite"),
        pytest.param("script,empty", "empty", id="empty"),
    ],
)
def test_a_redirect_blocks(options: str, value: str) -> None:
    rule = read(f"||a.example^${options}")
    assert (rule.action, rule.value, rule.decides, rule.kinds) == ("", value, True, Kind.SCRIPT)
    taken_back = read(f"@@||a.example^${options}")
    assert (taken_back.action, taken_back.decides) == ("redirect-rule", False)


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        pytest.param("method=get|~post", ("method=get|~post",), id="method"),
        pytest.param(r"header=via:/1\.1, google/", (r"header=via:/1\.1, google/",), id="header"),
        pytest.param("ipaddress=192.0.2.1", ("ipaddress=192.0.2.1",), id="ipaddress"),
        pytest.param("dnstype=~A", ("dnstype=~A",), id="dnstype"),
        pytest.param("client='Mary, at home'", ("client='Mary, at home'",), id="client in quotes"),
        pytest.param("ctag=device_pc", ("ctag=device_pc",), id="ctag"),
        pytest.param("app=com.example", ("app=com.example",), id="app"),
        pytest.param("cname", ("cname",), id="cname"),
        pytest.param("popup", ("popup",), id="popup"),
        pytest.param("popup,popunder", ("popup",), id="popup before popunder"),
        pytest.param("popunder", ("popunder",), id="popunder"),
        pytest.param("object", ("object",), id="object"),
        pytest.param("webrtc", ("webrtc",), id="webrtc"),
        pytest.param("strict1p", ("strict1p",), id="strict1p"),
        pytest.param("strict-third-party", ("strict3p",), id="strict3p"),
        pytest.param("network", ("network",), id="network"),
        pytest.param("domain=a.example,top=b.example", ("top=b.example",), id="top beside domain"),
    ],
)
def test_needs(options: str, needs: tuple[str, ...]) -> None:
    rule = read(f"||a.example^${options}")
    assert (rule.needs, rule.decides) == (needs, False)


def test_flags() -> None:
    rule = read(r"/Ads\d/$match-case,important,domain=a.example")
    assert (rule.match_case, rule.important, rule.regex) == (True, True, True)
    assert read("@@||a.example^$important").effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("||a.example^$frobnicate", "L201", id="unknown option"),
        pytest.param("||a.example^$script,frobnicate=1", "L201", id="unknown beside known"),
        pytest.param("/x$y", "L201", id="unknown, though it may be a part of the address"),
        pytest.param("||a.example^$script=1", "L202", id="value where none belongs"),
        pytest.param("||a.example^$domain=", "L202", id="no site"),
        pytest.param("||a.example^$method", "L202", id="no value"),
        pytest.param("||a.example^$~important", "L202", id="negated"),
        pytest.param("||a.example^$script,~script", "L202", id="named and taken away"),
        pytest.param("||a.example^$csp=x,removeparam=y", "L202", id="two actions"),
        pytest.param("||a.example^$denyallow=~b.example", "L202", id="denyallow negated"),
        pytest.param("/x$domain=a..b", "L203", id="no name"),
        pytest.param("/x$domain=a.example|not a name", "L203", id="one of two is none"),
        pytest.param("/x$domain=/(/", "L204", id="regex of a site"),
        pytest.param("/(/", "L204", id="regex"),
        pytest.param("*", "L205", id="everything"),
        pytest.param("@@*", "L205", id="nothing at all blocked"),
        pytest.param("||^", "L205", id="everything in disguise"),
        pytest.param("a", "L205", id="one letter"),
        pytest.param("This is not a filter.", "L206", id="prose"),
        pytest.param("||com^", "L103", id="top level"),
        pytest.param("||co.uk^$important", "L103", id="public suffix"),
        pytest.param("@@||com^", "L103", id="exception for a top level"),
        pytest.param("||printer.local^", "L104", id="special use"),
        pytest.param("||" + "a" * 70_000 + "^", "L211", id="endless"),
        pytest.param("||a\ufffd.example^", "L213", id="broken characters"),
    ],
)
def test_refused(line: str, code: str) -> None:
    if code == "L204" and "domain" in line:
        code = "L203"  # a site that is no expression is no site
    assert refused(line) == code


@pytest.mark.parametrize("line", ["||com^", "||co.uk^"])
def test_a_refused_suffix_says_what_it_would_do(line: str) -> None:
    for text, verb in ((line, "deny"), (f"@@{line}", "allow")):
        fault = read_network(text, Origin("t", 1), PLAIN)
        assert isinstance(fault, Fault)
        assert fault.hint == f"name it under `hosts: {verb}:` of the policy if you mean it"
        assert ("exception would let through" in fault.message) is (text == "@@||com^")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("||github.io^$script", id="by kind, of one owner"),
        pytest.param("||com^$third-party,domain=news.example", id="on some pages"),
        pytest.param("||com^$doc,ipaddress=192.0.2.1", id="at some addresses"),
        pytest.param("||undefined^$script", id="no top level that there is"),
        pytest.param("@@||com^$third-party", id="an exception"),
        pytest.param("||top^$denyallow=ok.top", id="with holes"),
        pytest.param("||localhost^$third-party", id="special use by party"),
    ],
)
def test_a_suffix_with_a_condition_is_taken(line: str) -> None:
    assert read(line).host


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("||net^$third-party", id="by party"),
        pytest.param("||co.uk^$script", id="by kind"),
        pytest.param("||*.io^", id="what is below it"),
        pytest.param("||*.xn--p1ai^$image", id="in A-labels"),
        pytest.param("||foo.ck^$3p", id="below a wildcard"),
    ],
)
def test_no_list_blocks_all_that_a_registry_sells(line: str) -> None:
    assert refused(line) == "L103"


@pytest.mark.parametrize(
    "line",
    ["", "   ", "! comment", "!", "# comment", "#", "#comment", "## heading", "#####", "[Adblock Plus 2.0]",
     "[uBlock Origin]", "!+ NOT_OPTIMIZED", "#0.0.0.0 a.example", "0.0.0.0 localhost"],
)  # fmt: skip
def test_nothing(line: str) -> None:
    assert parse_line(line, ORIGIN) is None


def test_badfilter_holds_what_it_cancels() -> None:
    cancelled = parse_line("||a.example^$script,redirect=noop.js,badfilter", ORIGIN)
    assert isinstance(cancelled, Cancelled)
    assert cancelled.rules[0].identity() == read("||a.example^$redirect=noop.js,script").identity()
    assert cancelled.rules[0].identity() != read("||a.example^$script").identity()
    both = parse_line("@@||a.example^$script,ghide,badfilter", ORIGIN)
    assert isinstance(both, Cancelled)
    assert [rule.action for rule in both.rules] == ["", "generichide"]
    removes = parse_line("||a.example^$removeparam=x,badfilter", ORIGIN)
    assert isinstance(removes, Cancelled)
    assert removes.rules[0].identity() != read("||a.example^$removeparam=y").identity()


@pytest.mark.parametrize(
    ("line", "host", "scope"),
    [
        pytest.param("||a.example^|", "a.example", Scope.SUBTREE, id="end anchor"),
        pytest.param("||a.example|", "a.example", Scope.SUBTREE, id="end anchor alone"),
        pytest.param("|a.example^", "a.example", Scope.EXACT, id="start anchor"),
        pytest.param("||*.a.example^", "a.example", Scope.BELOW, id="below"),
        pytest.param("||a.example^|$important", "a.example", Scope.SUBTREE, id="with an option"),
        pytest.param("a.example", "a.example", Scope.EXACT, id="bare"),
    ],
)
def test_dns_dialect(line: str, host: str, scope: Scope) -> None:
    rule = read(line, Dialect(hosts=True, bare=Scope.EXACT))
    assert (rule.host, rule.scope) == (host, scope)


def test_dns_dialect_keeps_prefixes() -> None:
    assert read("||a.example.", Dialect(hosts=True)).pattern == "||a.example."


@pytest.mark.parametrize(
    ("line", "at"),
    [
        pytest.param("||a.example^$script", 12, id="plain"),
        pytest.param("||a.example^", -1, id="none"),
        pytest.param("/a$/$script", 4, id="regex before"),
        pytest.param("||a.example^$removeparam=/a$/", 12, id="dollar in a value"),
        pytest.param("||a.example^$csp=x$y", 12, id="unknown word behind a dollar in a value"),
        pytest.param("||a.example/$x$domain=b.example", 14, id="dollar in the pattern"),
        pytest.param("$domain=b.example", 0, id="no pattern"),
    ],
)
def test_options_at(line: str, at: int) -> None:
    assert options_at(line) == at


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("script,3p", ["script", "3p"], id="plain"),
        pytest.param(r"replace=/a\,b/c/,3p", [r"replace=/a\,b/c/", "3p"], id="escaped comma"),
        pytest.param("domain=/a,b/|/c,d/,3p", ["domain=/a,b/|/c,d/", "3p"], id="two expressions"),
        pytest.param("to=~/a,b/,3p", ["to=~/a,b/", "3p"], id="negated expression"),
        pytest.param("header=x:/a,b/,3p", ["header=x:/a,b/", "3p"], id="header"),
        pytest.param('reason="a, b",3p', ['reason="a, b"', "3p"], id="quotes"),
        pytest.param("rewrite=abp-resource:a/b,3p", ["rewrite=abp-resource:a/b", "3p"], id="slash that opens nothing"),
    ],
)
def test_split_options(text: str, parts: list[str]) -> None:
    assert split_options(text) == parts


def test_text_is_the_line() -> None:
    rule = read("  @@||a.example^$script  ")
    assert (rule.text, rule.effect, rule.origin) == ("@@||a.example^$script", Effect.ALLOW, ORIGIN)
    assert not isinstance(rule, Cosmetic)
    assert Request.parse("https://a.example/").host == rule.host
