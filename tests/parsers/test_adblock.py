"""Whole adblock lists: columns, dialects, counts, and lines read again one by one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Cosmetic, Effect, Rule, Scope
from blockctl.parsers.adblock import parse, parse_line
from blockctl.parsers.adblock_network import Cancelled
from blockctl.parsers.text import decode

CORPUS = Path(__file__).parents[2] / "../shared/corpus/browser"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="needs the corpus of public lists beside the repository")

BROWSER = "/ads/banner.\n##.ad\n||x.example^$script\n"


def adds_up(parsed: FilterList) -> bool:
    counts = parsed.counts
    return counts.lines == counts.rules + counts.nothing + counts.refused


def test_columns() -> None:
    text = BROWSER + "||a.example^\n@@||b.example^\n0.0.0.0 c.example d.example # both\n||e.example^$important\n"
    parsed = parse(text, "t")
    assert parsed.subtree == {"a.example"}
    assert parsed.allow_subtree == {"b.example"}
    assert parsed.exact == {"c.example", "d.example"}
    assert [rule.text for rule in parsed.rules] == ["/ads/banner.", "||x.example^$script", "||e.example^$important"]
    assert [each.selector for each in parsed.cosmetics] == [".ad"]
    assert (parsed.format, parsed.counts.lines, parsed.counts.rules) == ("adblock", 7, 7)


def test_lines_are_numbered_as_in_the_file() -> None:
    parsed = parse("! x\n||a.example^\n||b.example^\n/c/d\n||e.example^\n||com^\n/f/g", "t")
    assert [rule.origin.line for rule in parsed.rules] == [4, 7]
    assert [each.origin.line for each in parsed.diagnostics] == [6]


def test_badfilters_are_no_rules() -> None:
    parsed = parse(BROWSER + "||a.example^\n||a.example^$badfilter\n", "t")
    assert parsed.subtree == {"a.example"}
    assert [(rule.host, rule.kinds) for rule in parsed.badfilters] == [
        ("a.example", parse_line("||a.example^", Origin("t")).kinds)  # type: ignore[union-attr]
    ]


def test_an_exception_for_kinds_and_hiding_makes_two_rules() -> None:
    parsed = parse(BROWSER + "@@||a.example^$script,ghide\n", "t")
    both = [(rule.action, rule.decides, rule.effect) for rule in parsed.rules[2:]]
    assert both == [("", True, Effect.ALLOW), ("generichide", False, Effect.ALLOW)]


@pytest.mark.parametrize(
    ("text", "exact", "subtree", "pattern"),
    [
        pytest.param(BROWSER + "a.example\n", set(), set(), "a.example", id="EasyList: a part of an address"),
        pytest.param("! Title: uBlock filters\n" + BROWSER + "a.example\n", set(), {"a.example"}, "", id="uBO: a host"),
        pytest.param("! Title: My DNS list\n||b.example^\na.example\n", {"a.example"}, {"b.example"}, "",
                     id="DNS by its title"),
        pytest.param("||b.example^\n||c.example^$dnstype=AAAA\na.example\n", {"a.example"}, {"b.example"}, "",
                     id="DNS by an option"),
        pytest.param("||b.example^\n0.0.0.0 c.example\na.example\n", {"a.example", "c.example"}, {"b.example"}, "",
                     id="DNS by a hosts line"),
        pytest.param("||b.example^\n_chartbeat.js\n", set(), {"b.example"}, "_chartbeat.js", id="nothing tells"),
        pytest.param("! Title: My DNS list\n" + BROWSER + "a.example\n", set(), set(), "a.example",
                     id="a title is not enough"),
    ],
)  # fmt: skip
def test_dialects(text: str, exact: set[str], subtree: set[str], pattern: str) -> None:
    parsed = parse(text, "t")
    assert (parsed.exact, parsed.subtree) == (exact, subtree)
    assert (parsed.rules[-1].pattern if parsed.rules else "") == pattern or not pattern


@pytest.mark.parametrize(
    ("text", "exact", "subtree", "format_"),
    [
        pytest.param("||b.example^\nA.example\n", {"a.example"}, {"b.example"}, "adblock-names", id="hosts alone"),
        pytest.param("||b.example^\na.example # why\n", {"a.example"}, {"b.example"}, "adblock-names", id="remark"),
        pytest.param("|b.example^\na.example\n", {"a.example"}, set(), "adblock-names", id="a host alone"),
        pytest.param(BROWSER + "a.example\n", {"a.example"}, set(), "adblock-names", id="EasyList"),
        pytest.param("! Title: uBlock filters\n" + BROWSER + "a.example\n", set(), {"a.example"}, "adblock", id="uBO"),
        pytest.param("! Title: DNS list\n||b.example^\na.example\n", {"a.example"}, {"b.example"}, "adblock",
                     id="DNS by its title: nothing changes"),
        pytest.param("||b.example^\n1.2.3.4\n@@a.example\n.a.example\na.example^\na.*\n", set(), {"b.example"},
                     "adblock", id="no names"),
        pytest.param("||b.example^\na.example #@#.ad\n", set(), {"b.example"}, "adblock", id="no remark"),
        pytest.param("||b.example^\nco.uk\n", set(), {"b.example"}, "adblock", id="refused"),
    ],
)  # fmt: skip
def test_a_bare_name_of_a_list_that_no_browser_obeys(
    text: str, exact: set[str], subtree: set[str], format_: str
) -> None:
    parsed = parse(text, "t", dns_only=True)
    assert (parsed.exact, parsed.subtree, parsed.format) == (exact, subtree, format_)
    assert not any(rule.text == "a.example" for rule in parsed.rules)
    assert adds_up(parsed)


def test_names_in_a_list_of_hosts() -> None:
    parsed = parse("||a.example^|\n@@||b.example^|\n|c.example^\n||*.d.example^\n||e.example^|$important\n", "t")
    assert (parsed.subtree, parsed.allow_subtree) == ({"a.example"}, {"b.example"})
    assert [(rule.host, rule.scope) for rule in parsed.rules] == [
        ("c.example", Scope.EXACT), ("d.example", Scope.BELOW), ("e.example", Scope.SUBTREE)
    ]  # fmt: skip
    assert parsed.format == "adblock-dns"  # its lines need the list to be understood


def test_line_ends_and_marks() -> None:
    data = b"\xef\xbb\xbf[Adblock Plus 2.0]\r\n||a.example^\r\n\r\n##.ad\r\n/x\0y/z\r\n||b.example^"
    parsed = parse(decode(data), "t")
    assert parsed.subtree == {"a.example", "b.example"}
    assert (parsed.counts.lines, parsed.counts.rules, parsed.counts.nothing) == (6, 3, 2)
    assert [each.code for each in parsed.diagnostics] == ["L213"]


def test_empty() -> None:
    parsed = parse("", "t")
    assert (parsed.counts.lines, parsed.format) == (0, "adblock")


PIECES = st.sampled_from((
    "||", "|", "@@", "^", "*", "$", ",", "~", "=", "/", "##", "#@#", "#?#", "#$#", "#%#", "$$", "[$path=/x]", "]", "!",
    "!#if ", "!#else", "!#endif", "!#include ", "ext_ublock", "&&", "#", "####", "a.example", "B.Example", "com",
    "co.uk", "x.local", "192.0.2.1", "0.0.0.0 ", "shop.*", "b\u00fccher.example", "domain", "script", "3p", "csp",
    "removeparam", "badfilter", "important", "redirect", "popup", "denyallow", "to", "replace", "frobnicate", "/ads/",
    ".ad", ":has-text(x)", "+js(", ")", "{", "}", "(", "\\", "'", '"', " ", "\t", "\u00a0", "\ufffd", "_",
))  # fmt: skip
LINES = st.lists(PIECES, max_size=9).map("".join) | st.text(st.characters(exclude_characters="\n"), max_size=40)


@given(st.lists(LINES, max_size=25), st.booleans())
def test_every_line_is_accounted_for(lines: list[str], dns_only: bool) -> None:
    text = "\n".join(lines)
    parsed = parse(text, "t", dns_only=dns_only)
    assert adds_up(parsed)
    assert parsed.counts.lines == len(lines) - (bool(lines) and not lines[-1])
    assert parsed.counts.refused <= len(parsed.diagnostics)
    assert not any(name != name.lower() or name.endswith(".") for name in parsed.subtree | parsed.exact)


def same_line(parsed: FilterList, text: str) -> None:
    """Every rule of a list is what its line makes by itself, and every name too."""
    lines = text.split("\n")
    first: dict[int, Rule] = {}
    for rule in parsed.rules:
        first.setdefault(rule.origin.line, rule)
    for entry in (*first.values(), *parsed.cosmetics):
        assert parse_line(lines[entry.origin.line - 1], entry.origin) == entry
    for rule in parsed.badfilters:
        cancelled = parse_line(lines[rule.origin.line - 1], rule.origin)
        assert isinstance(cancelled, Cancelled)
        assert rule in cancelled.rules


@given(st.lists(LINES, max_size=25))
def test_a_line_gives_its_rule_again(lines: list[str]) -> None:
    text = "\n".join(lines)
    parsed = parse(text, "t")
    if parsed.format == "adblock":
        same_line(parsed, text)


@needs_corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*.txt.gz")), ids=lambda path: path.name)
def test_corpus(path: Path) -> None:
    text = decode(gzip.decompress(path.read_bytes()))
    parsed = parse(text, path.name)
    assert adds_up(parsed)
    assert parsed.counts.refused * 200 <= parsed.counts.lines or parsed.counts.refused <= 2
    assert parsed.format == "adblock"
    same_line(parsed, text)
    names = {
        found.host
        for number, line in enumerate(text.split("\n"), start=1)
        if line.startswith(("||", "@@||")) and line.endswith("^")
        if isinstance(found := parse_line(line, Origin(path.name, number)), Rule) and found.host
    }
    in_branches = "!#if" in text  # names of a branch that is not read are no names of the list
    columns = parsed.subtree | parsed.allow_subtree
    assert columns - names <= set(text.split("\n"))  # bare names in uBO's dialect
    assert in_branches or columns == names


@needs_corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("easylist/*.txt.gz")), ids=lambda path: path.name)
def test_corpus_has_no_surprises(path: Path) -> None:
    found = [parse_line(line, Origin("t")) for line in decode(gzip.decompress(path.read_bytes())).split("\n")]
    codes = {each.code for each in found if isinstance(each, Diagnostic)}
    assert codes <= {"L104"}  # two .onion names
    assert any(isinstance(each, Cosmetic) for each in found)
