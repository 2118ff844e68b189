"""Rules that say more than a name, as lists write them: what becomes of a question."""

from __future__ import annotations

import pytest

from blockctl.dns.condition_words import name_pattern, network
from blockctl.dns.exchange import Client, Rewrite
from blockctl.model.decide import Step
from blockctl.model.policy import ListSource, Resolver
from tests.dns.ruleworlds import AAAA, HTTPS, SOMEBODY, A, rules, wire
from tests.model.say import ORIGIN, entry, policy, site

PHONE = Client("192.0.2.7", id="Phone")


@pytest.mark.parametrize(
    ("text", "name", "blocked"),
    [
        # what AdGuard's engine says of each (one a line), and what is different here on purpose
        pytest.param("||example.org^", "www.example.org", True, id="host"),
        pytest.param("|example.org^", "www.example.org", False, id="host alone, below"),
        pytest.param("|example.org^", "example.org", True, id="host alone"),
        pytest.param("*.example.org", "example.org", False, id="below only, itself"),
        pytest.param("*.example.org", "a.example.org", True, id="below only"),
        pytest.param("||*.example.org^", "a.b.example.org", True, id="below only, anchored"),
        pytest.param("||*.example.org^", "example.org", False, id="below only, anchored, itself"),
        pytest.param(".example.org", "x.example.org", True, id="dot in front"),
        pytest.param(".example.org", "badexample.org", False, id="dot in front, no label"),
        pytest.param(".example.org", "x.example.org.evil.com", False, id="dot in front, ends there"),
        pytest.param("ads.*", "ads.foo.com", True, id="open end"),
        pytest.param("ads.*", "x.ads.foo.com", True, id="open end, below"),
        pytest.param("ads.*", "loads.foo.com", False, id="open end: a label begins where the pattern does"),
        pytest.param("||ads.*^", "ads.foo.com", True, id="open end, anchored"),
        pytest.param("||example.*^", "example.co.uk", True, id="any suffix"),
        pytest.param("||ads*.example.net^", "ads7.example.net", True, id="part of a label"),
        pytest.param("||ads*.example.net^", "x.ads7.example.net", True, id="part of a label, below"),
        pytest.param("||ads*.example.net^", "ads7.example.net.org", False, id="part of a label, closed end"),
        pytest.param("|ads*.example.net^", "x.ads7.example.net", False, id="part of a label, from the start"),
        pytest.param("|ads*.example.net^", "ads7.example.net", True, id="part of a label, the start"),
        pytest.param("/ads/", "ads.example.org", True, id="slashes make a regular expression"),
        pytest.param("/^ad[sv][0-9]*\\./", "adv33.example.org", True, id="regular expression"),
        pytest.param("/^ad[sv][0-9]*\\./", "x.ads.example.org", False, id="regular expression, anchored"),
        pytest.param("/^https?:/", "example.org", False, id="regular expression of an address"),
        pytest.param("||example.org", "example.org.evil.com", False, id="no end: over-blocks in AdGuard"),
        pytest.param("example.org^", "badexample.org", False, id="no start: over-blocks in AdGuard"),
        pytest.param("||org^", "example.org", False, id="a top level: no list's to block"),
        pytest.param("*.com", "example.com", False, id="all below a top level"),
        pytest.param("/github/", "github.io", False, id="a public suffix, by a regular expression"),
        pytest.param("/local/", "printer.local", False, id="special use, by a regular expression"),
        pytest.param("||example.org^$script", "example.org", False, id="a kind"),
        pytest.param("||example.org^$third-party", "example.org", False, id="a party"),
        pytest.param("/ads/$script", "ads.example.org", False, id="regular expression with a kind"),
        pytest.param("||example.org^$ctag=device_phone", "example.org", False, id="tags are not known"),
        pytest.param("||example.org^$denyallow=www.example.org", "www.example.org", False, id="denyallow"),
        pytest.param("||example.org^$denyallow=www.example.org", "y.example.org", True, id="denyallow, beside"),
        pytest.param("||ex*.org^$denyallow=www.example.org", "www.example.org", False, id="denyallow of a pattern"),
        pytest.param(
            "||ex*.org^$denyallow=www.example.org", "y.example.org", True, id="denyallow of a pattern, beside"
        ),
        pytest.param("||example.org^\n@@||www.example.org^", "www.example.org", False, id="exception"),
        pytest.param("||example.org^$important\n@@||example.org^", "example.org", True, id="important"),
        pytest.param("/exa/\n@@||example.org^", "example.org", False, id="exception of a regular expression"),
        pytest.param("/exa/$important\n@@||example.org^", "example.org", True, id="important regular expression"),
        pytest.param("||example.org^\n@@/^www\\./", "www.example.org", False, id="regular expression excepted"),
        pytest.param("||example.org^$important\n@@/^www\\./", "www.example.org", True, id="important over it"),
        pytest.param("||example.org^\n@@||exam*.org^", "example.org", False, id="pattern excepted"),
        pytest.param("||example.org^\n@@||example.org^$important", "example.org", False, id="important exception"),
        pytest.param("/exa/\n@@||example.org^$denyallow=www.example.org", "www.example.org", True, id="hole"),
        pytest.param("/exa/\n/exa/$badfilter", "example.org", False, id="badfilter"),
    ],
)
def test_names(text: str, name: str, blocked: bool) -> None:
    found = rules(policy(), f"! DNS list\n{text}\n||marked.org^$dnstype=A\n").verdict(wire(name), A, SOMEBODY)
    assert found.blocked is blocked
    if blocked:
        assert found.reason is not None
        assert found.reason.rule.origin.file == "list0.txt"
        assert found.reason.rule.origin.line == 2


