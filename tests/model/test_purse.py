"""The time that regular expressions share: a clock that the test turns says how long each search took."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.pattern import compile_pattern
from blockctl.model.purse import LOOKUP_SECONDS, Purse
from blockctl.model.request import Request
from blockctl.model.rule import Effect, Rule

URL = "https://a.example/" + "a" * 60 + "!"
BOMB = r"example\/(a|aa|a?)+$"


def hours() -> float:
    """Say that ever more time has passed."""
    return next(_HOURS)


_HOURS: Iterator[float] = iter(range(0, 10**9, 3600))


def test_what_is_left_is_all_that_a_search_gets() -> None:
    purse = Purse(hours)
    plain = compile_pattern("a!$", regex=True)
    assert purse.search(plain, URL, URL)  # the clock says that this took an hour
    assert (purse.search(plain, URL, URL), purse.cut_short) == (False, 1)
    assert not plain.timed_out, "it was never tried: another request may"
    assert Purse(hours).search(plain, URL, URL)


def test_a_search_without_its_literal_costs_nothing() -> None:
    purse = Purse(hours)
    assert not purse.search(compile_pattern("zzz$", regex=True), URL, URL)
    assert purse.search(compile_pattern("a!$", regex=True), URL, URL)


def test_no_clock_no_sum() -> None:
    purse = Purse()
    for _ in range(3):
        assert purse.search(compile_pattern("a!$", regex=True), URL, URL)


@pytest.mark.parametrize("where", ["pattern", "page", "host"])
def test_a_list_of_bombs_ends_with_the_purse(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def never_done(self: object, url: str, seconds: float) -> object:
        tried.append(seconds)
        raise TimeoutError

    monkeypatch.setattr("blockctl.model.pattern._Expression.search", never_done)
    ticks = iter(range(100_000))
    rules = [
        Rule(
            Effect.BLOCK, Origin("l", line), "",
            pattern=BOMB if where == "pattern" else "example", regex=where == "pattern",
            sites=("/bomb/",) if where == "page" else (), to=("/bomb/",) if where == "host" else (),
        )
        for line in range(1, 1001)
    ]  # fmt: skip
    index = Index.build([FilterList("l", "adblock", rules=rules)])
    index.clock = lambda: next(ticks) / 100  # each search takes 10 ms
    request = Request.parse(URL, "https://bomb.example/" if where == "page" else "https://news.example/")
    if where == "host":
        request = Request.parse("https://bomb.example/")
    assert index.matching(request) == []
    assert (len(tried), len(index.slow)) == (round(LOOKUP_SECONDS * 100), 1000)
    assert index.matching(request) == []
    assert len(index.slow) == 1000, "each is told once"
