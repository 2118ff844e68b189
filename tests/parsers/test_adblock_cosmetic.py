"""Cosmetic filters, one line each."""

from __future__ import annotations

import pytest

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Rule
from blockctl.parsers.adblock import parse_line

ORIGIN = Origin("list.txt", 1)
CSS, PROCEDURAL, STYLE, SCRIPTLET, HTML, REMOVE = CosmeticForm


def read(line: str) -> Cosmetic:
    found = parse_line(line, ORIGIN)
    assert isinstance(found, Cosmetic), found
    return found


@pytest.mark.parametrize(
    ("line", "selector", "form"),
    [
        pytest.param("##.ad", ".ad", CSS, id="class"),
        pytest.param("###ad", "#ad", CSS, id="id"),
        pytest.param("##a[href^='https://x/?a=1,2$']", "a[href^='https://x/?a=1,2$']", CSS, id="odd characters"),
        pytest.param("a.example##.box:has(> .ad)", ".box:has(> .ad)", CSS, id="native has"),
        pytest.param("a.example#?#.box:has(> .ad)", ".box:has(> .ad)", CSS, id="extended mark, native has"),
        pytest.param("a.example##p:not(.x):nth-of-type(2)", "p:not(.x):nth-of-type(2)", CSS, id="native classes"),
        pytest.param("a.example##p:has-text(Ad)", "p:has-text(Ad)", PROCEDURAL, id="has-text"),
        pytest.param("a.example#?#p:-abp-contains(Ad)", "p:-abp-contains(Ad)", PROCEDURAL, id="abp-contains"),
        pytest.param("a.example##.x:upward(2)", ".x:upward(2)", PROCEDURAL, id="upward"),
        pytest.param("a.example##:xpath(//a)", ":xpath(//a)", PROCEDURAL, id="xpath"),
        pytest.param("a.example##.x:matches-css(top: 0)", ".x:matches-css(top: 0)", PROCEDURAL, id="matches-css"),
        pytest.param("a.example##.x:matches-css-before(top: 0)", ".x:matches-css-before(top: 0)", PROCEDURAL,
                     id="matches-css-before"),
        pytest.param("a.example##p:min-text-length(9)", "p:min-text-length(9)", PROCEDURAL, id="min-text-length"),
        pytest.param("a.example##p:watch-attr(id)", "p:watch-attr(id)", PROCEDURAL, id="watch-attr"),
        pytest.param("a.example##main:others()", "main:others()", PROCEDURAL, id="others"),
        pytest.param("a.example##div[-ext-has='.ad']", "div[-ext-has='.ad']", PROCEDURAL, id="AdGuard's attribute"),
        pytest.param("a.example##body:style(top: 0)", "body:style(top: 0)", STYLE, id="style"),
        pytest.param("a.example#$#body { top: 0 }", "body { top: 0 }", STYLE, id="AdGuard style"),
        pytest.param("a.example#$?#p:contains(x) { top: 0 }", "p:contains(x) { top: 0 }", STYLE, id="extended style"),
        pytest.param("a.example##.x {top:0;}", ".x {top:0;}", STYLE, id="Adblock Plus style"),
        pytest.param("a.example##.x:remove()", ".x:remove()", REMOVE, id="remove"),
        pytest.param("a.example##.x:remove-attr(id)", ".x:remove-attr(id)", REMOVE, id="remove-attr"),
        pytest.param("a.example##.x:remove-class(y)", ".x:remove-class(y)", REMOVE, id="remove-class"),
        pytest.param("a.example##.x {remove: true;}", ".x {remove: true;}", REMOVE, id="remove as a style"),
        pytest.param("a.example##+js(nowoif, /a#b/)", "+js(nowoif, /a#b/)", SCRIPTLET, id="scriptlet"),
        pytest.param("a.example#%#window.a = 1", "window.a = 1", SCRIPTLET, id="AdGuard script"),
        pytest.param("a.example#%#//scriptlet('x')", "//scriptlet('x')", SCRIPTLET, id="AdGuard scriptlet"),
        pytest.param("a.example#$#abort-on-property-read x", "abort-on-property-read x", SCRIPTLET, id="snippet"),
        pytest.param("a.example##^script:has-text(x)", "^script:has-text(x)", HTML, id="html"),
        pytest.param("a.example##^responseheader(refresh)", "^responseheader(refresh)", HTML, id="header"),
        pytest.param('a.example$$script[tag-content="x"]', 'script[tag-content="x"]', HTML, id="AdGuard html"),
    ],
)  # fmt: skip
def test_forms(line: str, selector: str, form: CosmeticForm) -> None:
    found = read(line)
    assert (found.selector, found.form, found.effect, found.text) == (selector, form, Effect.BLOCK, line)


