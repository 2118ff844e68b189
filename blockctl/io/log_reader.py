"""The query log as commands read it, while the resolver writes it or when it does not run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockctl.dns.exchange import Outcome
from blockctl.dns.figures import Figures
from blockctl.io.log_store import DAY, SIZES, VERSION
from blockctl.model.diagnostic import WorldError

LOOK = 0.25  # seconds between two looks for new rows

_ROWS = """SELECT query.id, at, address, device, grp, transport, name, type, outcome, rcode, us, step, file, line, text,
 via, led, spelled FROM query LEFT JOIN asker ON asker.id = query.asker LEFT JOIN rule ON rule.id = query.rule
 LEFT JOIN upstream ON upstream.id = query.upstream"""
_TOPS = {
    "names": "SELECT name, count(*) AS n FROM query WHERE at >= ? AND outcome != 3 GROUP BY name",
    "blocked": "SELECT name, count(*) AS n FROM query WHERE at >= ? AND outcome = 3 GROUP BY name",
    "clients": "SELECT CASE device WHEN '' THEN address ELSE device END AS who, sum(n) AS n FROM"
    " (SELECT asker, count(*) AS n FROM query WHERE at >= ? GROUP BY asker) AS each"
    " JOIN asker ON asker.id = each.asker GROUP BY who",
    "lists": "SELECT file, sum(n) AS n FROM"
    " (SELECT rule, count(*) AS n FROM query WHERE at >= ? AND outcome = 3 AND rule IS NOT NULL GROUP BY rule) AS each"
    " JOIN rule ON rule.id = each.rule GROUP BY file",
}

_ANSWERED = (
    "SELECT name, count(*), max(at) FROM query"
    " WHERE id > ? AND id <= ? AND outcome IN (?, ?, ?) AND rcode = 0 GROUP BY name"
)


@dataclass(frozen=True, slots=True)
class LoggedRule:
    """The rule that decided a query."""

    step: str
    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Logged:
    """One query of the log."""

    number: int
    at: float  # Unix time
    client: str
    device: str
    group: str
    transport: str
    name: str
    type: int
    outcome: Outcome
    rcode: int | None
    milliseconds: float
    rule: LoggedRule | None
    via: str
    led: str
    upstream: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which queries; what is empty means all."""

    name: str = ""  # a part of the name
    client: str = ""  # an address, a device, or a group
    outcomes: tuple[Outcome, ...] = ()
    since: float = 0.0  # Unix time

    def condition(self) -> tuple[str, list[Any]]:
        """Return the same for SQL."""
        parts, values = ["at >= ?"], [int(self.since * 1000)]
        words: list[Any] = [*values]
        if self.name:
            parts.append("instr(name, ?) > 0")
            words.append(self.name.lower())
        if self.client:
            parts.append("? IN (address, device, grp)")
            words.append(self.client)
        if self.outcomes:
            parts.append(f"outcome IN ({','.join(str(int(each)) for each in self.outcomes)})")
        return " AND ".join(parts), words


