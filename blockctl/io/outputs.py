"""The outputs that are there, to be compared with those that would be written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from blockctl.model.diagnostic import WorldError


def read_output(path: Path, names: Collection[str]) -> dict[str, bytes]:
    """Return those files of an output that are there, by name; "" is the path itself. Raises WorldError."""
    found = {}
    for name in names:
        file = path / name if name else path
        try:
            if file.is_file():
                found[name] = file.read_bytes()
        except OSError as error:
            raise WorldError(f"cannot read {file}: {error.strerror or error}") from error
    return found
