"""The query log: rows come out as they went in, figures are exact, and nothing the disk does reaches the resolver."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blockctl.dns.exchange import Client, Outcome, Reason, Transport, Verdict
from blockctl.dns.noted import question, spelled
from blockctl.io import log_store, query_log
from blockctl.io.log_reader import Logged, LoggedRule, Wanted, open_log
from blockctl.io.query_log import FLOOD_ROWS, RING, ROWS, QueryLog, log_path
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Resolver
from blockctl.model.rule import Effect, Rule

NOW = 1_795_000_000.0  # Unix time
LOCAL = Client("127.0.0.1")
RULE = Rule(Effect.BLOCK, Origin("starter", 12), "||ads.example^", "ads.example")
BY_LIST = Reason(Step.LIST_BLOCK, RULE, "ads.example")
BY_CNAME = Reason(Step.LIST_BLOCK, RULE, "x.ads.example", "cname")


def query(name: str, kind: int = 1, identity: bytes = b"id") -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return identity + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


def query_name(noted: bytes) -> str:
    return spelled(question(noted)[0])


def rows_of(state: Path, wanted: Wanted | None = None, count: int = 1_000_000) -> list[Logged]:
    reader = open_log(log_path(state))
    assert reader is not None
    with reader:
        return reader.newest(wanted or Wanted(), count)


class Told(list[str]):
    """What the log told; can be called."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def log(tmp_path: Path, told: Told) -> QueryLog:
    return QueryLog(log_path(tmp_path), Resolver(), tell=told, group_of=lambda c: "kids" if c.id else "")


def test_rows_come_out_as_they_went_in(log: QueryLog, tmp_path: Path) -> None:
    phone = Client("2001:db8::7", Transport.DOH, "anna-phone")
    log.note(100.25, phone, query("X.Example", 65), Outcome.BLOCKED, 3, BY_CNAME, 12.3456, "tls://dns.example")
    log.note(101.0, LOCAL, query("b.example", 28), Outcome.CACHED, 0)
    log.append((101.5, "10.0.0.9", query("ads.example")[2:], int(Outcome.BLOCKED), BY_LIST, 0.0))
    log.turn(NOW, 102.0)
    rule = LoggedRule("block of a list", "starter", 12, "||ads.example^")
    assert rows_of(tmp_path) == [
        Logged(1, NOW - 1.75, "2001:db8::7", "anna-phone", "kids", "doh", "x.example", 65, Outcome.BLOCKED, 3, 12.346,
               rule, "cname", "x.ads.example", "tls://dns.example"),
        Logged(2, NOW - 1, "127.0.0.1", "", "", "udp", "b.example", 28, Outcome.CACHED, 0, 0.0, None, "", "", ""),
        Logged(3, NOW - 0.5, "10.0.0.9", "", "", "udp", "ads.example", 1, Outcome.BLOCKED, None, 0.0, rule, "", "", ""),
    ]  # fmt: skip


