"""Real requests, asked of uBlock Origin's engine: given the lists as written, and given what we write of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import cache
from random import Random

import pytest

from blockctl.backends import ublock
from blockctl.backends.ublock_lines import network_line
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from blockctl.policy.merge import settle_badfilters
from tests.engines.ledger import record
from tests.engines.require import require
from tests.engines.test_decide_ubo import (
    LISTS,
    LOGGED,
    MISLABELLED,
    blocked,
    in_force,
    logged,
    needs_corpus,
    parse,
    read,
)
from tests.engines.ubo_core import World, ask_many

pytestmark = needs_corpus
REASONS = 10  # disagreements shown


def ours(lists: list[FilterList]) -> str:
    """Return the lists as our one list for uBO."""
    return b"".join(ublock.emit(Policy("policy"), ublock.prepare(lists, {}), {}).files[""]).decode()


@pytest.mark.parametrize("documents", [Kind.FRAME, Kind.DOCUMENT], ids=["frames", "pages"])
def test_request_log(documents: Kind) -> None:
    """EasyList, EasyPrivacy and uBlock's filters; the log does not tell frames from pages, so both are asked."""
    require("ubo-core")
    began = time.monotonic()
    texts = [read(f"browser/{name}.txt.gz") for name in LISTS]
    lists = [parse(text, name) for text, name in zip(texts, LISTS, strict=True)]
    given = [in_force(*both) for both in zip(texts, lists, strict=True)]
    settle_badfilters(lists, [rule for parsed in lists for rule in parsed.badfilters])
    index = Index.build(lists)
    requests = [Request.parse(each.url, each.page, documents) if each.kind is Kind.FRAME else each for each in logged()]
    asked = ask_many([World(given, requests), World([ours(lists)], requests)])
    decided = [blocked(index, request) for request in requests]
    as_written, as_ours = (
        [(request, answer) for request, answer, said in zip(requests, answers, decided, strict=True)
         if answer["blocked"] is not said]
        for answers in asked
    )  # fmt: skip
    assert not as_ours, as_ours[:REASONS]
    unexplained = [(request, answer) for request, answer in as_written if not by_its_host(request, answer["filter"])]
    assert not unexplained, unexplained[:REASONS]
    assert len(as_written) <= len(requests) // 1000
    for request, answer in as_written:
        print(f"uBO stops the page {request.url} by {answer['filter']}, which says nothing of pages")
    took = time.monotonic() - began
    record("ubo-core", "log", questions=len(requests), agreed=len(requests), gaps=Counter(), seconds=took)


def by_its_host(request: Request, line: str | None) -> bool:
    """Whether uBO stopped a page by a line that means what pages load: its strict blocking, for a host as a whole."""
    return request.kind is Kind.DOCUMENT and any(
        network_line(rule)[0].endswith("~document") for rule in parse(line or "", "line").rules
    )


@cache
def labelled() -> list[tuple[str, Request]]:
    """Return filters, each with a request that it matches, as Brave's engine is tested; a filter may come again."""
    found = []
    for entry in json.loads(read("browser/labelled/matching-test-requests.json.gz")):
        page = entry["sourceUrl"] if entry["sourceUrl"].rstrip("/").count("/") > 1 else "https://page.invalid/"
        request = Request.parse(entry["url"], page, LOGGED.get(entry["type"], Kind.OTHER))
        if request.host:  # three have an address without one, which no browser asks for
            found += [(line, request) for line in entry["filters"] if not MISLABELLED.match(line)]
    return found


TOGETHER = 60  # filters in a list
OTHERS = 120  # requests that were meant for other filters


def test_labelled_requests() -> None:
    """Brave's filters, some dozens to a list, with the requests that each must match and others' requests."""
    require("ubo-core")
    began = time.monotonic()
    draw = Random(20261121)
    pairs = labelled()
    draw.shuffle(pairs)
    batches = [pairs[at : at + TOGETHER] for at in range(0, len(pairs), TOGETHER)]
    lists, worlds = [], []
    for batch in batches:
        text = "\n".join(dict.fromkeys(line for line, _ in batch))
        asked = [*(request for _, request in batch), *(request for _, request in draw.sample(pairs, OTHERS))]
        lists.append(parse(text, "labelled"))
        worlds += [World([text], asked), World([ours(lists[-1:])], asked)]
    answers = ask_many(worlds)
    questions, differ, read_otherwise = 0, [], 0
    for number, parsed in enumerate(lists):
        index = Index.build([parsed])
        for way in (2 * number, 2 * number + 1):
            for request, answer in zip(worlds[way].requests, answers[way], strict=True):
                questions += way % 2
                if answer["blocked"] is not blocked(index, request):
                    matching = index.matching(request)
                    if way % 2 == 0 and any(network_line(rule)[0] != rule.text for rule in matching):
                        read_otherwise += 1  # a line that we write otherwise, for uBO reads it in its own way
                    else:
                        differ.append((way % 2, request, answer, [rule.text for rule in matching]))
    assert not differ, f"{len(differ)} of {questions}: {differ[:REASONS]}"
    print(f"{read_otherwise} answers to the filters as written differ by lines that we write otherwise")
    assert questions > 20_000
    assert read_otherwise < questions // 200
    took = time.monotonic() - began
    record("ubo-core", "vectors", questions=questions, agreed=questions, gaps=Counter(), seed=20261121, seconds=took)
