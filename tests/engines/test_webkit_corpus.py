"""The lists that people use, in the real WebKit: files compile, selectors are read, requests are decided alike."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest

from blockctl.backends import safari
from blockctl.backends.output import Prepared
from blockctl.model.decide import decide
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import JavaScript, Policy, Site
from blockctl.model.request import Kind, Request
from blockctl.parsers import adblock
from blockctl.policy.merge import settle_badfilters
from tests.backends.safari_worlds import ORIGIN
from tests.backends.test_safari import files
from tests.engines.require import require
from tests.engines.webkit import ask

CORPUS = Path(__file__).parents[2] / "../shared/corpus"
NAMES = (
    "easylist/easylist", "easylist/easyprivacy", "easylist/easylist-cookies", "ublock/filters", "ublock/filters-2026",
    "ublock/badware", "ublock/privacy", "ublock/quick-fixes", "ublock/unbreak", "ublock/annoyances-cookies",
)  # fmt: skip
KINDS = {"script": Kind.SCRIPT, "image": Kind.IMAGE, "stylesheet": Kind.STYLE, "xhr": Kind.XHR, "font": Kind.FONT}
POLICY = Policy(
    "policy.yaml", sites={"google.com": Site("google.com", ORIGIN, javascript=JavaScript.DENY, blocking=False)}
)
PAGES, REQUESTS = 14, 30  # pages, and requests on each


@pytest.fixture(scope="module")
def lists() -> list[FilterList]:
    require("webkit")
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real lists is not here")
    found = []
    for name in NAMES:
        text = gzip.decompress((CORPUS / "browser" / f"{name}.txt.gz").read_bytes()).decode()
        found.append(adblock.parse(text, name.partition("/")[2]))
    settle_badfilters(found, [rule for each in found for rule in each.badfilters])
    return found


@pytest.fixture(scope="module")
def prepared(lists: list[FilterList]) -> Prepared:
    return safari.prepare(lists, {"package": "off"})


def cases() -> list[dict[str, object]]:
    by_page: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    with gzip.open(CORPUS / "requests/requests.train.jsonl.gz", "rt", encoding="utf-8") as log:
        for line in log:
            seen = json.loads(line)
            page, url, kind = seen["frameUrl"].replace("https:", "http:", 1), seen["url"], KINDS.get(seen["cpt"])
            if kind and kind.name and page.startswith("http") and url.startswith("http") and "#" not in page:
                plain = url.replace("https:", "http:", 1).partition("#")[0]  # the proxy speaks no TLS
                if len(by_page[page]) < REQUESTS:
                    by_page[page][(plain, kind.name.lower())] = None
    busiest = sorted(by_page, key=lambda page: (-len(by_page[page]), page))[:PAGES]
    return [{"page": page, "requests": list(map(list, by_page[page]))} for page in busiest]


def test_real_requests_are_decided_alike(lists: list[FilterList], prepared: Prepared, tmp_path: Path) -> None:
    asked = cases()
    output = safari.emit(POLICY, prepared, {"package": "off"})
    answers = ask(tmp_path, files(output), asked)
    assert {name: each["error"] for name, each in answers["compiled"].items()} == dict.fromkeys(output.files, "")
    gaps = {gap.text for gap in output.gaps.kept}
    index = Index.build(lists)
    wrong, told, blocked = [], 0, 0
    for case, answer in zip(asked, answers["answers"], strict=True):
        for url, kind in case["requests"]:  # type: ignore[attr-defined]
            request = Request.parse(url, str(case["page"]), Kind[kind.upper()])
            decision = decide(POLICY, index, request, trace=True)
            blocked += decision.blocked
            if ([url, kind] not in answer["through"]) != decision.blocked:
                if any(rule.text in gaps for _, rule in decision.trace):
                    told += 1
                else:
                    wrong.append((request, decision.step, decision.rule and decision.rule.text))
    assert wrong == [], "\n".join(map(str, wrong))
    assert blocked > 30
    assert told <= 4


def test_every_selector_is_read(prepared: Prepared, tmp_path: Path) -> None:
    rules = json.loads(b"[" + bytes(prepared.bodies["cosmetic"]) + b"]")
    selectors = [rule["action"]["selector"] for rule in rules if "selector" in rule["action"]]
    assert len(selectors) > 5000
    assert ask(tmp_path, {}, selectors=selectors)["unreadable"] == []
