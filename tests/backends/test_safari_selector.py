"""Selectors that WebKit surely reads. The engine itself is asked in `tests/engines/test_webkit.py`."""

from __future__ import annotations

import pytest

from blockctl.backends.safari_selector import is_sound

SOUND = (
    ".ad",
    "#ad",
    "div.ad",
    "*",
    "a[href]",
    'a[href^="http://ads."]',
    "a[href*='x' i]",
    "div > .ad + p ~ span b",
    ".a,.b",
    ".a , #b",
    ":not(.a, .b)",
    "div:has(> .ad)",
    ":has(+ p):not(.x)",
    ":is(.a,.b) > p",
    ":where(a)",
    "li:nth-child(2n+1)",
    "li:nth-last-of-type(odd)",
    "p:first-child",
    "p::before",
    "p:after",
    r".sm\:ad",
    r"#\31 23",
    ".B\u00fccher",
    "[data-x=a]",
    'div[style*="a:b;c,d"]',
    ":lang(de)",
    "input:checked",
    '[a=""]',
    ".a:not(:has(> b)) c",
    "A.b",
    ":root > body",
    '[ x = "y" ]',
    "--x",
    ".-ad",
    'div[id^="a"][class]',
)
UNSOUND = (
    "",
    " .a",
    "> .a",
    ".a >",
    ".a,,b",
    ".a,",
    "#1a",
    "svg|a",
    ".a >> .b",
    ":has(:has(a))",
    "p:has-text(x)",
    ":contains(x)",
    ":upward(2)",
    ":style(a: b)",
    ":matches-css(a: b)",
    ":xpath(//a)",
    ":-abp-has(a)",
    "[a=1]",
    "a[href=x.y]",
    "::bad",
    ":not()",
    ":nth-child(x)",
    ":is(p::before)",
    "p::before > a",
    ".a{b}",
    "a:hover()",
    '[a="x]',
    ".a\nb",
    "x" * 5000,
    ":not(" * 20 + "a" + ")" * 20,
    "a)",
    ".a::after::before",
    ":remove()",
    "&.a",
    "@media",
    ".",
    "#",
    "[",
)


@pytest.mark.parametrize("selector", SOUND)
def test_sound(selector: str) -> None:
    assert is_sound(selector)


@pytest.mark.parametrize("selector", UNSOUND, ids=lambda text: text[:20])
def test_in_doubt(selector: str) -> None:
    assert not is_sound(selector)