@pytest.mark.parametrize("text", ["/ads/", "ads.*", "||ads*.example.org^"])
def test_patterns_of_a_list_of_addresses_mean_no_names(text: str) -> None:
    """In a list that speaks of files too, `/ads/` means an address with `ads` in it."""
    browser = "".join(f"/banner{at}/*$image,domain=a{at}.com\n" for at in range(40))
    assert not rules(policy(), browser + text + "\n").verdict(wire("ads.example.org"), A, SOMEBODY).blocked


@pytest.mark.parametrize(
    ("text", "kind", "client", "blocked"),
    [
        pytest.param("||x.org^$dnstype=HTTPS", HTTPS, SOMEBODY, True, id="type"),
        pytest.param("||x.org^$dnstype=HTTPS", A, SOMEBODY, False, id="another type"),
        pytest.param("||x.org^$dnstype=~A", AAAA, SOMEBODY, True, id="not a type"),
        pytest.param("||x.org^$dnstype=~A", A, SOMEBODY, False, id="that type"),
        pytest.param("||x.org^$dnstype=aaaa|https", AAAA, SOMEBODY, True, id="one of two types"),
        pytest.param("||x.org^$dnstype=TYPE65", HTTPS, SOMEBODY, True, id="type by number"),
        pytest.param("||x.org^$dnstype=NONSENSE", A, SOMEBODY, False, id="no type"),
        pytest.param("||x.org^\n@@||x.org^$dnstype=A", A, SOMEBODY, False, id="exception of a type"),
        pytest.param("||x.org^\n@@||x.org^$dnstype=A", AAAA, SOMEBODY, True, id="exception of another type"),
        pytest.param("||x.org^$client=192.0.2.7", A, PHONE, True, id="address of a client"),
        pytest.param("||x.org^$client=192.0.2.7", A, SOMEBODY, False, id="address of another"),
        pytest.param("||x.org^$client=192.0.2.0/24", A, PHONE, True, id="network"),
        pytest.param("||x.org^$client=phone", A, PHONE, True, id="id"),
        pytest.param("||x.org^$client='phone'", A, PHONE, True, id="id in quotes"),
        pytest.param("||x.org^$client=~phone", A, PHONE, False, id="not that one"),
        pytest.param("||x.org^$client=~phone", A, SOMEBODY, True, id="everyone else"),
        pytest.param("||x.org^$client=192.0.2.0/24|~192.0.2.7", A, PHONE, False, id="a network but for one"),
        pytest.param("||x.org^$client=2001:db8::/32", A, Client("2001:db8::7"), True, id="IPv6"),
        pytest.param("||x.org^$client=phone,dnstype=A", A, PHONE, True, id="client and type"),
        pytest.param("||x.org^$client=phone,dnstype=A", AAAA, PHONE, False, id="client and another type"),
        pytest.param("/x/$dnstype=A", A, SOMEBODY, True, id="regular expression and type"),
    ],
)
def test_types_and_clients(text: str, kind: int, client: Client, blocked: bool) -> None:
    found = rules(policy(), f"{text}\n||marked.org^$dnstype=A\n")
    assert found.verdict(wire("www.x.org"), kind, client).blocked is blocked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("||x.org^$dnsrewrite=192.0.2.1", Rewrite(addresses=("192.0.2.1",)), id="address"),
        pytest.param("||x.org^$dnsrewrite=2001:db8::1", Rewrite(addresses=("2001:db8::1",)), id="IPv6"),
        pytest.param("||x.org^$dnsrewrite=NXDOMAIN;;", Rewrite(rcode=3), id="code"),
        pytest.param("||x.org^$dnsrewrite=REFUSED", Rewrite(rcode=5), id="code alone"),
        pytest.param("||x.org^$dnsrewrite=y.org", Rewrite(name="y.org"), id="name"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;CNAME;y.org", Rewrite(name="y.org"), id="CNAME"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;A;192.0.2.1", Rewrite(addresses=("192.0.2.1",)), id="A"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;;", Rewrite(), id="no data"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;TXT;hello", Rewrite(records=((16, b"\5hello"),)), id="TXT"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;MX;10 y.org", Rewrite(records=((15, b"\0\x0a\1y\3org\0"),)), id="MX"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;PTR;y.org", Rewrite(records=((12, b"\1y\3org\0"),)), id="PTR"),
        pytest.param(
            "||x.org^$dnsrewrite=NOERROR;SRV;1 2 443 y.org",
            Rewrite(records=((33, b"\0\1\0\2\1\xbb\1y\3org\0"),)),
            id="SRV",
        ),
        pytest.param(
            "||x.org^$dnsrewrite=NOERROR;HTTPS;1 . port=443 alpn=h2",
            Rewrite(records=((65, b"\0\1\0\0\1\0\3\2h2\0\3\0\2\1\xbb"),)),
            id="HTTPS",
        ),
        pytest.param("||x.org^$dnsrewrite=NOERROR;A;2001:db8::1", None, id="A without its kind of address"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;WKS;x", None, id="a type that is not written"),
        pytest.param("||x.org^$dnsrewrite=NOERROR;MX;many y.org", None, id="no number"),
        pytest.param("||x.org^$dnsrewrite=not a name", None, id="nonsense"),
        pytest.param(
            "||x.org^$dnsrewrite=192.0.2.1\n||x.org^$dnsrewrite=192.0.2.2",
            Rewrite(addresses=("192.0.2.1", "192.0.2.2")),
            id="two addresses",
        ),
        pytest.param(
            "||x.org^$dnsrewrite=192.0.2.1\n||x.org^$dnsrewrite=y.org", Rewrite(name="y.org"), id="a name alone"
        ),
        pytest.param("||x.org^$dnsrewrite=192.0.2.1\n@@||x.org^$dnsrewrite", None, id="taken back"),
        pytest.param(
            "||x.org^$dnsrewrite=192.0.2.1\n||x.org^$dnsrewrite=192.0.2.2\n@@||x.org^$dnsrewrite=192.0.2.1",
            Rewrite(addresses=("192.0.2.2",)),
            id="one taken back",
        ),
        pytest.param(
            "||x.org^$important\n||x.org^$dnsrewrite=192.0.2.1", Rewrite(addresses=("192.0.2.1",)), id="over a block"
        ),
        pytest.param("||x.org^$dnsrewrite=192.0.2.1,dnstype=AAAA", None, id="of another type"),
    ],
)
def test_rewrites_of_the_users_own_file(text: str, expected: Rewrite | None) -> None:
    found = rules(policy(), f"{text}\n", path="mine.txt").verdict(wire("x.org"), A, SOMEBODY)
    assert found.rewrite == expected
    assert found.blocked is False


