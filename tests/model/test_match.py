"""Whether a rule speaks of a request, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from blockctl.model.diagnostic import Origin
from blockctl.model.match import View, check, matches, page_keys
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Party, Rule, Scope


def rule(**fields: Any) -> Rule:
    return Rule(Effect.BLOCK, Origin("t", 1), "", **fields)


@pytest.mark.parametrize(
    ("fields", "url", "page", "expected"),
    [
        pytest.param({}, "https://x.example/", "https://a.example/", True, id="no condition"),
        pytest.param({"host": "x.example"}, "https://y.x.example/", "", True, id="subtree, below"),
        pytest.param({"host": "x.example"}, "https://yx.example/", "", False, id="subtree, beside"),
        pytest.param({"host": "x.example", "scope": Scope.EXACT}, "https://x.example/", "", True, id="exact"),
        pytest.param({"host": "x.example", "scope": Scope.EXACT}, "https://y.x.example/", "", False, id="exact, below"),
        pytest.param({"host": "x.example", "scope": Scope.BELOW}, "https://x.example/", "", False, id="below, itself"),
        pytest.param({"host": "x.example", "scope": Scope.BELOW}, "https://y.x.example/", "", True, id="below"),
        pytest.param({"host": "192.0.2.1"}, "https://192.0.2.1/", "", True, id="address"),
        pytest.param({"host": "x.example"}, "https://X.EXAMPLE./", "", True, id="host in normal form"),
        pytest.param({"kinds": Kind.IMAGE}, "https://x.example/", "", False, id="other kind"),
        pytest.param({"kinds": Kind.IMAGE | Kind.SCRIPT}, "https://x.example/", "", True, id="kind"),
        pytest.param({"party": Party.THIRD}, "x.com", "a.com", True, id="third"),
        pytest.param({"party": Party.THIRD}, "https://x.a.com/", "https://y.a.com/", False, id="third, same domain"),
        pytest.param({"party": Party.THIRD}, "https://a.github.io/", "https://b.github.io/", True, id="private suffix"),
        pytest.param({"party": Party.FIRST}, "x.com", "a.com", False, id="first"),
        pytest.param({"party": Party.THIRD}, "x.com", "", False, id="third, page unknown"),
        pytest.param({"sites": ("a.com",)}, "x.com", "b.a.com", True, id="site below"),
        pytest.param({"sites": ("b.a.com",)}, "x.com", "a.com", False, id="site above"),
        pytest.param({"sites": ("a.com",)}, "x.com", "", False, id="site, page unknown"),
        pytest.param({"not_sites": ("a.com",)}, "x.com", "", True, id="not site, page unknown"),
        pytest.param({"not_sites": ("a.com",)}, "x.com", "a.com", False, id="not site"),
        pytest.param(
            {"sites": ("a.com",), "not_sites": ("b.a.com",)}, "x.com", "https://c.b.a.com/", False, id="nearest is not"
        ),
        pytest.param({"sites": ("b.a.com",), "not_sites": ("a.com",)}, "x.com", "b.a.com", True, id="nearest"),
        pytest.param({"sites": ("a.com",), "not_sites": ("a.com",)}, "x.com", "a.com", False, id="both"),
        pytest.param({"sites": ("google.*",)}, "x.com", "https://www.google.co.uk/", True, id="entity"),
        pytest.param({"sites": ("google.*",)}, "x.com", "google.evil.com", False, id="entity is a suffix"),
        pytest.param(
            {"sites": ("google.*",), "not_sites": ("google.de",)},
            "x.com",
            "https://google.de/",
            False,
            id="name beside an entity",
        ),
        pytest.param(
            {"sites": ("www.google.*",), "not_sites": ("google.de",)},
            "x.com",
            "www.google.de",
            True,
            id="nearer entity",
        ),
        pytest.param({"sites": (r"/^shop\d+\./",)}, "x.com", "https://shop12.a.com/", True, id="regex"),
        pytest.param({"sites": (r"/^shop\d+\./",)}, "x.com", "a.com", False, id="regex, no match"),
        pytest.param({"not_sites": (r"/^shop/",)}, "x.com", "https://shop.a.com/", False, id="not regex"),
        pytest.param({"sites": ("/(/",)}, "x.com", "a.com", False, id="invalid regex"),
        pytest.param({"to": ("x.com",)}, "https://y.x.com/", "", True, id="to"),
        pytest.param({"to": ("x.*",)}, "https://y.x.de/", "", True, id="to an entity"),
        pytest.param({"not_to": ("x.com",)}, "https://y.x.com/", "", False, id="denyallow"),
        pytest.param({"pattern": "/ad/", "match_case": True}, "x.comAd/", "", False, id="letter case"),
        pytest.param({"pattern": "||x.com^", "sites": ("a.com",)}, "x.com", "b.com", False, id="all must hold"),
        pytest.param({"action": "csp"}, "x.com", "", False, id="another action"),
        pytest.param({"needs": ("popup",)}, "x.com", "", False, id="a condition we cannot see"),
    ],
)
def test_matches(fields: dict[str, Any], url: str, page: str, expected: bool) -> None:
    assert matches(rule(**fields), Request.parse(url, page, Kind.SCRIPT)) is expected


def test_a_document_is_its_own_page() -> None:
    assert matches(rule(sites=("a.com",), party=Party.FIRST), Request.parse("a.com", "https://b.com/", Kind.DOCUMENT))


def test_no_rule_of_a_list_matches_an_inline_script() -> None:
    assert not matches(rule(), Request.parse("a.com", "a.com", Kind.SCRIPT, inline=True))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("a.b.co.uk", ("a.b.co.uk", "a.b.*", "b.co.uk", "b.*", "co.uk", "uk"), id="suffix of two labels"),
        pytest.param("a.github.io", ("a.github.io", "a.*", "github.io", "io"), id="private suffix"),
        pytest.param("github.io", ("github.io", "io"), id="a suffix is no entity"),
        pytest.param("192.0.2.1", ("192.0.2.1",), id="address"),
        pytest.param("", (), id="unknown"),
    ],
)
def test_page_keys(host: str, expected: tuple[str, ...]) -> None:
    assert page_keys(host) == expected


def test_a_regex_that_took_too_long_is_not_tried_again() -> None:
    slow: list[Rule] = []
    bad = Rule(Effect.BLOCK, Origin("l", 1), "", pattern=r"example\/(a|aa|a?)+$", regex=True)
    test = check(bad, slow)
    assert not test(View(Request.parse("https://a.example/" + "a" * 200 + "!")))
    assert slow == [bad]
    assert not test(View(Request.parse("https://a.example/aa")))