class LogReader:
    """The file, open for reading; see `open_log`. Every method raises WorldError when it cannot be read."""

    def __init__(self, path: Path, sql: sqlite3.Connection) -> None:
        self._path = path
        self._sql = sql

    def __enter__(self) -> LogReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._sql.close()

    def _run(self, statement: str, values: tuple[Any, ...] | list[Any] = ()) -> list[Any]:
        try:
            return self._sql.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from error

    def newest(self, wanted: Wanted, count: int) -> list[Logged]:
        """Return the last `count` queries of those wanted, the oldest of them first."""
        condition, values = wanted.condition()
        found = self._run(f"{_ROWS} WHERE {condition} ORDER BY query.id DESC LIMIT ?", [*values, count])
        return [_logged(row) for row in reversed(found)]

    def after(self, wanted: Wanted, number: int) -> list[Logged]:
        """Return what was written after that row."""
        condition, values = wanted.condition()
        found = self._run(f"{_ROWS} WHERE {condition} AND query.id > ? ORDER BY query.id", [*values, number])
        return [_logged(row) for row in found]

    def last(self) -> int:
        """Return the number of the last row, 0 when there is none."""
        return int(self._run("SELECT coalesce(max(id), 0) FROM query")[0][0])

    def spans(self, since: float, size: int, offset: int = 0) -> dict[int, Figures]:
        """Return the figures since then in spans of `size` seconds, by the Unix time at which each begins.

        They come from the finest spans that are kept for so long: minutes for two days, then hours, then days. Spans
        begin by a clock that is `offset` seconds ahead of UTC.
        """
        finest = next((each for each, keep in SIZES.items() if since >= time.time() - keep), DAY)
        size, shift = (finest, 0) if size <= finest else (size, offset - offset % finest)
        spans: dict[int, Figures] = {}
        statement = "SELECT start, kind, key, count FROM tally WHERE size = ? AND start >= ? ORDER BY start"
        for start, kind, key, count in self._run(statement, (finest, int(since) - int(since) % finest)):
            spans.setdefault(start - (start + shift) % size, Figures()).add(kind, key, count)
        return spans

    def tops(self, since: float, count: int) -> dict[str, list[tuple[str, int]]]:
        """Return the most frequent names let through, names blocked, clients, and lists that blocked, since then."""
        at = int(since * 1000)
        return {
            what: [(str(key), n) for key, n in self._run(f"{query} ORDER BY n DESC, 1 LIMIT ?", (at, count))]
            for what, query in _TOPS.items()
        }

    def answered(self, after: int) -> tuple[int, list[tuple[str, int, int]]]:
        """Return the number of the last row, and the names that got an answer in the rows behind `after`.

        Each with how often, and when last (Unix time in seconds).
        """
        last = self.last()
        values = (after, last, int(Outcome.FORWARDED), int(Outcome.CACHED), int(Outcome.STALE))
        return last, [(str(name), count, at // 1000) for name, count, at in self._run(_ANSWERED, values)]

    def begins(self) -> float | None:
        """Return when the oldest query was put that is still there (Unix time), None when there is none."""
        found = self._run("SELECT at FROM query ORDER BY id LIMIT 1")
        return found[0][0] / 1000 if found else None

    def changed(self) -> int:
        """Return a number that is another one after every write of somebody."""
        return int(self._run("PRAGMA data_version")[0][0])


def open_log(path: Path) -> LogReader | None:
    """Open the log, None when there is none yet. Raises WorldError."""
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        sql = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        begun = sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = sql.execute("PRAGMA user_version").fetchone()[0]  # after the tables, which are made with it
    except sqlite3.Error as error:
        sql.close()
        raise _unreadable(path, error) from error
    if version == VERSION:
        return LogReader(path, sql)
    sql.close()
    if version or begun:
        raise WorldError(f"{path} is not a query log of this version of blockctl", "move it away; a new one is begun")
    return None  # it is being made


def follow(path: Path, wanted: Wanted, after: int | None) -> Iterator[list[Logged]]:
    """Yield what is written from now on (or after the row `after`), for ever. A file put anew is followed too."""
    while True:
        file = _inode(path)
        reader = open_log(path)
        if reader is None:
            after = 0
            time.sleep(LOOK)
            continue
        with reader:
            number = reader.last() if after is None else after
            seen = -1
            while _inode(path) == file:
                changed = reader.changed()
                if changed != seen:
                    seen = changed
                    last = reader.last()
                    rows = reader.after(wanted, number)
                    number = max(last, rows[-1].number) if rows else last
                    if rows:
                        yield rows
                time.sleep(LOOK)
        after = 0


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _unreadable(path: Path, error: Exception) -> WorldError:
    said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return WorldError(
        f"cannot read the query log {path}: {said}", "who runs the resolver may read it; `serve` mends it"
    )


def _logged(row: tuple[Any, ...]) -> Logged:
    number, at, address, device, group, transport, name, kind, outcome, rcode, us, *rest = row
    step, file, line, text, via, led, upstream = rest
    rule = None if step is None else LoggedRule(step, file, line, text)
    return Logged(
        number, at / 1000, address or "", device or "", group or "", transport or "", name, kind, Outcome(outcome),
        rcode, us / 1000, rule, via or "", led or "", upstream or "",
    )  # fmt: skip
