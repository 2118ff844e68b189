"""The real WebKit takes what we write for Safari, and the driver tells what it does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blockctl.backends import safari
from blockctl.backends.safari_pattern import refusal
from blockctl.model.policy import Policy
from tests.backends.test_safari_selector import SOUND
from tests.engines.require import require
from tests.engines.webkit import Ask, WebKit
from tests.engines.webkit_compare import content_blockers, install

KINDS = ("script", "style", "image", "frame", "font", "media", "xhr", "ping", "a-ping", "other", "document")


def blocker(*triggers: dict[str, Any]) -> bytes:
    return json.dumps([{"trigger": trigger, "action": {"type": "block"}} for trigger in triggers]).encode()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_kind_can_be_asked(webkit: WebKit, scheme: str) -> None:
    names = [webkit.compile(blocker({"url-filter": "bad"}))]
    sockets = [(f"{scheme.replace('http', 'ws')}://x.test/{path}", "websocket") for path in ("bad", "good")]
    requests = [(f"{scheme}://x.test/{path}", kind) for kind in KINDS for path in ("bad", "good")]
    asked = [*sockets, *requests]
    (answer,) = webkit.ask([Ask(f"{scheme}://page.test/", names, asked)])
    assert dict(zip(asked, answer.verdicts, strict=True)) == {one: one[0].endswith("bad") for one in asked}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("script", {"script"}, id="script"),
        pytest.param("style", {"style-sheet"}, id="style sheet"),
        pytest.param("image", {"image"}, id="image"),
        pytest.param("frame", {"document"}, id="frame"),
        pytest.param("font", {"font"}, id="font"),
        pytest.param("media", {"media"}, id="the text of a video"),
        pytest.param("xhr", {"fetch", "raw"}, id="fetch"),
        pytest.param("ping", {"other", "raw"}, id="a beacon"),
        pytest.param("a-ping", {"ping", "other", "raw"}, id="a link's ping"),
        pytest.param("other", {"other", "raw"}, id="a stream of events"),
        pytest.param("websocket", {"websocket", "raw"}, id="a socket"),
        pytest.param("document", {"document"}, id="the page"),
    ],
)
def test_what_webkit_calls_each_kind(webkit: WebKit, kind: str, words: set[str]) -> None:
    every = ("document", "image", "style-sheet", "script", "font", "media", "svg-document", "fetch", "websocket",
             "ping", "other", "raw", "popup")  # fmt: skip
    url = "wss://x.test/" if kind == "websocket" else "https://x.test/"
    blockers = webkit.compile_all(blocker({"url-filter": ".*", "resource-type": [word]}) for word in every)
    answers = webkit.ask([Ask("https://page.test/", [name], [(url, kind)]) for name in blockers])
    assert {word for word, answer in zip(every, answers, strict=True) if answer.verdicts == [True]} == words


def test_without_an_answer_there_is_none(webkit: WebKit) -> None:
    """A port that no browser asks for fails without content blockers too, so it is not said to be blocked."""
    names = [webkit.compile(blocker({"url-filter": ".*"}))]
    asked = [("https://x.test:6000/", "image"), ("https://x.test/", "image")]
    (answer,) = webkit.ask([Ask("https://page.test/", names, asked)])
    assert answer.verdicts == [None, True]


def test_a_compile_that_ends_the_process_is_an_error() -> None:
    require("webkit")
    rule = '{"trigger":{"url-filter":".*","if-top-url":["^https://s%d\\\\.test/"]},"action":{"type":"block"}}'
    with WebKit() as webkit, pytest.raises(RuntimeError, match="ended without an answer"):
        webkit.compile(f"[{','.join(rule % number for number in range(65_600))}]".encode())


def test_a_paused_policy_compiles(webkit: WebKit) -> None:
    output = safari.emit(Policy("p", paused=True), safari.prepare([], {}), {})
    assert len(install(webkit, output)) == 3
    assert set(content_blockers(output)) == {"network.json", "cosmetic.json", "javascript.json"}


def test_webkit_refuses_what_we_say_it_refuses(webkit: WebKit) -> None:
    texts = ["a|b", "a{2}", r"\d", "(?=a)", "a^", "$a", "a**", "(a", "a)", "b\u00fc", "[a", "(^a)"]
    texts += ["^a$", "(a)?", "[^a-z]+", r"\.\/", "a?b*c+", r"[a-zA-Z0-9_\-.]", r"\|\{\}", "(a)(b)?c", r"[\]a]", "%20"]
    names = webkit.compile_all(blocker({"url-filter": text}) for text in texts)
    assert [bool(webkit.compiled[name].error) for name in names] == [bool(refusal(text)) for text in texts]


def test_webkit_reads_every_sound_selector(webkit: WebKit) -> None:
    assert webkit.unreadable(SOUND) == []
