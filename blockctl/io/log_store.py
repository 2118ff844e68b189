"""The query log's file: SQLite, written by the resolver's processes and read by commands at the same time.

A row tells one query; who asked, the rule that decided and the upstream stand in tables of their own, once each.
`tally` holds the figures by minute, hour and day, and of all time (size 0): they are exact even where rows were left
out. Everything old goes, a little at a time, and the file is kept small.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from blockctl.dns.figures import Figures, Item, summed
from blockctl.io.log_rows import Key, Row

VERSION = 1  # of the tables; kept as `user_version`
MAX_BYTES = 256 << 20
MAX_ROWS = 2_000_000
GO_AT_ONCE = 4_000  # rows deleted in one turn: more than may come in one
PAGES_AT_ONCE = 256  # given back to the disk in one turn
PIECE = 64  # rows
INTERNED = 2_000  # ids held in memory, of about 350 bytes each
DAY = 86_400
SIZES = {60: 2 * DAY, 3600: 90 * DAY, DAY: 400 * DAY}  # spans of the figures in seconds, and how long each is kept

_TABLES = """
CREATE TABLE IF NOT EXISTS asker (id INTEGER PRIMARY KEY AUTOINCREMENT, day INTEGER, address TEXT, device TEXT,
    grp TEXT, transport TEXT, UNIQUE (address, device, grp, transport));
CREATE TABLE IF NOT EXISTS rule (id INTEGER PRIMARY KEY AUTOINCREMENT, day INTEGER, step TEXT, file TEXT, line INTEGER,
    text TEXT, UNIQUE (step, file, line, text));
CREATE TABLE IF NOT EXISTS upstream (id INTEGER PRIMARY KEY AUTOINCREMENT, day INTEGER, spelled TEXT, UNIQUE (spelled));
CREATE TABLE IF NOT EXISTS query (id INTEGER PRIMARY KEY, at INTEGER, asker INTEGER, name TEXT, type INTEGER,
    outcome INTEGER, rcode INTEGER, us INTEGER, rule INTEGER, via TEXT, led TEXT, upstream INTEGER);
CREATE TABLE IF NOT EXISTS tally (size INTEGER, start INTEGER, kind TEXT, key INTEGER, count INTEGER,
    PRIMARY KEY (size, start, kind, key)) WITHOUT ROWID;
"""
# Ids are never given twice (AUTOINCREMENT), so that an id that another process still holds can miss, but never lie.
_COLUMNS = {
    "asker": ("address", "device", "grp", "transport"),
    "rule": ("step", "file", "line", "text"),
    "upstream": ("spelled",),
}
_INSERT = (
    "INSERT INTO query (at, asker, name, type, outcome, rcode, us, rule, via, led, upstream)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)
_COUNT = (
    "INSERT INTO tally VALUES (?,?,?,?,?)"
    " ON CONFLICT (size, start, kind, key) DO UPDATE SET count = count + excluded.count"
)


class ForeignFile(sqlite3.DatabaseError):
    """The file is a database, but not this version's log."""


