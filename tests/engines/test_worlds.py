"""The comparison itself: worlds meet their rules, a failure is made small, and only its own gap forgives an answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from blockctl.backends.capabilities import CAPABILITIES
from blockctl.backends.output import Gap, Output
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.request import Kind
from blockctl.model.rule import Effect, Rule
from tests.engines.judge import BROADER, UNASKED, Judged, explain
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


WEB = "lists:\n  - {name: web, path: web.txt, format: adblock}\n"


def explained(lines: str, reason: str, question: Question, policy: str = "") -> set[str]:
    """Return how a gap of the first of these lines explains that Safari blocks a request."""
    judged = Judged(World(f"version: 1\n{policy}{WEB}", {"web.txt": lines}, []))
    output = Output({})
    output.gaps.add(reason, judged.lists[0].rules[0].origin, lines.partition("\n")[0])
    return judged.explained_by(output, "safari", question, blocked=True)


@pytest.mark.parametrize(
    ("line", "reason", "page", "url", "kind", "explains"),
    [
        pytest.param("||ads.net^$ping", "beacon", "news.com", "ads.net", Kind.OTHER, True, id="another kind"),
        pytest.param("||ads.net^$ping", "beacon", "news.com", "xads.net", Kind.OTHER, False, id="another address"),
        pytest.param("||ads.net^$ping", "beacon", "news.com", "ads.net", Kind.IMAGE, False, id="no such kind"),
        pytest.param("||ads.net^$ping,3p", "beacon", "ads.net", "ads.net", Kind.OTHER, False, id="another party"),
        pytest.param("||ads.net^$domain=~news.*", "entity-not", "news.org.uk", "ads.net", Kind.XHR, True, id="rare"),
        pytest.param("||ads.net^$domain=~news.*", "entity-not", "news.co.uk", "ads.net", Kind.XHR, False, id="known"),
        pytest.param(
            "||ads.net^$image,domain=~news.*", "entity-not", "news.org.uk", "ads.net", Kind.XHR, False, id="its kinds"
        ),
    ],
)
def test_a_broader_gap_reaches_as_far_as_its_reason_says(
    line: str, reason: str, page: str, url: str, kind: Kind, explains: bool
) -> None:
    question = Question(f"https://{page}/", f"https://{url}/", kind)
    assert explained(line, reason, question) == ({reason} if explains else set())


def test_every_broader_reason_says_what_it_reaches() -> None:
    told = {
        key for reasons in CAPABILITIES.values() for key, said in reasons.items() if said.fidelity.name == "BROADER"
    }
    assert told <= BROADER.keys() | UNASKED


SITE = """\
version: 1
sites:
  rant.com: {javascript: deny, deny: [ads.net], hide: [".modal"]}
  fair.com: {javascript: first-party, allow: [ads.net], scroll: unlock}
lists: []
"""


@pytest.mark.parametrize("backend", ["safari", "ublock", "ublock-backup", "dnr"])
@pytest.mark.parametrize("page", ["https://rant.com/", "https://fair.com/"])
def test_what_a_policy_cannot_have_beside_a_page_explains_nothing_on_it(backend: str, page: str) -> None:
    """Gaps about inline scripts, frames and what pages show stand in the very line that is asked about."""
    judged = Judged(World(SITE, {}, []))
    output = judged.output(backend)
    assert len(output.gaps)
    for kind in (Kind.SCRIPT, Kind.IMAGE):
        question = Question(page, "https://ads.net/x", kind)
        blocked = judged.decide(question).blocked
        assert judged.explained_by(output, backend, question, not blocked) == set(), (question, output.gaps.rows)


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