@pytest.mark.parametrize(
    ("said", "heeded"),
    [
        pytest.param({"path": "mine.txt"}, True, id="the user's own file"),
        pytest.param({"path": "builtin:starter"}, False, id="shipped"),
        pytest.param({"url": "https://lists.example/l.txt"}, False, id="downloaded"),
        pytest.param({"url": "https://lists.example/l.txt", "trust": True}, True, id="trusted"),
    ],
)
def test_who_may_rewrite(said: dict[str, object], heeded: bool) -> None:
    found = rules(policy(), "||x.org^$dnsrewrite=192.0.2.1\n", **said).verdict(wire("x.org"), A, SOMEBODY)
    assert bool(found.rewrite) is heeded


@pytest.mark.parametrize(
    ("text", "address", "blocked"),
    [
        pytest.param("||192.0.2.7^", "192.0.2.7", True, id="address"),
        pytest.param("||192.0.2.7^", "192.0.2.70", False, id="another"),
        pytest.param("192.0.2.7", "192.0.2.7", True, id="bare address"),
        pytest.param("||192.0.2.*", "192.0.2.9", True, id="octet"),
        pytest.param("||192.0.2.*", "192.0.20.9", False, id="octet, beside"),
        pytest.param("192.0.2.0/24", "192.0.2.255", True, id="network"),
        pytest.param("192.0.2.0/24", "192.0.3.0", False, id="network, beside"),
        pytest.param("||[2001:db8::7]^", "2001:db8::7", True, id="IPv6"),
        pytest.param("2001:db8::/32", "2001:db8:1::7", True, id="IPv6 network"),
        pytest.param("0.0.0.0/0", "192.0.2.7", False, id="every address"),
        pytest.param("192.0.2.0/24\n@@||192.0.2.7^", "192.0.2.7", False, id="exception"),
        pytest.param("192.0.2.0/24\n@@||192.0.2.7^", "192.0.2.8", True, id="exception, beside"),
        pytest.param("||192.0.2.7^$important\n@@192.0.2.0/24", "192.0.2.7", True, id="important"),
        pytest.param("||192.0.2.7^$dnstype=A", "192.0.2.7", False, id="on a condition"),
    ],
)
def test_addresses(text: str, address: str, blocked: bool) -> None:
    found = rules(policy(), f"! DNS filter\n{text}\n||marked.org^$dnstype=A\n").address_verdict(address)
    assert found.blocked is blocked
    if blocked:
        assert found.reason is not None
        assert (found.reason.name, found.reason.rule.origin.line) == (address, 2)


