"""The names that this household uses: asked of the resolver and answered, in the last 30 days.

The log may have millions of rows, so what they come to is kept beside it and only rows written since are read. The
file's name begins as the log's does: whoever deletes `queries.db*` has deleted it too.
"""

from __future__ import annotations

import os
from pathlib import Path

from blockctl.io.files import write_file
from blockctl.io.log_reader import open_log
from blockctl.io.log_store import DAY
from blockctl.model.diagnostic import WorldError

LOG = Path("log", "queries.db")
KEPT = "queries.db.names"
DAYS = 30
_FIRST = "blockctl names 1"

Asked = dict[str, tuple[int, int]]  # name -> how often, and the day it was last asked for (days since 1970)


def household_names(state: Path, now: float, days: int = DAYS) -> dict[str, int]:
    """Return the names and how often each was asked for; none where there is no log. `now` is Unix time.

    A log that cannot be read is as good as none: the other names that matter are watched over all the same.
    """
    path = state / LOG
    kept = path.with_name(KEPT)
    try:
        reader = open_log(path)
        if reader is None:
            kept.unlink(missing_ok=True)
            return {}
        with reader:
            file = path.stat().st_ino
            last, asked = _read(kept, file)
            if reader.last() < last:
                last, asked = 0, {}
            number, rows = reader.answered(last)
    except (WorldError, OSError):
        return {}
    first = int(now) // DAY - min(days, DAYS)
    fresh = {name: entry for name, entry in asked.items() if entry[1] >= first}
    for name, count, at in rows:
        if at // DAY >= first:
            before, day = fresh.get(name, (0, 0))
            fresh[name] = (before + count, max(day, at // DAY))
    if rows or len(fresh) != len(asked) or number != last:
        _write(kept, file, number, fresh)
    return {name: count for name, (count, _) in fresh.items()}


def _read(path: Path, file: int) -> tuple[int, Asked]:
    """Return the last row that was read and what the rows came to; nothing where that was another log's."""
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        *mark, of_file, last = first.split(" ")
        if " ".join(mark) != _FIRST or int(of_file) != file:
            return 0, {}
        rows = [line.split(" ") for line in lines]
        return int(last), {name: (int(count), int(day)) for name, count, day in rows}
    except (OSError, ValueError):
        return 0, {}


def _write(path: Path, file: int, last: int, asked: Asked) -> None:
    lines = [
        f"{_FIRST} {file} {last}",
        *(f"{name} {count} {day}" for name, (count, day) in asked.items() if " " not in name),
    ]
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # as the log: whom one asks is nobody else's business
        write_file(path, [("\n".join(lines) + "\n").encode()])
    except (WorldError, OSError):
        return  # it is only quicker with it
