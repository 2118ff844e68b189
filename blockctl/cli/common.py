"""What every command shares: options, the policy as it stands now, printing, durations."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from blockctl.io.pause import Pause, Pauses
    from blockctl.model.diagnostic import Diagnostic
    from blockctl.model.policy import Policy

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

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NOT_ASCII = re.compile(r"[^ -~\n]")  # the line ends are JSON's own
_DURATION = re.compile(r"(?:[0-9]{1,6}[smhdw])+")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The policy as it stands at a moment, and where it came from."""

    policy: Policy  # without what has lapsed; paused if a pause is in force
    path: Path
    text: str
    diagnostics: list[Diagnostic]  # warnings; errors end the command
    state: Path
    now: datetime
    pause: Pause  # everybody's
    pauses: Pauses  # and those of the resolver's groups


def load_policy(policy: Path | None, state: Path | None) -> Loaded:
    """Read the policy, or say everything that is wrong with it and end with status 2."""
    loaded = load_with_faults(policy, state)
    refuse_errors(loaded.diagnostics, loaded.path)
    return loaded


def load_with_faults(policy: Path | None, state: Path | None) -> Loaded:
    """Read the policy whatever is wrong with it; `diagnostics` holds the errors too."""
    from blockctl.io.clock import now
    from blockctl.io.pause import read_pauses, strangers
    from blockctl.io.policy_file import policy_path, read_text, state_path
    from blockctl.policy.read import lapsed, read_policy

    gc.disable()  # a large policy is a hundred thousand objects and no cycle: the collector would walk them in vain
    path, folder = policy_path(policy), state_path(state)
    text = read_text(path)
    whole, diagnostics = read_policy(text, str(path))
    moment = now()
    pauses = read_pauses(folder, moment)
    pause = pauses.everybody
    diagnostics += lapsed(whole, moment)
    if pause.problem is not None:
        diagnostics.append(pause.problem)
    diagnostics += strangers(folder, pauses, whole)
    standing = replace(whole.at(moment), paused=pause.in_force)
    return Loaded(standing, path, text, diagnostics, folder, moment, pause, pauses)


def refuse_errors(diagnostics: Iterable[Diagnostic], path: Path) -> None:
    """Raise with every error there is, if there is one."""
    from blockctl.model.diagnostic import BlockctlError, Severity

    errors = tuple(fault for fault in diagnostics if fault.severity is Severity.ERROR)
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors):,} errors"
        raise BlockctlError(f"{path} has {count}; nothing was done", diagnostics=errors)


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


def end_of(duration: str | None, now: datetime) -> datetime | None:
    """Return the moment a duration from now, None for none. Raises BlockctlError when it is no duration."""
    from blockctl.model.diagnostic import BlockctlError

    if duration is None:
        return None
    hint = "write a number and s, m, h, d or w, as in 30m, 2h, 1d or 1h30m"
    if not _DURATION.fullmatch(duration):
        raise BlockctlError(f"not a time: {duration!r}", hint)
    seconds = sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall("[0-9]+[smhdw]", duration))
    if seconds == 0:
        raise BlockctlError(f"not a time: {duration!r} is over at once", hint)
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError as error:
        raise BlockctlError(f"{duration} is beyond the calendar", "leave --for away for good") from error


def clock_time(moment: datetime, now: datetime) -> str:
    """Return a moment as the user's clock shows it, with the date unless it is today."""
    local = moment.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"
