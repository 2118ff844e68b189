"""Pauses: everything is let through for a while, for everybody or for one group of the resolver's.

Kept in the state folder, since they are no part of the policy. The file is `{"until": MOMENT or null}` while everybody
pauses, and has `"groups": {NAME: MOMENT or null}`; null is until `resume`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from blockctl.io.policy_file import replace_file
from blockctl.model.diagnostic import Diagnostic, Origin, Severity, WorldError
from blockctl.model.policy import Policy

NAME = "pause.json"
EVERYBODY = ""  # in the place of a group's name


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether a pause is in force, and until when (None: until `resume`)."""

    in_force: bool
    until: datetime | None = None
    problem: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pause for everybody, and those of groups that have one."""

    everybody: Pause = Pause(False)
    groups: dict[str, Pause] = field(default_factory=dict)

    def of(self, group: str) -> bool:
        """Whether a group pauses now, by its own pause or everybody's; EVERYBODY are those in no group."""
        own = self.groups.get(group)
        return self.everybody.in_force or (own is not None and own.in_force)

    def next_end(self) -> datetime | None:
        """Return when the next pause that is in force ends by itself."""
        every = (self.everybody, *self.groups.values())
        return min((each.until for each in every if each.in_force and each.until is not None), default=None)


def read_pauses(state: Path, now: datetime) -> Pauses:
    """Return the pauses as they stand now. A file that cannot be read is no pause: blocking is the safe side."""
    path = state / NAME
    try:
        ends = _read(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        message = "this is no pause that blockctl wrote; nothing is paused"
        problem = Diagnostic("P019", Origin(str(path)), message, "`blockctl resume` deletes it", Severity.WARNING)
        return Pauses(Pause(False, None, problem))
    found = {group: Pause(until is None or until > now, until) for group, until in ends.items()}
    return Pauses(found.pop(EVERYBODY, Pause(False)), found)


def strangers(state: Path, pauses: Pauses, policy: Policy) -> list[Diagnostic]:
    """Return a warning for each group that pauses and that the policy does not have."""
    return [
        Diagnostic(
            "P020",
            Origin(str(state / NAME)),
            f"the group {group} pauses, but the policy has no such group",
            f"`blockctl resume --group {group}` forgets it",
            Severity.WARNING,
        )
        for group, pause in pauses.groups.items()
        if pause.in_force and group not in policy.resolver.groups
    ]


def write_pause(state: Path, until: datetime | None, group: str = EVERYBODY) -> None:
    """Begin a pause, for everybody or for one group. Pauses of others go on."""
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"cannot make {state}: {error.strerror or error}", "use --state DIR") from error
    _write(state / NAME, _standing(state) | {group: until})


def end_pause(state: Path, group: str | None = None) -> None:
    """End one group's pause, or (None) every pause there is."""
    path = state / NAME
    kept = {} if group is None else {name: until for name, until in _standing(state).items() if name != group}
    if kept:
        _write(path, kept)
        return
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise WorldError(f"cannot delete {path}: {error.strerror or error}") from error


def _standing(state: Path) -> dict[str, datetime | None]:
    try:
        return _read(state / NAME)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}  # what is no pause file is replaced by one


def _read(path: Path) -> dict[str, datetime | None]:
    """Return the ends by group. Raises whatever a file that is not ours makes the reading raise."""
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    groups = kept.get("groups", {})
    ends = {str(group): _moment(until) for group, until in groups.items() if group != EVERYBODY}
    if "until" in kept or not ends:
        ends[EVERYBODY] = _moment(kept["until"])
    return ends


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _write(path: Path, ends: dict[str, datetime | None]) -> None:
    texts = {group: until.astimezone(UTC).isoformat() if until else None for group, until in ends.items()}
    kept: dict[str, object] = {"until": texts.pop(EVERYBODY)} if EVERYBODY in texts else {}
    if texts:
        kept["groups"] = texts
    replace_file(path, json.dumps(kept).encode() + b"\n")
