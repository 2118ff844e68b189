"""What DNS makes of a policy: where it yields to the browser, and what it blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.decide import Step, decide, decide_name, yields
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.names import covers
from blockctl.model.policy import JavaScript, ListSource, Policy, Resolver
from blockctl.model.request import SUBRESOURCES, Request
from blockctl.model.rule import Effect, Party, Rule
from tests.model.say import ADS, ADS_EXCEPTION, ADS_IMPORTANT, ORIGIN, entry, index, policy, rule, site
from tests.model.worlds import filter_lists, policies, requests

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


@given(policies, st.lists(filter_lists, max_size=2), st.lists(requests, min_size=1, max_size=4))
def test_dns_blocks_no_name_that_the_policy_opens(said: Policy, lists: list[FilterList], asked: list[Request]) -> None:
    made = Index.build(lists)
    for request in asked:
        decision = decide(said, made, request)
        opened = decision.step in (Step.PAUSE, Step.SITE_HOST, Step.HOST, Step.PROTECT) or (
            decision.step is Step.BLOCKING_OFF
            and decision.rule is not None
            and (not decision.rule.sites or covers(decision.rule.sites[0], request.host))
        )
        if opened and not decision.blocked:
            assert not decide_name(said, made, request.host, yields(said, [])).blocked
