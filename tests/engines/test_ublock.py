"""uBlock Origin's engine given a column of names: it covers what it says."""

from __future__ import annotations

import pytest

from blockctl.backends import ublock
from blockctl.backends.output import Output
from blockctl.model.decide import decide
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from tests.engines.ubo_core import ask, needs_ubo_core

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
