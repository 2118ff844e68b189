"""uBlock Origin's engine given a column of names: it covers what it says; and its driver."""

from __future__ import annotations

import pytest

from blockctl.backends import ublock
from blockctl.backends.output import Output
from blockctl.model.decide import decide
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from tests.engines.judge import Judged
from tests.engines.ubo_compare import compare
from tests.engines.ubo_core import World, ask, ask_many, needs_ubo_core
from tests.engines.ubo_outputs import WAYS, Way
from tests.engines.worlds import Question
from tests.engines.worlds import World as Written

pytestmark = needs_ubo_core


def text(output: Output) -> str:
    return b"".join(output.files[""]).decode()


@pytest.mark.parametrize("scope", ["exact", "subtree", "allow_exact", "allow_subtree"])
def test_a_name_covers_what_its_column_says(scope: str) -> None:
    names = {"ads-1_a.example"}
    allowing = scope.startswith("allow")
    lists = [FilterList("list", "hosts", **{scope: names}, rules=[])]
    if allowing:
        lists.append(FilterList("other", "hosts", subtree={"example"}))
    written = text(ublock.emit(Policy("policy"), ublock.prepare(lists, {}), {}))
    hosts = ("ads-1_a.example", "b.ads-1_a.example", "xads-1_a.example", "ads-1_a.example.com")
    requests = [
        Request.parse(f"{scheme}://{host}{port}/x", "https://page.net/", kind)
        for host in hosts
        for scheme, port, kind in (
            ("https", "", Kind.IMAGE),
            ("http", ":8080", Kind.SCRIPT),
            ("wss", "", Kind.WEBSOCKET),
        )
    ]
    index = Index.build(lists)
    expected = [decide(Policy("policy"), index, request).blocked for request in requests]
    assert [answer["blocked"] for answer in ask([written], requests)] == expected
    assert len(set(expected)) == 2


LISTS = "lists:\n  - {name: web, path: web.txt, format: adblock}\n  - {name: hosts, path: hosts.txt, format: hosts}\n"
HIDING = ("|https:", "||ads.net/ads", "/banner.", "ads.net/ads/", "/ads/*$domain=ads.net", "/banner$important")
LISTED = {
    "a name of a hosts list": ("", "", "0.0.0.0 ads.net\n"),
    "an important host": ("", "||ads.net^$important\n", ""),
    "a host but on some pages": ("", "||ads.net^$domain=~news.com\n", ""),
    "a host denied by the policy": ("hosts: {deny: [ads.net]}\n", "", ""),
}


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name) for way in WAYS if way.name != "ublock-rules"])
@pytest.mark.parametrize("listed", [pytest.param(said, id=name) for name, said in LISTED.items()])
def test_no_pattern_hides_a_page_from_strict_blocking(way: Way, listed: tuple[str, str, str]) -> None:
    """uBO stops a page by the first match that it finds, if that is one of the page's whole host name."""
    policy, web, hosts = listed
    page = "https://ads.net/ads/banner.js"
    asked = [Question(page, page, Kind.DOCUMENT), Question("https://shop.com/", page, Kind.SCRIPT)]
    judges = [
        Judged(Written(f"version: 1\n{policy}{LISTS}", {"web.txt": f"{web}{pattern}\n", "hosts.txt": hosts}, asked))
        for pattern in HIDING
    ]
    assert all(judged.decide(question).blocked for judged in judges for question in asked)
    found = compare(way, judges)
    assert not found.wrong, [(str(judged.world), answer) for judged, _, answer in found.wrong]


def test_lists_leave_nothing_behind_for_those_after_them() -> None:
    """The words of an address that a list before did not speak of are looked for again."""
    asked = [Request.parse("https://a.net/banner/x", "https://page.net/", Kind.IMAGE)]
    silent, speaking = World(["/elsewhere/x"], asked), World(["/banner/x"], asked)
    answers = ask_many([silent, speaking, silent])
    assert [answer["blocked"] for (answer,) in answers] == [False, True, False]
