"""Merged filters match the hosts that they were made of, and no others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.backends.safari_fewer import PAIRS, fewer, merged
from blockctl.backends.safari_pattern import exact_filter, host_filter, refusal
from blockctl.backends.safari_trigger import BLOCK, IGNORE, rule
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
        pytest.param({"a.test", "b.test"}, ["[ab].test"], id="a label of one letter"),
        pytest.param({"metrics.test", "smetrics.test"}, ["metrics.test", "smetrics.test"], id="too few pairs"),
    ],
)
def test_what_becomes_one(names: set[str], expected: list[str]) -> None:
    assert sorted(merged(names)) == expected


def test_many_pairs_become_one_filter_each() -> None:
    names = {f"{before}metrics.shop{'x' * n}.test" for n in range(PAIRS) for before in ("", "s")}
    assert sorted(merged(names)) == sorted(f"s?metrics.shop{'x' * n}.test" for n in range(PAIRS))


def test_only_rules_alike_in_the_rest_are_merged() -> None:
    third = '"load-type":["third-party"]'
    lines = [
        rule(host_filter("ad1.test"), BLOCK), rule(host_filter("ad2.test"), BLOCK, third),
        rule(host_filter("ad3.test"), IGNORE), rule(exact_filter("ad4.test"), BLOCK),
        rule(host_filter("ad5.test") + ".*x", BLOCK), rule(host_filter("ad6.test").replace("6", "[0-9]"), BLOCK),
    ]  # fmt: skip
    assert sorted(fewer(lines)) == sorted(lines)
    joined = [rule(host_filter(f"ad{n}.test"), BLOCK, third) for n in (1, 2)]
    assert list(fewer(joined)) == [rule(r"^[^/]+//([^/]+\.)?ad[12]\.test[:/]", BLOCK, third)]


@given(st.sets(NAMES, min_size=1, max_size=30))
@pytest.mark.usefixtures("every_pair")
def test_webkit_takes_what_is_written(listed: set[str]) -> None:
    lines = list(fewer(rule(host_filter(name), BLOCK) for name in listed))
    for each in Blocker.read(f"[{','.join(lines)}]".encode()).rules:
        assert not refusal(each["trigger"]["url-filter"])


def test_the_order_of_names_does_not_matter() -> None:
    names = [f"{word}{n}.x{m}.test" for word in ("ad", "sad", "b") for n in range(4) for m in range(3)]
    assert sorted(merged(names)) == sorted(merged(names[::-1]))