class Rules:
    """Rules that are asked for their reason afterwards."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[bytes, int, Client]] = []
        self.fails = fails

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        self.asked.append((name, kind, client))
        if self.fails:
            raise ValueError("mmap closed")
        return Verdict(blocked=True, reason=BY_LIST)


def test_rules_are_asked_once_for_their_reason(log: QueryLog, tmp_path: Path) -> None:
    rules, gone = Rules(), Rules(fails=True)
    for each in (rules, rules, gone):
        log.append((1.0, "10.0.0.9", query("ADS.example")[2:], int(Outcome.BLOCKED), each, 0.0))
    log.turn(NOW, 2.0)
    assert rules.asked == [(b"\x03ads\x07example\x00", 1, Client("10.0.0.9"))]
    lines = [row.rule.line if row.rule else None for row in rows_of(tmp_path)]
    assert lines == [12, 12, None]


@pytest.mark.parametrize("bad", [b"", b"i", b"id", b"\xff" * 40, query("a.example")[:-5], bytes(600)])
def test_bad_bytes_are_logged_without_a_name(log: QueryLog, tmp_path: Path, bad: bytes) -> None:
    log.note(1.0, LOCAL, bad, Outcome.MALFORMED, 1)
    log.turn(NOW, 2.0)
    (row,) = rows_of(tmp_path)
    assert row.outcome is Outcome.MALFORMED
    assert row.name in ("", ".")


@pytest.mark.parametrize(
    ("level", "client"),
    [
        ("full", ("192.168.7.23", "anna", "kids")),
        ("anonymous", ("192.168.7.0", "", "")),
        ("counts", None),
        ("off", None),
    ],
)
def test_levels(tmp_path: Path, level: str, client: tuple[str, str, str] | None) -> None:
    log = QueryLog(log_path(tmp_path), Resolver(log=level), group_of=lambda _: "kids")
    log.note(1.0, Client("192.168.7.23", Transport.DOT, "anna"), query("a.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 2.0)
    assert log_path(tmp_path).exists() == (level != "off")
    if level != "off":
        rows = [(row.client, row.device, row.group) for row in rows_of(tmp_path)]
        assert rows == ([client] if client else [])
        data = b"".join(path.read_bytes() for path in log_path(tmp_path).parent.iterdir())
        assert (b"192.168.7.23" in data) == (level == "full")
        assert (b"anna" in data) == (level == "full")
        assert (b"a.example" in data) == (client is not None)
        assert log.figures().queries == 1


@pytest.mark.parametrize(("level", "told"), [("full", True), ("anonymous", False)])
def test_a_rule_tells_no_group_of_an_anonymous_client(tmp_path: Path, level: str, told: bool) -> None:
    log = QueryLog(log_path(tmp_path), Resolver(log=level))
    rule = Rule(Effect.BLOCK, Origin("policy.yaml", 27), "resolver: groups: anna: deny: a.example", "a.example")
    log.note(1.0, LOCAL, query("a.example"), Outcome.BLOCKED, 3, Reason(Step.HOST, rule, "a.example"))
    log.turn(NOW, 2.0)
    (row,) = rows_of(tmp_path)
    assert row.rule is not None
    assert row.rule.file == "policy.yaml"
    assert ("anna" in row.rule.text) == (row.rule.line == 27) == told


def test_the_level_can_change(log: QueryLog, tmp_path: Path) -> None:
    for level in ("full", "off", "anonymous"):
        log.configure(Resolver(log=level))
        log.note(1.0, LOCAL, query(f"{level}.example"), Outcome.FORWARDED, 0)
        log.turn(NOW, 2.0)
    assert [(row.name, row.client) for row in rows_of(tmp_path)] == [
        ("full.example", "127.0.0.1"),
        ("anonymous.example", "127.0.0.0"),
    ]


def test_long_queries_take_no_more_memory_than_their_questions(log: QueryLog) -> None:
    """By TCP a query may be of 64 KB, and thousands of them wait for the thread that writes."""
    name = ".".join(["x" * 61] * 4 + ["xxxxx"])
    log.note(0.0, LOCAL, query(name) + bytes(60_000), Outcome.FORWARDED, 0)
    (noted,) = log._ring
    assert len(noted[2]) < 300
    assert query_name(noted[2]) == name


def test_only_the_owner_may_read_it(log: QueryLog, tmp_path: Path) -> None:
    log.note(1.0, LOCAL, query("a.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 2.0)
    folder = log_path(tmp_path).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("queries", [ROWS, ROWS + 1, RING - 1, RING, RING + 1, 3 * RING + 7])
def test_what_gets_no_row_is_counted_exactly(tmp_path: Path, queries: int) -> None:
    hot = [0] * len(Outcome)
    log = QueryLog(log_path(tmp_path), Resolver(), hot_counts=lambda: hot)
    for _ in range(queries):
        hot[Outcome.BLOCKED] += 1
        log.append((1.0, "127.0.0.1", query("a.example")[2:], int(Outcome.BLOCKED), BY_LIST, 0.0))
    log.turn(NOW, 2.0)
    log.note(2.5, LOCAL, query("b.example"), Outcome.FORWARDED, 0, None, 3.0)
    log.turn(NOW + 1, 3.0)
    figures = log.figures()
    assert figures.outcomes[Outcome.BLOCKED] == queries
    assert figures.outcomes[Outcome.FORWARDED] == 1
    assert figures.kept == len(rows_of(tmp_path)) == min(queries, ROWS if queries < RING else FLOOD_ROWS) + 1
    assert figures.kept + figures.not_kept == queries + 1


def test_figures_survive_a_restart(tmp_path: Path) -> None:
    for run in range(3):
        log = QueryLog(log_path(tmp_path), Resolver(log="counts"))
        log.start()
        for _ in range(5):
            log.note(time.monotonic(), LOCAL, query("a.example", 28), Outcome.CACHED, 0, None, 0.3)
        log.close()
        figures = log.figures()
        assert figures.outcomes[Outcome.CACHED] == figures.types[28] == sum(figures.steps) == 5 * (run + 1)
        assert figures.not_kept == 0


def test_figures_are_kept_by_minute_and_hour(log: QueryLog, tmp_path: Path) -> None:
    now = time.time() - 3 * 3600
    for minute in range(0, 120, 20):
        log.note(1.0, LOCAL, query("a.example"), Outcome.BLOCKED, 3)
        log.turn(now + 60 * minute, 2.0)
    reader = open_log(log_path(tmp_path))
    assert reader is not None
    with reader:
        assert [each.queries for each in reader.spans(now - 60, 60).values()] == [1] * 6
        assert sum(each.queries for each in reader.spans(now - 60, 3600).values()) == 6
        assert [each.queries for each in reader.spans(now + 60 * 50, 86_400).values()] in ([3], [2, 1], [1, 2])
        assert sum(each.queries for each in reader.spans(now - 10 * 86_400, 86_400).values()) == 6  # from hours
        assert sum(each.queries for each in reader.spans(0, 86_400).values()) == 6  # from days


def test_old_rows_and_old_figures_go(tmp_path: Path) -> None:
    log = QueryLog(log_path(tmp_path), Resolver(log_days=2))
    for day in range(6):
        log.note(
            4000.0 * day,
            Client(f"10.0.0.{day}"),
            query(f"day{day}.example"),
            Outcome.FORWARDED,
            0,
            None,
            1.0,
            f"up{day}",
        )
        log.turn(NOW + day * 86_400, 4000.0 * day)
    assert [row.name for row in rows_of(tmp_path)] == ["day3.example", "day4.example", "day5.example"]
    assert log.figures().outcomes[Outcome.FORWARDED] == 6
    with contextlib.closing(sqlite3.connect(log_path(tmp_path))) as sql:
        askers = {row[0] for row in sql.execute("SELECT address FROM asker")}
        minutes = sql.execute("SELECT count(DISTINCT start) FROM tally WHERE size = 60").fetchone()[0]
    assert "10.0.0.0" not in askers
    assert "10.0.0.5" in askers
    assert minutes <= 3


def test_old_rows_go_while_nobody_asks(tmp_path: Path) -> None:
    log = QueryLog(log_path(tmp_path), Resolver(log_days=1))
    for turn in range(5):
        for each in range(ROWS):
            log.note(turn, LOCAL, query(f"{each}.example"), Outcome.FORWARDED, 0)
        log.turn(NOW + turn, turn)
    for turn in range(3):
        log.turn(NOW + 2 * 86_400 + turn, 4000.0 + turn)
    assert rows_of(tmp_path) == []
    assert log.figures().kept == 5 * ROWS


def test_old_rows_go_when_the_log_is_off(tmp_path: Path) -> None:
    """Whoever switches it off does not want to keep for ever what was logged before."""
    log = QueryLog(log_path(tmp_path), Resolver(log_days=1))
    log.note(0.0, LOCAL, query("a.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 0.0)
    log.configure(Resolver(log="off", log_days=1))
    log.note(1.0, LOCAL, query("b.example"), Outcome.FORWARDED, 0)
    log.turn(NOW + 1, 1.0)
    assert [row.name for row in rows_of(tmp_path)] == ["a.example"]
    for turn in range(3):
        log.turn(NOW + 2 * 86_400 + turn, 4000.0 + turn)
    assert rows_of(tmp_path) == []


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store.LogStore.__init__, "__kwdefaults__", {"max_bytes": 1 << 20, "max_rows": 2_000_000})
    log = QueryLog(log_path(tmp_path), Resolver())
    sizes = []
    for turn in range(30):
        for each in range(ROWS):
            log.note(1.0, LOCAL, query(f"{'x' * 50}{turn}-{each}.example"), Outcome.FORWARDED, 0)
        log.turn(NOW + turn, 2.0 + turn)
        sizes.append(log_path(tmp_path).stat().st_size)
    assert max(sizes) < 2 << 20
    rows = rows_of(tmp_path)
    assert rows[-1].name.endswith(f"29-{ROWS - 1}.example")
    assert 0 < len(rows) < 30 * ROWS / 2


def test_the_number_of_rows_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store.LogStore.__init__, "__kwdefaults__", {"max_bytes": 1 << 30, "max_rows": 5000})
    log = QueryLog(log_path(tmp_path), Resolver())
    for turn in range(10):
        for _ in range(ROWS):
            log.note(1.0, LOCAL, query("a.example"), Outcome.FORWARDED, 0)
        log.turn(NOW + turn, 2.0 + turn)
    assert len(rows_of(tmp_path)) <= 5000 + ROWS


WRITER = """
import sys, time
from pathlib import Path
from blockctl.dns.exchange import Client, Outcome
from blockctl.io.query_log import QueryLog, log_path
from blockctl.model.policy import Resolver
state, turns = Path(sys.argv[1]), int(sys.argv[2])
log = QueryLog(log_path(state), Resolver(), tell=print)
query = b"id\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\1a\\7example\\0\\0\\1\\0\\1"
for turn in range(turns):
    for each in range(20):
        log.note(time.monotonic(), Client(f"10.0.{sys.argv[3]}.{each}"), query, Outcome.FORWARDED, 0)
    log.turn(time.time(), time.monotonic())
    print("turn", turn, flush=True)