class LogStore:
    """The file, open for writing. Every method may raise sqlite3.Error or OSError; then nothing of it was done."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS) -> None:
        self._path, self._max_bytes, self._max_rows = path, max_bytes, max_rows
        self._ids: dict[tuple[str, Key], int] = {}
        self._day = 0
        self._version = -1
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # whom one asks is nobody else's business
        self._file = self._identity()
        self._sql = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._sql.close()
            raise

    def _prepare(self) -> None:
        run = self._sql.execute
        version = run("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise ForeignFile(f"it is a log of another version of blockctl ({version})")
        if version == 0:
            run("PRAGMA auto_vacuum = INCREMENTAL")
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 4194304",
                       "cache_size = -256", "secure_delete = FAST", "temp_store = MEMORY"):  # fmt: skip
            run(f"PRAGMA {pragma}")
        if version == 0:
            run("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";"):
                run(statement)
            run(f"PRAGMA user_version = {VERSION}")
            run("COMMIT")

    def _identity(self) -> tuple[int, int]:
        stat = self._path.stat()
        return stat.st_dev, stat.st_ino

    def in_place(self) -> bool:
        """Whether the file at the path is still the one that is open: somebody may have deleted or moved it."""
        try:
            return self._identity() == self._file
        except OSError:
            return False

    def write(self, rows: Sequence[Row], figures: Figures, now: int) -> None:
        """Add rows and counts in one transaction; `now` is the Unix time in seconds that the counts belong to."""
        self._forget_ids(now // DAY)
        run = self._sql.execute
        run("BEGIN IMMEDIATE")
        try:
            for at in range(
                0, len(rows), PIECE
            ):  # the server gets the interpreter at each row, not while they are made
                self._sql.executemany(_INSERT, [self._values(row) for row in rows[at : at + PIECE]])
            items = list(figures.items())
            for size in (0, *SIZES):
                start = now - now % size if size else 0
                self._sql.executemany(_COUNT, [(size, start, *item) for item in items])
            run("COMMIT")
        except BaseException:
            self._ids.clear()  # ids given in this transaction are gone with it
            if self._sql.in_transaction:
                run("ROLLBACK")
            raise

    def _values(self, row: Row) -> tuple[object, ...]:
        return (
            row.at, self._id("asker", row.asker), row.name, row.type, row.outcome, row.rcode, row.microseconds,
            row.rule and self._id("rule", row.rule), row.via, row.led,
            row.upstream and self._id("upstream", (row.upstream,)),
        )  # fmt: skip

    def _id(self, table: str, key: Key) -> int:
        known = self._ids.get((table, key))
        if known is None:
            columns = _COLUMNS[table]
            marks = ",".join("?" * len(columns))
            names = ",".join(columns)
            # the day is brought up to date too: it is when the entry was last in use, see `prune`
            known = self._ids[table, key] = self._sql.execute(
                f"INSERT INTO {table} (day,{names}) VALUES (?,{marks})"  # noqa: S608 - our own words
                f" ON CONFLICT ({names}) DO UPDATE SET day = excluded.day RETURNING id",
                (self._day, *key),
            ).fetchone()[0]
        return known

    def _forget_ids(self, day: int) -> None:
        if day != self._day or len(self._ids) > INTERNED:
            self._ids.clear()
            self._day = day

    def totals(self) -> Figures:
        """Return the figures of all time, of all processes that write here."""
        found: list[Item] = self._sql.execute("SELECT kind, key, count FROM tally WHERE size = 0").fetchall()
        return summed(found)

    def changed(self) -> bool:
        """Whether another process has written since this was asked last; true at first."""
        version = int(self._sql.execute("PRAGMA data_version").fetchone()[0])
        changed, self._version = version != self._version, version
        return changed

    def prune(self, now: int, days: int) -> bool:
        """Delete some of what is too old or too much: more than comes in. Say whether anything went."""
        run = self._sql.execute
        first, last = run("SELECT min(id), max(id) FROM query").fetchone()
        names = ("page_count", "freelist_count", "page_size")
        pages, free, page = (run(f"PRAGMA {each}").fetchone()[0] for each in names)
        gone = 0
        if first is not None:
            cut = (now - days * DAY) * 1000
            if last - first >= self._max_rows or (pages - free) * page > self._max_bytes:
                gone = run("DELETE FROM query WHERE id < ?", (min(first + GO_AT_ONCE, last),)).rowcount
            elif run("SELECT at FROM query WHERE id = ?", (first,)).fetchone()[0] < cut:
                gone = run("DELETE FROM query WHERE id < ? AND at < ?", (first + GO_AT_ONCE, cut)).rowcount
        if free > PAGES_AT_ONCE:  # a few free pages are what the next rows are written to
            run(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
        return gone > 0 or free > PAGES_AT_ONCE

    def prune_rest(self, now: int, days: int) -> None:
        """Delete figures that are too old, and whoever is in no row any more. Meant for now and then."""
        for size, keep in SIZES.items():
            self._sql.execute("DELETE FROM tally WHERE size = ? AND start < ?", (size, now - keep))
        for table in _COLUMNS:  # a day of room: ids are held in memory for a day
            self._sql.execute(f"DELETE FROM {table} WHERE day < ?", (now // DAY - days - 1,))  # noqa: S608

    def close(self) -> None:
        """Let go of the file; the last to do so leaves it whole, without the files beside it."""
        self._sql.close()


def move_aside(path: Path) -> Path:
    """Put a file that is no log of ours out of the way, over the one put there before. Raises OSError."""
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return aside


def is_busy(error: Exception) -> bool:
    """Whether another process holds the file just now."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: Exception) -> bool:
    """Whether the file can never be written as it is."""
    return isinstance(error, ForeignFile) or _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # the higher bits tell kinds of one error apart
