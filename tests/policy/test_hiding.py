"""Selectors in and out of a site's entry, comments kept."""

from __future__ import annotations

import pytest

from blockctl.policy.hiding import read_selectors, set_hide
from blockctl.policy.read import read_policy

TEXT = """version: 1
sites:
  a.example:
    javascript: deny  # for good
    hide:
      - ".x"  # why
      - ".y"
  b.example: {javascript: allow}
  c.example:
"""


@pytest.mark.parametrize(
    ("site", "selectors", "expected"),
    [
        pytest.param("a.example", [".x"], TEXT.replace('      - ".y"\n', ""), id="one goes"),
        pytest.param(
            "a.example", [".y", "#z"], TEXT.replace('      - ".x"  # why\n      - ".y"', '      - ".y"\n      - "#z"'),
            id="one goes, one comes",
        ),
        pytest.param("a.example", [".x", ".y"], TEXT, id="as it was"),
        pytest.param(
            "b.example", ["[a='b']"], TEXT.replace("{javascript: allow}", "{javascript: allow, hide: [\"[a='b']\"]}"),
            id="into a flow",
        ),
        pytest.param("c.example", ["#q"], TEXT.replace("c.example:", 'c.example: {hide: ["#q"]}'), id="empty entry"),
        pytest.param("d.example", [], TEXT, id="nothing of nobody"),
    ],
)  # fmt: skip
def test_set_hide(site: str, selectors: list[str], expected: str) -> None:
    after = set_hide(TEXT, site, selectors)
    assert after == expected
    entry = read_policy(after, "p")[0].sites.get(site)
    assert list(entry.hide if entry else ()) == selectors


def test_none_takes_the_key_away() -> None:
    after = set_hide(TEXT, "a.example", [])
    assert "hide" not in after
    assert "javascript: deny  # for good" in after


def test_selectors_are_read_as_the_policy_reads_them() -> None:
    assert read_selectors([" .a ", ".a", "#b > c"]) == ((".a", "#b > c"), [])
    kept, faults = read_selectors(["a { color: red }", "example.com##.ad"])
    assert kept == ()
    assert [fault.code for fault in faults] == ["P018", "P018"]
