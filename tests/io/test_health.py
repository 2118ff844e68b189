"""What `doctor` says of lists: the command it names is the one that mends it with the least harm."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blockctl.io.health import _list, _policy
from blockctl.io.history import Held, History, Past
from blockctl.io.lock import Version
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.policy import ListSource, Policy

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SOURCE = ListSource("easy", Origin("policy.yaml", 3), url="https://lists.example/easy.txt")
VERSION = Version("0" * 64, "", 1, 1, 86_400)


@pytest.mark.parametrize(
    ("hold", "lines", "mend"),
    [
        pytest.param({"kind": "essential"}, ["||apple.com^"], "blockctl sync easy --leave-out", id="all but the lines"),
        pytest.param({"kind": "shrank"}, [], "blockctl sync easy --force", id="only whole"),
        pytest.param({"kind": "no-list"}, [], "", id="nobody can accept it"),
    ],
)
def test_a_held_list(tmp_path: Path, hold: dict[str, Any], lines: list[str], mend: str) -> None:
    past = Past(held=Held(VERSION, "", [{"message": "it blocks x", **hold}], lines))
    history = History({SOURCE.url: past})
    (check,) = _list(SOURCE, {}, history, Shelf(tmp_path), NOW)
    assert (check.text, check.mend) == ("an update of easy is held: it blocks x", mend)


def test_an_error_of_the_policy_is_told_in_one_line() -> None:
    fault = Diagnostic("P006", Origin("p", 4, 15), "no key 'javasript'", "did you mean `javascript`?")
    (check,) = _policy(Policy(file="p"), [fault], NOW)
    assert check.text == "1 error, the first: p:4:15: P006 no key 'javasript'"


def test_a_pause_is_told() -> None:
    assert [each.what for each in _policy(Policy(file="p", paused=True), [], NOW)] == ["policy", "pause"]
    assert [each.text for each in _policy(Policy(file="p"), [], NOW)] == ["0 sites, 0 hosts, no fault"]
