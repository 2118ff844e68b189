"""What lists say together, reduced: no verdict changes, and no entry is left that another covers."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet, insert, order, order_after, position, text_of
from blockctl.model.names import covers, parents
from blockctl.model.packed import has_name, keys_of, merge, name_of, names_of, pack, without_name
from blockctl.model.rule import Effect, Rule, Scope
from tests.backends.dns_worlds import ORIGIN, World, names_below, world

COLUMNS = ("block_exact", "block_subtree", "block_below", "allow_exact", "allow_subtree", "allow_below")


def raw_blocked(lists: Sequence[FilterList], host: str) -> bool:
    """Say what the rules as written say, one after the other: important blocks, exceptions, blocks."""
    columns = (
        ("exact", Effect.BLOCK, Scope.EXACT),
        ("subtree", Effect.BLOCK, Scope.SUBTREE),
        ("allow_exact", Effect.ALLOW, Scope.EXACT),
        ("allow_subtree", Effect.ALLOW, Scope.SUBTREE),
    )
    rules = [rule for parsed in lists for rule in parsed.rules]
    for column, effect, scope in columns:
        rules += [
            Rule(effect, ORIGIN, "", host=name, scope=scope) for parsed in lists for name in getattr(parsed, column)
        ]
    speaking = [rule for rule in rules if speaks(rule, host)]
    if any(rule.important and rule.effect is Effect.BLOCK for rule in speaking):
        return True
    return bool(speaking) and all(rule.effect is Effect.BLOCK for rule in speaking)


def speaks(rule: Rule, host: str) -> bool:
    if any(covers(hole, host) for hole in rule.not_to):
        return False
    if rule.scope is Scope.EXACT:
        return host == rule.host
    return covers(rule.host, host) and not (rule.scope is Scope.BELOW and host == rule.host)


def entries(names: HostSet) -> dict[str, str]:
    return {name: column for column in COLUMNS for name in getattr(names, column).decode().split()}


@given(st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_no_verdict_changes(random: Random) -> None:
    made = world(random, policy=False)
    names = made.settled()
    for host in made.names:
        assert (names.verdict(host) is Effect.BLOCK) == raw_blocked(made.lists, host), host


@given(st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_no_entry_is_left_that_another_covers(random: Random) -> None:
    """Walk up from each entry: the first that speaks of what is below it says the opposite."""
    names = world(random, policy=False).settled()
    found = entries(names)
    for name, column in found.items():
        above = (found[parent] for parent in parents(name) if parent != name and parent in found)
        inherited = next((said.partition("_")[0] for said in above if not said.endswith("_exact")), "allow")
        assert column.partition("_")[0] != inherited, name


@given(st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_columns_are_sorted_and_the_covered_are_listed_and_blocked(random: Random) -> None:
    made = world(random, policy=False)
    names = made.settled()
    listed = {name for parsed in made.lists for name in parsed.exact | parsed.subtree}
    listed |= {rule.host for parsed in made.lists for rule in parsed.rules if rule.effect is Effect.BLOCK}
    for column in (*COLUMNS, "covered"):
        text = getattr(names, column)
        assert text == text_of(sorted(map(order, set(text.decode().split()))))
    written = set((names.block_exact + names.block_subtree).decode().split())
    covered = set(names.covered.decode().split())
    assert covered.isdisjoint(written)
    assert {name for name in listed if raw_blocked(made.lists, name)} == (written & listed) | covered


@pytest.mark.parametrize(
    ("exact", "subtree", "expected"),
    [
        pytest.param({"a.y.test"}, {"y.test"}, {"y.test": "block_subtree"}, id="exact below subtree goes"),
        pytest.param({"y.test"}, {"y.test"}, {"y.test": "block_subtree"}, id="exact at subtree goes"),
        pytest.param(set(), {"a.y.test", "y.test"}, {"y.test": "block_subtree"}, id="subtree below subtree goes"),
        pytest.param(
            {"y.test"},
            {"a.y.test"},
            {"y.test": "block_exact", "a.y.test": "block_subtree"},
            id="subtree below exact stays",
        ),
        pytest.param(
            {"a.y.test", "y-x.test"},
            {"y.test", "x.y.test"},
            {"y.test": "block_subtree", "y-x.test": "block_exact"},
            id="a hyphen sorts before a dot",
        ),
        pytest.param({"xy.test"}, {"y.test"}, {"y.test": "block_subtree", "xy.test": "block_exact"}, id="whole labels"),
    ],
)
def test_plain_blocks(exact: set[str], subtree: set[str], expected: dict[str, str]) -> None:
    lists = [FilterList("one", "hosts", exact=exact), FilterList("two", "adblock", subtree=subtree)]
    assert entries(World(lists).settled()) == expected


def test_an_exception_beats_a_deeper_block_and_an_important_block_beats_it() -> None:
    parsed = FilterList("list", "adblock", subtree={"y.test", "a.b.y.test"}, allow_subtree={"b.y.test"})
    parsed.rules = [Rule(Effect.BLOCK, ORIGIN, "", host="c.b.y.test", important=True)]
    names = World([parsed]).settled()
    assert entries(names) == {
        "y.test": "block_subtree",
        "b.y.test": "allow_subtree",
        "c.b.y.test": "block_subtree",
    }


def test_a_hole_is_no_exception() -> None:
    """`$denyallow` only says of what one rule does not speak; another list's block below it stands."""
    rule = Rule(Effect.BLOCK, ORIGIN, "", host="y.test", not_to=("ok.y.test",))
    lists = [FilterList("one", "adblock", rules=[rule]), FilterList("two", "hosts", exact={"ads.ok.y.test"})]
    names = World(lists).settled()
    verdicts = {host: names.verdict(host) for host in ("y.test", "ok.y.test", "x.ok.y.test", "ads.ok.y.test")}
    block, allow = Effect.BLOCK, Effect.ALLOW
    assert verdicts == {"y.test": block, "ok.y.test": allow, "x.ok.y.test": allow, "ads.ok.y.test": block}


@given(st.sets(st.sampled_from(names_below("w.test"))), st.sampled_from(names_below("w.test")))
def test_texts_of_names(names: set[str], wanted: str) -> None:
    text = text_of(sorted(map(order, names)))
    assert text == b"".join(f"{name}\n".encode() for name in sorted(names, key=order))
    low, high = position(memoryview(text), order(wanted)), position(memoryview(text), order_after(wanted))
    assert set(text[low:high].decode().split()) == {name for name in names if covers(wanted, name)}
    assert insert(text, {wanted} - names) == text_of(sorted(map(order, names | {wanted})))


@given(st.sets(st.sampled_from(names_below("w.test"))), st.sampled_from(names_below("w.test")))
def test_packed_names(names: set[str], wanted: str) -> None:
    packed = pack([*names, *names])
    assert keys_of(packed) == sorted(map(order, names))
    assert list(map(name_of, keys_of(packed))) == sorted(names, key=order)
    assert set(names_of(packed)) == names
    assert has_name(packed, wanted) == (wanted in names)
    assert merge(packed, pack([wanted])) == pack(names | {wanted})
    assert without_name(packed, wanted) == pack(names - {wanted})
