"""What `sync` and `rollback` did, as people and programs read it."""

from __future__ import annotations

from typing import Any

import typer

from blockctl.cli.common import print_json, span
from blockctl.cli.held import held_lines
from blockctl.cli.refreshing import Outcome, Refreshing, Row
from blockctl.cli.table import print_table
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import ListSource

SAYS = {
    "new": "new",
    "same": "same",
    "sent back": "the newest was sent back",
    "not due": "not due",
    "held": "held: the version before serves on",
    "failed": "failed: the version before serves on",
    "back": "back to the version before",
}


def show(run: Refreshing, outcome: Outcome, *, as_json: bool) -> None:
    """Print what was done with each list, what is held and what failed, and one sentence."""
    if as_json:
        print_json(to_json(run, outcome))
        return
    if outcome.rows:
        print_table(
            ("list", "what", "rules", "lines", "next look"), [_cells(run, row) for row in outcome.rows], {2, 3, 4}
        )
        typer.echo()
    for row in outcome.rows:
        if row.problem is not None:
            _tell(f"failed: {row.source.name}: {row.problem}", row.problem)
        if row.held is not None:
            typer.echo("\n".join(held_lines(row.held)), err=True)
        if row.event == "sent back":
            typer.echo(taking_again(row.source.name), err=True)
    for text in outcome.left_out:
        typer.echo(f"left out: {text}", err=True)
    if outcome.problem is not None:
        _tell(str(outcome.problem), outcome.problem)
    typer.echo(sentence(outcome))


def taking_again(name: str) -> str:
    """Return what takes the version again that a rollback left."""
    stays = f"sent back: {name} stays as it is until its publisher has a newer version"
    return f"{stays}\n  to take that one again: blockctl sync {name} --force"


def _tell(text: str, error: BlockctlError) -> None:
    typer.echo(text + (f"\n  hint: {error.hint}" if error.hint else ""), err=True)


def _cells(run: Refreshing, row: Row) -> tuple[str, ...]:
    says = SAYS[row.event]
    if row.after is None:
        says = f"{row.event}: nothing is here"
    rules = f"{row.after.rules:,}" if row.after is not None and row.after.rules >= 0 else "-"
    lines = f"+{row.added:,} -{row.removed:,}" if row.event == "new" else ""
    return (row.source.name, says, rules, lines, next_look(run, row.source))


def next_look(run: Refreshing, source: ListSource) -> str:
    """Return in how long a list is due."""
    if source.sha256:
        return "pinned"
    left = run.due(source) - run.moment
    return span(left) if left > 0 else "now"


def sentence(outcome: Outcome) -> str:
    """Return in one sentence what was done."""
    counts = {event: sum(row.event == event for row in outcome.rows) for event in SAYS}
    said = [
        f"{counts[event]} {word}"
        for event, word in (("new", "new"), ("back", "back"), ("held", "held"), ("failed", "failed"))
        if counts[event]
    ]
    changed = [each.target.name for each in outcome.written if each.changed]
    lists = (
        f"Lists: {', '.join(said)}"
        if said
        else "No list has changed"
        if outcome.rows
        else "The policy has no list that is downloaded"
    )
    if not outcome.built:
        return f"{lists}; everything is up to date, and nothing was written."
    return f"{lists}; written: {', '.join(changed)}." if changed else f"{lists}; the outputs are what they were."


def to_json(run: Refreshing, outcome: Outcome) -> dict[str, Any]:
    """Return what was done, for programs. `next_look` of lists that are downloaded is in seconds since 1970."""
    return {
        "version": 1,
        "lists": [
            {
                "name": row.source.name,
                "what": row.event,
                "sha256": row.after.sha256 if row.after is not None else None,
                "before": row.before.sha256 if row.before is not None else None,
                "rules": row.after.rules if row.after is not None else None,
                "lines_added": row.added,
                "lines_removed": row.removed,
                "next_look": None if row.source.sha256 else run.due(row.source),
                "held": row.held.holds if row.held is not None else [],
                "problem": str(row.problem) if row.problem is not None else None,
            }
            for row in outcome.rows
        ],
        "built": outcome.built,
        "written": [each.target.name for each in outcome.written if each.changed],
        "left_out": outcome.left_out,
        "problem": str(outcome.problem) if outcome.problem is not None else None,
    }
