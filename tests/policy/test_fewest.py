"""The fewest things that make a test pass are found, in few tests where the world is monotone."""

from __future__ import annotations

from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.policy.fewest import fewest

THINGS = [f"h{number}" for number in range(32)]


@pytest.mark.parametrize("needed", [[], ["h0"], ["h31"], ["h3", "h17"], ["h0", "h1", "h2", "h30"], THINGS])
def test_what_is_needed_together_is_found_in_few_tests(needed: list[str]) -> None:
    asked = []

    def works(chosen: tuple[str, ...]) -> bool:
        asked.append(chosen)
        return bool(needed) and set(needed) <= set(chosen)

    assert fewest(THINGS, works) == (tuple(needed) or None)
    assert len(asked) == len(set(asked)), "no set is tried twice"
    if len(needed) < len(THINGS):
        assert len(asked) <= 1 + len(needed) * (ceil(log2(len(THINGS))) + 3)


def test_of_two_that_would_do_the_likelier_one_is_found() -> None:
    assert fewest(THINGS, lambda chosen: bool({"h4", "h9"} & set(chosen))) == ("h4",)


def test_nothing_helps() -> None:
    assert fewest(THINGS, lambda _: False) is None
    assert fewest([], lambda _: True) is None


def test_one_that_spoils_it_is_left_out() -> None:
    """With h2 allowed it works only together with h3: no run from the first on tells."""

    def works(chosen: tuple[str, ...]) -> bool:
        return "h5" in chosen and ("h2" not in chosen or "h3" in chosen)

    assert fewest(THINGS[:8], works) == ("h5",)


@given(st.lists(st.frozensets(st.sampled_from(THINGS[:7]), min_size=1), min_size=1, max_size=4))
def test_in_monotone_worlds_what_is_found_is_enough_and_nothing_of_it_too_much(ways: list[frozenset[str]]) -> None:
    def works(chosen: tuple[str, ...]) -> bool:
        return any(way <= set(chosen) for way in ways)

    found = fewest(THINGS[:7], works)
    assert found is not None
    assert works(found)
    assert not any(works(less) for size in range(len(found)) for less in combinations(found, size))


@given(st.sets(st.frozensets(st.sampled_from(THINGS[:5])), max_size=20))
def test_in_any_world_what_is_found_works_and_leaves_out_what_can_be(world: set[frozenset[str]]) -> None:
    full = frozenset(THINGS[:5])
    world = (world | {full}) - {frozenset()}

    def works(chosen: tuple[str, ...]) -> bool:
        return frozenset(chosen) in world

    found = fewest(THINGS[:5], works)
    assert found is not None
    assert works(found)
    assert not any(works(tuple(each for each in found if each != one)) for one in found)
