"""Conditions on pages: the hosts that are left when some are taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.backends.safari_pattern import Unsayable, refusal
from blockctl.backends.safari_region import EXACT, LISTS, covering, left_over, other_labels, pages
from blockctl.backends.safari_trigger import expressions as member
from blockctl.model.match import among, page_keys
from blockctl.model.purse import Purse

LABELS = st.sampled_from(["a", "b", "ab", "a-b", "b-", "c"])
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
SOME = st.lists(NAMES, max_size=3, unique=True)


def on(expressions: object, page: str) -> bool:
    return any(re.search(each, page, re.IGNORECASE) for each in expressions)  # type: ignore[attr-defined]


@given(SOME.filter(bool), SOME, SOME, st.lists(NAMES, min_size=20, max_size=20))
def test_pages_are_those_of_the_model(
    names: list[str], not_names: list[str], never: list[str], hosts: list[str]
) -> None:
    expressions = pages(names, not_names, never)
    assert [refusal(each) for each in expressions] == [""] * len(expressions)
    meant = among(names, not_names)
    for host in hosts:
        keys = page_keys(host)
        wanted = meant(host, keys, Purse()) and set(never).isdisjoint(keys)
        assert on(expressions, f"https://{host}/a.example/") == wanted, host


@given(st.sets(LABELS, min_size=1), st.text("abc-", min_size=1, max_size=4))
def test_other_labels(labels: set[str], label: str) -> None:
    found = any(re.fullmatch(each, label) for each in other_labels(labels, "./:"))
    assert found == (label not in labels)


@pytest.mark.parametrize("shape", [pytest.param(LISTS, id="lists"), pytest.param(EXACT, id="exact")])
def test_left_over(shape: object) -> None:
    expressions = left_over("news.example", ["sport.news.example", "a.b.news.example"], shape)  # type: ignore[arg-type]
    on_pages = ["news.example", "x.news.example", "sports.news.example", "b.news.example", "c.b.news.example"]
    off_pages = ["sport.news.example", "x.sport.news.example", "a.b.news.example", "z.a.b.news.example", "example"]
    assert [name for name in on_pages if not on(expressions, f"https://{name}:8443/")] == []
    assert [name for name in off_pages if on(expressions, f"https://{name}/")] == []


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param("https://news.de/", True, id="suffix of one label"),
        pytest.param("https://www.news.co.uk/", True, id="co of a country"),
        pytest.param("https://news.com.au:80/", True, id="com of a country"),
        pytest.param("https://news.org.uk/", False, id="narrower than asked for"),
        pytest.param("https://news.other.example/", False, id="a subdomain of that name"),
        pytest.param("https://badnews.de/", False, id="a longer name"),
    ],
)
def test_an_entity(page: str, expected: bool) -> None:
    assert on(pages(["news.*"], []), page) == expected


EXPRESSIONS = (
    r"/^b\./",
    r"/a$/",
    r"/^a(b|c)?\.[a-z]{3,7}$/",
    r"/[^a]b/",
    r"/a.*b/",
    r"/\d{0,1}c\.|b-/",
    r"/^www\.a-[a-z0-9-]+/",
)


@given(st.sampled_from(EXPRESSIONS), SOME, st.lists(NAMES, min_size=20, max_size=20))
def test_pages_by_expression(expression: str, names: list[str], hosts: list[str]) -> None:
    expressions = pages([expression, *names], [])
    assert [refusal(each) for each in expressions] == [""] * len(expressions)
    meant = among([expression, *names], [])
    for host in hosts:
        assert on(expressions, f"https://{host}:8443/www.a-b.a/ab/c.b-") == meant(host, page_keys(host), Purse()), host


@pytest.mark.parametrize(
    ("names", "not_names"),
    [
        pytest.param(["news.*"], ["news.de"], id="a name of the entity"),
        pytest.param(["news.de"], ["news.*"], id="the entity of a name"),
        pytest.param(["news.*"], ["www.news.*"], id="an entity below"),
        pytest.param(["a.example"], ["/^b/"], id="expression taken away"),
        pytest.param(["/^b/"], ["b.example"], id="expression beside a name taken away"),
        pytest.param(["/^(?!b)/"], [], id="expression with look-ahead"),
        pytest.param(["/a:b/"], [], id="expression that no host fits"),
        pytest.param(["a.example"], [f"{'x' * 60}{n}.{'y' * n}.a.example" for n in range(1, 9)], id="too many"),
    ],
)
def test_pages_that_cannot_be_said(names: list[str], not_names: list[str]) -> None:
    with pytest.raises(Unsayable):
        pages(names, not_names)


@pytest.mark.parametrize(
    ("values", "told_apart"),
    [
        pytest.param(pages(["news.example", "x.*"], ["sport.news.example"]), True, id="hosts"),
        pytest.param([covering("news.example", EXACT)], False, id="a user name before the host"),
        pytest.param([r"^[^/]+//([^/]+\.)?news\.example/ad"], False, id="a path"),
        pytest.param([r"^[^/]+//[^/:]*News[^/:]*[:/]"], False, id="a capital"),
        pytest.param([r"^[^/]+//([^/]+\.)?news\.example[:/]", ".*"], False, id="not each of them"),
    ],
)
def test_letter_case_is_told_apart_for_hosts_alone(values: Sequence[str], told_apart: bool) -> None:
    assert ("case-sensitive" in member("if-top-url", values)) == told_apart
