"""The lists and requests of real life in WebKit: files compile, selectors are read, requests are decided alike."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blockctl.backends.output import Output
from blockctl.model.names import normalize_host
from blockctl.model.request import Kind
from blockctl.parsers import adblock
from tests.engines.judge import Judged
from tests.engines.webkit import Ask, WebKit
from tests.engines.webkit_compare import Told, ask_all, by_page, content_blockers, install, kind_word, smallest
from tests.engines.worlds import Question, World

CORPUS = Path(__file__).parents[2] / "../shared/corpus"
NAMES = (
    "easylist/easylist", "easylist/easyprivacy", "ublock/filters", "ublock/filters-2020", "ublock/filters-2021",
    "ublock/filters-2022", "ublock/filters-2023", "ublock/filters-2024", "ublock/filters-2025", "ublock/filters-2026",
    "ublock/filters-general", "ublock/privacy", "ublock/badware", "ublock/quick-fixes", "ublock/unbreak",
    "ublock/resource-abuse",
)  # fmt: skip
LOGGED = {
    "image": Kind.IMAGE, "script": Kind.SCRIPT, "xhr": Kind.XHR, "fetch": Kind.XHR, "stylesheet": Kind.STYLE,
    "font": Kind.FONT, "media": Kind.MEDIA, "texttrack": Kind.MEDIA, "document": Kind.FRAME, "manifest": Kind.OTHER,
    "other": Kind.OTHER,
}  # fmt: skip
LABELLED = {**LOGGED, "subdocument": Kind.FRAME}
POLICY = """\
version: 1
sites:
  google.com: {javascript: deny, blocking: off}
  mail.ru: {allow: [yandex.ru], deny: [imgsmail.ru]}
"""
PAGE = "https://page.example/"
TOGETHER = 100  # labelled requests whose filters make one list
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus")


def read(path: str) -> str:
    return gzip.decompress((CORPUS / path).read_bytes()).decode()


def policy(names: list[str], text: str = "version: 1\n") -> str:
    lines = [f"  - {{name: list-{at}, path: {name}, format: adblock}}" for at, name in enumerate(names)]
    return "\n".join([f"{text}lists:", *lines, ""])


def logged() -> list[Question]:
    """Return every request of the log that has a page. A document on a page of its own address is that page."""
    found = []
    for line in read("requests/requests.train.jsonl.gz").splitlines():
        row = json.loads(line)
        page, url = row["frameUrl"].partition("#")[0], row["url"].partition("#")[0]
        if page.startswith("http"):
            kind = Kind.DOCUMENT if row["cpt"] == "document" and page == url else LOGGED[row["cpt"]]
            found.append(Question(page, url, kind))
    return found


@pytest.fixture(scope="module")
def lists() -> Judged:
    texts = {f"{name.partition('/')[2]}.txt": read(f"browser/{name}.txt.gz") for name in NAMES}
    return Judged(World(policy(list(texts), POLICY), texts, logged()))


@pytest.fixture(scope="module")
def output(lists: Judged) -> Output:
    return lists.output("safari", {"package": "off"})


@needs_corpus
def test_the_log_is_decided_alike(webkit: WebKit, lists: Judged, output: Output) -> None:
    began = time.monotonic()
    blockers = install(webkit, output)
    for name in blockers:
        print(webkit.compiled[name])
    told = Told()
    by_pages = by_page(lists.world.questions)
    asks = [Ask(page, blockers, [(each.url, kind_word(each)) for each in by_pages[page]]) for page in by_pages]
    for ask, answer in zip(asks, webkit.ask(asks), strict=True):
        for question, blocked in zip(by_pages[ask.page], answer.verdicts, strict=True):
            told.add(lists, output, question, blocked)
    webkit.forget(blockers)
    assert told.asked + told.void.total() == len(lists.world.questions) > 14_000
    assert not told.wrong, "\n".join(f"{one}: WebKit {blocked}, {lists.decide(one)}" for _, one, blocked in told.wrong)
    assert told.gaps.total() <= 0.005 * told.asked, told.gaps
    told.close("log", None, time.monotonic() - began)


def labelled() -> list[tuple[Question, list[str]]]:
    """Return the labelled requests that have a host, with their filters.

    Where no page is told, it is one that a filter is about.
    """
    found = []
    for row in json.loads(read("browser/labelled/matching-test-requests.json.gz")):
        page = row["sourceUrl"]
        if not urlsplit(row["url"]).hostname:
            continue
        if not urlsplit(page).hostname:
            page = next(map(site_of, filter(site_of, row["filters"])), PAGE)
        found.append((Question(page, row["url"], LABELLED[row["type"]]), row["filters"]))
    return found


def site_of(line: str) -> str:
    """Return a page that a filter is about, "" when it names none."""
    if "domain=" not in line and "from=" not in line:
        return ""
    parsed = adblock.parse(line + "\n", "line")
    sites = [site for rule in parsed.rules for site in rule.sites if normalize_host(site)]
    return f"https://{sites[0]}/" if sites else ""


@needs_corpus
def test_labelled_requests_are_decided_alike(webkit: WebKit) -> None:
    """Each request is asked with the filters of its own hundred, and of the two hundreds behind it."""
    began = time.monotonic()
    rows = labelled()
    parts = [rows[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
    worlds = []
    for at, part in enumerate(parts):
        lines = dict.fromkeys(line for _, filters in part for line in filters)
        asked = [question for other in (at, at - 1, at - 2) for question, _ in parts[other]]
        worlds.append(World(policy(["web.txt"]), {"web.txt": "".join(f"{line}\n" for line in lines)}, asked))
    told = ask_all(webkit, worlds, at_once=len(worlds))
    assert not told.wrong, f"{len(told.wrong)} answers differ\n\n{smallest(webkit, told)}"
    assert told.asked > 20_000
    told.close("vectors", None, time.monotonic() - began)


@needs_corpus
def test_every_selector_is_read(webkit: WebKit, output: Output) -> None:
    files = {name: data for name, data in content_blockers(output).items() if name.startswith("cosmetic")}
    rules = [rule for data in files.values() for rule in json.loads(data)]
    selectors = [rule["action"]["selector"] for rule in rules if "selector" in rule["action"]]
    assert len(selectors) > 2000
    assert webkit.unreadable(selectors) == []
