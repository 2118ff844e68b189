"""The example policies in WebKit, and several content blockers at once: each does its part, whatever the order."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib import resources
from itertools import product

import pytest

from blockctl.io.lists import builtin
from blockctl.model.decide import cosmetics_for
from blockctl.model.request import Kind, Request
from tests.engines.judge import Judged
from tests.engines.webkit import Ask, WebKit
from tests.engines.webkit_compare import Told, ask_all, by_page, install, kind_word, smallest
from tests.engines.worlds import Question, World, worlds
from tests.shipped import NOW, STRATEGIES

ELSEWHERE = ("other.example", "www.bbc.co.uk", "rant.example.org")
ASKED = ("https://securepubads.g.doubleclick.net/tag/js/gpt.js", "https://cdn.library.example/library.js",
         "https://x.telemetry.example/t", "https://cdn.partner.example/a.js", "https://chat.vendor.example/a.js",
         "https://my-own-site.example/x", "https://ads.my-bank.example/ads/banner.js", "https://cdn.cookielaw.org/otSDKStub.js",
         "https://www.google-analytics.com/analytics.js")  # fmt: skip
KINDS = [kind for kind in Kind if kind is not Kind.DOCUMENT]


def example(name: str) -> Judged:
    """Return an example policy with its lists, and questions on each of its sites, below them and elsewhere."""
    text = (resources.files("blockctl.configs") / f"{name}.yaml").read_text(encoding="utf-8")
    texts = {f"builtin:{each}": builtin(each).decode() for each in ("starter", "starter-annoyances", "starter-dns")}
    judged = Judged(World(text, texts, []))
    judged.run.policy = judged.policy.at(NOW)
    pages = [*judged.policy.sites, *(f"www.{site}" for site in judged.policy.sites), *ELSEWHERE]
    questions = []
    for page in pages:
        own = f"https://static.{page}/app.js"
        questions += [Question(f"https://{page}/", url, kind) for url, kind in product((*ASKED, own), KINDS)]
    questions += [Question(url, url, Kind.DOCUMENT) for url in (*ASKED, *(f"https://{page}/" for page in pages))]
    judged.world = replace(judged.world, questions=questions)
    return judged


def ask_with(webkit: WebKit, judged: Judged, blockers: list[str], told: Told) -> None:
    """Ask all questions of a world with some content blockers in force."""
    output = judged.output("safari", {"package": "off"})
    by_pages = by_page(judged.world.questions)
    asks = [Ask(page, blockers, [(each.url, kind_word(each)) for each in by_pages[page]]) for page in by_pages]
    for ask, answer in zip(asks, webkit.ask(asks), strict=True):
        for question, blocked in zip(by_pages[ask.page], answer.verdicts, strict=True):
            told.add(judged, output, question, blocked)


def test_the_example_policies(webkit: WebKit) -> None:
    began = time.monotonic()
    told = Told()
    for name in STRATEGIES:
        judged = example(name)
        ask_with(webkit, judged, install(webkit, judged.output("safari", {"package": "off"})), told)
    assert not told.wrong, "\n".join(
        f"{one}: WebKit {blocked}, {each.decide(one)}" for each, one, blocked in told.wrong
    )
    assert told.asked > 6_000
    told.close("configs", None, time.monotonic() - began)


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_the_example_policies_hide(webkit: WebKit, name: str) -> None:
    judged = example(name)
    blockers = install(webkit, judged.output("safari", {"package": "off"}))
    pages = [f"https://{page}/" for page in (*judged.policy.sites, *ELSEWHERE)]
    wanted = {page: set(cosmetics_for(judged.policy, judged.lists, host_of(page))) for page in pages}
    simple = sorted({each for found in wanted.values() for each in found if each[1:].replace("-", "").isalnum()})[:60]
    selectors = (*(each for each in simple if each[0] in ".#"), ".text")
    answers = webkit.ask([Ask(page, blockers, selectors=selectors) for page in pages])
    for page, answer in zip(pages, answers, strict=True):
        assert answer.hidden == wanted[page].intersection(selectors), page


def host_of(page: str) -> str:
    return Request.parse(page, kind=Kind.DOCUMENT).host


def test_a_pause_lets_everything_through(webkit: WebKit) -> None:
    judged = example("js-allowlist")
    judged.run.policy = replace(judged.policy, paused=True)
    told = Told()
    ask_with(webkit, judged, install(webkit, judged.output("safari", {"package": "off"})), told)
    assert not told.wrong
    assert told.agreed == told.asked > 500
    assert not any(judged.decide(question).blocked for question in judged.world.questions)


def test_the_order_of_content_blockers_is_nothing_to_webkit(webkit: WebKit) -> None:
    judged = example("js-allowlist")
    told = Told()
    blockers = install(webkit, judged.output("safari", {"package": "off"}))
    assert len(set(blockers)) == 3
    ask_with(webkit, judged, blockers[::-1], told)
    assert not told.wrong


POLICY = """\
version: 1
sites:
  rant.test: {javascript: deny, allow: [cdn.test]}
  shop.test: {javascript: deny, blocking: off}
