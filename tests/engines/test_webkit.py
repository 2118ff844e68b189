"""The real WebKit takes what we write for Safari, and decides as `decide()` does."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from blockctl.backends import safari
from blockctl.backends.safari_pattern import refusal
from blockctl.model.decide import cosmetics_for, decide
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from tests.backends.safari_worlds import requests, world
from tests.backends.test_safari import files, without_gaps
from tests.backends.test_safari_selector import SOUND
from tests.engines.require import require
from tests.engines.webkit import ask

PAGES = ("http://news.example/", "http://live.sport.news.example/", "http://a.shop.example/", "http://x.b.example/")
ASKED = (  # media do not load here, nor do sockets
    Kind.DOCUMENT, Kind.FRAME, Kind.SCRIPT, Kind.STYLE, Kind.IMAGE, Kind.FONT, Kind.XHR, Kind.PING, Kind.OTHER,
)  # fmt: skip


def content_blockers(made: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in made.items() if name.endswith(".json")}


@pytest.mark.parametrize("seed", range(5000, 5006))
def test_webkit_agrees_with_decide(seed: int, tmp_path: Path) -> None:
    require("webkit")
    random = Random(seed)
    made = world(random)
    output = safari.emit(made.policy, safari.prepare([made.parsed], {}), {})
    said = without_gaps(made.parsed, output)
    index = Index.build([said])
    cases = []
    for page in PAGES:
        if decide(made.policy, index, Request.parse(page, kind=Kind.DOCUMENT)).blocked:
            continue
        asked = {(each.url.replace("https:", "http:"), each.kind) for each in requests(random, 40)}
        wanted = [[url, kind.name.lower()] for url, kind in sorted(asked) if kind in ASKED and kind.name]
        cases.append(
            {"page": page, "requests": wanted, "selectors": [".ad", ".promo", "#box", ".old", ".mine", ".also"]}
        )
    answers = ask(tmp_path, content_blockers(files(output)), cases)
    assert [each["error"] for each in answers["compiled"].values()] == [""] * 3
    for case, answer in zip(cases, answers["answers"], strict=True):
        host = case["page"][7:-1]
        assert set(answer["hidden"]) == set(cosmetics_for(made.policy, [said], host)), host
        wrong = differing(made.policy, index, case, answer)
        if wrong:  # a beacon may come after its page has gone: what seemed blocked is asked once more, alone
            again = case | {"requests": wrong}
            (second,) = ask(tmp_path, content_blockers(files(output)), [again])["answers"]
            assert differing(made.policy, index, again, second) == []


def differing(policy: Policy, index: Index, case: dict[str, Any], answer: dict[str, Any]) -> list[list[str]]:
    """Return the requests that WebKit did not treat as `decide()` says."""
    wrong = []
    for url, kind in case["requests"]:
        decision = decide(policy, index, Request.parse(url, case["page"], Kind[kind.upper()]))
        if ([url, kind] not in answer["through"]) != decision.blocked:
            wrong.append([url, kind])
    return wrong


def test_a_paused_policy_compiles(tmp_path: Path) -> None:
    require("webkit")
    made = files(safari.emit(Policy("p", paused=True), safari.prepare([], {}), {}))
    answers = ask(tmp_path, content_blockers(made))
    assert {name: each["error"] for name, each in answers["compiled"].items()} == {
        "network.json": "", "cosmetic.json": "", "javascript.json": ""
    }  # fmt: skip


def test_webkit_refuses_what_we_say_it_refuses(tmp_path: Path) -> None:
    require("webkit")
    texts = ["a|b", "a{2}", r"\d", "(?=a)", "a^", "$a", "a**", "(a", "a)", "b\u00fc", "[a", "(^a)"]
    texts += ["^a$", "(a)?", "[^a-z]+", r"\.\/", "a?b*c+", r"[a-zA-Z0-9_\-.]", r"\|\{\}", "(a)(b)?c", r"[\]a]", "%20"]
    lists = {
        str(at): json.dumps([{"trigger": {"url-filter": text}, "action": {"type": "block"}}]).encode()
        for at, text in enumerate(texts)
    }
    compiled = ask(tmp_path, lists)["compiled"]
    assert [bool(compiled[str(at)]["error"]) for at in range(len(texts))] == [bool(refusal(text)) for text in texts]


def test_webkit_reads_every_sound_selector(tmp_path: Path) -> None:
    require("webkit")
    assert ask(tmp_path, {}, selectors=SOUND)["unreadable"] == []