def test_addresses_are_let_through_while_the_lists_do_not_apply() -> None:
    text = "||192.0.2.7^\n||marked.org^$dnstype=A\n"
    assert not rules(policy(blocking=False), text).address_verdict("192.0.2.7").blocked
    assert not rules(policy(paused=True), text).address_verdict("192.0.2.7").blocked


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        pytest.param("||quad9.net^$dnstype=A", "dns.quad9.net", A, id="upstream"),
        pytest.param("/lists/", "lists.example", A, id="source of a list"),
    ],
)
def test_conditions_spare_our_own_names(text: str, name: str, kind: int) -> None:
    said = policy(
        resolver=Resolver(upstreams=("tls://dns.quad9.net",)),
        lists=(ListSource("l", ORIGIN, url="https://lists.example/l.txt"),),
    )
    found = rules(said, f"{text}\n||marked.org^$dnstype=A\n")
    assert not found.verdict(wire(name), kind, SOMEBODY).blocked
    assert found.verdict(wire(f"x.{name}"), kind, SOMEBODY).blocked


@pytest.mark.parametrize(
    ("said", "blocked", "step"),
    [
        pytest.param(policy(hosts=(entry("allow", "ads.org"),)), False, Step.HOST, id="allowed"),
        pytest.param(policy(hosts=(entry("deny", "ads.org"),)), True, Step.HOST, id="denied"),
        pytest.param(policy(protect={"org": ORIGIN}), False, Step.PROTECT, id="protected"),
        pytest.param(policy(site("b.com", entry("allow", "ads.org"))), False, Step.YIELD, id="yields"),
        pytest.param(policy(), True, Step.LIST_BLOCK, id="silent"),
    ],
)
def test_the_policy_is_above_conditions(said, blocked: bool, step: Step) -> None:
    found = rules(said, "/^x\\.ads/\n||ads.org^$dnsrewrite=192.0.2.1,client=10.0.0.1\n").verdict(
        wire("x.ads.org"), A, SOMEBODY
    )
    assert found.reason is not None
    assert (found.blocked, found.reason.step) == (blocked, step)


