"""Which names the public suffix list itself names, exceptions and wildcards included."""

from __future__ import annotations

import pytest

from blockctl.model.names import is_listed_suffix


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
