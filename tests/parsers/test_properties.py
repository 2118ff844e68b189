"""What holds for every text: lines are accounted for, and the text answers about a name as the columns do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.model.filterlist import FilterList
from blockctl.model.names import is_public_suffix, is_special_use, normalize_host, parents
from blockctl.model.rule import Effect, Scope
from blockctl.parsers import PARSERS, decode, find, parse
from blockctl.parsers.bulk import NOTHING, take
from tests.parsers.lists import NAMES, texts

FORMATS = ["hosts", "domains", "dnsmasq", "unbound", "rpz"]


def says(parsed: FilterList, effect: Effect, host: str) -> bool:
    """Whether a list speaks of a name, by its columns and rules."""
    exact, subtree = (
        (parsed.exact, parsed.subtree) if effect is Effect.BLOCK else (parsed.allow_exact, parsed.allow_subtree)
    )
    below = {rule.host for rule in parsed.rules if rule.effect is effect and rule.scope is Scope.BELOW}
    above = list(parents(host))
    return host in exact or any(name in subtree for name in above) or any(name in below for name in above[1:])


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
def test_every_line_is_accounted_for(format_: str, data: st.DataObject) -> None:
    text = data.draw(texts(format_))
    parsed = PARSERS[format_](text, "t")
    counts = parsed.counts
    assert counts.rules + counts.nothing + counts.refused == counts.lines
    assert counts.lines == text.count("\n") + (not text.endswith("\n") and text != "")
    assert counts.refused <= len(parsed.diagnostics)
    assert all(1 <= each.origin.line <= counts.lines for each in parsed.diagnostics)
    assert parsed == PARSERS[format_](text, "t")


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
def test_no_list_blocks_what_nobody_owns(format_: str, data: st.DataObject) -> None:
    parsed = PARSERS[format_](data.draw(texts(format_)), "t")
    names = (
        parsed.exact | parsed.subtree | parsed.allow_exact | parsed.allow_subtree | {each.host for each in parsed.rules}
    )
    assert not [name for name in names if is_public_suffix(name) or is_special_use(name) or name != name.lower()]


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
def test_the_fast_path_reads_as_the_careful_one(format_: str, data: st.DataObject) -> None:
    text = data.draw(texts(format_))
    fast = PARSERS[format_](text, "t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blockctl.parsers.lines.take", lambda text, shape: take(text, NOTHING))
        slow = PARSERS[format_](text, "t")
    assert fast == slow


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("match", ["", "subtree", "exact"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_find_agrees_with_the_columns(format_: str, match: str, data: st.DataObject) -> None:
    text = data.draw(texts(format_)).encode()
    parsed = parse(text, "t", format_, match)
    if not parsed.format:
        return
    hosts = [host for name in data.draw(st.lists(NAMES, max_size=4)) if (host := normalize_host(name))]
    hosts += sorted(parsed.exact | parsed.subtree | parsed.allow_exact)[:4]
    lines = decode(text).split("\n")
    for host in [*hosts, *(f"deep.{host}" for host in hosts)]:
        found = find(text, "t", host, format=format_, match=match)
        for effect in Effect:
            assert any(rule.effect is effect for rule in found) == says(parsed, effect, host)
        if format_ != "rpz":
            assert all(lines[rule.origin.line - 1].strip() == rule.text for rule in found)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    parsed = parse(data, "t", "domains")
    assert parsed.counts.rules + parsed.counts.nothing + parsed.counts.refused == parsed.counts.lines
    assert parsed.format or len(parsed.diagnostics) == 1
    assert isinstance(find(data, "t", "a.example", format="domains"), list)
