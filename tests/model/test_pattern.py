"""What patterns match, and that the words an index finds them by are in every address that they match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.pattern import TOKEN, anchored_host, canonical, compile_pattern, tokens


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        pytest.param("/ads/", "https://a.example/ads/1", True, id="anywhere"),
        pytest.param("/ADS/", "https://a.example/ads/1", True, id="letter case is ignored"),
        pytest.param("/ads/", "https://a.example/bads/1", False, id="not there"),
        pytest.param("", "https://a.example/", True, id="empty matches all"),
        pytest.param("*", "https://a.example/", True, id="star matches all"),
        pytest.param("|https://a.", "https://a.example/", True, id="start"),
        pytest.param("|a.example", "https://a.example/", False, id="start is the scheme"),
        pytest.param(".gif|", "https://a.example/x.gif", True, id="end"),
        pytest.param(".gif|", "https://a.example/x.gif?", False, id="not the end"),
        pytest.param("|https://a.example/|", "https://a.example/", True, id="both ends"),
        pytest.param("|https://a.example/|", "https://a.example/x", False, id="both ends, longer"),
        pytest.param("||example/ads", "https://www.example/ads", True, id="label start"),
        pytest.param("||ample/ads", "https://example/ads", False, id="inside a label"),
        pytest.param("||ads.", "https://x.ads.example/", True, id="label start deeper"),
        pytest.param("||ads.", "https://a.example/?u=https://ads.example", False, id="not in the query"),
        pytest.param("||ads.example^", "https://ads.example/", True, id="separator is a slash"),
        pytest.param("||ads.example^", "https://ads.example:8080/", True, id="separator is a colon"),
        pytest.param("||ads.example^", "https://ads.example.evil/", False, id="a dot is no separator"),
        pytest.param("||ads.example^", "https://ads.example@real.example/", False, id="a user name is not a host"),
        pytest.param("||ads.example^", "https://me:word@ads.example/", True, id="behind a user name"),
        pytest.param("||ads.example:80^", "http://ads.example:80/", True, id="port in the pattern"),
        pytest.param("||.example/x", "https://a.b.example/x", True, id="an anchor before a dot means nothing"),
        pytest.param("|/x.js", "https://a.example/x.js", True, id="an anchor before a slash means nothing"),
        pytest.param("||*/x.js", "https://a.example/x.js", True, id="an anchor before a star means nothing"),
        pytest.param("/x.js*|", "https://a.example/x.js?y", True, id="an anchor after a star means nothing"),
        pytest.param("ad^", "https://a.example/ad", True, id="separator at the end of the address"),
        pytest.param("ad^", "https://a.example/ad-b", False, id="hyphen is no separator"),
        pytest.param("ad^", "https://a.example/ad%20", False, id="percent is no separator"),
        pytest.param("ad^x", "https://a.example/ad/x", True, id="separator in the middle"),
        pytest.param("ad^^", "https://a.example/ad", True, id="two separators at the end"),
        pytest.param("ad^|", "https://a.example/ad?", True, id="separator, then the end"),
        pytest.param("/a*c^", "https://a.example/abc", True, id="star, then a separator at the end"),
        pytest.param("/a*/b*|", "https://a.example/a/b/c", True, id="two stars"),
        pytest.param("/a*b|", "https://a.example/a/b/b", True, id="the last of several ends the address"),
        pytest.param("||a.example^*b|", "https://a.example/bb", True, id="anchor, star and end"),
        pytest.param("||bücher.example/ü", "https://bücher.example/ü", True, id="not ASCII"),
        pytest.param(
            "||bücher.example/ü", "https://xn--bcher-kva.example/%c3%bc", True, id="not ASCII, as browsers ask"
        ),
        pytest.param("(x)[y]+.js", "https://a.example/(x)[y]+.js", True, id="nothing else is special"),
    ],
)
def test_pattern(pattern: str, url: str, expected: bool) -> None:
    assert compile_pattern(pattern)(url) is expected


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        pytest.param("/AdS/", "https://a.example/AdS/", True, id="plain, same"),
        pytest.param("/AdS/", "https://a.example/ads/", False, id="plain, other"),
        pytest.param("||a.example/Ad^", "https://a.example/Ad", True, id="separator, same"),
        pytest.param("/Ad^", "https://a.example/AdB", False, id="a capital letter is no separator"),
    ],
)
def test_match_case(pattern: str, url: str, expected: bool) -> None:
    assert compile_pattern(pattern, match_case=True)(url) is expected


@pytest.mark.parametrize(
    ("source", "url", "expected"),
    [
        pytest.param(r"^https?:\/\/ads[0-9]{2}\.example\/", "https://ads12.example/", True, id="class and count"),
        pytest.param(r"\/AD\.js$", "https://a.example/ad.js", True, id="letter case is ignored"),
        pytest.param(r"(?<=\/)x[^]y", "https://a.example/x\ny", True, id="the any-character class of JavaScript"),
        pytest.param(r"\x2fads\/", "https://a.example/ads/", True, id="hexadecimal escape"),
        pytest.param(r"ab?c", "https://a.example/ac", True, id="optional character"),
        pytest.param(r"foo|bar", "https://a.example/bar", True, id="alternation"),
        pytest.param(r"(unclosed", "https://a.example/(unclosed", False, id="invalid matches nothing"),
    ],
)
def test_regex(source: str, url: str, expected: bool) -> None:
    assert compile_pattern(source, regex=True)(url) is expected


def test_invalid_and_overlong_patterns_are_told_apart() -> None:
    assert not compile_pattern("(", regex=True).valid
    assert not compile_pattern("x" * 100_000).valid
    assert compile_pattern("x").valid


def test_a_regex_that_takes_too_long_counts_as_no_match() -> None:
    pattern = compile_pattern(r"^(a|aa|a?)+$", regex=True)
    assert not pattern("a" * 200 + "!")
    assert pattern.timed_out


def test_stars_are_not_tried_in_every_combination() -> None:
    stars = compile_pattern("*".join(["||a", *["a"] * 40, "b|"]))
    assert not stars("https://a.example/" + "a" * 20_000)  # else this would never end


@pytest.mark.parametrize(
    ("pattern", "regex", "expected"),
    [
        pytest.param("||ads.example/x^", False, ["ads", "example", "x"], id="label start and separators"),
        pytest.param("ads/banner/top", False, ["banner"], id="open ends"),
        pytest.param("|https://x", False, ["https"], id="start"),
        pytest.param("/top.gif|", False, ["top", "gif"], id="end"),
        pytest.param("/a*b/c*", False, [], id="beside stars"),
        pytest.param("/xü/yü/", False, ["x", "c3", "bc", "y", "c3", "bc"], id="not ASCII"),
        pytest.param(r"^https:\/\/www\.x[0-9]\.com\/path\/y", True, ["https", "www", "com", "path"], id="regex"),
        pytest.param(r"\/ads?\/foo+\/\d\.js$", True, ["js"], id="regex with counts"),
        pytest.param(r"\/one\/|\/two\/", True, [], id="regex with an alternation"),
        pytest.param(r"\/(one)\/x\/", True, ["x"], id="regex with a group"),
        pytest.param(r"\x2fads\/", True, [], id="regex with an escape"),
    ],
)
def test_tokens(pattern: str, regex: bool, expected: list[str]) -> None:
    assert tokens(pattern, regex) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("||a.example/x", "a.example", id="slash"),
        pytest.param("||A.example^*x", "a.example", id="separator"),
        pytest.param("|https://a.example/x", "a.example", id="scheme"),
        pytest.param("||a.exam", "", id="open end"),
        pytest.param("||a.*/x", "", id="star"),
        pytest.param("://a.example/", "", id="may be in a query"),
        pytest.param("||127.0.0.1/x", "", id="address"),
    ],
)
def test_anchored_host(pattern: str, expected: str) -> None:
    assert anchored_host(pattern) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://a.example/x@y", "https://a.example/x@y", id="nothing to do"),
        pytest.param("https://me@you@a.example:1/x", "https://a.example:1/x", id="user name with an @"),
        pytest.param("https://bücher.example/", "https://xn--bcher-kva.example/", id="international name"),
        pytest.param("https://a.example./x", "https://a.example/x", id="trailing dot"),
    ],
)
def test_canonical(url: str, expected: str) -> None:
    assert canonical(url) == expected


PIECES = st.sampled_from(["a", "b", "ad", ".", "/", "-", "^", "*", "|", "||", "?", "=", "example", "%"])
PATTERNS = st.lists(PIECES, max_size=7).map("".join)
URLS = st.builds(
    "{}://{}/{}".format,
    st.sampled_from(["http", "wss"]),
    st.lists(st.sampled_from(["a", "b", "ad", "example"]), min_size=1, max_size=4).map(".".join),
    st.lists(st.sampled_from(["a", "b", "ad", ".", "/", "-", "?", "=", "%2f", "example"]), max_size=8).map("".join),
)


def slowly(pattern: str, url: str) -> bool:
    """Match a pattern by trying everything, from the words of the documentation."""
    host = re.match(r"[a-z]+://([^/?#]*)", url)
    assert host
    label_starts = [at for at in range(host.start(1), host.end(1)) if at == host.start(1) or url[at - 1] == "."]
    starts: list[int] = list(range(len(url) + 1))
    anchor, body = re.fullmatch(r"(\|?\|?)(.*)", pattern).groups()  # type: ignore[union-attr]
    if re.match(r"[a-z0-9%]", body):
        starts = {"": starts, "|": [0], "||": label_starts}[anchor]
    at_end = body.endswith("|")
    body = body[:-1] if at_end else body
    if body.endswith("*"):
        at_end = False

    def fits(at: int, left: str) -> bool:
        if not left:
            return not at_end or at == len(url)
        if left[0] == "*":
            return any(fits(later, left[1:]) for later in range(at, len(url) + 1))
        if at == len(url):
            return left[0] == "^" and fits(at, left[1:])
        same = not (url[at].isalnum() or url[at] in "_-.%") if left[0] == "^" else url[at] == left[0]
        return same and fits(at + 1, left[1:])

    return any(fits(at, body) for at in starts) or not body.strip("*")


@given(PATTERNS, URLS)
def test_patterns_match_as_the_words_say(pattern: str, url: str) -> None:
    assert compile_pattern(pattern)(url) is slowly(pattern, url)


@given(PATTERNS, URLS)
def test_every_match_holds_the_tokens(pattern: str, url: str) -> None:
    if compile_pattern(pattern)(url):
        assert set(tokens(pattern)) <= set(TOKEN.findall(url))


REGEX_PIECES = st.sampled_from(
    ["a", "b", "ad", r"\/", r"\.", "[ab]", "a?", "b+", "(a|b)", "a{0,2}", "^", "$", "|", ".", r"\w", r"\x61"]
)


@given(st.lists(REGEX_PIECES, max_size=6).map("".join), URLS)
def test_every_match_of_a_regex_holds_its_literal_and_tokens(source: str, url: str) -> None:
    if re.search(source, url):
        assert compile_pattern(source, regex=True)(url)
        assert set(tokens(source, regex=True)) <= set(TOKEN.findall(url))


def test_a_regex_is_compiled_when_it_is_asked_for() -> None:
    pattern = compile_pattern(r"ads\/(\d+", regex=True)
    assert "compiled" not in vars(pattern._expression)
    assert (pattern("https://a.example/ads/1"), pattern.valid) == (False, False)
