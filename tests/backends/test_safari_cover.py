"""The fewest rules for what is hidden where say that, and nothing else."""

from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from blockctl.backends.safari_cover import fewest

PAGES = ("a.test", "b.test", "c.test", "d.test", "e.test")
SELECTORS = (".ad", ".box", ".promo", "#top", "#old")
EDGES = st.sets(st.tuples(st.sampled_from(PAGES), st.sampled_from(SELECTORS)))


def by_selector(edges: set[tuple[str, str]]) -> dict[tuple[str, ...], list[str]]:
    """A rule for each selector, those on the same pages together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for selector in SELECTORS:
        if pages := tuple(page for page in PAGES if (page, selector) in edges):
            found.setdefault(pages, []).append(selector)
    return found


def smallest_cover(edges: set[tuple[str, str]]) -> int:
    """The size of a smallest set of pages and selectors that touches every edge, by trying them all."""
    for size in range(len(PAGES) + 1):
        for chosen in itertools.combinations((*PAGES, *SELECTORS), size):
            if all(page in chosen or selector in chosen for page, selector in edges):
                return size
    raise AssertionError("the pages alone touch every edge")


@given(EDGES)
@example({(page, selector) for page in PAGES for selector in SELECTORS})
@example(set(zip(PAGES, SELECTORS, strict=True)))
@example({("a.test", each) for each in SELECTORS} | {(each, ".ad") for each in PAGES})
def test_the_same_is_hidden_by_the_fewest(edges: set[tuple[str, str]]) -> None:
    hidden = by_selector(edges)
    found = fewest(hidden)
    pairs = [(page, selector) for pages, selectors in found.items() for page in pages for selector in selectors]
    assert set(pairs) == edges
    assert len(pairs) == len(edges)
    assert len(found) <= min(smallest_cover(edges), len(hidden))


def test_a_rule_for_a_page_and_one_for_a_selector() -> None:
    edges = {("a.test", each) for each in SELECTORS} | {(each, ".ad") for each in PAGES}
    found = fewest(by_selector(edges))
    assert {pages: sorted(selectors) for pages, selectors in found.items()} == {
        ("a.test",): sorted(SELECTORS),
        ("b.test", "c.test", "d.test", "e.test"): [".ad"],
    }


def test_long_chains_are_no_matter() -> None:
    pages = [f"p{n:05}.test" for n in range(5000)]
    hidden: dict[tuple[str, ...], list[str]] = {
        (page, after): [f".s{n:05}"] for n, (page, after) in enumerate(itertools.pairwise(pages))
    }
    found = fewest(hidden)
    assert len(found) == len(hidden)
    pairs = {(page, selector) for where, selectors in found.items() for page in where for selector in selectors}
    assert pairs == {
        (page, selector) for where, selectors in hidden.items() for page in where for selector in selectors
    }


def test_the_order_does_not_matter() -> None:
    edges = {
        (page, selector)
        for page in PAGES
        for selector in SELECTORS
        if (len(page) + ord(page[0]) + ord(selector[1])) % 3
    }
    hidden = by_selector(edges)
    assert fewest(hidden) == fewest(dict(reversed(hidden.items())))
