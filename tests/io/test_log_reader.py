"""The query log is read while it is written: filters, rankings, what comes anew, and files that are none."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blockctl.dns.exchange import Client, Outcome, Reason, Transport
from blockctl.io import log_reader
from blockctl.io.log_reader import Logged, LogReader, Wanted, follow, open_log
from blockctl.io.log_store import LogStore
from blockctl.io.query_log import QueryLog, log_path
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin, WorldError
from blockctl.model.policy import Resolver
from blockctl.model.rule import Effect, Rule
from tests.io.test_query_log import query

NOW = 1_795_000_000.0


def blocked_by(file: str, line: int) -> Reason:
    return Reason(Step.LIST_BLOCK, Rule(Effect.BLOCK, Origin(file, line), "x"), "x")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    log = QueryLog(
        log_path(tmp_path), Resolver(), group_of=lambda client: "kids" if client.address == "10.0.0.2" else ""
    )
    for at, (client, name, outcome, reason) in enumerate(
        [
            (Client("10.0.0.1"), "www.example", Outcome.FORWARDED, None),
            (Client("10.0.0.1"), "WWW.example", Outcome.CACHED, None),
            (Client("10.0.0.2"), "ads.example", Outcome.BLOCKED, blocked_by("one", 3)),
            (Client("10.0.0.2"), "ads.example", Outcome.BLOCKED, blocked_by("one", 4)),
            (Client("::1", Transport.DOH, "phone"), "pixel.example", Outcome.BLOCKED, blocked_by("two", 1)),
            (Client("::1", Transport.DOH, "phone"), "100%_x.example", Outcome.FAILED, None),
        ]
    ):
        log.note(float(at), client, query(name), outcome, 0, reason)
    log.turn(NOW, 10.0)  # so that the first row is of NOW - 10
    return tmp_path


@pytest.fixture
def reader(state: Path) -> Iterator[LogReader]:
    reader = open_log(log_path(state))
    assert reader is not None
    with reader:
        yield reader


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param(Wanted(), [1, 2, 3, 4, 5, 6], id="all"),
        pytest.param(Wanted(name="www"), [1, 2], id="part of the name"),
        pytest.param(Wanted(name="WWW.ex"), [1, 2], id="part in capitals"),
        pytest.param(Wanted(name="%"), [], id="no wildcards: a percent sign is spelled in numbers"),
        pytest.param(Wanted(name="_"), [6], id="an underscore is itself"),
        pytest.param(Wanted(client="10.0.0.1"), [1, 2], id="address"),
        pytest.param(Wanted(client="phone"), [5, 6], id="device"),
        pytest.param(Wanted(client="kids"), [3, 4], id="group"),
        pytest.param(Wanted(client=""), [1, 2, 3, 4, 5, 6], id="nobody named"),
        pytest.param(Wanted(outcomes=(Outcome.BLOCKED,)), [3, 4, 5], id="blocked"),
        pytest.param(Wanted(outcomes=(Outcome.CACHED, Outcome.FAILED)), [2, 6], id="two outcomes"),
        pytest.param(Wanted(since=NOW - 7), [4, 5, 6], id="since"),
        pytest.param(Wanted("ads", "kids", (Outcome.BLOCKED,), NOW - 7), [4], id="all at once"),
    ],
)
def test_what_is_wanted(reader: LogReader, wanted: Wanted, numbers: list[int]) -> None:
    assert [row.number for row in reader.newest(wanted, 100)] == numbers
    assert [row.number for row in reader.newest(wanted, 2)] == numbers[-2:]
    assert [row.number for row in reader.after(wanted, 3)] == [number for number in numbers if number > 3]


def test_who_leads(reader: LogReader) -> None:
    assert reader.tops(NOW - 100, 10) == {
        "names": [("www.example", 2), ("100\\037_x.example", 1)],
        "blocked": [("ads.example", 2), ("pixel.example", 1)],
        "clients": [("10.0.0.1", 2), ("10.0.0.2", 2), ("phone", 2)],
        "lists": [("one", 2), ("two", 1)],
    }
    assert reader.tops(NOW - 6, 1)["blocked"] == [("pixel.example", 1)]
    assert reader.tops(NOW, 1) == {"names": [], "blocked": [], "clients": [], "lists": []}


def test_there_is_none_yet(tmp_path: Path) -> None:
    assert open_log(log_path(tmp_path)) is None
    log_path(tmp_path).parent.mkdir()
    log_path(tmp_path).touch()
    assert open_log(log_path(tmp_path)) is None


@pytest.mark.parametrize("data", [b"this is none" * 1000, b"SQLite format 3\0" + b"\xff" * 4080])
def test_what_is_no_log_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(data)
    with pytest.raises(WorldError, match=r"x\.db"):
        open_log(path)


def test_another_database_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    sql = sqlite3.connect(path)
    sql.execute("CREATE TABLE t (x)")
    sql.close()
    with pytest.raises(WorldError, match="not a query log"):
        open_log(path)


def test_a_log_that_is_made_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.touch()

    class Slow(sqlite3.Connection):
        asked = 0

        def execute(self, *words: Any) -> sqlite3.Cursor:
            self.asked += 1
            if self.asked == 2:
                LogStore(path).close()
            return super().execute(*words)

    connect = sqlite3.connect
    monkeypatch.setattr(
        log_reader.sqlite3,
        "connect",
        lambda where, **how: connect(where, **how, **({"factory": Slow} if how.get("uri") else {})),
    )
    reader = open_log(path)
    assert reader is not None
    with reader:
        assert reader.last() == 0


def test_following_sees_what_comes_and_a_file_put_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "LOOK", 0.005)
    path = log_path(tmp_path)
    seen: list[Logged] = []

    def watch() -> None:
        for rows in follow(path, Wanted(name="wanted"), None):
            seen.extend(rows)
            if seen[-1].name.startswith("last"):
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    log = QueryLog(path, Resolver())
    expected = []

    def say(name: str) -> None:
        log.note(1.0, Client("::1"), query("other.example"), Outcome.CACHED, 0)
        log.note(1.0, Client("::1"), query(name), Outcome.CACHED, 0)
        log.note(1.0, Client("::1"), query("other.example"), Outcome.CACHED, 0)
        log.turn(NOW, 2.0)
        expected.append(name)
        end = time.monotonic() + 20
        while len(seen) < len(expected) and time.monotonic() < end:
            time.sleep(0.005)

    for name in ("one.wanted", "two.wanted", "three.wanted"):
        say(name)
    for each in path.parent.iterdir():
        each.unlink()
    for name in ("four.wanted", "last.wanted"):
        say(name)
    watching.join(20)
    assert [row.name for row in seen] == expected


def test_following_begins_behind_a_row(state: Path) -> None:
    assert [row.number for row in next(follow(log_path(state), Wanted(), 4))] == [5, 6]
