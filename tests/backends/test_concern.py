"""Which requests a gap concerns: those whose verdict hangs on its rule."""

from __future__ import annotations

import pytest

from blockctl.backends.concern import concern, concern_of_names
from blockctl.backends.output import Gaps
from blockctl.model.decide import Decision, Step
from blockctl.model.diagnostic import Origin
from blockctl.model.request import SUBRESOURCES
from blockctl.model.rule import Effect, Rule

BLOCK = Rule(Effect.BLOCK, Origin("list", 1), "||ads.example^", host="ads.example")
OF_PATH = Rule(Effect.BLOCK, Origin("list", 2), "||ads.example/a", pattern="||ads.example/a", kinds=SUBRESOURCES)
ALLOW = Rule(Effect.ALLOW, Origin("list", 3), "@@||ads.example^$script", host="ads.example")
STEPS = {BLOCK: Step.LIST_BLOCK, OF_PATH: Step.LIST_BLOCK, ALLOW: Step.LIST_EXCEPTION}


def gaps(*rules: Rule) -> Gaps:
    found = Gaps()
    for rule in rules:
        found.add(f"line {rule.origin.line}", rule.origin, rule.text)
    return found


def decision(*spoken: Rule) -> Decision:
    first = spoken[0] if spoken else None
    blocked = first is not None and first.effect is Effect.BLOCK
    trace = tuple((STEPS[rule], rule) for rule in spoken)
    return Decision(blocked, STEPS[first] if first else Step.DEFAULT, first, trace)


@pytest.mark.parametrize(
    ("spoken", "lost", "reason"),
    [
        pytest.param((BLOCK,), (BLOCK,), "line 1", id="its only block is lost"),
        pytest.param((BLOCK, OF_PATH), (BLOCK,), "", id="another block stands"),
        pytest.param((BLOCK, OF_PATH), (BLOCK, OF_PATH), "line 1", id="both are lost: it counts once"),
        pytest.param((ALLOW, BLOCK), (ALLOW,), "line 3", id="the exception is lost"),
        pytest.param((ALLOW, BLOCK), (BLOCK,), "", id="the block that it excepts is lost"),
        pytest.param((ALLOW,), (ALLOW,), "", id="nothing blocks without the exception"),
        pytest.param((ALLOW, BLOCK), (ALLOW, BLOCK), "", id="neither stands, and so it is let through"),
        pytest.param((), (BLOCK,), "", id="nothing speaks"),
    ],
)
def test_concern(spoken: tuple[Rule, ...], lost: tuple[Rule, ...], reason: str) -> None:
    found = concern(gaps(*lost), [(decision(*spoken), 3), (decision(), 1)])
    assert found.requests == 4
    assert dict(found.by_reason) == ({reason: 3} if reason else {})
    assert found.share == (0.75 if reason else 0.0)


@pytest.mark.parametrize(
    ("rules", "lost", "reason"),
    [
        pytest.param([OF_PATH], (OF_PATH,), "line 2", id="a block that may be lost"),
        pytest.param([BLOCK, OF_PATH], (OF_PATH,), "", id="the whole name is blocked anyway"),
        pytest.param([BLOCK, ALLOW], (ALLOW,), "line 3", id="an exception that may be lost"),
        pytest.param([ALLOW], (ALLOW,), "", id="an exception to nothing"),
        pytest.param([], (BLOCK,), "", id="nothing speaks of it"),
    ],
)
def test_concern_of_names(rules: list[Rule], lost: tuple[Rule, ...], reason: str) -> None:
    found = concern_of_names(gaps(*lost), [(rules, 2)])
    assert dict(found.by_reason) == ({reason: 2} if reason else {})


def test_the_rule_behind_most_requests_is_kept() -> None:
    lost = Gaps()
    for rule in (BLOCK, OF_PATH):
        lost.add("one", rule.origin, rule.text)
    found = concern(lost, [(decision(BLOCK), 2), (decision(OF_PATH), 5)])
    assert found.rules == {"one": OF_PATH}


def test_no_traffic_has_no_share() -> None:
    assert concern(gaps(BLOCK), []).share == 0.0
