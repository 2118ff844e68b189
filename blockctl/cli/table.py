"""A table in plain text: rich takes longer to load than a whole compile after an edit of the policy may take."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence

import typer

BOLD, DIM = "\033[1m", "\033[2m"
RED, GREEN, YELLOW = "\033[31m", "\033[32m", "\033[33m"
_END = "\033[0m"


def styled(text: str, style: str) -> str:
    """Return a text in a style where a terminal shows it."""
    return f"{style}{text}{_END}" if sys.stdout.isatty() else text


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> None:
    """Print rows under a header, each column as wide as it must be; those in `right` end in one line."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        line = "  ".join(
            text.rjust(width) if at in right else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        typer.echo(line if number else styled(line, BOLD))
