"""`fidelity` as a person and a program read it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from blockctl.dns.exchange import Client, Outcome
from blockctl.io.published import published
from blockctl.io.query_log import QueryLog, log_path
from blockctl.model.policy import Resolver
from tests.cli.run import Run, runner
from tests.io.test_query_log import query

POLICY = """\
version: 1
sites:
  rant.example: {javascript: deny}
lists:
  - {name: web, path: web.txt, format: adblock}
targets:
  safari: {path: out/safari}
  ublock: {path: out/ublock.txt}
  unbound: {path: out/unbound.conf}
  dnsmasq: {path: out/dnsmasq.conf}
  names: {path: out/names.txt, backend: domains}
"""
LIST = """\
||ads.example^
||cdn.example^$third-party
||shop.example/ads/
@@||ads.example/allowed$script
/look(?!ahead)/$image
"""
REQUESTS = (
    {"url": "https://ads.example/a.js", "page": "https://news.example/", "kind": "script"},
    {"url": "https://cdn.example/a.js", "page": "https://news.example/", "kind": "script"},
    {"url": "https://cdn.example/b.js", "page": "https://www.cdn.example/", "kind": "script"},
    {"url": "https://shop.example/ads/1", "page": "https://shop.example/", "kind": "image"},
    {"url": "https://ads.example/allowed", "page": "https://news.example/", "kind": "script"},
    {"url": "https://free.example/look", "page": "https://free.example/", "kind": "image"},
    {"url": "https://rant.example/a.js", "page": "https://rant.example/", "kind": "script"},
    {"url": "https://free.example/", "kind": "document"},
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "web.txt").write_text(LIST)
    (tmp_path / "requests.jsonl").write_text("".join(json.dumps(each) + "\n" for each in REQUESTS))
    return runner(tmp_path, monkeypatch, capfd)


def targets(run: Run, *words: str) -> dict[str, dict[str, object]]:
    result = run("fidelity", "--json", *words)
    assert result.status == 0, result.err
    found: dict[str, dict[str, object]] = json.loads(result.out)["targets"]
    return found


def concerned(target: dict[str, object]) -> dict[str, int]:
    reasons = target["reasons"]
    assert isinstance(reasons, list)
    return {each["reason"]: each["concerns"] for each in reasons if each["concerns"]}


def test_the_share_of_requests(run: Run, tmp_path: Path) -> None:
    found = targets(run, "--requests", str(tmp_path / "requests.jsonl"))
    assert list(found) == ["safari", "ublock", "unbound", "dnsmasq", "names"]
    # cdn.example by party, shop.example by path, the exception, the expression, the script of rant.example
    assert concerned(found["unbound"]) == {"party": 1, "path": 2, "regex": 1, "javascript": 1}
    assert found["unbound"]["share"] == 5 / 8
    assert concerned(found["safari"]) == {"regex": 1, "inline": 1}
    assert concerned(found["ublock"]) == {}


def test_a_rule_of_the_gap_is_named(run: Run, tmp_path: Path) -> None:
    found = targets(run, "unbound", "--requests", str(tmp_path / "requests.jsonl"))
    assert list(found) == ["unbound"]
    reasons = {each["reason"]: each["rule"] for each in found["unbound"]["reasons"]}  # type: ignore[attr-defined]
    assert reasons["party"] == {"place": "web.txt:2", "text": "||cdn.example^$third-party"}


def test_names_of_the_query_log(run: Run, tmp_path: Path) -> None:
    log = QueryLog(log_path(tmp_path / "state"), Resolver())
    for name, outcome in (
        ("x.ads.example", Outcome.BLOCKED),
        ("cdn.example", Outcome.CACHED),
        ("ok.example", Outcome.CACHED),
    ):
        log.note(9.0, Client("10.0.0.1"), query(name), outcome, 0, None)
    log.turn(time.time(), 10.0)
    found = json.loads(run("fidelity", "--json", "unbound").out)
    assert found["traffic"] == {"source": "the query log", "requests": 0, "queries": 3}
    # an exception may be lost at x.ads.example, the block of third parties at cdn.example
    assert concerned(found["targets"]["unbound"]) == {"path": 1, "party": 1}
    text = run("fidelity", "unbound").out
    assert "at most 66.67 %" in text


def test_without_traffic(run: Run) -> None:
    result = run("fidelity")
    assert result.status == 0
    assert "--requests FILE.har" in result.out
    assert "unbound, dnsmasq: 5 gaps in 5 rules" in result.out
    assert "traffic  " not in result.out
    assert all(each["share"] is None for each in targets(run)["safari"]["reasons"])  # type: ignore[attr-defined]


def test_in_words(run: Run, tmp_path: Path) -> None:
    text = run("fidelity", "--requests", str(tmp_path / "requests.jsonl")).out
    assert f"measured {published()['date']}" in text
    assert "unbound, dnsmasq: 5 gaps in 5 rules; they concern 62.50 % of the traffic" in text
    assert "web.txt:2  ||cdn.example^$third-party" in text
    assert max(map(len, text.splitlines())) <= 120


def test_strict(run: Run) -> None:
    assert run("fidelity", "--strict").status == 1
    assert run("fidelity", "ublock", "--strict").status == 0


def test_without_a_policy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").unlink()
    result = run("fidelity")
    assert (result.status, result.err) == (0, "")
    assert "`blockctl init`" in result.out
    assert json.loads(run("fidelity", "--json").out)["targets"] == {}
    assert run("fidelity", "unbound").status == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("nowhere",), "no target 'nowhere'", id="target"),
        pytest.param(("--requests", "absent.jsonl"), "absent.jsonl", id="no file"),
        pytest.param(("--requests", "empty.jsonl"), "has no requests", id="no requests"),
        pytest.param(("--requests", "folder.jsonl"), "Is a directory", id="a folder"),
    ],
)
def test_what_is_wrong_is_told(run: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty.jsonl").write_text("not json\n")
    (tmp_path / "folder.jsonl").mkdir()
    words = tuple(str(tmp_path / word) if word.endswith("jsonl") else word for word in words)
    result = run("fidelity", *words)
    assert result.status == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_file_in_utf_16(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(path.read_text(), encoding="utf-16")
    assert concerned(targets(run, "safari", "--requests", str(path))["safari"]) == {"regex": 1, "inline": 1}


def test_lines_that_are_no_requests_are_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(path.read_text() + "no request\n")
    result = run("fidelity", "--requests", str(path))
    assert result.status == 0
    assert f"{path}:{len(REQUESTS) + 1}: R001" in result.err


def test_the_published_table_is_whole() -> None:
    table = published()
    assert {"version", "date", "engines", "traffic"} <= set(table)
    for row in table["engines"]:
        assert row["questions"] == row["agreed"] + sum(row["gaps"].values())
