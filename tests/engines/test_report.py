"""The published table says what a ledger says, and a stale one is noticed."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.engines.ledger import PARTS
from tests.engines.report import ASKED_WITH, PUBLISHED, README, stale, summed, table

LINES = [
    {"engine": "dnsmasq", "part": "names", "questions": 5, "agreed": 5, "gaps": {}, "seed": None, "seconds": 1},
    {"engine": "unbound", "part": "worlds", "questions": 20_000, "agreed": 19_997, "gaps": {"apart": 3}, "seed": 2,
     "seconds": 1},
    {"engine": "unbound", "part": "worlds", "questions": 10, "agreed": 9, "gaps": {"apart": 1}, "seed": 1,
     "seconds": 2},
]  # fmt: skip
TRAFFIC = {
    "lists": "a list", "requests": 1000, "backends": {
        "unbound": {"rules": 9, "gaps": 3, "requests": 25, "reasons": {"path": {"rules": 2, "requests": 25},
                                                                      "page": {"rules": 1, "requests": 0}}},
        "rpz": {"rules": 9, "gaps": 3, "requests": 25, "reasons": {"path": {"rules": 2, "requests": 25}}},
        "ublock": {"rules": 9, "gaps": 0, "requests": 0, "reasons": {}},
    },
}  # fmt: skip


def report() -> dict[str, Any]:
    return {"version": 1, "date": "2026-11-21", "engines": summed(LINES), "traffic": TRAFFIC}


def test_lines_of_one_engine_and_part_are_added_up() -> None:
    first, second = summed(LINES)
    assert (first["engine"], first["part"], first["questions"], first["agreed"]) == (
        "unbound",
        "worlds",
        20_010,
        20_006,
    )
    assert (first["gaps"], first["seeds"], first["seconds"]) == ({"apart": 4}, [1, 2], 3)
    assert (second["engine"], second["seeds"]) == ("dnsmasq", [])
    assert summed(LINES[::-1]) == summed(LINES)


def test_the_table() -> None:
    lines = table(report()).splitlines()
    (first,) = (line for line in lines if line.startswith("| Unbound, local-zone"))
    assert first.endswith("| generated policies | 20,010 | 20,006 | 4 `apart` |")
    assert "| `unbound`, `rpz` | 3 of 9 | 2.50 % | 2.50 % `path` |" in lines
    assert "| `ublock` | 0 of 9 | 0.00 % | none |" in lines


def test_a_table_that_says_the_same_is_not_stale() -> None:
    other = deepcopy(report())
    other["engines"][0]["questions"] += 7
    other["engines"][0]["agreed"] += 7
    assert stale(report(), other) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda rows: rows.pop(), "measured, but not published: dnsmasq, names", id="a row is missing"),
        pytest.param(
            lambda rows: rows.append({**rows[0], "engine": "bind"}), "not measured: bind", id="a row too many"
        ),
        pytest.param(lambda rows: rows[0]["gaps"].clear(), "gaps that are not published: apart", id="a gap is new"),
    ],
)
def test_a_stale_table_is_noticed(change: Any, said: str) -> None:
    published = deepcopy(report())
    change(published["engines"])
    (fault,) = stale(report(), published)
    assert said in fault


def test_without_the_corpus_fewer_parts_are_measured() -> None:
    measured = {**report(), "engines": summed(LINES[1:]), "traffic": {}}
    assert stale(measured, report()) == []


def test_too_few_questions_are_noticed() -> None:
    few = {"version": 1, "engines": summed(LINES[2:]), "traffic": {}}
    (fault,) = stale(few, few)
    assert "unbound: 10 questions of generated worlds" in fault


def test_what_is_published_is_in_the_readme() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert set(ASKED_WITH) == set(PARTS)
    if published["engines"]:
        assert table(published) in README.read_text(encoding="utf-8")