@pytest.mark.parametrize(
    ("text", "plain", "spoken"),
    [
        pytest.param("||a.org^\n/ads/\n", True, [], id="blocks"),
        pytest.param("||a.org^\n@@||b.a.org^\n", True, [], id="exceptions of names"),
        pytest.param("||a.org^\n@@||b.a.org^$dnstype=A\n", True, ["b.a.org"], id="exception of a type"),
        pytest.param("||a.org^\n||c.a.org^$dnsrewrite=192.0.2.1\n", True, ["c.a.org"], id="rewrite"),
        pytest.param("||a.org^\n@@/ads/\n", False, [], id="exception of a pattern"),
        pytest.param("||a.org^\n@@||192.0.2.7^\n||x.org^$dnstype=A\n", True, [], id="exception of an address"),
    ],
)
def test_what_the_hot_path_may_answer(text: str, plain: bool, spoken: list[str]) -> None:
    found = rules(policy(), text, path="mine.txt")
    assert (found.plain, sorted(found.overlay_names)) == (plain, sorted(map(wire, spoken)))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("||ads*.example^", "||ads*.example^", id="as it stands"),
        pytest.param("ads*", "||ads*", id="begins a label"),
        pytest.param("*.ads*.net", "*.ads*.net^", id="ends the name"),
        pytest.param("-ads-*", "-ads-*", id="within a label"),
        pytest.param("||a.example/x*", "", id="path"),
        pytest.param("||a^b*", "", id="a separator within"),
        pytest.param("*.*", "", id="everything"),
        pytest.param("*.co.uk", "", id="everything below a public suffix"),
    ],
)
def test_name_pattern(pattern: str, expected: str) -> None:
    assert name_pattern(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("192.*", "192.0.0.0/8", id="one octet"),
        pytest.param("10.1.*", "10.1.0.0/16", id="two octets"),
        pytest.param("||10.1.2.3^|", "10.1.2.3/32", id="closed twice"),
        pytest.param("256.1.*", None, id="no octet"),
        pytest.param("10.0.0.0/7", None, id="too wide"),
        pytest.param("2000::/3", None, id="too wide, IPv6"),
        pytest.param("ads.*", None, id="names"),
    ],
)
def test_network(pattern: str, expected: str | None) -> None:
    found = network(pattern)
    assert (str(found) if found else None) == expected


def test_a_regular_expression_that_takes_too_long_is_tried_once() -> None:
    found = rules(policy(), "/^(a|aa|a?)+$/\n||marked.org^$dnstype=A\n")
    name = wire("a" * 62 + ".com")
    assert not found.verdict(name, A, SOMEBODY).blocked
    (condition,) = [each for _, each in found.lists.conditions._anywhere if each.rule.regex]
    condition._pattern.found = None  # type: ignore[union-attr] - would now match everything, were it asked
    assert condition._pattern.timed_out  # type: ignore[union-attr]
    assert not found.verdict(name, A, SOMEBODY).blocked