for _ in range(100):  # what another process held up
    log.turn(time.time(), time.monotonic())
"""


def writer(state: Path, turns: int, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(state), str(turns), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_one_log(tmp_path: Path) -> None:
    writers = [writer(tmp_path, 50, number) for number in (1, 2)]
    said = [each.communicate(timeout=60)[0] for each in writers]
    assert [each.returncode for each in writers] == [0, 0]
    assert not [line for text in said for line in text.splitlines() if not line.startswith("turn")]
    rows = rows_of(tmp_path)
    assert len(rows) == 2 * 50 * 20
    for number in (1, 2):
        assert sum(row.client.startswith(f"10.0.{number}.") for row in rows) == 1000
    last = QueryLog(log_path(tmp_path), Resolver())
    last.turn(NOW, 1.0)
    assert last.figures().outcomes[Outcome.FORWARDED] == 2000


def test_a_killed_writer_leaves_a_whole_log(tmp_path: Path) -> None:
    process = writer(tmp_path, 1_000_000, 1)
    assert process.stdout is not None
    done = 0
    for line in process.stdout:
        done = int(line.split()[1])
        if done >= 30:
            os.kill(process.pid, signal.SIGKILL)
            break
    done = max(
        [done, *(int(line.split()[1]) for line in process.stdout if line.startswith("turn ") and line[-1] == "\n")]
    )
    process.wait()
    rows = rows_of(tmp_path)
    assert len(rows) % 20 == 0
    assert len(rows) >= 20 * (done + 1)
    with contextlib.closing(sqlite3.connect(log_path(tmp_path))) as sql:
        assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_stops_the_log_alone(log: QueryLog, told: Told, tmp_path: Path) -> None:
    log.note(1.0, LOCAL, query("before.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 2.0)
    assert log._store is not None
    full = log._store._sql.execute("PRAGMA page_count").fetchone()[0]
    log._store._sql.execute(f"PRAGMA max_page_count = {full}")  # SQLITE_FULL, as from a disk without space
    for each in range(ROWS):
        log.note(2.5, LOCAL, query(f"{'x' * 60}.{each}.example"), Outcome.FORWARDED, 0)
    log.turn(NOW + 1, 3.0)
    assert "full" in log.problem
    assert len(told) == 1
    assert str(log_path(tmp_path)) in told[0]
    for _ in range(3):
        log.note(3.5, LOCAL, query("meanwhile.example"), Outcome.FORWARDED, 0)
    log.turn(NOW + 2, 4.0)
    assert len(told) == 1
    log.note(99.0, LOCAL, query("after.example"), Outcome.FORWARDED, 0)
    log.turn(NOW + 98, 100.0)
    assert log.problem == ""
    assert len(told) == 2
    rows = rows_of(tmp_path)
    assert rows[0].name == "before.example"
    assert rows[-1].name == "after.example"
    figures = log.figures()
    assert figures.queries == figures.kept + figures.not_kept == ROWS + 5
    assert figures.kept == len(rows)


def test_a_folder_that_cannot_be_written(told: Told, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder belongs")
    log = QueryLog(log_path(tmp_path), Resolver(), tell=told)
    log.note(1.0, LOCAL, query("a.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 2.0)
    assert log.problem
    assert len(told) == 1
    (tmp_path / "log").unlink()
    log.note(1.0, LOCAL, query("b.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 99.0)
    assert [row.name for row in rows_of(tmp_path)] == ["b.example"]
    assert log.figures().outcomes[Outcome.FORWARDED] == 2


DAMAGED: list[Callable[[Path], object]] = [
    lambda path: path.write_bytes(b"this is no database, but it is long enough to be looked at as one" * 100),
    lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096)),
    lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 77").connection.close(),
]


@pytest.mark.parametrize("damage", DAMAGED, ids=["not a database", "pages overwritten", "of another version"])
def test_a_damaged_file_is_put_aside(
    log: QueryLog, told: Told, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    for each in range(500):
        log.note(1.0, LOCAL, query(f"before{each}.example"), Outcome.FORWARDED, 0)
    log.turn(NOW, 2.0)
    log._let_go()
    damage(log_path(tmp_path))
    for turn in range(2):
        log.note(2.5 + turn, LOCAL, query("after.example"), Outcome.FORWARDED, 0)
        log.turn(NOW + 1 + turn, 3.0 + turn)
    assert log.problem == ""
    assert len(told) == 1
    assert "queries.db.damaged" in told[0]
    assert (log_path(tmp_path).parent / "queries.db.damaged").is_file()
    assert [row.name for row in rows_of(tmp_path)] == ["after.example"] * 2


def test_a_deleted_file_is_begun_anew(log: QueryLog, tmp_path: Path) -> None:
    for name in ("one.example", "two.example"):
        log.note(1.0, LOCAL, query(name), Outcome.FORWARDED, 0)
        log.turn(NOW, 2.0)
        if name == "one.example":
            for path in log_path(tmp_path).parent.iterdir():
                path.unlink()
    assert [row.name for row in rows_of(tmp_path)] == ["two.example"]


def test_a_locked_file_is_waited_for(log: QueryLog, told: Told, tmp_path: Path) -> None:
    log.turn(NOW, 1.0)
    assert log._store is not None
    log._store._sql.execute("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(log_path(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for turn in range(2):
            log.note(2.0, LOCAL, query(f"held{turn}.example"), Outcome.FORWARDED, 0)
            log.turn(NOW + turn, 2.0 + turn)
        assert not told
        for turn in range(5):
            for each in range(ROWS):
                log.note(2.0, LOCAL, query(f"{each}.example"), Outcome.FORWARDED, 0)
            log.turn(NOW + turn, 4.0 + turn)
        assert len(told) == 1
        other.execute("ROLLBACK")
    log.turn(NOW + 50, 99.0)
    assert log.problem == ""
    figures = log.figures()
    assert figures.queries == 2 + 5 * ROWS == figures.kept + figures.not_kept


def test_the_thread_writes_and_ends(log: QueryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_log, "TURN", 0.01)
    log.start()
    done = threading.Event()

    def ask() -> None:
        for each in range(300):
            log.note(time.monotonic(), LOCAL, query(f"{each}.example"), Outcome.FORWARDED, 0)
            time.sleep(0.0005)
        done.set()

    threading.Thread(target=ask).start()
    assert done.wait(20)
    log.close()
    assert [path.name for path in log_path(tmp_path).parent.iterdir()] == ["queries.db"]
    assert [row.name for row in rows_of(tmp_path)] == [f"{each}.example" for each in range(300)]


def test_an_error_in_the_callables_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_log, "TURN", 0.01)
    calls = []

    def broken(text: object = None) -> list[int]:
        calls.append(text)
        raise RuntimeError("not my day")

    log = QueryLog(log_path(tmp_path), Resolver(), hot_counts=broken, tell=broken)
    log.start()
    while len(calls) < 5:
        time.sleep(0.01)
    log.close()
    assert "not my day" in log.problem
