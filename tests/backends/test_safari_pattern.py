"""Patterns and regular expressions say to WebKit what they say in the model."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blockctl.backends.safari_pattern import (
    Unsayable,
    below_filter,
    exact_filter,
    host_filter,
    path_filters,
    pattern_filters,
    refusal,
)
from blockctl.backends.safari_regex import regex_filters
from blockctl.model.pattern import compile_pattern

HOSTS = st.sampled_from(["ads.test", "x.ads.test", "bads.test", "ads.test.evil", "a-ds.test", "a.b", "10.0.0.1"])
PATHS = st.text("ad/s.x?=&-_%|Z1", max_size=10)
URLS = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}/{path}",
    st.sampled_from(["http", "https", "ws"]), HOSTS, st.sampled_from(["", ":8080"]), PATHS,
)  # fmt: skip
PATTERNS = st.builds(
    lambda start, body, end: start + body + end,
    st.sampled_from(["", "", "|", "||", "||ads.test", "|http://", "*"]),
    st.text("ads./^*?=-x", max_size=7),
    st.sampled_from(["", "", "^", "|", "^|", "*", "^*", "^^"]),
)


def found(filters: list[str], url: str, match_case: bool = False) -> bool:
    return any(re.search(each, url, 0 if match_case else re.IGNORECASE) for each in filters)


@given(PATTERNS, URLS, st.booleans())
@example("||ads.test/a^", "http://ads.test/a", False)
@example("ads^*^x", "http://ads.test/x", False)
@example("||", "http://ads.test/", False)
def test_patterns_match_the_same_addresses(pattern: str, url: str, match_case: bool) -> None:
    filters = pattern_filters(pattern)
    assert [refusal(each) for each in filters] == [""] * len(filters)
    assert found(filters, url, match_case) == compile_pattern(pattern, match_case=match_case)(url)


@pytest.mark.parametrize(
    ("pattern", "filters"),
    [
        pytest.param("/ad/", ["/ad/"], id="plain"),
        pytest.param("a^b", ["a[^a-zA-Z0-9_.%-]b"], id="separator in the middle"),
        pytest.param("/ad.js^", [r"/ad\.js[^a-zA-Z0-9_.%-]", r"/ad\.js$"], id="separator at the end"),
        pytest.param("||a.test/x|", [r"^[^/]+//([^/]+\.)?a\.test/x$"], id="host, end"),
        pytest.param("|https://a", ["^https://a"], id="start"),
        pytest.param("a(b)|c{1}", [r"a\(b\)\|c\{1\}"], id="what means something to WebKit"),
        pytest.param("", [".*"], id="everything"),
        pytest.param("a**b*", ["a.*b"], id="stars"),
    ],
)
def test_pattern(pattern: str, filters: list[str]) -> None:
    assert pattern_filters(pattern) == filters


REGEXES = [
    r"^https?:\/\/(?:cdn|img)\.ads\.", r"\/ad(?:s|x)?\.[xs]+$", r"[a-z]{2,3}\.test\/", r"(?:^|\.)ads\b?", r"ad\w+\/",
    r"[\w-]+\.test[^]a", r"\.(?:a|s)\/(?:d|x)", r"^http:\/\/[^/]+\/[^\d]x?", r"ads*?\.", r"a{2}|s{0,1}x", r"[]a]",
    r"\/[0-9a-f]{8}", r"(ad|s){2}", r"\x41d", r"[%&=]s\?",
]  # fmt: skip


@given(st.sampled_from(REGEXES), URLS)
def test_expressions_match_the_same_addresses(source: str, url: str) -> None:
    try:
        filters = regex_filters(source)
    except Unsayable:
        return
    assert [refusal(each) for each in filters] == [""] * len(filters)
    assert found(filters, url) == compile_pattern(source, regex=True)(url)


@pytest.mark.parametrize(
    ("source", "filters"),
    [
        pytest.param("a|b", ["a", "b"], id="alternatives"),
        pytest.param(r"x(?:a|bc)\/y", ["x(a)/y", "x(bc)/y"], id="within a group"),
        pytest.param(r"\d{2,3}", ["[0-9][0-9][0-9]?"], id="count"),
        pytest.param(r"a{2,}", ["aa+"], id="open count"),
        pytest.param(r"[\w-.]", [r"[a-zA-Z0-9_\-.]"], id="class in a class"),
        pytest.param(r"(?:^|\/)ad", ["^ad", "(/)ad"], id="anchor in a group"),
    ],
)
def test_expression(source: str, filters: list[str]) -> None:
    assert regex_filters(source) == filters


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("ads(?!x)", id="look-ahead"),
        pytest.param(r"\bads", id="word edge"),
        pytest.param(r"(a)\1", id="reference"),
        pytest.param("(a|b)*", id="choice in a repetition"),
        pytest.param("a(^b)", id="anchor inside"),
        pytest.param("b\u00fc", id="not ASCII"),
        pytest.param("a" + "." * 16 + "b", id="costly"),
        pytest.param("[z-a]", id="falling range"),
        pytest.param("(a", id="open group"),
        pytest.param("a)", id="closed group"),
        pytest.param("x{1000}", id="count too large"),
        pytest.param("(a|b|c|d)(a|b|c|d)(a|b|c|d)", id="too many alternatives"),
    ],
)
def test_expressions_that_cannot_be_said(source: str) -> None:
    with pytest.raises(Unsayable):
        regex_filters(source)


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("a|b", False), ("a{2}", False), (r"\d", False), ("(?=a)", False), ("a^", False), ("$a", False), ("a**", False),
        ("(a", False), ("a)", False), ("b\u00fc", False), ("", False), ("[a", False), (r"a\1", False),
        ("^a$", True), ("(a)?", True), ("[^a-z]+", True), (r"\.\/", True), ("a?b*c+", True),
    ],
)  # fmt: skip
def test_what_webkit_refuses(text: str, sound: bool) -> None:
    assert (refusal(text) == "") is sound


@pytest.mark.parametrize(
    ("url", "subtree", "exact", "below"),
    [
        pytest.param("https://ads.test/", True, True, False, id="the name"),
        pytest.param("https://ads.test:8080/x", True, True, False, id="port"),
        pytest.param("https://a.b.ads.test/", True, False, True, id="below"),
        pytest.param("https://bads.test/", False, False, False, id="a longer name"),
        pytest.param("https://ads.test.evil/", False, False, False, id="goes on"),
        pytest.param("https://x.evil/?u=https://ads.test/", False, False, False, id="in the query"),
        pytest.param("https://evil/ads.test/", False, False, False, id="in the path, below a name without dots"),
        pytest.param("https://evil//ads.test/", False, False, False, id="behind two slashes in the path"),
        pytest.param("https://evil:80/x.ads.test/", False, False, False, id="in the path, behind a port"),
        pytest.param("wss://ads.test/", True, True, False, id="socket"),
        pytest.param("blob:https://x.ads.test/1", True, False, True, id="a blob that the host made"),
    ],
)
def test_hosts(url: str, subtree: bool, exact: bool, below: bool) -> None:
    assert found([host_filter("ads.test")], url) == subtree
    assert found([exact_filter("ads.test")], url) == exact
    assert found([below_filter("ads.test")], url) == below


@pytest.mark.parametrize("pattern", ["/ad", "ad", "||ads.test/x", "/ads.test/"])
def test_a_host_beside_a_pattern_that_may_lie_in_the_host(pattern: str) -> None:
    with pytest.raises(Unsayable):
        path_filters("ads.test", pattern)


@given(st.sampled_from(["/ad/", "/a?x", "*", "", "/d/*s|", "/s/^"]), URLS)
def test_a_host_beside_a_path(pattern: str, url: str) -> None:
    wanted = compile_pattern(pattern)(url) and found([host_filter("ads.test")], url)
    assert found(path_filters("ads.test", pattern), url) == wanted
