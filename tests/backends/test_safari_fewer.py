"""Merged filters match the hosts that they were made of, and no others."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.backends.safari_fewer import PAIRS, fewer, joined, merged
from blockctl.backends.safari_pattern import exact_filter, host_filter, refusal
from blockctl.backends.safari_trigger import BLOCK, IGNORE, line, rule, said
from tests.backends.webkit_model import Blocker

LABELS = st.text("s012ab_-", min_size=1, max_size=3)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(".".join)


@pytest.fixture
def every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.backends.safari_fewer.PAIRS", 1)


@given(listed=st.sets(NAMES, max_size=40), others=st.sets(NAMES, max_size=40))
@pytest.mark.usefixtures("every_pair")
def test_merged_names_match_the_same(listed: set[str], others: set[str]) -> None:
    found = merged(listed)
    assert len(found) <= len(listed)
    patterns = [re.compile(each.replace(".", r"\.")) for each in found]
    for name in listed | others | {"s" + name for name in listed} | {name[1:] for name in listed}:
        assert any(pattern.fullmatch(name) for pattern in patterns) == (name in listed), (name, found)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param({"ad1.test", "ad2.test", "ad3.test"}, ["ad[1-3].test"], id="digits"),
        pytest.param({"ad1.test", "ad3.test", "ad4.test"}, ["ad[134].test"], id="digits apart"),
        pytest.param({"pntra.test", "pntrs.test"}, ["pntr[as].test"], id="last letter"),
        pytest.param({"ad-.test", "ad_.test"}, ["ad[_-].test"], id="dash"),
        pytest.param({"ad1.t1.test", "ad2.t2.test"}, ["ad1.t1.test", "ad2.t2.test"], id="two places"),
        pytest.param({f"ad{n}.t{m}.test" for n in "12" for m in "34"}, ["ad[12].t[34].test"], id="any of two places"),
        pytest.param({"ads.test", "adsx.test"}, ["ads.test", "adsx.test"], id="not of one length"),
        pytest.param({"a.test", "b.test"}, ["[ab].test"], id="a label of one letter"),
        pytest.param({"metrics.test", "smetrics.test"}, ["metrics.test", "smetrics.test"], id="too few pairs"),
    ],
)
def test_what_becomes_one(names: set[str], expected: list[str]) -> None:
    assert sorted(merged(names)) == expected


def test_many_pairs_become_one_filter_each() -> None:
    names = {f"{before}metrics.shop{'x' * n}.test" for n in range(PAIRS) for before in ("", "s")}
    assert sorted(merged(names)) == sorted(f"s?metrics.shop{'x' * n}.test" for n in range(PAIRS))


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        pytest.param("metric", "metrics", "metrics?", id="last"),
        pytest.param("t", "t-s", "t(-s)?", id="more than one character"),
        pytest.param("data", "secure-data", "(secure-)?data", id="first"),
        pytest.param("aa", "aaa", "a?aa", id="anywhere alike"),
    ],
)
def test_many_pairs_of_first_labels_become_one_filter_each(short: str, long: str, expected: str) -> None:
    rests = [f"shop{'x' * n}.test" for n in range(PAIRS)]
    assert sorted(merged({f"{label}.{rest}" for label in (short, long) for rest in rests})) == sorted(
        f"{expected}.{rest}" for rest in rests
    )
    few = {f"{label}.{rest}" for label in (short, long) for rest in rests[1:]}
    assert set(merged(few)) == few


def test_a_name_is_part_of_one_pair_only() -> None:
    rests = [f"shop{'x' * n}.test" for n in range(PAIRS)]
    names = {f"{label}.{rest}" for label in ("a", "ab", "abc") for rest in rests}
    assert sorted(merged(names)) == sorted([*(f"ab?.{rest}" for rest in rests), *(f"abc.{rest}" for rest in rests)])


def test_only_rules_alike_in_the_rest_are_merged() -> None:
    third = '"load-type":["third-party"]'
    rules = [
        said(host_filter("ad1.test"), BLOCK), said(host_filter("ad2.test"), BLOCK, third),
        said(host_filter("ad3.test"), IGNORE), said(exact_filter("ad4.test"), BLOCK),
        said(host_filter("ad5.test") + ".*x", BLOCK), said(host_filter("ad6.test").replace("6", "[0-9]"), BLOCK),
    ]  # fmt: skip
    assert sorted(fewer(rules)) == sorted(line(*each) for each in rules)
    alike = [said(host_filter(f"ad{n}.test"), BLOCK, third) for n in (1, 2)]
    assert list(fewer(alike)) == [rule(r"^[^/]+//([^/]+\.)?ad[12]\.test[:/]", BLOCK, third)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"/ads/x", "/adv/x", "/adz/x"}, ["/ad[svz]/x"], id="a character"),
        pytest.param({"/a1/b1", "/a2/b1", "/a1/b2", "/a2/b2"}, ["/a[12]/b[12]"], id="two characters"),
        pytest.param({"/Ad", "/Bd"}, ["/[AB]d"], id="capitals"),
        pytest.param({"/ad-x", "/ad_x"}, ["/ad[_-]x"], id="dash"),
        pytest.param({"/ad.x", "/ad/x"}, ["/ad.x", "/ad/x"], id="any character"),
        pytest.param({"/ad?x", "/ax?x"}, ["/ad?x", "/ax?x"], id="repeated or not"),
        pytest.param({r"/a\.x", r"/a\tx"}, [r"/a\.x", r"/a\tx"], id="escaped"),
        pytest.param({"/[ab]x", "/[ac]x"}, ["/[ab]x", "/[ac]x"], id="in a class"),
        pytest.param({"/[ab]x", "/[ab]y"}, ["/[ab][xy]"], id="behind a class"),
    ],
)
def test_filters_become_one(filters: set[str], expected: list[str]) -> None:
    assert sorted(joined(filters)) == expected


PARTS = st.sampled_from(["a", "b", "7", "-", r"\.", ".", "[ab]", "[^a]", "c?", "(ab)?"])


@given(st.sets(st.lists(PARTS, min_size=1, max_size=4).map("".join)))
def test_joined_filters_match_the_same(filters: set[str]) -> None:
    found = joined(filters)
    assert len(found) <= len(filters)
    for count in range(4):
        for chars in itertools.product("ab7-.c", repeat=count):
            text = "".join(chars)
            wanted = any(re.fullmatch(each, text) for each in filters)
            assert any(re.fullmatch(each, text) for each in found) == wanted, (text, found)


@given(st.sets(NAMES, min_size=1, max_size=30))
@pytest.mark.usefixtures("every_pair")
def test_webkit_takes_what_is_written(listed: set[str]) -> None:
    lines = list(fewer(said(host_filter(name), BLOCK) for name in listed))
    for each in Blocker.read(f"[{','.join(lines)}]".encode()).rules:
        assert not refusal(each["trigger"]["url-filter"])


def test_the_order_of_names_does_not_matter() -> None:
    names = [f"{word}{n}.x{m}.test" for word in ("ad", "sad", "b") for n in range(4) for m in range(3)]
    assert sorted(merged(names)) == sorted(merged(names[::-1]))
