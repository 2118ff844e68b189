"""`log`: what was asked, by whom, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, end_of, json_text, print_json, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.text import Text

    from blockctl.io.log_reader import Logged, Wanted

SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="How far back: 30m, 1h, 2d.", show_default=False)
]
# What became of a query, in at most nine letters; by the name of its outcome.
WORDS = {
    "FORWARDED": ("answered", ""),
    "CACHED": ("cached", "dim"),
    "STALE": ("stale", "yellow"),
    "BLOCKED": ("blocked", "red"),
    "LOCAL": ("local", "cyan"),
    "FAILED": ("failed", "yellow"),
    "REFUSED": ("refused", "yellow"),
    "MALFORMED": ("malformed", "yellow"),
}
NXDOMAIN = 3
NO_SUCH_NAME = ("not found", "")
WIDE = 100  # columns from which there is room for more
UNBOUNDED = 240  # where the output is no terminal


def log_command(
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on, until Ctrl-C.")] = False,
    blocked: Annotated[bool, typer.Option("--blocked", help="Only what was blocked.")] = False,
    client: Annotated[
        str, typer.Option("--client", metavar="C", help="Only this address, device or group.", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="PART", help="Only names with this in them.", show_default=False)
    ] = "",
    since: SinceOption = None,
    count: Annotated[int, typer.Option("-n", metavar="N", min=1, max=1_000_000, help="The last N of them.")] = 50,
    policy: PolicyOption = None,  # noqa: ARG001 - works on every command
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the last queries that the resolver answered: when, what became of it, type, name, who asked, by which line.

    --json: {"version", "log", "queries": [{"time", "client", "device", "group", "transport", "name", "type", "outcome"
    (forwarded, cached, stale, blocked, local, failed, refused, malformed), "code", "milliseconds", "rule": {"step",
    "file", "line", "text"} or null, "via", "led" (the name the rule is about, if another), "upstream"}]}; with -f one
    such query a line.

    Exit status: 0 done, also when nothing was logged yet; 2 the time is wrong, 3 reading failed.
    """
    from blockctl.dns.exchange import Outcome
    from blockctl.io.log_json import row_json
    from blockctl.io.log_reader import Wanted, open_log
    from blockctl.io.policy_file import state_path
    from blockctl.io.query_log import log_path

    wanted = Wanted(name, client, (Outcome.BLOCKED,) if blocked else (), begin_of(since))
    path = log_path(state_path(state))
    reader = open_log(path)
    rows: list[Logged] = []
    last = None
    if reader is not None:
        with reader:
            last = reader.last()
            rows = reader.newest(wanted, count)
    if follow:
        show_rows(rows, as_json=as_json)
        if reader is None:
            stderr(no_log(path))
        _follow(path, wanted, max(last or 0, rows[-1].number if rows else 0), as_json)
    elif as_json:
        print_json({"version": 1, "log": str(path), "queries": [row_json(row) for row in rows]})
    elif reader is None:
        typer.echo(no_log(path))
    elif not rows:
        typer.echo("No such query was logged" if wanted != Wanted() else "No query was logged yet")
    else:
        show_rows(rows, as_json=False)


def begin_of(since: str | None) -> float:
    """Return the Unix time so long ago, 0 for all. Raises BlockctlError when it is no time."""
    from blockctl.io.clock import now

    moment = now()
    end = end_of(since, moment)
    return 0.0 if end is None else max(0.0, 2 * moment.timestamp() - end.timestamp())


def no_log(path: Path) -> str:
    """Say that there is nothing to show, and why that may be."""
    return f"No query was logged yet ({path}): `blockctl serve` does, unless the policy says `log: off` or `counts`"


def _follow(path: Path, wanted: Wanted, after: int, as_json: bool) -> None:
    from blockctl.io.log_reader import follow

    try:
        for rows in follow(path, wanted, after):
            show_rows(rows, as_json=as_json, steady=True)
    except KeyboardInterrupt:  # how one ends it
        return


