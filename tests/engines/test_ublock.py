"""uBlock Origin's engines given what we write: they answer as `decide()` does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from blockctl.backends import ublock, ublock_backup, ublock_managed
from blockctl.backends.output import Output
from blockctl.model.decide import Decision, Step, decide
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from blockctl.parsers import adblock
from tests.engines import ublock_worlds
from tests.engines.ubo_core import World, ask, ask_many, needs_ubo_core

pytestmark = needs_ubo_core
SEEDS = range(150)
CORPUS = Path(__file__).parents[2] / "../shared/corpus"
LOGGED = {"document": Kind.FRAME, "image": Kind.IMAGE, "script": Kind.SCRIPT, "stylesheet": Kind.STYLE}


def text(output: Output) -> str:
    return b"".join(output.files[""]).decode()


def filter_list(world: ublock_worlds.World) -> World:
    output = ublock.emit(world.policy, ublock.prepare(world.lists, {}), {})
    return World([text(output)], world.requests)


def backup(world: ublock_worlds.World, advanced: bool = False) -> World:
    options = {"advanced": "yes"} if advanced else {}
    output = ublock_backup.emit(world.policy, ublock_backup.prepare(world.lists, options), options)
    return _restored(json.loads(text(output)), world)


def managed(world: ublock_worlds.World) -> World:
    output = ublock_managed.emit(world.policy, ublock_managed.prepare(world.lists, {}), {})
    told = json.loads(text(output))["policies"]["3rdparty"]["Extensions"][ublock_managed.EXTENSION]
    admin = json.loads(told["adminSettings"])
    filters = "\n".join(told["toOverwrite"]["filters"])
    trusted = told.get("toAdd", {}).get("trustedSiteDirectives", [])
    return World([filters], world.requests, admin["hostnameSwitchesString"], trusted)


def _restored(file: dict[str, object], world: ublock_worlds.World) -> World:
    trusted = [name for name in file["whitelist"] if not name.endswith("-scheme")]
    rules = f"{file['hostnameSwitchesString']}\n{file['dynamicFilteringString']}"
    return World([file["userFilters"]], world.requests, rules, trusted, "advancedUserEnabled" in file["userSettings"])


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(filter_list, id="filter list"),
        pytest.param(backup, id="backup"),
        pytest.param(lambda world: backup(world, advanced=True), id="backup, advanced mode"),
        pytest.param(managed, id="managed storage"),
    ],
)
def test_ubo_answers_as_decide(told: Callable[[ublock_worlds.World], World]) -> None:
    worlds = [ublock_worlds.make(seed) for seed in SEEDS]
    differences = []
    for seed, world, answers in zip(SEEDS, worlds, ask_many(map(told, worlds)), strict=True):
        index = Index.build(world.lists)
        for request, answer in zip(world.requests, answers, strict=True):
            decision = decide(world.policy, index, request)
            page = decide(world.policy, index, Request.parse(request.page, kind=Kind.DOCUMENT))
            if decision.blocked != answer["blocked"] and not known(request, decision, page):
                differences.append((seed, request, decision, answer))
    assert not differences


def known(request: Request, decision: Decision, page: Decision) -> bool:
    """Whether uBO differs where we say it does.

    A list's exception without kinds lets a document pass there, and a list's important pattern that matches a part of
    its address hides one that matches its host. A host rule on a page that is itself blocked also stops its inline
    scripts, which nobody sees.
    """
    by_list = decision.step in (Step.LIST_BLOCK, Step.LIST_IMPORTANT)
    return (request.kind is Kind.DOCUMENT and by_list and decision.blocked) or (request.inline and page.blocked)


@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared corpus")
def test_lists_mean_what_they_meant() -> None:
    """EasyList and EasyPrivacy as written, and in our one list: uBO answers the request log alike.

    They have no `!#if`, of which our parser takes a branch and the bare engine takes all.
    """
    texts = {
        name: gzip.decompress((CORPUS / f"browser/easylist/{name}.txt.gz").read_bytes()).decode()
        for name in ("easylist", "easyprivacy")
    }
    lists = [adblock.parse(text, name) for name, text in texts.items()]
    assert not any(each.badfilters for each in lists)
    written = text(ublock.emit(Policy("policy"), ublock.prepare(lists, {}), {}))
    requests = [
        Request.parse(asked["url"], asked["frameUrl"], LOGGED.get(asked["cpt"], Kind.OTHER))
        for line in gzip.decompress((CORPUS / "requests/requests.train.jsonl.gz").read_bytes()).splitlines()
        if (asked := json.loads(line))
    ]
    before, after = ask_many([World(list(texts.values()), requests), World([written], requests)])
    assert [answer["blocked"] for answer in before] == [answer["blocked"] for answer in after]
    assert sum(answer["blocked"] for answer in after) > len(requests) / 4


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
