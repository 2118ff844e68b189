"""The steps of a decision, in their order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.decide import Decision, Step, decide
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.names import covers
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Rule
from tests.model.say import ADS, ADS_EXCEPTION, ADS_IMPORTANT, OFF, ORIGIN, entry, index, policy, rule, site
from tests.model.worlds import filter_lists, policies, requests


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


def test_an_undecided_request_is_let_through() -> None:
    assert decide(policy(), index(), Request.parse("a.com")) == Decision(False, Step.DEFAULT, None, ())
