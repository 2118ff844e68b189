"""Entries added and removed, as people and programs read them: `plan` and `diff` say it alike."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from blockctl.cli.table import GREEN, RED, styled

if TYPE_CHECKING:
    from blockctl.policy.gate import Known

MOST = 20  # entries of each kind that are printed
MOST_JSON = 1000
LONGEST = 160  # characters of one


def first(entries: Sequence[str], known: Known, count: int) -> list[str]:
    """Return the first of some entries: those about the names that are asked for most, then those that matter."""
    from blockctl.backends.compare import name_in

    rank = known.rank
    return heapq.nsmallest(count, entries, key=lambda entry: (*rank(name_in(entry)), entry))


def show_entries(entries: Sequence[str], known: Known, *, added: bool) -> None:
    """Print entries, the most visited first, and how many more there are."""
    sign, style = ("+", GREEN) if added else ("-", RED)
    for entry in first(entries, known, MOST):
        shown = "".join(char if char.isprintable() else "\ufffd" for char in entry[:LONGEST])
        typer.echo(styled(f"  {sign} {shown}{'…' if len(entry) > LONGEST else ''}", style))
    if len(entries) > MOST:
        typer.echo(f"  {sign} and {len(entries) - MOST:,} more")


def entries_json(added: Sequence[str], removed: Sequence[str], known: Known) -> dict[str, Any]:
    """Return entries for programs: all counted, the first thousand of each named."""
    return {
        "added": {"count": len(added), "entries": first(added, known, MOST_JSON)},
        "removed": {"count": len(removed), "entries": first(removed, known, MOST_JSON)},
    }


def counted(before: int | None, after: int) -> str:
    """Return a figure before and after."""
    return f"{after:,}" if before is None or before == after else f"{before:,} -> {after:,}"
