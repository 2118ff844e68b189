"""Which names the public suffix list itself names, exceptions and wildcards included."""

from __future__ import annotations

import pytest
from publicsuffixlist import PublicSuffixList

from blockctl.model.names import is_listed_suffix, registrable_domain


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        pytest.param("com", True, id="top level"),
        pytest.param("co.uk", True, id="second level"),
        pytest.param("github.io", True, id="private"),
        pytest.param("anything.ck", True, id="wildcard"),
        pytest.param("www.ck", False, id="exception of a wildcard"),
        pytest.param("xn--p1ai", True, id="international"),
        pytest.param("user.github.io", False, id="below a private one"),
        pytest.param("nas", False, id="one label, not listed"),
        pytest.param("a.example", False, id="a site"),
        pytest.param("192.0.2.1", False, id="address"),
        pytest.param("[::1]", False, id="IPv6"),
    ],
)
def test_listed_suffixes(host: str, listed: bool) -> None:
    assert is_listed_suffix(host) is listed


def test_registrable_domains_are_those_of_the_suffix_lists_own_reader() -> None:
    known = PublicSuffixList(accept_encoded_idn=True)
    rules = [rule.removeprefix("!").removeprefix("*.") for rule in known._publicsuffix]
    names = {f"{more}{rule}" for rule in rules for more in ("", "a.", "b.a.", "c.b.a.", "x-")}
    names |= {"nas", "a.nas", "b.a.nas", "com", "example.com", "www.example.com", "xn--p1ai", "a.xn--p1ai"}
    wrong = [name for name in names if registrable_domain(name) != (known.privatesuffix(name) or name)]
    assert (len(names) > 10_000, wrong) == (True, [])
