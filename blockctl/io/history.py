"""What is known of downloaded lists beside the live versions: those before, those held, those sent back.

Losing this file loses the way back, and costs a download; it never changes what is live.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from blockctl.io.fetch import Validators
from blockctl.io.files import read_object, write_file
from blockctl.io.lock import Lock, Version, version_from, version_json
from blockctl.io.shelf import FOLDER
from blockctl.model.diagnostic import BlockctlError

NAME = "history.json"
KEEP = 5  # earlier versions of a list
KEEP_FOR = timedelta(days=30)  # the one before the live one is kept longer
MOST_REFUSED = 20


@dataclass(slots=True)
class Held:
    """A version that waits for the user, and why."""

    version: Version
    judged_for: str  # what it was judged against: the same again need not be judged again
    holds: list[dict[str, Any]]  # `message`, `kind`, `names`, `lines` of each hold, as the gate gave them
    lines: list[str] = field(default_factory=list)  # without which it would pass; none: only whole, if at all

    @property
    def is_no_list(self) -> bool:
        """Whether it is no list at all, which nobody can accept."""
        return any(hold["kind"] == "no-list" for hold in self.holds)

    def is_still(self, found: Version, judged_for: str) -> bool:
        """Whether judging a version now would come to the same."""
        kept = self.version
        return kept.same_text(found) and kept.without == found.without and self.judged_for == judged_for


@dataclass(frozen=True, slots=True)
class Failed:
    """A newer version that could not be had, or was refused unread."""

    since: str  # the first time in a row that it failed so, ISO 8601 in UTC
    why: str
    hint: str = ""


@dataclass(slots=True)
class Past:
    """What is known of one list."""

    earlier: list[tuple[str, Version]] = field(default_factory=list)  # until when it was live; the last comes first
    held: Held | None = None
    refused: list[str] = field(
        default_factory=list
    )  # marks of those that a rollback left: not taken again by themselves
    since: str = ""  # when the live one came into force
    failed: Failed | None = None  # of the last look
    sent_back: bool = False  # the newest known is a refused one


@dataclass(slots=True)
class Answer:
    """What an address gave last."""

    sha256: str
    validators: Validators


@dataclass(slots=True)
class History:
    """What is known of all lists, by address; and what each address gave."""

    lists: dict[str, Past] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    locks: list[str] = field(default_factory=list)  # copies of the lock file, whose texts are kept too

    def past(self, address: str) -> Past:
        """Return what is known of a list, to be added to."""
        return self.lists.setdefault(address, Past())

    def replaced(self, address: str, old: Version | None, now: datetime) -> None:
        """Note that another version of a list comes into force than the one that was."""
        past = self.past(address)
        past.since = now.isoformat()
        if old is not None:
            past.earlier.insert(0, (now.isoformat(), old))

    def trim(self, now: datetime) -> None:
        """Forget what nobody will go back to."""
        oldest = (now - KEEP_FOR).isoformat()
        for past in self.lists.values():
            recent = [pair for pair in past.earlier[1:KEEP] if pair[0] >= oldest]
            past.earlier = past.earlier[:1] + recent
            past.refused = past.refused[-MOST_REFUSED:]

    def texts(self, lock: Lock, others: Iterable[Lock] = ()) -> set[str]:
        """Return the digests of the texts that must stay: live, earlier, held, and those of other locks."""
        versions = [version for each in (lock, *others) for version in each.values()]
        for past in self.lists.values():
            versions += [version for _, version in past.earlier]
            versions += [past.held.version] if past.held else []
        kept = {digest for version in versions for digest in version.texts}
        return kept | {answer.sha256 for answer in self.answers.values()}

    def forget(self, lists: Collection[str], addresses: Collection[str]) -> None:
        """Forget every list but these, and what any address but these gave."""
        self.lists = {address: past for address, past in self.lists.items() if address in lists}
        self.answers = {address: answer for address, answer in self.answers.items() if address in addresses}


def history_path(state: Path) -> Path:
    """Return where the history is kept."""
    return state / FOLDER / NAME


def read_history(state: Path) -> History:
    """Read the history; an empty one when there is none, or it cannot be read."""
    try:
        kept = read_object(history_path(state))
        return History(
            {address: _past_from(entry) for address, entry in kept["lists"].items()},
            {address: Answer(entry["sha256"], Validators(entry.get("etag", ""), entry.get("modified", "")))
             for address, entry in kept["answers"].items()},
            [str(path) for path in kept["locks"]],
        )  # fmt: skip
    except (BlockctlError, KeyError, TypeError, ValueError, AttributeError):
        return History()


def write_history(state: Path, history: History) -> bool:
    """Keep the history; say whether anything changed. Raises WorldError.

    What is held says which names are used here, so nobody else may read it, as with the log.
    """
    kept = {
        "version": 1,
        "lists": {address: _past_json(past) for address, past in sorted(history.lists.items())},
        "answers": {
            address: {"sha256": each.sha256, "etag": each.validators.etag, "modified": each.validators.modified}
            for address, each in sorted(history.answers.items())
        },
        "locks": history.locks,
    }
    path = history_path(state)
    with contextlib.suppress(OSError):  # `write_file` says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
        os.close(handle)
    return write_file(path, [json.dumps(kept, indent=1).encode() + b"\n"], lasting=True)


def _past_json(past: Past) -> dict[str, Any]:
    held = past.held
    return {
        "since": past.since,
        "refused": past.refused,
        "sent_back": past.sent_back,
        "earlier": [{"until": until, **version_json(version)} for until, version in past.earlier],
        "failed": past.failed and asdict(past.failed),
        "held": held and {"version": version_json(held.version), "judged_for": held.judged_for, "holds": held.holds,
                          "lines": held.lines},
    }  # fmt: skip


def _past_from(entry: dict[str, Any]) -> Past:
    held = entry.get("held")
    return Past(
        [(str(each["until"]), version_from(each)) for each in entry["earlier"]],
        held and Held(version_from(held["version"]), held["judged_for"], list(held["holds"]), list(held["lines"])),
        [str(digest) for digest in entry["refused"]],
        str(entry["since"]),
        Failed(**failed) if (failed := entry.get("failed")) else None,
        entry.get("sent_back") is True,
    )
