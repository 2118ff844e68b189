"""The lists, requests and example policies of real life in Chromium's declarativeNetRequest."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.engines.chromium import Chromium
from tests.engines.chromium_compare import Told
from tests.engines.judge import Judged
from tests.engines.require import require
from tests.engines.test_webkit_corpus import NAMES, POLICY, labelled, logged, needs_corpus, policy, read
from tests.engines.test_webkit_policies import example
from tests.engines.worlds import World
from tests.shipped import STRATEGIES

TOGETHER = 400  # labelled requests whose filters make one list


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    require("chromium")
    with Chromium() as browser:
        yield browser


@needs_corpus
def test_the_log_is_decided_alike(chromium: Chromium) -> None:
    began = time.monotonic()
    texts = {f"{name.partition('/')[2]}.txt": read(f"browser/{name}.txt.gz") for name in NAMES}
    judged = Judged(World(policy(list(texts), POLICY), texts, logged()))
    output = judged.output("dnr")
    told = Told()
    told.ask(chromium, judged, output)
    assert not told.wrong, told.plainly()
    assert told.asked > 14_000
    assert told.agreed >= 0.999 * told.asked, told.gaps
    told.close("log", time.monotonic() - began)


@needs_corpus
def test_chromium_takes_every_rule(chromium: Chromium) -> None:
    """A rule that a browser cannot read is passed over without a word: what is left of its room tells."""
    texts = {f"{name.partition('/')[2]}.txt": read(f"browser/{name}.txt.gz") for name in NAMES}
    empty = room(chromium, Judged(World("version: 1\nlists: []\n", {}, [])))
    judged = Judged(World(policy(list(texts), POLICY), texts, []))
    assert empty - room(chromium, judged) == judged.output("dnr").rules_out > 15_000


def room(chromium: Chromium, judged: Judged) -> int:
    """Return how many more rules Chromium would take."""
    chromium.load(judged.output("dnr"))
    chromium.ask([])
    return int(chromium.evaluate("chrome.declarativeNetRequest.getAvailableStaticRuleCount()", extension=True))


@needs_corpus
def test_labelled_requests_are_decided_alike(chromium: Chromium) -> None:
    """Each request is asked with the filters of its own four hundred, and of the two parts behind it."""
    began = time.monotonic()
    rows = labelled()
    parts = [rows[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
    told = Told()
    for at, part in enumerate(parts):
        lines = dict.fromkeys(line for _, filters in part for line in filters)
        asked = [question for other in (at, at - 1, at - 2) for question, _ in parts[other]]
        told.ask(
            chromium, Judged(World(policy(["web.txt"]), {"web.txt": "".join(f"{each}\n" for each in lines)}, asked))
        )
    assert not told.wrong, f"{told.plainly()}\n\n{told.smallest(chromium)}"
    assert told.asked > 20_000
    told.close("vectors", time.monotonic() - began)


def test_the_example_policies(chromium: Chromium) -> None:
    began = time.monotonic()
    told = Told()
    for name in STRATEGIES:
        told.ask(chromium, example(name))
    assert not told.wrong, told.plainly()
    assert told.asked > 6_000
    told.close("configs", time.monotonic() - began)
