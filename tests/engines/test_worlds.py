"""The comparison itself: worlds meet their rules, a failure is made small, and only its own gap forgives an answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from blockctl.backends.output import Gap, Output
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.request import Kind
from blockctl.model.rule import Effect, Rule
from tests.engines.judge import Judged, explain
from tests.engines.ledger import record
from tests.engines.shrink import shrink
from tests.engines.worlds import FEATURES, Question, World, worlds

SEED = 20261121


def test_most_questions_meet_a_rule() -> None:
    steps: Counter[Step] = Counter()
    matched = blocked = asked = 0
    for world in worlds(SEED, 120):
        judged = Judged(world)
        for question in world.questions:
            decision = judged.decide(question, trace=True)
            asked += 1
            matched += bool(decision.trace)
            blocked += decision.blocked
            steps[decision.step] += 1
    print(f"{asked:,} questions, {matched / asked:.0%} meet a rule, {blocked / asked:.0%} blocked")
    assert matched > asked / 2
    assert asked / 4 < blocked < asked * 3 / 4
    assert set(steps) >= set(Step) - {Step.PAUSE, Step.YIELD, Step.REBINDING}


def test_a_seed_gives_the_same_worlds() -> None:
    assert list(map(str, worlds(7, 20))) == list(map(str, worlds(7, 20)))
    assert list(map(str, worlds(7, 20))) != list(map(str, worlds(8, 20)))


@pytest.mark.parametrize("feature", sorted(FEATURES - {"path", "kinds", "badfilter"}))
def test_a_feature_can_be_left_out(feature: str) -> None:
    text = "".join(str(world).partition("--- questions")[0] for world in worlds(3, 60, without={feature}))
    assert SIGNS[feature] not in text
    assert SIGNS[feature] in "".join(map(str, worlds(3, 60)))


SIGNS = {
    "regex": "\\/ads\\/", "entity": ".*|", "denyallow": "denyallow", "to": "to=n", "match-case": "match-case",
    "important": "important", "party": "third-party", "domain": "domain=", "document": ",document",
    "javascript": "javascript", "http": "http://", "address": "192.0.2.7", "cosmetic": "##.ad", "site-regex": "/^www",
}  # fmt: skip


def test_a_failure_is_made_small() -> None:
    """An engine that forgets exceptions for images: what is left is the block and the exception."""

    def disagrees(world: World, question: Question) -> bool:
        told = Judged(world).decide(question, trace=True)
        exception = told.step is Step.LIST_EXCEPTION and question.kind is Kind.IMAGE
        return exception and any(step is Step.LIST_BLOCK for step, _ in told.trace)

    found = 0
    for world in worlds(SEED, 60):
        question = next((each for each in world.questions if disagrees(world, each)), None)
        if question is None:
            continue
        found += 1
        small = shrink(world, question, disagrees)
        assert disagrees(small, question)
        assert small.questions == [question]
        assert sum(len(text.splitlines()) for text in small.lists.values()) == 2, small
        assert len(small.policy.splitlines()) == 5, small
    assert found > 3


BLOCK = Rule(Effect.BLOCK, Origin("web.txt", 1), "||ads.net^$image", host="ads.net")
ALLOW = Rule(Effect.ALLOW, Origin("web.txt", 2), "@@||ads.net^$image", host="ads.net")
LIST_BLOCK, EXCEPTION = (Step.LIST_BLOCK, BLOCK), (Step.LIST_EXCEPTION, ALLOW)
OF_BLOCK, OF_ALLOW = Gap("b", BLOCK.origin, BLOCK.text), Gap("a", ALLOW.origin, ALLOW.text)
OTHER = Gap("o", Origin("web.txt", 3), "||news.com^$script")


@pytest.mark.parametrize(
    ("spoken", "gaps", "blocked", "reasons"),
    [
        pytest.param([LIST_BLOCK], [OF_BLOCK], False, {"b"}, id="its only rule is a gap"),
        pytest.param([LIST_BLOCK], [OTHER], False, set(), id="another rule's gap forgives nothing"),
        pytest.param([EXCEPTION, LIST_BLOCK], [OF_ALLOW], True, {"a"}, id="the exception is a gap"),
        pytest.param([EXCEPTION, LIST_BLOCK], [OF_BLOCK], True, set(), id="an exception that is none stands"),
        pytest.param([], [OTHER], True, set(), id="nothing blocks"),
        pytest.param([LIST_BLOCK, LIST_BLOCK], [], False, set(), id="no gaps"),
        pytest.param([EXCEPTION, LIST_BLOCK], [OF_ALLOW, OF_BLOCK], True, {"a", "b"}, id="one gap after the other"),
    ],
)
def test_a_gap_explains_by_its_own_rule(
    spoken: list[tuple[Step, Rule]], gaps: list[Gap], blocked: bool, reasons: set[str]
) -> None:
    assert explain(spoken, gaps, blocked) == reasons


def test_a_broader_gap_reaches_beyond_its_kinds_but_not_beyond_its_address() -> None:
    policy = "version: 1\nlists:\n  - {name: web, path: web.txt, format: adblock}\n"
    judged = Judged(World(policy, {"web.txt": "||ads.net^$ping\n"}, []))
    output = Output({})
    output.gaps.add("beacon", Origin("web.txt", 1), "||ads.net^$ping")
    reached = Question("https://news.com/", "https://ads.net/", Kind.OTHER)
    assert judged.explained_by(output, "safari", reached, blocked=True) == {"beacon"}
    elsewhere = Question("https://news.com/", "https://xads.net/", Kind.OTHER)
    assert judged.explained_by(output, "safari", elsewhere, blocked=True) == set()


def test_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger"
    monkeypatch.setenv("BLOCKCTL_LEDGER", str(path))
    record("unbound", "worlds", questions=5, agreed=3, gaps=Counter(apart=2), seed=1, seconds=0.25)
    record("unbound", "names", questions=5, agreed=5, gaps=Counter())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["questions"] for line in lines] == [5, 5]
    assert lines[0]["gaps"] == {"apart": 2}
    with pytest.raises(AssertionError, match="1 of 5 answers differ"):
        record("unbound", "worlds", questions=5, agreed=4, gaps=Counter())
