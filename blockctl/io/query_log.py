"""The query log: what was asked, by whom, and what became of it. Noting a query costs an append to a ring.

A thread looks once a second at what was noted, counts it, and writes rows (see `io.log_store`). Under a flood it writes
a fair sample and says how many queries got no row; the counts by outcome stay exact, since they are made where the
answers are. A disk that is full, a file that is locked, read-only or damaged never reaches the resolver: it is told
once, and tried again later.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.dns.exchange import Client, Outcome, Reason
from blockctl.dns.figures import Figures, summed
from blockctl.dns.noted import HEADER, LONGEST, Noted, coded, decoded, question_type
from blockctl.io.log_rows import GroupOf, Row, Rows
from blockctl.model.policy import Resolver

if TYPE_CHECKING:
    from blockctl.io.log_store import LogStore

RING = 2_048
MOST = 2 + HEADER + LONGEST + 4  # bytes noted of a query: up to its question's end. By TCP it may have 65,535
ROWS = 2_000  # written in one turn at most
FLOOD_ROWS = 500  # the same once the ring overflows: then answering is what the machine is for
TURN = 1.0  # seconds
WAITING = 4 * ROWS  # rows held while the file is locked
PIECE = 64  # rows made before the server gets the interpreter for sure; ten times as many notes are counted
BREATH = 0.0002  # seconds; without sleeping a thread keeps the interpreter for 5 ms
RETRY = 10.0  # seconds until a file that could not be written is tried again; doubled up to the longest
LONGEST_RETRY = 120.0
SWEEP = 3600.0  # seconds between two looks at what is old but no row


def log_path(state: Path) -> Path:
    """Return where the query log is kept."""
    return state / "log" / "queries.db"


class QueryLog:
    """The log of one resolver process.

    The hot path calls `append` and keeps its own exact counts; all other answers are told to `note`, which counts them.
    `hot_counts` gives the hot path's counts so far, by Outcome; without it what is appended is counted, and what the
    ring lost is not. `group_of` names a client's group. `tell` takes the sentences that a person should read. These
    three are called in the log's own thread.
    """

    def __init__(
        self,
        path: Path,
        settings: Resolver,
        *,
        hot_counts: Callable[[], Sequence[int]] | None = None,
        group_of: GroupOf | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.problem = ""  # why rows are not being written now
        self._path = path
        self._hot_counts = hot_counts
        self._tell = tell
        self._ring: deque[Noted] = deque(maxlen=RING)
        self._days = settings.log_days
        self._maker = Rows(settings.log, group_of)
        self._store: LogStore | None = None
        self._rows: list[Row] = []  # made, but not yet in the file
        self._pending = Figures()  # counted, but not yet in the file
        self._totals = Figures()  # as the file has them
        self._slow = [0] * len(Outcome)  # told to `note`
        self._counted = [0] * len(Outcome)  # hot and slow, at the last turn
        self._seen = 0  # notes taken from the ring, and notes known to be lost, since the start
        self._retry_at, self._retry, self._sweep_at = -math.inf, RETRY, -math.inf
        self._pruning = True  # there may be rows that are too old
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def append(self) -> Callable[[Noted], None]:
        """What the hot path calls with a `Noted`, always the same; at level `off` what is noted is thrown away."""
        return self._ring.append

    def note(
        self,
        now: float,
        client: Client,
        query: bytes,
        outcome: Outcome,
        rcode: int,
        reason: Reason | None = None,
        milliseconds: float = 0.0,
        upstream: str = "",
    ) -> None:
        """Note a query that the hot path did not answer, and count it. Never raises, whatever its bytes."""
        self._slow[outcome] += 1
        asked = query[2:MOST]
        self._ring.append((now, client, asked, coded(outcome, rcode), reason, milliseconds, upstream))

    def configure(self, settings: Resolver, group_of: GroupOf | None = None) -> None:
        """Go by other settings from the next turn on."""
        self._days = settings.log_days
        self._maker = Rows(settings.log, group_of)

    def start(self) -> None:
        """Begin to write, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="query log", daemon=True)
        self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """Write what is there and end; wait no longer than `patience` seconds for a file that cannot be written."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(patience)

    def figures(self) -> Figures:
        """Return the figures of all time as of the last turn: those in the file, and those on their way there."""
        with self._lock:
            return summed((*self._totals.items(), *self._pending.items()))

    def _run(self) -> None:
        while not self._end.wait(TURN):
            self._safe_turn()
        self._retry_at = -math.inf
        self._safe_turn()
        self._let_go()

    def _safe_turn(self) -> None:
        try:
            self.turn(time.time(), time.monotonic())
        except Exception as error:  # the log must end neither the resolver nor itself
            self._give_up(f"{type(error).__name__}: {error}", time.monotonic())

    def turn(self, now: float, monotonic: float) -> None:
        """Take what was noted, count it and write it. `now` is the Unix time at the clock reading `monotonic`."""
        maker = self._maker
        notes = self._take(maker.wanted)
        if maker.wanted:
            self._make_rows(maker, notes, now - monotonic)
        if monotonic >= self._retry_at and (maker.level != "off" or self._gets_too_old(monotonic)):
            self._write(now, monotonic)

    def _gets_too_old(self, monotonic: float) -> bool:
        """Whether to look for what was logged before it was switched off."""
        return (self._pruning or monotonic >= self._sweep_at) and self._path.exists()

    def _take(self, wanted: bool) -> list[Noted]:
        """Empty the ring, and count. The exact counts are read first, so that what was lost is not overstated."""
        figures = Figures()
        slow = list(self._slow)
        hot = self._hot_counts() if self._hot_counts else None
        pop = self._ring.popleft
        notes = [pop() for _ in range(len(self._ring))]
        for at in range(0, len(notes), 10 * PIECE):
            for note in notes[at : at + 10 * PIECE]:
                figures.type(question_type(note[2]))
                figures.time(note[5])
            time.sleep(BREATH)
        if hot is None:
            for note in notes:
                figures.outcomes[decoded(note[3])[0]] += 1
        else:
            counted = [*map(sum, zip(hot, slow, strict=True))]
            figures.outcomes = [new - old for new, old in zip(counted, self._counted, strict=True)]
            self._counted = counted
            self._seen += len(notes)
            if wanted and len(notes) >= RING:  # only a full ring can have lost notes; the counts say how many
                figures.not_kept = max(0, sum(counted) - self._seen)
                self._seen += figures.not_kept
        self._add(figures)
        return notes

    def _add(self, figures: Figures) -> None:
        with self._lock:
            self._pending = summed((*self._pending.items(), *figures.items()))

    def _make_rows(self, maker: Rows, notes: list[Noted], offset: float) -> None:
        count = len(notes)
        room = max(0, min(FLOOD_ROWS if count >= RING else ROWS, WAITING - len(self._rows)))
        if count > room:
            self._add(Figures(not_kept=count - room))
            notes = [notes[at * count // room] for at in range(room)]
        for at in range(0, len(notes), PIECE):
            self._rows += [maker.row(note, offset) for note in notes[at : at + PIECE]]
            time.sleep(BREATH)

    def _write(self, now: float, monotonic: float) -> None:
        import sqlite3  # late: a resolver answers before it needs a database

        try:
            self._write_to(self._opened(), int(now), monotonic)
        except (sqlite3.Error, OSError) as error:
            self._failed(error, monotonic)
        else:
            if self.problem:
                self.problem = ""
                self._say("the query log is being written again")

    def _write_to(self, store: LogStore, now: int, monotonic: float) -> None:
        if self._maker.level != "off":
            self._add_to(store, now)
        if monotonic >= self._sweep_at:
            store.prune_rest(now, self._days)
            self._sweep_at = monotonic + SWEEP
            self._pruning = True
        if self._pruning:
            self._pruning = store.prune(now, self._days)

    def _add_to(self, store: LogStore, now: int) -> None:
        with self._lock:
            figures, self._pending = self._pending, Figures()
        figures.kept += len(self._rows)
        anything = any(figures.items())
        try:
            if anything:
                store.write(self._rows, figures, now)
        except BaseException:
            figures.kept -= len(self._rows)
            self._add(figures)
            raise
        self._rows = []
        if anything or store.changed():
            totals = store.totals()
            with self._lock:
                self._totals = totals
            self._pruning = True

    def _opened(self) -> LogStore:
        from blockctl.io.log_store import LogStore

        if self._store is not None and not self._store.in_place():
            self._let_go()
        if self._store is None:
            self._store = LogStore(self._path)
        return self._store

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(Exception):
                store.close()

    def _failed(self, error: Exception, monotonic: float) -> None:
        from blockctl.io.log_store import is_busy, is_damage, move_aside

        if is_busy(error):
            if len(self._rows) >= WAITING:
                self._give_up(f"another program holds {self._path}", monotonic)
            return
        self._let_go()
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        if is_damage(error):
            try:
                aside = move_aside(self._path)
            except OSError as failed:
                said = f"{said}; it cannot be moved away: {failed.strerror}"
            else:
                self._say(
                    f"the query log {self._path} is damaged ({said}): it is now {aside.name}, and a new one begins"
                )
                return
        self._give_up(f"cannot write {self._path}: {said}", monotonic)

    def _give_up(self, problem: str, monotonic: float) -> None:
        """Write nothing for a while: rows go, counts stay."""
        self._add(Figures(not_kept=len(self._rows)))
        self._rows = []
        if not self.problem:
            self._retry = RETRY
            self._say(f"the query log stands still: {problem}; queries are answered as before")
        self.problem = problem
        self._retry_at = monotonic + self._retry
        self._retry = min(self._retry * 2, LONGEST_RETRY)

    def _say(self, text: str) -> None:
        if self._tell is not None:
            with contextlib.suppress(Exception):
                self._tell(text)
