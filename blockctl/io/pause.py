"""A pause: everything is let through for a while. Kept in the state folder, since it is no part of the policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blockctl.io.policy_file import replace_file
from blockctl.model.diagnostic import Diagnostic, Origin, Severity, WorldError

NAME = "pause.json"


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether a pause is in force, and until when (None: until `resume`)."""

    in_force: bool
    until: datetime | None = None
    problem: Diagnostic | None = None


def read_pause(state: Path, now: datetime) -> Pause:
    """Return the pause as it stands now. A file that cannot be read is no pause: blocking is the safe side."""
    path = state / NAME
    try:
        kept = json.loads(path.read_bytes())
        until = None if kept["until"] is None else datetime.fromisoformat(kept["until"]).astimezone(UTC)
    except FileNotFoundError:
        return Pause(False)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        message = "this is no pause that blockctl wrote; nothing is paused"
        return Pause(
            False,
            None,
            Diagnostic("P019", Origin(str(path)), message, "`blockctl resume` deletes it", Severity.WARNING),
        )
    return Pause(until is None or until > now, until)


def write_pause(state: Path, until: datetime | None) -> None:
    """Begin a pause."""
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"cannot make {state}: {error.strerror or error}", "use --state DIR") from error
    kept = {"until": until.astimezone(UTC).isoformat() if until else None}
    replace_file(state / NAME, json.dumps(kept).encode() + b"\n")


def end_pause(state: Path) -> None:
    """End the pause, if there is one."""
    try:
        (state / NAME).unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise WorldError(f"cannot delete {state / NAME}: {error.strerror or error}") from error
