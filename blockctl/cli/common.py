"""What every command shares: options, the policy as it stands now, printing, durations."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.io.clock import local
from blockctl.io.loaded import Loaded as Loaded
from blockctl.io.loaded import load_policy as load_policy
from blockctl.io.loaded import load_with_faults as load_with_faults
from blockctl.io.loaded import refuse_errors as refuse_errors
from blockctl.policy.durations import end_of as end_of

if TYPE_CHECKING:
    from blockctl.model.diagnostic import Diagnostic

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="The policy file.", show_default=False)
]
StateOption = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="Where blockctl keeps its work.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="For how long: 30m, 2h, 1d.", show_default=False)
]
NoteOption = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, in the file.", show_default=False)]

_NOT_ASCII = re.compile(r"[^ -~\n]")  # the line ends are JSON's own


def print_json(value: object) -> None:
    """Print a value for programs."""
    typer.echo(json_text(value, indent=2))


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value for programs. Letters stay as they are; what a terminal obeys or hides is escaped."""
    import json

    return _NOT_ASCII.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass").hex()  # RFC 8259, section 7
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def stderr(text: str) -> None:
    """Print for people, where it does not mix with the answer."""
    typer.echo(text, err=True)


def diagnostic_json(fault: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic for programs."""
    origin = fault.origin
    return {
        "code": fault.code,
        "severity": fault.severity.value,
        "file": origin.file,
        "line": origin.line,
        "column": origin.column,
        "message": fault.message,
        "hint": fault.hint,
    }


def clock_time(moment: datetime, now: datetime) -> str:
    """Return a moment as the user's clock shows it, with the date unless it is today."""
    here = local(moment)
    return f"{here:%H:%M}" if here.date() == local(now).date() else f"{here:%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """Return about how long a time is, in few characters: `5 min`, `23 h`, `4 days`."""
    minutes = max(1, round(seconds / 60))
    if minutes < 100:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
