"""When rules files have to be made again."""

from __future__ import annotations

import pytest

from blockctl.io.live import wanted
from blockctl.model.policy import ListSource
from tests.model.say import ORIGIN, policy


@pytest.mark.parametrize(
    ("said", "again"),
    [
        pytest.param({"browser": False}, True, id="no browser obeys it: its lines mean something else"),
        pytest.param({"dns": False}, True, id="not for DNS"),
        pytest.param({"match": "exact"}, True, id="names mean something else"),
        pytest.param({"name": "mine"}, False, id="as before"),
    ],
)
def test_a_list_of_which_the_policy_says_something_else(said: dict[str, object], again: bool) -> None:
    before = ListSource("mine", ORIGIN, path="l.txt")
    after = ListSource(**{"name": "mine", "origin": ORIGIN, "path": "l.txt", **said})  # type: ignore[arg-type]
    assert (wanted(policy(lists=(before,))) != wanted(policy(lists=(after,)))) is again
