"""The steps of a decision, in their order, and what DNS and the page make of the same policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.decide import Decision, Step, cosmetics_for, decide, decide_name, yields
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.names import covers
from blockctl.model.policy import HostEntry, JavaScript, ListSource, Policy, Resolver, Site
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Party, Rule
from tests.model.worlds import filter_lists, policies, requests

ORIGIN = Origin("policy.yaml", 3)


def entry(word: str, host: str) -> HostEntry:
    return HostEntry(host, word == "allow", ORIGIN)


def site(host: str, *hosts: HostEntry, **said: object) -> Site:
    return replace(Site(host, ORIGIN, hosts=hosts), **said)  # type: ignore[arg-type]


def policy(*sites: Site, hosts: tuple[HostEntry, ...] = (), **said: object) -> Policy:
    made = Policy("policy.yaml", sites={each.host: each for each in sites}, hosts={each.host: each for each in hosts})
    return replace(made, **said)  # type: ignore[arg-type]


def rule(effect: Effect, text: str, **fields: object) -> Rule:
    return replace(Rule(effect, Origin("list.txt", 1), text), **fields)  # type: ignore[arg-type]


ADS = rule(Effect.BLOCK, "||ads.net^", host="ads.net")
ADS_IMPORTANT = rule(Effect.BLOCK, "||ads.net^$important", host="ads.net", important=True)
ADS_EXCEPTION = rule(Effect.ALLOW, "@@||ads.net^", host="ads.net")
OFF = replace(site("a.com"), blocking=False)


def index(*rules: Rule) -> Index:
    return Index.build([FilterList("list.txt", "adblock", rules=list(rules))])


@pytest.mark.parametrize(
    ("said", "rules", "blocked", "step"),
    [
        pytest.param(policy(), (), False, Step.DEFAULT, id="nothing"),
        pytest.param(policy(), (ADS,), True, Step.LIST_BLOCK, id="block"),
        pytest.param(policy(), (ADS, ADS_EXCEPTION), False, Step.LIST_EXCEPTION, id="exception over block"),
        pytest.param(
            policy(), (ADS_EXCEPTION, ADS_IMPORTANT), True, Step.LIST_IMPORTANT, id="important over exception"
        ),
        pytest.param(policy(protect={"net": ORIGIN}), (ADS_IMPORTANT,), False, Step.PROTECT, id="protect over lists"),
        pytest.param(policy(OFF), (ADS,), False, Step.BLOCKING_OFF, id="blocking off over lists"),
        pytest.param(policy(blocking=False), (ADS,), False, Step.BLOCKING_OFF, id="blocking off by default"),
        pytest.param(
            policy(site("a.com", blocking=True), blocking=False), (ADS,), True, Step.LIST_BLOCK, id="nearest blocking"
        ),
        pytest.param(
            policy(OFF, site("www.a.com", blocking=True)), (ADS,), True, Step.LIST_BLOCK, id="nearer site says on"
        ),
        pytest.param(policy(OFF, hosts=(entry("deny", "ads.net"),)), (), True, Step.HOST, id="hosts over blocking off"),
        pytest.param(policy(hosts=(entry("allow", "net"),)), (ADS_IMPORTANT,), False, Step.HOST, id="hosts over lists"),
        pytest.param(
            policy(hosts=(entry("allow", "ads.net"), entry("deny", "x.ads.net"))),
            (),
            True,
            Step.HOST,
            id="nearest host",
        ),
        pytest.param(
            policy(site("a.com", entry("allow", "net")), hosts=(entry("deny", "x.ads.net"),)),
            (),
            False,
            Step.SITE_HOST,
            id="a site's host over hosts",
        ),
        pytest.param(
            policy(site("a.com", entry("allow", "x.ads.net")), site("www.a.com", entry("deny", "net"))),
            (),
            True,
            Step.SITE_HOST,
            id="nearest site first, then nearest name",
        ),
        pytest.param(
            policy(site("a.com", entry("deny", "x.ads.net"), entry("allow", "x.ads.net"))),
            (),
            False,
            Step.SITE_HOST,
            id="between equals, allow",
        ),
        pytest.param(
            policy(site("b.com", entry("deny", "ads.net"))), (), False, Step.DEFAULT, id="another site's host"
        ),
        pytest.param(policy(javascript=JavaScript.DENY), (), True, Step.JAVASCRIPT, id="no scripts by default"),
        pytest.param(
            policy(javascript=JavaScript.FIRST_PARTY), (), True, Step.JAVASCRIPT, id="first-party scripts only"
        ),
        pytest.param(
            policy(site("a.com", entry("allow", "x.ads.net"), javascript=JavaScript.DENY)),
            (),
            True,
            Step.JAVASCRIPT,
            id="javascript over a site's host",
        ),
        pytest.param(
            policy(site("a.com", javascript=JavaScript.DENY), site("www.a.com", javascript=JavaScript.ALLOW)),
            (),
            False,
            Step.DEFAULT,
            id="nearest javascript",
        ),
        pytest.param(policy(javascript=JavaScript.DENY, paused=True), (ADS,), False, Step.PAUSE, id="a pause over all"),
    ],
)
def test_decide(said: Policy, rules: tuple[Rule, ...], blocked: bool, step: Step) -> None:
    decision = decide(said, index(*rules), Request.parse("x.ads.net/x.js", "www.a.com", Kind.SCRIPT))
    assert (decision.blocked, decision.step) == (blocked, step)


def test_first_party_javascript_lets_the_pages_own_scripts_run() -> None:
    said = policy(javascript=JavaScript.FIRST_PARTY)
    assert not decide(said, index(), Request.parse("cdn.a.com/x.js", "www.a.com", Kind.SCRIPT)).blocked
    assert not decide(said, index(), Request.parse("www.a.com", "www.a.com", Kind.SCRIPT, inline=True)).blocked


def test_javascript_deny_blocks_inline_scripts_and_nothing_else_does() -> None:
    inline = Request.parse("www.a.com", "www.a.com", Kind.SCRIPT, inline=True)
    assert decide(policy(site("a.com", javascript=JavaScript.DENY)), index(), inline).blocked
    assert not decide(policy(hosts=(entry("deny", "a.com"),)), index(rule(Effect.BLOCK, "*")), inline).blocked


def test_the_trace_names_everything_that_matched_winner_first() -> None:
    said = policy(OFF, hosts=(entry("allow", "ads.net"),), protect={"x.ads.net": ORIGIN})
    request = Request.parse("x.ads.net/x.js", "www.a.com", Kind.SCRIPT)
    decision = decide(said, index(ADS, ADS_EXCEPTION), request, trace=True)
    assert [(step, spoken.text) for step, spoken in decision.trace] == [
        (Step.HOST, "hosts: allow: ads.net"),
        (Step.BLOCKING_OFF, "sites: a.com: blocking: off"),
        (Step.PROTECT, "protect: x.ads.net"),
        (Step.LIST_EXCEPTION, "@@||ads.net^"),
        (Step.LIST_BLOCK, "||ads.net^"),
    ]
    assert decision.rule is decision.trace[0][1]
    assert decision.rule is not None
    assert decision.rule.origin == ORIGIN


def transcribed(said: Policy, lists: Index, request: Request) -> tuple[bool, Step]:
    """Decide by the seven steps, word by word and slowly."""
    sites = sorted((s for s in said.sites.values() if covers(s.host, request.page_host)), key=lambda s: -len(s.host))
    if said.paused:
        return False, Step.PAUSE
    javascript = next((s.javascript for s in sites if s.javascript), said.javascript)
    denied = javascript is JavaScript.DENY or (javascript is JavaScript.FIRST_PARTY and request.third_party)
    if request.kind is Kind.SCRIPT and denied:
        return True, Step.JAVASCRIPT
    if request.inline:
        return False, Step.DEFAULT
    own = [sorted((len(h.host), h.allow) for h in s.hosts if covers(h.host, request.host)) for s in sites]
    if any(own):
        return not next(found for found in own if found)[-1][1], Step.SITE_HOST
    everywhere = sorted((len(h.host), h.allow) for h in said.hosts.values() if covers(h.host, request.host))
    if everywhere:
        return not everywhere[-1][1], Step.HOST
    if not next((s.blocking for s in sites if s.blocking is not None), said.blocking):
        return False, Step.BLOCKING_OFF
    if any(covers(name, request.host) for name in said.protect):
        return False, Step.PROTECT
    found = lists.matching(request)
    if any(r.important and r.effect is Effect.BLOCK for r in found):
        return True, Step.LIST_IMPORTANT
    if any(r.effect is Effect.ALLOW for r in found):
        return False, Step.LIST_EXCEPTION
    return bool(found), Step.LIST_BLOCK if found else Step.DEFAULT


@given(policies, st.lists(filter_lists, max_size=2), st.lists(requests, min_size=1, max_size=4))
def test_decide_is_the_seven_steps(said: Policy, lists: list[FilterList], asked: list[Request]) -> None:
    made = Index.build(lists)
    for request in asked:
        decision = decide(said, made, request)
        assert (decision.blocked, decision.step) == transcribed(said, made, request)
        traced = decide(said, made, request, trace=True)
        assert replace(traced, trace=()) == decision
        assert traced.trace[:1] == (((decision.step, decision.rule),) if decision.rule else ())


PAGE_EXCEPTION = rule(Effect.ALLOW, "@@||cdn.net/x$domain=a.com", pattern="||cdn.net/x", sites=("a.com",))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(policy(), {}, id="no site named"),
        pytest.param(policy(site("a.com")), {"cdn.net": PAGE_EXCEPTION.text}, id="site named"),
        pytest.param(policy(site("www.a.com")), {"cdn.net": PAGE_EXCEPTION.text}, id="site below"),
        pytest.param(policy(site("b.com")), {}, id="another site"),
        pytest.param(policy(resolver=Resolver(yield_all=True)), {"cdn.net": PAGE_EXCEPTION.text}, id="yield all"),
        pytest.param(
            policy(site("b.com", entry("allow", "x.net"))), {"x.net": "sites: b.com: allow: x.net"}, id="allow"
        ),
        pytest.param(policy(site("b.com", entry("deny", "x.net"))), {}, id="deny"),
        pytest.param(
            policy(site("b.com", blocking=False)), {"b.com": "sites: b.com: blocking: off"}, id="blocking off"
        ),
        pytest.param(policy(blocking=False), {"": "defaults: blocking: off"}, id="blocking off by default"),
    ],
)
def test_yields(said: Policy, expected: dict[str, str]) -> None:
    assert {name: rule.text for name, rule in yields(said, [PAGE_EXCEPTION]).items()} == expected


@pytest.mark.parametrize(
    ("exception", "names"),
    [
        pytest.param(replace(PAGE_EXCEPTION, sites=("a.*",)), ["cdn.net"], id="entity"),
        pytest.param(replace(PAGE_EXCEPTION, sites=("b.com", "c.www.a.com")), ["cdn.net"], id="a page below the site"),
        pytest.param(replace(PAGE_EXCEPTION, pattern="/x.js"), [], id="no certain host"),
        pytest.param(replace(PAGE_EXCEPTION, pattern="", host="y.net"), ["y.net"], id="host"),
        pytest.param(replace(PAGE_EXCEPTION, pattern="/x.js", to=("y.net", "z.*")), ["y.net"], id="to"),
        pytest.param(replace(PAGE_EXCEPTION, sites=()), [], id="no page"),
        pytest.param(replace(PAGE_EXCEPTION, action="csp"), [], id="another action"),
    ],
)
def test_exceptions_that_dns_yields_to(exception: Rule, names: list[str]) -> None:
    assert list(yields(policy(site("a.com")), [exception])) == names


@pytest.mark.parametrize(
    ("said", "rules", "blocked", "step"),
    [
        pytest.param(policy(), (ADS,), True, Step.LIST_BLOCK, id="list"),
        pytest.param(policy(), (replace(ADS, not_to=("x.ads.net",)),), False, Step.DEFAULT, id="denyallow"),
        pytest.param(
            policy(), (replace(ADS, party=Party.THIRD),), False, Step.DEFAULT, id="a condition DNS cannot see"
        ),
        pytest.param(policy(), (replace(ADS, kinds=SUBRESOURCES),), False, Step.DEFAULT, id="not the document"),
        pytest.param(policy(), (replace(ADS, sites=("a.com",)),), False, Step.DEFAULT, id="a page"),
        pytest.param(policy(), (ADS, ADS_EXCEPTION), False, Step.LIST_EXCEPTION, id="exception"),
        pytest.param(policy(hosts=(entry("deny", "ads.net"),)), (), True, Step.HOST, id="denied"),
        pytest.param(policy(protect={"ads.net": ORIGIN}), (ADS_IMPORTANT,), False, Step.PROTECT, id="protected"),
        pytest.param(
            policy(site("b.com", entry("allow", "ads.net"))), (ADS,), False, Step.YIELD, id="yields to a site"
        ),
        pytest.param(
            policy(site("b.com", entry("allow", "ads.net")), hosts=(entry("deny", "ads.net"),)),
            (),
            False,
            Step.YIELD,
            id="yields to a site over hosts",
        ),
        pytest.param(
            policy(site("ads.net", blocking=False), hosts=(entry("deny", "ads.net"),)),
            (),
            True,
            Step.HOST,
            id="hosts over a site with blocking off",
        ),
        pytest.param(policy(blocking=False), (ADS_IMPORTANT,), False, Step.YIELD, id="blocking off by default"),
        pytest.param(
            policy(site("b.com", javascript=JavaScript.DENY)), (), False, Step.DEFAULT, id="scripts are no names"
        ),
        pytest.param(policy(paused=True), (ADS,), False, Step.PAUSE, id="pause"),
    ],
)
def test_decide_name(said: Policy, rules: tuple[Rule, ...], blocked: bool, step: Step) -> None:
    decision = decide_name(said, index(*rules), "x.ads.net", yields(said, []))
    assert (decision.blocked, decision.step) == (blocked, step)
    traced = decide_name(said, index(*rules), "x.ads.net", yields(said, []), trace=True)
    assert replace(traced, trace=()) == decision


@pytest.mark.parametrize(
    ("name", "host", "blocked"),
    [
        pytest.param("com", "a.com", False, id="public suffix"),
        pytest.param("co.uk", "a.co.uk", False, id="public suffix of two labels"),
        pytest.param("localhost", "localhost", False, id="special use"),
        pytest.param("quad9.net", "dns.quad9.net", False, id="upstream"),
        pytest.param("quad9.net", "www.quad9.net", True, id="beside an upstream"),
        pytest.param("lists.net", "lists.net", False, id="source of a list"),
        pytest.param("a.com", "a.com", True, id="any other"),
    ],
)
def test_names_that_no_list_blocks(name: str, host: str, blocked: bool) -> None:
    said = policy(
        resolver=Resolver(upstreams=("9.9.9.9", "tls://dns.quad9.net")),
        lists=(ListSource("l", ORIGIN, url="https://lists.net/l.txt"),),
    )
    assert decide_name(said, index(replace(ADS, host=name)), host, {}).blocked is blocked


def hide(text: str, *sites: str, effect: Effect = Effect.BLOCK, **fields: object) -> Cosmetic:
    return replace(Cosmetic(effect, ORIGIN, text, text, sites=sites), **fields)  # type: ignore[arg-type]


def hidden_on(page: str, said: Policy, *cosmetics: Cosmetic, rules: tuple[Rule, ...] = ()) -> list[str]:
    return cosmetics_for(said, [FilterList("l", "adblock", rules=list(rules), cosmetics=list(cosmetics))], page)


HIDES = (
    hide(".ad"),
    hide(".own", "a.com"),
    hide(".other", "b.com"),
    hide(".not-here", not_sites=("www.a.com",)),
    hide(".back", "a.*"),
    hide(".back", "a.com", effect=Effect.ALLOW),
    hide(":has-text(x)", form=CosmeticForm.PROCEDURAL),
)
NO_GENERIC = rule(Effect.ALLOW, "@@||a.com^$ghide", host="a.com", kinds=ALL_KINDS, action="generichide")


@pytest.mark.parametrize(
    ("said", "rules", "expected"),
    [
        pytest.param(policy(), (), [".ad", ".own"], id="lists"),
        pytest.param(policy(site("a.com", hide=(".mine",))), (), [".mine", ".ad", ".own"], id="policy"),
        pytest.param(policy(site("a.com", hide=(".mine",), blocking=False)), (), [".mine"], id="blocking off"),
        pytest.param(
            policy(site("a.com", hide=(".far",)), site("www.a.com", hide=(".near",))),
            (),
            [".near", ".ad", ".own"],
            id="nearest site",
        ),
        pytest.param(policy(site("a.com", hide=(".mine",)), paused=True), (), [], id="pause"),
        pytest.param(policy(), (NO_GENERIC,), [".own"], id="generichide"),
        pytest.param(policy(), (replace(NO_GENERIC, action="specifichide"),), [".ad"], id="specifichide"),
        pytest.param(policy(), (replace(NO_GENERIC, action="elemhide"),), [], id="elemhide"),
        pytest.param(policy(), (replace(NO_GENERIC, host="b.com"),), [".ad", ".own"], id="generichide elsewhere"),
    ],
)
def test_cosmetics_for(said: Policy, rules: tuple[Rule, ...], expected: list[str]) -> None:
    assert hidden_on("www.a.com", said, *HIDES, rules=rules) == expected


def test_an_undecided_request_is_let_through() -> None:
    assert decide(policy(), index(), Request.parse("a.com")) == Decision(False, Step.DEFAULT, None, ())