lists:
  - {name: web, path: web.txt, format: adblock}
"""
LIST = """\
||cdn.test^
||ads.test^
@@||pay.ads.test^
news.test##.ad
@@||news.test^$elemhide
##.banner
"""


def test_an_exception_acts_in_its_own_content_blocker_alone(webkit: WebKit) -> None:
    """What opens a host opens it for images, but lets no script run; what frees a page of hiding frees no request."""
    judged = Judged(World(POLICY, {"web.txt": LIST}, []))
    blockers = install(webkit, judged.output("safari", {"package": "off"}))
    rant, shop, news = "https://rant.test/", "https://www.shop.test/", "https://news.test/"
    asked = [("https://cdn.test/x", kind) for kind in ("image", "script")]
    asked += [
        ("https://ads.test/x", "image"),
        ("https://pay.ads.test/x", "image"),
        ("https://pay.ads.test/x", "script"),
    ]
    asks = [Ask(page, blockers, asked, (".ad", ".banner")) for page in (rant, shop, news)]
    answers = webkit.ask(asks)
    assert [answer.verdicts for answer in answers] == [
        [False, True, True, False, True],
        [False, True, False, False, True],
        [True, True, True, False, False],
    ]
    assert [answer.hidden for answer in answers] == [{".banner"}, set(), set()]


@pytest.mark.parametrize("name", ["network", "cosmetic", "javascript"])
def test_each_content_blocker_does_its_part_alone(webkit: WebKit, name: str) -> None:
    judged = Judged(World(POLICY, {"web.txt": LIST}, []))
    output = judged.output("safari", {"package": "off"})
    output.files = {f"{name}.json": output.files[f"{name}.json"]}
    asked = [("https://ads.test/x", "image"), ("https://x.test/x", "script")]
    (answer,) = webkit.ask([Ask("https://rant.test/", install(webkit, output), asked, (".banner",))])
    does = {"network": answer.verdicts[0], "javascript": answer.verdicts[1], "cosmetic": bool(answer.hidden)}
    assert does == {part: part == name for part in does}


def test_pages_by_expression(webkit: WebKit) -> None:
    """Expressions are looked for in the host alone, whatever else the address of the page says."""
    lines = r"""||ads.test^$domain=/^www\.n[a-z0-9-]+s\.(test|example)$/
||img.test^$domain=~/^m\./
/shop.*\.test$/##.ad
"""
    pages = (
        "www.news.test",
        "www.n-e-3-ws.example",
        "news.test",
        "m.news.test",
        "a.shop.b.test",
        "www.news.test.evil.test",
    )
    urls = ("https://ads.test/x", "https://img.test/x")
    addresses = [f"https://{page}/{path}" for page in pages for path in ("", "?u=https://www.news.test/&m.=/shop.test")]
    asked = [Question(page, url, Kind.IMAGE) for page in addresses for url in urls]
    world = World(POLICY, {"web.txt": lines}, asked)
    judged = Judged(world)
    assert not judged.output("safari").gaps.count.keys() & {"site-regex", "regex"}
    told = ask_all(webkit, [world])
    assert not told.wrong, smallest(webkit, told)
    assert sum(judged.decide(question).blocked for question in asked) == 4 + 10
    blockers = install(webkit, judged.output("safari", {"package": "off"}))
    answers = webkit.ask([Ask(page, blockers, selectors=(".ad",)) for page in addresses])
    hidden = {page for page, answer in zip(addresses, answers, strict=True) if answer.hidden}
    assert hidden == {page for page in addresses if page.startswith("https://a.shop.b.test/")}


def test_files_that_were_split_decide_as_one(webkit: WebKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are dealt out to content blockers of a few rules each, and every one carries all exceptions."""
    monkeypatch.setattr("blockctl.backends.safari_network.MAX_RULES", 6)
    drawn = worlds(77, 25, questions=40)
    several = 0
    for world in drawn:
        files = Judged(world).output("safari", {"package": "off"}).files
        several += sum(name.startswith("network") for name in files) > 1
    assert several > 5
    told = ask_all(webkit, drawn)
    assert not told.wrong, smallest(webkit, told)
