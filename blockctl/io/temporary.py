"""The temporary entries that were made, one JSON object a line: what comes back again and again is a habit.

Deleting the file loses that and nothing else.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

from blockctl.io.policy_file import locked, replace_file
from blockctl.model.diagnostic import BlockctlError
from blockctl.policy.tidy_findings import Temporary

NAME = "temporary.jsonl"
MOST = 1000  # lines


def note(state: Path, entry: Temporary) -> None:
    """Remember an entry. What cannot be kept is no error."""
    kept = {"at": entry.at.astimezone(UTC).isoformat(), "verb": entry.verb, "site": entry.site, "host": entry.host,
            "settings": list(entry.settings)}  # fmt: skip
    path = state / NAME
    with contextlib.suppress(OSError, BlockctlError):
        state.mkdir(parents=True, exist_ok=True)
        with locked(path):
            lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
            lines.append(json.dumps(kept).encode() + b"\n")
            replace_file(path, b"".join(lines[-MOST:]), private=True)


def noted(state: Path) -> list[Temporary]:
    """Return what is remembered, the oldest first; a line that cannot be read is left out."""
    found = []
    lines: list[bytes] = []
    with contextlib.suppress(OSError):
        lines = (state / NAME).read_bytes().splitlines()
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads(line)
            at = datetime.fromisoformat(kept["at"])
            settings = tuple(str(each) for each in kept["settings"])
            found.append(Temporary(at, str(kept["verb"]), str(kept["site"]), str(kept["host"]), settings))
    return [each for each in found if each.at.tzinfo is not None]
