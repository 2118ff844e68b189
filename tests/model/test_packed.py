"""Names as packed text: found among many, by hashing or by halving."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from blockctl.model.hostset import HostSet, order
from blockctl.model.packed import common
from blockctl.model.reduce import Reducer

KEYS = st.sets(st.text("abc.", min_size=1, max_size=4), max_size=60)


@given(KEYS, KEYS)
def test_what_both_have_is_found_however_few_are_asked(many: set[str], few: set[str]) -> None:
    for asked in (few, set(sorted(few)[:2])):
        assert common(sorted(many), frozenset(asked)) == many & asked


def test_columns_are_counted() -> None:
    names = HostSet(b"a.example\nb.example\n")
    assert [names.count("block_exact"), names.count("block_subtree"), names.count("block_exact")] == [2, 0, 2]


def test_the_longest_name_is_known() -> None:
    reducer = Reducer([order("aa.example")], [order("longest.example")])
    assert reducer.reduce().longest == len("longest.example")
