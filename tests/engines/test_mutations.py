"""The test of the tests: an error planted in a backend is noticed by the comparison with a real engine, and soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from blockctl.model.request import Kind
from tests.engines import adguard_compare, dns_engines
from tests.engines.chromium import Chromium
from tests.engines.chromium_compare import Told
from tests.engines.judge import Judged
from tests.engines.mutations import ADGUARD, BROWSER, DNS, SWAPPED, UBLOCK, Mutation
from tests.engines.name_worlds import Together, drawn
from tests.engines.require import require
from tests.engines.ubo_compare import compare
from tests.engines.ubo_outputs import WAYS
from tests.engines.webkit import WebKit
from tests.engines.webkit_compare import ask_all
from tests.engines.worlds import Question, World, worlds

SEED = 20261121
AT_ONCE = 12  # worlds
MOST = 240  # worlds until an error counts as not noticed
NAMES = 20_000

Differ = Callable[[list[World]], int]  # how many answers to the questions of some worlds no gap explains


def named(*mutations: Mutation) -> list[object]:
    return [pytest.param(each, id=each.name) for each in mutations]


# Drawn worlds put $match-case mostly on hosts alone, where capitals do not count; here they do.
CAPITALS = World(
    "version: 1\nlists: [{name: web, path: web.txt, format: adblock}]\n",
    {"web.txt": "||ads.net/Ads/$match-case\n"},
    [
        Question("https://news.com/", f"https://ads.net/{path}", kind)
        for path in ("Ads/Banner.js", "ads/banner.js", "app.js")
        for kind in (Kind.SCRIPT, Kind.IMAGE, Kind.XHR)
    ],
)


@cache
def some_worlds() -> list[World]:
    return [CAPITALS, *worlds(SEED, MOST - 1)]


def noticed_after(differ: Differ, most: int = MOST) -> int:
    """Return after how many questions the first answer was wrong, 0 when none was in so many worlds."""
    asked = 0
    for start in range(0, most, AT_ONCE):
        batch = some_worlds()[start : start + AT_ONCE]
        asked += sum(len(world.questions) for world in batch)
        if differ(batch):
            print(f"noticed after {asked:,} questions")
            return asked
    return 0


def differ_in_ublock(batch: list[World]) -> int:
    return len(compare(WAYS[0], list(map(Judged, batch))).wrong)


@pytest.mark.parametrize("mutation", named(*UBLOCK))
def test_ublock_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    require("ubo-core")
    mutation.plant("ublock", monkeypatch)
    assert noticed_after(differ_in_ublock)


def test_ublock_has_nothing_to_notice() -> None:
    require("ubo-core")
    assert not noticed_after(differ_in_ublock, 3 * AT_ONCE)


def differ_in_adguard(batch: list[World]) -> int:
    return len(adguard_compare.compare("adguard-browser", list(map(Judged, batch))).wrong)


@pytest.mark.parametrize("mutation", named(*ADGUARD))
def test_adguard_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    require("adguard-core")
    mutation.plant("adguard-browser", monkeypatch)
    assert noticed_after(differ_in_adguard)


def test_adguard_has_nothing_to_notice() -> None:
    require("adguard-core")
    assert not noticed_after(differ_in_adguard, 3 * AT_ONCE)


@pytest.mark.parametrize("mutation", named(*BROWSER, SWAPPED))
def test_webkit_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch, webkit: WebKit) -> None:
    mutation.plant("safari", monkeypatch)
    assert noticed_after(lambda batch: len(ask_all(webkit, batch).wrong))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    require("chromium")
    with Chromium() as browser:
        yield browser


@pytest.mark.parametrize("mutation", named(*BROWSER))
def test_chromium_notices(mutation: Mutation, monkeypatch: pytest.MonkeyPatch, chromium: Chromium) -> None:
    mutation.plant("dnr", monkeypatch)

    def differ(batch: list[World]) -> int:
        told = Told()
        for judged in map(Judged, batch):
            told.ask(chromium, judged)
        return len(told.wrong)

    assert noticed_after(differ)


BACKENDS = {"unbound": "unbound", "unbound-rpz": "rpz", "bind": "rpz", "dnsmasq": "dnsmasq"}


def differ_in_dns(engine: str, made: Together, folder: Path) -> int:
    output = Judged(made.world()).output(BACKENDS[engine])
    text = b"".join(output.files[""]).decode()
    with dns_engines.serving(engine, text, folder) as port:
        answers = dns_engines.ask(port, made.names)
    return sum((answers[name] != "reached") is not (name in made.blocked) for name in made.names)


@pytest.mark.parametrize("mutation", named(*DNS))
@pytest.mark.parametrize("engine", [pytest.param(engine, id=engine) for engine in BACKENDS])
def test_dns_notices(engine: str, mutation: Mutation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require(engine.removesuffix("-rpz"))
    made = drawn(SEED, NAMES)
    mutation.plant(BACKENDS[engine], monkeypatch)
    assert differ_in_dns(engine, made, tmp_path)


@pytest.mark.parametrize("engine", [pytest.param(engine, id=engine) for engine in BACKENDS])
def test_dns_has_nothing_to_notice(engine: str, tmp_path: Path) -> None:
    require(engine.removesuffix("-rpz"))
    assert not differ_in_dns(engine, drawn(SEED, NAMES), tmp_path)
