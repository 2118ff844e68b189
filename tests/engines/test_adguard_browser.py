"""AdGuard's own engine, given what we write for its extension and for Safari, answers as `decide()` does.

For Safari the engine reads the lines that SafariConverterLib would be given: it is in Swift and does not run here.
What the converter drops is refused by the tests of the backend (`tests/backends/test_adguard_browser.py`).

$BLOCKCTL_SEED draws other worlds, $BLOCKCTL_QUESTIONS so many questions (24,000 else) for each of the two.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from functools import cache
from random import Random

import pytest

from blockctl.backends import adguard_browser, adguard_safari
from blockctl.backends.output import BrowserBackend, Gaps
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from blockctl.policy.merge import settle_badfilters
from tests.engines.adguard_compare import ENGINES, check
from tests.engines.adguard_core import World, ask_many
from tests.engines.judge import Judged, is_about
from tests.engines.ledger import record
from tests.engines.require import require
from tests.engines.test_decide_ubo import LISTS, blocked, logged, needs_corpus, parse, read
from tests.engines.test_ublock_corpus import OTHERS, TOGETHER, labelled
from tests.engines.test_ublock_worlds import replace_questions, with_inline_scripts
from tests.engines.test_webkit_policies import example
from tests.engines.wide_worlds import wide_worlds
from tests.shipped import STRATEGIES

SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))
QUESTIONS = int(os.environ.get("BLOCKCTL_QUESTIONS", "24000"))
PER_WORLD = 200
SHOWN = 10
REFUSED = 2  # lines of 164,000 that AdGuard drops without a word: an odd escape, and a :scope within :has()

BACKENDS: dict[str, BrowserBackend] = {"adguard-browser": adguard_browser, "adguard-safari": adguard_safari}
for_each = pytest.mark.parametrize("backend", list(BACKENDS))


@cache
def drawn() -> list[Judged]:
    made = wide_worlds(SEED, QUESTIONS // PER_WORLD, questions=PER_WORLD)
    return [replace_questions(Judged(with_inline_scripts(world))) for world in made]


@for_each
def test_worlds(backend: str) -> None:
    require("adguard-core")
    found = check(backend, "worlds", drawn(), SEED)
    if backend == "adguard-browser":
        assert found.gaps.total() < found.questions // 200


@for_each
def test_example_policies(backend: str) -> None:
    require("adguard-core")
    found = check(backend, "configs", [example(name) for name in STRATEGIES])
    assert found.questions > 6_000


def ours(backend: str, lists: list[FilterList]) -> tuple[str, Gaps]:
    """Return the lists as our one list for AdGuard, and its gaps."""
    output = BACKENDS[backend].emit(Policy("policy"), BACKENDS[backend].prepare(lists, {}), {})
    return b"".join(map(bytes, output.files[""])).decode(), output.gaps


def reasons_of(gaps: Gaps, index: Index, request: Request) -> set[str]:
    """Return the reasons of the gaps among the rules that speak of a request."""
    rules = index.matching(request)
    return {gap.reason for gap in gaps.kept if any(is_about(gap, rule) for rule in rules)}


@needs_corpus
@for_each
def test_request_log(backend: str) -> None:
    """EasyList, EasyPrivacy and uBlock's filters; the log does not tell frames from pages, so both are asked."""
    require("adguard-core")
    began = time.monotonic()
    lists = [parse(read(f"browser/{name}.txt.gz"), name) for name in LISTS]
    settle_badfilters(lists, [rule for parsed in lists for rule in parsed.badfilters])
    index = Index.build(lists)
    requests = list(logged())
    requests += [Request.parse(each.url, each.page, Kind.DOCUMENT) for each in requests if each.kind is Kind.FRAME]
    text, gaps = ours(backend, lists)
    (answers,) = ask_many([World([text], requests, backend == "adguard-safari")], refusals=REFUSED)
    named: Counter[str] = Counter()
    wrong = []
    for request, answer in zip(requests, answers, strict=True):
        if blocked(index, request) is not answer["blocked"]:
            if reasons := reasons_of(gaps, index, request):
                named[min(reasons)] += 1
            else:
                wrong.append((request, answer))
    assert not wrong, wrong[:SHOWN]
    assert named.total() <= len(requests) // 1000
    agreed = len(requests) - named.total()
    took = time.monotonic() - began
    record(ENGINES[backend], "log", questions=len(requests), agreed=agreed, gaps=named, seconds=took)


@needs_corpus
@for_each
def test_labelled_requests(backend: str) -> None:
    """Brave's filters, some dozens to a list, with the requests that each must match and others' requests."""
    require("adguard-core")
    began = time.monotonic()
    draw = Random(20261121)
    pairs = list(labelled())
    draw.shuffle(pairs)
    lists, gaps, asked = [], [], []
    for at in range(0, len(pairs), TOGETHER):
        batch = pairs[at : at + TOGETHER]
        parsed = parse("\n".join(dict.fromkeys(line for line, _ in batch)), "labelled")
        text, missing = ours(backend, [parsed])
        lists.append(parsed)
        gaps.append(missing)
        requests = [*(request for _, request in batch), *(request for _, request in draw.sample(pairs, OTHERS))]
        asked.append(World([text], requests, backend == "adguard-safari"))
    questions, named, wrong = 0, Counter[str](), []
    for parsed, missing, world, answers in zip(lists, gaps, asked, ask_many(asked), strict=True):
        index = Index.build([parsed])
        for request, answer in zip(world.requests, answers, strict=True):
            questions += 1
            if answer["blocked"] is not blocked(index, request):
                if reasons := reasons_of(missing, index, request):
                    named[min(reasons)] += 1
                else:
                    wrong.append((request, answer, [rule.text for rule in index.matching(request)]))
    assert not wrong, f"{len(wrong)} of {questions}: {wrong[:SHOWN]}"
    assert questions > 20_000
    agreed, took = questions - named.total(), time.monotonic() - began
    record(ENGINES[backend], "vectors", questions=questions, agreed=agreed, gaps=named, seed=20261121, seconds=took)
