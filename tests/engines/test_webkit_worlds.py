"""Generated worlds in the real WebKit: it blocks what `decide()` blocks, but for what a gap of that very compile names.

$BLOCKCTL_WORLDS is how many worlds (340: over 20,000 questions), $BLOCKCTL_SEED the seed (another one each day).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from random import Random

import pytest

from blockctl.backends import safari
from blockctl.model.decide import cosmetics_for, decide
from blockctl.model.index import Index
from blockctl.model.request import Kind, Request
from tests.backends.safari_worlds import SITES
from tests.backends.safari_worlds import world as hiding_world
from tests.backends.test_safari import without_gaps
from tests.engines.judge import Judged
from tests.engines.webkit import Ask, WebKit
from tests.engines.webkit_compare import ask_all, install, smallest
from tests.engines.wide_worlds import wide_worlds
from tests.engines.worlds import Question, worlds

WORLDS = int(os.environ.get("BLOCKCTL_WORLDS", "340"))
SEED = int(os.environ.get("BLOCKCTL_SEED") or f"{datetime.now(UTC):%Y%m%d}")
SHOWN = 60  # worlds whose pages are opened to see what is hidden


def test_worlds_are_decided_alike(webkit: WebKit) -> None:
    began = time.monotonic()
    told = ask_all(webkit, wide_worlds(SEED, WORLDS))
    assert not told.wrong, f"seed {SEED}: {len(told.wrong)} answers differ\n\n{smallest(webkit, told)}"
    told.close("worlds", SEED, time.monotonic() - began)


def test_pages_hide_alike(webkit: WebKit) -> None:
    """Each page that may be opened is opened anew with the content blockers in force, as styles come with its loads."""
    asked = hidden = 0
    for world in worlds(SEED + 1, SHOWN):
        judged = Judged(world)
        output = judged.output("safari", {"package": "off"})
        blockers = install(webkit, output)
        every = {question.page for question in world.questions}
        pages = [page for page in sorted(every) if not judged.decide(Question(page, page, Kind.DOCUMENT)).blocked][:6]
        answers = webkit.ask([Ask(page, blockers, selectors=(".ad", ".modal", ".other")) for page in pages])
        for page, answer in zip(pages, answers, strict=True):
            wanted = set(cosmetics_for(judged.policy, judged.lists, host_of(page)))
            assert answer.hidden == wanted, f"seed {SEED + 1}: {page}\n{world}"
            asked, hidden = asked + 1, hidden + len(wanted)
        webkit.forget(blockers)
    assert hidden > asked / 20, (asked, hidden)


@pytest.mark.parametrize("seed", range(5000, 5025))
def test_lists_that_take_back_what_they_hide(webkit: WebKit, seed: int) -> None:
    """Worlds of rules, for what a page's address takes back: `$elemhide`, `$generichide`, `#@#`."""
    made = hiding_world(Random(seed))
    output = safari.emit(made.policy, safari.prepare([made.parsed], {}), {"package": "off"})
    said = without_gaps(made.parsed, output)
    index = Index.build([said])
    blockers = install(webkit, output)
    pages = [f"http://{site}/" for site in (*SITES, "x.news.example", "badnews.example")]
    pages = [page for page in pages if not decide(made.policy, index, Request.parse(page, kind=Kind.DOCUMENT)).blocked]
    answers = webkit.ask([Ask(page, blockers, selectors=(".ad", ".promo", "#box", ".old", ".mine")) for page in pages])
    for page, answer in zip(pages, answers, strict=True):
        assert answer.hidden == set(cosmetics_for(made.policy, [said], host_of(page))) - {".also"}, page
    webkit.forget(blockers)


def host_of(page: str) -> str:
    return Request.parse(page, kind=Kind.DOCUMENT).host
