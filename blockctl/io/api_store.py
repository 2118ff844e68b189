"""What the web API keeps: small JSON files in `STATE/api/`, which nobody but the owner may read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blockctl.io.policy_file import locked, replace_file
from blockctl.io.watch import Seen, look_at
from blockctl.model.diagnostic import WorldError

FOLDER = "api"


class Kept:
    """One file, read again when somebody changed it. What is no file of ours counts as empty."""

    def __init__(self, state: Path, name: str) -> None:
        self.path = state / FOLDER / name
        self._seen: Seen = None
        self._value: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Return what is kept; not to be changed."""
        seen = look_at(self.path)
        if seen != self._seen or seen is None:
            self._value, self._seen = _read(self.path), seen
        return self._value

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change what is kept, one process at a time. Raises WorldError when it cannot be written."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError(f"cannot make {folder}: {error.strerror or error}", "use --state DIR") from error
        with locked(self.path):
            value = _read(self.path)
            change(value)
            replace_file(self.path, json.dumps(value, indent=1).encode() + b"\n", private=True)


def entries(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a list that is kept; what is none of ours is left out."""
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
