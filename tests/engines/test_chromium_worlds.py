"""Generated worlds: Chromium's declarativeNetRequest, with what we write loaded, answers as `decide()` does.

$BLOCKCTL_SEED draws other worlds, $BLOCKCTL_QUESTIONS so many questions (24,000 else).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.engines.chromium import Chromium, is_blocked, question
from tests.engines.judge import Judged
from tests.engines.ledger import first_reason, record
from tests.engines.require import require
from tests.engines.shrink import shrink
from tests.engines.worlds import Question, World, worlds

SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))
QUESTIONS = int(os.environ.get("BLOCKCTL_QUESTIONS", "24000"))
PER_WORLD = 200
SHOWN = 3  # disagreements that are shrunk and shown


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Return a browser for all worlds."""
    require("chromium")
    with Chromium() as browser:
        yield browser


def answers(chromium: Chromium, judged: Judged, questions: list[Question]) -> list[bool]:
    """Return whether Chromium, given our rules, blocks each request."""
    rules = chromium.load(judged.output("dnr"))
    asked = [question(each.url, each.page, str(each.kind.name).lower()) for each in questions]
    return [is_blocked(rules, matched) for matched in chromium.ask(asked)]


def test_worlds(chromium: Chromium) -> None:
    """Every answer is that of `decide()`, or a gap of that very rule explains it."""
    began = time.monotonic()
    asked, agreed, gaps = 0, 0, Counter[str]()
    wrong: list[tuple[World, Question, bool]] = []
    for world in worlds(SEED, QUESTIONS // PER_WORLD, questions=PER_WORLD):
        judged = Judged(world)
        output = judged.output("dnr")
        for each, blocked in zip(world.questions, answers(chromium, judged, world.questions), strict=True):
            asked += 1
            if blocked == judged.decide(each).blocked:
                agreed += 1
            elif reasons := judged.explained_by(output, "dnr", each, blocked):
                gaps[first_reason(reasons)] += 1
            else:
                wrong.append((world, each, blocked))
    shown = [str(shrink(world, each, lambda w, q: _disagrees(chromium, w, q))) for world, each, _ in wrong[:SHOWN]]
    assert not wrong, f"seed {SEED}: {len(wrong)} of {asked} differ\n" + "\n\n".join(shown)
    record("chromium", "worlds", questions=asked, agreed=agreed, gaps=gaps, seed=SEED, seconds=time.monotonic() - began)


def _disagrees(chromium: Chromium, world: World, asked: Question) -> bool:
    judged = Judged(world)
    (blocked,) = answers(chromium, judged, [asked])
    reasons = judged.explained_by(judged.output("dnr"), "dnr", asked, blocked)
    return blocked != judged.decide(asked).blocked and not reasons
