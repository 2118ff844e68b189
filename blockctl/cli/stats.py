"""`stats`: how much was asked and blocked, how fast the answers came, and who and what is at the top."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, print_json
from blockctl.cli.log import WIDE, begin_of, end, no_log, place

if TYPE_CHECKING:
    from rich.console import Console

    from blockctl.dns.figures import Figures

HEADINGS = (
    ("names", "Most asked", "blocked", "Most blocked"),
    ("clients", "Who asked most", "lists", "Which lists blocked most"),
)


def stats_command(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back: 30m, 24h, 7d.")] = "24h",
    policy: PolicyOption = None,  # noqa: ARG001 - works on every command
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the resolver's figures: queries, what was blocked and cached, how long answers took, and who leads.

    Counts are exact; what leads and how long answers took is of the queries that the log saw, under a flood not all.

    --json: {"version", "log", "since", "queries", "blocked", "cached", "outcomes": {outcome: count}, "types": {type:
    count}, "milliseconds": {"median", "p95"} (null: no answer), "rows": {"kept", "not_kept"}, "top": {"names",
    "blocked", "clients", "lists": [{"name", "count"}]}, "spans": [{"start", "seconds", "queries", "blocked"}]}.

    Exit status: 0 done, also when nothing was logged yet; 2 the time is wrong, 3 reading failed.
    """
    from blockctl.io.clock import now
    from blockctl.io.log_json import figures_json, summary
    from blockctl.io.policy_file import state_path
    from blockctl.io.query_log import log_path

    path = log_path(state_path(state))
    found, is_there = summary(path, begin_of(since), now())
    if as_json:
        print_json({"version": 1, "log": str(path), **figures_json(*found)})
    elif not found.figures.queries:
        typer.echo(no_log(path) if not is_there else f"No query in the last {since}")
    else:
        show(*found)


def show(
    figures: Figures, begin: float, spans: dict[int, Figures], span: int, top: dict[str, list[tuple[str, int]]]
) -> None:
    """Print the figures for people."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    width = min(console.width, 120) if console.is_terminal else WIDE
    console.print(f"Since {_local(begin):%A %Y-%m-%d %H:%M}", style="bold")
    for said in sentences(figures):
        console.print(f"  {said}")
    console.print()
    _chart(console, spans, span, width)
    top = {**top, "lists": [(place(file, 0), count) for file, count in top["lists"]]}
    for left, left_heading, right, right_heading in HEADINGS:
        _columns(console, (left_heading, top[left]), (right_heading, top[right]), width)


def sentences(figures: Figures) -> list[str]:
    """Say the figures in words."""
    from blockctl.dns.exchange import Outcome

    counts = figures.outcomes
    cached = counts[Outcome.CACHED] + counts[Outcome.STALE]
    lines = [
        f"{figures.queries:,} queries, {share(counts[Outcome.BLOCKED], figures)} blocked,"
        f" {share(cached, figures)} from the cache"
    ]
    median, most = figures.quantile(0.5), figures.quantile(0.95)
    if median is not None and most is not None:
        lines.append(f"Half of the answers came within {within(median)}, 95 % within {within(most)}")
    rest = ((Outcome.FAILED, "that no upstream answered"), (Outcome.STALE, "answered from the cache past their time"),
            (Outcome.REFUSED, "refused"), (Outcome.MALFORMED, "malformed"))  # fmt: skip
    odd = [f"{counts[outcome]:,} {words}" for outcome, words in rest if counts[outcome]]
    if odd:
        lines.append("Among them " + ", ".join(odd))
    if figures.not_kept:
        lines.append(f"{figures.not_kept:,} came too fast for the log: counted here, without a row there")
    return lines


def share(count: int, figures: Figures) -> str:
    """Return a count and which part of all it is."""
    part = 100 * count / max(figures.queries, 1)
    return f"{count:,} ({part:.0f} %)" if not 0 < part < 1 else f"{count:,} (under 1 %)"


def within(milliseconds: float) -> str:
    """Return a time as exactly as the figures know it."""
    return f"{max(milliseconds, 0.1):.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()


def _chart(console: Console, spans: dict[int, Figures], span: int, width: int) -> None:
    from rich.text import Text

    from blockctl.dns.exchange import Outcome

    form = "%H:%M" if span < 21_600 else "%a %H:%M" if span < 86_400 else "%Y-%m-%d"
    most = max(each.queries for each in spans.values())
    dark, light = ("▓", "░") if console.encoding.lower().startswith("utf") else ("#", "-")
    heading = Text("Queries, ")
    heading.append("blocked ones first", "red")
    console.print(heading)
    first, last = min(spans), max(spans)
    for at in range(first, last + 1, span):
        queries = spans[at].queries if at in spans else 0
        blocked = spans[at].outcomes[Outcome.BLOCKED] if at in spans else 0
        label = f"  {_local(at):{form}} "
        room = width - len(label) - len(f" {most:,}")
        bar = round(room * queries / most)
        red = min(bar, round(room * blocked / most))
        text = Text(label)
        text.append(dark * red, "red")
        text.append(light * (bar - red), "green")
        text.append(f" {queries:,}" if bar else f"{queries:,}", "dim")
        console.print(text)


def _columns(console: Console, left: tuple[str, Any], right: tuple[str, Any], width: int) -> None:
    """Print two rankings side by side."""
    from rich.text import Text

    each = (width - 2) // 2
    sides = [[(heading, "")] + [(key, f"{count:,}") for key, count in top] for heading, top in (left, right)]
    if not any(len(side) > 1 for side in sides):
        return
    console.print()
    for at in range(max(map(len, sides))):
        text = Text()
        for side in sides:
            name, count = side[at] if at < len(side) else ("", "")
            if at == 0:
                text.append(f"{name if len(side) > 1 else '':<{each}}", "bold")
            else:
                room = each - len(count) - 4
                text.append(f"  {end(name, room):<{room}} {count} ")
        text.rstrip()
        console.print(text)