def show_rows(rows: Sequence[Logged], *, as_json: bool, steady: bool = False) -> None:
    """Print queries; `steady` keeps the columns where they are, for what follows."""
    if as_json:
        from blockctl.io.log_json import row_json

        for row in rows:
            typer.echo(json_text(row_json(row)))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    columns = layout(rows, console.width if console.is_terminal else UNBOUNDED, steady=steady)
    day = _day(rows[0].at) if steady and rows else ""
    for row in rows:
        if _day(row.at) != day:
            day = _day(row.at)
            console.print(day, style="dim")
        console.print(line(row, columns))
    console.file.flush()


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide the columns are that can give way, and whether there is room for more than the least."""

    name: int
    client: int
    said: int
    wide: bool


def layout(rows: Sequence[Logged], width: int, *, steady: bool) -> Columns:
    """Share a terminal's width out; `steady`: whatever the rows hold, so that the columns stay where they are."""
    wide = width >= WIDE
    room = width - 27  # time, word, type, and the gaps
    client, name = (22, 64) if wide else (14, 64)
    if not steady:
        client = min(client, max((len(asker(row)) for row in rows), default=0))
        name = max((len(row.name) for row in rows), default=0)
    room -= client
    said = max(16, min(room * 2 // 5, 24)) if wide else 15
    name = max(12, min(name, room - said))
    return Columns(name, client, max(12, room - name), wide)


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%A %Y-%m-%d}"


def line(row: Logged, columns: Columns) -> Text:
    """Return one query for a terminal."""
    from rich.text import Text

    from blockctl.dns.figures import type_name

    blocked = row.outcome.name == "BLOCKED"
    word, style = NO_SUCH_NAME if row.rcode == NXDOMAIN and not blocked else WORDS[row.outcome.name]
    text = Text(no_wrap=True)
    text.append(f"{datetime.fromtimestamp(row.at, UTC).astimezone():%H:%M:%S} ", "dim")
    text.append(f"{word:<9} ", style)
    text.append(f"{type_name(row.type):<5} ", "dim")
    text.append(f"{end(row.name or '?', columns.name):<{columns.name}} ", "red" if blocked else "")
    text.append(f"{end(asker(row), columns.client):<{columns.client}} ", "dim")
    text.append(start(detail(row, columns), columns.said))
    return text


def detail(row: Logged, columns: Columns) -> str:
    """Say by what it was decided; of what was just answered, how long that took, and by whom."""
    wide = columns.wide
    if row.rule is not None and row.outcome.name == "BLOCKED":
        via = f" via {row.via} {row.led}" if row.led else ""
        where = end(place(row.rule.file, row.rule.line), columns.said)  # what is cut is never the line
        return where + via + (f"  {row.rule.text}" if wide else "")
    if row.rule is not None and not wide:
        return place(row.rule.file, row.rule.line)
    by = f"  let by {place(row.rule.file, row.rule.line)}" if row.rule else ""
    return took(row.milliseconds) + (f" {row.upstream}" if row.upstream and wide else "") + by


def took(milliseconds: float) -> str:
    """Return a time, no more exact than anybody wants it."""
    if milliseconds < 0.1:
        return "<0.1 ms"
    return f"{milliseconds:.1f} ms" if milliseconds < 100 else f"{milliseconds:,.0f} ms"


def place(file: str, line: int) -> str:
    """Return where a rule stands, without the folders."""
    short = file.replace("\\", "/").rpartition("/")[2]
    return f"{short}:{line}" if line else short


def asker(row: Logged) -> str:
    """Return who asked, as a person knows them."""
    return row.device or row.client or "?"


def clean(text: str) -> str:
    """Return a text without what a terminal would obey: devices name themselves, and lists are other people's."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


def start(text: str, width: int) -> str:
    """Return a text cut to so many columns at its end."""
    text = clean(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def end(text: str, width: int) -> str:
    """Return a name cut to so many columns at its beginning: its end says whose it is."""
    text = clean(text)
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]
