"""The index answers as a scan over all rules does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.match import matches
from blockctl.model.names import covers
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Rule, Scope
from blockctl.model.sorted_names import SortedNames
from tests.model.worlds import filter_lists, names, requests

WORLDS = st.lists(filter_lists, max_size=3)


def scan(lists: list[FilterList], request: Request) -> list[Rule]:
    """Return every rule that matches, the winner first, by trying each."""
    found: list[tuple[int, int, int, Rule]] = []
    for at, parsed in enumerate(lists):
        for effect, exact, subtree in (
            (Effect.BLOCK, parsed.exact, parsed.subtree),
            (Effect.ALLOW, parsed.allow_exact, parsed.allow_subtree),
        ):
            said = 1 if effect is Effect.ALLOW else 2
            if request.host in exact and not request.inline:
                found.append((said, at, -2, Rule(effect, Origin(parsed.file), request.host, request.host, Scope.EXACT)))
            above = [name for name in subtree if covers(name, request.host)]
            if above and not request.inline:
                name = max(above, key=len)
                found.append((said, at, -1, Rule(effect, Origin(parsed.file), name, name)))
        for number, rule in enumerate(parsed.rules):
            if matches(rule, request):
                said = 1 if rule.effect is Effect.ALLOW else 0 if rule.important else 2
                found.append((said, at, number, rule))
    found.sort(key=lambda hit: hit[:3])
    return [rule for *_, rule in found]


@given(WORLDS, st.lists(requests, max_size=5))
def test_the_index_finds_what_a_scan_finds(lists: list[FilterList], asked: list[Request]) -> None:
    index = Index.build(lists)
    for request in asked:
        expected = scan(lists, request)
        assert index.matching(request) == expected
        assert index.verdict(request) == ((expected[0].effect, expected[0]) if expected else None)


@given(WORLDS, st.lists(requests, max_size=5))
def test_a_loaded_index_answers_as_the_built_one(lists: list[FilterList], asked: list[Request]) -> None:
    def read(list_number: int, line: int) -> Rule:
        (rule,) = [rule for rule in lists[list_number].rules if rule.origin.line == line and rule.decides]
        return rule

    built = Index.build(lists)
    loaded = Index.load(built.dump(lists), read)
    for request in asked:
        assert loaded.matching(request) == built.matching(request)
        assert loaded.verdict(request) == built.verdict(request)


@given(WORLDS, names)
def test_naming_keeps_the_rules_about_names(lists: list[FilterList], host: str) -> None:
    request = Request.parse(host, kind=Kind.DOCUMENT)
    assert Index.build(lists).naming(host) == [rule for rule in scan(lists, request) if rule.names_only]


def test_a_slow_regex_is_reported() -> None:
    bad = Rule(Effect.BLOCK, Origin("l", 1), "", pattern=r"example\/(a|aa|a?)+$", regex=True)
    index = Index.build([FilterList("l", "adblock", rules=[bad])])
    assert index.verdict(Request.parse("https://a.example/" + "a" * 200 + "!")) is None
    assert index.slow == [bad]


@given(st.sets(st.from_regex(r"[a-z0-9]{1,3}(\.[a-z]{1,3}){0,2}", fullmatch=True)), st.data())
def test_sorted_names(listed: set[str], data: st.DataObject) -> None:
    packed = SortedNames(SortedNames.pack(listed))
    asked = data.draw(
        st.lists(st.sampled_from(sorted(listed)) | st.text("ab.", max_size=4)) if listed else st.just([""])
    )
    assert [name in packed for name in asked] == [name in listed for name in asked]
