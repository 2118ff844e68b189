"""`blockctl tidy` on a policy with lists, a query log and habits."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from blockctl.dns.figures import Figures
from blockctl.io.log_rows import Row
from blockctl.io.log_store import LogStore
from blockctl.io.query_log import log_path
from blockctl.io.temporary import noted
from tests.cli.run import Run, runner

POLICY = """\
version: 1
sites:
  # a site of last year
  old.example: {javascript: deny}
  news.example:
    allow:
      - ads.example       # breaks the videos
      - free.example      # once it was listed
hosts:
  allow:
    - part.example
    - {host: gone.example, until: 2020-01-01T00:00:00Z}
lists:
  - {name: mine, path: list.txt}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "list.txt").write_text("||ads.example^\n||x.part.example^$script\n0.0.0.0 unrelated.example\n")
    return runner(tmp_path, monkeypatch, capfd)


def asked(folder: Path, name: str, days: float) -> None:
    at = int((time.time() - days * 86_400) * 1000)
    store = LogStore(log_path(folder / "state"))
    store.write(
        [Row(at, ("127.0.0.1", "", "", "udp"), name, 1, 0, 0, 9, None, None, None, None)], Figures(), at // 1000
    )
    store.close()


def test_each_finding_has_its_line_and_reason(run: Run) -> None:
    done = run("tidy")
    assert done.status == 1
    assert "policy.yaml:8:9: idle: sites: news.example: allow: free.example: no list blocks it" in done.out
    assert "policy.yaml:12:7: lapsed: hosts: allow: gone.example" in done.out
    assert "part.example" not in done.out, "a list blocks something below it"
    assert "the resolver has logged no query" in done.out


def test_what_can_go_is_removed_and_the_rest_keeps_its_comments(tmp_path: Path, run: Run) -> None:
    done = run("tidy", "--remove")
    assert done.status == 0
    assert "--remove --only idle" in done.out
    text = POLICY.replace("    - {host: gone.example, until: 2020-01-01T00:00:00Z}\n", "")
    assert (tmp_path / "policy.yaml").read_text() == text, "what somebody has to judge stays"
    assert run("tidy", "--remove", "--only", "idle").status == 0
    text = text.replace("      - free.example      # once it was listed\n", "")
    assert (tmp_path / "policy.yaml").read_text() == text
    done = run("tidy")
    assert (done.status, "nothing can go" in done.out) == (0, True)


def test_only_one_kind_is_removed(tmp_path: Path, run: Run) -> None:
    assert run("tidy", "--remove", "--only", "lapsed").status == 0
    text = (tmp_path / "policy.yaml").read_text()
    assert "free.example" in text
    assert "gone.example" not in text


def test_sites_that_nobody_visited_go_only_when_named(tmp_path: Path, run: Run) -> None:
    asked(tmp_path, "www.news.example", 80)
    asked(tmp_path, "www.news.example", 2)
    done = run("tidy", "--remove")
    assert "policy.yaml:4:3: unvisited: sites: old.example: nobody asked the resolver for it in 60 days" in done.out
    assert "visits: known since" in done.out
    assert "old.example" in (tmp_path / "policy.yaml").read_text()
    assert run("tidy", "--remove", "--only", "unvisited").status == 0
    text = (tmp_path / "policy.yaml").read_text()
    assert "old.example" not in text
    assert "news.example" in text
    assert "unvisited" not in run("tidy", "--unvisited", "90d").out, "the log does not reach back that far"


def test_a_habit_is_suggested_for_good(tmp_path: Path, run: Run) -> None:
    for _ in range(3):
        assert run("allow", "ads.example", "--for", "1h").status == 0
        assert run("forget", "ads.example").status == 0
    assert len(noted(tmp_path / "state")) == 3
    found = json.loads(run("tidy", "--json").out)["findings"]
    assert [each["command"] for each in found if each["kind"] == "again"] == ["blockctl allow ads.example"]


def test_a_list_that_is_not_here_calls_nothing_idle(tmp_path: Path, run: Run) -> None:
    (tmp_path / "list.txt").unlink()
    done = run("tidy")
    assert "idle" not in done.out
    assert "not all lists are here" in done.err


@pytest.mark.parametrize("words", [("--only", "idel"), ("--unvisited", "soon")])
def test_what_is_typed_wrongly_is_told(run: Run, words: tuple[str, str]) -> None:
    assert run("tidy", *words).status == 2


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path, run: Run) -> None:
    path = log_path(tmp_path / "state")
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as sql:
        sql.execute("CREATE TABLE other (x)")
    assert run("tidy").status == 3