@pytest.mark.parametrize(
    ("line", "form"),
    [
        pytest.param("a.example#@#.ad", CSS, id="css"),
        pytest.param("a.example#@?#p:has-text(x)", PROCEDURAL, id="procedural"),
        pytest.param("a.example#@$#body { top: 0 }", STYLE, id="style"),
        pytest.param("a.example#@$?#p:contains(x) { top: 0 }", STYLE, id="extended style"),
        pytest.param("a.example#@#+js()", SCRIPTLET, id="every scriptlet"),
        pytest.param("a.example#@%#window.a = 1", SCRIPTLET, id="script"),
        pytest.param("a.example#@#^script", HTML, id="html"),
        pytest.param("a.example$@$script", HTML, id="AdGuard html"),
    ],
)
def test_exceptions(line: str, form: CosmeticForm) -> None:
    found = read(line)
    assert (found.effect, found.form, found.sites) == (Effect.ALLOW, form, ("a.example",))


@pytest.mark.parametrize(
    ("line", "sites", "not_sites", "needs"),
    [
        pytest.param("##.x", (), (), (), id="generic"),
        pytest.param("*##.x", (), (), (), id="star"),
        pytest.param("~a.example##.x", (), ("a.example",), (), id="generic but for a site"),
        pytest.param("*,~a.example##.x", (), ("a.example",), (), id="star but for a site"),
        pytest.param("A.Example, b.example##.x", ("a.example", "b.example"), (), (), id="blank, upper case"),
        pytest.param("a.example,~b.a.example##.x", ("a.example",), ("b.a.example",), (), id="both"),
        pytest.param("shop.*##.x", ("shop.*",), (), (), id="entity"),
        pytest.param("bücher.example##.x", ("xn--bcher-kva.example",), (), (), id="international"),
        pytest.param("a.example>>##.x", ("a.example",), (), (), id="page and its frames"),
        pytest.param(r"/^a(1|2)\.example$/##.x", (r"/^a(1|2)\.example$/",), (), (), id="regex"),
        pytest.param(r"b.example,/^a{1,2}\.example$/##.x", ("b.example", r"/^a{1,2}\.example$/"), (), (),
                     id="regex with a comma"),
        pytest.param("a.example/news##.x", ("a.example",), (), ("path=a.example/news",), id="path"),
        pytest.param("a.example##:matches-path(/news) .x", ("a.example",), (), ("path=/news",), id="matches-path"),
        pytest.param("[$path=/news]a.example##.x", ("a.example",), (), ("path=/news",), id="AdGuard path"),
        pytest.param(r"[$path=/\/n\[0-9\]+/]a.example##.x", ("a.example",), (), (r"path=/\/n\[0-9\]+/",),
                     id="AdGuard path, regex"),
        pytest.param("[$app=com.example,path=/x]##.x", (), (), ("app=com.example", "path=/x"), id="app"),
        pytest.param("[$domain=a.example|~b.a.example]##.x", ("a.example",), ("b.a.example",), (), id="AdGuard sites"),
    ],
)  # fmt: skip
def test_sites(line: str, sites: tuple[str, ...], not_sites: tuple[str, ...], needs: tuple[str, ...]) -> None:
    found = read(line)
    assert (found.sites, found.not_sites, found.needs) == (sites, not_sites, needs)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("a.example##", "L207", id="no selector"),
        pytest.param("a..b##.x", "L203", id="no site"),
        pytest.param("a.example,not a site##.x", "L203", id="one of two is none"),
        pytest.param("~a.example/x##.x", "L203", id="path taken away"),
        pytest.param("/(/##.x", "L203", id="regex"),
        pytest.param("[$frob=1]a.example##.x", "L201", id="unknown modifier"),
        pytest.param("[$path=/x", "L207", id="open bracket"),
        pytest.param("[$path=/x]a.example", "L207", id="bracket before no filter"),
        pytest.param("[$domain=a..b]##.x", "L203", id="no site in the bracket"),
    ],
)
def test_refused(line: str, code: str) -> None:
    found = parse_line(line, ORIGIN)
    assert isinstance(found, Diagnostic)
    assert found.code == code


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("||a.example/x##y", id="host anchor"),
        pytest.param("@@/x##y", id="exception"),
        pytest.param("/x?a=b##y", id="query"),
        pytest.param("|https://a.example/#?#x", id="anchor"),
        pytest.param("/path/x##y", id="path that is no expression"),
    ],
)
def test_a_pattern_may_hold_a_mark(line: str) -> None:
    assert isinstance(parse_line(line, ORIGIN), Rule)
